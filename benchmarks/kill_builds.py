"""Builds killed at random moments: whatever the moment, the index answers as before or as the new one, never anything else.

    python benchmarks/kill_builds.py [--kills 200] [--seed 1]

An index of a small corpus is built; then again and again one page is changed and a build of the index is started in a process of its own,
which is killed (SIGKILL) before it ends: half of them anywhere in the build, a quarter while generations are switched, a quarter while the
cache is written. After every kill the index is opened, which compares all files with their checksums, the same questions are asked, and
every answer must be, to the last character, that of the version that served before or that of the new one. The cache must pass SQLite's own
check. In the end, after one build that is left alone, nothing of the others may be left over. Exit status 1 when anything was wrong.
"""

import argparse
import json
import os
import random
import signal
import sqlite3
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

os.environ.update(OMP_NUM_THREADS="1", OPENBLAS_NUM_THREADS="1", TOKENIZERS_PARALLELISM="false")
CHECKOUT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(CHECKOUT))

from retriever import indexing  # noqa: E402
from retriever.answer import answer  # noqa: E402
from retriever.citations import Places  # noqa: E402
from retriever.encoders.load import load_encoder  # noqa: E402
from retriever.encoders.protocol import Encoder  # noqa: E402
from retriever.errors import RetrieverError  # noqa: E402
from retriever.indexing import open_index  # noqa: E402
from retriever.pipeline import build  # noqa: E402
from retriever.rendering import answer_object  # noqa: E402
from retriever.reuse import BuildCache  # noqa: E402
from retriever.search import Retriever  # noqa: E402

PAGES = {
    "en.md": "# Notes\n\n## What does attention compute?\n\nA weighted mean of values; the weights come from queries and keys.\n\n"
    "## Why are gradients clipped?\n\nClipping a gradient bounds the length of one update.\n",
    "zh.md": "# 训练问答\n\n## 批归一化在训练时用什么统计量？\n\n用当前小批量的均值和方差，测试时改用滑动平均。\n",
}
VERSIONS = {
    "A": "# Rates\n\n## What happens when the learning rate is too large?\n\nThe loss swings to and fro and may diverge.\n",
    "B": "# Rates\n\n## What happens when the learning rate is too large?\n\nTraining overshoots the valley at every step.\n\n"
    "## How is a learning rate found?\n\nRaise it a little at each step, and stop where the loss begins to rise.\n",
}
QUESTIONS = ("What happens when the learning rate is too large?", "学习率太大会怎样", "why are gradients clipped")
PLACES = ("anywhere", "switch", "anywhere", "cache")
LEFT = {"CURRENT", "generations", "cache.sqlite", "cache.sqlite-journal", ".lock"}
"""What may lie in the folder of an index when no build is at work; a journal that was begun stays until SQLite writes again."""


def write_corpus(folder: Path, version: str) -> None:
    folder.mkdir(exist_ok=True)
    for name, text in {**PAGES, "rates.md": VERSIONS[version]}.items():
        (folder / name).write_text(text, encoding="utf-8")


def answers(directory: Path, encoder: Encoder) -> str:
    """What the index answers to all questions, as one text. Raises RetrieverError when it cannot be used."""
    retriever = Retriever(open_index(directory), encoder)
    places = Places(retriever.index.sources())
    return json.dumps([answer_object(answer(retriever, question), places) for question in QUESTIONS])


def served(directory: Path, encoder: Encoder, expected: dict[str, str]) -> str:
    """The version that the index answers as; a sentence that says what is wrong when it is none."""
    try:
        found = answers(directory, encoder)
    except (RetrieverError, OSError) as error:
        return f"the index cannot be used: {error}"
    return next((version for version, text in expected.items() if text == found), f"a mixed answer: {found}")


def cache_fault(directory: Path) -> str:
    """What SQLite finds wrong with the cache; "" when nothing."""
    if not (directory / "cache.sqlite").exists():
        return ""
    base = sqlite3.connect(directory / "cache.sqlite")
    try:
        found = base.execute("PRAGMA integrity_check").fetchall()
    except sqlite3.Error as error:
        return f"the cache cannot be read: {error}"
    finally:
        base.close()
    return "" if found == [("ok",)] else f"the cache is damaged: {found}"


def leftovers(directory: Path) -> list[str]:
    """What broken-off builds have left in the folder of an index at rest, one sentence each."""
    found = [f"left over: {name}" for name in sorted(os.listdir(directory)) if name not in LEFT]
    generations = sorted(os.listdir(directory / "generations"))
    found.extend(f"left over: generations/{name}" for name in generations if name.startswith("."))
    count = sum(not name.startswith(".") for name in generations)
    return found if count <= 2 else [*found, f"{count} generations"]


def watched(told: Callable[[bytes], object]) -> None:
    """Tell when a build in this process comes to the switch (b"s") and to its cache (b"c"), and when it leaves them (b"S", b"C")."""
    switch, keep = indexing.switch, BuildCache.keep

    def switch_and_tell(directory: Path, aside: Path, name: str) -> None:
        told(b"s")
        switch(directory, aside, name)
        told(b"S")

    def keep_and_tell(cache: BuildCache) -> None:
        told(b"c")
        keep(cache)
        told(b"C")

    indexing.switch = switch_and_tell
    BuildCache.keep = keep_and_tell  # type: ignore[method-assign]


def start(corpus: Path, directory: Path, encoder: Encoder) -> tuple[int, int]:
    """Build in a process of its own. Returns its id and the end of a pipe on which it tells where it is (see `watched`), last b"." ."""
    ours, theirs = os.pipe()
    child = os.fork()
    if child:
        os.close(theirs)
        return child, ours
    try:
        watched(lambda mark: os.write(theirs, mark))
        build([corpus], directory, encoder)
        os.write(theirs, b".")
    finally:
        os._exit(0)


def measure(corpus: Path, directory: Path, encoder: Encoder) -> dict[str, float]:
    """Seconds that a build takes, that its switch takes and that its cache takes."""
    began = time.perf_counter()
    child, pipe = start(corpus, directory, encoder)
    at = {}
    while mark := os.read(pipe, 1):
        at[mark] = time.perf_counter()
    os.close(pipe)
    os.waitpid(child, 0)
    return {"anywhere": at[b"."] - began, "switch": at[b"S"] - at[b"s"], "cache": at[b"C"] - at[b"c"]}


def kill_one(corpus: Path, directory: Path, encoder: Encoder, place: str, delay: float) -> bool:
    """Start a build and kill it `delay` seconds after it began, or after it came to a place. Whether it was still at work."""
    child, pipe = start(corpus, directory, encoder)
    awaited = {"anywhere": b"", "switch": b"s", "cache": b"c"}[place]
    seen = b""
    while awaited not in seen:
        mark = os.read(pipe, 1)
        seen += mark
        if not mark:
            break
    time.sleep(delay)
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    while mark := os.read(pipe, 64):
        seen += mark
    os.close(pipe)
    return b"." not in seen


def torment(folder: Path, kills: int, seed: int) -> tuple[Counter[str], list[str]]:
    """How many kills hit where, and everything that went wrong."""
    rng = random.Random(seed)
    encoder = load_encoder()
    corpus, directory = folder / "corpus", folder / "index"
    expected, timed = {}, []
    for version in VERSIONS:
        write_corpus(corpus, version)
        build([corpus], folder / f"only-{version}", encoder)
        expected[version] = answers(folder / f"only-{version}", encoder)
    for version in "ABABA":
        write_corpus(corpus, version)
        timed.append(measure(corpus, directory, encoder))
    seconds = {place: min(row[place] for row in timed[1:]) for place in timed[0]}  # most kills shall hit something
    hits: Counter[str] = Counter()
    faults = []
    before = "A"
    for number in range(kills):
        after = "B" if before == "A" else "A"
        write_corpus(corpus, after)
        place = PLACES[number % len(PLACES)]
        at_work = kill_one(corpus, directory, encoder, place, rng.random() * seconds[place])
        now = served(directory, encoder, expected)
        if now not in VERSIONS:
            return hits, [*faults, f"kill {number + 1} ({place}): {now}"]
        if place == "cache" and now != after:
            faults.append(f"kill {number + 1} (cache): the new generation does not serve")
        fault = cache_fault(directory)
        faults.extend([f"kill {number + 1} ({place}): {fault}"] if fault else [])
        hits["ended" if not at_work else "after" if now == after else "before"] += 1
        hits[place] += 1
        before = now
    for version in (before, "B" if before == "A" else "A"):  # one with nothing to do, one with
        write_corpus(corpus, version)
        build([corpus], directory, encoder)
        faults.extend(
            [] if served(directory, encoder, expected) == version else [f"the last build of {version} failed"]
        )
        faults.extend(leftovers(directory))
    return hits, faults


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        hits, faults = torment(Path(folder), options.kills, options.seed)
    print(
        f"{hits.total() // 2} kills ({', '.join(f'{hits[place]} {place}' for place in sorted(set(PLACES)))}): {hits['before']} before the switch, "
        f"{hits['after']} after it, {hits['ended']} after the build had ended; {len(faults)} violations"
    )
    for fault in faults:
        print(f"violation: {fault}")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
