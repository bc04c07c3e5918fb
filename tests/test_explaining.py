"""`ask --explain`: how the question was read, what each score is made of, and what met what; for people and for programs."""

import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from conftest import Run
from doubles import KeywordEncoder, make_passage, write_passages
from hypothesis import given, settings
from hypothesis import strategies as st

from retriever.analysis import fold
from retriever.answer import Answer, Choice, answer
from retriever.citations import Places
from retriever.encoders.static import StaticEncoder
from retriever.explaining import MET, PARTS, SHOWN, Explained, Explanation, Meeting, explain, reading
from retriever.indexing import open_index
from retriever.pipeline import query_text
from retriever.querying import Query
from retriever.rendering import answer_object, answer_text
from retriever.search import Hit, Retriever, SearchSettings
from retriever.terminal import Style

TYPO = "what does dropuot do"
TRADITIONAL = "隨機失活為什麼能減輕過擬合"
CROSS = "learning rate too large"
NONSENSE = "ꙮꙮ ꙮꙮꙮ"
ASKED = (TYPO, TRADITIONAL, CROSS, "为什么BN放在激活前", "梯度消失", "what is attention", "GAN模式崩溃", "how to choose a batch size")  # fmt: skip
ACTS = re.compile(r"[\x00-\x09\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")  # what a terminal acts on
OUR_COLOURS = re.compile(r"\x1b\[[0-9;]*m")
HOSTILE = st.text(alphabet="ab学 \x1b[2J\x07\x9b\x00\r\x7f\x85\u202e\u2066\udce4]0;t\x07", max_size=30)


@pytest.fixture(scope="module")
def real(bundled: Path, encoder: StaticEncoder) -> Retriever:
    """The bundled corpus with the bundled encoder."""
    return Retriever(open_index(bundled), encoder)


def explained(retriever: Retriever, question: str, k: int = 5) -> list[tuple[Query, Hit, Explanation]]:
    found = answer(retriever, question, k, 0.0)
    return [(found.query, choice.hit, explain(retriever, found.query, choice.hit)) for choice in found.choices]


def text_of(hit: Hit) -> str:
    """What a passage is indexed as, in its plainest spelling."""
    return fold(f"{query_text(hit.passage)}\n{hit.passage.answer}")


def one_object(text: str) -> dict[str, Any]:
    (line,) = text.splitlines()
    found: dict[str, Any] = json.loads(line, parse_constant=pytest.fail)
    return found


def head(out: str) -> list[str]:
    """The lines above the first answer."""
    return out.split("\n\n")[0].splitlines()


def reasons(out: str) -> list[str]:
    """The reasons below the answers, each on one line."""
    found: list[str] = []
    for line in out.splitlines():
        if line.startswith("   · "):
            found.append(line[5:])
        elif found and line.startswith(" " * 8):
            found[-1] += " " + line.strip()
    return found


# How the question was read


def test_a_slip_is_told(cli: Run, small: Path) -> None:
    """What was written and what it was read as, above the answer; status 0 and nothing on stderr."""
    result = cli("ask", "--explain", "-k", "1", TYPO, "--index", small / "index")
    assert (result.status, result.err) == (0, "")
    assert head(result.out)[0] == "corrected: dropuot → dropout"
    assert any(line.startswith("also looked for: dropout = ") and "随机失活" in line for line in head(result.out))
    assert "1. 随机失活为什么能减轻过拟合？" in result.out.splitlines()


def test_a_slip_is_told_in_json(cli: Run, small: Path) -> None:
    """`read_as` is what was searched for, `changes` what made it so; the question stays as it was asked."""
    found = one_object(cli("ask", "--explain", "--json", TYPO, "--index", small / "index").out)
    assert found["question"] == TYPO
    assert found["explain"]["read_as"] == "what does dropout do"
    assert {"kind": "corrected", "what": "dropuot → dropout"} in found["explain"]["changes"]


def test_traditional_characters_are_told(cli: Run, small: Path) -> None:
    """They are read as simplified ones, and no character of them is called a slip."""
    asked = (TRADITIONAL, "--index", small / "index", "--explain")
    assert head(cli("ask", *asked).out)[0] == "read as: 随机失活为什么能减轻过拟合"
    found = one_object(cli("ask", *asked, "--json").out)
    assert found["explain"]["read_as"] == "随机失活为什么能减轻过拟合"
    kinds = [change["kind"] for change in found["explain"]["changes"]]
    assert kinds[0] == "read as"
    assert "corrected" not in kinds


def test_full_width_letters_are_told(real: Retriever) -> None:
    """Capitals are not worth a word, full-width letters are."""
    assert reading(real.query("ＧＡＮ"))[0] == ("read as", "gan")
    assert [kind for kind, _ in reading(real.query("GAN"))] == ["also looked for"]


def test_a_question_in_another_language_is_looked_for_under_other_names(cli: Run, small: Path) -> None:
    """The names of the other language are listed, and the words that met are given as name = other name."""
    asked = (CROSS, "-k", "1", "--index", small / "index", "--explain")
    result = cli("ask", *asked)
    assert result.status == 0
    assert re.search(r"^also looked for: learning rate = .*学习率", "\n".join(head(result.out)), re.MULTILINE)
    assert any(re.match(r"words learning rate = 学习", line) for line in reasons(result.out))
    (best,) = one_object(cli("ask", *asked, "--json").out)["answers"]
    assert best["citation"]["source"].endswith("zh.md")
    assert [word.split(" = ")[0] for word in best["explain"]["words"]] == ["learning rate"]


def test_a_question_taken_as_written_has_nothing_above_its_answers(cli: Run, small: Path) -> None:
    """No line about reading where there is nothing to tell."""
    out = cli("ask", "--explain", "queries keys", "--index", small / "index").out
    assert out.startswith("1. What does attention compute?\n")
    found = one_object(cli("ask", "--explain", "--json", "queries keys", "--index", small / "index").out)
    assert found["explain"] == {"read_as": "queries keys", "changes": []}


def test_the_reading_names_what_stands_in_the_question(real: Retriever) -> None:
    """Corrected words stood in the question, what they were read as stands in what is searched for, as do the terms with other names."""
    seen = 0
    for question in ASKED:
        query = real.query(question)
        for kind, what in reading(query):
            first, _, second = what.partition(" → " if kind == "corrected" else " = ")
            if kind == "corrected":
                assert first in fold(question)
                assert second in query.folded
            elif kind == "also looked for":
                assert first in query.folded
                assert first not in second.split(", ")
                seen += 1
            else:
                assert what == fold(question)
    assert seen >= 5


# Abstentions and batches


def test_an_abstention_tells_how_the_question_was_read(cli: Run, small: Path) -> None:
    """The reading helps to ask again; reasons for answers that are not shown are not."""
    asked = (TYPO, "--min-confidence", "1", "--explain", "--index", small / "index")
    result = cli("ask", *asked)
    assert (result.status, result.err) == (1, "")
    assert head(result.out)[0] == "corrected: dropuot → dropout"
    assert "\n\nNothing in the corpus answers this.\n" in result.out
    assert reasons(result.out) == []
    nearest = cli("ask", *asked, "--nearest", "-k", "2")
    assert nearest.status == 1
    assert sum(line.startswith("score ") for line in reasons(nearest.out)) == 2


def test_an_abstention_in_json_explains_its_candidates(cli: Run, small: Path) -> None:
    """As it lists them; parts of 0 and nothing that met where nothing is near."""
    result = cli("ask", NONSENSE, "--explain", "--json", "--index", small / "index")
    found = one_object(result.out)
    assert (result.status, found["abstained"], len(found["answers"])) == (1, True, 3)
    for row in found["answers"]:
        assert [part["value"] for part in row["explain"]["parts"].values()] == [0.0] * 4
        assert (row["explain"]["words"], row["explain"]["alignment"]) == ([], [])


def test_a_batch_explains_every_question(cli: Run, small: Path) -> None:
    """Each by itself, as it is explained when asked alone; an abstention and a broken line among them change nothing."""
    batch = "\n".join([TYPO, NONSENSE, "{", f'{{"id": "x", "question": "{TRADITIONAL}"}}'])
    options = ("--explain", "--json", "--index", small / "index")
    result = cli("ask", "--batch", "-", *options, stdin=batch)
    assert result.status == 2
    assert result.err.startswith("error: line 3: ")
    found = [json.loads(line) for line in result.out.splitlines()]
    alone = [one_object(cli("ask", question, *options).out) for question in (TYPO, NONSENSE, TRADITIONAL)]
    assert "error" in found.pop(2)
    assert found == [one | {"id": name} for one, name in zip(alone, (1, 2, "x"), strict=True)]


def test_a_batch_for_people_has_each_reading_below_its_question(cli: Run, small: Path) -> None:
    """Question, reading, answers, in this order, for each."""
    batch = f"{TYPO}\n{TRADITIONAL}\n"
    out = cli("ask", "--batch", "-", "--explain", "-k", "1", "--index", small / "index", stdin=batch).out
    first, second = out.split("## ")[1:]
    assert first.splitlines()[:2] == [f"1: {TYPO}", "corrected: dropuot → dropout"]
    assert second.splitlines()[:2] == [f"2: {TRADITIONAL}", "read as: 随机失活为什么能减轻过拟合"]
    assert all(len(reasons(part)) >= 2 for part in (first, second))


def test_explaining_changes_no_answer(cli: Run, small: Path) -> None:
    """Without its own keys the object is the one that is given without it; plain output has no reasons."""
    for question in (TYPO, CROSS, NONSENSE):
        plain = cli("ask", question, "--json", "--index", small / "index")
        found = one_object(cli("ask", question, "--json", "--explain", "--index", small / "index").out)
        assert "explain" not in plain.out
        del found["explain"]
        for row in found["answers"]:
            assert set(row.pop("explain")) == {"parts", "words", "alignment", "unmet"}
        assert found == one_object(plain.out)


def test_explaining_changes_no_line_of_an_answer(cli: Run, small: Path) -> None:
    """Without the reading above and the reasons below, the lines for people are those that are given without them."""
    for question in (TYPO, CROSS, NONSENSE, "queries keys"):
        plain = cli("ask", question, "--index", small / "index").out
        out = cli("ask", question, "--explain", "--index", small / "index").out
        assert reasons(plain) == []
        above, _, rest = out.partition("\n\n")
        answers = rest if above.startswith(("corrected: ", "also looked for: ")) else out
        kept = [line for line in answers.splitlines() if not line.startswith(("   · ", " " * 8))]
        assert kept == plain.splitlines()


# The parts of a score


@pytest.mark.parametrize("question", ASKED)
def test_parts_times_weights_are_the_score(real: Retriever, question: str) -> None:
    """For every answer, wholes shown in place of a part among them."""
    for _, hit, reason in explained(real, question, 10):
        assert [name for name, _, _ in reason.parts][:4] == list(PARTS)
        assert sum(weight * value for _, value, weight in reason.parts) == pytest.approx(hit.score, abs=1e-5)


def test_the_weights_are_those_in_use(bundled: Path, encoder: StaticEncoder) -> None:
    """Chosen otherwise, they are told otherwise, and the sum still holds."""
    weights = (0.25, 0.75, 0.5, 0.125)
    retriever = Retriever(open_index(bundled), encoder, SearchSettings(weights))
    for _, hit, reason in explained(retriever, "what is dropout"):
        assert tuple(weight for _, _, weight in reason.parts)[:4] == weights
        assert sum(weight * value for _, value, weight in reason.parts) == pytest.approx(hit.score, abs=1e-5)


def test_the_sum_is_told_to_people_and_to_programs(cli: Run, small: Path) -> None:
    """In both forms the parts that are shown add up to the score that is shown, but for what rounding leaves."""
    asked = ("what does attention compute", "--explain", "--index", small / "index")
    rows = one_object(cli("ask", *asked, "--json").out)["answers"]
    shown = [line for line in reasons(cli("ask", *asked).out) if line.startswith("score ")]
    assert len(rows) == len(shown) == 3
    for row, line in zip(rows, shown, strict=True):
        parts = row["explain"]["parts"]
        assert list(parts)[:4] == list(PARTS)
        assert sum(part["value"] * part["weight"] for part in parts.values()) == pytest.approx(row["score"], abs=1e-3)
        score, _, terms = line.removeprefix("score ").partition(" = ")
        products = re.findall(r"(-?[\d.]+) × (-?[\d.]+) ([a-z]+)", terms)
        assert [name for _, _, name in products][:4] == list(PARTS)
        assert sum(float(one) * float(other) for one, other, _ in products) == pytest.approx(float(score), abs=2e-3)
        assert float(score) == pytest.approx(row["score"], abs=6e-4)


# Words and meetings


@pytest.mark.parametrize("question", ASKED)
def test_words_occur_on_both_sides(real: Retriever, question: str) -> None:
    """In the order of the question, the terms as they are asked, and something of the name that the passage has for them."""
    terms = real.index.analyzer.terms
    seen, table = 0, real.index.pieces
    assert table is not None
    for query, hit, reason in explained(real, question):
        asked, owned = terms(query.folded), set(terms(text_of(hit)))
        firsts = []
        for word in reason.words:
            written, _, other = word.partition(" = ")
            assert set(written.split()) <= set(asked)
            assert set((other or written).split()) & owned
            firsts.append(asked.index(written.split()[0]))
            seen += 1
        assert firsts == sorted(firsts)
        assert len(set(reason.words)) == len(reason.words)
        assert hit.lexical == 0 or reason.words
    assert seen


def test_a_name_of_several_words_is_met_by_all_of_them(tmp_path: Path) -> None:
    """ "vanishing gradient" is no word of a passage that has "gradient" and 梯度消失; it is met there by its other name."""
    passages = [
        make_passage("lstm", "LSTM 为什么能缓解梯度消失？", "门让 gradient 通过。", source="a.md"),
        make_passage("deep", "Why do vanishing gradients hurt?", "Early layers stand still.", source="b.md"),
    ]
    retriever = Retriever(open_index(write_passages(tmp_path / "index", passages)), KeywordEncoder())
    found = {hit.passage.id: reason.words for _, hit, reason in explained(retriever, "vanishing gradient")}
    assert found == {"lstm": ("vanishing gradient = 梯度 消失",), "deep": ("vanishing gradient",)}


def test_words_are_told_only_where_they_add_to_the_score(tmp_path: Path) -> None:
    """An error rate has nothing of a 学习率: no passage has "learning", the name adds nothing to the score and is not told."""
    passages = [
        make_passage("rate", "What is an error rate?", "The share of wrong answers.", source="a.md"),
        make_passage("pool", "What is pooling?", "A summary.", source="b.md"),
    ]
    retriever = Retriever(open_index(write_passages(tmp_path / "index", passages)), KeywordEncoder())
    for _, hit, reason in explained(retriever, "学习率"):
        assert hit.lexical == 0
        assert reason.words == ()


def test_words_of_single_terms_are_exactly_those_of_both_sides(tmp_path: Path) -> None:
    """Nothing left out, nothing made up; plural and singular are one word."""
    passages = [
        make_passage("a", "Which zebras graze?", "The striped ones, near rivers.", source="a.md"),
        make_passage("b", "Where do lions rest?", "Below trees, near a river.", source="b.md"),
    ]
    retriever = Retriever(open_index(write_passages(tmp_path / "index", passages)), KeywordEncoder())
    found = {
        hit.passage.id: reason.words for _, hit, reason in explained(retriever, "striped lion or zebra near the river")
    }
    assert found == {"a": ("striped", "zebra", "near", "river"), "b": ("lion", "near", "river")}


@pytest.mark.parametrize("question", ASKED)
def test_meetings_are_of_pieces_of_question_and_passage(real: Retriever, encoder: StaticEncoder, question: str) -> None:
    """Each piece asked stands in the question, what it was met by in the passage, and no piece of the passage is nearer to it."""
    seen, table = 0, real.index.pieces
    assert table is not None
    for query, hit, reason in explained(real, question):
        asked, owned = (set(encoder.piece_ids([text])[0]) for text in (query.folded, text_of(hit)))
        names = {name: piece for piece in asked | owned for name in encoder.piece_texts([piece])}
        pieces = np.asarray(sorted(owned))
        for meeting in reason.meetings:
            assert names[meeting.asked] in asked
            assert names[meeting.met_by] in owned
            one, _ = table.directions(encoder, np.asarray([names[meeting.asked]]))
            cosines = table.cosines(table.rows(pieces), one.T)[:, 0]
            assert cosines.max() == pytest.approx(meeting.cosine, abs=1e-5)
            assert cosines[pieces == names[meeting.met_by]][0] == pytest.approx(meeting.cosine, abs=1e-5)
            assert MET <= meeting.cosine <= 1 + 1e-3
            seen += 1
        assert len(reason.meetings) <= SHOWN
        assert len({meeting.asked for meeting in reason.meetings}) == len(reason.meetings)
    assert seen


def test_what_is_on_both_sides_meets_itself(cli: Run, small: Path) -> None:
    """A word of the question that the passage has is met by itself, at 1; a word of the other language by its like."""
    (best,) = one_object(cli("ask", "attention", "-k", "1", "--explain", "--json", "--index", small / "index").out)[
        "answers"
    ]
    assert best["explain"]["alignment"] == [{"asked": "attention", "met_by": "attention", "cosine": 1.0}]
    out = cli("ask", "dropout", "-k", "1", "--explain", "--index", small / "index").out
    (met,) = (line for line in reasons(out) if line.startswith("met "))
    assert re.fullmatch(r"met dropout ~ [随机失活]+ 0\.\d\d", met)


def test_the_heaviest_pieces_come_first(real: Retriever) -> None:
    """A rare piece stands before one that every page has, in whatever order they were asked."""
    for question in ("the of dropout", "dropout of the"):
        meetings = explained(real, question, 1)[0][2].meetings
        assert meetings[0].asked == "dropout"


def test_a_long_question_is_explained_in_short(real: Retriever) -> None:
    """No more meetings than can be taken in."""
    question = "why does dropout prevent overfitting of deep neural networks with many layers and few training images"
    assert max(len(reason.meetings) for _, _, reason in explained(real, question)) == SHOWN


def test_an_encoder_without_pieces_has_no_meetings(tmp_path: Path) -> None:
    """Parts and words are told all the same, and there is no line on what met."""
    passages = [
        make_passage("drop", "What does dropout do?", "Noise on units."),
        make_passage("pool", "Pooling?", "Less."),
    ]
    retriever = Retriever(open_index(write_passages(tmp_path / "index", passages)), KeywordEncoder())
    found = answer(retriever, TYPO, 2, 0.0)
    reasons_given = tuple(explain(retriever, found.query, choice.hit) for choice in found.choices)
    assert [reason.meetings for reason in reasons_given] == [(), ()]
    assert reasons_given[0].words == ("dropout",)
    shown = Explained(tuple(reading(found.query)), reasons_given)
    text = answer_text(found, Places([]), Style(100), explained=shown)
    assert ("corrected: dropuot → dropout" in text, "· words dropout" in text, "· met" in text) == (True, True, False)
    row = answer_object(found, Places([]), explained=shown)["answers"][0]
    assert row["explain"]["alignment"] == []
    assert sum(p["value"] * p["weight"] for p in row["explain"]["parts"].values()) == pytest.approx(
        row["score"], abs=1e-3
    )


# Nothing of a document or a question reaches the terminal as a command


HOSTILE_PAGE = """# Notes \x1b[2J\x9b31m

## What does \x1b]0;owned\x07dropout\x1b[31m compute\u202e?

Drop\x1b[2Jout \x9b2J computes noise\x0c on \u2066units. Dropout\x1b computes \x85nothing else\x7f.

## Why is \x1b[8mattention\x1b[0m hidden?

Attention\x1b[8m is hidden\x07 by \u202eescapes.
"""


def test_no_escape_of_a_document_reaches_the_terminal(cli: Run, tmp_path: Path) -> None:
    """Questions, answers, headings and the words and pieces taken from them: text lines only, in either form."""
    (tmp_path / "pages").mkdir()
    (tmp_path / "pages" / "evil.md").write_text(HOSTILE_PAGE, encoding="utf-8")
    assert cli("index", tmp_path / "pages", "--index", tmp_path / "index").status == 0
    assert cli("passages", "--index", tmp_path / "index", "--json").out.count("\\u001b") > 5
    for question in ("what does dropuot compute", "why is attention hidden by escapes", "31m 2J 0;owned"):
        asked = ("ask", question, "--explain", "--min-confidence", "0", "--index", tmp_path / "index")
        shown = cli(*asked)
        assert shown.status == 0
        assert any(line.startswith("score ") for line in reasons(shown.out))
        assert ACTS.search(shown.out) is None
        assert "\x1b" not in cli(*asked, "--json").out


def test_no_escape_of_a_question_reaches_the_terminal(cli: Run, small: Path) -> None:
    """A batch may come from anywhere: neither the reading nor what met repeats what a terminal acts on."""
    question = "what\x1b[2J does ｄｒｏｐｕｏｔ\x9b31m \u202edo\x07 隨機"
    out = cli("ask", "--batch", "-", "--explain", "--index", small / "index", stdin=question).out
    assert "read as: " in out
    assert ACTS.search(out) is None


@settings(max_examples=200, deadline=None)
@given(words=st.lists(HOSTILE, max_size=3), pieces=st.lists(st.tuples(HOSTILE, HOSTILE), max_size=3), what=HOSTILE)
def test_no_explanation_holds_what_a_terminal_acts_on(
    words: list[str], pieces: list[tuple[str, str]], what: str
) -> None:
    """Whatever words, pieces and readings hold; in colour the only escapes are ours."""
    reason = Explanation(
        (("question", 0.5, 0.5),), tuple(words), tuple(Meeting(asked, met, 0.5) for asked, met in pieces)
    )
    hit = Hit(make_passage("x", "What?", "That."), 0, 0.25, 0.5, 0.0, 0.0, reranked=1.5)
    query = Query("What is asked?", "en", "what is asked?", ("asked",), np.zeros(2, dtype=np.float32))
    for abstained in (False, True):
        found = Answer(query, abstained, "", 0.9, (Choice(hit, 0.9, (), ()),))
        shown = Explained((("corrected", what), ("also looked for", what)), (reason,))
        for style in (Style(60, False), Style(60, True)):
            text = answer_text(found, Places([]), style, True, shown)
            assert ACTS.search(OUR_COLOURS.sub("", text) if style.colour else text) is None
            text.encode("utf-8")


def test_heavy_words_that_met_nothing_are_told(cli: Run, bundled: Path) -> None:
    """The frame of a question may be met where its subject is not."""
    asked = (
        "ask",
        "what is the effect of a large piano on training?",
        "--min-confidence",
        "0",
        "--explain",
        "--index",
        bundled,
    )
    assert re.search(r"not met .*\bpiano\b", cli(*asked).out)
    (row,) = (json.loads(line) for line in cli(*asked, "--json").out.splitlines())
    assert "piano" in row["answers"][0]["explain"]["unmet"]
    assert (
        "not met"
        not in cli(
            "ask",
            "Should batch normalization go before or after the activation?",
            "-k",
            "1",
            "--explain",
            "--index",
            bundled,
        ).out
    )
