"""Intervals, p-values and their adjustment against brute force; two results compared question by question."""

import itertools
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from retriever.errors import InputError
from retriever.evaluation.compare import Comparison, Difference, compare
from retriever.evaluation.records import Interval
from retriever.evaluation.uncertainty import EXACT, bootstrap, holm, paired_randomisation

VALUES = st.lists(st.one_of(st.sampled_from([0.0, 1.0]), st.floats(0, 1)), min_size=1, max_size=40)
PAIRS = st.lists(st.tuples(st.sampled_from([0.0, 0.5, 1.0]), st.sampled_from([0.0, 0.1, 0.5, 1.0])), max_size=9)


# Bootstrap


@settings(max_examples=100, deadline=None)
@given(values=VALUES, seed=st.integers(0, 5), rounds=st.sampled_from([1, 200]))
def test_the_interval_contains_the_mean_within_the_range_of_the_values(
    values: list[float], seed: int, rounds: int
) -> None:
    """And equal input gives equal output."""
    found = bootstrap(values, rounds=rounds, seed=seed)
    assert found.mean == pytest.approx(sum(values) / len(values))
    assert min(values) - 1e-12 <= found.low <= found.mean <= found.high <= max(values) + 1e-12
    assert found.count == len(values)
    assert bootstrap(values, rounds=rounds, seed=seed) == found


def test_the_interval_is_that_of_the_normal_law_for_many_values() -> None:
    """1.96 standard errors to either side."""
    values = np.random.default_rng(3).random(900)
    found = bootstrap(values.tolist())
    error = values.std() / math.sqrt(values.size)
    assert found.low == pytest.approx(values.mean() - 1.96 * error, abs=0.15 * error)
    assert found.high == pytest.approx(values.mean() + 1.96 * error, abs=0.15 * error)


def test_the_interval_of_two_values_by_hand() -> None:
    """Of four equally likely resamples of 0 and 1 one has mean 0 and one mean 1: both ends are reached."""
    assert bootstrap([0.0, 1.0]) == Interval(0.5, 0.0, 1.0, 2)


def test_one_value_and_none() -> None:
    """No width; no number."""
    assert bootstrap([0.25]) == Interval(0.25, 0.25, 0.25, 1)
    for nothing in ([], [None, None]):
        found = bootstrap(nothing)
        assert found.count == 0
        assert math.isnan(found.mean)
        assert math.isnan(found.low)
        assert math.isnan(found.high)


def test_questions_without_a_value_are_left_out() -> None:
    """As for the overlap of first answers that are wrong."""
    assert bootstrap([None, 0.5, None, 1.0]) == bootstrap([0.5, 1.0])


def test_another_seed_draws_otherwise() -> None:
    """The seed is used."""
    values = np.random.default_rng(0).random(30).tolist()
    assert bootstrap(values, seed=0) != bootstrap(values, seed=1)


def test_many_questions_fit_into_memory() -> None:
    """Drawn in parts: two million numbers, three times over, in single resamples."""
    assert bootstrap(np.zeros(2_000_000).tolist(), rounds=3) == Interval(0.0, 0.0, 0.0, 2_000_000)


# Paired randomisation


def brute_force(a: list[float], b: list[float]) -> float:
    """Share of all sign assignments, over all pairs, whose sum is at least as far from 0."""
    differences = [x - y for x, y in zip(a, b, strict=True)]
    observed = abs(sum(differences))
    sums = [
        abs(sum(s * d for s, d in zip(signs, differences, strict=True)))
        for signs in itertools.product((1, -1), repeat=len(differences))
    ]
    return sum(s >= observed - 1e-9 for s in sums) / len(sums)


@settings(max_examples=150, deadline=None)
@given(pairs=PAIRS)
def test_p_equals_brute_force(pairs: list[tuple[float, float]]) -> None:
    """Ties among the sums included, and pairs that do not differ, which change nothing."""
    a, b = [x for x, _ in pairs], [y for _, y in pairs]
    p = paired_randomisation(a, b)
    assert p == pytest.approx(brute_force(a, b))
    assert 0 < p <= 1
    assert paired_randomisation(b, a) == p
    assert paired_randomisation(a, a) == 1.0


@pytest.mark.parametrize(("count", "expected"), [(1, 1.0), (2, 0.5), (5, 2 / 32), (EXACT, 2 / 2**EXACT)])
def test_p_by_hand(count: int, expected: float) -> None:
    """When one side is better every time, only two of all sign assignments are as extreme."""
    assert paired_randomisation([1.0] * count, [0.0] * count) == pytest.approx(expected)


def test_p_by_random_signs_is_near_the_exact_one() -> None:
    """One pair more than is counted exactly; 10000 rounds are within four standard errors, equal on repetition."""
    random = np.random.default_rng(1)
    for shift in (0.0, 0.15, 0.4):
        a, b = (random.random(EXACT + 1) + shift).tolist(), random.random(EXACT + 1).tolist()
        exact, p = brute_force(a, b), paired_randomisation(a, b)
        assert p == pytest.approx(exact, abs=4 * math.sqrt(exact * (1 - exact) / 10000) + 2e-4)
        assert paired_randomisation(a, b) == p == paired_randomisation(b, a)


def test_p_is_never_0() -> None:
    """The observed assignment counts as one of the rounds."""
    assert paired_randomisation([1.0] * 200, [0.0] * 200, rounds=999) == 1 / 1000


def test_p_is_uniform_without_a_difference() -> None:
    """Of 200 pairs of equal origin about one in twenty tests is below 0.05."""
    random = np.random.default_rng(2)
    found = [paired_randomisation(random.random(30).tolist(), random.random(30).tolist(), 400) for _ in range(200)]
    assert 2 <= sum(p <= 0.05 for p in found) <= 22
    assert np.mean(found) == pytest.approx(0.5, abs=0.1)


def test_pairs_must_be_pairs() -> None:
    """Sides of different length cannot be paired."""
    with pytest.raises(InputError, match="3 values cannot be paired with 2"):
        paired_randomisation([1.0, 2.0, 3.0], [1.0, 2.0])


# Holm


def test_holm_by_hand() -> None:
    """Smallest times three, next times two, largest once, and none below one before it."""
    assert holm({"a": 0.04, "b": 0.01, "c": 0.03}) == pytest.approx({"a": 0.06, "b": 0.03, "c": 0.06})
    assert holm({"a": 0.9, "b": 0.8}) == {"a": 1.0, "b": 1.0}
    assert holm({"a": 0.2}) == {"a": 0.2}
    assert holm({}) == {}


@settings(max_examples=150, deadline=None)
@given(
    p_values=st.dictionaries(st.text(max_size=3), st.one_of(st.floats(0, 1), st.sampled_from([0.01, 0.02])), max_size=8)
)
def test_holm_rejects_what_stepping_down_rejects(p_values: dict[str, float]) -> None:
    """At any level: hypotheses in order of p, until the first that exceeds level / (number left). Names keep their order."""
    adjusted = holm(p_values)
    assert list(adjusted) == list(p_values)
    assert all(p_values[name] <= adjusted[name] <= 1 for name in p_values)
    for level in (0.013, 0.05, 0.11, 0.5):
        rejected: set[str] = set()
        for done, name in enumerate(sorted(p_values, key=lambda name: p_values[name])):
            if (len(p_values) - done) * p_values[name] > level:
                break
            rejected.add(name)
        assert {name for name, p in adjusted.items() if p <= level} == rejected


# Comparison


A = [
    {"id": "1", "full@1": 1.0, "iou": 0.5, "rank": 1},
    {"id": "2", "full@1": 0.0, "iou": None, "rank": 3},
    {"id": "3", "full@1": 0.0, "iou": None, "rank": None},
    {"id": "4", "full@1": 1.0, "iou": 1.0, "rank": 1},
    {"id": "nothing answers it"},
]
B = [
    {"id": "4", "full@1": 0.0, "iou": None, "rank": 2},
    {"id": "3", "full@1": 1.0, "iou": 0.4, "rank": 1},
    {"id": "2", "full@1": 1.0, "iou": 0.4, "rank": 1},
    {"id": "1", "full@1": 1.0, "iou": 0.75, "rank": 1},
    {"id": "nothing answers it"},
]


def test_a_comparison_by_hand() -> None:
    """Pairs by id in any order of the rows; overlap is compared where both first answers match."""
    found = compare(A, B, ["full@1", "iou"])
    assert found == Comparison(
        (Difference("full@1", 4, 0.5, 0.75, 0.25, 1.0, 1.0), Difference("iou", 1, 0.5, 0.75, 0.25, 1.0, 1.0)),
        ("2", "3"),
        ("4",),
    )
    back = compare(B, A, ["full@1"])
    assert (back.won, back.lost) == (("4",), ("3", "2"))
    assert back.differences[0].difference == -0.25


def test_p_values_are_adjusted_over_all_measures() -> None:
    """Three measures that differ on all of eight questions, and one that does not."""
    names = ["x", "y", "z", "same"]
    a = [{"id": str(n), **dict.fromkeys(names, 0.0)} for n in range(8)]
    b = [{"id": str(n), **dict.fromkeys(names, 1.0), "same": 0.0} for n in range(8)]
    found = compare(a, b, names).differences
    assert [d.p for d in found] == [2 / 256] * 3 + [1.0]
    assert [d.adjusted for d in found] == [8 / 256] * 3 + [1.0]
    assert [d.measure for d in found] == names


def test_fewer_wrong_refusals_are_won() -> None:
    """abst is the measure that is better lower; its difference keeps its sign."""
    found = compare(
        [{"id": "1", "abst": 1.0}, {"id": "2", "abst": 0.0}],
        [{"id": "1", "abst": 0.0}, {"id": "2", "abst": 1.0}],
        ["abst"],
    )
    assert (found.won, found.lost) == (("1",), ("2",))
    better = compare([{"id": "1", "abst": 1.0}], [{"id": "1", "abst": 0.0}], ["abst"])
    assert better.differences[0].difference == -1.0


def test_a_measure_that_no_question_has_on_both_sides_is_no_number() -> None:
    """The overlap, when no first answer matches on either side."""
    [found] = compare([{"id": "1", "iou": None}], [{"id": "1", "iou": 0.5}], ["iou"]).differences
    assert (found.count, found.p, found.adjusted) == (0, 1.0, 1.0)
    assert math.isnan(found.mean_a)
    assert math.isnan(found.mean_b)
    assert math.isnan(found.difference)


def test_equal_results_do_not_differ() -> None:
    """Nothing won, nothing lost."""
    found = compare(A, A, ["full@1", "iou"])
    assert [(d.difference, d.p) for d in found.differences] == [(0.0, 1.0), (0.0, 1.0)]
    assert (found.won, found.lost) == ((), ())
    assert compare([], [], []) == Comparison((), (), ())


def test_other_questions_are_told() -> None:
    """Both sides' odd ones by id, the first five of many."""
    with pytest.raises(InputError, match="only the first has 1, 2; compare"):
        compare([{"id": "1"}, {"id": "2"}, {"id": "3"}], [{"id": "3"}], [])
    with pytest.raises(
        InputError, match=r"only the first has 1, only the second has 20, 21, 22, 23, 24 and 2 more; compare"
    ):
        compare([{"id": "1"}], [{"id": str(n)} for n in range(20, 27)], [])


def test_a_question_twice_and_a_measure_not_there_are_told() -> None:
    """Neither can be compared."""
    with pytest.raises(InputError, match="second result has question 1 twice"):
        compare([{"id": "1"}], [{"id": "1"}, {"id": "1"}], [])
    with pytest.raises(InputError, match="AP was not measured on both sides"):
        compare([{"id": "1", "AP": 1.0}], [{"id": "1"}], ["AP"])
