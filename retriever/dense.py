"""Dense search: a FAISS index of the passages, and their question and answer vectors in one row order for exact cosines.

The FAISS index holds the mean of a passage's two unit vectors, whose product with a query is the mean of both cosines: one search finds what is
near by its question, its answer or both. Everything is kept in half precision: half the room, nearly half the time, and cosines within
0.001 of those in single precision.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from retriever.errors import IndexUnusableError, rebuild_hint

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

FILES = ("passages.faiss", "question_vectors.npy", "answer_vectors.npy")
SAMPLED = 256  # questions of a corpus that `level` looks at
# The level of a corpus that tells nothing, and how many questions it counts for: the mean of four corpora (0.46 to 0.66), set by hand.
USUAL_LEVEL, USUAL_COUNT = 0.55, 8


class DenseIndex:
    """Row r of the index and of both sides belongs to passage r. Scores are cosines in [-1, 1], higher is better."""

    def __init__(self, means: Any, questions: "NDArray[np.float16]", answers: "NDArray[np.float16]") -> None:
        self._means, self._sides = means, (questions, answers)

    @classmethod
    def build(cls, questions: "NDArray[np.float32]", answers: "NDArray[np.float32]") -> "DenseIndex":
        """From unit vectors, float32 (passages, dimension) each."""
        import faiss
        import numpy as np

        means = faiss.IndexScalarQuantizer(
            questions.shape[1], faiss.ScalarQuantizer.QT_fp16, faiss.METRIC_INNER_PRODUCT
        )
        halves = questions.astype(np.float16), answers.astype(np.float16)
        means.add((halves[0].astype(np.float32) + halves[1].astype(np.float32)) * np.float32(0.5))
        return cls(means, *halves)

    @classmethod
    def load(cls, folder: Path) -> "DenseIndex":
        """Raises IndexUnusableError when a file is missing, damaged or does not belong to the others."""
        import faiss
        import numpy as np

        try:
            means = faiss.read_index(str(folder / FILES[0]))
            # still mapped; plain arrays are indexed faster
            sides = [np.asarray(np.load(folder / name, mmap_mode="r", allow_pickle=False)) for name in FILES[1:]]
        except (RuntimeError, OSError, ValueError, EOFError) as error:
            raise IndexUnusableError(
                f"{folder}: a vector file is missing or damaged; {rebuild_hint(folder)}"
            ) from error
        if any(side.shape != (means.ntotal, means.d) or side.dtype != np.float16 for side in sides):
            raise IndexUnusableError(f"{folder}: the vector files do not belong together; {rebuild_hint(folder)}")
        return cls(means, *sides)

    def save(self, folder: Path) -> None:
        import faiss
        import numpy as np

        # FAISS's own writer does not tell when the last bytes find no room
        (folder / FILES[0]).write_bytes(faiss.serialize_index(self._means).data)
        for name, side in zip(FILES[1:], self._sides, strict=True):
            np.save(folder / name, side, allow_pickle=False)

    def __len__(self) -> int:
        return int(self._means.ntotal)

    def top(self, vector: "NDArray[np.float32]", k: int) -> "NDArray[np.int64]":
        """The k rows nearest to a query vector (dimension,) by the mean of both cosines, ascending."""
        import numpy as np

        rows: NDArray[np.int64] = np.sort(self._means.search(vector[None, :], min(k, len(self)))[1][0])
        return rows[rows >= 0]

    def scores(self, vector: "NDArray[np.float32]", rows: "Sequence[int] | NDArray[np.int64]") -> "NDArray[np.float32]":
        """Cosines of a query vector with both sides of the given rows; float32 (len(rows), 2)."""
        import numpy as np

        cosines = [np.take(side, rows, axis=0).astype(np.float32) @ vector for side in self._sides]
        return np.stack(cosines, axis=1).clip(-1.0, 1.0)  # halves may round up


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
