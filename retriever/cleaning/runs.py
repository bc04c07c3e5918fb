"""Runs of furniture: related articles, comments, cut-off blurbs, tables of contents, what follows the end."""

import re

from retriever.cleaning import phrases
from retriever.cleaning.state import Course, Page
from retriever.cues import Cue, display_width, is_url, trim_question
from retriever.documents import Block
from retriever.readers.lines import is_code


def by_lead(page: Page) -> None:
    """Runs under a heading such as "related articles" or "comments", up to where the page's own questions go on."""
    at, course = 0, Course(page)
    while at < len(page.blocks):
        block = page.blocks[at]
        asks = page.cues[at].ask >= 0.5 and block.plain.rstrip()[-1:] in ("?", "？")
        opens = block.kind in ("heading", "paragraph", "item", "term", "quote") and not asks
        lead = phrases.lead_of(block.plain) if opens else None
        if lead is None:
            at += 1
            continue
        if not page.look():
            return
        end = course.resume(at)
        single_word = display_width(block.plain.strip()) <= 4 and block.kind != "heading"
        if end < len(page.blocks):
            end = _foreign_until(page, at + 1, end)
        if end < len(page.blocks) and (single_word or lead[0] == "share" or end == at + 1):
            at += 1
            if lead[0] == "teaser":
                at = _drop_named(page, at, lead)
            continue
        drop = page.drop_comment if lead[0] in ("comments", "share") else page.drop
        for inside in range(at, end):
            drop(inside, *lead)
        at = end


def _drop_named(page: Page, start: int, lead: tuple[str, str]) -> int:
    """Drop the lead above `start` and the lines below it that are nothing but a title in its signs or a link; where others begin."""
    at = start
    while at < len(page.blocks) and (
        page.blocks[at].linked > 0.6 or re.fullmatch(r"\W*(?:\d+\W+)?《[^《》]{2,60}》\W*", page.blocks[at].plain)
    ):
        at += 1
    for n in range(start - 1, at) if at > start else ():
        page.drop(n, *lead)
    return at


def by_linked_titles(page: Page) -> None:
    """Headings that do not ask above nothing but links to pages, half of which ask: other articles, whatever the heading says."""
    at = 0
    while at < len(page.blocks):
        end = at + 1
        while (
            end < len(page.blocks) and page.blocks[end].linked >= 0.9 and page.blocks[end].kind in ("item", "paragraph")
        ):
            end += 1
        inside = range(at + 1, end)
        asking = sum(page.cues[n].ask >= 0.7 for n in inside)
        away = not any("](#" in page.blocks[n].text for n in inside)
        closed = end == len(page.blocks) or page.blocks[end].kind == "heading"
        heading = page.blocks[at].kind == "heading" and page.cues[at].ask < 0.5
        if heading and closed and away and len(inside) >= 2 and asking >= 0.5 * len(inside):
            for n in range(at, end):
                page.drop(n, "teaser", "links to other articles")
        at = end


def by_thread(page: Page) -> None:
    """Comments without a heading: two or more lines that only threads have (floors, "2 days ago", "A replied to B") after the
    last question make everything from before the first of them furniture."""
    marks = [at for at, (rule, _) in sorted(page.drops.items()) if rule == "comments"]
    course = Course(page)
    marks = [at for at in marks if course.resume(at) == len(page.blocks)]
    if len(marks) < 2:
        return
    first = marks[0]
    titled = phrases.lead_of(page.blocks[first].plain) is not None  # "all comments": above it stands no name
    if (
        first
        and not titled
        and first - 1 not in page.drops
        and page.blocks[first].gap == 1
        and not page.asks(first - 1)
    ):
        first -= 1
    for at in range(first, len(page.blocks)):
        page.drop_comment(at, "comments", "among the comments")


def by_gutter(page: Page) -> None:
    """The language name of a code box, beside its buttons, and its line numbers 1, 2, 3, … one a line."""
    boxes = {n for n, (rule, _) in page.drops.items() if rule in ("code-box", "form")}
    for order in (range(len(page.blocks)), range(len(page.blocks) - 1, -1, -1)):
        for n in order:
            language = page.blocks[n].plain.strip().lower() in phrases.LANGUAGES
            if language and n not in page.drops and (n + 1 in boxes or n - 1 in boxes or _above_code(page, n)):
                page.drop(n, "code-box", "language of a code box")
                boxes.add(n)
    for n, block in enumerate(page.blocks[:-1]):
        rows = block.text.split()
        if (
            block.kind == page.blocks[n + 1].kind == "code"
            and len(rows) >= 2
            and rows == [str(i + 1) for i in range(len(rows))]
        ):
            page.drop(n, "code-box", "line numbers of a code box")
    at = 0
    while at < len(page.blocks):
        run = 0
        while at + run < len(page.blocks) and page.blocks[at + run].plain.strip() == str(run + 1):
            run += 1
        after = at + run
        before_code = after < len(page.blocks) and (page.blocks[after].kind == "code" or after in page.drops)
        if run >= 2 and (at - 1 in page.drops or before_code):
            for n in range(at, after):
                page.drop(n, "code-box", "line numbers of a code box")
        at = max(after, at + 1)


def _above_code(page: Page, at: int) -> bool:
    """True for a line right above an unfenced block of code, as the name of its language is where the box is lost."""
    block, following = page.blocks[at], page.blocks[at + 1] if at + 1 < len(page.blocks) else None
    return (
        following is not None
        and block.kind == "paragraph"
        and following.gap == 1
        and (
            is_code(following.plain)
            if following.kind == "paragraph"
            else following.kind == "code" and not following.text.startswith(("```", "~~~"))
        )
    )


def _foreign_until(page: Page, start: int, end: int) -> int:
    """End of the run of groups (blocks without a blank line between them) after a lead that look like teasers or widgets:
    cut off, linked, menu words, or bare titles that no text follows."""
    at = start
    while at < end:
        stop = at + 1
        while stop < end and page.blocks[stop].gap == 1:
            stop += 1
        if not page.look(stop - at):
            return at
        if not all(_is_foreign(page, n) for n in range(at, stop)):
            return at
        if page.blocks[at].kind == "heading":
            return at
        at = stop
    return end


def _is_foreign(page: Page, at: int) -> bool:
    if at not in page.foreign:
        page.foreign[at] = _looks_foreign(page.blocks[at])
    return page.foreign[at]


def _looks_foreign(block: Block) -> bool:
    text = block.plain.strip()
    if phrases.is_cut_off(text) or block.linked > 0.6 or is_url(text) or phrases.ui_share(text) > 0.5:
        return True
    if phrases.sure_furniture(text) is not None:
        return True
    return block.kind in ("paragraph", "item") and text[-1:] not in "。.!！;；:：" and display_width(text) < 70


def by_blurbs(page: Page) -> None:
    """Runs of two or more title + cut-off blurb pairs: teasers without a heading of their own."""
    at, run = 0, []
    while at + 1 < len(page.blocks):
        title, blurb = page.blocks[at], page.blocks[at + 1]
        if (
            phrases.is_cut_off(blurb.plain)
            and display_width(blurb.plain) >= 40
            and display_width(title.plain) < 120
            and not phrases.is_cut_off(title.plain)
        ):
            run.append(at)
            at += 2
            continue
        _drop_run(page, run)
        run = []
        at += 1
    _drop_run(page, run)


def _drop_run(page: Page, run: list[int]) -> None:
    for at in run if len(run) >= 2 else []:
        page.drop(at, "teaser", "title of an article of another subject")
        page.drop(at + 1, "teaser", "blurb cut off by the site")


def by_contents(page: Page) -> None:
    """A table of contents: lines under such a heading, or a run of lines, that come again later as questions."""
    last: dict[str, int] = {}
    for at, block in enumerate(page.blocks):
        number = page.cues[at].number
        section = number is not None and number.scheme in ("han", "hans", "ordinal")
        if block.kind in ("heading", "term") or page.asks(at) or section:
            last[_key(page.cues[at])] = at
    last.pop("", None)

    def comes_again(at: int) -> bool:
        return at < len(page.blocks) and last.get(_key(page.cues[at]), -1) > at

    run: list[int] = []
    for at, block in enumerate(page.blocks):
        short = block.kind in ("item", "paragraph") and display_width(block.plain) < 120
        listed = comes_again(at) and (block.linked > 0.5 or page.cues[at].ask >= 0.5 or short)
        heading = block.kind == "heading" or block.linked > 0.6 or display_width(block.plain) < 30
        if listed or (run and heading and comes_again(at + 1)):
            run.append(at)
        else:
            _drop_contents(page, run)
            run = []
    _drop_contents(page, run)
    for at, block in enumerate(page.blocks):
        if phrases.is_toc_lead(block.plain) and at not in page.drops:
            page.drop(at, "toc", "heading of the table of contents")
            for n in range(at + 1, len(page.blocks)):
                if page.blocks[n].linked < 0.6:
                    break
                page.drop(n, "toc", "link of the table of contents")


def _drop_contents(page: Page, run: list[int]) -> None:
    """Drop a run of three or more lines, most of which ask, link or are numbered, and the heading before it."""
    telling = sum(
        page.cues[n].ask >= 0.5 or page.blocks[n].linked > 0.5 or page.cues[n].number is not None for n in run
    )
    if len(run) < 3 or telling < 0.5 * len(run):
        return
    for n in run:
        page.drop(n, "toc", "comes again below with its answer")
    if run[0] and phrases.is_toc_lead(page.blocks[run[0] - 1].plain):
        page.drop(run[0] - 1, "toc", "heading of the table of contents")


def _key(cue: Cue) -> str:
    """The words of a line, for comparison; "" for lines too short or too long to be told apart by them."""
    least = 2 if cue.number else 5
    return re.sub(r"[\W_]+", "", trim_question(cue.body)).lower() if least <= len(cue.body) <= 200 else ""


def after_end_marker(page: Page) -> None:
    """What follows the end of the article, where no question of the page's own numbering goes on."""
    ends = [at for at, (rule, _) in page.drops.items() if rule == "end-marker"]
    course = Course(page)
    for end in sorted(ends):
        if course.resume(end) == len(page.blocks):
            for at in range(end + 1, len(page.blocks)):
                page.drop(at, "after-end", "stands after the end of the article")
            return
