"""Find out how a page marks its questions.

People number their questions, label them, make them headings, bold lines or definition terms, or simply write them on lines of
their own. A page mostly keeps to one style, and its answers hold lines that look the same from near (numbered lists, rhetorical
questions). So the styles a page could have are compared as wholes: the one with the largest mass of question-like lines wins.
"""

from bisect import bisect_left
from collections import defaultdict
from dataclasses import dataclass

from retriever.splitting.beside import (
    bare_questions,
    companions,
    heads,
    left_out,
    other_numbers,
    stray_questions,
    unlabelled,
    unmistakable,
)
from retriever.splitting.numbering import Line, best_chain, part_schemes
from retriever.splitting.places import alone, is_airy
from retriever.splitting.sections import lone_titles, section_titles

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
    headed: set[int] = set()
    if mass < MIN_MASS and not (family in ("label", "term", "heading", "number") and mass >= 0.9):
        kind, family, members = "bare", "bare", []
    chosen = set(members)
    if family in ("number", "bare", "strong"):
        chosen |= stray_questions(lines, chosen, kind)
    if family == "bare":
        headed = heads(lines)
        chosen |= headed or bare_questions(lines, chosen)
        kind = "bare" if chosen else "none"
    if family == "label":
        chosen |= {at for at, line in enumerate(lines) if line.cue.label == "q" and line.eligible}
        chosen |= unlabelled(lines, chosen)
    if family == "number":
        chosen |= other_numbers(lines, chosen, scored)
    chosen |= companions(lines, chosen)
    sections = section_titles(lines, chosen, kind) | (lone_titles(lines, chosen) if headed else set())
    if not part:
        for start, end in _parts(lines, chosen, sections):
            inner = find_style(lines[start + 1 : end], part=True)
            asking = sum(lines[start + 1 + at].cue.ask >= 0.5 for at in inner.questions)
            if inner.kind == "none" or asking < 0.6 * len(inner.questions):
                continue
            chosen |= {start + 1 + at for at in inner.questions}
            sections |= {start + 1 + at for at in inner.sections} | {start}
            chosen.discard(start)
        for title, headed, below in _headed_parts(lines, chosen, sections):
            chosen |= headed
            sections = (sections | {title}) - below
        chosen |= unmistakable(lines, chosen)
        chosen |= left_out(lines, chosen, sections)
    return Style(kind, frozenset(chosen), frozenset(sections - chosen))


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


def _headed_parts(lines: list[Line], chosen: set[int], sections: set[int]) -> list[tuple[int, set[int], set[int]]]:
    """Section titles without a chosen question below them, three or more of whose headings ask: (title, these, headings below them).

    On a page whose questions are no headings elsewhere all headings are section titles at first.
    """
    headings = [at for at, line in enumerate(lines) if line.block.kind == "heading"]
    order = sorted(chosen)
    found: list[tuple[int, set[int], set[int]]] = []
    for n, title in enumerate(headings):
        level = lines[title].block.level
        inner: list[int] = []
        for at in headings[n + 1 : n + 200]:
            if lines[at].block.level <= level:
                break
            inner.append(at)
        if title not in sections or len(inner) < 3:
            continue
        after = n + len(inner) + 1
        end = headings[after] if after < len(headings) else len(lines)
        if bisect_left(order, end) > bisect_left(order, title):
            continue
        top = min(lines[at].block.level for at in inner)
        members = [at for at in inner if lines[at].block.level == top]
        asking = [at for at in members if lines[at].eligible and lines[at].cue.ask >= 0.7]
        if len(asking) >= 3 and len(asking) >= 0.6 * len(members):
            found.append((title, set(members), set(inner) - set(members)))
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
    airy, parts = is_airy(lines), part_schemes(lines)
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
        elif cue.number is not None and not cue.label and cue.number.scheme not in parts:
            numbered[cue.number.scheme].append(at)
        elif block.strong and not cue.label:
            groups["strong"].append(at)
        elif line.told:
            groups["item"].append(at)
        elif cue.ask == 1.0 and alone(lines, at, airy):
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
