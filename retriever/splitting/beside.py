"""Questions beside the page's own style: strays, those of another dress or numbering, and those that say themselves what they are."""

import re
from itertools import pairwise

from retriever.cues import display_width, is_rhetorical, read_cue
from retriever.splitting.numbering import Line
from retriever.splitting.places import alone, continues_list, followed_by_content, holds_text, in_list, is_airy


def other_numbers(lines: list[Line], chosen: set[int], scored: list[tuple[float, str, list[int]]]) -> set[int]:
    """Chains of other numbering that ask throughout and stand wholly before, after or between the chosen questions."""
    found: set[int] = set()
    for _, kind, members in sorted(scored, reverse=True):
        if not kind.startswith("number:") or len(members) < 2 or chosen & set(members):
            continue
        asking = sum(lines[at].cue.ask >= 0.7 for at in members)
        if _are_parts(lines, members, chosen):
            continue
        between = any(members[0] < at < members[-1] for at in chosen | found)
        if asking >= 0.9 * len(members) and not between:
            found |= set(members)
    return found


def _are_parts(lines: list[Line], members: list[int], chosen: set[int]) -> bool:
    """True for numbered lines one below the other between a question and its labelled answer: the parts of that question."""
    first, last = members[0], members[-1]
    listed = last - first + 1 == len(members) and last + 1 < len(lines)
    return listed and first - 1 in chosen and lines[last + 1].cue.label == "a"


def unmistakable(lines: list[Line], chosen: set[int]) -> set[int]:
    """Questions that another style than the page's own would swallow as part of an answer, but which say themselves what they are:
    those with a labelled answer that are labelled or stand right below a heading, unfolding titles that ask, and those whose number is the one that comes next, in whatever dress.
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
            opens = labelled or _titled_above(lines, at, chosen)
            answered = opens and at + 1 < len(lines) and lines[at + 1].cue.label == "a"
            unfolds = line.block.kind == "term" and line.cue.ask >= 0.7
            if number is not None and (labelled or line.cue.ask >= 0.7) and not (answered or unfolds):
                upcoming = lines[counted[nearest]].cue.number if nearest < len(counted) else None
                free = upcoming is None or upcoming.value[-1] > number.value[-1] or upcoming.value[-1] == 1
                unfolds = (
                    free
                    and (last == number.value[-1] - 1 > 0 or (labelled and not counted))
                    and not in_list(lines, at)
                    and not continues_list(lines, at, chosen | found)
                )
            goes_on = labelled and at - 2 in found and lines[at - 1].cue.label == "a"  # the next of a labelled exchange
            if goes_on or ((answered or unfolds) and followed_by_content(lines, at, chosen)):
                found.add(at)
        if at in chosen or at in found:
            last = number.value[-1] if number is not None else 0
    return found


def _titled_above(lines: list[Line], at: int, chosen: set[int]) -> bool:
    """True for the first line below a heading that is no question itself, when it asks ("### Case 2", the case, a labelled answer)."""
    above = lines[at - 1] if at else None
    return (
        above is not None
        and above.block.kind == "heading"
        and at - 1 not in chosen
        and above.cue.ask < 0.5
        and _is_plain(lines[at])
        and lines[at].cue.ask >= 0.7
    )


def left_out(lines: list[Line], chosen: set[int], sections: set[int]) -> set[int]:
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
            and not (line.cue.number is not None and in_list(lines, at))
            and display_width(line.cue.body) <= 120
            and followed_by_content(lines, at, chosen | sections)
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


def stray_questions(lines: list[Line], chosen: set[int], kind: str) -> set[int]:
    """Questions beside the page's main style: unnumbered ones, and numbers that a converter reset.

    They must stand alone, be answered by what follows, and not lean on the sentence before.
    """
    scheme = kind.split(":")[-1]
    airy = is_airy(lines)
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
                and alone(lines, at, airy)
                and not is_rhetorical(line.cue.body)
                and display_width(line.cue.body) <= 120
            )
        else:
            good = number.scheme == scheme and not in_list(lines, at) and display_width(line.cue.body) <= 120
        if good and followed_by_content(lines, at, chosen):
            found.add(at)
    return found


# Questions that lean on what stands above them: those of one word, and those about "this" or "it".
_LEANING = re.compile(
    r"^\W*(?:why|how|how so|really|what (?:then|now|else|next)|为什么|为何|为啥|怎么办|怎么做|怎么说|真的吗|是吗|对吗)(?: not)?\W*$"
    r"|^\W*(?:\w+(?:'s)? ){0,3}(?:is|are|was|were|does|do|did|can|could|will|would|should|has|have|about|if)(?:n't)? "
    r"(?:this|that|these|those|they|them|so|it(?=\W*$|\s\w+\W*$))\b|这|它|那(?:个|些|是|样|为)",
    re.IGNORECASE,
)


def unlabelled(lines: list[Line], chosen: set[int]) -> set[int]:
    """On a page of labels: questions without one, above the first label and after a labelled answer that has come to its end.

    Answers end at a blank line on such a page. What asks after it, with its text on the very next line, is a question of its own;
    where blank lines part everything it takes two of them below the last label.
    """
    order = sorted(chosen)
    stretches = list(zip(order, [*order[1:], len(lines)], strict=True))
    found = {n for n in range(order[0]) if _asks_alone(lines, n, chosen) and lines[n + 1].block.gap == 1}
    whole = 0  # answers of one paragraph
    for start, end in stretches:
        told = _first_told(lines, start, end)
        stop = next((n for n in range(told + 1, end) if lines[n].block.gap >= 2), end)
        whole += stop == end or _asks_alone(lines, stop, chosen)
        asking = [n for n in range(stop, end) if _asks_alone(lines, n, chosen)]
        if not asking or asking[0] != stop or lines[told].block.plain.rstrip()[-1:] in ":：":
            continue
        if any(lines[n + 1].block.gap == 1 for n in asking):
            found |= {n for n in range(stop, end) if _asks_joined(lines, n, chosen)}
        elif end == len(lines) and len(asking) >= 2:
            found |= set(asking)
    return found if whole >= 0.8 * len(stretches) else set()


def _first_told(lines: list[Line], start: int, end: int) -> int:
    """The line where the answer to the labelled question at `start` begins."""
    label = next((n for n in range(start + 1, end) if lines[n].cue.label == "a"), None)
    if label is None:
        return min(start + 1, end - 1)
    return label if lines[label].cue.body.strip() or label + 1 == end else label + 1


def _asks_alone(lines: list[Line], at: int, chosen: set[int]) -> bool:
    """True for a paragraph that asks outright, for itself, above text that answers."""
    line = lines[at]
    return (
        line.cue.ask == 1.0
        and _is_plain(line)
        and not is_rhetorical(line.cue.body)
        and not _LEANING.search(line.cue.body)
        and followed_by_content(lines, at, chosen)
    )


def _asks_joined(lines: list[Line], at: int, chosen: set[int]) -> bool:
    """True for a question as of `_asks_alone`, or a title that asks, with its text on the very next line."""
    line = lines[at]
    if at + 1 == len(lines) or lines[at + 1].block.gap != 1:
        return False
    titled = line.cue.ask >= 0.7 and line.titled and _is_plain(line) and not is_rhetorical(line.cue.body)
    return _asks_alone(lines, at, chosen) or (titled and followed_by_content(lines, at, chosen))


def _is_plain(line: Line) -> bool:
    """True for a paragraph without label or number, a blank line above it."""
    block, cue = line.block, line.cue
    return (
        line.eligible
        and block.kind == "paragraph"
        and block.gap >= 2
        and block.indent < 4
        and not cue.label
        and cue.number is None
        and display_width(cue.body) <= 120
    )


def bare_questions(lines: list[Line], chosen: set[int]) -> set[int]:
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


# A page writes its questions above their answers in paragraphs of their own when it has so many such paragraphs, so many of those of
# more than one line are such, and so many of their first lines ask. Set by hand on tests/pages/dev5.
LEAST_HEADED, HEADED_RATE, ASKING_RATE = 5, 0.8, 0.6


def heads(lines: list[Line]) -> set[int]:
    """On a page whose paragraphs begin with a question or a title on a line of its own ("Your weak points" above what to say): these
    lines, and lines that ask between blank ones.
    """
    starts = [at for at, line in enumerate(lines) if line.block.gap >= 2]
    found: set[int] = set()
    lone: set[int] = set()
    several = asking = 0
    for start, end in pairwise([*starts, len(lines)]):
        head = _heads(lines[start])
        if end == start + 1:
            lone |= {start} if head and lines[start].cue.ask >= 0.5 else set()
            continue
        several += 1
        below = lines[start + 1 : end]
        told = any(line.block.plain.rstrip()[-1:] in "。.!！?？;；" or line.block.kind != "paragraph" for line in below)
        if head and (told or lines[start].cue.ask >= 0.5) and not any(line.cue.label for line in below):
            found.add(start)
            asking += lines[start].cue.ask >= 0.5
    rare = len(found) < LEAST_HEADED or len(found) < HEADED_RATE * several
    return set() if rare or asking < ASKING_RATE * len(found) else found | lone


def _heads(line: Line) -> bool:
    """True for a short paragraph without label or number that is no finished sentence."""
    block, cue = line.block, line.cue
    return (
        line.eligible
        and block.kind == "paragraph"
        and block.indent < 4
        and not cue.label
        and cue.number is None
        and display_width(block.plain) <= 100
        and block.plain.rstrip()[-1:] not in "。.!！;；:：,，"
        and not is_rhetorical(cue.body)
    )


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


def companions(lines: list[Line], chosen: set[int]) -> set[int]:
    """Lines in the same dress as the chosen ones (emphasised) that lack their label or number, or have the number that is missing between two.

    Where the numbers count up without a gap nothing is missing, and a dressed line must ask outright to be one.
    """
    dressed = [
        at
        for at in chosen
        if (lines[at].block.strong or lines[at].block.text.startswith(("**", "__")))
        and (lines[at].block.kind == "paragraph" or holds_text(lines, at))
    ]
    indents = {lines[at].block.indent for at in dressed if lines[at].block.kind == "item"}
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
        item = line.block.kind == "item" and line.block.indent in indents and holds_text(lines, at) and not line.held
        if at in chosen or not line.block.strong or not (item or (line.eligible and line.block.kind == "paragraph")):
            continue
        if line.cue.label or (line.block.gap < 2 and not item) or not followed_by_content(lines, at, chosen):
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
