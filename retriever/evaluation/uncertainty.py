"""How far a difference may be chance: bootstrap intervals, paired randomisation, Holm's adjustment."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from retriever.errors import InputError
from retriever.evaluation.records import Interval

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

EXACT = 12  # up to this many differing pairs all assignments of signs are counted, 4096 at most
BLOCK = 1_000_000  # numbers drawn at a time, whatever the number of questions


def bootstrap(values: Iterable[float | None], rounds: int = 2000, seed: int = 0) -> Interval:
    """Mean of the values (None left out) and its 95 % percentile interval over resampled questions (Efron 1979).

    The interval is of no width for one value; mean and ends are NaN for none. Equal input gives equal output.
    """
    import numpy as np

    known = np.asarray([value for value in values if value is not None], dtype=np.float64)
    if not known.size:
        return Interval(float("nan"), float("nan"), float("nan"), 0)
    mean = float(known.mean())
    generator = np.random.default_rng(seed)
    means = [
        known[generator.integers(known.size, size=(count, known.size))].mean(axis=1)
        for count in _blocks(rounds, known.size)
    ]
    low, high = np.quantile(np.concatenate(means), (0.025, 0.975))
    return Interval(mean, min(mean, float(low)), max(mean, float(high)), int(known.size))


def bootstrap_whole(
    function: Callable[..., float | None], columns: Sequence[Sequence[Any]], rounds: int = 200, seed: int = 0
) -> Interval | None:
    """The same for a measure of the whole set: `function` of the columns, one entry a question each, which are resampled together.

    None where the measure is not defined; resamples for which it is not are left out.
    """
    import numpy as np

    arrays = [np.asarray(column) for column in columns]
    value = function(*(array.tolist() for array in arrays))
    if value is None:
        return None
    generator = np.random.default_rng(seed)
    size = len(arrays[0])
    drawn = []
    for _ in range(rounds):
        rows = generator.integers(0, size, size)
        again = function(*(array[rows].tolist() for array in arrays))
        if again is not None:
            drawn.append(again)
    low, high = np.percentile(drawn, [2.5, 97.5]) if drawn else (value, value)
    return Interval(value, float(low), float(high), size)


def paired_randomisation(a: Sequence[float], b: Sequence[float], rounds: int = 10000, seed: int = 0) -> float:
    """Two-sided p that paired values differ by chance in their mean (Fisher 1935; Smucker et al. 2007), by flipping signs.

    Exact up to EXACT differing pairs; beyond, (1 + as extreme) / (1 + rounds) over random signs (Davison and Hinkley 1997), the same
    for a and b exchanged. 1.0 when no pair differs. Raises InputError for sequences of different length.
    """
    import numpy as np

    if len(a) != len(b):
        raise InputError(f"{len(a)} values cannot be paired with {len(b)}; measure the same questions on both sides")
    pairs = np.asarray(a, dtype=np.float64) - np.asarray(b, dtype=np.float64)
    differences = pairs[pairs != 0]
    if not differences.size:
        return 1.0
    least = abs(float(differences.sum())) - 1e-9 * float(np.abs(differences).sum())
    if differences.size <= EXACT:
        numbers = np.arange(2**differences.size)[:, None]
        signs = 1 - 2 * (numbers >> np.arange(differences.size) & 1)
        return _extreme(signs, differences, least) / len(signs)
    generator = np.random.default_rng(seed)
    extreme = sum(
        _extreme(1 - 2 * generator.integers(2, size=(count, differences.size), dtype=np.int8), differences, least)
        for count in _blocks(rounds, differences.size)
    )
    return (1 + extreme) / (1 + rounds)


def holm(p_values: Mapping[str, float]) -> dict[str, float]:
    """Each p adjusted for there being several (Holm 1979), in the order given: never below p, never above 1."""
    adjusted: dict[str, float] = {}
    least = 0.0
    for rank, name in enumerate(sorted(p_values, key=lambda name: p_values[name])):
        least = max(least, min(1.0, (len(p_values) - rank) * p_values[name]))
        adjusted[name] = least
    return {name: adjusted[name] for name in p_values}


def _blocks(rounds: int, size: int) -> list[int]:
    """`rounds` cut into parts of which each draws about BLOCK numbers."""
    count = max(1, BLOCK // size)
    return [min(count, rounds - start) for start in range(0, rounds, count)]


def _extreme(signs: "NDArray[np.integer]", differences: "NDArray[np.float64]", least: float) -> int:
    """How many rows of signs give the differences a sum at least as far from 0."""
    return int((abs(signs @ differences) >= least).sum())
