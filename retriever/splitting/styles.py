"""Find out how a page marks its questions.

People number their questions, label them, make them headings, bold lines or definition terms, or simply write them on lines of
their own. A page mostly keeps to one style, and its answers hold lines that look the same from near (numbered lists, rhetorical
questions). So the styles a page could have are compared as wholes: the one with the largest mass of question-like lines wins.
"""

import re
from collections import defaultdict
from dataclasses import dataclass
from itertools import pairwise

from retriever.cues import display_width, is_rhetorical, is_url, read_cue
from retriever.splitting.numbering import CHAPTER, Line, best_chain

MIN_MASS = 1.5


@dataclass(frozen=True, slots=True)
class Style:
    """How a page marks questions: the kind of mark, the indices of the lines that open one, and those of section titles."""

    kind: str
    questions: frozenset[int]
    sections: frozenset[int]


def find_style(lines: list[Line], *, part: bool = False) -> Style:
    """The style of a page (or of a `part` of one); kind "none" when nothing on it looks like a question.

    Parts of a page between its section titles may have styles of their own.
    """
    candidates = _candidates(lines)
    scored = [
        (sum(_weight(lines[at], kind) for at in members), kind, members)
        for kind, members in candidates.items()
        if _plausible(lines, kind, members)
    ]
    mass, kind, members = max(scored, key=lambda item: (item[0], item[1]), default=(0.0, "none", []))
    family = kind.split(":")[0]
    if mass < MIN_MASS and not (family in ("label", "term", "heading", "number") and mass >= 0.9):
        kind, family, members = "bare", "bare", []
    chosen = set(members)
    if family in ("number", "bare", "strong"):
        chosen |= _stray_questions(lines, chosen, kind)
    if family == "bare":
        chosen |= _bare_questions(lines, chosen)
        kind = "bare" if chosen else "none"
    if family == "label":
        chosen |= {at for at, line in enumerate(lines) if line.cue.label == "q" and line.eligible}
    if family == "number":
        chosen |= _other_numbers(lines, chosen, scored)
    chosen |= _companions(lines, chosen)
    sections = _sections(lines, chosen, kind)
    if not part:
        for start, end in _parts(lines, chosen, sections):
            inner = find_style(lines[start + 1 : end], part=True)
            asking = sum(lines[start + 1 + at].cue.ask >= 0.5 for at in inner.questions)
            if inner.kind == "none" or asking < 0.6 * len(inner.questions):
                continue
            chosen |= {start + 1 + at for at in inner.questions}
            sections |= {start + 1 + at for at in inner.sections} | {start}
            chosen.discard(start)
        chosen |= _unmistakable(lines, chosen)
        chosen |= _left_out(lines, chosen, sections)
    return Style(kind, frozenset(chosen), frozenset(sections - chosen))


def _other_numbers(lines: list[Line], chosen: set[int], scored: list[tuple[float, str, list[int]]]) -> set[int]:
    """Chains of other numbering that ask throughout and stand wholly before, after or between the chosen questions."""
    found: set[int] = set()
    for _, kind, members in sorted(scored, reverse=True):
        if not kind.startswith("number:") or len(members) < 2 or chosen & set(members):
            continue
        asking = sum(lines[at].cue.ask >= 0.7 for at in members)
        between = any(members[0] < at < members[-1] for at in chosen | found)
        if asking >= 0.9 * len(members) and not between:
            found |= set(members)
    return found


def _unmistakable(lines: list[Line], chosen: set[int]) -> set[int]:
    """Questions that another style than the page's own would swallow as part of an answer, but which say themselves what they are:
    those with a labelled answer, unfolding titles that ask, and those whose number is the one that comes next, in whatever dress.
    """
    found: set[int] = set()
    order = sorted(chosen)
    counted = [at for at in order if lines[at].cue.number is not None]
    last, nearest = 0, 0  # the number of the question before; how many of the numbered questions stand before the line
    for at, line in enumerate(lines):
        number = line.cue.number
        while nearest < len(counted) and counted[nearest] <= at:
            nearest += 1
        if at not in chosen and line.eligible and line.cue.ask >= 0.5:
            labelled = line.cue.label == "q"
            answered = labelled and at + 1 < len(lines) and lines[at + 1].cue.label == "a"
            unfolds = line.block.kind == "term" and line.cue.ask >= 0.7
            if number is not None and (labelled or line.cue.ask >= 0.7) and not (answered or unfolds):
                upcoming = lines[counted[nearest]].cue.number if nearest < len(counted) else None
                free = upcoming is None or upcoming.value[-1] > number.value[-1] or upcoming.value[-1] == 1
                unfolds = (
                    free
                    and (last == number.value[-1] - 1 > 0 or (labelled and not counted))
                    and not _in_list(lines, at)
                    and not _continues_list(lines, at, chosen | found)
                )
            if (answered or unfolds) and _followed_by_content(lines, at, chosen):
                found.add(at)
        if at in chosen or at in found:
            last = number.value[-1] if number is not None else 0
    return found


def _left_out(lines: list[Line], chosen: set[int], sections: set[int]) -> set[int]:
    """Questions in the dress of one where no answer holds them: before the first chosen one, and between a section title and the next
    question, the title itself among them. A page's title is none, though it may ask.
    """
    if not chosen:
        return set()
    ones = [at for at, line in enumerate(lines) if line.block.kind == "heading" and line.block.level == 1]
    starts = sorted(chosen | sections)
    found: set[int] = set()

    def asks(at: int) -> bool:
        line = lines[at]
        return (
            [at] != ones
            and line.eligible
            and line.dressed
            and line.cue.ask >= 0.7
            and not (line.cue.number is not None and _in_list(lines, at))
            and display_width(line.cue.body) <= 120
            and _followed_by_content(lines, at, chosen | sections)
        )

    for start, end in zip([-1, *starts], [*starts, len(lines)], strict=True):
        if start in chosen:
            continue
        if start >= 0 and asks(start):
            found.add(start)
        elif start < 0 or end in chosen or (end < len(lines) and lines[end].block.level > lines[start].block.level):
            asking = [at for at in range(start + 1, end) if asks(at)]
            found |= {at for at in asking if lines[at].dress == lines[asking[0]].dress}
    return found


def _parts(lines: list[Line], chosen: set[int], sections: set[int]) -> list[tuple[int, int]]:
    """Stretches (title, end) that hold no chosen question although several lines in them ask.

    Their title is a section, or a chosen line that does not ask itself ("Part five: exercises").
    """
    starts = sorted(chosen | sections)
    found = []
    for start, end in zip(starts, [*starts[1:], len(lines)], strict=True) if starts else []:
        title = lines[start]
        if start in chosen and (title.cue.ask >= 0.3 or title.block.kind == "term"):
            continue
        asking = [at for at in range(start + 1, end) if lines[at].eligible and lines[at].cue.ask >= 0.7]
        least = 1 if start in sections and any(lines[at].block.kind in ("term", "heading") for at in asking) else 2
        if len(asking) >= (3 if start in chosen else least):
            found.append((start, end))
    return found


def _weight(line: Line, kind: str) -> float:
    if kind == "label":
        return 1.0
    if kind == "term":
        return max(line.cue.ask, 0.8)
    return line.cue.ask


def _candidates(lines: list[Line]) -> dict[str, list[int]]:
    """Every style the page could have, with its members."""
    groups: dict[str, list[int]] = defaultdict(list)
    numbered: dict[str, list[int]] = defaultdict(list)
    airy = _airy(lines)
    for at, line in enumerate(lines):
        block, cue = line.block, line.cue
        if not line.eligible:
            continue
        if block.kind == "term":
            groups["term"].append(at)
        elif block.kind == "heading":
            groups[f"heading:{block.level}"].append(at)
        elif cue.label == "q":
            groups["label"].append(at)
        elif cue.number is not None and not cue.label and cue.number.scheme not in ("letter", "letters"):
            numbered[cue.number.scheme].append(at)
        elif block.strong and not cue.label:
            groups["strong"].append(at)
        elif line.told:
            groups["item"].append(at)
        elif cue.ask == 1.0 and _alone(lines, at, airy):
            groups["bare"].append(at)
    for scheme, members in numbered.items():
        groups[f"number:{scheme}"] = best_chain(lines, members)
    return dict(groups)


def _plausible(lines: list[Line], kind: str, members: list[int]) -> bool:
    """A style must be question-like on average; a heading level or numbering may hold some plain topics."""
    if not members:
        return False
    if kind in ("term", "label"):
        return True
    mean = sum(lines[at].cue.ask for at in members) / len(members)
    least = {"heading": 0.3, "number": 0.3, "strong": 0.5, "item": 0.9, "bare": 0.9}[kind.split(":")[0]]
    return mean >= least


def _airy(lines: list[Line]) -> bool:
    """True for a page with blank lines between its paragraphs."""
    return sum(line.block.gap >= 2 for line in lines) > 0.3 * len(lines)


def _alone(lines: list[Line], at: int, airy: bool) -> bool:
    """True when line `at` is a paragraph of its own, or the page puts every paragraph on one line."""
    block = lines[at].block
    if block.indent >= 4 or display_width(block.plain) > 140:
        return False
    following = lines[at + 1].block if at + 1 < len(lines) else None
    return not airy or block.gap >= 2 or (following is not None and following.gap >= 2)


def _stray_questions(lines: list[Line], chosen: set[int], kind: str) -> set[int]:
    """Questions beside the page's main style: unnumbered ones, and numbers that a converter reset.

    They must stand alone, be answered by what follows, and not lean on the sentence before.
    """
    scheme = kind.split(":")[-1]
    airy = _airy(lines)
    found = set()
    for at, line in enumerate(lines):
        if (
            at in chosen
            or not line.eligible
            or line.cue.ask < 0.5
            or line.cue.label == "a"
            or line.block.kind == "heading"
        ):
            continue
        number = line.cue.number
        if number is None:
            good = (
                line.cue.ask == 1.0
                and line.block.kind == "paragraph"
                and (line.block.gap >= 2 if airy else kind == "bare")
                and _alone(lines, at, airy)
                and not is_rhetorical(line.cue.body)
                and display_width(line.cue.body) <= 120
            )
        else:
            good = number.scheme == scheme and not _in_list(lines, at) and display_width(line.cue.body) <= 120
        if good and _followed_by_content(lines, at, chosen):
            found.add(at)
    return found


def _in_list(lines: list[Line], at: int) -> bool:
    """True when the neighbours of a numbered line are the items before and after it."""
    number = lines[at].cue.number
    assert number is not None
    for step in (-1, 1):
        if 0 <= at + step < len(lines):
            other = lines[at + step].cue.number
            if (
                other is not None
                and other.scheme == number.scheme
                and other.value[-1] == number.value[-1] + step
                and lines[at + step].cue.label == ""
            ):
                return True
    return False


def _followed_by_content(lines: list[Line], at: int, chosen: set[int]) -> bool:
    following = at + 2 if at + 1 < len(lines) and lines[at + 1].above else at + 1
    if following >= len(lines) or following in chosen:
        return False
    line = lines[following]
    return (
        line.block.kind != "heading"
        and not is_url(line.block.plain)
        and not (line.cue.ask == 1.0 and line.cue.number is None and line.cue.label != "a")
    )


def _bare_questions(lines: list[Line], chosen: set[int]) -> set[int]:
    """On a page without marks: lines of their own that ask, and bare titles with a blank line around them."""
    if any(line.block.kind == "heading" for line in lines[1:]) and not chosen:
        return set()
    found = set(chosen)
    for at, line in enumerate(lines):
        block = line.block
        if (
            not line.eligible
            or block.kind not in ("paragraph",)
            or block.indent >= 4
            or line.cue.label == "a"
            or (at == 0 and line.cue.ask < 0.7 and not inline_topic(line))
        ):
            continue
        following = lines[at + 1] if at + 1 < len(lines) else None
        spaced = block.gap >= 2 and (following is None or following.block.gap >= 2)
        short = line.titled or display_width(block.plain) <= 80
        asks = block.gap >= 2 and line.cue.ask >= 0.7 and short and not is_rhetorical(line.cue.body)
        inline = inline_topic(line) and not (at - 1 in found and lines[at - 1].block.plain.strip() in line.block.plain)
        topic = spaced and line.titled and (line.cue.ask >= 0.5 or _opens_content(lines, at))
        if asks or topic or (spaced and inline):
            found.add(at)
    return found


def _opens_content(lines: list[Line], at: int) -> bool:
    """True for a title after finished text and before more text, not one of a run of short lines."""
    following = lines[at + 1] if at + 1 < len(lines) else None
    before = lines[at - 1]
    if following is None or (following.cue.ask >= 0.5 and following.titled):
        return False
    return (
        not (following.titled and before.titled and lines[at].cue.ask < 0.5 and before.cue.ask >= 0.5)
        and display_width(lines[at].block.plain) <= 40
    )


def inline_topic(line: Line) -> bool:
    """True for "topic that asks: answer" on one line ("Number of parameters: two")."""
    head, colon, rest = re.match(r"([^:：]*)([:：]?)(.*)", line.block.plain, re.DOTALL).groups()  # type: ignore[union-attr]
    return bool(colon) and bool(rest.strip()) and 8 <= display_width(head) <= 60 and read_cue(head).ask >= 0.5


def _companions(lines: list[Line], chosen: set[int]) -> set[int]:
    """Lines in the same dress as the chosen ones (emphasised) that lack their label or number, or have the number that is missing between two.

    Where the numbers count up without a gap nothing is missing, and a dressed line must ask outright to be one.
    """
    dressed = [
        at
        for at in chosen
        if (lines[at].block.strong or lines[at].block.text.startswith(("**", "__")))
        and lines[at].block.kind == "paragraph"
    ]
    if len(chosen) < 2 or len(dressed) < 0.7 * len(chosen):
        return set()
    order = sorted(chosen)
    missing: dict[tuple[str, int], tuple[int, int]] = {}  # scheme and number of a gap, and the lines it lies between
    numbered = 0
    for one, other in pairwise(order):
        first, second = lines[one].cue.number, lines[other].cue.number
        if first and second and first.scheme == second.scheme and len(first.value) == len(second.value) == 1:
            numbered += second.value[0] == first.value[0] + 1
            for value in range(first.value[0] + 1, min(second.value[0], first.value[0] + 5)):
                missing[first.scheme, value] = (one, other)
    complete = numbered == len(order) - 1
    found: set[int] = set()
    for at, line in enumerate(lines):
        if at in chosen or not line.eligible or not line.block.strong or line.block.kind != "paragraph":
            continue
        if line.cue.label or line.block.gap < 2 or not _followed_by_content(lines, at, chosen):
            continue
        number = line.cue.number
        if number is not None and len(number.value) == 1:
            start, end = missing.get((number.scheme, number.value[0]), (0, 0))
            if start < at < end:
                found.add(at)
                continue
        if line.cue.ask >= (0.9 if complete else 0.5) or (line.titled and not complete):
            found.add(at)
    return found


def _sections(lines: list[Line], chosen: set[int], kind: str) -> set[int]:
    """Titles that close the answer before them without being questions: headings, chapter lines, numbered titles before a question."""
    level = int(kind.split(":")[1]) if kind.startswith("heading:") else 6
    found = set()
    for at, line in enumerate(lines):
        if at in chosen:
            continue
        if CHAPTER.match(line.block.plain) and line.titled and line.block.gap >= 2 and line.cue.ask < 0.5:
            found.add(at)
        elif line.block.kind == "heading":
            if line.cue.label != "a" and (line.block.level <= level or not kind.startswith("heading")):
                found.add(at)
        elif at + 1 < len(lines) and at + 1 in chosen and CHAPTER.match(line.block.plain) and line.titled:
            found.add(at)
        elif kind == "item" and at + 1 in chosen and line.titled and line.block.indent < lines[at + 1].block.indent:
            found.add(at)
        elif (
            at + 1 < len(lines)
            and at + 1 in chosen
            and (at - 1 not in chosen or (kind == "bare" and _is_word(line)))
            and line.block.kind in ("paragraph", "item")
            and line.block.indent < 4
        ):
            if _continues_list(lines, at, chosen):
                continue
            if (
                line.cue.number is not None
                and line.cue.number.scheme in ("han", "ordinal", "dot", "comma", "hans")
                and _coarser(lines, at, chosen)
                and line.titled
            ) or (
                line.titled
                and line.cue.number is None
                and not line.cue.label
                and line.block.kind == "paragraph"
                and (line.block.strong or _spaced_title(lines, at))
            ):
                found.add(at)
    return found


def _is_word(line: Line) -> bool:
    """True for one or two words without any punctuation."""
    return display_width(line.block.plain) <= 12 and bool(
        re.fullmatch(r"[\w\u4e00-\u9fff+#-]+(?: [\w+#-]+)?", line.block.plain.strip())
    )


def _continues_list(lines: list[Line], at: int, chosen: set[int]) -> bool:
    """True when the answer before line `at` already holds a line numbered in the same scheme."""
    number = lines[at].cue.number
    if number is None:
        return False
    for n in range(at - 1, max(-1, at - 40), -1):
        if n in chosen:
            return False
        other = lines[n].cue.number
        if other is not None and other.scheme == number.scheme:
            return True
    return False


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
