"""Clean one page: weigh phrases, structure and place, and sort its blocks into kept ones and drops."""

import re
from collections.abc import Callable, Iterator

from retriever.cleaning import phrases
from retriever.cleaning.appeals import by_appeal, by_box, by_closing_appeal
from retriever.cleaning.profile import SiteProfile, fold, line_key
from retriever.cleaning.runs import (
    after_end_marker,
    by_blurbs,
    by_contents,
    by_gutter,
    by_lead,
    by_linked_titles,
    by_thread,
)
from retriever.cleaning.state import Page, answered, content_range
from retriever.cleaning.stubs import by_stub
from retriever.cleaning.teasers import by_asking_teaser
from retriever.cues import display_width, is_title, is_url
from retriever.documents import Block, Document, Drop, Source
from retriever.readers.marks import cues_of
from retriever.readers.plain import ask_of

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
    "poll": ("poll", "a poll or a quiz"),
    "dialog": ("cookie", "a dialog over the page"),
    "toc": ("toc", "table of contents"),
    "form": ("form", "a form or a button"),
    "button": ("form", "a form or a button"),
    "hidden": ("hidden", "not shown to readers"),
}
# A suffix or prefix of the page goes when its blocks look like furniture at this rate on average.
# Set by hand; 0.2 to 0.6 give the same split scores on tests/pages/dev and the five first pages (measured 2026-11-21).
EDGE_RATE = 0.35
# Share of a line inside links from which on it points elsewhere, below a line that does. Set by hand on tests/pages/dev4.
LEAST_LINKED = 0.1
# Columns of the shortest line that names a page whose first line is furniture: what is shorter is a name or a button there.
# Set by hand on tests/pages/dev and dev2.
SHORTEST_TITLE = 10


def clean(source: Source, title: str, blocks: list[Block], profile: SiteProfile) -> Document:
    """Decide for every block of a page whether it stays. Every drop carries its lines, its rule and its reason."""
    page = Page(source, blocks, profile, cues_of(blocks))
    for rule in _RULES:
        rule(page)
    kept = tuple(block for at, block in enumerate(blocks) if at not in page.drops)
    drops = tuple(
        Drop(b.start_line, b.end_line, b.start, b.end, *page.drops[at], text=b.plain)
        for at, b in enumerate(blocks)
        if at in page.drops
    )
    return Document(source, _title(page, title), kept, drops)


def _title(page: Page, title: str) -> str:
    """The title a reader found; when that line is a menu or a button, the first line above the questions that could be one."""
    lines = [at for at, block in enumerate(page.blocks) if block.plain == title]
    if page.source.format == "html" or not any(at in page.drops for at in lines) or not _names_no_page(title):
        return title
    above = range(min(content_range(page)[0] + 1, len(page.blocks)))
    plain = [at for at in above if page.cues[at].number is None and not page.cues[at].label]
    for at in (*(at for at in plain if page.blocks[at].kind == "heading"), *plain):
        text = page.blocks[at].plain
        if is_title(text) and display_width(text) >= SHORTEST_TITLE and not _names_no_page(text):
            return text
    return title


def _names_no_page(text: str) -> bool:
    """True for words of menus, buttons and bylines."""
    return phrases.sure_furniture(text) is not None or phrases.ui_share(text) > 0.25


def _by_markup(page: Page) -> None:
    """Blocks inside furniture elements, unless that would take most of the page's questions with it."""
    asking = [at for at in range(len(page.blocks)) if page.asks(at)]
    for hint, (rule, reason) in _REASONS.items():
        inside = {at for at, block in enumerate(page.blocks) if hint in block.hints}
        if hint in (
            "form",
            "button",
            "hidden",
        ):  # accordions keep their questions on buttons and their answers out of sight
            short = 12 if hint == "hidden" else 80
            inside = {
                at
                for at in inside
                if page.cues[at].ask < 0.5 and not page.cues[at].label and display_width(page.blocks[at].plain) <= short
            }
        questions = sum(at in inside for at in asking)
        text = sum(len(page.blocks[at].text) for at in inside)
        total = sum(len(block.text) for block in page.blocks)
        if inside and hint != "hidden" and (questions > 0.5 * len(asking) or text > 0.7 * total):
            continue
        for at in inside:
            page.drop(at, rule, reason)


def _by_phrase(page: Page) -> None:
    """Blocks whose wording leaves no doubt; images; lines the site repeats at the edges of its pages."""
    first, last = content_range(page)
    repeated = page.profile.repeated_on(page.source)
    entries = _dated_entries(page)
    for at, block in enumerate(page.blocks):
        if block.kind == "image":
            page.drop(at, "image-placeholder", "stands where an image was")
        if (
            at in page.drops
            or block.kind in ("code", "table", "formula")
            or (block.kind == "heading" and page.asks(at))
        ):
            continue
        sure = phrases.sure_furniture(block.plain)
        if sure and sure[0] == "byline" and at in entries:
            continue
        if sure and not (
            sure[0] in _SOFT_RULES and (_is_question(page, at, sure[0]) or _is_answer(page, at) or _is_item(page, at))
        ):
            page.drop(at, *sure)
        elif not first <= at <= last + 1 and repeated and line_key(block.plain) in repeated:
            page.drop(at, "site-repeated", "stands on several pages of this site")
        elif block.linked >= 0.95 and block.kind == "paragraph" and page.cues[at].ask < 0.7 and not is_url(block.plain):
            page.drop(at, "link", "nothing but links to other pages")
        elif phrases.is_inline_teaser(block.plain) and not page.asks(at):
            page.drop(at, "teaser", "points to another article")
        elif at and page.drops.get(at - 1, ("",))[0] == "teaser" and _points_on(page.blocks[at - 1], block):
            page.drop(at, "teaser", "points to another article")


def _dated_entries(page: Page) -> set[int]:
    """Lines that begin with a date and go on with a title ("2023.2.20 How do you …"), where there are three or more and half of them ask."""
    rests = {
        at: block.plain[match.end() :].strip()
        for at, block in enumerate(page.blocks)
        if block.kind in ("paragraph", "item", "heading") and (match := phrases.DATED.match(block.plain))
    }
    asking = sum(ask_of(rest) >= 0.5 for rest in rests.values())
    return set(rests) if len(rests) >= 3 and asking >= 0.5 * len(rests) else set()


def _points_on(above: Block, block: Block) -> bool:
    """True for the next line of a paragraph that ends in a link as the one above does."""
    return (
        block.gap == 1
        and block.kind == above.kind == "paragraph"
        and min(above.linked, block.linked) >= LEAST_LINKED
        and block.plain.rstrip()[-1:] not in "。.!！?？;；:："
    )


# Rules whose phrases answers use as well, when the subject of the page is what furniture is made of.
_SOFT_RULES = frozenset(
    {"promo", "site-legal", "cookie", "navigation", "tags", "byline", "share", "feedback", "media", "image-placeholder"}
)


def _is_question(page: Page, at: int, rule: str) -> bool:
    """True for a question in the dress of one (numbered, labelled, heading, emphasised), or with a whole sentence below it."""
    block, cue = page.blocks[at], page.cues[at]
    if cue.label == "q":
        return True
    dressed = cue.number is not None or block.kind in ("heading", "term") or block.strong
    return (
        page.asks(at)
        and cue.ask >= 0.7
        and (dressed or (rule in ("promo", "site-legal", "cookie") and answered(page, at)))
    )


def _is_answer(page: Page, at: int) -> bool:
    """True for a sentence right below a question that would lose its only answer, or that shares words with it."""
    if at == 0 or at - 1 in page.drops or not page.asks(at - 1):
        return False
    text = page.blocks[at].plain.rstrip()
    if text[-1:] not in "。.!！?？;；":
        return False
    alone = at + 1 == len(page.blocks) or page.asks(at + 1) or page.blocks[at + 1].kind == "heading"
    return alone or len(_grams(text) & _grams(page.blocks[at - 1].plain)) >= 2


def _is_item(page: Page, at: int) -> bool:
    """True for a whole sentence that is one of a run of items, when one beside it is no furniture: lists are furniture or not as a whole."""
    block, number = page.blocks[at], page.cues[at].number
    bracket = _bracket(block)
    if (len(block.plain) < 20 and not bracket) or block.plain.rstrip()[-1:] not in "。.!！?？;；" or block.linked > 0.3:
        return False
    for step in (-1, 1):
        n = at + step
        if not 0 <= n < len(page.blocks) or phrases.sure_furniture(page.blocks[n].plain):
            continue
        other = page.cues[n].number
        numbered = (
            number is not None
            and other is not None
            and (other.scheme, other.value) == (number.scheme, (*number.value[:-1], number.value[-1] + step))
        )
        if bracket and bracket == _bracket(page.blocks[n]):
            return True
        if (numbered or block.kind == page.blocks[n].kind == "item") and len(page.blocks[n].plain) >= 20:
            return True
    return False


def _bracket(block: Block) -> str:
    """The bracket of the label a paragraph begins with ("【内容】写文章。"); "" when there is none or nothing follows it."""
    match = re.match(r"\s*([【〔［\[(（])[^】〕］\])）]{1,12}[】〕］\])）]\s*\w", block.plain)
    return match.group(1) if match and block.kind == "paragraph" else ""


def _by_paragraph(page: Page) -> None:
    """The other lines of a wrapped paragraph one line of which asks for a follow, a comment or a login."""
    walked: set[int] = set()
    for at in list(page.drops):
        if page.drops[at][0] not in ("promo", "login", "site-legal", "cookie") or at in walked:
            continue
        for step in (-1, 1):
            n = at
            while 0 <= n + step < len(page.blocks):
                upper, lower = (n + step, n) if step < 0 else (n, n + step)
                if page.blocks[lower].gap != 1 or not _wraps(page.blocks[upper], page.blocks[lower]):
                    break
                n += step
                walked.add(n)
                page.drop(n, *page.drops[at])


def _by_group(page: Page) -> None:
    """Small groups of short lines (an author's card, a share bar) one of which is furniture beyond doubt; quotes set apart;
    running headers beside page numbers."""
    start = 0
    for at in range(1, len(page.blocks) + 1):
        if at < len(page.blocks) and page.blocks[at].gap == 1:
            continue
        group = range(start, at)
        start = at
        certain = [n for n in group if n in page.drops and page.drops[n][0] in _CARD_RULES]
        poll = any(page.drops[n][0] == "poll" for n in certain)
        if 2 <= len(group) <= 6 and certain and (poll or all(n in page.drops or _on_card(page, n) for n in group)):
            for n in group:
                if display_width(page.blocks[n].plain) <= 48:
                    page.drop(n, *page.drops[certain[0]])
    for at in range(1, len(page.blocks)):
        text, before = page.blocks[at].plain.strip(), page.blocks[at - 1].plain.rstrip()
        quoted = re.fullmatch(r"[“\"「][^“”\"「」]{8,120}[”\"」]", text)
        if (
            quoted
            and page.blocks[at].kind in ("paragraph", "quote")
            and not page.asks(at - 1)
            and before[-1:] not in ":："
        ):
            page.drop(at, "pull-quote", "a sentence of the article set apart")
    for at in range(len(page.blocks) - 2):
        texts = [page.blocks[n].plain.strip() for n in range(at, at + 3)]
        if texts[0] in ("“", '"', "「") and texts[2] in ("”", '"', "」"):
            for n in range(at, at + 3):
                page.drop(n, "pull-quote", "a sentence of the article set apart")
    _running_headers(page)


def _on_card(page: Page, at: int) -> bool:
    """True for a bare line that is no sentence below a question, as the lines of cards and bars are."""
    told = at > 0 and at - 1 not in page.drops and page.asks(at - 1) and page.blocks[at].plain.rstrip()[-1:] in ".!！"
    return _bare(page, at) and not told


_CARD_RULES = frozenset({"byline", "promo", "share", "login", "media", "poll"})


def _running_headers(page: Page) -> None:
    """Lines that stand beside page numbers three times or more."""
    beside: dict[str, list[int]] = {}
    for at, (rule, _) in list(page.drops.items()):
        for n in (at - 1, at + 1) if rule == "page-number" else ():
            if 0 <= n < len(page.blocks):
                beside.setdefault(fold(page.blocks[n].plain), []).append(n)
    for places in beside.values():
        for n in places if len(places) >= 2 else ():
            page.drop(n, "page-header", "running header of a printed document")


def _wraps(upper: Block, lower: Block) -> bool:
    """True when `lower` goes on with the sentence that `upper` breaks off at the margin."""
    text = upper.plain.rstrip()
    return (
        upper.kind == lower.kind == "paragraph"
        and display_width(text) >= 56
        and text[-1:] not in "。.!！?？:：;；"
        and lower.plain[:1].islower()
    )


def _by_edges(page: Page) -> None:
    """The best suffix (and prefix before the first question) whose blocks look like furniture at EDGE_RATE or more.

    Behind a block that is furniture beyond doubt, short lines without a stop count half (names, tags, counts), and so do questions,
    which are none of the page's own there.
    """
    first, last = content_range(page)
    tail = list(range(len(page.blocks) - 1, last, -1))
    head = list(range(first))
    known = [at for at in tail if at in page.drops and not _opens_answer(page, at)]
    for side in (tail, head):
        total, best, cut = 0.0, 0.0, 0
        for n, at in enumerate(side, 1):
            score = _furniture_score(page, at)
            if (
                side is tail
                and known
                and at > known[-1]
                and (page.asks(at) or (_bare(page, at) and display_width(page.blocks[at].plain) <= 40))
            ):
                score = max(score, 0.5)
            total += score - EDGE_RATE
            if total > best:
                best, cut = total, n
        for at in side[:cut]:
            if side is head and page.blocks[at].kind == "heading":
                continue
            page.drop(at, "page-edge", "stands among the furniture at the edge of the page")


def _furniture_score(page: Page, at: int) -> float:
    """How much block `at` looks like furniture, 0..1."""
    block = page.blocks[at]
    if at in page.drops:
        return 0.0 if _opens_answer(page, at) else 1.0
    if block.kind in ("code", "table", "formula", "heading", "term"):
        return 0.0
    if page.cues[at].label == "a" or (at and at - 1 not in page.drops and page.asks(at - 1)):
        return 0.0
    if at and _opens_answer(page, at - 1):
        return 0.0
    text = block.plain.strip()
    if (phrases.is_cut_off(text) and len(text) > 30) or is_url(text) or block.linked > 0.8:
        return 0.9
    if not re.search(r"[\w\u4e00-\u9fff]{2,}", text):
        return 0.6
    return 0.0 if text[-1] in "。.!！?？;；" else phrases.ui_share(text)


def _opens_answer(page: Page, at: int) -> bool:
    """True for the words that unfold the answer of the question above them."""
    return at > 0 and page.drops.get(at, ("",))[0] == "fold" and at - 1 not in page.drops and page.asks(at - 1)


def _by_subject(page: Page) -> None:
    """After the last answer, prose next to dropped blocks that shares hardly a word with the page."""
    first, last = content_range(page)
    if not page.drops or last >= len(page.blocks):
        return
    own = set()
    for at in range(first, min(last + 2, len(page.blocks))):
        if at not in page.drops:
            own.update(_grams(page.blocks[at].plain))
    for at in _tail_beside_drops(page, last + 2):
        grams = _grams(page.blocks[at].plain)
        # 0.12 was set by hand; 0.06 to 0.3 give the same split scores on tests/pages/dev and the five first pages.
        if len(grams) >= 20 and sum(gram in own for gram in grams) < 0.12 * len(grams):
            page.drop(at, "off-subject", "shares hardly a word with the page and stands among its furniture")


def _tail_beside_drops(page: Page, start: int) -> Iterator[int]:
    for at in range(start, len(page.blocks)):
        if at not in page.drops and at - 1 in page.drops and (at + 1 in page.drops or at + 1 == len(page.blocks)):
            yield at


def _grams(text: str) -> set[str]:
    han = "".join(c if "\u4e00" <= c <= "\u9fff" else " " for c in text)
    return {run[i : i + 2] for run in han.split() for i in range(len(run) - 1)} | {
        w.lower() for w in re.findall(r"[A-Za-z]{3,}", text)
    }


def _among_drops(page: Page) -> None:
    """Short lines between two dropped blocks, and bare titles whose whole section was dropped up to the end."""
    end = len(page.blocks)
    for at in range(end - 1, 0, -1):
        if at not in page.drops:
            if (
                at + 1 < end
                and all(n in page.drops for n in range(at + 1, end))
                and _bare(page, at)
                and _is_section(page.blocks[at])
            ):
                page.drop(at, "page-edge", "heading of a part that was dropped whole")
            break
    for at in range(1, end - 1):
        beside = (at - 1 in page.drops) + (at + 1 in page.drops)
        if at not in page.drops and beside and phrases.ui_share(page.blocks[at].plain) == 1.0 and _bare(page, at):
            page.drop(at, "among-furniture", "the word of a button beside furniture")
        if at in page.drops or beside < 2:
            continue
        around = {page.drops[at - 1][0], page.drops[at + 1][0]}
        width = 160 if phrases.is_advert_mark(page.blocks[at - 1].plain) else 60
        if (
            _bare(page, at)
            and display_width(page.blocks[at].plain) <= width
            and around <= {"promo", "login", "share", "teaser", "comments", "navigation", "byline"}
        ):
            page.drop(at, "among-furniture", "a short line between two pieces of furniture")


def _is_section(block: Block) -> bool:
    return block.kind == "heading" or (
        block.kind == "paragraph" and is_title(block.plain) and (block.strong or display_width(block.plain) <= 12)
    )


def _bare(page: Page, at: int) -> bool:
    """True for a line that neither asks, nor is numbered or labelled, nor ends like a sentence."""
    block, cue = page.blocks[at], page.cues[at]
    if block.kind in ("code", "table", "formula", "term") or page.asks(at) or cue.number is not None or cue.label:
        return False
    return block.plain.strip()[-1:] not in "。;；:："


_RULES: tuple[Callable[[Page], None], ...] = (
    _by_markup, by_contents, _by_phrase, by_asking_teaser, _by_paragraph, by_appeal, by_box, by_gutter, _by_group, by_lead, by_linked_titles, by_thread, by_blurbs,
    by_stub, after_end_marker, by_closing_appeal, _by_edges, _by_subject, _among_drops,
)  # fmt: skip
