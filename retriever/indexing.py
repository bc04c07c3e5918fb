"""The index: passages, vectors, terms and the analyzer that made them, in one row order; opened from and written to a generation."""

import hashlib
import os
import shutil
import threading
import weakref
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from retriever.alignment import AlignmentIndex
from retriever.analysis import ANALYZER_VERSION, Analyzer
from retriever.copies import group_copies
from retriever.dense import DenseIndex, level
from retriever.documents import Passage, read_passage
from retriever.encoders.protocol import Encoder, EncoderIdentity
from retriever.errors import IndexUnusableError, InputError, ModelMismatchError, rebuild_hint
from retriever.generations import (
    FORMAT_VERSION,
    current,
    finish,
    from_json,
    make_aside,
    read_manifest,
    switch,
    to_json,
    verify_files,
)
from retriever.lexical import LexicalIndex
from retriever.pieces import FILES as PIECE_FILES
from retriever.pieces import PieceTable
from retriever.sentences import SentenceIndex

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


# numpy parses the heads of its files with `ast`, which fails in some Pythons (seen in 3.11.7) when several threads use it at once
_opening = threading.Lock()


@dataclass(frozen=True, slots=True)
class Parts:
    """What an index is made of, before it is written: all in one row order."""

    passages: list[Passage]
    question_terms: list[list[str]]
    answer_terms: list[list[str]]
    question_vectors: "NDArray[np.float32]"
    answer_vectors: "NDArray[np.float32]"
    analyzer: Analyzer
    encoder: EncoderIdentity
    sources: list[dict[str, Any]]
    settings: dict[str, Any]
    sentences: SentenceIndex
    alignment: AlignmentIndex | None = None  # this and the next: where the encoder has pieces
    pieces: PieceTable | None = None
    skipped: list[dict[str, str]] = field(default_factory=list)


class Index:
    """An open generation. Passages are read from disk one by one, when asked for.

    `families` holds for each row the row of the passage it is a part of, or its own; `copies` the row of the first passage with nearly
    the same answer, or its own; int32 (passages,) both. Raises IndexUnusableError when its files are damaged or do not belong together.
    """

    def __init__(self, folder: Path, manifest: dict[str, Any]) -> None:
        import numpy as np

        self.folder = folder
        self.directory = folder.parent.parent
        self.manifest = manifest
        try:
            self._offsets = np.load(folder / "passages.npy", allow_pickle=False)
            self.families: NDArray[np.int32] = np.load(folder / "families.npy", allow_pickle=False)
            self.copies: NDArray[np.int32] = np.load(folder / "copies.npy", allow_pickle=False)
            self._passages = os.open(folder / "passages.jsonl", os.O_RDONLY)
            weakref.finalize(self, os.close, self._passages)
            self._sources = (folder / "sources.json").read_bytes()
            words = from_json((folder / "words.json").read_bytes())
            self.analyzer = Analyzer(words["words"], words["total"])
            self.encoder = EncoderIdentity(**manifest["encoder"])
            self.level = float(manifest["level"])
            count = manifest["counts"]["passages"]
        except (OSError, ValueError, KeyError, TypeError, EOFError) as error:
            raise IndexUnusableError(
                f"{folder}: a file of the index is missing or damaged ({error}); {rebuild_hint(folder)}"
            ) from error
        self.dense = DenseIndex.load(folder)
        self.lexical = LexicalIndex.load(folder, len(self._offsets) - 1)
        self.sentences = SentenceIndex.load(folder)
        has_pieces = manifest["files"].keys() >= set(PIECE_FILES)
        self.alignment = AlignmentIndex.load(folder) if has_pieces else None
        self.pieces = PieceTable.load(folder) if has_pieces else None
        rows = (self.dense, self.lexical, self.sentences, self, self.families, self.copies)
        if any(len(part) != count for part in rows):
            raise IndexUnusableError(f"{folder}: the files of the index do not belong together; {rebuild_hint(folder)}")

    def __len__(self) -> int:
        return len(self._offsets) - 1

    def passage(self, row: int) -> Passage:
        """The passage of a row."""
        start, end = int(self._offsets[row]), int(self._offsets[row + 1])
        return read_passage(from_json(os.pread(self._passages, end - start, start)))

    def sources(self) -> list[dict[str, Any]]:
        """What was read: name, path, sha256, encoding, format and counts of every source."""
        rows: list[dict[str, Any]] = from_json(self._sources)
        return rows

    def skipped(self) -> list[dict[str, str]] | None:
        """Name and reason of every file of the corpus that was not read; None of an index that was built before this was kept."""
        rows: list[dict[str, str]] | None = self.manifest.get("skipped")
        return rows

    def check_encoder(self, encoder: Encoder) -> None:
        """Raises ModelMismatchError unless `encoder` is the one the index was built with."""
        mine, theirs = self.encoder, encoder.identity
        if mine != theirs:
            directory = self.directory
            raise ModelMismatchError(
                f"{directory}: built with the encoder {mine.name} ({mine.dimension} dimensions, {mine.digest}), asked with {theirs.name} "
                f"({theirs.dimension}, {theirs.digest}){_other_use(mine, theirs)}; rebuild it with: retriever index --index {directory} --model {theirs.name}"
            )


def open_index(directory: Path) -> Index:
    """The serving generation of `directory`, checksums verified. Raises IndexUnusableError when it cannot be used."""
    for _ in range(3):
        folder = current(directory)
        try:
            manifest = read_manifest(folder)
            verify_files(folder, manifest)
            with _opening:
                return Index(folder, manifest)
        except IndexUnusableError:
            if current(directory) == folder:
                raise
            # a builder switched generations between our two reads; open the new one
    raise IndexUnusableError(f"{directory}: changes faster than it can be opened; try again")


def write_index(directory: Path, parts: Parts, now: Callable[[], None] = lambda: None) -> dict[str, Any]:
    """Write a new generation and switch to it. Returns its manifest.

    `now` is called right before the switch. Raises InputError when the folder cannot be written; the old generation then
    goes on serving.
    """
    try:
        aside = make_aside(directory)
    except OSError as error:
        raise InputError(
            f"{directory}: cannot be written ({error.strerror}); choose another place with --index or RETRIEVER_INDEX"
        ) from error
    try:
        manifest = _fill(aside, parts)
        name = finish(aside, manifest)
        with _opening:
            Index(aside, manifest)  # numpy does not tell when the last bytes of a file find no room
        now()
        switch(directory, aside, name)
    except IndexUnusableError as error:
        raise InputError(
            f"{directory}: writing the index failed (a file came out cut short; is the disk full?); the index that was there is untouched"
        ) from error
    except OSError as error:
        raise InputError(
            f"{directory}: writing the index failed ({error.strerror or error}); the index that was there is untouched"
        ) from error
    finally:
        shutil.rmtree(aside, ignore_errors=True)
    return manifest


def _fill(folder: Path, parts: Parts) -> dict[str, Any]:
    """Write all files of a generation but its manifest, which is returned."""
    import numpy as np

    offsets = [0]
    with (folder / "passages.jsonl").open("wb") as file:
        for passage in parts.passages:
            offsets.append(offsets[-1] + file.write(to_json(asdict(passage)) + b"\n"))
    np.save(folder / "passages.npy", np.asarray(offsets, dtype=np.int64), allow_pickle=False)
    rows = {passage.id: row for row, passage in enumerate(parts.passages)}
    families = np.asarray(
        [rows.get(passage.parent or "", row) for row, passage in enumerate(parts.passages)], dtype=np.int32
    )
    copies = group_copies([passage.answer for passage in parts.passages])
    np.save(folder / "families.npy", families, allow_pickle=False)
    np.save(folder / "copies.npy", copies, allow_pickle=False)
    (folder / "words.json").write_bytes(to_json({"total": parts.analyzer.total, "words": dict(parts.analyzer.words)}))
    (folder / "sources.json").write_bytes(to_json(parts.sources))
    DenseIndex.build(parts.question_vectors, parts.answer_vectors).save(folder)
    LexicalIndex.build(list(zip(parts.question_terms, parts.answer_terms, strict=True))).save(folder)
    parts.sentences.save(folder)
    for part in (parts.alignment, parts.pieces):
        if part is not None:
            part.save(folder)
    corpus = "".join(f"{source['name']}\0{source['sha256']}\n" for source in parts.sources)
    return {
        "format_version": FORMAT_VERSION,
        "analyzer_version": ANALYZER_VERSION,
        "encoder": parts.encoder.as_dict(),
        "corpus_digest": hashlib.sha256(corpus.encode("utf-8", "surrogatepass")).hexdigest(),
        "counts": {
            "sources": len(parts.sources),
            "passages": len(parts.passages),
            "parents": sum(passage.parent is None for passage in parts.passages),
        },
        "level": level(parts.question_vectors, parts.answer_vectors, families, copies),
        "settings": parts.settings,
        "skipped": parts.skipped,
    }


def _other_use(mine: EncoderIdentity, theirs: EncoderIdentity) -> str:
    """Names of the options in which two uses of one model differ."""
    names = ("query_prompt", "passage_prompt", "max_tokens")
    other = [name.replace("_", " ") for name in names if getattr(mine, name) != getattr(theirs, name)]
    return f" with another {' and '.join(other)}" if mine.digest == theirs.digest and other else ""
