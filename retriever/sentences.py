"""The sentences of every answer, cut and tokenised when an index is built, so that the one nearest to a question is found at once."""

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

from retriever.analysis import fold
from retriever.encoders.protocol import Encoder
from retriever.errors import IndexUnusableError, rebuild_hint
from retriever.pieces import PieceEncoder, PieceTable

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

FILES = (
    "sentence_starts.npy",
    "sentence_spans.npy",
    "sentence_piece_starts.npy",
    "sentence_pieces.npy",
    "sentence_lengths.npy",
)

Span = tuple[int, int]
"""Offsets into an answer, end exclusive."""


def sentences(text: str) -> list[Span]:
    """Spans of the sentences of `text` (Chinese and English stops, line ends), without surrounding white space."""
    spans = []
    for match in re.finditer(r"[^\n]+?(?:[。！？!?；;]+[”』」\"]?|\.(?=\s|$)|(?=\n)|$)", text):
        body = match.group(0).strip()
        if re.search(r"\w", body):
            start = match.start() + len(match.group(0)) - len(match.group(0).lstrip())
            spans.append((start, start + len(body)))
    return spans


class SentenceIndex:
    """Sentences of row r are entries starts[r] to starts[r + 1] of `spans`; the pieces of sentence s are entries piece_starts[s] to
    piece_starts[s + 1] of `pieces`, and the sum of their vectors is sums[s] long (all empty when the encoder has no pieces).
    """

    def __init__(
        self,
        starts: "NDArray[np.int64]",
        spans: "NDArray[np.int32]",
        piece_starts: "NDArray[np.int64]",
        pieces: "NDArray[np.int32]",
        sums: "NDArray[np.float32]",
    ) -> None:
        self._starts, self._spans, self._piece_starts, self.pieces, self._sums = (
            starts,
            spans,
            piece_starts,
            pieces,
            sums,
        )

    @classmethod
    def build(cls, encoder: Encoder, answers: list[str]) -> "SentenceIndex":
        """From the answer of each passage."""
        import numpy as np

        cuts = [sentences(answer) for answer in answers]
        starts = np.cumsum([0, *map(len, cuts)], dtype=np.int64)
        spans = np.asarray([span for cut in cuts for span in cut], dtype=np.int32).reshape(-1, 2)
        texts = [fold(answer[a:b]) for answer, cut in zip(answers, cuts, strict=True) for a, b in cut]
        ids = encoder.piece_ids(texts) if isinstance(encoder, PieceEncoder) else [[] for _ in texts]
        piece_starts = np.cumsum([0, *map(len, ids)], dtype=np.int64)
        pieces = np.fromiter((piece for one in ids for piece in one), dtype=np.int32, count=int(piece_starts[-1]))
        vectors = (
            (encoder.piece_vectors(np.asarray(one, dtype=np.int64)) for one in ids)
            if isinstance(encoder, PieceEncoder)
            else ()
        )
        sums = np.fromiter((np.linalg.norm(each.sum(axis=0)) for each in vectors), dtype=np.float32)
        return cls(starts, spans, piece_starts, pieces, sums)

    @classmethod
    def load(cls, folder: Path) -> "SentenceIndex":
        """Raises IndexUnusableError when a file is missing or damaged."""
        import numpy as np

        try:
            return cls(*(np.asarray(np.load(folder / name, mmap_mode="r", allow_pickle=False)) for name in FILES))
        except (OSError, ValueError, EOFError) as error:
            raise IndexUnusableError(
                f"{folder}: a sentence file is missing or damaged; {rebuild_hint(folder)}"
            ) from error

    def save(self, folder: Path) -> None:
        import numpy as np

        arrays: list[NDArray[Any]] = [self._starts, self._spans, self._piece_starts, self.pieces, self._sums]
        for name, array in zip(FILES, arrays, strict=True):
            np.save(folder / name, array, allow_pickle=False)

    def __len__(self) -> int:
        return len(self._starts) - 1

    def lengths(self, rows: "NDArray[np.int64]") -> "NDArray[np.int64]":
        """Characters of the answers of `rows`, up to the end of their last sentence; 0 for one without any."""
        import numpy as np

        last = self._starts[rows + 1] - 1
        ends = self._spans[np.maximum(last, 0), 1] if len(self._spans) else np.zeros(len(rows))
        found: NDArray[np.int64] = np.where(last >= self._starts[rows], ends, 0).astype(np.int64)
        return found

    def nearest(
        self,
        encoder: Encoder,
        table: PieceTable | None,
        vector: "NDArray[np.float32]",
        rows: list[int],
        answers: list[str],
    ) -> list[tuple[Span, ...]]:
        """For each of `rows`, whose answers are `answers`, the sentence nearest to the query `vector`; none for an answer of one or two."""
        import numpy as np

        counts = [int(self._starts[row + 1] - self._starts[row]) for row in rows]
        chosen = [
            np.arange(self._starts[row], self._starts[row + 1]) if count > 2 else np.arange(0)
            for row, count in zip(rows, counts, strict=True)
        ]
        which = np.concatenate(chosen) if chosen else np.arange(0)
        if not len(which):
            return [() for _ in rows]
        if table is not None:
            cosines = self._cosines(table, vector, which)
        else:
            owner = [text for text, cut in zip(answers, chosen, strict=True) for _ in cut]
            spans = self._spans[which].tolist()
            folded = [fold(text[a:b]) for text, (a, b) in zip(owner, spans, strict=True)]
            cosines = encoder.encode_passages(folded) @ vector
        marked: list[tuple[Span, ...]] = []
        at = 0
        for cut in chosen:
            if not len(cut):
                marked.append(())
                continue
            start, end = self._spans[cut[int(cosines[at : at + len(cut)].argmax())]].tolist()
            marked.append(((start, end),))
            at += len(cut)
        return marked

    def _cosines(
        self, table: PieceTable, vector: "NDArray[np.float32]", which: "NDArray[np.int64]"
    ) -> "NDArray[np.float32]":
        """Of the sentences with a query vector: the products of their pieces are summed, which is the product of the sum."""
        import numpy as np

        out = np.zeros(len(which), dtype=np.float32)
        starts, sizes = self._piece_starts[which], self._piece_starts[which + 1] - self._piece_starts[which]
        known = np.flatnonzero((sizes > 0) & (self._sums[which] > 0))
        if not len(known):
            return out
        starts, sizes = starts[known], sizes[known]
        bounds = np.cumsum(sizes) - sizes
        places = np.arange(int(sizes.sum())) + np.repeat(starts - bounds, sizes)
        owned = self.pieces[places]
        products = table.cosines(owned, table.turn(vector[None, :]).T)[:, 0] * table.lengths(owned)
        out[known] = np.add.reduceat(products, bounds) / self._sums[which[known]]
        return out
