"""The glossary: names of one thing in Chinese, in English and shortened, found in a question so that search may try the others.

``glossary.jsonl`` holds one term a line: ``zh``, ``en`` and ``abbr`` are lists of names, the usual one first. Written by hand.
"""

import json
import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property, lru_cache
from itertools import pairwise
from pathlib import Path

from retriever.analysis import STOPWORDS, singular

FILE = Path(__file__).with_name("glossary.jsonl")

_TOKEN = re.compile(r"[\u3400-\u4dbf\u4e00-\u9fff]|[a-z0-9\u00c0-\u024f]+[+#]*")

_JOIN = re.compile(r"[^。！？!?；;，,…\n]*")


@dataclass(frozen=True, slots=True)
class Concept:
    """A term named in a text: where (offsets into the folded text), and its other names, folded."""

    start: int
    end: int
    others: tuple[str, ...]


class Glossary:
    """Terms by their names, which must be folded but for capitals. A name of several terms (SAM, TP) leads to the names of all.

    `words` are the Latin words of all names, `han` the names that are all Chinese.
    """

    def __init__(self, terms: Iterable[Iterable[str]]) -> None:
        lowered = (dict.fromkeys(name.lower() for name in names) for names in terms)
        self._terms = [[(name, _key(name)) for name in names] for names in lowered]
        self._named: dict[tuple[str, ...], list[int]] = {}
        self._longest: dict[tuple[str, ...], int] = {}  # name that begins with these two tokens
        for number, names in enumerate(self._terms):
            for name, key in names:
                if key and len(name) > 1 and name not in STOPWORDS:
                    self._named.setdefault(key, []).append(number)
                    if len(key) > self._longest.get(key[:2], 1):
                        self._longest[key[:2]] = len(key)

    @cached_property
    def words(self) -> frozenset[str]:
        return frozenset(word for key in self._named for word in key if word[0] < "\u3400")

    @cached_property
    def han(self) -> frozenset[str]:
        return frozenset("".join(key) for key in self._named if all(word[0] >= "\u3400" for word in key))

    def __len__(self) -> int:
        return len(self._terms)

    def find(self, folded: str) -> list[Concept]:
        """The terms named in a folded text, from left to right, the longest name at each place."""
        tokens = [(singular(match.group(0)), match.start(), match.end()) for match in _TOKEN.finditer(folded)]
        words = [word for word, _, _ in tokens]
        gaps = [folded[a:b] for (_, _, a), (_, b, _) in pairwise(tokens)]
        joined = [gap in ("", " ") or _JOIN.fullmatch(gap) for gap in gaps]  # nothing parts a token from the next
        found, at = [], 0
        while at < len(tokens):
            longest = self._longest.get(tuple(words[at : at + 2]), 1)
            for size in range(min(longest, len(tokens) - at), 0, -1):
                key = tuple(words[at : at + size])
                terms = self._named.get(key)
                if terms is not None and all(joined[at : at + size - 1]):
                    names = dict.fromkeys(named for number in terms for named in self._terms[number])
                    others = tuple(name for name, other in names if other != key)
                    found.append(Concept(tokens[at][1], tokens[at + size - 1][2], others))
                    at += size - 1
                    break
            at += 1
        return found


def _key(name: str) -> tuple[str, ...]:
    """A name as it is looked up: Han characters and Latin words one by one, without plural endings."""
    return tuple(word if word >= "\u3400" else singular(word) for word in _TOKEN.findall(name))


@lru_cache(maxsize=1)
def bundled_glossary() -> Glossary:
    """The glossary that comes with the package."""
    rows = json.loads(f"[{','.join(FILE.read_text(encoding='utf-8').splitlines())}]")  # at once: twice as quick
    return Glossary([*row["zh"], *row["en"], *row["abbr"]] for row in rows)
