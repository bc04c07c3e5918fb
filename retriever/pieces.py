"""The vectors of all pieces that occur in an index, kept small and together: those of a vocabulary lie far apart on the disk, these stay in the
processor's cache.

They are told along their leading axes (`axes`) and kept in 8 bits a number.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

from retriever.axes import leading_axes, small
from retriever.errors import IndexUnusableError, rebuild_hint

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

SLICE = 256  # pieces whose vectors, at full width, stay in the processor's nearer cache
FILES = ("piece_rows.npy", "piece_codes.npy", "piece_units.npy", "piece_lengths.npy", "piece_axes.npy")


@runtime_checkable
class PieceEncoder(Protocol):
    """An encoder that knows the vectors of the single pieces it cuts text into; `pool` makes the unit vectors of texts of their pieces."""

    def piece_ids(self, texts: list[str]) -> list[list[int]]: ...

    def piece_texts(self, ids: Sequence[int]) -> list[str]: ...

    def piece_vectors(self, ids: "NDArray[np.int64]") -> "NDArray[np.float32]": ...

    def pool(self, texts: "Sequence[Sequence[int] | NDArray[np.int32]]") -> "NDArray[np.float32]": ...


class PieceTable:
    """The vector of piece p has the direction of `codes[rows[p]]`, int8 (pieces, axes), and the length `lengths[rows[p]]`; `units` are one over the
    lengths of the codes, and `axes` float32 (dimension, axes) turns a vector of the encoder to theirs. `rows` holds -1 for pieces that are not here.
    """

    def __init__(
        self,
        rows: "NDArray[np.int32]",
        codes: "NDArray[np.int8]",
        units: "NDArray[np.float32]",
        lengths: "NDArray[np.float32]",
        axes: "NDArray[np.float32]",
    ) -> None:
        self._rows, self._codes, self._units, self._lengths, self.axes = rows, codes, units, lengths, axes

    @classmethod
    def build(cls, encoder: PieceEncoder, pieces: "NDArray[np.int32]") -> "PieceTable":
        """Of the given pieces of an encoder, in any order and number."""
        import numpy as np

        found = np.unique(pieces).astype(np.int64)
        vectors = encoder.piece_vectors(found)
        lengths = np.linalg.norm(vectors, axis=1)
        axes = leading_axes(vectors / np.maximum(lengths, 1e-12)[:, None])
        codes, units = small(vectors, axes)
        rows = np.full(int(found[-1]) + 1 if len(found) else 0, -1, dtype=np.int32)
        rows[found] = np.arange(len(found))
        return cls(rows, codes, units, lengths, axes)

    @classmethod
    def load(cls, folder: Path) -> "PieceTable":
        """Raises IndexUnusableError when a file is missing or damaged."""
        import numpy as np

        try:
            # still mapped; plain arrays are indexed faster
            return cls(*(np.asarray(np.load(folder / name, mmap_mode="r", allow_pickle=False)) for name in FILES))
        except (OSError, ValueError, EOFError) as error:
            raise IndexUnusableError(f"{folder}: a piece file is missing or damaged; {rebuild_hint(folder)}") from error

    def save(self, folder: Path) -> None:
        import numpy as np

        arrays: list[NDArray[Any]] = [self._rows, self._codes, self._units, self._lengths, self.axes]
        for name, array in zip(FILES, arrays, strict=True):
            np.save(folder / name, array, allow_pickle=False)

    def __len__(self) -> int:
        return len(self._codes)

    def rows(self, pieces: "NDArray[np.integer[Any]]") -> "NDArray[np.int32]":
        """Where pieces of the encoder lie in the table; -1 for those that are not here."""
        import numpy as np

        found = np.full(len(pieces), -1, dtype=np.int32)
        within = pieces < len(self._rows)
        found[within] = self._rows[pieces[within]]
        return found

    def pieces(self) -> "NDArray[np.int64]":
        """The pieces of the table by their rows."""
        import numpy as np

        return np.flatnonzero(self._rows >= 0)

    def turn(self, vectors: "NDArray[np.float32]") -> "NDArray[np.float32]":
        """Vectors of the encoder (n, dimension) along the axes, scaled to unit length; float32 (n, axes)."""
        import numpy as np

        turned = vectors @ self.axes
        turned /= np.maximum(np.sqrt(np.einsum("nd,nd->n", turned, turned)), 1e-12)[:, None]
        return turned

    def directions(
        self, encoder: PieceEncoder, pieces: "NDArray[np.int64]"
    ) -> "tuple[NDArray[np.float32], NDArray[np.float32]]":
        """Of any pieces of the encoder, here or not: what `turn` gives for their vectors, and how long these are; float32 (n, axes) and (n,)."""
        import numpy as np

        rows = self.rows(pieces)
        gone = np.flatnonzero(rows < 0)
        if len(self):
            turned, lengths = self._codes[rows] * self._units[rows][:, None], self._lengths[rows]
        else:
            turned, lengths = (
                np.empty((len(pieces), self.axes.shape[1]), dtype=np.float32),
                np.empty(len(pieces), dtype=np.float32),
            )
        if len(gone):
            vectors = encoder.piece_vectors(pieces[gone])
            turned[gone], lengths[gone] = self.turn(vectors), np.linalg.norm(vectors, axis=1)
        return turned, lengths

    def cosines(self, rows: "NDArray[np.integer[Any]]", turned: "NDArray[np.float32]") -> "NDArray[np.float32]":
        """Of pieces of the table, given as their rows, with vectors that `turn` gave, (axes, n) here; float32 (len(rows), n)."""
        import numpy as np

        products = np.empty((len(rows), turned.shape[1]), dtype=np.float32)
        for start in range(0, len(rows), SLICE):
            part = slice(start, start + SLICE)
            np.matmul(np.take(self._codes, rows[part], axis=0).astype(np.float32), turned, out=products[part])
        products *= self._units[rows][:, None]
        return products
