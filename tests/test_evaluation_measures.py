"""Matching and measures against ir_measures, pytrec_eval, the shared scorer and arithmetic; runs written and read again."""

import json
import math
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import ir_measures
import numpy as np
import pytest
import pytrec_eval
from conftest import CHECKOUT
from hypothesis import given, settings
from hypothesis import strategies as st
from making import load_file

from retriever.errors import InputError
from retriever.evaluation.matching import NOTHING, Match, gains, overlap
from retriever.evaluation.measures import (
    DEFAULT,
    Bin,
    aurc,
    auroc,
    calibration,
    check_names,
    refusal,
    risk_coverage,
    score_questions,
)
from retriever.evaluation.records import Answered, Gold, Question, Response
from retriever.evaluation.trec import read_run, write_run

SHARED = CHECKOUT.parent / "shared"
needs_shared = pytest.mark.skipif(not (SHARED / "eval" / "score.py").is_file(), reason="../shared is absent")

Row = dict[str, Any]


@pytest.fixture(scope="module")
def scorer() -> ModuleType:
    """The shared scorer, whose docstring defines our measures; it takes (lines by file) in place of a folder."""
    module: ModuleType = load_file(SHARED / "eval" / "score.py")
    vars(module)["read_lines"] = module.nonblank_lines
    vars(module)["nonblank_lines"] = lambda lines: lines
    return module


def no_lines(source: str) -> set[int]:
    raise AssertionError(f"the lines of {source} were asked for")


def ten_lines(source: str) -> set[int]:
    return set(range(1, 11))


def passages(*ids: str) -> tuple[Answered, ...]:
    return tuple(Answered("a.md", 1, 2, 1.0, (id_,)) for id_ in ids)


def spans(*ends: tuple[int, int], source: str = "a.md") -> tuple[Answered, ...]:
    return tuple(Answered(source, start, end, 1.0) for start, end in ends)


def response(*answers: Answered, abstained: bool = False, confidence: float = 0.5, failed: str = "") -> Response:
    return Response("q", abstained, confidence, answers, failed=failed)


def score_one(question: Question, answered: Response, *names: str, lines: Callable[[str], set[int]] = ten_lines) -> Row:
    [row] = score_questions([question], {question.id: answered}, names, lines)
    return row


# Matching


@pytest.mark.parametrize(
    ("start", "end", "expected"),
    [
        (1, 4, 1.0),
        (1, 2, 0.5),  # half of the gold is enough
        (1, 1, 0.0),  # a quarter is not
        (4, 7, 0.0),
        (3, 6, 2 / 6),  # half of the gold, half of its own
        (3, 8, 2 / 8),  # a third of its own is inside
        (3, 9, 0.0),  # two of seven are not
        (1, 10, 0.4),
        (0, 99, 0.4),
        (4, 1, 0.0),
        (30, 40, 0.0),
    ],
)
def test_a_span_matches_by_its_share_of_lines(start: int, end: int, expected: float) -> None:
    """Half of the gold's four lines and 30 % of its own, of a page of ten lines."""
    assert overlap(*spans((start, end)), Gold(2, "a.md", 1, 4), ten_lines) == pytest.approx(expected)


def test_blank_lines_do_not_count() -> None:
    """A span of which only one line has text is that line."""
    assert overlap(*spans((1, 9)), Gold(2, "a.md", 5, 5), lambda source: {5}) == 1.0
    assert overlap(*spans((1, 9)), Gold(2, "a.md", 6, 7), lambda source: {5}) == 0.0


def test_sources_are_compared_by_the_last_part() -> None:
    """The gold may name a file without its folders, or with others; lines are those of the answer's source."""
    asked: list[str] = []

    def lines(source: str) -> set[int]:
        asked.append(source)
        return {1, 2}

    for named in ("a.md", "other/a.md", "pages/zh/a.md"):
        assert overlap(*spans((1, 2), source="pages/zh/a.md"), Gold(1, named, 1, 2), lines) == 1.0
    assert overlap(*spans((1, 2), source="pages/zh/a.md"), Gold(1, "b.md", 1, 2), lines) == 0.0
    assert overlap(*spans((1, 2), source="xa.md"), Gold(1, "a.md", 1, 2), lines) == 0.0
    assert asked == ["pages/zh/a.md"] * 3


def test_a_passage_matches_by_any_id_it_is_known_by() -> None:
    """Its own id, its parent's or a copy's; lines play no part."""
    answer = Answered("a.md", 1, 2, 1.0, ("part", "whole", "copy"))
    assert overlap(answer, Gold(1, passage="whole"), no_lines) == 1.0
    assert overlap(answer, Gold(1, passage="other"), no_lines) == 0.0
    assert overlap(Answered("a.md", 1, 2, 1.0), Gold(1, passage="whole"), no_lines) == 0.0


def test_the_best_gold_comes_first_and_counts_once() -> None:
    """The highest grade before the larger overlap; the same answer again takes what is left, then nothing."""
    question = Question("q", "?", gold=(Gold(1, "a.md", 1, 4), Gold(2, "a.md", 1, 3), Gold(1, "a.md", 2, 4)))
    found = gains(question, response(*spans((1, 4), (1, 4), (1, 4), (1, 4))), ten_lines)
    assert found == [Match(2, 0.75, 1), Match(1, 1.0, 0), Match(1, 0.75, 2), NOTHING]


def test_among_equal_golds_the_last_is_taken() -> None:
    """As the shared scorer does, whose maximum is over (grade, overlap, index)."""
    question = Question("q", "?", gold=(Gold(1, passage="p"), Gold(1, passage="p")))
    assert gains(question, response(*passages("p", "p", "p")), no_lines) == [
        Match(1, 1.0, 1),
        Match(1, 1.0, 0),
        NOTHING,
    ]


def test_only_the_first_answers_are_matched() -> None:
    """Ten, k or all."""
    question = Question("q", "?", gold=(Gold(1, passage="p11"),))
    answers = response(*passages(*(f"p{n}" for n in range(12))))
    assert gains(question, answers, no_lines) == [NOTHING] * 10
    assert gains(question, answers, no_lines, k=3) == [NOTHING] * 3
    assert gains(question, answers, no_lines, k=None) == [NOTHING] * 11 + [Match(1, 1.0, 0)]


def test_a_failed_response_has_no_answers() -> None:
    """Whatever it holds."""
    question = Question("q", "?", gold=(Gold(1, passage="p"),))
    assert gains(question, response(*passages("p"), failed="broken"), no_lines) == []


# Measures of a question


def test_measures_by_hand() -> None:
    """Grades 0, 1, 2 at ranks 1, 2, 3, and one gold of grade 2 missed."""
    question = Question("q", "?", gold=(Gold(1, passage="a"), Gold(2, passage="b"), Gold(2, passage="c")))
    names = (*DEFAULT, "AP", "full@2", "hit@2", "R@2", "abst", "nDCG@2", "Judged@10", "P(rel=2)@3")
    row = score_one(question, response(*passages("x", "a", "b")), *names, lines=no_lines)
    ideal = 3 + 3 / math.log2(3) + 1 / math.log2(4)
    expected = {
        "id": "q",
        "nDCG@10": (1 / math.log2(3) + 3 / math.log2(4)) / ideal,
        "nDCG@2": (1 / math.log2(3)) / (3 + 3 / math.log2(3)),
        "RR@10": 1 / 2,
        "P@1": 0.0,
        "Success@3": 1.0,
        "R@10": 2 / 3,
        "R@2": 1 / 3,
        "AP": (1 / 2 + 2 / 3) / 3,
        "Judged@10": 2 / 3,
        "P(rel=2)@3": 1 / 3,
        "full@1": 0.0,
        "full@2": 0.0,
        "full@3": 1.0,
        "hit@1": 0.0,
        "hit@2": 1.0,
        "hit@3": 1.0,
        "iou": None,
        "abst": 0.0,
        "rank": 2,
    }
    assert row == {
        name: value if isinstance(value, str | None) else pytest.approx(value) for name, value in expected.items()
    }


def test_iou_is_that_of_a_first_answer_that_matches() -> None:
    """None where the first answer is wrong, whatever the second is."""
    question = Question("q", "?", gold=(Gold(1, "a.md", 1, 4),))
    assert score_one(question, response(*spans((3, 6))), "iou")["iou"] == pytest.approx(2 / 6)
    assert score_one(question, response(*spans((7, 8), (1, 4))), "iou")["iou"] is None
    assert score_one(question, response(), "iou")["iou"] is None


def test_a_higher_grade_is_full_too() -> None:
    """Grades of other judges go beyond 2."""
    question = Question("q", "?", gold=(Gold(3, passage="p"),))
    assert score_one(question, response(*passages("p")), "full@1", lines=no_lines)["full@1"] == 1.0


@pytest.mark.parametrize(
    "responses",
    [{}, {"q": response()}, {"q": response(*passages("p"), failed="broken")}, {"q": response(failed="broken")}],
)
def test_a_question_without_an_answer_scores_nothing(responses: dict[str, Response]) -> None:
    """Silence and failure are misses in every measure."""
    question = Question("q", "?", gold=(Gold(2, passage="p"),))
    [row] = score_questions([question], responses, [*DEFAULT, "AP", "Judged@10"], no_lines)
    assert row == {"id": "q", **dict.fromkeys([*DEFAULT, "AP", "Judged@10"], 0.0), "iou": None, "rank": None}


@pytest.mark.parametrize(
    ("responses", "expected"),
    [
        ({}, 1.0),
        ({"q": response(failed="broken")}, 1.0),
        ({"q": response(abstained=True)}, 1.0),
        ({"q": response()}, 0.0),
    ],
)
def test_an_answerable_question_is_refused_without_a_response(responses: dict[str, Response], expected: float) -> None:
    """abst, as the shared scorer counts it."""
    [row] = score_questions([Question("q", "?", gold=(Gold(2, passage="p"),))], responses, ["abst"], no_lines)
    assert row["abst"] == expected


def test_answers_of_a_refused_question_count() -> None:
    """The candidates are measured; refusing is a measure of its own."""
    question = Question("q", "?", gold=(Gold(2, passage="p"),))
    row = score_one(question, response(*passages("p"), abstained=True), "full@1", "abst", "RR@10", lines=no_lines)
    assert (row["full@1"], row["abst"], row["RR@10"]) == (1.0, 1.0, 1.0)


def test_the_question_set_comes_from_the_gold() -> None:
    """Rows in the order of the questions; unanswerable ones and unknown responses are in none."""
    questions = [
        Question("b", "?", gold=(Gold(1, passage="p"),)),
        Question("none", "?"),
        Question("a", "?", gold=(Gold(1, passage="p"),)),
    ]
    rows = score_questions(questions, {"a": response(*passages("p")), "z": response(*passages("p"))}, ["P@1"], no_lines)
    assert rows == [{"id": "b", "P@1": 0.0, "rank": None}, {"id": "a", "P@1": 1.0, "rank": 1}]
    assert score_questions([Question("none", "?")], {}, DEFAULT, no_lines) == []
    assert score_questions([], {}, [], no_lines) == []


def test_odd_ids_are_harmless() -> None:
    """Ids with white space, empty ones and repeated passages do not reach the libraries."""
    questions = [Question(id_, "?", gold=(Gold(1, passage="a b"),)) for id_ in ("", "问 题", "q\n1", "other1")]
    rows = score_questions(
        questions, {q.id: response(*passages("x", "x", "a b")) for q in questions}, ["RR@10", "AP"], no_lines
    )
    assert [row["RR@10"] for row in rows] == pytest.approx([1 / 3] * 4)
    assert [row["AP"] for row in rows] == pytest.approx([1 / 3] * 4)


def test_rank_goes_as_deep_as_the_answers() -> None:
    """The first match of all answers given."""
    question = Question("q", "?", gold=(Gold(1, passage="p14"),))
    row = score_one(
        question,
        response(*passages(*(f"p{n}" for n in range(20)))),
        "RR@10",
        "RR",
        "R@100",
        "hit@14",
        "hit@15",
        lines=no_lines,
    )
    assert row == {
        "id": "q",
        "RR@10": 0.0,
        "RR": pytest.approx(1 / 15),
        "R@100": 1.0,
        "hit@14": 0.0,
        "hit@15": 1.0,
        "rank": 15,
    }


GRADES = st.dictionaries(st.sampled_from("abcdefgh"), st.integers(1, 4), min_size=1)
RANKED = st.lists(st.sampled_from("abcdefghijklmnopqrst"), unique=True, max_size=16)
SETS = st.lists(st.tuples(GRADES, RANKED), min_size=1, max_size=5)
FIELD = {
    "nDCG@10": ir_measures.nDCG @ 10,
    "nDCG@3": ir_measures.nDCG @ 3,
    "nDCG": ir_measures.nDCG,
    "AP": ir_measures.AP,
    "AP@5": ir_measures.AP @ 5,
    "RR@10": ir_measures.RR @ 10,
    "RR@2": ir_measures.RR @ 2,
    "RR": ir_measures.RR,
    "MRR": ir_measures.RR,
    "RR(rel=2)@4": ir_measures.RR(rel=2) @ 4,
    "R@10": ir_measures.R @ 10,
    "R@100": ir_measures.R @ 100,
    "R(rel=3)@4": ir_measures.R(rel=3) @ 4,
    "P@1": ir_measures.P @ 1,
    "P@5": ir_measures.P @ 5,
    "P(rel=2)@5": ir_measures.P(rel=2) @ 5,
    "Success@3": ir_measures.Success @ 3,
    "Judged@10": ir_measures.Judged @ 10,
    "Rprec": ir_measures.Rprec,
    "Bpref": ir_measures.Bpref,
    "SetP": ir_measures.SetP,
    "SetF": ir_measures.SetF,
    "NumRet": ir_measures.NumRet,
}
IN_TREC_EVAL = {
    "nDCG@10": ("ndcg_cut_10", 1),
    "nDCG": ("ndcg", 1),
    "AP": ("map", 1),
    "AP@5": ("map_cut_5", 1),
    "RR": ("recip_rank", 1),
    "RR@2": ("recip_rank", 1),
    "R@10": ("recall_10", 1),
    "P@5": ("P_5", 1),
    "P(rel=2)@5": ("P_5", 2),
    "Success@3": ("success_3", 1),
    "Rprec": ("Rprec", 1),
}


def judged(sets: list[tuple[dict[str, int], list[str]]], *, exponential: bool) -> dict[str, dict[str, int]]:
    return {
        str(n): {document: 2**grade - 1 if exponential else grade for document, grade in grades.items()}
        for n, (grades, _) in enumerate(sets)
    }


def scored(sets: list[tuple[dict[str, int], list[str]]], names: tuple[str, ...]) -> list[Row]:
    questions = [
        Question(f"question {n}", "?", gold=tuple(Gold(grade, passage=id_) for id_, grade in grades.items()))
        for n, (grades, _) in enumerate(sets)
    ]
    responses = {q.id: response(*passages(*ranked)) for q, (_, ranked) in zip(questions, sets, strict=True)}
    return score_questions(questions, responses, names, no_lines)


@settings(max_examples=100, deadline=None)
@given(sets=SETS)
def test_measures_of_the_field_equal_ir_measures(sets: list[tuple[dict[str, int], list[str]]]) -> None:
    """On random runs, all together, as the library gives them for the documents themselves."""
    rows = scored(sets, tuple(FIELD))
    run = {str(n): {d: 100.0 - at for at, d in enumerate(ranked)} for n, (_, ranked) in enumerate(sets) if ranked}
    for name, measure in FIELD.items():
        qrels = judged(sets, exponential=name.startswith("nDCG"))
        values = {m.query_id: m.value for m in ir_measures.iter_calc([measure], qrels, run)}
        assert [row[name] for row in rows] == pytest.approx([values[str(n)] for n in range(len(sets))]), name


@settings(max_examples=100, deadline=None)
@given(sets=SETS)
def test_measures_of_the_field_equal_pytrec_eval(sets: list[tuple[dict[str, int], list[str]]]) -> None:
    """The same without ir_measures between; reciprocal rank to a depth is that of the run cut there."""
    rows = scored(sets, tuple(IN_TREC_EVAL))
    for name, (theirs, level) in IN_TREC_EVAL.items():
        deep = 2 if name == "RR@2" else None
        run = {str(n): {d: 100.0 - at for at, d in enumerate(ranked[:deep])} for n, (_, ranked) in enumerate(sets)}
        qrels = judged(sets, exponential=name.startswith("nDCG"))
        found = pytrec_eval.RelevanceEvaluator(qrels, {theirs}, relevance_level=level).evaluate(run)
        for n, row in enumerate(rows):
            assert row[name] == pytest.approx(found.get(str(n), {}).get(theirs, 0.0)), name


@settings(max_examples=60, deadline=None)
@given(sets=SETS)
def test_all_values_lie_between_0_and_1(sets: list[tuple[dict[str, int], list[str]]]) -> None:
    """hit@k is Success@k, and nothing full is not a hit."""
    for row in scored(sets, (*DEFAULT, "hit@7", "Success@7", "full@7")):
        assert all(
            value is None or 0 <= value <= 1 + 1e-12 for name, value in row.items() if name not in ("id", "rank")
        )
        assert row["hit@7"] == row["Success@7"] >= row["full@7"]


@pytest.mark.parametrize(
    "name",
    ["", "foo", "ndcg@10", "nDCG@", "nDCG@ten", "nDCG@1.5", "P", "P@0", "P@-1", "P@01", "P@99999999999", "full", "full@0",
     "full@-1", "hit@x", "iou@3", "abst@1", "nDCG@10@5", "nDCG @10", "R@10,P@1", "P(rel=0)@5", "P(x=1)@5", "nDCG(rel=2)@10",
     "RR(judged_only=True)@5", "IPrec@0.1", "IPrec@1", "ERR@10", "alpha_nDCG@10", "NumRel(rel=2)", "__import__('os')", "iou\n"],
)  # fmt: skip
def test_unknown_and_malformed_names_are_refused(name: str) -> None:
    """Before anything is computed, with what is known; some of these would end the process inside trec_eval."""
    question = Question("q", "?", gold=(Gold(1, passage="p"),))
    with pytest.raises(
        InputError, match=r"full@k, hit@k, iou, abst and, of ir_measures, .*AP.*nDCG.*nDCG@10"
    ) as caught:
        score_questions([question], {}, ["P@1", name], no_lines)
    assert repr(name) in str(caught.value)
    with pytest.raises(InputError):
        check_names([name])


def test_all_unknown_names_are_told_at_once() -> None:
    """So that they can be mended at once."""
    with pytest.raises(InputError, match="'foo', 'bar@1'"):
        check_names(["full@1", "foo", "AP", "bar@1"])
    check_names([*DEFAULT, "abst", "full@7", "AP", "P(rel=2)@5"])


def test_without_the_library_only_its_measures_are_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    """Ours need neither; the others say what to install."""
    monkeypatch.setattr(ir_measures.pytrec_eval, "_is_available", False)
    with pytest.raises(InputError, match="pip install pytrec-eval-terrier"):
        check_names(["AP"])
    monkeypatch.setitem(sys.modules, "ir_measures", None)
    with pytest.raises(InputError, match="pip install ir_measures"):
        check_names(["AP"])
    question = Question("q", "?", gold=(Gold(2, passage="p"),))
    assert score_one(question, response(*passages("p")), "full@1", "iou", "abst") == {
        "id": "q",
        "full@1": 1.0,
        "iou": 1.0,
        "abst": 0.0,
        "rank": 1,
    }


@pytest.mark.parametrize("grade", [0, -1, 21, 2**40])
def test_grades_that_cannot_be_measured_are_refused(grade: int) -> None:
    """With the question that has one; 20, the largest, can be."""
    question = Question("q7", "?", gold=(Gold(grade, passage="p"), Gold(1, passage="r")))
    with pytest.raises(InputError, match=r"question q7.*1 to 20"):
        score_questions([question], {}, ["AP"], no_lines)
    most = Question("q", "?", gold=(Gold(20, passage="p"),))
    assert score_one(most, response(*passages("x", "p")), "nDCG@10")["nDCG@10"] == pytest.approx(1 / math.log2(3))


# Against the shared scorer


FILES = ("a.md", "b.md")
SPAN = st.tuples(st.sampled_from(FILES), st.integers(1, 14), st.integers(0, 8)).map(lambda s: (s[0], s[1], s[1] + s[2]))
LINES = st.fixed_dictionaries({name: st.sets(st.integers(1, 22)) for name in FILES})
SPAN_SETS = st.lists(
    st.tuples(
        st.lists(st.tuples(SPAN, st.integers(1, 2)), max_size=5),
        st.lists(st.tuples(SPAN, st.sampled_from(["", "pages/", "/deep/er/"])), max_size=13),
        st.booleans(),
        st.sampled_from([0.0, 0.25, 0.5, 0.9, 1.0]),
        st.booleans(),
    ),
    max_size=6,
)


def as_shared(questions: list[Question], responses: dict[str, Response]) -> tuple[list[Row], list[Row]]:
    """Questions and answers as the rows that the shared scorer reads."""
    asked = [
        {
            "id": q.id,
            "lang": q.language,
            "kind": q.kind,
            "gold": [{"file": g.source, "start": g.start, "end": g.end, "grade": g.grade} for g in q.gold],
        }
        for q in questions
    ]
    given = [
        {
            "id": id_,
            "abstained": r.abstained,
            "confidence": r.confidence,
            "answers": [
                {"citation": {"source": a.source, "start_line": a.start, "end_line": a.end}} for a in r.answers
            ],
        }
        for id_, r in responses.items()
    ]
    return asked, given


THEIRS = {"full@1": "full@1", "full@3": "full@3", "hit@1": "hit@1", "hit@3": "hit@3", "RR@10": "mrr", "nDCG@10": "ndcg", "abst": "abst", "iou": "iou"}  # fmt: skip


def check_against(
    scorer: ModuleType, questions: list[Question], responses: dict[str, Response], lines: dict[str, set[int]]
) -> None:
    """Every row, the means of all, and the area under the ROC curve."""
    asked, given = as_shared(questions, responses)
    rows = score_questions(questions, responses, list(THEIRS), lambda source: lines[source.rsplit("/", 1)[-1]])
    by_id = {row["id"]: row for row in given}
    answerable = [row for row in asked if row["gold"]]
    assert len(rows) == len(answerable)
    for ours, question in zip(rows, answerable, strict=True):
        theirs = scorer.score_question(question, by_id.get(question["id"], {}), lines)
        expected = {name: None if theirs[key] is None else float(theirs[key]) for name, key in THEIRS.items()}
        assert {name: ours[name] for name in THEIRS} == pytest.approx(expected)
    whole = scorer.score(asked, given, lines)
    for name, key in THEIRS.items():
        values = [row[name] for row in rows if row[name] is not None]
        if rows:
            expected = whole["measures"]["all"][key]
            assert (sum(values) / len(values) if values else None) == pytest.approx(expected, abs=6e-5)
    hits = {row["id"]: row["hit@1"] == 1 for row in rows}
    confidence = [responses[q.id].confidence if q.id in responses else 0.0 for q in questions]
    area = auroc(confidence, [hits.get(q.id, False) for q in questions])
    assert area == (None if whole["auroc"] is None else pytest.approx(whole["auroc"], abs=6e-5))
    empty = Response("", True, 0.0)
    _, recall = refusal([responses.get(q.id, empty).abstained for q in questions], [not q.gold for q in questions])
    assert recall == (None if whole["refused"] is None else pytest.approx(whole["refused"], abs=6e-5))


@needs_shared
@settings(max_examples=200, deadline=None)
@given(drawn=SPAN_SETS, lines=LINES)
def test_span_measures_equal_the_shared_scorer(
    scorer: ModuleType, drawn: list[Any], lines: dict[str, set[int]]
) -> None:
    """On random spans, blank lines, refusals and missing answers."""
    questions, responses = [], {}
    for n, (golds, answers, abstained, confidence, present) in enumerate(drawn):
        gold = tuple(Gold(grade, *span) for span, grade in golds)
        questions.append(Question(str(n), "?", "zh", "typo", gold))
        if present:
            given_ = tuple(Answered(prefix + name, start, end, 1.0) for (name, start, end), prefix in answers)
            responses[str(n)] = Response(str(n), abstained, confidence, given_)
    check_against(scorer, questions, responses, lines)


@needs_shared
@pytest.mark.filterwarnings("ignore:unclosed file:ResourceWarning")
def test_the_development_questions_score_the_same(scorer: ModuleType) -> None:
    """Real pages and gold; answers are gold spans shifted and stretched at random, so that all measures vary."""
    lines = scorer.read_lines(SHARED / "seeds")
    rows = [
        json.loads(row) for row in (SHARED / "eval" / "dev_questions.jsonl").read_text(encoding="utf-8").splitlines()
    ]
    questions = [
        Question(
            r["id"],
            r["question"],
            r["lang"],
            r["kind"],
            tuple(Gold(g["grade"], g["file"], g["start"], g["end"]) for g in r["gold"]),
        )
        for r in rows
    ]
    every = [gold for question in questions for gold in question.gold]
    random = np.random.default_rng(0)
    responses = {}
    for question in questions:
        picked = [every[i] for i in random.integers(len(every), size=6)]
        picked[: len(question.gold)] = question.gold[:6]
        answers = tuple(
            Answered(
                "seeds/" + g.source,
                max(1, g.start + int(random.integers(-4, 5))),
                g.end + int(random.integers(0, 9)),
                1.0,
            )
            for g in (picked[i] for i in random.permutation(len(picked)))
        )
        responses[question.id] = Response(question.id, bool(random.random() < 0.2), float(random.random()), answers)
    assert len(questions) == 160
    check_against(scorer, questions, responses, lines)


# Measures of a whole set


SURE = st.lists(
    st.tuples(st.sampled_from([0.0, 0.1, 0.3, 0.30000001, 0.5, 0.7, 0.95, 1.0]), st.booleans()), max_size=25
)


def test_auroc_by_hand() -> None:
    """Pairs of right and not right: 0.9 wins twice, 0.4 ties once and loses once; 2.5 of 4."""
    assert auroc([0.9, 0.4, 0.4, 0.6], [True, True, False, False]) == 2.5 / 4
    assert auroc([0.9, 0.8], [True, True]) is None
    assert auroc([0.9, 0.8], [False, False]) is None
    assert auroc([], []) is None


@settings(max_examples=150, deadline=None)
@given(sure=SURE)
def test_auroc_equals_all_pairs(sure: list[tuple[float, bool]]) -> None:
    """To the bit what a plain loop over the pairs gives."""
    pairs = [(r > w) + 0.5 * (r == w) for r, right in sure if right for w, wrong in sure if not wrong]
    assert auroc([c for c, _ in sure], [right for _, right in sure]) == (sum(pairs) / len(pairs) if pairs else None)


def test_refusal_by_hand() -> None:
    """Three refused, two of them rightly; one of three unanswerable ones was answered."""
    refused, unanswerable = [True, True, True, False, False], [True, True, False, True, False]
    assert refusal(refused, unanswerable) == (2 / 3, 2 / 3)
    assert refusal([False, False], [True, False]) == (None, 0.0)
    assert refusal([True, False], [False, False]) == (0.0, None)
    assert refusal([], []) == (None, None)


def test_risk_coverage_by_hand() -> None:
    """Most confident first; two questions of equal confidence are covered together."""
    confidence, right = [0.5, 0.9, 0.7, 0.5], [False, True, False, True]
    assert risk_coverage(confidence, right) == [(0.25, 0.0), (0.5, 0.5), (1.0, 0.5)]
    assert aurc(confidence, right) == pytest.approx(0.25 * 0 + 0.25 * 0.5 + 0.5 * 0.5)
    assert risk_coverage([], []) == []
    assert aurc([], []) is None


@settings(max_examples=150, deadline=None)
@given(sure=SURE)
def test_risk_coverage_is_the_share_wrong_above_each_confidence(sure: list[tuple[float, bool]]) -> None:
    """The order of the questions does not matter, and the curve ends at coverage 1 with the share of all that is wrong."""
    expected = []
    for least in sorted({c for c, _ in sure}, reverse=True):
        covered = [right for c, right in sure if c >= least]
        expected.append((len(covered) / len(sure), covered.count(False) / len(covered)))
    for order in (sure, sure[::-1]):
        found = risk_coverage([c for c, _ in order], [right for _, right in order])
        assert np.asarray(found).ravel() == pytest.approx(np.asarray(expected).ravel())


@settings(max_examples=100, deadline=None)
@given(right=st.lists(st.booleans(), min_size=1, max_size=30))
def test_aurc_is_the_mean_risk_over_coverages(right: list[bool]) -> None:
    """Without ties: the mean of the risks of the first 1, 2, … questions."""
    risks = [right[:n].count(False) / n for n in range(1, len(right) + 1)]
    assert aurc([-float(n) for n in range(len(right))], right) == pytest.approx(sum(risks) / len(risks))


def test_calibration_by_hand() -> None:
    """0.1 belongs to the first range, as 0 does; 1 to the last."""
    error, bins = calibration([0.0, 0.1, 0.95, 1.0], [False, True, True, True])
    assert bins == [Bin(2, pytest.approx(0.05), 0.5), Bin(2, pytest.approx(0.975), 1.0)]
    assert error == pytest.approx(0.5 * 0.45 + 0.5 * 0.025)
    assert calibration([], []) == (None, [])


@settings(max_examples=150, deadline=None)
@given(sure=SURE, bins=st.integers(1, 12))
def test_calibration_equals_a_plain_loop(sure: list[tuple[float, bool]], bins: int) -> None:
    """Ranges (low, high], every question in one of them."""
    error, found = calibration([c for c, _ in sure], [right for _, right in sure], bins)
    edges = np.linspace(0, 1, bins + 1)
    expected = []
    for n in range(bins):
        inside = [(c, right) for c, right in sure if (c > edges[n] or n == 0) and c <= edges[n + 1]]
        if inside:
            expected.append(
                Bin(
                    len(inside),
                    pytest.approx(np.mean([c for c, _ in inside])),
                    pytest.approx(np.mean([r for _, r in inside])),
                )
            )
    assert found == expected
    assert sum(b.count for b in found) == len(sure)
    assert error == (
        pytest.approx(sum(b.count * abs(b.right - b.confidence) for b in found) / len(sure)) if sure else None
    )


@pytest.mark.parametrize("confidence", [1.01, -0.01, math.nan, math.inf])
def test_calibration_refuses_what_is_no_probability(confidence: float) -> None:
    """Such a value would fall into no range."""
    with pytest.raises(InputError, match="between 0 and 1"):
        calibration([0.5, confidence], [True, False])


# Runs


def answered(*scores: float) -> tuple[Answered, ...]:
    return tuple(Answered("a.md", n, n, score, (f"p{n}", "parent")) for n, score in enumerate(scores, 1))


def test_a_run_has_one_row_a_document(tmp_path: Path) -> None:
    """In the order of the questions; those without a response, or with a failed one, have no row."""
    questions = [Question("q2", "?"), Question("q1", "?"), Question("none", "?"), Question("broken", "?")]
    responses = {
        "q1": response(Answered("pages/my page.md", 3, 9, 0.5), abstained=True),
        "q2": response(*answered(0.8, 0.25)),
        "broken": response(*answered(0.5), failed="broken"),
        "unknown": response(*answered(0.5)),
    }
    write_run(tmp_path / "run", questions, responses, "my tag")
    assert (tmp_path / "run").read_bytes().decode() == (
        "q2 Q0 p1 1 0.8 my%20tag\nq2 Q0 p2 2 0.25 my%20tag\nq1 Q0 pages/my%20page.md:3-9 1 0.5 my%20tag\n"
    )
    assert read_run(tmp_path / "run", {"q1", "q2"}) == {
        "q2": [("p1", pytest.approx(0.8)), ("p2", 0.25)],
        "q1": [("pages/my page.md:3-9", 0.5)],
    }


def test_a_document_given_twice_is_written_once(tmp_path: Path) -> None:
    """A run names a document once a question; ranks leave no gap."""
    again = Answered("a.md", 1, 2, 0.75, ("a",))
    twice = (*passages("a"), again, *passages("b"), *spans((1, 2), (1, 2)))
    write_run(tmp_path / "run", [Question("q", "?")], {"q": response(*twice)}, "t")
    rows = [line.split() for line in (tmp_path / "run").read_text(encoding="utf-8").splitlines()]
    assert [(row[2], row[3]) for row in rows] == [("a", "1"), ("b", "2"), ("a.md:1-2", "3")]
    assert rows[0][4] == "1.0"


PIECES = ["%", "2", "0", "A", "%20", "%25", "%0A", "%C2", "%A0", "%C3%A9", "%E3%80%80", "%FF", "中", "é", " ", "\n", "\r", "\x00", "\x1c", "\x85", "\xa0", "\u3000", "\u2028", "\ufeff", "\ud800"]  # fmt: skip
TEXT = st.one_of(
    st.text(min_size=1, max_size=6), st.lists(st.sampled_from(PIECES), min_size=1, max_size=5).map("".join)
)


@settings(max_examples=200, deadline=None)
@given(
    ids=st.lists(
        st.tuples(TEXT, st.lists(TEXT, unique=True, min_size=1, max_size=4)), unique_by=lambda e: e[0], max_size=4
    ),
    tag=TEXT,
)
def test_any_id_comes_back(
    tmp_path_factory: pytest.TempPathFactory, ids: list[tuple[str, list[str]]], tag: str
) -> None:
    """White space, line ends, controls, escapes, half surrogates: what is written is read again, in the same order."""
    path = tmp_path_factory.getbasetemp() / "any-id.run"
    questions = [Question(id_, "?") for id_, _ in ids]
    write_run(path, questions, {id_: response(*passages(*documents)) for id_, documents in ids}, tag)
    assert {id_: [d for d, _ in found] for id_, found in read_run(path, [q.id for q in questions]).items()} == dict(ids)
    assert all(len(line.split()) == 6 for line in path.read_text(encoding="utf-8").splitlines())


def test_escapes_of_others_are_left_alone(tmp_path: Path) -> None:
    """Ids of DBpedia hold percent signs of their own; only what would break a row is taken for an escape."""
    (tmp_path / "run").write_text("1 Q0 <dbpedia:Caf%C3%A9_%26_Bar> 1 2.0 x\n", encoding="utf-8")
    assert read_run(tmp_path / "run") == {"1": [("<dbpedia:Caf%C3%A9_%26_Bar>", 2.0)]}


@settings(max_examples=150, deadline=None)
@given(
    scores=st.lists(
        st.one_of(st.floats(-1e29, 1e29), st.sampled_from([0.0, -0.0, 1.0, 1.0 + 1e-12, 1e-45])), max_size=12
    )
)
def test_scores_descend_strictly_in_single_precision(
    tmp_path_factory: pytest.TempPathFactory, scores: list[float]
) -> None:
    """Whatever the scores are, trec_eval, which holds them so, keeps the order of the answers."""
    path = tmp_path_factory.getbasetemp() / "scores.run"
    write_run(path, [Question("q", "?")], {"q": response(*answered(*scores))}, "t")
    found = read_run(path).get("q", [])
    assert [d for d, _ in found] == [f"p{n}" for n in range(1, len(scores) + 1)]
    single = np.asarray([score for _, score in found], dtype=np.float32)
    assert (np.diff(single) < 0).all()


def test_scores_that_descend_are_kept(tmp_path: Path) -> None:
    """To single precision."""
    write_run(tmp_path / "run", [Question("q", "?")], {"q": response(*answered(2.5, 0.8, 0.8, -1.0))}, "t")
    found = [score for _, score in read_run(tmp_path / "run")["q"]]
    assert found == pytest.approx([2.5, 0.8, 0.8, -1.0])
    assert found[1] > found[2]


@pytest.mark.parametrize("score", [math.nan, math.inf, -math.inf, 1e300])
def test_scores_that_are_no_numbers_are_refused(tmp_path: Path, score: float) -> None:
    """With question and document."""
    with pytest.raises(InputError, match=r"question q: the score of p2"):
        write_run(tmp_path / "run", [Question("q", "?")], {"q": response(*answered(0.5, score))}, "t")


def test_a_run_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    """A folder that is not there, an id or tag of nothing."""
    with pytest.raises(InputError, match="cannot be written"):
        write_run(tmp_path / "no" / "run", [], {}, "t")
    with pytest.raises(InputError, match="empty"):
        write_run(tmp_path / "run", [Question("q", "?")], {"q": response(*answered(1.0))}, "")
    with pytest.raises(InputError, match="empty"):
        write_run(tmp_path / "run", [Question("", "?")], {"": response(*answered(1.0))}, "t")


def test_a_run_is_ordered_by_score_as_trec_eval_does(tmp_path: Path) -> None:
    """Not by rank or place; equal scores by docid, descending. Tabs, CRLF, a byte order mark and blank lines are no matter."""
    text = "\ufeffq1\tQ0\ta\t1\t1.5\tx\r\n\r\nq1 Q0 b 2 2.5 x\r\nq2 Q0 c 1 0 x\r\nq1 Q0 d 3 1.5 x"
    (tmp_path / "run").write_bytes(text.encode())
    assert read_run(tmp_path / "run") == {"q1": [("b", 2.5), ("d", 1.5), ("a", 1.5)], "q2": [("c", 0.0)]}
    (tmp_path / "wide").write_bytes(text.encode("utf-16"))
    assert read_run(tmp_path / "wide") == read_run(tmp_path / "run")
    (tmp_path / "empty").write_bytes(b"")
    assert read_run(tmp_path / "empty") == {}


@pytest.mark.parametrize(
    "row",
    ["q1 Q0 d 1 0.5", "q1 Q0 d 1 0.5 x y", "q1 Q0 d 1 half x", "q1 Q0 d first 0.5 x", "q1 Q0 d 1.5 3 x", "q1 Q0 d 1 nan x",
     "q1 Q0 d 1 inf x", "{}", "q1 0 d 1"],
)  # fmt: skip
def test_malformed_rows_are_told_by_line(tmp_path: Path, row: str) -> None:
    """Too few or many fields, and words where numbers belong."""
    path = tmp_path / "run"
    path.write_text(f"q1 Q0 a 1 0.9 x\n\n{row}\n", encoding="utf-8")
    with pytest.raises(InputError, match="qid Q0 docid rank score tag") as caught:
        read_run(path)
    assert str(caught.value).startswith(f"{path}:3: ")


def test_a_document_named_twice_is_told_by_line(tmp_path: Path) -> None:
    """With the line that named it first; another question may name it too."""
    path = tmp_path / "run"
    path.write_text("q1 Q0 a 1 0.9 x\nq2 Q0 a 1 0.9 x\nq1 Q0 a 2 0.8 x\n", encoding="utf-8")
    with pytest.raises(InputError, match=r"document a again for question q1.*line 1") as caught:
        read_run(path)
    assert str(caught.value).startswith(f"{path}:3: ")


def test_an_unknown_question_is_told_by_line(tmp_path: Path) -> None:
    """Where the ids are known; else any is taken."""
    path = tmp_path / "run"
    path.write_text("q1 Q0 a 1 0.9 x\nq9 Q0 a 1 0.9 x\n", encoding="utf-8")
    with pytest.raises(InputError, match="question q9") as caught:
        read_run(path, {"q1"})
    assert str(caught.value).startswith(f"{path}:2: ")
    assert set(read_run(path)) == {"q1", "q9"}


def test_a_run_that_cannot_be_read_is_told(tmp_path: Path) -> None:
    """Missing, a folder, or no text at all."""
    (tmp_path / "binary").write_bytes(b"\x00\x01\x02" * 50)
    for path in (tmp_path / "missing", tmp_path, tmp_path / "binary"):
        with pytest.raises(InputError) as caught:
            read_run(path)
        assert str(path) in str(caught.value)


def test_a_written_run_measures_the_same(tmp_path: Path) -> None:
    """trec_eval gives a run written from answers the values our rows have."""
    questions = [
        Question("q1", "?", gold=(Gold(1, passage="p2"), Gold(1, passage="p4"))),
        Question("q2", "?", gold=(Gold(1, passage="p1"),)),
    ]
    responses = {"q1": response(*answered(0.5, 0.5, 0.5, 0.5)), "q2": response(*answered(0.1, 0.9))}
    write_run(tmp_path / "run", questions, responses, "t")
    rows = score_questions(questions, responses, ["AP", "nDCG@10"], no_lines)
    qrels = {q.id: {g.passage: g.grade for g in q.gold} for q in questions}
    run = pytrec_eval.parse_run((tmp_path / "run").read_text(encoding="utf-8").splitlines())
    found = pytrec_eval.RelevanceEvaluator(qrels, {"map", "ndcg_cut_10"}).evaluate(run)
    for row in rows:
        assert found[row["id"]] == pytest.approx({"map": row["AP"], "ndcg_cut_10": row["nDCG@10"]})
