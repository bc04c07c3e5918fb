"""Slips of the pen in a question: a Latin word a letter away from one that the corpus or the glossary knows, or a Chinese term with a
character that only sounds right. A word that is known is never touched.

``syllables.json`` lists the characters of GB 2312 by toneless syllable, all readings of each.
"""

import json
import re
from collections.abc import Callable, Container, Iterable
from dataclasses import dataclass
from functools import cache, lru_cache
from pathlib import Path

from retriever.analysis import STOPWORDS

FILE = Path(__file__).with_name("syllables.json")

_LATIN = re.compile(r"[a-z]+")
_HAN = re.compile(r"[\u4e00-\u9fff]+")
# Latin words of fewer letters than SHORTEST are left alone, those of LONG and more may be two slips away; WIDEST is the longest Chinese term
# looked for. Set by hand on questions of both development sets into which slips were put by rule.
SHORTEST, LONG, WIDEST = 5, 10, 8


@dataclass(frozen=True, slots=True)
class Correction:
    """A word that was read as another one."""

    written: str
    read_as: str


class Speller:
    """Corrects towards Latin `words` and Chinese `terms`, both asked for when first needed; of two characters, towards `short_terms` only.

    `known` tells whether a word needs no correction.
    """

    def __init__(
        self,
        words: Callable[[], Iterable[str]],
        terms: Callable[[], Iterable[str]],
        short_terms: Container[str],
        known: Callable[[str], bool],
    ) -> None:
        self._short_terms, self._known = short_terms, known
        self._words = cache(
            lambda: sorted({word for word in words() if len(word) >= SHORTEST - 1 and _LATIN.fullmatch(word)})
        )
        self._terms = cache(lambda: frozenset(terms()))
        self._pairs = cache(
            lambda: frozenset(term[at : at + 2] for term in self._terms() for at in range(len(term) - 1))
        )

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
        """`word`, or the one nearest to it by optimal string alignment distance; `word` again where two are equally near."""
        if len(word) < SHORTEST or self._known(word):
            return word
        from rapidfuzz.distance import OSA
        from rapidfuzz.process import extract

        farthest = 2 if len(word) >= LONG else 1
        near = extract(word, self._words(), scorer=OSA.distance, score_cutoff=farthest, limit=5)
        ranked = sorted((distance, other[0] != word[0], other) for other, distance, _ in near)
        if not ranked or (len(ranked) > 1 and ranked[0][:2] == ranked[1][:2]):
            return word
        return str(ranked[0][2])

    def _run(self, run: str, cut: Callable[[str], list[str]], note: Callable[[str, str], str]) -> str:
        """A run of Chinese with terms put where a single character, which is what unknown words fall apart into, makes them sound like one."""
        alone = [len(word) == 1 for word in cut(run) for _ in word]
        doubtful = {at: others for at, one in enumerate(alone) if one and (others := self._others(run, at))}
        terms = self._terms()
        for size in range(min(WIDEST, len(run)), 1, -1) if doubtful else ():
            targets = self._short_terms if size == 2 else terms
            for start in range(len(run) - size + 1):
                window = run[start : start + size]
                places = [at for at in doubtful if start <= at < start + size]
                if not places or window in terms:
                    continue
                respelt = (
                    window[: at - start] + other + window[at - start + 1 :]
                    for at in places
                    if not self._is_particle(window, at - start)
                    for other in doubtful[at]
                )
                word = next((one for one in respelt if one in targets and one not in STOPWORDS), None)
                if word is not None and not self._known(window):
                    run = run[:start] + note(window, word) + run[start + size :]
                    doubtful = {at: others for at, others in doubtful.items() if not start <= at < start + size}
        return run

    def _others(self, run: str, at: int) -> list[str]:
        """The characters that sound like the one at a place of `run` and that some term has beside its neighbour."""
        pairs = self._pairs()
        before, after = run[at - 1 : at], run[at + 1 : at + 2]
        return [other for other in _homophones(run[at]) if before + other in pairs or other + after in pairs]

    def _is_particle(self, window: str, at: int) -> bool:
        """Whether the character at a place of `window` is a stop word with a word beside it, or in a window of two."""
        rest = window[:at] or window[at + 1 :] if at in (0, len(window) - 1) else ""
        beside = len(rest) > 1 and (rest in self._terms() or self._known(rest))
        return window[at] in STOPWORDS and (len(window) == 2 or beside)


@lru_cache(maxsize=4096)
def _homophones(char: str) -> str:
    """The other characters with a reading of `char`."""
    syllables, readings = _table()
    return "".join(dict.fromkeys(other for one in readings.get(char, ()) for other in syllables[one] if other != char))


@lru_cache(maxsize=1)
def _table() -> tuple[dict[str, str], dict[str, list[str]]]:
    syllables: dict[str, str] = json.loads(FILE.read_text(encoding="utf-8"))
    readings: dict[str, list[str]] = {}
    for syllable, characters in syllables.items():
        for character in characters:
            readings.setdefault(character, []).append(syllable)
    return syllables, readings
