"""The sentences of answers: where they end, and which one is nearest to a question."""

import itertools
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from doubles import KeywordEncoder
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from retriever.analysis import fold
from retriever.encoders.protocol import Encoder
from retriever.encoders.static import StaticEncoder
from retriever.errors import IndexUnusableError
from retriever.pieces import PieceTable
from retriever.sentences import FILES, SentenceIndex, sentences

ANSWERS = [
    "批归一化让训练更稳。梯度更平滑。学习率可以更大。",
    "Dropout is noise. It is off at test time.",
    "Pooling shrinks the map.\n\nA gradient flows through the maximum only! Does attention need it? No.",
    "",
    "Ｄｒｏｐｏｕｔ zeroes units.  學習率可以更大。 Nothing else changes.",
]
ENCODERS = ["keywords", "bundled"]


@pytest.fixture
def named_encoder(request: pytest.FixtureRequest, encoder: StaticEncoder) -> Encoder:
    """The encoder of that name: one without pieces, or the bundled one, which has them."""
    return encoder if request.param == "bundled" else KeywordEncoder()


def table_of(encoder: Encoder) -> PieceTable | None:
    """The table of all pieces of the answers; None for an encoder without pieces."""
    if not isinstance(encoder, StaticEncoder):
        return None
    ids = encoder.piece_ids([fold(answer) for answer in ANSWERS])
    return PieceTable.build(encoder, np.asarray([piece for one in ids for piece in one], dtype=np.int32))


def build(encoder: Encoder, answers: list[str] = ANSWERS) -> SentenceIndex:
    return SentenceIndex.build(encoder, table_of(encoder), answers)


def nearest(
    index: SentenceIndex, encoder: Encoder, question: str, rows: Sequence[int], answers: Sequence[str] = ANSWERS
) -> list[str | None]:
    """The sentence marked in the answer of each row, None where none is."""
    vector = encoder.encode_queries([fold(question)])[0]
    found = index.nearest(encoder, table_of(encoder), vector, list(rows), [answers[row] for row in rows])
    assert all(len(spans) <= 1 for spans in found)
    return [answers[row][slice(*spans[0])] if spans else None for row, spans in zip(rows, found, strict=True)]


# Where sentences end


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("One. Two! Three?", ["One.", "Two!", "Three?"]),
        ("第一句。第二句！第三句？", ["第一句。", "第二句！", "第三句？"]),
        ("他说“好。”然后走了。", ["他说“好。”", "然后走了。"]),
        ("lr is 0.01 here. Fine.", ["lr is 0.01 here.", "Fine."]),
        ("a line\nanother line\n\nlast", ["a line", "another line", "last"]),
        ("  indented.  \n", ["indented."]),
        ("...\n---\n", []),
        ("", []),
    ],
)
def test_sentences_end_at_stops_of_both_languages_and_at_lines(text: str, expected: list[str]) -> None:
    """Numbers are not cut, closing quotes stay with their sentence, rules and blank lines are no sentences."""
    assert [text[start:end] for start, end in sentences(text)] == expected


@settings(max_examples=200, deadline=None)
@given(st.text(alphabet='ab 。.！？!?;\n”」"\t中文\u3000\r', max_size=60))
def test_sentences_are_ordered_spans_that_lose_no_word(text: str) -> None:
    """Spans go up, do not overlap, start and end on a visible character, and hold every word character."""
    spans = sentences(text)
    assert all(end <= start for (_, end), (start, _) in itertools.pairwise(spans))
    assert all(text[start:end].strip() == text[start:end] != "" for start, end in spans)
    covered = {at for start, end in spans for at in range(start, end)}
    assert [at for at, character in enumerate(text) if character.isalnum() and at not in covered] == []


# Which is nearest


@pytest.mark.parametrize("named_encoder", ENCODERS, indirect=True)
@pytest.mark.parametrize(
    ("question", "row", "sentence"),
    [
        ("学习率", 0, "学习率可以更大。"),
        ("梯度", 0, "梯度更平滑。"),
        ("批归一化", 0, "批归一化让训练更稳。"),
        ("gradient", 0, "梯度更平滑。"),
        ("Pooling", 2, "Pooling shrinks the map."),
        ("梯度", 2, "A gradient flows through the maximum only!"),
        ("attention", 2, "Does attention need it?"),
        ("dropout", 4, "Ｄｒｏｐｏｕｔ zeroes units."),
        ("learning rate", 4, "學習率可以更大。"),
    ],
)
def test_the_sentence_on_the_subject_is_the_nearest(
    named_encoder: Encoder, question: str, row: int, sentence: str
) -> None:
    """In either language and spelling, for encoders with pieces and without; the span is that of the answer as it is."""
    assert nearest(build(named_encoder), named_encoder, question, [row]) == [sentence]


@pytest.mark.parametrize("named_encoder", ENCODERS, indirect=True)
@pytest.mark.parametrize(
    "text", ["", "...", "One sentence on dropout.", "Two on dropout. That is all.", "一句。两句。"]
)
def test_answers_of_one_or_two_sentences_have_none(named_encoder: Encoder, text: str) -> None:
    """There is nothing to point out in them."""
    assert nearest(build(named_encoder, [text]), named_encoder, "dropout", [0], [text]) == [None]


@pytest.mark.parametrize("named_encoder", ENCODERS, indirect=True)
def test_rows_are_answered_in_the_order_asked(named_encoder: Encoder) -> None:
    """Any rows, in any order, some without a sentence; what one gets does not hang on the others."""
    index = build(named_encoder)
    alone = {row: nearest(index, named_encoder, "学习率", [row])[0] for row in range(len(ANSWERS))}
    assert {row for row, found in alone.items() if found is None} == {1, 3}
    for rows in itertools.permutations(range(len(ANSWERS))):
        assert nearest(index, named_encoder, "学习率", rows) == [alone[row] for row in rows]
    assert nearest(index, named_encoder, "学习率", [1, 3]) == [None, None]
    assert nearest(index, named_encoder, "学习率", []) == []


def test_of_equally_near_sentences_the_first_is_taken() -> None:
    """A tie is broken by the order of the text, also where no sentence meets the question."""
    answers = ["Dropout is noise. Dropout is off. Dropout is cheap."]
    index = build(KeywordEncoder(), answers)
    assert nearest(index, KeywordEncoder(), "dropout", [0], answers) == ["Dropout is noise."]
    assert nearest(index, KeywordEncoder(), "zebras", [0], answers) == ["Dropout is noise."]


def test_stored_directions_give_what_encoding_the_sentences_gives(encoder: StaticEncoder) -> None:
    """What is kept at build time of each sentence finds the nearest as encoding them anew does."""
    index = build(encoder)
    for question in ("学习率太大会怎样", "does attention help", "dropout", "最大值", "what changes at test time"):
        vector = encoder.encode_queries([question])[0]
        for row, answer in enumerate(ANSWERS):
            texts = [answer[start:end] for start, end in sentences(answer)]
            best = (
                None if len(texts) < 3 else texts[int((encoder.encode_passages([*map(fold, texts)]) @ vector).argmax())]
            )
            assert nearest(index, encoder, question, [row]) == [best]


class FoldedOnly(KeywordEncoder):
    """A keyword encoder that is given folded text, or fails."""

    def encode(self, texts: Sequence[str]) -> NDArray[np.float32]:
        assert [text for text in texts if text != fold(text)] == []
        return super().encode(texts)


def test_sentences_are_encoded_in_their_plainest_spelling() -> None:
    """As questions are."""
    assert nearest(build(FoldedOnly()), FoldedOnly(), "学习率", [4]) == ["學習率可以更大。"]


def test_an_index_is_as_long_as_its_answers() -> None:
    """Answers without a sentence keep their row; an index may be empty."""
    assert len(build(KeywordEncoder())) == len(ANSWERS)
    assert len(build(KeywordEncoder(), [])) == 0


@settings(max_examples=50, deadline=None)
@given(
    st.lists(st.text(alphabet="梯度 dropout gradient学习率。.!\n", max_size=60), min_size=1, max_size=4),
    st.sampled_from(["dropout", "梯度", "learning rate", ""]),
)
def test_what_is_marked_is_a_sentence_of_the_answer(answers: list[str], question: str) -> None:
    """One of its spans where there are three or more, and none is nearer."""
    encoder = KeywordEncoder()
    vector = encoder.encode_queries([question])[0]
    rows = list(range(len(answers)))
    for answer, marked in zip(
        answers, build(encoder, answers).nearest(encoder, None, vector, rows, answers), strict=True
    ):
        spans = sentences(answer)
        if len(spans) < 3:
            assert marked == ()
            continue
        cosines = (encoder.encode_passages([answer[start:end] for start, end in spans]) @ vector).tolist()
        assert marked == (spans[cosines.index(max(cosines))],)


# On disk


@pytest.mark.parametrize("named_encoder", ENCODERS, indirect=True)
def test_saved_and_loaded_it_gives_the_same(named_encoder: Encoder, tmp_path: Path) -> None:
    """For encoders with pieces and without."""
    index = build(named_encoder)
    index.save(tmp_path)
    assert {path.name for path in tmp_path.iterdir()} == set(FILES)
    loaded = SentenceIndex.load(tmp_path)
    rows = range(len(ANSWERS))
    assert len(loaded) == len(ANSWERS)
    for question in ("学习率", "gradient", "zebras"):
        assert nearest(loaded, named_encoder, question, rows) == nearest(index, named_encoder, question, rows)


def test_an_empty_index_is_saved_and_loaded(tmp_path: Path) -> None:
    """An index without passages is one, too."""
    build(KeywordEncoder(), []).save(tmp_path)
    loaded = SentenceIndex.load(tmp_path)
    assert len(loaded) == 0
    assert loaded.nearest(KeywordEncoder(), None, np.zeros(8, dtype=np.float32), [], []) == []


@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize("content", [None, b"", b"\x93NUMPY\x01\x00broken", b"[1"])
def test_missing_and_damaged_files_are_an_unusable_index(tmp_path: Path, name: str, content: bytes | None) -> None:
    """Each file, missing, empty or unreadable, is an error with the command that repairs it."""
    build(KeywordEncoder()).save(tmp_path)
    if content is None:
        (tmp_path / name).unlink()
    else:
        (tmp_path / name).write_bytes(content)
    with pytest.raises(IndexUnusableError, match=r"missing or damaged.*retriever index"):
        SentenceIndex.load(tmp_path)


def test_a_file_that_is_cut_short_is_an_unusable_index(tmp_path: Path, encoder: StaticEncoder) -> None:
    """An array that ends before it should is not read beyond its end."""
    build(encoder).save(tmp_path)
    for name in FILES:
        whole = (tmp_path / name).read_bytes()
        (tmp_path / name).write_bytes(whole[:-1])
        with pytest.raises(IndexUnusableError):
            SentenceIndex.load(tmp_path)
        (tmp_path / name).write_bytes(whole)
    assert len(SentenceIndex.load(tmp_path)) == len(ANSWERS)


def test_pickled_arrays_are_refused(tmp_path: Path) -> None:
    """An array of objects, which would run code when unpickled, is not loaded."""
    build(KeywordEncoder()).save(tmp_path)
    with (tmp_path / FILES[0]).open("wb") as file:
        np.lib.format.write_array_header_1_0(file, {"descr": "|O", "fortran_order": False, "shape": (1,)})
        file.write(b"a pickled object would stand here")
    with pytest.raises(IndexUnusableError):
        SentenceIndex.load(tmp_path)
