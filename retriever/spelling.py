"""Slips of the pen in a question: a Latin word a letter away from one that the corpus or the glossary knows, or a Chinese term with a
character that only sounds right. A word that is known is never touched.

``syllables.json`` lists the characters of GB 2312 by toneless syllable, all readings of each.
"""

import json
import re
from collections.abc import Callable, Container, Iterable
from dataclasses import dataclass
from functools import cache, lru_cache
from itertools import accumulate
from pathlib import Path

from retriever.analysis import STOPWORDS

FILE = Path(__file__).with_name("syllables.json")

_NONE: frozenset[str] = frozenset()
_LATIN = re.compile(r"(?<![a-z0-9\u00c0-\u024f])[a-z]+(?![a-z0-9\u00c0-\u024f])")
_HAN = re.compile(r"[\u4e00-\u9fff]+")
# Latin words of fewer letters than SHORTEST are left alone, those of LONG and more may be two slips away from a short term; WIDEST is the longest
# Chinese term looked for. Set by hand on questions of both development sets into which slips were put by rule.
SHORTEST, LONG, WIDEST = 5, 10, 10
# Characters that stand beside any word: numbers and adverbs are not taken for slips where that is risky, nor are stop words.
_COMMON = frozenset("一二三四五六七八九十百千万两几半每各某另同本该此不没很太更最真再又还只才就都") | STOPWORDS
# Words that sound like a term and are meant: those that the encoder cuts in two and that jieba's dictionary counts 60 times or more, and a few set by hand.
_WORDS = frozenset(
    ["已然", "一出", "为数", "赫然", "推力", "贮存", "适量", "有数", "情调", "潜入", "自居", "参差", "真挚", "轮子", "丈量", "自足", "白花", "使然", "广博", "白话", "知心", "剪纸", "白桦", "会聚", "方家", "横流", "转制", "释然", "余热", "食量", "正理", "偏执", "上移", "下移", "分项", "因变量", "数量级", "标准价", "位数"]
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Correction:
    """A word that was read as another one."""

    written: str
    read_as: str


class Speller:
    """Corrects towards Latin `words` and Chinese `terms`, both asked for when first needed; where that is risky, towards `sure` ones of both only:
    two letters off, two characters long, or a word with a single character beside it. `known` tells whether a word needs no correction.
    """

    def __init__(
        self,
        words: Callable[[], Iterable[str]],
        terms: Callable[[], Iterable[str]],
        sure: Container[str],
        known: Callable[[str], bool],
    ) -> None:
        self._sure, self._known = sure, known
        self._words = cache(lambda: _by_initial(words()))
        self._terms = cache(lambda: frozenset(terms()))
        self._joined = cache(lambda: "\n".join(["", *self._terms(), ""]))
        self._neighbours = cache(self._find_neighbours)  # by character, of which there are so many

    def correct(self, folded: str, cut: Callable[[str], list[str]]) -> tuple[str, tuple[Correction, ...]]:
        """A folded text with its slips mended, and what was changed; `cut` cuts a run of Chinese into words."""
        found: list[Correction] = []

        def note(written: str, read_as: str) -> str:
            if written != read_as:
                found.append(Correction(written, read_as))
            return read_as

        text = _LATIN.sub(lambda match: note(match.group(0), self._word(match.group(0))), folded)
        text = _HAN.sub(lambda match: self._run(match.group(0), cut, note), text)
        return text, tuple(found)

    def _word(self, word: str) -> str:
        """`word`, or the one with its first letter that is nearest by optimal string alignment distance, a sure one first; `word` again where two are."""
        if len(word) < SHORTEST or self._known(word):
            return word
        from rapidfuzz.distance import OSA
        from rapidfuzz.process import extract

        farthest = 2 if len(word) >= LONG else 1
        words = self._words()
        alike = words.get(word[0], []) + [other for other in words.get(word[1], ()) if other[1] == word[0] != other[0]]
        near = extract(word, alike, scorer=OSA.distance, score_cutoff=farthest, limit=None)
        ranked = sorted(
            (distance, other not in self._sure, other)
            for other, distance, _ in near
            if distance == 1 or other in self._sure
        )
        if not ranked or (len(ranked) > 1 and ranked[0][:2] == ranked[1][:2]):
            return word
        return str(ranked[0][2])

    def _run(self, run: str, cut: Callable[[str], list[str]], note: Callable[[str, str], str]) -> str:
        """A run of Chinese with terms put where a single character, which is what unknown words fall apart into, makes them sound like one."""
        words = cut(run)
        ends = list(accumulate(map(len, words)))
        alone = [end - 1 for word, end in zip(words, ends, strict=True) if len(word) == 1]
        doubtful = {at: others for at in alone if (others := self._others(run, at))}
        whole = frozenset([0, *ends])  # a term cuts no word
        windows = [one for one in self._windows(run, doubtful) if whole.issuperset(one)]
        if not windows:  # nearly always
            return run
        terms = self._terms()
        for start in range(len(run)):  # what lies within a known term is beyond doubt
            for size in range(3, min(WIDEST, len(run) - start) + 1):
                if run[start : start + size] in terms:
                    for at in range(start, start + size):
                        doubtful.pop(at, None)
        for start, end in windows:
            places = [at for at in range(start, end) if at in doubtful]
            window = run[start:end]
            if not places or window in terms or window in _WORDS:
                continue
            word = self._respelt(window, {at - start: doubtful[at] for at in places})
            if word and not self._known(window):
                run = run[:start] + note(window, word) + run[end:]
                for at in places:
                    del doubtful[at]
        return run

    def _windows(self, run: str, doubtful: dict[int, list[str]]) -> list[tuple[int, int]]:
        """The stretches of `run` that one other character makes a term of, the longest first. A term holds it beside the characters that it has there: most
        stretches are ruled out by the neighbours alone.
        """
        terms, found = self._terms(), set()
        for at, others in doubtful.items():
            behind = self._neighbours(run[at - 1])[1] if at else _NONE
            before = self._neighbours(run[at + 1])[0] if at + 1 < len(run) else _NONE
            for other in others:
                starts = range(max(0, at + 1 - WIDEST), at + 1) if other in behind else (at,)
                ends = range(at + 1, min(len(run), at + WIDEST) + 1) if other in before else (at + 1,)
                for start in starts:
                    for end in ends:
                        if 1 < end - start <= WIDEST and run[start:at] + other + run[at + 1 : end] in terms:
                            found.add((start, end))
        return sorted(found, key=lambda one: (one[0] - one[1], one[0]))

    def _respelt(self, window: str, doubtful: dict[int, list[str]]) -> str:
        """The term that `window` becomes with one of its doubtful characters replaced, or ""."""
        terms, sure = self._terms(), self._sure
        for at, others in doubtful.items():
            words = [window[:at] + other + window[at + 1 :] for other in others]
            words = [word for word in words if word in terms and word not in STOPWORDS]
            if not words:
                continue
            rest = window[:at] or window[at + 1 :] if at in (0, len(window) - 1) else ""
            beside = len(rest) > 1 and (rest in terms or self._known(rest))
            risky = len(window) == 2 or beside
            if risky and window[at] in _COMMON:
                continue
            allowed = [word for word in words if word in (sure if risky else terms)]
            if allowed:
                return allowed[0]
        return ""

    def _others(self, run: str, at: int) -> list[str]:
        """The characters that sound like the one at a place of `run` and that some term has beside its neighbour."""
        alike, among = _homophones(run[at])
        behind = self._neighbours(run[at - 1])[1] if at else _NONE
        before = self._neighbours(run[at + 1])[0] if at + 1 < len(run) else _NONE
        beside = (behind & among) | (before & among)
        return [other for other in alike if other in beside] if beside else []

    def _find_neighbours(self, char: str) -> tuple[frozenset[str], frozenset[str]]:
        """The characters that stand before one in some term, and those that stand behind it."""
        parts = self._joined().split(char)
        before = {part[-1] if part else char for part in parts[:-1]}
        behind = {part[0] if part else char for part in parts[1:]}
        return frozenset(before - {"\n"}), frozenset(behind - {"\n"})


def _by_initial(words: Iterable[str]) -> dict[str, list[str]]:
    """The plain Latin words that are long enough, each once, by their first letter."""
    found: dict[str, list[str]] = {}
    for word in sorted({word for word in words if len(word) >= SHORTEST - 1 and _LATIN.fullmatch(word)}):
        found.setdefault(word[0], []).append(word)
    return found


@lru_cache(maxsize=4096)
def _homophones(char: str) -> tuple[str, frozenset[str]]:
    """The other characters with a reading of `char`, in the order of the syllables, and as a set."""
    syllables, readings = _table()
    alike = dict.fromkeys(other for one in readings.get(char, ()) for other in syllables[one] if other != char)
    return "".join(alike), frozenset(alike)


@lru_cache(maxsize=1)
def _table() -> tuple[dict[str, str], dict[str, list[str]]]:
    syllables: dict[str, str] = json.loads(FILE.read_text(encoding="utf-8"))
    readings: dict[str, list[str]] = {}
    for syllable, characters in syllables.items():
        for character in characters:
            readings.setdefault(character, []).append(syllable)
    return syllables, readings
