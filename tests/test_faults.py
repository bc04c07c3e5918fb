"""Full disks, lost permissions, Ctrl-C and closed pipes: one line, and the index that was there answers as before."""

import errno
import itertools
import json
import os
import pty
import resource
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from conftest import CHECKOUT, MINI_PAGES, STARTED
from doubles import KeywordEncoder

from retriever.errors import IndexUnusableError, InputError
from retriever.indexing import open_index
from retriever.pipeline import build
from retriever.reuse import BuildCache

pytestmark = pytest.mark.usefixtures("none_left")

QUESTION = "学习率太大会怎样？"
MORE = "\n## 注意力算的是什么？\n\n注意力算的是值的加权平均。\n"


def passages(directory: Path) -> list[tuple[str, str]]:
    """All that an index holds; it raises when a byte of it is not as it was written."""
    opened = open_index(directory)
    found = (opened.passage(row) for row in range(len(opened)))
    return [(passage.question, passage.answer) for passage in found]


def leftovers(directory: Path) -> list[str]:
    """What does not belong into the folder of an index at rest."""
    usual = {"CURRENT", "generations", "cache.sqlite", "cache.sqlite-journal", ".lock"}
    made = sorted(path.name for path in (directory / "generations").iterdir())
    hidden = [name for name in made if name.startswith(".")]
    return sorted({path.name for path in directory.iterdir()} - usual) + hidden + made[2:]


@pytest.fixture
def changed(mini_corpus: Path, mini_index: Path) -> Path:
    """The index of the small pages, one of which has been added to since."""
    with (mini_corpus / "zh.md").open("a", encoding="utf-8") as page:
        page.write(MORE)
    return mini_index


def rebuild(corpus: Path, directory: Path) -> None:
    build([corpus], directory, KeywordEncoder(), model="keywords")


# full disks


def fail_at(patch: pytest.MonkeyPatch, number: int, error: OSError) -> list[str]:
    """Let the `number`-th of all calls that write fail with `error`. Returns the names of the calls, in order, as they come."""
    calls: list[str] = []

    def failing(original: Callable[..., Any], name: str) -> Callable[..., Any]:
        def call(*arguments: Any, **options: Any) -> Any:
            calls.append(name)
            if len(calls) == number:
                raise error
            return original(*arguments, **options)

        return call

    for owner, name in (
        (os, "fsync"), (os, "rename"), (os, "replace"), (os, "mkdir"), (np, "save"), (Path, "write_bytes"), (Path, "write_text"),
    ):  # fmt: skip
        patch.setattr(owner, name, failing(getattr(owner, name), name))
    return calls


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EACCES], ids=["disk full", "permission lost"])
def test_whichever_write_fails_the_index_that_was_there_answers(
    changed: Path, mini_corpus: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code: int
) -> None:
    """Every single write of a build failing in turn: one line that says why, the old passages; or, where it does not matter, the new ones.
    The next build is as any, and leaves nothing of the failed ones."""
    old = passages(changed)
    outcomes: list[tuple[str, bool]] = []
    work = tmp_path / "work"
    for number in itertools.count(1):
        shutil.rmtree(work, ignore_errors=True)
        shutil.copytree(changed, work)
        message = ""
        with monkeypatch.context() as patch:
            calls = fail_at(patch, number, OSError(code, os.strerror(code)))
            try:
                rebuild(mini_corpus, work)
            except InputError as error:
                message = str(error)
        if len(calls) < number:
            break
        outcomes.append((calls[number - 1], bool(message)))
        if message:
            assert os.strerror(code) in message
            assert message.startswith(f"{work}: ")
            assert "\n" not in message
            assert passages(work) == old
        assert len(passages(work)) == len(old) + (not message)
    assert {name for name, fatal in outcomes if fatal} == {
        "fsync", "rename", "replace", "mkdir", "save", "write_bytes", "write_text",
    }  # fmt: skip
    # folders that are there already; who builds, as a note for others; the sync of the folder when the new generation serves already
    assert [name for name, fatal in outcomes if not fatal and name != "mkdir"] == ["write_text", "fsync"]
    rebuild(mini_corpus, work)
    assert len(passages(work)) == len(old) + 1
    assert leftovers(work) == []


def test_leftovers_of_every_failed_build_go_with_the_next(
    changed: Path, mini_corpus: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One folder in which every write has failed in turn holds no more, after a build, than one in which none has."""
    for number in itertools.count(3):
        with monkeypatch.context() as patch:
            calls = fail_at(patch, number, OSError(errno.ENOSPC, "No space left on device"))
            try:
                rebuild(mini_corpus, changed)
            except InputError:
                continue
        assert len(calls) >= number  # it was the last sync
        break
    with (mini_corpus / "en.md").open("a", encoding="utf-8") as page:
        page.write("\n## What is dropout good for?\n\nDropout keeps a network from overfitting.\n")
    rebuild(mini_corpus, changed)
    assert "What is dropout good for?" in dict(passages(changed))
    assert leftovers(changed) == []


def test_a_file_that_is_silently_cut_short_never_serves(
    changed: Path, mini_corpus: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """numpy says nothing when the last bytes of a file find no room: the new generation is read before it serves."""
    old, save = passages(changed), np.save
    saved: list[Path] = []
    for number in itertools.count(1):
        saved.clear()

        def cut(file: Path, *arguments: Any, number: int = number, **options: Any) -> None:
            save(file, *arguments, **options)
            saved.append(file)
            if len(saved) == number:
                os.truncate(file, file.stat().st_size - 1 if file.stat().st_size > 128 else 100)

        with monkeypatch.context() as patch:
            patch.setattr(np, "save", cut)
            if number == 1:
                with pytest.raises(
                    InputError, match=r"cut short; is the disk full\?\); the index that was there is untouched"
                ):
                    rebuild(mini_corpus, changed)
                continue
            try:
                rebuild(mini_corpus, changed)
            except InputError:
                assert passages(changed) == old
                continue
        break
    assert len(saved) == number - 1 > 10
    assert len(passages(changed)) == len(old) + 1


# Limits of the size of a file, one after the other, in a process of its own; each build in a fresh copy of the index.
LIMITED = """
import json, resource, shutil, sys
from pathlib import Path
sys.path.insert(0, sys.argv[1])
from doubles import KeywordEncoder
from retriever.encoders.load import load_encoder
from retriever.errors import RetrieverError
from retriever.pipeline import build
corpus, index, work, kind, *limits = sys.argv[2:]
encoder = KeywordEncoder() if kind == "keywords" else load_encoder()
for limit in map(int, limits):
    copy = Path(work) / str(limit)
    shutil.copytree(index, copy)
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, resource.RLIM_INFINITY))
    said = ""
    try:
        build([Path(corpus)], copy, encoder, model="keywords")
    except RetrieverError as error:
        said = str(error)
    resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    print(json.dumps([limit, said]), flush=True)
"""


def limited(corpus: Path, index: Path, work: Path, kind: str, *limits: int) -> dict[int, str]:
    """What a build says under each limit; its index then lies in `work`, under the limit's name."""
    done = subprocess.run(
        [sys.executable, "-c", LIMITED, str(CHECKOUT / "tests"), *map(str, (corpus, index, work, kind, *limits))],
        env=os.environ | {"PYTHONPATH": str(CHECKOUT)},
        capture_output=True, encoding="utf-8", timeout=240, check=False,
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (0, "")
    return dict(json.loads(line) for line in done.stdout.splitlines())


def test_files_that_may_not_grow_are_one_line_and_the_old_index(small: Path, tmp_path: Path, encoder: Any) -> None:
    """With files limited to 16 bytes, 150, 1,000, 5,000, 6,250 and 100,000, other files are hit each time; the message is of ours each time."""
    old = passages(small / "index")
    with (small / "corpus" / "zh.md").open("a", encoding="utf-8") as page:
        page.write(MORE)
    work = tmp_path / "work"
    work.mkdir()
    found = limited(small / "corpus", small / "index", work, "bundled", 16, 150, 1_000, 5_000, 6_250, 100_000)
    assert len(found) == 6
    for limit, said in found.items():
        assert said.startswith(f"{work / str(limit)}: writing the index failed ("), limit
        assert said.endswith("; the index that was there is untouched")
        assert "(None)" not in said
        assert passages(work / str(limit)) == old
        assert leftovers(work / str(limit)) == []
    build([small / "corpus"], work / "1000", encoder)
    assert len(passages(work / "1000")) == len(old) + 1
    assert leftovers(work / "1000") == []


def test_a_cache_that_may_not_grow_is_no_fault_of_the_index(changed: Path, mini_corpus: Path, tmp_path: Path) -> None:
    """A limit that only the cache meets costs the next build its time and nothing else."""
    old = passages(changed)
    assert (changed / "cache.sqlite").stat().st_size > 20_000
    with (mini_corpus / "zh.md").open("a", encoding="utf-8") as page:
        page.write("\n## 这一问很长吗？\n\n很长" + "，很长" * 2000 + "。\n")  # no room for it in the cache's free pages
    largest = max(path.stat().st_size for path in open_index(changed).folder.iterdir())
    limit = (changed / "cache.sqlite").stat().st_size
    assert largest + 18_100 < limit
    work = tmp_path / "work"
    work.mkdir()
    assert limited(mini_corpus, changed, work, "keywords", limit) == {limit: ""}
    assert len(passages(work / str(limit))) == len(old) + 2
    (mini_corpus / "copy.txt").unlink()
    rebuild(mini_corpus, work / str(limit))
    assert leftovers(work / str(limit)) == []
    assert (work / str(limit) / "cache.sqlite").stat().st_size > limit


def test_a_full_disk_is_one_line_on_the_command_line(small: Path) -> None:
    """The program itself under a limit: one error line, nothing else on either stream, status 2."""
    with (small / "corpus" / "zh.md").open("a", encoding="utf-8") as page:
        page.write(MORE)
    done = subprocess.run(
        [sys.executable, str(CHECKOUT / "cli.py"), "index", str(small / "corpus"), "--index", str(small / "index")],
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (5_000, 5_000)),
        capture_output=True, encoding="utf-8", timeout=120, check=False,
    )  # fmt: skip
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (2, "", 1)
    assert done.stderr.startswith(f"error: {small / 'index'}: writing the index failed (")


def test_a_full_disk_in_the_cache_is_not_even_noticed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """SQLite's own errors stay in the cache: nothing of a failed write is kept, all of what was there is."""
    cache = BuildCache(tmp_path / "cache.sqlite")
    cache.put("kind", "key", b"value")
    cache.keep()
    cache.close()
    cache = BuildCache(tmp_path / "cache.sqlite")
    assert cache._base is not None
    cache._base.execute("PRAGMA max_page_count = 4")
    cache.get("kind", "key")
    cache.put("kind", "large", bytes(100_000))
    cache.keep()
    cache.close()
    cache = BuildCache(tmp_path / "cache.sqlite")
    assert (cache.get("kind", "key"), cache.get("kind", "large")) == (b"value", None)
    cache.close()


# permissions


def forbid(patch: pytest.MonkeyPatch, name: str, within: Path) -> None:
    """Let a call on anything in a folder fail as it does where one may not write; so for root, too."""
    original = getattr(os, name)

    def call(path: Any, *arguments: Any, **options: Any) -> Any:
        writing = name == "mkdir" or (arguments and arguments[0] & (os.O_CREAT | os.O_WRONLY | os.O_RDWR))
        if writing and Path(os.fsdecode(path)).is_relative_to(within):
            raise PermissionError(errno.EACCES, "Permission denied", os.fsdecode(path))
        return original(path, *arguments, **options)

    patch.setattr(os, name, call)


@pytest.mark.parametrize("name", ["mkdir", "open"])
def test_a_folder_that_may_not_be_written_is_one_line(
    changed: Path, mini_corpus: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    """Neither the lock nor a new folder can be made: the way to another place is told, and the index answers."""
    old = passages(changed)
    with monkeypatch.context() as patch:
        forbid(patch, name, changed)
        with pytest.raises(
            InputError, match=r"cannot be written \(Permission denied\); choose another place with --index"
        ):
            rebuild(mini_corpus, changed)
    assert passages(changed) == old
    rebuild(mini_corpus, changed)
    assert leftovers(changed) == []


@pytest.mark.skipif(os.geteuid() == 0, reason="root writes everywhere")
def test_a_read_only_folder_answers_and_is_not_built(changed: Path, mini_corpus: Path) -> None:
    """The same with the system's own permissions."""
    old = passages(changed)
    changed.chmod(0o500)
    try:
        with pytest.raises(InputError, match="cannot be written"):
            rebuild(mini_corpus, changed)
        assert passages(changed) == old
    finally:
        changed.chmod(0o700)


# Ctrl-C, closed pipes

# The program, stopping with the word "here" before a step of a build, until it is interrupted.
STOPPING = """
import sys, time
from retriever import indexing, pipeline
from retriever.cli import run
from retriever.reuse import BuildCache
owner, name = {"encode": (pipeline, "index_passages"), "switch": (indexing, "switch"), "cache": (BuildCache, "keep")}[sys.argv[1]]
def stop(*arguments):
    print("here", flush=True)
    time.sleep(60)
setattr(owner, name, stop)
run(arguments=sys.argv[2:])
"""


def started(*arguments: str | Path, stdin: Any = subprocess.PIPE) -> "subprocess.Popen[str]":
    """A process that can be interrupted, though this one may not."""
    process = subprocess.Popen(
        [sys.executable, *map(str, arguments)],
        env=os.environ | {"PYTHONPATH": str(CHECKOUT)},
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # noqa: PLW1509 -- no threads here
        stdin=stdin, stdout=subprocess.PIPE, stderr=subprocess.PIPE, encoding="utf-8",
    )  # fmt: skip
    STARTED.append(process)
    return process


@pytest.mark.parametrize("step", ["encode", "switch", "cache"])
def test_ctrl_c_in_a_build_leaves_quietly(small: Path, step: str, encoder: Any) -> None:
    """Status 130 and an empty line; the old index serves, or the new one where it was switched to; nothing is left over."""
    old = passages(small / "index")
    with (small / "corpus" / "zh.md").open("a", encoding="utf-8") as page:
        page.write(MORE)
    process = started("-c", STOPPING, step, "index", small / "corpus", "--index", small / "index")
    assert process.stdout
    assert process.stdout.readline() == "here\n"
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=60)
    assert (process.returncode, out, err) == (130, "", "\n")
    assert len(passages(small / "index")) == len(old) + (step == "cache")
    assert leftovers(small / "index") == []
    build([small / "corpus"], small / "index", encoder)
    assert len(passages(small / "index")) == len(old) + 1


def test_ctrl_c_in_a_batch_leaves_quietly(small: Path, tmp_path: Path) -> None:
    """What was answered stays answered, each line whole; status 130."""
    batch = tmp_path / "questions.txt"
    batch.write_text(f"{QUESTION}\n" * 200_000, encoding="utf-8")
    process = started(CHECKOUT / "cli.py", "ask", "--batch", batch, "--json", "--index", small / "index")
    assert process.stdout
    first = process.stdout.readline()
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=60)
    assert (process.returncode, err) == (130, "\n")
    assert json.loads(first)["question"] == QUESTION
    assert {line for line in out.split("\n")[:-2] if line} <= {first.rstrip("\n")}


def test_ctrl_c_while_a_batch_is_read_leaves_quietly(small: Path) -> None:
    """Before the last question has come, too."""
    process = started(CHECKOUT / "cli.py", "ask", "--batch", "-", "--index", small / "index")
    assert process.stdin
    process.stdin.write(f"{QUESTION}\n")
    process.stdin.flush()
    wait_until_idle(process.pid)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=60)
    assert (process.returncode, out, err) == (130, "", "\n")


def wait_until_idle(pid: int) -> None:
    """Until a process has used no processor for half a second: it waits for input."""
    if not Path(f"/proc/{pid}/stat").exists():
        time.sleep(3)
        return
    quiet, before = 0, -1
    for _ in range(600):
        fields = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rsplit(")", 1)[1].split()
        used = int(fields[11]) + int(fields[12])
        quiet = quiet + 1 if used == before and fields[0] == "S" else 0
        before = used
        if quiet == 10:
            return
        time.sleep(0.05)
    raise AssertionError("never idle")


def test_ctrl_c_at_the_prompt_leaves_quietly(small: Path) -> None:
    """After an answer, Ctrl-C at the prompt: status 130, no traceback."""
    ours, theirs = pty.openpty()
    process = started(CHECKOUT / "cli.py", "ask", "-k", "1", "--index", small / "index", stdin=theirs)
    os.close(theirs)
    assert process.stdout
    os.write(ours, f"{QUESTION}\n".encode())
    seen = ""
    while " %)" not in seen:
        line = process.stdout.readline()
        assert line, f"ended early: {seen}"
        seen += line
    wait_until_idle(process.pid)
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=60)
    os.close(ours)
    assert process.returncode == 130
    assert "Traceback" not in err
    assert len(passages(small / "index")) == 8


def test_a_reader_that_leaves_a_batch_is_success(small: Path, tmp_path: Path) -> None:
    """`ask --batch FILE | head -1`: one line, status 0, nothing on stderr."""
    batch = tmp_path / "questions.txt"
    batch.write_text(f"{QUESTION}\n" * 20_000, encoding="utf-8")
    process = started(CHECKOUT / "cli.py", "ask", "--batch", batch, "--json", "--index", small / "index")
    assert process.stdout
    assert process.stderr
    assert json.loads(process.stdout.readline())["question"] == QUESTION
    process.stdout.close()
    err = process.stderr.read()
    assert (process.wait(timeout=60), err) == (0, "")


def test_the_check_of_these_tests_bites(mini_index: Path) -> None:
    """One changed byte in an index is an error of `passages`, and a stray file is one of `leftovers`."""
    assert len(passages(mini_index)) == sum(
        text.count("##") + text.count("\nQ") + text.startswith("Q") for text in MINI_PAGES.values()
    )
    (mini_index / ".CURRENT.1").touch()
    assert leftovers(mini_index) == [".CURRENT.1"]
    (open_index(mini_index).folder / "words.json").write_text("{}", encoding="utf-8")
    with pytest.raises(IndexUnusableError):
        passages(mini_index)
