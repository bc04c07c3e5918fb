"""A tolerant HTML tree whose text nodes know their place in the source.

Built on the standard library's `HTMLParser`, because it is the one well-kept parser that gives the position of every text node;
lxml, html5lib and selectolax give at most the line of a start tag. Elements are closed implicitly where HTML says so.
"""

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from html import unescape
from html.parser import HTMLParser

from retriever.documents import Source

_VOID = frozenset(
    ["area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "source", "track", "wbr"]
)
BLOCK = frozenset(
    [
        "address",
        "article",
        "aside",
        "blockquote",
        "body",
        "center",
        "dd",
        "details",
        "dialog",
        "div",
        "dl",
        "dt",
        "fieldset",
        "figcaption",
        "figure",
        "footer",
        "form",
        "h1",
        "h2",
        "h3",
        "h4",
        "h5",
        "h6",
        "header",
        "hr",
        "html",
        "li",
        "main",
        "nav",
        "ol",
        "p",
        "pre",
        "section",
        "summary",
        "table",
        "tbody",
        "td",
        "tfoot",
        "th",
        "thead",
        "tr",
        "ul",
        "button",
        "label",
        "option",
    ]
)
_CLOSED_BY: dict[str, frozenset[str]] = {
    "li": frozenset({"li"}),
    "dt": frozenset({"dt", "dd"}),
    "dd": frozenset({"dt", "dd"}),
    "tr": frozenset({"tr"}),
    "td": frozenset({"td", "th"}),
    "th": frozenset({"td", "th"}),
    "option": frozenset({"option"}),
}
_P_ENDERS = BLOCK - {"button", "label", "option", "html", "body", "td", "th", "tr", "tbody", "thead", "tfoot"}
_SCOPES = {
    "li": {"ul", "ol"},
    "dt": {"dl"},
    "dd": {"dl"},
    "tr": {"table"},
    "td": {"tr", "table"},
    "th": {"tr", "table"},
    "option": {"select"},
}


@dataclass
class Node:
    """An element of the tree, or a text node (`tag` is empty) with its decoded pieces."""

    tag: str
    attrs: dict[str, str] = field(default_factory=dict)
    children: list["Node"] = field(default_factory=list)
    pieces: list[tuple[str, int, int]] = field(default_factory=list)  # (decoded text, source offset, source length)


class TreeBuilder(HTMLParser):
    """Builds `Node`s; every text node knows its source offsets."""

    def __init__(self, source: Source) -> None:
        super().__init__(convert_charrefs=False)
        self.root = Node("html")
        self.stack = [self.root]
        self.text = source.text
        # HTMLParser counts lines by "\n" alone
        self.starts = [0, *(m.end() for m in re.finditer("\n", source.text))]
        self.title_parts: list[str] = []

    def parse_html_declaration(self, i: int) -> int:
        """Marked sections that HTML does not know are comments (the standard library asserts on some)."""
        try:
            return super().parse_html_declaration(i)
        except AssertionError:
            return self.parse_bogus_comment(i)

    def _offset(self) -> int:
        line, column = self.getpos()
        return self.starts[line - 1] + column

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag == "tr":
            self._close_until(frozenset({"td", "th"}), {"table"})
        closes = _CLOSED_BY.get(tag)
        if closes:
            self._close_until(closes, _SCOPES[tag])
        if tag in _P_ENDERS and any(n.tag == "p" for n in self.stack):
            self._close_until(frozenset({"p"}), BLOCK - {"p"})
        node = Node(tag, {k: v or "" for k, v in attrs})
        self.stack[-1].children.append(node)
        if tag not in _VOID and len(self.stack) < 400:
            self.stack.append(node)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.stack[-1].children.append(Node(tag, {k: v or "" for k, v in attrs}))

    def handle_endtag(self, tag: str) -> None:
        if tag == "br":
            self.stack[-1].children.append(Node("br"))
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
        offset = min(offset, max(0, len(self.text) - 1))
        if parent.tag == "title":
            self.title_parts.append(decoded)
        if parent.children and parent.children[-1].tag == "":
            parent.children[-1].pieces.append((decoded, offset, length))
        else:
            parent.children.append(Node("", pieces=[(decoded, offset, length)]))


def find(node: Node, wanted: Callable[[Node], bool]) -> Node | None:
    stack = [node]
    while stack:
        current = stack.pop()
        if wanted(current):
            return current
        stack.extend(reversed(current.children))
    return None


def all_pieces(node: Node) -> list[tuple[str, int, int]]:
    pieces: list[tuple[str, int, int]] = []
    stack = [node]
    while stack:
        current = stack.pop()
        pieces.extend(current.pieces)
        stack.extend(reversed(current.children))
    return pieces


def parse(source: Source) -> tuple[Node, str]:
    """The tree of a page and the text of its `<title>`."""
    builder = TreeBuilder(source)
    builder.feed(source.text)
    builder.close()
    return builder.root, " ".join("".join(builder.title_parts).split())
