"""Soft term alignment: how well each piece of a question is met by some piece of a passage, in any language or spelling.

For a query piece t the best cosine with a piece of the passage counts, weighted by the length of t's vector and the square root of
its inverse passage frequency; the score is the weighted mean, in [0, 1]. What the heaviest piece lacks of being met is the gap: a question about mice may be
met by one about gnats in every word but that one. It needs the vectors of single pieces, so it works with
static encoders; with others it is left out. (The late interaction of ColBERT, Khattab and Zaharia 2020, over static vectors.)
"""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from retriever.errors import IndexUnusableError, rebuild_hint
from retriever.pieces import PieceEncoder, PieceTable

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

FILES = ("alignment_starts.npy", "alignment_rows.npy", "alignment_counts.npy")
COLUMNS = 8  # products of matrices are quickest in whole vectors of the processor: 16 columns take three quarters of the time of 13


class AlignmentIndex:
    """The distinct pieces of every passage in one array, as rows of a `PieceTable`: those of passage p are entries starts[p] to starts[p + 1] of
    `owned`, uint16 where that is wide enough, else int32.

    `counts` holds how many passages have each piece of the table.
    """

    def __init__(
        self, starts: "NDArray[np.int64]", owned: "NDArray[np.uint16 | np.int32]", counts: "NDArray[np.int32]"
    ) -> None:
        self._starts, self._owned, self._counts = starts, owned, counts

    @classmethod
    def build(cls, table: PieceTable, texts: list[list[int]]) -> "AlignmentIndex":
        """From the pieces of each passage, question and answer together, all of which `table` has."""
        import numpy as np

        rows = [np.unique(table.rows(np.asarray(pieces, dtype=np.int64))) for pieces in texts]
        starts = np.concatenate(([0], np.cumsum([len(row) for row in rows]))).astype(np.int64)
        narrow = np.uint16 if len(table) <= 1 << 16 else np.int32
        owned = np.concatenate(rows or [np.zeros(0, dtype=np.int32)])
        return cls(starts, owned.astype(narrow), np.bincount(owned, minlength=len(table)).astype(np.int32))

    @classmethod
    def load(cls, folder: Path) -> "AlignmentIndex":
        """Raises IndexUnusableError when a file is missing or damaged."""
        import numpy as np

        try:
            # still mapped; plain arrays are indexed faster
            return cls(*(np.asarray(np.load(folder / name, mmap_mode="r", allow_pickle=False)) for name in FILES))
        except (OSError, ValueError, EOFError) as error:
            raise IndexUnusableError(f"{folder}: a piece file is missing or damaged; {rebuild_hint(folder)}") from error

    def save(self, folder: Path) -> None:
        import numpy as np

        arrays: list[NDArray[Any]] = [self._starts, self._owned, self._counts]
        for name, array in zip(FILES, arrays, strict=True):
            np.save(folder / name, array, allow_pickle=False)

    def scores(
        self,
        encoder: PieceEncoder,
        table: PieceTable,
        pieces: Sequence[int],
        rows: "Sequence[int] | NDArray[np.int64]",
    ) -> "tuple[NDArray[np.float32], NDArray[np.float32]]":
        """Of a query, given as its pieces, with each of `rows`: its alignment, in [0, 1], and its gap, the largest of 1 - cosine times length times the root
        of the share of the greatest inverse frequency; float32 (len(rows),) each, zeros when no piece is known.
        """
        import numpy as np

        asked, rows = np.asarray(sorted(set(pieces)), dtype=np.int64), np.asarray(rows, dtype=np.int64)
        turned, lengths = table.directions(encoder, asked)
        known = lengths > 0
        asked, turned, lengths = asked[known], turned[known], lengths[known]
        out, gaps = np.zeros(len(rows), dtype=np.float32), np.zeros(len(rows), dtype=np.float32)
        if not len(asked) or not len(rows):
            return out, gaps
        weights = lengths * np.sqrt(self._idf(table.rows(asked))).astype(np.float32)
        heaviness = weights / np.float32(np.sqrt(np.log1p((len(self._starts) - 0.5) / 0.5)))
        gaps[:] = heaviness.max()
        starts, sizes = self._starts[rows], self._starts[rows + 1] - self._starts[rows]
        filled = np.flatnonzero(sizes)
        if not len(filled):
            return out, gaps
        owned = np.concatenate(
            [self._owned[start : start + size] for start, size in zip(starts.tolist(), sizes.tolist(), strict=True)]
        )
        present = np.zeros(len(table), dtype=bool)
        present[owned] = True
        found = np.flatnonzero(present)
        place = np.empty(len(table), dtype=np.intp)
        place[found] = np.arange(len(found))
        columns = np.zeros((turned.shape[1], -(-len(asked) // COLUMNS) * COLUMNS), dtype=np.float32)
        columns[:, : len(asked)] = turned.T
        cosines = table.cosines(found, columns)
        bounds = np.concatenate(([0], np.cumsum(sizes[filled])[:-1]))
        best = np.maximum.reduceat(np.take(cosines, place[owned], axis=0), bounds, axis=0).clip(0.0, 1.0)
        best = best[:, : len(asked)]
        out[filled] = (best @ weights) / weights.sum()
        gaps[filled] = (heaviness * (1 - best)).max(axis=1)
        return out, gaps

    def meetings(
        self, encoder: PieceEncoder, table: PieceTable, pieces: Sequence[int], row: int
    ) -> list[tuple[int, int, float]]:
        """(piece of the query, the piece of a row that is nearest to it, their cosine), by falling weight in the score."""
        import numpy as np

        asked, owned = (
            np.asarray(sorted(set(pieces)), dtype=np.int64),
            self._owned[self._starts[row] : self._starts[row + 1]],
        )
        if not len(asked) or not len(owned):
            return []
        turned, lengths = table.directions(encoder, asked)
        cosines = table.cosines(owned, turned.T).T
        order = np.argsort(-lengths * np.sqrt(self._idf(table.rows(asked))), kind="stable")
        names = table.pieces()[owned]
        return [(int(asked[n]), int(names[cosines[n].argmax()]), float(cosines[n].max())) for n in order if lengths[n]]

    def _idf(self, rows: "NDArray[np.int32]") -> "NDArray[np.float64]":
        """Lucene's inverse frequency of pieces over the passages, given their rows of the table; -1 is a piece that no passage has."""
        import numpy as np

        count = np.where(rows < 0, 0, self._counts[rows]) if len(self._counts) else np.zeros(len(rows))
        frequency: NDArray[np.float64] = np.log1p((len(self._starts) - 1 - count + 0.5) / (count + 0.5))
        return frequency
