"""Gather for each question of a page the blocks that answer it."""

import re
from bisect import bisect_right
from dataclasses import dataclass

from retriever.cues import display_width, is_nod, is_title, is_url
from retriever.documents import Block, Source
from retriever.readers.plain import cue_of, plain_text, question_of
from retriever.splitting.beside import inline_topic
from retriever.splitting.numbering import MARKER, Line, is_record
from retriever.splitting.sections import framed_title, shared_range
from retriever.splitting.segments import cut
from retriever.splitting.styles import Style

LONGEST_TITLE = 500
LEAST_SECTION = 40  # columns of text of its own that a section must have beside questions, to be a passage
_COMPARED = 2000  # characters of a question that are compared with what may say it again
_OPTION_SCHEMES = frozenset({"letter", "letters", "paren", "parens", "circled"})
_SHOW_ANSWER = re.compile(
    r"^\W*+(?:(?:点击|展开|查看|显示|click|show|see|view|reveal|expand)\W*+)?(?:(?:here|to|the|for)\W*+)?(?:(?:查看|看|see|view)\W*+)?(?:参考)?(?:答案|解析|answer|solution|explanation|详情|details)\W*+$",
    re.IGNORECASE,
)


@dataclass
class Pair:
    """A question and its answer as blocks.

    `label` is an answer label on a line of its own; `asks` how question-like the question line is; the first `direct` blocks of
    the answer stand on the question's line and answer it by themselves; `numbered` says that the page counts the question.
    """

    question: str
    question_blocks: list[Block]
    answer: list[Block]
    path: tuple[str, ...]
    label: Block | None = None
    asks: float = 1.0
    direct: int = 0
    numbered: bool = False

    @property
    def answered(self) -> bool:
        """True when the answer says something: a line that is neither a bare link nor a label."""
        return any(
            not is_url(b.plain) and re.search(r"[\w\u4e00-\u9fff]", b.plain) and not (line_label(b))
            for b in self.answer
        )


def line_label(block: Block) -> bool:
    """True for an answer label with nothing after it."""
    cue = cue_of(block.plain)
    return cue.label == "a" and not cue.body.strip()


def gather(source: Source, lines: list[Line], style: Style, title: str, stubs: list[int]) -> list[Pair]:
    """Pairs in document order, those without an answer included; `title` is that of the page.

    `stubs` are the lines, in order, that stood where an answer was to come.
    """
    starts = sorted(style.questions | style.sections)
    if not starts:
        return []
    labelled = _label_rate(lines, starts, sorted(style.questions))
    recorded = _label_rate(lines, starts, [at for at in sorted(style.questions) if lines[at].record])
    pairs: list[Pair] = []
    path: list[tuple[int, str]] = []
    heading: Block | None = None
    for here, end in zip(starts, [*starts[1:], len(lines)], strict=True):
        line = lines[here]
        titled = here in style.sections and shared_range(line.block.plain) is None
        if titled or line.block.kind == "heading":
            path = _deeper(path, line)
            heading = line.block
        if here in style.sections:
            section = _section_pair(lines, style, here, end, tuple(text for _, text in path[:-1]))
            if section is not None:
                pairs.append(section)
            continue
        above = tuple(text for _, text in (path[:-1] if line.block.kind == "heading" else path))
        stop = _end_of_stub(lines, here, end, stubs) or _end_of_cells(lines, here, end)
        pairs.append(_pair(source, lines, here, stop, above, recorded if line.record else labelled, style))
        rest = [line.block for line in lines[stop:end]]
        if sum(display_width(block.plain) for block in rest) >= LEAST_SECTION:
            under = tuple(text for _, text in path[:-1])
            asked = path[-1][1] if path else shorten(title)
            pairs.append(Pair(asked, [heading or rest[0]], rest, under, asks=0.4))
    return _merge_restated(pairs)


def _deeper(path: list[tuple[int, str]], line: Line) -> list[tuple[int, str]]:
    """The heading path after `line`: headings by their level, unmarked titles below all of them."""
    level = line.block.level if line.block.kind == "heading" else 7
    title = shorten(question_of(framed_title(line.block.plain) or line.cue.body or line.block.plain))
    return [(n, text) for n, text in path if n < level] + [(level, title)]


def shorten(text: str) -> str:
    """A title as every passage under it carries it: cut when it is longer than LONGEST_TITLE characters, as only broken pages have them."""
    return text if len(text) <= LONGEST_TITLE else text[: LONGEST_TITLE - 1] + "…"


def _label_rate(lines: list[Line], starts: list[int], asked: list[int]) -> float:
    """Share of the questions `asked` that have an answer label before the next question."""
    ends = [*starts, len(lines)]
    found = sum(
        any(lines[n].cue.label == "a" for n in range(here + 1, ends[bisect_right(starts, here)])) for here in asked
    )
    return found / len(asked) if asked else 0.0


def _end_of_stub(lines: list[Line], here: int, end: int, stubs: list[int]) -> int | None:
    """Where the question at `here` ends without an answer: right below it stood a stub, and what follows stands apart."""
    if here + 1 == end or lines[here + 1].block.gap < 2 or lines[here + 1].cue.label == "a":
        return None
    below = bisect_right(stubs, lines[here].block.end_line)
    return here + 1 if below < len(stubs) and stubs[below] < lines[here + 1].block.start_line else None


def _end_of_cells(lines: list[Line], here: int, end: int) -> int:
    """Where the answer in a table ends, whose cells hold all of it; `end` for questions of other kinds.

    What follows the table is told of its section, not of its last row.
    """
    if "cell" not in lines[here].block.hints:
        return end
    return next((n for n in range(here + 1, end) if "cell" not in lines[n].block.hints), end)


def _section_pair(lines: list[Line], style: Style, here: int, end: int, path: tuple[str, ...]) -> Pair | None:
    """A section with text of its own and no questions in it is a passage about its title."""
    heading = lines[here].block
    if end == here + 1 or heading.kind != "heading" or (heading.level == 1 and style.questions):
        return None
    following = lines[end].block if end < len(lines) else None
    opened = end in style.questions and following is not None and following.kind != "heading"
    if following is not None and (opened or following.level > heading.level):
        return None
    body = [line.block for line in lines[here + 1 : end]]
    if len(body) == 1 and lines[here + 1].cue.ask == 1.0 and body[0].kind == "paragraph":
        return Pair(question_of(lines[here + 1].cue.body), body, [], path)  # a title, and a question that is left open
    if style.questions and lines[here].cue.ask < 0.5 and sum(display_width(b.plain) for b in body) < LEAST_SECTION:
        return None
    return Pair(question_of(lines[here].cue.body or heading.plain), [heading], body, path, asks=0.4)


def _title_of_link(question: Line, line: Line, following: Line) -> bool:
    """True for a title between question and answer that says the question again, as the anchor text of a lost link does."""
    if (
        line.block.kind != "paragraph"
        or line.block.gap < 2
        or following.block.gap < 2
        or not is_title(line.block.plain)
        or line.cue.label
        or line.cue.number
    ):
        return False
    tagged = bool(re.match(r"【[^】]{1,12}】\s*\S", line.block.plain))
    first = Pair(question.cue.body, [question.block], [], ())
    return (tagged or line.cue.ask >= 0.5) and _restates(
        first, Pair(line.block.plain, [line.block], [], (), asks=line.cue.ask)
    )


def _pair(
    source: Source, lines: list[Line], here: int, end: int, path: tuple[str, ...], labelled: float, style: Style
) -> Pair:
    head = _head_length(lines, here, end)
    question_lines, body = lines[here : here + head], lines[here + head : end]
    body = [line for line in body if not _SHOW_ANSWER.match(line.block.plain) or line.block.kind != "term"]
    while body and is_nod(body[-1].block.plain):
        body.pop()
    label_at = next((n for n, line in enumerate(body) if line.cue.label == "a"), None)
    if label_at:
        before = body[:label_at]
        options = sum(line.cue.number is not None and line.cue.number.scheme in _OPTION_SCHEMES for line in before)
        short = sum(display_width(line.block.plain) for line in before) <= 800
        if (options >= 2 and options >= 0.6 * len(before)) or (labelled >= 0.6 and short):
            question_lines, body = question_lines + before, body[label_at:]
    elif label_at is None and lines[here].record and labelled >= 0.6:  # choices without the answer
        question_lines, body = question_lines + body, []
    said = len(question_lines)  # the lines after these say the question again
    if head == 1 and style.kind.split(":")[0] in ("bare", "number"):
        titles = 0
        while titles + 2 <= len(body) and _title_of_link(lines[here], body[titles], body[titles + 1]):
            titles += 1
        question_lines, body = question_lines + body[:titles], body[titles:]
    label: Block | None = None
    blocks = [line.block for line in body]
    if style.kind == "bare" and inline_topic(lines[here]):
        position = re.search(r"[:：]", lines[here].block.text).end()  # type: ignore[union-attr]
        head_block, tail_block = cut(source, lines[here].block, position)
        blocks = [tail_block, *blocks]
        return Pair(
            question_of(cue_of(head_block.plain).body),
            [head_block],
            blocks,
            path,
            None,
            lines[here].cue.ask or 0.5,
            direct=1,
        )
    if body and (body[0].cue.label == "a" or _lone_letter(body)):
        if body[0].cue.body.strip():
            position = _body_position(body[0])
            blocks[0] = cut(source, body[0].block, position)[1] if position else body[0].block
        else:
            label = blocks[0] if line_label(blocks[0]) else None  # the name of a speaker is none
            blocks = blocks[1:]
    text = _join(
        [
            line.cue.body if n == 0 or not _is_option(line) else line.block.plain
            for n, line in enumerate(question_lines[:said])
        ]
    )
    cue = lines[here].cue
    asked = [line.block for line in question_lines]
    return Pair(question_of(text), asked, blocks, path, label, cue.ask, numbered=cue.number is not None)


def _lone_letter(body: list[Line]) -> bool:
    """True when the first line is lettered "A." and no "B." follows: no option but the label of the answer."""
    letters = [
        line.cue.number.value for line in body if line.cue.number is not None and line.cue.number.scheme == "letter"
    ]
    return (
        bool(letters) and letters[0] == (1,) and (2,) not in letters and body[0].block.plain.startswith(("A.", "A．"))
    )


def _is_option(line: Line) -> bool:
    return line.cue.number is not None and line.cue.number.scheme in _OPTION_SCHEMES


def _join(texts: list[str]) -> str:
    """Lines of a question as one line; no blank between two Han characters."""
    joined = " ".join(text.strip() for text in texts if text.strip())
    return re.sub(r"(?<=[\u4e00-\u9fff，、：]) (?=[\u4e00-\u9fff])", "", joined)


def _head_length(lines: list[Line], here: int, end: int) -> int:
    """How many lines the question itself takes: wrapped lines, emphasis that closes later, a label alone on its line."""
    first = lines[here]
    if not first.cue.body.strip():
        return min(2, end - here)
    text = first.block.text
    if text.count("**") % 2 and not re.search(r"[?？]", text):
        for n in range(here + 1, min(end, here + 4)):
            if lines[n].block.text.count("**") % 2:
                return n - here + 1
    if text.rstrip("* ")[-1:] in "?？。.!！:：;；" or display_width(first.block.plain) < 48:
        return 1
    for n in range(here + 1, min(end, here + 4)):
        block = lines[n].block
        if (
            block.gap != 1
            or block.kind != "paragraph"
            or lines[n].cue.label
            or lines[n].cue.number is not None
            or block.indent < first.block.indent
        ):
            return 1
        if block.plain.rstrip("* ")[-1:] in "?？":
            return n - here + 1
        if block.plain.rstrip()[-1:] in "。.!！;；":
            short = display_width(block.plain) < 60 and first.cue.ask >= 0.7 and first.cue.label == "q"
            return n - here + 1 if short else 1
    return 1


def _body_position(line: Line) -> int | None:
    """Position in the block's text where the text after the label begins."""
    text, wanted = line.block.text, plain_text(line.cue.body)
    last = min(59, len(text) - len(wanted))  # markup only makes text longer
    return next((at for at in range(last, 0, -1) if plain_text(text[at:]) == wanted), None)


def _merge_restated(pairs: list[Pair]) -> list[Pair]:
    """A question directly followed by a restatement of itself (the title of a linked article, a translation) is one question."""
    merged: list[Pair] = []
    for pair in pairs:
        last = merged[-1] if merged else None
        if (
            last is not None
            and not last.answer
            and last.asks >= 0.5
            and pair.answer
            and last.label is None
            and _restates(last, pair)
        ):
            last.question_blocks += pair.question_blocks
            last.answer, last.label = pair.answer, pair.label
            continue
        merged.append(pair)
    return merged


def _restates(first: Pair, second: Pair) -> bool:
    """True when the second question shares words with the first, asks in the other language, or is tagged like an article's title."""
    cue = cue_of(second.question_blocks[0].plain)
    head = second.question_blocks[0]
    if cue.number is not None or second.numbered or head.kind in ("heading", "term") or is_record(head.plain):
        return False
    if cue.label == "q" and cue_of(first.question_blocks[0].plain).label == "q":
        return False  # each is labelled as a question of its own
    if first.question_blocks[0].plain == second.question_blocks[0].plain:
        return False  # each is said by the same speaker
    if MARKER.match(first.question_blocks[0].text) and MARKER.match(second.question_blocks[0].text):
        return False  # each is an item of a list
    one, other = first.question[:_COMPARED], second.question[:_COMPARED]
    a, b = _terms(one), _terms(other)
    shared = len(a & b)
    if shared >= 2 and shared >= 0.15 * min(len(a), len(b)):
        return True
    foreign = bool(re.search(r"[\u4e00-\u9fff]", one)) != bool(re.search(r"[\u4e00-\u9fff]", other))
    return (foreign and second.asks >= 0.5) or bool(re.match(r"[【\[]", second.question_blocks[0].plain))


# What all questions share.
_EMPTY = frozenset(
    [
        "a",
        "an",
        "the",
        "is",
        "are",
        "was",
        "do",
        "does",
        "did",
        "of",
        "in",
        "on",
        "to",
        "for",
        "and",
        "or",
        "what",
        "why",
        "how",
        "when",
        "which",
        "who",
        "can",
        "it",
        "什么",
        "为什",
        "怎么",
        "如何",
        "哪些",
        "有什",
        "是什",
    ]
)


def _terms(text: str) -> set[str]:
    """Han bigrams and Latin words but the emptiest, with the initials of capitalised words ("Batch Normalization" gives "bn")."""
    words = re.findall(r"[A-Za-z][A-Za-z0-9_-]*", text)
    han = "".join(c if "\u4e00" <= c <= "\u9fff" else " " for c in text).split()
    terms = {w.lower() for w in words} | {run[i : i + 2] for run in han for i in range(len(run) - 1)}
    capitals = "".join(w[0] for w in words if w[0].isupper())
    return (terms - _EMPTY) | ({capitals.lower()} if len(capitals) >= 2 else set())
