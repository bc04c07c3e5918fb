"""The text of a block without markup, in which no run of white space is longer than people's eyes care for.

Wrapped tables and hostile pages hold runs of thousands of blanks. What lines say of themselves (`cues`) does not hang on them, and
patterns that look for the end of a line would look for it from each of them.
"""

import re

from retriever.cues import strip_markup

_LONG_GAP = re.compile(r"\s{20,}")


def plain_text(text: str) -> str:
    """`text` without markup and without long runs of white space."""
    return squeeze(strip_markup(text))


def squeeze(text: str) -> str:
    """`text` with one blank for each run of 20 or more white-space characters."""
    return _LONG_GAP.sub(" ", text)
