"""The glossary: names of one thing in Chinese, in English and shortened, found in a question so that search may try the others.

``glossary.jsonl`` holds one term a line: ``zh``, ``en`` and ``abbr`` are lists of names, the usual one first; ``concrete`` marks things of everyday life, whose
English name means nothing else even when it is a single word (yeast, unlike dropout). Written by hand. What is looked up in a question is worked out beforehand, for it takes a tenth of a second, and kept in ``names.json``: after a change of the terms, write it anew with
``python -m retriever.glossary``.
"""

import json
import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise
from pathlib import Path
from typing import Self

from retriever.analysis import STOPWORDS, singular

FILE = Path(__file__).with_name("glossary.jsonl")
NAMES = Path(__file__).with_name("names.json")
SETS = ("words", "han", "concrete")

_TOKEN = re.compile(r"[\u3400-\u4dbf\u4e00-\u9fff]|[a-z0-9\u00c0-\u024f]+[+#]*")

_JOIN = re.compile(r"[^。！？!?；;，,…\n]*")


@dataclass(frozen=True, slots=True)
class Concept:
    """A term named in a text: where (offsets into the folded text), its other names, folded, and whether it is a thing of everyday life."""

    start: int
    end: int
    others: tuple[str, ...]
    concrete: bool = False


@dataclass(frozen=True)
class Glossary:
    """Terms by their names. `terms` are the names of each in lower case, a tab between; `named` the numbers of the terms that a key leads to, a space between (a name
    of several, like SAM or TP, leads to all), `longest` how many tokens the longest key has that begins with two, in digits. A key is a name as it is looked
    up: Han characters and Latin words without plural endings, one by one, with spaces between. `words` are the Latin words of all keys, `han` the names that are
    all Chinese, `concrete` the numbers of the terms that are things of everyday life.

    Texts in place of lists and numbers: few of them are ever looked at, and tens of thousands take long to read.
    """

    terms: list[str]
    named: dict[str, str]
    longest: dict[str, str]
    words: frozenset[str]
    han: frozenset[str]
    concrete: frozenset[str] = frozenset()

    @classmethod
    def of(cls, terms: Iterable[Iterable[str]], concrete: Iterable[int] = ()) -> Self:
        """From the names of each term, which must be folded but for capitals, and the numbers of the concrete ones."""
        names = [list(dict.fromkeys(name.lower() for name in one)) for one in terms]
        named: dict[str, list[str]] = {}
        longest: dict[str, int] = {}
        for number, one in enumerate(names):
            for name in one:
                tokens = _tokens(name)
                if len("".join(tokens)) > 1 and name not in STOPWORDS:
                    named.setdefault(" ".join(tokens), []).append(str(number))
                    pair = " ".join(tokens[:2])
                    if len(tokens) > longest.get(pair, 1):
                        longest[pair] = len(tokens)
        keys = [key.split(" ") for key in named]
        return cls(
            ["\t".join(one) for one in names],
            {key: " ".join(numbers) for key, numbers in named.items()},
            {pair: str(length) for pair, length in longest.items()},
            words=frozenset(word for key in keys for word in key if word[0] < "\u3400"),
            han=frozenset("".join(key) for key in keys if all(word[0] >= "\u3400" for word in key)),
            concrete=frozenset(map(str, concrete)),
        )

    def __len__(self) -> int:
        return len(self.terms)

    def find(self, folded: str) -> list[Concept]:
        """The terms named in a folded text, from left to right, the longest name at each place."""
        tokens = [(_plain(match.group(0)), *match.span()) for match in _TOKEN.finditer(folded)]
        words = [word for word, _, _ in tokens]
        found, at = [], 0
        while at < len(tokens):
            longest = int(self.longest.get(" ".join(words[at : at + 2]), 1))
            for size in range(min(longest, len(tokens) - at), 0, -1):
                numbers = self.named.get(" ".join(words[at : at + size]))
                if numbers is not None and _joined(folded, tokens[at : at + size]):
                    terms, key = numbers.split(" "), tuple(words[at : at + size])
                    names = dict.fromkeys(name for number in terms for name in self.terms[int(number)].split("\t"))
                    others = tuple(name for name in names if _tokens(name) != key)
                    found.append(
                        Concept(tokens[at][1], tokens[at + size - 1][2], others, self.concrete.issuperset(terms))
                    )
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
    return tuple(map(_plain, _TOKEN.findall(name)))


def _plain(token: str) -> str:
    """A Han character as it is, a Latin word without its plural ending."""
    return token if token >= "\u3400" else singular(token)


def written_glossary() -> Glossary:
    """The glossary as it stands in `FILE`."""
    rows = [json.loads(line) for line in FILE.read_text(encoding="utf-8").splitlines()]
    names = [[*row["zh"], *row["en"], *row["abbr"]] for row in rows]
    return Glossary.of(names, (number for number, row in enumerate(rows) if row.get("concrete")))


def to_names(glossary: Glossary) -> str:
    """What `NAMES` holds: everything of a glossary in long texts, which are quick to read, a line an entry."""
    columns: dict[str, Iterable[str]] = {"terms": glossary.terms}
    for name in ("named", "longest"):
        columns |= {name: getattr(glossary, name), f"{name} to": getattr(glossary, name).values()}
    columns |= {name: sorted(getattr(glossary, name)) for name in SETS}
    return (
        json.dumps({name: "\n".join(column) for name, column in columns.items()}, ensure_ascii=False, indent=0) + "\n"
    )


@lru_cache(maxsize=1)
def bundled_glossary() -> Glossary:
    """The glossary that comes with the package."""
    columns = {name: text.split("\n") for name, text in json.loads(NAMES.read_text(encoding="utf-8")).items()}
    named, longest = (dict(zip(columns[name], columns[f"{name} to"], strict=True)) for name in ("named", "longest"))
    sets = {name: frozenset(columns[name]) for name in SETS}
    return Glossary(columns["terms"], named, longest, **sets)


if __name__ == "__main__":
    NAMES.write_text(to_names(written_glossary()), encoding="utf-8")
