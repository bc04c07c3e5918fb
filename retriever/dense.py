"""Dense search: inner products of unit vectors over two FAISS indexes with one row order, one of questions, one of answers.

Vectors are kept in half precision: half the room, nearly half the time, and cosines within 0.001 of those in single precision.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from retriever.errors import IndexUnusableError, rebuild_hint

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

FILES = ("questions.faiss", "answers.faiss")
SAMPLED = 256  # questions of a corpus that `level` looks at
# The level of a corpus that tells nothing, and how many questions it counts for: the mean of four corpora (0.46 to 0.66), set by hand.
USUAL_LEVEL, USUAL_COUNT = 0.55, 8


class DenseIndex:
    """Row r of both sides belongs to passage r. Scores are cosines in [-1, 1], higher is better."""

    def __init__(self, questions: Any, answers: Any) -> None:
        self._sides = (questions, answers)
        self._vectors = [_stored(side) for side in self._sides]

    @classmethod
    def build(cls, questions: "NDArray[np.float32]", answers: "NDArray[np.float32]") -> "DenseIndex":
        """From unit vectors, float32 (passages, dimension) each."""
        import faiss

        sides = []
        for vectors in (questions, answers):
            side = faiss.IndexScalarQuantizer(
                vectors.shape[1], faiss.ScalarQuantizer.QT_fp16, faiss.METRIC_INNER_PRODUCT
            )
            side.add(vectors)
            sides.append(side)
        return cls(*sides)

    @classmethod
    def load(cls, folder: Path) -> "DenseIndex":
        """Raises IndexUnusableError when a file is missing or not a FAISS index."""
        import faiss

        try:
            return cls(*(faiss.read_index(str(folder / name)) for name in FILES))
        except RuntimeError as error:
            raise IndexUnusableError(
                f"{folder}: a vector file is missing or damaged; {rebuild_hint(folder)}"
            ) from error

    def save(self, folder: Path) -> None:
        import faiss

        for side, name in zip(self._sides, FILES, strict=True):
            faiss.write_index(side, str(folder / name))

    def __len__(self) -> int:
        return int(self._sides[0].ntotal)

    def top(self, vector: "NDArray[np.float32]", k: int) -> "NDArray[np.int64]":
        """Rows among the k best of either side for one query vector (dimension,), ascending."""
        import numpy as np

        found = [side.search(vector[None, :], min(k, len(self)))[1][0] for side in self._sides]
        rows: NDArray[np.int64] = np.unique(np.concatenate(found))
        return rows[rows >= 0]

    def scores(self, vector: "NDArray[np.float32]", rows: "Sequence[int] | NDArray[np.int64]") -> "NDArray[np.float32]":
        """Cosines of a query vector with both sides of the given rows; float32 (len(rows), 2)."""
        import numpy as np

        cosines = [np.take(side, rows, axis=0).astype(np.float32) @ vector for side in self._vectors]
        return np.stack(cosines, axis=1).clip(-1.0, 1.0)  # halves may round up


def level(
    questions: "NDArray[np.float32]",
    answers: "NDArray[np.float32]",
    families: "NDArray[np.int32]",
    copies: "NDArray[np.int32]",
) -> float:
    """How near to a question of the corpus the nearest passage is that does not answer it: the mean of the better cosine, over up to SAMPLED
    questions and without passages of the same family or with a copy of the answer. A narrow corpus has a high level, a broad one a low one; what
    a cosine is worth depends on it.
    """
    import numpy as np

    whole = np.flatnonzero(families == np.arange(len(families)))
    found = []
    for row in whole[:: max(1, len(whole) // SAMPLED)][:SAMPLED].tolist():
        others = (families != row) & (copies != copies[row])
        if others.any():
            found.append(float(np.maximum(questions @ questions[row], answers @ questions[row])[others].max()))
    # rounded: the last digits of a product hang on the processor
    return round(max(0.05, (sum(found) + USUAL_LEVEL * USUAL_COUNT) / (len(found) + USUAL_COUNT)), 4)


def _stored(side: Any) -> "NDArray[np.float16]":
    """The vectors of an index where they lie, (passages, dimension); they live as long as the index."""
    import faiss
    import numpy as np

    size = side.codes.size()
    raw: NDArray[np.uint8] = faiss.rev_swig_ptr(side.codes.data(), size) if size else np.zeros(0, np.uint8)
    return raw.view(np.float16).reshape(side.ntotal, side.d)
