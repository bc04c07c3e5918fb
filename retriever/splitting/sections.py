"""Titles that close the answer before them without being questions."""

import re
from bisect import bisect_right
from itertools import pairwise

from retriever.cues import ask_score, display_width, is_title
from retriever.splitting.numbering import CHAPTER, Line
from retriever.splitting.places import continues_list


def section_titles(lines: list[Line], chosen: set[int], kind: str) -> set[int]:
    """Titles that close the answer before them without being questions: headings, chapter lines, numbered titles before a question."""
    level = int(kind.split(":")[1]) if kind.startswith("heading:") else 6
    listed = _listed(lines, chosen)
    found = _counted_titles(lines, chosen) | _shared_heads(lines, chosen)
    chosen = chosen | found
    for at, line in enumerate(lines):
        if at in chosen or line.held:
            continue
        if CHAPTER.match(line.block.plain) and line.titled and line.block.gap >= 2 and line.cue.ask < 0.5:
            found.add(at)
        elif at + 1 in chosen and line.block.kind in ("paragraph", "item") and framed_title(line.block.plain):
            found.add(at)
        elif at + 1 in chosen and line.block.gap >= 2 and lines[at + 1].block.gap >= 2 and _is_bracketed(line):
            found.add(at)
        elif line.block.kind == "heading":
            if line.cue.label != "a" and (line.block.level <= level or not kind.startswith("heading")):
                found.add(at)
        elif at + 1 < len(lines) and at + 1 in chosen and CHAPTER.match(line.block.plain) and line.titled:
            found.add(at)
        elif kind == "item" and at + 1 in chosen and line.titled and line.block.indent < lines[at + 1].block.indent:
            found.add(at)
        elif at + 1 in chosen and _numbered_above(line, lines[at + 1]):
            found.add(at)
        elif at + 1 in chosen and at - 1 in chosen and _restarts(lines, at):
            found.add(at)
        elif (
            at + 1 < len(lines)
            and at + 1 in chosen
            and (at - 1 not in chosen or (kind == "bare" and _is_word(line)) or at in listed)
            and line.block.kind in ("paragraph", "item")
            and line.block.indent < 4
        ):
            if continues_list(lines, at, chosen):
                continue
            if (
                line.cue.number is not None
                and line.cue.number.scheme in ("han", "ordinal", "dot", "comma", "hans", "roman")
                and _coarser(lines, at, chosen)
                and line.titled
            ) or (
                line.titled
                and line.cue.number is None
                and not line.cue.label
                and line.block.kind == "paragraph"
                and (line.block.strong or at in listed or _spaced_title(lines, at))
            ):
                found.add(at)
    return found


def lone_titles(lines: list[Line], chosen: set[int]) -> set[int]:
    """Short titles between blank lines, on a page whose answers stand right below their questions."""
    return {
        at
        for at, (line, following) in enumerate(pairwise(lines))
        if at > min(chosen, default=at)
        and at not in chosen
        and line.titled
        and line.block.kind == "paragraph"
        and line.block.gap >= 2
        and following.block.gap >= 2
        and not line.cue.label
        and not re.search(r"[,，…]|[-—]{2}", line.block.plain)
        and display_width(line.block.plain) <= 30
    }


def _numbered_above(line: Line, following: Line) -> bool:
    """True for "3  SYSTEMS" above question 3.1."""
    match = re.match(r"(\d{1,3})[.、]?\s+\S", line.block.plain)
    number = following.cue.number
    return bool(match) and line.titled and number is not None and number.value == (int(match.group(1)), 1)  # type: ignore[union-attr]


def _restarts(lines: list[Line], at: int) -> bool:
    """True for a short line that ends in a colon between two questions in the same dress, the numbers of which begin anew below it."""
    before, after, text = lines[at - 1].cue.number, lines[at + 1].cue.number, lines[at].block.plain.rstrip()
    return (
        before is not None
        and after is not None
        and lines[at - 1].dress == lines[at + 1].dress
        and before.value[-1] > after.value[-1] == 1
        and lines[at].block.kind == "paragraph"
        and text[-1:] in ":："
        and not lines[at].cue.label
        and display_width(text) <= 40
    )


_COUNTER = re.compile(r"(?:(?:part|no\.?|section)\s?)?(\d{1,2})[.、]?$", re.IGNORECASE)


def _counted_titles(lines: list[Line], chosen: set[int]) -> set[int]:
    """Numbers alone on their line that count up over the page, each above a bare title and a question, with these titles."""
    found: list[int] = []
    last = 0
    for at, line in enumerate(lines[:-2]):
        match = _COUNTER.match(line.block.plain.strip()) if at + 2 in chosen else None
        if not match or chosen & {at - 1, at, at + 1} or not lines[at + 1].titled:
            continue
        if int(match.group(1)) == last + 1 or (not found and int(match.group(1)) == 2):  # above the first may be none
            found.append(at)
            last = int(match.group(1))
    return {n for at in found for n in (at, at + 1)} if len(found) >= 2 else set()


_RANGE = r"(\d{1,3})\s*+题?\s*+(?:[-–—~～至到]|to|through|and)\s*+第?\s*+(\d{1,3})"
_SHARED = re.compile(
    rf"\W*+(?:questions?|items?)\s++{_RANGE}(?!\d)(?=\W*$|\W*\s(?:refer|are|share|relate|use|concern))|\W*+第?\s*+{_RANGE}\s*+题"
    rf"|[\[【(（]\s*+{_RANGE}\s*+[\]】)）]\W*+$",
    re.IGNORECASE,
)


def shared_range(text: str) -> tuple[int, int] | None:
    """The first and the last of the questions that a line names together."""
    match = _SHARED.match(text) if len(text) <= 200 else None
    if match is None:
        return None
    first, last = (int(number) for number in match.groups() if number)
    return first, last


def _shared_heads(lines: list[Line], chosen: set[int]) -> set[int]:
    """Lines above what several questions share ("[7~9]", "Questions 7 to 9 refer to this passage"), the next of which is the first of them."""
    order = sorted(chosen)
    found: set[int] = set()
    for at, line in enumerate(lines):
        shared = shared_range(line.block.plain) if at not in chosen else None
        following = bisect_right(order, at) if shared else len(order)
        if shared and following < len(order):
            number = lines[order[following]].cue.number
            if number is not None and number.value[-1] == shared[0] < shared[1]:
                found.add(at)
    return found


def _listed(lines: list[Line], chosen: set[int]) -> set[int]:
    """Titles between blank lines that stood above the first question before: two or more of them are named by a table of contents."""
    first, named = min(chosen, default=0), set()
    found: dict[int, str] = {}
    for at, line in enumerate(lines[:-1]):
        title = line.block.plain
        if title in named and line.block.gap >= 2 and lines[at + 1].block.gap >= 2:
            found[at] = title
        elif at < first and line.titled:
            named.add(title)
    return set(found) if len(set(found.values())) >= 2 else set()


_FRAMES = frozenset("=-—─━#·•☆★◆◇■□▼▲")


def framed_title(text: str) -> str:
    """The title in a line that one sign, twice or more, frames on both sides ("==== Training ===="); "" for other lines."""
    if len(text) > 200:
        return ""
    sign, packed = text.strip()[:1], re.sub(r"\s", "", text)
    if sign not in _FRAMES or not (packed.startswith(sign * 2) and packed.endswith(sign * 2)):
        return ""
    title = text.strip(sign + " \t\u3000")
    return title if is_title(title) and ask_score(title) < 0.7 else ""


_IN_BRACKETS = re.compile(r"[【〖［\[][^【】〖〗［］\[\]]{1,40}[】〗］\]]")


def _is_bracketed(line: Line) -> bool:
    """True for a title that stands in heavy brackets as a whole ("【Basics 10:05】")."""
    plain = line.block.plain.strip()
    bare = line.block.kind == "paragraph" and not line.cue.label and line.cue.number is None
    return bare and bool(_IN_BRACKETS.fullmatch(plain)) and is_title(plain[1:-1]) and ask_score(plain[1:-1]) < 0.7


def _is_word(line: Line) -> bool:
    """True for one or two words without any punctuation."""
    return display_width(line.block.plain) <= 12 and bool(
        re.fullmatch(r"[\w\u4e00-\u9fff+#-]+(?: [\w+#-]+)?", line.block.plain.strip())
    )


def _coarser(lines: list[Line], at: int, chosen: set[int]) -> bool:
    """True when the numbering of line `at` is not that of the question after it."""
    mine, theirs = lines[at].cue.number, lines[at + 1].cue.number
    return mine is not None and (theirs is None or mine.scheme != theirs.scheme)


def _spaced_title(lines: list[Line], at: int) -> bool:
    block = lines[at].block
    before = lines[at - 1].block.plain.rstrip() if at else ""
    return (
        block.gap >= 2
        and (lines[at + 1].block.gap >= 2 or lines[at + 1].cue.label == "q")
        and display_width(block.plain) <= 30
        and (at == 0 or before[-1:] in "。.!！?？;；" or lines[at - 1].block.kind in ("code", "formula", "table"))
    )
