"""From the text of a question to what the rankers ask with: folded, slips corrected, terms and names found, encoded."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from retriever.analysis import STOPWORDS, fold, singular
from retriever.cues import language_of
from retriever.encoders.protocol import Encoder
from retriever.errors import InputError
from retriever.glossary import Concept, Glossary, bundled_glossary
from retriever.indexing import Index
from retriever.lexical import Slot
from retriever.naming import Name, Ways, find_names
from retriever.pieces import PieceEncoder
from retriever.spelling import Correction, Speller

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class Query:
    """A question, analysed once for all rankers. `folded` is its plainest spelling, slips corrected as `corrections` say; `slots` are its terms
    and concepts for lexical search, `pieces` the distinct pieces of a piece encoder, ascending, `concepts` the glossary's terms in it,
    `names` what it calls by name.
    """

    text: str
    language: str
    folded: str
    slots: tuple[Slot, ...]
    vector: "NDArray[np.float32]"
    pieces: tuple[int, ...] = ()
    concepts: tuple[Concept, ...] = ()
    corrections: tuple[Correction, ...] = ()
    names: tuple[Name, ...] = ()

    @property
    def length(self) -> int:
        """How long it is: in distinct pieces of the encoder, in terms where the encoder has none."""
        return len(self.pieces or self.slots)

    @property
    def subject(self) -> Ways:
        """The ways of the one term or concept that is all a question names (BN; what is dropout?), () when there is more."""
        if len(self.slots) != 1:
            return ()
        slot = self.slots[0]
        return ((slot,),) if isinstance(slot, str) else slot


class QueryReader:
    """Reads questions for an open index with its encoder."""

    def __init__(self, index: Index, encoder: Encoder) -> None:
        self._index, self._encoder = index, encoder
        self._pieces = encoder if isinstance(encoder, PieceEncoder) else None
        self._speller = self._make_speller()
        self._names: dict[str, tuple[str, ...]] = {}  # terms of the glossary's names, as they come up

    def read(self, text: str) -> Query:
        """Analyse a question. Raises InputError when it is empty."""
        if not text.strip():
            raise InputError('the question is empty; ask something like: ask "为什么BN放在激活前"')
        folded = fold(text.encode("utf-8", "replace").decode("utf-8"))
        folded, corrections = self._speller.correct(folded, self._index.analyzer.cut)
        concepts = tuple(bundled_glossary().find(folded))
        if self._pieces is not None:
            pieces = self._pieces.piece_ids([folded])[0]
            vector = self._pieces.pool([pieces])[0]
        else:
            pieces, vector = [], self._encoder.encode_queries([folded])[0]
        known = [(concept, self._ways(folded, concept)) for concept in concepts]
        slots = tuple(dict.fromkeys(self._slots(folded, known)))
        guessed = [word for one in corrections for word in (one.written, one.read_as)]
        names = find_names(text, folded, known, guessed, self._index.analyzer.folded_terms)
        return Query(
            text, language_of(text), folded, slots, vector, tuple(sorted(set(pieces))), concepts, corrections, names
        )

    def missed(self, query: Query, row: int) -> tuple[list[Name], list[Name]]:
        """The names in a question that the passage of a row has in none of their ways: those that another passage or the title of a source has, and those that are
        absent from all. What cuts a word of the corpus is no name: 表面条件 says nothing of noodles (面条).
        """
        lexical = self._index.lexical
        elsewhere: list[Name] = []
        absent: list[Name] = []
        for name in query.names:
            if any(lexical.row_holds(row, way) for way in name.ways):
                continue
            told = any(map(lexical.holds, name.ways)) or any(map(self._titles.issuperset, name.ways))
            (elsewhere if told else absent).append(name)
        if absent:
            bounds = self._index.analyzer.bounds(query.folded)
            absent = [name for name in absent if bounds.issuperset(name.place)]
        return elsewhere, absent

    @cached_property
    def _titles(self) -> frozenset[str]:
        """The terms of the titles of all sources."""
        titles = (str(row.get("title", "")) for row in self._index.sources())
        return frozenset(term for title in titles for term in self._index.analyzer.terms(title))

    def _make_speller(self) -> Speller:
        """Corrects towards the words of the index and the glossary; what the encoder has a piece for is a word.

        Without pieces there is no telling a rare English word from a slip, and only the glossary's words are corrected towards.
        """
        index, pieces, glossary = self._index, self._pieces, bundled_glossary()

        def known(word: str) -> bool:
            if word in STOPWORDS or word in index.lexical:
                return True
            if singular(word) in index.lexical or singular(word) in glossary.words:
                return True
            return pieces is not None and len(pieces.piece_ids([word])[0]) == 1

        def words() -> Iterable[str]:
            if pieces is None:
                return glossary.words
            frequent = index.lexical.frequent(2)
            plurals = pieces.piece_ids([word + "s" for word in frequent])
            whole = zip(frequent, pieces.piece_ids(frequent), plurals, strict=True)
            # the analyzer cuts an s off that belongs to some words: hypothesis, bias
            return [
                *(word + "s" if len(plural) == 1 < len(ids) else word for word, ids, plural in whole),
                *(
                    word for word in glossary.words if word in glossary.named or word in index.lexical
                ),  # no mere parts of names
            ]

        return Speller(words, lambda: [*glossary.han, *index.analyzer.words], _Held(index, glossary), known)

    def _ways(self, folded: str, concept: Concept) -> Ways:
        """The ways a concept may be written, as it is in the question first. Those of the glossary's names are remembered."""
        terms = self._index.analyzer.folded_terms
        for name in concept.others:
            if name not in self._names:
                self._names[name] = tuple(dict.fromkeys(terms(name)))
        written = tuple(dict.fromkeys(terms(folded[concept.start : concept.end])))
        return tuple(dict.fromkeys(way for way in (written, *map(self._names.__getitem__, concept.others)) if way))

    def _slots(self, folded: str, concepts: list[tuple[Concept, Ways]]) -> Iterator[Slot]:
        """What lexical search looks for: the terms of a folded question, and its concepts in all their ways."""
        terms, at = self._index.analyzer.folded_terms, 0
        for concept, ways in concepts:
            yield from terms(folded[at : concept.start])
            if ways:
                yield ways
            at = concept.end
        yield from terms(folded[at:])


class _Held:
    """The terms of the glossary that some passage of an index has."""

    def __init__(self, index: Index, glossary: Glossary) -> None:
        self._index, self._glossary = index, glossary

    def __contains__(self, word: object) -> bool:
        known = word in self._glossary.words or word in self._glossary.han
        return known and self._index.lexical.holds(self._index.analyzer.folded_terms(str(word)))
