"""Soft term alignment against its definition, written out on tiny vectors."""

import math
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from retriever.alignment import FILES, AlignmentIndex
from retriever.errors import IndexUnusableError
from retriever.pieces import PieceTable


class Letters:
    """An encoder whose pieces are the letters a to d; c lies halfway between a and b, d is unknown (a zero vector)."""

    table = np.asarray([[1, 0], [0, 2], [1, 1], [0, 0]], dtype=np.float32)

    def piece_ids(self, texts: list[str]) -> list[list[int]]:
        return [["abcd".index(char) for char in text] for text in texts]

    def piece_vectors(self, ids: NDArray[np.int64]) -> NDArray[np.float32]:
        return self.table[ids]


PASSAGES = ["aa", "b", "ab", "d", ""]


@pytest.fixture
def table() -> PieceTable:
    return PieceTable.build(Letters(), np.asarray(Letters().piece_ids(["".join(PASSAGES)])[0]))


@pytest.fixture
def index(table: PieceTable) -> AlignmentIndex:
    return AlignmentIndex.build(table, Letters().piece_ids(PASSAGES))


def idf(count: int) -> float:
    return math.log(1 + (len(PASSAGES) - count + 0.5) / (count + 0.5))


def pieces(text: str) -> list[int]:
    """The pieces of a query."""
    return Letters().piece_ids([text])[0]


def test_one_piece_scores_its_best_cosine(index: AlignmentIndex, table: PieceTable) -> None:
    """c meets a and b at 45 degrees each; a passage with both is no nearer than one with either."""
    half = math.cos(math.pi / 4)
    assert index.scores(Letters(), table, pieces("c"), [0, 1, 2])[0] == pytest.approx([half, half, half], abs=1e-6)


def test_pieces_weigh_by_length_and_rarity(index: AlignmentIndex, table: PieceTable) -> None:
    """a (length 1) and b (length 2) stand in two passages each: a passage with b alone has b's share of the weight."""
    a, b = 1 * math.sqrt(idf(2)), 2 * math.sqrt(idf(2))
    assert index.scores(Letters(), table, pieces("ab"), [0, 1, 2])[0] == pytest.approx(
        [a / (a + b), b / (a + b), 1.0], abs=1e-6
    )


def test_repeated_and_unknown_pieces_change_nothing(index: AlignmentIndex, table: PieceTable) -> None:
    rows = [0, 1, 2, 3, 4]
    assert list(index.scores(Letters(), table, pieces("abba"), rows)[0]) == list(
        index.scores(Letters(), table, pieces("abd"), rows)[0]
    )


def test_passages_and_questions_without_known_pieces_score_zero(index: AlignmentIndex, table: PieceTable) -> None:
    assert list(index.scores(Letters(), table, pieces("a"), [3, 4])[0]) == [0.0, 0.0]
    assert list(index.scores(Letters(), table, pieces("d"), [0, 1])[0]) == [0.0, 0.0]
    assert list(index.scores(Letters(), table, pieces(""), [0])[0]) == [0.0]


def test_scores_do_not_hang_on_the_other_rows_asked_for(index: AlignmentIndex, table: PieceTable) -> None:
    for part in (0, 1):
        together = index.scores(Letters(), table, pieces("abc"), [0, 1, 2, 3, 4])[part]
        alone = [float(index.scores(Letters(), table, pieces("abc"), [row])[part][0]) for row in range(5)]
        assert alone == pytest.approx(list(together))


def test_the_gap_is_what_the_heaviest_piece_lacks(index: AlignmentIndex, table: PieceTable) -> None:
    """1 - cosine, times the length of the piece, times the root of its share of the greatest inverse frequency; 0 where all is met."""
    share = math.sqrt(idf(2) / idf(0))
    half = math.cos(math.pi / 4)
    gaps = index.scores(Letters(), table, pieces("ab"), [0, 1, 2, 4])[1]
    assert gaps == pytest.approx([2 * share, 1 * share, 0.0, 2 * share], abs=1e-6)
    assert index.scores(Letters(), table, pieces("c"), [0, 2])[1] == pytest.approx(
        [(1 - half) * math.sqrt(2)] * 2, abs=1e-6
    )
    assert list(index.scores(Letters(), table, pieces("d"), [0])[1]) == [0.0]


def test_saved_and_loaded_it_gives_the_same(index: AlignmentIndex, table: PieceTable, tmp_path: Path) -> None:
    index.save(tmp_path)
    loaded = AlignmentIndex.load(tmp_path)
    for one, other in zip(
        *(some.scores(Letters(), table, pieces("abc"), [0, 2]) for some in (loaded, index)), strict=True
    ):
        assert list(one) == list(other)


@pytest.mark.parametrize("name", FILES)
def test_a_missing_or_empty_file_is_an_unusable_index(
    index: AlignmentIndex, table: PieceTable, tmp_path: Path, name: str
) -> None:
    index.save(tmp_path)
    (tmp_path / name).write_bytes(b"")
    with pytest.raises(IndexUnusableError, match="retriever index --index"):
        AlignmentIndex.load(tmp_path)
    (tmp_path / name).unlink()
    with pytest.raises(IndexUnusableError, match="damaged"):
        AlignmentIndex.load(tmp_path)
