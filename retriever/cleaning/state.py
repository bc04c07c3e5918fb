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
    """Index where content goes on after a lead: the next question in the page's own numbering or heading level."""
    asked = [at for at in range(lead) if page.asks(at) and at not in page.drops]
    if not asked:
        after = [at for at in range(lead + 1, len(page.blocks)) if page.asks(at) and answered(page, at)]
        return after[0] if after else len(page.blocks)
    style = _style(page, asked)
    known = {page.cues[at].number.value for at in asked if page.cues[at].number}  # type: ignore[union-attr]
    for at in range(lead + 1, len(page.blocks)):
        if at in page.drops or not page.asks(at) or _signature(page, at) != style:
            continue
        number = page.cues[at].number
        if number is not None:
            if number.value not in known and (
                (*number.value[:-1], number.value[-1] - 1) in known or number.value[-1] == 1
            ):
                return at
        elif (
            page.cues[at].label == "q"
            or (page.blocks[at].kind in ("heading", "term") and (at + 1 < len(page.blocks)))
            or (
                answered(page, at) and sum(page.asks(n) and answered(page, n) for n in range(at, len(page.blocks))) >= 2
            )
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


def _style(page: Page, asked: list[int]) -> tuple[object, ...]:
    signatures = [_signature(page, at) for at in asked]
    return max(dict.fromkeys(signatures), key=signatures.count)


def answered(page: Page, at: int) -> bool:
    """True when a whole sentence, not a cut-off blurb, follows block `at`."""
    if at + 1 >= len(page.blocks):
        return False
    text = page.blocks[at + 1].plain.strip()
    return (
        not phrases.is_cut_off(text)
        and not page.asks(at + 1)
        and (len(text) >= 20 or page.blocks[at + 1].kind in ("item", "code", "table"))
    )
