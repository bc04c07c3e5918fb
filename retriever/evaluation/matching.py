"""Which answer matches which gold: spans by their lines, passages by id, every gold counted once."""

from collections.abc import Callable
from typing import NamedTuple

from retriever.evaluation.records import Answered, Gold, Question, Response

# An answer matches a span when it covers this share of the span's non-blank lines and this share of its own lies inside. They define
# our measures and were not tuned.
COVERED = 0.5
INSIDE = 0.3


class Match(NamedTuple):
    """What one answer matched: grade of the gold, intersection over union (1.0 for a passage), index in `Question.gold`."""

    grade: int
    iou: float
    gold: int


NOTHING = Match(0, 0.0, -1)


def gains(
    question: Question, response: Response, content_lines: Callable[[str], set[int]], k: int | None = 10
) -> list[Match]:
    """For each of the first `k` answers (all when None), best first, what it matched, or NOTHING.

    An answer takes the best gold that no earlier answer took: the highest grade, then the largest overlap, then the last in order.
    `content_lines(source)` gives the 1-based numbers of a source's non-blank lines. A failed response has no answers.
    """
    if response.failed:
        return []
    matches: list[Match] = []
    taken: set[int] = set()
    for answer in response.answers[:k]:
        candidates = (
            Match(gold.grade, overlap(answer, gold, content_lines), index)
            for index, gold in enumerate(question.gold)
            if index not in taken
        )
        best = max((match for match in candidates if match.iou), default=NOTHING)
        taken.add(best.gold)
        matches.append(best)
    return matches


def overlap(answer: Answered, gold: Gold, content_lines: Callable[[str], set[int]]) -> float:
    """Intersection over union of the non-blank lines of two spans that match, 1.0 for a passage that matches, else 0.0.

    Sources are compared by the last part of their paths.
    """
    if gold.passage:
        return float(gold.passage in answer.passages)
    if _file(answer.source) != _file(gold.source):
        return 0.0
    lines = content_lines(answer.source)
    got = {line for line in lines if answer.start <= line <= answer.end}
    want = {line for line in lines if gold.start <= line <= gold.end}
    both = len(got & want)
    if not both or both / len(want) < COVERED or both / len(got) < INSIDE:
        return 0.0
    return both / len(got | want)


def _file(source: str) -> str:
    return source.rsplit("/", 1)[-1]
