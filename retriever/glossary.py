"""The glossary: names of one thing in Chinese, in English and shortened, found in a question so that search may try the others.

``glossary.jsonl`` holds one term a line: ``zh``, ``en`` and ``abbr`` are lists of names, the usual one first. Written by hand. What is looked up
in a question is worked out beforehand, for it takes a tenth of a second, and kept in ``names.json``: after a change of the terms, write it anew with
``python -m retriever.glossary``.
"""

import json
import re
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from functools import lru_cache
from itertools import pairwise
from pathlib import Path
from typing import Self

from retriever.analysis import STOPWORDS, singular

FILE = Path(__file__).with_name("glossary.jsonl")
NAMES = Path(__file__).with_name("names.json")

_TOKEN = re.compile(r"[\u3400-\u4dbf\u4e00-\u9fff]|[a-z0-9\u00c0-\u024f]+[+#]*")

_JOIN = re.compile(r"[^。！？!?；;，,…\n]*")


@dataclass(frozen=True, slots=True)
class Concept:
    """A term named in a text: where (offsets into the folded text), and its other names, folded."""

    start: int
    end: int
    others: tuple[str, ...]


@dataclass(frozen=True)
class Glossary:
    """Terms by their names. `terms` are the names of each, in lower case; `named` the terms that a key leads to (a name of several, like SAM or TP, leads to
    all), `longest` how many tokens the longest key has that begins with two. A key is a name as it is looked up: Han characters and Latin
    words without plural endings, one by one, with spaces between. `words` are the Latin words of all keys, `han` the names that are all Chinese.
    """

    terms: list[list[str]]
    named: dict[str, list[int]]
    longest: dict[str, int]
    words: frozenset[str]
    han: frozenset[str]

    @classmethod
    def of(cls, terms: Iterable[Iterable[str]]) -> Self:
        """From the names of each term, which must be folded but for capitals."""
        names = [list(dict.fromkeys(name.lower() for name in one)) for one in terms]
        named: dict[str, list[int]] = {}
        longest: dict[str, int] = {}
        for number, one in enumerate(names):
            for name in one:
                tokens = _tokens(name)
                if tokens and len(name) > 1 and name not in STOPWORDS:
                    named.setdefault(" ".join(tokens), []).append(number)
                    pair = " ".join(tokens[:2])
                    if len(tokens) > longest.get(pair, 1):
                        longest[pair] = len(tokens)
        keys = [key.split(" ") for key in named]
        words = frozenset(word for key in keys for word in key if word[0] < "\u3400")
        han = frozenset("".join(key) for key in keys if all(word[0] >= "\u3400" for word in key))
        return cls(names, named, longest, words, han)

    def __len__(self) -> int:
        return len(self.terms)

    def find(self, folded: str) -> list[Concept]:
        """The terms named in a folded text, from left to right, the longest name at each place."""
        tokens = [(singular(match.group(0)), match.start(), match.end()) for match in _TOKEN.finditer(folded)]
        words = [word for word, _, _ in tokens]
        found, at = [], 0
        while at < len(tokens):
            longest = self.longest.get(" ".join(words[at : at + 2]), 1)
            for size in range(min(longest, len(tokens) - at), 0, -1):
                terms = self.named.get(" ".join(words[at : at + size]))
                if terms is not None and _joined(folded, tokens[at : at + size]):
                    key = tuple(words[at : at + size])
                    names = dict.fromkeys(name for number in terms for name in self.terms[number])
                    others = tuple(name for name in names if _tokens(name) != key)
                    found.append(Concept(tokens[at][1], tokens[at + size - 1][2], others))
                    at += size - 1
                    break
            at += 1
        return found


def _joined(folded: str, tokens: list[tuple[str, int, int]]) -> bool:
    """True when nothing parts one of the tokens of a text from the next."""
    gaps = (folded[end:start] for (_, _, end), (_, start, _) in pairwise(tokens))
    return all(gap in ("", " ") or _JOIN.fullmatch(gap) for gap in gaps)


@lru_cache(maxsize=4096)  # of names of terms only
def _tokens(name: str) -> tuple[str, ...]:
    """A name as it is looked up: Han characters and Latin words one by one, without plural endings."""
    return tuple(word if word >= "\u3400" else singular(word) for word in _TOKEN.findall(name))


def written_terms() -> list[list[str]]:
    """The names of each term, as they stand in `FILE`."""
    rows = [json.loads(line) for line in FILE.read_text(encoding="utf-8").splitlines()]
    return [[*row["zh"], *row["en"], *row["abbr"]] for row in rows]


def to_names(glossary: Glossary) -> str:
    """What `NAMES` holds."""
    plain = {name: sorted(value) if isinstance(value, frozenset) else value for name, value in asdict(glossary).items()}
    return json.dumps(plain, ensure_ascii=False, separators=(",", ":")) + "\n"


@lru_cache(maxsize=1)
def bundled_glossary() -> Glossary:
    """The glossary that comes with the package."""
    row = json.loads(NAMES.read_text(encoding="utf-8"))
    return Glossary(row["terms"], row["named"], row["longest"], frozenset(row["words"]), frozenset(row["han"]))


if __name__ == "__main__":
    NAMES.write_text(to_names(Glossary.of(written_terms())), encoding="utf-8")
