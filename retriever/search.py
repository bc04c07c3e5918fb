"""Search: a question to ranked hits. One analysed query, candidates of every ranker, one fused score, a total order."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from retriever.alignment import PieceEncoder
from retriever.analysis import fold
from retriever.cues import language_of
from retriever.documents import Passage
from retriever.encoders.protocol import Encoder
from retriever.errors import InputError
from retriever.fusion import weighted_sum
from retriever.indexing import Index

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

# Candidates taken from each side and ranker before fusion; not tuned.
CANDIDATES = 64
# Weights of (cosine with question, cosine with answer, normalised BM25, alignment). Chosen on the 135 answerable development
# questions over the five first pages and the 130 over the bundled corpus, 2026-11-21, on a coarse grid: cosines 0.4 to 0.6, BM25 0 to
# 0.6, alignment 0 to 1.2.
WEIGHTS = (0.5, 0.5, 0.1, 0.4)


@dataclass(frozen=True, slots=True)
class SearchSettings:
    """What may be chosen by measurement: `weights` of (cosine with question, cosine with answer, normalised BM25, alignment), and how many
    candidates each ranker gives before fusion.
    """

    weights: tuple[float, float, float, float] = WEIGHTS
    candidates: int = CANDIDATES


@dataclass(frozen=True, slots=True)
class Query:
    """A question, analysed once for all rankers. `pieces` are the distinct pieces of a piece encoder, ascending."""

    text: str
    language: str
    terms: tuple[str, ...]
    vector: "NDArray[np.float32]"
    pieces: tuple[int, ...] = ()

    @property
    def length(self) -> int:
        """How long it is: in distinct pieces of the encoder, in terms where the encoder has none."""
        return len(self.pieces or self.terms)


@dataclass(frozen=True, slots=True)
class Hit:
    """One ranked passage. `score` is the fused one, higher is better; the parts are what it was made of."""

    passage: Passage
    row: int
    score: float
    question_cosine: float
    answer_cosine: float
    lexical: float
    alignment: float = 0.0


class Retriever:
    """An open index with its encoder. `search` is a pure function of the index, the question and k."""

    def __init__(self, index: Index, encoder: Encoder, settings: SearchSettings = SearchSettings()) -> None:
        index.check_encoder(encoder)
        self.index = index
        self.encoder = encoder
        self.settings = settings

    def query(self, text: str) -> Query:
        """Analyse a question. Raises InputError when it is empty."""
        if not text.strip():
            raise InputError('the question is empty; ask something like: ask "为什么BN放在激活前"')
        folded = fold(text.encode("utf-8", "replace").decode("utf-8"))
        terms = tuple(dict.fromkeys(self.index.analyzer.terms(folded)))
        vector = self.encoder.encode_queries([folded])[0]
        pieces = self.encoder.piece_ids([folded])[0] if isinstance(self.encoder, PieceEncoder) else []
        return Query(text, language_of(text), terms, vector, tuple(sorted(set(pieces))))

    def search(self, query: Query, k: int) -> list[Hit]:
        """The k best passages, best first; fewer when the index holds fewer. Order: score, then passage id."""
        if k < 1:
            raise InputError(f"k must be at least 1, not {k}")
        lexical = self.index.lexical.scores(list(query.terms))
        ceiling = self.index.lexical.ceiling(list(query.terms)) or 1.0
        width = max(self.settings.candidates, 2 * k)
        rows = sorted(self.index.dense.top(query.vector, width) | _top_rows(lexical, width))
        cosines = self.index.dense.scores(query.vector, rows)
        aligned = self._aligned(query, rows, cosines)
        parts = [
            (float(q), float(a), float(lexical[row]) / ceiling, float(met))
            for row, (q, a), met in zip(rows, cosines, aligned, strict=True)
        ]
        weights = self.settings.weights
        ranked = sorted((-weighted_sum(part, weights), row, part) for row, part in zip(rows, parts, strict=True))[:k]
        return [Hit(self.index.passage(row), row, -score, *part) for score, row, part in ranked]

    def _aligned(self, query: Query, rows: list[int], cosines: "NDArray[np.float32]") -> "NDArray[np.float32]":
        """Soft term alignment of the rows; where the encoder has no pieces, the better of the two cosines stands in."""
        if self.index.alignment is None or not isinstance(self.encoder, PieceEncoder):
            best: NDArray[np.float32] = cosines.max(axis=1, initial=0.0)
            return best
        return self.index.alignment.scores(self.encoder, query.pieces, rows)


def _top_rows(scores: "NDArray[np.float32]", k: int) -> set[int]:
    """Rows of the k largest positive scores."""
    import numpy as np

    if k < len(scores):
        best = np.argpartition(scores, len(scores) - k)[-k:]
    else:
        best = np.arange(len(scores))
    return {int(row) for row in best if scores[row] > 0}
