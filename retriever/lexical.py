"""Lexical search: BM25 over the analyzer's terms, as weights computed at build time in compressed rows by term.

Scoring follows Robertson and Zaragoza (2009), with the idf of Lucene (never negative): a term in passage p weighs
idf * tf * (k1 + 1) / (tf + k1 * (1 - b + b * length / mean length)). The question of a passage counts QUESTION_WEIGHT times.
"""

import json
import math
from collections import Counter
from collections.abc import Iterable
from functools import lru_cache
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

from retriever.errors import IndexUnusableError, rebuild_hint

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

K1, B = 1.2, 0.75  # the usual defaults of the literature and of Lucene; not tuned
QUESTION_WEIGHT = 2
# What a term under another name than the query's counts. Of 0, 0.5, 0.8 and 1 on the development questions and those over the bundled
# corpus: 0.5 answers one question more than 0, more than that trades questions one for one.
EXPANDED = 0.5
FILES = ("terms.json", "term_starts.npy", "term_rows.npy", "term_weights.npy")


Slot = str | tuple[tuple[str, ...], ...]
"""A term of a query, or a concept: the ways it may be written, as terms, the query's own first."""


class LexicalIndex:
    """Postings in one array: those of term t are entries starts[t] to starts[t + 1] of `rows` and `weights`."""

    def __init__(
        self,
        terms: list[str],
        starts: "NDArray[np.int64]",
        rows: "NDArray[np.int32]",
        weights: "NDArray[np.float32]",
        passages: int,
    ) -> None:
        self._ids = {term: n for n, term in enumerate(terms)}
        self._terms = terms
        self._starts: list[int] = starts.tolist()  # looked up one by one, which plain numbers are quicker for
        self._rows, self._weights = rows, weights
        self._passages = passages

    @classmethod
    def build(cls, passages: list[tuple[list[str], list[str]]]) -> "LexicalIndex":
        """From the terms of (question, answer) of each passage, in row order."""
        import numpy as np

        counts = [Counter(question * QUESTION_WEIGHT + answer) for question, answer in passages]
        lengths = [sum(count.values()) for count in counts]
        mean = sum(lengths) / len(lengths) if lengths else 1.0
        postings: dict[str, list[tuple[int, float]]] = {}
        for row, (count, length) in enumerate(zip(counts, lengths, strict=True)):
            for term, tf in count.items():
                postings.setdefault(term, []).append(
                    (row, tf * (K1 + 1) / (tf + K1 * (1 - B + B * length / (mean or 1.0))))
                )
        terms = sorted(postings)
        starts = np.zeros(len(terms) + 1, dtype=np.int64)
        rows: list[int] = []
        weights: list[float] = []
        for n, term in enumerate(terms):
            idf = inverse_frequency(len(postings[term]), len(passages))
            rows.extend(row for row, _ in postings[term])
            weights.extend(idf * part for _, part in postings[term])
            starts[n + 1] = len(rows)
        return cls(
            terms, starts, np.asarray(rows, dtype=np.int32), np.asarray(weights, dtype=np.float32), len(passages)
        )

    @classmethod
    def load(cls, folder: Path, passages: int) -> "LexicalIndex":
        """Raises IndexUnusableError when a file is missing or damaged."""
        import numpy as np

        try:
            terms = json.loads((folder / FILES[0]).read_text(encoding="utf-8"))
            # still mapped; plain arrays are indexed faster
            starts, rows, weights = (
                np.asarray(np.load(folder / name, mmap_mode="r", allow_pickle=False)) for name in FILES[1:]
            )
        except (OSError, ValueError, EOFError) as error:
            raise IndexUnusableError(f"{folder}: a term file is missing or damaged; {rebuild_hint(folder)}") from error
        return cls(terms, starts, rows, weights, passages)

    def save(self, folder: Path) -> None:
        import numpy as np

        (folder / FILES[0]).write_text(json.dumps(self._terms, ensure_ascii=False), encoding="utf-8")
        starts = np.asarray(self._starts, dtype=np.int64)
        arrays: list[NDArray[Any]] = [starts, self._rows, self._weights]
        for name, array in zip(FILES[1:], arrays, strict=True):
            np.save(folder / name, array, allow_pickle=False)

    def __len__(self) -> int:
        return self._passages

    def __contains__(self, term: str) -> bool:
        return term in self._ids

    def frequent(self, least: int) -> list[str]:
        """The terms that `least` passages or more have."""
        bounds = zip(self._terms, pairwise(self._starts), strict=True)
        return [term for term, (start, end) in bounds if end - start >= least]

    def scores(self, terms: Iterable[Slot]) -> "NDArray[np.float32]":
        """BM25 score of every passage for a query; float32 (passages,).

        A slot is a term, or a concept written in several ways, each a tuple of terms: of a concept the best way counts: the first
        (the one of the query) as its terms do, the others EXPANDED times where a passage has all their terms. Slots that repeat count once.
        """
        import numpy as np

        plain: list[str] = []
        concepts: list[tuple[tuple[str, ...], list[tuple[str, ...]]]] = []
        for slot in dict.fromkeys(terms):
            ways = () if isinstance(slot, str) else slot
            others = [way for way in ways[1:] if all(term in self._ids for term in way)]
            if others:
                concepts.append((ways[0], others))
            else:
                plain.extend([slot] if isinstance(slot, str) else dict.fromkeys(slot[0]))
        out = self._sum(plain)
        for first, others in concepts:
            best = np.zeros(self._passages, dtype=np.float32)
            for term in dict.fromkeys(first):
                rows, scores = self._postings(term)
                best[rows] += scores
            found = [posting for way in others if len((posting := self._all_of(way))[0])]
            if found:
                rows, scores = (np.concatenate(part) for part in zip(*found, strict=True))
                np.maximum.at(best, rows, scores * np.float32(EXPANDED))
            out += best
        return out

    def holds(self, way: Iterable[str]) -> bool:
        """True when one passage has all terms of a way."""
        return len(self._all_of(way)[0]) > 0

    def row_holds(self, row: int, way: Iterable[str]) -> bool:
        """True when the passage of a row has all terms of a way."""
        for term in way:
            rows, _ = self._postings(term)
            at = int(rows.searchsorted(row))
            if at == len(rows) or rows[at] != row:
                return False
        return True

    def _postings(self, term: str) -> "tuple[NDArray[np.int32], NDArray[np.float32]]":
        """The rows that have a term, ascending, and what it weighs in each."""
        n = self._ids.get(term)
        span = slice(0, 0) if n is None else slice(self._starts[n], self._starts[n + 1])
        return self._rows[span], self._weights[span]

    def _sum(self, terms: Iterable[str]) -> "NDArray[np.float32]":
        """Summed scores of terms in every passage."""
        import numpy as np

        found = [self._postings(term) for term in terms]
        if not found:
            return np.zeros(self._passages, dtype=np.float32)
        rows, weights = (np.concatenate(part) for part in zip(*found, strict=True))
        return np.bincount(rows, weights, self._passages).astype(np.float32)

    def _all_of(self, way: Iterable[str]) -> "tuple[NDArray[np.int32], NDArray[np.float32]]":
        """The rows that have all terms of a way, ascending, and the summed scores of the terms."""
        import numpy as np

        found = [self._postings(term) for term in dict.fromkeys(way)]
        if len(found) == 1:
            return found[0]
        (rows, scores), *others = sorted(found, key=lambda posting: len(posting[0]))
        for more, weights in others:
            if not len(rows):
                break
            places = more.searchsorted(rows)
            places[places == len(more)] = 0
            both = np.flatnonzero(more[places] == rows)
            rows, scores = rows[both], scores[both] + weights[places[both]]
        return rows, scores

    def idf(self, term: str) -> float:
        """Inverse frequency of a term; that of a term no passage has when it is unknown."""
        n = self._ids.get(term)
        return inverse_frequency(0 if n is None else self._starts[n + 1] - self._starts[n], self._passages)

    def ceiling(self, terms: Iterable[Slot]) -> float:
        """The score of an endless repetition of all terms, of a concept in the way that could score most: an upper bound that makes scores of
        different queries comparable.
        """
        total = 0.0
        for slot in dict.fromkeys(terms):
            if isinstance(slot, str):
                total += self.idf(slot)
            else:
                sums = [sum(map(self.idf, dict.fromkeys(way))) for way in slot]
                total += max(sums[0], EXPANDED * max(sums))
        return total * (K1 + 1)


@lru_cache(maxsize=4096)
def inverse_frequency(found: int, passages: int) -> float:
    """Lucene's idf: ln(1 + (N - n + 0.5) / (n + 0.5))."""
    return math.log(1 + (passages - found + 0.5) / (found + 0.5))
