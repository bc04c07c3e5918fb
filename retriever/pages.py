"""Pages of a corpus: files read, cleaned and split, and their citations checked; unchanged ones taken over from an earlier build."""

import hashlib
import json
import re
import stat
import time
from bisect import bisect_right
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from retriever.cleaning.page import clean
from retriever.cleaning.profile import PageLines, fit, page_lines
from retriever.corpus import CorpusOptions, find_sources, load_source, read_blocks, shown
from retriever.documents import Block, Document, Passage, Source, read_passage
from retriever.errors import InputError, SourceError
from retriever.reuse import BuildCache, code_digest, digest_of
from retriever.splitting.segments import cut_blocks
from retriever.splitting.split import Split, render, split

Progress = Callable[[str, int, int], None]


@dataclass(frozen=True, slots=True)
class Skipped:
    """A file of the corpus that was not read: its name and the reason; `path` is where it was looked for."""

    name: str
    reason: str
    path: str

    def __str__(self) -> str:
        return f"{self.path}: {self.reason}"


@dataclass
class BuildReport:
    """What a build read, dropped and kept, how many pages it took over from the one before; seconds by stage. `passed_by` are the files of
    the corpus that are no documents by their ending.
    """

    sources: int = 0
    skipped: list[Skipped] = field(default_factory=list)
    passed_by: set[str] = field(default_factory=set)
    replaced: list[str] = field(default_factory=list)
    drops: Counter[str] = field(default_factory=Counter)
    passages: int = 0
    parents: int = 0
    open_questions: int = 0
    unchanged: int = 0
    encoded: int = 0
    seconds: dict[str, float] = field(default_factory=dict)

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        started = time.perf_counter()
        yield
        self.seconds[name] = self.seconds.get(name, 0.0) + time.perf_counter() - started


@dataclass(frozen=True, slots=True)
class Page:
    """A source after cleaning and splitting."""

    document: Document
    split: Split


@dataclass(frozen=True, slots=True)
class Indexed:
    """What an index keeps of a page: its passages, the row that describes its source, and how often each rule dropped something."""

    passages: list[Passage]
    source: dict[str, Any]
    drops: dict[str, int]


def silent(stage: str, done: int, total: int) -> None:
    """No progress."""


def read_corpus(
    roots: list[Path],
    options: CorpusOptions = CorpusOptions(),
    report: BuildReport | None = None,
    progress: Progress = silent,
) -> list[Page]:
    """Pages of a corpus, in order of their names.

    A file that cannot be read is skipped and reported; InputError when none is left.
    """
    report = report if report is not None else BuildReport()
    read: list[tuple[Source, str, list[Block]]] = []
    found = find_sources(roots, options, passed_by=report.passed_by)
    for number, (name, path) in enumerate(found):
        progress("reading", number, len(found))
        with report.stage("read"):
            source = _load(name, path, options, report)
            if source is not None:
                read.append((source, *read_blocks(source)))
    if not read:
        raise InputError("no document could be read: " + "; ".join(map(str, report.skipped)))
    with report.stage("clean"):
        profile = fit(page_lines(source, blocks) for source, _, blocks in read)
    pages = []
    for number, (source, title, blocks) in enumerate(read):
        progress("cleaning and splitting", number, len(read))
        with report.stage("clean"):
            document = clean(source, title, blocks, profile)
        with report.stage("split"):
            pages.append(Page(document, split(document)))
    report.sources = len(pages)
    for page in pages:
        report.drops.update(drop.rule for drop in page.document.drops)
        report.open_questions += len(page.split.open_questions)
    return pages


def _load(name: str, path: Path, options: CorpusOptions, report: BuildReport) -> Source | None:
    """One source; None, with a line in the report, for a file that cannot be read."""
    try:
        source = load_source(name, path, options)
    except SourceError as error:
        where = shown(path)
        report.skipped.append(Skipped(name, str(error).removeprefix(f"{where}: "), where))
        return None
    if source.replaced:
        report.replaced.append(
            f"{path}: {source.replaced} characters could not be decoded as {source.encoding} and were replaced"
        )
    return source


def index_pages(
    roots: list[Path], options: CorpusOptions, cache: BuildCache, report: BuildReport, progress: Progress = silent
) -> tuple[list[Indexed], str]:
    """What an index keeps of every page of a corpus, in order of their names, and a digest of all that it was made of.

    A page is taken from `cache` when its file, the lines its site repeats, and the program are those it was made of; the
    others are read, cleaned, split and checked. InputError when no file can be read, or a page breaks the citation invariant.
    """
    found, code = find_sources(roots, options, passed_by=report.passed_by), code_digest()
    files: list[_File] = []
    for number, (name, path) in enumerate(found):
        progress("reading", number, len(found))
        with report.stage("read"):
            file = _read(name, path, options, cache, code, report)
            if file is not None:
                files.append(file)
    if not files:
        raise InputError("no document could be read: " + "; ".join(map(str, report.skipped)))
    with report.stage("clean"):
        profile = fit(file.lines for file in files)
    pages, keys = [], []
    for number, file in enumerate(files):
        progress("cleaning and splitting", number, len(files))
        repeated = profile.of(file.lines)
        keys.append(digest_of([file.key, *repeated]))
        raw = cache.get("page", keys[-1])
        if raw is not None:
            row = json.loads(raw.decode("utf-8", "surrogatepass"))
            pages.append(Indexed([read_passage(one) for one in row["passages"]], row["source"], row["drops"]))
            report.unchanged += 1
            continue
        source = file.source or load_source(file.name, file.path, options)
        # a file may have changed since it was looked at: what is made of it now is not what the key says
        keys[-1] = digest_of([_key(code, file.name, file.path, source.sha256), *repeated])
        title, blocks = read_blocks(source)
        with report.stage("clean"):
            document = clean(source, title, blocks, profile)
        with report.stage("split"):
            page = Page(document, split(document))
        with report.stage("check"):
            check_citations(page)
        pages.append(_indexed(page))
        cache.put("page", keys[-1], json.dumps(asdict(pages[-1]), ensure_ascii=False).encode("utf-8", "surrogatepass"))
    report.sources = len(pages)
    for indexed in pages:
        report.drops.update(indexed.drops)
        report.open_questions += len(indexed.source["open_questions"])
    return pages, digest_of([code, *keys])


@dataclass(frozen=True, slots=True)
class _File:
    """A file of the corpus: what the profile needs of it, and its text where it had to be read."""

    name: str
    path: Path
    key: str
    lines: PageLines
    source: Source | None


def _read(
    name: str, path: Path, options: CorpusOptions, cache: BuildCache, code: str, report: BuildReport
) -> _File | None:
    """A file by its content: decoded and read into blocks only when no earlier build has done so."""
    digest = _digest(path, options)
    raw = cache.get("lines", _key(code, name, path, digest)) if digest else None
    if raw is not None:
        site, every, countable, replaced = json.loads(raw)
        report.replaced.extend(replaced)
        return _File(
            name, path, _key(code, name, path, digest), PageLines(site, frozenset(every), frozenset(countable)), None
        )
    warned = len(report.replaced)
    source = _load(name, path, options, report)
    if source is None:
        return None
    lines = page_lines(source, read_blocks(source)[1])
    told = [lines.site, sorted(lines.every), sorted(lines.countable), report.replaced[warned:]]
    key = _key(code, name, path, source.sha256)
    cache.put("lines", key, json.dumps(told).encode())
    return _File(name, path, key, lines, source)


def _key(code: str, name: str, path: Path, digest: str) -> str:
    """What the blocks of a file hang on: the program, where the file lies, and its content by its SHA-256."""
    return digest_of([code, name, str(path.resolve()), digest])


def _digest(path: Path, options: CorpusOptions) -> str:
    """SHA-256 of a regular file within the limit; "" for anything else, which reading then tells about."""
    try:
        status = path.stat()
        if not stat.S_ISREG(status.st_mode) or status.st_size > options.max_bytes:
            return ""
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError:
        return ""


def _indexed(page: Page) -> Indexed:
    source = page.document.source
    row = {
        "name": source.name,
        "path": source.path,
        "title": page.document.title,
        "sha256": source.sha256,
        "encoding": source.encoding,
        "format": source.format,
        "passages": len(page.split.passages),
        "dropped": len(page.document.drops),
        "open_questions": [
            {"question": q.question, "question_lines": list(q.question_lines)} for q in page.split.open_questions
        ],
    }
    drops = Counter(drop.rule for drop in page.document.drops)
    return Indexed(list(page.split.passages), row, dict(drops))


def check_citations(page: Page) -> None:
    """The citation invariant: rendering the cited pieces gives the answer, and for text they are the source's own characters.

    Raises InputError naming the passage, for that is a fault of ours which must not reach an index.
    """
    source = page.document.source
    blocks = cut_blocks(source, page.document.blocks)
    starts = [block.start for block in blocks]
    for passage in page.split.passages:
        cited = [blocks[bisect_right(starts, start) - 1] for start, _ in passage.pieces]
        if any(
            not block.start <= start < end <= block.end
            for block, (start, end) in zip(cited, passage.pieces, strict=True)
        ):
            raise InputError(
                f"{source.name}: passage {passage.id} cites a place that holds no text; please report this page"
            )
        text = render(source, cited)
        verbatim = source.format == "html" or _holds_in_order(
            passage.answer, (_folded(source.text[start:end]) for start, end in passage.pieces)
        )
        if not passage.answer or not text.endswith(passage.answer.split("\n")[-1].strip()) or not verbatim:
            raise InputError(
                f"{source.name}: passage {passage.id} differs from the lines it cites; please report this page"
            )


def _holds_in_order(text: str, pieces: Iterable[str]) -> bool:
    """True when `text` holds the pieces one after the other; each is looked for behind the one before it, so that time is linear."""
    at = 0
    for piece in pieces:
        found = text.find(piece, at)
        if found < 0:
            return False
        at = found + len(piece)
    return True


def _folded(text: str) -> str:
    """Lines without the white space at their ends, parted by line feeds."""
    return "\n".join(line.rstrip() for line in re.split(r"\r\n|\r|\n", text))
