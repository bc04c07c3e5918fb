"""A question asked of an open index of 10,000 passages, on one core: `answer` beside a plain FAISS search of as many vectors.

    python benchmarks/warm_query.py [--passages 10000] [--rounds 5] [--json]

The passages are those of the bundled corpus and synthetic ones made of their sentences, shuffled and mixed with others' (seeded). The
questions are those over the bundled corpus. In every round all are asked of one, then of the other, as a batch would; the first round is not
timed. (In turn question by question, each would find the other's vectors in the processor's cache in place of its own.)
`answer` is everything from the text of the question to the chosen answers: correction, encoding, FAISS on both sides, BM25, alignment,
grouping, confidence, the marked sentences. The other side is one exact FAISS search (IndexFlatIP, 24 best) with the question's vector
given.
"""

import argparse
import json
import os
import random
import re
import statistics
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path

os.environ.update(OMP_NUM_THREADS="1", OPENBLAS_NUM_THREADS="1", TOKENIZERS_PARALLELISM="false")
CHECKOUT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(CHECKOUT))

import faiss  # noqa: E402

from retriever.answer import answer  # noqa: E402
from retriever.documents import Passage  # noqa: E402
from retriever.encoders.load import load_encoder  # noqa: E402
from retriever.indexing import open_index  # noqa: E402
from retriever.locations import bundled_corpus  # noqa: E402
from retriever.pipeline import build, index_passages  # noqa: E402
from retriever.search import Retriever  # noqa: E402

QUESTIONS = CHECKOUT / "tests" / "data" / "corpus_questions.jsonl"


def more_passages(passages: list[Passage], count: int) -> list[Passage]:
    """The passages and synthetic ones until there are `count`: half of an answer's sentences exchanged, in another order."""
    rng = random.Random(1)
    cuts = [[s for s in re.split(r"(?<=[。.!?！？])", p.answer) if s.strip()] for p in passages]
    every = [sentence for cut in cuts for sentence in cut]
    out = list(passages)
    while len(out) < count:
        n = len(out)
        model, cut = passages[n % len(passages)], cuts[n % len(passages)]
        told = [rng.choice(every) if rng.random() < 0.5 else sentence for sentence in cut]
        rng.shuffle(told)
        text = "".join(told)
        out.append(
            replace(
                model,
                id=f"{model.id}-{n}",
                question=f"{model.question} {rng.choice(every)[:12]}",
                answer=text,
                parent=None,
                pieces=(),
                start_char=0,
                end_char=len(text),
            )
        )
    return out[:count]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--passages", type=int, default=10_000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    faiss.omp_set_num_threads(1)
    encoder = load_encoder()
    questions = [json.loads(line)["question"] for line in QUESTIONS.read_text("utf-8").splitlines()]
    with tempfile.TemporaryDirectory() as folder:
        build([bundled_corpus()], Path(folder) / "small", encoder)
        small = open_index(Path(folder) / "small")
        passages = more_passages([small.passage(row) for row in range(len(small))], options.passages)
        index_passages(passages, small.sources(), {"roots": []}, Path(folder) / "large", encoder)
        retriever = Retriever(open_index(Path(folder) / "large"), encoder)
        flat = faiss.IndexFlatIP(encoder.identity.dimension)
        flat.add(encoder.encode_passages([passage.answer for passage in passages]))
        vectors = [encoder.encode_queries([question]) for question in questions]
        ours: list[float] = []
        plain: list[float] = []
        for number in range(options.rounds + 1):
            for question in questions:
                began = time.perf_counter()
                answer(retriever, question)
                ours.append(time.perf_counter() - began)
            for vector in vectors:
                began = time.perf_counter()
                flat.search(vector, 24)
                plain.append(time.perf_counter() - began)
            if not number:
                ours.clear()
                plain.clear()
    row = {
        "passages": len(passages),
        "answer_ms": round(1e3 * statistics.median(ours), 3),
        "answer_ms_p95": round(1e3 * statistics.quantiles(ours, n=20)[-1], 3),
        "faiss_ms": round(1e3 * statistics.median(plain), 3),
        "ratio": round(statistics.median(ours) / statistics.median(plain), 2),
    }
    if options.json:
        print(json.dumps(row))
    else:
        print(
            f"{row['passages']} passages, one core: answer {row['answer_ms']} ms (95 %: {row['answer_ms_p95']} ms), "
            f"plain FAISS {row['faiss_ms']} ms, {row['ratio']} times as long"
        )
    return 0


if __name__ == "__main__":
    sys.exit(main())
