"""What a start imports: help imports nothing heavy, and a look-up nothing that only builds need."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from conftest import CHECKOUT

HEAVY = {"numpy", "torch", "faiss", "jieba", "sentence_transformers", "tokenizers", "opencc"}
BUILD_ONLY = {
    "torch",
    "transformers",
    "sentence_transformers",
    "jieba",
    "charset_normalizer",
    "scipy",
    "html.parser",
    "retriever.cleaning",
    "retriever.splitting",
    "retriever.readers",
    "retriever.pipeline",
    "retriever.corpus",
}
PROBE = """
import json, sys
from retriever.cli import ask_main, main
sys.argv = sys.argv[1:]
try:
    (ask_main if sys.argv[0] == "ask!" else main)()
except SystemExit as left:
    print(json.dumps({"status": left.code, "modules": sorted(sys.modules)}), file=sys.stderr)
"""


def start(*arguments: str | Path) -> tuple[str, set[str]]:
    """Standard output of a fresh process with these arguments, and the modules it had imported when it left with status 0."""
    done = subprocess.run(
        [sys.executable, "-c", PROBE, *map(str, arguments)],
        env=os.environ | {"PYTHONPATH": str(CHECKOUT)},
        capture_output=True,
        encoding="utf-8",
        timeout=60,
        check=True,
    )
    left = json.loads(done.stderr.splitlines()[-1])
    assert left["status"] == 0
    return done.stdout, set(left["modules"])


@pytest.mark.parametrize(
    "arguments",
    [["retriever", "--help"], ["retriever", "ask", "--help"], ["ask!", "--help"], ["retriever", "--version"]],
)
def test_help_imports_nothing_heavy(arguments: list[str]) -> None:
    """Help and version are answered without numpy, torch, FAISS, jieba and the encoders."""
    out, modules = start(*arguments)
    assert out
    assert modules & HEAVY == set()


@pytest.mark.parametrize("command", ["index", "status", "passages", "clean", "show"])
def test_help_of_every_command_imports_nothing_heavy(command: str) -> None:
    """No command pays at start for what it does when it runs."""
    assert start("retriever", command, "--help")[1] & (HEAVY | BUILD_ONLY) == set()


@pytest.mark.parametrize("option", ["--json", "--nearest"])
def test_a_cold_ask_imports_nothing_that_only_builds_need(bundled: Path, option: str) -> None:
    """A look-up on a built index imports neither torch nor jieba nor any reader of pages."""
    out, modules = start("retriever", "ask", "为什么BN放在激活前", option, "--index", bundled)
    assert "激活函数之前" in out
    assert modules & BUILD_ONLY == set()


def test_the_probe_sees_what_is_imported(bundled: Path) -> None:
    """The modules a look-up does need are seen, so that the tests above can fail."""
    assert {"numpy", "faiss", "tokenizers", "retriever.search"} <= start("ask!", "GAN", "--index", bundled)[1]
