"""Text on a terminal: colour, lines of its width, and nothing in it that a terminal would take for a command."""

import re
from collections.abc import Iterable
from dataclasses import dataclass

from retriever.cues import display_width

_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u2028\u2029\u202a-\u202e\u2066-\u2069\ue000\ue001]")


@dataclass(frozen=True, slots=True)
class Style:
    """How text is drawn: `width` columns, with colour or without."""

    width: int = 80
    colour: bool = False

    def paint(self, text: str, code: str) -> str:
        return f"\x1b[{code}m{text}\x1b[0m" if self.colour and text else text


# Private-use marks that stand for "bold on" and "bold off" while text is wrapped; they take no column. `clean_text` takes them
# out of the text of pages.
_ON, _OFF = "\ue000", "\ue001"
_CLOSERS = "，。；：！？）】》」』”’、,.;:!?)\\]}%"
_PIECE = re.compile(
    rf"[ ]+|[{_ON}{_OFF}]|(?:[^\s{_ON}{_OFF}\u2e80-\uffef]+|[\u2e80-\udfff\ue002-\uffef])[{_CLOSERS}]{{0,3}}|[^\S ]"
)


def clean_text(text: str) -> str:
    """Text without control, direction-changing and our private characters: nothing of a source reaches the terminal as a command."""
    return _CONTROL.sub("", text).encode("utf-8", "replace").decode("utf-8")


def wrap(text: str, width: int, later: str = "", first: str = "") -> list[str]:
    """`text` broken into lines of at most `width` columns, wide characters counting two.

    Words stay whole where they can, and closing punctuation stays with what it closes; a piece longer than a line is broken.
    """
    text = text.rstrip().expandtabs(4)
    indent = " " * min(display_width(text[: len(text) - len(text.lstrip())]), max(0, width // 2 - len(later)))
    lines, line, used = [], first + indent, display_width(first + indent)
    start, empty = display_width(later + indent), True
    for piece in _PIECE.findall(text.lstrip()):
        size = 0 if piece in (_ON, _OFF) else display_width(piece)
        if used + size > width and not empty:
            lines.append(line.rstrip())
            line, used, empty = later + indent, start, True
            if piece.isspace():
                continue
        while used + size > width and len(piece) > 1:  # longer than a line
            cut = _fitting(piece, max(1, width - used))
            lines.append(line + piece[:cut])
            line, used, piece = later + indent, start, piece[cut:]
            size = display_width(piece)
        line, used, empty = line + piece, used + size, empty and piece in (_ON, _OFF)
    return [*lines, line.rstrip()]


def _fitting(text: str, width: int) -> int:
    """How many characters of `text` fit into `width` columns, at least one."""
    used = 0
    for n, char in enumerate(text):
        used += display_width(char)
        if used > width:
            return max(1, n)
    return len(text)


def bold_lines(text: str, spans: Iterable[tuple[int, int]], width: int, indent: str) -> list[str]:
    """The lines of `text`, indented and wrapped, with its `spans` bold; a line opens and closes what is bold in it."""
    for start, end in sorted(spans, reverse=True):
        text = text[:start] + _ON + text[start:end] + _OFF + text[end:]
    lines, bold = [], False
    for raw in text.split("\n"):
        for line in wrap(raw, width, indent, indent):
            opens = bold
            bold = (line.rfind(_ON) > line.rfind(_OFF)) if _ON in line or _OFF in line else bold
            painted = line.replace(_ON, "\x1b[1m").replace(_OFF, "\x1b[22m")
            lines.append(("\x1b[1m" if opens else "") + painted + ("\x1b[22m" if bold else ""))
    return lines
