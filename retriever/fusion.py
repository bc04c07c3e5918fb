"""Fusion: one score from the scores of several rankers."""

from collections.abc import Sequence


def weighted_sum(scores: Sequence[float], weights: Sequence[float]) -> float:
    """Sum of score times weight; the scores must share a scale (cosines and normalised BM25 do: both end at 1)."""
    return sum(score * weight for score, weight in zip(scores, weights, strict=True))
