"""Fixtures: a small corpus and its index with a readable encoder, the index of the bundled corpus, and two ways to run the program."""

import contextlib
import io
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from doubles import KeywordEncoder

from retriever.cli import run
from retriever.encoders.load import load_encoder
from retriever.encoders.static import StaticEncoder
from retriever.locations import bundled_corpus
from retriever.pipeline import build

CHECKOUT = Path(__file__).resolve().parent.parent

MINI_PAGES = {
    "zh.md": """# 训练问答

## 批归一化在训练时用什么统计量？

批归一化在训练时用当前小批量的均值和方差。测试时改用滑动平均。

## 随机失活为什么能减轻过拟合？

随机失活让每个神经元不能依赖固定的同伴。因此过拟合减轻。

## 学习率太大会怎样？

学习率太大时损失来回震荡，甚至发散。
""",
    "en.md": """# Training notes

## What does attention compute?

Attention computes a weighted mean of values. The weights come from queries and keys.

## Why are gradients clipped?

Clipping a gradient bounds the length of one update. Recurrent networks need it most.

## What is max pooling good for?

Max pooling keeps the strongest response of each window and shrinks the map.
""",
    "copy.txt": """Q1: Why do people clip gradients?
A: Clipping a gradient bounds the length of one update. Recurrent networks need it most.

Q2: How large should a minibatch be?
A: As large as memory allows, then tuned by hand.
""",
}


@dataclass(frozen=True, slots=True)
class Result:
    """What a run of the program left: its exit status and both streams."""

    status: int
    out: str
    err: str


Run = Callable[..., Result]


@pytest.fixture(scope="session", autouse=True)
def _own_world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """No test reads or writes the user's data folder, and the user's settings change no test."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_DATA_HOME", str(tmp_path_factory.mktemp("user-data")))
        for name in ("RETRIEVER_INDEX", "NO_COLOR", "FORCE_COLOR", "COLUMNS"):
            patch.delenv(name, raising=False)
        yield


@pytest.fixture(scope="session")
def encoder() -> StaticEncoder:
    """The bundled encoder."""
    loaded = load_encoder()
    assert isinstance(loaded, StaticEncoder)
    return loaded


@pytest.fixture
def mini_corpus(tmp_path: Path) -> Path:
    """A folder of three small pages: Chinese, English, and one that copies an English answer."""
    folder = tmp_path / "corpus"
    folder.mkdir()
    for name, text in MINI_PAGES.items():
        (folder / name).write_text(text, encoding="utf-8")
    return folder


@pytest.fixture
def mini_index(tmp_path: Path, mini_corpus: Path) -> Path:
    """The index of `mini_corpus`, built with the keyword encoder."""
    directory = tmp_path / "mini-index"
    build([mini_corpus], directory, KeywordEncoder(), model="keywords")
    return directory


@pytest.fixture(scope="session")
def bundled(tmp_path_factory: pytest.TempPathFactory, encoder: StaticEncoder) -> Path:
    """The index of the bundled corpus, built once with the bundled encoder. Not to be written to."""
    directory = tmp_path_factory.mktemp("bundled") / "index"
    build([bundled_corpus()], directory, encoder)
    return directory


@pytest.fixture(scope="session")
def _small_index(tmp_path_factory: pytest.TempPathFactory, encoder: StaticEncoder) -> Path:
    folder = tmp_path_factory.mktemp("small")
    (folder / "corpus").mkdir()
    for name, text in MINI_PAGES.items():
        (folder / "corpus" / name).write_text(text, encoding="utf-8")
    build([folder / "corpus"], folder / "index", encoder)
    return folder


@pytest.fixture
def small(tmp_path: Path, _small_index: Path) -> Path:
    """A folder with `corpus` (the three small pages) and `index`, built with the bundled encoder; a copy of one's own.

    The index still names the pages of the original, which is there as long as the tests run.
    """
    shutil.copytree(_small_index, tmp_path / "small")
    return tmp_path / "small"


@pytest.fixture
def cli(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Run:
    """Run the program inside this process: `cli("ask", "question")`."""

    def call(*arguments: str | Path, stdin: str | bytes | None = None) -> Result:
        if stdin is not None:
            raw = stdin.encode() if isinstance(stdin, str) else stdin
            monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(raw), encoding="utf-8"))
        capsys.readouterr()
        with pytest.raises(SystemExit) as left:
            run(arguments=[str(argument) for argument in arguments])
        out, err = capsys.readouterr()
        return Result(int(left.value.code or 0), out, err)

    return call


@pytest.fixture(scope="session")
def program() -> Run:
    """Run the program in a process of its own, as a user does: `program("ask", "question", cwd=…, env=…)`."""

    def call(
        *arguments: str | Path, cwd: Path | None = None, env: dict[str, str] | None = None, stdin: str = ""
    ) -> Result:
        done = subprocess.run(
            [sys.executable, str(CHECKOUT / "cli.py"), *map(str, arguments)],
            cwd=cwd,
            env=os.environ | (env or {}),
            input=stdin,
            capture_output=True,
            encoding="utf-8",
            timeout=120,
            check=False,
        )
        return Result(done.returncode, done.stdout, done.stderr)

    return call


@pytest.fixture
def own(tmp_path: Path, cli: Run) -> Path:
    """A folder with `corpus`, the three small pages, and `index`, built from it by the program; to be changed at will."""
    (tmp_path / "corpus").mkdir()
    for name, text in MINI_PAGES.items():
        (tmp_path / "corpus" / name).write_text(text, encoding="utf-8")
    assert cli("index", tmp_path / "corpus", "--index", tmp_path / "index").status == 0
    return tmp_path


STARTED: list["subprocess.Popen[str]"] = []


@pytest.fixture
def none_left() -> Iterator[None]:
    """A test that fails half-way leaves no process behind."""
    yield
    while STARTED:
        process = STARTED.pop()
        if process.poll() is None:
            process.kill()
        for stream in (process.stdin, process.stdout, process.stderr):
            if stream and not stream.closed:
                with contextlib.suppress(OSError):
                    stream.close()
        process.wait()
