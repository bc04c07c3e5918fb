"""What blocks and lines say without their markup, in time linear in their length whatever stands in them.

Wrapped tables, minified pages and hostile ones hold lines of megabytes and runs of thousands of blanks. Nobody asks a question of
thousands of characters, so that a line is judged by its beginning.
"""

import re
from collections.abc import Iterable
from dataclasses import replace

from retriever.cues import Cue, ask_score, read_cue, strip_markup, trim_question
from retriever.documents import Block

LONGEST_JUDGED = 2000  # characters of a line that are looked at for what it is
_LONG_GAP = re.compile(r"\s{100,}")


def plain_text(text: str) -> str:
    """`text` without markup and without long runs of white space."""
    return squeeze(strip_markup(text))


def squeeze(text: str) -> str:
    """`text` with one blank for each run of 100 or more white-space characters."""
    return _LONG_GAP.sub(" ", text)


def cue_of(plain: str) -> Cue:
    """What one line of markup-free text says of itself, a long one by its beginning and its end."""
    if len(plain) <= LONGEST_JUDGED:
        return read_cue(plain)
    cue = read_cue(plain[:LONGEST_JUDGED])
    return replace(cue, body=cue.body + plain[LONGEST_JUDGED:].rstrip(), ask=ask_of(plain))


def ask_of(text: str) -> float:
    """How much `text` reads like a question; a text too long to be one by whether it ends like one."""
    if len(text) <= LONGEST_JUDGED:
        return ask_score(text)
    return 0.6 if re.search(r"[?？][)）\"”』」]?$", trim_question(text[-200:])) else 0.0


def question_of(text: str) -> str:
    """A question as people would put it; a text too long to be one, or of nothing but signs, only with its white space folded."""
    return (trim_question(text) if len(text) <= LONGEST_JUDGED else "") or " ".join(text.split())


def title_of(blocks: Iterable[Block]) -> str:
    """The first of `blocks` that says something, as the title of a page: a question without its label ("Q1: …"); "" when there is none."""
    for block in blocks:
        cue = cue_of(block.plain)
        title = cue.body.strip() if cue.label == "q" else block.plain
        if title:
            return title
    return ""
