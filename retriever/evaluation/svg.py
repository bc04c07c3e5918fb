"""matplotlib's SVG as an element of an HTML page: colours become the page's CSS variables, text stays text, nothing is styled inline."""

import io
import re
import warnings
from collections.abc import Callable
from typing import TYPE_CHECKING
from xml.etree import ElementTree

from retriever.errors import InputError
from retriever.evaluation.markup import plain

if TYPE_CHECKING:
    from matplotlib.figure import Figure

# Stand-ins for the CSS variables of the same names: no two alike, and none a colour that matplotlib uses by itself.
VARIABLES = {f"#01020{n}": name for n, name in enumerate(("ink", "muted", "grid", "accent", "soft", "warm", "paper"))}
INK, MUTED, GRID, ACCENT, SOFT, WARM, PAPER = VARIABLES
WIDTH = 440

_STYLE = {
    "svg.fonttype": "none", "svg.hashsalt": "retriever", "text.parse_math": False, "font.size": 11.5, "text.color": INK,
    "axes.edgecolor": MUTED, "axes.labelcolor": MUTED, "axes.labelsize": 11.5, "axes.spines.top": False, "axes.spines.right": False,
    "axes.spines.left": False, "axes.axisbelow": True, "axes.unicode_minus": False, "xtick.color": MUTED, "ytick.color": MUTED,
    "ytick.major.size": 0, "grid.color": GRID, "grid.linewidth": 0.8, "legend.frameon": False, "figure.facecolor": "none",
    "axes.facecolor": "none", "savefig.facecolor": "none", "hatch.linewidth": 1.0,
}  # fmt: skip


def draw(name: str, told: str, height: float, paint: Callable[["Figure"], None]) -> str:
    """What `paint` draws on a figure of WIDTH by `height` points, as an SVG element for use within HTML.

    `name` sets its ids apart from those of other plots of the page; `told` says in words what it shows.

    Raises InputError when matplotlib is not installed.
    """
    try:
        from matplotlib import style
        from matplotlib.figure import Figure
    except ImportError as error:
        raise InputError(
            "the report page needs matplotlib, which is not installed; install it with: pip install 'retriever[report]'"
        ) from error

    out = io.StringIO()
    with style.context(["default", _STYLE]), warnings.catch_warnings():
        # Text is drawn by the browser, with its own fonts.
        warnings.filterwarnings("ignore", message="Glyph .* missing from font")
        figure = Figure(figsize=(WIDTH / 72, height / 72))
        paint(figure)
        figure.savefig(out, format="svg", metadata={"Date": None})
    return _inline(out.getvalue(), name, told)


def _inline(svg: str, name: str, told: str) -> str:
    """matplotlib's SVG document as an element of an HTML page.

    Style attributes, which the page's policy forbids, become presentation attributes; stand-in colours become CSS variables; ids are
    kept only where something refers to them; metadata, styles, namespaces and font families go.
    """
    root = ElementTree.fromstring(svg)
    used = set(re.findall(r'(?:href="#|url\(#)([^")]+)', svg))
    for element in root.iter():
        for child in [c for c in element if _local(c.tag) in ("metadata", "style")]:
            element.remove(child)
        attributes = {_local(key): value for key, value in element.attrib.items()}
        rules = (rule.partition(":") for rule in attributes.pop("style", "").split(";") if rule.strip())
        attributes |= {key.strip(): value.strip() for key, _, value in rules if "font-family" not in key}
        if attributes.get("id") not in used:
            attributes.pop("id", None)
        element.tag, element.attrib = _local(element.tag), {k: _of_page(k, v, name) for k, v in attributes.items()}
    root.attrib = {"class": "plot", "viewBox": root.attrib["viewBox"], "role": "img", "aria-label": plain(told)}
    return ElementTree.tostring(root, encoding="unicode")


def _of_page(attribute: str, value: str, name: str) -> str:
    """An attribute's value with stand-in colours as variables and ids marked with the plot's name."""
    if attribute == "id":
        return f"{name}-{value}"
    if attribute == "href":
        return value.replace("#", f"#{name}-", 1)
    value = value.replace("url(#", f"url(#{name}-")
    if re.fullmatch(r"#[0-9a-f]{6}", value):
        return f"var(--{VARIABLES[value]})" if value in VARIABLES else "currentColor"
    return re.sub(r"\s+", " ", value).strip()


def _local(name: str) -> str:
    return name.rpartition("}")[2]
