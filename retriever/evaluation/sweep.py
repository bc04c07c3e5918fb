"""Choose settings by cross-validation over questions, so that the chosen one comes with a score on questions that did not choose it."""

import itertools
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from retriever.errors import InputError
from retriever.search import WEIGHTS

KEYS = ("weights", "candidates", "threshold", "k")


@dataclass(frozen=True, slots=True)
class Trial:
    """One combination of settings: the mean of the target over all questions, and how many folds chose it."""

    settings: dict[str, Any]
    mean: float
    chosen: int


@dataclass(frozen=True, slots=True)
class Sweep:
    """All trials in the order of the grid, the best one over all questions, and the mean of the target over questions answered with
    the settings that the other folds chose.
    """

    trials: tuple[Trial, ...]
    best: Trial
    held_out: float


def read_grid(path: Path) -> list[dict[str, Any]]:
    """Every combination of the lists of a JSON object, such as {"weights": [[0.5, 0.5, 0.4, 0.8]], "threshold": [0.6, 0.7]}.

    Raises InputError for anything else than lists of usable values under `KEYS`.
    """
    grid = _object(path, "lists")
    for key, values in grid.items():
        if not isinstance(values, list) or not values or not all(_usable(key, value) for value in values):
            raise InputError(f'{path}: "{key}" must be a list of {_wanted(key)}, not {json.dumps(values)[:80]}')
    return [dict(zip(grid, values, strict=True)) for values in itertools.product(*grid.values())]


def read_settings(path: Path) -> dict[str, Any]:
    """One combination: a JSON object of single values, such as {"weights": [0.5, 0.5, 0.1, 0.4], "k": 10}.

    Raises InputError for anything else than usable values under `KEYS`.
    """
    settings = _object(path, "values")
    for key, value in settings.items():
        if not _usable(key, value):
            raise InputError(f'{path}: "{key}" must be one of {_wanted(key)}, not {json.dumps(value)[:80]}')
    return settings


def _object(path: Path, of: str) -> dict[str, Any]:
    """A JSON object with no other keys than KEYS."""
    from retriever.decoding import decode

    try:
        text, _ = decode(path.read_bytes(), where=str(path))
        found = json.loads(text)
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror}); check the path") from error
    except (ValueError, RecursionError) as error:
        raise InputError(f"{path}: not JSON ({error})") from error
    if not isinstance(found, dict) or not found or not found.keys() <= set(KEYS):
        raise InputError(f"{path}: must be an object of {of} under some of {', '.join(KEYS)}")
    return found


def _usable(key: str, value: Any) -> bool:
    if key == "weights":
        return (
            isinstance(value, list) and len(value) == len(WEIGHTS) and all(_number(one) and one >= 0 for one in value)
        )
    if key == "threshold":
        return _number(value) and 0 <= value <= 1
    return isinstance(value, int) and not isinstance(value, bool) and value >= 1


def _number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _wanted(key: str) -> str:
    kinds = {"weights": f"lists of {len(WEIGHTS)} numbers of 0 or more", "threshold": "numbers from 0 to 1"}
    return kinds.get(key, "whole numbers of 1 or more")


def sweep(
    grid: Sequence[dict[str, Any]],
    score: Callable[[dict[str, Any]], Sequence[float]],
    folds: int = 5,
    seed: int = 0,
    lower_is_better: bool = False,
) -> Sweep:
    """Cross-validate `grid`: `score(settings)` gives the target of every question, in one order.

    Questions are dealt to `folds` at random; for each fold the settings with the best mean over the other folds (the first of equals)
    answer its questions. Raises InputError for fewer questions than folds.
    """
    import numpy as np

    values = np.asarray([score(settings) for settings in grid], dtype=np.float64)
    count = values.shape[1]
    if count < folds or folds < 2:
        raise InputError(
            f"{count} questions cannot be dealt to {folds} folds; give more questions or fewer folds (2 at least)"
        )
    fold = np.random.default_rng(seed).permutation(count) % folds
    sign = -1.0 if lower_is_better else 1.0
    chosen = [int(np.argmax(sign * values[:, fold != number].mean(axis=1))) for number in range(folds)]
    held_out = np.empty(count)
    for number, one in enumerate(chosen):
        held_out[fold == number] = values[one, fold == number]
    trials = tuple(
        Trial(settings, float(row.mean()), chosen.count(place))
        for place, (settings, row) in enumerate(zip(grid, values, strict=True))
    )
    best = max(trials, key=lambda trial: sign * trial.mean)
    return Sweep(trials, best, float(held_out.mean()))
