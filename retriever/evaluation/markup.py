"""Small pieces of the report page: text made safe for HTML, figures in words, and intervals drawn as whiskers."""

import html
import math
import re
from numbers import Real
from typing import Any, TypeGuard

from retriever.evaluation.records import Interval

# Control characters, marks that turn the writing direction, and code points that no document may hold (lone surrogates, U+FFFE, U+FFFF).
_UNPRINTABLE = re.compile(
    r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff\ud800-\udfff\ufffe\uffff]"
)
NOTHING = "–"


def plain(value: Any) -> str:
    """`value` as text without control characters; tabs and line ends stay (CR LF and CR become LF)."""
    return _UNPRINTABLE.sub("", re.sub(r"\r\n?", "\n", str(value)))


def text(value: Any) -> str:
    """`value` as HTML text that is also safe within a quoted attribute."""
    return html.escape(plain(value), quote=True)


def known(value: Any) -> TypeGuard[float]:
    """Whether `value` is a finite number: True and False are, None and NaN are not."""
    return isinstance(value, Real) and math.isfinite(value)


def measured(interval: Interval | None) -> TypeGuard[Interval]:
    """Whether there was a question to measure."""
    return interval is not None and interval.count > 0 and known(interval.mean)


def number(value: Any, digits: int = 3) -> str:
    """A number with `digits` decimals, or a dash where there is none."""
    return f"{value:.{digits}f}" if known(value) else NOTHING


def limits(interval: Interval) -> str:
    """The ends of a 95 % interval, or a dash."""
    if not (known(interval.low) and known(interval.high)):
        return NOTHING
    return f"{number(interval.low)}–{number(interval.high)}"


def duration(seconds: float) -> str:
    """Seconds in a readable unit, with three significant digits at most: 0.4 ms, 12 ms, 1.25 s."""
    milliseconds = seconds * 1000
    if milliseconds < 999.5:
        return f"{milliseconds:.2g} ms" if milliseconds < 9.95 else f"{milliseconds:.0f} ms"
    return f"{seconds:.3g} s" if seconds < 999.5 else f"{seconds:,.0f} s"


def whisker(interval: Interval, top: float = 1.0, reference: float | None = None) -> str:
    """A measure's mean and 95 % interval on a scale from 0 to `top`, with a mark at `reference`; decoration of figures in text."""

    def at(value: float) -> float:
        return round(100 * min(max(value / top, 0.0), 1.0), 2)

    parts = ['<rect class="scale" x="0" y="6" width="100" height="1"/>']
    if known(reference):
        parts.append(f'<rect class="reference" x="{min(at(reference), 99)}" y="0" width="1" height="13"/>')
    if known(interval.low) and known(interval.high):
        low, high = at(interval.low), at(interval.high)
        parts.append(f'<rect class="range" x="{low}" y="4" width="{max(round(high - low, 2), 0.5)}" height="5"/>')
    parts.append(f'<rect class="mean" x="{min(at(interval.mean), 98)}" y="1" width="2" height="11"/>')
    return f'<svg class="whisker" viewBox="0 0 100 13" preserveAspectRatio="none" aria-hidden="true">{"".join(parts)}</svg>'
