"""What people and programs get to see: wrapped text without commands in it, citations that open, JSON to the letter."""

import json
import os
import re
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from doubles import ACTS, OUR_COLOURS, make_answer, make_passage
from hypothesis import given, settings
from hypothesis import strategies as st

from retriever.answer import Answer, Choice
from retriever.citations import Places, place, read_place
from retriever.commands.options import terminal_style
from retriever.confidence import Signals
from retriever.cues import display_width
from retriever.documents import Block, Document, Drop, Source
from retriever.errors import InputError
from retriever.rendering import (
    answer_object,
    answer_text,
    clean_view,
    drop_object,
    open_question_text,
    page_view,
    passage_object,
    passage_text,
)
from retriever.terminal import Style, clean_text, wrap

PLAIN, COLOUR = Style(60, False), Style(60, True)
NOWHERE = Places([])
WIDE = st.text(alphabet="学习率批归一化梯度ｗ각かABCdef012 ", max_size=120)
HOSTILE = st.text(alphabet="ab学。 \n\x1b[2J\x07\x9b\x00\r\x7f\x85\u202e\u2066\udce4\x1b]0;t\x07", max_size=40)


# Wrapping


@settings(max_examples=300, deadline=None)
@given(text=WIDE, width=st.integers(12, 60), indent=st.sampled_from(["", "   "]))
def test_no_line_is_wider_than_asked(text: str, width: int, indent: str) -> None:
    """Wide characters count two columns; short words and characters never overrun."""
    short_words = re.sub(r"([A-Za-z0-9]{6})", r"\1 ", text).strip()
    assert all(display_width(line) <= width for line in wrap(short_words, width, indent, indent))


@settings(max_examples=300, deadline=None)
@given(text=st.text(alphabet="学习率。，！？）」”,.!?) ab\t🙂—", max_size=80), width=st.integers(8, 40))
def test_wrapping_loses_no_character(text: str, width: int) -> None:
    """Everything but white space comes out, in order."""
    assert "".join("".join(wrap(text, width)).split()) == "".join(text.split())


@pytest.mark.parametrize("text", ["学习率" * 20 + "。", "word。" * 30, "梯度。" * 20, "（梯度）" * 20])
def test_no_line_starts_with_closing_punctuation(text: str) -> None:
    """A stop or a closing bracket stays with what it closes."""
    for width in range(10, 40):
        assert all(line[0] not in "。）" for line in wrap(text, width))


@pytest.mark.parametrize("text", ["学习率" * 7 + "。", "学习率" * 7 + ",", "真的" + "！" * 60])
def test_closing_punctuation_stays_within_the_width(text: str) -> None:
    """A stop that does not fit takes the character before it along to the next line; the terminal would else break it off."""
    for width in (14, 20, 21):
        assert max(display_width(line) for line in wrap(text, width)) <= width


def test_tabs_inside_a_line_count_what_they_take() -> None:
    """Columns of a table made with tabs do not push a line beyond the width."""
    assert max(display_width(line.expandtabs()) for line in wrap("a\tb\tc\td\te\tf\tg", 30)) <= 30


@pytest.mark.parametrize("text", ["x" * 100, "https://example.org/" + "path/" * 20, "🙂" * 40, "𠀀𠀁" * 20])
def test_what_has_no_place_to_break_is_broken_anyway(text: str) -> None:
    """At most `width` columns means so for long words, emoji, rare characters and tabs too."""
    assert max(display_width(line.expandtabs()) for line in wrap(text, 30)) <= 30


def test_trailing_space_gives_no_empty_line() -> None:
    """Markdown's two spaces at the end of a line are nothing to see."""
    assert wrap("学习率  ", 6) == ["学习率"]


def test_wrapping_keeps_the_indentation_of_code() -> None:
    """An indented line stays indented, on its later lines too; a tab counts four columns."""
    assert wrap("    return a", 40, "  ", "  ") == ["      return a"]
    assert wrap("\treturn a", 40) == ["    return a"]
    assert wrap("  one two three", 9) == ["  one two", "  three"]


def test_wrapping_fills_lines() -> None:
    """A line is broken only where the next piece does not fit."""
    assert wrap("学习率学习率", 6) == ["学习率", "学习率"]
    assert wrap("aaa bbb ccc", 7) == ["aaa bbb", "ccc"]
    assert wrap("", 10) == [""]


@pytest.mark.parametrize(
    ("text", "columns"), [("abc", 3), ("学习", 4), ("ＡＢ", 4), ("e\u0301", 1), ("，。", 4), ("ｱ", 1), ("", 0)]
)
def test_display_width_is_that_of_a_terminal(text: str, columns: int) -> None:
    """Two columns for a wide character, none for a combining one."""
    assert display_width(text) == columns


# Nothing of a source reaches the terminal as a command


@settings(max_examples=200, deadline=None)
@given(question=HOSTILE, answer=HOSTILE, heading=HOSTILE, parent=st.sampled_from([None, "p"]))
def test_no_control_character_of_a_page_reaches_plain_output(
    question: str, answer: str, heading: str, parent: str | None
) -> None:
    """Whatever questions, answers and headings hold, plain output is printable lines that can be encoded."""
    passage = make_passage("x", question, answer, parent=parent, heading_path=(heading,))
    for text in (
        answer_text(make_answer(passage), NOWHERE, PLAIN),
        answer_text(make_answer(passage, abstained=True), NOWHERE, PLAIN),
        answer_text(make_answer(passage, abstained=True), NOWHERE, PLAIN, show_nearest=True),
        passage_text(passage, NOWHERE, PLAIN),
        open_question_text({"source": "a.md", "question": question, "question_lines": [1, 1]}, NOWHERE),
    ):
        assert ACTS.search(text) is None
        text.encode("utf-8")


@settings(max_examples=200, deadline=None)
@given(question=HOSTILE, answer=HOSTILE, data=st.data())
def test_coloured_output_holds_no_escape_but_ours(question: str, answer: str, data: st.DataObject) -> None:
    """On a terminal the only escapes are colours that we set, highlights in hostile text included."""
    start = data.draw(st.integers(0, len(answer)))
    end = data.draw(st.integers(start, len(answer)))
    passage = make_passage("x", question, answer)
    text = answer_text(make_answer(passage, highlights=((start, end),)), NOWHERE, COLOUR)
    assert ACTS.search(OUR_COLOURS.sub("", text)) is None


def test_private_characters_of_a_page_are_not_taken_for_marks() -> None:
    """A page cannot switch bold on."""
    plain = make_answer(make_passage("x", "What?", "one two"))
    marked = make_answer(make_passage("x", "What?", "one \ue000two"))
    escapes = [OUR_COLOURS.findall(answer_text(result, NOWHERE, COLOUR)) for result in (plain, marked)]
    assert escapes[0] == escapes[1]


def test_no_control_character_of_a_file_name_reaches_the_output() -> None:
    """A file may be called anything; its name is no command either."""
    passage = make_passage("x", "What?", "That.", source="evil\x1b[2J\x9b.md")
    places = Places([{"name": passage.source, "path": f"/corpus/{passage.source}"}])
    question = {"source": passage.source, "question": "?", "question_lines": [1, 1]}
    texts = [
        answer_text(make_answer(passage), places, PLAIN),
        passage_text(passage, places, PLAIN),
        open_question_text(question, places),
    ]
    assert [text for text in texts if ACTS.search(text)] == []


def hostile_source() -> Source:
    text = "kept \x1b[31mline\nlost \x9b2J line\n\u202eturned\n"
    return Source("a.txt", "/corpus/a.txt", text, "0" * 64, "utf-8", "text")


def test_no_control_character_reaches_the_views_of_a_page() -> None:
    """Neither `show` nor `clean` passes on what a page holds beside text."""
    source = hostile_source()
    drop = Drop(2, 2, 0, 5, "some-rule", "some reason", source.line(2))
    for text in (page_view(source, 1, 2, 3, PLAIN), clean_view(Document(source, "A", (), (drop,)), PLAIN)):
        assert ACTS.search(text) is None


def test_clean_text_keeps_what_is_text() -> None:
    """Joined emoji, combining marks and non-breaking spaces are no commands."""
    text = "👩\u200d💻 e\u0301 10\u00a0% 学习"
    assert clean_text(text) == text


# Answers for people


def test_an_answer_shows_question_answer_and_place() -> None:
    """Number and question, the answer indented, file:line-line, and the confidence in percent."""
    passage = make_passage("x", "What is dropout?", "Noise.\n\n    mask * x", source="notes/a.md", line=11)
    assert answer_text(make_answer(passage), NOWHERE, PLAIN).split("\n") == [
        "1. What is dropout?",
        "   Noise.",
        "",
        "       mask * x",
        "   notes/a.md:12-14  (88 %)",
    ]


def test_answers_are_numbered_and_apart() -> None:
    """Several answers stand apart, numbered in order."""
    result = make_answer(make_passage("a", "First?", "One."), make_passage("b", "Second?", "Two."))
    assert [block.split("\n")[0] for block in answer_text(result, NOWHERE, PLAIN).split("\n\n")] == [
        "1. First?",
        "2. Second?",
    ]


def test_copies_are_cited_below_the_answer() -> None:
    """Every source that says the same has a line of its own."""
    result = make_answer(make_passage("a", "First?", "One."))
    copies = (make_passage("b", "?", "One.", source="b.md", line=3), make_passage("c", "?", "One.", source="c.md"))
    choice = result.choices[0]
    more = Answer(result.query, False, "", 0.9, (Choice(choice.hit, choice.confidence, choice.highlights, copies),))
    assert answer_text(more, NOWHERE, PLAIN).split("\n")[-2:] == ["   also b.md:4", "   also c.md:2"]


def test_a_part_is_shown_with_the_heading_it_stands_under() -> None:
    """A part of an answer says what it is a part of."""
    passage = make_passage("x", "Step two", "Then this.", parent="p", heading_path=("Page", "How is it done?"))
    assert answer_text(make_answer(passage), NOWHERE, PLAIN).startswith("1. How is it done? › Step two\n")


def test_an_abstention_says_plainly_that_nothing_answers() -> None:
    """The first words are the fact; the nearest question is named but its answer is not shown."""
    text = answer_text(make_answer(make_passage("x", "What?", "Secret."), abstained=True), NOWHERE, PLAIN)
    assert text.startswith("Nothing in the corpus answers this.\n")
    assert "What?" in text
    assert "Secret" not in text


def test_an_abstention_shows_the_nearest_on_request() -> None:
    """Asked for, the nearest passages follow the plain sentence."""
    result = make_answer(make_passage("x", "What?", "Perhaps this."), abstained=True)
    text = answer_text(result, NOWHERE, PLAIN, show_nearest=True)
    assert text.startswith("Nothing in the corpus answers this.")
    assert "Perhaps this." in text


def test_an_abstention_without_any_candidate_is_one_sentence() -> None:
    """With nothing near, nothing more is said."""
    assert answer_text(make_answer(abstained=True), NOWHERE, PLAIN) == "Nothing in the corpus answers this."


@pytest.mark.parametrize(("cosine", "named"), [(0.0, False), (0.25, False), (0.3, True), (0.9, True)])
def test_an_abstention_names_no_question_that_has_nothing_to_do_with_it(cosine: float, named: bool) -> None:
    """What is near is near by the measure of the corpus; --nearest shows the passages all the same."""
    result = make_answer(make_passage("x", "What?", "Secret."), abstained=True)
    first = result.choices[0]
    hit = replace(first.hit, question_cosine=cosine / 2, answer_cosine=cosine)
    signals = Signals(score=0.1, margin=0.0, lead=0.0, length=3, level=0.5)
    result = replace(result, choices=(replace(first, hit=hit),), signals=signals)
    text = answer_text(result, NOWHERE, PLAIN)
    assert text.split("\n")[0] == "Nothing in the corpus answers this."
    assert ("What?" in text) == named
    assert "Secret" in answer_text(result, NOWHERE, PLAIN, show_nearest=True)


@pytest.mark.parametrize(
    ("text", "language", "told"),
    [("a", "en", "The question holds no word to look for."), ("。。。", "zh", "问题里没有可以查找的词。")],
)
def test_a_question_without_a_word_is_told_so(text: str, language: str, told: str) -> None:
    """In its language, and no question is called near to it."""
    result = make_answer(make_passage("x", "What?", "Perhaps this."), abstained=True)
    result = replace(result, query=replace(result.query, text=text, language=language), wordless=True)
    assert answer_text(result, NOWHERE, PLAIN).split("\n")[1:] == [told]
    assert told in answer_text(result, NOWHERE, PLAIN, show_nearest=True)


@pytest.mark.parametrize(
    ("text", "language", "chinese"),
    [("怎么烤面包？", "zh", True), ("bread maker 怎么选", "mixed", True), ("How do I bake bread?", "en", False), ("1 + 1 = ?", "en", False), ("？？？", "zh", True)],
)  # fmt: skip
def test_an_abstention_is_in_the_language_of_the_question(text: str, language: str, chinese: bool) -> None:
    """All of its sentences, with and without the nearest; JSON stays as it is."""
    result = make_answer(make_passage("x", "What?", "Perhaps this."), abstained=True)
    result = replace(result, query=replace(result.query, text=text, language=language), absent=("AGA", "KSM"))
    plain, nearest = (answer_text(result, NOWHERE, PLAIN, show) for show in (False, True))
    if chinese:
        assert plain.split("\n") == [
            "文档里没有能回答这个问题的内容。",
            "没有一段提到“AGA”、“KSM”。",
            "最接近的问题是：What?（加 --nearest 查看）",
        ]
        assert nearest.startswith(
            "文档里没有能回答这个问题的内容。最接近的几段是：\n\n没有一段提到“AGA”、“KSM”。\n\n1. What?"
        )
    else:
        assert plain.startswith(
            "Nothing in the corpus answers this.\nNo passage mentions “AGA”, “KSM”.\nThe nearest question is: What?"
        )
        assert nearest.startswith(
            "Nothing in the corpus answers this. The nearest passages are:\n\nNo passage mentions"
        )
    assert answer_object(result, NOWHERE)["reason"] == "no passage is close enough"


def test_highlights_are_bold_in_colour_and_nothing_in_plain() -> None:
    """The marked span is bold; taking the colours away leaves the plain output."""
    result = make_answer(make_passage("x", "What?", "One two. 学习率 three."), highlights=((4, 8),))
    coloured = answer_text(result, NOWHERE, COLOUR)
    assert "\x1b[1mtwo.\x1b[22m" in coloured
    assert OUR_COLOURS.sub("", coloured) == answer_text(result, NOWHERE, PLAIN)


def test_highlighting_changes_no_line_break() -> None:
    """Words of a highlighted sentence stay whole: with and without colour the lines are the same."""
    text = "Residual connections let gradients flow around blocks. " * 3
    result = make_answer(make_passage("x", "What?", text.strip()), highlights=((0, 109),))
    coloured = OUR_COLOURS.sub("", answer_text(result, NOWHERE, COLOUR))
    assert coloured == answer_text(result, NOWHERE, PLAIN)


# Places


@pytest.mark.parametrize(("answer", "expected"), [("one line", "a.md:8"), ("two\nlines", "a.md:8-9")])
def test_a_place_is_file_line_line(answer: str, expected: str) -> None:
    """One line is `file:line`, more are `file:line-line`."""
    assert place(make_passage("x", "?", answer, source="a.md", line=7), NOWHERE) == expected


def test_a_source_below_the_current_folder_is_shown_relative_to_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Short where it can be, and it opens from here either way."""
    (tmp_path / "in").mkdir()
    page = tmp_path / "in" / "a.md"
    page.write_text("x", encoding="utf-8")
    places = Places([{"name": "a.md", "path": str(page)}])
    monkeypatch.chdir(tmp_path)
    assert places.path("a.md") == os.path.join("in", "a.md")
    monkeypatch.chdir("/")
    assert Path(places.path("a.md")).samefile(page)


@pytest.mark.parametrize(
    ("text", "expected"),
    [("a.md:3", ("a.md", 3, 3)), ("a.md:3-8", ("a.md", 3, 8)), ("C:/x y/笔记.md:12-12", ("C:/x y/笔记.md", 12, 12))],
)
def test_a_citation_is_read_back(text: str, expected: tuple[str, int, int]) -> None:
    """What answers print can be given to `show`."""
    assert read_place(text) == expected


@pytest.mark.parametrize("text", ["", "a.md", "a.md:", ":3", "a.md:x", "a.md:3-", "a.md:0", "a.md:5-4", "a.md:-1"])
def test_what_is_no_citation_is_an_input_error(text: str) -> None:
    """Anything else is named."""
    with pytest.raises(InputError, match=r"citation|lines must"):
        read_place(text)


def test_a_page_view_numbers_lines_and_marks_the_cited_ones() -> None:
    """Context before and after, cut off at the ends of the page."""
    source = Source("a.txt", "/a.txt", "one\ntwo\nthree\nfour\nfive", "0" * 64, "utf-8", "text")
    assert page_view(source, 2, 3, 1, PLAIN).split("\n") == ["1   one", "2 > two", "3 > three", "4   four"]
    assert page_view(source, 5, 5, 9, PLAIN).split("\n")[0] == "1   one"


def test_a_clean_view_marks_drops_with_rule_and_reason() -> None:
    """Kept lines stand as they are, dropped ones say why."""
    source = Source("a.txt", "/a.txt", "kept\nshare this page\n", "0" * 64, "utf-8", "text")
    drop = Drop(2, 2, 5, 20, "widget", "a line of links", "share this page")
    lines = clean_view(Document(source, "A", (), (drop,)), PLAIN).split("\n")
    assert lines[0] == "1   kept"
    assert lines[1] == "2 - share this page   [widget: a line of links]"
    assert lines[-1] == "0 blocks kept, 1 dropped"


def test_a_clean_view_marks_what_was_dropped_out_of_a_line() -> None:
    """Below the line that was kept, without a number of its own; a long one is cut."""
    text = "<p>kept</p><p>share this page</p><p>tweet it</p>\nnext"
    source = Source("a.html", "/a.html", text, "0" * 64, "utf-8", "html")
    block = Block("paragraph", "kept", "kept", 3, 7, 1, 1, ((0, 3),))
    drops = (
        Drop(1, 1, 14, 29, "share", "buttons", "share\nthis page"),
        Drop(1, 1, 36, 44, "promo", "asks", "tweet it " * 20),
    )
    lines = clean_view(Document(source, "A", (block,), drops), PLAIN).split("\n")
    assert lines[0] == f"1   {text.split(chr(10))[0]}"
    assert lines[1] == "  - share this page   [share: buttons]"
    assert re.fullmatch(r"  - (tweet it ?){5,9}(tweet)?…   \[promo: asks\]", lines[2])
    assert lines[3:] == ["2   next", "1 blocks kept, 2 dropped"]


# JSON


def test_an_answer_object_has_the_keys_of_the_contract() -> None:
    """Keys, order and types that other programs rely on."""
    passage = make_passage("x", "What?", "That.", heading_path=("A", "B"), line=4)
    result = answer_object(make_answer(passage, highlights=((0, 4),)), NOWHERE, "q7")
    cited = {
        "source": "page.md", "start_line": 5, "end_line": 5, "start_char": 0, "end_char": 5, "title": "A page",
        "heading_path": ["A", "B"],
    }  # fmt: skip
    assert result == {
        "schema_version": 1,
        "id": "q7",
        "question": "What is asked?",
        "language": "en",
        "abstained": False,
        "reason": "",
        "confidence": 0.8765,
        "answers": [
            {
                "rank": 1,
                "score": 1.234568,
                "confidence": 0.8765,
                "question": "What?",
                "answer": "That.",
                "highlights": [[0, 4]],
                "citation": cited,
                "also": [],
            }
        ],
    }
    assert list(result) == [
        "schema_version", "id", "question", "language", "abstained", "reason", "confidence", "answers",
    ]  # fmt: skip
    assert json.loads(json.dumps(result)) == result


def test_an_abstention_lists_its_candidates_in_json() -> None:
    """Programs see the candidates, the fact and the reason."""
    result = answer_object(make_answer(make_passage("x", "What?", "That."), abstained=True), NOWHERE)
    assert (result["abstained"], bool(result["reason"]), len(result["answers"]), result["id"]) == (True, True, 1, None)


def test_json_gives_the_answer_verbatim() -> None:
    """What is cleaned away for a terminal is left in the object: it must equal the source."""
    text = "a\x1b[1m\tb\r学\u202e"
    result = answer_object(make_answer(make_passage("x", "What?", text)), NOWHERE)
    assert json.loads(json.dumps(result, ensure_ascii=False))["answers"][0]["answer"] == text


def test_a_passage_object_has_the_keys_of_the_contract() -> None:
    """Keys and order that other programs rely on."""
    passage = make_passage("x", "What?", "That.\nThis.", parent="p", heading_path=("A",), line=4)
    result = passage_object(passage, NOWHERE)
    assert result == {
        "id": "x",
        "source": "page.md",
        "question": "What?",
        "question_lines": [4, 4],
        "answer_lines": [5, 6],
        "answer": "That.\nThis.",
        "dropped_lines": [],
        "parent": "p",
        "heading_path": ["A"],
        "language": "en",
    }
    assert list(result) == [
        "id", "source", "question", "question_lines", "answer_lines", "answer", "dropped_lines", "parent",
        "heading_path", "language",
    ]  # fmt: skip


def test_a_drop_object_tells_where_which_rule_and_why() -> None:
    """Keys of `clean --json`."""
    assert drop_object("a.md", Drop(2, 3, 5, 20, "widget", "why", "text")) == {
        "source": "a.md", "start_line": 2, "end_line": 3, "rule": "widget", "reason": "why", "text": "text",
    }  # fmt: skip


# Terminals


class FakeStream:
    """A stream that says whether it is a terminal."""

    def __init__(self, terminal: bool) -> None:
        self.terminal = terminal

    def isatty(self) -> bool:
        return self.terminal


@pytest.mark.parametrize(
    ("terminal", "environment", "colour"),
    [
        (True, {"TERM": "xterm"}, True),
        (True, {"TERM": "xterm", "NO_COLOR": "1"}, False),
        (True, {"TERM": "xterm", "NO_COLOR": ""}, True),
        (True, {"TERM": "dumb"}, False),
        (False, {"TERM": "xterm"}, False),
    ],
)
def test_colour_needs_a_terminal_that_wants_it(
    monkeypatch: pytest.MonkeyPatch, terminal: bool, environment: dict[str, str], colour: bool
) -> None:
    """NO_COLOR (when not empty), a dumb terminal and a pipe each turn colour off."""
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(sys, "stdout", FakeStream(terminal))
    style: Any = terminal_style()
    monkeypatch.undo()
    assert style.colour is colour


@pytest.mark.parametrize(("columns", "width"), [("40", 40), ("300", 110)])
def test_output_is_as_wide_as_the_terminal_up_to_a_readable_width(
    monkeypatch: pytest.MonkeyPatch, columns: str, width: int
) -> None:
    """Narrow terminals are filled, wide ones are not."""
    monkeypatch.setenv("COLUMNS", columns)
    monkeypatch.setattr(sys, "stdout", FakeStream(True))
    style = terminal_style()
    monkeypatch.undo()
    assert style.width == width


def test_plain_style_paints_nothing() -> None:
    """Without colour there is no escape at all."""
    assert PLAIN.paint("text", "1;31") == "text"
    assert COLOUR.paint("text", "1") == "\x1b[1mtext\x1b[0m"
    assert COLOUR.paint("", "1") == ""
