"""Why an answer was given: what the question was read as, the parts of each score, and which of its terms met what in the passage."""

from collections.abc import Sequence
from dataclasses import dataclass

from retriever.analysis import fold
from retriever.querying import Query
from retriever.search import Hit, Retriever

MET = 0.35  # below this cosine a piece is met by nothing worth showing; set by hand
SHOWN, HEAVIEST = 8, 4


@dataclass(frozen=True, slots=True)
class Meeting:
    """A piece of the question, the piece of the passage nearest to it, and their cosine."""

    asked: str
    met_by: str
    cosine: float


@dataclass(frozen=True, slots=True)
class Explanation:
    """Of one hit: the parts of its score with their weights, the words that both sides have, the pieces that met, and the heaviest of the question
    that met nothing.
    """

    parts: tuple[tuple[str, float, float], ...]
    words: tuple[str, ...]
    meetings: tuple[Meeting, ...]
    unmet: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Explained:
    """What was not taken as written, as (kind, what), and the explanation of each answer."""

    reading: tuple[tuple[str, str], ...]
    answers: tuple[Explanation, ...]


PARTS = ("question", "answer", "words", "alignment")


def explain(retriever: Retriever, query: Query, hit: Hit) -> Explanation:
    """Explain one hit. Words stand in the order of the question, meetings in that of their weight."""
    values = (hit.question_cosine, hit.answer_cosine, hit.lexical, hit.alignment)
    parts = tuple(zip(PARTS, values, retriever.settings.weights, strict=True))
    context = hit.score - sum(
        weight * value for _, value, weight in parts
    )  # what a part loses to its whole, a scrap, and what is beside the subject
    if abs(context) > 1e-4:
        parts = (*parts, ("context", context, 1.0))
    words = []
    for slot in query.slots:
        ways: tuple[tuple[str, ...], ...] = ((slot,),) if isinstance(slot, str) else slot
        # a name counts when all of it is there; of the one that was written, else, the words that are
        found = next((way for way in ways if retriever.index.lexical.scores([((), way)])[hit.row] > 0), None)
        if found is not None:
            words.append(" ".join(found) if found == ways[0] else f"{' '.join(ways[0])} = {' '.join(found)}")
        else:
            words.extend(term for term in ways[0] if retriever.index.lexical.scores([term])[hit.row] > 0)
    return Explanation(parts, tuple(dict.fromkeys(words)), *_meetings(retriever, query, hit))


def _meetings(retriever: Retriever, query: Query, hit: Hit) -> tuple[tuple[Meeting, ...], tuple[str, ...]]:
    """The pieces of a query that met something in a hit, and the heaviest that did not."""
    encoder, alignment, table = retriever.pieces, retriever.index.alignment, retriever.index.pieces
    if encoder is None or alignment is None or table is None:
        return (), ()
    met = alignment.meetings(encoder, table, query.pieces, hit.row)
    names = encoder.piece_texts([piece for asked, other, _ in met for piece in (asked, other)])
    found = [Meeting(names[2 * n], names[2 * n + 1], cosine) for n, (_, _, cosine) in enumerate(met) if cosine >= MET]
    unmet = [names[2 * n] for n, (_, _, cosine) in enumerate(met[:HEAVIEST]) if cosine < MET]
    return tuple(found[:SHOWN]), tuple(unmet)


def reading(query: Query, absent: Sequence[str] = ()) -> list[tuple[str, str]]:
    """(kind, what) of everything that was not taken as written: full-width and traditional characters, slips, other names looked for; and of
    names that are `absent` from the index.
    """
    plain = fold(query.text)
    found = [("read as", plain)] if plain != query.text.lower() else []
    found += [("corrected", f"{one.written} → {one.read_as}") for one in query.corrections]
    for concept in query.concepts:
        if concept.others:
            found.append(
                ("also looked for", f"{query.folded[concept.start : concept.end]} = {', '.join(concept.others[:6])}")
            )
    return found + [("in no passage", name) for name in absent]
