"""Fit the confidence to one's own corpus: from questions with gold to the numbers of a calibration."""

from collections.abc import Callable, Sequence
from dataclasses import astuple, dataclass, replace
from typing import TYPE_CHECKING

from retriever.answer import answer
from retriever.confidence import Calibration, Signals
from retriever.errors import InputError, RetrieverError
from retriever.evaluation.evaluate import answered
from retriever.evaluation.measures import auroc, calibration, score_questions
from retriever.evaluation.records import QuestionSet, Response
from retriever.search import Retriever

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

FEWEST = 20  # answerable questions that a fit needs
# How strongly numbers are held to those they start from. Of 1 to 200 on four sets of 130 to 160 questions, held out: 50 and more withhold fewest.
PRIOR = 50.0
FOLDS = 5
# When a fit is doubtful. Of 1,260 fits to 20 or 40 answerable questions with 0 to 20 others, drawn from three sets that fit well, every threshold (0.07 to 0.77)
# lay within ten times the odds of the bundled one, either way; with 5 unanswerable questions or more, 95 % told right from wrong in 0.66 of pairs or
# better; with none, over two of the sets, a twentieth in 0.5 to 0.6 or worse.
FEW, FAR, CHANCE = 10, 10.0, 0.6


@dataclass(frozen=True, slots=True)
class Observation:
    """One question asked: the signals of its first answer, whether the corpus answers it, and whether the first answer did."""

    signals: Signals
    answerable: bool
    right: bool


@dataclass(frozen=True, slots=True)
class Quality:
    """How good confidences are: `auroc` and `ece` as in `retriever eval`, the share of answerable questions withheld (`abst`) and of unanswerable
    ones (`refused`); None for a share of nothing.
    """

    auroc: float | None
    ece: float | None
    abst: float | None
    refused: float | None


def observe(
    retriever: Retriever,
    questions: QuestionSet,
    content_lines: Callable[[str], set[int]],
    progress: Callable[[str, int, int], None],
) -> list[Observation]:
    """Ask every question. One that breaks, or that is asked of an index without any passage, is left out."""
    found = []
    for number, question in enumerate(questions.questions):
        if number % 20 == 0:
            progress("asking", number, len(questions.questions))
        try:
            given = answer(retriever, question.text, 1)
        except RetrieverError:
            continue
        if given.signals is None:
            continue
        response = Response(question.id, False, given.confidence, tuple(map(answered, given.choices)))
        rows = score_questions([question], {question.id: response}, ("hit@1",), content_lines) if question.gold else []
        found.append(Observation(given.signals, bool(question.gold), bool(rows and rows[0]["hit@1"])))
    progress("done", 1, 1)
    return found


def fit(observations: Sequence[Observation], start: Calibration, refuse: float) -> Calibration:
    """A calibration fitted to `observations`, held to `start` where they say little; its threshold withholds the share `refuse` of the answerable.

    Without unanswerable questions, whether the corpus answers goes on being judged by the numbers of `start`. Raises InputError for fewer
    than FEWEST answerable questions.
    """
    asked = [one for one in observations if one.answerable]
    if len(asked) < FEWEST:
        raise InputError(
            f"{len(asked)} questions with gold; a calibration needs {FEWEST} at least, and as many without gold as can be had"
        )
    return _fit(observations, start, refuse)


def _fit(observations: Sequence[Observation], start: Calibration, refuse: float) -> Calibration:
    import numpy as np

    asked = [one for one in observations if one.answerable]
    answerable = start.answerable
    if len(asked) < len(observations):
        features = np.asarray([start.answerable_features(one.signals) for one in observations])
        answerable = _logistic_fit(features, [one.answerable for one in observations], answerable)
    features = np.asarray([start.right_features(one.signals) for one in asked])
    right = _logistic_fit(features, [one.right for one in asked], start.right)
    fitted = replace(start, answerable=answerable, right=right)
    threshold = float(np.quantile([fitted.confidence(one.signals) for one in asked], refuse))
    return replace(fitted, threshold=threshold)


def doubts(observations: Sequence[Observation], start: Calibration, fitted: Calibration, held: Quality) -> list[str]:
    """Why a fit that began at `start` should not be trusted as it is, given its held-out quality; each with what to do about it. Nothing for a sound one."""
    found = []
    unanswerable = sum(not one.answerable for one in observations)
    if unanswerable < FEW:
        found.append(
            f"{unanswerable} of {len(observations)} questions without an answer (add some that nothing answers, {FEW} at least)"
        )
    if held.auroc is None:
        kind = "right" if any(one.right for one in observations) else "wrong"
        found.append(
            f"all first answers are {kind}, which leaves nothing to tell apart (check the gold; ask other questions)"
        )
    elif held.auroc < CHANCE:
        found.append(
            f"held out, right is told from not right in {held.auroc:.2f} of pairs, where drawing lots gives 0.50 (check the gold; add questions)"
        )
    odds = _odds(fitted.threshold) / _odds(start.threshold)
    if odds < 1 / FAR:
        found.append(
            f"the threshold of {fitted.threshold:.3f} lies far below the usual {start.threshold:g}: little will be refused (check the gold; set it by --refuse)"
        )
    elif odds > FAR:
        found.append(
            f"the threshold of {fitted.threshold:.3f} lies far above the usual {start.threshold:g}: much will be refused that is asked less plainly "
            "(add questions in other words than the documents'; set it by --refuse)"
        )
    return found


def no_gain(used: Calibration, fitted: Calibration, before: Quality, held: Quality) -> list[str]:
    """Why a fit is not worth having, given the quality of the numbers in `used` and its own held-out one: none of its figures is better, as they are
    printed. Of refusing, one side must be better and the other no worse. Nothing where only the threshold differs, which was asked for.
    """
    if (fitted.answerable, fitted.right) == (used.answerable, used.right):
        return []
    auroc, ece, abst, refused = (
        tuple(0.0 if figure is None else round(figure, 3) for figure in pair)
        for pair in zip(astuple(before), astuple(held), strict=True)
    )
    refuses = abst[1] <= abst[0] and refused[1] >= refused[0] and (abst, refused) != (abst[::-1], refused[::-1])
    if auroc[1] > auroc[0] or ece[1] < ece[0] or refuses:
        return []
    return [
        f"held out, it is no better than the numbers until now (right told from not right {auroc[1]:.3f}, until now {auroc[0]:.3f}; "
        f"calibration error {ece[1]:.3f}, until now {ece[0]:.3f})"
    ]


def _odds(share: float) -> float:
    share = min(max(share, 1e-9), 1 - 1e-9)
    return share / (1 - share)


def held_out(observations: Sequence[Observation], start: Calibration, refuse: float) -> list[tuple[float, bool]]:
    """(confidence, withheld) of every observation by the fit to the other FOLDS - 1 parts of them."""
    import numpy as np

    # answerable and unanswerable ones are dealt apart, so that every part has some of both
    fold = np.zeros(len(observations), dtype=int)
    for kind in (True, False):
        rows = [n for n, one in enumerate(observations) if one.answerable == kind]
        fold[rows] = np.random.default_rng(0).permutation(len(rows)) % FOLDS
    out: list[tuple[float, bool]] = [(0.0, True)] * len(observations)
    for number in range(FOLDS):
        found = _fit([one for one, at in zip(observations, fold, strict=True) if at != number], start, refuse)
        for n in np.flatnonzero(fold == number).tolist():
            confidence = found.confidence(observations[n].signals)
            out[n] = (confidence, confidence < found.threshold)
    return out


def quality(observations: Sequence[Observation], given: Sequence[tuple[float, bool]]) -> Quality:
    """How good the (confidence, withheld) `given` to each observation are."""
    confidences, right = [confidence for confidence, _ in given], [one.right for one in observations]

    def withheld(answerable: bool) -> float | None:
        kind = [no for one, (_, no) in zip(observations, given, strict=True) if one.answerable == answerable]
        return sum(kind) / len(kind) if kind else None

    return Quality(auroc(confidences, right), calibration(confidences, right)[0], withheld(True), withheld(False))


def _logistic_fit(
    features: "NDArray[np.float64]", labels: Sequence[bool], start: tuple[float, ...]
) -> tuple[float, ...]:
    """Logistic regression by Newton's method, with a Gaussian prior around `start` in units of the features' spread."""
    import numpy as np

    begin, wanted = np.asarray(start, dtype=np.float64), np.asarray(labels, dtype=np.float64)
    spread = features.std(axis=0)
    spread[spread < 1e-6] = 1.0  # of a constant, and of what is one but for rounding
    penalty = np.diag(PRIOR * spread**2)
    weights = begin.copy()
    for _ in range(50):
        probability = 1 / (1 + np.exp(-np.clip(features @ weights, -30, 30)))
        gradient = features.T @ (probability - wanted) + penalty @ (weights - begin)
        curvature = (features * (probability * (1 - probability))[:, None]).T @ features + penalty
        step = np.linalg.solve(curvature, gradient)
        weights -= step
        if np.abs(step * spread).max() < 1e-9:
            break
    return tuple(round(float(weight), 4) for weight in weights)
