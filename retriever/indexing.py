"""The index directory: generations written aside and switched in by one atomic rename, with a manifest that tells what is inside.

    DIR/CURRENT                 name of the generation that serves
    DIR/generations/NAME/       manifest.json  sources.json  passages.jsonl  passages.npy  words.json
                                questions.faiss  answers.faiss  terms.json  term_*.npy

A reader opens the generation that CURRENT names and never sees one in the making. JSON, npy (without pickle) and FAISS only.
"""

import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Callable
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

from retriever.analysis import ANALYZER_VERSION, Analyzer
from retriever.dense import DenseIndex
from retriever.documents import Passage
from retriever.encoding import Encoder, EncoderIdentity
from retriever.errors import IndexUnusableError, InputError, ModelMismatchError
from retriever.lexical import LexicalIndex

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

FORMAT_VERSION = 1
REBUILD = "rebuild it with: retriever index"


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


class Index:
    """An open generation. Passages are read from disk one by one, when asked for."""

    def __init__(self, folder: Path, manifest: dict[str, Any]) -> None:
        import numpy as np

        self.folder = folder
        self.manifest = manifest
        try:
            self._offsets = np.load(folder / "passages.npy", allow_pickle=False)
            self._passages = (folder / "passages.jsonl").open("rb")
            words = json.loads((folder / "words.json").read_text(encoding="utf-8"))
            self.analyzer = Analyzer(words["words"], words["total"])
        except (OSError, ValueError, KeyError) as error:
            raise IndexUnusableError(
                f"{folder}: a file of the index is missing or damaged ({error}); {REBUILD}"
            ) from error
        self.dense = DenseIndex.load(folder)
        self.lexical = LexicalIndex.load(folder, len(self._offsets) - 1)
        if not len(self.dense) == len(self.lexical) == manifest["counts"]["passages"]:
            raise IndexUnusableError(f"{folder}: the files of the index do not belong together; {REBUILD}")
        self.encoder = EncoderIdentity(**manifest["encoder"])

    def __len__(self) -> int:
        return len(self._offsets) - 1

    def passage(self, row: int) -> Passage:
        """The passage of a row."""
        start, end = int(self._offsets[row]), int(self._offsets[row + 1])
        return read_passage(json.loads(os.pread(self._passages.fileno(), end - start, start)))

    def sources(self) -> list[dict[str, Any]]:
        """What was read: name, path, sha256, encoding, format and counts of every source."""
        rows: list[dict[str, Any]] = json.loads((self.folder / "sources.json").read_text(encoding="utf-8"))
        return rows

    def check_encoder(self, encoder: Encoder) -> None:
        """Raises ModelMismatchError unless `encoder` is the one the index was built with."""
        if encoder.identity != self.encoder:
            raise ModelMismatchError(
                f"{self.folder.parent.parent}: built with the encoder {self.encoder.name} ({self.encoder.dimension} dimensions, {self.encoder.digest}), "
                f"asked with {encoder.identity.name} ({encoder.identity.dimension}, {encoder.identity.digest}); rebuild it with: retriever index --model {encoder.identity.name}"
            )


def is_built(directory: Path) -> bool:
    """True when `directory` holds an index that finished building."""
    return (directory / "CURRENT").is_file()


def open_index(directory: Path) -> Index:
    """The serving generation of `directory`, checksums verified. Raises IndexUnusableError when it cannot be used."""
    for attempt in range(3):
        folder = _current(directory)
        try:
            manifest = _read_manifest(folder)
            _verify_files(folder, manifest)
            return Index(folder, manifest)
        except IndexUnusableError:
            # a builder may have switched generations between our two reads
            if attempt == 2 or _current(directory) == folder:
                raise
    raise IndexUnusableError(f"{directory}: changes faster than it can be opened; try again")


def _current(directory: Path) -> Path:
    try:
        name = (directory / "CURRENT").read_text(encoding="utf-8").strip()
    except OSError as error:
        raise IndexUnusableError(
            f"{directory}: no index here; make one with: retriever index --index {directory}"
        ) from error
    except UnicodeDecodeError as error:
        raise IndexUnusableError(f"{directory}/CURRENT: damaged; {REBUILD}") from error
    if not name or "/" in name or name.startswith("."):
        raise IndexUnusableError(f"{directory}/CURRENT: damaged; {REBUILD}")
    return directory / "generations" / name


def _read_manifest(folder: Path) -> dict[str, Any]:
    try:
        manifest: dict[str, Any] = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
        version = manifest["format_version"]
        found = (version, manifest["analyzer_version"])
        manifest["counts"]["passages"], manifest["files"], manifest["encoder"]["name"]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise IndexUnusableError(f"{folder}/manifest.json: missing or damaged; {REBUILD}") from error
    if found != (FORMAT_VERSION, ANALYZER_VERSION):
        raise IndexUnusableError(
            f"{folder}: written by another version (format {found[0]}, analyzer {found[1]}; this one reads {FORMAT_VERSION}, {ANALYZER_VERSION}); {REBUILD}"
        )
    return manifest


def _verify_files(folder: Path, manifest: dict[str, Any]) -> None:
    for name, wanted in manifest["files"].items():
        try:
            if (folder / name).stat().st_size != wanted["bytes"] or _sha256(folder / name) != wanted["sha256"]:
                raise IndexUnusableError(
                    f"{folder / name}: damaged (its checksum differs from the manifest's); {REBUILD}"
                )
        except OSError as error:
            raise IndexUnusableError(
                f"{folder / name}: missing or not readable ({error.strerror}); {REBUILD}"
            ) from error


def write_index(directory: Path, parts: Parts, now: Callable[[], None] = lambda: None) -> dict[str, Any]:
    """Write a new generation and switch to it. Returns its manifest.

    `now` is called right before the switch. Raises InputError when the folder cannot be written; the old generation then
    goes on serving.
    """
    try:
        (directory / "generations").mkdir(parents=True, exist_ok=True)
        aside = Path(tempfile.mkdtemp(prefix=".building-", dir=directory / "generations"))
    except OSError as error:
        raise InputError(
            f"{directory}: cannot be written ({error.strerror}); choose another place with --index or RETRIEVER_INDEX"
        ) from error
    try:
        manifest = _fill(aside, parts)
        name = hashlib.sha256(json.dumps(manifest, sort_keys=True).encode()).hexdigest()[:16]
        now()
        _switch(directory, aside, name)
    except OSError as error:
        raise InputError(
            f"{directory}: writing the index failed ({error.strerror}); the index that was there is untouched"
        ) from error
    finally:
        shutil.rmtree(aside, ignore_errors=True)
    return manifest


def _fill(folder: Path, parts: Parts) -> dict[str, Any]:
    """Write all files of a generation and return its manifest."""
    import numpy as np

    offsets = [0]
    with (folder / "passages.jsonl").open("wb") as file:
        for passage in parts.passages:
            line = json.dumps(asdict(passage), ensure_ascii=False).encode("utf-8", "surrogatepass") + b"\n"
            offsets.append(offsets[-1] + file.write(line))
    np.save(folder / "passages.npy", np.asarray(offsets, dtype=np.int64), allow_pickle=False)
    _write_json(folder / "words.json", {"total": parts.analyzer.total, "words": dict(parts.analyzer.words)})
    _write_json(folder / "sources.json", parts.sources)
    DenseIndex.build(parts.question_vectors, parts.answer_vectors).save(folder)
    LexicalIndex.build(list(zip(parts.question_terms, parts.answer_terms, strict=True))).save(folder)
    digest = hashlib.sha256("".join(f"{s['name']}\0{s['sha256']}\n" for s in parts.sources).encode()).hexdigest()
    names = sorted(path.name for path in folder.iterdir())
    manifest = {
        "format_version": FORMAT_VERSION,
        "analyzer_version": ANALYZER_VERSION,
        "encoder": parts.encoder.as_dict(),
        "corpus_digest": digest,
        "counts": {
            "sources": len(parts.sources),
            "passages": len(parts.passages),
            "parents": sum(p.parent is None for p in parts.passages),
        },
        "settings": parts.settings,
        "files": {name: {"bytes": (folder / name).stat().st_size, "sha256": _sha256(folder / name)} for name in names},
    }
    _write_json(folder / "manifest.json", manifest)
    for name in [*names, "manifest.json"]:
        _sync(folder / name)
    _sync(folder)
    return manifest


def _switch(directory: Path, aside: Path, name: str) -> None:
    """Move a finished generation into place, point CURRENT at it, and remove generations other than it and the one before."""
    generations = directory / "generations"
    try:
        before = _current(directory).name
    except IndexUnusableError:
        before = name
    target = generations / name
    if target.exists():
        retired = Path(tempfile.mkdtemp(prefix=".retired-", dir=generations))
        os.rename(target, retired / name)
        os.rename(aside, target)
        shutil.rmtree(retired, ignore_errors=True)
    else:
        os.rename(aside, target)
    _sync(generations)
    pointer = directory / f".CURRENT.{os.getpid()}"
    pointer.write_text(name + "\n", encoding="utf-8")
    _sync(pointer)
    os.replace(pointer, directory / "CURRENT")
    _sync(directory)
    for old in generations.iterdir():
        if old.name not in (name, before) and not old.name.startswith("."):
            shutil.rmtree(old, ignore_errors=True)


def _write_json(path: Path, value: Any) -> None:
    path.write_text(json.dumps(value, ensure_ascii=False, separators=(",", ":")), encoding="utf-8")


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


_TUPLES = {"question_lines", "answer_lines", "dropped_lines", "heading_path"}


def read_passage(row: dict[str, Any]) -> Passage:
    """A passage from its JSON form."""
    values = {field.name: row[field.name] for field in fields(Passage)}
    values.update({name: tuple(values[name]) for name in _TUPLES})
    values["pieces"] = tuple((start, end) for start, end in values["pieces"])
    return Passage(**values)
