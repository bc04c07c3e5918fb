"""Split a cleaned document into passages; list the questions it leaves open."""

import hashlib
from dataclasses import dataclass

from retriever.cues import display_width, language_of, trim_question
from retriever.documents import Block, Document, OpenQuestion, Passage, Source
from retriever.splitting.numbering import read_lines
from retriever.splitting.pairs import Pair, gather
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


def split(document: Document) -> Split:
    """Passages (parents before their children, in document order) and open questions of a cleaned document."""
    blocks = cut_blocks(document.source, document.blocks)
    lines = read_lines(blocks)
    style = find_style(lines)
    pairs = gather(document.source, lines, style)
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
        parent = _passage(document, pair.question, span, pair.answer, pair.path, label=pair.label)
        passages.append(parent)
        passages.extend(_children(document, pair, parent))
    return Split(tuple(_unique(passages)), tuple(open_questions))


def _plain_pairs(title: str, blocks: list[Block]) -> list[Pair]:
    """A page without questions: one pair a heading, or pieces of PLAIN_WIDTH columns under the page's title."""
    pairs: list[Pair] = []
    path: list[tuple[int, str]] = []
    heads: list[Block] = []
    for block in blocks:
        if block.kind == "heading":
            path = [(level, text) for level, text in path if level < block.level] + [
                (block.level, trim_question(block.plain))
            ]
            heads = [block]
            pairs.append(Pair(path[-1][1], [block], [], tuple(text for _, text in path[:-1])))
        elif block.plain == title and not pairs:
            heads = [block]
        else:
            full = pairs and sum(display_width(b.plain) for b in pairs[-1].answer) > PLAIN_WIDTH
            if not pairs or full:
                head = heads or [block]
                pairs.append(Pair(path[-1][1] if path else title, head, [], tuple(text for _, text in path[:-1])))
            pairs[-1].answer.append(block)
    return pairs


def _children(document: Document, pair: Pair, parent: Passage) -> list[Passage]:
    """Passages for the parts of a long answer and for the single questions of a line that asks several."""
    children: list[Passage] = []
    parts = align_parts(question_parts(pair.question), pair.answer) if question_parts(pair.question) else []
    asked = parent.question_lines
    if 0 < pair.direct < len(pair.answer):
        children.append(
            _passage(document, pair.question, asked, pair.answer[: pair.direct], pair.path, parent=parent.id)
        )
    for question, blocks in parts:
        children.append(_passage(document, question, asked, blocks, (*pair.path, pair.question), parent=parent.id))
    for topic in find_topics(pair.question, pair.answer):
        head = topic.blocks[0]
        path = (*pair.path, pair.question, *topic.path)
        children.append(
            _passage(document, topic.title, (head.start_line, head.start_line), topic.blocks, path, parent=parent.id)
        )
    return children


def _unique(passages: list[Passage]) -> list[Passage]:
    seen: set[str] = set()
    return [p for p in passages if not (p.id in seen or seen.add(p.id))]  # type: ignore[func-returns-value]


def _passage(
    document: Document, question: str, asked: tuple[int, int], blocks: list[Block], path: tuple[str, ...], *, parent: str | None = None, label: Block | None = None
) -> Passage:  # fmt: skip
    source = document.source
    answer = render(source, blocks)
    first_line = min(blocks[0].start_line, label.start_line) if label else blocks[0].start_line
    lines = (first_line, max(block.end_line for block in blocks))
    kept = {n for block in blocks for n in range(block.start_line, block.end_line + 1)} | (
        {label.start_line} if label else set()
    )
    dropped = {
        n for drop in document.drops for n in range(max(drop.start_line, lines[0]), min(drop.end_line, lines[1]) + 1)
    }
    key = "\0".join((source.name, str(blocks[0].start), str(blocks[-1].end), question, answer))
    return Passage(
        id=hashlib.sha256(key.encode("utf-8", "surrogatepass")).hexdigest()[:16],
        source=source.name,
        title=document.title,
        question=question,
        answer=answer,
        question_lines=asked,
        answer_lines=lines,
        start_char=blocks[0].start,
        end_char=blocks[-1].end,
        pieces=tuple((block.start, block.end) for block in blocks),
        dropped_lines=tuple(sorted(dropped - kept)),
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
