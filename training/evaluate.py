"""Scores of a table: the development questions, Tatoeba, STS-B, and the held-out pairs.  Needs numpy, scipy and tokenizers only."""

from __future__ import annotations

import csv
import gzip
import json
from collections import defaultdict
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from opencc import OpenCC
from scipy.stats import spearmanr  # type: ignore[import-untyped]
from tokenizers import Tokenizer

from training.data import HELD_EVERY, Source

Vectors = npt.NDArray[np.float32]


def unit(vectors: Vectors) -> Vectors:
    """Rows scaled to length one; zero rows stay zero."""
    scaled: Vectors = vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-12)
    return scaled


def encode(tokenizer: Tokenizer, table: Vectors, texts: list[str]) -> Vectors:
    """Unit vectors (texts, dimension): the mean of the token rows, normalised."""
    out = np.zeros((len(texts), table.shape[1]), np.float32)
    for row, encoding in enumerate(tokenizer.encode_batch_fast(texts, add_special_tokens=False)):
        if encoding.ids:
            out[row] = table[encoding.ids].mean(axis=0)
    return unit(out)


def dev_questions(tokenizer: Tokenizer, table: Vectors, evaluation: Path, seeds: Path) -> dict[str, float]:
    """full@1, full@3 and the mean reciprocal rank of the first full answer, for several ways to weigh question against answer.

    A passage is a top-level answered question of the gold list; it matches a gold span when it holds at least half of the span's
    non-blank lines and at least 30 % of its own non-blank lines are in the span.
    """
    simplify = OpenCC("t2s").convert
    pages = {p.name: p.read_text("utf-8-sig").split("\n") for p in seeds.glob("*.txt")}
    passages = [
        r
        for r in map(json.loads, (evaluation / "qa.jsonl").read_text("utf-8").splitlines())
        if r["answered"] and not r["parent"]
    ]
    questions = [
        q for q in map(json.loads, (evaluation / "dev_questions.jsonl").read_text("utf-8").splitlines()) if q["gold"]
    ]

    def lines(file: str, start: int, end: int) -> set[tuple[str, int]]:
        return {(file, n) for n in range(start, end + 1) if pages[file][n - 1].strip()}

    spans = [lines(p["file"], p["a_start"], p["a_end"]) for p in passages]
    answers = ["\n".join(pages[p["file"]][p["a_start"] - 1 : p["a_end"]]) for p in passages]
    asked, titles, bodies = (
        encode(tokenizer, table, [simplify(t) for t in texts])
        for texts in ([q["question"] for q in questions], [p["question"] for p in passages], answers)
    )
    by_title, by_body = asked @ titles.T, asked @ bodies.T
    ways = {f"{w:.2f}": w * by_title + (1 - w) * by_body for w in (0.3, 0.4, 0.5, 0.6, 0.7)} | {
        "max": np.maximum(by_title, by_body)
    }
    relevant = np.zeros(by_title.shape, bool)
    for i, question in enumerate(questions):
        for gold in (g for g in question["gold"] if g["grade"] == 2):
            want = lines(gold["file"], gold["start"], gold["end"])
            for j, got in enumerate(spans):
                both = len(want & got)
                relevant[i, j] |= both > 0 and both / len(want) >= 0.5 and both / len(got) >= 0.3
    out: dict[str, float] = {}
    groups = {"": np.ones(len(questions), bool), "_en": np.array([q["lang"] == "en" for q in questions])}
    for way, scores in ways.items():
        hits = np.take_along_axis(relevant, np.argsort(-scores, axis=1, kind="stable"), axis=1)
        rank = np.where(hits.any(axis=1), hits.argmax(axis=1) + 1, 10**9)
        for group, member in groups.items():
            for k in (1, 3):
                out[f"full@{k}{group}/{way}"] = float((rank[member] <= k).mean())
            out[f"mrr{group}/{way}"] = float((1 / rank[member]).mean())
    return out


def tatoeba(tokenizer: Tokenizer, table: Vectors, evaluation: Path) -> float:
    """Share of Chinese sentences whose nearest English sentence is their translation."""
    folder, simplify = evaluation / "external/laser-tatoeba", OpenCC("t2s").convert
    zh, en = ((folder / f"tatoeba.cmn-eng.{lang}").read_text("utf-8").splitlines() for lang in ("cmn", "eng"))
    scores = encode(tokenizer, table, [simplify(t) for t in zh]) @ encode(tokenizer, table, en).T
    return float((scores.argmax(axis=1) == np.arange(len(zh))).mean())


def sts(tokenizer: Tokenizer, table: Vectors, evaluation: Path) -> dict[str, float]:
    """Spearman correlation of the cosine with human similarity on the STS-B test parts."""
    pairs: dict[str, list[tuple[str, str, float]]] = defaultdict(list)
    with gzip.open(evaluation / "external/sts-b-en/stsbenchmark.tsv.gz", "rt", encoding="utf-8") as rows:
        for row in csv.DictReader(rows, delimiter="\t", quoting=csv.QUOTE_NONE):
            if row["split"] == "test":
                pairs["sts_en"].append((row["sentence1"], row["sentence2"], float(row["score"])))
    for line in (evaluation / "external/sts-b-zh/cnsd-sts-test.txt").read_text("utf-8").splitlines():
        _, first, second, score = line.split("||")
        pairs["sts_zh"].append((first, second, float(score)))
    out = {}
    for name, judged in pairs.items():
        one, two, scores = zip(*judged, strict=True)
        cosines = (encode(tokenizer, table, list(one)) * encode(tokenizer, table, list(two))).sum(axis=1)
        out[name] = float(spearmanr(cosines, scores).statistic)
    return out


def held_out(table: Vectors, sources: list[Source]) -> dict[str, float]:
    """Retrieval among the held-out machine-learning pairs: accuracy of zh→en, mean reciprocal rank of question→answer."""
    out = {}
    for kind, label in (("parallel", "held_zh_en"), ("qa", "held_q_a")):
        bags: list[list[Vectors]] = [[], []]
        for source in (s for s in sources if s.kind == kind and s.deep_learning):
            for side, bag in ((source.left, bags[0]), (source.right, bags[1])):
                for row in range(0, len(source), HELD_EVERY):
                    bag.append(table[side.ids[side.starts[row] : side.starts[row + 1]]].sum(axis=0))
        left, right = (unit(np.stack(bag)) for bag in bags)
        scores = left @ right.T
        rank = (scores > np.diagonal(scores)[:, None]).sum(axis=1) + 1
        out[label] = float((1 / rank).mean() if kind == "qa" else (rank == 1).mean())
    return out


def evaluate(
    tokenizer: Tokenizer, table: Vectors, evaluation: Path, seeds: Path, sources: list[Source] | None = None
) -> dict[str, Any]:
    """All scores, rounded."""
    scores: dict[str, float] = dev_questions(tokenizer, table, evaluation, seeds)
    scores |= {"tatoeba_zh_en": tatoeba(tokenizer, table, evaluation)} | sts(tokenizer, table, evaluation)
    scores |= held_out(table, sources) if sources else {}
    return {name: round(value, 4) for name, value in scores.items()}
