"""Measures of a question (the field's by ir_measures, ours by lines) and of a whole set (confidence, refusal)."""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from retriever.errors import InputError
from retriever.evaluation.matching import Match, gains
from retriever.evaluation.records import Question, Response

if TYPE_CHECKING:
    from ir_measures.measures import Measure
    from ir_measures.providers import FallbackProvider

DEFAULT = ("nDCG@10", "RR@10", "P@1", "Success@3", "R@10", "full@1", "full@3", "hit@1", "hit@3", "iou")
FULL = 2  # the least grade of a gold that answers the question fully
MAX_GRADE = 20  # nDCG gains 2**grade - 1, and trec_eval keeps a table as long as the largest gain
_OWN = re.compile(r"(full|hit)@([1-9]\d{0,8})|iou|abst")
_FIELD = re.compile(r"([A-Za-z]\w*)(?:\(rel=([1-9]\d{0,8})\))?(?:@([1-9]\d{0,8}))?")


@dataclass(frozen=True, slots=True)
class Bin:
    """Questions of one range of confidence: how many, their mean confidence, and the share answered right."""

    count: int
    confidence: float
    right: float


def score_questions(
    questions: Iterable[Question],
    responses: Mapping[str, Response],
    names: Iterable[str],
    content_lines: Callable[[str], set[int]],
) -> list[dict[str, Any]]:
    """One row for each answerable question, in order: its "id", every measure of `names`, and "rank".

    "rank" is the 1-based rank of the first answer that matches any gold, or None. Measures are floats; iou is None unless the first
    answer matches. A question without a response, or with a failed one, scores 0, and 1 for abst.

    full@k is 1 when a gold of grade 2 or more is matched within the first k answers, hit@k when any gold is; iou is the intersection
    over union of the lines of the first answer and its gold; abst is 1 when the question was refused. Answers of a refused question
    count all the same. All other names (nDCG@10, AP, P(rel=2)@5, …) are computed by ir_measures (MacAvaney et al. 2022) with the
    gold as qrels, where grades of 1 are relevant and nDCG gains 2**grade - 1 (Burges et al. 2005).

    Raises InputError for an unknown name and, where ir_measures computes, for a grade outside 1 to MAX_GRADE.
    """
    names = list(dict.fromkeys(names))
    field = _field_measures(names)
    answerable = [question for question in questions if question.gold]
    given = [responses.get(question.id, Response(question.id, True, 0.0)) for question in answerable]
    matches = [gains(*pair, content_lines, k=None) for pair in zip(answerable, given, strict=True)]
    computed = _by_field(answerable, matches, field)
    rows = []
    for n, (question, response, matched) in enumerate(zip(answerable, given, matches, strict=True)):
        ranks = [rank for rank, match in enumerate(matched, 1) if match.gold >= 0]
        row: dict[str, Any] = {"id": question.id}
        for name in names:
            row[name] = computed[n][name] if name in field else _own(name, matched, response)
        rows.append(row | {"rank": ranks[0] if ranks else None})
    return rows


def check_names(names: Iterable[str]) -> None:
    """Raises InputError that lists every unknown or malformed name of a measure, and what is known."""
    _field_measures(names)


def deepest(names: Iterable[str], least: int = 10) -> int:
    """The largest cutoff among measures such as R@100, `least` where all are smaller."""
    cutoffs = (name.rpartition("@")[2] for name in names)
    return max([least, *(int(cutoff) for cutoff in cutoffs if cutoff.isdigit())])


def _own(name: str, matched: list[Match], response: Response) -> float | None:
    if name == "abst":
        return float(response.abstained or bool(response.failed))
    if name == "iou":
        return matched[0].iou if matched and matched[0].gold >= 0 else None
    kind, _, k = name.partition("@")
    least = FULL if kind == "full" else 1
    return float(any(match.gold >= 0 and match.grade >= least for match in matched[: int(k)]))


def _provider() -> "FallbackProvider":
    """What computes the measures of the field: pytrec_eval, and two measures it lacks (Judged@k, RR@k)."""
    try:
        import ir_measures
    except ImportError as error:
        raise InputError(
            "measures such as nDCG@10 are computed by ir_measures, which is missing: pip install ir_measures"
        ) from error
    if not ir_measures.pytrec_eval.is_available():
        raise InputError(
            "measures such as nDCG@10 are computed by pytrec_eval, which is missing: pip install pytrec-eval-terrier"
        )
    parts = [ir_measures.pytrec_eval, ir_measures.judged, ir_measures.msmarco]
    return ir_measures.providers.FallbackProvider(parts)  # type: ignore[no-untyped-call]


def _field_measures(names: Iterable[str]) -> dict[str, "Measure"]:
    """The measure of ir_measures of each name that is not ours."""
    others = [name for name in names if not _OWN.fullmatch(name)]
    if not others:
        return {}
    provider = _provider()
    found = {name: _field_measure(name, provider) for name in others}
    unknown = [repr(name) for name, measure in found.items() if measure is None]
    if unknown:
        kinds = sorted({kind.NAME for part in provider.providers for kind in part.SUPPORTED_MEASURES} - {"IPrec"})
        raise InputError(
            f"unknown measure {', '.join(unknown)}; known are full@k, hit@k, iou, abst and, of ir_measures, {', '.join(kinds)}, "
            "written as nDCG@10, AP or P(rel=2)@5 with k and rel of 1 or more"
        )
    return {name: measure for name, measure in found.items() if measure is not None}


def _field_measure(name: str, provider: "FallbackProvider") -> "Measure | None":
    """`name` as a measure that `provider` computes, else None. Not by ir_measures.parse_measure: 0.4.3 needs Python below 3.14."""
    from ir_measures.measures import registry

    parts = _FIELD.fullmatch(name)
    if parts is None or parts[1] not in registry:
        return None
    kind = registry[parts[1]]
    given = {key: int(value) for key, value in (("rel", parts[2]), ("cutoff", parts[3])) if value}
    required = {key for key, parameter in kind.SUPPORTED_PARAMS.items() if parameter.required}
    if not required <= given.keys() <= kind.SUPPORTED_PARAMS.keys():
        return None
    measure: Measure = kind(**given)
    return measure if provider.supports(measure) else None  # type: ignore[no-untyped-call]


def _by_field(
    questions: list[Question], matches: list[list[Match]], field: dict[str, "Measure"]
) -> list[dict[str, float]]:
    """Value of every measure of the field for every question.

    Each gold of a question is one document of its qrels; a matched answer is that document at that rank, any other a document that
    is not relevant. Scores descend by rank, so that nothing is left to the order of ties.
    """
    values: list[dict[str, float]] = [{} for _ in questions]
    if not field:
        return values
    _check_grades(questions)
    provider = _provider()
    run = {
        str(n): {f"gold{m.gold}" if m.gold >= 0 else f"other{rank}": -float(rank) for rank, m in enumerate(matched)}
        for n, matched in enumerate(matches)
        if matched
    }
    for exponential in (False, True):
        chosen = {name: measure for name, measure in field.items() if (measure.NAME == "nDCG") == exponential}
        if not chosen:
            continue
        qrels = {
            str(n): {
                f"gold{i}": 2**gold.grade - 1 if exponential else gold.grade for i, gold in enumerate(question.gold)
            }
            for n, question in enumerate(questions)
        }
        found = {(m.query_id, m.measure): m.value for m in provider.iter_calc(set(chosen.values()), qrels, run)}
        for n, row in enumerate(values):
            row.update({name: float(found[str(n), measure]) for name, measure in chosen.items()})
    return values


def _check_grades(questions: list[Question]) -> None:
    for question in questions:
        for gold in question.gold:
            if not 1 <= gold.grade <= MAX_GRADE:
                raise InputError(
                    f"question {question.id}: a gold of grade {gold.grade}; grades of 1 to {MAX_GRADE} can be measured, rescale them"
                )


def auroc(confidence: Sequence[float], right: Sequence[bool]) -> float | None:
    """Chance that a question answered right has more confidence than one that is not, ties half (Hanley and McNeil 1982).

    Not right are wrong first answers and questions that nothing answers. None where either kind is missing.
    """
    import numpy as np

    scores, labels = np.asarray(confidence, dtype=np.float64), np.asarray(right, dtype=bool)
    above, below = scores[labels], np.sort(scores[~labels])
    if not above.size or not below.size:
        return None
    doubled = np.searchsorted(below, above, "left").sum() + np.searchsorted(below, above, "right").sum()
    return float(doubled / 2 / (above.size * below.size))


def refusal(refused: Sequence[bool], unanswerable: Sequence[bool]) -> tuple[float | None, float | None]:
    """Precision and recall of refusing: the share of the refused that nothing answers, and of those that were refused.

    (As for any retrieved set, van Rijsbergen 1979.) None for a share of nothing.
    """
    both = sum(1 for no, none in zip(refused, unanswerable, strict=True) if no and none)
    return both / sum(refused) if any(refused) else None, both / sum(unanswerable) if any(unanswerable) else None


def risk_coverage(confidence: Sequence[float], right: Sequence[bool]) -> list[tuple[float, float]]:
    """Points (coverage, risk) of answering only the most confident questions (El-Yaniv and Wiener 2010), coverage rising to 1.

    Risk is the share not answered right among the covered. Every question counts, a refused one at its confidence; questions of
    equal confidence are covered together, by one point.
    """
    import numpy as np

    scores = np.asarray(confidence, dtype=np.float64)
    if not scores.size:
        return []
    order = np.argsort(-scores, kind="stable")
    wrong = np.cumsum(~np.asarray(right, dtype=bool)[order])
    ends = np.append(np.flatnonzero(np.diff(scores[order])), scores.size - 1)
    return [(float((end + 1) / scores.size), float(wrong[end] / (end + 1))) for end in ends]


def aurc(confidence: Sequence[float], right: Sequence[bool]) -> float | None:
    """Area under the risk-coverage curve (Geifman et al. 2019): the mean risk over all coverages. Lower is better; None for none."""
    points = risk_coverage(confidence, right)
    starts = [0.0, *(coverage for coverage, _ in points)]
    return sum(risk * (end - start) for start, (end, risk) in zip(starts, points, strict=False)) if points else None


def calibration(confidence: Sequence[float], right: Sequence[bool], bins: int = 10) -> tuple[float | None, list[Bin]]:
    """Expected calibration error (Naeini et al. 2015) over `bins` ranges of equal width, and those that hold questions, ascending.

    The error is the mean over questions of |share right - mean confidence| of their range. A range includes its upper end, the
    first one 0 too. The error of no question is None. Raises InputError for a confidence outside 0 to 1.
    """
    import numpy as np

    scores, labels = np.asarray(confidence, dtype=np.float64), np.asarray(right, dtype=bool)
    if not np.all((scores >= 0) & (scores <= 1)):
        raise InputError("a confidence is not between 0 and 1; calibration is measured on probabilities only")
    if not scores.size:
        return None, []
    place = np.digitize(scores, np.linspace(0, 1, bins + 1)[1:-1], right=True)
    groups = [place == n for n in np.unique(place)]
    found = [Bin(int(group.sum()), float(scores[group].mean()), float(labels[group].mean())) for group in groups]
    return sum(b.count * abs(b.right - b.confidence) for b in found) / scores.size, found
