"""Several at once: one builder at a time, readers that never notice, and sessions that follow the index."""

import json
import multiprocessing
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import pytest
from conftest import CHECKOUT, MINI_PAGES, STARTED
from doubles import KeywordEncoder

from retriever.answer import answer
from retriever.citations import Places
from retriever.commands import ask as ask_command
from retriever.commands.opening import follow, open_retriever
from retriever.encoders.load import load_encoder
from retriever.encoders.static import StaticEncoder
from retriever.errors import IndexUnusableError
from retriever.generations import building, is_built
from retriever.indexing import open_index
from retriever.pipeline import build
from retriever.rendering import answer_object
from retriever.search import Retriever

pytestmark = pytest.mark.usefixtures("none_left")

QUESTION = "学习率太大会怎样？"
OTHER = "# 训练问答\n\n## 学习率太大会怎样？\n\n第 {} 版说：损失越来越大。\n"
SPAWN = multiprocessing.get_context("spawn")

# A build that says when it holds the folder, and then waits for a line: another process may be waiting for it as long as is wanted.
HOLD = """
import sys
from pathlib import Path
from retriever.encoders.load import load_encoder
from retriever import pipeline
encode = pipeline.index_passages
def wait(*arguments):
    print("building", flush=True)
    sys.stdin.readline()
    encode(*arguments)
pipeline.index_passages = wait
pipeline.build([Path(sys.argv[1])], Path(sys.argv[2]), load_encoder())
"""


def write_version(folder: Path, number: int) -> Path:
    """A corpus of one page whose answer names its version."""
    folder.mkdir(exist_ok=True)
    (folder / "zh.md").write_text(OTHER.format(number), encoding="utf-8")
    return folder


def told(retriever: Retriever) -> str:
    """The first answer to QUESTION."""
    return answer(retriever, QUESTION, 1, 0).choices[0].hit.passage.answer


def serves(directory: Path, encoder: StaticEncoder) -> str:
    return told(Retriever(open_index(directory), encoder))


def ours(program: str = "", *arguments: str | Path, env: dict[str, str] | None = None) -> "subprocess.Popen[str]":
    """A process of its own: a text to run, or the program with these arguments."""
    head = ["-c", program] if program else [str(CHECKOUT / "cli.py")]
    process = subprocess.Popen(
        [sys.executable, *head, *map(str, arguments)],
        env=os.environ | {"PYTHONPATH": str(CHECKOUT)} | (env or {}),
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, encoding="utf-8",
    )  # fmt: skip
    STARTED.append(process)
    return process


def wait_for(condition: Any, seconds: float = 60) -> None:
    until = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < until, "waited in vain"
        time.sleep(0.02)


def holding(corpus: Path, directory: Path) -> "subprocess.Popen[str]":
    """A build of `corpus` by another process that has begun and waits for a line."""
    process = ours(HOLD, corpus, directory)
    assert process.stdout
    assert process.stdout.readline() == "building\n"
    return process


@pytest.fixture
def built(tmp_path: Path, encoder: StaticEncoder) -> Path:
    """An index that serves version 0."""
    build([write_version(tmp_path / "zero", 0)], tmp_path / "index", encoder)
    return tmp_path / "index"


# builders


def test_a_second_builder_waits_says_for_whom_and_then_serves_its_own(
    tmp_path: Path, built: Path, encoder: StaticEncoder
) -> None:
    """While one process builds, another says which one it waits for, and builds after it; nothing is mixed and nothing left over."""
    first = holding(write_version(tmp_path / "one", 1), built)
    second = ours("", "index", write_version(tmp_path / "two", 2), "--index", built)
    assert second.stderr
    line = second.stderr.readline()
    assert line.startswith(f"{built}: waiting for another build (process {first.pid} since ")
    assert serves(built, encoder) == "第 0 版说：损失越来越大。"
    first.communicate("\n", timeout=60)
    _, err = second.communicate(timeout=60)
    assert (first.returncode, second.returncode) == (0, 0)
    assert "waiting" not in err
    assert serves(built, encoder) == "第 2 版说：损失越来越大。"
    assert {path.name for path in built.iterdir()} - {".lock"} == {"CURRENT", "cache.sqlite", "generations"}
    assert len(list((built / "generations").iterdir())) == 2


def test_a_builder_that_was_killed_leaves_no_lock(tmp_path: Path, built: Path, encoder: StaticEncoder) -> None:
    """After SIGKILL in the middle of a build the next one begins at once, without a word of waiting, and clears up."""
    first = holding(write_version(tmp_path / "one", 1), built)
    (built / "generations" / f".building-{first.pid}-00").mkdir()
    first.kill()
    first.communicate(timeout=60)
    assert (built / "BUILDER").exists()
    heard: list[str] = []
    build([write_version(tmp_path / "two", 2)], built, encoder, told=heard.append)
    assert heard == []
    assert serves(built, encoder) == "第 2 版说：损失越来越大。"
    assert not (built / "BUILDER").exists()
    assert not [path for path in (built / "generations").iterdir() if path.name.startswith(".")]


def test_one_who_waits_is_freed_when_the_builder_is_killed(tmp_path: Path, built: Path, encoder: StaticEncoder) -> None:
    """A builder that dies hands the folder to the one that waits."""
    first = holding(write_version(tmp_path / "one", 1), built)
    second = ours("", "index", write_version(tmp_path / "two", 2), "--index", built)
    assert second.stderr
    assert "waiting" in second.stderr.readline()
    first.kill()
    first.communicate(timeout=60)
    second.communicate(timeout=60)
    assert second.returncode == 0
    assert serves(built, encoder) == "第 2 版说：损失越来越大。"


def test_one_who_waits_says_so_even_when_nobody_knows_for_whom(tmp_path: Path) -> None:
    """The note of who builds is written after the lock is taken; without it the waiting is told all the same."""
    heard: list[str] = []
    free = threading.Event()

    def wait() -> None:
        with building(tmp_path, heard.append):
            free.set()

    with building(tmp_path):
        (tmp_path / "BUILDER").unlink()
        waiting = threading.Thread(target=wait)
        waiting.start()
        wait_for(lambda: heard)
        assert not free.is_set()
    waiting.join(60)
    assert heard == [f"{tmp_path}: waiting for another build"]
    assert free.is_set()


def test_two_that_build_the_same_build_it_once(tmp_path: Path, encoder: StaticEncoder) -> None:
    """The second finds what it would have made, and leaves it."""
    corpus, directory = write_version(tmp_path / "one", 1), tmp_path / "index"
    first, second = (ours("", "index", corpus, "--index", directory) for _ in range(2))
    outs = [process.communicate(timeout=120) for process in (first, second)]
    assert (first.returncode, second.returncode) == (0, 0), outs
    assert len(list((directory / "generations").iterdir())) == 1
    assert serves(directory, encoder) == "第 1 版说：损失越来越大。"


# readers


def read_until(directory: str, end: Any, allowed: list[str], found: Any) -> None:
    """Open the index and answer, again and again, until `end`; every error and every answer that is not allowed is put into `found`, then a count."""
    count = 0
    encoder = load_encoder()
    while True:
        last = end.is_set()  # looked at before, so that one reading comes after everything
        try:
            retriever = Retriever(open_index(Path(directory)), encoder)
            result = answer_object(answer(retriever, QUESTION, 3, 0), Places(retriever.index.sources()))
            if json.dumps(result) not in allowed:
                found.put(f"a mixed answer: {json.dumps(result)}")
        except Exception as error:
            found.put(repr(error))
        count += 1
        if last:
            break
    found.put(count)


@pytest.mark.parametrize("kind", ["threads", "processes"])
def test_readers_never_notice_a_rebuild(tmp_path: Path, encoder: StaticEncoder, kind: str) -> None:
    """Readers that open the index and ask, on and on while it is rebuilt five times, get the answer of one version, whole, and no error."""
    import queue

    corpus, directory = tmp_path / "corpus", tmp_path / "index"
    allowed = []
    for number in range(6):
        build([write_version(corpus, number)], tmp_path / "only", encoder)
        retriever = Retriever(open_index(tmp_path / "only"), encoder)
        allowed.append(json.dumps(answer_object(answer(retriever, QUESTION, 3, 0), Places(retriever.index.sources()))))
    assert len(set(allowed)) == 6
    build([write_version(corpus, 0)], directory, encoder)
    found: Any = queue.Queue() if kind == "threads" else SPAWN.Queue()
    end: Any = threading.Event() if kind == "threads" else SPAWN.Event()
    make: Any = threading.Thread if kind == "threads" else SPAWN.Process
    readers = [make(target=read_until, args=(str(directory), end, allowed, found)) for _ in range(2)]
    for reader in readers:
        reader.start()
    if kind == "processes":
        time.sleep(2)  # they import
    for number in range(1, 6):
        build([write_version(corpus, number)], directory, encoder)
    end.set()
    told_by = [found.get(timeout=120)]
    while sum(isinstance(one, int) for one in told_by) < 2:
        told_by.append(found.get(timeout=120))
    for reader in readers:
        reader.join(60)
    assert [one for one in told_by if not isinstance(one, int)] == []
    assert all(count > 1 for count in told_by)
    assert serves(directory, encoder) == "第 5 版说：损失越来越大。"


def test_an_open_retriever_goes_on_answering_from_what_was_removed(
    tmp_path: Path, built: Path, encoder: StaticEncoder
) -> None:
    """Who has opened a generation has all of it: passages, vectors, terms and sources, even when the whole folder is gone."""
    retriever = Retriever(open_index(built), encoder)
    before = answer_object(answer(retriever, QUESTION, 3, 0), Places(retriever.index.sources()))
    for number in (1, 2):
        build([write_version(tmp_path / "more", number)], built, encoder)
    assert not retriever.index.folder.exists()
    assert answer_object(answer(retriever, QUESTION, 3, 0), Places(retriever.index.sources())) == before
    shutil.rmtree(built)
    assert answer_object(answer(retriever, QUESTION, 3, 0), Places(retriever.index.sources())) == before


# sessions


def session(directory: Path) -> Any:
    return ask_command._Session(open_retriever(str(directory), None), 1, 0.0, True, False, False)


def test_a_batch_follows_the_index_between_its_questions(
    tmp_path: Path, built: Path, encoder: StaticEncoder, capsys: pytest.CaptureFixture[str]
) -> None:
    """Each question is answered by the generation that serves when it is asked, with the places of that generation."""

    def lines() -> Any:
        yield 1, QUESTION
        yield 2, QUESTION
        build([write_version(tmp_path / "one", 1)], built, encoder)
        yield 3, QUESTION

    assert session(built).batch(lines()) == 0
    found = [json.loads(line)["answers"][0] for line in capsys.readouterr().out.splitlines()]
    assert [row["answer"][2] for row in found] == ["0", "0", "1"]
    assert [Path(row["citation"]["source"]).parent.name for row in found] == ["zero", "zero", "one"]


def test_the_prompt_follows_the_index(
    tmp_path: Path,
    built: Path,
    encoder: StaticEncoder,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """At the prompt, too, a refresh shows in the next answer."""

    def typed() -> Any:
        yield QUESTION
        build([write_version(tmp_path / "one", 1)], built, encoder)
        yield QUESTION
        yield ""

    lines = typed()
    monkeypatch.setattr("builtins.input", lambda _: next(lines))
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    assert session(built).prompt() == 0
    out = [json.loads(line) for line in capsys.readouterr().out.splitlines() if line]
    assert [row["answers"][0]["answer"][2] for row in out] == ["0", "1"]


def test_a_retriever_follows_only_when_there_is_something_to_follow(
    tmp_path: Path, built: Path, encoder: StaticEncoder
) -> None:
    """The same while its generation serves; the new one after a build, on the encoder there is."""
    retriever = Retriever(open_index(built), encoder)
    assert follow(retriever) is retriever
    build([write_version(tmp_path / "zero", 0)], built, encoder)
    assert follow(retriever) is retriever
    build([write_version(tmp_path / "one", 1)], built, encoder)
    after = follow(retriever)
    assert told(after) == "第 1 版说：损失越来越大。"
    assert after.encoder is encoder


@pytest.mark.parametrize("ruin", ["remove", "damage", "unknown model"])
def test_a_session_stays_where_it_is_when_the_new_one_cannot_be_used(
    tmp_path: Path, built: Path, encoder: StaticEncoder, ruin: str
) -> None:
    """Removed, damaged or built with a model that is not here: the open generation goes on answering."""
    retriever = Retriever(open_index(built), encoder)
    if ruin == "remove":
        shutil.rmtree(built)
    elif ruin == "damage":
        build([write_version(tmp_path / "one", 1)], built, encoder)
        (open_index(built).folder / "terms.json").write_text("[]", encoding="utf-8")
    else:
        page = tmp_path / "keywords"
        page.mkdir()
        (page / "en.md").write_text(MINI_PAGES["en.md"], encoding="utf-8")
        build([page], built, KeywordEncoder(), model="no-such/model")
    assert follow(retriever) is retriever
    assert told(retriever) == "第 0 版说：损失越来越大。"


# the first ask


def test_two_first_asks_at_once_both_answer(tmp_path: Path) -> None:
    """On an empty data folder, both answer the same; the handbook is built once."""
    env = {"XDG_DATA_HOME": str(tmp_path)}
    both = [ours("", "ask", "为什么BN放在激活前", "--json", env=env) for _ in range(2)]
    results = [process.communicate(timeout=180) for process in both]
    assert [process.returncode for process in both] == [0, 0], results
    assert results[0][0] == results[1][0] != ""
    assert len(list((tmp_path / "retriever" / "index" / "generations").iterdir())) == 1
    assert "error" not in results[0][1] + results[1][1]


def test_an_ask_during_the_first_build_of_other_documents_answers_from_those(
    tmp_path: Path, encoder: StaticEncoder
) -> None:
    """It waits for them: the handbook is not put in the place of what somebody is just indexing."""
    directory = tmp_path / "index"
    first = holding(write_version(tmp_path / "one", 1), directory)
    second = ours("", "ask", QUESTION, "--min-confidence", "0", "--index", directory)
    assert second.stderr
    assert "waiting for another build" in second.stderr.readline()
    first.communicate("\n", timeout=60)
    out, err = second.communicate(timeout=60)
    assert (second.returncode, "第 1 版说" in out) == (0, True), err
    assert serves(directory, encoder) == "第 1 版说：损失越来越大。"
    assert not (directory / "BUNDLED").exists()


def test_a_first_build_killed_before_it_was_pointed_at_is_made_up_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, encoder: StaticEncoder
) -> None:
    """A whole generation without a pointer, left by a builder that was killed, is no stranger's folder."""
    monkeypatch.setattr("retriever.locations.bundled_corpus", lambda: write_version(tmp_path / "one", 1))
    directory = tmp_path / "index"
    build([write_version(tmp_path / "zero", 0)], directory, encoder)
    (directory / "CURRENT").unlink()
    with pytest.raises(IndexUnusableError, match="not an index"):
        open_retriever(str(directory), None)
    (directory / "BUILDER").write_text("process 1 since 12:00:00\n", encoding="utf-8")
    assert told(open_retriever(str(directory), None)) == "第 1 版说：损失越来越大。"


def test_an_index_that_is_finished_while_it_is_looked_for_is_used(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, encoder: StaticEncoder
) -> None:
    """Not there at the first look, there at the second: used as it is."""
    directory = tmp_path / "index"
    looks = []

    def look(where: Path) -> bool:
        looks.append(where)
        if len(looks) == 1:
            build([write_version(tmp_path / "one", 1)], directory, encoder)
            return False
        return is_built(where)

    monkeypatch.setattr("retriever.generations.is_built", look)
    assert told(open_retriever(str(directory), None)) == "第 1 版说：损失越来越大。"
    assert len(looks) > 1


def test_terminated_in_a_build_the_index_is_intact(tmp_path: Path, built: Path, encoder: StaticEncoder) -> None:
    """SIGTERM ends a build as it ends any program; what served goes on serving, and the next build is as any."""
    process = holding(write_version(tmp_path / "one", 1), built)
    process.send_signal(signal.SIGTERM)
    process.communicate(timeout=60)
    assert process.returncode == -signal.SIGTERM
    assert serves(built, encoder) == "第 0 版说：损失越来越大。"
    build([tmp_path / "one"], built, encoder)
    assert serves(built, encoder) == "第 1 版说：损失越来越大。"
    assert not (built / "BUILDER").exists()
