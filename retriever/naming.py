"""Names in a question: what stands for one thing and is hardly ever put in other words. A corpus that has a name nowhere will hardly answer.

They are terms of the glossary, which may stand in the corpus under any of their names, and Latin words that look like names: all of a Chinese
question; of an English one those with a capital or a digit that the sentence does not call for.
"""

import re
import unicodedata
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

from retriever.analysis import STOPWORDS
from retriever.cues import language_of
from retriever.glossary import Concept

_WORD = re.compile(r"(?<![A-Za-z0-9])[A-Za-z][A-Za-z0-9]*+(?:[-_./][A-Za-z0-9]++)*+[+#]*+")
_TOKEN = re.compile(rf"(?P<word>{_WORD.pattern})|(?P<end>[.?!。？！:：](?=\s))|\w")
# How much an absent name tells where its field may take it for granted (验证集) or where it may be a slip (epol): Chinese terms of the glossary but for things of
# everyday life, and small letters in a Chinese question. Over six corpora 728 answerable questions have 32 such names that are absent and 242 others 66; all the rest
# are absent 20 and 150 times. Of 0.3 to 1, leaving a corpus out, 0.5 to 0.7 are equal and best.
TAKEN_FOR_GRANTED = 0.6
_UNITS = frozenset(["kb", "mb", "gb", "tb", "hz", "khz", "mhz", "ghz"])


Ways = tuple[tuple[str, ...], ...]
"""How something may stand in a passage, each way a tuple of terms that must all be there."""


@dataclass(frozen=True, slots=True)
class Name:
    """A name as it is written in the question, and the ways it may stand in a passage; `place` are offsets into the folded question where it is a term of the
    glossary, () for what only looks like a name, and `telling` is how much it tells, up to 1, that no passage has it.
    """

    written: str
    ways: Ways
    place: tuple[int, ...] = ()
    telling: float = 1.0


def find_names(
    text: str,
    folded: str,
    concepts: Iterable[tuple[Concept, Ways]],
    guessed: Iterable[str],
    terms: Callable[[str], Sequence[str]],
) -> tuple[Name, ...]:
    """The names in a question `text`, given how it is read: `folded`, its glossary concepts with the ways they may be written, the words that
    were only `guessed` (slips and what they were taken for; they are no names), and the analyzer's `terms` of folded text.
    """
    plain, doubtful = unicodedata.normalize("NFKC", text), {word.lower() for word in guessed}
    english = language_of(plain) == "en"
    looks = {word.lower(): word for word in (_shaped(plain) if english else _WORD.findall(plain))}
    found: dict[str, Name] = {}
    known: set[str] = set()
    for concept, ways in concepts:
        written = folded[concept.start : concept.end]
        words = set(re.findall(r"[a-z0-9+#]+", written))
        known |= words
        like_any_word = english and len(words) == 1 and not concept.concrete  # inference, stacking
        if like_any_word and not words & looks.keys():
            continue
        if ways and written not in doubtful and not words & doubtful:
            telling = 1.0 if english or words or concept.concrete else TAKEN_FOR_GRANTED
            name = Name(looks.get(written, written), ways, (concept.start, concept.end), telling)
            found.setdefault(written, name)
    none = STOPWORDS | _UNITS | doubtful | known
    for low, word in looks.items():
        if len(low) < 2 or low in none:
            continue
        ways = tuple(_ways(low, terms))
        if ways:
            telling = TAKEN_FOR_GRANTED if not english and word == low and word.isalpha() else 1.0
            found[low] = Name(word, ways + (found[low].ways if low in found else ()), telling=telling)
    return tuple(found.values())


def _shaped(text: str) -> Iterator[str]:
    """Words of an English text that look like names: with a capital or a digit inside, or a capital in front that begins no sentence. Where all
    words have capitals, they say nothing.
    """
    words = [match.group(0) for match in _WORD.finditer(text)]
    if len(words) > 2 and all(word.isupper() for word in words):
        return
    rest = [word for word in words[1:] if word != "I"]
    title = 2 * sum(word[0].isupper() for word in rest) > len(rest) > 1
    first = True
    for match in _TOKEN.finditer(text):
        word = match["word"] or ""
        if re.search(r"[A-Z0-9]", word[1:]) or (word[:1].isupper() and not first and not title):
            yield word
        first = bool(match["end"])


def _ways(word: str, terms: Callable[[str], Sequence[str]]) -> Iterator[tuple[str, ...]]:
    """How a Latin word may stand in a passage: as it is, and a compound in its parts, unless one is a single letter."""
    whole = terms(word)
    if whole:
        yield (whole[0],)
    parts = re.split(r"[-_./]", word)
    if len(parts) > 1 and all(len(part) > 1 for part in parts):
        apart = tuple(dict.fromkeys(term for part in parts for term in terms(part)))
        if apart:
            yield apart
