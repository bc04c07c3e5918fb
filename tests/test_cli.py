"""The program end to end: every command on the bundled corpus or on small pages, its streams and its exit status."""

import hashlib
import json
import os
import pty
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click
import pytest
from conftest import CHECKOUT, MINI_PAGES, Result, Run
from doubles import tiny_model

from retriever.cli import main_group, run
from retriever.commands.ask import ask
from retriever.indexing import open_index
from retriever.locations import bundled_corpus

BN = "为什么BN放在激活前"
NONSENSE = "ꙮꙮ ꙮꙮꙮ"  # of no language and without a known piece: whatever the model, nothing is near
UNRELATED = (
    "红烧肉怎么做", "怎么去火车站", "今天北京天气怎么样", "租房合同要注意什么", "明天股市会涨吗", "如何学好英语", "怎么减肥",
    "猫为什么喜欢睡觉", "how do I bake bread", "best pizza in town", "what is the capital of France", "how to train a dog",
    "who won the football match", "when does the next bus leave", "what should I wear to a wedding",
)  # fmt: skip
COMMANDS = ("ask", "calibrate", "clean", "eval", "index", "models", "passages", "show", "status", "verify")
ESCAPE = "\x1b"


def generation(directory: Path) -> Path:
    return directory / "generations" / (directory / "CURRENT").read_text(encoding="utf-8").strip()


def objects(text: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in text.split("\n") if line]


def one_error(result: Result) -> str:
    """The message of a run that ended in exactly one `error:` line, with nothing on stdout."""
    assert (result.status, result.out) == (2, "")
    lines = result.err.rstrip("\n").split("\n")
    assert len(lines) == 1
    assert lines[0].startswith("error: ")
    return lines[0]


# ask


def test_ask_answers_from_the_bundled_corpus(cli: Run, bundled: Path) -> None:
    """The question of the README is answered by its passage, with status 0 and nothing on stderr."""
    result = cli("ask", BN, "--index", bundled)
    assert (result.status, result.err) == (0, "")
    assert "BN 放在激活函数之前" in result.out.split("\n")[0]
    assert "zh_normalization_regularization.md:" in result.out


def test_ask_joins_unquoted_words(cli: Run, bundled: Path) -> None:
    """Quotes around a question may be left out."""
    words = "why is ReLU better than the sigmoid in hidden layers"
    assert cli("ask", *words.split(), "--index", bundled) == cli("ask", words, "--index", bundled)


def test_ask_says_plainly_when_nothing_answers(cli: Run, bundled: Path) -> None:
    """A question that nothing is near to: one plain sentence on stdout, status 1, no error."""
    result = cli("ask", NONSENSE, "--index", bundled)
    assert (result.status, result.err) == (1, "")
    assert result.out.startswith("Nothing in the corpus answers this.\n")


def test_questions_on_other_subjects_are_refused(cli: Run, bundled: Path) -> None:
    """Of everyday questions that a corpus on deep learning cannot answer, nearly all are refused."""
    found = objects(cli("ask", "--batch", "-", "--json", "--index", bundled, stdin="\n".join(UNRELATED)).out)
    answered = [row["question"] for row in found if not row["abstained"]]
    assert len(answered) <= 2, answered


def test_ask_shows_the_nearest_on_request(cli: Run, bundled: Path) -> None:
    """--nearest lists what was closest, and the status still says that it is no answer."""
    result = cli("ask", NONSENSE, "--nearest", "-k", "2", "--index", bundled)
    assert result.status == 1
    assert re.search(r"^1\. .*^2\. ", result.out, re.MULTILINE | re.DOTALL)


@pytest.mark.parametrize("k", [1, 2, 7])
def test_k_is_the_number_of_answers(cli: Run, bundled: Path, k: int) -> None:
    """-k N gives N answers, ranked from 1."""
    (result,) = objects(cli("ask", BN, "-k", str(k), "--json", "--index", bundled).out)
    assert [row["rank"] for row in result["answers"]] == list(range(1, k + 1))


def test_json_is_one_object_with_the_keys_of_the_contract(cli: Run, bundled: Path) -> None:
    """--json writes one line, one object, nothing else."""
    result = cli("ask", BN, "--json", "--index", bundled)
    (found,) = objects(result.out)
    assert (result.status, result.err) == (0, "")
    assert list(found) == [
        "schema_version", "id", "question", "language", "abstained", "reason", "confidence", "answers",
    ]  # fmt: skip
    assert (found["schema_version"], found["id"], found["question"], found["language"]) == (1, None, BN, "zh")
    assert found["abstained"] is False
    assert set(found["answers"][0]) == {
        "rank", "score", "confidence", "question", "answer", "highlights", "citation", "also",
    }  # fmt: skip
    assert set(found["answers"][0]["citation"]) == {
        "source", "start_line", "end_line", "start_char", "end_char", "title", "heading_path",
    }  # fmt: skip


def test_json_of_an_abstention_lists_candidates(cli: Run, bundled: Path) -> None:
    """Programs get status 1, the fact, the reason and the candidates."""
    result = cli("ask", NONSENSE, "--json", "--index", bundled)
    (found,) = objects(result.out)
    assert (result.status, found["abstained"], bool(found["reason"]), len(found["answers"])) == (1, True, True, 3)


def test_min_confidence_decides_over_abstaining(cli: Run, bundled: Path) -> None:
    """At 0 everything is answered, at 1 nothing is."""
    assert cli("ask", NONSENSE, "--min-confidence", "0", "--index", bundled).status == 0
    assert cli("ask", BN, "--min-confidence", "1", "--index", bundled).status == 1


def test_cited_lines_hold_the_answer(cli: Run, bundled: Path) -> None:
    """In every text and Markdown source of many answers, the cited lines contain each line of the answer, word for word."""
    asked = (BN, "what is dropout", "学习率怎么调", "how does attention work", "过拟合", "batch size", "GAN", "F1")
    batch = "\n".join(asked)
    checked = 0
    for found in objects(cli("ask", "--batch", "-", "--json", "-k", "10", "--index", bundled, stdin=batch).out):
        for row in found["answers"]:
            cited = row["citation"]
            if not cited["source"].endswith(".html"):
                text = Path(cited["source"]).read_text(encoding="utf-8")
                lines = "\n".join(text.split("\n")[cited["start_line"] - 1 : cited["end_line"]])
                assert [line for line in row["answer"].split("\n") if line.strip() not in lines] == []
                within = text[cited["start_char"] : cited["end_char"]]
                assert row["answer"].split("\n")[0].strip() in within
                checked += 1
    assert checked > 30


def test_cited_lines_of_html_hold_the_words_of_the_answer(cli: Run, bundled: Path) -> None:
    """In an HTML source the cited lines hold the answer's words, whatever tags stand between them."""
    (found,) = objects(cli("ask", "什么是局部连接和权值共享", "--json", "-k", "1", "--index", bundled).out)
    cited = found["answers"][0]["citation"]
    assert cited["source"].endswith(".html")
    lines = Path(cited["source"]).read_text(encoding="utf-8").split("\n")[cited["start_line"] - 1 : cited["end_line"]]
    words = re.findall(r"[\u4e00-\u9fff]{2,}", found["answers"][0]["answer"])
    assert len(words) > 5
    assert [word for word in words if word not in re.sub(r"<[^>]+>", "", "".join(lines))] == []


def test_citations_open_from_any_folder(
    cli: Run, bundled: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Wherever `ask` is run, the file it cites opens from there."""
    for folder in (tmp_path, bundled_corpus(), bundled_corpus().parent):
        monkeypatch.chdir(folder)
        out = cli("ask", BN, "-k", "1", "--index", bundled).out
        match = re.search(r"^   (\S+):(\d+)-(\d+)  \(\d+ %\)$", out, re.MULTILINE)
        assert match
        lines = Path(match.group(1)).read_text(encoding="utf-8").split("\n")
        assert "BN" in "".join(lines[int(match.group(2)) - 1 : int(match.group(3))])
    monkeypatch.chdir(bundled_corpus())
    assert "   zh_normalization_regularization.md:" in cli("ask", BN, "-k", "1", "--index", bundled).out


def test_output_that_is_no_terminal_holds_no_escape(cli: Run, bundled: Path) -> None:
    """Piped output is plain."""
    assert ESCAPE not in cli("ask", BN, "--index", bundled).out


# batches


def test_a_batch_is_answered_in_order_with_its_ids(cli: Run, bundled: Path, tmp_path: Path) -> None:
    """Objects with ids and bare lines mix; one object a line comes out, in the order they went in; blank lines are nothing. What has no id goes by the
    number of its line.
    """
    batch = tmp_path / "questions.jsonl"
    batch.write_text(
        '{"id": "a", "question": "什么是过拟合"}\n\nwhat is dropout?\n{"question": "梯度消失"}\n'
        '{"id": "z", "question": "what is attention"}\n',
        encoding="utf-8",
    )
    result = cli("ask", "--batch", batch, "--json", "--index", bundled)
    assert (result.status, result.err) == (0, "")
    assert [(row["id"], row["question"]) for row in objects(result.out)] == [
        ("a", "什么是过拟合"),
        (3, "what is dropout?"),
        (4, "梯度消失"),
        ("z", "what is attention"),
    ]


def test_a_batch_comes_from_stdin(cli: Run, bundled: Path) -> None:
    """`--batch -` reads standard input, with or without a byte order mark."""
    for mark in ("", "\ufeff"):
        result = cli("ask", "--batch", "-", "--json", "-k", "1", "--index", bundled, stdin=mark + '{"question": "GAN"}')
        assert [row["question"] for row in objects(result.out)] == ["GAN"]


def test_a_batch_answers_as_single_questions_do(cli: Run, bundled: Path) -> None:
    """An answer does not depend on its neighbours."""
    (alone,) = objects(cli("ask", BN, "--json", "--index", bundled).out)
    batch = f"what is dropout\n{BN}\n学习率"
    assert objects(cli("ask", "--batch", "-", "--json", "--index", bundled, stdin=batch).out)[1] == alone | {"id": 2}


@pytest.mark.parametrize(
    "broken", ['{"question": ', '{"id": "x"}', '{"question": ""}', '{"question": 5}', '{"question": "  "}', "{}"]
)
def test_a_broken_batch_line_is_reported_with_its_number_and_the_others_are_answered(
    cli: Run, bundled: Path, broken: str
) -> None:
    """Status 2, one line on stderr with the line's number, an object with the same error in its place; the lines around it are answered."""
    result = cli("ask", "--batch", "-", "--json", "--index", bundled, stdin=f"what is dropout\n\n{broken}\n{BN}\n")
    assert result.status == 2
    assert result.err.count("\n") == 1
    assert result.err.startswith("error: line 3: ")
    before, fault, after = objects(result.out)
    assert [before["question"], after["question"]] == ["what is dropout", BN]
    assert result.err == f"error: line 3: {fault['error']}\n"
    assert list(fault) == [*before, "error"]
    assert fault == {
        "schema_version": 1, "id": "x" if "id" in broken else 3, "question": None, "language": None, "abstained": True,
        "reason": fault["error"], "confidence": 0.0, "answers": [], "error": fault["error"],
    }  # fmt: skip
    assert "error" not in before | after


@pytest.mark.parametrize(("given", "told"), [("0", 0), ('""', ""), ("[1, 2]", [1, 2]), ("null", 1)])
def test_an_id_is_given_back_as_it_came(cli: Run, bundled: Path, given: str, told: Any) -> None:
    """Whatever it is; null is none. The line for people has it too."""
    for line, status in ((f'{{"id": {given}, "question": "GAN"}}', 0), (f'{{"id": {given}}}', 2)):
        result = cli("ask", "--batch", "-", "--json", "-k", "1", "--index", bundled, stdin=line)
        assert (result.status, [row["id"] for row in objects(result.out)]) == (status, [told])
    line = f'{{"id": {given}, "question": "GAN"}}'
    assert cli("ask", "--batch", "-", "--index", bundled, stdin=line).out.startswith(f"## {told}: GAN\n")


def test_a_batch_for_people_tells_broken_lines_on_stderr_alone(cli: Run, bundled: Path) -> None:
    """Without --json, stdout has the questions that were answered."""
    result = cli("ask", "--batch", "-", "-k", "1", "--index", bundled, stdin="{}\nGAN\n")
    assert (result.status, result.err.count("\n"), re.findall(r"^## (.*)$", result.out, re.MULTILINE)) == (
        2,
        1,
        ["2: GAN"],
    )


@pytest.mark.parametrize("line", ["[1]", '["what is dropout"]', "[]"])
def test_a_batch_line_that_is_a_list_is_broken_and_a_bracket_is_not(cli: Run, bundled: Path, line: str) -> None:
    """JSON that is no object is reported; a question may begin with a bracket."""
    result = cli("ask", "--batch", "-", "--json", "--index", bundled, stdin=f"{line}\n[MASK] 是什么\n")
    assert (result.status, [row["question"] for row in objects(result.out)]) == (2, [None, "[MASK] 是什么"])
    assert "line 1" in result.err


def test_one_bad_byte_breaks_one_line_of_a_batch(cli: Run, bundled: Path, tmp_path: Path) -> None:
    """The other lines are read as what they are: UTF-8."""
    batch = tmp_path / "questions.txt"
    batch.write_bytes(f"{BN}\n".encode() + b"dropout \xff?\n" + "学习率怎么调\n".encode())
    result = cli("ask", "--batch", batch, "--json", "--index", bundled)
    assert [(row["id"], row["question"]) for row in objects(result.out)] == [(1, BN), (2, None), (3, "学习率怎么调")]
    assert "line 2: not UTF-8" in result.err


def test_a_batch_in_another_encoding_is_read(cli: Run, bundled: Path, tmp_path: Path) -> None:
    """A file that is not UTF-8 at all is read in the encoding it is in."""
    batch = tmp_path / "questions.txt"
    batch.write_bytes(f"{BN}\n学习率怎么调\n梯度消失怎么办\n".encode("gb18030"))
    result = cli("ask", "--batch", batch, "--json", "--index", bundled)
    assert [row["question"] for row in objects(result.out)] == [BN, "学习率怎么调", "梯度消失怎么办"]


def test_a_batch_without_any_answer_is_status_one(cli: Run, bundled: Path) -> None:
    """One answered question is enough for 0; none is 1."""
    assert cli("ask", "--batch", "-", "--json", "--index", bundled, stdin=NONSENSE).status == 1
    assert cli("ask", "--batch", "-", "--json", "--index", bundled, stdin=f"{NONSENSE}\n{BN}").status == 0


def test_a_batch_for_people_shows_each_question(cli: Run, bundled: Path) -> None:
    """Without --json, the question stands above its answer."""
    out = cli(
        "ask", "--batch", "-", "-k", "1", "--index", bundled, stdin='{"id": "q1", "question": "GAN"}\ndropout'
    ).out
    assert re.findall(r"^## (.*)$", out, re.MULTILINE) == ["q1: GAN", "2: dropout"]


@pytest.mark.parametrize("separator", ["\u2028", "\u0085"])
def test_a_batch_line_ends_at_its_line_feed_only(cli: Run, bundled: Path, separator: str) -> None:
    """A separator inside a question, which JSON need not escape, neither breaks the line nor shifts later numbers."""
    line = json.dumps({"question": f"what is{separator} dropout"}, ensure_ascii=False)
    result = cli("ask", "--batch", "-", "--json", "--index", bundled, stdin=f"{line}\n{{\n")
    assert result.err.startswith("error: line 2: ")
    assert [row["question"] for row in objects(result.out)] == [f"what is{separator} dropout", None]


def test_a_batch_line_nested_too_deeply_is_a_broken_line(cli: Run, bundled: Path) -> None:
    """Hostile nesting is one broken line, not the end of the batch."""
    batch = '{"question":' * 100_000 + "\nwhat is dropout\n"
    result = cli("ask", "--batch", "-", "--json", "--index", bundled, stdin=batch)
    assert (result.status, [row["id"] for row in objects(result.out)]) == (2, [1, 2])


# the index that is used


def test_the_first_ask_builds_the_index_by_itself(program: Run, tmp_path: Path) -> None:
    """On a fresh machine, from any folder: words on stderr, only the answer on stdout; the second time no words."""
    env = {"XDG_DATA_HOME": str(tmp_path / "data")}
    first = program("ask", BN, "--json", cwd=tmp_path, env=env)
    assert first.status == 0
    assert "Building the index of the bundled corpus" in first.err
    assert str(tmp_path / "data") in first.err
    (found,) = objects(first.out)
    assert found["answers"][0]["question"].startswith("为什么 BN 放在激活函数之前")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["data"]
    again = program("ask", BN, "--json", cwd=tmp_path, env=env)
    assert (again.status, again.err, again.out) == (0, "", first.out)


def test_the_order_of_places_for_the_index(cli: Run, small: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """--index, then RETRIEVER_INDEX, then ./index if built, then the user's data folder."""
    import shutil

    home, here = small / "home", small / "here"
    for place in (home / "retriever" / "index", here / "index", small / "env", small / "option"):
        shutil.copytree(small / "index", place)
    monkeypatch.setenv("XDG_DATA_HOME", str(home))
    monkeypatch.setenv("RETRIEVER_INDEX", str(small / "env"))
    monkeypatch.chdir(here)

    def used(*options: str) -> str:
        (found,) = objects(cli("status", "--json", *options).out)
        return str(found["index"])

    assert used("--index", str(small / "option")) == str(small / "option")
    assert used() == str(small / "env")
    monkeypatch.delenv("RETRIEVER_INDEX")
    assert used() == "index"
    (here / "index" / "CURRENT").unlink()
    assert used() == str(home / "retriever" / "index")


def test_a_damaged_index_of_our_own_making_is_rebuilt(
    cli: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The index that the program built by itself in the user's data folder may be rebuilt without asking."""
    (tmp_path / "pages").mkdir()
    (tmp_path / "pages" / "zh.md").write_text(MINI_PAGES["zh.md"], encoding="utf-8")
    monkeypatch.setattr("retriever.locations.bundled_corpus", lambda: tmp_path / "pages")
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    monkeypatch.chdir(tmp_path)
    first = cli("ask", "学习率太大会怎样？")
    (generation(tmp_path / "data" / "retriever" / "index") / "terms.json").write_text("[]", encoding="utf-8")
    again = cli("ask", "学习率太大会怎样？")
    assert (again.status, again.out) == (0, first.out)
    assert "Building" in again.err


def test_a_first_build_that_was_interrupted_is_made_up_for(
    cli: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After Ctrl-C in the middle of the first build, the next `ask` builds again."""
    (tmp_path / "pages").mkdir()
    (tmp_path / "pages" / "zh.md").write_text(MINI_PAGES["zh.md"], encoding="utf-8")
    monkeypatch.setattr("retriever.locations.bundled_corpus", lambda: tmp_path / "pages")
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    monkeypatch.chdir(tmp_path)
    (tmp_path / "data" / "retriever" / "index" / "generations" / ".building-dead").mkdir(parents=True)
    assert cli("ask", "学习率太大会怎样？").status == 0


def test_a_folder_with_other_things_in_it_is_not_built_into(cli: Run, tmp_path: Path) -> None:
    """A mistyped --index does not fill a folder of something else."""
    (tmp_path / "letter.txt").write_text("dear reader", encoding="utf-8")
    assert "not an index" in one_error(cli("ask", "学习率", "--index", tmp_path))
    assert [path.name for path in tmp_path.iterdir()] == ["letter.txt"]


@pytest.mark.parametrize("place", ["corpus", "corpus/..", "corpus/sub"])
def test_no_index_is_built_among_other_files(cli: Run, own: Path, place: str) -> None:
    """A folder of documents stays as it is, whether it is the corpus, holds it or lies in it: one error that says what to choose."""
    (own / "corpus" / "sub").mkdir()
    (own / "corpus" / "sub" / "deep.md").write_text(MINI_PAGES["en.md"], encoding="utf-8")
    before = sorted(map(str, own.rglob("*")))
    told = one_error(cli("index", own / "corpus", "--index", own / place))
    assert "and no index; choose a new or an empty folder with --index" in told
    assert sorted(map(str, own.rglob("*"))) == before


@pytest.mark.parametrize("inside", [None, ".gitkeep", "generations", "cache.sqlite"])
def test_an_index_is_built_in_a_new_an_empty_or_its_own_folder(cli: Run, own: Path, inside: str | None) -> None:
    """In the corpus as well; what a build that was broken off has left is no obstacle, nor is what nobody sees."""
    place = own / "corpus" / "mine"
    if inside == "generations":
        (place / inside / ".building-dead").mkdir(parents=True)
    elif inside:
        place.mkdir()
        (place / inside).write_bytes(b"")
    assert cli("index", own / "corpus", "--index", place).status == 0
    assert cli("index", own / "corpus", "--index", place).status == 0
    assert "unchanged since" in cli("status", "--index", place).out


# index, status


def test_index_tells_what_it_read_dropped_and_kept(cli: Run, own: Path) -> None:
    """Five lines on stdout, the count also on stderr."""
    result = cli("index", own / "corpus", "--index", own / "other")
    assert result.status == 0
    assert [line.split()[0] for line in result.out.splitlines()] == ["index", "read", "dropped", "kept", "seconds"]
    assert "3 sources, 0 skipped" in result.out
    assert "8 passages (8 questions with answers) of 3 sources" in result.err


def test_index_without_a_corpus_uses_the_recorded_one(cli: Run, own: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A rebuild needs no argument, from any folder, and sees what changed."""
    with (own / "corpus" / "zh.md").open("a", encoding="utf-8") as page:
        page.write("\n## 注意力是什么？\n\n注意力是对值的加权平均。\n")
    monkeypatch.chdir("/")
    result = cli("index", "--index", own / "index")
    assert "3 sources" in result.out
    assert cli("ask", "注意力是什么？", "-k", "1", "--index", own / "index").out.startswith("1. 注意力是什么？\n")


def test_index_without_a_corpus_keeps_include_and_exclude(cli: Run, own: Path) -> None:
    """A rebuild reads the files that the build read."""
    cli("index", own / "corpus", "--include", "*.md", "--exclude", "zh*", "--index", own / "index")
    assert "1 sources" in cli("index", "--index", own / "index").out


def test_index_without_a_corpus_keeps_the_size_limit(cli: Run, own: Path) -> None:
    """A rebuild skips the files that the build skipped."""
    (own / "corpus" / "long.md").write_text("# Is it long?\n\n" + "It is long. " * 500, encoding="utf-8")
    cli("index", own / "corpus", "--max-bytes", "2000", "--index", own / "index")
    assert "3 sources, 1 skipped" in cli("index", "--index", own / "index").out


def test_rebuilding_a_damaged_index_uses_the_recorded_corpus(
    cli: Run, own: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """While the manifest is whole, what the index was built from is known, and the advice to rebuild is safe to follow."""
    monkeypatch.setattr("retriever.locations.bundled_corpus", lambda: own / "corpus" / "zh.md")
    (generation(own / "index") / "terms.json").write_text("[]", encoding="utf-8")
    assert "read       3 sources" in cli("index", "--index", own / "index").out


def test_status_tells_what_the_index_holds(cli: Run, own: Path) -> None:
    """Folder, counts, encoder, corpus, and a line for each source."""
    result = cli("status", "--index", own / "index")
    assert (result.status, result.err) == (0, "")
    for part in ("8 passages", "static-zh-en, 384 dimensions", "unchanged since", "zh.md  3 passages"):
        assert part in re.sub(r"passages   8", "8 passages", result.out)
    assert str(own / "corpus") in result.out


def test_status_sees_what_changed_since(cli: Run, own: Path) -> None:
    """Edited, added and removed files are named, and gone from the list after a refresh."""

    def changes() -> Any:
        (found,) = objects(cli("status", "--json", "--index", own / "index").out)
        return found["changes"]

    assert changes() == {"added": [], "changed": [], "removed": []}
    with (own / "corpus" / "zh.md").open("a", encoding="utf-8") as page:
        page.write("\n")
    (own / "corpus" / "new.md").write_text("# What is new?\n\nThis page.\n", encoding="utf-8")
    (own / "corpus" / "en.md").unlink()
    assert changes() == {"added": ["new.md"], "changed": ["zh.md"], "removed": ["en.md"]}
    assert "added: new.md; changed: zh.md; removed: en.md; refresh" in cli("status", "--index", own / "index").out
    cli("index", "--index", own / "index")
    assert changes() == {"added": [], "changed": [], "removed": []}


def test_status_does_not_count_skipped_files_as_added(cli: Run, own: Path) -> None:
    """Right after a build nothing has changed, whatever the build could not read."""
    (own / "corpus" / "empty.md").write_text("", encoding="utf-8")
    cli("index", "--index", own / "index")
    assert "unchanged since" in cli("status", "--index", own / "index").out


def test_status_tells_what_was_skipped_and_why(cli: Run, own: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A count and the first three with their reason for people, all of them for programs; none after they are mended."""
    assert "\nskipped    0 files when it was built\n" in cli("status", "--index", own / "index").out
    for name in ("empty.md", "blank.md", "hollow.txt"):
        (own / "corpus" / name).write_text(" \n", encoding="utf-8")
    (own / "corpus" / "sub").mkdir()
    (own / "corpus" / "sub" / "binary.txt").write_bytes(bytes(range(256)) * 4)
    cli("index", "--index", own / "index")
    assert re.search(
        r"^skipped    4 files when it was built\n  blank\.md  empty file\n  empty\.md  empty file\n  hollow\.txt  empty file\n"
        r"  … and 1 more; --json lists them all$",
        cli("status", "--index", own / "index").out,
        re.MULTILINE,
    )
    (found,) = objects(cli("status", "--json", "--index", own / "index").out)
    assert [row["name"] for row in found["skipped"]] == ["blank.md", "empty.md", "hollow.txt", "sub/binary.txt"]
    assert [row["reason"].split(";")[0] for row in found["skipped"]] == [*["empty file"] * 3, "binary content"]
    before = generation(own / "index").name
    monkeypatch.chdir(own)
    cli("index", "corpus", "--index", own / "index", "--full")
    assert generation(own / "index").name == before
    (own / "corpus" / "sub" / "binary.txt").unlink()
    cli("index", "--index", own / "index")
    assert "skipped    3 files" in cli("status", "--index", own / "index").out


def test_files_that_are_no_documents_are_told_by_their_endings(cli: Run, own: Path) -> None:
    """One line of `index` and of `status`, the most of them first; no word of hidden files, of what is left out by a pattern, of the index itself."""
    assert "passed by" not in cli("index", own / "corpus", "--index", own / "index").out
    assert "passed by" not in cli("status", "--index", own / "index").out
    (own / "corpus" / "sub").mkdir()
    for name in ("a.pdf", "sub/b.PDF", "c.docx", "Makefile", ".hidden.pdf", "notes.an odd ending", "draft.pdf"):
        (own / "corpus" / name).write_bytes(b"%")
    line = "\npassed by  5 files of kinds that are not read (2 .pdf, 2 other, 1 .docx)\n"
    assert line in cli("index", own / "corpus", "--exclude", "draft*", "--index", own / "corpus" / "index").out
    assert line in cli("index", "--index", own / "corpus" / "index").out
    assert line in cli("status", "--index", own / "corpus" / "index").out
    (found,) = objects(cli("status", "--json", "--index", own / "corpus" / "index").out)
    assert found["passed_by"] == {".pdf": 2, "other": 2, ".docx": 1}
    assert found["skipped"] == []


def test_status_of_an_older_index_says_nothing_of_what_was_skipped(cli: Run, own: Path) -> None:
    """An index that was built before it was kept is read all the same; programs get null."""
    folder = generation(own / "index")
    manifest = json.loads((folder / "manifest.json").read_bytes())
    del manifest["skipped"]
    raw = json.dumps(manifest).encode()
    (folder / "manifest.json").write_bytes(raw)
    name = hashlib.sha256(raw).hexdigest()[:16]
    folder.rename(folder.with_name(name))
    (own / "index" / "CURRENT").write_text(name + "\n", encoding="utf-8")
    assert "skipped" not in cli("status", "--index", own / "index").out
    (found,) = objects(cli("status", "--json", "--index", own / "index").out)
    assert found["skipped"] is None


def test_status_looks_into_each_folder_once(cli: Run, own: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """However many roots there are, and when one of them has gone."""
    import shutil

    for name in ("second", "third"):
        shutil.copytree(own / "corpus", own / name)
    cli("index", own / "corpus", own / "second", own / "third", "--index", own / "index")
    shutil.rmtree(own / "third")
    seen, scandir = [], os.scandir

    def noted(folder: Path) -> Any:
        seen.append(Path(folder).name)
        return scandir(folder)

    monkeypatch.setattr("retriever.corpus.os.scandir", noted)
    result = cli("status", "--index", own / "index")
    assert "removed: third/copy.txt, third/en.md, third/zh.md; refresh" in result.out
    assert sorted(name for name in seen if name in ("corpus", "second", "third")) == ["corpus", "second"]


@pytest.mark.parametrize("paths", [["corpus", "corpus"], ["corpus/zh.md", "corpus"], ["corpus", "corpus/zh.md"]])
def test_status_knows_files_that_were_named_twice(cli: Run, own: Path, paths: list[str]) -> None:
    """A path given again, or inside another, adds no file and takes none away."""
    cli("index", *(own / path for path in paths), "--index", own / "twice")
    assert "unchanged since" in cli("status", "--index", own / "twice").out


def test_status_with_one_of_two_roots_gone_names_its_sources_only(cli: Run, own: Path) -> None:
    """What is still there is not called removed."""
    import shutil

    shutil.copytree(own / "corpus", own / "second")
    cli("index", own / "corpus", own / "second", "--index", own / "index")
    shutil.rmtree(own / "second")
    (found,) = objects(cli("status", "--json", "--index", own / "index").out)
    assert found["changes"]["removed"] == ["second/copy.txt", "second/en.md", "second/zh.md"]


# passages, clean, show


def test_passages_of_pages_need_no_index(cli: Run, own: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """PATH lists the passages of a page, one a line in JSON, with the keys of the contract; no index is made."""
    monkeypatch.setenv("RETRIEVER_INDEX", str(own / "none"))
    rows = objects(cli("passages", own / "corpus" / "zh.md", "--json").out)
    assert [row["question"] for row in rows] == [
        "批归一化在训练时用什么统计量？", "随机失活为什么能减轻过拟合？", "学习率太大会怎样？",
    ]  # fmt: skip
    assert rows[0]["question_lines"] == [3, 3]
    assert rows[0]["answer_lines"] == [5, 5]
    assert rows[0]["answer"] == "批归一化在训练时用当前小批量的均值和方差。测试时改用滑动平均。"
    assert list(rows[0]) == [
        "id", "source", "question", "question_lines", "answer_lines", "answer", "dropped_lines", "parent",
        "heading_path", "language",
    ]  # fmt: skip
    assert not (own / "none").exists()


def test_passages_of_the_index_are_those_of_its_pages(cli: Run, own: Path) -> None:
    """The index lists what its pages list, in order of their names."""
    of_pages = cli("passages", own / "corpus", "--json")
    of_index = cli("passages", "--index", own / "index", "--json")
    assert of_index == of_pages
    assert of_index.out.count("\n") == 8


def test_sources_are_called_alike_by_every_command(cli: Run, own: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """In JSON a source is what citations give, from wherever it was asked: relative below the current folder, else absolute."""
    with (own / "corpus" / "zh.md").open("a", encoding="utf-8") as page:
        page.write("\n## 什么还没有答案？\n\n## 池化是什么？\n\n池化缩小特征图。\n\n分享到微信\n")
    cli("index", "--index", own / "index")
    page = str(own / "corpus" / "zh.md")
    for folder, name in ((own, os.path.join("corpus", "zh.md")), (own / "corpus", "zh.md"), (own / "index", page)):
        monkeypatch.chdir(folder)
        (found,) = objects(cli("ask", "学习率太大会怎样？", "--json", "--index", own / "index").out)
        cited = {found["answers"][0]["citation"]["source"]}
        for arguments in (["passages", page], ["passages", page, "--unanswered"], ["clean", page]):
            assert {row["source"] for row in objects(cli(*arguments, "--json").out)} == cited == {name}
        listed = objects(cli("passages", "--json", "--index", own / "index").out)
        listed += objects(cli("passages", "--unanswered", "--json", "--index", own / "index").out)
        assert name in {row["source"] for row in listed}
        assert cited < {row["source"] for row in listed}


def test_passages_for_people_show_question_and_place(cli: Run, own: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The question with its place, the beginning of the answer below."""
    monkeypatch.chdir(own)
    lines = cli("passages", "corpus/zh.md").out.split("\n")
    assert lines[0] == "批归一化在训练时用什么统计量？  corpus/zh.md:5"
    assert lines[1].strip().startswith("批归一化在训练时")


def test_unanswered_lists_the_questions_that_a_page_leaves_open(
    cli: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """--unanswered shows them from pages and from the index; status 1 when there is none."""
    monkeypatch.chdir(tmp_path)
    Path("q.md").write_text(
        "# Notes\n\n## 1. What is dropout?\n\nNoise on units.\n\n## 2. What is left open here?\n\n"
        "## 3. What is pooling?\n\nA summary of windows.\n",
        encoding="utf-8",
    )
    result = cli("passages", "q.md", "--unanswered")
    assert (result.status, result.out) == (0, "q.md:7  What is left open here?\n")
    cli("index", "q.md", "--index", "built")
    assert cli("passages", "--unanswered", "--index", "built").out == result.out
    (row,) = objects(cli("passages", "q.md", "--unanswered", "--json").out)
    assert row == {"source": "q.md", "question": "What is left open here?", "question_lines": [7, 7]}
    Path("a.md").write_text(MINI_PAGES["en.md"], encoding="utf-8")
    assert cli("passages", "a.md", "--unanswered").status == 1


def test_clean_keeps_a_short_page_whole(cli: Run, own: Path) -> None:
    """Every line of a page without furniture is shown as kept, numbered."""
    result = cli("clean", own / "corpus" / "en.md")
    lines = result.out.rstrip("\n").split("\n")
    assert lines[-1].endswith(", 0 dropped")
    assert [line[5:] for line in lines[:-1]] == MINI_PAGES["en.md"].split("\n")
    assert cli("clean", own / "corpus" / "en.md", "--json").out == ""


def test_clean_shows_what_is_dropped_and_why(cli: Run) -> None:
    """A bundled page with furniture: each drop has lines, a rule and a reason, for people and for programs."""
    page = bundled_corpus() / "en_transformers_faq.html"
    drops = objects(cli("clean", page, "--json").out)
    assert drops
    for drop in drops:
        assert set(drop) == {"source", "start_line", "end_line", "rule", "reason", "text"}
        assert 1 <= drop["start_line"] <= drop["end_line"]
        assert drop["rule"]
        assert drop["reason"]
    view = cli("clean", page).out
    assert f"[{drops[0]['rule']}: {drops[0]['reason']}]" in view
    assert view.rstrip().endswith(f"{len(drops)} dropped")


def test_show_prints_the_cited_lines_in_their_page(cli: Run, own: Path) -> None:
    """A citation as `ask` prints it can be given to `show`; names of sources work too."""
    shown = cli("show", "zh.md:5", "--context", "1", "--index", own / "index")
    assert (shown.status, shown.err) == (0, "")
    assert shown.out.split("\n")[:3] == ["4", "5 > 批归一化在训练时用当前小批量的均值和方差。测试时改用滑动平均。", "6"]
    (found,) = objects(cli("ask", "学习率太大会怎样？", "--json", "--index", own / "index").out)
    cited = found["answers"][0]["citation"]
    place = f"{cited['source']}:{cited['start_line']}-{cited['end_line']}"
    assert "> 学习率太大时损失来回震荡" in cli("show", place, "--index", own / "index").out


def test_show_needs_no_index_for_a_file_that_is_there(cli: Run, own: Path) -> None:
    """Any readable page can be looked at."""
    assert "2 >" in cli("show", f"{own / 'corpus' / 'en.md'}:2", "--index", own / "none").out


def test_show_warns_when_the_page_has_changed(cli: Run, own: Path) -> None:
    """Lines may have moved: one warning on stderr, the lines on stdout all the same."""
    page = own / "corpus" / "zh.md"
    page.write_text("\n\n" + page.read_text(encoding="utf-8"), encoding="utf-8")
    result = cli("show", "zh.md:5", "--index", own / "index")
    assert result.status == 0
    assert result.err.startswith("warning: ")
    assert (
        f"has changed since it was indexed; its lines may have moved; refresh with: retriever index --index {own / 'index'}"
        in result.err
    )
    assert "5 > " in result.out


def test_show_finds_a_citation_from_any_folder(cli: Run, own: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The index knows where its sources lie: a citation that `ask` gave in one folder is found from another one."""
    index = own / "index"
    monkeypatch.chdir(own)
    (found,) = objects(cli("ask", "学习率太大会怎样？", "--json", "--index", index).out)
    assert found["answers"][0]["citation"]["source"] == os.path.join("corpus", "zh.md")
    for folder in (own / "corpus", own / "index", own.parent):
        monkeypatch.chdir(folder)
        for name in ("corpus/zh.md", "./corpus/zh.md", str(own / "corpus" / "zh.md")):
            shown = cli("show", f"{name}:13", "--index", index)
            assert (shown.status, "> 学习率太大时损失来回震荡" in shown.out) == (0, True)
    assert "no such source" in one_error(cli("show", "pus/zh.md:13", "--index", index))


def test_show_takes_the_file_that_lies_there_before_a_source_of_that_name(
    cli: Run, own: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As an editor would; what the index says of a page of that name somewhere else is of no concern."""
    (own / "here").mkdir()
    (own / "here" / "zh.md").write_text("another page\n", encoding="utf-8")
    monkeypatch.chdir(own / "here")
    shown = cli("show", "zh.md:1", "--index", own / "index")
    assert (shown.status, shown.err, shown.out.split("\n")[0]) == (0, "", "1 > another page")


def test_show_asks_which_of_several_sources_is_meant(cli: Run, own: Path) -> None:
    """Never the wrong page: one error with their paths."""
    for name in ("a", "b"):
        (own / "corpus" / name).mkdir()
        (own / "corpus" / name / "notes.md").write_text("# What is it?\n\nA page.\n", encoding="utf-8")
    cli("index", "--index", own / "index")
    told = one_error(cli("show", "notes.md:1", "--index", own / "index"))
    assert "2 sources are called so" in told
    assert str(own / "corpus" / "b" / "notes.md") in told
    assert cli("show", "b/notes.md:1", "--index", own / "index").status == 0


def test_show_needs_no_usable_index_that_nobody_named(cli: Run, own: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A page that is there is shown whatever the default index is; an index that was named must be usable, and so must one that is needed."""
    monkeypatch.chdir(own)
    (own / "index" / "CURRENT").write_text("0123456789abcdef\n", encoding="utf-8")
    shown = cli("show", "corpus/en.md:1")
    assert (shown.status, shown.err) == (0, "")
    assert shown.out.startswith("1 > # Training notes")
    assert "retriever index --index" in one_error(cli("show", "corpus/en.md:1", "--index", own / "index"))
    assert "retriever index --index" in one_error(cli("show", "en.md:1"))


# help


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_and_option_has_help(cli: Run, command: str) -> None:
    """Each command says what it does, and each of its options too."""
    known = main_group.commands[command]
    assert known.help
    for parameter in known.params:
        assert not isinstance(parameter, click.Option) or parameter.help, parameter.name
    result = cli(command, "--help")
    assert (result.status, result.err) == (0, "")


def test_the_commands_are_those_that_are_documented() -> None:
    """No command without a test of its help."""
    assert sorted(main_group.commands) == list(COMMANDS)


def test_version_is_that_of_the_package(cli: Run) -> None:
    """--version names program and version."""
    from retriever import __version__

    for arguments in (["--version"], ["ask", "--version"]):
        assert cli(*arguments) == Result(0, f"retriever, version {__version__}\n", "")


def test_version_of_the_short_command(capsys: pytest.CaptureFixture[str]) -> None:
    """`ask --version` says the same as `retriever --version`."""
    from retriever import __version__

    with pytest.raises(SystemExit) as left:
        run(ask, ["--version"])
    assert (left.value.code, capsys.readouterr().out) == (0, f"retriever, version {__version__}\n")


# bad input


BAD_INPUT: dict[str, tuple[Callable[[Path], list[str]], str]] = {
    "missing path": (lambda at: ["index", str(at / "gone"), "--index", str(at / "index")], "no such file or folder"),
    "missing page": (lambda at: ["passages", str(at / "gone.md")], "no such file or folder"),
    "missing page to clean": (lambda at: ["clean", str(at / "gone.md")], "no such file or folder"),
    "a folder to clean": (lambda at: ["clean", str(at / "corpus")], "a folder"),
    "folder without documents": (lambda at: ["index", str(at / "nothing"), "--index", str(at / "index")], "no document"),
    "unknown kind of file": (lambda at: ["index", str(at / "tool.py"), "--index", str(at / "index")], "unknown kind"),
    "everything excluded": (lambda at: ["index", str(at / "corpus"), "--exclude", "*"], "no document"),
    "unreadable file": (lambda at: ["passages", str(at / "bad" / "dangling.md")], "no such file"),
    "only a dangling link": (lambda at: ["index", str(at / "links"), "--index", str(at / "index")], "leads nowhere"),
    "binary file": (lambda at: ["index", str(at / "bad" / "binary.txt"), "--index", str(at / "index")], "binary"),
    "empty file": (lambda at: ["index", str(at / "bad" / "empty.md"), "--index", str(at / "index")], "empty file"),
    "blank file": (lambda at: ["clean", str(at / "bad" / "blank.md")], "empty file"),
    "file over the limit": (
        lambda at: ["index", str(at / "corpus" / "zh.md"), "--max-bytes", "10", "--index", str(at / "index")],
        "--max-bytes",
    ),
    "no question in the corpus": (lambda at: ["index", str(at / "prose.txt"), "--index", str(at / "index")], "no question"),
    "empty question": (lambda at: ["ask", "", "--index", str(at / "index")], "question is empty"),
    "blank question": (lambda at: ["ask", " \u3000 ", "--index", str(at / "index")], "question is empty"),
    "no question": (lambda at: ["ask", "--index", str(at / "index")], "no question"),
    "k of 0": (lambda at: ["ask", "x", "-k", "0", "--index", str(at / "index")], "at least 1"),
    "question and batch": (lambda at: ["ask", "x", "--batch", "-", "--index", str(at / "index")], "not both"),
    "missing batch": (lambda at: ["ask", "--batch", str(at / "gone"), "--index", str(at / "index")], "cannot be read"),
    "empty batch": (lambda at: ["ask", "--batch", str(at / "bad" / "blank.md"), "--index", str(at / "index")], "no question"),
    "binary batch": (lambda at: ["ask", "--batch", str(at / "bad" / "binary.txt"), "--index", str(at / "index")], "binary"),
    "another version": (lambda at: ["ask", "x", "--index", str(at / "old")], "another version"),
    "another version for status": (lambda at: ["status", "--index", str(at / "old")], "another version"),
    "missing index file": (lambda at: ["ask", "x", "--index", str(at / "holed")], "terms.json: missing"),
    "corrupt index file": (lambda at: ["ask", "x", "--index", str(at / "flipped")], "passages.faiss: damaged"),
    "corrupt manifest": (lambda at: ["ask", "x", "--index", str(at / "cut")], "manifest.json: missing or damaged"),
    "wrong model": (lambda at: ["ask", "x", "--model", str(at / "other"), "--index", str(at / "index")], "built with"),
    "no model": (lambda at: ["ask", "x", "--model", str(at / "halved"), "--index", str(at / "index")], "static model"),
    "index below a file": (lambda at: ["index", str(at / "corpus"), "--index", str(at / "tool.py" / "x")], "cannot be written"),
    "index is a file": (lambda at: ["ask", "x", "--index", str(at / "tool.py")], "not an index"),
    "status of nothing": (lambda at: ["status", "--index", str(at / "none")], "no index here"),
    "no citation": (lambda at: ["show", "zh.md", "--index", str(at / "index")], "not a citation"),
    "no such source": (lambda at: ["show", "gone.md:3", "--index", str(at / "index")], "no such source"),
    "no such line": (lambda at: ["show", "zh.md:999", "--index", str(at / "index")], "lines"),
}  # fmt: skip


@pytest.fixture(scope="module")
def ruins(tmp_path_factory: pytest.TempPathFactory, _small_index: Path) -> Path:
    """A folder of all that can be wrong: bad pages, and indexes that are old, holed, flipped and cut."""
    import shutil

    at = tmp_path_factory.mktemp("ruins")
    shutil.copytree(_small_index / "corpus", at / "corpus")
    for name in ("index", "old", "holed", "flipped", "cut"):
        shutil.copytree(_small_index / "index", at / name)
    manifest = generation(at / "old") / "manifest.json"
    manifest.write_text(
        json.dumps(json.loads(manifest.read_text(encoding="utf-8")) | {"format_version": 0}), encoding="utf-8"
    )
    (generation(at / "holed") / "terms.json").unlink()
    vectors = generation(at / "flipped") / "passages.faiss"
    raw = vectors.read_bytes()
    vectors.write_bytes(raw[:99] + bytes([raw[99] ^ 1]) + raw[100:])
    manifest = generation(at / "cut") / "manifest.json"
    manifest.write_bytes(manifest.read_bytes()[:50])
    for name in ("nothing", "bad", "links"):
        (at / name).mkdir()
    (at / "nothing" / "notes.pdf").write_bytes(b"%PDF")
    (at / "tool.py").write_text("x = 1\n", encoding="utf-8")
    (at / "prose.txt").write_text("The weather was fine. We went home.\n", encoding="utf-8")
    (at / "bad" / "binary.txt").write_bytes(bytes(range(256)) * 4)
    (at / "bad" / "empty.md").write_bytes(b"")
    (at / "bad" / "blank.md").write_text(" \n\n", encoding="utf-8")
    for folder in ("bad", "links"):
        (at / folder / "dangling.md").symlink_to(at / "nowhere.md")
    tiny_model(at / "other")
    (tiny_model(at / "halved") / "model.safetensors").write_bytes(b"\x10" + bytes(20))
    return at


@pytest.mark.parametrize("case", BAD_INPUT)
def test_bad_input_is_one_error_line_and_status_two(cli: Run, ruins: Path, case: str) -> None:
    """One line that says what is wrong, nothing on stdout, status 2; the index that is there answers as before."""
    arguments, words = BAD_INPUT[case]
    assert words in one_error(cli(*arguments(ruins)))
    assert cli("ask", "学习率太大会怎样？", "-k", "1", "--index", ruins / "index").status == 0


@pytest.mark.skipif(os.geteuid() == 0, reason="root reads and writes everywhere")
def test_files_without_permission_are_one_error_line(cli: Run, own: Path) -> None:
    """A page that may not be read and an index that may not be written are said so."""
    (own / "corpus" / "zh.md").chmod(0)
    assert "cannot be read" in one_error(cli("clean", own / "corpus" / "zh.md"))
    (own / "corpus" / "zh.md").chmod(0o600)
    (own / "index" / "generations").chmod(0o500)
    result = cli("index", "--index", own / "index")
    (own / "index" / "generations").chmod(0o700)
    assert result.status == 2
    assert "cannot be written" in result.err


def test_an_index_that_cannot_be_written_is_one_error_line_on_the_first_ask(
    cli: Run, own: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """When the first index cannot be made, the last line says where and how to choose another place."""
    monkeypatch.setattr("retriever.locations.bundled_corpus", lambda: own / "corpus")
    (own / "file").write_text("in the way", encoding="utf-8")
    result = cli("ask", "x", "--index", own / "file" / "index")
    assert (result.status, result.out) == (2, "")
    assert [line for line in result.err.splitlines() if line.startswith("error: ")] == [
        f"error: {own / 'file' / 'index'}: cannot be written (Not a directory); choose another place with --index or "
        "RETRIEVER_INDEX"
    ]


def test_unusable_files_are_skipped_with_a_warning_when_others_are_fine(cli: Run, own: Path) -> None:
    """Binary, empty, dangling and overlong files are named, one warning each; the rest is indexed; status 0."""
    (own / "corpus" / "binary.txt").write_bytes(bytes(range(256)) * 4)
    (own / "corpus" / "empty.md").write_bytes(b"")
    (own / "corpus" / "dangling.md").symlink_to(own / "nowhere.md")
    (own / "corpus" / "long.md").write_text("# Is it long?\n\n" + "It is long. " * 500, encoding="utf-8")
    result = cli("index", "--max-bytes", "2000", "--index", own / "index")
    assert result.status == 0
    assert "3 sources, 4 skipped" in result.out
    warnings = [line for line in result.err.splitlines() if line.startswith("warning: ")]
    assert [re.search(r"(\w+)\.(?:md|txt): ", line).group(1) for line in warnings] == [  # type: ignore[union-attr]
        "binary", "dangling", "empty", "long",
    ]  # fmt: skip


def test_broken_encoding_is_reported(cli: Run, own: Path) -> None:
    """Bytes that fit no encoding are replaced, and the count is reported with the file's name."""
    page = own / "corpus" / "broken.md"
    page.write_bytes(MINI_PAGES["zh.md"].encode() + b"\n\xff\xff\n")
    result = cli("index", "--index", own / "index")
    assert result.status == 0
    assert f"warning: {page}: 2 characters could not be decoded as utf-8 and were replaced" in result.err


@pytest.mark.parametrize(
    "arguments",
    [
        ["ask", "x", "-k", "many"],
        ["ask", "x", "--min-confidence", "nan"],
        ["ask", "x", "--min-confidence", "1.01"],
        ["ask", "x", "--no-such-option"],
        ["no-such-command"],
        [],
    ],
)
def test_wrong_usage_is_status_two_without_a_traceback(cli: Run, arguments: list[str]) -> None:
    """What the command line does not understand is said on stderr, with status 2."""
    result = cli(*arguments)
    assert (result.status, result.out) == (2, "")
    assert "Usage:" in result.err


@pytest.mark.parametrize("name", ["tool.py", "LICENSE"])
def test_show_of_a_file_that_is_no_page_is_an_error_line(cli: Run, tmp_path: Path, name: str) -> None:
    """A file of another kind is shown or refused, not answered by a traceback."""
    (tmp_path / name).write_text("one\ntwo\n", encoding="utf-8")
    assert cli("show", f"{tmp_path / name}:1", "--index", tmp_path / "none").status in (0, 2)


@pytest.mark.parametrize("arguments", [["ask", "x", "--index", "n" * 300], ["passages", "n" * 300 + ".md"]])
def test_names_that_are_too_long_are_an_error_line(cli: Run, arguments: list[str]) -> None:
    """A name no file system takes is bad input like any other."""
    result = cli(*arguments)
    assert (result.status, result.out) == (2, "")
    assert result.err.rstrip("\n").split("\n")[-1].startswith("error: n")


def test_file_names_in_another_encoding_are_indexed(cli: Run, tmp_path: Path) -> None:
    """A page whose name is GBK bytes, as old archives unpack them, is a page."""
    (tmp_path / "corpus").mkdir()
    with open(os.fsencode(tmp_path / "corpus") + b"/\xce\xca\xcc\xe2.md", "w", encoding="utf-8") as page:
        page.write(MINI_PAGES["zh.md"])
    assert cli("index", tmp_path / "corpus", "--index", tmp_path / "index").status == 0


def test_a_model_given_by_a_relative_path_is_found_from_other_folders(
    cli: Run, own: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An index built with a model of one's own answers wherever it is asked."""
    tiny_model(own / "model")
    monkeypatch.chdir(own)
    assert cli("index", "corpus", "--model", "model", "--index", "mine").status == 0
    assert cli("ask", "学习率太大会怎样？", "--index", own / "mine").status == 0
    monkeypatch.chdir("/")
    assert cli("ask", "学习率太大会怎样？", "--index", own / "mine").status == 0


@pytest.mark.parametrize("case", ["old", "holed", "flipped", "cut"])
def test_the_advised_command_rebuilds_the_index_that_failed(cli: Run, ruins: Path, case: str) -> None:
    """An index given with --index is rebuilt with --index: the command can be pasted as it is printed."""
    message = one_error(cli("ask", "x", "--index", ruins / case))
    assert f"retriever index --index {ruins / case}" in message


# pipes and terminals


@pytest.mark.parametrize("arguments", [["passages", "--json"], ["ask", BN]])
def test_a_closed_pipe_is_success(bundled: Path, arguments: list[str]) -> None:
    """A reader that has seen enough, as `head -1` has, is no error of ours: status 0, silence on stderr."""
    process = subprocess.Popen(
        [sys.executable, str(CHECKOUT / "cli.py"), *arguments, "--index", str(bundled)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    assert process.stdout
    assert process.stderr
    process.stdout.close()
    err = process.stderr.read()
    process.stderr.close()
    assert (process.wait(timeout=60), err) == (0, b"")


def on_a_terminal(*arguments: str | Path, typed: str = "", env: dict[str, str] | None = None) -> tuple[int, str]:
    """Status and output of the program on a pseudo-terminal."""
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, str(CHECKOUT / "cli.py"), *map(str, arguments)],
        stdin=theirs, stdout=theirs, stderr=theirs, env=os.environ | {"TERM": "xterm"} | (env or {}),
    )  # fmt: skip
    os.close(theirs)
    if typed:
        os.write(ours, typed.encode())
    seen = b""
    while True:
        try:
            part = os.read(ours, 65536)
        except OSError:  # the other side is gone
            break
        if not part:
            break
        seen += part
    os.close(ours)
    return process.wait(timeout=60), seen.decode("utf-8", "replace")


def test_a_terminal_gets_colour_and_no_color_takes_it_away(bundled: Path) -> None:
    """Escapes on a terminal, none with NO_COLOR, the same words both times."""
    status, coloured = on_a_terminal("ask", BN, "-k", "1", "--index", bundled)
    assert (status, ESCAPE in coloured) == (0, True)
    status, plain = on_a_terminal("ask", BN, "-k", "1", "--index", bundled, env={"NO_COLOR": "1"})
    assert (status, ESCAPE in plain) == (0, False)
    assert "".join(re.sub(r"\x1b\[[0-9;]*m", "", coloured).split()) == "".join(plain.split())


def test_ask_alone_on_a_terminal_is_a_prompt_with_a_history(bundled: Path, tmp_path: Path) -> None:
    """Questions are answered one after the other until an empty line; they are remembered for the next time."""
    status, seen = on_a_terminal(
        "ask", "-k", "1", "--index", bundled, typed=f"{BN}\nwhat is dropout\n\n", env={"XDG_DATA_HOME": str(tmp_path)}
    )
    assert status == 0
    assert len(re.findall(r"^.*\(\d+ %\)", seen, re.MULTILINE)) == 2
    history = (tmp_path / "retriever" / "history").read_text(encoding="utf-8")
    assert "what is dropout" in history


@pytest.fixture
def prompt(cli: Run, bundled: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Result]:
    """What comes of typing these lines at the prompt; the end of input is an error."""

    def typed(*lines: str) -> Result:
        waiting = list(lines)
        monkeypatch.setattr(sys, "stdin", type("Terminal", (), {"isatty": lambda self: True})())
        monkeypatch.setattr("builtins.input", lambda _: waiting.pop(0))
        result = cli("ask", "-k", "1", "--index", bundled)
        assert waiting == []
        return result

    return typed


@pytest.mark.parametrize("word", ["quit", "exit", ":q", "退出", "QUIT", " Exit ", ""])
def test_the_prompt_is_left_by_a_word(prompt: Callable[..., Result], word: str) -> None:
    """Words that mean it are not asked; the first line says which."""
    result = prompt(BN, word)
    assert (result.status, len(re.findall(r"^1\. ", result.out, re.MULTILINE))) == (0, 1)
    assert result.err == "Ask a question; ? for help. quit, exit, :q, 退出, an empty line or Ctrl-D ends.\n"


@pytest.mark.parametrize("word", ["?", "？", "help", "Help", "帮助"])
def test_the_prompt_helps(prompt: Callable[..., Result], word: str) -> None:
    """One line, how to leave among it; nothing is asked."""
    result = prompt(word, "quit")
    assert (result.status, result.out, result.err.count("\n")) == (0, "", 2)
    assert "ask --help" in result.err.split("\n")[1]


def test_a_question_that_holds_such_a_word_is_asked(prompt: Callable[..., Result]) -> None:
    """Only a line of nothing else is meant for the prompt."""
    result = prompt("help with dropout", "怎么退出鞍点", "quit")
    assert result.err.count("\n") == 1
    assert len(result.out.split("\n\n")) > 2


def test_the_index_that_asks_were_answered_from_is_untouched(bundled: Path) -> None:
    """Looking up writes nothing: the generation still passes its checksums and is alone."""
    assert len(open_index(bundled)) > 400
    assert [path.name for path in (bundled / "generations").iterdir()] == [generation(bundled).name]


# what the fresh eye found


def test_a_citation_of_a_changed_or_missing_file_is_warned_of(cli: Run, own: Path) -> None:
    """Lines of a file that was edited or deleted after indexing may have moved: one warning, the answer all the same."""
    index = own / "index"
    before = cli("ask", "-k", "1", "--json", "--min-confidence", "0", "--index", index, "dropout")
    assert before.err == ""
    (found,) = objects(before.out)
    cited = Path(found["answers"][0]["citation"]["source"])
    cited.write_text("a new first line\n" + cited.read_text(encoding="utf-8"), encoding="utf-8")
    changed = cli("ask", "-k", "1", "--min-confidence", "0", "--index", index, "dropout")
    assert (changed.status, changed.err.count("warning: ")) == (0, 1)
    assert "has changed since it was indexed" in changed.err
    cited.unlink()
    gone = cli("ask", "-k", "1", "--min-confidence", "0", "--index", index, "dropout")
    assert "is gone since it was indexed" in gone.err
    assert one_error(cli("show", f"{cited}:1", "--index", index)).count("is gone since it was indexed") == 1


def test_an_index_that_lost_its_pointer_is_not_overwritten_by_the_handbook(cli: Run, own: Path) -> None:
    (own / "index" / "CURRENT").unlink()
    assert "not an index" in one_error(cli("ask", "dropout", "--index", own / "index"))


def test_a_full_disk_behind_stdout_is_one_error_line(bundled: Path) -> None:
    if not Path("/dev/full").exists():
        pytest.skip("no /dev/full here")
    with open("/dev/full", "w") as full:
        done = subprocess.run(
            [sys.executable, str(Path(__file__).resolve().parent.parent / "cli.py"), "ask", BN, "--index", str(bundled)],
            stdout=full, stderr=subprocess.PIPE, text=True, check=False,
        )  # fmt: skip
    assert done.returncode == 2
    assert done.stderr.startswith("error: writing failed")
    assert "Traceback" not in done.stderr
