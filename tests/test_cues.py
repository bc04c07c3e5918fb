"""Cues of single lines: numbering, labels, the look of a question, width and language."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from retriever.cues import (
    ask_score,
    display_width,
    is_rhetorical,
    is_title,
    is_url,
    language_of,
    read_cue,
    read_number,
    strip_markup,
    to_int,
    trim_question,
)

FIXED = settings(max_examples=150, deadline=None, derandomize=True, database=None)


@pytest.mark.parametrize(
    ("line", "scheme", "value", "body"),
    [
        ("1. 什么是动量？", "dot", (1,), "什么是动量？"),
        ("12.什么是动量？", "dot", (12,), "什么是动量？"),
        ("3。什么是动量？", "dot", (3,), "什么是动量？"),
        ("7、什么是动量？", "comma", (7,), "什么是动量？"),
        ("7 、什么是动量？", "comma", (7,), "什么是动量？"),
        ("4) What is momentum?", "paren", (4,), "What is momentum?"),
        ("4）什么是动量？", "paren", (4,), "什么是动量？"),
        ("(5) What is momentum?", "parens", (5,), "What is momentum?"),
        ("（5）什么是动量？", "parens", (5,), "什么是动量？"),
        ("[6] What is momentum?", "bracket", (6,), "What is momentum?"),
        ("【6】什么是动量？", "bracket", (6,), "什么是动量？"),
        ("8: What is momentum?", "colon", (8,), "What is momentum?"),
        ("8：什么是动量？", "colon", (8,), "什么是动量？"),
        ("1.2 什么是动量？", "dotted", (1, 2), "什么是动量？"),
        ("1.2.3 What is momentum?", "dotted", (1, 2, 3), "What is momentum?"),
        ("2.10、什么是动量？", "dotted", (2, 10), "什么是动量？"),
        ("①什么是动量", "circled", (1,), "什么是动量"),
        ("⑳ 什么是动量", "circled", (20,), "什么是动量"),
        ("2️⃣ What is momentum?", "keycap", (2,), "What is momentum?"),
        ("#9 What is momentum?", "hash", (9,), "What is momentum?"),
        ("一、什么是动量？", "han", (1,), "什么是动量？"),
        ("十二、什么是动量？", "han", (12,), "什么是动量？"),
        ("（三）什么是动量？", "hans", (3,), "什么是动量？"),
        ("第5题：什么是动量？", "ordinal", (5,), "什么是动量？"),
        ("第二十一问 什么是动量？", "ordinal", (21,), "什么是动量？"),
        ("iv. What is momentum?", "roman", (4,), "What is momentum?"),
        ("B. momentum", "letter", (2,), "momentum"),
        ("C、动量", "letter", (3,), "动量"),
        ("(d) momentum", "letters", (4,), "momentum"),
        ("(s) momentum", "letters", (19,), "momentum"),
        ("k) momentum", "letter", (11,), "momentum"),
        ("(iv) momentum", "romans", (4,), "momentum"),
    ],
)
def test_numbering_schemes(line: str, scheme: str, value: tuple[int, ...], body: str) -> None:
    number = read_number(line)
    assert number is not None
    assert (number.scheme, number.value, line[number.length :]) == (scheme, value, body)


@pytest.mark.parametrize(
    "line",
    [
        "什么是动量？",
        "0.5% 的样本",
        "2024 年的综述",
        "1,000 个样本",
        "12:30 开始训练",
        "一个模型",
        "三种方法各有优点",
        "A model is trained",
        "I think so",
        "J. Smith and others",
        "y) = 3",
        "",
        "- 1",
    ],
)
def test_lines_that_only_begin_with_a_number_have_no_numbering(line: str) -> None:
    assert read_number(line) is None


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("7", 7),
        ("042", 42),
        ("十", 10),
        ("十五", 15),
        ("二十", 20),
        ("三十七", 37),
        ("一百零五", 105),
        ("〇", 0),
        ("两", 2),
        ("⑪", 11),
        ("ix", 9),
        ("XIV", 14),
        ("c", 3),
        ("H", 8),
        ("猫", 0),
    ],
)
def test_numerals(text: str, value: int) -> None:
    assert to_int(text) == value


@pytest.mark.parametrize(
    ("line", "number", "body"),
    [
        ("Q: What is momentum?", None, "What is momentum?"),
        ("Q：什么是动量？", None, "什么是动量？"),
        ("Q3: What is momentum?", (3,), "What is momentum?"),
        ("Q3. What is momentum?", (3,), "What is momentum?"),
        ("Q 3 What is momentum?", (3,), "What is momentum?"),
        ("Question 12: What is momentum?", (12,), "What is momentum?"),
        ("Question: What is momentum?", None, "What is momentum?"),
        ("Question 10b. What is momentum?", (10,), "What is momentum?"),
        ("Q3.1: What is momentum?", (3,), "What is momentum?"),
        ("问题2b：什么是动量？", (2,), "什么是动量？"),
        ("Bonus: What is momentum?", None, "What is momentum?"),
        ("Bonus question 2: What is momentum?", (2,), "What is momentum?"),
        ("【附加题】什么是动量？", None, "什么是动量？"),
        ("加餐2：什么是动量？", (2,), "什么是动量？"),
        ("问：什么是动量？", None, "什么是动量？"),
        ("【问】什么是动量？", None, "什么是动量？"),
        ("[Q] What is momentum?", None, "What is momentum?"),
        ("问题：什么是动量？", None, "什么是动量？"),
        ("问题3：什么是动量？", (3,), "什么是动量？"),
        ("问题三：什么是动量？", (3,), "什么是动量？"),
        ("面试题 4：什么是动量？", (4,), "什么是动量？"),
        ("题目5、什么是动量？", (5,), "什么是动量？"),
        ("5. Q: What is momentum?", (5,), "What is momentum?"),
        ("- Q: What is momentum?", None, "What is momentum?"),
        ("❓ Q: What is momentum?", None, "What is momentum?"),
    ],
)
def test_question_labels(line: str, number: tuple[int, ...] | None, body: str) -> None:
    cue = read_cue(line)
    assert (cue.label, cue.number.value if cue.number else None, cue.body) == ("q", number, body)
    assert line[cue.body_at :] == body


@pytest.mark.parametrize(
    ("line", "body"),
    [
        ("A: a running mean", "a running mean"),
        ("A：滑动平均", "滑动平均"),
        ("A3: a running mean", "a running mean"),
        ("Answer: a running mean", "a running mean"),
        ("Ans. a running mean", "a running mean"),
        ("答：滑动平均", "滑动平均"),
        ("【答】滑动平均", "滑动平均"),
        ("答案：C", "C"),
        ("[答案] C", "C"),
        ("解析：滑动平均", "滑动平均"),
        ("参考答案：滑动平均", "滑动平均"),
        ("解决方案：滑动平均", "滑动平均"),
        ("回答: 滑动平均", "滑动平均"),
        ("解：滑动平均", "滑动平均"),
        ("答案解析", ""),
        ("Explanation:", ""),
        ("Solution - a running mean", "a running mean"),
    ],
)
def test_answer_labels(line: str, body: str) -> None:
    cue = read_cue(line)
    assert (cue.label, cue.body) == ("a", body)
    assert line[cue.body_at :] == body


@pytest.mark.parametrize(
    "line",
    [
        "A model has parameters.",
        "Answers differ between machines.",
        "A/B 测试怎么做？",
        "Quantization makes models small.",
        "QPS 和 TPS 有什么区别？",
        "问卷要怎么设计？",
        "分析工具有很多",
        "解码器逐个生成词元",
        "答题卡不能折叠",
        "Q-learning updates a table.",
    ],
)
def test_words_that_begin_like_a_label_are_no_label(line: str) -> None:
    assert read_cue(line).label == ""


@pytest.mark.parametrize(
    "line",
    [
        "什么是动量？",
        "1. 为什么要归一化",
        "如何选择学习率",
        "动量和自适应方法有什么区别",
        "批大小会不会影响泛化",
        "验证集要不要参与训练？",
        "简述反向传播的过程",
        "请解释偏差与方差",
        "列举三种正则化方法",
        "手写快速排序",
        "谈谈你对注意力的理解",
        "Q: 什么是动量",
        "L1 和 L2 的区别",
        "随机森林的优缺点",
        "What is momentum?",
        "What is momentum",
        "Why do we normalise inputs",
        "How does dropout work?",
        "Explain the bias-variance trade-off.",
        "Describe how attention is computed",
        "Compare bagging and boosting",
        "List three optimisers",
        "Is accuracy a good measure here?",
        "Can a tree overfit?",
        "True or false: deeper nets always win",
        "Implement binary search",
        "3) Which loss suits ranking?",
        "Momentum (see above)?",
    ],
)
def test_lines_that_ask(line: str) -> None:
    assert read_cue(line).ask >= 0.5


@pytest.mark.parametrize(
    "line",
    [
        "动量是梯度的滑动平均。",
        "它让更新更平稳，也更快。",
        "https://example.org/what-is-it?",
        "www.example.org/how?",
        "",
        "   ",
        pytest.param(
            "优点：", marks=pytest.mark.xfail(strict=True, reason="the colon of a label is trimmed before judging")
        ),
        "学习率决定每一步走多远；太大会发散。",
        "因此要先归一化再训练。",
        "Momentum is a running mean of gradients.",
        "It makes updates steady and fast.",
        "Advantages:",
        "That is what the loss measures.",
        "Whatever happens, the weights stay small.",
        "This is how the weights are shared in the layer, and it does not depend on the input.",
    ],
)
def test_lines_that_do_not_ask(line: str) -> None:
    assert ask_score(line) < 0.5


def test_question_mark_is_the_surest_sign() -> None:
    assert ask_score("动量？") == 1.0
    assert ask_score("动量") == 0.0
    assert ask_score("什么是动量？") > ask_score("什么是动量")


def test_text_that_ends_in_a_question_is_weaker_than_a_question() -> None:
    text = "先说结论。动量能加速收敛。它也有代价。调参更难。那么该怎么办？"
    assert ask_score(text) < ask_score("那么该怎么办？")


def test_ask_score_ignores_a_company_tag() -> None:
    assert ask_score("什么是动量？（某厂面试题）") == 1.0


@FIXED
@given(st.text(max_size=60))
def test_ask_score_is_between_nothing_and_certain(text: str) -> None:
    assert 0.0 <= ask_score(text) <= 1.0


@FIXED
@given(st.text("1一、.)( QA:：问答题第①#-*什么? ab", max_size=16))
def test_body_of_a_cue_is_the_rest_of_its_line(line: str) -> None:
    cue = read_cue(line)
    assert line[cue.body_at :].startswith(cue.body)
    assert line.rstrip().endswith(cue.body)


@pytest.mark.parametrize(
    ("text", "trimmed"),
    [
        ("什么是动量？", "什么是动量？"),
        ("什么是动量？（某厂）", "什么是动量？"),
        ("什么是动量？【高频】", "什么是动量？"),
        ("什么是  动量 ？ ", "什么是 动量 ？"),
        ("什么是动量：", "什么是动量"),
        ("⭐什么是动量？", "什么是动量？"),
        ("什么是批归一化（BN）", "什么是批归一化（BN）"),
        ("What is f(x)?", "What is f(x)?"),
        ("What is momentum (SGD)", "What is momentum (SGD)"),
        ("它快吗（和谁比呢）", "它快吗（和谁比呢）"),
        ("", ""),
    ],
)
def test_questions_are_trimmed_of_tags_and_ornaments(text: str, trimmed: str) -> None:
    assert trim_question(text) == trimmed


@pytest.mark.parametrize(
    ("text", "plain"),
    [
        ("## 什么是动量？", "什么是动量？"),
        ("**什么是动量？**", "什么是动量？"),
        ("*momentum* and __decay__", "momentum and decay"),
        ("[动量](https://example.org/m)很快", "动量很快"),
        ("![图](a.png)说明", "图说明"),
        ("`**kwargs` 是什么？", "`**kwargs` 是什么？"),
        ("2 * 3 * 4", "2 * 3 * 4"),
        ("snake_case_name", "snake_case_name"),
        ("<b>动量</b><br>", "动量"),
        ("a < b > c", "a < b > c"),
    ],
)
def test_markup_is_stripped_and_nothing_else(text: str, plain: str) -> None:
    assert strip_markup(text) == plain


@pytest.mark.parametrize(
    "text",
    ["那么为什么呢？", "为什么呢？", "那，怎么办？", "So why does it work?", "But is that enough?", "And then?"],
)
def test_questions_that_lean_on_the_text_before_are_rhetorical(text: str) -> None:
    assert is_rhetorical(text)


@pytest.mark.parametrize("text", ["但是这样够吗？", "那么如何避免？", "所以该选哪个？"])
def test_questions_that_go_on_from_a_chinese_conjunction_are_rhetorical(text: str) -> None:
    assert is_rhetorical(text)


@pytest.mark.parametrize(
    "text", ["为什么要归一化？", "什么是动量？", "What is momentum?", "Why does it work?", "Sound is what?"]
)
def test_questions_that_stand_alone_are_not_rhetorical(text: str) -> None:
    assert not is_rhetorical(text)


@pytest.mark.parametrize(
    "text", ["https://example.org", " www.example.org/a ", "<https://example.org/a?b=c>", "(http://a.b)"]
)
def test_lines_that_are_only_a_link(text: str) -> None:
    assert is_url(text)


@pytest.mark.parametrize("text", ["见 https://example.org", "https://example.org 的说明", "example.org", ""])
def test_lines_that_are_more_than_a_link(text: str) -> None:
    assert not is_url(text)


@pytest.mark.parametrize("text", ["优化方法", "Optimisers", "动量与衰减", "3. 优化方法", "Part two"])
def test_short_lines_without_a_stop_are_titles(text: str) -> None:
    assert is_title(text)


@pytest.mark.parametrize(
    "text", ["动量是滑动平均。", "优点：", "", "——", "https://example.org", "先看动量；再看衰减", "字" * 31]
)
def test_sentences_labels_and_long_lines_are_no_titles(text: str) -> None:
    assert not is_title(text)


@pytest.mark.parametrize(
    ("text", "width"),
    [
        ("abc", 3),
        ("动量", 4),
        ("动a", 3),
        ("，。", 4),
        ("“a”", 3),
        ("é", 1),
        ("e\u0301", 1),
        ("ｆ", 2),
        ("", 0),
        ("한", 2),
    ],
)
def test_display_width_counts_columns(text: str, width: int) -> None:
    assert display_width(text) == width


@FIXED
@given(st.text(max_size=20), st.text(max_size=20))
def test_width_of_joined_texts_is_the_sum_of_their_widths(first: str, second: str) -> None:
    assert display_width(first + second) == display_width(first) + display_width(second)


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("动量是梯度的滑动平均。", "zh"),
        ("用 SGD 训练时动量常取 0.9，收敛更快。", "zh"),
        ("Momentum is a running mean of gradients.", "en"),
        ("Momentum (动量) is a running mean of the gradients of earlier steps in training.", "en"),
        ("BN、LN 与 GN 的 batch size、layer width 和 channel group 设置", "mixed"),
        ("12 + 30 = 42", "en"),
        ("", "en"),
        ("???", "en"),
        ("？？？", "zh"),
        ("。。。", "zh"),
        ("１２，３０？", "zh"),
    ],
)
def test_language_of(text: str, language: str) -> None:
    assert language_of(text) == language
