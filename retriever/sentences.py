"""The sentences of every answer, cut and encoded when an index is built, so that the one nearest to a question is found at once."""

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

from retriever.analysis import fold
from retriever.axes import small
from retriever.encoders.protocol import Encoder
from retriever.errors import IndexUnusableError, rebuild_hint
from retriever.pieces import PieceTable

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

FILES = ("sentence_starts.npy", "sentence_spans.npy", "sentence_codes.npy", "sentence_units.npy")

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
    """Sentences of row r are entries starts[r] to starts[r + 1] of `spans`; of an encoder with pieces also of `codes`, int8 (sentences, axes), their directions along
    the axes of the piece table, and of `units`, one over the lengths of these (both empty for any other encoder).
    """

    def __init__(
        self,
        starts: "NDArray[np.int64]",
        spans: "NDArray[np.int32]",
        codes: "NDArray[np.int8]",
        units: "NDArray[np.float32]",
    ) -> None:
        self._starts, self._spans, self._codes, self._units = starts, spans, codes, units

    @classmethod
    def build(cls, encoder: Encoder, table: PieceTable | None, answers: list[str]) -> "SentenceIndex":
        """From the answer of each passage; `table` where the encoder has pieces."""
        import numpy as np

        cuts = [sentences(answer) for answer in answers]
        starts = np.cumsum([0, *map(len, cuts)], dtype=np.int64)
        spans = np.asarray([span for cut in cuts for span in cut], dtype=np.int32).reshape(-1, 2)
        if table is None:
            return cls(starts, spans, np.zeros((0, 0), dtype=np.int8), np.zeros(0, dtype=np.float32))
        texts = [fold(answer[a:b]) for answer, cut in zip(answers, cuts, strict=True) for a, b in cut]
        return cls(starts, spans, *small(encoder.encode_passages(texts), table.axes))

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

        arrays: list[NDArray[Any]] = [self._starts, self._spans, self._codes, self._units]
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
            cosines = (self._codes[which] @ table.turn(vector[None, :])[0]) * self._units[which]
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
