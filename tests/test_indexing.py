"""The index directory: what goes in comes out, generations switch at once, and damage is named."""

import hashlib
import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from conftest import CHECKOUT
from doubles import KeywordEncoder, make_passage, write_passages
from hypothesis import given, settings
from hypothesis import strategies as st

from retriever import indexing
from retriever.analysis import ANALYZER_VERSION
from retriever.documents import Passage
from retriever.errors import IndexUnusableError, InputError, ModelMismatchError
from retriever.generations import FORMAT_VERSION, is_built
from retriever.indexing import open_index, read_passage
from retriever.locations import bundled_corpus
from retriever.search import Retriever

PASSAGES = [
    make_passage("p1", "What is dropout?", "Dropout zeroes activations.\n\n    keep = mask / p"),
    make_passage("p2", "什么是批归一化？", "批归一化把每个通道标准化。", heading_path=("训练", "归一化")),
    make_passage("p3", "part", "A part of it.", parent="p2", heading_path=("什么是批归一化？",)),
]
FILES = (
    "axes.npy", "copies.npy", "families.npy", "passages.faiss", "passages.jsonl", "passages.npy", "sentence_codes.npy", "sentence_spans.npy",
    "sentence_starts.npy", "sentence_units.npy", "side_scales.npy", "side_vectors.npy", "sources.json", "term_rows.npy", "term_starts.npy",
    "term_weights.npy", "terms.json", "words.json",
)  # fmt: skip


def generation(directory: Path) -> Path:
    return directory / "generations" / (directory / "CURRENT").read_text(encoding="utf-8").strip()


def generations(directory: Path) -> list[str]:
    return sorted(path.name for path in (directory / "generations").iterdir())


def change_manifest(directory: Path, **values: Any) -> None:
    """Write other values into a manifest, and name the generation by its new checksum, as a program of another version would."""
    folder = generation(directory)
    raw = json.dumps(json.loads((folder / "manifest.json").read_bytes()) | values).encode()
    (folder / "manifest.json").write_bytes(raw)
    name = hashlib.sha256(raw).hexdigest()[:16]
    folder.rename(folder.with_name(name))
    (directory / "CURRENT").write_text(name + "\n", encoding="utf-8")


def questions_of(directory: Path) -> list[str]:
    opened = open_index(directory)
    return [opened.passage(row).question for row in range(len(opened))]


@pytest.fixture
def built(tmp_path: Path) -> Path:
    return write_passages(tmp_path / "index", PASSAGES)


def test_passages_come_back_as_they_went_in(built: Path) -> None:
    """Every field of every passage survives, in row order."""
    opened = open_index(built)
    assert [opened.passage(row) for row in range(len(opened))] == PASSAGES


@settings(max_examples=100, deadline=None)
@given(
    question=st.text(max_size=30),
    answer=st.text(max_size=60),
    path=st.lists(st.text(max_size=8), max_size=3),
    parent=st.none() | st.text(max_size=8),
)
def test_any_passage_survives_its_json_form(question: str, answer: str, path: list[str], parent: str | None) -> None:
    """Whatever text a passage holds, its JSON form gives it back."""
    from dataclasses import asdict

    passage = make_passage("x", question, answer, parent=parent, heading_path=tuple(path))
    assert read_passage(json.loads(json.dumps(asdict(passage), ensure_ascii=False))) == passage


def test_passages_with_broken_surrogates_survive(tmp_path: Path) -> None:
    """Half a surrogate pair in a page neither stops a build nor shifts the passages behind it."""
    passages = [make_passage("a", "What is \ud83d?", "half \ude00 a pair"), PASSAGES[1]]
    opened = open_index(write_passages(tmp_path / "index", passages))
    assert [opened.passage(row) for row in range(2)] == passages


def test_the_manifest_tells_what_the_index_holds(built: Path) -> None:
    """Format, analyzer, encoder, corpus digest, counts, level, settings, what was not read, and every file with its size and checksum."""
    manifest = open_index(built).manifest
    assert set(manifest) == {
        "format_version", "analyzer_version", "encoder", "corpus_digest", "counts", "level", "settings", "skipped",
        "files",
    }  # fmt: skip
    assert (manifest["format_version"], manifest["analyzer_version"]) == (FORMAT_VERSION, ANALYZER_VERSION)
    assert manifest["encoder"] == KeywordEncoder().identity.as_dict()
    assert manifest["counts"] == {"sources": 1, "passages": 3, "parents": 2}
    assert (manifest["settings"], manifest["skipped"]) == ({"roots": ["/corpus"]}, [])
    assert len(manifest["corpus_digest"]) == 64
    assert sorted(manifest["files"]) == list(FILES)
    for name, entry in manifest["files"].items():
        assert entry["bytes"] == (generation(built) / name).stat().st_size


def test_the_corpus_digest_follows_the_sources(tmp_path: Path, mini_corpus: Path) -> None:
    """Changing one byte of one source changes the digest of the corpus."""
    from retriever.pipeline import build

    digests = []
    for text in ("\n", "\n\n"):
        page = mini_corpus / "en.md"
        page.write_text(page.read_text(encoding="utf-8") + text, encoding="utf-8")
        build([mini_corpus], tmp_path / "index", KeywordEncoder())
        digests.append(open_index(tmp_path / "index").manifest["corpus_digest"])
    assert digests[0] != digests[1]


def test_a_failing_build_leaves_the_old_generation_serving(built: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A disk that fails half-way is reported; the index answers as before and nothing half-made stays."""

    def fail(*_: Any) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(indexing.LexicalIndex, "save", fail)
    with pytest.raises(InputError, match="No space left"):
        write_passages(built, PASSAGES[:1])
    assert questions_of(built) == [p.question for p in PASSAGES]
    assert generations(built) == [generation(built).name]


def test_a_build_that_stops_for_another_reason_leaves_the_old_generation_serving(
    built: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An interrupt in the middle passes through, and the index answers as before."""

    def interrupt(*_: Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(indexing.DenseIndex, "save", interrupt)
    with pytest.raises(KeyboardInterrupt):
        write_passages(built, PASSAGES[:1])
    assert questions_of(built) == [p.question for p in PASSAGES]
    assert generations(built) == [generation(built).name]


def test_readers_see_the_old_generation_until_the_switch(built: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """While a generation is written, one who opens the index gets the old one; afterwards the new one."""
    seen: list[list[str]] = []
    switch = indexing.switch

    def look_then_switch(*arguments: Any) -> None:
        seen.append(questions_of(built))
        switch(*arguments)

    monkeypatch.setattr(indexing, "switch", look_then_switch)
    write_passages(built, PASSAGES[:1])
    assert seen == [[p.question for p in PASSAGES]]
    assert questions_of(built) == [PASSAGES[0].question]


def look_at_every_rename(
    directory: Path, monkeypatch: pytest.MonkeyPatch, seen: list[int], name: str
) -> Callable[..., None]:
    original = getattr(os, name)

    def look(*arguments: Any) -> None:
        seen.append(len(open_index(directory)))
        original(*arguments)
        seen.append(len(open_index(directory)))

    monkeypatch.setattr(os, name, look)
    return look


def test_every_step_of_a_switch_leaves_an_index_that_opens(built: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Between any two renames of a switch to new content, the index opens."""
    seen: list[int] = []
    look_at_every_rename(built, monkeypatch, seen, "rename")
    look_at_every_rename(built, monkeypatch, seen, "replace")
    write_passages(built, PASSAGES[:1])
    assert seen == [3, 3, 3, 1]


def test_building_unchanged_content_leaves_an_index_that_opens_at_every_step(
    built: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Rebuilding what has not changed is as atomic as any build."""
    seen: list[int] = []
    look_at_every_rename(built, monkeypatch, seen, "rename")
    look_at_every_rename(built, monkeypatch, seen, "replace")
    write_passages(built, PASSAGES)
    assert set(seen) <= {3}


def test_building_unchanged_content_gives_the_same_generation(built: Path) -> None:
    """A generation is named by its content."""
    before = generation(built).name
    write_passages(built, PASSAGES)
    assert generation(built).name == before
    assert generations(built) == [before]
    assert questions_of(built) == [p.question for p in PASSAGES]


def test_an_open_index_goes_on_answering_after_two_rebuilds(built: Path) -> None:
    """One who opened a generation reads from it even when it is gone from the folder."""
    opened = open_index(built)
    write_passages(built, PASSAGES[:1])
    write_passages(built, PASSAGES[1:])
    assert [opened.passage(row) for row in range(3)] == PASSAGES


def test_folders_of_a_build_that_died_are_ignored(built: Path) -> None:
    """A half-written folder that a crash left behind troubles neither reader nor builder."""
    left = built / "generations" / ".building-dead"
    left.mkdir()
    (left / "manifest.json").write_text("{", encoding="utf-8")
    assert questions_of(built) == [p.question for p in PASSAGES]
    write_passages(built, PASSAGES[:1])
    assert questions_of(built) == [PASSAGES[0].question]


def test_old_generations_are_cleaned_up(built: Path) -> None:
    """The serving generation and the one before it stay; older ones go."""
    names = [generation(built).name]
    for passages in (PASSAGES[:1], PASSAGES[1:], PASSAGES[:2]):
        write_passages(built, passages)
        names.append(generation(built).name)
    assert generations(built) == sorted(names[-2:])
    assert not [path for path in built.iterdir() if path.name.startswith(".")]


def test_a_folder_without_an_index_says_how_to_make_one(tmp_path: Path) -> None:
    """Nothing there is an error with the command that makes it."""
    assert not is_built(tmp_path)
    with pytest.raises(IndexUnusableError, match=f"retriever index --index {tmp_path}"):
        open_index(tmp_path)


@pytest.mark.parametrize("field", ["format_version", "analyzer_version"])
def test_an_index_of_another_version_is_refused_with_both_versions(built: Path, field: str) -> None:
    """Another format or analyzer is named, with what this program reads and how to rebuild."""
    change_manifest(built, **{field: 99})
    with pytest.raises(IndexUnusableError, match=r"version.*99.*this one reads.*retriever index"):
        open_index(built)


@pytest.mark.parametrize("name", [*FILES, "manifest.json"])
def test_a_missing_file_is_named(built: Path, name: str) -> None:
    """Whichever file is gone, the error names it and how to rebuild."""
    (generation(built) / name).unlink()
    with pytest.raises(IndexUnusableError, match=rf"{name}: missing.*retriever index --index"):
        open_index(built)


@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize("where", [0.0, 0.5, 1.0], ids=["first byte", "middle", "last byte"])
def test_one_flipped_byte_is_found_and_its_file_named(built: Path, name: str, where: float) -> None:
    """A single changed byte anywhere in any file is an error that names the file."""
    path = generation(built) / name
    raw = bytearray(path.read_bytes())
    raw[round(where * (len(raw) - 1))] ^= 0x01
    path.write_bytes(raw)
    with pytest.raises(IndexUnusableError, match=rf"{name}: damaged"):
        open_index(built)


@pytest.mark.parametrize("name", FILES)
def test_a_file_cut_short_is_named(built: Path, name: str) -> None:
    """A file that lost its end is an error that names it."""
    path = generation(built) / name
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(IndexUnusableError, match=rf"{name}: damaged"):
        open_index(built)


@pytest.mark.parametrize("content", ["", "{", "[]", "null", "{}", '{"format_version": 1}'])
def test_a_truncated_manifest_is_named(built: Path, content: str) -> None:
    """A manifest that is not whole is an error that names it and how to rebuild."""
    (generation(built) / "manifest.json").write_text(content, encoding="utf-8")
    with pytest.raises(IndexUnusableError, match=r"manifest\.json: missing or damaged; .*retriever index"):
        open_index(built)


def test_half_a_manifest_is_named(built: Path) -> None:
    """Cut anywhere, a manifest is no manifest."""
    path = generation(built) / "manifest.json"
    raw = path.read_bytes()
    for size in range(0, len(raw), 97):
        path.write_bytes(raw[:size])
        with pytest.raises(IndexUnusableError, match=r"manifest\.json"):
            open_index(built)


def test_one_flipped_byte_in_the_manifest_is_found(built: Path) -> None:
    """A single changed byte of the manifest is found like that of any other file."""
    path = generation(built) / "manifest.json"
    raw = path.read_bytes()
    for at in range(len(raw)):
        path.write_bytes(raw[:at] + bytes([raw[at] ^ 0x01]) + raw[at + 1 :])
        with pytest.raises(IndexUnusableError):
            open_index(built)


@pytest.mark.parametrize("content", ["", "\n", "../../etc", ".building-x", "gone", "a\0b"])
def test_a_damaged_pointer_is_an_unusable_index(built: Path, content: str) -> None:
    """A CURRENT that points nowhere, or out of the folder, is an error with the command that repairs it."""
    (built / "CURRENT").write_text(content, encoding="utf-8")
    with pytest.raises(IndexUnusableError, match="retriever index"):
        open_index(built)


def test_files_of_two_indexes_do_not_mix(tmp_path: Path) -> None:
    """Files that are whole but of different row counts are refused."""
    one, other = write_passages(tmp_path / "one", PASSAGES), write_passages(tmp_path / "other", PASSAGES[:1])
    manifest = json.loads((generation(one) / "manifest.json").read_text(encoding="utf-8"))
    for name in ("passages.faiss", "side_vectors.npy", "side_scales.npy"):
        (generation(one) / name).write_bytes((generation(other) / name).read_bytes())
        manifest["files"][name] = open_index(other).manifest["files"][name]
    change_manifest(one, files=manifest["files"])
    with pytest.raises(IndexUnusableError, match="do not belong together"):
        open_index(one)


def test_another_encoder_is_a_mismatch_with_the_rebuild_command(built: Path) -> None:
    """Asking with an encoder the index was not built with names both and the command that rebuilds."""
    with pytest.raises(
        ModelMismatchError, match=r"keywords.*one-hot.*other.*retriever index --index .* --model keywords"
    ):
        Retriever(open_index(built), KeywordEncoder("other"))


def test_a_mismatch_is_caught_as_an_unusable_index(built: Path) -> None:
    """Who handles unusable indexes handles a wrong encoder too."""
    with pytest.raises(IndexUnusableError):
        open_index(built).check_encoder(KeywordEncoder("other"))


def test_a_place_that_cannot_be_written_is_an_input_error(tmp_path: Path) -> None:
    """A folder that cannot be made is named, with the ways to choose another."""
    (tmp_path / "file").write_text("in the way", encoding="utf-8")
    with pytest.raises(InputError, match="--index or RETRIEVER_INDEX"):
        write_passages(tmp_path / "file" / "index", PASSAGES)


@pytest.mark.skipif(os.geteuid() == 0, reason="root writes everywhere")
def test_a_read_only_folder_is_an_input_error_and_goes_on_serving(built: Path) -> None:
    """An index that may not be written is not rebuilt and still answers."""
    (built / "generations").chmod(0o500)
    try:
        with pytest.raises(InputError, match="cannot be written"):
            write_passages(built, PASSAGES[:1])
        assert questions_of(built) == [p.question for p in PASSAGES]
    finally:
        (built / "generations").chmod(0o700)


def test_an_index_can_be_moved(built: Path, tmp_path: Path) -> None:
    """Nothing inside an index depends on where it lies."""
    os.rename(built, tmp_path / "elsewhere")
    assert questions_of(tmp_path / "elsewhere") == [p.question for p in PASSAGES]


def test_one_passage_is_read_without_the_others(built: Path) -> None:
    """Passages are read by row, in any order and again."""
    opened = open_index(built)
    assert [opened.passage(row).id for row in (2, 0, 2, 1)] == ["p3", "p1", "p3", "p2"]


def test_an_index_is_as_readable_as_other_new_folders(built: Path, tmp_path: Path) -> None:
    """An index built by one user for others can be read by them: its folders follow the umask."""
    (tmp_path / "plain").mkdir()
    assert generation(built).stat().st_mode == (tmp_path / "plain").stat().st_mode


BUILD = (
    "import sys; from pathlib import Path; from retriever.encoders.load import load_encoder; from retriever.pipeline import build;"
    "build([Path(sys.argv[1])], Path(sys.argv[2]), load_encoder())"
)


def test_builds_do_not_depend_on_hash_seed_or_place(tmp_path: Path) -> None:
    """Two copies of the bundled corpus, built under different hash seeds, differ in nothing but recorded paths."""
    import shutil

    processes = []
    for seed in ("1", "2718"):
        corpus = tmp_path / seed / "corpus"
        shutil.copytree(bundled_corpus(), corpus)
        processes.append(
            subprocess.Popen(
                [sys.executable, "-c", BUILD, str(corpus), str(tmp_path / seed / "index")],
                env=os.environ | {"PYTHONHASHSEED": seed, "PYTHONPATH": str(CHECKOUT)},
            )
        )
    assert [process.wait(timeout=120) for process in processes] == [0, 0]
    one, other = (generation(tmp_path / seed / "index") for seed in ("1", "2718"))
    for name in FILES:
        if name != "sources.json":
            assert (one / name).read_bytes() == (other / name).read_bytes(), name
    for name in ("sources.json", "manifest.json"):
        texts = [
            (folder / name).read_text(encoding="utf-8").replace(str(tmp_path / seed), "")
            for folder, seed in ((one, "1"), (other, "2718"))
        ]
        values = [json.loads(text) for text in texts]
        for value in values:
            if name == "manifest.json":
                del value["files"]["sources.json"]
                del value["settings"]["made_of"]  # a digest of the paths, too
        assert values[0] == values[1], name


def test_rows_follow_sources_and_places(bundled: Path) -> None:
    """Row order is fixed by the corpus: by source name, then by place in the page."""
    opened = open_index(bundled)
    passages = [opened.passage(row) for row in range(len(opened))]

    def key(passage: Passage) -> tuple[str, int]:
        return passage.source, passage.question_lines[0]

    assert [passage.source for passage in passages] == sorted(passage.source for passage in passages)
    parents = [passage for passage in passages if passage.parent is None]
    assert parents == sorted(parents, key=key)


def test_ids_are_unique_and_parents_exist(bundled: Path) -> None:
    """Every id names one passage, and every part names a passage that is no part itself."""
    opened = open_index(bundled)
    passages = {p.id: p for p in (opened.passage(row) for row in range(len(opened)))}
    assert len(passages) == len(opened)
    for passage in passages.values():
        if passage.parent is not None:
            assert passages[passage.parent].parent is None
