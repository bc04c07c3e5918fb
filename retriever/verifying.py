"""Verify an index: every file against its checksum, every record against the others, every passage against the source it cites."""

from dataclasses import dataclass
from pathlib import Path

from retriever.corpus import CorpusOptions, load_source, read_blocks
from retriever.documents import Document, Passage
from retriever.errors import InputError, SourceError, rebuild_hint, refresh_hint
from retriever.generations import current, read_manifest, sha256
from retriever.indexing import Index, open_index
from retriever.pages import Page, check_citations
from retriever.splitting.split import Split


@dataclass(frozen=True, slots=True)
class Verified:
    """What was found: `faults` of the index itself, each with the way out; `changes` of sources since it was built; and what was looked at."""

    faults: tuple[str, ...]
    changes: tuple[str, ...]
    files: int
    passages: int
    sources: int


def verify(directory: Path) -> Verified:
    """Verify the serving generation of `directory`. Raises IndexUnusableError when there is none, or no telling what it should be."""
    folder = current(directory)
    manifest = read_manifest(folder)
    faults = []
    for name, wanted in sorted(manifest["files"].items()):
        try:
            sound = (folder / name).stat().st_size == wanted["bytes"] and sha256(folder / name) == wanted["sha256"]
            fault = "" if sound else "damaged (its checksum differs from the manifest's)"
        except OSError as error:
            fault = f"missing or not readable ({error.strerror})"
        if fault:
            faults.append(f"{folder / name}: {fault}; {rebuild_hint(folder)}")
    stray = sorted(
        path.name for path in folder.iterdir() if path.name not in manifest["files"] and path.name != "manifest.json"
    )
    faults.extend(f"{folder / name}: does not belong to the index; {rebuild_hint(folder)}" for name in stray)
    if faults:
        return Verified(tuple(faults), (), len(manifest["files"]), 0, 0)
    index = open_index(directory)
    passages = [index.passage(row) for row in range(len(index))]
    faults.extend(f"{fault}; {rebuild_hint(folder)}" for fault in _record_faults(index, passages))
    changes = []
    for row in index.sources():
        own = [passage for passage in passages if passage.source == row["name"]]
        try:
            source = load_source(row["name"], Path(row["path"]), CorpusOptions(max_bytes=1 << 62))
        except SourceError as error:
            changes.append(str(error))
            continue
        if source.sha256 != row["sha256"]:
            changes.append(f"{row['path']}: has changed since it was indexed; {refresh_hint(directory)}")
            continue
        title, blocks = read_blocks(source)
        try:
            check_citations(Page(Document(source, title, tuple(blocks), ()), Split(tuple(own), ())))
        except (InputError, IndexError) as error:
            faults.append(f"{error}; {rebuild_hint(folder)}")
    return Verified(tuple(faults), tuple(changes), len(manifest["files"]), len(passages), len(index.sources()))


def _record_faults(index: Index, passages: list[Passage]) -> list[str]:
    """What does not fit together among the records of an index."""
    rows = {passage.id: row for row, passage in enumerate(passages)}
    names = {row["name"] for row in index.sources()}
    counts = index.manifest["counts"]
    faults = []
    if len(rows) != len(passages):
        faults.append(f"{index.folder}: two passages share an id")
    told = (counts["passages"], counts["sources"], counts["parents"])
    if told != (len(passages), len(names), sum(passage.parent is None for passage in passages)):
        faults.append(f"{index.folder}: the counts of the manifest are not those of the passages")
    for row, passage in enumerate(passages):
        place = f"{passage.source}:{passage.answer_lines[0]}-{passage.answer_lines[1]}"
        if passage.source not in names:
            faults.append(f"{place}: cites a source that the index does not list")
        if passage.parent is not None and passage.parent not in rows:
            faults.append(f"{place}: is part of a passage that is not there")
        if int(index.families[row]) != rows.get(passage.parent or "", row):
            faults.append(f"{place}: its family is not its parent's")
        if not 0 <= int(index.copies[row]) <= row:
            faults.append(f"{place}: is a copy of a later passage")
    return faults
