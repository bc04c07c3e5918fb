"""Near-duplicate answers, found when an index is built: several sources often carry one text, which is one answer with several citations.

Two answers are copies when the Jaccard similarity of their five-character pieces is SAME at least and nothing they differ in turns
the meaning over: another number, a negation more or less, a word for its opposite. Pairs are found by prefix filtering (Bayardo, Ma
and Srikant, 2007): sets that similar share one of their few rarest pieces.
"""

import difflib
import math
import re
import unicodedata
from collections import Counter
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

SAME = 0.8  # set by hand, not tuned
_PIECE = 5
_MOST_OF_A_PIECE, _MOST_TRIED = (
    64,
    8,
)  # candidates by one piece, and compared, at most: bounds the work on thousands of like texts
_LONGEST_COMPARED = 2000  # tokens of an answer in which contradictions are looked for

_TOKEN = re.compile(r"[a-z]+n't|[a-z]+|\d+(?:[.,]\d+)*%?|[<>=!]=|[<>=≤≥≠+\-]|[\u4e00-\u9fff]|[^\s\w]")
_NEGATIONS = frozenset(
    [
        "不",
        "没",
        "无",
        "非",
        "未",
        "勿",
        "别",
        "莫",
        "not",
        "no",
        "never",
        "without",
        "cannot",
        "neither",
        "nor",
        "hardly",
    ]
)
_NUMBERS = frozenset("零二两三四五六七八九十百千万亿") | frozenset(
    [
        "zero",
        "two",
        "three",
        "four",
        "five",
        "six",
        "seven",
        "eight",
        "nine",
        "ten",
        "twelve",
        "twenty",
        "hundred",
        "thousand",
        "million",
        "half",
        "twice",
    ]
)
_OPPOSITES = frozenset(
    frozenset(pair.split())
    for pair in [
        "前 后",
        "大 小",
        "多 少",
        "高 低",
        "增 减",
        "升 降",
        "快 慢",
        "强 弱",
        "正 负",
        "好 坏",
        "优 劣",
        "先 后",
        "上 下",
        "左 右",
        "是 否",
        "真 假",
        "加 减",
        "乘 除",
        "内 外",
        "before after",
        "increase decrease",
        "increases decreases",
        "larger smaller",
        "large small",
        "higher lower",
        "high low",
        "more less",
        "most least",
        "faster slower",
        "fast slow",
        "always never",
        "yes no",
        "true false",
        "first last",
        "positive negative",
        "better worse",
        "best worst",
        "add remove",
        "up down",
        "left right",
        "above below",
        "can cannot",
        "with without",
        "maximum minimum",
        "maximize minimize",
        "maximise minimise",
        "> <",
        "≥ ≤",
        "+ -",
        "= ≠",
    ]
)


def group_copies(answers: list[str]) -> "NDArray[np.int32]":
    """For each answer the row of an earlier answer it is a copy of, one that is no copy itself, or its own; int32 (len(answers),)."""
    import numpy as np

    group = np.arange(len(answers), dtype=np.int32)
    sets = [_pieces(answer) for answer in answers]
    first: dict[str, int] = {}  # equal answers need no search
    for row, answer in enumerate(answers):
        group[row] = first.setdefault(_plain(answer), row)
    if not sets:
        return group
    _found, places, counts = np.unique(np.concatenate(sets), return_inverse=True, return_counts=True)
    starts = np.concatenate(([0], np.cumsum([len(one) for one in sets])))
    leaders: dict[int, list[int]] = {}  # by rare piece
    for row in sorted(first.values()):
        ids = places[starts[row] : starts[row + 1]]
        rarest = ids[np.lexsort((ids, counts[ids]))][: len(ids) - math.ceil(SAME * len(ids)) + 1]
        prefix = [int(piece) for piece in rarest if counts[piece] > 1]
        near = Counter(leader for piece in prefix for leader in leaders.get(piece, ())[:_MOST_OF_A_PIECE])
        for leader, _ in near.most_common(_MOST_TRIED):
            if not SAME <= len(sets[leader]) / len(sets[row]) <= 1 / SAME:
                continue
            shared = len(np.intersect1d(sets[leader], sets[row], assume_unique=True))
            if shared >= SAME * (len(sets[leader]) + len(sets[row]) - shared) and not contradict(
                answers[leader], answers[row]
            ):
                group[row] = leader
                break
        else:
            for piece in prefix:
                leaders.setdefault(piece, []).append(row)
    found_groups: NDArray[np.int32] = group[group]  # copies of a copy are copies of what it is a copy of
    return found_groups


def _pieces(text: str) -> "NDArray[np.uint64]":
    """The distinct five-character pieces of a text without white space and capitals, hashed; a shorter text is one piece."""
    import numpy as np

    raw = _plain(text).encode("utf-32-le", "surrogatepass").ljust(4 * _PIECE, b"\0")
    codes = np.frombuffer(raw, dtype="<u4").astype(np.uint64)
    windows = np.lib.stride_tricks.sliding_window_view(codes, _PIECE)
    # a polynomial in a random odd number, modulo 2**64: two pieces out of millions meet with a chance of one in a million
    powers = np.array([pow(0x9E3779B97F4A7C15, n, 2**64) for n in range(_PIECE)], dtype=np.uint64)
    distinct: NDArray[np.uint64] = np.unique((windows * powers).sum(axis=1, dtype=np.uint64))
    return distinct


def _plain(text: str) -> str:
    return re.sub(r"\s+", "", text).lower()


def contradict(one: str, other: str) -> bool:
    """True when two nearly equal texts differ in a number, by a negation, or in a word for its opposite at the same place."""
    if one == other:
        return False
    first, second = (_TOKEN.findall(_folded(text))[:_LONGEST_COMPARED] for text in (one, other))
    while first and second and first[-1] == second[-1]:  # like texts mostly differ in one place: compare that alone
        first.pop(), second.pop()
    same = next(
        (n for n, (x, y) in enumerate(zip(first, second, strict=False)) if x != y), min(len(first), len(second))
    )
    first, second = first[same:], second[same:]
    for kind, a, b, c, d in difflib.SequenceMatcher(None, first, second, autojunk=False).get_opcodes():
        gone, come = first[a:b], second[c:d]
        if (
            kind == "equal" or max(len(gone), len(come)) > 4
        ):  # longer: a sentence of one text alone, which denies nothing
            continue
        if any(map(_negates, gone)) != any(map(_negates, come)):
            return True
        if [token for token in gone if _counts(token)] != [token for token in come if _counts(token)]:
            return True
        if any(frozenset((x, y)) in _OPPOSITES for x in gone for y in come):
            return True
    return False


def _folded(text: str) -> str:
    """Small letters, raised and lowered figures on the line, straight apostrophes."""
    return unicodedata.normalize("NFKC", text).lower().replace("\u2019", "'").replace("\u2212", "-")


def _counts(token: str) -> bool:
    """Whether a token is a number, in figures or in words."""
    return token[0].isdigit() or token in _NUMBERS


def _negates(token: str) -> bool:
    return token in _NEGATIONS or token.endswith("n't")
