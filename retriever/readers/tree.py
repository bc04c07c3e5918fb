"""A tolerant HTML tree whose text nodes know their place in the source.

Built on the standard library's `HTMLParser`, because it is the one well-kept parser that gives the position of every text node;
lxml, html5lib and selectolax give at most the line of a start tag. Elements are closed implicitly where HTML says so.

That parser looks for the end of what never ends again and again, and gives the rest of a page up at a reference that is none. Three
things keep pages of any kind linear in time: what stands behind the last ">" is text; a search for an end that failed is not done
again; references that are none, and gaps of thousands of blanks, are hidden from the parser.
"""

import re
from collections import Counter
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


@dataclass(slots=True)
class Node:
    """An element of the tree, or a text node (`tag` is empty) with its decoded pieces."""

    tag: str
    attrs: dict[str, str] = field(default_factory=dict)
    children: list["Node"] = field(default_factory=list)
    pieces: list[tuple[str, int, int]] = field(default_factory=list)  # (decoded text, source offset, source length)


DEEPEST = 400  # elements inside one another; what is deeper stands side by side

_REFERENCE = re.compile(r"&(?:#[0-9]+|#[xX][0-9a-fA-F]+|[A-Za-z][A-Za-z0-9]{0,31});?")
# "&#" where the parser finds no number of a character that ends; a sign that is no text hides it.
_NO_REFERENCE = re.compile(r"&#(?!(?:[0-9]{1,7}|[xX][0-9a-fA-F]{1,6})[^0-9a-fA-F])")
_MARK = "\ufffe"
# What parts attributes, as long as no page has it: the parser would keep a way back for each character.
_LONG_GAP = re.compile(r"[/ \t\r\f\v\x1c-\x1f\x85\xa0\u2000-\u200a\u2028\u2029\u3000]{1000,}")


class TreeBuilder(HTMLParser):
    """Builds `Node`s; every text node knows its source offsets."""

    def __init__(self, source: Source) -> None:
        super().__init__(convert_charrefs=False)
        self.root = Node("html")
        self.stack = [self.root]
        self.open: Counter[str] = Counter()  # how often a tag is on the stack
        self.text = source.text
        self.endless: set[str] = set()  # openers that have no end after here
        self.ragged = 0  # start tags without an end
        # HTMLParser counts lines by "\n" alone
        self.starts = [0, *(m.end() for m in re.finditer("\n", source.text))]
        self.title_parts: list[str] = []

    def read(self) -> None:
        """Build the tree of the whole page."""
        end = self.text.rfind(">") + 1
        hidden = _NO_REFERENCE.sub("&" + _MARK, self.text[:end])
        self.feed(_LONG_GAP.sub(_hide, hidden))
        self.close()
        if not self.cdata_elem:
            self._loose_text(end)

    def _loose_text(self, start: int) -> None:
        """Text without any tag up to the end of the page."""
        for match in _REFERENCE.finditer(self.text, start):
            if match.start() > start:
                self._text(self.text[start : match.start()], start, match.start() - start)
            start = match.end()
            self._text(_character(match.group()), match.start(), start - match.start())
        if start < len(self.text):
            self._text(self.text[start:], start, len(self.text) - start)

    def parse_html_declaration(self, i: int) -> int:
        """Marked sections that HTML does not know are comments (the standard library asserts on some, and has moved on by then)."""
        place = self.lineno, self.offset
        try:
            return super().parse_html_declaration(i)
        except AssertionError:
            self.lineno, self.offset = place
            return self.parse_bogus_comment(i)

    def parse_comment(self, i: int, report: bool = True) -> int:
        return self._ended("<!--", super().parse_comment, i)

    def parse_marked_section(self, i: int, report: bool = True) -> int:
        return self._ended("<![", super().parse_marked_section, i)

    def _ended(self, opener: str, parse: Callable[[int], int], i: int) -> int:
        """What `parse` says, -1 when `opener` is known to have no end."""
        if opener in self.endless:
            return -1
        found = parse(i)
        if found < 0:
            self.endless.add(opener)
        return found

    def check_for_whole_start_tag(self, i: int) -> int:
        """End of the start tag at `i`, or -1; after some tags without an end, tags end at the next ">", whatever is quoted."""
        if self.ragged > 20:
            return self.rawdata.find(">", i) + 1 or -1
        end = super().check_for_whole_start_tag(i)
        self.ragged += end < 0
        return end

    def _offset(self) -> int:
        line, column = self.getpos()
        return self.starts[line - 1] + column

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag == "tr":
            self._close_until(frozenset({"td", "th"}), {"table"})
        closes = _CLOSED_BY.get(tag)
        if closes:
            self._close_until(closes, _SCOPES[tag])
        if tag in _P_ENDERS:
            self._close_until(frozenset({"p"}), BLOCK - {"p"})
        node = Node(tag, _attributes(attrs))
        self.stack[-1].children.append(node)
        if tag not in _VOID and len(self.stack) < DEEPEST:
            self.stack.append(node)
            self.open[tag] += 1

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.stack[-1].children.append(Node(tag, _attributes(attrs)))

    def handle_endtag(self, tag: str) -> None:
        if tag == "br":
            self.stack[-1].children.append(Node("br"))
            return
        scope = {"td", "th", "li", "table"} if tag in ("p", "div", "span", "a", "b", "strong", "em", "i") else set()
        self._close_until(frozenset({tag}), scope - {tag})

    def _close_until(self, tags: frozenset[str], scope: Iterable[str]) -> None:
        """Pop the stack up to and including the nearest of `tags`, unless an element of `scope` stands before it."""
        if not any(self.open[tag] for tag in tags):
            return
        for at in range(len(self.stack) - 1, 0, -1):
            if self.stack[at].tag in tags:
                self.open.subtract(node.tag for node in self.stack[at:])
                del self.stack[at:]
                return
            if self.stack[at].tag in scope:
                return

    def handle_data(self, data: str) -> None:
        offset = self._offset()
        self._text(self.text[offset : offset + len(data)] if _MARK in data else data, offset, len(data))

    def handle_entityref(self, name: str) -> None:
        offset = self._offset()
        length = len(name) + 1 + (self.text[offset + len(name) + 1 : offset + len(name) + 2] == ";")
        self._text(_character(self.text[offset : offset + length]), offset, length)

    def handle_charref(self, name: str) -> None:
        offset = self._offset()
        length = len(name) + 2 + (self.text[offset + len(name) + 2 : offset + len(name) + 3] == ";")
        self._text(_character(self.text[offset : offset + length]), offset, length)

    def _text(self, decoded: str, offset: int, length: int) -> None:
        parent = self.stack[-1]
        offset = min(offset, max(0, len(self.text) - 1))
        if parent.tag == "title":
            self.title_parts.append(decoded)
        if parent.children and parent.children[-1].tag == "":
            parent.children[-1].pieces.append((decoded, offset, length))
        else:
            parent.children.append(Node("", pieces=[(decoded, offset, length)]))


def _hide(gap: re.Match[str]) -> str:
    """A gap of as many characters, all but the first and the last hidden from the parser."""
    return gap.group()[0] + _MARK * (len(gap.group()) - 2) + gap.group()[-1]


def _attributes(attrs: list[tuple[str, str | None]]) -> dict[str, str]:
    return {name: (value or "").replace("&" + _MARK, "&#") for name, value in attrs}


def _character(reference: str) -> str:
    """What a character reference stands for; numbers beyond all characters stand for none."""
    return "\ufffd" if reference.startswith("&#") and len(reference) > 16 else unescape(reference)


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
    builder.read()
    return builder.root, " ".join("".join(builder.title_parts).split())
