"""BM25 as arithmetic on tiny inputs, and against a plain loop over passages."""

import math
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from retriever.errors import IndexUnusableError
from retriever.lexical import EXPANDED, FILES, LexicalIndex, Slot, inverse_frequency

Sides = list[tuple[list[str], list[str]]]
WORDS = st.lists(st.sampled_from(["a", "b", "c", "d", "学习", "网络"]), max_size=6)
SIDES = st.lists(st.tuples(WORDS, WORDS), min_size=1, max_size=12)
WAY = st.lists(st.sampled_from(["a", "b", "c", "d", "学习", "unknown"]), min_size=1, max_size=3).map(tuple)
SLOTS = st.lists(
    st.one_of(st.sampled_from(["a", "b", "网络"]), st.lists(WAY, min_size=1, max_size=3).map(tuple)), max_size=4
)


def plain_bm25(passages: Sides, query: list[str]) -> list[float]:
    """Robertson's BM25 with k1 = 1.2, b = 0.75 and Lucene's idf, passage by passage; questions count twice."""
    texts = [question + question + answer for question, answer in passages]
    mean = sum(len(text) for text in texts) / len(texts)
    scores = []
    for text in texts:
        score = 0.0
        for term in set(query):
            tf, df = Counter(text)[term], sum(term in other for other in texts)
            if tf:
                idf = math.log(1 + (len(texts) - df + 0.5) / (df + 0.5))
                score += idf * tf * 2.2 / (tf + 1.2 * (0.25 + 0.75 * len(text) / mean))
        scores.append(score)
    return scores


def plain_scores(passages: Sides, slots: list[Slot]) -> list[float]:
    """Slot by slot: of a concept the best way, the first fully and the others EXPANDED times where the passage has all of its terms."""
    vocabulary = {term for sides in passages for side in sides for term in side}
    scores = [0.0] * len(passages)
    for slot in set(slots):
        ways = ((slot,),) if isinstance(slot, str) else slot
        parts = [plain_bm25(passages, list(ways[0]))]
        for way in ways[1:]:
            if set(way) <= vocabulary:
                whole = [set(way) <= {*question, *answer} for question, answer in passages]
                scores_of_way = plain_bm25(passages, list(way))
                parts.append(
                    [EXPANDED * score * all_of_it for score, all_of_it in zip(scores_of_way, whole, strict=True)]
                )
        scores = [score + max(part) for score, part in zip(scores, zip(*parts, strict=True), strict=True)]
    return scores


def test_one_term_in_one_of_two_passages() -> None:
    """Two passages of three terms each (a question of one counts twice): idf ln 2, tf 2."""
    index = LexicalIndex.build([(["bn"], ["before"]), (["dropout"], ["after"])])
    expected = math.log(1 + 1.5 / 1.5) * 2 * 2.2 / (2 + 1.2)
    np.testing.assert_allclose(index.scores(["bn"]), [expected, 0.0], rtol=1e-6)


def test_a_term_of_the_answer_counts_once() -> None:
    """The same term weighs more in the question than in the answer."""
    index = LexicalIndex.build([(["bn"], ["before"]), (["dropout"], ["after"])])
    once, twice = 2.2 / (1 + 1.2), 2 * 2.2 / (2 + 1.2)
    np.testing.assert_allclose(index.scores(["before"])[0] / index.scores(["bn"])[0], once / twice, rtol=1e-6)


def test_a_longer_passage_scores_less_for_the_same_term() -> None:
    """Length normalisation as arithmetic: lengths 2 and 4, mean 3."""
    index = LexicalIndex.build([([], ["x", "y"]), ([], ["x", "y", "y", "y"])])
    idf = math.log(1 + 0.5 / 2.5)
    expected = [
        idf * 2.2 / (1 + 1.2 * (0.25 + 0.75 * 2 / 3)),
        idf * 2.2 / (1 + 1.2 * (0.25 + 0.75 * 4 / 3)),
    ]
    np.testing.assert_allclose(index.scores(["x"]), expected, rtol=1e-6)


def test_inverse_frequency_of_a_term_that_all_passages_have_is_positive() -> None:
    """Lucene's idf never turns a match into a malus."""
    assert inverse_frequency(10, 10) == pytest.approx(math.log(1 + 0.5 / 10.5))
    assert inverse_frequency(10, 10) > 0


@settings(max_examples=150, deadline=None)
@given(passages=SIDES, query=WORDS)
def test_scores_equal_a_plain_loop(passages: Sides, query: list[str]) -> None:
    """Precomputed weights in postings give what the formula gives passage by passage."""
    scores = LexicalIndex.build(passages).scores(query)
    assert scores.dtype == np.float32
    np.testing.assert_allclose(scores, plain_bm25(passages, query), rtol=1e-5, atol=1e-7)


@settings(max_examples=100, deadline=None)
@given(passages=SIDES, query=WORDS)
def test_no_score_exceeds_the_ceiling(passages: Sides, query: list[str]) -> None:
    """The ceiling, which scores are divided by, is an upper bound."""
    index = LexicalIndex.build(passages)
    assert float(index.scores(query).max()) <= index.ceiling(query) + 1e-5


def test_repeated_query_terms_count_once() -> None:
    """Saying a word twice asks for nothing else."""
    index = LexicalIndex.build([(["a"], ["b"]), (["b"], ["c"])])
    np.testing.assert_array_equal(index.scores(["b", "b", "a"]), index.scores(["b", "a"]))
    assert index.ceiling(["b", "b"]) == index.ceiling(["b"])


def test_unknown_and_missing_terms_score_nothing() -> None:
    """A query without a known term gives zeros for all passages."""
    index = LexicalIndex.build([(["a"], ["b"])])
    assert index.scores(["unknown"]).tolist() == [0.0]
    assert index.scores([]).tolist() == [0.0]


def test_an_unknown_term_weighs_as_one_that_no_passage_has() -> None:
    """The idf of an unknown term is the largest there is, so that it lowers the share of what was found."""
    index = LexicalIndex.build([(["a"], ["b"]), (["a"], ["c"])])
    assert index.idf("unknown") == pytest.approx(math.log(1 + 2.5 / 0.5))
    assert index.idf("a") < index.idf("b") < index.idf("unknown")


def test_equal_passages_tie_exactly() -> None:
    """Passages of equal terms have equal scores, to the bit."""
    scores = LexicalIndex.build([(["a"], ["b", "c"])] * 3 + [(["d"], [])]).scores(["a", "c"])
    assert scores[0] == scores[1] == scores[2] > scores[3]


def test_passages_without_any_term_are_counted() -> None:
    """A passage of stop words only keeps its row."""
    index = LexicalIndex.build([([], []), (["a"], []), ([], [])])
    assert len(index) == 3
    assert index.scores(["a"]).nonzero()[0].tolist() == [1]
    assert LexicalIndex.build([([], [])]).scores(["a"]).tolist() == [0.0]


# Concepts

BN = (("bn",), ("批", "归一化"), ("batch", "normalization"))
NORMALIZED: Sides = [
    (["bn"], ["x"]),
    (["批", "归一化"], []),
    (["batch", "normalization"], []),
    (["批"], ["y"]),
    (["bn"], ["批", "归一化"]),
    (["z"], ["z"]),
]


def test_other_names_count_by_half_as_much() -> None:
    """What is written as the query has it counts fully, what has another name of it EXPANDED times."""
    index = LexicalIndex.build(NORMALIZED)
    scores = index.scores([BN])
    assert 0 < EXPANDED < 1
    assert scores[0] == index.scores(["bn"])[0] > 0
    assert scores[1] == np.float32(EXPANDED) * index.scores(["批", "归一化"])[1] > 0
    assert scores[2] == np.float32(EXPANDED) * index.scores(["batch", "normalization"])[2] > 0
    assert scores[5] == 0


def test_of_a_concept_the_best_way_counts_alone() -> None:
    """A passage that uses two names says the same thing twice, not two things."""
    index = LexicalIndex.build(NORMALIZED)
    one, other = index.scores(["bn"])[4], np.float32(EXPANDED) * index.scores(["批", "归一化"])[4]
    assert min(one, other) > 0
    assert index.scores([BN])[4] == max(one, other)


def test_the_part_of_another_name_counts_for_nothing() -> None:
    """A passage with one of two terms of another name speaks of something else."""
    index = LexicalIndex.build(NORMALIZED)
    assert index.scores(["批"])[3] > 0
    assert index.scores([BN])[3] == 0


def test_another_name_of_which_no_passage_has_a_term_does_not_count() -> None:
    """Half a name, the rest of which the corpus never says, is another word; half of what the query says still counts."""
    index = LexicalIndex.build([(["batch"], ["size"]), (["learning"], ["rate"])])
    assert index.scores([(("bn",), ("batch", "normalization"))]).tolist() == [0.0, 0.0]
    assert index.scores([(("batch", "normalization"), ("bn",))]).tolist() == index.scores(["batch"]).tolist()


def test_the_order_of_other_names_changes_nothing() -> None:
    """Only which is the query's own does."""
    index = LexicalIndex.build(NORMALIZED)
    own, *others = BN
    assert index.scores([(own, *reversed(others))]).tolist() == index.scores([BN]).tolist()
    assert index.scores([(*others, own)]).tolist() != index.scores([BN]).tolist()


def test_a_concept_of_one_way_is_its_terms() -> None:
    """A term alone, or several, with no other name."""
    index = LexicalIndex.build(NORMALIZED)
    assert index.scores([(("bn",),)]).tolist() == index.scores(["bn"]).tolist()
    np.testing.assert_allclose(index.scores([(("批", "归一化"),)]), index.scores(["批", "归一化"]), rtol=1e-6)


def test_repeated_concepts_and_terms_of_a_name_count_once() -> None:
    """Like repeated terms."""
    index = LexicalIndex.build(NORMALIZED)
    assert index.scores([BN, BN]).tolist() == index.scores([BN]).tolist()
    assert index.scores([(("bn", "bn"), ("批", "归一化", "批"))]).tolist() == index.scores([BN[:2]]).tolist()
    assert index.ceiling([BN, BN]) == index.ceiling([BN])


def test_slots_add_up() -> None:
    """A query of terms and concepts has the sum of their scores."""
    index = LexicalIndex.build(NORMALIZED)
    np.testing.assert_allclose(index.scores(["x", BN]), index.scores(["x"]) + index.scores([BN]), rtol=1e-6)


@settings(max_examples=200, deadline=None)
@given(passages=SIDES, slots=SLOTS)
def test_scores_of_slots_equal_a_plain_loop(passages: Sides, slots: list[Slot]) -> None:
    """Terms and concepts together, over random passages."""
    scores = LexicalIndex.build(passages).scores(slots)
    assert scores.dtype == np.float32
    np.testing.assert_allclose(scores, plain_scores(passages, slots), rtol=1e-5, atol=1e-7)


def test_the_ceiling_of_a_concept_is_that_of_the_way_that_could_score_most() -> None:
    """As it is written in full, in another way EXPANDED times."""
    index = LexicalIndex.build(NORMALIZED)
    written, others = (
        index.ceiling(["bn"]),
        [index.ceiling(way) for way in (("批", "归一化"), ("batch", "normalization"))],
    )
    assert index.ceiling([BN]) == pytest.approx(max(written, *(EXPANDED * other for other in others)))
    assert index.ceiling([(("批", "归一化"), ("bn",))]) == pytest.approx(index.ceiling(["批", "归一化"]))
    assert index.ceiling(["x", BN]) == pytest.approx(index.ceiling(["x"]) + index.ceiling([BN]))
    assert index.ceiling([]) == 0


@settings(max_examples=200, deadline=None)
@given(passages=SIDES, slots=SLOTS)
@example([(["a", "b", "c"], []), (["d"], ["a"])], [(("a",), ("b", "c"))])
@example([(["a"], []), (["b"], [])], ["a", (("a",),)])
def test_no_score_of_slots_exceeds_the_ceiling(passages: Sides, slots: list[Slot]) -> None:
    """Divided by the ceiling, scores of all queries lie in [0, 1]: other names and names that share terms do not break through it."""
    index = LexicalIndex.build(passages)
    assert float(index.scores(slots).max()) <= index.ceiling(slots) + 1e-5


# Which terms there are


def test_terms_of_questions_and_answers_are_known() -> None:
    """A term is known when any passage has it, as it is cut."""
    index = LexicalIndex.build([(["bn"], ["归一化"]), ([], ["before"])])
    assert all(term in index for term in ("bn", "归一化", "before"))
    assert not any(term in index for term in ("归", "BN", "", "unknown"))
    assert "a" not in LexicalIndex.build([([], [])])


def test_a_row_holds_what_its_passage_has() -> None:
    """All terms of a way, in question or answer."""
    index = LexicalIndex.build([(["bn"], ["before"]), (["bn"], ["after", "before"]), ([], [])])
    assert [index.row_holds(row, ("bn", "after")) for row in range(3)] == [False, True, False]
    assert [index.row_holds(row, ("bn",)) for row in range(3)] == [True, True, False]
    assert not index.row_holds(0, ("unknown",))


def test_frequent_terms_are_counted_by_passages() -> None:
    """Not by how often they are said in one."""
    index = LexicalIndex.build([(["a", "a"], ["a", "b"]), (["b"], ["c"]), ([], ["b", "c"])])
    assert [sorted(index.frequent(least)) for least in (1, 2, 3, 4)] == [["a", "b", "c"], ["b", "c"], ["b"], []]
    assert LexicalIndex.build([([], [])]).frequent(1) == []


@settings(max_examples=100, deadline=None)
@given(passages=SIDES, least=st.integers(1, 4))
def test_known_and_frequent_terms_are_those_of_the_passages(passages: Sides, least: int) -> None:
    """As counting plainly finds."""
    counts = Counter(term for question, answer in passages for term in {*question, *answer})
    index = LexicalIndex.build(passages)
    assert sorted(index.frequent(least)) == sorted(term for term, count in counts.items() if count >= least)
    assert all(term in index for term in counts)


def test_what_is_loaded_knows_its_terms(tmp_path: Path) -> None:
    """Known terms, frequent ones and scores of concepts come back from disk."""
    index = LexicalIndex.build(NORMALIZED)
    index.save(tmp_path)
    loaded = LexicalIndex.load(tmp_path, len(NORMALIZED))
    assert "归一化" in loaded
    assert loaded.frequent(2) == index.frequent(2)
    assert loaded.scores([BN, "x"]).tolist() == index.scores([BN, "x"]).tolist()


# On disk


def test_saved_and_loaded_gives_equal_scores(tmp_path: Path) -> None:
    """What goes to disk comes back to the bit, Chinese terms included."""
    index = LexicalIndex.build([(["梯度"], ["消失", "gradient"]), (["学习率"], ["梯度"])])
    index.save(tmp_path)
    again = LexicalIndex.load(tmp_path, 2)
    np.testing.assert_array_equal(again.scores(["梯度", "gradient"]), index.scores(["梯度", "gradient"]))
    assert again.ceiling(["梯度"]) == index.ceiling(["梯度"])


@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize("content", [None, b"\x93NUMPY\x01\x00broken", b"[1"])
def test_missing_and_damaged_files_are_an_unusable_index(tmp_path: Path, name: str, content: bytes | None) -> None:
    """Each file, missing or unreadable, is an error with the command that repairs it."""
    LexicalIndex.build([(["a"], ["b"])]).save(tmp_path)
    if content is None:
        (tmp_path / name).unlink()
    else:
        (tmp_path / name).write_bytes(content)
    with pytest.raises(IndexUnusableError, match="retriever index"):
        LexicalIndex.load(tmp_path, 1)


@pytest.mark.parametrize("name", FILES[1:])
def test_empty_files_are_an_unusable_index(tmp_path: Path, name: str) -> None:
    """An array file of no bytes is damaged like any other."""
    LexicalIndex.build([(["a"], ["b"])]).save(tmp_path)
    (tmp_path / name).write_bytes(b"")
    with pytest.raises(IndexUnusableError):
        LexicalIndex.load(tmp_path, 1)


def test_pickled_arrays_are_refused(tmp_path: Path) -> None:
    """An array of objects, which would run code when unpickled, is not loaded."""
    LexicalIndex.build([(["a"], ["b"])]).save(tmp_path)
    header = {"descr": "|O", "fortran_order": False, "shape": (1,)}
    with (tmp_path / FILES[1]).open("wb") as file:
        np.lib.format.write_array_header_1_0(file, header)
        file.write(b"a pickled object would stand here")
    with pytest.raises(IndexUnusableError):
        LexicalIndex.load(tmp_path, 1)
