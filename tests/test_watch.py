"""`retriever index --watch`: the index follows its corpus, whatever happens to it, until Ctrl-C."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from conftest import CHECKOUT, MINI_PAGES, Run

from retriever.errors import InputError, RetrieverError
from retriever.indexing import open_index

watchfiles = pytest.importorskip("watchfiles")

PAGE = "# Notes\n\n## What does {} do?\n\nIt does what {} has always done.\n"


def wait_until(true: Callable[[], object], seconds: float) -> bool:
    """True when `true()` comes true in time."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if true():
            return True
        time.sleep(0.05)
    return False


class Watching:
    """A watching process on `corpus`, with what it has said on stderr."""

    def __init__(self, folder: Path, corpus: Path, index: Path) -> None:
        self.index, self._said = index, folder / "said"
        with self._said.open("wb") as said:
            self.process = subprocess.Popen(
                [sys.executable, str(CHECKOUT / "cli.py"), "index", str(corpus), "--index", str(index), "--watch"],
                stdout=said,
                stderr=said,
                cwd=folder,
                env=os.environ | {"PYTHONPATH": str(CHECKOUT)},
            )

    def said(self) -> str:
        return self._said.read_text(encoding="utf-8")

    def wait_for(self, words: str, seconds: float = 20) -> None:
        assert wait_until(lambda: words in self.said() or self.process.poll() is not None, seconds), self.said()
        assert words in self.said(), self.said()

    def questions(self) -> set[str]:
        opened = open_index(self.index)
        return {opened.passage(row).question for row in range(len(opened))}

    def wait_for_question(self, question: str, there: bool = True) -> None:
        assert wait_until(lambda: (question in self.questions()) == there, 20), self.said()
        assert self.process.poll() is None, self.said()

    def end(self) -> int:
        self.process.send_signal(signal.SIGINT)
        return self.process.wait(timeout=20)


@pytest.fixture
def corpus(tmp_path: Path) -> Path:
    folder = tmp_path / "corpus"
    folder.mkdir()
    (folder / "en.md").write_text(MINI_PAGES["en.md"], encoding="utf-8")
    return folder


@pytest.fixture
def start(tmp_path: Path, corpus: Path) -> Iterator[Callable[[Path], Watching]]:
    """Start watching with the index at a path, and wait until it watches; ended with the test."""
    begun: list[Watching] = []

    def call(index: Path) -> Watching:
        begun.append(Watching(tmp_path, corpus, index))
        begun[-1].wait_for("watching ", 60)
        return begun[-1]

    yield call
    for one in begun:
        if one.process.poll() is None:
            one.process.kill()
            one.process.wait()


def test_the_index_follows_its_corpus_until_interrupted(
    tmp_path: Path, corpus: Path, start: Callable[[Path], Watching]
) -> None:
    """Changed and new files are in the index in seconds; a corpus that cannot be built is told and got over; Ctrl-C is status 130."""
    watching = start(tmp_path / "index")
    assert "What is max pooling good for?" in watching.questions()

    (corpus / "en.md").write_text(PAGE.format("momentum", "momentum"), encoding="utf-8")
    watching.wait_for_question("What does momentum do?")
    assert watching.questions() == {"What does momentum do?"}

    (corpus / "en.md").unlink()
    watching.wait_for("error: ")
    assert "no document" in watching.said()
    assert watching.process.poll() is None
    assert watching.questions() == {"What does momentum do?"}, "the last good index goes on serving"

    (corpus / "new").mkdir()
    (corpus / "new" / "page.md").write_text(PAGE.format("warm-up", "warm-up"), encoding="utf-8")
    watching.wait_for_question("What does warm-up do?")
    assert watching.questions() == {"What does warm-up do?"}

    assert watching.end() == 130
    assert "Traceback" not in watching.said()


def test_an_index_inside_its_corpus_does_not_wake_the_watch(corpus: Path, start: Callable[[Path], Watching]) -> None:
    """What a refresh writes is no change of the corpus, wherever the index lies: one change, one refresh."""
    watching = start(corpus / "index")
    before = watching.said().count(" passages (")
    (corpus / "en.md").write_text(PAGE.format("momentum", "momentum"), encoding="utf-8")
    watching.wait_for_question("What does momentum do?")
    time.sleep(3.5)
    assert watching.said().count(" passages (") == before + 1, watching.said()
    assert watching.end() == 130


def test_a_watched_file_may_be_replaced(tmp_path: Path, corpus: Path) -> None:
    """Editors move the new version of a file into its place: that is seen each time, and what happens beside the file is not."""
    watching = Watching(tmp_path, corpus / "en.md", tmp_path / "index")
    try:
        watching.wait_for("watching ", 60)
        for subject in ("momentum", "warm-up"):
            (corpus / "new").write_text(PAGE.format(subject, subject), encoding="utf-8")
            (corpus / "new").replace(corpus / "en.md")
            watching.wait_for_question(f"What does {subject} do?")
        time.sleep(2)  # what the last replacement still has to say
        before = watching.said()
        (corpus / "beside.md").write_text(PAGE.format("nothing", "nothing"), encoding="utf-8")
        time.sleep(2)
        assert watching.said() == before
        assert watching.end() == 130
    finally:
        watching.process.kill()
        watching.process.wait()


def test_changes_during_the_first_build_are_not_lost(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file that changes before the watcher stands is found by a look when it does; the first refresh alone is not `again`."""
    from retriever.commands.watching import watch_corpus

    def quiet_then_ended(*_: Path, **options: object) -> Iterator[set[object]]:
        assert options["yield_on_timeout"]
        assert options["raise_interrupt"]
        yield set()
        yield set()
        yield {("added", "x")}

    calls: list[bool] = []
    monkeypatch.setattr(watchfiles, "watch", quiet_then_ended)
    watch_corpus([tmp_path], tmp_path / "index", calls.append)
    assert calls == [False, True, True]


def test_a_first_build_that_fails_ends_the_watch_at_once(tmp_path: Path) -> None:
    """Nothing to build from is an error like that of `retriever index`, not something to wait for."""
    from retriever.commands.watching import watch_corpus

    def refresh(_: bool) -> None:
        raise InputError("nothing there")

    with pytest.raises(RetrieverError, match="nothing there"):
        watch_corpus([tmp_path], tmp_path / "index", refresh)


def test_without_watchfiles_the_way_to_get_it_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """--watch names the package it lacks, before anything is built."""
    from retriever.commands.watching import watch_corpus

    monkeypatch.setitem(sys.modules, "watchfiles", None)
    calls: list[bool] = []
    with pytest.raises(InputError, match="pip install watchfiles"):
        watch_corpus([tmp_path], tmp_path / "index", calls.append)
    assert calls == []


def test_watching_a_corpus_of_ones_own_ends_our_claim_on_the_folder(
    tmp_path: Path, corpus: Path, cli: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The mark that lets the program rebuild its own index of the handbook goes, as without --watch."""

    def once(_roots: list[Path], _directory: Path, refresh: Callable[[bool], object]) -> int:
        refresh(False)
        return 0

    monkeypatch.setattr("retriever.commands.watching.watch_corpus", once)
    (tmp_path / "index").mkdir()
    (tmp_path / "index" / "BUNDLED").write_text("ours\n", encoding="utf-8")
    assert cli("index", corpus, "--index", tmp_path / "index", "--watch").status == 0
    assert not (tmp_path / "index" / "BUNDLED").exists()
