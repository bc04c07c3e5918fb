"""Clean one page: weigh phrases, structure and place, and sort its blocks into kept ones and drops."""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from retriever.cleaning import phrases
from retriever.cleaning.profile import SiteProfile
from retriever.cues import Cue, display_width, is_title, is_url, read_cue, trim_question
from retriever.documents import Block, Document, Drop, Source

_REASONS = {
    "nav": ("navigation", "part of the site's navigation"),
    "header": ("navigation", "part of the site's header"),
    "footer": ("site-legal", "part of the site's footer"),
    "aside": ("sidebar", "in a side column"),
    "teaser": ("teaser", "in a list of other articles"),
    "comments": ("comments", "in the comments"),
    "share": ("share", "share, like or donate buttons"),
    "byline": ("byline", "author, date or reading figures"),
    "advert": ("promo", "advertisement"),
    "login": ("login", "login or paywall"),
    "subscribe": ("promo", "asks for a subscription"),
    "dialog": ("cookie", "a dialog over the page"),
    "toc": ("toc", "table of contents"),
    "form": ("form", "a form or a button"),
    "button": ("form", "a form or a button"),
    "hidden": ("hidden", "not shown to readers"),
}
# A suffix or prefix of the page goes when its blocks look like furniture at this rate on average.
# 0.35 was chosen by hand on the pages in tests/pages/dev (0.25 to 0.5 gave the same drops there).
EDGE_RATE = 0.35


@dataclass
class _Page:
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
        return (cue.label == "q" and bool(cue.body)) or cue.ask >= (0.5 if placed else 1.0) and display_width(cue.body) <= 200


def clean(source: Source, title: str, blocks: list[Block], profile: SiteProfile) -> Document:
    """Decide for every block of a page whether it stays. Every drop carries its lines, its rule and its reason."""
    page = _Page(source, blocks, profile, [read_cue(b.plain) for b in blocks])
    for rule in _RULES:
        rule(page)
    kept = tuple(block for at, block in enumerate(blocks) if at not in page.drops)
    drops = tuple(
        Drop(b.start_line, b.end_line, b.start, b.end, *page.drops[at], text=b.plain) for at, b in enumerate(blocks) if at in page.drops
    )
    return Document(source, title, kept, drops)


def _by_markup(page: _Page) -> None:
    """Blocks inside furniture elements, unless that would take most of the page's questions with it."""
    asking = [at for at in range(len(page.blocks)) if page.asks(at)]
    for hint, (rule, reason) in _REASONS.items():
        inside = {at for at, block in enumerate(page.blocks) if hint in block.hints}
        questions = sum(at in inside for at in asking)
        text = sum(len(page.blocks[at].text) for at in inside)
        total = sum(len(block.text) for block in page.blocks)
        if inside and hint != "hidden" and (questions > 0.5 * len(asking) or text > 0.7 * total):
            continue
        for at in inside:
            page.drop(at, rule, reason)


def _by_phrase(page: _Page) -> None:
    """Blocks whose wording leaves no doubt; images; lines the site repeats at the edges of its pages."""
    first, last = _content_range(page)
    for at, block in enumerate(page.blocks):
        if block.kind == "image":
            page.drop(at, "image-placeholder", "stands where an image was")
        if at in page.drops or block.kind in ("code", "table", "formula") or (block.kind == "heading" and page.asks(at)):
            continue
        sure = phrases.sure_furniture(block.plain)
        if sure and not (page.cues[at].label == "q" or (page.cues[at].ask >= 0.7 and page.cues[at].number is not None and sure[0] != "end-marker")):
            page.drop(at, *sure)
        elif not first <= at < last and page.profile.is_repeated(page.source, block):
            page.drop(at, "site-repeated", "stands on several pages of this site")
        elif phrases.is_inline_teaser(block.plain) and not page.asks(at):
            page.drop(at, "teaser", "points to another article")


def _by_paragraph(page: _Page) -> None:
    """The other lines of a wrapped paragraph one line of which asks for a follow, a comment or a login."""
    for at in list(page.drops):
        if page.drops[at][0] not in ("promo", "login", "site-legal", "cookie"):
            continue
        for step in (-1, 1):
            n = at
            while 0 <= n + step < len(page.blocks):
                upper, lower = (n + step, n) if step < 0 else (n, n + step)
                if page.blocks[lower].gap != 1 or not _wraps(page.blocks[upper], page.blocks[lower]):
                    break
                n += step
                page.drop(n, *page.drops[at])


def _wraps(upper: Block, lower: Block) -> bool:
    """True when `lower` goes on with the sentence that `upper` breaks off at the margin."""
    text = upper.plain.rstrip()
    return upper.kind == lower.kind == "paragraph" and display_width(text) >= 56 and text[-1:] not in "。.!！?？:：;；" and lower.plain[:1].islower()


def _content_range(page: _Page) -> tuple[int, int]:
    """Indices of the first and the last block that asks."""
    asking = [at for at in range(len(page.blocks)) if at not in page.drops and page.asks(at)]
    return (asking[0], asking[-1]) if asking else (0, len(page.blocks))


def _by_lead(page: _Page) -> None:
    """Runs under a heading such as "related articles" or "comments", up to where the page's own questions go on."""
    at = 0
    while at < len(page.blocks):
        block = page.blocks[at]
        lead = phrases.lead_of(block.plain) if block.kind in ("heading", "paragraph", "item", "term", "quote") and page.cues[at].ask < 0.5 else None
        if lead is None:
            at += 1
            continue
        end = _resume(page, at)
        single_word = display_width(block.plain.strip()) <= 4 and block.kind != "heading"
        if end < len(page.blocks) and (single_word or not _looks_foreign(page, at + 1, end)):
            at += 1
            continue
        for inside in range(at, end):
            page.drop(inside, *lead)
        at = end


def _resume(page: _Page, lead: int) -> int:
    """Index where content goes on after a lead: the next question in the page's own numbering or heading level."""
    asked = [at for at in range(lead) if page.asks(at) and at not in page.drops]
    if not asked:
        after = [at for at in range(lead + 1, len(page.blocks)) if page.asks(at) and _answered(page, at)]
        return after[0] if after else len(page.blocks)
    style = _style(page, asked)
    known = {page.cues[at].number.value for at in asked if page.cues[at].number}  # type: ignore[union-attr]
    for at in range(lead + 1, len(page.blocks)):
        if at in page.drops or not page.asks(at) or _signature(page, at) != style:
            continue
        number = page.cues[at].number
        if number is not None:
            if number.value not in known and (number.value[:-1] + (number.value[-1] - 1,) in known or number.value[-1] == 1):
                return at
        elif page.cues[at].label == "q" or page.blocks[at].kind in ("heading", "term") and (at + 1 < len(page.blocks)):
            return at
        elif _answered(page, at) and sum(page.asks(n) and _answered(page, n) for n in range(at, len(page.blocks))) >= 2:
            return at
    return len(page.blocks)


def _signature(page: _Page, at: int) -> tuple[object, ...]:
    block, cue = page.blocks[at], page.cues[at]
    return (block.kind if block.kind in ("heading", "term") else "", block.level, cue.label, cue.number.scheme if cue.number else "")


def _style(page: _Page, asked: list[int]) -> tuple[object, ...]:
    signatures = [_signature(page, at) for at in asked]
    return max(dict.fromkeys(signatures), key=signatures.count)


def _answered(page: _Page, at: int) -> bool:
    """True when a whole sentence, not a cut-off blurb, follows block `at`."""
    if at + 1 >= len(page.blocks):
        return False
    text = page.blocks[at + 1].plain.strip()
    return not phrases.is_cut_off(text) and not page.asks(at + 1) and (len(text) >= 20 or page.blocks[at + 1].kind in ("item", "code", "table"))


def _looks_foreign(page: _Page, start: int, end: int) -> bool:
    """True when blocks `start`..`end` look like teasers or widgets: cut off, linked, bare titles, menu words."""
    inside = [page.blocks[at] for at in range(start, end)]
    if not inside:
        return True
    foreign = sum(
        phrases.is_cut_off(b.plain) or b.linked > 0.6 or is_url(b.plain) or phrases.ui_share(b.plain) > 0.5 or phrases.sure_furniture(b.plain) is not None
        or (b.plain.strip()[-1:] not in "。.!！;；:：" and display_width(b.plain) < 70)
        for b in inside
    )
    return foreign >= 0.6 * len(inside)


def _by_blurbs(page: _Page) -> None:
    """Runs of two or more title + cut-off blurb pairs: teasers without a heading of their own."""
    at, run = 0, []
    while at + 1 < len(page.blocks):
        title, blurb = page.blocks[at], page.blocks[at + 1]
        if phrases.is_cut_off(blurb.plain) and display_width(blurb.plain) >= 40 and display_width(title.plain) < 120 and not phrases.is_cut_off(title.plain):
            run.append(at)
            at += 2
            continue
        _drop_run(page, run)
        run = []
        at += 1
    _drop_run(page, run)


def _drop_run(page: _Page, run: list[int]) -> None:
    for at in run if len(run) >= 2 else []:
        page.drop(at, "teaser", "title of an article of another subject")
        page.drop(at + 1, "teaser", "blurb cut off by the site")


def _by_contents(page: _Page) -> None:
    """A table of contents: lines under such a heading, or a run of lines, that come again later as questions."""
    later: dict[str, list[int]] = {}
    for at, block in enumerate(page.blocks):
        if block.kind not in ("code", "table"):
            later.setdefault(_key(block, page.cues[at]), []).append(at)
    run: list[int] = []
    for at, block in enumerate([*page.blocks, None]):
        again = block is not None and any(n > at for n in later.get(_key(block, page.cues[at]), ())) and bool(_key(block, page.cues[at]))
        if again and (block.linked > 0.5 or page.cues[at].ask >= 0.5 or block.kind in ("item", "paragraph") and display_width(block.plain) < 120):  # type: ignore[union-attr]
            run.append(at)
            continue
        bridged = block is not None and run and run[-1] >= at - 1 and (block.kind == "heading" or block.linked > 0.6 or display_width(block.plain) < 30) and at + 1 < len(page.blocks) and any(
            n > at + 1 for n in later.get(_key(page.blocks[at + 1], page.cues[at + 1]), ())
        ) and bool(_key(page.blocks[at + 1], page.cues[at + 1]))
        if bridged:
            run.append(at)
            continue
        telling = sum(page.cues[n].ask >= 0.5 or page.blocks[n].linked > 0.5 or page.cues[n].number is not None for n in run)
        if len(run) >= 3 and telling >= 0.5 * len(run):
            for n in run:
                page.drop(n, "toc", "comes again below with its answer")
            if run[0] and phrases.is_toc_lead(page.blocks[run[0] - 1].plain):
                page.drop(run[0] - 1, "toc", "heading of the table of contents")
        run = []
    for at, block in enumerate(page.blocks):
        if phrases.is_toc_lead(block.plain) and at not in page.drops:
            page.drop(at, "toc", "heading of the table of contents")
            for n in range(at + 1, len(page.blocks)):
                if page.blocks[n].linked < 0.6:
                    break
                page.drop(n, "toc", "link of the table of contents")


def _key(block: Block, cue: Cue) -> str:
    return re.sub(r"[\W_]+", "", trim_question(cue.body)).lower() if (2 if cue.number else 5) <= len(cue.body) <= 200 else ""


def _by_edges(page: _Page) -> None:
    """The best suffix (and prefix before the first question) whose blocks look like furniture at EDGE_RATE or more."""
    first, last = _content_range(page)
    tail = list(range(len(page.blocks) - 1, last, -1))
    head = list(range(0, first))
    for side in (tail, head):
        total, best, cut = 0.0, 0.0, 0
        for n, at in enumerate(side, 1):
            total += _furniture_score(page, at) - EDGE_RATE
            if total > best:
                best, cut = total, n
        for at in side[:cut]:
            page.drop(at, "page-edge", "stands among the furniture at the edge of the page")


def _furniture_score(page: _Page, at: int) -> float:
    """How much block `at` looks like furniture, 0..1."""
    block = page.blocks[at]
    if at in page.drops:
        return 1.0
    if block.kind in ("code", "table", "formula", "heading", "term"):
        return 0.0
    text = block.plain.strip()
    if phrases.is_cut_off(text) and len(text) > 30 or is_url(text) or block.linked > 0.8:
        return 0.9
    if not re.search(r"[\w\u4e00-\u9fff]{2,}", text):
        return 0.6
    return phrases.ui_share(text)


def _by_subject(page: _Page) -> None:
    """After the last answer, prose next to dropped blocks that shares hardly a word with the page."""
    first, last = _content_range(page)
    if not page.drops or last >= len(page.blocks):
        return
    own = set()
    for at in range(first, min(last + 2, len(page.blocks))):
        if at not in page.drops:
            own.update(_grams(page.blocks[at].plain))
    for at in _tail_beside_drops(page, last + 2):
        grams = _grams(page.blocks[at].plain)
        # 0.12: answers of the pages in tests/pages/dev share 0.2 or more with the rest of their page, adverts 0.1 or less.
        if len(grams) >= 20 and sum(gram in own for gram in grams) < 0.12 * len(grams):
            page.drop(at, "off-subject", "shares hardly a word with the page and stands among its furniture")


def _tail_beside_drops(page: _Page, start: int) -> Iterator[int]:
    for at in range(start, len(page.blocks)):
        if at not in page.drops and at - 1 in page.drops and (at + 1 in page.drops or at + 1 == len(page.blocks)):
            yield at


def _grams(text: str) -> set[str]:
    han = "".join(c if "\u4e00" <= c <= "\u9fff" else " " for c in text)
    return {run[i : i + 2] for run in han.split() for i in range(len(run) - 1)} | {w.lower() for w in re.findall(r"[A-Za-z]{3,}", text)}


def _among_drops(page: _Page) -> None:
    """Short lines between two dropped blocks, and bare titles whose whole section was dropped up to the end."""
    end = len(page.blocks)
    for at in range(end - 1, 0, -1):
        if at not in page.drops:
            if at + 1 < end and all(n in page.drops for n in range(at + 1, end)) and _bare(page, at) and _is_section(page.blocks[at]):
                page.drop(at, "page-edge", "heading of a part that was dropped whole")
            break
    for at in range(1, end - 1):
        if at in page.drops or at - 1 not in page.drops or at + 1 not in page.drops:
            continue
        around = {page.drops[at - 1][0], page.drops[at + 1][0]}
        if _bare(page, at) and display_width(page.blocks[at].plain) <= 60 and around <= {"promo", "login", "share", "teaser", "comments", "navigation", "byline"}:
            page.drop(at, "among-furniture", "a short line between two pieces of furniture")


def _is_section(block: Block) -> bool:
    return block.kind == "heading" or (block.kind == "paragraph" and is_title(block.plain) and (block.strong or display_width(block.plain) <= 12))


def _bare(page: _Page, at: int) -> bool:
    """True for a line that neither asks, nor is numbered or labelled, nor ends like a sentence."""
    block, cue = page.blocks[at], page.cues[at]
    if block.kind in ("code", "table", "formula", "term") or page.asks(at) or cue.number is not None or cue.label:
        return False
    return block.plain.strip()[-1:] not in "。;；:："


def _after_end_marker(page: _Page) -> None:
    """What follows the end of the article, where no question of the page's own numbering goes on."""
    ends = [at for at, (rule, _) in page.drops.items() if rule == "end-marker"]
    for end in sorted(ends):
        if _resume(page, end) == len(page.blocks):
            for at in range(end + 1, len(page.blocks)):
                page.drop(at, "after-end", "stands after the end of the article")
            return


_RULES: tuple[Callable[[_Page], None], ...] = (
    _by_markup, _by_contents, _by_phrase, _by_paragraph, _by_lead, _by_blurbs, _after_end_marker, _by_edges, _by_subject, _among_drops,
)  # fmt: skip
