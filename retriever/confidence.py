"""Confidence: the probability that the first answer is right, from a few signals of the ranking, and the threshold below which nothing is answered.

Two logistic models are multiplied: that the corpus answers the question at all, and that the first answer is then right. Their numbers are data:
``calibration.json`` beside the encoder's model, or in the folder of an index where `retriever calibrate` has put one.
"""

import contextlib
import hashlib
import json
import math
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

from retriever.encoders.catalogue import BUNDLED, MODELS
from retriever.errors import CalibrationError, InputError

NAME = "calibration.json"
VERSION = 2  # of what the numbers weigh
MOST_ABSENT = 2.0  # names that tell all: more say no more
# Up to here a gap says nothing: on four corpora right first answers have no more in 0.66 to 0.94 of cases, questions with a foreign subject in 0.05 to 0.20.
USUAL_GAP = 0.8


@dataclass(frozen=True, slots=True)
class Signals:
    """What the confidence is made of: the first answer's fused `score`, its `margin` over the second answer's score and
    its `lead` over the mean of the ten after it, the `length` of the question in distinct pieces, the `level` of the index (`dense.level`), how much
    the names tell that it lacks or that are `absent` from the corpus (`answer`), the `gap` of the first answer, what the heaviest piece of the question lacks of being met by it, and how many characters that answer has (`told`).
    """

    score: float
    margin: float
    lead: float
    length: int
    level: float
    absent: float = 0.0
    gap: float = 0.0
    told: int = 0


@dataclass(frozen=True, slots=True)
class Calibration:
    """`answerable` weighs (1, score, log(1 + length, of at most `longest` pieces), absent names, of at most MOST_ABSENT, gap over USUAL_GAP, log(1 + told)), `right` weighs (1, score, margin, lead), each of the
    scores, margins and leads divided by the index's level to `power`; below `threshold` the answer is withheld. `encoder` is the digest
    of the encoder whose scores these are, `fitted_on` says in words what on.
    """

    answerable: tuple[float, ...]
    right: tuple[float, ...]
    longest: int
    power: float
    threshold: float
    encoder: str
    fitted_on: str

    def confidence(self, signals: Signals) -> float:
        """The probability that the first answer is right, in [0, 1]."""
        return _logistic(self.answerable, self.answerable_features(signals)) * _logistic(
            self.right, self.right_features(signals)
        )

    def answerable_features(self, signals: Signals) -> tuple[float, ...]:
        """What tells whether the corpus answers; longer questions have lower scores, up to a bound that keeps long letters about other things out, and longer
        answers meet more words by chance.
        """
        unit = signals.level**self.power
        length, absent = math.log1p(min(signals.length, self.longest)), min(signals.absent, MOST_ABSENT)
        gap, told = max(0.0, signals.gap - USUAL_GAP), math.log1p(signals.told)
        return (1.0, signals.score / unit, length, absent, gap, told)

    def right_features(self, signals: Signals) -> tuple[float, ...]:
        """What tells whether the first of the answers is the right one."""
        unit = signals.level**self.power
        return (1.0, signals.score / unit, signals.margin / unit, signals.lead / unit)


def _logistic(weights: tuple[float, ...], values: tuple[float, ...]) -> float:
    """1 / (1 + exp(-weights · values))."""
    total = sum(weight * value for weight, value in zip(weights, values, strict=True))
    return 1 / (1 + math.exp(-max(-700.0, min(700.0, total))))


def bundled_calibration() -> Calibration:
    """The numbers of the bundled encoder: where nothing better is known, those of any other."""
    return read_calibration(MODELS / BUNDLED / NAME)


def index_calibration(directory: Path, encoder: str) -> Calibration | None:
    """What `retriever calibrate` has put into the folder of an index; None where there is nothing, or for another encoder.

    Raises CalibrationError when the file is damaged.
    """
    path = directory / NAME
    if not path.exists():
        return None
    found = read_calibration(path)
    return found if found.encoder == encoder else None


def read_calibration(path: Path) -> Calibration:
    """Raises CalibrationError when the file cannot be read, its checksum does not hold, or its numbers make no confidence."""
    try:
        row = json.loads(path.read_text(encoding="utf-8"))
        if not isinstance(row, dict) or row.pop("sha256", "") != _digest(row):
            raise ValueError("its checksum does not hold")
        if row.get("version") != VERSION:
            raise ValueError("it is of another version of this program")
        values = {field.name: row[field.name] for field in fields(Calibration)}
        for name, length in (("answerable", 6), ("right", 4)):
            values[name] = tuple(_number(value, 1e6) for value in values[name])
            if len(values[name]) != length or isinstance(row[name], str):
                raise ValueError(f"{name} must be {length} numbers")
        values |= {"power": _number(values["power"], 10), "threshold": _number(values["threshold"], 1)}
        values |= {"longest": int(_number(values["longest"], 1e6)), "encoder": str(values["encoder"])}
        if values["longest"] < 0:
            raise ValueError("longest must be 0 or more")
        return Calibration(**values)
    except (OSError, ValueError, KeyError, TypeError, OverflowError, RecursionError) as error:
        raise CalibrationError(
            f"{path}: missing or damaged ({error}); remove it, or write it anew with: retriever calibrate QUESTIONS"
        ) from error


def _number(value: Any, most: float) -> float:
    """`value` as a number no larger than `most` either way. Raises ValueError for anything else."""
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not abs(value) <= most:
        raise ValueError(f"{str(value)[:40]} is no usable number")
    return float(value)


def write_calibration(path: Path, calibration: Calibration) -> None:
    """Raises InputError when it cannot be written; what was there is then untouched."""
    row = json.loads(json.dumps({"version": VERSION} | asdict(calibration)))
    text = json.dumps(row | {"sha256": _digest(row)}, ensure_ascii=False, indent=1) + "\n"
    aside = path.with_name(f".{path.name}.new")
    try:
        aside.write_text(text, encoding="utf-8")
        aside.replace(path)
    except OSError as error:
        with contextlib.suppress(OSError):
            aside.unlink()
        raise InputError(f"{path}: cannot be written ({error.strerror}); choose another index with --index") from error


def _digest(row: dict[str, Any]) -> str:
    return hashlib.sha256(json.dumps(row, sort_keys=True, ensure_ascii=False).encode()).hexdigest()
