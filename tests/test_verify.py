"""`retriever verify`, and what any damage to an index leads to: a message that names it and the way out, never another answer."""

import hashlib
import json
import random
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from conftest import MINI_PAGES, Result, Run

from retriever.errors import IndexUnusableError
from retriever.indexing import open_index
from retriever.verifying import verify

QUESTION = "学习率太大会怎样？"
FILES = (
    "alignment_counts.npy", "alignment_rows.npy", "alignment_starts.npy", "axes.npy", "copies.npy", "families.npy", "passages.faiss",
    "passages.jsonl", "passages.npy", "piece_axes.npy", "piece_codes.npy", "piece_lengths.npy", "piece_rows.npy", "piece_units.npy",
    "sentence_codes.npy", "sentence_spans.npy", "sentence_starts.npy", "sentence_units.npy", "side_scales.npy",
    "side_vectors.npy", "sources.json", "term_rows.npy", "term_starts.npy", "term_weights.npy", "terms.json", "words.json",
)  # fmt: skip


def folder_of(index: Path) -> Path:
    return index / "generations" / (index / "CURRENT").read_text(encoding="utf-8").strip()


def hint(index: Path) -> str:
    return f"rebuild it with: retriever index --index {index}"


def flip(path: Path, dice: random.Random) -> str:
    """Change one byte of a file. Returns where and how."""
    raw = bytearray(path.read_bytes())
    at, mask = dice.randrange(len(raw)), dice.randrange(1, 256)
    raw[at] ^= mask
    path.write_bytes(raw)
    return f"{path.name}: byte {at} of {len(raw)} ^ {mask:#x}"


def is_told(result: Result, index: Path, name: str, case: str) -> None:
    """That a verification found one fault and told of it: in one line with the file and the way out, as an error or a finding."""
    assert result.status in (1, 2), case
    assert "Traceback" not in result.out + result.err, case
    assert "sound" not in result.out, case
    told = [line for line in (result.out + result.err).split("\n") if hint(index) in line]
    assert len(told) == 1, (case, result)
    assert name in told[0], (case, told)
    if result.status == 2:
        assert (result.out, result.err) == ("", told[0] + "\n"), case
        assert told[0].startswith("error: "), case


# sound


def test_a_sound_index_is_sound(small: Path, cli: Run) -> None:
    """Status 0 and one line that says what was looked at."""
    result = cli("verify", "--index", small / "index")
    passages = len(open_index(small / "index"))
    assert (result.status, result.err) == (0, "")
    assert result.out == (
        f"{small / 'index'}: {len(FILES)} files, {passages} passages and 3 sources looked at; all sound\n"
    )


def test_the_bundled_index_is_sound(bundled: Path) -> None:
    """Every record and every citation of the index of the bundled corpus holds."""
    found = verify(bundled)
    assert (found.faults, found.changes) == ((), ())
    assert found.passages == len(open_index(bundled))
    assert found.sources == len(open_index(bundled).sources())


def test_a_moved_index_is_sound(small: Path, cli: Run) -> None:
    """Where the index lies is no part of it."""
    (small / "index").rename(small / "elsewhere")
    assert cli("verify", "--index", small / "elsewhere").status == 0


def test_verifying_writes_nothing(small: Path, cli: Run) -> None:
    """Not a file of the index is touched, be it sound or damaged."""
    index = small / "index"
    for harm in (False, True):
        if harm:
            flip(folder_of(index) / "terms.json", random.Random(0))
        before = {path: (path.stat().st_mtime_ns, path.stat().st_size) for path in index.rglob("*")}
        cli("verify", "--index", index)
        assert {path: (path.stat().st_mtime_ns, path.stat().st_size) for path in index.rglob("*")} == before


# one file harmed


def test_the_files_are_those_that_there_are(small: Path) -> None:
    """The lists of this module are complete."""
    assert sorted(path.name for path in folder_of(small / "index").iterdir()) == sorted([*FILES, "manifest.json"])


@pytest.mark.parametrize("name", FILES)
def test_a_flipped_byte_is_found_and_its_file_named(small: Path, cli: Run, name: str) -> None:
    """One changed byte, the first, the last and any other, of any file."""
    index, dice = small / "index", random.Random(name)
    path = folder_of(index) / name
    raw = path.read_bytes()
    for at in (0, len(raw) - 1, *(dice.randrange(len(raw)) for _ in range(4))):
        mask = dice.randrange(1, 256)
        path.write_bytes(raw[:at] + bytes([raw[at] ^ mask]) + raw[at + 1 :])
        result = cli("verify", "--index", index)
        is_told(result, index, str(path), f"byte {at} ^ {mask:#x}")
        assert result.status == 1
        assert "1 faults" in result.out


def test_a_flipped_byte_of_the_manifest_is_found(small: Path, cli: Run) -> None:
    """Wherever the manifest is changed, its folder is named and nothing else believed."""
    index, dice = small / "index", random.Random("manifest")
    path = folder_of(index) / "manifest.json"
    raw = path.read_bytes()
    for _ in range(60):
        case = flip(path, dice)
        is_told(cli("verify", "--index", index), index, str(path.parent), case)
        path.write_bytes(raw)


def test_any_flipped_byte_of_the_pointer_is_found(small: Path, cli: Run) -> None:
    """Each byte of CURRENT, the line end too, changed to several others."""
    index, dice = small / "index", random.Random("pointer")
    raw = (index / "CURRENT").read_bytes()
    for at in range(len(raw)):
        for mask in (0x01, 0x20, 0x80, dice.randrange(1, 256)):
            (index / "CURRENT").write_bytes(raw[:at] + bytes([raw[at] ^ mask]) + raw[at + 1 :])
            is_told(cli("verify", "--index", index), index, str(index / "CURRENT"), f"byte {at} ^ {mask:#x}")
    for mask in range(1, 256):
        (index / "CURRENT").write_bytes(raw[:-1] + bytes([raw[-1] ^ mask]))
        is_told(cli("verify", "--index", index), index, str(index / "CURRENT"), f"line end ^ {mask:#x}")


@pytest.mark.parametrize("name", [*FILES, "manifest.json"])
def test_a_file_cut_short_grown_emptied_or_gone_is_named(small: Path, cli: Run, name: str) -> None:
    """Any file of the generation, with a byte less, half of it, nothing in it, a byte more, a folder in its place, or gone."""
    index = small / "index"
    path = folder_of(index) / name
    raw = path.read_bytes()
    for wrong in (raw[:-1], raw[: len(raw) // 2], b"", raw + b"\n"):
        path.write_bytes(wrong)
        is_told(cli("verify", "--index", index), index, str(path), f"{len(wrong)} of {len(raw)} bytes")
    path.unlink()
    is_told(cli("verify", "--index", index), index, str(path), "gone")
    path.mkdir()
    is_told(cli("verify", "--index", index), index, str(path), "a folder")


@pytest.mark.parametrize("name", ["CURRENT", "generations"])
def test_an_index_that_lost_its_frame_is_told(small: Path, cli: Run, name: str) -> None:
    """Without the pointer there is no index; with a pointer to nothing there is a damaged one."""
    index = small / "index"
    (index / name).unlink() if name == "CURRENT" else shutil.rmtree(index / name)
    result = cli("verify", "--index", index)
    assert (result.status, result.out) == (2, "")
    assert result.err.count("\n") == 1
    assert f"retriever index --index {index}" in result.err
    assert str(index) in result.err


def test_a_file_too_many_is_named(small: Path, cli: Run) -> None:
    """What does not belong to a generation is no harm to answers and still told."""
    index = small / "index"
    path = folder_of(index) / "notes.txt"
    path.write_text("mine", encoding="utf-8")
    result = cli("verify", "--index", index)
    is_told(result, index, str(path), "extra")
    assert "does not belong to the index" in result.out


def test_several_faults_are_all_told(small: Path, cli: Run) -> None:
    """One line each, and their number."""
    index = small / "index"
    for name in ("terms.json", "copies.npy", "words.json"):
        flip(folder_of(index) / name, random.Random(name))
    result = cli("verify", "--index", index)
    lines = result.out.rstrip("\n").split("\n")
    assert (result.status, len(lines)) == (1, 4)
    assert [Path(line.split(": ")[0]).name for line in lines[:3]] == ["copies.npy", "terms.json", "words.json"]
    assert "3 faults, 0 changed sources" in lines[3]


def test_the_way_out_leads_out(small: Path, cli: Run) -> None:
    """Doing what the fault says makes the index sound again."""
    index = small / "index"
    flip(folder_of(index) / "passages.faiss", random.Random(0))
    told = cli("verify", "--index", index).out.split("rebuild it with: retriever ")[1].split("\n")[0]
    assert cli(*told.split()).status == 0
    assert cli("verify", "--index", index).status == 0


# sources


def test_a_changed_source_is_told(own: Path, cli: Run) -> None:
    """A page that was edited since is named, is no fault of the index, and is mended by a refresh."""
    page = own / "corpus" / "en.md"
    page.write_text(MINI_PAGES["en.md"] + "\n", encoding="utf-8")
    result = cli("verify", "--index", own / "index")
    first, last = result.out.rstrip("\n").split("\n")
    assert (result.status, result.err) == (1, "")
    assert first.startswith(f"{page}: has changed since it was indexed")
    assert "0 faults, 1 changed sources" in last
    assert cli("index", "--index", own / "index").status == 0
    assert cli("verify", "--index", own / "index").status == 0


def test_missing_unreadable_and_emptied_sources_are_told(own: Path, cli: Run) -> None:
    """Whatever became of a source, it is one line with its name."""
    (own / "corpus" / "en.md").unlink()
    (own / "corpus" / "zh.md").write_bytes(b"")
    (own / "corpus" / "copy.txt").unlink()
    (own / "corpus" / "copy.txt").mkdir()
    result = cli("verify", "--index", own / "index")
    lines = result.out.rstrip("\n").split("\n")
    assert (result.status, result.err, len(lines)) == (1, "", 4)
    for name, line in zip(("copy.txt", "en.md", "zh.md"), lines, strict=False):
        assert str(own / "corpus" / name) in line
    assert "0 faults, 3 changed sources" in lines[3]


def test_touching_a_source_is_no_change(own: Path, cli: Run) -> None:
    """Content counts, not times."""
    page = own / "corpus" / "en.md"
    page.write_bytes(page.read_bytes())
    assert cli("verify", "--index", own / "index").status == 0


# json


def test_json_is_one_object(own: Path, cli: Run) -> None:
    """--json gives the same in one line for programs, with the same status."""
    index = own / "index"

    def found() -> tuple[int, dict[str, Any]]:
        result = cli("verify", "--json", "--index", index)
        assert result.err == ""
        assert result.out.count("\n") == 1
        return result.status, json.loads(result.out)

    status, sound = found()
    assert status == 0
    assert sound == {
        "index": str(index), "sound": True, "faults": [], "changes": [], "files": len(FILES),
        "passages": len(open_index(index)), "sources": 3,
    }  # fmt: skip

    (own / "corpus" / "en.md").unlink()
    status, changed = found()
    assert (status, changed["sound"], changed["faults"], len(changed["changes"])) == (1, False, [], 1)

    flip(folder_of(index) / "terms.json", random.Random(0))
    status, damaged = found()
    assert (status, damaged["sound"], len(damaged["faults"])) == (1, False, 1)
    assert "terms.json" in damaged["faults"][0]
    assert hint(index) in damaged["faults"][0]

    (folder_of(index) / "manifest.json").write_bytes(b"{")
    result = cli("verify", "--json", "--index", index)
    assert (result.status, result.out) == (2, "")
    assert result.err.startswith("error: ")


# records: files that are what the manifest says, and contradict each other


def reseal(index: Path, change: Callable[[Path, dict[str, Any]], None]) -> None:
    """Change files of a generation, or its manifest, and give it checksums and a name that fit."""
    folder = folder_of(index)
    manifest = json.loads((folder / "manifest.json").read_bytes())
    change(folder, manifest)
    for name in manifest["files"]:
        raw = (folder / name).read_bytes()
        manifest["files"][name] = {"bytes": len(raw), "sha256": hashlib.sha256(raw).hexdigest()}
    raw = json.dumps(manifest, ensure_ascii=False, separators=(",", ":")).encode()
    (folder / "manifest.json").write_bytes(raw)
    name = hashlib.sha256(raw).hexdigest()[:16]
    folder.rename(folder.with_name(name))
    (index / "CURRENT").write_text(name + "\n", encoding="utf-8")


def change_passage(**values: Any) -> Callable[[Path, dict[str, Any]], None]:
    """Other values in the second passage."""

    def change(folder: Path, _: dict[str, Any]) -> None:
        rows = [json.loads(line) for line in (folder / "passages.jsonl").read_bytes().splitlines()]
        rows[1].update(values)
        lines = [json.dumps(row, ensure_ascii=False).encode() + b"\n" for row in rows]
        (folder / "passages.jsonl").write_bytes(b"".join(lines))
        np.save(folder / "passages.npy", np.cumsum([0, *map(len, lines)], dtype=np.int64))

    return change


def change_array(name: str, row: int, value: int) -> Callable[[Path, dict[str, Any]], None]:
    def change(folder: Path, _: dict[str, Any]) -> None:
        array = np.load(folder / name)
        array[row] = value
        np.save(folder / name, array)

    return change


def forget_a_source(folder: Path, manifest: dict[str, Any]) -> None:
    rows = json.loads((folder / "sources.json").read_bytes())
    (folder / "sources.json").write_text(json.dumps(rows[1:]), encoding="utf-8")
    manifest["counts"]["sources"] -= 1


def miscount(_: Path, manifest: dict[str, Any]) -> None:
    manifest["counts"]["parents"] += 1


RECORDS: dict[str, tuple[Callable[[Path, dict[str, Any]], None], str]] = {
    "another answer": (change_passage(answer="As small as can be."), "differs from the lines it cites"),
    "an empty answer": (change_passage(answer=""), "differs from the lines it cites"),
    "other pieces": (change_passage(pieces=[[3, 9]]), "copy.txt: passage"),
    "pieces before the page": (change_passage(pieces=[[-5, 2]]), "cites a place that holds no text"),
    "pieces behind the page": (change_passage(pieces=[[900000, 900009]]), "cites a place that holds no text"),
    "an unknown source": (change_passage(source="nowhere.md"), "cites a source that the index does not list"),
    "an unknown parent": (change_passage(parent="nobody"), "is part of a passage that is not there"),
    "another family": (change_array("families.npy", 1, 0), "its family is not its parent's"),
    "a later copy": (change_array("copies.npy", 1, 2), "is a copy of a later passage"),
    "a source too few": (forget_a_source, "cites a source that the index does not list"),
    "a wrong count": (miscount, "the counts of the manifest are not those of the passages"),
}


@pytest.mark.parametrize("change, message", RECORDS.values(), ids=RECORDS)
def test_records_that_contradict_each_other_are_told(
    own: Path, cli: Run, change: Callable[[Path, dict[str, Any]], None], message: str
) -> None:
    """Checksums that fit do not make an index sound: every record is held against the others, every answer against its page."""
    index = own / "index"
    reseal(index, change)
    result = cli("verify", "--index", index)
    assert (result.status, result.err) == (1, ""), result
    faults = [line for line in result.out.split("\n") if message in line]
    assert faults
    assert all(hint(index) in line for line in faults)
    assert "sound" not in result.out


def test_resealing_alone_is_no_fault(own: Path, cli: Run) -> None:
    """The tests above can fail: nothing changed and everything sealed again is sound."""
    reseal(own / "index", lambda folder, manifest: None)
    assert cli("verify", "--index", own / "index").status == 0


# never another answer


@pytest.mark.parametrize("name", [*FILES, "manifest.json", "CURRENT"])
def test_a_flipped_byte_never_gives_another_answer(small: Path, cli: Run, name: str) -> None:
    """Asking an index with any changed byte is refused in one line with the way out; undone, it answers as before."""
    index, dice = small / "index", random.Random("ask " + name)
    path = index / name if name == "CURRENT" else folder_of(index) / name
    ask = ("ask", QUESTION, "--json", "--index", index)
    before, raw = cli(*ask), path.read_bytes()
    assert before.status == 0
    for _ in range(3):
        case = flip(path, dice)
        result = cli(*ask)
        assert (result.status, result.out) == (2, ""), case
        assert result.err.startswith("error: "), case
        assert result.err.count("\n") == 1, case
        assert hint(index) in result.err, case
        path.write_bytes(raw)
    assert cli(*ask) == before


def test_many_flips_are_all_refused(small: Path) -> None:
    """A hundred changed bytes, one at a time, in files drawn by their size."""
    index, dice = small / "index", random.Random(20261121)
    paths = [path for path in folder_of(index).iterdir() if path.is_file()]
    for _ in range(100):
        path = dice.choices(paths, [one.stat().st_size for one in paths])[0]
        raw, case = path.read_bytes(), flip(path, dice)
        with pytest.raises(IndexUnusableError) as refused:
            open_index(index)
        assert hint(index) in str(refused.value), case
        path.write_bytes(raw)
    assert open_index(index)
