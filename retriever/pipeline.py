"""Build an index from a corpus: load, clean, split, check the citations, analyse, encode, write. Tells what it did and how long it took."""

import json
import re
import time
from bisect import bisect_right
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from retriever.alignment import AlignmentIndex, PieceEncoder
from retriever.analysis import build_analyzer, fold
from retriever.cleaning.page import clean
from retriever.cleaning.profile import fit
from retriever.corpus import CorpusOptions, find_sources, load_source, read_blocks
from retriever.cues import language_of
from retriever.documents import Block, Document, Passage, Source
from retriever.encoders.catalogue import BUNDLED
from retriever.encoders.protocol import Encoder, EncoderOptions
from retriever.errors import InputError, SourceError
from retriever.indexing import Index, Parts, write_index
from retriever.sentences import SentenceIndex
from retriever.splitting.segments import cut_blocks
from retriever.splitting.split import Split, render, split

Progress = Callable[[str, int, int], None]


@dataclass
class BuildReport:
    """What a build read, dropped and kept; seconds by stage."""

    sources: int = 0
    skipped: list[str] = field(default_factory=list)
    replaced: list[str] = field(default_factory=list)
    drops: Counter[str] = field(default_factory=Counter)
    passages: int = 0
    parents: int = 0
    open_questions: int = 0
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


def _silent(stage: str, done: int, total: int) -> None:
    return


def read_corpus(
    roots: list[Path],
    options: CorpusOptions = CorpusOptions(),
    report: BuildReport | None = None,
    progress: Progress = _silent,
) -> list[Page]:
    """Pages of a corpus, in order of their names.

    A file that cannot be read is skipped and reported; InputError when none is left.
    """
    report = report if report is not None else BuildReport()
    found = find_sources(roots, options)
    read: list[tuple[Source, str, list[Block]]] = []
    for number, (name, path) in enumerate(found):
        progress("reading", number, len(found))
        with report.stage("read"):
            try:
                source = load_source(name, path, options)
            except SourceError as error:
                report.skipped.append(str(error))
                continue
            read.append((source, *read_blocks(source)))
            if source.replaced:
                report.replaced.append(
                    f"{path}: {source.replaced} characters could not be decoded as {source.encoding} and were replaced"
                )
    if not read:
        raise InputError("no document could be read: " + "; ".join(report.skipped))
    with report.stage("clean"):
        profile = fit((source, blocks) for source, _, blocks in read)
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
        verbatim = source.format == "html" or all(
            _folded(source.text[start:end]) in passage.answer for start, end in passage.pieces
        )
        if not passage.answer or not text.endswith(passage.answer.split("\n")[-1].strip()) or not verbatim:
            raise InputError(
                f"{source.name}: passage {passage.id} differs from the lines it cites; please report this page"
            )


def _folded(text: str) -> str:
    """Lines without the white space at their ends, parted by line feeds."""
    return "\n".join(line.rstrip() for line in re.split(r"\r\n|\r|\n", text))


def query_text(passage: Passage) -> str:
    """What the question side of a passage is encoded and indexed as: for a part of an answer, with the question it is a part of."""
    if passage.parent is not None and passage.heading_path:
        return " ".join([*passage.heading_path[-2:], passage.question])
    return passage.question


def build(
    roots: list[Path],
    directory: Path,
    encoder: Encoder,
    options: CorpusOptions = CorpusOptions(),
    model: str = BUNDLED,
    progress: Progress = _silent,
    use: EncoderOptions = EncoderOptions(),
) -> BuildReport:
    """Build an index of the corpus at `roots` into `directory` and switch to it.

    `model` and `use` are what `encoder` was loaded by, remembered for asking.
    """
    report = BuildReport()
    pages = read_corpus(roots, options, report, progress)
    with report.stage("check"):
        for page in pages:
            check_citations(page)
    passages = [passage for page in pages for passage in page.split.passages]
    if not passages:
        raise InputError(
            "no question with an answer was found in the corpus; see what is kept with: retriever clean FILE"
        )
    settings = {
        "roots": [str(Path(root).resolve()) for root in roots],
        "model": model,
        "use": asdict(use),
        "corpus": json.loads(json.dumps(asdict(options))),
    }
    index_passages(passages, [_source_row(page) for page in pages], settings, directory, encoder, report, progress)
    return report


def build_documents(
    rows: list[tuple[str, str, str]], file: Path, directory: Path, encoder: Encoder, progress: Progress = _silent
) -> BuildReport:
    """Build an index of ready-made documents (id, title, text) of `file`, one passage each under its own id, nothing cleaned or split.

    A passage cites the row it stands in. Raises InputError when there is none with a text.
    """
    report = BuildReport(sources=1)
    passages = [
        Passage(
            id=name,
            source=file.name,
            title="",
            question=title,
            answer=text,
            question_lines=(row, row),
            answer_lines=(row, row),
            start_char=0,
            end_char=0,
            pieces=(),
            dropped_lines=(),
            heading_path=(),
            language=language_of(text),
        )
        for row, (name, title, text) in enumerate(rows, 1)
        if text.strip() or title.strip()
    ]
    if not passages:
        raise InputError(f"{file}: no document with a text")
    source = {
        "name": file.name, "path": str(file.resolve()), "title": file.parent.name, "sha256": "", "encoding": "utf-8",
        "format": "jsonl", "passages": len(passages), "dropped": 0, "open_questions": [],
    }  # fmt: skip
    settings = {
        "roots": [str(file.resolve())],
        "model": encoder.identity.name,
        "use": {},
        "corpus": asdict(CorpusOptions()),
    }
    index_passages(passages, [source], settings, directory, encoder, report, progress)
    return report


def index_passages(
    passages: list[Passage],
    sources: list[dict[str, Any]],
    settings: dict[str, Any],
    directory: Path,
    encoder: Encoder,
    report: BuildReport | None = None,
    progress: Progress = _silent,
) -> None:
    """Analyse, encode and write `passages`, whose `sources` are described as in `Index.sources`."""
    report = report or BuildReport()
    report.passages, report.parents = len(passages), sum(p.parent is None for p in passages)
    with report.stage("analyse"):
        progress("analysing", 0, len(passages))
        analyzer = build_analyzer(text for p in passages for text in (query_text(p), p.answer))
        question_terms = [analyzer.terms(query_text(p)) for p in passages]
        answer_terms = [analyzer.terms(p.answer) for p in passages]
    with report.stage("encode"):
        question_vectors = _encode(encoder, [fold(query_text(p)) for p in passages], progress, "encoding questions")
        answer_vectors = _encode(encoder, [fold(p.answer) for p in passages], progress, "encoding answers")
    with report.stage("write"):
        progress("writing", 0, 1)
        progress("aligning", 0, len(passages))
        alignment = (
            AlignmentIndex.build(encoder, [fold(query_text(p) + "\n" + p.answer) for p in passages])
            if isinstance(encoder, PieceEncoder)
            else None
        )
        parts = Parts(
            passages=passages,
            question_terms=question_terms,
            answer_terms=answer_terms,
            question_vectors=question_vectors,
            answer_vectors=answer_vectors,
            analyzer=analyzer,
            encoder=encoder.identity,
            sources=sources,
            settings=settings,
            sentences=SentenceIndex.build(encoder, [p.answer for p in passages]),
            alignment=alignment,
        )
        write_index(directory, parts)
    progress("done", 1, 1)


def _encode(encoder: Encoder, texts: list[str], progress: Progress, stage: str) -> Any:
    """Vectors of texts, in slices so that progress shows."""
    import numpy as np

    slices = []
    for start in range(0, len(texts), 512):
        progress(stage, start, len(texts))
        slices.append(encoder.encode_passages(texts[start : start + 512]))
    return np.concatenate(slices)


def _source_row(page: Page) -> dict[str, Any]:
    source = page.document.source
    return {
        "name": source.name,
        "path": source.path,
        "title": page.document.title,
        "sha256": source.sha256,
        "encoding": source.encoding,
        "format": source.format,
        "passages": len(page.split.passages),
        "dropped": len(page.document.drops),
        "open_questions": [
            {"question": q.question, "question_lines": q.question_lines} for q in page.split.open_questions
        ],
    }


def corpus_changes(index: Index) -> dict[str, list[str]]:
    """Names of sources that were added, changed or removed on disk since `index` was built.

    Files that cannot be read do not count as added: a build would skip them.
    """
    settings = index.manifest["settings"]
    wanted = settings["corpus"]
    options = CorpusOptions(tuple(wanted["include"]), tuple(wanted["exclude"]), wanted["max_bytes"])
    recorded = {row["name"]: row["sha256"] for row in index.sources()}
    found: dict[str, Path] = {}
    for root in settings["roots"]:
        with suppress(InputError):
            found.update(find_sources([Path(root)], options, prefixed=len(settings["roots"]) > 1))
    changes: dict[str, list[str]] = {"added": [], "changed": [], "removed": sorted(recorded.keys() - found.keys())}
    for name, path in sorted(found.items()):
        try:
            digest = load_source(name, path, options).sha256
        except SourceError:
            digest = None
        if name not in recorded:
            changes["added"].extend([name] if digest else [])
        elif digest != recorded[name]:
            changes["changed"].append(name)
    return changes
