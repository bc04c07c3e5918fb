"""Near-duplicate answers: which are one answer, which only look like one, and that finding them stays quick."""

import json
import os
import re
import string
import subprocess
import sys
from fractions import Fraction

import numpy as np
import pytest
from conftest import CHECKOUT
from hypothesis import example, given, settings
from hypothesis import strategies as st
from making import within

from retriever.copies import contradict, group_copies

ZH = "批归一化在训练时用当前小批量的均值和方差，测试时改用滑动平均，因此两种模式的输出并不相同，切换模式是部署前必做的一步。"
EN = "Clipping a gradient bounds the length of one update. Recurrent networks need it most of all models."


def groups(*answers: str) -> list[int]:
    """For each answer the row of the first of its group."""
    return [int(row) for row in group_copies(list(answers))]


def in_context(*words: str) -> list[str]:
    """Texts that differ in a word in the middle, and are long enough to be copies of each other if that were all that counts."""
    head = "学习率的选择决定训练是否收敛，这一点已经说过，现在来看细节，也就是下面这条规则。"
    tail = "。其余的超参数照旧，数据和模型也都照旧，没有别的变化，结果可以重现。"
    texts = [f"{head} so the rule is {word} for this model {tail}" for word in words]
    assert all(similarity(texts[0], text) >= Fraction(4, 5) for text in texts)
    return texts


def pieces(text: str) -> set[str]:
    """The five-character pieces of a text, by the definition; a shorter text is one piece."""
    plain = re.sub(r"\s+", "", text).lower()
    return {plain[at : at + 5] for at in range(max(1, len(plain) - 4))}


def similarity(one: str, other: str) -> Fraction:
    """The Jaccard similarity of the pieces of two texts."""
    first, second = pieces(one), pieces(other)
    return Fraction(len(first & second), len(first | second))


def alike(one: str, other: str) -> bool:
    """True for texts that are similar enough and do not contradict each other."""
    return similarity(one, other) >= Fraction(4, 5) and not contradict(one, other)


# What is one answer


@pytest.mark.parametrize("text", [ZH, EN, "短", "", "½ √x ≤ 1", "\udce4\ud800 x"])
def test_equal_answers_are_one(text: str) -> None:
    """Whatever is in them, and however short they are."""
    assert groups(text, "Something else altogether.", text, text) == [0, 1, 0, 0]


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (ZH, ZH.replace("，测试", "测试")),
        (ZH, ZH.replace("，", "；", 1)),
        (ZH, ZH.replace("。", "")),
        (EN, EN.replace("one update", "an update")),
        (EN, EN + " (see above)"),
        (EN, EN.replace("update. R", "update, r")),
    ],
)
def test_nearly_equal_answers_are_one(one: str, other: str) -> None:
    """A comma or a word more or less makes no other answer, whichever comes first."""
    assert one != other
    assert groups(one, other) == [0, 0]
    assert groups(other, one) == [0, 0]


def test_white_space_and_capitals_make_no_other_answer() -> None:
    """Sources break lines, set spaces beside Latin words and write titles as they like."""
    assert groups(EN, EN.upper(), EN.replace(" ", "\n"), f"\n\t{EN}  ") == [0, 0, 0, 0]
    assert groups("用 BN 层 归一化 特征", "用BN层归一化特征", "用bn层归一化\u3000特征") == [0, 0, 0]


def test_different_answers_stay_apart() -> None:
    """Also when they share a subject, or one quotes the other."""
    assert groups(ZH, EN, "批归一化让训练更稳。", ZH + EN) == [0, 1, 2, 3]


def test_short_answers_are_one_only_when_equal() -> None:
    """Of a few characters each one counts."""
    assert groups("是的", "不是", "是的", "对", "是 的") == [0, 1, 0, 3, 0]


def test_empty_answers_are_copies_of_each_other_only() -> None:
    """Nothing is the same as nothing, and as white space."""
    assert groups("", ZH, " \n", "", "a") == [0, 1, 0, 0, 4]


def test_no_answers_have_no_groups() -> None:
    """The result is an array all the same."""
    found = group_copies([])
    assert (found.shape, found.dtype) == ((0,), np.dtype(np.int32))


def test_rows_are_int32() -> None:
    """As the index stores them."""
    assert group_copies([ZH, EN]).dtype == np.int32


@pytest.mark.parametrize("shared", [8, 12, 16])
def test_the_bound_of_similarity_belongs_to_it(shared: int) -> None:
    """Where 4 of 5 pieces of both texts together are shared they are one answer; with a piece more they are two."""
    common, more = string.ascii_lowercase[: shared + 4], "甲乙丙丁戊"
    bound = shared // 4
    assert similarity(common, common + more[:bound]) == Fraction(4, 5)
    assert groups(common, common + more[:bound]) == [0, 0]
    assert groups(common, common + more[: bound + 1]) == [0, 1]


# What only looks like one answer


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("0.9", "0.99"),
        ("3", "4"),
        ("50%", "5%"),
        ("1,000", "10,000"),
        ("1e-3", "1e-4"),
        ("L1", "L2"),
        ("k = 3", "k"),
        ("10 x 20", "20 x 10"),
        ("n²", "n³"),
        ("x₁", "x₂"),
        ("三个", "四个"),
        ("two layers", "three layers"),
    ],
)
def test_another_number_is_another_answer(one: str, other: str) -> None:
    """Values, sizes, exponents and what is counted are the answer to many questions."""
    assert groups(*in_context(one, other)) == [0, 1]


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("需要", "不需要"),
        ("有偏置", "没有偏置"),
        ("监督", "无监督"),
        ("线性", "非线性"),
        ("收敛", "未收敛"),
        ("it is needed", "it is not needed"),
        ("it is needed", "it isn't needed"),
        ("it does help", "it doesn't help"),
        ("it does help", "it doesn’t help"),
        ("it can help", "it can't help"),
        ("always drop it", "never drop it"),
        ("with a bias", "without a bias"),
        ("a bias", "no bias"),
    ],
)
def test_a_negation_more_or_less_is_another_answer(one: str, other: str) -> None:
    """In Chinese a character, in English a word or an ending."""
    assert groups(*in_context(one, other)) == [0, 1]
    assert groups(*in_context(other, one)) == [0, 1]


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("before", "after"),
        ("激活前", "激活后"),
        ("增大", "减小"),
        ("提高", "降低"),
        ("上升", "下降"),
        ("内部", "外部"),
        ("larger", "smaller"),
        ("Increase it", "Decrease it"),
        ("maximum", "minimum"),
        ("true", "false"),
    ],
)
def test_a_word_for_its_opposite_is_another_answer(one: str, other: str) -> None:
    """Two texts that are the same but for it say the contrary."""
    assert groups(*in_context(one, other)) == [0, 1]
    assert groups(*in_context(other, one)) == [0, 1]


@pytest.mark.parametrize(
    ("one", "other"), [("a > b", "a < b"), ("a + b", "a - b"), ("a ≥ b", "a ≤ b"), ("a = b", "a ≠ b")]
)
def test_another_sign_is_another_answer(one: str, other: str) -> None:
    """A formula with another sign is another formula."""
    assert groups(*in_context(one, other)) == [0, 1]


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("a rule", "the rule"),
        ("模型", "网络"),
        ("colour", "color"),
        ("3 layers", "3 levels"),
        ("not bad", "not good"),
        ("前", "前面"),
    ],
)
def test_other_words_alone_are_no_contradiction(one: str, other: str) -> None:
    """A synonym, a spelling, a particle: the answer is the same one."""
    assert groups(*in_context(one, other)) == [0, 0]


def test_a_sentence_more_contradicts_nothing() -> None:
    """One source goes on, with numbers and negations of its own; what both say is the same."""
    long = "；".join([ZH, EN, ZH[::-1], EN[::-1]])
    assert not contradict(long, long + " 此外在2015年之前没有人这样做")
    assert not contradict(long + " It was not done before 2015, as far as we know.", long)
    assert contradict(long, long + " 2015")


@settings(max_examples=200, deadline=None)
@given(st.text(max_size=20), st.text(alphabet="ab不没not 3。<'", max_size=20))
def test_no_text_contradicts_itself(text: str, spoken: str) -> None:
    """In capitals or not; and whatever two texts hold, comparing them raises nothing."""
    assert not contradict(text, text)
    assert not contradict(spoken, spoken.upper())
    assert contradict(text, spoken) in (True, False)


def test_the_odd_one_out_is_a_group_of_its_own() -> None:
    """Between copies of one value and copies of another, each answer goes to its own."""
    three, four = in_context("3", "4")
    assert groups(three, four, three + "。", four + "。", three, four) == [0, 1, 0, 1, 0, 1]


# Groups


@settings(max_examples=300, deadline=None)
@given(
    st.lists(
        st.tuples(
            st.integers(0, 2), st.integers(0, 40), st.sampled_from(["", "a", "，", "ab", "不", "7"]), st.integers(0, 3)
        ),
        max_size=9,
    ),
    st.lists(st.text(alphabet="abcd学习率 ", max_size=40), min_size=3, max_size=3),
)
@example([(0, 0, "", 0)] * 4, ["", "", ""])
def test_groups_are_those_of_the_definition(changes: list[tuple[int, int, str, int]], bases: list[str]) -> None:
    """Checked pair by pair: an answer is of the group of an earlier first answer that it is a copy of, and a first answer is a copy of none.

    (A copy of a copy that is no copy of the first answer begins a group of its own. Of more than eight first answers not all are compared.)
    """
    answers = [bases[base][:at] + put + bases[base][at + cut :] for base, at, put, cut in changes]
    found = groups(*answers)
    firsts = [row for row, first in enumerate(found) if row == first]
    for row, first in enumerate(found):
        copied = [earlier for earlier in firsts if earlier < row and alike(answers[earlier], answers[row])]
        assert first in copied if copied else first == row


@settings(max_examples=200, deadline=None)
@given(st.lists(st.text(alphabet="ab ", max_size=14), max_size=30))
def test_a_group_is_known_by_its_first_row(answers: list[str]) -> None:
    """Every row points at the first of its group, which points at itself."""
    found = groups(*answers)
    assert all(found[first] == first <= row for row, first in enumerate(found))


@settings(max_examples=200, deadline=None)
@given(st.lists(st.text(alphabet="ab ", max_size=14), max_size=30))
@example(["gchb率bh dgbffz", "率gchb率bh dgbff", "e率gchb率bh dgbff", "率gchb率bh dgbff"])
def test_equal_answers_are_in_one_group(answers: list[str]) -> None:
    """Also where they are copies of two first answers that are no copies of each other."""
    assert len(set(zip(answers, groups(*answers), strict=True))) == len(set(answers))


def test_equal_answers_are_in_one_group_among_hundreds_of_like_ones() -> None:
    """However many answers differ from one in a number only, its copy finds it."""
    text = "The learning rate is set to {}, and the batch size is what memory allows, because nothing else was tried."
    answers = [text.format(number) for number in range(300)]
    assert groups(*answers, *answers) == [*range(300), *range(300)]


def test_the_first_answer_leads_however_many_copies_follow() -> None:
    """Hundreds of copies are one group, those of another text between them another one."""
    answers = [ZH, EN, ZH + "！", EN + "!"] * 150
    assert groups(*answers) == [0, 1, 0, 1] * 150


def test_a_copy_of_a_copy_only_begins_a_group() -> None:
    """Groups are stars around their first answer, so that what is cited as saying the same does."""
    words = [f"w{chr(97 + n // 5)}{chr(97 + n % 5)}x" for n in range(20)]
    drift = [" ".join(["other"] * n + words[n:]) for n in (0, 1, 2, 3, 4)]
    near = [alike(drift[0], text) for text in drift]
    assert near == sorted(near, reverse=True)
    assert not all(near)
    assert groups(*drift)[: sum(near)] == [0] * sum(near)
    assert groups(*drift)[sum(near)] == sum(near)


def test_groups_are_the_same_every_time() -> None:
    """In one process and in others, whatever their hashes are seeded with: a build can be repeated."""
    probe = f"""
from retriever.copies import group_copies
answers = [f"{{a}} {{b}} {EN}" for a in (3, 4, 5) for b in ("x", "y", "xy")] * 3
print(group_copies(answers).tolist())
"""
    seen = set()
    for seed in ("0", "1", "42"):
        environment = os.environ | {"PYTHONPATH": str(CHECKOUT), "PYTHONHASHSEED": seed}
        done = subprocess.run(
            [sys.executable, "-c", probe],
            env=environment,
            capture_output=True,
            encoding="utf-8",
            timeout=60,
            check=True,
        )
        seen.add(done.stdout)
    assert len(seen) == 1
    (found,) = map(json.loads, seen)
    assert 1 < len(set(found)) < len(found) == 27


# Time


@pytest.mark.parametrize(
    "text",
    [
        "The learning rate is set to {}, and the batch size is what memory allows, because nothing else was tried.",
        "学习率设为{}，批大小取内存所能容纳的最大值，因为没有试过别的值，其余超参数都照旧不变。",
    ],
)
def test_thousands_of_like_answers_that_differ_in_a_number_are_quick(text: str) -> None:
    """Every one is a candidate for every other, and all stay apart."""
    with within(20):
        assert groups(*(text.format(number) for number in range(3000))) == list(range(3000))


def test_thousands_of_equal_answers_are_quick() -> None:
    """They are one group."""
    with within(20):
        assert groups(*[EN] * 5000) == [0] * 5000


@pytest.mark.parametrize("unit", ["a b ", "梯度", "0 ", "\n", "x"])
def test_long_answers_of_one_thing_said_over_and_over_are_quick(unit: str) -> None:
    """Repetition is no trap."""
    text = unit * 20_000
    with within(20):
        assert groups(text, text + unit, text[: len(text) // 2] + "，" + text[len(text) // 2 :])[:2] == [0, 0]
