"""The model while it is trained: one table of token vectors, summed per text and normalised; its start and its loss.

The length of a token's vector is its weight in the sum: nothing else weighs tokens.  Row 0 is the unknown token and stays zero.
"""

from __future__ import annotations

import re

import numpy as np
import numpy.typing as npt
import torch
from scipy import sparse  # type: ignore[import-untyped]

from training.data import Ids, Lesson, Source, log

Table = npt.NDArray[np.float32]


def document_matrix(sources: list[Source], vocabulary: int, rows: int, window: int, seed: int) -> sparse.csr_array:
    """Both sides of each pair as one bag, (documents, vocabulary) token counts; at most `rows` pairs of a source.

    Where rows follow the document, `window` of them make one bag.
    """
    rng = np.random.default_rng(seed)
    columns, lengths = [], []
    for source in (s for s in sources if s.kind != "cross"):
        count = len(source) if source.deep_learning else min(rows, len(source))
        chosen = np.sort(rng.permutation(len(source))[:count])
        span = window if source.in_order else 1
        chosen = chosen[chosen + span <= len(source)]
        count = len(chosen)
        (left, left_n), (right, right_n) = source.left.take(chosen, span), source.right.take(chosen, span)
        owner = np.concatenate([np.repeat(np.arange(count), left_n), np.repeat(np.arange(count), right_n)])
        order = np.argsort(owner, kind="stable")
        columns.append(np.concatenate([left, right])[order])
        lengths.append(left_n + right_n)
    starts = np.concatenate([[0], np.cumsum(np.concatenate(lengths))])
    flat = np.concatenate(columns)
    counts = sparse.csr_array((np.ones(len(flat), np.float32), flat, starts), shape=(len(starts) - 1, vocabulary))
    counts.sum_duplicates()
    return counts


def latent_semantic_start(counts: sparse.csr_array, dimension: int, power: float, seed: int, rounds: int = 3) -> Table:
    """Token vectors (vocabulary, dimension) from the leading right singular vectors of the tf-idf matrix.

    A pair's two sides share a document, so words that translate each other begin close together.  Directions are scaled by the
    singular values to `power`; each row is then given the token's inverse document frequency as its length.
    """
    documents, vocabulary = counts.shape
    df = np.bincount(counts.indices, minlength=vocabulary)
    idf = np.log((documents + 1) / (df + 1)).astype(np.float32)
    idf[0] = 0.0
    weighted = counts.copy()
    weighted.data = np.log1p(weighted.data) * idf[weighted.indices]
    norms = np.sqrt(np.asarray(weighted.multiply(weighted).sum(axis=1))).ravel()
    weighted = (sparse.diags_array((1 / np.maximum(norms, 1e-6)).astype(np.float32)) @ weighted).tocsr()
    transposed = weighted.T.tocsr()
    basis = np.random.default_rng(seed).standard_normal((vocabulary, dimension + 32), dtype=np.float32)
    for number in range(rounds):
        basis = np.linalg.qr(transposed @ (weighted @ basis))[0].astype(np.float32)
        log(f"singular vectors: round {number + 1} of {rounds}, {documents} documents")
    projected = weighted @ basis
    values, vectors = np.linalg.eigh(projected.T @ projected)
    leading = np.argsort(-values)[:dimension]
    table = (basis @ vectors[:, leading]) * np.maximum(values[leading], 1e-9) ** (power / 2)
    table /= np.maximum(np.linalg.norm(table, axis=1, keepdims=True), 1e-9)
    weighed: Table = (table * (idf / idf.max())[:, None]).astype(np.float32)
    return weighed


def taught_start(
    lessons: list[Lesson], vocabulary: int, general: float = 3.0, ridge: float = 1.0, rounds: int = 15
) -> Table:
    """Token vectors (vocabulary, teacher's dimension) whose sum over a text comes closest to the teacher's vector of it, in either language.

    Ridge regression by conjugate gradients with a diagonal preconditioner: rows are the texts and their translations, divided by
    the square root of their length; lessons of everyday language weigh `general` times.  The teacher's mean is taken off first.
    """
    ids, lengths, targets, weights = [], [], [], []
    for lesson in lessons:
        for side in (lesson.text, lesson.translation):
            if side is not None:
                flat, n = side.take(lesson.rows)
                ids.append(flat)
                lengths.append(n)
                targets.append(lesson.vectors)
                weights.append(np.full(len(n), general if lesson.general else 1.0, np.float32))
    n, weight = np.concatenate(lengths), np.sqrt(np.concatenate(weights))
    wanted = np.concatenate(targets).astype(np.float32)
    wanted = (wanted - wanted.mean(axis=0)) * weight[:, None]
    values = np.repeat(weight / np.sqrt(np.maximum(n, 1)), n).astype(np.float32)
    texts = sparse.csr_array(
        (values, np.concatenate(ids), np.concatenate([[0], np.cumsum(n)])), shape=(len(n), vocabulary)
    )
    texts.sum_duplicates()
    transposed = texts.T.tocsr()
    scale = (1 / (np.asarray(texts.multiply(texts).sum(axis=0)).ravel() + ridge)).astype(np.float32)[:, None]
    rest = transposed @ wanted
    table = np.zeros_like(rest)
    direction = scale * rest
    size = (rest * direction).sum(axis=0)
    for number in range(rounds):
        image = transposed @ (texts @ direction) + ridge * direction
        step = size / np.maximum((direction * image).sum(axis=0), 1e-12)
        table += step * direction
        rest -= step * image
        again = scale * rest
        grown = (rest * again).sum(axis=0)
        direction = again + (grown / np.maximum(size, 1e-20)) * direction
        size = grown
        log(f"regression: round {number + 1} of {rounds}, {len(n)} texts, rest {float(np.linalg.norm(rest)):.1f}")
    table[0] = 0
    return table.astype(np.float32)


def counterparts(table: Table, pieces: list[str], least: float = 0.5) -> Ids:
    """For each token the one of the other language that is nearest to it and to which it is nearest, at a cosine of `least` or more; else itself."""
    han = np.array([i for i, piece in enumerate(pieces) if re.match("[一-鿿]{2}", piece)])
    latin = np.array([i for i, piece in enumerate(pieces) if re.fullmatch("[a-z]{3,}", piece)])
    unit = table / np.maximum(np.linalg.norm(table, axis=1, keepdims=True), 1e-9)
    best_latin, best_han = np.zeros(len(han), np.int64), np.zeros(len(latin), np.int64)
    highest = np.full(len(latin), -1.0, np.float32)
    nearness = np.zeros(len(han), np.float32)
    for begin in range(0, len(han), 2000):
        cosines = unit[han[begin : begin + 2000]] @ unit[latin].T
        best_latin[begin : begin + 2000] = cosines.argmax(axis=1)
        nearness[begin : begin + 2000] = cosines.max(axis=1)
        better = cosines.max(axis=0) > highest
        best_han[better] = begin + cosines.argmax(axis=0)[better]
        highest = np.maximum(highest, cosines.max(axis=0))
    mutual = (best_han[best_latin] == np.arange(len(han))) & (nearness >= least)
    other = np.arange(len(pieces), dtype=np.int32)
    other[han[mutual]] = latin[best_latin[mutual]]
    other[latin[best_latin[mutual]]] = han[mutual]
    log(f"{int(mutual.sum())} pairs of tokens translate each other")
    return other


def random_start(vocabulary: int, dimension: int, seed: int) -> Table:
    """Small random token vectors, for comparison."""
    table = np.random.default_rng(seed).standard_normal((vocabulary, dimension), dtype=np.float32)
    table[0] = 0
    return table * np.float32(0.5 / np.sqrt(dimension))


def smooth(table: Table, share: float, neighbours: int = 8, threshold: float = 0.3) -> Table:
    """Mix into each row its nearest rows (by cosine, above `threshold`), weighted by `share` times the cosine; lengths stay.

    Translations and synonyms move closer together, rare words borrow from frequent ones.
    """
    lengths = np.maximum(np.linalg.norm(table, axis=1, keepdims=True), 1e-9)
    unit, mixed = table / lengths, table.copy()
    for begin in range(0, len(table), 2000):
        rows = slice(begin, min(begin + 2000, len(table)))
        cosines = unit[rows] @ unit.T
        cosines[np.arange(len(cosines)), np.arange(rows.start, rows.stop)] = -1
        nearest = np.argpartition(-cosines, neighbours, axis=1)[:, :neighbours]
        weights = np.take_along_axis(cosines, nearest, axis=1)
        weights[weights < threshold] = 0
        mixed[rows] += share * np.einsum("rn,rnd->rd", weights, table[nearest])
    mixed *= lengths / np.maximum(np.linalg.norm(mixed, axis=1, keepdims=True), 1e-9)
    mixed[0] = 0
    return mixed.astype(np.float32)


def embed(table: torch.Tensor, ids: Ids, lengths: npt.NDArray[np.int64]) -> torch.Tensor:
    """Unit vectors (texts, dimension) of texts given as flat ids and their lengths."""
    offsets = torch.from_numpy(np.cumsum(lengths) - lengths).to(table.device)
    flat = torch.from_numpy(ids.astype(np.int64)).to(table.device)
    sums = torch.nn.functional.embedding_bag(flat, table, offsets, mode="sum")
    return torch.nn.functional.normalize(sums, dim=1, eps=1e-6)


def contrastive_loss(left: torch.Tensor, right: torch.Tensor, scale: torch.Tensor | float) -> torch.Tensor:
    """Symmetric InfoNCE: row i of `left` (n, d) belongs to row i of `right` (n, d); every other row is a negative."""
    logits = scale * (left @ right.T)
    target = torch.arange(len(left), device=left.device)
    forward = torch.nn.functional.cross_entropy(logits, target)
    return (forward + torch.nn.functional.cross_entropy(logits.T, target)) / 2


def relation_loss(one: torch.Tensor, other: torch.Tensor, taught: torch.Tensor, scale: float) -> torch.Tensor:
    """How far the similarities of `one` (n, d) with `other` (n, d) are from those the teacher's vectors (n, t) have among themselves:
    Kullback-Leibler divergence of each text's softmax over the others, without itself.
    """
    self_mask = torch.eye(len(one), dtype=torch.bool, device=one.device)
    wanted = (scale * (taught @ taught.T)).masked_fill(self_mask, -1e4).softmax(dim=1)
    given = (scale * (one @ other.T)).masked_fill(self_mask, -1e4).log_softmax(dim=1)
    return torch.nn.functional.kl_div(given, wanted, reduction="batchmean")
