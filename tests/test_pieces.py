"""The piece table: small vectors that stand for those of the encoder, and its leading axes."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from retriever.axes import AXES, along, leading_axes
from retriever.encoders.static import StaticEncoder
from retriever.errors import IndexUnusableError
from retriever.pieces import FILES, PieceTable

WORDS = ["dropout", "梯度", "学习率", "learning", "attention", "卷积", "cat", "的", "regularization", "归一化"]


def unit(vectors: NDArray[Any]) -> NDArray[Any]:
    return vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-12)


def spread(count: int, dimension: int, seed: int = 0) -> NDArray[np.float32]:
    """Vectors whose columns matter less and less."""
    found: NDArray[np.float32] = np.random.default_rng(seed).standard_normal((count, dimension)).astype(np.float32)
    return found * (0.98 ** np.arange(dimension, dtype=np.float32))


# Leading axes


def test_few_dimensions_are_left_as_they_are() -> None:
    assert np.array_equal(leading_axes(spread(50, 8)), np.eye(8))


def test_axes_are_at_right_angles_and_tell_most() -> None:
    """Ordered by weight; what lies beyond them is the smallest part."""
    vectors = spread(2000, 384)
    axes = leading_axes(vectors)
    assert axes.shape == (384, AXES)
    assert axes.dtype == np.float32
    assert np.abs(axes.T @ axes - np.eye(AXES)).max() < 2e-3
    told = (along(vectors, axes) ** 2).sum(axis=0)
    assert (np.diff(told) < told[:-1] * 1e-3).all()
    assert told.sum() > 0.99 * (vectors.astype("f8") ** 2).sum()


def test_axes_do_not_hang_on_the_last_digits() -> None:
    """The same vectors in another order, and changed by what processors differ in, give the same bytes."""
    vectors = spread(500, 256)
    axes = leading_axes(vectors)
    assert leading_axes(np.ascontiguousarray(vectors[::-1])).tobytes() == axes.tobytes()
    assert leading_axes(np.asfortranarray(vectors)).tobytes() == axes.tobytes()


@pytest.mark.parametrize("count", [0, 1, 3, 100])
def test_fewer_vectors_than_axes_lose_nothing(count: int) -> None:
    """Where all vectors lie within fewer directions, there are no others, and products are what they were."""
    vectors = spread(count, 300)
    axes = leading_axes(vectors)
    assert axes.shape[1] == max(1, count)
    turned = along(vectors, axes)
    assert turned @ turned.T == pytest.approx(vectors @ vectors.T, rel=1e-2, abs=1e-2)


def test_nothing_but_noughts_has_one_axis() -> None:
    assert leading_axes(np.zeros((4, 256), dtype=np.float32)).shape == (256, 1)


# The table


@pytest.fixture(scope="module")
def every(encoder: StaticEncoder) -> NDArray[np.int32]:
    """Two thousand pieces of the bundled encoder, and those of WORDS."""
    spaced = np.linspace(1, 40_000, 2000).astype(np.int32)
    return np.concatenate([spaced, np.asarray([ids[0] for ids in encoder.piece_ids(WORDS)], dtype=np.int32)])


def test_cosines_are_nearly_those_of_the_encoder(encoder: StaticEncoder, every: NDArray[np.int32]) -> None:
    """A piece meets itself, and the nearest of two thousand is mostly the one that the whole vectors say."""
    table = PieceTable.build(encoder, every)
    pieces = np.unique(every)
    asked = np.asarray([ids[0] for ids in encoder.piece_ids(WORDS)])
    whole = unit(encoder.piece_vectors(pieces.astype(np.int64)))
    exact = whole @ unit(encoder.piece_vectors(asked)).T
    assert table.pieces().tolist() == pieces.tolist()
    assert table.rows(pieces).tolist() == list(range(len(table)))
    found = table.cosines(table.rows(pieces), table.turn(encoder.piece_vectors(asked)).T)
    assert found.dtype == np.float32
    assert found.shape == exact.shape
    assert found[np.searchsorted(pieces, asked), np.arange(len(asked))] == pytest.approx(1.0, abs=1e-3)
    assert np.corrcoef(found.ravel(), exact.ravel())[0, 1] > 0.9
    assert found.max() <= 1.0 + 1e-3


def test_directions_are_those_of_the_encoder_here_or_not(encoder: StaticEncoder, every: NDArray[np.int32]) -> None:
    """Of pieces in the table and of others, also beyond its last; with their lengths."""
    table = PieceTable.build(encoder, every[:1000])
    asked = np.asarray([int(every[3]), 40_001, int(every[7]), int(every[1500]), 0], dtype=np.int64)
    vectors = encoder.piece_vectors(asked)
    turned, lengths = table.directions(encoder, asked)
    assert (turned.dtype, lengths.dtype) == (np.float32, np.float32)
    assert lengths == pytest.approx(np.linalg.norm(vectors, axis=1))
    assert turned == pytest.approx(table.turn(vectors), abs=0.02)
    assert table.directions(encoder, asked[:0])[0].shape == (0, AXES)


def test_pieces_may_come_in_any_order_and_number(encoder: StaticEncoder, every: NDArray[np.int32]) -> None:
    one, other = PieceTable.build(encoder, every), PieceTable.build(encoder, np.concatenate([every[::-1], every[:7]]))
    turned = one.turn(encoder.piece_vectors(np.asarray([5, 6]))).T
    rows = one.rows(every)
    assert np.array_equal(rows, other.rows(every))
    assert np.array_equal(one.cosines(rows, turned), other.cosines(rows, turned))


def test_unknown_pieces_meet_nothing(encoder: StaticEncoder) -> None:
    """The vector of an unknown symbol is nought, and so are its cosines; a table of no pieces is one, too."""
    table = PieceTable.build(encoder, np.asarray([0, 7], dtype=np.int32))
    turned = table.turn(encoder.piece_vectors(np.asarray([0, 7]))).T
    assert table.rows(np.asarray([0, 7, 3])).tolist() == [0, 1, -1]
    assert table.cosines(np.asarray([0, 1]), turned) == pytest.approx(np.asarray([[0, 0], [0, 1]]), abs=1e-3)
    none = PieceTable.build(encoder, np.zeros(0, dtype=np.int32))
    assert none.cosines(np.zeros(0, dtype=np.int32), none.turn(encoder.piece_vectors(np.asarray([7]))).T).shape == (
        0,
        1,
    )


def test_saved_and_loaded_it_gives_the_same(encoder: StaticEncoder, every: NDArray[np.int32], tmp_path: Path) -> None:
    table = PieceTable.build(encoder, every)
    table.save(tmp_path)
    assert {path.name for path in tmp_path.iterdir()} == set(FILES)
    loaded = PieceTable.load(tmp_path)
    turned = table.turn(encoder.piece_vectors(np.asarray([5, 6, 7])))
    assert np.array_equal(loaded.turn(encoder.piece_vectors(np.asarray([5, 6, 7]))), turned)
    rows = table.rows(every)
    assert np.array_equal(loaded.rows(every), rows)
    assert np.array_equal(loaded.cosines(rows, turned.T), table.cosines(rows, turned.T))
    assert np.array_equal(loaded.directions(encoder, every)[1], table.directions(encoder, every)[1])


@pytest.mark.parametrize("name", FILES)
def test_a_missing_or_empty_file_is_an_unusable_index(encoder: StaticEncoder, tmp_path: Path, name: str) -> None:
    PieceTable.build(encoder, np.asarray([5, 6], dtype=np.int32)).save(tmp_path)
    (tmp_path / name).write_bytes(b"")
    with pytest.raises(IndexUnusableError, match="retriever index --index"):
        PieceTable.load(tmp_path)
    (tmp_path / name).unlink()
    with pytest.raises(IndexUnusableError, match="damaged"):
        PieceTable.load(tmp_path)
