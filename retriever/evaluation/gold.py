"""Questions with gold, read from our own JSONL, a BEIR folder or TREC topics with qrels, checked against the index."""

import hashlib
import json
import os
import re
from collections.abc import Container, Hashable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path, PurePath
from typing import TYPE_CHECKING, Any, TypeVar
from xml.sax.saxutils import unescape

from retriever.corpus import CorpusOptions, decode, load_source
from retriever.cues import language_of
from retriever.errors import InputError, SourceError
from retriever.evaluation.records import Gold, Question, QuestionSet

if TYPE_CHECKING:
    from retriever.indexing import Index

GRADES = (1, 2)
HIGHEST_RELEVANCE = 52  # the gain of nDCG, 2**relevance - 1, is exact in a double up to here
FORMS = '{"source": …, "start": …, "end": …}, {"passage": …} or {"source": …, "question": …}'
_PLACE = {"file", "source", "start", "end", "passage", "question"}

_LONE_SURROGATE = re.compile("[\ud800-\udfff]")
_WHOLE_NUMBER = re.compile(r"[+-]?[0-9]{1,9}")
_TOP = re.compile(r"<(/?)top>", re.IGNORECASE)
# A field ends at its closing tag, the next field or a line that begins with a tag; "<mask>" in a title ends nothing.
_FIELD = re.compile(
    r"<(num|title)>(.*?)(?=</(?:num|title)>|<(?:head|num|dom|title|desc|smry|narr|con|fac|nat|def)>|\n\s*<|\Z)",
    re.IGNORECASE | re.DOTALL,
)
_FIELD_LABEL = re.compile(r"\A\s*(?:Number|Topic)\s*:", re.IGNORECASE)

_Key = TypeVar("_Key", bound=Hashable)


def read_questions(path: Path, index: "Index | None") -> QuestionSet:
    """Questions of a JSONL file: {"question", "gold"}, optionally "id" (default: the line number), "lang" and "kind".

    "gold" lists what answers, each entry in one of the FORMS and with a "grade" of GRADES (default 2); an empty list
    says that nothing does. "start" and "end" are 1-based inclusive lines, and "file" may stand for "source", which is
    compared by its last path part. With an index, gold that is not in it is an error; without one, no passage can be
    named by its question.

    Raises InputError with file and line for whatever cannot be used.
    """
    files, known = _Files(), _Known(index)
    questions: list[Question] = []
    seen: dict[str, int] = {}
    for number, row in _objects(path, files.text(path)):
        with _at(f"{path}:{number}"):
            question = _question(row, number, known)
            _enter(seen, question.id, number, f'id "{question.id}"')
        questions.append(question)
    if not questions:
        raise InputError(f'{path}: no question in it; write one a line: {{"question": "…", "gold": […]}}')
    return QuestionSet(tuple(questions), str(path), files.digest)


def read_beir(folder: Path, split: str = "test") -> tuple[list[tuple[str, str, str]], QuestionSet]:
    """Documents (id, title, text) and judged questions of a BEIR folder: corpus.jsonl, queries.jsonl, qrels/SPLIT.tsv.

    Layout: Thakur et al. (2021), "BEIR". A query counts when a document is judged for it, with 0 at least; its gold are
    the documents of a score above 0, graded by the score. Raises InputError with file and line for whatever cannot be
    used.
    """
    corpus, queries, qrels = folder / "corpus.jsonl", folder / "queries.jsonl", folder / "qrels" / f"{split}.tsv"
    for path in (corpus, queries, qrels):
        if not os.path.exists(path):
            splits = ", ".join(sorted(other.stem for other in folder.glob("qrels/*.tsv")))
            raise InputError(
                f"{path}: no such file; a BEIR folder holds corpus.jsonl, queries.jsonl and qrels/SPLIT.tsv"
                + (f" (splits here: {splits})" if splits else "")
            )
    files = _Files()
    documents: list[tuple[str, str, str]] = []
    seen: dict[str, int] = {}
    for number, row in _objects(corpus, files.text(corpus)):
        with _at(f"{corpus}:{number}"):
            title, text = _label(row, "title"), row.get("text")
            if not isinstance(text, str):
                raise InputError('"text" is missing or not text; write {"_id": "…", "title": "…", "text": "…"}')
            documents.append((_identifier(row, "_id"), title, _whole(text, "text")))
            _enter(seen, documents[-1][0], number, f'document "{documents[-1][0]}"')
    if not documents:
        raise InputError(f"{corpus}: no document in it")
    texts: dict[str, str] = {}
    asked: dict[str, int] = {}
    for number, row in _objects(queries, files.text(queries)):
        with _at(f"{queries}:{number}"):
            id_ = _identifier(row, "_id")
            _enter(asked, id_, number, f'query "{id_}"')
            texts[id_] = _text(row.get("text"), "text")
    table = _Qrels(
        qrels, ("query-id", "corpus-id", "score"), "\t", seen, "corpus.jsonl; check that both files belong together"
    )
    lines = list(_lines(files.text(qrels)))
    if not lines or tuple(lines[0][1].strip().split("\t")) != table.columns:
        raise InputError(f"{qrels}:1: no header; the first line names the columns, a tab between two: {table.form}")
    gold = table.read(lines[1:], texts, "queries.jsonl")
    return documents, QuestionSet(_judged(texts, gold, qrels), str(folder), files.digest)


def read_trec(topics: Path, qrels: Path, index: "Index | None") -> QuestionSet:
    """Judged TREC topics: lines "id<TAB>question" or <top> entries with <num> and <title>; qrels "qid iter docid rel".

    Document ids are passage ids, checked when there is an index. A topic counts when a passage is judged for it, with 0
    at least; its gold are the passages of a relevance above 0, graded by it. Raises InputError with file and line for
    whatever cannot be used.
    """
    files = _Files()
    text = files.text(topics)
    texts: dict[str, str] = {}
    seen: dict[str, int] = {}
    for number, id_, title in _tagged(topics, text) if text.lstrip().startswith("<") else _tabbed(topics, text):
        with _at(f"{topics}:{number}"):
            if len(id_.split()) != 1:
                raise InputError(f"the id {_shown(id_)} is blank or holds white space; no line of qrels can name it")
            _enter(seen, id_, number, f'topic "{id_}"')
            texts[id_] = _text(title, "question")
    if not texts:
        raise InputError(f'{topics}: no question in it; write "id<TAB>question" lines or <top> entries')
    ids = None if index is None else _Known(index).passages
    home = "the index; list its passages with: retriever passages --json"
    table = _Qrels(qrels, ("qid", "iter", "docid", "rel"), None, ids, home)
    gold = table.read(list(_lines(files.text(qrels))), texts, str(topics))
    return QuestionSet(_judged(texts, gold, qrels), f"{topics}, {qrels}", files.digest)


class _Files:
    """Reads text files; `digest` is the SHA-256 of the bytes of all of them, in the order read."""

    def __init__(self) -> None:
        self._hash = hashlib.sha256()

    @property
    def digest(self) -> str:
        return self._hash.hexdigest()

    def text(self, path: Path) -> str:
        """The decoded file with every line end as one line feed."""
        try:
            raw = path.read_bytes()
        except OSError as error:
            raise InputError(f"{path}: cannot be read ({error.strerror}); check path and permissions") from error
        self._hash.update(raw)
        try:
            text, encoding = decode(raw, where=str(path))
        except SourceError as error:
            raise InputError(f"{path}: binary content, not text; give a text file in UTF-8") from error
        if "\ufffd" in text:
            try:
                raw.decode(encoding)
            except UnicodeDecodeError as error:
                line = _unified(error.object[: error.start].decode(encoding, "replace")).count("\n") + 1
                raise InputError(f"{path}:{line}: bytes that are no {encoding}; save the file as UTF-8") from error
        return _unified(text)


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

    @property
    def passages(self) -> set[str]:
        return self._passages[0]

    def check_passage(self, id_: str) -> None:
        if self.index is not None and id_ not in self.passages:
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
                raise InputError(f"{path} is gone since it was indexed; refresh with: retriever index")
            source = load_source(name, Path(path), CorpusOptions(max_bytes=1 << 62))
            self._lengths[name] = len(source.line_starts)
        return self._lengths[name]


@dataclass(frozen=True, slots=True)
class _Qrels:
    """A table of judgements: the query in its first column, the document and its relevance in the last two.

    `documents` are those that may be judged (None: any), `home` says where they stand.
    """

    path: Path
    columns: tuple[str, ...]
    separator: str | None
    documents: Container[str] | None
    home: str

    @property
    def form(self) -> str:
        return " ".join(self.columns)

    def read(self, lines: list[tuple[int, str]], queries: Container[str], asked: str) -> dict[str, list[Gold]]:
        """Gold by query, of queries with a judgement of 0 or more; `asked` says where the queries stand."""
        gold: dict[str, list[Gold]] = {}
        seen: dict[tuple[str, str], int] = {}
        for number, line in lines:
            with _at(f"{self.path}:{number}"):
                fields = line.split(self.separator)
                if len(fields) != len(self.columns):
                    raise InputError(f"{len(fields)} columns instead of {len(self.columns)}; write: {self.form}")
                query, document, relevance = fields[0], fields[-2], self._relevance(fields[-1])
                if query not in queries:
                    raise InputError(f'query "{query}" is not in {asked}; check that both files belong together')
                if self.documents is not None and document not in self.documents:
                    raise InputError(f'document "{document}" is not in {self.home}')
                _enter(seen, (query, document), number, f'document "{document}" for query "{query}"')
            if relevance >= 0:
                gold.setdefault(query, [])
            if relevance > 0:
                gold[query].append(Gold(relevance, passage=document))
        return gold

    def _relevance(self, text: str) -> int:
        text = text.strip()
        if not _WHOLE_NUMBER.fullmatch(text) or int(text) > HIGHEST_RELEVANCE:
            raise InputError(
                f"{self.columns[-1]} {_shown(text)} is no whole number up to {HIGHEST_RELEVANCE}; write: {self.form}"
            )
        return int(text)


def _judged(texts: dict[str, str], gold: dict[str, list[Gold]], qrels: Path) -> tuple[Question, ...]:
    """The questions that are judged, in the order of `texts`."""
    if not gold:
        raise InputError(f"{qrels}: no question left, for none is judged in it; check that it is the right file")
    return tuple(
        Question(id_, text, language_of(text), "", tuple(gold[id_])) for id_, text in texts.items() if id_ in gold
    )


def _question(row: dict[str, Any], number: int, known: _Known) -> Question:
    text = _text(row.get("question"), "question")
    entries = row.get("gold")
    if not isinstance(entries, list):
        raise InputError('"gold" is missing or no list; write "gold": [] for a question that nothing answers')
    gold = []
    for n, entry in enumerate(entries, 1):
        with _at(f"gold entry {n}, {_shown(entry)}"):
            gold.append(_gold(entry, known))
    id_ = str(number) if row.get("id") is None else _identifier(row, "id")
    return Question(id_, text, _label(row, "lang").strip() or language_of(text), _label(row, "kind"), tuple(gold))


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


def _tabbed(path: Path, text: str) -> Iterator[tuple[int, str, str]]:
    """(line number, id, question) of topics written one a line."""
    for number, line in _lines(text):
        fields = line.split("\t")
        if len(fields) != 2:
            raise InputError(f"{path}:{number}: {len(fields)} columns instead of 2; write: id<TAB>question")
        yield number, fields[0].strip(), fields[1].strip()


def _tagged(path: Path, text: str) -> Iterator[tuple[int, str, str]]:
    """(line number, id, title) of topics in <top> entries."""
    start = None
    for tag in _TOP.finditer(text):
        number = text.count("\n", 0, tag.start()) + 1
        if (start is None) == bool(tag.group(1)):
            raise InputError(f"{path}:{number}: {tag.group(0)} out of place; every <top> needs its </top>")
        if start is None:
            start = tag
            continue
        number = text.count("\n", 0, start.start()) + 1
        fields = [(f.group(1).lower(), f.group(2)) for f in _FIELD.finditer(text, start.end(), tag.start())]
        if sorted(name for name, _ in fields) != ["num", "title"]:
            raise InputError(f"{path}:{number}: this <top> does not have one <num> and one <title>")
        found = {name: " ".join(_FIELD_LABEL.sub("", body).split()) for name, body in fields}
        yield number, found["num"], unescape(found["title"], {"&quot;": '"', "&apos;": "'"})
        start = None
    if start is not None:
        raise InputError(f"{path}:{text.count(chr(10), 0, start.start()) + 1}: this <top> has no </top>")


def _objects(path: Path, text: str) -> Iterator[tuple[int, dict[str, Any]]]:
    """(line number, object) of the lines of a JSONL file that are not blank."""
    for number, line in _lines(text):
        try:
            row = json.loads(line)
        except (ValueError, RecursionError) as error:
            where = f" ({error.msg}, column {error.colno})" if isinstance(error, json.JSONDecodeError) else ""
            raise InputError(f"{path}:{number}: not valid JSON{where}; write one JSON object a line") from error
        if not isinstance(row, dict):
            raise InputError(f"{path}:{number}: not a JSON object; write one JSON object a line")
        yield number, row


def _lines(text: str) -> Iterator[tuple[int, str]]:
    """Numbered lines that are not blank."""
    return ((number, line) for number, line in enumerate(text.split("\n"), 1) if line.strip())


def _unified(text: str) -> str:
    return text.replace("\r\n", "\n").replace("\r", "\n")


@contextmanager
def _at(place: str) -> Iterator[None]:
    """Puts the place before the message of an InputError."""
    try:
        yield
    except InputError as error:
        raise InputError(f"{place}: {error}") from error


def _enter(seen: dict[_Key, int], key: _Key, number: int, what: str) -> None:
    """Note the line on which a key stands. Raises InputError when it stands on another already."""
    if key in seen:
        raise InputError(f"{what} stands on line {seen[key]} already; give it once")
    seen[key] = number


def _identifier(row: dict[str, Any], name: str) -> str:
    """An id as text. Raises InputError unless it is text or a whole number."""
    value = row.get(name)
    return str(value) if type(value) is int else _text(value, name)


def _label(row: dict[str, Any], name: str) -> str:
    """A text that may be missing, null or blank."""
    value = row.get(name)
    if value is None:
        return ""
    if not isinstance(value, str):
        raise InputError(f'"{name}" is not text; leave it out or write text')
    return _whole(value, name)


def _text(value: Any, name: str) -> str:
    if not isinstance(value, str) or not value.strip():
        raise InputError(f'"{name}" is missing, blank or not text; write "{name}": "…"')
    return _whole(value, name)


def _whole(text: str, name: str) -> str:
    """The text itself. Raises InputError for a lone surrogate, which no file can hold."""
    if _LONE_SURROGATE.search(text):
        raise InputError(f'"{name}" holds half a character (\\ud800 to \\udfff alone); write the character itself')
    return text


def _shown(value: Any) -> str:
    """A JSON value for a message: short, on one line, what is nested left out."""
    if isinstance(value, dict):
        value = {key: part for key, part in value.items() if not isinstance(part, dict | list)}
    elif isinstance(value, list):
        return "[…]"
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= 160 else text[:159] + "…"
