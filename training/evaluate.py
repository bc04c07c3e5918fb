"""Scores of a table: the development questions, Tatoeba, STS-B, and the held-out pairs.  Needs numpy, scipy and tokenizers only."""

from __future__ import annotations

import csv
import gzip
import importlib.util
import json
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import numpy.typing as npt
from opencc import OpenCC
from scipy.stats import spearmanr  # type: ignore[import-untyped]
from tokenizers import Tokenizer

from training.data import HELD_EVERY, Source, Topics

Vectors = npt.NDArray[np.float32]


def unit(vectors: Vectors) -> Vectors:
    """Rows scaled to length one; zero rows stay zero."""
    scaled: Vectors = vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-12)
    return scaled


Encode = Callable[[list[str]], Vectors]
"""From texts to unit vectors (texts, dimension): what is scored."""


def encode(tokenizer: Tokenizer, table: Vectors, texts: list[str]) -> Vectors:
    """Unit vectors (texts, dimension): the mean of the token rows, normalised."""
    out = np.zeros((len(texts), table.shape[1]), np.float32)
    for row, encoding in enumerate(tokenizer.encode_batch_fast(texts, add_special_tokens=False)):
        if encoding.ids:
            out[row] = table[encoding.ids].mean(axis=0)
    return unit(out)


def load_scorer(evaluation: Path) -> ModuleType:
    """The evaluation folder's own scorer, ``score.py``; its docstring defines the measures."""
    spec = importlib.util.spec_from_file_location("score", evaluation / "score.py")
    assert spec is not None
    assert spec.loader is not None
    scorer = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(scorer)
    return scorer


def dev_questions(encode: Encode, evaluation: Path, seeds: Path) -> dict[str, float]:
    """The scorer's measures for the encoder alone: passages are the answered questions of the gold list, ranked by cosine;
    a sub-topic is asked about together with the question it belongs to.

    Three ways to join the cosines with a passage's question and with its answer: their mean, the larger, and the mean of both ("both").
    The confidence is the first passage's score; the scorer's ``auroc`` sets right first hits against wrong ones and unanswerable questions,
    ``auroc_none`` against unanswerable questions only.
    """
    simplify, scorer = OpenCC("t2s").convert, load_scorer(evaluation)
    pages = {p.name: p.read_text("utf-8-sig").split("\n") for p in seeds.glob("*.txt")}
    rows = scorer.read_jsonl(evaluation / "qa.jsonl")
    passages, asked_in = [row for row in rows if row["answered"]], {row["id"]: row["question"] for row in rows}
    headings = [f"{asked_in.get(p['parent'], '')} {p['question']}".strip() for p in passages]
    questions = scorer.read_jsonl(evaluation / "dev_questions.jsonl")
    answers = ["\n".join(pages[p["file"]][p["a_start"] - 1 : p["a_end"]]) for p in passages]
    asked, titles, bodies = (
        encode([simplify(t) for t in texts]) for texts in ([q["question"] for q in questions], headings, answers)
    )
    by_title, by_body = asked @ titles.T, asked @ bodies.T
    mean, larger = (by_title + by_body) / 2, np.maximum(by_title, by_body)
    out: dict[str, float] = {}
    for way, scores in (("mean", mean), ("max", larger), ("both", (mean + larger) / 2)):
        run = []
        for question, row in zip(questions, scores, strict=True):
            best = np.argsort(-row, kind="stable")[:10]
            hits = [
                {"source": p["file"], "start_line": p["a_start"], "end_line": p["a_end"]}
                for p in (passages[int(j)] for j in best)
            ]
            answer = [{"citation": hit} for hit in hits]
            run.append({"id": question["id"], "abstained": False, "confidence": float(row[best[0]]), "answers": answer})
        result = scorer.score(questions, run, seeds)
        for group, label in (("all", ""), ("en", "_en"), ("typo", "_typo")):
            measured = result["measures"][group]
            out |= {f"{measure}{label}/{way}": measured[measure] for measure in ("full@1", "full@3", "ndcg")}
        out[f"auroc/{way}"] = result["auroc"]
        lines = scorer.nonblank_lines(seeds)
        right = [
            r["confidence"]
            for q, r in zip(questions, run, strict=True)
            if q["gold"] and scorer.score_question(q, r, lines)["hit@1"]
        ]
        none = [r["confidence"] for q, r in zip(questions, run, strict=True) if not q["gold"]]
        out[f"auroc_none/{way}"] = float(np.mean(np.array(right)[:, None] > np.array(none)))
    return out


def tatoeba(encode: Encode, evaluation: Path) -> dict[str, float]:
    """Share of sentences whose nearest sentence of the other language is their translation, both directions."""
    folder, simplify = evaluation / "external/laser-tatoeba", OpenCC("t2s").convert
    zh, en = ((folder / f"tatoeba.cmn-eng.{lang}").read_text("utf-8").splitlines() for lang in ("cmn", "eng"))
    scores = encode([simplify(t) for t in zh]) @ encode(en).T
    diagonal = np.arange(len(zh))
    return {
        "tatoeba_zh_en": float((scores.argmax(axis=1) == diagonal).mean()),
        "tatoeba_en_zh": float((scores.argmax(axis=0) == diagonal).mean()),
    }


def sts(encode: Encode, evaluation: Path) -> dict[str, float]:
    """Spearman correlation of the cosine with human similarity on STS-B: the dev parts (for choosing settings) and the test parts."""
    pairs: dict[str, list[tuple[str, str, float]]] = defaultdict(list)
    with gzip.open(evaluation / "external/sts-b-en/stsbenchmark.tsv.gz", "rt", encoding="utf-8") as rows:
        for row in csv.DictReader(rows, delimiter="\t", quoting=csv.QUOTE_NONE):
            if row["split"] in ("dev", "test"):
                pairs[f"sts_en_{row['split']}"].append((row["sentence1"], row["sentence2"], float(row["score"])))
    for split in ("dev", "test"):
        for line in (evaluation / f"external/sts-b-zh/cnsd-sts-{split}.txt").read_text("utf-8").splitlines():
            _, first, second, score = line.split("||")
            pairs[f"sts_zh_{split}"].append((first, second, float(score)))
    out = {}
    for name, judged in pairs.items():
        one, two, scores = zip(*judged, strict=True)
        cosines = (encode(list(one)) * encode(list(two))).sum(axis=1)
        out[name] = float(spearmanr(cosines, scores).statistic)
    return out


def retrieval(encode: Encode, evaluation: Path) -> dict[str, float]:
    """Mean reciprocal rank and share of first hits on sets nothing was chosen by: CMRC 2018 dev, question → its paragraph among all, and
    StackFAQ, rephrased question → its question among all.
    """
    pairs: dict[str, tuple[list[str], list[str], list[int]]] = {"cmrc": ([], [], []), "stackfaq": ([], [], [])}
    asked, told, right = pairs["cmrc"]
    for article in json.loads((evaluation / "external/cmrc2018-dev/cmrc2018_dev.json").read_text("utf-8"))["data"]:
        for paragraph in article["paragraphs"]:
            for question in paragraph["qas"]:
                asked.append(question["question"])
                right.append(len(told))
            told.append(paragraph["context"])
    asked, told, right = pairs["stackfaq"]
    faq = json.loads((evaluation / "external/stackfaq-en/stackExchange-FAQ.json").read_text("utf-8"))
    for pair in faq["root"]["qapair"]:
        for rephrased in (text for text in pair["rephr"] if text and len(text) > 1):
            asked.append(rephrased)
            right.append(len(told))
        told.append(pair["question"])
    out = {}
    for name, (asked, told, right) in pairs.items():
        scores = encode(asked) @ encode(told).T
        rank = (scores > scores[np.arange(len(asked)), right][:, None]).sum(axis=1) + 1
        out |= {f"{name}_mrr": float((1 / rank).mean()), f"{name}_p1": float((rank == 1).mean())}
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
        out[label] = round(float((1 / rank).mean() if kind == "qa" else (rank == 1).mean()), 4)
    return out


def held_topics(table: Vectors, topics: Topics, every: int) -> dict[str, float]:
    """Questions about topics that were not trained on, against the Chinese passages of all topics: a title (the first Chinese question)
    and an answer, cosines joined by the larger.  Share of the first hits that are right, and mean reciprocal rank, by kind of question.
    """
    ids, starts = topics.texts.ids, topics.texts.starts

    def vectors(rows: list[int]) -> Vectors:
        return unit(np.stack([table[ids[starts[row] : starts[row + 1]]].sum(axis=0) for row in rows]))

    titles = vectors([int(questions[0]) for questions in topics.questions])
    answers = vectors([int(rows[0]) for rows in topics.answers])
    asked = [(t, int(row)) for t in range(0, len(topics), every) for row in topics.questions[t][1:]]
    queries = vectors([row for _, row in asked])
    scores = np.maximum(queries @ titles.T, queries @ answers.T)
    own = scores[np.arange(len(asked)), [t for t, _ in asked]]
    rank = (scores > own[:, None]).sum(axis=1) + 1
    kinds = np.array([topics.kinds[row] for _, row in asked])
    out = {}
    for kind in ("zh", "en", "typo"):
        out[f"topics_p1_{kind}"] = float((rank[kinds == kind] == 1).mean())
        out[f"topics_mrr_{kind}"] = float((1 / rank[kinds == kind]).mean())
    return {name: round(value, 4) for name, value in out.items()}


def evaluate(encode: Encode, evaluation: Path, seeds: Path) -> dict[str, Any]:
    """All scores that need nothing but vectors of texts, rounded."""
    scores = dev_questions(encode, evaluation, seeds) | tatoeba(encode, evaluation) | sts(encode, evaluation)
    scores |= retrieval(encode, evaluation)
    return {name: round(value, 4) for name, value in scores.items()}
