"""Runs in the format of TREC: what was retrieved, one document a line, for trec_eval and its kin."""

import io
import math
import re
from collections.abc import Callable, Collection, Iterable, Mapping
from pathlib import Path

from retriever.errors import InputError
from retriever.evaluation.records import Answered, Question, Response

LARGEST = 1e30  # scores stay well inside single precision
# Fields are separated by white space, rows by line ends; a byte order mark would be lost at the start.
_BREAKS = r"[\s\x00-\x1f\x7f-\x9f\ufeff\ud800-\udfff]"
_ESCAPED = r"%[0-7][0-9A-F]|%[CD][0-9A-F]%[89AB][0-9A-F]|%E[0-9A-F](?:%[89AB][0-9A-F]){2}"


def write_run(
    path: Path, questions: Iterable[Question], responses: Mapping[str, Response], tag: str = "retriever"
) -> None:
    """Write the answers to `questions`, in their order, as lines "qid Q0 docid rank score tag" (UTF-8).

    A docid is the first passage id of an answer, else source:start-end; a document given twice for a question is written once.
    Characters that would break a row are percent-encoded. Scores are those of the answers in single precision, as trec_eval holds
    them, lowered just enough to descend strictly. Answers of refused questions are written too, failed responses are not.

    Raises InputError for an empty id or tag, a score that is no number below LARGEST, or a path that cannot be written.
    """
    lines = []
    tag = _encoded(tag)
    for question in questions:
        response = responses.get(question.id)
        if response is None or response.failed:
            continue
        name = _encoded(question.id)
        documents: dict[str, float] = {}
        for answer in response.answers:
            documents.setdefault(_document(answer), answer.score)
        for rank, (document, score) in enumerate(zip(documents, _descending(question, documents), strict=True), 1):
            lines.append(f"{name} Q0 {_encoded(document)} {rank} {score} {tag}\n")
    try:
        path.write_text("".join(lines), encoding="utf-8", newline="\n")
    except OSError as error:
        raise InputError(f"{path}: cannot be written ({error.strerror}); choose another path") from error


def read_run(
    path: Path, known: Collection[str] | None = None, is_document: Callable[[str], bool] = lambda _: True
) -> dict[str, list[tuple[str, float]]]:
    """(docid, score) of every document of each question of a run, best first, ties by docid descending, as trec_eval orders them.

    Only scores order the documents; the ranks written are not used. What write_run encoded is decoded.

    Raises InputError with file and line for a row that is malformed or names a document again, and for a question that is not
    among the ids of `known`, where these are given, or a docid that is not one by `is_document`.
    """
    from retriever.decoding import decode

    try:
        text, _ = decode(path.read_bytes(), where=str(path))
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror}); check the path") from error
    run: dict[str, dict[str, tuple[float, int]]] = {}
    for number, line in enumerate(io.StringIO(text, newline=None), 1):
        if not line.strip():
            continue
        question, document, score = _row(line, f"{path}:{number}")
        if known is not None and question not in known:
            raise InputError(
                f"{path}:{number}: question {question} is not among the questions; take the run of this question set"
            )
        if not is_document(document):
            raise InputError(
                f"{path}:{number}: {document} is no passage of the index; give runs of the index they were made with"
            )
        documents = run.setdefault(question, {})
        if document in documents:
            raise InputError(
                f"{path}:{number}: document {document} again for question {question} (first on line {documents[document][1]}); "
                "keep one of the rows"
            )
        documents[document] = (score, number)
    return {
        question: sorted(((d, score) for d, (score, _) in documents.items()), key=lambda e: (e[1], e[0]), reverse=True)
        for question, documents in run.items()
    }


def _row(line: str, where: str) -> tuple[str, str, float]:
    fields = line.split()
    try:
        question, _, document, rank, score, _ = fields
        int(rank)
        value = float(score)
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise InputError(
            f"{where}: not a row of a run: {line.strip()[:80]!r}; six fields are wanted, qid Q0 docid rank score tag, with "
            "numbers for rank and score"
        )
    return _decoded(question), _decoded(document), value


def _document(answer: Answered) -> str:
    return answer.passages[0] if answer.passages else f"{answer.source}:{answer.start}-{answer.end}"


def _descending(question: Question, documents: Mapping[str, float]) -> list[str]:
    """The scores as text, each below the one before it in single precision."""
    import numpy as np

    texts: list[str] = []
    last = np.float32(np.inf)
    for document, score in documents.items():
        if not abs(score) < LARGEST:
            raise InputError(f"question {question.id}: the score of {document} is {score}; answer the question again")
        last = min(np.float32(score), np.nextafter(last, np.float32(-np.inf)))
        texts.append(str(last))
    return texts


def _encoded(text: str) -> str:
    """`text` as one field of a row; `_decoded` gives it back."""
    if not text:
        raise InputError("a run cannot hold an empty question id, document id or tag; name it")
    return re.sub(f"{_ESCAPED}|{_BREAKS}", _encode, text)


def _encode(match: re.Match[str]) -> str:
    found = match[0]
    if len(found) == 1:
        return "".join(f"%{byte:02X}" for byte in found.encode("utf-8", "surrogatepass"))
    return found if _decode(match) == found else "%25" + found[1:]


def _decoded(field: str) -> str:
    return re.sub(_ESCAPED, _decode, field)


def _decode(match: re.Match[str]) -> str:
    """The character that an escape stands for where `_encoded` writes it so, else the escape as it is."""
    try:
        found = bytes.fromhex(match[0].replace("%", "")).decode("utf-8", "surrogatepass")
    except UnicodeDecodeError:
        return match[0]
    return found if found == "%" or re.fullmatch(_BREAKS, found) else match[0]
