"""From ranked hits to the answer: one of a family, near-duplicates together, a confidence, or an honest no."""

import math
import re
from dataclasses import dataclass, replace

from retriever.analysis import fold
from retriever.documents import Passage
from retriever.search import Hit, Query, Retriever

# Two logistic models on 320 questions (265 answerable), the 160 development questions over the five first pages and the 160 over the
# bundled corpus, 2026-11-21. ANSWERABLE, that the corpus answers at all: from the best hit's score, the better of its cosines, and
# log(1 + distinct pieces of the question, at most LONGEST); 120 everyday texts of one to six sentences asked of both corpora, at a weight of
# 0.2, stand among its unanswerable ones. RIGHT, that the first answer is right if the corpus answers: from its score and its margin
# over the second. Their product is the confidence. Area under the ROC curve, ten-fold cross-validated, on each set: 0.997 and 0.939
# (answerable), 0.84 and 0.93 (the product, right first answers against wrong ones and unanswerable questions). Tried beside them and left
# out: alignment, BM25, the mean score of the following hits; LONGEST of 6 to 20 and none (everyday letters were then answered).
ANSWERABLE = (-15.08, 10.90, 8.70, 2.51)
RIGHT = (-0.62, 2.28, 6.47)
LONGEST = 16
# Below this confidence the answer is withheld: between the 4 % and the 4.5 % quantile of the answerable questions. Cross-validated there,
# 0.037 and 0.046 to 0.054 of the answerable questions of the two sets fall below, 0.96 and 0.63 to 0.73 of the unanswerable ones.
THRESHOLD = 0.43
# Two answers are one when this share of their five-character pieces agrees (Jaccard); set by hand, not tuned.
SAME = 0.8
POOL = 40
# How much nearer (in cosine) the query must be to the question of a whole answer than to the title of its part for the whole to be
# shown. Development questions prefer 0.4 or more by one question in 135; 0.3 answers questions on the bundled corpus that ask for the
# whole. Tried: -0.1 to 0.5.
WHOLE = 0.3


@dataclass(frozen=True, slots=True)
class Choice:
    """One answer shown: its hit, confidence, highlighted spans of the answer text, and other passages that say the same."""

    hit: Hit
    confidence: float
    highlights: tuple[tuple[int, int], ...]
    also: tuple[Passage, ...]


@dataclass(frozen=True, slots=True)
class Answer:
    """The answer to one question: choices, best first, or an abstention with its reason (the candidates are kept)."""

    query: Query
    abstained: bool
    reason: str
    confidence: float
    choices: tuple[Choice, ...]


def answer(retriever: Retriever, question: str, k: int = 3, min_confidence: float | None = None) -> Answer:
    """Answer `question` with up to k choices; abstain when the confidence is below `min_confidence` (None: THRESHOLD; 0 never abstains).

    Raises InputError for an empty question or a k below 1.
    """
    query = retriever.query(question)
    hits = retriever.search(query, max(POOL, 4 * k))
    families = _families(_whole_or_part(retriever, query, hits, k))
    if not families:
        return Answer(query, True, "the index holds no passage", 0.0, ())
    best = families[0][0]
    cosine = max(best.question_cosine, best.answer_cosine)
    margin = best.score - families[1][0].score if len(families) > 1 else 0.0
    length = math.log1p(min(query.length, LONGEST))
    answerable = _logistic(ANSWERABLE, best.score, cosine, length)
    confidence = answerable * _logistic(RIGHT, best.score, margin)
    reason = ""
    if min_confidence is None and confidence < THRESHOLD:
        reason = "no passage is close enough to the question"
    elif min_confidence is not None and confidence < min_confidence:
        reason = f"the confidence is below {min_confidence:g}"
    choices = tuple(
        Choice(
            hit,
            confidence * min(1.0, max(0.0, hit.score) / best.score) if best.score > 0 else 0.0,
            _highlights(retriever, query, hit.passage.answer),
            also,
        )
        for hit, also in families[:k]
    )
    return Answer(query, bool(reason), reason, confidence, choices)


def _logistic(weights: tuple[float, ...], *values: float) -> float:
    return 1 / (1 + math.exp(-(weights[0] + sum(w * v for w, v in zip(weights[1:], values, strict=True)))))


def _whole_or_part(retriever: Retriever, query: Query, hits: list[Hit], k: int) -> list[Hit]:
    """The hits with each part's whole in its place where the query asks what the whole answers.

    That is so when the query is nearer to the question of the whole than to the title of the part, by WHOLE in cosine.
    """
    whole = {hit.passage.id: hit for hit in hits if hit.passage.parent is None}
    chosen: list[Hit] = []
    for hit in hits:
        parent = whole.get(hit.passage.parent or "")
        if parent is not None and len(chosen) < 4 * k:
            titles = [fold(parent.passage.question), fold(hit.passage.question)]
            of_whole, of_part = retriever.encoder.encode_passages(titles) @ query.vector
            if of_whole > of_part + WHOLE:
                hit = replace(parent, score=hit.score)
        chosen.append(hit)
    return chosen


def _families(hits: list[Hit]) -> list[tuple[Hit, tuple[Passage, ...]]]:
    """The best hit of each family of parent and parts, with the passages of other families that say the same."""
    kept: list[tuple[Hit, list[Passage], frozenset[str]]] = []
    seen: set[str] = set()
    for hit in hits:
        family = hit.passage.parent or hit.passage.id
        if family in seen:
            continue
        seen.add(family)
        pieces = _pieces(hit.passage.answer)
        twin = next((entry for entry in kept if _same(entry[2], pieces)), None)
        if twin is not None:
            twin[1].append(hit.passage)
        else:
            kept.append((hit, [], pieces))
    return [(hit, tuple(also)) for hit, also, _ in kept]


def _pieces(text: str) -> frozenset[str]:
    folded = re.sub(r"\s+", "", text).lower()
    return frozenset(folded[i : i + 5] for i in range(max(1, len(folded) - 4)))


def _same(a: frozenset[str], b: frozenset[str]) -> bool:
    shared = len(a & b)
    return shared >= SAME * (len(a) + len(b) - shared)


def _highlights(retriever: Retriever, query: Query, text: str) -> tuple[tuple[int, int], ...]:
    """The sentence of an answer of three or more that is nearest to the question."""
    spans = sentences(text)
    if len(spans) < 3:
        return ()
    cosines = retriever.encoder.encode_passages([fold(text[start:end]) for start, end in spans]) @ query.vector
    return (spans[int(cosines.argmax())],)


def sentences(text: str) -> list[tuple[int, int]]:
    """Spans of the sentences of `text` (Chinese and English stops, line ends), without surrounding white space."""
    spans = []
    for match in re.finditer(r"[^\n]+?(?:[。！？!?；;]+[”』」\"]?|\.(?=\s|$)|(?=\n)|$)", text):
        body = match.group(0).strip()
        if re.search(r"\w", body):
            start = match.start() + len(match.group(0)) - len(match.group(0).lstrip())
            spans.append((start, start + len(body)))
    return spans
