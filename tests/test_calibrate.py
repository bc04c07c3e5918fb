"""Fitting the confidence to questions with gold: the fit, its held-out quality, and `retriever calibrate` from file to answer."""

import itertools
import json
import os
import shutil
from collections.abc import Sequence
from dataclasses import asdict, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from conftest import Result, Run
from doubles import KeywordEncoder, make_passage, tiny_model, write_passages
from hypothesis import given, settings
from hypothesis import strategies as st

from retriever.confidence import NAME, Calibration, Signals, bundled_calibration, read_calibration, write_calibration
from retriever.encoders.static import StaticEncoder
from retriever.errors import InputError
from retriever.evaluation import calibrate as calibrating
from retriever.evaluation.calibrate import (
    CHANCE,
    FAR,
    FEW,
    FEWEST,
    FOLDS,
    PRIOR,
    Observation,
    Quality,
    doubts,
    fit,
    held_out,
    no_gain,
    observe,
    quality,
)
from retriever.evaluation.gold import read_questions
from retriever.evaluation.records import Gold, Question, QuestionSet
from retriever.indexing import open_index
from retriever.search import Retriever

START = Calibration((-3.0, 5.0, 0.5, -1.0, -0.5, -0.1), (-1.0, 1.0, 2.0, 1.0), 16, 0.0, 0.3, "one-hot", "nothing")
TRUE = Calibration((-1.0, 8.0, 1.0, -2.0, -1.5, -0.5), (-2.0, 0.5, 5.0, 3.0), 16, 0.0, 0.3, "one-hot", "made up")


def drawn(count: int, seed: int = 0, truth: Calibration = TRUE, answerable: float = 0.7) -> list[Observation]:
    """Questions whose outcome follows `truth`; about the share `answerable` of them has an answer at all, or all where it is 1."""
    random = np.random.default_rng(seed)
    found = []
    for _ in range(count):
        score, margin, lead = random.uniform(0, 1.5, 3)
        length, absent = int(random.integers(1, 20)), int(random.integers(0, 3))
        gap, told = float(random.uniform(0, 1.2)), int(np.exp(random.uniform(0, 8)))
        signals = Signals(float(score), float(margin), float(lead), length, 0.5, absent, gap, told)
        first = truth.answerable_features(signals)
        second = truth.right_features(signals)
        there = answerable == 1 or random.random() < 1 / (1 + np.exp(-np.dot(first, truth.answerable)))
        right = there and random.random() < 1 / (1 + np.exp(-np.dot(second, truth.right)))
        found.append(Observation(signals, bool(there), bool(right)))
    return found


def distance(one: Calibration, other: Calibration, model: str = "right") -> float:
    return float(np.abs(np.subtract(getattr(one, model), getattr(other, model))).max())


# The fit


def test_many_questions_are_believed() -> None:
    """From far off, the weights by which the questions were made up are nearly found, and with them the confidences."""
    found, fresh = fit(drawn(100_000), START, 0.05), drawn(1_000, seed=1)
    for model in ("answerable", "right"):
        assert distance(found, TRUE, model) < 0.12 * distance(START, TRUE, model)

    def off(calibration: Calibration) -> float:
        return float(np.mean([abs(calibration.confidence(o.signals) - TRUE.confidence(o.signals)) for o in fresh]))

    assert off(found) < 0.01
    assert off(START) > 0.2


def test_a_fit_is_the_least_of_loss_and_prior() -> None:
    """Moving any weight a little, up or down, makes the sum of log loss and of the distance from the start larger."""
    asked = drawn(300)
    found = fit(asked, START, 0.05)
    features = np.asarray([START.answerable_features(one.signals) for one in asked])
    signs = np.asarray([1.0 if one.answerable else -1.0 for one in asked])
    spread = np.where(features.std(axis=0) > 0, features.std(axis=0), 1.0)

    def loss(weights: Sequence[float]) -> float:
        apart = (np.asarray(weights) - START.answerable) * spread
        return float(np.logaddexp(0, -signs * (features @ np.asarray(weights))).sum() + PRIOR / 2 * (apart**2).sum())

    least = loss(found.answerable)
    assert loss(START.answerable) > least + 1
    for at in range(4):
        for step in (-0.02, 0.02):
            assert loss([weight + step * (n == at) for n, weight in enumerate(found.answerable)]) > least


def test_few_questions_are_hardly_believed() -> None:
    """Numbers move away from those they start from as questions become more, and come nearer to the truth by it."""
    fits = [fit(drawn(count), START, 0.05) for count in (30, 300, 3_000, 30_000)]
    moved, missed = [distance(one, START) for one in fits], [distance(one, TRUE) for one in fits]
    assert moved == sorted(moved)
    assert missed == sorted(missed, reverse=True)
    assert moved[0] < 0.5


@pytest.mark.parametrize("right", [True, False])
def test_a_fit_to_one_sided_questions_is_finite(right: bool) -> None:
    """All right or all wrong, where plain logistic regression runs away: the confidence moves that way, and stays a number."""
    asked = [replace(one, right=right) for one in drawn(60, answerable=1)]
    found = fit(asked, START, 0.05)
    assert np.isfinite([*found.right, found.threshold]).all()
    signals = asked[0].signals
    assert (found.confidence(signals) > START.confidence(signals)) == right


@pytest.mark.parametrize("answerable", [0, 1, FEWEST - 1])
def test_too_few_answerable_questions_are_an_input_error(answerable: int) -> None:
    """However many unanswerable ones there are; the message counts them."""
    asked = drawn(answerable, answerable=1) + [replace(one, answerable=False, right=False) for one in drawn(100)]
    with pytest.raises(InputError, match=rf"^{answerable} questions with gold; a calibration needs {FEWEST}"):
        fit(asked, START, 0.05)


def test_just_enough_questions_are_enough() -> None:
    fit(drawn(FEWEST, answerable=1), START, 0.05)


def test_without_unanswerable_questions_answerable_is_kept() -> None:
    """They alone can tell what no answer looks like; the other model is fitted all the same."""
    found = fit(drawn(200, answerable=1), START, 0.05)
    assert found.answerable == START.answerable
    assert found.right != START.right


def test_only_answerable_questions_teach_what_is_right() -> None:
    """More unanswerable ones move `answerable` and leave `right` alone."""
    asked = drawn(200, answerable=1)
    others = [replace(one, answerable=False, right=False) for one in drawn(300, seed=1)]
    few, many = fit(asked + others[:20], START, 0.05), fit(asked + others, START, 0.05)
    assert few.right == many.right
    assert few.answerable != many.answerable


def test_what_is_not_fitted_stays() -> None:
    """The bound on length, the power of the level, the encoder and the words on it are taken over."""
    found = fit(drawn(100), START, 0.05)
    assert replace(found, answerable=START.answerable, right=START.right, threshold=START.threshold) == START


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 10_000), refuse=st.floats(0, 0.5), count=st.integers(FEWEST, 200))
def test_the_threshold_withholds_the_share_asked_for(seed: int, refuse: float, count: int) -> None:
    """Of the answerable questions, within one question and what four digits leave open."""
    asked = drawn(count, seed)
    answerable = [one for one in asked if one.answerable]
    if len(answerable) < FEWEST:
        return
    found = fit(asked, START, refuse)
    below = sum(found.confidence(one.signals) < found.threshold - 1e-4 for one in answerable)
    up_to = sum(found.confidence(one.signals) <= found.threshold + 1e-4 for one in answerable)
    assert below - 1 <= refuse * len(answerable) <= up_to + 1
    assert 0 <= found.threshold <= 1


def test_the_threshold_withholds_no_more_where_all_confidences_are_high() -> None:
    """Easy questions of a small corpus lie above 0.99995; a twentieth of them may be withheld, not all."""
    asked = [Observation(Signals(1.3 + n / 1000, 1.0 + n / 1000, 1.1 + n / 900, 6, 0.4), True, True) for n in range(40)]
    found = fit(asked, bundled_calibration(), 0.05)
    assert sum(found.confidence(one.signals) < found.threshold for one in asked) <= 3


def test_questions_that_are_all_alike_are_fitted() -> None:
    """One question over and over says little, and breaks nothing."""
    fit([Observation(Signals(1.4, 1.1, 1.1, 6, 0.5), True, True)] * 30, bundled_calibration(), 0.05)


@pytest.mark.parametrize("feature", ["score", "margin", "lead"])
def test_a_signal_that_never_changes_breaks_nothing(feature: str) -> None:
    """In an index of one passage margin and lead are 0 for every question."""
    asked = [replace(one, signals=replace(one.signals, **{feature: 0.0})) for one in drawn(100)]
    found = fit(asked, START, 0.05)
    assert np.isfinite([*found.answerable, *found.right]).all()
    assert distance(found, START) < 10


def test_the_order_of_questions_does_not_count() -> None:
    """And twice the same gives the same."""
    asked = drawn(150)
    found = fit(asked, START, 0.05)
    assert fit(asked, START, 0.05) == found
    turned = fit(asked[::-1], START, 0.05)
    np.testing.assert_allclose([*turned.answerable, *turned.right], [*found.answerable, *found.right], atol=2e-4)


# Held out


class Memory:
    """A calibration that is sure of the questions it was fitted to and of nothing else."""

    def __init__(self, asked: Sequence[Observation]) -> None:
        self.known = {one.signals for one in asked}
        self.threshold = 0.5

    def confidence(self, signals: Signals) -> float:
        return float(signals in self.known)


def test_no_question_is_judged_by_a_fit_that_saw_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """A fit that learns its questions by heart knows none of those it is asked, and all of them when asked in sample."""
    asked = drawn(103)
    seen: list[set[Signals]] = []

    def by_heart(asked: Sequence[Observation], start: Calibration, refuse: float) -> Memory:
        seen.append({one.signals for one in asked})
        return Memory(asked)

    monkeypatch.setattr(calibrating, "_fit", by_heart)
    assert held_out(asked, START, 0.05) == [(0.0, True)] * len(asked)
    assert all(Memory(asked).confidence(one.signals) == 1 for one in asked)
    assert len(seen) == FOLDS
    for one in asked:
        assert sum(one.signals in part for part in seen) == FOLDS - 1


@settings(max_examples=25, deadline=None)
@given(at=st.integers(0, 119))
def test_its_own_outcome_does_not_change_what_a_question_is_given(at: int) -> None:
    """Turned over, the outcome of one question moves the confidences of others, never its own."""
    asked = drawn(120, answerable=1)
    turned = [*asked[:at], replace(asked[at], right=not asked[at].right), *asked[at + 1 :]]
    before, after = held_out(asked, START, 0.05), held_out(turned, START, 0.05)
    assert after[at] == before[at]
    assert sum(one != other for one, other in zip(before, after, strict=True)) > 60


def test_every_part_has_both_kinds_of_questions(monkeypatch: pytest.MonkeyPatch) -> None:
    """Answerable and unanswerable ones are dealt apart: no part lacks either, in whatever order they come."""
    asked = sorted(drawn(100), key=lambda one: one.answerable)
    counts: list[tuple[int, int]] = []

    def counted(part: Sequence[Observation], start: Calibration, refuse: float) -> Calibration:
        there = sum(one.answerable for one in part)
        counts.append((there, len(part) - there))
        return start

    monkeypatch.setattr(calibrating, "fit", counted)
    held_out(asked, START, 0.05)
    answerable = sum(one.answerable for one in asked)
    for kind, total in enumerate((answerable, len(asked) - answerable)):
        assert all(abs(count[kind] - total * (FOLDS - 1) / FOLDS) < 1 for count in counts)


def test_held_out_withholds_below_the_threshold_of_its_fit() -> None:
    """In the order of the questions, twice the same, and about the share asked for."""
    asked = drawn(400, answerable=1)
    found = held_out(asked, START, 0.2)
    assert found == held_out(asked, START, 0.2)
    assert sum(withheld for _, withheld in found) / len(found) == pytest.approx(0.2, abs=0.06)
    confidences = {withheld: [c for c, no in found if no == withheld] for withheld in (True, False)}
    assert max(confidences[True]) < 1.2 * min(confidences[False])


def test_noise_is_not_mistaken_for_skill() -> None:
    """Where the outcome is drawn by lot, questions held out are told apart no better than by lot."""
    found = []
    for seed in range(4):
        random = np.random.default_rng(seed)
        asked = [replace(one, right=bool(random.random() < 0.5)) for one in drawn(400, seed=50 + seed, answerable=1)]
        found.append(quality(asked, held_out(asked, START, 0.05)).auroc)
    assert np.mean(found) == pytest.approx(0.5, abs=0.05)


@pytest.mark.parametrize(
    "count",
    [
        *(
            pytest.param(
                n
            )
            for n in (FEWEST, 24)
        ),
        25,
    ],
)  # fmt: skip
def test_as_many_questions_as_a_fit_needs_can_be_held_out(count: int) -> None:
    """The number that is asked for is enough for all of the command."""
    asked = drawn(count, answerable=1)
    fit(asked, START, 0.05)
    assert len(held_out(asked, START, 0.05)) == count


def test_quality_counts_what_is_withheld_of_either_kind() -> None:
    """Shares of the answerable and of the unanswerable, and how well right is told from wrong."""
    signals = drawn(1)[0].signals
    asked = [Observation(signals, there, right) for there, right in ((True, True), (True, False), (False, False))]
    found = quality([*asked, asked[0]], [(0.9, False), (0.4, True), (0.1, True), (0.8, False)])
    assert (found.auroc, found.abst, found.refused) == (1.0, pytest.approx(1 / 3), 1.0)
    assert found.ece == pytest.approx((0.1 + 0.4 + 0.1 + 0.2) / 4)


def test_quality_of_nothing_is_none() -> None:
    """Without unanswerable questions there is no share of them, and without a wrong answer nothing to tell apart."""
    signals = drawn(1)[0].signals
    assert quality([Observation(signals, True, True)], [(1.0, False)]) == Quality(None, 0.0, 0.0, None)
    assert quality([Observation(signals, False, False)], [(0.0, True)]) == Quality(None, 0.0, None, 1.0)


# What makes a fit doubtful

SOUND = Quality(0.8, 0.1, 0.05, 0.6)


def test_a_sound_fit_is_not_doubted() -> None:
    """Enough questions of both kinds, told apart, and a threshold as others have."""
    asked = drawn(100)
    for threshold in (0.07, START.threshold, 0.77):
        assert doubts(asked, START, replace(START, threshold=threshold), SOUND) == []


@pytest.mark.parametrize(("unanswerable", "told"), [(0, True), (FEW - 1, True), (FEW, False)])
def test_few_unanswerable_questions_are_told(unanswerable: int, told: bool) -> None:
    """Whether the corpus answers cannot be learnt from them; how many are wanted is said."""
    asked = drawn(50, answerable=1) + [replace(one, answerable=False, right=False) for one in drawn(unanswerable)]
    words = (
        f"{unanswerable} of {len(asked)} questions without an answer (add some that nothing answers, {FEW} at least)"
    )
    assert doubts(asked, START, START, SOUND) == [words] * told


@pytest.mark.parametrize(
    ("auroc", "told"), [(CHANCE, ""), (CHANCE - 0.01, "0.59 of pairs"), (0.2, "0.20 of pairs"), (None, "all first answers are right")]
)  # fmt: skip
def test_quality_near_chance_is_told(auroc: float | None, told: str) -> None:
    """Held out, right told from wrong as by lot, worse, or not at all for want of either."""
    found = doubts(drawn(100), START, START, replace(SOUND, auroc=auroc))
    assert [told in line for line in found] == [True] * bool(told)


@pytest.mark.parametrize(
    ("odds", "side"), [(0.9 / FAR, "below"), (1.1 / FAR, ""), (0.9 * FAR, ""), (1.1 * FAR, "above")]
)
def test_a_threshold_far_from_the_usual_is_told(odds: float, side: str) -> None:
    """Either way; at 0 and at 1 too."""
    usual = START.threshold / (1 - START.threshold)
    threshold = odds * usual / (1 + odds * usual)
    found = doubts(drawn(100), START, replace(START, threshold=threshold), SOUND)
    assert [f"lies far {side} the usual 0.3" in line for line in found] == [True] * bool(side)
    for extreme in (0.0, 1.0):
        assert len(doubts(drawn(100), START, replace(START, threshold=extreme), SOUND)) == 1


# Asking


def test_observations_are_what_asking_gives(tmp_path: Path) -> None:
    """One a question, in order: the signals of its first answer, whether there is gold, and whether the first answer is that."""
    passages = [
        make_passage("drop", "What is dropout?", "Noise on units.", source="a.md"),
        make_passage("pool", "Why use pooling?", "It shrinks the map.", source="b.md"),
    ]
    retriever = Retriever(open_index(write_passages(tmp_path / "index", passages)), KeywordEncoder())
    rows = [("随机失活", "drop"), ("pooling", "drop"), ("pooling", "pool"), ("bread", None)]
    questions = [
        Question(str(n), text, gold=(Gold(2, passage=gold),) if gold else ()) for n, (text, gold) in enumerate(rows)
    ]
    told: list[tuple[str, int, int]] = []
    found = observe(retriever, QuestionSet(tuple(questions), "", ""), lambda _: set(), lambda *step: told.append(step))
    assert [(one.answerable, one.right) for one in found] == [(True, True), (True, False), (True, True), (False, False)]
    assert found[1].signals == found[2].signals
    assert found[0].signals.score > 0.9
    assert found[0].signals.told == len("Noise on units.")
    assert found[3].signals.score == 0
    assert told[0] == ("asking", 0, 4)
    assert told[-1][0] == "done"


# The command


ASKED = {
    ("zh.md", "批归一化在训练时用什么统计量？"): ["batch normalization", "batch norm in training", "训练时的均值和方差", "统计量", "滑动平均", "批归一化"],
    ("zh.md", "随机失活为什么能减轻过拟合？"): ["dropout", "how does dropout reduce overfitting", "随机失活", "过拟合怎么办", "神经元", "regularization"],
    ("zh.md", "学习率太大会怎样？"): ["学习率", "learning rate too large", "loss diverges", "步长太大", "震荡", "发散"],
    ("en.md", "What does attention compute?"): ["attention", "注意力", "weighted mean", "queries and keys", "加权平均", "权重"],
    ("en.md", "Why are gradients clipped?"): ["gradient clipping", "梯度裁剪", "recurrent networks", "clip", "爆炸", "long updates"],
    ("en.md", "What is max pooling good for?"): ["max pooling", "池化", "shrink the map", "最大池化有什么用", "window", "response"],
    ("copy.txt", "How large should a minibatch be?"): ["minibatch size", "批量多大", "memory", "tuned by hand", "batch", "小批量"],
}  # fmt: skip
UNANSWERABLE = (
    "红烧肉怎么做",
    "how do I bake bread",
    "今天北京天气怎么样",
    "best pizza in town",
    "猫为什么喜欢睡觉",
    "who won the match",
    "怎么去火车站",
    "租房合同要注意什么",
    "how to train a dog",
    "when does the next bus leave",
)
ANSWERABLE = sum(map(len, ASKED.values()))


def question_rows() -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = [
        {"question": text, "gold": [{"source": source, "question": question}]}
        for (source, question), texts in ASKED.items()
        for text in texts
    ]
    return rows + [{"question": text, "gold": []} for text in UNANSWERABLE]


def write_rows(path: Path, rows: list[dict[str, Any]]) -> Path:
    path.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), encoding="utf-8")
    return path


@pytest.fixture
def questions(tmp_path: Path) -> Path:
    """Questions about the three small pages, some of which nothing answers."""
    return write_rows(tmp_path / "questions.jsonl", question_rows())


@pytest.fixture
def index(small: Path) -> Path:
    """An index of the three small pages of one's own."""
    return small / "index"


def withheld(cli: Run, index: Path, questions: Path) -> int:
    """How many answerable questions `ask` withholds."""
    out = cli("ask", "--batch", questions, "-k", "1", "--json", "--index", index).out
    return sum(json.loads(line)["abstained"] for line in out.splitlines()[:ANSWERABLE])


def one_error(result: Result) -> str:
    """The message of a run that ended in exactly one `error:` line, with nothing on stdout."""
    assert (result.status, result.out) == (2, "")
    (line,) = result.err.splitlines()
    assert line.startswith("error: ")
    return line


def test_the_table_shows_before_and_held_out(cli: Run, index: Path, questions: Path) -> None:
    """The result on stdout; what was fitted to and where it was written on stderr; status 0."""
    result = cli("calibrate", questions, "--index", index)
    assert result.status == 0
    lines = result.out.splitlines()
    assert lines[0].split() == ["until", "now", "held", "out"]
    labels = ["right told from not right", "calibration error", "answerable, withheld", "unanswerable, refused"]
    assert [line[:28].rstrip() for line in lines[1:5]] == labels
    for line in lines[1:5]:
        assert all(0 <= float(value) <= 1 for value in line[28:].split())
    assert lines[5].startswith(f"threshold {read_calibration(index / NAME).threshold:.3f}")
    (said,) = result.err.splitlines()
    assert said.startswith(f"{ANSWERABLE + len(UNANSWERABLE)} questions ({ANSWERABLE} answerable) of questions.jsonl, ")
    assert said.endswith(f"written to {index / NAME}")


def test_json_is_one_object_and_the_file_holds_what_it_says(cli: Run, index: Path, questions: Path) -> None:
    """Both qualities, the calibration and whether it was written; nothing on stderr."""
    result = cli("calibrate", questions, "--index", index, "--json")
    assert (result.status, result.err, result.out.count("\n")) == (0, "", 1)
    found = json.loads(result.out, parse_constant=pytest.fail)
    assert list(found) == ["before", "held_out", "calibration", "written"]
    for side in ("before", "held_out"):
        assert list(found[side]) == ["auroc", "ece", "abst", "refused"]
        assert all(0 <= value <= 1 for value in found[side].values())
    assert found["written"] is True
    stored = read_calibration(index / NAME)
    row = found["calibration"]
    assert Calibration(**(row | {name: tuple(row[name]) for name in ("answerable", "right")})) == stored


def test_what_is_written_says_what_it_was_fitted_on(
    cli: Run, index: Path, questions: Path, encoder: StaticEncoder
) -> None:
    """How many questions of which file, when, and for which encoder; not where the file lay."""
    cli("calibrate", questions, "--index", index)
    found = read_calibration(index / NAME)
    counts = f"{ANSWERABLE + len(UNANSWERABLE)} questions ({ANSWERABLE} answerable)"
    assert found.fitted_on == f"{counts} of questions.jsonl, {datetime.now(UTC):%Y-%m-%d}"
    assert found.encoder == encoder.identity.digest
    bundled = bundled_calibration()
    assert (found.power, found.longest) == (bundled.power, bundled.longest)
    assert (found.answerable, found.right) != (bundled.answerable, bundled.right)


def test_the_next_ask_uses_what_was_written(cli: Run, index: Path, questions: Path) -> None:
    """With half of the answerable questions to be withheld, half of them are, by the threshold that was told."""
    before = withheld(cli, index, questions)
    assert before <= 3
    result = cli("calibrate", questions, "--index", index, "--refuse", "0.5", "--json")
    threshold = json.loads(result.out)["calibration"]["threshold"]
    assert threshold > bundled_calibration().threshold
    assert withheld(cli, index, questions) == pytest.approx(ANSWERABLE / 2, abs=1)
    for line in cli("ask", "--batch", questions, "--json", "--index", index).out.splitlines():
        found = json.loads(line)
        if abs(found["confidence"] - threshold) > 1e-4:
            assert found["abstained"] == (found["confidence"] < threshold), found["question"]


def test_the_threshold_of_the_file_decides(cli: Run, index: Path, encoder: StaticEncoder) -> None:
    """At 0 anything is answered, at 1 nothing; --min-confidence has the last word."""
    numbers = replace(bundled_calibration(), encoder=encoder.identity.digest)
    for threshold, nothing, everything in ((0.0, 0, 0), (1.0, 1, 1)):
        write_calibration(index / NAME, replace(numbers, threshold=threshold))
        assert cli("ask", "红烧肉怎么做", "--index", index).status == nothing
        assert cli("ask", "学习率太大会怎样？", "--index", index).status == everything
    assert cli("ask", "学习率太大会怎样？", "--min-confidence", "0.5", "--index", index).status == 0


def test_until_now_is_what_the_index_has_until_now(cli: Run, index: Path, questions: Path) -> None:
    """The first column is of the numbers in use, and a second fit starts from the model's, not from the first fit."""
    first = json.loads(cli("calibrate", questions, "--index", index, "--refuse", "0.5", "--json").out)
    second = json.loads(cli("calibrate", questions, "--index", index, "--refuse", "0.5", "--json").out)
    assert first["before"]["abst"] < 0.1
    assert second["before"]["abst"] == pytest.approx(0.5, abs=0.03)
    assert second["calibration"] == first["calibration"]
    assert second["held_out"] == first["held_out"]


def test_held_out_is_of_questions_that_were_not_fitted_to(
    cli: Run, index: Path, questions: Path, encoder: StaticEncoder
) -> None:
    """The second column is the held-out quality of what was observed, and not how well the fit does on its own questions."""
    found = json.loads(cli("calibrate", questions, "--index", index, "--refuse", "0.2", "--json").out)
    retriever = Retriever(open_index(index), encoder)
    asked = observe(retriever, read_questions(questions, retriever.index), lambda _: set(), lambda *_: None)
    start = replace(bundled_calibration(), encoder=encoder.identity.digest)
    assert found["held_out"] == asdict(quality(asked, held_out(asked, start, 0.2)))
    fitted = retriever.calibration
    own = [
        (confidence, confidence < fitted.threshold) for one in asked for confidence in (fitted.confidence(one.signals),)
    ]
    assert found["held_out"] != asdict(quality(asked, own))


def test_a_dry_run_writes_nothing(cli: Run, index: Path, questions: Path) -> None:
    """The same table, and no file; a calibration that is there stays as it is."""
    names = sorted(os.listdir(index))
    dry = cli("calibrate", questions, "--index", index, "--dry-run")
    assert dry.status == 0
    assert dry.err.rstrip().endswith("; nothing written")
    assert sorted(os.listdir(index)) == names
    assert json.loads(cli("calibrate", questions, "--index", index, "--dry-run", "--json").out)["written"] is False
    assert cli("calibrate", questions, "--index", index).out == dry.out
    before = (index / NAME).read_bytes()
    cli("calibrate", questions, "--index", index, "--refuse", "0.4", "--dry-run")
    assert (index / NAME).read_bytes() == before


def test_status_tells_of_a_confidence_of_its_own(cli: Run, index: Path, questions: Path) -> None:
    assert "confidence" not in cli("status", "--index", index).out
    cli("calibrate", questions, "--index", index)
    fitted = read_calibration(index / NAME).fitted_on
    assert f"confidence {fitted}" in cli("status", "--index", index).out
    assert json.loads(cli("status", "--index", index, "--json").out)["calibration"] == fitted


def test_remove_goes_back_to_the_model(cli: Run, index: Path, questions: Path) -> None:
    """Asking is as it was before; with nothing to remove it is no error; words on stderr only."""
    first = cli("ask", "权重", "--json", "--index", index)
    cli("calibrate", questions, "--index", index)
    assert cli("ask", "权重", "--json", "--index", index) != first
    for _ in range(2):
        result = cli("calibrate", "--remove", "--index", index)
        assert (result.status, result.out) == (0, "")
        assert "come with the model" in result.err
        assert not (index / NAME).exists()
    assert cli("ask", "权重", "--json", "--index", index) == first


def test_a_dry_run_removes_nothing(cli: Run, index: Path, questions: Path) -> None:
    """--dry-run changes nothing, whatever is asked for beside it."""
    cli("calibrate", questions, "--index", index)
    cli("calibrate", "--remove", "--dry-run", "--index", index)
    assert (index / NAME).exists()


def test_it_outlives_rebuilding(cli: Run, index: Path, questions: Path) -> None:
    """`retriever index` makes a new generation; the numbers stay and go on being used."""
    cli("calibrate", questions, "--index", index, "--refuse", "0.5")
    before, count = (index / NAME).read_bytes(), withheld(cli, index, questions)
    assert cli("index", "--index", index).status == 0
    assert (index / NAME).read_bytes() == before
    assert withheld(cli, index, questions) == count


def test_a_rebuild_with_another_model_passes_it_over(
    cli: Run, small: Path, index: Path, questions: Path, tmp_path: Path
) -> None:
    """The numbers belong to an encoder: with another one the model's are used again, and a note says they are not its own."""
    cli("calibrate", questions, "--index", index, "--refuse", "0.5")
    model = tiny_model(tmp_path / "tiny")
    assert cli("index", small / "corpus", "--index", index, "--model", model).status == 0
    result = cli("ask", "学习率", "--index", index)
    assert result.err.startswith(
        "note: confidences are not fitted to the model tiny; fit them with: retriever calibrate"
    )
    assert result.err.count("\n") == 1
    assert Retriever(open_index(index), StaticEncoder(model, "tiny")).calibration == bundled_calibration()


def test_calibrating_another_model_silences_the_note(cli: Run, small: Path, questions: Path, tmp_path: Path) -> None:
    """Fitted to a model of one's own, there is nothing more to say; while fitting there is none either."""
    index, model = tmp_path / "other", tiny_model(tmp_path / "tiny")
    cli("index", small / "corpus", "--index", index, "--model", model)
    assert cli("ask", "学习率", "--index", index).err.startswith("note: ")
    fitted = cli("calibrate", questions, "--index", index, "--json")
    assert fitted.status == 0
    assert "note: " not in fitted.err
    assert read_calibration(index / NAME).encoder == StaticEncoder(model, "tiny").identity.digest
    assert cli("ask", "学习率", "--index", index).err == ""


def test_the_index_is_found_as_by_ask(cli: Run, index: Path, questions: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """RETRIEVER_INDEX names the folder for writing and for removing too."""
    monkeypatch.setenv("RETRIEVER_INDEX", str(index))
    assert cli("calibrate", questions).status == 0
    assert (index / NAME).is_file()
    assert cli("calibrate", "--remove").status == 0
    assert not (index / NAME).exists()


def test_without_unanswerable_questions_their_share_is_left_open(cli: Run, index: Path, tmp_path: Path) -> None:
    """A dash in the table, null in JSON; the numbers for whether the corpus answers are the model's."""
    file = write_rows(tmp_path / "answerable.jsonl", question_rows()[:ANSWERABLE])
    lines = cli("calibrate", file, "--index", index).out.splitlines()
    assert lines[4][28:].split() == ["-", "-"]
    found = json.loads(cli("calibrate", file, "--index", index, "--json").out, parse_constant=pytest.fail)
    assert found["held_out"]["refused"] is None
    assert tuple(found["calibration"]["answerable"]) == bundled_calibration().answerable


def test_a_doubtful_fit_is_one_warning_with_the_way_back(cli: Run, index: Path, tmp_path: Path) -> None:
    """Gold that is wrong and nothing unanswerable: one line on stderr says why and what to do; the numbers are written, or not, as asked for."""
    rows = question_rows()[:ANSWERABLE]
    turned = [row | {"gold": rows[(n + 18) % ANSWERABLE]["gold"]} for n, row in enumerate(rows)]
    file = write_rows(tmp_path / "wrong.jsonl", turned)
    dry = cli("calibrate", file, "--index", index, "--dry-run", "--json")
    (line,) = dry.err.splitlines()
    assert line.startswith(f"warning: the fit is doubtful: 0 of {ANSWERABLE} questions without an answer (add some")
    assert "all first answers are wrong" in line
    assert line.endswith("; nothing was written")
    assert list(json.loads(dry.out)) == ["before", "held_out", "calibration", "written"]
    result = cli("calibrate", file, "--index", index)
    assert result.status == 0
    assert result.err.splitlines()[0].endswith(f"; go back with: retriever calibrate --remove --index {index}")
    assert (index / NAME).exists()


@pytest.mark.parametrize(
    ("before", "held", "told"),
    [
        (Quality(0.9, 0.1, 0.05, 0.7), Quality(0.9, 0.1, 0.05, 0.7), True),
        (Quality(0.9, 0.1, 0.05, 0.7), Quality(0.88, 0.12, 0.03, 0.6), True),
        (Quality(0.9, 0.1, 0.05, 0.7), Quality(0.9004, 0.0996, 0.08, 0.9), True),
        (Quality(None, 0.1, 0.05, None), Quality(None, 0.12, 0.05, None), True),
        (Quality(0.9, 0.1, 0.05, 0.7), Quality(0.91, 0.12, 0.08, 0.6), False),
        (Quality(0.9, 0.1, 0.05, 0.7), Quality(0.88, 0.09, 0.08, 0.6), False),
        (Quality(0.9, 0.1, 0.05, 0.7), Quality(0.9, 0.1, 0.05, 0.8), False),
        (Quality(0.9, 0.1, 0.05, None), Quality(0.9, 0.1, 0.04, None), False),
    ],
)
def test_a_fit_that_gains_nothing_is_told(before: Quality, held: Quality, told: bool) -> None:
    """No figure better, as printed; more refusals for more questions withheld are no gain. A threshold alone is what was asked for."""
    reasons = no_gain(START, replace(START, right=TRUE.right), before, held)
    assert bool(reasons) == told
    assert not told or "no better than the numbers until now" in reasons[0]
    assert no_gain(START, replace(START, threshold=0.9), before, held) == []


def test_a_fit_that_gains_nothing_is_a_warning_with_the_way_back(
    cli: Run, index: Path, questions: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is written all the same, as it was asked for, and stderr says how to go back."""
    monkeypatch.setattr(calibrating, "held_out", lambda found, *_: [(0.5, True)] * len(found))
    result = cli("calibrate", questions, "--index", index)
    assert (result.status, (index / NAME).exists()) == (0, True)
    warning = result.err.splitlines()[0]
    assert (
        "held out, it is no better than the numbers until now (right told from not right 0.500, until now 0.9"
        in warning
    )
    assert warning.endswith(f"; go back with: retriever calibrate --remove --index {index}")


# What is wrong with it


BAD: dict[str, tuple[list[dict[str, Any]] | str | None, str]] = {
    "no such file": (None, "cannot be read"),
    "an empty file": ("\n\n", "no question"),
    "not JSON": ('{"question": \n', "asked.jsonl:1"),
    "no gold key": ('{"question": "q"}\n', '"gold" is missing'),
    "nothing answerable": ([{"question": text, "gold": []} for text in UNANSWERABLE], "0 questions with gold"),
    "too few": (question_rows()[: FEWEST - 1], f"{FEWEST - 1} questions with gold; a calibration needs {FEWEST}"),
    "another corpus": ([{"question": "q", "gold": [{"file": "gone.md", "start": 1, "end": 2}]}], "gone.md"),
    "an unknown passage": ([{"question": "q", "gold": [{"passage": "nope"}]}], "nope"),
}


@pytest.mark.parametrize("case", BAD)
def test_bad_questions_are_one_error_and_change_nothing(cli: Run, index: Path, tmp_path: Path, case: str) -> None:
    """Status 2, one line that says what is wrong, nothing written."""
    content, told = BAD[case]
    file = tmp_path / "asked.jsonl"
    if isinstance(content, str):
        file.write_text(content, encoding="utf-8")
    elif content is not None:
        write_rows(file, content)
    assert told in one_error(cli("calibrate", file, "--index", index))
    assert not (index / NAME).exists()


@pytest.mark.parametrize("arguments", [(), ("questions.jsonl", "--remove")])
def test_questions_or_remove_is_asked_for(cli: Run, index: Path, arguments: tuple[str, ...]) -> None:
    """One of them, not neither and not both; what is there is not removed by a half-understood call."""
    (index / NAME).write_text("kept", encoding="utf-8")
    assert "give a file of questions with gold, or --remove" in one_error(
        cli("calibrate", *arguments, "--index", index)
    )
    assert (index / NAME).read_text(encoding="utf-8") == "kept"


@pytest.mark.parametrize("share", ["-0.1", "0.6", "many"])
def test_a_share_that_cannot_be_is_refused(cli: Run, index: Path, questions: Path, share: str) -> None:
    """More than half withheld would be no retriever; status 2 and the option's name."""
    result = cli("calibrate", questions, "--index", index, "--refuse", share)
    assert (result.status, result.out) == (2, "")
    assert "--refuse" in result.err
    assert not (index / NAME).exists()


def test_a_folder_that_cannot_be_written_is_one_error(cli: Run, index: Path, questions: Path) -> None:
    """The old numbers stay in use; no table pretends that all went well."""
    cli("calibrate", questions, "--index", index)
    before = (index / NAME).read_bytes()
    (index / f".{NAME}.new").mkdir()
    told = one_error(cli("calibrate", questions, "--index", index, "--refuse", "0.5"))
    assert f"{index / NAME}: cannot be written" in told
    assert (index / NAME).read_bytes() == before
    assert cli("calibrate", questions, "--index", index, "--dry-run").status == 0


@pytest.mark.skipif(os.geteuid() == 0, reason="root writes everywhere")
def test_a_folder_without_permission_is_one_error(cli: Run, index: Path, questions: Path) -> None:
    """For writing and for removing."""
    cli("calibrate", questions, "--index", index)
    index.chmod(0o500)
    try:
        written = cli("calibrate", questions, "--index", index)
        removed = cli("calibrate", "--remove", "--index", index)
    finally:
        index.chmod(0o700)
    assert "cannot be written (Permission denied)" in one_error(written)
    assert "cannot be removed (Permission denied)" in one_error(removed)


def test_what_cannot_be_removed_is_one_error(cli: Run, index: Path) -> None:
    """A folder of that name is none of ours."""
    (index / NAME).mkdir()
    assert f"{index / NAME}: cannot be removed" in one_error(cli("calibrate", "--remove", "--index", index))


def test_damaged_numbers_are_one_error_of_ask_and_can_be_removed(cli: Run, index: Path, questions: Path) -> None:
    """No answer with confidences of unknown origin; --remove is a way out."""
    cli("calibrate", questions, "--index", index)
    (index / NAME).write_bytes((index / NAME).read_bytes()[:-40])
    told = one_error(cli("ask", "学习率", "--index", index))
    assert f"{index / NAME}: missing or damaged" in told
    assert "remove it" in told
    assert cli("calibrate", "--remove", "--index", index).status == 0
    assert cli("ask", "学习率", "--index", index).status == 0


def test_damaged_numbers_can_be_written_anew(cli: Run, index: Path, questions: Path) -> None:
    """The command that the error message names does what it says."""
    (index / NAME).write_text("{}", encoding="utf-8")
    assert "or write it anew with: retriever calibrate QUESTIONS" in one_error(cli("ask", "学习率", "--index", index))
    assert cli("calibrate", questions, "--index", index).status == 0
    assert cli("ask", "学习率", "--index", index).status == 0


def test_damaged_numbers_beside_the_index_of_our_own_making_cost_no_rebuild(
    cli: Run, tmp_path: Path, small: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Building the bundled corpus again does not mend them: the error comes at once."""
    home = tmp_path / "data" / "retriever" / "index"
    shutil.copytree(small / "index", home)
    (home / "BUNDLED").write_text("", encoding="utf-8")
    (home / NAME).write_text("{}", encoding="utf-8")
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    monkeypatch.setattr("retriever.locations.bundled_corpus", lambda: small / "corpus")
    monkeypatch.chdir(tmp_path)
    one_error(cli("ask", "学习率"))


def test_a_file_name_that_is_no_unicode_breaks_nothing(cli: Run, index: Path, tmp_path: Path) -> None:
    """Files may be called anything."""
    file = write_rows(tmp_path / "\udcff.jsonl", question_rows())
    assert cli("calibrate", file, "--index", index).status == 0


def test_a_process_of_its_own_does_the_same(program: Run, index: Path, questions: Path) -> None:
    """As a user runs it: the table on stdout, the rest on stderr, and the next process uses it."""
    first = program("calibrate", questions, "--index", index, "--refuse", "0.5")
    assert first.status == 0
    assert first.out.count("\n") == 6
    assert [line.split(" ")[0] for line in first.err.splitlines()] == ["warning:", f"{ANSWERABLE + len(UNANSWERABLE)}"]
    answers = program("ask", "--batch", questions, "--json", "-k", "1", "--index", index).out.splitlines()
    refused = sum(json.loads(line)["abstained"] for line in itertools.islice(answers, ANSWERABLE))
    assert refused == pytest.approx(ANSWERABLE / 2, abs=1)
