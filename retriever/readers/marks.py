"""What lines say of themselves beside the others of their page: who speaks, and words that are counted.

A transcript has the names of its speakers on lines of their own, and one of them asks. A round of cases counts them ("Scenario A.",
"案例二："), and most of them ask. Neither shows in one line alone.
"""

import re
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise

from retriever.cues import Cue, Number, ask_score, display_width, to_int
from retriever.documents import Block
from retriever.readers.plain import LONGEST_JUDGED, cue_of

LEAST_TURNS, MOST_NAMES = 3, 4  # turns of each speaker, speakers
LONGEST_NAME, LONGEST_ASSENT = 24, 24  # columns

_COUNTED = re.compile(
    r"\W{0,3}([A-Za-z]{3,12}|[\u4e00-\u9fff]{2,4}?)\s?(?:#|No\.?\s?)?"
    r"(\d{1,3}|[A-Z]|[IVX]{2,4}|[Ⅰ-Ⅻ]|[一二三四五六七八九十]{1,3})\s?(?:[.:：、．)）]|[|｜—–-]\s)\s*(?=\S)"
)
_COUNTED_TERM = re.compile(
    r"\W{0,3}([A-Za-z]{3,12}|[\u4e00-\u9fff]{2,4}?)\s?(?:#|No\.?\s?)?(\d{1,3})\s+(?=\S)"
)  # what unfolds
# What counts the parts of an answer, whatever these ask.
_STEPS = frozenset(["step", "phase", "stage", "round", "part", "day", "week", "level", "figure", "table", "option", "步骤", "阶段", "方法", "方案", "选项"])  # fmt: skip


def cues_of(blocks: Sequence[Block]) -> list[Cue]:
    """What each block of a page says of itself."""
    return _counted(blocks, _spoken(blocks, [cue_of(block.plain) for block in blocks]))


def _spoken(blocks: Sequence[Block], cues: list[Cue]) -> list[Cue]:
    """The names of some who take turns read as labels, when one of them asks and the others do not."""
    names: dict[int, str] = {}
    for at, (block, cue) in enumerate(zip(blocks, cues, strict=True)):
        name = block.plain.strip().rstrip(":：").rstrip()
        bare = block.kind in ("paragraph", "term") and not cue.label and cue.number is None and cue.ask < 0.5
        if bare and 0 < display_width(name) <= LONGEST_NAME and not re.search(r"[。.!！?？;；,，:：|]", name):
            names[at] = name
    often = [name for name, count in Counter(names.values()).most_common(MOST_NAMES) if count >= LEAST_TURNS]
    turns = [at for at, name in names.items() if name in often and at + 1 < len(blocks) and at + 1 not in names]
    taken = sum(names[one] != names[other] for one, other in pairwise(turns))
    if len(often) < 2 or taken < 0.7 * (len(turns) - 1):
        return cues
    told: dict[str, list[float]] = {name: [] for name in often}
    assents = {at for at in turns if cues[at + 1].ask < 0.5 and display_width(blocks[at + 1].plain) <= LONGEST_ASSENT}
    for at in turns:
        if at not in assents:
            told[names[at]].append(max(cues[n].ask for n in (at + 1, min(at + 2, len(cues) - 1)) if n not in names))
    rates = {name: sum(ask >= 0.7 for ask in asks) / max(1, len(asks)) for name, asks in told.items()}
    asker, *tellers = sorted(often, key=lambda name: -rates[name])
    if len(told[asker]) < LEAST_TURNS or rates[asker] < 0.6 or rates[tellers[0]] > 0.4:
        return cues
    read = list(cues)
    for at in turns:
        asks = names[at] == asker
        if asks and at in assents:
            continue
        read[at] = Cue("q" if asks else "a", None, "", len(blocks[at].plain), 0.0)
        if asks and not cues[at + 1].label and blocks[at + 1].kind != "code":
            read[at + 1] = replace(cues[at + 1], ask=max(cues[at + 1].ask, 0.7))
    return read


def _counted(blocks: Sequence[Block], cues: list[Cue]) -> list[Cue]:
    """A word with a number or letter that counts up at the head of three paragraphs or unfolding titles or more read as their number, if half of them ask."""
    series: dict[str, list[tuple[int, int, int]]] = defaultdict(list)  # by word: line, value, length
    for at, (block, cue) in enumerate(zip(blocks, cues, strict=True)):
        free = block.kind in ("paragraph", "term") and not cue.label and not cue.number
        below = at > 0 and blocks[at - 1].kind == "heading" and cues[at - 1].ask >= 0.5
        free = free and not below  # what counts right below a question is its answer
        match = _COUNTED.match(block.plain) if free else None
        match = match or (_COUNTED_TERM.match(block.plain) if free and block.kind == "term" else None)
        if match and match.group(1).lower() not in _STEPS:
            series[match.group(1).lower()].append((at, _value(match.group(2)), match.end()))
    read = list(cues)
    for members in series.values():
        values = [value for _, value, _ in members]
        apart = sum(other > one + 1 for (one, _, _), (other, _, _) in pairwise(members))
        bodies = [blocks[at].plain[length : length + LONGEST_JUDGED] for at, _, length in members]
        asking = sum(ask_score(body) >= 0.7 for body in bodies)
        rising = len(members) >= 3 and values == list(range(1, len(values) + 1))
        if not rising or apart < 0.6 * (len(members) - 1) or asking < 0.5 * len(members):
            continue
        for (at, value, length), body in zip(members, bodies, strict=True):
            number = Number("counted", (value,), length)
            read[at] = Cue("", number, blocks[at].plain[length:], length, max(ask_score(body), 0.7))
    return read


def _value(counter: str) -> int:
    """The value of a counter: Arabic, Chinese, Roman, or a letter."""
    if "Ⅰ" <= counter <= "Ⅻ":
        return ord(counter) - ord("Ⅰ") + 1
    if len(counter) == 1 and counter.isascii() and counter.isalpha():
        return ord(counter) - 64
    return to_int(counter)
