"""Questions with gold: every form that is read, every fault that is refused with its place, and bytes of any kind."""

import codecs
import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from conftest import MINI_PAGES
from doubles import KeywordEncoder, make_passage, write_passages
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from retriever.cues import language_of
from retriever.errors import InputError
from retriever.evaluation.gold import read_questions
from retriever.evaluation.qrels import HIGHEST_RELEVANCE, read_beir, read_trec
from retriever.evaluation.records import Gold, Question
from retriever.indexing import Index, open_index
from retriever.pipeline import build

CLIPPED = "Why are gradients clipped?"
DROPOUT = "随机失活为什么能减轻过拟合？"
HEADER = "query-id\tcorpus-id\tscore"

FUZZ = settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
TEXT = st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1, max_size=30).filter(str.strip)


@pytest.fixture
def index(small: Path) -> Index:
    """The open index of the three small pages."""
    return open_index(small / "index")


def write(path: Path, *rows: Any, ends: str = "\n", encoding: str = "utf-8") -> Path:
    """A file of one row a line: text as it is, everything else as JSON."""
    lines = [row if isinstance(row, str) else json.dumps(row, ensure_ascii=False) for row in rows]
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes("".join(line + ends for line in lines).encode(encoding))
    return path


def id_of(index: Index, question: str) -> str:
    """The id of the passage that answers a question of the small pages."""
    found = [p.id for p in map(index.passage, range(len(index))) if p.question == question]
    assert len(found) == 1
    return found[0]


def refusal(call: Callable[[], object]) -> str:
    """The message of the InputError that a call raises: one line, without a trace of Python."""
    with pytest.raises(InputError) as raised:
        call()
    message = str(raised.value)
    assert "\n" not in message
    assert "Traceback" not in message
    assert "Error" not in message
    return message


# Questions of our own


def test_a_full_row_comes_back_as_written(tmp_path: Path, index: Index) -> None:
    """Id, text, language, kind and lines are taken from the row."""
    span = {"file": "zh.md", "start": 9, "end": 9, "grade": 1}
    path = write(
        tmp_path / "q.jsonl", {"id": "d1", "lang": "zh", "kind": "typo", "question": "随机失活?", "gold": [span]}
    )
    assert read_questions(path, index).questions == (
        Question("d1", "随机失活?", "zh", "typo", (Gold(1, "zh.md", 9, 9),)),
    )


def test_what_is_left_out_has_defaults(tmp_path: Path) -> None:
    """The id is the line number, blank lines counted; the language is that of the text; the grade is 2."""
    span = {"source": "en.md", "start": 1, "end": 3}
    path = write(
        tmp_path / "q.jsonl",
        "",
        {"question": "What is pooling?", "gold": [span]},
        " \t",
        {"question": "什么是池化？", "gold": [], "id": None, "lang": None, "kind": None},
        {"question": "x y z", "gold": [], "lang": " "},
    )
    assert read_questions(path, None).questions == (
        Question("2", "What is pooling?", "en", "", (Gold(2, "en.md", 1, 3),)),
        Question("4", "什么是池化？", "zh"),
        Question("5", "x y z", "en"),
    )


def test_a_language_of_the_row_goes_before_that_of_the_text(tmp_path: Path) -> None:
    path = write(tmp_path / "q.jsonl", {"question": "什么是池化？", "gold": [], "lang": "fr"})
    assert read_questions(path, None).questions[0].language == "fr"


def test_numbers_are_ids_as_text(tmp_path: Path) -> None:
    path = write(tmp_path / "q.jsonl", {"id": 7, "question": "a", "gold": []}, {"id": 0, "question": "b", "gold": []})
    assert [question.id for question in read_questions(path, None).questions] == ["7", "0"]


def test_a_passage_is_named_by_its_id(tmp_path: Path, index: Index) -> None:
    """With an index it must be in it; without one any id will do."""
    known = id_of(index, CLIPPED)
    path = write(tmp_path / "q.jsonl", {"question": "clip?", "gold": [{"passage": known}]})
    assert read_questions(path, index).questions[0].gold == (Gold(2, passage=known),)
    path = write(tmp_path / "q.jsonl", {"question": "clip?", "gold": [{"passage": "any", "grade": 1}]})
    assert read_questions(path, None).questions[0].gold == (Gold(1, passage="any"),)


@pytest.mark.parametrize(
    ("name", "source", "question"), [("source", "en.md", CLIPPED), ("file", "pages/zh.md", DROPOUT)]
)
def test_a_passage_is_named_by_its_question(
    tmp_path: Path, index: Index, name: str, source: str, question: str
) -> None:
    """It becomes the id of the passage of that source, whatever folder the source is said to lie in."""
    path = write(tmp_path / "q.jsonl", {"question": "?!", "gold": [{name: source, "question": question, "grade": 1}]})
    assert read_questions(path, index).questions[0].gold == (Gold(1, passage=id_of(index, question)),)


def test_a_question_names_the_whole_answer_and_not_its_part(tmp_path: Path) -> None:
    """A part may carry the question of its whole."""
    index = open_index(
        write_passages(
            tmp_path / "index",
            [make_passage("part", "How?", "So.", parent="whole"), make_passage("whole", "How?", "So. And so.")],
        )
    )
    path = write(tmp_path / "q.jsonl", {"question": "how", "gold": [{"source": "page.md", "question": "How?"}]})
    assert read_questions(path, index).questions[0].gold == (Gold(2, passage="whole"),)


def test_a_part_can_be_named_by_its_id(tmp_path: Path) -> None:
    passages = [make_passage("whole", "How?", "So. And so."), make_passage("part", "First", "So.", parent="whole")]
    index = open_index(write_passages(tmp_path / "index", passages))
    path = write(tmp_path / "q.jsonl", {"question": "how", "gold": [{"passage": "part"}]})
    assert read_questions(path, index).questions[0].gold == (Gold(2, passage="part"),)
    path = write(tmp_path / "q.jsonl", {"question": "how", "gold": [{"source": "page.md", "question": "First"}]})
    assert "page.md has no answer" in refusal(lambda: read_questions(path, index))


def test_of_sources_of_one_name_the_folder_decides(tmp_path: Path) -> None:
    """The full name of a source names it alone; its last part names all of that name; a question of both is refused."""
    passages = [
        make_passage("a", "How?", "So.", source="a/page.md"),
        make_passage("b", "How?", "Not so.", source="b/page.md"),
    ]
    index = open_index(write_passages(tmp_path / "index", passages))
    for source, expected in (("a/page.md", "a"), ("b/page.md", "b"), ("/corpus/b/page.md", "b")):
        path = write(tmp_path / "q.jsonl", {"question": "how", "gold": [{"source": source, "question": "How?"}]})
        assert read_questions(path, index).questions[0].gold == (Gold(2, passage=expected),)
    path = write(tmp_path / "q.jsonl", {"question": "how", "gold": [{"source": "page.md", "question": "How?"}]})
    message = refusal(lambda: read_questions(path, index))
    assert "answered 2 times" in message
    assert "a or b" in message


def test_lines_up_to_the_end_of_the_file_are_gold(tmp_path: Path, index: Index) -> None:
    """The last line may be named, no later one."""
    length = MINI_PAGES["en.md"].count("\n") + 1
    path = write(
        tmp_path / "q.jsonl", {"question": "a", "gold": [{"source": "x/en.md", "start": length, "end": length}]}
    )
    assert read_questions(path, index).questions[0].gold == (Gold(2, "x/en.md", length, length),)
    path = write(tmp_path / "q.jsonl", {"question": "a", "gold": [{"source": "en.md", "start": 1, "end": length + 1}]})
    message = refusal(lambda: read_questions(path, index))
    assert f"line {length + 1} is beyond the end of en.md, which has {length} lines" in message


def test_of_sources_of_one_name_the_longer_bounds_the_lines(tmp_path: Path) -> None:
    """Unless the gold names one of them in full."""
    texts = {name: MINI_PAGES[page].encode() for name, page in (("long", "en.md"), ("short", "copy.txt"))}
    for name, raw in texts.items():
        (tmp_path / name).mkdir()
        (tmp_path / name / "page.md").write_bytes(raw)
    build([tmp_path / name for name in texts], tmp_path / "index", KeywordEncoder(), model="keywords")
    index = open_index(tmp_path / "index")
    end = texts["long"].count(b"\n")
    for source in ("page.md", "long/page.md"):
        path = write(tmp_path / "q.jsonl", {"question": "a", "gold": [{"source": source, "start": 1, "end": end}]})
        assert read_questions(path, index).questions[0].gold == (Gold(2, source, 1, end),)
    path = write(tmp_path / "q.jsonl", {"question": "a", "gold": [{"source": "short/page.md", "start": 1, "end": end}]})
    assert f"line {end} is beyond the end of short/page.md" in refusal(lambda: read_questions(path, index))


def test_a_source_that_is_gone_is_said_so(tmp_path: Path) -> None:
    """The pages of this index were never there."""
    index = open_index(write_passages(tmp_path / "index", [make_passage("a", "How?", "So.")]))
    path = write(tmp_path / "q.jsonl", {"question": "how", "gold": [{"source": "page.md", "start": 1, "end": 2}]})
    message = refusal(lambda: read_questions(path, index))
    assert message.startswith(f"{path}:1: gold entry 1")
    assert "/corpus/page.md is gone" in message
    assert "retriever index" in message


def test_without_an_index_sources_are_taken_as_they_are(tmp_path: Path) -> None:
    path = write(tmp_path / "q.jsonl", {"question": "a", "gold": [{"source": "no.md", "start": 1, "end": 10**9}]})
    assert read_questions(path, None).questions[0].gold == (Gold(2, "no.md", 1, 10**9),)


GOLD_FAULTS: dict[str, tuple[Any, str]] = {
    "unknown source": ({"source": "no.md", "start": 1, "end": 2}, 'no source "no.md" in the index'),
    "unknown source of a question": ({"source": "no.md", "question": CLIPPED}, 'no source "no.md" in the index'),
    "beyond the end": ({"file": "en.md", "start": 1, "end": 99}, "line 99 is beyond the end of en.md"),
    "ends before it starts": ({"source": "en.md", "start": 3, "end": 2}, "ends at line 2, before it starts"),
    "line zero": ({"source": "en.md", "start": 0, "end": 2}, "lines count from 1"),
    "below zero": ({"source": "en.md", "start": -3, "end": -1}, "lines count from 1"),
    "lines as text": ({"source": "en.md", "start": "1", "end": 2}, "not whole numbers"),
    "lines as fractions": ({"source": "en.md", "start": 1, "end": 2.0}, "not whole numbers"),
    "lines as truth": ({"source": "en.md", "start": True, "end": 2}, "not whole numbers"),
    "no end": ({"source": "en.md", "start": 1}, "not one place that answers"),
    "no source": ({"start": 1, "end": 2}, "not one place that answers"),
    "source alone": ({"source": "en.md"}, "not one place that answers"),
    "question alone": ({"question": CLIPPED}, "not one place that answers"),
    "nothing": ({}, "not one place that answers"),
    "grade alone": ({"grade": 1}, "not one place that answers"),
    "two places": ({"source": "en.md", "start": 1, "end": 2, "question": CLIPPED}, "not one place that answers"),
    "two names": ({"source": "en.md", "file": "en.md", "start": 1, "end": 2}, 'both "file" and "source"'),
    "unknown passage": ({"passage": "feedfeedfeedfeed"}, "no such passage in the index"),
    "passage as a number": ({"passage": 12}, "the passage is not an id"),
    "blank passage": ({"passage": " "}, "the passage is not an id"),
    "question of another source": ({"source": "zh.md", "question": CLIPPED}, "zh.md has no answer to exactly this"),
    "question nearly": ({"source": "en.md", "question": CLIPPED.lower()}, "en.md has no answer to exactly this"),
    "question as a number": ({"source": "en.md", "question": 3}, "the question is not text"),
    "blank source": ({"source": "", "start": 1, "end": 2}, "not the name of a file"),
    "folder as source": ({"source": "/", "start": 1, "end": 2}, "not the name of a file"),
    "source as a list": ({"source": ["en.md"], "start": 1, "end": 2}, "not the name of a file"),
    "grade 0": ({"source": "en.md", "start": 1, "end": 2, "grade": 0}, "neither 1 nor 2"),
    "grade 3": ({"source": "en.md", "start": 1, "end": 2, "grade": 3}, "neither 1 nor 2"),
    "grade as truth": ({"source": "en.md", "start": 1, "end": 2, "grade": True}, "neither 1 nor 2"),
    "grade as a fraction": ({"source": "en.md", "start": 1, "end": 2, "grade": 2.0}, "neither 1 nor 2"),
    "grade as text": ({"passage": "a", "grade": "2"}, "neither 1 nor 2"),
    "no grade": ({"passage": "a", "grade": None}, "neither 1 nor 2"),
    "text": ("en.md:1-2", "not a JSON object"),
    "list": ([1, 2], "not a JSON object"),
    "null": (None, "not a JSON object"),
}


@pytest.mark.parametrize("fault", GOLD_FAULTS)
def test_faulty_gold_is_refused_with_file_line_and_entry(tmp_path: Path, index: Index, fault: str) -> None:
    """The message names the line, which entry of its gold it is, and what it says."""
    entry, reason = GOLD_FAULTS[fault]
    sound = {"source": "en.md", "start": 5, "end": 5}
    path = write(tmp_path / "q.jsonl", {"question": "a", "gold": []}, "", {"question": "b", "gold": [sound, entry]})
    message = refusal(lambda: read_questions(path, index))
    assert message.startswith(f"{path}:3: gold entry 2, ")
    assert reason in message
    if isinstance(entry, dict):
        assert all(value in message for value in entry.values() if isinstance(value, str))


def test_a_passage_by_its_question_needs_an_index(tmp_path: Path) -> None:
    path = write(tmp_path / "q.jsonl", {"question": "a", "gold": [{"source": "en.md", "question": CLIPPED}]})
    assert "only with an index" in refusal(lambda: read_questions(path, None))


def test_nulls_in_gold_are_left_out(tmp_path: Path) -> None:
    """Tables turned into JSON fill every column."""
    entry = {"source": "en.md", "start": 1, "end": 2, "passage": None, "question": None, "file": None, "note": "x"}
    path = write(tmp_path / "q.jsonl", {"question": "a", "gold": [entry]})
    assert read_questions(path, None).questions[0].gold == (Gold(2, "en.md", 1, 2),)


def test_long_and_nested_entries_are_shown_short(tmp_path: Path) -> None:
    entry = {"note": "x" * 5000, "nested": [[["y" * 5000]]]}
    path = write(tmp_path / "q.jsonl", {"question": "a", "gold": [entry]})
    message = refusal(lambda: read_questions(path, None))
    assert len(message) < 500 + len(str(path))
    assert "xxx" in message
    assert "yyy" not in message


ROW_FAULTS: dict[str, tuple[Any, str]] = {
    "malformed": ('{"question": "a", "gold": []', "not valid JSON"),
    "array of objects": ("[", "not valid JSON"),
    "two objects": ('{"question": "a", "gold": []} {}', "not valid JSON"),
    "bare question": ("What is pooling?", "not valid JSON"),
    "deep": ('{"question": "a", "gold": ' + "[" * 100_000 + "]" * 100_000 + "}", "not valid JSON"),
    "long number": ('{"question": "a", "gold": [], "id": ' + "9" * 5000 + "}", "not valid JSON"),
    "list": (["a"], "not a JSON object"),
    "number": ("3", "not a JSON object"),
    "no question": ({"gold": []}, '"question" is missing'),
    "blank question": ({"question": " \t", "gold": []}, '"question" is missing, blank'),
    "ideographic space": ({"question": "\u3000", "gold": []}, '"question" is missing, blank'),
    "question null": ({"question": None, "gold": []}, '"question" is missing'),
    "question as a list": ({"question": ["a"], "gold": []}, '"question" is missing, blank or not text'),
    "half a character": ('{"question": "\\ud83d", "gold": []}', '"question" holds half a character'),
    "no gold": ({"question": "a"}, '"gold" is missing'),
    "gold null": ({"question": "a", "gold": None}, '"gold" is missing or no list'),
    "gold as an object": ({"question": "a", "gold": {"passage": "a"}}, '"gold" is missing or no list'),
    "id as truth": ({"id": True, "question": "a", "gold": []}, '"id" is missing, blank or not text'),
    "id as a fraction": ({"id": 1.0, "question": "a", "gold": []}, '"id" is missing, blank or not text'),
    "blank id": ({"id": " ", "question": "a", "gold": []}, '"id" is missing, blank or not text'),
    "language as a number": ({"lang": 3, "question": "a", "gold": []}, '"lang" is not text'),
    "kind as a list": ({"kind": [], "question": "a", "gold": []}, '"kind" is not text'),
    "same id": ({"id": "first", "question": "a", "gold": []}, 'id "first" stands on line 1 already'),
}


@pytest.mark.parametrize("fault", ROW_FAULTS)
def test_faulty_rows_are_refused_with_file_and_line(tmp_path: Path, fault: str) -> None:
    row, reason = ROW_FAULTS[fault]
    path = write(tmp_path / "q.jsonl", {"id": "first", "question": "a", "gold": []}, "", row)
    message = refusal(lambda: read_questions(path, None))
    assert message.startswith(f"{path}:3: ")
    assert reason in message
    assert "; " in message


def test_an_id_may_not_be_the_default_of_another(tmp_path: Path) -> None:
    """Ids are compared as text, default ones too."""
    path = write(tmp_path / "q.jsonl", {"id": 2, "question": "a", "gold": []}, {"question": "b", "gold": []})
    assert 'id "2" stands on line 1 already' in refusal(lambda: read_questions(path, None))


@pytest.mark.parametrize("content", [b"", b"\n \r\n\t\n", codecs.BOM_UTF8, codecs.BOM_UTF16_LE])
def test_a_file_without_a_question_is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "q.jsonl"
    path.write_bytes(content)
    assert refusal(lambda: read_questions(path, None)).startswith(f"{path}: no question in it")


def test_files_that_cannot_be_read_are_refused(tmp_path: Path) -> None:
    """A missing file, a folder, and content that is no text."""
    assert "cannot be read" in refusal(lambda: read_questions(tmp_path / "none.jsonl", None))
    assert "cannot be read" in refusal(lambda: read_questions(tmp_path, None))
    path = tmp_path / "q.jsonl"
    path.write_bytes(b"\x7fELF\x02\x01\x00\x00" + bytes(range(256)))
    assert refusal(lambda: read_questions(path, None)).startswith(f"{path}: binary content")


@pytest.mark.parametrize(
    ("mark", "encoding", "broken"),
    [
        (b"", "utf-8", b"\xff"),
        (codecs.BOM_UTF8, "utf-8", b"\xff"),
        (codecs.BOM_UTF16_LE, "utf-16-le", b"\x00\xd8\x00"),
        (codecs.BOM_UTF16_BE, "utf-16-be", b"\xd8\x00\x00"),
        (codecs.BOM_UTF32_LE, "utf-32-le", b"\x00\x00\x00\x7f"),
        (codecs.BOM_UTF32_BE, "utf-32-be", b"\x7f\x00\x00\x00"),
    ],
)
def test_undecodable_bytes_are_refused_with_their_line(
    tmp_path: Path, mark: bytes, encoding: str, broken: bytes
) -> None:
    """A broken byte among text, under a byte order mark and without one."""
    sound = (
        json.dumps({"question": "批归一化在训练时用当前小批量的均值和方差", "gold": []}, ensure_ascii=False) + "\r\n"
    )
    raw = mark + (sound * 2).encode(encoding)
    path = tmp_path / "q.jsonl"
    path.write_bytes(raw + broken)
    assert refusal(lambda: read_questions(path, None)).startswith(f"{path}:3: bytes that are no utf-")


def test_a_replacement_character_that_was_written_is_text(tmp_path: Path) -> None:
    """U+FFFD in the file itself is no broken byte."""
    path = write(tmp_path / "q.jsonl", {"question": "a \ufffd b", "gold": []})
    assert read_questions(path, None).questions[0].text == "a \ufffd b"


@pytest.mark.parametrize("ends", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-32", "gb18030"])
def test_encodings_and_line_ends(tmp_path: Path, encoding: str, ends: str) -> None:
    """The same questions come of the same lines however they were saved; separators of Unicode end no line."""
    rows = [
        {"question": text, "gold": []}
        for text in ("批归一化在训练时用什么统计量？", "为什么\u2028学习率\u0085不能太大？", "How?")
    ]
    path = write(tmp_path / "q.jsonl", *rows, "", rows[0], ends=ends, encoding=encoding)
    questions = read_questions(path, None).questions
    assert [question.id for question in questions] == ["1", "2", "3", "5"]
    assert [question.text for question in questions] == [str(row["question"]) for row in [*rows, rows[0]]]


def test_the_last_line_needs_no_end(tmp_path: Path) -> None:
    path = tmp_path / "q.jsonl"
    path.write_text('{"question": "a", "gold": []}\n{"question": "b", "gold": []}', encoding="utf-8")
    assert len(read_questions(path, None).questions) == 2


def test_origin_and_digest_tell_what_was_read(tmp_path: Path) -> None:
    path = write(tmp_path / "q.jsonl", {"question": "a", "gold": []}, ends="\r\n", encoding="utf-8-sig")
    found = read_questions(path, None)
    assert found.origin == str(path)
    assert found.digest == hashlib.sha256(path.read_bytes()).hexdigest()


SPANS = st.builds(
    lambda name, start, more, grade: {name: "some/en.md", "start": start, "end": start + more, "grade": grade},
    st.sampled_from(["file", "source"]), st.integers(1, 9), st.integers(0, 4), st.sampled_from([1, 2]),
)  # fmt: skip
ROWS = st.lists(
    st.fixed_dictionaries(
        {"question": TEXT, "gold": st.lists(SPANS, max_size=3)},
        optional={"id": TEXT | st.integers(-(10**6), 10**6), "lang": st.sampled_from(["zh", "en"]), "kind": TEXT},
    ),
    min_size=1,
    max_size=6,
    unique_by=lambda row: str(row.get("id", id(row))),
)


@FUZZ
@given(
    rows=ROWS, ends=st.sampled_from(["\n", "\r\n", "\r"]), encoding=st.sampled_from(["utf-8-sig", "utf-16", "utf-32"])
)
def test_whatever_is_written_is_read_back(
    index: Index, tmp_path: Path, rows: list[Any], ends: str, encoding: str
) -> None:
    """Order, ids, texts and spans survive any encoding with a mark and any line end."""
    for number, row in enumerate(rows, 1):
        row.setdefault("id", f"default {number}")
    path = write(tmp_path / "q.jsonl", *rows, ends=ends, encoding=encoding)
    expected = [
        Question(
            str(row["id"]),
            row["question"],
            row.get("lang") or language_of(row["question"]),
            row.get("kind", ""),
            tuple(Gold(entry["grade"], "some/en.md", entry["start"], entry["end"]) for entry in row["gold"]),
        )
        for row in rows
    ]
    assert list(read_questions(path, index).questions) == expected


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8) | st.sampled_from(["en.md", CLIPPED]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=6,
)
ENTRY = (
    st.dictionaries(st.sampled_from(["file", "source", "start", "end", "passage", "question", "grade"]), JSON) | JSON
)


@FUZZ
@given(row=st.fixed_dictionaries({"question": st.just("a") | JSON, "gold": st.lists(ENTRY, max_size=2) | JSON}) | JSON)
def test_any_json_is_a_question_or_an_error_with_its_place(index: Index, tmp_path: Path, row: Any) -> None:
    """Nothing but InputError, and its message begins with the file and the line."""
    path = tmp_path / "q.jsonl"
    path.write_text(json.dumps(row) + "\n", encoding="utf-8")
    assert refusal_or(lambda: read_questions(path, index), f"{path}:1: ").startswith(f"{path}:1: ")


@FUZZ
@given(st.binary(max_size=60) | st.text(max_size=30).map(lambda text: text.encode("utf-16", "surrogatepass")))
def test_any_bytes_are_questions_or_an_error(tmp_path: Path, raw: bytes) -> None:
    """No reader breaks on what is not meant for it."""
    folder = tmp_path / "any"
    topics, qrels = trec(folder, ("1\thow?",), ("1 0 d 1",))
    beir(
        folder, corpus=({"_id": "d", "text": "so"},), queries=({"_id": "1", "text": "how?"},), qrels=(HEADER, "1\td\t1")
    )
    readers: dict[Path, Callable[[], object]] = {
        folder / "q.jsonl": lambda: read_questions(folder / "q.jsonl", None),
        topics: lambda: read_trec(topics, qrels, None),
        qrels: lambda: read_trec(topics, qrels, None),
        folder / "corpus.jsonl": lambda: read_beir(folder),
        folder / "queries.jsonl": lambda: read_beir(folder),
        folder / "qrels" / "test.tsv": lambda: read_beir(folder),
    }
    for path, read in readers.items():
        sound = path.read_bytes() if path.exists() else b""
        path.write_bytes(raw)
        assert refusal_or(read, str(path)).startswith(str(folder))
        path.write_bytes(sound)


def refusal_or(call: Callable[[], object], otherwise: str) -> str:
    """The message of the InputError that a call raises, or `otherwise` when it raises none."""
    try:
        call()
    except InputError as error:
        return str(error)
    return otherwise


# BEIR


CORPUS = (
    {"_id": "d1", "title": "Clipping", "text": "It bounds one update."},
    {"_id": "d2", "text": "It keeps the strongest response.", "metadata": {"url": ""}},
    {"_id": 3, "title": None, "text": ""},
)
QUERIES = (
    {"_id": "q2", "text": "Why clip?", "metadata": {}},
    {"_id": "q1", "text": "为什么要池化？"},
    {"_id": "q3", "text": "Nobody judged this."},
    {"_id": 4, "text": "Nothing answers this."},
    {"_id": "q5", "text": "Only what nobody could read."},
)
QRELS = (HEADER, "q1\td2\t1", "q2\td1\t2", "q2\t3\t1", "q2\td2\t0", "4\td1\t0", "q5\td1\t-1")


def beir(folder: Path, **changed: tuple[Any, ...]) -> Path:
    """A BEIR folder, sound but for the files given."""
    write(folder / "corpus.jsonl", *changed.get("corpus", CORPUS))
    write(folder / "queries.jsonl", *changed.get("queries", QUERIES))
    write(folder / "qrels" / "test.tsv", *changed.get("qrels", QRELS))
    return folder


def test_beir_gives_documents_and_judged_queries(tmp_path: Path) -> None:
    """Queries in their order; gold of scores above 0 only; the unjudged left out; one judged 0 throughout has none."""
    documents, found = read_beir(beir(tmp_path / "beir"))
    assert documents == [
        ("d1", "Clipping", "It bounds one update."),
        ("d2", "", "It keeps the strongest response."),
        ("3", "", ""),
    ]
    assert found.questions == (
        Question("q2", "Why clip?", "en", "", (Gold(2, passage="d1"), Gold(1, passage="3"))),
        Question("q1", "为什么要池化？", "zh", "", (Gold(1, passage="d2"),)),
        Question("4", "Nothing answers this.", "en"),
    )
    assert found.origin == str(tmp_path / "beir")


def test_beir_digest_is_of_all_files_in_order(tmp_path: Path) -> None:
    folder = beir(tmp_path / "beir")
    raw = b"".join((folder / name).read_bytes() for name in ("corpus.jsonl", "queries.jsonl", "qrels/test.tsv"))
    assert read_beir(folder)[1].digest == hashlib.sha256(raw).hexdigest()


def test_beir_reads_the_split_asked_for(tmp_path: Path) -> None:
    """And names those there are when it is not among them."""
    folder = beir(tmp_path / "beir")
    write(folder / "qrels" / "dev.tsv", HEADER, "q3\td1\t1", ends="\r\n")
    assert [question.id for question in read_beir(folder, "dev")[1].questions] == ["q3"]
    message = refusal(lambda: read_beir(folder, "train"))
    assert str(folder / "qrels" / "train.tsv") in message
    assert "dev, test" in message


@pytest.mark.parametrize("name", ["corpus.jsonl", "queries.jsonl", "qrels/test.tsv"])
def test_beir_misses_no_missing_file(tmp_path: Path, name: str) -> None:
    folder = beir(tmp_path / "beir")
    (folder / name).unlink()
    assert refusal(lambda: read_beir(folder)).startswith(f"{folder / name}: no such file")
    (folder / name).mkdir()
    assert refusal(lambda: read_beir(folder)).startswith(f"{folder / name}: cannot be read")


BEIR_FAULTS: dict[str, tuple[str, tuple[Any, ...], str]] = {
    "corpus malformed": ("corpus", (*CORPUS, "{"), "corpus.jsonl:4: not valid JSON"),
    "corpus no object": ("corpus", ([],), "corpus.jsonl:1: not a JSON object"),
    "document without id": ("corpus", ({"text": "a"},), 'corpus.jsonl:1: "_id" is missing'),
    "document id as truth": ("corpus", ({"_id": True, "text": "a"},), 'corpus.jsonl:1: "_id" is missing'),
    "document without text": ("corpus", ({"_id": "d", "title": "a"},), 'corpus.jsonl:1: "text" is missing'),
    "title as a number": ("corpus", ({"_id": "d", "title": 1, "text": ""},), 'corpus.jsonl:1: "title" is not text'),
    "half a character": ("corpus", ('{"_id": "d", "text": "\\udc00"}',), 'corpus.jsonl:1: "text" holds half'),
    "same document": ("corpus", (*CORPUS, CORPUS[1]), 'corpus.jsonl:4: document "d2" stands on line 2 already'),
    "same id as number": ("corpus", (*CORPUS, {"_id": "3", "text": ""}), 'document "3" stands on line 3 already'),
    "no document": ("corpus", ("",), "corpus.jsonl: no document in it"),
    "query malformed": ("queries", ("what?",), "queries.jsonl:1: not valid JSON"),
    "query without id": ("queries", ({"text": "a"},), 'queries.jsonl:1: "_id" is missing'),
    "query blank": ("queries", ({"_id": "q", "text": " "},), 'queries.jsonl:1: "text" is missing, blank'),
    "query as a list": ("queries", ({"_id": "q", "text": []},), 'queries.jsonl:1: "text" is missing, blank'),
    "same query": ("queries", (*QUERIES, QUERIES[0]), 'queries.jsonl:6: query "q2" stands on line 1 already'),
    "no query": ("queries", (), 'test.tsv:2: query "q1" is not in queries.jsonl'),
    "no header": ("qrels", QRELS[1:], "test.tsv:1: no header"),
    "other header": ("qrels", ("query-id corpus-id score", *QRELS[1:]), "test.tsv:1: no header"),
    "empty qrels": ("qrels", (), "test.tsv:1: no header"),
    "header alone": ("qrels", (HEADER, ""), "test.tsv: no question left"),
    "negative alone": ("qrels", (HEADER, "q1\td1\t-1"), "test.tsv: no question left"),
    "two columns": ("qrels", (HEADER, "q1\td1"), "test.tsv:2: 2 columns instead of 3"),
    "four columns": ("qrels", (HEADER, "q1\t0\td1\t1"), "test.tsv:2: 4 columns instead of 3"),
    "spaces": ("qrels", (HEADER, "q1 d1 1"), "test.tsv:2: 1 columns instead of 3"),
    "score as a word": ("qrels", (HEADER, "", "q1\td1\tyes"), 'test.tsv:3: score "yes" is no whole number'),
    "score as a fraction": ("qrels", (HEADER, "q1\td1\t0.5"), 'test.tsv:2: score "0.5" is no whole number'),
    "score blank": ("qrels", (HEADER, "q1\td1\t"), 'test.tsv:2: score "" is no whole number'),
    "score in other digits": ("qrels", (HEADER, "q1\td1\t１"), "is no whole number"),
    "score too high": ("qrels", (HEADER, f"q1\td1\t{HIGHEST_RELEVANCE + 1}"), "is no whole number up to"),
    "unknown query": ("qrels", (*QRELS, "q9\td1\t1"), 'test.tsv:8: query "q9" is not in queries.jsonl'),
    "unknown document": ("qrels", (*QRELS, "q1\td9\t1"), 'test.tsv:8: document "d9" is not in corpus.jsonl'),
    "unknown document of no worth": ("qrels", (*QRELS, "q1\td9\t0"), 'document "d9" is not in corpus.jsonl'),
    "judged twice": ("qrels", (*QRELS, "q1\td2\t0"), 'document "d2" for query "q1" stands on line 2 already'),
}


@pytest.mark.parametrize("fault", BEIR_FAULTS)
def test_faulty_beir_folders_are_refused_with_file_and_line(tmp_path: Path, fault: str) -> None:
    name, rows, reason = BEIR_FAULTS[fault]
    folder = beir(tmp_path / "beir", **{name: rows})
    message = refusal(lambda: read_beir(folder))
    assert reason in message
    assert message.startswith(str(folder))


def test_the_highest_relevance_has_an_exact_gain(tmp_path: Path) -> None:
    """One more would round: 2**53 - 1 is the last whole number before which a double misses none."""
    folder = beir(tmp_path / "beir", qrels=(HEADER, f"q1\td1\t{HIGHEST_RELEVANCE}"))
    grade = read_beir(folder)[1].questions[0].gold[0].grade
    assert grade == HIGHEST_RELEVANCE
    assert float(2**grade - 1) == 2**grade - 1


# TREC


TOPICS = """<top>

<num> Number: 301
<title> Topic: Why are
   gradients clipped?

<desc> Description:
What does clipping do?

<narr> Narrative:
A relevant passage says <title> somewhere.
</top>
"""


def trec(folder: Path, topics: tuple[str, ...], qrels: tuple[str, ...]) -> tuple[Path, Path]:
    return write(folder / "topics.txt", *topics), write(folder / "qrels.txt", *qrels)


def test_topics_a_line_with_qrels(tmp_path: Path, index: Index) -> None:
    """Topics in their order; relevance above 0 is gold, graded by it; the unjudged are left out."""
    clipped, dropout = id_of(index, CLIPPED), id_of(index, DROPOUT)
    topics, qrels = trec(
        tmp_path,
        ("12\tWhy clip?", "", " a-1 \t 随机失活？ ", "3\tNobody judged this.", "4\tNothing answers.", "5\tUnread."),
        (
            f"a-1 0 {dropout} 1",
            "",
            f"12  0\t{clipped}   3",
            f"12 Q0 {dropout} 0",
            f"4 0 {dropout} 0",
            f"5 0 {dropout} -2",
        ),
    )
    found = read_trec(topics, qrels, index)
    assert found.questions == (
        Question("12", "Why clip?", "en", "", (Gold(3, passage=clipped),)),
        Question("a-1", "随机失活？", "zh", "", (Gold(1, passage=dropout),)),
        Question("4", "Nothing answers.", "en"),
    )
    assert found.digest == hashlib.sha256(topics.read_bytes() + qrels.read_bytes()).hexdigest()
    assert str(topics) in found.origin
    assert str(qrels) in found.origin


@pytest.mark.parametrize("ends", ["\n", "\r\n", "\r"])
def test_topics_in_the_form_of_trec(tmp_path: Path, ends: str) -> None:
    """Number and title without their labels, the title on one line, nothing of description and narrative."""
    text = TOPICS.replace("says <title> somewhere", "says so") + "<TOP><NUM>302</NUM><TITLE>为什么？</TITLE></TOP>\n"
    topics = write(tmp_path / "topics.txt", *text.split("\n"), ends=ends)
    qrels = write(tmp_path / "qrels.txt", "301 0 d1 1", "302 0 d2 2", ends=ends)
    assert read_trec(topics, qrels, None).questions == (
        Question("301", "Why are gradients clipped?", "en", "", (Gold(1, passage="d1"),)),
        Question("302", "为什么？", "zh", "", (Gold(2, passage="d2"),)),
    )


@pytest.mark.parametrize(
    ("body", "title"),
    [
        ("<num>1</num><title>a &lt;b&gt; &amp;amp; &quot;c&quot;</title>", 'a <b> &amp; "c"'),
        ("<num> 1 <title> What is <mask> for? <desc> No.", "What is <mask> for?"),
        ("<head> Tipster\n<num> Number: 1\n<dom> Domain: x\n<title> a < b\n<desc> y", "a < b"),
        ("<title>Is a Topic: a label?</title>\n<num>Number: 1</num>", "Is a Topic: a label?"),
        ("<num>1</num>\n<title>\n为什么\n要池化？\n</title>\n<other>x</other>", "为什么 要池化？"),
        ("<num> 1\n<title> a\n<querytime> later\n", "a"),
    ],
)
def test_titles_of_topics(tmp_path: Path, body: str, title: str) -> None:
    """Where a title ends, what stands for other characters in it, and tags that are words of it."""
    topics, qrels = trec(
        tmp_path, ('<?xml version="1.0"?>', "<topics>", f"<top>{body}</top>", "</topics>"), ("1 0 d 1",)
    )
    assert [(q.id, q.text) for q in read_trec(topics, qrels, None).questions] == [("1", title)]


TOPIC_FAULTS: dict[str, tuple[tuple[str, ...], str]] = {
    "spaces": (("1\ta", "2 b"), "topics.txt:2: 1 columns instead of 2"),
    "three columns": (("1\ta\tb",), "topics.txt:1: 3 columns instead of 2"),
    "blank question": (("1\t ",), 'topics.txt:1: "question" is missing, blank'),
    "blank id": ((" \ta",), "topics.txt:1: the id"),
    "white space in the id": (("1 2\ta",), 'topics.txt:1: the id "1 2" is blank or holds white space'),
    "same topic": (("1\ta", "", "1\tb"), 'topics.txt:3: topic "1" stands on line 1 already'),
    "empty": ((), "topics.txt: no question in it"),
    "no top": (("<topics>", "</topics>"), "topics.txt: no question in it"),
    "not closed": (("<top>", "<num>1<title>a", "</top>", "<top>", "<num>2<title>b"), "topics.txt:4: this <top> has no"),
    "open in open": (("<top>", "<num>1<title>a", "<top>", "<num>2<title>b", "</top>"), "topics.txt:3: <top> out of"),
    "closed twice": (("<top><num>1<title>a</top>", "</top>"), "topics.txt:2: </top> out of place"),
    "no title": (("", "<top>", "<num>1", "<desc>a", "</top>"), "topics.txt:2: this <top> does not have one <num> and"),
    "no number": (("<top><title>a</top>",), "topics.txt:1: this <top> does not have"),
    "two titles": (("<top><num>1<title>a<title>b</top>",), "topics.txt:1: this <top> does not have"),
    "title in the narrative": (tuple(TOPICS.split("\n")), "topics.txt:1: this <top> does not have"),
    "blank title": (("<top><num>1<title> Topic: </top>",), 'topics.txt:1: "question" is missing, blank'),
    "blank number": (("<top><num> Number: <title>a</top>",), 'topics.txt:1: the id "" is blank'),
    "same number": (("<top><num>1<title>a</top>",) * 2, 'topics.txt:2: topic "1" stands on line 1 already'),
}


@pytest.mark.parametrize("fault", TOPIC_FAULTS)
def test_faulty_topics_are_refused_with_file_and_line(tmp_path: Path, fault: str) -> None:
    rows, reason = TOPIC_FAULTS[fault]
    topics, qrels = trec(tmp_path, rows, ("1 0 d 1",))
    message = refusal(lambda: read_trec(topics, qrels, None))
    assert reason in message
    assert message.startswith(str(topics))


QRELS_FAULTS: dict[str, tuple[tuple[str, ...], str]] = {
    "three columns": (("1 {known} 1",), "qrels.txt:1: 3 columns instead of 4"),
    "five columns": (("1 0 {known} 1 1",), "qrels.txt:1: 5 columns instead of 4"),
    "header": (("query-id\tcorpus-id\tscore", "1\t{known}\t1"), "qrels.txt:1: 3 columns instead of 4"),
    "relevance as a word": (("1 0 {known} 1", "2 0 {known} rel"), 'qrels.txt:2: rel "rel" is no whole number'),
    "relevance as a fraction": (("1 0 {known} 1.5",), 'qrels.txt:1: rel "1.5" is no whole number'),
    "unknown topic": (("", "9 0 {known} 1"), 'qrels.txt:2: query "9" is not in '),
    "unknown passage": (("1 0 feedfeedfeedfeed 1",), 'document "feedfeedfeedfeed" is not in the index'),
    "unknown passage of no worth": (("1 0 feedfeedfeedfeed 0",), 'document "feedfeedfeedfeed" is not in the index'),
    "judged twice": (("1 0 {known} 1", "1 0 {known} 1"), "stands on line 1 already"),
    "empty": ((), "qrels.txt: no question left"),
    "negative alone": (("1 0 {known} -1",), "qrels.txt: no question left"),
}


@pytest.mark.parametrize("fault", QRELS_FAULTS)
def test_faulty_qrels_are_refused_with_file_and_line(tmp_path: Path, index: Index, fault: str) -> None:
    rows, reason = QRELS_FAULTS[fault]
    known = id_of(index, CLIPPED)
    topics, qrels = trec(tmp_path, ("1\ta", "2\tb"), tuple(row.replace("{known}", known) for row in rows))
    message = refusal(lambda: read_trec(topics, qrels, index))
    assert reason in message
    assert message.startswith(str(qrels))


def test_missing_topics_and_qrels_are_refused(tmp_path: Path) -> None:
    topics, qrels = trec(tmp_path, ("1\ta",), ("1 0 d 1",))
    assert refusal(lambda: read_trec(tmp_path / "no", qrels, None)).startswith(f"{tmp_path / 'no'}: cannot be read")
    assert refusal(lambda: read_trec(topics, tmp_path / "no", None)).startswith(f"{tmp_path / 'no'}: cannot be read")


JUDGEMENTS = st.dictionaries(
    st.tuples(st.sampled_from(["1", "2", "3"]), st.sampled_from(["a", "b", "c"])), st.integers(-2, 4), max_size=9
)


@FUZZ
@given(JUDGEMENTS)
def test_the_same_judgements_give_the_same_gold_in_both_formats(
    tmp_path: Path, table: dict[tuple[str, str], int]
) -> None:
    """BEIR and TREC agree with each other and with a plain reading of the judgements."""
    names = ["3", "1", "2"]
    expected = [
        (
            name,
            tuple(Gold(rel, passage=document) for (query, document), rel in table.items() if query == name and rel > 0),
        )
        for name in names
        if any(query == name and rel >= 0 for (query, _), rel in table.items())
    ]
    folder = beir(
        tmp_path / "beir",
        corpus=tuple({"_id": name, "text": name} for name in "abc"),
        queries=tuple({"_id": name, "text": "how?"} for name in names),
        qrels=(HEADER, *(f"{query}\t{document}\t{rel}" for (query, document), rel in table.items())),
    )
    topics, qrels = trec(
        tmp_path,
        tuple(f"{name}\thow?" for name in names),
        tuple(f"{query} 0 {document} {rel}" for (query, document), rel in table.items()),
    )
    if expected:
        assert [(q.id, q.gold) for q in read_beir(folder)[1].questions] == expected
        assert read_trec(topics, qrels, None).questions == read_beir(folder)[1].questions
    else:
        assert "no question left" in refusal(lambda: read_beir(folder))
        assert "no question left" in refusal(lambda: read_trec(topics, qrels, None))
