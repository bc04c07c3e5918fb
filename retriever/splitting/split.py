"""Split a cleaned document into passages; list the questions it leaves open."""

import hashlib
from bisect import bisect_left, bisect_right
from dataclasses import dataclass
from functools import cached_property

from retriever.cues import display_width, language_of
from retriever.documents import Block, Document, OpenQuestion, Passage, Source
from retriever.readers.plain import question_of
from retriever.splitting.numbering import read_lines
from retriever.splitting.pairs import Pair, gather, shorten
from retriever.splitting.segments import cut_blocks
from retriever.splitting.styles import find_style
from retriever.splitting.topics import align_parts, find_topics, question_parts

# Pages without any question are cut into pieces of about this many columns of text (some 400 Han characters), at paragraph ends.
PLAIN_WIDTH = 800


@dataclass(frozen=True, slots=True)
class Split:
    """What splitting made of a page."""

    passages: tuple[Passage, ...]
    open_questions: tuple[OpenQuestion, ...]


@dataclass
class _Page:
    """A document and the lines that were dropped from it."""

    document: Document

    @cached_property
    def title(self) -> str:
        return shorten(self.document.title)

    @cached_property
    def dropped(self) -> list[int]:
        return sorted({n for drop in self.document.drops for n in range(drop.start_line, drop.end_line + 1)})

    def dropped_within(self, first: int, last: int) -> list[int]:
        """The dropped lines among lines `first` to `last`."""
        return self.dropped[bisect_left(self.dropped, first) : bisect_right(self.dropped, last)]


def split(document: Document) -> Split:
    """Passages (parents before their children, in document order) and open questions of a cleaned document."""
    page = _Page(document)
    blocks = cut_blocks(document.source, document.blocks)
    lines = read_lines(blocks)
    style = find_style(lines)
    stubs = [
        n for drop in document.drops if drop.rule == "placeholder" for n in range(drop.start_line, drop.end_line + 1)
    ]
    pairs = gather(document.source, lines, style, document.title, stubs)
    if not any(pair.answered for pair in pairs) and not style.questions:
        pairs = _plain_pairs(document.title, blocks)
    passages: list[Passage] = []
    open_questions: list[OpenQuestion] = []
    for pair in pairs:
        span = (pair.question_blocks[0].start_line, pair.question_blocks[-1].end_line)
        if not pair.answered:
            if pair.asks >= 0.5 or style.kind.split(":")[0] in ("number", "label", "term"):
                open_questions.append(OpenQuestion(document.source.name, pair.question, span, pair.path))
            continue
        parent = _passage(page, pair.question, span, pair.answer, pair.path, label=pair.label)
        passages.append(parent)
        passages.extend(_children(page, pair, parent))
    return Split(tuple(_unique(passages)), tuple(open_questions))


def _plain_pairs(title: str, blocks: list[Block]) -> list[Pair]:
    """A page without questions: one pair a heading, or pieces of PLAIN_WIDTH columns under the page's title."""
    pairs: list[Pair] = []
    path: list[tuple[int, str]] = []
    heads: list[Block] = []
    width = 0
    for block in blocks:
        if block.kind == "heading":
            path = [(level, text) for level, text in path if level < block.level] + [
                (block.level, shorten(question_of(block.plain)))
            ]
            heads, width = [block], 0
            pairs.append(Pair(path[-1][1], [block], [], tuple(text for _, text in path[:-1])))
        elif block.plain == title and not pairs:
            heads = [block]
        else:
            if not pairs or width > PLAIN_WIDTH:
                head, width = heads or [block], 0
                pairs.append(
                    Pair(path[-1][1] if path else shorten(title), head, [], tuple(text for _, text in path[:-1]))
                )
            pairs[-1].answer.append(block)
            width += max(1, display_width(block.plain))
    return pairs


def _children(page: _Page, pair: Pair, parent: Passage) -> list[Passage]:
    """Passages for the parts of a long answer and for the single questions of a line that asks several."""
    children: list[Passage] = []
    asking = question_parts(pair.question)
    parts = align_parts(asking, pair.answer) if asking else []
    asked = parent.question_lines
    above = (*pair.path, shorten(pair.question))
    if 0 < pair.direct < len(pair.answer):
        children.append(_passage(page, pair.question, asked, pair.answer[: pair.direct], pair.path, parent=parent.id))
    for question, blocks in parts:
        children.append(_passage(page, question, asked, blocks, above, parent=parent.id))
    for topic in find_topics(pair.question, pair.answer):
        head = topic.blocks[0]
        path = (*above, *topic.path)
        children.append(
            _passage(page, topic.title, (head.start_line, head.start_line), topic.blocks, path, parent=parent.id)
        )
    return children


def _unique(passages: list[Passage]) -> list[Passage]:
    seen: set[str] = set()
    return [p for p in passages if not (p.id in seen or seen.add(p.id))]  # type: ignore[func-returns-value]


def _passage(
    page: _Page, question: str, asked: tuple[int, int], blocks: list[Block], path: tuple[str, ...], *, parent: str | None = None, label: Block | None = None
) -> Passage:  # fmt: skip
    source = page.document.source
    answer = render(source, blocks)
    first_line = min(blocks[0].start_line, label.start_line) if label else blocks[0].start_line
    lines = (first_line, max(block.end_line for block in blocks))
    kept = {n for block in blocks for n in range(block.start_line, block.end_line + 1)} | (
        {label.start_line} if label else set()
    )
    key = "\0".join((source.name, str(blocks[0].start), str(blocks[-1].end), question, answer))
    return Passage(
        id=hashlib.sha256(key.encode("utf-8", "surrogatepass")).hexdigest()[:16],
        source=source.name,
        title=page.title,
        question=question,
        answer=answer,
        question_lines=asked,
        answer_lines=lines,
        start_char=blocks[0].start,
        end_char=blocks[-1].end,
        pieces=tuple((block.start, block.end) for block in blocks),
        dropped_lines=tuple(n for n in page.dropped_within(*lines) if n not in kept),
        heading_path=path,
        language=language_of(question + "\n" + answer),
        parent=parent,
    )


def render(source: Source, blocks: list[Block]) -> str:
    """The answer text of a list of blocks: their text verbatim, their line breaks and relative indentation kept, at most one blank line."""
    margin = min((block.indent for block in blocks if "\n" not in block.text), default=0)
    parts: list[str] = []
    for number, block in enumerate(blocks):
        if number:
            apart = block.start_line - blocks[number - 1].end_line if source.format != "html" else block.gap
            parts.append("\n" * max(1, min(2, apart)))
        if source.format != "html" and number and "\n" not in block.text:
            parts.append(" " * (block.indent - margin))
        parts.append(block.text.replace("\r", ""))
    return "".join(parts)
