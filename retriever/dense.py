"""Dense search: inner products of unit vectors over two FAISS indexes with one row order, one of questions, one of answers."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

from retriever.errors import IndexUnusableError, rebuild_hint

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

FILES = ("questions.faiss", "answers.faiss")


class DenseIndex:
    """Row r of both sides belongs to passage r. Scores are cosines in [-1, 1], higher is better."""

    def __init__(self, questions: Any, answers: Any) -> None:
        self._sides = (questions, answers)

    @classmethod
    def build(cls, questions: "NDArray[np.float32]", answers: "NDArray[np.float32]") -> "DenseIndex":
        """From unit vectors, float32 (passages, dimension) each."""
        import faiss

        sides = []
        for vectors in (questions, answers):
            side = faiss.IndexFlatIP(vectors.shape[1])
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

    def top(self, vector: "NDArray[np.float32]", k: int) -> set[int]:
        """Rows among the k best of either side for one query vector (dimension,)."""
        found: set[int] = set()
        for side in self._sides:
            _, rows = side.search(vector[None, :], min(k, len(self)))
            found.update(int(row) for row in rows[0] if row >= 0)
        return found

    def scores(self, vector: "NDArray[np.float32]", rows: list[int]) -> "NDArray[np.float32]":
        """Cosines of a query vector with both sides of the given rows; float32 (len(rows), 2)."""
        import numpy as np

        chosen = np.asarray(rows, dtype=np.int64)
        return np.stack([side.reconstruct_batch(chosen) @ vector for side in self._sides], axis=1).astype(np.float32)
