"""Find source files and decode them, once: everything after this works on `str`."""

import codecs
import fnmatch
import hashlib
import os
import re
import stat
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from retriever.documents import Block, Source
from retriever.errors import InputError, SourceError
from retriever.readers.html import read_html
from retriever.readers.lines import read_lines

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

_BOMS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_META_CHARSET = re.compile(
    rb"<meta[^>]+charset\s*=\s*[\"']?\s*([A-Za-z0-9_.:-]+)|<\?xml[^>]+encoding\s*=\s*[\"']([A-Za-z0-9_.:-]+)",
    re.IGNORECASE,
)
# gb2312 and gbk pages use characters of their superset, Big5 pages those of the Hong Kong one; so browsers decode them.
_WIDER = {
    "gb2312": "gb18030",
    "gbk": "gb18030",
    "big5": "big5hkscs",
    "ascii": "utf-8",
    "iso8859-1": "cp1252",
    "latin-1": "cp1252",
}


MAX_BYTES = 20_000_000


@dataclass(frozen=True, slots=True)
class CorpusOptions:
    """Which files of a corpus are read.

    `include` and `exclude` are glob patterns matched against the name relative to the corpus root and against the file name;
    `max_bytes` is the largest file that is read, in bytes.
    """

    include: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()
    max_bytes: int = MAX_BYTES


def find_sources(
    roots: Iterable[Path], options: CorpusOptions = CorpusOptions(), *, prefixed: bool | None = None
) -> list[tuple[str, Path]]:
    """(name, path) of every readable file under `roots` (files or folders), sorted by name; hidden ones are skipped.

    Names are relative to their root, prefixed with the root's own name when there are several roots (or as `prefixed` says).
    A file reached from two roots is listed once.
    Raises InputError for a root that does not exist or holds no document.
    """
    roots = list(dict.fromkeys(Path(root) for root in roots))
    prefixed = len(roots) > 1 if prefixed is None else prefixed
    found: dict[str, Path] = {}
    seen: set[str] = set()
    for root in roots:
        if not os.path.exists(root):
            raise InputError(f"{root}: no such file or folder; check the path")
        if root.is_file():
            if root.suffix.lower() not in FORMATS:
                raise InputError(f"{root}: unknown kind of file; readable are {' '.join(sorted(FORMATS))}")
            pairs: Iterable[tuple[str, Path]] = [(root.name, root)]
        else:
            prefix = f"{root.resolve().name}/" if prefixed else ""
            pairs = [(prefix + name, path) for name, path in _walk(root) if _wanted(name, options)]
            if not pairs:
                raise InputError(
                    f"{root}: no document in this folder ({' '.join(sorted(FORMATS))}); check the path, --include and --exclude"
                )
        for name, path in pairs:
            real = os.path.realpath(path)
            if real not in seen:
                seen.add(real)
                found[name if name not in found else real.lstrip("/")] = path
    return sorted(found.items())


def _walk(root: Path) -> Iterator[tuple[str, Path]]:
    for folder, folders, files in os.walk(root):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in sorted(files):
            path = Path(folder) / name
            if not name.startswith(".") and path.suffix.lower() in FORMATS:
                yield path.relative_to(root).as_posix(), path


def _wanted(name: str, options: CorpusOptions) -> bool:
    def matches(patterns: tuple[str, ...]) -> bool:
        return any(fnmatch.fnmatch(name, p) or fnmatch.fnmatch(name.rsplit("/", 1)[-1], p) for p in patterns)

    return (not options.include or matches(options.include)) and not matches(options.exclude)


def load_source(name: str, path: Path, options: CorpusOptions = CorpusOptions()) -> Source:
    """Read and decode one file. Raises SourceError when it is unreadable, too large, binary or empty."""
    try:
        status = path.stat()
        if not stat.S_ISREG(status.st_mode):
            raise SourceError(f"{path}: not a regular file")
        size = status.st_size
        if size > options.max_bytes:
            raise SourceError(
                f"{path}: {size:,} bytes, over the limit of {options.max_bytes:,}; raise it with --max-bytes"
            )
        raw = path.read_bytes()
    except OSError as error:
        raise SourceError(f"{path}: cannot be read ({error.strerror}); check its permissions") from error
    format_ = FORMATS.get(path.suffix.lower(), "text")
    text, encoding = decode(raw, html=format_ == "html", where=str(path))
    if not text.strip("\ufeff \t\r\n"):
        raise SourceError(f"{path}: empty file")
    return Source(
        name, str(path.resolve()), text, hashlib.sha256(raw).hexdigest(), encoding, format_, text.count("\ufffd")
    )


def decode(raw: bytes, *, html: bool = False, where: str = "input") -> tuple[str, str]:
    """Text of `raw` and the encoding it was in: by BOM, by declaration (HTML), as UTF-8, else as the likeliest legacy one.

    Bytes that fit no encoding become U+FFFD. Raises SourceError for binary content.
    """
    for bom, encoding in _BOMS:
        if raw.startswith(bom):
            return raw.decode(encoding, "replace").lstrip("\ufeff"), encoding
    wide = _utf16_without_bom(raw)
    if wide:
        return raw.decode(wide, "replace"), wide
    if b"\0" in raw[:65536]:
        raise SourceError(f"{where}: binary content; only text, Markdown and HTML can be read")
    try:
        return raw.decode("utf-8"), "utf-8"
    except UnicodeDecodeError:
        pass
    if html:
        declared = _META_CHARSET.search(raw[:4096])
        if declared:
            name = (declared.group(1) or declared.group(2)).decode("ascii").lower()
            name = "utf-8" if name.startswith(("utf-16", "utf-32", "utf16", "utf32")) else name  # as HTML says
            try:
                name = codecs.lookup(_WIDER.get(name, name)).name
                text = raw.decode(_WIDER.get(name, name), "replace")
                if text.count("\ufffd") <= 0.01 * sum(not c.isascii() for c in text):
                    return text, name
            except (LookupError, UnicodeError):
                pass  # no such charset, or one that is none for text: go by the bytes
    encoding = _legacy(raw)
    return raw.decode(encoding, "replace"), encoding


def _utf16_without_bom(raw: bytes) -> str:
    """ "utf-16-le" or "utf-16-be" when every other byte of the beginning is mostly the high byte of ASCII or Han text."""
    head = raw[:4000]
    if len(head) < 8 or len(raw) % 2 or b"\0" not in head:
        return ""
    for encoding, low in (("utf-16-le", 0), ("utf-16-be", 1)):
        low_bytes, high_bytes = head[low::2], head[1 - low :: 2]
        ends = sum(a in b"\n\r " and b == 0 for a, b in zip(low_bytes, high_bytes, strict=False))
        text_like = sum(b == 0 or 0x4E <= b <= 0x9F or b in (0x30, 0xFF) for b in high_bytes)
        if ends and text_like > 0.9 * len(high_bytes) and low_bytes.count(0) < 0.1 * len(low_bytes):
            return encoding
    return ""


def _legacy(raw: bytes) -> str:
    """The likeliest encoding of text that is not UTF-8, chosen among the Chinese and Western ones and broken UTF-8."""
    wide = [c for c in raw.decode("utf-8", "replace") if not c.isascii()]
    if wide.count("\ufffd") < 0.2 * len(wide):
        return "utf-8"
    from charset_normalizer import from_bytes

    best = from_bytes(
        raw[:200_000], cp_isolation=["gb18030", "big5", "big5hkscs", "cp1252", "utf-16-le", "utf-16-be", "shift_jis"]
    ).best()
    candidates = (
        ["gb18030", "big5hkscs"] if best is None else [_WIDER.get(best.encoding, best.encoding), "gb18030", "big5hkscs"]
    )
    return max(dict.fromkeys(candidates), key=lambda name: _plausibility(raw[:200_000], name))


# The commonest characters of running Chinese text, simplified and traditional.
_COMMON = frozenset(
    "的一是不了在人有我他这中大来上个国和也子时到说们为用以要就出会可下得能对生自多可学法数据网络模型问题"
    "這個來時說們為會學對網絡問題數據"
)


def _plausibility(raw: bytes, encoding: str) -> float:
    """Share of very common characters minus that of undecodable and private-use ones."""
    text = raw.decode(encoding, "replace")
    wide = [c for c in text if ord(c) > 127]
    if not wide:
        return 0.0
    bad = sum(c == "\ufffd" or 0xE000 <= ord(c) <= 0xF8FF for c in wide)
    return (sum(c in _COMMON for c in wide) - 5 * bad) / len(wide)


def read_blocks(source: Source) -> tuple[str, list[Block]]:
    """Title and blocks of `source`, by the reader of its format."""
    title, blocks = READERS[source.format](source)
    return title or source.name, blocks
