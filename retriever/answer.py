"""From ranked hits to the answer: one of a family, near-duplicates together, a confidence, or an honest no."""

import math
import re
from dataclasses import dataclass

from retriever.documents import Passage
from retriever.search import Hit, Query, Retriever

# Logistic models on the 160 development questions (135 answerable) over the five first pages, 2026-11-21: the probability that the
# first answer is right, and that the corpus answers at all, both from the best hit's score and the better of its cosines. Area
# under the ROC curve, ten-fold cross-validated: 0.84 and 0.98.
RIGHT = (-4.32, 3.50, 4.50)
ANSWERABLE = (-6.66, 7.60, 6.58)
# Below this probability that the corpus answers, the answer is withheld: the 4 % quantile of the answerable development questions
# (3 % to 5 %: 0.66 to 0.71); 23 of the 25 unanswerable ones fall below it.
THRESHOLD = 0.69
# Two answers are one when this share of their five-character pieces agrees (Jaccard); checked by hand on copied and reworded answers.
SAME = 0.8
POOL = 40


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


def answer(retriever: Retriever, question: str, k: int = 3, min_confidence: float = THRESHOLD) -> Answer:
    """Answer `question` with up to k choices. Raises InputError for an empty question or a k below 1."""
    query = retriever.query(question)
    families = _families(retriever.search(query, max(POOL, 4 * k)))
    if not families:
        return Answer(query, True, "the index holds no passage", 0.0, ())
    chosen = families[:k]
    best = chosen[0][0]
    cosine = max(best.question_cosine, best.answer_cosine)
    answerable = _logistic(ANSWERABLE, best.score, cosine)
    first = _logistic(RIGHT, best.score, cosine)
    abstained = answerable < min_confidence
    reason = "no passage is close enough to the question" if abstained else ""
    choices = tuple(
        Choice(
            hit,
            min(first, first * max(0.0, hit.score) / best.score if best.score > 0 else 0.0),
            _highlights(retriever, query, hit.passage.answer),
            also,
        )
        for hit, also in chosen
    )
    return Answer(query, abstained, reason, first if not abstained else min(first, answerable), choices)


def _logistic(weights: tuple[float, ...], *values: float) -> float:
    return 1 / (1 + math.exp(-(weights[0] + sum(w * v for w, v in zip(weights[1:], values, strict=True)))))


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
    from retriever.analysis import fold

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
