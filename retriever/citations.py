"""Where an answer stands: citations as programs, people and editors get them, and read back."""

import hashlib
import os
import re
from pathlib import Path, PurePath
from typing import Any

from retriever.documents import Passage
from retriever.errors import InputError
from retriever.terminal import clean_text


class Places:
    """Where the sources of an index lie: turns a source name into a path that opens from the current folder."""

    def __init__(self, sources: list[dict[str, Any]]) -> None:
        self._paths: dict[str, str] = {row["name"]: row["path"] for row in sources}
        self._digests: dict[str, str] = {row["name"]: row.get("sha256", "") for row in sources}

    def state(self, name: str) -> str:
        """ "is gone" or "has changed" when the file of a source is no longer what was indexed, else ""."""
        try:
            with open(self._paths[name], "rb") as file:
                same = hashlib.file_digest(file, "sha256").hexdigest() == self._digests[name]
        except (OSError, KeyError):
            return "is gone"
        return "" if same else "has changed"

    def path(self, name: str) -> str:
        """The path of a source: relative when it lies below the current folder, else absolute; its name when unknown."""
        path = self._paths.get(name, name)
        try:
            return os.fspath(Path(path).relative_to(Path.cwd()))
        except ValueError:
            return path


def citation(passage: Passage, places: Places) -> dict[str, Any]:
    return {
        "source": places.path(passage.source),
        "start_line": passage.answer_lines[0],
        "end_line": passage.answer_lines[1],
        "start_char": passage.start_char,
        "end_char": passage.end_char,
        "title": passage.title,
        "heading_path": list(passage.heading_path),
    }


def shown_name(path: str) -> str:
    """A path for people: without line ends and control characters."""
    return clean_text(path.replace("\n", " ").replace("\t", " "))


def place(passage: Passage, places: Places) -> str:
    """`file:line-line`, the form editors jump to."""
    start, end = passage.answer_lines
    return f"{shown_name(places.path(passage.source))}:{start}" + (f"-{end}" if end > start else "")


def read_place(text: str) -> tuple[str, int, int]:
    """(source, first line, last line) of `SOURCE:12-18` or `SOURCE:12`. Raises InputError for anything else."""
    match = re.fullmatch(r"(.+):(\d+)(?:-(\d+))?", text)
    if not match:
        raise InputError(f"{text}: not a citation; write SOURCE:12-18 as answers show it")
    first, last = int(match.group(2)), int(match.group(3) or match.group(2))
    if not 1 <= first <= last:
        raise InputError(f"{text}: the lines must go up and start at 1")
    return match.group(1), first, last


def find_source(name: str, sources: list[dict[str, Any]]) -> dict[str, Any] | None:
    """The source of an index that a citation names: the file that lies there seen from the current folder; where none does, the source of that
    name or path, or the only one whose path ends so, as it does for a citation that was given in another folder. None for any other file.

    Raises InputError where several paths end so.
    """
    if os.path.isfile(name):
        here = os.path.realpath(name)
        return next((row for row in sources if row["path"] == here), None)
    parts = PurePath(name).parts
    found = [row for row in sources if name in (row["name"], row["path"])] or [
        row for row in sources if parts and PurePath(row["path"]).parts[-len(parts) :] == parts
    ]
    if len(found) > 1:
        paths = ", ".join(shown_name(row["path"]) for row in found[:3]) + (", …" if len(found) > 3 else "")
        raise InputError(f"{name}: {len(found)} sources are called so; give the path of one: {paths}")
    return found[0] if found else None
