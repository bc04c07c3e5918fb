"""Search: an analysed question to ranked hits. Candidates of every ranker, one fused score, a total order."""

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from retriever.confidence import Calibration, bundled_calibration, index_calibration
from retriever.documents import Passage
from retriever.encoders.protocol import Encoder
from retriever.errors import InputError
from retriever.indexing import Index
from retriever.naming import Name, Ways
from retriever.pieces import PieceEncoder
from retriever.querying import Query, QueryReader
from retriever.reranking import Reranker

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

# Candidates taken from FAISS and from BM25 before fusion, and how many of them, by the other parts of the score, are aligned; not tuned: 18 to
# 80 aligned of 24 to 64 each answer the questions of all four sets named below equally well, as do candidates of each side apart; 16 lose three, 12 four. With 18 the ninth and tenth answers are worse (nDCG@10 0.836 for 0.840 on the five first pages).
CANDIDATES, ALIGNED = 32, 20
# Weights of (cosine with question, cosine with answer, normalised BM25, alignment). Chosen on 445 answerable questions over four corpora (the five
# first pages, the bundled corpus, tests/pages/dev and dev2), 2026-11-21, among cosines 0.4 to 0.6, BM25 0.05 to 0.3, alignment 0.3 to 0.6. The same
# for questions in the passage's language and in another: an extra weight for the same language came out as 0.
WEIGHTS = (0.5, 0.5, 0.1, 0.5)


@dataclass(frozen=True, slots=True)
class SearchSettings:
    """What may be chosen by measurement: `weights` of (cosine with question, cosine with answer, normalised BM25, alignment), and how many
    candidates each ranker gives before fusion.
    """

    weights: tuple[float, float, float, float] = WEIGHTS
    candidates: int = CANDIDATES


@dataclass(frozen=True, slots=True)
class Hit:
    """One ranked passage. `score` is the fused one, higher is better; the parts are what it was made of. `gap` is what the heaviest
    piece of the query lacks of being met (`AlignmentIndex.scores`), `reranked` a reranker's score.
    """

    passage: Passage
    row: int
    score: float
    question_cosine: float
    answer_cosine: float
    lexical: float
    alignment: float = 0.0
    gap: float = 0.0
    reranked: float | None = None


@dataclass(frozen=True, slots=True)
class Ranking:
    """Candidates best first: `rows` int64 (n,), `scores` float32 (n,), `parts` float32 (n, 4) and `gaps` float32 (n,) as in `Hit`; `titled` bool (n,), False
    for those that have not the subject in their question, where a subject is all that was asked.
    """

    rows: "NDArray[np.int64]"
    scores: "NDArray[np.float32]"
    parts: "NDArray[np.float32]"
    gaps: "NDArray[np.float32]"
    titled: "NDArray[np.bool_]"


# How far the score of a part is drawn towards its whole's, and what a part of fewer than SCRAP characters loses. Of 0 to 0.7, 40 to 120 and 0 to 0.1 on the
# same four sets: all of 0.2 to 0.5 and 60 to 120 answer more questions than none, on each set.
CONTEXT, SCRAP, SCRAP_COST = 0.3, 60, 0.08
# What a passage loses beside those that have the subject in their question, when a subject is all that was asked.
BESIDE = 0.2
# What each term costs that such a question has more than another, up to so many: 什么是死锁？ before 产生死锁的四个必要条件是什么？ Set by hand, like the one above.
OTHER, MOST_OTHERS = 0.03, 4
RERANKED = 20  # answers that a reranker reads; not tuned


class Retriever:
    """An open index with its encoder (also as `pieces`, where it has any), a calibration of its confidence (None: the one beside the index, else the bundled one) and, where one is
    wanted, a reranker. `search` is a pure function of the index, the question and k.
    """

    def __init__(
        self,
        index: Index,
        encoder: Encoder,
        settings: SearchSettings = SearchSettings(),
        reranker: Reranker | None = None,
        calibration: Calibration | None = None,
    ) -> None:
        index.check_encoder(encoder)
        self.index = index
        self.encoder = encoder
        self.settings = settings
        self.pieces = encoder if isinstance(encoder, PieceEncoder) else None
        self.reranker = reranker
        self.reads = RERANKED if reranker else 0
        known = calibration or index_calibration(index.directory, encoder.identity.digest)
        self.calibration = known or bundled_calibration()
        self.calibrated = self.calibration.encoder == encoder.identity.digest
        self._reader = QueryReader(index, encoder)

    def query(self, text: str) -> Query:
        """Analyse a question. Raises InputError when it is empty."""
        return self._reader.read(text)

    def missed(self, query: Query, row: int) -> tuple[list[Name], list[Name]]:
        """The names in a question that the passage of a row does not have: those that are told elsewhere, and those that are absent from all."""
        return self._reader.missed(query, row)

    def rank(self, query: Query, k: int) -> Ranking:
        """The k best passages. Order: score, then row. The first ALIGNED are the same whatever k is; what is asked for beyond them comes after them,
        in the order of the other parts of its score.
        """
        import numpy as np

        if k < 1:
            raise InputError(f"k must be at least 1, not {k}")
        lexical = self.index.lexical.scores(query.slots)
        lexical /= self.index.lexical.ceiling(query.slots) or 1.0
        rows, parts = self._candidates(query, lexical, self.settings.candidates)
        near = self._near(query, rows[:ALIGNED], parts[:ALIGNED])
        if k > ALIGNED:
            rows, parts = self._candidates(query, lexical, max(k, self.settings.candidates))
            far = ~np.isin(rows, near.rows)
            rows, parts = rows[far], parts[far]
            scores = np.minimum(parts @ self._weights, near.scores.min(initial=np.inf))
            none, any_ = np.zeros(len(rows), dtype=np.float32), np.ones(len(rows), dtype=bool)
            near = Ranking(
                np.concatenate((near.rows, rows)),
                np.concatenate((near.scores, scores)),
                np.concatenate((near.parts, parts)),
                np.concatenate((near.gaps, none)),
                np.concatenate((near.titled, any_)),
            )
        return Ranking(near.rows[:k], near.scores[:k], near.parts[:k], near.gaps[:k], near.titled[:k])

    def _candidates(
        self, query: Query, lexical: "NDArray[np.float32]", width: int
    ) -> "tuple[NDArray[np.int64], NDArray[np.float32]]":
        """The `width` best of FAISS and of BM25 with the parts of their scores but for alignment, best first by these."""
        import numpy as np

        found = {*self.index.dense.top(query.vector, width).tolist(), *_top_rows(lexical, width).tolist()}
        rows = np.asarray(sorted(found), dtype=np.int64)
        parts = np.zeros((len(rows), 4), dtype=np.float32)
        parts[:, :2] = self.index.dense.scores(query.vector, rows)
        parts[:, 2] = lexical[rows]
        order = np.lexsort((rows, -(parts @ self._weights)))
        return rows[order], parts[order]

    def _near(self, query: Query, rows: "NDArray[np.int64]", parts: "NDArray[np.float32]") -> Ranking:
        """The best candidates aligned, seen in context and by the subject."""
        import numpy as np

        parts[:, 3], gaps = self._aligned(query, rows, parts)
        scores = self.in_context(rows, parts @ self._weights)
        titled = np.ones(len(rows), dtype=bool)
        if query.subject:
            scores, titled = self._by_subject(query.subject, rows, scores)
        order = np.lexsort((rows, -scores))
        return Ranking(rows[order], scores[order], parts[order], gaps[order], titled[order])

    @cached_property
    def _weights(self) -> "NDArray[np.float32]":
        import numpy as np

        return np.asarray(self.settings.weights, dtype=np.float32)

    def in_context(self, rows: "NDArray[np.int64]", scores: "NDArray[np.float32]") -> "NDArray[np.float32]":
        """The scores with those of parts drawn towards their whole's, where that is lower, and scraps lowered: a line that names the subject
        inside an answer about something else is no answer.
        """
        import numpy as np

        families = self.index.families[rows]
        by_row = dict(zip(rows.tolist(), scores.tolist(), strict=True))
        lowest = float(scores.min(initial=0.0))
        whole = np.asarray([by_row.get(family, lowest) for family in families.tolist()], dtype=np.float32)
        scrap = (families != rows) & (self.index.sentences.lengths(rows) < SCRAP)
        drawn: NDArray[np.float32] = (
            scores - CONTEXT * np.maximum(scores - whole, 0) - SCRAP_COST * scrap.astype(np.float32)
        )
        return drawn

    def _by_subject(
        self, subject: Ways, rows: "NDArray[np.int64]", scores: "NDArray[np.float32]"
    ) -> "tuple[NDArray[np.float32], NDArray[np.bool_]]":
        """The scores with those of passages lowered whose question does not hold the subject, where there are others; of these, by how many more
        other terms their questions hold. Also which hold it.
        """
        import numpy as np

        others = [self._beside(int(row), subject) for row in rows]
        titled = np.asarray([count is not None for count in others])
        fewest = min((count for count in others if count is not None), default=None)
        if fewest is None:
            return scores, titled
        losses = [BESIDE if count is None else OTHER * min(count - fewest, MOST_OTHERS) for count in others]
        lowered: NDArray[np.float32] = scores - np.asarray(losses, dtype=np.float32)
        return lowered, titled

    def _beside(self, row: int, subject: Ways) -> int | None:
        """How many other terms the question of a passage holds, for a part its title; None when it does not hold the subject."""
        title = set(self.index.analyzer.terms(self.index.passage(row).question))
        return min((len(title.difference(way)) for way in subject if title.issuperset(way)), default=None)

    def search(self, query: Query, k: int) -> list[Hit]:
        """The k best passages, best first; fewer when the index holds fewer. Order: score, then row."""
        ranking = self.rank(query, k)
        return [self.hit(ranking, place) for place in range(len(ranking.rows))]

    def hit(self, ranking: Ranking, place: int, row: int | None = None) -> Hit:
        """The hit at a place of a ranking; of `row`, where another passage is to be shown for it."""
        shown = int(ranking.rows[place]) if row is None else row
        score, gap = float(ranking.scores[place]), float(ranking.gaps[place])
        question, answer, lexical, alignment = map(float, ranking.parts[place])
        return Hit(self.index.passage(shown), shown, score, question, answer, lexical, alignment, gap)

    def _aligned(
        self, query: Query, rows: "NDArray[np.int64]", parts: "NDArray[np.float32]"
    ) -> "tuple[NDArray[np.float32], NDArray[np.float32]]":
        """Soft term alignment of the rows, and its gaps; where the encoder has no pieces, the better of the two cosines stands in, without a gap."""
        index = self.index
        if index.alignment is None or index.pieces is None or self.pieces is None:
            import numpy as np

            best: NDArray[np.float32] = parts[:, :2].max(axis=1, initial=0.0)
            return best, np.zeros_like(best)
        return index.alignment.scores(self.pieces, index.pieces, query.pieces, rows)


def _top_rows(scores: "NDArray[np.float32]", k: int) -> "NDArray[np.int64]":
    """Rows of the k largest positive scores."""
    import numpy as np

    found = np.flatnonzero(scores > scores.max(initial=0.0) / 2)  # mostly enough, and few
    if len(found) < k:
        found = np.flatnonzero(scores > 0)
    if k < len(found):
        found = found[np.argpartition(scores[found], len(found) - k)[-k:]]
    return found
