"""Answers ordered by a reranker: one whose scores are dictated, and `ask --reranker` with a cross-encoder of random weights."""

import json
import re
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from conftest import Run
from doubles import KeywordEncoder, make_passage, write_passages
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from test_reranking import random_model

from retriever.answer import Answer, answer
from retriever.citations import Places
from retriever.confidence import bundled_calibration
from retriever.documents import Passage
from retriever.encoders.static import StaticEncoder
from retriever.explaining import Explained, explain, reading
from retriever.indexing import open_index
from retriever.rendering import answer_object, answer_text
from retriever.reranking import load_reranker
from retriever.search import RERANKED, Retriever
from retriever.terminal import Style

NOISE = "Dropout zeroes units at random. No unit can rely on one partner. At test time nothing is dropped any more."
PASSAGES = [
    make_passage("drop", "What does dropout do?", NOISE, source="a.md"),
    make_passage("drop-part", "Dropout at test time", "Dropout is off then.", source="a.md", parent="drop", line=9),
    make_passage("drop-other-part", "Dropout of inputs", "It hides words.", source="a.md", parent="drop", line=12),
    make_passage(
        "drop-copy", "What changes with dropout?", NOISE.replace("any more", "anymore"), source="b.md", line=4
    ),
    make_passage("prior", "Is dropout a prior?", "Under assumptions, yes: a Gaussian process.", source="c.md"),
    make_passage("pool", "Why use pooling?", "Pooling shrinks the map.", source="c.md", line=5),
    make_passage("pool-copy", "What is pooling for?", "Pooling shrinks the map.", source="d.md"),
    make_passage("bn", "批归一化有什么用？", "批归一化让训练更稳。", source="e.md"),
    make_passage("lr", "What is the learning rate?", "The length of a step.", source="f.md"),
]
FAMILY = {passage.id: passage.parent or passage.id for passage in PASSAGES}
FAMILIES = sorted(set(FAMILY.values()) - {"drop-copy", "pool-copy"})
ASKED = "Which units does dropout zero at random?"


class Dictated:
    """A reranker that knows the scores of passages by their question; it writes down what it was given to read."""

    name = "dictated"

    def __init__(self, scores: dict[str, float]) -> None:
        self.dictated = {passage.question: scores.get(passage.id, 0.0) for passage in PASSAGES}
        self.read: list[tuple[str, list[str]]] = []

    def scores(self, question: str, texts: list[str]) -> NDArray[np.float32]:
        self.read.append((question, texts))
        return np.asarray([self.dictated[text.split("\n")[0]] for text in texts], dtype=np.float32)


@pytest.fixture(scope="module")
def index(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_passages(tmp_path_factory.mktemp("reranked") / "index", PASSAGES)


@pytest.fixture(scope="module")
def plain(index: Path) -> Retriever:
    """Without a reranker."""
    return Retriever(open_index(index), KeywordEncoder())


def reranked(plain: Retriever, scores: dict[str, float]) -> Retriever:
    return Retriever(plain.index, plain.encoder, reranker=Dictated(scores))


def ids(result: Answer) -> list[str]:
    return [choice.hit.passage.id for choice in result.choices]


def also(result: Answer) -> dict[str, list[str]]:
    return {choice.hit.passage.id: [passage.id for passage in choice.also] for choice in result.choices}


SCORES = st.dictionaries(st.sampled_from([*FAMILY]), st.floats(-20, 20, width=32), max_size=len(FAMILY))


# The order


def test_answers_stand_in_the_order_of_the_reranker(plain: Retriever) -> None:
    """Highest first, whatever the score of the search was, and whatever the scale: below zero and above one."""
    first = ids(answer(plain, ASKED, 9, 0.0))
    assert first[0] == "drop"
    turned = {id_: float(place) - 2.5 for place, id_ in enumerate(first)}
    assert ids(answer(reranked(plain, turned), ASKED, 9, 0.0)) == first[::-1]


def test_ties_stay_in_the_order_of_the_search(plain: Retriever) -> None:
    """Where the reranker has no opinion, nothing moves; what it prefers goes before, the rest follows as it was."""
    first = answer(plain, ASKED, 9, 0.0)
    same = answer(reranked(plain, {}), ASKED, 9, 0.0)
    assert (ids(same), also(same)) == (ids(first), also(first))
    for favourite in ids(first):
        rest = [id_ for id_ in ids(first) if id_ != favourite]
        assert ids(answer(reranked(plain, {favourite: 1.0}), ASKED, 9, 0.0)) == [favourite, *rest]


@settings(max_examples=40, deadline=None)
@given(scores=SCORES)
def test_any_scores_give_their_own_order(plain: Retriever, scores: dict[str, float]) -> None:
    """A stable sort of the answers by the reranker's scores: no answer lost, none put twice."""
    before = ids(answer(plain, ASKED, 9, 0.0))
    found = answer(reranked(plain, scores), ASKED, 9, 0.0)
    assert ids(found) == sorted(before, key=lambda id_: -np.float32(scores.get(id_, 0.0)))
    assert [choice.hit.reranked for choice in found.choices] == [scores.get(id_, 0.0) for id_ in ids(found)]


def test_the_same_question_gives_the_same_answers(plain: Retriever) -> None:
    """Asked twice, and of two retrievers."""
    scores = {"pool": 3.0, "bn": 3.0, "drop": -1.0}
    found = reranked(plain, scores)
    assert answer(found, ASKED, 5).choices == answer(found, ASKED, 5).choices
    assert answer(reranked(plain, scores), ASKED, 5).choices == answer(found, ASKED, 5).choices


def test_without_a_reranker_no_score_of_one(plain: Retriever) -> None:
    """Nothing is read, nothing is reranked."""
    assert plain.reads == 0
    assert all(choice.hit.reranked is None for choice in answer(plain, ASKED, 9).choices)


# What is read


def test_question_and_answer_are_read_as_they_stand(plain: Retriever) -> None:
    """The question as it was typed, each answer with its question above it, in one call and in the order of the search."""
    asked = "Which units does DROPUOT zero？"
    retriever = reranked(plain, {})
    answer(retriever, asked, 2)
    judge = retriever.reranker
    assert isinstance(judge, Dictated)
    by_id = {passage.id: passage for passage in PASSAGES}
    order = ids(answer(plain, asked, 9, 0.0))
    assert judge.read == [(asked, [f"{by_id[id_].question}\n{by_id[id_].answer}" for id_ in order])]


def many(count: int) -> list[Passage]:
    return [
        make_passage(f"p{n}", f"Case {n} of dropout?", f"Answer {n * 7919} to case {n}.", source=f"{n}.md")
        for n in range(count)
    ]


class Counting:
    """A reranker that likes what it is given last best, and counts."""

    name = "counting"

    def __init__(self) -> None:
        self.counts: list[int] = []

    def scores(self, question: str, texts: list[str]) -> NDArray[np.float32]:
        self.counts.append(len(texts))
        return np.arange(len(texts), dtype=np.float32)


@pytest.mark.parametrize("k", [1, 3, RERANKED, 30])
def test_answers_beyond_k_may_come_to_the_front(tmp_path: Path, k: int) -> None:
    """RERANKED answers are read, more where more are asked for; the best of all that were read is the first."""
    directory = write_passages(tmp_path / "index", many(40))
    judge = Counting()
    bare = Retriever(open_index(directory), KeywordEncoder())
    read = ids(answer(bare, "dropout", max(k, RERANKED), 0.0))
    found = answer(Retriever(bare.index, bare.encoder, reranker=judge), "dropout", k, 0.0)
    assert judge.counts == [max(k, RERANKED)]
    assert ids(found) == read[::-1][:k]


@pytest.mark.parametrize("k", [1, 2, 3, 4, 50])
def test_k_is_the_number_of_answers(plain: Retriever, k: int) -> None:
    """As many as asked for, as long as there are families; fewer are the beginning of more."""
    retriever = reranked(plain, {"bn": 2.0, "pool": 1.0})
    found = answer(retriever, ASKED, k, 0.0)
    everything = ids(answer(retriever, ASKED, 50, 0.0))
    assert ids(found) == everything[:k]
    assert len(ids(found)) == min(k, len(FAMILIES))


# Copies and families


@settings(max_examples=40, deadline=None)
@given(scores=SCORES)
def test_copies_stay_with_their_answer(plain: Retriever, scores: dict[str, float]) -> None:
    """Wherever an answer moves, the other citations of it move along."""
    before = also(answer(plain, ASKED, 9, 0.0))
    assert sorted(map(len, before.values()), reverse=True)[:2] == [1, 1]
    assert also(answer(reranked(plain, scores), ASKED, 9, 0.0)) == before


@settings(max_examples=40, deadline=None)
@given(
    scores=SCORES, question=st.sampled_from([ASKED, "dropout at test time", "dropout of inputs hides words", "池化"])
)
def test_parent_and_part_are_never_together(plain: Retriever, scores: dict[str, float], question: str) -> None:
    """However much the reranker likes both, one of a family is shown; and no copy is an answer beside the one it copies."""
    found = answer(reranked(plain, scores), question, 9, 0.0)
    families = [FAMILY[id_] for id_ in ids(found)]
    assert len(families) == len(set(families))
    copies = [id_ for others in also(found).values() for id_ in others]
    assert not set(copies) & set(ids(found))


def test_parent_and_part_are_never_together_on_real_pages(bundled: Path, encoder: StaticEncoder) -> None:
    """Over the bundled corpus with its long answers in parts, the order turned round."""
    retriever = Retriever(open_index(bundled), encoder, reranker=Counting())
    for question in ("为什么BN放在激活前", "what is dropout", "梯度消失怎么办", "attention", "如何调学习率"):
        families = [c.hit.passage.parent or c.hit.passage.id for c in answer(retriever, question, 10).choices]
        assert len(families) == len(set(families)) == 10


# Confidence


@settings(max_examples=40, deadline=None)
@given(scores=SCORES, question=st.sampled_from([ASKED, "池化", "bread and butter", "dropout pooling 批归一化"]))
def test_confidence_is_bounded_and_never_rises_with_the_rank(
    plain: Retriever, scores: dict[str, float], question: str
) -> None:
    """0..1 for all, whatever the scale of the reranker; what it puts lower is not called surer."""
    found = answer(reranked(plain, scores), question, 9)
    confidences = [choice.confidence for choice in found.choices]
    assert 0 <= found.confidence <= 1
    assert all(0 <= confidence <= 1 for confidence in confidences)
    assert confidences == sorted(confidences, reverse=True)
    assert confidences[0] <= found.confidence
    assert found.abstained == (found.confidence < bundled_calibration().threshold)


def test_a_reranker_does_not_change_whether_there_is_an_answer(plain: Retriever) -> None:
    """The confidence was fitted without one: it is that of the search; an answer that the search thinks little of is shown with less."""
    before = answer(plain, ASKED, 3, 0.0)
    after = answer(reranked(plain, {"lr": 9.0}), ASKED, 3, 0.0)
    assert ids(after)[0] == "lr"
    assert (after.confidence, after.signals, after.abstained) == (before.confidence, before.signals, before.abstained)
    assert after.choices[0].confidence < before.choices[0].confidence


def test_an_order_that_is_kept_keeps_the_confidence(plain: Retriever) -> None:
    """A reranker that agrees changes no number of the answer."""
    before = answer(plain, ASKED, 9)
    order = {id_: -float(place) for place, id_ in enumerate(ids(before))}
    after = answer(reranked(plain, order), ASKED, 9)
    assert (after.confidence, after.signals, after.abstained) == (before.confidence, before.signals, before.abstained)
    assert [choice.confidence for choice in after.choices] == [choice.confidence for choice in before.choices]
    assert [choice.highlights for choice in after.choices] == [choice.highlights for choice in before.choices]


def test_an_abstention_lists_its_candidates_in_the_order_of_the_reranker(plain: Retriever) -> None:
    found = answer(reranked(plain, {"bn": 2.0, "lr": 1.0}), "bread and butter", 2)
    assert found.abstained
    assert ids(found) == ["bn", "lr"]


# What is shown


def test_the_score_in_json_is_that_of_the_reranker(plain: Retriever) -> None:
    """So that the scores of a result fall with its ranks; without a reranker it is the fused one."""
    scores = {"pool": 7.125, "drop": -3.5, "bn": 0.25}
    rows = answer_object(answer(reranked(plain, scores), ASKED, 9), Places([]))["answers"]
    by_question = {passage.question: scores.get(passage.id, 0.0) for passage in PASSAGES}
    assert [row["score"] for row in rows] == [by_question[row["question"]] for row in rows]
    assert [row["score"] for row in rows] == sorted((row["score"] for row in rows), reverse=True)
    assert [row["rank"] for row in rows] == list(range(1, len(rows) + 1))
    found = answer(plain, ASKED, 9)
    assert [row["score"] for row in answer_object(found, Places([]))["answers"]] == [
        round(choice.hit.score, 6) for choice in found.choices
    ]


def test_an_explanation_tells_both_scores(plain: Retriever) -> None:
    """The sum that the search made and what the reranker said of it, each answer its own."""
    retriever = reranked(plain, {"pool": 7.125, "drop": -3.5})
    found = answer(retriever, ASKED, 9, 0.0)
    reasons = tuple(explain(retriever, found.query, choice.hit) for choice in found.choices)
    for choice, reason in zip(found.choices, reasons, strict=True):
        assert sum(weight * value for _, value, weight in reason.parts) == pytest.approx(choice.hit.score, abs=1e-5)
    text = answer_text(found, Places([]), Style(100), explained=Explained(tuple(reading(found.query)), reasons))
    told = [float(value) for value in re.findall(r"^   · reranked (-?[\d.]+)$", text, re.MULTILINE)]
    assert told == [7.125, 0.0, 0.0, 0.0, -3.5]
    bare = answer(plain, ASKED, 1, 0.0)
    reason = explain(plain, bare.query, bare.choices[0].hit)
    assert "reranked" not in answer_text(bare, Places([]), Style(100), explained=Explained((), (reason,)))


# The command


@pytest.fixture(autouse=True)
def quiet(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Importing torch and its companions warns of things that are not tested here; what is set for the hub is taken back."""
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tiny cross-encoder of random weights."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return random_model(tmp_path_factory.mktemp("rerankers") / "tiny-reranker")


def objects(text: str) -> list[dict[str, Any]]:
    return [json.loads(line, parse_constant=pytest.fail) for line in text.splitlines()]


@pytest.mark.parametrize("name", ["no-such-reranker-here", "no/such-reranker", "模型"])
def test_a_reranker_that_is_absent_is_one_error_line(cli: Run, small: Path, name: str) -> None:
    """Status 2, nothing on stdout, the name and the ways out; no answer in another order than was asked for."""
    result = cli("ask", "dropout", "--reranker", name, "--index", small / "index")
    assert (result.status, result.out) == (2, "")
    assert re.fullmatch(
        rf"error: {name}: no such reranker on this machine; give the folder .* --download\n", result.err
    )


def test_a_folder_that_cannot_rank_is_refused(cli: Run, small: Path, tmp_path: Path) -> None:
    """Files that are no reranker: status 2 and one line, before any question is answered."""
    broken = random_model(tmp_path / "broken")
    (broken / "model.safetensors").write_bytes(b"abc")
    result = cli("ask", "dropout", "--reranker", broken, "--index", small / "index")
    assert (result.status, result.out) == (2, "")
    (line,) = result.err.splitlines()
    assert line.startswith(f"error: {broken}: not a reranker that can be loaded (")


def test_an_encoder_is_refused_as_a_reranker(cli: Run, small: Path, tmp_path: Path) -> None:
    """A model without a trained head is one error line too."""
    encoder = random_model(tmp_path / "encoder", head=False)
    result = cli("ask", "dropout", "--reranker", encoder, "--index", small / "index")
    assert (result.status, result.out) == (2, "")
    (line,) = result.err.splitlines()
    assert line == f"error: {encoder}: a model without a trained head cannot rank; use a cross-encoder instead"


def test_an_absent_reranker_builds_no_index(cli: Run, tmp_path: Path) -> None:
    """A mistyped name costs nothing: the first index is not built before it is known that the question can be answered."""
    assert cli("ask", "dropout", "--reranker", "no/such", "--index", tmp_path / "index").status == 2
    assert not (tmp_path / "index").exists()


def test_ask_answers_in_the_order_of_the_model(cli: Run, small: Path, model: Path) -> None:
    """Status 0, nothing on stderr, k answers whose scores are the model's for question and answer, best first."""
    question = "why dropout ?"
    asked = ("ask", question, "--min-confidence", "0", "--json", "--index", small / "index")
    result = cli(*asked, "-k", "5", "--reranker", model)
    assert (result.status, result.err) == (0, "")
    (found,) = objects(result.out)
    (everything,) = objects(cli(*asked, "-k", "50").out)
    judged = load_reranker(str(model)).scores(
        question, [f"{row['question']}\n{row['answer']}" for row in everything["answers"]]
    )
    assert len(found["answers"]) == 5
    assert [row["score"] for row in found["answers"]] == pytest.approx(
        sorted(map(float, judged), reverse=True)[:5], abs=1e-4
    )
    best = everything["answers"][int(judged.argmax())]
    assert (found["answers"][0]["question"], found["answers"][0]["also"]) == (best["question"], best["also"])
    assert [row["question"] for row in found["answers"]] != [row["question"] for row in everything["answers"][:5]]
    confidences = [row["confidence"] for row in found["answers"]]
    assert confidences == sorted(confidences, reverse=True)


def test_ask_for_people_with_a_reranker(cli: Run, small: Path, model: Path) -> None:
    """Text, batches and --explain go with it; the folder may be named relative to where one stands."""
    options = ("--min-confidence", "0", "-k", "2", "--reranker", model, "--index", small / "index")
    out = cli("ask", "why dropout ?", *options).out
    assert re.findall(r"^(\d)\. ", out, re.MULTILINE) == ["1", "2"]
    told = cli("ask", "why dropout ?", "--explain", *options).out
    values = [float(value) for value in re.findall(r"^   · reranked (-?[\d.]+)$", told, re.MULTILINE)]
    assert len(values) == 2
    assert values == sorted(values, reverse=True)
    batch = cli("ask", "--batch", "-", *options, stdin="why dropout ?\ngradient").out
    assert batch.startswith(f"## 1: why dropout ?\n{out}\n## 2: gradient\n")


def test_a_relative_folder_is_a_reranker(cli: Run, small: Path, model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(model.parent)
    asked = ("ask", "gradient", "--json", "--min-confidence", "0", "--index", small / "index", "--reranker")
    assert cli(*asked, model.name).out == cli(*asked, model).out
