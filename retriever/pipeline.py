"""Build an index from a corpus: pages, terms, vectors, files. Steps done by an earlier build are taken over from its cache."""

import json
from collections.abc import Callable
from contextlib import suppress
from dataclasses import asdict
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any

from retriever.alignment import AlignmentIndex
from retriever.analysis import ANALYZER_VERSION, Analyzer, base_words, fold, words_in
from retriever.corpus import CorpusOptions, find_sources, load_source
from retriever.cues import language_of
from retriever.documents import Passage
from retriever.encoders.catalogue import BUNDLED
from retriever.encoders.protocol import Encoder, EncoderOptions
from retriever.errors import IndexUnusableError, InputError, SourceError
from retriever.generations import building, current, read_manifest, verify_files
from retriever.indexing import Index, Parts, write_index
from retriever.pages import BuildReport, Progress, index_pages, silent
from retriever.pieces import PieceEncoder, PieceTable
from retriever.reuse import NAME, BuildCache, digest_of
from retriever.sentences import SentenceIndex

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


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
    progress: Progress = silent,
    use: EncoderOptions = EncoderOptions(),
    full: bool = False,
    told: Callable[[str], None] = lambda _: None,
) -> BuildReport:
    """Build an index of the corpus at `roots` into `directory` and switch to it; pages and vectors that an earlier build made of the same
    content are taken over unless `full`, and the index is the same either way.

    `model` and `use` are what `encoder` was loaded by, remembered for asking. While another process builds in `directory`, says so through `told` and waits.
    """
    report = BuildReport()
    with building(directory, told):
        cache = BuildCache(directory / NAME, forget=full)
        try:
            pages, made_of = index_pages(roots, options, cache, report, progress)
            passages = [passage for page in pages for passage in page.passages]
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
            sources = [page.source for page in pages]
            skipped = _skipped_rows(report)
            settings["made_of"] = digest_of(
                [made_of, json.dumps([settings, encoder.identity.as_dict(), skipped], sort_keys=True)]
            )
            if not full and _serves(directory, settings["made_of"]):
                report.passages, report.parents = len(passages), sum(p.parent is None for p in passages)
            else:
                index_passages(passages, sources, settings, directory, encoder, report, progress, cache)
                cache.keep()
            progress("done", 1, 1)
        finally:
            cache.close()
    return report


def _skipped_rows(report: BuildReport) -> list[dict[str, str]]:
    """What an index keeps of the files that were not read: names, not paths, so that it is the same from wherever the corpus is named."""
    return [{"name": one.name, "reason": one.reason} for one in report.skipped]


def _serves(directory: Path, made_of: str) -> bool:
    """Whether the index that serves is sound and was made of just that."""
    with suppress(IndexUnusableError):
        folder = current(directory)
        manifest = read_manifest(folder)
        if manifest["settings"].get("made_of") == made_of:
            verify_files(folder, manifest)
            return True
    return False


def build_documents(
    rows: list[tuple[str, str, str]], file: Path, directory: Path, encoder: Encoder, progress: Progress = silent
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
    progress: Progress = silent,
    cache: BuildCache | None = None,
) -> None:
    """Analyse, encode and write `passages`, whose `sources` are described as in `Index.sources`."""
    import numpy as np

    report, cache = report or BuildReport(), cache or BuildCache(None)
    report.passages, report.parents = len(passages), sum(p.parent is None for p in passages)
    asked, told = [query_text(p) for p in passages], [p.answer for p in passages]
    with report.stage("analyse"):
        progress("analysing", 0, len(passages))
        analyzer, terms = _analyse([*asked, *told], cache)
    with report.stage("encode"):
        question_vectors = _encode(encoder, asked, cache, report, progress, "encoding questions")
        answer_vectors = _encode(encoder, told, cache, report, progress, "encoding answers")
    with report.stage("write"):
        progress("aligning", 0, len(passages))
        both = [fold(f"{question}\n{answer}") for question, answer in zip(asked, told, strict=True)]
        alignment = table = None
        if isinstance(encoder, PieceEncoder):
            pieces = encoder.piece_ids(both)
            table = PieceTable.build(encoder, np.fromiter(chain.from_iterable(pieces), dtype=np.int32))
            alignment = AlignmentIndex.build(table, pieces)
        parts = Parts(
            passages=passages,
            question_terms=terms[: len(passages)],
            answer_terms=terms[len(passages) :],
            question_vectors=question_vectors,
            answer_vectors=answer_vectors,
            analyzer=analyzer,
            encoder=encoder.identity,
            sources=sources,
            settings=settings,
            skipped=_skipped_rows(report),
            sentences=SentenceIndex.build(encoder, table, told),
            alignment=alignment,
            pieces=table,
        )
        progress("writing", 0, 1)
        write_index(directory, parts)
    progress("done", 1, 1)


def _analyse(texts: list[str], cache: BuildCache) -> tuple[Analyzer, list[list[str]]]:
    """The analyzer of all texts together, and the terms of each.

    The dictionary words of a text hang on nothing but the text, and so do its terms: the analyzer of a whole corpus cuts it like its own.
    """
    raw = cache.get("base words", str(ANALYZER_VERSION))
    total, words = json.loads(raw) if raw is not None else base_words()
    if raw is None:
        cache.put("base words", str(ANALYZER_VERSION), json.dumps([total, words]).encode())
    terms = []
    for text in texts:
        key = digest_of([str(ANALYZER_VERSION), text])
        raw = cache.get("terms", key)
        if raw is not None:
            own, found = json.loads(raw.decode("utf-8", "surrogatepass"))
        else:
            own = words_in(text)
            found = Analyzer(own, total).terms(text)
            cache.put("terms", key, json.dumps([own, found], ensure_ascii=False).encode("utf-8", "surrogatepass"))
        words.update(own)
        terms.append(found)
    return Analyzer(dict(sorted(words.items())), total), terms


def _encode(
    encoder: Encoder, texts: list[str], cache: BuildCache, report: BuildReport, progress: Progress, stage: str
) -> "NDArray[np.float32]":
    """Vectors of texts, rounded to half precision, in which the cache keeps them; in slices so that progress shows."""
    import numpy as np

    kind = "vector " + digest_of([str(ANALYZER_VERSION), json.dumps(encoder.identity.as_dict(), sort_keys=True)])
    keys = [digest_of([text]) for text in texts]
    out = np.zeros((len(texts), encoder.identity.dimension), dtype=np.float16)
    missing = []
    for row, key in enumerate(keys):
        raw = cache.get(kind, key)
        if raw is not None and len(raw) == 2 * out.shape[1]:
            out[row] = np.frombuffer(raw, dtype="<f2")
        else:
            missing.append(row)
    for start in range(0, len(missing), 512):
        progress(stage, start, len(missing))
        rows = missing[start : start + 512]
        out[rows] = encoder.encode_passages([fold(texts[row]) for row in rows])
        for row in rows:
            cache.put(kind, keys[row], out[row].astype("<f2").tobytes())
    report.encoded += len(missing)
    vectors: NDArray[np.float32] = out.astype(np.float32)
    return vectors


def corpus_changes(index: Index, passed_by: set[str] | None = None) -> dict[str, list[str]]:
    """Names of sources that were added, changed or removed on disk since `index` was built; into `passed_by` go the files that are no documents.

    Files that cannot be read do not count as added: a build would skip them.
    """
    settings = index.manifest["settings"]
    wanted = settings["corpus"]
    options = CorpusOptions(
        tuple(wanted["include"]), tuple(wanted["exclude"]), wanted["max_bytes"], bool(wanted.get("follow_links"))
    )
    recorded = {row["name"]: row["sha256"] for row in index.sources()}
    found = dict(find_sources(map(Path, settings["roots"]), options, lenient=True, passed_by=passed_by))
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
