"""From ranked hits to the answer: one of a family, near-duplicates together, a confidence, or an honest no."""

import re
import unicodedata
from dataclasses import dataclass, replace

from retriever.confidence import Signals
from retriever.documents import Passage
from retriever.naming import Name
from retriever.querying import Query
from retriever.search import ALIGNED, Hit, Ranking, Retriever

# How near the first passage of an abstention must be to be worth naming, by its better cosine: this share of the level of the index, which is how near
# passages usually are to questions of the corpus that they do not answer. Set by hand over the bundled corpus: it leaves out those of 11 of 14 everyday
# questions, and of 14 of 33 that the corpus does not answer, most of them about something else.
NEAR = 0.55
# What a name of the question that others have counts against an answer without it, beside one that is nowhere. Of 0 to 0.5, leaving out one of six corpora, at 4 % of
# the answerable questions 0.72 of the others are refused at 0, 0.75 at 0.3 and 0.74 at 0.5.
ELSEWHERE = 0.3
NO_WORD = "the question holds no word to look for"
_AS_SUCH = re.compile(r"[`\"“「『]\s*\w|\b[A-Z]{2,}\b")
_HAN = re.compile(r"[\u3400-\u9fff]")


@dataclass(frozen=True, slots=True)
class Choice:
    """One answer shown: its hit, confidence, highlighted spans of the answer text, and other passages that say the same."""

    hit: Hit
    confidence: float
    highlights: tuple[tuple[int, int], ...]
    also: tuple[Passage, ...]


@dataclass(frozen=True, slots=True)
class Answer:
    """The answer to one question: choices, best first, or an abstention with its reason (the candidates are kept). `absent` are names in
    the question that neither a passage nor a title has; `wordless` is one that holds nothing to look for.
    """

    query: Query
    abstained: bool
    reason: str
    confidence: float
    choices: tuple[Choice, ...]
    signals: Signals | None = None
    absent: tuple[str, ...] = ()
    wordless: bool = False

    @property
    def near(self) -> bool:
        """Whether the first choice has anything to do with the question."""
        if not self.choices or self.wordless:
            return False
        hit = self.choices[0].hit
        return self.signals is None or max(hit.question_cosine, hit.answer_cosine) >= NEAR * self.signals.level


def answer(retriever: Retriever, question: str, k: int = 3, min_confidence: float | None = None) -> Answer:
    """Answer `question` with up to k choices; abstain when the confidence is below `min_confidence` (None: the calibration's threshold; 0
    never abstains).

    Raises InputError for an empty question or a k below 1.
    """
    query = retriever.query(question)
    ranking = retriever.rank(query, max(ALIGNED, 4 * k))
    families = _families(retriever, _whole_or_part(retriever, ranking))
    if not families:
        return Answer(query, True, "the index holds no passage", 0.0, ())
    hits = [retriever.hit(ranking, place, row) for (place, row), _ in families[: max(k, retriever.reads)]]
    elsewhere, unseen = retriever.missed(query, hits[0].row)
    absent = tuple(name.written for name in unseen)
    near = [float(ranking.scores[place]) for (place, _), _ in families[:11] if place < ALIGNED]
    signals = _signals(retriever, query, _told(elsewhere, unseen), hits[0], near[1:])
    wordless = not holds_word(query)
    confidence = 0.0 if wordless else retriever.calibration.confidence(signals)
    reason = ""
    if wordless and confidence < (retriever.calibration.threshold if min_confidence is None else min_confidence):
        reason = NO_WORD
    elif min_confidence is None and confidence < retriever.calibration.threshold:
        missing = f"; none mentions {', '.join(absent)}" if absent else ""
        reason = f"no passage is close enough to the question{missing}"
    elif min_confidence is not None and confidence < min_confidence:
        reason = f"the confidence is below {min_confidence:g}"
    best, copies = hits[0].score, [also for _, also in families]
    if retriever.reranker is not None:
        judged = retriever.reranker.scores(question, [f"{hit.passage.question}\n{hit.passage.answer}" for hit in hits])
        order = sorted(range(len(hits)), key=lambda n: (-float(judged[n]), n))
        hits = [replace(hits[n], reranked=float(judged[n])) for n in order]
        copies = [copies[n] for n in order]
    shown = hits[:k]
    index = retriever.index
    spans = index.sentences.nearest(
        retriever.encoder, index.pieces, query.vector, [hit.row for hit in shown], [hit.passage.answer for hit in shown]
    )
    choices, share = [], 1.0
    for hit, marked, also in zip(shown, spans, copies, strict=False):
        share = min(share, max(0.0, hit.score) / best if best > 0 else 0.0)
        choices.append(Choice(hit, confidence * share, marked, tuple(map(retriever.index.passage, also))))
    return Answer(query, bool(reason), reason, confidence, tuple(choices), signals, absent, wordless)


def holds_word(query: Query) -> bool:
    """Whether a question holds a word to look for: a name, a term that is no stop word and no single small letter (C and R are subjects, x and k are
    not), a letter of another script, and of stop words those that are named as such (what does `in` do, what is CAN, this 和 that).
    """
    if query.names or any(not isinstance(slot, str) or len(slot) > 1 for slot in query.slots):
        return True
    plain = unicodedata.normalize("NFKC", query.text)
    if any(str(slot).upper() in plain for slot in query.slots):
        return True
    letters = [char for char in plain if char.isalpha()]
    if any(not char.isascii() and not _HAN.match(char) for char in letters) or _AS_SUCH.search(plain):
        return True
    return bool(_HAN.search(plain)) and bool(re.search(r"[A-Za-z]{2}", plain))


def _told(elsewhere: list[Name], absent: list[Name]) -> float:
    """How much it tells against the first answer that it lacks these names of the question, which other passages have or none."""
    return sum(name.telling for name in absent) + ELSEWHERE * sum(name.telling for name in elsewhere)


def _signals(retriever: Retriever, query: Query, absent: float, first: Hit, rest: list[float]) -> Signals:
    """What the confidence is made of, given how much the absent names tell, the best answer by score and the scores of the next ten. A reranker changes none of it."""
    return Signals(
        score=first.score,
        margin=first.score - rest[0] if rest else 0.0,
        lead=first.score - sum(rest) / len(rest) if rest else 0.0,
        length=query.length,
        level=retriever.index.level,
        absent=absent,
        gap=first.gap,
        told=len(first.passage.answer),
    )


def _whole_or_part(retriever: Retriever, ranking: Ranking) -> list[tuple[int, int]]:
    """(place in the ranking, row to show), best first: the row of the whole in place of a part's where the query asks what the whole answers.

    That is so when the query is nearer to the question of the whole than to the same question with the title of the part (no constant: asking for 0.1 more or
    0.05 less moves one development question of 135), and when all it names is a subject that the title of the part does not.
    """
    rows = ranking.rows.tolist()
    places = {row: place for place, row in enumerate(rows)}
    cosines = ranking.parts[:, 0].tolist()
    chosen = []
    for place, row in enumerate(rows):
        whole = int(retriever.index.families[row])
        if whole != row:
            nearer = whole in places and cosines[places[whole]] > cosines[place]
            if nearer or not ranking.titled[place]:
                row = whole
        chosen.append((place, row))
    return chosen


def _families(retriever: Retriever, chosen: list[tuple[int, int]]) -> list[tuple[tuple[int, int], list[int]]]:
    """The best of each family of parent and parts, with the rows of other families that say the same."""
    index = retriever.index
    kept: list[tuple[tuple[int, int], list[int]]] = []
    by_copy: dict[int, list[int]] = {}
    seen: set[int] = set()
    for place, row in chosen:
        family, copy = int(index.families[row]), int(index.copies[row])
        if family in seen:
            continue
        seen.add(family)
        if copy in by_copy:
            by_copy[copy].append(row)
        else:
            also: list[int] = []
            by_copy[copy] = also
            kept.append(((place, row), also))
    return kept
