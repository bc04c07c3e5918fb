"""Builds that are killed: twenty kills of `benchmarks/kill_builds.py`, and that its looking finds what it looks for."""

import os
import re
import shutil
import sqlite3
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from conftest import CHECKOUT
from making import load_file

from retriever.encoders.static import StaticEncoder
from retriever.generations import building
from retriever.indexing import open_index
from retriever.pipeline import build

SCRIPT = CHECKOUT / "benchmarks" / "kill_builds.py"


@pytest.fixture(scope="module")
def script() -> Any:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, "environ", os.environ.copy())  # what it sets for its own processes
        patch.setattr(sys, "path", list(sys.path))
        return load_file(SCRIPT)


@pytest.fixture(scope="module")
def _two(tmp_path_factory: pytest.TempPathFactory, script: Any, encoder: StaticEncoder) -> tuple[Path, dict[str, str]]:
    """A folder with a corpus and an index that has served A and serves B, and what each version answers."""
    folder = tmp_path_factory.mktemp("two")
    expected = {}
    for version in ("A", "B"):
        script.write_corpus(folder / "corpus", version)
        build([folder / "corpus"], folder / "index", encoder)
        expected[version] = script.answers(folder / "index", encoder)
    return folder, expected


@pytest.fixture
def two(tmp_path: Path, _two: tuple[Path, dict[str, str]]) -> tuple[Path, dict[str, str]]:
    """An index of one's own that serves B, and what each version answers."""
    shutil.copytree(_two[0] / "index", tmp_path / "index")
    return tmp_path / "index", _two[1]


def test_whenever_a_build_is_killed_the_index_answers_as_before_or_as_the_new_one() -> None:
    """Twenty kills, anywhere, in the switch and in the cache: no violation, and kills on both sides of the switch."""
    done = subprocess.run(
        [sys.executable, str(SCRIPT), "--kills", "20", "--seed", "7"],
        capture_output=True, encoding="utf-8", timeout=240, check=False,
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (0, "")
    found = re.fullmatch(
        r"20 kills \(10 anywhere, 5 cache, 5 switch\): (\d+) before the switch, (\d+) after it, (\d+) after .*; 0 violations\n",
        done.stdout,
    )
    assert found, done.stdout
    before, after, ended = map(int, found.groups())
    assert before
    assert after
    assert before + after + ended == 20


def test_the_script_tells_the_versions_apart(
    script: Any, two: tuple[Path, dict[str, str]], encoder: StaticEncoder
) -> None:
    """What serves is named by its answers; any other answer, one character apart, is a mixed one."""
    index, expected = two
    assert expected["A"] != expected["B"]
    assert script.served(index, encoder, expected) == "B"
    assert script.served(index, encoder, {"A": expected["A"], "B": expected["B"] + " "}).startswith("a mixed answer")


def test_the_script_finds_a_damaged_index(
    script: Any, two: tuple[Path, dict[str, str]], encoder: StaticEncoder
) -> None:
    """One changed byte of one file is a violation."""
    index, expected = two
    file = open_index(index).folder / "passages.jsonl"
    file.write_bytes(file.read_bytes().replace(b"overshoots", b"overshootz"))
    assert script.served(index, encoder, expected).startswith("the index cannot be used")


def test_the_script_finds_a_damaged_cache(script: Any, two: tuple[Path, dict[str, str]]) -> None:
    """A cache whose pages are overwritten does not pass, one that is whole or not there does."""
    index, _ = two
    assert script.cache_fault(index) == ""
    with (index / "cache.sqlite").open("r+b") as file:
        file.seek(4096)
        file.write(b"\xff" * 8192)
    assert script.cache_fault(index) != ""
    (index / "cache.sqlite").unlink()
    assert script.cache_fault(index) == ""


@pytest.mark.parametrize("name", [".CURRENT.7", "BUILDER", "generations/.building-7-00"])
def test_the_script_finds_leftovers(script: Any, two: tuple[Path, dict[str, str]], name: str) -> None:
    """Whatever a broken-off build leaves is named."""
    index, _ = two
    assert script.leftovers(index) == []
    (index / name).mkdir()
    assert script.leftovers(index) == [f"left over: {name}"]


def test_a_generation_that_was_never_pointed_at_goes_with_the_next_build(
    script: Any, two: tuple[Path, dict[str, str]]
) -> None:
    """Killed between putting a generation in place and pointing at it, builds do not fill the disk, even when the next has nothing to do."""
    index, _ = two
    serving = open_index(index).folder
    for name in ("0000000000000001", "0000000000000002"):
        shutil.copytree(serving, index / "generations" / name)
    assert script.leftovers(index) == ["4 generations"]
    with building(index):
        pass
    assert script.leftovers(index) == []
    assert open_index(index).folder == serving


def test_a_cache_cut_off_in_the_middle_is_made_anew(
    two: tuple[Path, dict[str, str]], script: Any, encoder: StaticEncoder
) -> None:
    """Half a cache is forgotten, and the build goes on as without one."""
    index, expected = two
    raw = (index / "cache.sqlite").read_bytes()
    (index / "cache.sqlite").write_bytes(raw[: len(raw) // 2])
    corpus = Path(open_index(index).manifest["settings"]["roots"][0])
    script.write_corpus(corpus, "A")
    try:
        build([corpus], index, encoder)
    finally:
        script.write_corpus(corpus, "B")
    assert script.served(index, encoder, expected) == "A"
    assert script.cache_fault(index) == ""
    base = sqlite3.connect(index / "cache.sqlite")
    try:
        assert base.execute("SELECT count(*) FROM step").fetchone()[0] > 0
    finally:
        base.close()
