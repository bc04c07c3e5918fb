"""Dense search against matrix products."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from retriever.dense import FILES, DenseIndex
from retriever.errors import IndexUnusableError


def unit_rows(seed: int, rows: int, dimension: int = 8) -> NDArray[np.float32]:
    """Rows of unit length."""
    found = np.random.default_rng(seed).normal(size=(rows, dimension)).astype(np.float32)
    unit: NDArray[np.float32] = found / np.linalg.norm(found, axis=1, keepdims=True)
    return unit


@settings(max_examples=60, deadline=None)
@given(seed=st.integers(0, 10_000), rows=st.integers(1, 80), k=st.integers(1, 100))
def test_top_are_the_best_by_the_mean_of_both_cosines(seed: int, rows: int, k: int) -> None:
    """The k rows that a product of matrices puts first, but for rows that eight bits cannot tell apart, in row order."""
    questions, answers = unit_rows(seed, rows), unit_rows(seed + 1, rows)
    query = unit_rows(seed + 2, 1)[0]
    means = (questions + answers) @ query / 2
    found = DenseIndex.build(questions, answers).top(query, k).tolist()
    assert len(found) == min(k, rows)
    assert found == sorted(set(found))
    left = [row for row in range(rows) if row not in found]
    assert not left or means[found].min() >= means[left].max() - 0.02


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 10_000), rows=st.integers(1, 50))
def test_scores_are_the_cosines_of_both_sides(seed: int, rows: int) -> None:
    """Column 0 is the question side, column 1 the answer side, in the order in which rows were asked for."""
    questions, answers = unit_rows(seed, rows), unit_rows(seed + 1, rows)
    query = unit_rows(seed + 2, 1)[0]
    wanted = list(range(rows))[::-2]
    scores = DenseIndex.build(questions, answers).scores(query, wanted)
    assert scores.dtype == np.float32
    np.testing.assert_allclose(scores[:, 0], questions[wanted] @ query, atol=0.01)
    np.testing.assert_allclose(scores[:, 1], answers[wanted] @ query, atol=0.01)


def test_a_vector_is_nearest_to_itself_with_score_one() -> None:
    """Scores are cosines, higher is better: a row finds itself, at 1."""
    vectors = unit_rows(3, 20)
    index = DenseIndex.build(vectors, vectors)
    for row in range(20):
        assert index.top(vectors[row], 1).tolist() == [row]
        np.testing.assert_allclose(index.scores(vectors[row], [row]), [[1.0, 1.0]], atol=0.005)


def test_opposite_vectors_score_minus_one() -> None:
    """The scale goes down to -1; nothing is clipped or turned into a distance."""
    vectors = unit_rows(4, 1)
    np.testing.assert_allclose(DenseIndex.build(vectors, -vectors).scores(vectors[0], [0]), [[1.0, -1.0]], atol=0.005)


def test_k_above_the_size_gives_every_row() -> None:
    """k is a ceiling."""
    vectors = unit_rows(5, 3)
    assert DenseIndex.build(vectors, vectors).top(vectors[0], 1000).tolist() == [0, 1, 2]


def test_ties_are_resolved_the_same_way_each_time() -> None:
    """Among equal rows the same ones are taken by every search and by every index of the same vectors."""
    vectors = np.tile(unit_rows(6, 1), (50, 1))
    found = {frozenset(DenseIndex.build(vectors, vectors).top(vectors[0], 7).tolist()) for _ in range(5)}
    assert len(found) == 1
    assert len(next(iter(found))) == 7


def test_search_leaves_the_index_as_it_was() -> None:
    """A search with one k changes nothing for a search with another."""
    vectors = unit_rows(7, 30)
    index = DenseIndex.build(vectors, vectors)
    before = index.top(vectors[0], 5)
    index.top(vectors[1], 1)
    index.top(vectors[1], 30)
    assert index.top(vectors[0], 5).tolist() == before.tolist()


def test_saved_and_loaded_gives_equal_scores(tmp_path: Path) -> None:
    """What goes to disk comes back to the bit."""
    questions, answers = unit_rows(8, 12), unit_rows(9, 12)
    index = DenseIndex.build(questions, answers)
    index.save(tmp_path)
    again = DenseIndex.load(tmp_path)
    assert len(again) == 12
    rows = list(range(12))
    np.testing.assert_array_equal(again.scores(questions[0], rows), index.scores(questions[0], rows))


@pytest.mark.parametrize("name", FILES)
def test_a_missing_file_is_an_unusable_index(tmp_path: Path, name: str) -> None:
    """Either side missing is an error that names the folder and the command that repairs it."""
    vectors = unit_rows(10, 2)
    DenseIndex.build(vectors, vectors).save(tmp_path)
    (tmp_path / name).unlink()
    with pytest.raises(IndexUnusableError, match="retriever index"):
        DenseIndex.load(tmp_path)


@pytest.mark.parametrize("content", [b"", b"IxFI", b"no FAISS index at all" * 10])
def test_a_damaged_file_is_an_unusable_index(tmp_path: Path, content: bytes) -> None:
    """Content that is no FAISS index is an error of ours."""
    vectors = unit_rows(11, 2)
    DenseIndex.build(vectors, vectors).save(tmp_path)
    (tmp_path / FILES[0]).write_bytes(content)
    with pytest.raises(IndexUnusableError, match=tmp_path.name):
        DenseIndex.load(tmp_path)


def test_eight_bits_move_no_cosine_of_many_dimensions_by_two_thousandths() -> None:
    """Any unit vectors: what is scored differs from the exact product by what is rounded off, and stays within -1 to 1."""
    exact = unit_rows(12, 200, 384)
    scores = DenseIndex.build(exact, -exact).scores(exact[0], range(200))
    np.testing.assert_allclose(scores[:, 0], exact @ exact[0], atol=2e-3)
    np.testing.assert_allclose(scores[:, 1], -(exact @ exact[0]), atol=2e-3)
    assert np.abs(scores).max() <= 1.0


def test_rows_without_a_vector_score_nothing() -> None:
    """A text of nothing the encoder knows has zeros for a vector, as has such a question."""
    vectors = unit_rows(13, 3)
    vectors[1] = 0
    index = DenseIndex.build(vectors, vectors)
    assert index.scores(vectors[0], [1]).tolist() == [[0.0, 0.0]]
    assert index.top(vectors[1], 3).tolist() == [0, 1, 2]
    assert index.scores(vectors[1], [0, 1, 2]).tolist() == [[0.0, 0.0]] * 3
