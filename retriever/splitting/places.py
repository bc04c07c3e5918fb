"""How a line stands on its page: alone or in a list, with an answer below it or another question."""

from retriever.cues import display_width, is_url
from retriever.splitting.numbering import Line


def is_airy(lines: list[Line]) -> bool:
    """True for a page with blank lines between its paragraphs."""
    return sum(line.block.gap >= 2 for line in lines) > 0.3 * len(lines)


def alone(lines: list[Line], at: int, airy: bool) -> bool:
    """True when line `at` is a paragraph of its own, or the page puts every paragraph on one line."""
    block = lines[at].block
    if block.indent >= 4 or display_width(block.plain) > 140:
        return False
    following = lines[at + 1].block if at + 1 < len(lines) else None
    return not airy or block.gap >= 2 or (following is not None and following.gap >= 2)


def holds_text(lines: list[Line], at: int) -> bool:
    """True for the first line of a list item of a web page that holds more than that line."""
    block = lines[at].block
    return block.kind == "item" and at + 1 < len(lines) and lines[at + 1].block.inside > block.inside


def in_list(lines: list[Line], at: int) -> bool:
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


def followed_by_content(lines: list[Line], at: int, chosen: set[int]) -> bool:
    """True when what stands below line `at` may answer it."""
    following = at + 2 if at + 1 < len(lines) and lines[at + 1].above else at + 1
    if following >= len(lines) or following in chosen:
        return False
    line = lines[following]
    return line.held or (
        line.block.kind != "heading"
        and not is_url(line.block.plain)
        and not (line.cue.ask == 1.0 and line.cue.number is None and line.cue.label != "a")
    )


def continues_list(lines: list[Line], at: int, chosen: set[int]) -> bool:
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
