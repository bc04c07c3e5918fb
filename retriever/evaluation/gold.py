"""Questions with gold, read from our own JSONL and checked against the index."""

import os
from functools import cached_property
from pathlib import Path, PurePath
from typing import TYPE_CHECKING, Any

from retriever.corpus import CorpusOptions, load_source
from retriever.cues import language_of
from retriever.errors import InputError, refresh_hint
from retriever.evaluation.records import Gold, Question, QuestionSet
from retriever.evaluation.rows import Files, at, enter, identifier, objects, optional_text, required_text, shown

if TYPE_CHECKING:
    from retriever.indexing import Index

GRADES = (1, 2)
FORMS = '{"source": …, "start": …, "end": …}, {"passage": …} or {"source": …, "question": …}'
_PLACE = {"file", "source", "start", "end", "passage", "question"}


def read_questions(path: Path, index: "Index | None") -> QuestionSet:
    """Questions of a JSONL file: {"question", "gold"}, optionally "id" (default: the line number), "lang" and "kind".

    "gold" lists what answers, each entry in one of the FORMS and with a "grade" of GRADES (default 2); an empty list
    says that nothing does. "start" and "end" are 1-based inclusive lines, and "file" may stand for "source", which is
    compared by its last path part. With an index, gold that is not in it is an error; without one, no passage can be
    named by its question.

    Raises InputError with file and line for whatever cannot be used.
    """
    files, known = Files(), _Known(index)
    questions: list[Question] = []
    seen: dict[str, int] = {}
    for number, row in objects(path, files.text(path)):
        with at(f"{path}:{number}"):
            question = _question(row, number, known)
            enter(seen, question.id, number, f'id "{question.id}"')
        questions.append(question)
    if not questions:
        raise InputError(f'{path}: no question in it; write one a line: {{"question": "…", "gold": […]}}')
    return QuestionSet(tuple(questions), str(path), files.digest)


class _Known:
    """What gold may name: the sources and passages of an index, read when first asked for; without one, anything."""

    def __init__(self, index: "Index | None") -> None:
        self.index = index
        self._lengths: dict[str, int] = {}

    @cached_property
    def _sources(self) -> dict[str, list[dict[str, Any]]]:
        """Rows of the index by the last part of their name."""
        found: dict[str, list[dict[str, Any]]] = {}
        for row in self.index.sources() if self.index is not None else ():
            found.setdefault(PurePath(row["name"]).name, []).append(row)
        return found

    @cached_property
    def _passages(self) -> tuple[set[str], dict[tuple[str, str], list[str]]]:
        """Ids of all passages, and those of whole answers by source name and question."""
        ids: set[str] = set()
        asked: dict[tuple[str, str], list[str]] = {}
        for passage in [] if self.index is None else map(self.index.passage, range(len(self.index))):
            ids.add(passage.id)
            if passage.parent is None:
                asked.setdefault((passage.source, passage.question), []).append(passage.id)
        return ids, asked

    def check_passage(self, id_: str) -> None:
        if self.index is not None and id_ not in self._passages[0]:
            raise InputError("no such passage in the index; list them with: retriever passages --json")

    def check_lines(self, source: str, end: int) -> None:
        if self.index is not None:
            length = max(self._length(row) for row in self._rows(source))
            if end > length:
                raise InputError(f"line {end} is beyond the end of {source}, which has {length} lines")

    def asked(self, source: str, question: str) -> str:
        """Id of the whole answer to a question of a source."""
        if self.index is None:
            raise InputError("a passage can be named by its question only with an index; name it by lines")
        found = [id_ for row in self._rows(source) for id_ in self._passages[1].get((row["name"], question), ())]
        if not found:
            raise InputError(f"{source} has no answer to exactly this question; list them with: retriever passages")
        if len(found) > 1:
            raise InputError(f'answered {len(found)} times; name one of them: "passage": "{" or ".join(found)}"')
        return found[0]

    def _rows(self, source: str) -> list[dict[str, Any]]:
        """Sources of this name or path, or else of the same last part."""
        rows = self._sources.get(PurePath(source).name)
        if not rows:
            raise InputError(f'no source "{PurePath(source).name}" in the index; list them with: retriever status')
        return [row for row in rows if source in (row["name"], row["path"])] or rows

    def _length(self, row: dict[str, Any]) -> int:
        """Number of lines of a source."""
        name, path = row["name"], row["path"]
        if name not in self._lengths:
            if not os.path.isfile(path):
                hint = refresh_hint(self.index.directory) if self.index is not None else "index it again"
                raise InputError(f"{path} is gone since it was indexed; {hint}")
            source = load_source(name, Path(path), CorpusOptions(max_bytes=1 << 62))
            self._lengths[name] = len(source.line_starts)
        return self._lengths[name]


def _question(row: dict[str, Any], number: int, known: _Known) -> Question:
    text = required_text(row.get("question"), "question")
    entries = row.get("gold")
    if not isinstance(entries, list):
        raise InputError('"gold" is missing or no list; write "gold": [] for a question that nothing answers')
    gold = []
    for n, entry in enumerate(entries, 1):
        with at(f"gold entry {n}, {shown(entry)}"):
            gold.append(_gold(entry, known))
    id_ = str(number) if row.get("id") is None else identifier(row, "id")
    lang = optional_text(row, "lang").strip() or language_of(text)
    return Question(id_, text, lang, optional_text(row, "kind"), tuple(gold))


def _gold(entry: Any, known: _Known) -> Gold:
    if not isinstance(entry, dict):
        raise InputError(f"not a JSON object; write {FORMS}")
    grade = entry.get("grade", GRADES[-1])
    if type(grade) is not int or grade not in GRADES:
        raise InputError(f"the grade is neither {' nor '.join(map(str, GRADES))}; 2 answers fully, 1 partly")
    given = {name for name in _PLACE if entry.get(name) is not None}
    if {"file", "source"} <= given:
        raise InputError('both "file" and "source"; give one of them')
    source: Any = entry.get("file" if "file" in given else "source")
    form = frozenset("source" if name == "file" else name for name in given)
    if "source" in form and (not isinstance(source, str) or not PurePath(source).name):
        raise InputError("the source is not the name of a file")
    if form == {"source", "start", "end"}:
        return _span(source, entry["start"], entry["end"], grade, known)
    if form == {"passage"}:
        passage = entry["passage"]
        if not isinstance(passage, str) or not passage.strip():
            raise InputError("the passage is not an id")
        known.check_passage(passage)
        return Gold(grade, passage=passage)
    if form == {"source", "question"}:
        if not isinstance(entry["question"], str):
            raise InputError("the question is not text")
        return Gold(grade, passage=known.asked(source, entry["question"]))
    raise InputError(f"not one place that answers; write {FORMS}")


def _span(source: str, start: Any, end: Any, grade: int, known: _Known) -> Gold:
    if type(start) is not int or type(end) is not int:
        raise InputError("start and end are not whole numbers; write the first and the last line")
    if start < 1:
        raise InputError(f"starts at line {start}; lines count from 1")
    if end < start:
        raise InputError(f"ends at line {end}, before it starts; write the first and the last line")
    known.check_lines(source, end)
    return Gold(grade, source, start, end)
