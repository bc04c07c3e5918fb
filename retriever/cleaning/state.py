"""A page while it is cleaned: its blocks, what each line says of itself, the drops so far, and where its content lies."""

from bisect import bisect_right
from collections import Counter
from dataclasses import dataclass, field
from functools import cached_property

from retriever.cleaning import phrases
from retriever.cleaning.profile import SiteProfile
from retriever.cues import Cue, display_width
from retriever.documents import Block, Source

# How many lines the rules that look ahead may look at: so many a block of the page, and so many to begin with. Our pages need 0.3 a
# block at most (measured 2026-11-21); on a page of nothing but leads the rules stop there, and what they have not judged stays.
AHEAD, AHEAD_FIRST = 10, 100_000
LEAST_HEADS = 5  # lines that ask above a sentence each, to be the questions of a page that marks few of them or none
LEAST_TOLD = 40  # columns of an answer that a comment tells of at length


@dataclass
class Page:
    """The blocks of a page, what each line says of itself, and the drops decided so far."""

    source: Source
    blocks: list[Block]
    profile: SiteProfile
    cues: list[Cue] = field(default_factory=list)
    drops: dict[int, tuple[str, str]] = field(default_factory=dict)
    looked: int = 0
    foreign: dict[int, bool] = field(default_factory=dict)  # what blocks that were looked at are

    def drop(self, at: int, rule: str, reason: str) -> None:
        self.drops.setdefault(at, (rule, reason))

    def drop_comment(self, at: int, rule: str, reason: str) -> None:
        """Drop a line that stands among comments, unless it is part of an exchange."""
        if at not in self._exchanges:
            self.drop(at, rule, reason)

    @cached_property
    def _exchanges(self) -> set[int]:
        """Runs of labelled questions each with its labelled answer on the next line, two of them told of at length: readers tell in
        comments what they were asked, and what they said.
        """
        found: set[int] = set()
        at = 0
        while at < len(self.blocks):
            start, told = at, 0
            while at + 1 < len(self.blocks) and self._answers(at):
                told += display_width(self.blocks[at + 1].plain) >= LEAST_TOLD
                at += 2
            found |= set(range(start, at)) if told >= 2 else set()
            at += at == start
        return found

    def _answers(self, at: int) -> bool:
        """True for a labelled question with a labelled answer below it that no site has cut off."""
        asked, told = self.cues[at], self.cues[at + 1]
        labelled = asked.label == "q" and bool(asked.body.strip()) and told.label == "a" and bool(told.body.strip())
        return labelled and not phrases.is_cut_off(self.blocks[at + 1].plain)

    def look(self, lines: int = 1) -> bool:
        """Count lines looked at ahead of a place; False when there were too many."""
        self.looked += lines
        return self.looked <= AHEAD * len(self.blocks) + AHEAD_FIRST

    def asks(self, at: int) -> bool:
        """True when block `at` opens a question by its own look: labelled, or question-like in the place of a heading."""
        return self._asks[at]

    @cached_property
    def _asks(self) -> list[bool]:
        asks = [self._opens(at) for at in range(len(self.blocks))]
        heads = [at for at in range(len(self.blocks) - 1) if not asks[at] and self._heads(at)]
        if len(heads) >= LEAST_HEADS and len(heads) > sum(asks):
            for at in heads:
                asks[at] = True
        return asks

    def _heads(self, at: int) -> bool:
        """True for a short line that asks in any way, no sentence itself, with a sentence right below it and a blank line above."""
        block, cue, told = self.blocks[at], self.cues[at], self.blocks[at + 1]
        return (
            block.kind == told.kind == "paragraph"
            and block.gap >= 2 > told.gap
            and cue.ask >= 0.5
            and not cue.label
            and display_width(block.plain) <= 100
            and block.plain.rstrip()[-1:] not in "。.!！;；:：,，"
            and told.plain.rstrip()[-1:] in "。.!！"
        )

    def _opens(self, at: int) -> bool:
        block, cue = self.blocks[at], self.cues[at]
        if block.kind in ("code", "table", "formula", "image"):
            return False
        placed = block.kind in ("heading", "term") or block.strong or cue.number is not None
        return (cue.label == "q" and bool(cue.body)) or (
            cue.ask >= (0.5 if placed else 1.0) and display_width(cue.body) <= 200
        )


def content_range(page: Page) -> tuple[int, int]:
    """Indices of the first and the last block that asks; on a page that dresses its questions, of those in dress.

    What asks without it is a reader's comment as well as a question.
    """
    asking = [at for at in range(len(page.blocks)) if at not in page.drops and page.asks(at)]
    dressed = [at for at in asking if _dress(page, at) != _PLAIN or page.cues[at].number is not None]
    if len(dressed) >= 0.7 * len(asking):
        asking = dressed
    return (asking[0], asking[-1]) if asking else (0, len(page.blocks))


class Course:
    """Where the content of a page goes on after furniture. To be asked for leads in ascending order, before which nothing more is
    dropped than what lies before them.
    """

    def __init__(self, page: Page) -> None:
        self._page = page
        self._asked = [at for at in range(len(page.blocks)) if page.asks(at) and at not in page.drops]
        self._passed = 0
        self._before = 0
        self._styles: Counter[tuple[object, ...]] = Counter()
        self._dresses: set[tuple[str, int, str, bool]] = set()
        self._known: set[tuple[int, ...]] = set()
        self._overall: tuple[int, tuple[object, ...] | None] = (-1, None)  # for so many drops
        self._last: tuple[object, int] = (None, -1)

    def resume(self, lead: int) -> int:
        """Index where content goes on after a lead: the next question marked as the page marks most of its questions.

        The number of blocks when there is none.
        """
        page = self._page
        self._pass(lead)
        style = self._style()
        state = (self._before, style)
        if self._last[0] == state and self._last[1] > lead:
            return self._last[1]
        found = len(page.blocks)
        for n in range(bisect_right(self._asked, lead), len(self._asked)):
            if not page.look() or self._goes_on(self._asked[n], style):
                found = self._asked[n]
                break
        self._last = (state, found)
        return found

    def _pass(self, lead: int) -> None:
        """Take in the questions before `lead`."""
        while self._passed < len(self._asked) and self._asked[self._passed] < lead:
            at = self._asked[self._passed]
            self._passed += 1
            if at in self._page.drops:
                continue
            self._before += 1
            self._styles[_signature(self._page, at)] += 1
            self._dresses |= {_dress(self._page, at)} - {_PLAIN}
            number = self._page.cues[at].number
            if number:
                self._known.add(number.value)

    def _style(self) -> tuple[object, ...] | None:
        """How most questions before the lead are marked; where they are few, most of the page."""
        if self._before >= 3:
            return max(self._styles, key=self._styles.__getitem__)
        if self._overall[0] != len(self._page.drops) and self._page.look(len(self._asked)):
            styles = Counter(_signature(self._page, at) for at in self._asked if at not in self._page.drops)
            self._overall = (len(self._page.drops), max(styles, key=styles.__getitem__, default=None))
        return self._overall[1]

    @cached_property
    def _second_last(self) -> int:
        """The last but one of the answered questions, or -1."""
        told = (at for at in reversed(self._asked) if answered(self._page, at))
        return next((at for n, at in enumerate(told) if n == 1), -1)

    def _goes_on(self, at: int, style: tuple[object, ...] | None) -> bool:
        """True when block `at`, which asks, is marked like the questions before the lead."""
        page, number = self._page, self._page.cues[at].number
        marked = page.blocks[at].kind == "term" or _dress(page, at) in self._dresses
        new = number is not None and number.value not in self._known
        if (marked or new) and answered(page, at):
            return True
        if _signature(page, at) != style:
            return False
        if number is not None:
            follows = (*number.value[:-1], number.value[-1] - 1) in self._known
            return new and (follows or number.value[-1] == 1 or not self._before)
        return (
            page.cues[at].label == "q"
            or page.blocks[at].kind in ("heading", "term")
            or page.blocks[at].strong
            or (at <= self._second_last and answered(page, at))
        )


def _signature(page: Page, at: int) -> tuple[object, ...]:
    block, cue = page.blocks[at], page.cues[at]
    return (
        block.kind if block.kind in ("heading", "term") else "",
        block.level,
        cue.label,
        cue.number.scheme if cue.number else "",
    )


_PLAIN = ("paragraph", 0, "", False)


def _dress(page: Page, at: int) -> tuple[str, int, str, bool]:
    """What sets a question line apart but its number: kind, heading level, label, emphasis."""
    block = page.blocks[at]
    kind = block.kind if block.kind in ("heading", "term") else "paragraph"
    return (kind, block.level, page.cues[at].label, block.strong)


def answered(page: Page, at: int) -> bool:
    """True when a whole sentence, not a cut-off blurb, follows block `at`."""
    if at + 1 >= len(page.blocks):
        return False
    text = page.blocks[at + 1].plain.strip()
    mine, following = page.cues[at].number, page.cues[at + 1].number
    if mine is not None and following is not None and mine.scheme == following.scheme:
        if following.value == (*mine.value[:-1], mine.value[-1] + 1):
            return False  # the next item of a list
    return (
        not phrases.is_cut_off(text)
        and not page.asks(at + 1)
        and (len(text) >= 20 or page.blocks[at + 1].kind in ("item", "code", "table"))
    )
