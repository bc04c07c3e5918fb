"""`retriever eval`: from a file of questions to tables, files, comparisons and chosen settings; and the gate of floors."""

import json
from pathlib import Path
from typing import Any

import pytest
from conftest import CHECKOUT, Run
from hypothesis import given
from hypothesis import strategies as st
from making import load_file

from retriever.errors import InputError
from retriever.evaluation.sweep import read_grid, sweep

SHARED = CHECKOUT.parent / "shared"

ROWS: list[dict[str, Any]] = [
    {"id": "a", "lang": "zh", "kind": "same", "question": "学习率太大会怎样", "gold": [{"source": "zh.md", "question": "学习率太大会怎样？"}]},
    {"id": "b", "lang": "en", "kind": "cross", "question": "learning rate too large", "gold": [{"file": "zh.md", "start": 11, "end": 13, "grade": 2}]},
    {"id": "c", "lang": "en", "kind": "same", "question": "what does attention compute", "gold": [{"source": "en.md", "question": "What does attention compute?"}]},
    {"id": "d", "lang": "en", "kind": "unanswerable", "question": "how do I bake bread", "gold": []},
]  # fmt: skip


@pytest.fixture
def questions(tmp_path: Path) -> Path:
    path = tmp_path / "questions.jsonl"
    path.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in ROWS), "utf-8")
    return path


@pytest.fixture
def index(tmp_path: Path, mini_corpus: Path, cli: Run) -> Path:
    """An index of the small pages with the bundled encoder."""
    assert cli("index", mini_corpus, "--index", tmp_path / "index").status == 0
    return tmp_path / "index"


def test_the_table_has_every_group_and_the_measures_of_the_whole(questions: Path, index: Path, cli: Run) -> None:
    result = cli("eval", questions, "--index", index)
    assert result.status == 0, result.err
    first = [line.split()[0] for line in result.out.splitlines() if line.strip()]
    assert {"all", "en", "zh", "same", "cross", "auroc", "ece", "4"} <= set(first)
    assert "4 questions, 1 of them without an answer" in result.out


def test_json_has_means_intervals_and_settings(questions: Path, index: Path, cli: Run) -> None:
    """What was measured can be read by a program, and is proper JSON even where nothing could be measured."""
    result = cli("eval", questions, "--index", index, "--json", "--measures", "full@1, nDCG@10,iou,R@5")
    found = json.loads(result.out, parse_constant=pytest.fail)
    assert set(found["groups"]["all"]) == {"full@1", "nDCG@10", "iou", "R@5", "abst"}
    assert found["groups"]["all"]["full@1"]["count"] == 3
    for row in found["groups"]["all"].values():
        assert row["mean"] is None or row["low"] <= row["mean"] <= row["high"]
    assert found["settings"]["count"] == 4
    assert len(found["settings"]["digest"]) == 64
    assert found["failed"] == []


def test_files_are_written_and_a_run_compared_with_itself_is_no_different(
    questions: Path, index: Path, tmp_path: Path, cli: Run
) -> None:
    run, rows, page = tmp_path / "a.run", tmp_path / "rows.jsonl", tmp_path / "report.html"
    result = cli("eval", questions, "--index", index, "--run", run, "--per-query", rows, "--report", page)
    assert result.status == 0, result.err
    asked = [json.loads(line) for line in rows.read_text("utf-8").splitlines()]
    assert [row["id"] for row in asked] == ["a", "b", "c", "d"]
    assert asked[3]["wanted"] == []
    assert {line.split()[0] for line in run.read_text("utf-8").splitlines()} <= {"a", "b", "c", "d"}
    assert "学习率太大会怎样" in page.read_text("utf-8")
    same = cli("eval", questions, "--index", index, "--compare", run, run, "--json")
    found = json.loads(same.out)
    assert all(row["difference"] in (0, None) and row["p"] == 1 for row in found["differences"])
    assert found["won"] == found["lost"] == []


def test_a_worse_run_loses_questions(questions: Path, index: Path, tmp_path: Path, cli: Run) -> None:
    """The side that finds less is told so, by question."""
    run, empty = tmp_path / "a.run", tmp_path / "empty.run"
    cli("eval", questions, "--index", index, "--run", run)
    empty.write_text("a Q0 zh.md:1-2 1 1.0 x\n", "utf-8")
    result = cli("eval", questions, "--index", index, "--compare", run, empty, "--measures", "hit@3")
    assert result.status == 0, result.err
    lost = next(line for line in result.out.splitlines() if "lost" in line)
    assert "c" in lost.split("(")[1]


def test_settings_are_compared_by_asking_with_them(questions: Path, index: Path, tmp_path: Path, cli: Run) -> None:
    one, other, bad = (tmp_path / name for name in ("one.json", "other.json", "bad.json"))
    one.write_text('{"weights": [0.5, 0.5, 0.1, 0.4]}', "utf-8")
    other.write_text('{"weights": [0, 0, 1, 0], "k": 1}', "utf-8")
    bad.write_text('{"weights": 1}', "utf-8")
    found = json.loads(cli("eval", questions, "--index", index, "--compare", one, other, "--json").out)
    by_name = {row["measure"]: row for row in found["differences"]}
    assert by_name["hit@3"]["a"] > by_name["hit@3"]["b"]
    assert "b" in found["lost"]
    refused = cli("eval", questions, "--index", index, "--compare", one, bad)
    assert refused.status == 2
    assert "bad.json" in refused.err


def test_a_question_that_breaks_is_a_miss_and_is_named(
    questions: Path, index: Path, cli: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever goes wrong with one question, the others are measured and it counts against us."""
    from retriever.evaluation import evaluate

    good = evaluate.answer

    def breaks(retriever: Any, text: str, *rest: Any) -> Any:
        if "attention" in text:
            raise ZeroDivisionError("a fault of ours")
        return good(retriever, text, *rest)

    monkeypatch.setattr(evaluate, "answer", breaks)
    found = json.loads(cli("eval", questions, "--index", index, "--measures", "hit@3", "--json").out)
    assert found["failed"] == ["c"]
    assert found["groups"]["all"]["hit@3"]["mean"] == pytest.approx(2 / 3, abs=1e-4)
    assert "1 questions broke" in cli("eval", questions, "--index", index).out


def test_every_group_has_its_interval(questions: Path, index: Path, cli: Run) -> None:
    table = cli("eval", questions, "--index", index).out.splitlines()
    groups = [line for line in table if line.split()[:1] in (["all"], ["en"], ["zh"], ["same"], ["cross"])]
    assert len(groups) == 5
    assert sum(line.lstrip().startswith("95 %") for line in table) == 5


def test_answers_go_as_deep_as_the_deepest_measure(questions: Path, index: Path, tmp_path: Path, cli: Run) -> None:
    """R@100 is not measured on ten answers."""
    from retriever.evaluation.measures import deepest

    assert deepest(("nDCG@10", "R@100", "iou")) == 100
    assert deepest(("P@1", "AP")) == 10
    settings = json.loads(cli("eval", questions, "--index", index, "--measures", "R@25", "--json").out)["settings"]
    assert settings["k"] == 25
    assert json.loads(cli("eval", questions, "--index", index, "--k", "3", "--json").out)["settings"]["k"] == 3


@pytest.mark.parametrize("row", ["a Q0 nowhere 1 1.0 x", "nobody Q0 zh.md:1-2 1 1.0 x", "a Q0 zh.md:1-2 1"])
def test_a_run_of_something_else_is_one_message_with_its_line(
    row: str, questions: Path, index: Path, tmp_path: Path, cli: Run
) -> None:
    run = tmp_path / "odd.run"
    run.write_text("b Q0 zh.md:1-2 1 1.0 x\n" + row + "\n", "utf-8")
    result = cli("eval", questions, "--index", index, "--compare", run, run)
    assert result.status == 2
    assert "odd.run:2" in result.err
    assert len(result.err.strip().splitlines()) == 1


def test_a_sweep_tells_the_best_settings_and_their_held_out_score(
    questions: Path, index: Path, tmp_path: Path, cli: Run
) -> None:
    grid = tmp_path / "grid.json"
    grid.write_text(json.dumps({"weights": [[1, 0, 0, 0], [0.5, 0.5, 0.4, 0.8]], "threshold": [0.5]}), "utf-8")
    result = cli("eval", questions, "--index", index, "--sweep", grid, "--folds", "3", "--json")
    found = json.loads(result.out)
    assert len(found["trials"]) == 2
    assert sum(trial["folds"] for trial in found["trials"]) == 3
    assert found["best"]["full@1"] == max(trial["full@1"] for trial in found["trials"])
    assert "held out" in cli("eval", questions, "--index", index, "--sweep", grid, "--folds", "3").out


BAD = {
    "no such file": ("missing.jsonl", None, "cannot be read"),
    "no question": ("x.jsonl", "\n\n", "no question"),
    "not JSON": ("x.jsonl", '{"question": \n', "x.jsonl:1"),
    "unknown source": ("x.jsonl", '{"question": "q", "gold": [{"file": "no.md", "start": 1, "end": 2}]}', "no.md"),
    "lines beyond the end": ("x.jsonl", '{"question": "q", "gold": [{"file": "zh.md", "start": 1, "end": 9999}]}', "x.jsonl:1"),
    "unknown passage": ("x.jsonl", '{"question": "q", "gold": [{"passage": "nope"}]}', "nope"),
    "one id twice": ("x.jsonl", '{"id": 1, "question": "q", "gold": []}\n{"id": 1, "question": "p", "gold": []}', "x.jsonl:2"),
}  # fmt: skip


@pytest.mark.parametrize("case", BAD)
def test_bad_questions_are_one_message_with_their_place(case: str, index: Path, tmp_path: Path, cli: Run) -> None:
    name, content, told = BAD[case]
    if content is not None:
        (tmp_path / name).write_text(content, "utf-8")
    result = cli("eval", tmp_path / name, "--index", index)
    assert (result.status, result.out) == (2, "")
    assert told in result.err
    assert len(result.err.strip().splitlines()) == 1


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (("--measures", "nDCG"), "known"),
        (("--measures", "bogus@3"), "bogus@3"),
        (("--report", "no/such/folder/r.html"), "folder"),
        (("--compare", "a.run", "b.run"), "a.run"),
        (("--sweep", "grid.json"), "grid.json"),
        (("--sweep", "g", "--compare", "a", "b"), "either"),
        (("--sweep", "g", "--report", "r.html"), "asking"),
    ],
)
def test_bad_options_are_one_message(
    options: tuple[str, ...], told: str, questions: Path, index: Path, cli: Run
) -> None:
    if told == "known":
        options = ("--measures", "nDCG@x")
    result = cli("eval", questions, "--index", index, *options)
    assert result.status == 2
    assert told in result.err
    assert len(result.err.strip().splitlines()) == 1


def test_a_beir_folder_is_indexed_by_itself(tmp_path: Path, cli: Run) -> None:
    folder = tmp_path / "beir"
    (folder / "qrels").mkdir(parents=True)
    texts = {
        "d1": "Dropout switches units off.",
        "d2": "梯度消失是指梯度变得很小。",
        "d3": "A pooling layer shrinks the map.",
    }
    (folder / "corpus.jsonl").write_text(
        "".join(json.dumps({"_id": i, "title": "", "text": t}) + "\n" for i, t in texts.items()), "utf-8"
    )
    asked = {"q1": "what is dropout", "q2": "vanishing gradient"}
    (folder / "queries.jsonl").write_text(
        "".join(json.dumps({"_id": i, "text": t}) + "\n" for i, t in asked.items()), "utf-8"
    )
    (folder / "qrels" / "test.tsv").write_text("query-id\tcorpus-id\tscore\nq1\td1\t1\nq2\td2\t1\n", "utf-8")
    result = cli("eval", folder, "--measures", "P@1,nDCG@10", "--json")
    assert result.status == 0, result.err
    assert json.loads(result.out)["groups"]["all"]["P@1"] == {"mean": 1.0, "low": 1.0, "high": 1.0, "count": 2}


def test_trec_topics_and_qrels_by_passage_id(index: Path, tmp_path: Path, cli: Run) -> None:
    passages = [json.loads(line) for line in cli("passages", "--index", index, "--json").out.splitlines()]
    wanted = next(p for p in passages if p["question"].startswith("What does attention"))
    (tmp_path / "topics.tsv").write_text("1\twhat does attention compute\n", "utf-8")
    (tmp_path / "qrels.txt").write_text(f"1 0 {wanted['id']} 2\n", "utf-8")
    result = cli("eval", tmp_path / "topics.tsv", "--qrels", tmp_path / "qrels.txt", "--index", index, "--json")
    assert json.loads(result.out)["groups"]["all"]["full@1"]["mean"] == 1.0


@pytest.mark.filterwarnings("ignore::ResourceWarning", "ignore::pytest.PytestUnraisableExceptionWarning")  # of score.py
@pytest.mark.skipif(not (SHARED / "eval").is_dir(), reason="../shared is absent")
def test_measures_of_the_development_questions_are_those_of_their_own_scorer(tmp_path: Path, cli: Run) -> None:
    """Line measures, nDCG and auroc of our evaluation are the ones score.py gives for the same answers."""
    scorer = load_file(SHARED / "eval" / "score.py")
    index, asked = tmp_path / "index", SHARED / "eval" / "dev_questions.jsonl"
    assert cli("index", SHARED / "seeds", "--index", index).status == 0
    ours = json.loads(
        cli("eval", asked, "--index", index, "--json", "--measures", "full@1,full@3,hit@1,hit@3,nDCG@10,RR@10,iou").out
    )
    batch = cli("ask", "--batch", asked, "-k", "10", "--json", "--index", index).out
    answers = [json.loads(line) for line in batch.splitlines()]
    theirs = scorer.score(scorer.read_jsonl(asked), answers, SHARED / "seeds")
    names = {"full@1": "full@1", "full@3": "full@3", "hit@1": "hit@1", "hit@3": "hit@3", "nDCG@10": "ndcg", "RR@10": "mrr", "iou": "iou", "abst": "abst"}  # fmt: skip
    for group in ("all", "zh", "en", "typo", "keyword"):
        for our, their in names.items():
            assert ours["groups"][group][our]["mean"] == pytest.approx(theirs["measures"][group][their], abs=1e-4), (
                group,
                our,
            )
    assert ours["overall"]["auroc"]["mean"] == pytest.approx(theirs["auroc"], abs=2e-4)
    assert ours["overall"]["refusal recall"]["mean"] == pytest.approx(theirs["refused"], abs=1e-4)


@pytest.mark.parametrize(
    "content",
    ["", "[]", "{}", '{"weights": 3}', '{"weights": [[1, 2]]}', '{"threshold": [2]}', '{"k": [0]}', '{"k": [true]}', '{"bogus": [1]}', '{"weights": []}'],
)  # fmt: skip
def test_a_grid_of_another_shape_is_refused(content: str, tmp_path: Path) -> None:
    (tmp_path / "grid.json").write_text(content, "utf-8")
    with pytest.raises(InputError, match=r"grid\.json"):
        read_grid(tmp_path / "grid.json")


def test_a_grid_is_every_combination(tmp_path: Path) -> None:
    (tmp_path / "grid.json").write_text('{"k": [1, 2], "threshold": [0.5, 0.6, 0.7]}', "utf-8")
    assert len(read_grid(tmp_path / "grid.json")) == 6


@given(values=st.lists(st.lists(st.sampled_from([0.0, 1.0]), min_size=12, max_size=12), min_size=1, max_size=6))
def test_the_held_out_score_is_never_above_the_best_of_each_question(values: list[list[float]]) -> None:
    """It is the score of settings chosen without the question, and with a single trial simply its mean."""
    grid = [{"k": number + 1} for number in range(len(values))]
    found = sweep(grid, lambda settings: values[settings["k"] - 1], folds=4)
    assert found.held_out <= sum(max(column) for column in zip(*values, strict=True)) / 12 + 1e-9
    assert sum(trial.chosen for trial in found.trials) == 4
    if len(values) == 1:
        assert found.held_out == pytest.approx(sum(values[0]) / 12)


def test_held_out_questions_do_not_choose_their_own_settings() -> None:
    """Noise that fits single questions scores well on all of them and badly held out."""
    columns = [[1.0 if row == column else 0.0 for column in range(10)] for row in range(10)]
    found = sweep([{"k": n + 1} for n in range(10)], lambda settings: columns[settings["k"] - 1], folds=10)
    assert found.held_out == 0.0
    assert found.best.mean == pytest.approx(0.1)


def test_the_gate_holds_floors_and_lowers_them_only_when_told_twice() -> None:
    gate = load_file(CHECKOUT / "benchmarks" / "quality_gate.py")
    high, low = ({"all/full@1": gate.Interval(mean, mean - 0.04, mean + 0.04, 100)} for mean in (0.8, 0.7))
    prints = {"questions": "q", "corpus": "c"}
    floors: dict[str, Any] = {}
    assert gate.check("s", high, prints, floors) == ["s: no floors; record them with --record"]
    assert gate.record("s", high, prints, floors, lower=False) == []
    assert floors["s"]["floors"]["all/full@1"] == pytest.approx(0.779)
    assert gate.check("s", high, prints, floors) == []
    assert "below its floor" in gate.check("s", low, prints, floors)[0]
    assert "other questions or documents" in gate.check("s", high, prints | {"corpus": "d"}, floors)[0]
    assert "not measured" in gate.check("s", {}, prints, floors)[0]
    assert "--lower" in gate.record("s", low, prints, floors, lower=False)[0]
    assert floors["s"]["floors"]["all/full@1"] == pytest.approx(0.779)
    assert gate.record("s", low, prints, floors, lower=True) == []
    assert floors["s"]["floors"]["all/full@1"] == pytest.approx(0.679)
