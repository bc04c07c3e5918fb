"""Lines with their cues, and the run of numbers that counts a page's questions."""

import math
import re
from dataclasses import dataclass, replace
from itertools import pairwise

from retriever.cues import Cue, Number, ask_score, display_width, is_rhetorical, is_title, to_int
from retriever.documents import Block
from retriever.readers.marks import cues_of

# Weights of the numbering search, set by hand. Halving or doubling each changes no pair of tests/pages/dev and the five first pages,
# but for half of FREE_RESTART_COST, which loses one (measured 2026-11-21).
GAP_COST, REPEAT_COST, RESTART_COST, FREE_RESTART_COST, LATE_START_COST = 0.15, 0.3, 1.5, 0.2, 0.3
MARKER = re.compile(r"\s*(?:[•·●○◦▪■◆◇*+–-]|\d{1,4}[.)])\s")  # of a list item
CHAPTER = re.compile(
    r"第\s?[\d一二三四五六七八九十百]+\s?(?:[章节篇部讲课]|大题)|(?:Part|Chapter|Section|Module|Unit)(?:\s+|\s?[.#·]\s?)[\dIVX]+"
    r"|(?-i:(?:Part|PART|Section|SECTION|Paper|Unit)\s+[A-Z])(?!\w)(?=\W*$|\s*[^\w\s]|\s+(?-i:[A-Z]))",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Line:
    """A block with what it says of itself; `above` says that it is the question of a label that stands alone on the line before,
    `told` that it is a list item that asks outright and has its answer below it; `held` that it stands in the list item or panel of a
    question, or in a list of definitions right below one, and so belongs to its answer; `record` that it is the head of an exam's task
    ("【No.】3 【Topic】…"), above what is asked.
    """

    block: Block
    cue: Cue
    above: bool = False
    told: bool = False
    held: bool = False
    record: bool = False

    @property
    def eligible(self) -> bool:
        """True when the block may open a question at all."""
        block = self.block
        if block.kind in ("code", "table", "formula", "image", "definition"):
            return False
        if block.kind == "quote":
            return self.cue.label == "q"
        if self.cue.label == "a" or self.above or self.held:
            return False
        if self.cue.label == "q" and not self.cue.body:
            return self.cue.ask >= 0.5
        if self.told or self.record:
            return True
        bullet = block.kind == "item" and self.cue.number is None and self.cue.label != "q"
        return bool(self.cue.body.strip()) and not (bullet and not (block.strong and self.cue.ask >= 0.5))

    @property
    def dress(self) -> tuple[str, int, bool, str, str]:
        """What sets a line apart: kind, heading level, emphasis, label, numbering scheme."""
        kind = self.block.kind if self.block.kind in ("heading", "term") else ""
        return (
            kind,
            self.block.level,
            self.block.strong,
            self.cue.label,
            self.cue.number.scheme if self.cue.number else "",
        )

    @property
    def dressed(self) -> bool:
        """True for a line set apart as questions are: a heading, an unfolding title, emphasised, numbered or labelled."""
        return any(self.dress)

    @property
    def titled(self) -> bool:
        """True for a short line without closing punctuation that could be a bare title."""
        return is_title(self.block.plain) and not re.search(
            r"=|[A-Za-z0-9_.]\([A-Za-z0-9_, ]*\)$|[{};]$|</", self.block.plain
        )


def read_lines(blocks: list[Block]) -> list[Line]:
    """The blocks of a page with their cues; a label alone on its line asks what the line below it asks."""
    lines = _recorded(_counted(_lettered([Line(*read) for read in zip(blocks, cues_of(blocks), strict=True)])))
    lines = _turned(_examined(lines))
    for at, (label, question) in enumerate(pairwise(lines)):
        alone = (
            label.cue.label == "q"
            and not label.cue.body.strip()
            and label.block.kind in ("heading", "paragraph", "item")
        )
        if alone and not question.cue.label and question.cue.ask >= 0.5 and question.block.kind != "code":
            lines[at] = replace(label, cue=replace(label.cue, body="", ask=question.cue.ask))
            lines[at + 1] = replace(question, above=True)
        elif _tells(label, question):
            lines[at] = replace(label, told=True)
    lines = _ticked(lines)
    for start, end in (*_holding(lines), *_defining(lines), *_pursuing(lines)):
        lines[start + 1 : end] = [replace(line, held=True) for line in lines[start + 1 : end]]
    return lines


def _ticked(lines: list[Line]) -> list[Line]:
    """The lines of a task list read as questions ("- [x] Draw its states."), whatever they say: most of its items ask, and half hold text.

    What a list of tasks inside an answer asks ("- [ ] Did you save?") holds none.
    """
    tasks = [at for at, line in enumerate(lines) if "task" in line.block.hints and line.block.indent == 0]
    holding = {
        at
        for at in tasks
        if at + 1 < len(lines) and lines[at + 1].block.indent > 0 and lines[at + 1].block.kind != "heading"
    }
    asking = sum(lines[at].cue.ask >= 0.7 for at in tasks)
    if len(tasks) < 3 or asking < 0.6 * len(tasks) or len(holding) < 0.5 * len(tasks):
        return lines
    read = list(lines)
    for at in tasks:
        read[at] = replace(lines[at], told=True, cue=replace(lines[at].cue, ask=max(lines[at].cue.ask, 0.9)))
    return read


_COUNT = re.compile(r"(\d{1,3})[ \t\u00a0\u3000]+(?=\S)")


def _counted(lines: list[Line]) -> list[Line]:
    """The lines with numbers that only a blank parts from their question ("7 What is drift?") read as such.

    Sentences, rows and headings begin like that too, so four or more must count up from 1 without a gap, text between them, and most
    of them ask.
    """
    read = list(lines)
    members: list[int] = []
    for at, line in enumerate(lines):
        match = _COUNT.match(line.block.plain)
        if match and line.block.kind == "paragraph" and line.cue.number is None and not line.cue.label:
            body = line.block.plain[match.end() :]
            count = Number("blank", (int(match.group(1)),), match.end())
            read[at] = replace(line, cue=Cue("", count, body, match.end(), ask_score(body[:2000])))
            members.append(at)
    chain = best_chain(read, members)
    values = [number.value[0] for at in chain if (number := read[at].cue.number)]
    if len(chain) < 4 or values != list(range(1, len(chain) + 1)):
        return lines
    apart = sum(other > one + 1 for one, other in pairwise(chain))
    asking = sum(read[at].cue.ask >= 0.5 for at in chain)
    if asking < 0.6 * len(chain) or apart < 0.6 * (len(chain) - 1):
        return lines
    counted = set(chain)
    return [read[at] if at in counted else line for at, line in enumerate(lines)]


def _examined(lines: list[Line]) -> list[Line]:
    """The lines of an exam with its numbered tasks read as questions, whatever they say ("7. The antidote of warfarin is").

    A task has a labelled answer below it and before the next number of its scheme, no other question or title between. So have at
    least three of a scheme, and most of those on the page: lists inside labelled answers have the label above them.
    """
    members: dict[str, list[int]] = {}
    tasks: dict[str, list[int]] = {}
    open_: dict[str, int] = {}  # the last member of a scheme, as long as nothing has closed it
    for at, line in enumerate(lines):
        number = line.cue.number
        if line.cue.label == "a":
            for scheme, task in open_.items():
                tasks.setdefault(scheme, []).append(task)
            open_ = {}
        elif line.cue.label == "q" or line.block.kind in ("heading", "term"):
            open_ = {}
        elif number is not None and line.eligible and number.scheme not in (*LETTERS, *LETTERS.values()):
            members.setdefault(number.scheme, []).append(at)
            open_[number.scheme] = at
    asked = {
        at
        for scheme, found in tasks.items()
        if len(found) >= 3 and len(found) >= 0.7 * len(members[scheme])
        for at in found
    }
    return [
        replace(line, cue=replace(line.cue, ask=max(line.cue.ask, 0.7))) if at in asked else line
        for at, line in enumerate(lines)
    ]


_RECORD = re.compile(
    r"[\[【]?\s?(?:题号|题目编号|试题编号|No\.?|Item|Task|Question (?:no\.?|number|id))\s?[\]】:：]\s?(?:(\d{1,3})(?!\d)|([①-⑳]))\s*[\[【|｜]\s?[^\W_]",
    re.IGNORECASE,
)


def is_record(text: str) -> bool:
    """True for a line with the number of a task and other fields."""
    return bool(_RECORD.match(text))


def _recorded(lines: list[Line]) -> list[Line]:
    """The lines with the heads of tasks read as such, where there are three or more: a number and other fields ("【No.】3 【Topic】…"),
    and what is asked on the next line.
    """
    read = list(lines)
    heads = 0
    for at, (head, asked) in enumerate(pairwise(lines)):
        match = _RECORD.match(head.block.plain) if head.block.kind == "paragraph" else None
        if match and asked.block.gap == 1 and asked.block.kind in ("paragraph", "item") and asked.cue.label != "a":
            number = Number(
                *(("record", (int(match[1]),)) if match[1] else ("circled", (to_int(match[2]),))), match.end()
            )
            read[at] = replace(head, cue=Cue("", number, "", match.end(), 0.7), record=True)
            read[at + 1] = replace(asked, above=True)
            heads += 1
    return read if heads >= 3 else lines


def _turned(lines: list[Line]) -> list[Line]:
    """The lines of a talk with the labels changed over where the one who is asked asks back ("Me: How big is the team?").

    Such a line stands after a blank one, asks outright, and right below it the other one says something that does not ask. Right below a
    question it is one only where answers are not parted from their questions by blank lines.
    """
    read = list(lines)
    gaps = [other.block.gap for one, other in pairwise(lines) if one.cue.label == "q" and other.cue.label == "a"]
    joined = sum(gap == 1 for gap in gaps) >= 0.7 * len(gaps)
    for at, (asked, told) in enumerate(pairwise(lines)):
        free = joined or at == 0 or read[at - 1].cue.label != "q"
        back = asked.cue.label == "a" and asked.block.gap >= 2 and asked.cue.ask == 1.0 and free
        if back and told.block.gap == 1 and told.cue.label == "q" and told.cue.body.strip() and told.cue.ask < 0.5:
            read[at] = replace(asked, cue=replace(asked.cue, label="q"))
            read[at + 1] = replace(told, cue=replace(told.cue, label="a"))
    return read


def _pursuing(lines: list[Line]) -> list[tuple[int, int]]:
    """Questions that pursue an answer, with it, as (last line before the question, end), where blank lines part the exchanges of a talk.

    They stand right below the answer and lean on it ("And three times?"), so that they say little without it.
    """
    asked = [at for at, line in enumerate(lines) if line.cue.label == "q" and line.cue.body.strip()]
    if sum(lines[at].block.gap >= 2 for at in asked) < 0.7 * len(asked):
        return []
    found: list[tuple[int, int]] = []
    for before, at in pairwise(asked):
        line = lines[at]
        leans = line.cue.number is None and line.block.gap == 1 and is_rhetorical(line.cue.body)
        told = lines[at - 1].cue.label == "a" or (at - 2 > before and lines[before + 1].cue.label == "a")
        if leans and told and at + 1 < len(lines) and lines[at + 1].cue.label == "a" and lines[at + 1].block.gap == 1:
            found.append((at - 1, at + 1))
    return found


def _holding(lines: list[Line]) -> list[tuple[int, int]]:
    """Questions with what stands in their list items or unfolding panels, as (question, end).

    What holds another unfolding question, or two that are set apart, is a section whatever its title says.
    """
    found: list[tuple[int, int]] = []
    at = 0
    while at + 1 < len(lines):
        line, end = lines[at], at + 1
        if line.cue.ask >= 0.5 and line.dressed and line.eligible:
            while end < len(lines) and lines[end].block.inside > line.block.inside:
                end += 1
        asking = [n for n in range(at + 1, end) if lines[n].cue.ask >= 0.7 and lines[n].dressed and lines[n].eligible]
        if end == at + 1 or len(asking) >= 2 or any(lines[n].block.kind == "term" for n in asking):
            at += 1
        else:
            found.append((at, end))
            at = end
    return found


def _defining(lines: list[Line]) -> list[tuple[int, int]]:
    """Questions right above a list of definitions none of whose terms asks, as (last line before the list, end of the list)."""
    found: list[tuple[int, int]] = []
    at = 1
    while at < len(lines):
        end = at
        while end < len(lines) and lines[end].block.kind in ("term", "definition"):
            end += 1
        terms = [line for line in lines[at:end] if line.block.kind == "term"]
        if any(line.block.kind == "definition" for line in lines[at:end]) and all(line.cue.ask < 0.5 for line in terms):
            told = lines[at - 1].block.plain.rstrip()[-1:] in (":", "：") and at >= 2
            if lines[at - 2 if told else at - 1].cue.ask >= 0.7:
                found.append((at - 1, end))
        at = end + 1
    return found


LETTERS = {
    "letter": "roman",
    "letters": "romans",
}  # schemes of letters, and those of the numerals that look like letters


def _lettered(lines: list[Line]) -> list[Line]:
    """The lines with "(i)", "(v)" and "(x)" read as letters where they stand behind "(h)", "(u)" and "(w)"."""
    last: dict[str, int] = {}  # the letter before, by scheme
    for at, line in enumerate(lines):
        number = line.cue.number
        if number is None:
            continue
        for letters, numerals in LETTERS.items():
            letter = re.search(r"[A-Za-z]", line.block.plain) if number.scheme == numerals else None
            value = ord(letter.group().lower()) - 96 if letter and number.value[0] in (1, 5, 10) else 0
            if value and last.get(letters) == value - 1:
                number = Number(letters, (value,), number.length)
                lines[at] = replace(line, cue=replace(line.cue, number=number))
            if number.scheme == letters:
                last[letters] = number.value[0]
    return lines


def part_schemes(lines: list[Line]) -> set[str]:
    """The schemes of letters that count choices and parts of questions on a page, not questions.

    Questions are five or more whose letters go up over the whole page with text between them: choices and parts begin anew.
    """
    schemes: set[str] = set()
    for scheme in (*LETTERS, "romans"):
        members = [at for at, line in enumerate(lines) if line.cue.number and line.cue.number.scheme == scheme]
        values = [number.value[0] for at in members if (number := lines[at].cue.number)]
        apart = sum(other > one + 1 for one, other in pairwise(members))
        rising = len(values) >= 5 and all(one < other for one, other in pairwise(values))
        if not rising or apart < 0.8 * (len(members) - 1):
            schemes.add(scheme)
    return schemes


def _tells(item: Line, following: Line) -> bool:
    """True for a list item that asks outright above something of its own that does not."""
    listed = following.block.kind == "item" and MARKER.match(following.block.text)
    below = following.block.kind != "heading" and (not listed or following.block.indent > item.block.indent)
    return (
        item.block.kind == "item"
        and item.cue.ask == 1.0
        and item.cue.label == ""
        and below
        and following.cue.ask < 0.7
        and display_width(item.block.plain) <= 140
    )


def best_chain(lines: list[Line], members: list[int]) -> list[int]:
    """The members whose numbers go up one by one, weighed by how question-like they are.

    Answers hold numbered lists of their own, so the same scheme occurs at two depths. Dynamic programming over the last number
    of a chain finds the run with the largest weight; restarts are cheap after a section title and dear elsewhere. Linear in the
    number of members, but for a logarithm where numbers have several levels.
    """
    best: dict[tuple[int, ...], tuple[float, int, int | None]] = {}  # last value -> (score, member, link)
    links: list[tuple[int, int | None]] = []
    top: tuple[float, int | None] = (0.0, None)
    top_before_section: tuple[float, int | None] = (0.0, None)
    previous = -1
    numbers = {at: number for at in members if (number := lines[at].cue.number)}
    chapters = _Chapters({number.value for number in numbers.values()})
    for at in members:
        number = numbers[at]
        value, ask = number.value, lines[at].cue.ask
        gain = 0.15 + ask if ask >= 0.5 else 0.05 if display_width(lines[at].cue.body) <= 80 else -0.2
        if any(_is_section_like(lines[n], number.scheme) for n in range(previous + 1, at)):
            top_before_section = top
        options: list[tuple[float, int | None]] = [(-LATE_START_COST if value[-1] != 1 else 0.0, None)]
        for step in range(4):
            earlier = best.get((*value[:-1], value[-1] - step))
            if earlier:
                options.append((earlier[0] - (REPEAT_COST if step == 0 else GAP_COST * (step - 1)), earlier[2]))
        if len(value) > 1 and value[-1] == 1:
            options.extend(chapters.before(value))
        if value[-1] <= 2:
            options.append((top_before_section[0] - FREE_RESTART_COST, top_before_section[1]))
            options.append((top[0] - RESTART_COST, top[1]))
        score, link = max(options, key=lambda option: option[0])
        links.append((at, link))
        here = len(links) - 1
        score += gain
        if value not in best or score >= best[value][0]:
            best[value] = (score, at, here)
            chapters.put(value, score, here)
        if score >= top[0]:
            top = (score, here)
        previous = at
    chain: list[int] = []
    at_link = top[1]
    while at_link is not None:
        chain.append(links[at_link][0])
        at_link = links[at_link][1]
    return [at for at in reversed(chain) if lines[at].cue.ask >= 0.5 or display_width(lines[at].cue.body) <= 80]


class _Chapters:
    """The best score of a chain that ends in a number of an earlier chapter: "1.9" before "2.1". A Fenwick tree for each length of number."""

    def __init__(self, values: set[tuple[int, ...]]) -> None:
        chapters: dict[int, set[tuple[int, ...]]] = {}
        for value in values:
            if len(value) > 1:
                chapters.setdefault(len(value), set()).add(value[:-1])
        self._ranks = {
            size: {chapter: rank for rank, chapter in enumerate(sorted(group), 1)} for size, group in chapters.items()
        }
        self._trees = {
            size: [(-math.inf, 0, -1)] * (len(ranks) + 1) for size, ranks in self._ranks.items()
        }  # (score, minus the order of first coming, link)
        self._order: dict[tuple[int, ...], int] = {}

    def put(self, value: tuple[int, ...], score: float, link: int) -> None:
        """A chain that ends in `value`; its scores only rise."""
        if len(value) < 2:
            return
        tree, rank = self._trees[len(value)], self._ranks[len(value)][value[:-1]]
        entry = (score, -self._order.setdefault(value, len(self._order)), link)
        while rank < len(tree):
            tree[rank] = max(tree[rank], entry)
            rank += rank & -rank

    def before(self, value: tuple[int, ...]) -> list[tuple[float, int | None]]:
        """(score, link) of the best chain that ends in an earlier chapter; none when there is none."""
        tree, rank = self._trees[len(value)], self._ranks[len(value)][value[:-1]] - 1
        best = tree[0]
        while rank:
            best = max(best, tree[rank])
            rank -= rank & -rank
        return [(best[0], best[2])] if best[2] >= 0 else []


def _is_section_like(line: Line, scheme: str) -> bool:
    """True for headings and for numbered titles of another, coarser scheme."""
    if line.block.kind == "heading" or CHAPTER.match(line.block.plain):
        return True
    number = line.cue.number
    if number is None or line.cue.ask >= 0.7 or not line.titled:
        return False
    return (number.scheme in ("han", "hans", "ordinal") and scheme not in ("han", "ordinal")) or (
        number.scheme in ("dot", "comma") and scheme == "dotted"
    )
