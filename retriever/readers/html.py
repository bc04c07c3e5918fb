"""Saved web pages: blocks of visible text with exact source spans.

Built on the standard library's tolerant `HTMLParser`, because it is the one well-kept parser that gives the position of every
text node; lxml, html5lib and selectolax give at most the line of a start tag. Markup is closed implicitly where HTML says so,
entities are decoded, white space is folded as a browser does, `<pre>` is kept as it stands, table rows become `a | b` lines,
list items get their bullet or number, TeX annotations of KaTeX and MathJax replace their three-fold rendering.
"""

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from html import unescape
from html.parser import HTMLParser

from retriever.documents import Block, Source

_VOID = frozenset("area base br col embed hr img input link meta source track wbr".split())
_SKIPPED = frozenset("script style noscript template iframe svg canvas video audio object select textarea head".split())
_BLOCK = frozenset(
    "address article aside blockquote body center dd details dialog div dl dt fieldset figcaption figure footer form h1 h2 h3 h4 h5 h6"
    " header hr html li main nav ol p pre section summary table tbody td tfoot th thead tr ul button label option".split()
)
_CLOSED_BY: dict[str, frozenset[str]] = {
    "li": frozenset({"li"}),
    "dt": frozenset({"dt", "dd"}),
    "dd": frozenset({"dt", "dd"}),
    "tr": frozenset({"tr", "td", "th"}),
    "td": frozenset({"td", "th"}),
    "th": frozenset({"td", "th"}),
    "option": frozenset({"option"}),
}
_P_ENDERS = _BLOCK - {"button", "label", "option", "html", "body", "td", "th", "tr", "tbody", "thead", "tfoot"}
_SCOPES = {"li": {"ul", "ol"}, "dt": {"dl"}, "dd": {"dl"}, "tr": {"table"}, "td": {"tr", "table"}, "th": {"tr", "table"}, "option": {"select"}}
_FURNITURE_TAGS = {"nav": "nav", "footer": "footer", "aside": "aside", "form": "form", "button": "button", "label": "form", "dialog": "dialog"}
_FURNITURE_ROLES = {"navigation": "nav", "banner": "header", "contentinfo": "footer", "complementary": "aside", "search": "form", "dialog": "dialog"}
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
        "share": "share sharing social like likes praise collect reward donate tip follow actions action-bar",
        "byline": "byline author authorbox bio postmeta meta post-info postinfo article-info datetime tags taglist tag-list",
        "advert": "ad ads advert advertisement adsbygoogle sponsor sponsored promo promotion banner download-app app-download appbar",
        "login": "login signin signup register paywall vip",
        "subscribe": "newsletter subscribe subscription",
        "dialog": "cookie cookies consent gdpr modal popup toast overlay dialog qrcode qr",
        "toc": "toc catalog catalogue directory tableofcontents table-of-contents outline",
    }.items()
    for word in words.split()
}


@dataclass
class _Node:
    """An element of the tree, or a text node (`tag` is empty) with its decoded pieces."""

    tag: str
    attrs: dict[str, str] = field(default_factory=dict)
    children: list["_Node"] = field(default_factory=list)
    pieces: list[tuple[str, int, int]] = field(default_factory=list)  # (decoded text, source offset, source length)


class _TreeBuilder(HTMLParser):
    """Builds `_Node`s; every text node knows its source offsets."""

    def __init__(self, source: Source) -> None:
        super().__init__(convert_charrefs=False)
        self.root = _Node("html")
        self.stack = [self.root]
        self.text = source.text
        # HTMLParser counts lines by "\n" alone
        self.starts = [0, *(m.end() for m in re.finditer("\n", source.text))]
        self.title_parts: list[str] = []

    def _offset(self) -> int:
        line, column = self.getpos()
        return self.starts[line - 1] + column

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        closes = _CLOSED_BY.get(tag)
        if closes:
            self._close_until(closes, _SCOPES[tag])
        if tag in _P_ENDERS and any(n.tag == "p" for n in self.stack):
            self._close_until(frozenset({"p"}), _BLOCK - {"p"})
        node = _Node(tag, {k: v or "" for k, v in attrs})
        self.stack[-1].children.append(node)
        if tag not in _VOID and len(self.stack) < 400:
            self.stack.append(node)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.stack[-1].children.append(_Node(tag, {k: v or "" for k, v in attrs}))

    def handle_endtag(self, tag: str) -> None:
        if tag == "br":
            self.stack[-1].children.append(_Node("br"))
            return
        scope = {"td", "th", "li", "table"} if tag in ("p", "div", "span", "a", "b", "strong", "em", "i") else set()
        self._close_until(frozenset({tag}), scope - {tag})

    def _close_until(self, tags: frozenset[str], scope: Iterable[str]) -> None:
        """Pop the stack up to and including the nearest of `tags`, unless an element of `scope` stands before it."""
        for at in range(len(self.stack) - 1, 0, -1):
            if self.stack[at].tag in tags:
                del self.stack[at:]
                return
            if self.stack[at].tag in scope:
                return

    def handle_data(self, data: str) -> None:
        self._text(data, self._offset(), len(data))

    def handle_entityref(self, name: str) -> None:
        offset = self._offset()
        length = len(name) + 1 + (self.text[offset + len(name) + 1 : offset + len(name) + 2] == ";")
        self._text(unescape(self.text[offset : offset + length]), offset, length)

    def handle_charref(self, name: str) -> None:
        offset = self._offset()
        length = len(name) + 2 + (self.text[offset + len(name) + 2 : offset + len(name) + 3] == ";")
        self._text(unescape(self.text[offset : offset + length]), offset, length)

    def _text(self, decoded: str, offset: int, length: int) -> None:
        parent = self.stack[-1]
        if parent.tag == "title":
            self.title_parts.append(decoded)
        if parent.children and parent.children[-1].tag == "":
            parent.children[-1].pieces.append((decoded, offset, length))
        else:
            parent.children.append(_Node("", pieces=[(decoded, offset, length)]))


@dataclass(frozen=True)
class _Context:
    """What the elements around a text say of it. `marker` holds the list marker until the first text of its item takes it."""

    kind: str = "paragraph"
    level: int = 0
    indent: int = 0
    marker: list[str] = field(default_factory=list)
    hints: tuple[str, ...] = ()
    strong: bool = False
    linked: bool = False
    pre: bool = False
    inline: bool = False


class _BlockWriter:
    """Walks the tree and collects visible characters, each with its source offset, into blocks."""

    def __init__(self, source: Source) -> None:
        self.source = source
        self.blocks: list[Block] = []
        self.chars: list[str] = []
        self.offsets: list[int] = []
        self.strong = self.linked = 0
        self.context = _Context()
        self.gap = 2
        self.last_kind = ""

    def walk(self, root: _Node) -> list[Block]:
        """Blocks of the tree in document order (iterative: nesting depth is the page's choice, not ours)."""
        stack: list[tuple[_Node, _Context, bool]] = [(root, _Context(), False)]
        while stack:
            node, context, leaving = stack.pop()
            if node.tag == "":
                self._text(node, context)
            elif leaving:
                self._flush()
                self.gap = 2
            elif node.tag == "br":
                if context.inline:
                    self._add(" ", self._last_offset(), context)
                else:
                    self._flush()
                    self.gap = 1
            elif node.tag == "img":
                alt = _formula_alt(node)
                for char in alt if self.chars else "":
                    self._add(char, self._last_offset(), context)
            elif node.tag in _SKIPPED and not _is_tex_script(node):
                continue
            elif (tex := _tex_of(node)) is not None:
                self._text(tex, context)
            else:
                self._open(node, context, stack)
        self._flush()
        return self.blocks

    def _open(self, node: _Node, context: _Context, stack: list[tuple[_Node, _Context, bool]]) -> None:
        """Enter an element: close the block before it, and put its children on the stack."""
        inner = _enter(node, context)
        if context.inline and node.tag in ("td", "th") and self.chars:
            for char in " | ":
                self._add(char, self._last_offset(), context)
        elif context.inline and node.tag in _BLOCK:
            self._add(" ", self._last_offset(), context)
        elif node.tag in _BLOCK:
            self._flush()
            stack.append((node, context, True))
        number = 0
        children: list[tuple[_Node, _Context, bool]] = []
        for child in node.children:
            given = inner
            if child.tag == "li":
                number += 1
                given = replace(inner, kind="item", marker=[_marker(node, number, inner.indent)])
            children.append((child, given, False))
        stack.extend(reversed(children))

    def _last_offset(self) -> int:
        return self.offsets[-1] if self.offsets else 0

    def _add(self, char: str, offset: int, context: _Context) -> None:
        """One visible character; white space folds into one blank outside `<pre>`."""
        if not context.pre and char in " \t\r\n\f\u200b":
            if not self.chars or self.chars[-1] == " ":
                return
            char = " "
        if not self.chars:
            self.context = context
        self.chars.append(char)
        self.offsets.append(offset)
        self.strong += context.strong and char != " "
        self.linked += context.linked and char != " "

    def _text(self, node: _Node, context: _Context) -> None:
        for decoded, offset, length in node.pieces:
            exact = len(decoded) == length
            for at, char in enumerate(decoded):
                self._add(char, offset + at if exact else offset, context)

    def _flush(self) -> None:
        """Close the block under construction, if it holds anything visible."""
        text, offsets, context = "".join(self.chars), self.offsets, self.context
        strong, linked = self.strong, self.linked
        self.chars, self.offsets, self.strong, self.linked = [], [], 0, 0
        lead = len(text) - len(text.lstrip("\r\n" if context.pre else " "))
        trimmed = text[lead:].rstrip()
        if not trimmed.strip():
            return
        offsets = offsets[lead : lead + len(trimmed)]
        marker = context.marker.pop() if context.marker else ""
        visible = len(re.sub(r"\s", "", trimmed))
        tight = {"item", "definition", "table"}
        self.blocks.append(
            Block(
                kind=context.kind,
                text=marker + trimmed,
                plain=trimmed.strip(),
                start=offsets[0],
                end=offsets[-1] + 1,
                start_line=self.source.line_of(offsets[0]),
                end_line=self.source.line_of(offsets[-1]),
                runs=_runs(offsets, len(marker)),
                level=context.level,
                indent=context.indent,
                strong=strong >= 0.9 * visible,
                linked=linked / visible,
                hints=context.hints,
                gap=1 if context.kind in tight and self.last_kind in tight else self.gap,
            )
        )
        self.gap = 2
        self.last_kind = context.kind


def _runs(offsets: list[int], shift: int) -> tuple[tuple[int, int], ...]:
    """Pairs (position, offset) at the start and wherever the offsets do not go on by one."""
    runs = [(0, offsets[0])] if shift else []
    for position, offset in enumerate(offsets):
        if position == 0 or offset != offsets[position - 1] + 1:
            runs.append((position + shift, offset))
    return tuple(runs)


def _marker(parent: _Node, number: int, indent: int) -> str:
    """The marker a browser shows before list item `number` (1-based) of `parent`."""
    if parent.tag != "ol":
        return " " * max(0, indent - 2) + "- "
    first = int(parent.attrs["start"]) if parent.attrs.get("start", "").isdecimal() else 1
    return " " * max(0, indent - 2) + f"{first + number - 1}. "


def _enter(node: _Node, context: _Context) -> _Context:
    """The context inside `node`."""
    tag = node.tag
    hints = context.hints + tuple(h for h in _furniture(node) if h not in context.hints)
    inner = replace(context, hints=hints, strong=context.strong or tag in ("b", "strong"), linked=context.linked or tag == "a")
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


def _is_data_row(row: _Node) -> bool:
    """False for the rows of tables that only lay out a page (cells with headings, lists, code or tables in them)."""
    return _find(row, lambda n: n.tag in ("h1", "h2", "h3", "h4", "ul", "ol", "dl", "pre", "table", "blockquote")) is None


def _formula_alt(image: _Node) -> str:
    """Formula images carry their TeX in `alt`; other images leave nothing."""
    words = image.attrs.get("class", "") + " " + image.attrs.get("src", "")
    alt = image.attrs.get("alt", "").strip()
    return f"${alt}$" if alt and re.search(r"eeimg|latex|math|equation|\btex\b", words) else ""


def _furniture(node: _Node) -> list[str]:
    """The page furniture an element stands for, by its tag, role, class and id."""
    found = []
    if node.tag in _FURNITURE_TAGS:
        found.append(_FURNITURE_TAGS[node.tag])
    role = node.attrs.get("role", "").lower()
    if role in _FURNITURE_ROLES:
        found.append(_FURNITURE_ROLES[role])
    if node.tag in ("html", "body", "main", "article", "h1", "code", "pre"):
        return found
    if "hidden" in node.attrs or node.attrs.get("aria-hidden") == "true" or re.search(r"display\s*:\s*none", node.attrs.get("style", "")):
        found.append("hidden")
    for name in (node.attrs.get("class", "") + " " + node.attrs.get("id", "")).split():
        lowered = re.sub(r"([a-z])([A-Z])", r"\1-\2", name).lower()
        parts = [lowered, *re.split(r"[-_]+", lowered)]
        found.extend(_FURNITURE_WORDS[part] for part in parts if part in _FURNITURE_WORDS)
    return found


def _is_tex_script(node: _Node) -> bool:
    return node.tag == "script" and node.attrs.get("type", "").startswith("math/tex")


def _tex_of(node: _Node) -> _Node | None:
    """The TeX source of a rendered formula as a text node, or None when `node` is no formula."""
    if _is_tex_script(node):
        tex = _all_pieces(node)
    elif node.tag == "math" or re.search(r"\bkatex\b|\bMathJax\b|\bmjx-", node.attrs.get("class", "")):
        annotation = _find(node, lambda n: n.tag == "annotation" and "tex" in n.attrs.get("encoding", ""))
        if annotation is None:
            return None
        tex = _all_pieces(annotation)
    else:
        return None
    if not tex:
        return None
    head, tail = tex[0], tex[-1]
    return _Node("", pieces=[("$", head[1], 0), *tex, ("$", tail[1] + tail[2], 0)])


def _find(node: _Node, wanted: Callable[[_Node], bool]) -> _Node | None:
    stack = [node]
    while stack:
        current = stack.pop()
        if wanted(current):
            return current
        stack.extend(reversed(current.children))
    return None


def _all_pieces(node: _Node) -> list[tuple[str, int, int]]:
    pieces: list[tuple[str, int, int]] = []
    stack = [node]
    while stack:
        current = stack.pop()
        pieces.extend(current.pieces)
        stack.extend(reversed(current.children))
    return pieces


def read_html(source: Source) -> tuple[str, list[Block]]:
    """Title and blocks of a saved web page."""
    builder = _TreeBuilder(source)
    builder.feed(source.text)
    builder.close()
    blocks = _BlockWriter(source).walk(builder.root)
    title = " ".join("".join(builder.title_parts).split())
    if not title:
        heading = next((b for b in blocks if b.kind == "heading"), None)
        title = heading.plain if heading else ""
    return title, blocks
