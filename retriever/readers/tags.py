"""What keepers of Markdown lists hang on a question: a box to tick, emoji by their names, tags set as code."""

import re
from collections import Counter

_BOX = re.compile(r"(?:[-*+]|\d{1,3}[.)])[ \t]+(\[[ xX]\][ \t]+)(?=\S)")
_EMOJI = re.compile(r"[ \t]:[a-z][a-z0-9_+-]{1,30}:[ \t]*$")
_CODES = re.compile(r"\*\*[^*]{2,200}\*\*((?:[ \t]*`[^`]{1,16}`){1,6})[ \t]*$")
# Words that answer by themselves, and so are no tags.
_VERDICTS = frozenset(["true", "false", "yes", "no", "对", "错", "是", "否", "正确", "错误", "none", "null"])


def box_of(text: str) -> str:
    """The box of an item of a task list, with the blanks behind it; "" for other lines."""
    match = _BOX.match(text)
    return match.group(1) if match else ""


def without_tags(lines: list[str]) -> list[str]:
    """The lines of a Markdown page cut before emoji that close a heading or an item, and before the tags behind emphasised questions.

    A code behind a question may be its answer. Tags stand behind three questions or more, one of them twice, and with text below.
    """
    cut = [_without_emoji(line) if re.match(r"\s*(?:[-*+#]|\d)", line) else line for line in lines]
    tagged: dict[int, int] = {}
    seen: Counter[str] = Counter()
    for at, line in enumerate(cut):
        match = _CODES.match(line) if len(line) <= 400 else None
        names = [] if match is None else [name.strip().lower() for name in match.group(1).split("`")[1::2]]
        if match is None or any(name in _VERDICTS or len(name) < 2 for name in names):
            continue
        tagged[at] = match.start(1)
        seen.update(set(names))
    told = sum(_text_below(cut, at) for at in tagged)
    if len(tagged) >= 3 and max(seen.values()) >= 2 and told >= 0.8 * len(tagged):
        for at, end in tagged.items():
            cut[at] = cut[at][:end].rstrip()
    return cut


def _without_emoji(line: str) -> str:
    for _ in range(4):
        match = _EMOJI.search(line, max(0, len(line) - 40))
        line = line[: match.start()] if match else line
    return line


def _text_below(lines: list[str], at: int) -> bool:
    """True when the next line that is not blank is neither a heading nor emphasised whole."""
    below = next((line for line in lines[at + 1 : at + 4] if line.strip()), "#")
    return not below.startswith(("#", "**"))
