"""The records of evaluation: questions with their gold, what was answered, and what came of it. No behaviour."""

from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class Gold:
    """One thing that answers a question: a span of lines of a source, or a passage by its id.

    `grade` 2 answers it fully, 1 partly (relevance of TREC qrels and BEIR is taken as it is). For a span, `start` and `end` are
    1-based inclusive lines of `source`, which is compared by its last path part; for a passage, `passage` is its id and the span is empty.
    """

    grade: int
    source: str = ""
    start: int = 0
    end: int = 0
    passage: str = ""


@dataclass(frozen=True, slots=True)
class Question:
    """One question of a set. Without gold, nothing answers it and it should be refused."""

    id: str
    text: str
    language: str = ""
    kind: str = ""
    gold: tuple[Gold, ...] = ()


@dataclass(frozen=True, slots=True)
class QuestionSet:
    """Questions in file order, where they came from, and the SHA-256 of what was read."""

    questions: tuple[Question, ...]
    origin: str
    digest: str


@dataclass(frozen=True, slots=True)
class Answered:
    """One answer given: where it stands, how it scored. `passages` are the ids it may be known by (its own, its parent's, its copies')."""

    source: str
    start: int
    end: int
    score: float
    passages: tuple[str, ...] = ()
    question: str = ""


@dataclass(frozen=True, slots=True)
class Response:
    """What the retriever gave for one question, best first. `failed` holds the message of a question that broke: it counts as a miss."""

    id: str
    abstained: bool
    confidence: float
    answers: tuple[Answered, ...] = ()
    seconds: float = 0.0
    failed: str = ""


@dataclass(frozen=True, slots=True)
class Interval:
    """A mean over questions with its bootstrap 95 % interval; `count` questions."""

    mean: float
    low: float
    high: float
    count: int


@dataclass(slots=True)
class Report:
    """The outcome of one evaluation.

    `groups` maps a group ("all", a language, a kind) to its measures; `overall` holds what is measured over the whole set only
    (auroc, aurc, ece, refusal precision and recall); `rows` has one flat dictionary a question (id, language, kind, question, every
    measure, rank, confidence, abstained, seconds, failed); `settings` is what produced it.
    """

    groups: dict[str, dict[str, Interval]] = field(default_factory=dict)
    overall: dict[str, Interval] = field(default_factory=dict)
    rows: list[dict[str, Any]] = field(default_factory=list)
    settings: dict[str, Any] = field(default_factory=dict)
