"""Nothing of a page or an index is ever run, and a look-up needs no network."""

import ast
import json
import os
import socket
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from conftest import CHECKOUT, MINI_PAGES, Run

from retriever.corpus import CorpusOptions
from retriever.indexing import open_index
from retriever.pages import BuildReport, read_corpus

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


def test_building_asking_and_measuring_work_with_sockets_blocked(
    tmp_path: Path, cli: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`index`, `ask`, `eval`, `status` and `verify` in a process in which nobody can make a socket or look up a name: status 0, each."""

    def forbidden(*_: Any, **__: Any) -> None:
        raise AssertionError("a socket was asked for")

    for name in ("socket", "create_connection", "getaddrinfo", "gethostbyname", "socketpair"):
        monkeypatch.setattr(socket, name, forbidden)
    with pytest.raises(AssertionError, match="a socket"):
        socket.socket()
    corpus, index, questions = tmp_path / "corpus", tmp_path / "index", tmp_path / "questions.jsonl"
    corpus.mkdir()
    for name, text in MINI_PAGES.items():
        (corpus / name).write_text(text, encoding="utf-8")
    row = {"id": "a", "question": "学习率太大会怎样", "gold": [{"source": "zh.md", "question": "学习率太大会怎样？"}]}
    questions.write_text(json.dumps(row, ensure_ascii=False) + "\n", encoding="utf-8")
    for arguments in (
        ("index", corpus), ("ask", "学习率太大会怎样？"), ("eval", questions), ("status",), ("verify",), ("passages",),
    ):  # fmt: skip
        result = cli(*arguments, "--index", index)
        assert result.status == 0, (arguments, result.err)


PICKLED = tuple(b"\x80" + bytes([protocol]) for protocol in range(2, 6))
"""How pickles of protocols 2 to 5 begin; those of 0 and 1 are read as none of the formats below."""


def kind_of(path: Path) -> str:
    """The format by which a file of an index can be read without running anything of it; "" when there is none."""
    import faiss

    raw = path.read_bytes()
    if raw.startswith(PICKLED):
        return ""
    if path.name in ("CURRENT", ".lock", "BUNDLED"):
        return "text" if len(raw) < 100 and raw.isascii() else ""
    try:
        if path.suffix == ".npy":
            return "npy" if np.load(path, allow_pickle=False).dtype != object else ""
        if path.suffix == ".json":
            return "json" if isinstance(json.loads(raw), dict | list) else ""
        if path.suffix == ".jsonl":
            return "jsonl" if all(isinstance(json.loads(line), dict) for line in raw.splitlines()) else ""
        if path.suffix == ".faiss":
            return "faiss" if faiss.read_index(str(path)).ntotal else ""
        if path.suffix == ".sqlite":
            base = sqlite3.connect(path)
            try:
                base.execute("SELECT count(*) FROM step").fetchone()
            finally:
                base.close()
            return "sqlite"
    except (ValueError, RuntimeError, sqlite3.Error):
        return ""
    return ""


def test_every_file_of_an_index_is_data(small: Path) -> None:
    """All files in the folder of an index are arrays without objects, JSON, FAISS, SQLite or one line of text; none begins as a pickle."""
    files = [path for path in sorted((small / "index").rglob("*")) if path.is_file()]
    kinds = {str(path.relative_to(small)): kind_of(path) for path in files}
    assert [name for name, kind in kinds.items() if not kind] == []
    assert set(kinds.values()) == {"npy", "json", "jsonl", "faiss", "sqlite", "text"}
    assert len(files) > 20
    assert set(open_index(small / "index").manifest["files"]) <= {path.name for path in files}


def test_no_value_in_the_cache_is_a_pickle(small: Path) -> None:
    """What a build takes over is JSON, or the plain bytes of a vector."""
    base = sqlite3.connect(small / "index" / "cache.sqlite")
    try:
        rows = base.execute("SELECT kind, value FROM step").fetchall()
    finally:
        base.close()
    assert {kind.split()[0] for kind, _ in rows} == {"base", "lines", "page", "terms", "vector"}
    for kind, value in rows:
        if kind.startswith("vector"):
            assert np.isfinite(np.frombuffer(value, dtype="<f2")).all()
        else:
            json.loads(value.decode("utf-8", "surrogatepass"))


@pytest.mark.parametrize("name", ["a.npy", "a.json", "a.jsonl", "a.faiss", "a.sqlite", "CURRENT", "a.bin"])
@pytest.mark.parametrize("raw", [b"\x80\x04\x95\x00.", b"(dp0\n.", b"cos\nsystem\n(S'id'\ntR."], ids=["4", "0", "call"])
def test_a_pickle_is_no_file_of_an_index(tmp_path: Path, name: str, raw: bytes) -> None:
    """The look at files above finds a pickle under every name but one where only text is read."""
    (tmp_path / name).write_bytes(raw)
    assert kind_of(tmp_path / name) == ("text" if name == "CURRENT" and raw[0] != 0x80 else "")


def test_an_array_of_objects_is_no_file_of_an_index(tmp_path: Path) -> None:
    """numpy would have to unpickle it."""
    np.save(tmp_path / "a.npy", np.asarray([{}], dtype=object), allow_pickle=True)
    assert kind_of(tmp_path / "a.npy") == ""


@pytest.mark.parametrize("follow", [False, True])
def test_links_out_of_the_corpus_are_followed_only_when_asked(tmp_path: Path, follow: bool) -> None:
    """Links to a folder or a file outside are told and left alone; a ring ends, and a link that stays inside counts once."""
    corpus, outside = tmp_path / "corpus", tmp_path / "outside"
    corpus.mkdir()
    outside.mkdir()
    (outside / "secret.md").write_text("# What is secret?\n\nThis is.\n", encoding="utf-8")
    (corpus / "page.md").write_text("# What is open?\n\nThis is.\n", encoding="utf-8")
    (corpus / "folder").symlink_to(outside, target_is_directory=True)
    (corpus / "file.md").symlink_to(outside / "secret.md")
    (corpus / "ring").symlink_to(corpus, target_is_directory=True)
    (corpus / "again.md").symlink_to(corpus / "page.md")
    report = BuildReport()
    pages = read_corpus([corpus], CorpusOptions(follow_links=follow), report)
    read = {Path(page.document.source.path).resolve().name for page in pages}
    assert read == ({"page.md", "secret.md"} if follow else {"page.md"})
    assert len(pages) == len(read)
    assert len([one for one in report.skipped if "link" in one.reason]) == (0 if follow else 2)


def test_escapes_of_a_page_do_not_reach_the_terminal(tmp_path: Path, cli: Run) -> None:
    """Control and direction-changing characters in questions, answers, headings and file names are left out of what is shown."""
    corpus = tmp_path / "corpus"
    corpus.mkdir()
    bad = "\x1b]0;owned\x07\x1b[2J\x9b31m\u202e\u2066"
    (corpus / "a\x1b[31m.md").write_text(
        f"# Notes{bad}\n\n## What is{bad} dropout?\n\nDropout{bad} zeroes activations.\n", encoding="utf-8"
    )
    (corpus / "b.md").write_text(MINI_PAGES["en.md"], encoding="utf-8")
    assert cli("index", corpus, "--index", tmp_path / "index").status == 0
    shown = cli(
        "ask", "What is dropout?", "-k", "5", "--min-confidence", "0", "--explain", "--index", tmp_path / "index"
    )
    batch = cli("ask", "--batch", "-", "--index", tmp_path / "index", stdin=f"What is dropout?{bad}\n")
    assert "zeroes activations" in shown.out
    for text in (shown.out, shown.err, batch.out, batch.err, cli("passages", "--index", tmp_path / "index").out):
        assert [
            hex(ord(char)) for char in text if (char < " " and char != "\n") or char in "\x7f\x9b\u202e\u2066"
        ] == []


def test_what_the_model_may_do_is_said_and_done() -> None:
    """Models of others are loaded without remote code and from safetensors only: the two arguments stand where the model is loaded."""
    text = (CHECKOUT / "retriever" / "encoders" / "transformer.py").read_text(encoding="utf-8")
    loads = [
        node
        for node in ast.walk(ast.parse(text))
        if isinstance(node, ast.Call) and ast.unparse(node.func) == "SentenceTransformer"
    ]
    assert len(loads) == 1
    given = {keyword.arg: ast.unparse(keyword.value) for keyword in loads[0].keywords}
    assert given["trust_remote_code"] == "False"
    assert given["model_kwargs"] == "{'use_safetensors': True}"
    assert given["local_files_only"] == "not download"
