"""Leading axes: the directions in which vectors differ most. Along the first few of them products are nearly what they are along all.

They hang on no last digit of a product, which differs with processors and threads: worked out in double precision and rounded, the same
vectors give the same axes.
"""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

# Of 128, 160, 192, 256 and all 384 axes, on the answerable questions of the five first pages, the bundled corpus, tests/pages/dev and dev2 (160 and 192 also of dev3 and dev4): 160
# puts one more of 728 first than 192, which puts as many first as all; 128 puts four fewer. Among 10,000 passages the 32 best by 160 axes hold 0.984 of the 20 best by all.
AXES = 160
LARGEST = 127  # of the whole numbers that vectors are kept as
GRID = 1 << 14  # axes are whole multiples of one over this


def leading_axes(vectors: "NDArray[np.float32]") -> "NDArray[np.float32]":
    """The first AXES principal components of vectors (n, dimension) about the origin, by falling weight; fewer where all vectors lie within fewer, all
    axes as they are where the dimension is no larger. float32 (dimension, axes).
    """
    import numpy as np

    dimension = vectors.shape[1]
    if dimension <= AXES:
        return np.eye(dimension, dtype=np.float32)
    wide = vectors.astype(np.float64)
    weights, axes = np.linalg.eigh(wide.T @ wide)
    leading = np.argsort(-weights, kind="stable")[:AXES]
    telling = int(np.count_nonzero(weights[leading] > 1e-9 * weights.max()))
    axes = axes[:, leading[: max(1, telling)]]
    axes *= np.sign(axes[np.abs(axes).argmax(axis=0), np.arange(axes.shape[1])])  # either way round is as good
    return np.ascontiguousarray(np.rint(axes * GRID) / GRID + 0.0, dtype=np.float32)  # no minus nought


def along(vectors: "NDArray[np.float32]", axes: "NDArray[np.float32]") -> "NDArray[np.float64]":
    """Vectors (n, dimension) along axes, in double precision, for what is kept; float64 (n, axes)."""
    turned: NDArray[np.float64] = vectors.astype("f8") @ axes.astype("f8")
    return turned


def small(
    vectors: "NDArray[np.float32]", axes: "NDArray[np.float32]"
) -> "tuple[NDArray[np.int8], NDArray[np.float32]]":
    """Directions of vectors (n, dimension) along axes in 8 bits a number, int8 (n, axes), and one over the lengths of these codes, float32 (n,)."""
    import numpy as np

    turned = along(vectors, axes)
    codes = np.rint(turned * (LARGEST / np.maximum(np.abs(turned).max(axis=1, initial=0), 1e-12))[:, None])
    units = 1 / np.maximum(np.linalg.norm(codes, axis=1), 1)
    return codes.astype(np.int8), units.astype(np.float32)
