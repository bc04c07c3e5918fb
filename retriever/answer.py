"""From ranked hits to the answer: one of a family, near-duplicates together, a confidence, or an honest no."""

import math
import re
from dataclasses import dataclass

from retriever.documents import Passage
from retriever.search import Hit, Query, Retriever

# Logistic models on the 160 development questions (135 answerable) over the five first pages, 2026-11-21:
# P(first answer right) from score and margin, P(answerable) from the best cosine and the score. Ten-fold cross-validated.
RIGHT = (-2.36, 4.45, 5.85)
ANSWERABLE = (-4.97, 8.58, 7.54)
# Below this P(answerable) the answer is withheld. The 4 % quantile of the answerable development questions (0.55 to 0.69 are
# its 2 % and 5 % quantiles); 24 of the 25 unanswerable ones fall below it.
THRESHOLD = 0.66
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
    margin = best.score - families[1][0].score if len(families) > 1 else best.score
    answerable = _logistic(ANSWERABLE, max(best.question_cosine, best.answer_cosine), best.score)
    first = _logistic(RIGHT, best.score, margin)
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
