"""The text model: what flows from a file to a citation. Frozen records, no behaviour beyond derived values.

A `Source` is one decoded file; a reader turns it into `Block`s; cleaning sorts the blocks of a `Document` into kept ones and
`Drop`s; splitting makes `Passage`s of the kept ones. Offsets are character offsets into `Source.text`, lines are 1-based and
inclusive, and both always mean the decoded original file, never a cleaned copy.
"""

import re
from bisect import bisect_right
from dataclasses import dataclass, field, fields
from functools import cached_property
from typing import Any

_LINE_END = re.compile(r"\r\n|\r|\n")


@dataclass(frozen=True)
class Source:
    """One decoded file.

    `name` is the path shown to people and unique in a corpus (relative to its corpus root, `/` as separator); `path` opens the
    file; `sha256` is the hex digest of the raw bytes; `replaced` counts characters that could not be decoded.
    """

    name: str
    path: str
    text: str
    sha256: str
    encoding: str
    format: str
    replaced: int = 0

    @cached_property
    def line_starts(self) -> list[int]:
        """Offset of the first character of every line; CRLF, CR and LF each end one line."""
        return [0, *(m.end() for m in _LINE_END.finditer(self.text))]

    def line_of(self, offset: int) -> int:
        """1-based number of the line that holds the character at `offset`."""
        return bisect_right(self.line_starts, offset)

    def line(self, number: int) -> str:
        """Text of line `number` (1-based) without its line ending."""
        start = self.line_starts[number - 1]
        end = self.line_starts[number] if number < len(self.line_starts) else len(self.text)
        return self.text[start:end].rstrip("\r\n")


@dataclass(frozen=True, slots=True)
class Block:
    """The smallest structural unit: a line of text, a heading, a list item, a whole code block, table or formula.

    `kind` is one of heading, paragraph, item, quote, code, table, formula, image, term (`<dt>`, `<summary>`), definition.
    `text` is what a reader of the page sees (for text and Markdown: the source verbatim without its indentation); `plain` is the
    same without markup. `level` is the heading level (1-6) or 0; `indent` the depth in columns; `strong` says the whole block is
    emphasised; `linked` is the share (0..1) of visible characters inside links; `hints` name the page furniture around an HTML
    block (`nav`, `footer`, `related`, …), and `cell` a block that was one of a table of questions and answers; `gap` is the number of line breaks that separate it from the block before;
    `inside` counts the list items of a web page and the unfolding panels that hold it below their first line.
    `runs` maps positions in `text` to offsets in the source: pairs (position, offset), exact from each pair up to the next.
    """

    kind: str
    text: str
    plain: str
    start: int
    end: int
    start_line: int
    end_line: int
    runs: tuple[tuple[int, int], ...]
    level: int = 0
    indent: int = 0
    strong: bool = False
    linked: float = 0.0
    hints: tuple[str, ...] = ()
    gap: int = 1
    inside: int = 0

    def offset_of(self, position: int) -> int:
        """Source offset of the character at `position` of `text`."""
        best = self.runs[max(0, bisect_right(self.runs, position, key=lambda run: run[0]) - 1)]
        return min(best[1] + position - best[0], self.end)


@dataclass(frozen=True, slots=True)
class Drop:
    """A block that cleaning took out: where, by which rule, and why, in words."""

    start_line: int
    end_line: int
    start: int
    end: int
    rule: str
    reason: str
    text: str


@dataclass(frozen=True, slots=True)
class Document:
    """A cleaned source: the blocks that stay, in order, and everything that was dropped, with reasons."""

    source: Source
    title: str
    blocks: tuple[Block, ...]
    drops: tuple[Drop, ...]


@dataclass(frozen=True, slots=True)
class Passage:
    """One question with its answer, verbatim, and the place it comes from.

    `pieces` are the (start, end) offsets of the blocks the answer consists of, in order: rendered, they are `answer` (checked at
    build time). `dropped_lines` are non-blank lines inside `answer_lines` that are not part of the answer. `parent` is the id of
    the passage this one is a part of, or None.
    """

    id: str
    source: str
    title: str
    question: str
    answer: str
    question_lines: tuple[int, int]
    answer_lines: tuple[int, int]
    start_char: int
    end_char: int
    pieces: tuple[tuple[int, int], ...]
    dropped_lines: tuple[int, ...]
    heading_path: tuple[str, ...]
    language: str
    parent: str | None = None


@dataclass(frozen=True, slots=True)
class OpenQuestion:
    """A question that its page leaves without an answer: listed on request, never returned as an answer."""

    source: str
    question: str
    question_lines: tuple[int, int]
    heading_path: tuple[str, ...] = field(default=())


_NAMES = tuple(one.name for one in fields(Passage))
_TUPLES = {"question_lines", "answer_lines", "dropped_lines", "heading_path"}


def read_passage(row: dict[str, Any]) -> Passage:
    """A passage from its JSON form."""
    values = {name: row[name] for name in _NAMES}
    values.update({name: tuple(values[name]) for name in _TUPLES})
    values["pieces"] = tuple((start, end) for start, end in values["pieces"])
    return Passage(**values)
