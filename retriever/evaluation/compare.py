"""Two evaluations of the same questions: where they differ, by how much, and whether by more than chance."""

from collections.abc import Iterable, Mapping, Sequence, Set
from dataclasses import dataclass
from typing import Any

from retriever.errors import InputError
from retriever.evaluation.uncertainty import holm, paired_randomisation

LOWER_IS_BETTER = ("abst",)


@dataclass(frozen=True, slots=True)
class Difference:
    """One measure on both sides, over the `count` questions that have it on both; `difference` is b - a, NaN over none.

    `p` is two-sided, by paired randomisation; `adjusted` is Holm's over all measures compared.
    """

    measure: str
    count: int
    mean_a: float
    mean_b: float
    difference: float
    p: float
    adjusted: float


@dataclass(frozen=True, slots=True)
class Comparison:
    """All differences, and the ids of the questions that b answers better (`won`) or worse (`lost`) than a by the first measure."""

    differences: tuple[Difference, ...]
    won: tuple[str, ...]
    lost: tuple[str, ...]


def compare(
    rows_a: Iterable[Mapping[str, Any]], rows_b: Iterable[Mapping[str, Any]], names: Sequence[str]
) -> Comparison:
    """Compare rows of questions ("id" and measures, see measures.score_questions), paired by id.

    A question whose measure is None or absent on either side is left out of that measure. Raises InputError when the sides hold
    other questions, a question twice, or when a measure is in no row of a side.
    """
    a, b = _by_id(rows_a, "first"), _by_id(rows_b, "second")
    odd = [
        f"only the {side} has {_some(ids)}"
        for side, ids in (("first", a.keys() - b.keys()), ("second", b.keys() - a.keys()))
        if ids
    ]
    if odd:
        raise InputError(
            f"the two results hold different questions, {', '.join(odd)}; compare results of one question set"
        )
    for name in names:
        if a and not all(any(name in row for row in side.values()) for side in (a, b)):
            raise InputError(f"{name} was not measured on both sides; evaluate both with it")
    pairs = {name: _pairs(a, b, name) for name in names}
    p_values = {name: paired_randomisation(*_sides(paired)) for name, paired in pairs.items()}
    adjusted = holm(p_values)
    differences = []
    for name, paired in pairs.items():
        mean_a, mean_b = (sum(side) / len(side) if side else float("nan") for side in _sides(paired))
        differences.append(
            Difference(name, len(paired), mean_a, mean_b, mean_b - mean_a, p_values[name], adjusted[name])
        )
    better = {key: y - x for name in names[:1] for key, (x, y) in pairs[name].items()}
    if names[:1] and names[0] in LOWER_IS_BETTER:
        better = {key: -change for key, change in better.items()}
    return Comparison(
        tuple(differences),
        tuple(key for key, change in better.items() if change > 0),
        tuple(key for key, change in better.items() if change < 0),
    )


def _by_id(rows: Iterable[Mapping[str, Any]], side: str) -> dict[str, Mapping[str, Any]]:
    found: dict[str, Mapping[str, Any]] = {}
    for row in rows:
        if row["id"] in found:
            raise InputError(f"the {side} result has question {row['id']} twice; evaluate it again")
        found[row["id"]] = row
    return found


def _some(ids: Set[str]) -> str:
    shown = sorted(ids)[:5]
    return ", ".join(shown) + (f" and {len(ids) - len(shown)} more" if len(ids) > len(shown) else "")


def _pairs(
    a: Mapping[str, Mapping[str, Any]], b: Mapping[str, Mapping[str, Any]], name: str
) -> dict[str, tuple[float, float]]:
    """(value in a, value in b) of each question that has both, in the order of a."""
    both = {key: (row.get(name), b[key].get(name)) for key, row in a.items()}
    return {key: (float(x), float(y)) for key, (x, y) in both.items() if x is not None and y is not None}


def _sides(paired: Mapping[str, tuple[float, float]]) -> tuple[list[float], list[float]]:
    return [x for x, _ in paired.values()], [y for _, y in paired.values()]
