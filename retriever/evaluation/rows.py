"""Text files read row by row, for files of questions: whatever cannot be used is an InputError with its place."""

import hashlib
import json
import re
from collections.abc import Hashable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

from retriever.decoding import decode
from retriever.errors import InputError, SourceError

_LONE_SURROGATE = re.compile("[\ud800-\udfff]")

_Key = TypeVar("_Key", bound=Hashable)


class Files:
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


def objects(path: Path, text: str) -> Iterator[tuple[int, dict[str, Any]]]:
    """(line number, object) of the lines of a JSONL file that are not blank."""
    for number, line in numbered(text):
        try:
            row = json.loads(line)
        except (ValueError, RecursionError) as error:
            where = f" ({error.msg}, column {error.colno})" if isinstance(error, json.JSONDecodeError) else ""
            raise InputError(f"{path}:{number}: not valid JSON{where}; write one JSON object a line") from error
        if not isinstance(row, dict):
            raise InputError(f"{path}:{number}: not a JSON object; write one JSON object a line")
        yield number, row


def numbered(text: str) -> Iterator[tuple[int, str]]:
    """Numbered lines that are not blank."""
    return ((number, line) for number, line in enumerate(text.split("\n"), 1) if line.strip())


def _unified(text: str) -> str:
    return text.replace("\r\n", "\n").replace("\r", "\n")


@contextmanager
def at(place: str) -> Iterator[None]:
    """Puts the place before the message of an InputError."""
    try:
        yield
    except InputError as error:
        raise InputError(f"{place}: {error}") from error


def enter(seen: dict[_Key, int], key: _Key, number: int, what: str) -> None:
    """Note the line on which a key stands. Raises InputError when it stands on another already."""
    if key in seen:
        raise InputError(f"{what} stands on line {seen[key]} already; give it once")
    seen[key] = number


def identifier(row: dict[str, Any], name: str) -> str:
    """An id as text. Raises InputError unless it is text or a whole number."""
    value = row.get(name)
    return str(value) if type(value) is int else required_text(value, name)


def optional_text(row: dict[str, Any], name: str) -> str:
    """A text that may be missing, null or blank."""
    value = row.get(name)
    if value is None:
        return ""
    if not isinstance(value, str):
        raise InputError(f'"{name}" is not text; leave it out or write text')
    return whole(value, name)


def required_text(value: Any, name: str) -> str:
    if not isinstance(value, str) or not value.strip():
        raise InputError(f'"{name}" is missing, blank or not text; write "{name}": "…"')
    return whole(value, name)


def whole(text: str, name: str) -> str:
    """The text itself. Raises InputError for a lone surrogate, which no file can hold."""
    if _LONE_SURROGATE.search(text):
        raise InputError(f'"{name}" holds half a character (\\ud800 to \\udfff alone); write the character itself')
    return text


def shown(value: Any) -> str:
    """A JSON value for a message: short, on one line, what is nested left out."""
    if isinstance(value, dict):
        value = {key: part for key, part in value.items() if not isinstance(part, dict | list)}
    elif isinstance(value, list):
        return "[…]"
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= 160 else text[:159] + "…"
