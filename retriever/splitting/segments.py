"""Cut blocks in two where one line holds the end of an answer and the next question, or a question and its answer."""

import re
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator
from dataclasses import replace

from retriever.cleaning.stubs import stands_for_answer
from retriever.cues import display_width, is_rhetorical
from retriever.documents import Block, Source
from retriever.readers.plain import ask_of, cue_of, plain_text, squeeze

_GLUED = re.compile(r"为什么|为何|如何|怎么|什么是|什么叫|有哪些|哪些|何谓")
_INLINE_LABEL = re.compile(
    r"(?:^|[\s?？。.;；])((?:A|Answer|Ans|答|答案|参考答案|解析|解答|回答)\s*[:：])", re.IGNORECASE
)
_EMPHASISED = re.compile(r"\s*(?:[-*+•]\s+)?(\*\*|__)(?:(?!\1).)+\1$")  # a line that is emphasised whole
_ENDS = re.compile(r"[?？](?:\s*[)）\"”』」])?")


def cut(source: Source, block: Block, position: int, gap: int = 1) -> tuple[Block, Block]:
    """Two blocks from one, `gap` line breaks apart: `text[:position]` and `text[position:]`, white space between them dropped."""
    left, right = block.text[:position].rstrip(), block.text[position:]
    skip = position + len(right) - len(right.lstrip())
    left_end = block.offset_of(len(left) - 1) + 1
    right_start = block.offset_of(skip)
    base = block.runs[max(0, bisect_right(block.runs, skip, key=lambda run: run[0]) - 1)]
    shifted = ((0, base[1] + skip - base[0]), *((p - skip, o) for p, o in block.runs if p > skip))
    first = replace(
        block,
        text=left,
        plain=plain_text(left),
        strong=block.strong or bool(_EMPHASISED.match(left)),
        end=left_end,
        end_line=source.line_of(left_end - 1),
        runs=tuple(r for r in block.runs if r[0] < len(left)),
    )
    second = replace(
        block, text=block.text[skip:], plain=plain_text(block.text[skip:]), start=right_start, start_line=source.line_of(right_start), runs=shifted,
        kind="paragraph" if block.kind in ("item", "heading", "term") else block.kind, level=0, strong=False, gap=gap,
    )  # fmt: skip
    return first, second


_QUESTION_NAMES = r"(?:(?:interview|面试)\s*)?(?:题目|问题|面试题|考题|题|问|questions?|q)"
_ANSWER_NAMES = r"(?:(?:参考|标准|model|sample|short|suggested)\s*)?(?:答案|回答|解答|解析|答复|答|answers?|a|explanation|解释)(?:要点)?|要点"
# A header may say it in two languages ("Question 问题").
_QUESTION_CELL = re.compile(rf"\W*{_QUESTION_NAMES}\W*(?:{_QUESTION_NAMES}\W*)?$", re.IGNORECASE)
_ANSWER_CELL = re.compile(rf"\W*(?:{_ANSWER_NAMES})\W*(?:(?:{_ANSWER_NAMES})\W*)?$", re.IGNORECASE)
# Columns of the answers of a table that asks, on average: what is shorter is a property ("yes", "O(1)").
LEAST_CELL = 24


def _cells(block: Block) -> list[tuple[int, int]]:
    """(start, end) of the cells of a one-line table row in its text, without the bars and the white space around them."""
    spans, at = [], 0
    for cell in re.split(r"(?<!\\)\|", block.text):
        body = cell.strip()
        start = at + len(cell) - len(cell.lstrip())
        spans.append((start, start + len(body)))
        at += len(cell) + 1
    if block.text.startswith("|"):
        spans = spans[1:]
    return spans[:-1] if block.text.rstrip().endswith("|") and spans and spans[-1][0] >= spans[-1][1] else spans


def _piece(source: Source, block: Block, start: int, end: int, kind: str) -> Block:
    """`text[start:end]` of a block as a block of its own."""
    begin = block.offset_of(start)
    here = bisect_right(block.runs, start, key=lambda run: run[0])
    there = bisect_left(block.runs, end, key=lambda run: run[0])
    base = block.runs[max(0, here - 1)]
    runs = ((0, base[1] + start - base[0]), *((p - start, o) for p, o in block.runs[here:there]))
    last = block.offset_of(end - 1) + 1
    text = block.text[start:end]
    return replace(
        block, kind=kind, text=text, plain=plain_text(text), start=begin, end=last, start_line=source.line_of(begin),
        end_line=source.line_of(last - 1), runs=runs, strong=False, indent=0,
    )  # fmt: skip


def _table_rows(source: Source, blocks: Iterable[Block]) -> Iterator[Block]:
    """The lines of table blocks as blocks."""
    for block in blocks:
        if "\n" not in block.text:
            yield block
            continue
        at = 0
        for line in block.text.split("\n"):
            if line.strip():
                yield _piece(source, block, at + len(line) - len(line.lstrip()), at + len(line.rstrip()), "table")
            at += len(line) + 1


def _asking_columns(table: list[Block]) -> tuple[int, int] | None:
    """The columns of a table of three or more questions with their answers, whatever its header says; None for other tables.

    Most of one column asks, and right of it stands the only other one that holds more than counters.
    """
    rows = [[row.text[a:b] for a, b in _cells(row)] for row in table if re.search(r"\w", row.text)]
    width = max(map(len, rows), default=0)
    if len(rows) < 3 or width not in (2, 3):
        return None
    asked, told = width - 2, width - 1
    full = [row for row in rows if len(row) == width]
    counted = all(display_width(row[0]) <= 8 for row in full) if width == 3 else True
    asking = sum(ask_of(plain_text(row[asked])) >= 0.5 for row in full)
    outright = sum(ask_of(plain_text(row[asked])) == 1.0 for row in full)
    answers = [row[told] for row in full if re.search(r"\w", row[told])]
    long = sum(map(display_width, answers)) >= LEAST_CELL * len(answers) > 0
    answering = sum(ask_of(plain_text(text)) < 0.5 for text in answers) >= 0.8 * len(answers)
    good = counted and asking >= 0.6 * len(rows) and outright >= 2 and long and answering
    return (asked, told) if good else None


def _table_pairs(source: Source, rows: Iterator[Block], in_answer: bool) -> list[Block] | None:
    """Questions and answers of a table whose header names a question and an answer column, or one of which asks; None for other tables.

    What only asks is no such table inside an answer. It may have no header.
    """
    head = next(rows)
    names = [head.text[a:b] for a, b in _cells(head)]
    asked = next((n for n, name in enumerate(names) if _QUESTION_CELL.match(name)), None)
    told = next((n for n, name in enumerate(names) if _ANSWER_CELL.match(name) and n != asked), None)
    named = asked is not None and told is not None
    if in_answer and not named:
        return None  # before its lines are cut, which takes the longest
    body = list(rows)
    if not named:
        body = [head, *body] if len(names) >= 2 and ask_of(plain_text(names[-2])) == 1.0 else body
        asked, told = _asking_columns(body) or (None, None)
    if asked is None or told is None:
        return None
    found: list[Block] = []
    for row in body:
        cells = _cells(row)
        if max(asked, told) < len(cells) and re.search(r"\w", row.text):
            hints = (*row.hints, "cell")
            (start, end), answer = cells[asked], row.text[slice(*cells[told])]
            if start < end:
                found.append(replace(_piece(source, row, start, end, "term"), gap=2, hints=hints))
            if start < end and answer and not stands_for_answer(plain_text(answer), row.text[start:end]):
                found.append(replace(_piece(source, row, *cells[told], "definition"), hints=hints))
    return found


def cut_tables(source: Source, blocks: tuple[Block, ...]) -> list[Block]:
    """All blocks of a page, question-and-answer tables cut into their pairs."""
    done: list[Block] = []
    at = seen = 0
    in_answer = False
    while at < len(blocks):
        end = at
        while end < len(blocks) and blocks[end].kind == "table":
            end += 1
        if end == at:
            done.append(blocks[at])
            at += 1
            continue
        rows = _table_rows(source, blocks[at:end])
        in_answer = _in_answer(blocks[seen:at], in_answer)
        leads = at > 0 and (blocks[at - 1].plain.rstrip()[-1:] in ":：" or ask_of(blocks[at - 1].plain) >= 0.5)
        done.extend(_table_pairs(source, rows, in_answer or leads) or blocks[at:end])
        at = seen = end
    return done


def _in_answer(blocks: tuple[Block, ...], before: bool) -> bool:
    """Whether what stands below `blocks` belongs to a question set apart among them; `before` holds where nothing tells."""
    for block in reversed(blocks):
        cue = cue_of(block.plain)
        if block.kind == "heading":
            return bool(cue.label) or cue.ask >= 0.5
        dressed = block.kind == "term" or block.strong or cue.number is not None
        if cue.label or (dressed and cue.ask >= 0.5):
            return True
    return before


def cut_blocks(source: Source, blocks: tuple[Block, ...]) -> list[Block]:
    """All blocks of a page, those with a glued question or an answer on the question's line cut in two."""
    done: list[Block] = []
    whole = cut_tables(source, blocks)
    leading = _leading_questions(whole)
    for at, block in enumerate(whole):
        following = whole[at + 1] if at + 1 < len(whole) else None
        position, gap = None, 1
        if block.kind in ("paragraph", "item", "heading", "term", "quote"):
            position = _answer_on_line(block, following) if block.kind != "quote" else None
            if position is None and block.kind in ("paragraph", "item") and following is not None:
                position, gap = _glued_question(block, following), 2
            if position is None and at in leading:
                position, gap = leading[at], 1
        if position is None or not block.text[:position].strip() or not block.text[position:].strip():
            done.append(block)
        else:
            done.extend(cut(source, block, position, gap))
    return done


def _leading_questions(blocks: list[Block]) -> dict[int, int]:
    """Where the answer begins on the lines of a page that writes question and answer in one paragraph, without number or label.

    Such a page has several of them, emphasised or half of its paragraphs, and fewer questions that are marked in another way;
    elsewhere a paragraph that begins with a question is part of an answer.
    """
    leading: dict[int, int] = {}
    emphasised: set[int] = set()
    marked = prose = 0
    for at, block in enumerate(blocks):
        if block.kind in ("code", "table", "formula", "image"):
            continue
        cue = cue_of(block.plain)
        if block.kind not in ("paragraph", "item") or cue.number is not None or cue.label == "q" or block.strong:
            marked += cue.label == "q" or cue.ask >= 0.7
            continue
        prose += 1
        stop = _leading_question(block)
        if stop is not None:
            leading[at] = stop
            if _EMPHASISED.match(block.text[:stop].rstrip()):
                emphasised.add(at)
    if len(emphasised) >= 2 and len(emphasised) > marked:
        return {at: leading[at] for at in emphasised}
    return leading if len(leading) >= 3 and len(leading) > marked and len(leading) >= 0.5 * prose else {}


def _leading_question(block: Block) -> int | None:
    """Position after the question that a paragraph begins with, when a sentence that does not ask follows it."""
    text = block.text
    end = _ENDS.search(text[:300])
    if end is None:
        return None
    stop = end.end()
    stop += 2 * any(text.startswith(mark, stop) and text[:stop].count(mark) % 2 for mark in ("**", "__"))
    head, rest = plain_text(text[:stop]), plain_text(text[stop:])
    head = re.sub(r"^(?:[-*+•·]|\d{1,3}[.)])\s+", "", head)
    if display_width(head) > 120 or ask_of(head) < 1.0 or is_rhetorical(head) or re.search(r"[。！!;；]|\.\s", head):
        return None
    told = len(re.findall(r"[\w\u4e00-\u9fff]", rest)) >= 4 and not _ENDS.search(rest) and ask_of(rest) < 0.35
    return stop if told and (text[stop : stop + 1].isspace() or "\u4e00" <= rest[0] <= "\u9fff") else None


def _glued_question(block: Block, following: Block) -> int | None:
    """Position of a question glued to the end of an answer line: after a semicolon, or inside a numbered line without any stop."""
    text = block.text.rstrip()
    if (
        not text.endswith(("?", "？"))
        or following.kind not in ("paragraph", "formula")
        or cue_of(following.plain).number is not None
    ):
        return None
    cue = cue_of(block.plain)
    stop = max(text.rfind(mark, 0, len(text) - 1) for mark in ";；")
    if (
        stop > 8
        and len(text) - stop > 6
        and not is_rhetorical(squeeze(text[stop + 1 :]))
        and ask_of(squeeze(text[:stop])) < 0.5
        and not re.search(r"[。，,]", text[stop + 1 :])
    ):
        return stop + 1
    if cue.number is None or ask_of(re.split(r"[，,。]", cue.body)[0]) >= 0.5:
        return None
    clause = max(text.rfind(mark) for mark in "，,。;；") + 1  # the question is the last clause, or a part of it
    han = len(re.findall(r"[\u4e00-\u9fff]", text[:clause]))
    at = clause
    for match in _GLUED.finditer(text, clause):
        han += len(re.findall(r"[\u4e00-\u9fff]", text[at : match.start()]))
        at = match.start()
        if han >= 10 and at - clause >= 6 and len(text) - at >= 6:
            return at
    return None


def _answer_on_line(block: Block, following: Block | None) -> int | None:
    """Position of an answer that begins on the line of its question."""
    text = block.text
    cue = cue_of(block.plain)
    label = next((m for m in _INLINE_LABEL.finditer(text) if m.start(1) > 3), None)
    if (
        label
        and (cue.label == "q" or ask_of(plain_text(text[: label.start(1)])) >= 0.7)
        and text[label.end(1) :].strip(" *")
    ):
        return label.start(1)
    placed = cue.label == "q" or cue.number is not None or block.kind in ("heading", "term")
    ends = list(_ENDS.finditer(text[:400]))  # a question is no longer than that
    if not ends:
        return None
    for end in ends:
        stop = end.end()
        for mark in ("**", "__"):
            if text.startswith(mark, stop) and text[:stop].count(mark) % 2:
                stop += len(mark)
        rest = text[stop:]
        if _ENDS.search(rest[:400]):
            continue
        plain_rest = plain_text(rest)
        if len(re.findall(r"[\w\u4e00-\u9fff]", plain_rest)) < 2:
            continue
        if (
            ask_of(plain_rest) >= 0.35
            or re.fullmatch(r"\s*[(（\[【].{1,16}[)）\]】]\s*\**", rest)
            or (rest.startswith(("**", "__")) and not plain_rest)
        ):
            return None
        if ask_of(plain_text(text[:stop])) < 0.6 or display_width(text[:stop]) > 160:
            return None
        if (
            following is not None
            and following.gap == 1
            and display_width(block.plain) >= 48
            and plain_rest[-1:] not in "。.!！;；"
            and following.plain[:1].islower()
        ):
            return None
        spaced = rest[:1] in " \t\u00a0\u3000"
        if placed and block.kind not in ("heading", "term") and (spaced or display_width(plain_rest) > 8):
            return stop
        if not placed and spaced and display_width(plain_rest) <= 30 and not re.search(r"[。.]\s*\S", plain_rest):
            return stop
        return None
    return None
