"""A page while it is cleaned: its blocks, what each line says of itself, the drops so far, and where its content lies."""

from dataclasses import dataclass, field

from retriever.cleaning import phrases
from retriever.cleaning.profile import SiteProfile
from retriever.cues import Cue, display_width
from retriever.documents import Block, Source


@dataclass
class Page:
    """The blocks of a page, what each line says of itself, and the drops decided so far."""

    source: Source
    blocks: list[Block]
    profile: SiteProfile
    cues: list[Cue] = field(default_factory=list)
    drops: dict[int, tuple[str, str]] = field(default_factory=dict)

    def drop(self, at: int, rule: str, reason: str) -> None:
        self.drops.setdefault(at, (rule, reason))

    def asks(self, at: int) -> bool:
        """True when block `at` opens a question by its own look: labelled, or question-like in the place of a heading."""
        block, cue = self.blocks[at], self.cues[at]
        if block.kind in ("code", "table", "formula", "image"):
            return False
        placed = block.kind in ("heading", "term") or block.strong or cue.number is not None
        return (cue.label == "q" and bool(cue.body)) or (
            cue.ask >= (0.5 if placed else 1.0) and display_width(cue.body) <= 200
        )


def content_range(page: Page) -> tuple[int, int]:
    """Indices of the first and the last block that asks."""
    asking = [at for at in range(len(page.blocks)) if at not in page.drops and page.asks(at)]
    return (asking[0], asking[-1]) if asking else (0, len(page.blocks))


def resume(page: Page, lead: int) -> int:
    """Index where content goes on after a lead: the next question marked as the page marks most of its questions."""
    asked = [at for at in range(len(page.blocks)) if page.asks(at) and at not in page.drops]
    before = [at for at in asked if at < lead]
    style = _style(page, before if len(before) >= 3 else asked) if asked else None
    dresses = {_dress(page, n) for n in before} - {("paragraph", 0, "", False)}
    known = {page.cues[at].number.value for at in before if page.cues[at].number}  # type: ignore[union-attr]
    for at in (at for at in asked if at > lead):
        number = page.cues[at].number
        marked = page.blocks[at].kind == "term" or _dress(page, at) in dresses
        new = number is not None and number.value not in known
        if (marked or new) and answered(page, at):
            return at
        if _signature(page, at) != style:
            continue
        if number is not None:
            follows = (*number.value[:-1], number.value[-1] - 1) in known or number.value[-1] == 1 or not before
            if number.value not in known and follows:
                return at
        elif (
            page.cues[at].label == "q"
            or page.blocks[at].kind in ("heading", "term")
            or page.blocks[at].strong
            or (answered(page, at) and sum(n >= at and answered(page, n) for n in asked) >= 2)
        ):
            return at
    return len(page.blocks)


def _signature(page: Page, at: int) -> tuple[object, ...]:
    block, cue = page.blocks[at], page.cues[at]
    return (
        block.kind if block.kind in ("heading", "term") else "",
        block.level,
        cue.label,
        cue.number.scheme if cue.number else "",
    )


def _dress(page: Page, at: int) -> tuple[str, int, str, bool]:
    """What sets a question line apart but its number: kind, heading level, label, emphasis."""
    block = page.blocks[at]
    kind = block.kind if block.kind in ("heading", "term") else "paragraph"
    return (kind, block.level, page.cues[at].label, block.strong)


def _style(page: Page, asked: list[int]) -> tuple[object, ...]:
    signatures = [_signature(page, at) for at in asked]
    return max(dict.fromkeys(signatures), key=signatures.count)


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
