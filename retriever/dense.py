"""Dense search: a FAISS index of the passages, and their question and answer vectors in one row order for exact cosines.

The FAISS index holds the mean of a passage's two unit vectors, whose product with a query is the mean of both cosines: one search finds what is
near by its question, its answer or both, along their leading axes. Everything is kept in 8 bits a number: a quarter of the room, half the time, and the
exact cosines within 0.002 of those in single precision.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from retriever.axes import LARGEST, along, leading_axes
from retriever.errors import IndexUnusableError, rebuild_hint

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

FILES = ("passages.faiss", "side_vectors.npy", "side_scales.npy", "axes.npy")
SAMPLED = 256  # questions of a corpus that `level` looks at
# The level of a corpus that tells nothing, and how many questions it counts for: the mean of four corpora (0.46 to 0.66), set by hand.
USUAL_LEVEL, USUAL_COUNT = 0.55, 8


class DenseIndex:
    """Row r of the index and of both sides belongs to passage r. Scores are cosines in [-1, 1], higher is better.

    `sides` are whole numbers, int8 (passages, 2, dimension), that times their `scales`, float32 (passages, 2), are the vectors of question and answer.
    """

    def __init__(
        self, means: Any, sides: "NDArray[np.int8]", scales: "NDArray[np.float32]", axes: "NDArray[np.float32]"
    ) -> None:
        self._means, self._sides, self._scales, self._axes = means, sides, scales, axes

    @classmethod
    def build(cls, questions: "NDArray[np.float32]", answers: "NDArray[np.float32]") -> "DenseIndex":
        """From unit vectors, float32 (passages, dimension) each."""
        import faiss
        import numpy as np

        sides = np.stack((questions, answers), axis=1)
        scales = np.abs(sides).max(axis=2) / np.float32(LARGEST)
        codes = np.rint(sides / np.maximum(scales, 1e-12)[:, :, None]).astype(np.int8)
        middles = sides.mean(axis=1)
        axes = leading_axes(middles)
        means = faiss.IndexScalarQuantizer(
            axes.shape[1], faiss.ScalarQuantizer.QT_8bit_direct_signed, faiss.METRIC_INNER_PRODUCT
        )
        means.add(_whole(along(middles, axes)))  # one scale for all, which changes no order
        return cls(means, codes, scales, axes)

    @classmethod
    def load(cls, folder: Path) -> "DenseIndex":
        """Raises IndexUnusableError when a file is missing, damaged or does not belong to the others."""
        import faiss
        import numpy as np

        try:
            means = faiss.read_index(str(folder / FILES[0]))
            # still mapped; plain arrays are indexed faster
            sides, scales, axes = (
                np.asarray(np.load(folder / name, mmap_mode="r", allow_pickle=False)) for name in FILES[1:]
            )
        except (RuntimeError, OSError, ValueError, EOFError) as error:
            raise IndexUnusableError(
                f"{folder}: a vector file is missing or damaged; {rebuild_hint(folder)}"
            ) from error
        if (sides.shape, scales.shape) != ((means.ntotal, 2, len(axes)), (means.ntotal, 2)) or sides.dtype != np.int8:
            raise IndexUnusableError(f"{folder}: the vector files do not belong together; {rebuild_hint(folder)}")
        return cls(means, sides, scales, axes)

    def save(self, folder: Path) -> None:
        import faiss
        import numpy as np

        # FAISS's own writer does not tell when the last bytes find no room
        (folder / FILES[0]).write_bytes(faiss.serialize_index(self._means).data)
        np.save(folder / FILES[1], self._sides, allow_pickle=False)
        np.save(folder / FILES[2], self._scales, allow_pickle=False)
        np.save(folder / FILES[3], self._axes, allow_pickle=False)

    def __len__(self) -> int:
        return int(self._means.ntotal)

    def top(self, vector: "NDArray[np.float32]", k: int) -> "NDArray[np.int64]":
        """The k rows nearest to a query vector (dimension,) by the mean of both cosines, ascending."""
        import numpy as np

        rows: NDArray[np.int64] = np.sort(
            self._means.search(_whole(vector[None, :] @ self._axes), min(k, len(self)))[1][0]
        )
        return rows[rows >= 0]

    def scores(self, vector: "NDArray[np.float32]", rows: "Sequence[int] | NDArray[np.int64]") -> "NDArray[np.float32]":
        """Cosines of a query vector with both sides of the given rows; float32 (len(rows), 2)."""
        import numpy as np

        cosines: NDArray[np.float32] = np.take(self._sides, rows, axis=0).astype(np.float32) @ vector
        return (cosines * self._scales[rows]).clip(-1.0, 1.0)  # roundings may add up


def _whole(vectors: "NDArray[np.floating[Any]]") -> "NDArray[np.float32]":
    """Vectors in whole numbers up to LARGEST, as FAISS takes them: all by the same factor."""
    import numpy as np

    rounded: NDArray[np.float32] = np.rint(vectors * (LARGEST / max(float(np.abs(vectors).max(initial=0.0)), 1e-12)))
    return rounded.astype(np.float32, copy=False)


def level(
    questions: "NDArray[np.float32]",
    answers: "NDArray[np.float32]",
    families: "NDArray[np.int32]",
    copies: "NDArray[np.int32]",
) -> float:
    """How near to a question of the corpus the nearest passage is that does not answer it: the mean of the better cosine, over up to SAMPLED
    questions and without passages of its family or of a copy's. A narrow corpus has a high level, a broad one a low one; what
    a cosine is worth depends on it.
    """
    import numpy as np

    whole = np.flatnonzero(families == np.arange(len(families)))
    found = []
    spread = np.linspace(0, len(whole) - 1, min(len(whole), SAMPLED)).round().astype(np.int64)
    for row in whole[spread].tolist():
        others = (families != row) & (copies != copies[row]) & (copies[families] != copies[row])
        if others.any():
            found.append(float(np.maximum(questions @ questions[row], answers @ questions[row])[others].max()))
    # rounded: the last digits of a product hang on the processor
    return round(max(0.05, (sum(found) + USUAL_LEVEL * USUAL_COUNT) / (len(found) + USUAL_COUNT)), 4)
