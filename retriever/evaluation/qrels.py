"""Judged questions of a BEIR folder or of TREC topics with qrels, checked against the documents or the index."""

import os
import re
from collections.abc import Container, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING
from xml.sax.saxutils import unescape

from retriever.cues import language_of
from retriever.errors import InputError
from retriever.evaluation.records import Gold, Question, QuestionSet
from retriever.evaluation.rows import (
    Files,
    at,
    enter,
    identifier,
    numbered,
    objects,
    optional_text,
    required_text,
    shown,
    whole,
)

if TYPE_CHECKING:
    from retriever.indexing import Index

HIGHEST_RELEVANCE = 52  # the gain of nDCG, 2**relevance - 1, is exact in a double up to here

_WHOLE_NUMBER = re.compile(r"[+-]?[0-9]{1,9}")
_TOP = re.compile(r"<(/?)top>", re.IGNORECASE)
# A field ends at its closing tag, the next field or a line that begins with a tag; "<mask>" in a title ends nothing.
_FIELD = re.compile(
    r"<(num|title)>(.*?)(?=</(?:num|title)>|<(?:head|num|dom|title|desc|smry|narr|con|fac|nat|def)>|\n\s*<|\Z)",
    re.IGNORECASE | re.DOTALL,
)
_FIELD_LABEL = re.compile(r"\A\s*(?:Number|Topic)\s*:", re.IGNORECASE)


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
    files = Files()
    documents: list[tuple[str, str, str]] = []
    seen: dict[str, int] = {}
    for number, row in objects(corpus, files.text(corpus)):
        with at(f"{corpus}:{number}"):
            title, text = optional_text(row, "title"), row.get("text")
            if not isinstance(text, str):
                raise InputError('"text" is missing or not text; write {"_id": "…", "title": "…", "text": "…"}')
            documents.append((identifier(row, "_id"), title, whole(text, "text")))
            enter(seen, documents[-1][0], number, f'document "{documents[-1][0]}"')
    if not documents:
        raise InputError(f"{corpus}: no document in it")
    texts: dict[str, str] = {}
    asked: dict[str, int] = {}
    for number, row in objects(queries, files.text(queries)):
        with at(f"{queries}:{number}"):
            id_ = identifier(row, "_id")
            enter(asked, id_, number, f'query "{id_}"')
            texts[id_] = required_text(row.get("text"), "text")
    table = _Qrels(
        qrels, ("query-id", "corpus-id", "score"), "\t", seen, "corpus.jsonl; check that both files belong together"
    )
    lines = list(numbered(files.text(qrels)))
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
    files = Files()
    text = files.text(topics)
    texts: dict[str, str] = {}
    seen: dict[str, int] = {}
    for number, id_, title in _tagged(topics, text) if text.lstrip().startswith("<") else _tabbed(topics, text):
        with at(f"{topics}:{number}"):
            if len(id_.split()) != 1:
                raise InputError(f"the id {shown(id_)} is blank or holds white space; no line of qrels can name it")
            enter(seen, id_, number, f'topic "{id_}"')
            texts[id_] = required_text(title, "question")
    if not texts:
        raise InputError(f'{topics}: no question in it; write "id<TAB>question" lines or <top> entries')
    ids = None if index is None else {index.passage(row).id for row in range(len(index))}
    home = "the index; list its passages with: retriever passages --json"
    table = _Qrels(qrels, ("qid", "iter", "docid", "rel"), None, ids, home)
    gold = table.read(list(numbered(files.text(qrels))), texts, str(topics))
    return QuestionSet(_judged(texts, gold, qrels), f"{topics}, {qrels}", files.digest)


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
            with at(f"{self.path}:{number}"):
                fields = line.split(self.separator)
                if len(fields) != len(self.columns):
                    raise InputError(f"{len(fields)} columns instead of {len(self.columns)}; write: {self.form}")
                query, document, relevance = fields[0], fields[-2], self._relevance(fields[-1])
                if query not in queries:
                    raise InputError(f'query "{query}" is not in {asked}; check that both files belong together')
                if self.documents is not None and document not in self.documents:
                    raise InputError(f'document "{document}" is not in {self.home}')
                enter(seen, (query, document), number, f'document "{document}" for query "{query}"')
            if relevance >= 0:
                gold.setdefault(query, [])
            if relevance > 0:
                gold[query].append(Gold(relevance, passage=document))
        return gold

    def _relevance(self, text: str) -> int:
        text = text.strip()
        if not _WHOLE_NUMBER.fullmatch(text) or int(text) > HIGHEST_RELEVANCE:
            raise InputError(
                f"{self.columns[-1]} {shown(text)} is no whole number up to {HIGHEST_RELEVANCE}; write: {self.form}"
            )
        return int(text)


def _judged(texts: dict[str, str], gold: dict[str, list[Gold]], qrels: Path) -> tuple[Question, ...]:
    """The questions that are judged, in the order of `texts`."""
    if not gold:
        raise InputError(f"{qrels}: no question left, for none is judged in it; check that it is the right file")
    return tuple(
        Question(id_, text, language_of(text), "", tuple(gold[id_])) for id_, text in texts.items() if id_ in gold
    )


def _tabbed(path: Path, text: str) -> Iterator[tuple[int, str, str]]:
    """(line number, id, question) of topics written one a line."""
    for number, line in numbered(text):
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
