"""Saved web pages: blocks of visible text with exact source spans.

Built on the standard library's tolerant `HTMLParser`, because it is the one well-kept parser that gives the position of every
text node; lxml, html5lib and selectolax give at most the line of a start tag. Markup is closed implicitly where HTML says so,
entities are decoded, white space is folded as a browser does, `<pre>` is kept as it stands, table rows become `a | b` lines,
list items get their bullet or number, TeX annotations of KaTeX and MathJax replace their three-fold rendering.
"""

import re
from bisect import bisect_right
from dataclasses import dataclass, field, replace

from retriever.documents import Block, Source
from retriever.readers.folds import Folds, badges, find_folds
from retriever.readers.plain import squeeze, title_of
from retriever.readers.tree import BLOCK, Node, all_pieces, find, parse

_SKIPPED = frozenset(
    [
        "script",
        "style",
        "noscript",
        "template",
        "iframe",
        "svg",
        "canvas",
        "video",
        "audio",
        "object",
        "select",
        "textarea",
        "head",
        "title",
    ]
)
_FURNITURE_TAGS = {
    "nav": "nav",
    "footer": "footer",
    "aside": "aside",
    "form": "form",
    "button": "button",
    "label": "form",
    "dialog": "dialog",
}
_FURNITURE_ROLES = {
    "navigation": "nav",
    "banner": "header",
    "contentinfo": "footer",
    "complementary": "aside",
    "search": "form",
    "dialog": "dialog",
}
# Words of class names and ids, as sites of all makers use them, and the furniture they stand for.
_FURNITURE_WORDS: dict[str, str] = {
    word: kind
    for kind, words in {
        "nav": "nav navbar navigation menu breadcrumb breadcrumbs crumb crumbs pagination pager paging prevnext topbar toolbar sitenav",
        "header": "masthead siteheader",
        "footer": "footer foot copyright legal icp beian disclaimer licence-notice",
        "aside": "sidebar aside side rail widget",
        "teaser": "related recommend recommended recommendation recommends suggested similar teaser teasers hot trending popular readmore morelike guess",
        "comments": "comment comments reply replies disqus discuss respond",
        "share": "share sharing social like likes praise collect reward donate tip gift gifts follow actions action-bar",
        "byline": "byline author authorbox bio postmeta meta post-info postinfo article-info datetime tags taglist tag-list",
        "advert": "ad ads advert advertisement adsbygoogle sponsor sponsored promo promotion banner download-app app-download appbar",
        "login": "login signin signup register paywall vip",
        "subscribe": "newsletter subscribe subscription",
        "dialog": "cookie cookies consent gdpr modal popup toast overlay dialog qrcode qr",
        "toc": "toc catalog catalogue directory tableofcontents table-of-contents outline",
    }.items()
    for word in words.split()
}


@dataclass(frozen=True)
class _Context:
    """What the elements around a text say of it. `marker` holds the list marker until the first text of its item takes it; `rendered`
    is true inside a rendered formula that has no TeX; `holders` has a list for each list item and each unfolding panel around the
    text, empty as long as the item has no first line."""

    kind: str = "paragraph"
    level: int = 0
    indent: int = 0
    marker: list[str] = field(default_factory=list)
    hints: tuple[str, ...] = ()
    strong: bool = False
    linked: bool = False
    pre: bool = False
    inline: bool = False
    rendered: bool = False
    holders: tuple[list[bool], ...] = ()


MOST_HOLDERS = 8  # list items and panels inside one another that are told apart
# Characters of formulas of a page that are taken from attributes of images: each costs some 200 bytes while the page is read.
MAX_FORMULAS = 200_000
_SPACE = " \t\r\n\f\u200b"  # what folds into one blank
_WORDS = re.compile(rf"[^{_SPACE}]+(?: [^{_SPACE}]+)*|[{_SPACE}]+")


class _BlockWriter:
    """Walks the tree and collects visible text, in pieces that know their source offset, into blocks."""

    def __init__(self, source: Source, folds: Folds) -> None:
        self.source = source
        self.folds = folds
        self.blocks: list[Block] = []
        self.pieces: list[str] = []
        self.runs: list[tuple[int, int]] = []  # as in `Block`, for all of `pieces`
        self.size = 0
        self.last = ""  # the last character
        self.next = -1  # the offset that would go on after it
        self.strong = self.linked = self.formulas = 0
        self.context = _Context()
        self.gap = 2
        self.last_kind = ""

    def walk(self, root: Node) -> list[Block]:
        """Blocks of the tree in document order (iterative: nesting depth is the page's choice, not ours)."""
        stack: list[tuple[Node, _Context, bool]] = [(root, _Context(), False)]
        while stack:
            node, context, leaving = stack.pop()
            if node.tag == "":
                self._text(node, context)
            elif leaving:
                self._flush()
                self.gap = 2
            elif node.tag == "br":
                if context.inline and self.pieces:
                    self._sign(" ", context)
                else:
                    self._flush()
                    self.gap = 1
            elif node.tag == "img":
                formula = _formula_alt(node) if self.pieces else ""
                self.formulas += len(formula)
                if self.formulas <= MAX_FORMULAS:
                    self._sign(formula, context)
            elif (node.tag in _SKIPPED and not _is_tex_script(node)) or id(node) in self.folds.signs:
                continue
            elif node.tag == "a" and context.kind == "heading" and not context.linked and _is_permalink(node):
                continue
            elif not context.rendered and _is_formula(node):
                tex = _tex_of(node)
                if tex is not None:
                    self._text(tex, context)
                else:
                    self._open(node, replace(context, rendered=True), stack)
            else:
                self._open(node, context, stack)
        self._flush()
        return self.blocks

    def _open(self, node: Node, context: _Context, stack: list[tuple[Node, _Context, bool]]) -> None:
        """Enter an element: close the block before it, and put its children on the stack."""
        inner = _enter(node, context)
        if node.tag in ("dt", "summary", "h2", "h3", "h4", "h5", "h6"):
            self.folds.signs |= badges(node)
        if id(node) in self.folds.titles:
            kind = context.kind if context.kind == "heading" else "term"
            inner = replace(inner, kind=kind, hints=context.hints)
        elif id(node) in self.folds.panels:
            hints = context.hints if "hidden" in inner.hints else inner.hints
            inner = replace(inner, hints=hints, holders=(*context.holders, [True])[:MOST_HOLDERS])
        if context.inline and node.tag in BLOCK:
            if self.pieces:
                self._sign(" | " if node.tag in ("td", "th") else " ", context)
        elif node.tag in BLOCK:
            self._flush()
            stack.append((node, context, True))
        number = 0
        children: list[tuple[Node, _Context, bool]] = []
        for child in node.children:
            given = inner
            if child.tag == "li":
                number += 1
                given = replace(
                    inner,
                    kind="item",
                    marker=[_marker(node, number, inner.indent)],
                    holders=(*inner.holders, [])[:MOST_HOLDERS],
                )
            children.append((child, given, False))
        stack.extend(reversed(children))

    def _text(self, node: Node, context: _Context) -> None:
        for decoded, offset, length in node.pieces:
            if len(decoded) != length:
                self._characters(decoded, offset, context)
            elif context.pre:
                self._add(decoded, offset, context)
            else:
                for words in _WORDS.finditer(decoded):
                    self._add(words.group() if words.group()[0] not in _SPACE else " ", offset + words.start(), context)

    def _sign(self, text: str, context: _Context) -> None:
        """Text that does not stand in the source, at the place of what stands before it."""
        self._characters(text, self.next - 1, context)

    def _characters(self, text: str, offset: int, context: _Context) -> None:
        """Characters that all stand at one place."""
        for char in text:
            self._add(" " if not context.pre and char in _SPACE else char, offset, context)

    def _add(self, text: str, offset: int, context: _Context) -> None:
        """A run of visible text; a blank after a blank counts only inside `<pre>`."""
        if not text or (text == " " and self.last in ("", " ") and not context.pre):
            return
        if not self.pieces:
            self.context = context
        if offset != self.next or not self.pieces:
            self.runs.append((self.size, offset))
        self.pieces.append(text)
        self.size += len(text)
        self.last, self.next = text[-1], offset + len(text)
        visible = len(text) - text.count(" ")
        self.strong += visible if context.strong else 0
        self.linked += visible if context.linked else 0

    def _flush(self) -> None:
        """Close the block under construction, if it holds anything visible."""
        text, runs, context = "".join(self.pieces), self.runs, self.context
        strong, linked = self.strong, self.linked
        self.pieces, self.runs, self.size, self.last, self.strong, self.linked = [], [], 0, "", 0, 0
        lead = len(text) - len(text.lstrip("\r\n" if context.pre else " "))
        trimmed = text[lead:].rstrip()
        if not trimmed.strip():
            return
        marker = context.marker.pop() if context.marker and context.kind != "code" else ""
        start, end = _offset_of(runs, lead), _offset_of(runs, lead + len(trimmed) - 1)
        visible = len(re.sub(r"\s", "", trimmed))
        depth = sum(map(bool, context.holders))
        for holder in context.holders:
            holder[:] = [True]
        tight = {"item", "definition", "table"}
        self.blocks.append(
            Block(
                kind=context.kind,
                text=marker + trimmed,
                plain=squeeze(trimmed.strip()),
                start=start,
                end=end + 1,
                start_line=self.source.line_of(start),
                end_line=self.source.line_of(end),
                runs=_shifted(runs, lead, len(trimmed), len(marker)),
                level=context.level,
                indent=context.indent,
                strong=strong >= 0.9 * visible,
                linked=linked / visible,
                hints=context.hints,
                inside=depth,
                gap=1 if context.kind in tight and self.last_kind in tight else self.gap,
            )
        )
        self.gap = 2
        self.last_kind = context.kind


def _offset_of(runs: list[tuple[int, int]], position: int) -> int:
    """The offset of a position, by the run it stands in."""
    start, offset = runs[bisect_right(runs, position, key=lambda run: run[0]) - 1]
    return offset + position - start


def _shifted(runs: list[tuple[int, int]], lead: int, size: int, shift: int) -> tuple[tuple[int, int], ...]:
    """The runs of `size` characters from `lead` on, when they stand behind a marker of `shift` characters."""
    first = _offset_of(runs, lead)
    inside = [(position - lead + shift, offset) for position, offset in runs if lead < position < lead + size]
    return (*([(0, first)] if shift else []), (shift, first), *inside)


def _marker(parent: Node, number: int, indent: int) -> str:
    """The marker a browser shows before list item `number` (1-based) of `parent`."""
    if parent.tag != "ol":
        return " " * max(0, indent - 2) + "- "
    start = parent.attrs.get("start", "")
    first = int(start) if start.isdecimal() and len(start) <= 9 else 1
    return " " * max(0, indent - 2) + f"{first + number - 1}. "


def _enter(node: Node, context: _Context) -> _Context:
    """The context inside `node`."""
    tag = node.tag
    hints = tuple(dict.fromkeys((*context.hints, *_furniture(node))))
    inner = replace(
        context, hints=hints, strong=context.strong or tag in ("b", "strong"), linked=context.linked or tag == "a"
    )
    if re.fullmatch("h[1-6]", tag):
        return replace(inner, kind="heading", level=int(tag[1]), strong=False, marker=[], inline=False)
    if tag in ("dt", "summary"):
        return replace(inner, kind="term")
    if tag == "dd":
        return replace(inner, kind="definition")
    if tag == "pre":
        return replace(inner, kind="code", pre=True)
    if tag == "blockquote":
        return replace(inner, kind="quote")
    if tag in ("ul", "ol"):
        return replace(inner, indent=inner.indent + 2, marker=[])
    if tag == "tr":
        return replace(inner, kind="table", inline=_is_data_row(node))
    return inner


def _is_data_row(row: Node) -> bool:
    """False for the rows of tables that only lay out a page (cells with headings, lists, code or tables in them)."""
    return (
        find(row, lambda n: n.tag in ("h1", "h2", "h3", "h4", "ul", "ol", "dl", "pre", "table", "blockquote")) is None
    )


def _formula_alt(image: Node) -> str:
    """Formula images carry their TeX in `alt`; other images leave nothing."""
    words = image.attrs.get("class", "") + " " + image.attrs.get("src", "")
    alt = image.attrs.get("alt", "").strip()
    return f"${alt}$" if alt and re.search(r"eeimg|latex|math|equation|\btex\b", words) else ""


def _furniture(node: Node) -> list[str]:
    """The page furniture an element stands for, by its tag, role, class and id."""
    found = []
    if node.tag in ("div", "section", "p") and _asks_for_address(node):
        found.append("subscribe")
    if node.tag in ("div", "section", "form") and _is_poll(node):
        found.append("poll")
    if node.tag in _FURNITURE_TAGS:
        found.append(_FURNITURE_TAGS[node.tag])
    role = node.attrs.get("role", "").lower()
    if role in _FURNITURE_ROLES:
        found.append(_FURNITURE_ROLES[role])
    if node.tag in ("html", "body", "main", "article", "h1", "code", "pre"):
        return found
    if (
        "hidden" in node.attrs
        or node.attrs.get("aria-hidden") == "true"
        or re.search(r"display\s*:\s*none", node.attrs.get("style", ""))
    ):
        found.append("hidden")
    for name in (node.attrs.get("class", "") + " " + node.attrs.get("id", "")).split():
        lowered = re.sub(r"([a-z])([A-Z])", r"\1-\2", name).lower()
        parts = [lowered, *re.split(r"[-_]+", lowered)]
        found.extend(_FURNITURE_WORDS[part] for part in parts if part in _FURNITURE_WORDS)
    return found


def _is_poll(node: Node) -> bool:
    """True for a box called a poll in which there is something to tick or to press."""
    called = _POLL.search(node.attrs.get("class", "")) is not None
    return called and find(node, lambda n: n.tag in ("input", "button", "label")) is not None


_POLL = re.compile(r"(?<![a-z])(?:polls?|surveys?|votes?|voting)(?![a-z])", re.IGNORECASE)
LONGEST_CALL = 400  # characters of a box that asks for an address; what holds more is the page, or a part of it


def _asks_for_address(node: Node) -> bool:
    """True for a small box right around a form in which a reader is to leave an e-mail address."""
    form = next((child for child in node.children if child.tag == "form"), None)
    if form is None:
        return False
    fields = [child for child in form.children if child.tag == "input"]
    boxed = [inner for child in form.children for inner in child.children if inner.tag == "input"]
    mail = any(
        field.attrs.get("type") == "email" or "@" in field.attrs.get("placeholder", "") for field in fields + boxed
    )
    held = any(child.tag in ("dl", "details", "table", "pre", "article") for child in node.children)
    return mail and not held and sum(len(text) for text, _, _ in all_pieces(node)) <= LONGEST_CALL


def _is_permalink(node: Node) -> bool:
    """True for the sign after a heading that links to the heading itself."""
    return "".join(text for text, _, _ in all_pieces(node)).strip() in ("#", "¶", "§", "🔗", "")


def _is_tex_script(node: Node) -> bool:
    return node.tag == "script" and node.attrs.get("type", "").startswith("math/tex")


def _is_formula(node: Node) -> bool:
    """True for a rendered formula, and for its source as MathJax keeps it."""
    return (
        node.tag == "math"
        or _is_tex_script(node)
        or bool(re.search(r"\bkatex\b|\bMathJax\b|\bmjx-", node.attrs.get("class", "")))
    )


def _tex_of(node: Node) -> Node | None:
    """The TeX source of a formula as a text node, or None when it has none."""
    source = (
        node
        if _is_tex_script(node)
        else find(node, lambda n: n.tag == "annotation" and "tex" in n.attrs.get("encoding", ""))
    )
    tex = all_pieces(source) if source is not None else []
    if not tex:
        return None
    head, tail = tex[0], tex[-1]
    return Node("", pieces=[("$", head[1], 0), *tex, ("$", tail[1] + max(0, tail[2] - 1), 0)])


def read_html(source: Source) -> tuple[str, list[Block]]:
    """Title and blocks of a saved web page."""
    root, title = parse(source)
    blocks = _BlockWriter(source, find_folds(root)).walk(root)
    headings = [b for b in blocks if b.kind == "heading"]
    if not title:
        return title_of(headings), blocks
    return _own_title(title, [b.plain for b in headings if b.level == 1]), blocks


_SUFFIX = re.compile(r"\s*[-–—|｜_·•»:：]")


def _own_title(title: str, headings: list[str]) -> str:
    """`title` without what the site adds behind the first heading of the page ("Heaps - Answers - Some Site")."""
    for heading in headings[:3]:  # a logo may stand before it
        if len(heading) >= 4 and title.startswith(heading) and _SUFFIX.match(title, len(heading)):
            return heading
    return title
