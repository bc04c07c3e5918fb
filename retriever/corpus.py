"""Find source files and read them, once: everything after this works on `str`."""

import errno
import fnmatch
import hashlib
import os
import re
import stat
import sys
from collections import Counter, deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path, PurePath

from retriever.decoding import decode
from retriever.documents import Block, Source
from retriever.errors import InputError, SourceError
from retriever.readers.html import read_html
from retriever.readers.lines import read_lines

if sys.platform == "win32":
    from pathlib import WindowsPath as _SystemPath
else:
    from pathlib import PosixPath as _SystemPath

FORMATS = {
    ".txt": "text",
    ".text": "text",
    ".md": "markdown",
    ".markdown": "markdown",
    ".html": "html",
    ".htm": "html",
    ".xhtml": "html",
}
READERS: dict[str, Callable[[Source], tuple[str, list[Block]]]] = {
    "text": read_lines,
    "markdown": read_lines,
    "html": read_html,
}

MAX_BYTES = 20_000_000
# Lines, tags or attributes of HTML that a page may have: each costs up to two kilobytes while a page is read, however short it is
# (`benchmarks/hostile_documents.py`), so that a page takes some 100 times MAX_BYTES at most.
MAX_PARTS = 1_000_000
# Files by which the folder of an index is known, whole or in the making; what is its own in it is not told of as passed by.
INDEX_SIGNS = ("CURRENT", "BUILDER")


@dataclass(frozen=True, slots=True)
class CorpusOptions:
    """Which files of a corpus are read.

    `include` and `exclude` are glob patterns matched against the name relative to the corpus root and against the file name;
    `max_bytes` is the largest file that is read, in bytes; `follow_links` says that links are followed out of the folders of the
    corpus too.
    """

    include: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()
    max_bytes: int = MAX_BYTES
    follow_links: bool = False


class _Refused(_SystemPath):
    """An entry of a corpus folder that is not read; `load_source` tells why. Nothing behind it is looked at."""

    reason: str

    def stat(self, *, follow_symlinks: bool = True) -> os.stat_result:
        raise PermissionError(errno.EPERM, self.reason)


def find_sources(
    roots: Iterable[Path],
    options: CorpusOptions = CorpusOptions(),
    *,
    lenient: bool = False,
    passed_by: set[str] | None = None,
) -> list[tuple[str, Path]]:
    """(name, path) of every file under `roots` (files or folders), sorted by name; hidden ones are skipped.

    Names are relative to their root, prefixed with the root's own name when there are several roots.
    A file reached from two roots or by a link is listed once, by its own name where it has one. What is not read is listed too, for
    `load_source` to say why: folders that cannot be listed, links that lead nowhere, links out of all roots (unless
    `options.follow_links`). Into `passed_by` go the real paths of the files whose ending is that of no document.
    Raises InputError for a root that does not exist or holds no document; a `lenient` search passes it over.
    """
    roots = list(dict.fromkeys(Path(root) for root in roots))
    entries: list[_Entry] = []
    passed_by = set() if passed_by is None else passed_by
    tops = [os.path.realpath(root) for root in roots]
    for root, top in zip(roots, tops, strict=True):
        try:
            inside = _entries(root, top, tops, options, passed_by)
        except InputError:
            if not lenient:
                raise
            continue
        prefix = f"{os.path.basename(top)}/" if len(roots) > 1 and os.path.isdir(root) else ""
        entries.extend(replace(entry, name=prefix + entry.name) for entry in inside)
    found: dict[str, Path] = {}
    seen: set[str] = set()
    for entry in sorted(entries, key=lambda entry: entry.linked):
        if entry.real not in seen:
            seen.add(entry.real)
            found[entry.name if entry.name not in found else entry.real.lstrip("/")] = entry.path
    return sorted(found.items())


@dataclass(frozen=True, slots=True)
class _Entry:
    """A document under a root: its name, its path, where it really lies, and whether a link leads there."""

    name: str
    path: Path
    real: str
    linked: bool = False


def count_endings(paths: Iterable[str]) -> dict[str, int]:
    """How many of the files at `paths` have which ending, most first; "other" for what is none or an odd one."""
    endings = (os.path.splitext(path)[1].lower() for path in paths)
    counts = Counter(ending if re.fullmatch(r"\.\w{1,9}", ending) else "other" for ending in endings)
    return dict(sorted(counts.items(), key=lambda one: (-one[1], one[0])))


def _entries(root: Path, top: str, tops: list[str], options: CorpusOptions, passed_by: set[str]) -> list[_Entry]:
    """The documents at one of the roots, which really lies at `top` and the roots together at `tops`. Raises InputError when there is none."""
    if not os.path.exists(root):
        raise InputError(f"{shown(root)}: no such file or folder; check the path")
    if os.path.isfile(root):
        if not _is_document(root):
            raise InputError(f"{shown(root)}: unknown kind of file; readable are {' '.join(sorted(FORMATS))}")
        return [_Entry(root.name, root, top)]
    if not os.path.isdir(root):
        raise InputError(f"{shown(root)}: neither a file nor a folder")
    walked = _walk(root, None if options.follow_links else tops)
    found = []
    for entry in walked:
        if _wanted(entry.name, entry.path, options):
            if _is_document(entry.path) or isinstance(entry.path, _Refused):
                found.append(entry)
            else:
                passed_by.add(entry.real)
    if not found:
        raise InputError(
            f"{shown(root)}: no document in this folder ({' '.join(sorted(FORMATS))}); check the path, --include and --exclude"
        )
    return found


def _walk(root: Path, within: list[str] | None) -> Iterator[_Entry]:
    """The files in a folder, by names relative to `root`, those behind links last; nothing but documents of links, and of what lies in the
    folder of an index.

    No link is followed that leads out of all of `within`, and no folder is walked twice, so that links in a circle end.
    """
    index: set[str] = set()
    folders = [(root, os.path.realpath(root))]
    walked = {folders[0][1]}
    links: deque[Path] = deque()
    linked = False
    while folders or links:
        if not folders:
            linked = True
            path = links.popleft()
            name, real = path.relative_to(root).as_posix(), os.path.realpath(path)
            reason = _refusal(path, real, within)
            if reason:
                yield _Entry(name, _refuse(path, reason), os.path.abspath(path), True)
            elif os.path.isdir(path):
                if real not in walked:
                    folders.append((path, real))
                    walked.add(real)
            elif _is_document(path):
                yield _Entry(name, path, real, True)
            continue
        folder, place = folders.pop()
        prefix = "" if folder == root else folder.relative_to(root).as_posix() + "/"
        try:
            with os.scandir(folder) as listing:
                entries = sorted((entry for entry in listing if entry.name[0] != "."), key=lambda entry: entry.name)
        except OSError as error:
            yield _Entry(prefix, _refuse(folder, f"folder cannot be read ({error.strerror})"), place)
            continue
        inside = []
        if any(entry.name in INDEX_SIGNS for entry in entries):
            index.add(place)
        for entry in entries:
            path, real = folder / entry.name, os.path.join(place, entry.name)
            if _is(entry, os.DirEntry.is_symlink):
                links.append(path)
            elif not _is(entry, lambda entry: entry.is_dir(follow_symlinks=False)):
                if _is_document(path) or (place not in index and _is(entry, os.DirEntry.is_file)):
                    yield _Entry(prefix + entry.name, path, real, linked)
            elif real not in walked:
                inside.append((path, real))
                walked.add(real)
                if place in index:
                    index.add(real)
        folders.extend(reversed(inside))


def _is_document(path: Path) -> bool:
    return path.suffix.lower() in FORMATS


def _is(entry: os.DirEntry[str], what: Callable[[os.DirEntry[str]], bool]) -> bool:
    """What an entry is, False when it has gone meanwhile."""
    try:
        return what(entry)
    except OSError:
        return False


def _refusal(link: Path, target: str, within: list[str] | None) -> str:
    """Why a link is not followed, "" when it is. Links to what is no document are not worth a word."""
    document = _is_document(link)
    if not os.path.exists(link):
        return f"a link that leads nowhere ({shown(target)})" if document or not link.suffix else ""
    outside = within is not None and not any(PurePath(target).is_relative_to(top) for top in within)
    if outside and (document or os.path.isdir(link)):
        return f"a link out of the corpus, to {shown(target)}; follow such links with --follow-links"
    return ""


def _refuse(path: Path, reason: str) -> Path:
    refused = _Refused(path)
    refused.reason = reason
    return refused


def shown(path: str | os.PathLike[str]) -> str:
    """A path for messages, on one line: what a terminal does not print is written as an escape."""
    text = os.fspath(path)
    if text.isprintable():
        return text
    return "".join(
        char if char.isprintable() else os.fsencode(char).decode("ascii", "backslashreplace") if "\udc80" <= char <= "\udcff"
        else char.encode("unicode_escape").decode("ascii")
        for char in text
    )  # fmt: skip


def _wanted(name: str, path: Path, options: CorpusOptions) -> bool:
    """True for what the patterns let in. What is refused and has no suffix may hold anything, and is only kept out by name."""

    def matches(patterns: tuple[str, ...]) -> bool:
        return any(fnmatch.fnmatch(name, p) or fnmatch.fnmatch(name.rsplit("/", 1)[-1], p) for p in patterns)

    unknown = isinstance(path, _Refused) and not _is_document(path)
    return (not options.include or unknown or matches(options.include)) and not matches(options.exclude)


def load_source(name: str, path: Path, options: CorpusOptions = CorpusOptions()) -> Source:
    """Read and decode one file. Raises SourceError when it is unreadable, too large, binary or empty, or changes meanwhile."""
    if isinstance(path, _Refused):
        raise SourceError(f"{shown(path)}: {path.reason}")
    raw = _read(path, options.max_bytes)
    format_ = FORMATS.get(path.suffix.lower(), "text")
    text, encoding = decode(raw, html=format_ == "html", where=shown(path))
    if not text.strip("\ufeff \t\r\n"):
        raise SourceError(f"{shown(path)}: empty file")
    parts = count_parts(text, format_)
    if parts > MAX_PARTS:
        raise SourceError(
            f"{shown(path)}: {parts:,} lines, tags or attributes, over the limit of {MAX_PARTS:,}; divide the file"
        )
    return Source(
        name, os.path.realpath(path), text, hashlib.sha256(raw).hexdigest(), encoding, format_, text.count("\ufffd")
    )


def count_parts(text: str, format_: str) -> int:
    """How many lines `text` has, or tags or attributes where it is HTML, whichever are most."""
    return max(text.count(sign) for sign in ("\n\r<=" if format_ == "html" else "\n\r"))


# A file is opened in a way that waits for nobody: a pipe that took its place after it was looked at is found out, not waited for.
_OPEN = os.O_RDONLY
for _flag in ("O_NONBLOCK", "O_NOCTTY", "O_CLOEXEC", "O_BINARY"):
    _OPEN |= getattr(os, _flag, 0)


def _read(path: Path, max_bytes: int) -> bytes:
    """The bytes of a regular file of `max_bytes` at most."""
    try:
        _size(path, os.stat(path), max_bytes)
        descriptor = os.open(path, _OPEN)
        with open(descriptor, "rb") as file:
            size = _size(path, os.fstat(descriptor), max_bytes)
            raw = file.read(size + 1)
    except FileNotFoundError as error:
        raise SourceError(f"{shown(path)}: is gone") from error
    except OSError as error:
        raise SourceError(f"{shown(path)}: cannot be read ({error.strerror}); check its permissions") from error
    except ValueError as error:
        raise SourceError(f"{shown(path)}: cannot be read (no such name can be)") from error
    if len(raw) != size:
        raise SourceError(f"{shown(path)}: changed while it was read; try again")
    return raw


def _size(path: Path, status: os.stat_result, max_bytes: int) -> int:
    if not stat.S_ISREG(status.st_mode):
        raise SourceError(f"{shown(path)}: not a regular file")
    if status.st_size > max_bytes:
        raise SourceError(
            f"{shown(path)}: {status.st_size:,} bytes, over the limit of {max_bytes:,}; raise it with --max-bytes"
        )
    return status.st_size


def read_blocks(source: Source) -> tuple[str, list[Block]]:
    """Title and blocks of `source`, by the reader of its format."""
    title, blocks = READERS[source.format](source)
    return title or source.name, blocks
