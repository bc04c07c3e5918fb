"""What unfolds on a web page: titles a reader clicks on, and the panels that open below them.

`<details>` and the buttons of scripts are marked alike on pages of all makers: a control says by `aria-expanded` (or by the attribute
of a common library) that it opens something, and names its panel or stands right above it. Menus do so too; so only controls that
ask count, outside of navigation.
"""

import re
from dataclasses import dataclass, field
from itertools import pairwise

from retriever.readers.plain import ask_of
from retriever.readers.tree import Node, all_pieces

_NO_CONTENT = frozenset({"nav", "header", "footer", "aside", "form"})
_OPENS = ("aria-controls", "data-bs-target", "data-target", "href")  # attributes that name a panel
LONGEST_BADGE = 16  # characters
MOST_ABOVE = 3  # boxes of a control (its heading, its row) beside which the panel may stand


@dataclass(slots=True)
class Folds:
    """Ids (of `id()`) of the nodes that open a panel, of the panels, and of the signs beside a title ("+")."""

    titles: set[int] = field(default_factory=set)
    panels: set[int] = field(default_factory=set)
    signs: set[int] = field(default_factory=set)


def find_folds(root: Node) -> Folds:
    """The unfolding questions of a page with their panels."""
    folds, tree = Folds(), _Tree()
    controls: list[Node] = []
    stack = [root]
    while stack:
        node = stack.pop()
        if "id" in node.attrs:
            tree.named.setdefault(node.attrs["id"], node)
        if node.tag == "details" and any(child.tag == "summary" for child in node.children):
            folds.panels |= {id(child) for child in node.children if child.tag != "summary"}
        if _is_control(node):
            controls.append(node)
        elif node.tag not in _NO_CONTENT:
            tree.take_in(node)
            stack.extend(reversed(node.children))
    for control in controls:
        signs = _signs(control)
        if ask_of("".join(_text(child) for child in control.children if id(child) not in signs)) < 0.5:
            continue
        folds.titles.add(id(control))
        folds.signs |= signs
        panel = tree.panel(control)
        if panel is not None:
            folds.panels.add(id(panel))
    return folds


@dataclass(slots=True)
class _Tree:
    """What surrounds the nodes of a page: parents and following siblings by `id()`, elements by their names."""

    above: dict[int, Node] = field(default_factory=dict)
    following: dict[int, Node] = field(default_factory=dict)
    named: dict[str, Node] = field(default_factory=dict)

    def take_in(self, node: Node) -> None:
        """Note the children of a node; blank text is none."""
        own = [child for child in node.children if child.tag or _text(child).strip()]
        self.above.update((id(child), node) for child in own)
        self.following.update((id(child), after) for child, after in pairwise(own))

    def panel(self, control: Node) -> Node | None:
        """What a control opens: the element it names, else the one next to it or to a box that ends with it."""
        for name in _OPENS:
            found = self.named.get(control.attrs.get(name, "").lstrip("#"))
            if found is not None and not self._is_around(found, control):
                return found
        node = control
        for _ in range(MOST_ABOVE):
            after = self.following.get(id(node))
            if after is not None:
                return after if after.tag and not _is_control(after) else None
            if id(node) not in self.above:
                return None
            node = self.above[id(node)]
        return None

    def _is_around(self, outer: Node, node: Node) -> bool:
        at: Node | None = node
        while at is not None and at is not outer:
            at = self.above.get(id(at))
        return at is outer


def _is_control(node: Node) -> bool:
    toggles = node.attrs.get("data-bs-toggle", "") == "collapse" or node.attrs.get("data-toggle", "") == "collapse"
    return node.tag != "summary" and ("aria-expanded" in node.attrs or toggles)


def _text(node: Node) -> str:
    return "".join(text for text, _, _ in all_pieces(node))


_BADGE = re.compile(r"(?:tag|badge|chip|pill|level|difficulty|lv\d?)$")


def badges(title: Node) -> set[int]:
    """The little boxes before or behind the words of a title that say of what kind or how hard it is ("Core", "中等")."""
    filled = [child for child in title.children if _text(child).strip()]
    found = {
        id(child)
        for child in filled[:2] + filled[-1:]
        if child.tag in ("span", "i", "em", "small", "sup", "b")
        and len(_text(child)) <= LONGEST_BADGE
        and any(_BADGE.match(word) for word in re.split(r"[\s_-]+", child.attrs.get("class", "").lower()))
    }
    told = "".join(_text(child) for child in filled if id(child) not in found)
    return found if len(re.findall(r"\w", told)) >= 4 else set()


def _signs(control: Node) -> set[int]:
    """The elements at the ends of a title that show whether it is open: without a word, or hidden from those who listen."""
    filled = [child for child in control.children if _text(child).strip()]
    return {
        id(child)
        for child in (filled[:1] + filled[-1:] if len(filled) >= 2 else [])
        if child.tag and (child.attrs.get("aria-hidden") == "true" or not re.search(r"\w", _text(child)))
    }
