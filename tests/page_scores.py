"""Score cleaning and splitting against line gold: how many question-answer pairs, parts and lines came out right.

The gold of a folder of pages is two files: `qa.jsonl` (questions with their question and answer lines; `parent` marks a part of
a longer answer, `answered` false a question its page leaves open) and `boilerplate.jsonl` (ranges that are no content). All
measures look at non-blank lines only.
"""

import json
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields
from functools import cache
from pathlib import Path
from typing import Any

from retriever.documents import Passage
from retriever.pages import Page, read_corpus

IOU = 0.8


@dataclass(frozen=True, slots=True)
class Rate:
    """`hits` of `total`; 0 when there is nothing to count."""

    hits: int
    total: int

    @property
    def value(self) -> float:
        return self.hits / self.total if self.total else 0.0


@dataclass(frozen=True, slots=True)
class Scores:
    """`pairs` and `topics` are shares that should be high, the others shares that should be low.

    `pairs`: answered questions with a passage whose answer lines overlap the gold ones by IoU 0.8 and whose question lines touch
    the gold ones; `topics`: the same for parts of answers; `lost`: answer lines in no passage; `leaked`: boilerplate lines in
    some passage; `phantom`: passages that touch no answer; `unanswered_hit`: open questions that head a passage.
    """

    pairs: Rate
    topics: Rate
    lost: Rate
    leaked: Rate
    phantom: Rate
    unanswered_hit: Rate

    def as_text(self) -> dict[str, str]:
        """The scores as `hits/total` by name."""
        return {f.name: f"{getattr(self, f.name).hits}/{getattr(self, f.name).total}" for f in fields(self)}


@dataclass(frozen=True, slots=True)
class Extent:
    """The lines of one passage: the first and last of its question, and those of its answer that hold something."""

    asked: tuple[int, int]
    answer: frozenset[int]

    def touches(self, row: Mapping[str, Any]) -> bool:
        """True when the question lines meet those of gold row `row`."""
        return bool(self.asked[0] <= row["q_end"] and row["q_start"] <= self.asked[1])


def read_jsonl(path: Path) -> list[dict[str, Any]]:
    """The objects of a JSON-lines file."""
    return [json.loads(line) for line in path.read_text("utf-8").splitlines() if line.strip()]


@cache
def pages_in(folder: Path) -> tuple[Page, ...]:
    """The pages of a folder, read, cleaned and split; its gold files are not pages and are left alone."""
    return tuple(read_corpus([folder]))


def passage_rows(pages: Iterable[Page]) -> list[dict[str, Any]]:
    """The passages of pages as `retriever passages --json` lists them, as far as scoring needs it."""
    return [
        {
            "source": p.source,
            "question": p.question,
            "question_lines": list(p.question_lines),
            "answer_lines": list(p.answer_lines),
            "dropped_lines": list(p.dropped_lines),
        }
        for page in pages
        for p in page.split.passages
    ]


def score(folder: Path, gold: Path | None = None) -> Scores:
    """Scores of the pages in `folder` against the gold in `gold` (in the same folder when it is not given)."""
    gold = gold or folder
    lines = {page.document.source.name: _filled_lines(page) for page in pages_in(folder)}
    extents = {
        page.document.source.name: [_extent(p, lines[page.document.source.name]) for p in page.split.passages]
        for page in pages_in(folder)
    }
    junk: dict[str, set[int]] = defaultdict(set)
    for row in read_jsonl(gold / "boilerplate.jsonl"):
        junk[row["file"]] |= set(range(row["start"], row["end"] + 1)) & lines[row["file"]]
    pairs: list[bool] = []
    topics: list[bool] = []
    open_: list[bool] = []
    answers: dict[str, set[int]] = defaultdict(set)
    for row in read_jsonl(gold / "qa.jsonl"):
        name = row["file"]
        if not row["answered"]:
            if not row.get("parent"):
                open_.append(any(e.touches(row) and e.asked[0] >= row["q_start"] for e in extents[name]))
            continue
        wanted = (set(range(row["a_start"], row["a_end"] + 1)) & lines[name]) - junk[name]
        answers[name] |= wanted
        found = any(e.touches(row) and _iou(e.answer, wanted) >= IOU for e in extents[name])
        (topics if row.get("parent") else pairs).append(found)
    lost, leaked, phantom = [0, 0], [0, 0], 0
    for name, wanted in answers.items():
        covered = set().union(*(e.answer for e in extents[name]))
        asked = {n for e in extents[name] for n in range(e.asked[0], e.asked[1] + 1)}
        lost[0] += len(wanted - covered - asked)
        lost[1] += len(wanted)
        leaked[0] += len(junk[name] & covered)
        leaked[1] += len(junk[name])
        phantom += sum(not e.answer & wanted for e in extents[name])
    return Scores(
        pairs=Rate(sum(pairs), len(pairs)),
        topics=Rate(sum(topics), len(topics)),
        lost=Rate(*lost),
        leaked=Rate(*leaked),
        phantom=Rate(phantom, sum(map(len, extents.values()))),
        unanswered_hit=Rate(sum(open_), len(open_)),
    )


def _filled_lines(page: Page) -> frozenset[int]:
    source = page.document.source
    return frozenset(n for n, line in enumerate(source.text.split("\n"), 1) if line.strip())


def _extent(passage: Passage, filled: frozenset[int]) -> Extent:
    first, last = passage.answer_lines
    return Extent(
        passage.question_lines, (frozenset(range(first, last + 1)) & filled) - frozenset(passage.dropped_lines)
    )


def _iou(got: frozenset[int], wanted: set[int]) -> float:
    return len(got & wanted) / len(got | wanted) if got and wanted else 0.0
