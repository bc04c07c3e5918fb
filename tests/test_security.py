"""Nothing of a page or an index is ever run, and a look-up needs no network."""

import ast
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from conftest import CHECKOUT

FOLDERS = ("retriever", "training", "benchmarks")
RUNNING_MODULES = {"pickle", "cPickle", "marshal", "shelve", "dill", "cloudpickle", "joblib"}
RUNNING_CALLS = {"eval", "exec", "compile", "__import__"}
RUNNING_FLAGS = {"trust_remote_code", "allow_pickle", "shell"}


def dangers(text: str) -> Iterator[str]:
    """Whatever in a Python text can run what it reads: such modules, calls and flags."""
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Import):
            names = {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            names = {(node.module or "").split(".")[0]}
        else:
            names = set()
        for name in sorted(names & RUNNING_MODULES):
            yield f"line {node.lineno}: import {name}"  # type: ignore[attr-defined]
        if isinstance(node, ast.Call):
            if isinstance(node.func, ast.Name) and node.func.id in RUNNING_CALLS:
                yield f"line {node.lineno}: {node.func.id}()"
            called = node.func.attr if isinstance(node.func, ast.Attribute) else ""
            if called in {"read_pickle", "system", "popen"}:
                yield f"line {node.lineno}: .{called}()"
            safe = {keyword.arg for keyword in node.keywords if _is(keyword.value, True)}
            if called == "load" and isinstance(node.func, ast.Attribute) and _is_torch(node.func.value):
                if "weights_only" not in safe:
                    yield f"line {node.lineno}: torch.load without weights_only=True"
            for keyword in node.keywords:
                if keyword.arg in RUNNING_FLAGS and not _is(keyword.value, False):
                    yield f"line {node.lineno}: {keyword.arg}="


def _is(node: ast.expr, value: bool) -> bool:
    return isinstance(node, ast.Constant) and node.value is value


def _is_torch(node: ast.expr) -> bool:
    return isinstance(node, ast.Name) and node.id == "torch"


def sources() -> list[Path]:
    found = [path for folder in FOLDERS for path in sorted((CHECKOUT / folder).rglob("*.py"))]
    return [*found, CHECKOUT / "cli.py"]


def test_nothing_that_is_read_is_run() -> None:
    """No module of ours, no training script and no benchmark unpickles, evaluates or trusts remote code."""
    files = sources()
    assert len(files) > 30
    found = [f"{path}: {danger}" for path in files for danger in dangers(path.read_text(encoding="utf-8"))]
    assert found == []


@pytest.mark.parametrize(
    "text",
    [
        "import pickle",
        "from marshal import loads",
        "def f(x):\n    return eval(x)",
        "exec('1')",
        "SentenceTransformer(name, trust_remote_code=True)",
        "SentenceTransformer(name, trust_remote_code=flag)",
        "numpy.load(path, allow_pickle=True)",
        "torch.load(path)",
        "torch.load(path, weights_only=False)",
        "subprocess.run(text, shell=True)",
        "os.system(text)",
    ],
)
def test_the_checker_finds_each_danger(text: str) -> None:
    """Made-up offenders are found."""
    assert len(list(dangers(text))) == 1


@pytest.mark.parametrize(
    "text",
    ["numpy.load(path, allow_pickle=False)", "model.eval()", "torch.load(p, weights_only=True)", "re.compile(x)"],
)
def test_the_checker_leaves_harmless_code_alone(text: str) -> None:
    """What only looks like it is no danger."""
    assert list(dangers(text)) == []


# Opening a socket, looking up a name and starting another program all raise in this interpreter, from C code too.
OFFLINE = """
import sys
def forbid(event, arguments):
    if event.split(".")[0] in {"socket", "urllib", "http", "ftplib", "smtplib", "subprocess"} or event == "os.system":
        raise RuntimeError("forbidden: " + event)
sys.addaudithook(forbid)
from retriever.cli import run
run(arguments=sys.argv[1:])
"""


def offline(*arguments: str | Path, env: dict[str, str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", OFFLINE, *map(str, arguments)],
        env=os.environ | {"PYTHONPATH": str(CHECKOUT)} | env,
        capture_output=True,
        encoding="utf-8",
        timeout=120,
        check=False,
    )


def test_building_and_asking_work_without_sockets(tmp_path: Path) -> None:
    """With every socket, name look-up and other program forbidden, the first ask builds its index and answers."""
    done = offline("ask", "为什么BN放在激活前", "-k", "1", env={"XDG_DATA_HOME": str(tmp_path)})
    assert (done.returncode, "forbidden" in done.stderr) == (0, False)
    assert done.stdout.startswith("1. ")


def test_the_ban_on_sockets_bites(tmp_path: Path) -> None:
    """The ban of the test above stops a socket."""
    done = subprocess.run(
        [sys.executable, "-c", OFFLINE.replace("from retriever.cli import run", "import socket; socket.socket()")],
        capture_output=True,
        encoding="utf-8",
        timeout=60,
        check=False,
    )
    assert done.returncode == 1
    assert "forbidden: socket" in done.stderr


def test_a_model_from_a_name_fetches_nothing(tmp_path: Path) -> None:
    """Naming a model that is not on this machine ends in one error line without a socket being opened."""
    done = offline(
        "index", tmp_path, "--model", "no-such/model", "--index", tmp_path / "i", env={"HF_HOME": str(tmp_path)}
    )
    assert (done.returncode, done.stdout) == (2, "")
    assert "no such model on this machine" in done.stderr
    assert "forbidden" not in done.stderr


def test_a_hostile_page_is_text(tmp_path: Path) -> None:
    """Scripts, templates and escapes in a page come out of `passages` as the text they are, or not at all."""
    page = tmp_path / "page.md"
    page.write_text(
        "# Notes\n\n## What does {{ 7*7 }} give?\n\nA template would say 49; $(touch /tmp/x) and `rm -rf` are text.\n",
        encoding="utf-8",
    )
    done = offline("passages", page, "--json", env={})
    assert done.returncode == 0
    assert "{{ 7*7 }}" in done.stdout
    assert "$(touch /tmp/x)" in done.stdout
