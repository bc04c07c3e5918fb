"""Splitting: the shapes in which pages write questions and answers, and the invariant that citations hold."""

import re
from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from making import answers, check_passages, children, make_page, open_questions, parents, questions, within

from retriever.cues import read_cue
from retriever.documents import Passage
from retriever.pages import Page

FIXED = settings(max_examples=150, deadline=None, derandomize=True, database=None)
Pairs = list[tuple[str, str]]

ZH: Pairs = [
    ("什么是动量？", "动量是梯度的滑动平均，它让更新更平稳。"),
    ("权重衰减有什么作用？", "权重衰减把权重往零拉，起到正则化的作用。"),
    ("批归一化用什么统计量？", "批归一化用小批量的均值和方差做标准化。"),
]
EN: Pairs = [
    ("What is momentum?", "Momentum keeps a running mean of gradients."),
    ("Why is weight decay used?", "Weight decay pulls the weights towards zero."),
    ("Which statistics does batch normalisation use?", "It uses the mean and variance of a minibatch."),
]
BOTH = pytest.mark.parametrize("pairs", [ZH, EN], ids=["zh", "en"])
HAN = "零一二三四五六七八九"


def written(pairs: Pairs, shape: str, between: str = "\n\n") -> str:
    """A page with every pair written in `shape`: `{n}` its number, `{h}` the same in Chinese, `{q}` and `{a}`."""
    return between.join(shape.format(n=n, h=HAN[n % 10], q=q, a=a) for n, (q, a) in enumerate(pairs, 1)) + "\n"


def part(page: Page, question: str) -> Passage:
    """The one part of an answer with that title."""
    found = [p for p in children(page) if p.question == question]
    assert len(found) == 1, [p.question for p in children(page)]
    return found[0]


# one shape after the other

TEXT_SHAPES = [
    "Q: {q}\nA: {a}",
    "Q{n}: {q}\nA{n}: {a}",
    "Q{n}. {q}\n\nA. {a}",
    "Question {n}: {q}\nAnswer: {a}",
    "[Q] {q}\n[A] {a}",
    "问题{n}：{q}\n答：{a}",
    "问：{q}\n答：{a}",
    "【问】{q}\n【答】{a}",
    "第{n}题：{q}\n解析：{a}",
    "面试题{n}：{q}\n参考答案：{a}",
    "{n}. {q}\n{a}",
    "{n}. {q}\n\n{a}",
    "{n}、{q}\n{a}",
    "{n}）{q}\n\n{a}",
    "({n}) {q}\n{a}",
    "[{n}] {q}\n{a}",
    "{h}、{q}\n{a}",
    "（{h}）{q}\n\n{a}",
    "1.{n} {q}\n\n{a}",
    "{n}、{q}\n答案：\n{a}",
    "{n}. {q}\n答：{a}",
    "{q}\n\n{a}",
    "Q{n}、{q}\n{a}",
    "Q.{n} {q}\nAns. {a}",
    "Q{n}\n{q}\n{a}",
    "问题{n}：\n{q}\n面试者：{a}",
    "#{n} {q}\n{a}",
]


@BOTH
@pytest.mark.parametrize("shape", TEXT_SHAPES)
def test_shapes_of_plain_text(pairs: Pairs, shape: str) -> None:
    page = make_page(written(pairs, shape))
    assert answers(page) == dict(pairs)
    assert open_questions(page) == []


MARKDOWN_SHAPES = [
    "## {q}\n\n{a}",
    "### {n}. {q}\n\n{a}",
    "### Q{n}: {q}\n\n{a}",
    "#### 问题{h}：{q}\n\n{a}",
    "{n}. **{q}**\n\n{a}",
    "**{n}. {q}**\n\n{a}",
    "**Q: {q}**\n\n{a}",
    "**Q{n}: {q}**\n\n**A:** {a}",
    "**{q}**\n\n{a}",
    "### {n}. {q}\n\n**答案**：{a}",
    "<details>\n<summary>{q}</summary>\n\n{a}\n\n</details>",
    "<details><summary><b>{n}. {q}</b></summary>\n\n{a}\n</details>",
    "{n}. {q}\n<details>\n<summary>Show answer</summary>\n\n{a}\n</details>",
    "**Q{n}.** {q}\n\n{a}",
    "**Q{n}.**\n{q}\n\n{a}",
    "### Question {n}\n\n{q}\n\n{a}",
    "**面试题 {h}：** {q}\n\n**答：** {a}",
    "***{n}. {q}***\n\n{a}",
    "{n}\\. {q}\n\n{a}",
    "- {q}\n\n    {a}",
    "- 训练\n    - {q}\n\n        {a}",
]


@BOTH
@pytest.mark.parametrize("shape", MARKDOWN_SHAPES)
def test_shapes_of_markdown(pairs: Pairs, shape: str) -> None:
    page = make_page(written(pairs, shape), "a.md")
    assert answers(page) == dict(pairs)
    assert open_questions(page) == []


HTML_SHAPES = [
    "<h3>{q}</h3>\n<p>{a}</p>",
    "<h2>{n}. {q}</h2>\n<div><p>{a}</p></div>",
    "<p>Q: {q}</p>\n<p>A: {a}</p>",
    "<p>{n}. {q}</p>\n<p>{a}</p>",
    "<p><strong>{n}. {q}</strong></p>\n<p>{a}</p>",
    "<p><strong>{q}</strong></p>\n<p>{a}</p>",
    "<p><strong>{n}. {q}</strong><br>\n{a}</p>",
    "<p><b>Q{n}: {q}</b> {a}</p>",
    "<details><summary>{q}</summary>\n<p>{a}</p></details>",
    '<div class="question">{q}</div>\n<div class="answer">{a}</div>',
    "<div><button>{q}</button>\n<div hidden><p>{a}</p></div></div>",
    "<dl><dt>{q}</dt>\n<dd>{a}</dd></dl>",
]


@BOTH
@pytest.mark.parametrize("shape", HTML_SHAPES)
def test_shapes_of_html(pairs: Pairs, shape: str) -> None:
    page = make_page(f"<html><body>{written(pairs, shape)}</body></html>", "a.html")
    assert answers(page) == dict(pairs)
    assert open_questions(page) == []


@BOTH
@pytest.mark.parametrize(
    "shape",
    [
        "<p><b>Q{n}: {q}</b>A: {a}</p>",
        "<p><b>{n}. {q}</b><i>A:</i> {a}</p>",
        "<p><strong>{q}</strong><span>答：</span>{a}</p>",
    ],
)
def test_answer_that_begins_at_the_border_of_an_element(pairs: Pairs, shape: str) -> None:
    """The cut between question and answer falls where one text node ends and the next begins."""
    text = written(pairs, shape)
    page = make_page(text, "a.html")
    assert answers(page) == dict(pairs)
    for passage in parents(page):
        assert text[passage.start_char : passage.end_char].endswith(passage.answer)
        assert text[passage.start_char] == passage.answer[0]


@BOTH
def test_definition_list(pairs: Pairs) -> None:
    page = make_page("<dl>" + written(pairs, "<dt>{q}\n<dd>{a}", "\n") + "</dl>", "a.html")
    assert answers(page) == dict(pairs)


@BOTH
@pytest.mark.parametrize(
    "item",
    [
        "<li><strong>{q}</strong><br>{a}</li>",
        "<li><p>{q}</p>\n<p>{a}</p></li>",
    ],
)
def test_ordered_list_of_questions(pairs: Pairs, item: str) -> None:
    page = make_page(f"<ol>{written(pairs, item)}</ol>", "a.html")
    assert answers(page) == dict(pairs)


@pytest.mark.parametrize(
    ("head", "pairs"), [("| 问题 | 答案 |", ZH), ("| Question | Answer |", EN), ("| # | Question | Answer |", EN)]
)
def test_table_of_questions_and_answers(head: str, pairs: Pairs) -> None:
    row = "| {n} | {q} | {a} |" if head.startswith("| #") else "| {q} | {a} |"
    rule = re.sub(r"[^|]+", "---", head)
    page = make_page(f"{head}\n{rule}\n{written(pairs, row, chr(10))}", "a.md")
    assert answers(page) == dict(pairs)
    assert [p.answer_lines for p in parents(page)] == [(3, 3), (4, 4), (5, 5)]


def test_html_table_of_questions_and_answers() -> None:
    rows = written(EN, "<tr><td>{q}</td><td>{a}</td></tr>", "\n")
    page = make_page(f"<table><tr><th>Question</th><th>Answer</th></tr>\n{rows}</table>", "a.html")
    assert answers(page) == dict(EN)


BELOW = {
    "zh": "这些优化器都能在常见的框架里找到，默认的超参数大多够用。",
    "en": "All of these come with the usual frameworks, and their defaults mostly do.",
}


@pytest.mark.parametrize(("head", "pairs", "below"), [("问题 | 答案", ZH, "zh"), ("Question | Answer", EN, "en")])
@pytest.mark.parametrize("name", ["a.md", "a.html"])
def test_text_below_a_table_of_questions_is_told_of_its_section(head: str, pairs: Pairs, below: str, name: str) -> None:
    if name == "a.md":
        text = f"## Notes\n\n| {head} |\n|---|---|\n{written(pairs, '| {q} | {a} |', chr(10))}\n{BELOW[below]}\n"
    else:
        row = "<tr><td>{q}</td><td>{a}</td></tr>"
        rows = row.format(q=head.split(" | ")[0], a=head.split(" | ")[1]) + written(pairs, row, "")
        text = f"<h2>Notes</h2><table>{rows}</table><p>{BELOW[below]}</p>"
    assert answers(make_page(text, name)) == {**dict(pairs), "Notes": BELOW[below]}


def test_text_below_a_table_without_a_heading_is_told_of_its_page() -> None:
    table = "| Question | Answer |\n|---|---|\n" + written(EN, "| {q} | {a} |", "\n")
    page = make_page(f"Optimisers\n\n{table}\n{BELOW['en']}\n")
    assert answers(page) == {**dict(EN), "Optimisers": BELOW["en"]}


def test_word_below_a_table_of_questions_is_no_part_of_its_last_answer() -> None:
    table = "| 问题 | 答案 |\n|---|---|\n" + written(ZH, "| {q} | {a} |", "\n")
    assert answers(make_page(f"# 优化器\n\n{table}\n- [ ] 待整理：学习率\n", "a.md")) == dict(ZH)


@pytest.mark.parametrize(
    "head",
    ["| # | Prompt | Reply |", "| No. | Asked | What I want to hear |", "| 序号 | 考官会问 | 可以这样说 |"],
)
@BOTH
def test_table_one_column_of_which_asks_is_one_of_questions(head: str, pairs: Pairs) -> None:
    rows = "\n".join(f"| {n} | {q} | {a} |" for n, (q, a) in enumerate(pairs, 1))
    open_row = "| 4 | 什么是早停？ | — |"
    page = make_page(f"# Round one\n\nSome words.\n\n{head}\n|---|---|---|\n{rows}\n{open_row}\n", "a.md")
    assert {q: a for q, a in answers(page).items() if q != "Round one"} == dict(pairs)
    assert open_questions(page) == ["什么是早停？"]


@pytest.mark.parametrize(
    "rows",
    [
        "| Does it shuffle? | yes |\n| Does it cache? | no |\n| Is it lazy? | yes |",
        "| Is it labelled? | supervised learning | regression, say |\n| Is it not? | clustering | k-means, say |\n| Is there a reward? | reinforcement | bandits, say |",
    ],
    ids=["properties", "comparison"],
)
def test_table_of_properties_is_no_table_of_questions(rows: str) -> None:
    width = rows.split("\n")[0].count("|") - 1
    table = f"|{' x |' * width}\n|{'---|' * width}\n{rows}"
    text = f"## What is it?\n\nIt depends on these.\n\n{table}\n\n## Why does it help?\n\nIt saves time.\n"
    assert answers(make_page(text, "a.md"))["What is it?"].endswith(table)


@BOTH
def test_table_of_questions_without_a_header(pairs: Pairs) -> None:
    rows = written(pairs, "<tr><td>{n}</td><td>{q}</td><td>{a}</td></tr>")
    assert answers(make_page(f"<h1>Round</h1><table>{rows}</table>", "a.html")) == dict(pairs)


@pytest.mark.parametrize("cell", ["待补充", "（这题留给读者）", "TODO", "to be added", "", "—", "*up for grabs*"])
def test_cell_that_stands_for_an_answer_is_none(cell: str) -> None:
    table = "| Question | Answer |\n|---|---|\n" + written(EN, "| {q} | {a} |", "\n")
    page = make_page(f"{table}| What is drift? | {cell} |\n| What is TODO? | TODO: what is to be done. |\n", "a.md")
    assert answers(page) == {**dict(EN), "What is TODO?": "TODO: what is to be done."}
    assert open_questions(page) == ["What is drift?"]


@BOTH
def test_table_that_asks_below_a_question_is_its_answer(pairs: Pairs) -> None:
    table = "| step | what for |\n|---|---|\n" + "\n".join(f"| {q} | {a} |" for q, a in pairs)
    text = f"## How do you choose?\n\n{table}\n\n## Why does it help?\n\nAsk yourself:\n\n{table}\n"
    page = make_page(text, "a.md")
    assert questions(page) == ["How do you choose?", "Why does it help?"]


def test_table_with_other_columns_is_part_of_an_answer() -> None:
    table = "| 方法 | 问题 |\n|---|---|\n| 动量 | 多一个超参数 |"
    page = make_page(f"## 优化器各有什么不足？\n\n{table}\n", "a.md")
    assert answers(page) == {"优化器各有什么不足？": table}


TICKED = (
    "## Processes\n\n- [x] What does fork return? :green_circle:\n\n  Twice: once in each of the two.\n\n- [ ] What is a huge page? :red_circle:\n\n"
    "- [x] {order}\n\n  ```text\n  new -> ready -> running\n  ```\n\n  The scheduler moves them.\n\n- [x] Zombie or orphan?\n\n  One has ended.\n"
)


@pytest.mark.parametrize("order", ["Draw the states of a process.", "把进程的状态画出来。"])
def test_tasks_with_text_below_them_are_questions(order: str) -> None:
    page = make_page(TICKED.format(order=order), "a.md")
    assert questions(page) == ["What does fork return?", order, "Zombie or orphan?"]
    assert open_questions(page) == ["What is a huge page?"]


def test_tasks_without_text_below_them_are_part_of_an_answer() -> None:
    tasks = "- [ ] Did you save the seed?\n- [ ] Is the data split?\n- [x] Is the metric fixed?"
    page = make_page(f"## How do you begin?\n\nTick these off.\n\n{tasks}\n\n## Why?\n\nTo be sure of it.\n", "a.md")
    assert answers(page)["How do you begin?"].endswith("Is the metric fixed?")


def test_headings_of_a_section_ask_though_others_ask_otherwise() -> None:
    table = "## C corner\n\n| Question | Answer |\n|---|---|\n" + written(EN * 2, "| {q} {n} | {a} |", "\n")
    inner = "#### (i) Paging and segments\n\n##### Paging\nFrames.\n\n##### Segments\nUnits.\n\n"
    asking = "".join(f"#### {q}\n\n{a}\n\n" for q, a in ZH)
    page = make_page(f"{table}\n## Memory\n\n{inner}{asking}", "a.md")
    assert {**answers(page), **dict(ZH)} == answers(page)
    assert answers(page)["Paging and segments"] == "##### Paging\nFrames.\n\n##### Segments\nUnits."


SPOKEN = {"divs": ("<div>{name}</div><div>{said}</div>\n", "a.html"), "lines": ("{name}:\n{said}\n\n", "a.txt")}


@pytest.mark.parametrize(("shape", "name"), SPOKEN.values(), ids=SPOKEN)
@pytest.mark.parametrize(("asker", "teller"), [("Vera", "阿肯"), ("主持人小林", "Ken L"), ("Moderator", "Guest")])
def test_names_of_two_who_take_turns_mark_questions(asker: str, teller: str, shape: str, name: str) -> None:
    pairs = [*EN, *ZH, ("Center a box of unknown size, three ways please.", "A grid does it.")]
    turns = "".join(shape.format(name=asker, said=q) + shape.format(name=teller, said=a) for q, a in pairs)
    page = make_page(turns, name)
    assert answers(page) == dict(pairs)
    assert [passage.answer for passage in parents(page)] == [a for _, a in pairs]


@pytest.mark.parametrize(("shape", "name"), SPOKEN.values(), ids=SPOKEN)
def test_two_guests_may_answer(shape: str, name: str) -> None:
    pairs = [*EN, *ZH]
    guests = ["Ann", "阿肯"] * 3
    turns = "".join(
        shape.format(name="Host", said=q) + shape.format(name=guest, said=a)
        for guest, (q, a) in zip(guests, pairs, strict=True)
    )
    assert answers(make_page(turns, name)) == dict(pairs)


def test_titles_that_take_turns_and_do_not_ask_are_no_speakers() -> None:
    parts = "\n\n".join(f"Pro\nIt is fast in case {n}.\n\nCon\nIt is dear in case {n}." for n in range(1, 5))
    page = make_page(f"1. {EN[0][0]}\n\n{parts}\n\n2. {EN[1][0]}\n\n{EN[1][1]}\n")
    assert questions(page) == [EN[0][0], EN[1][0]]


@pytest.mark.parametrize(
    "words",
    [
        ["**Scenario A.** {q}", "**Scenario B.** The disk is full.", "**Scenario C.** {q}"],
        ["案例一：{q}", "案例二：磁盘满了。", "案例三：{q}"],
        ["Puzzle #1: {q}", "Puzzle #2: The disk is full.", "Puzzle #3: {q}"],
    ],
    ids=["letters", "zh", "numbers"],
)
@BOTH
def test_words_that_count_mark_questions(words: list[str], pairs: Pairs) -> None:
    cases = "\n\n".join(f"{word.format(q=q)}\n\n{a}" for word, (q, a) in zip(words, pairs, strict=True))
    page = make_page(f"# Round\n\n{cases}\n", "a.md")
    assert [passage.answer for passage in parents(page)] == [a for _, a in pairs]
    assert questions(page)[0] == pairs[0][0]


@pytest.mark.parametrize("word", ["Case", "Step", "情况"])
def test_words_that_count_and_do_not_ask_stay_in_their_answer(word: str) -> None:
    cases = "\n\n".join(f"{word} {n}: the value is {n}.\n\nThen halve it." for n in range(1, 4))
    page = make_page(f"## How is it proved?\n\n{cases}\n\n## Why?\n\nIt must hold.\n", "a.md")
    assert answers(page)["How is it proved?"] == cases


@pytest.mark.parametrize("label", ["**参考思路**", "**答题要点**", "**Model answer**"])
def test_first_line_below_a_title_asks_where_a_labelled_answer_follows(label: str) -> None:
    strong = "".join(f"**{q}**\n\n{a}\n\n" for q, a in ZH)
    cases = "".join(f"### 情景 {n}\n\n{q}\n\n{label}\n\n{a}\n\n" for n, (q, a) in zip("ⅠⅡⅢ", EN, strict=True))
    page = make_page(f"## 甲\n\n{strong}## 乙\n\n{cases}### 情景 Ⅳ\n\n你先去哪边？\n", "a.md")
    assert answers(page) == dict(ZH + EN)
    assert open_questions(page) == ["你先去哪边？"]


@pytest.mark.parametrize(
    "head",
    [
        '<i class="lv2">Core</i> {q}',
        '<b>卡片 0{n}</b> <i class="lv2">中等</i> {q}',
        '{q} <span class="tag easy">Warm-up</span>',
    ],
)
@BOTH
def test_badges_and_counters_of_unfolding_titles_are_no_part_of_the_question(pairs: Pairs, head: str) -> None:
    page = make_page(written(pairs, f"<details><summary>{head}</summary><p>{{a}}</p></details>"), "a.html")
    assert answers(page) == dict(pairs)


@BOTH
@pytest.mark.parametrize("shape", ["{q} {a}", "{n}. {q} {a}", "Q: {q} A: {a}", "问：{q}答：{a}", "**{q}** {a}"])
def test_answer_on_the_line_of_its_question(pairs: Pairs, shape: str) -> None:
    if shape == "{q} {a}":
        pairs = [(question, answer[:10]) for question, answer in pairs]
    text = written(pairs, shape, "\n")
    page = make_page(text, "a.md")
    assert answers(page) == dict(pairs)
    assert [p.answer_lines for p in parents(page)] == [(1, 1), (2, 2), (3, 3)]
    assert all(text[p.start_char : p.end_char] == p.answer for p in parents(page))


# statements and imperatives as questions


@pytest.mark.parametrize(
    "pairs",
    [
        [
            ("简述反向传播的过程", "先算损失，再往回算梯度。"),
            ("动量法的优缺点", "快，但多一个超参数。"),
            ("梯度消失", "连乘使梯度趋零。"),
        ],
        [
            ("Explain back-propagation", "Losses go forwards, gradients backwards."),
            ("Vanishing gradients", "Products of small numbers are tiny."),
            ("Compare bagging and boosting", "Bagging averages, boosting adds up."),
        ],
    ],
    ids=["zh", "en"],
)
@pytest.mark.parametrize("shape", ["{n}. {q}\n{a}", "### {n}. {q}\n\n{a}", "Q: {q}\nA: {a}"])
def test_titles_and_orders_are_questions_too(pairs: Pairs, shape: str) -> None:
    assert answers(make_page(written(pairs, shape), "a.md")) == dict(pairs)


# sections


def test_sections_give_the_heading_path() -> None:
    text = (
        "# 笔记\n\n## 优化\n\n### 什么是动量？\n\n滑动平均。\n\n## 归一化\n\n### 什么是批归一化？\n\n按小批量标准化。\n"
    )
    page = make_page(text, "a.md")
    assert [(p.question, p.heading_path) for p in parents(page)] == [
        ("什么是动量？", ("笔记", "优化")),
        ("什么是批归一化？", ("笔记", "归一化")),
    ]


@pytest.mark.parametrize(
    "text",
    [
        "一、优化\n\n(1) 什么是动量？\n滑动平均。\n\n(2) 什么是衰减？\n把权重往零拉。\n\n"
        "二、归一化\n\n(1) 什么是批归一化？\n按小批量标准化。\n\n(2) 什么是层归一化？\n按样本标准化。\n",
        "一、优化\n1、什么是动量？\n滑动平均。\n2、什么是衰减？\n把权重往零拉。\n\n"
        "二、归一化\n1、什么是批归一化？\n按小批量标准化。\n2、什么是层归一化？\n按样本标准化。\n",
        "1 优化\n\n1.1 什么是动量？\n\n滑动平均。\n\n1.2 什么是衰减？\n\n把权重往零拉。\n\n"
        "2 归一化\n\n2.1 什么是批归一化？\n\n按小批量标准化。\n\n2.2 什么是层归一化？\n\n按样本标准化。\n",
        "# 优化\n\n1. 什么是动量？\n\n滑动平均。\n\n2. 什么是衰减？\n\n把权重往零拉。\n\n"
        "# 归一化\n\n1. 什么是批归一化？\n\n按小批量标准化。\n\n2. 什么是层归一化？\n\n按样本标准化。\n",
    ],
    ids=["han and parentheses", "han and commas", "dotted", "headings"],
)
def test_numbering_that_restarts_under_section_titles(text: str) -> None:
    page = make_page(text, "a.md")
    assert answers(page) == {
        "什么是动量？": "滑动平均。",
        "什么是衰减？": "把权重往零拉。",
        "什么是批归一化？": "按小批量标准化。",
        "什么是层归一化？": "按样本标准化。",
    }
    assert [p.heading_path[-1][-2:] for p in parents(page)] == ["优化", "优化", "一化", "一化"]


def test_numbering_that_restarts_without_a_title() -> None:
    page = make_page(written(ZH[:2], "{n}、{q}\n{a}") + "\n" + written(ZH[2:], "{n}、{q}\n{a}"))
    assert answers(page) == dict(ZH)


def test_missing_and_repeated_numbers_lose_no_question() -> None:
    numbers = [1, 2, 2, 5, 6]
    asked = [
        (f"第{n}步{word}？", f"第{n}步的{word[-2:]}写在日志里。")
        for n, word in enumerate(["做什么", "看什么", "记什么", "比什么", "删什么"])
    ]
    text = "\n\n".join(f"{n}. {q}\n{a}" for n, (q, a) in zip(numbers, asked, strict=True))
    assert answers(make_page(text)) == dict(asked)


# numbered lists, code and rhetorical questions inside answers


@BOTH
@pytest.mark.parametrize("blank", ["\n", "\n\n"], ids=["tight", "airy"])
def test_numbered_lists_in_answers_are_no_questions(pairs: Pairs, blank: str) -> None:
    steps = (
        "1. 先准备数据\n2. 再选择模型\n3. 最后调整参数"
        if pairs is ZH
        else "1. Prepare the data\n2. Choose a model\n3. Tune it"
    )
    ask = "训练模型分哪几步？" if pairs is ZH else "What are the steps of training?"
    numbered = [(ask, steps), *pairs]
    page = make_page(written(numbered, "{n}. {q}" + blank + "{a}"))
    assert answers(page) == dict(numbered)


def test_list_whose_items_ask_belongs_to_its_answer() -> None:
    answer = "先问自己：\n1. 数据够不够\n2. 标签准不准\n3. 指标对不对"
    pairs = [("怎么排查效果差？", answer), *ZH]
    page = make_page(written(pairs, "### {n}. {q}\n\n{a}"), "a.md")
    assert answers(page) == dict(pairs)


@pytest.mark.parametrize(
    "code",
    [
        "```python\n# 什么是学习率？\n## 2. 读取梯度？\nv = b * v + g\n\n# 3. 为什么？\n```",
        "~~~sh\n# Q: what is this?\n# A: a comment\nrun --all\n~~~",
    ],
)
def test_comments_in_code_are_no_questions(code: str) -> None:
    pairs = [("怎么写一步更新？", f"写法是：\n\n{code}\n\n注释可以不要。"), *ZH]
    assert answers(make_page(written(pairs, "## {q}\n\n{a}"), "a.md")) == dict(pairs)


def test_comments_in_unfenced_code_are_no_questions() -> None:
    code = "import step\n# 更新速度\nv = b * v + g\n# 更新参数\nw = w - lr * v\nprint(w)"
    pairs = [("怎么写一步更新？", code), *ZH]
    assert answers(make_page(written(pairs, "{n}. {q}\n\n{a}"))) == dict(pairs)


@pytest.mark.parametrize(
    ("pairs", "answer"),
    [
        (
            ZH,
            "梯度来回震荡时收敛很慢。那么怎么办呢？\n把历史梯度平均一下，震荡就抵消了。\n这样够吗？\n大多数时候够了。",
        ),
        (EN, "Gradients swing to and fro. So what can be done?\n\nAverage them.\nIs that enough?\nMostly it is."),
    ],
    ids=["zh", "en"],
)
@pytest.mark.parametrize("shape", ["{n}. {q}\n{a}", "## {q}\n\n{a}", "Q: {q}\nA: {a}"])
def test_rhetorical_questions_stay_in_their_answer(pairs: Pairs, answer: str, shape: str) -> None:
    ask = "为什么要用滑动平均？" if pairs is ZH else "Why use a running mean?"
    asked = [(ask, answer), *pairs]
    assert answers(make_page(written(asked, shape), "a.md")) == dict(asked)


@pytest.mark.xfail(strict=True, reason="on a page without marks every line that ends in ？ opens a question")
def test_rhetorical_questions_on_a_page_without_marks_stay_in_their_answer() -> None:
    asked = [("为什么要用滑动平均？", "梯度来回震荡时收敛很慢。\n\n那么怎么办呢？\n\n把历史梯度平均一下。"), *ZH]
    assert answers(make_page(written(asked, "{q}\n\n{a}"))) == dict(asked)


# several styles on one page

MIXED = [
    ("Q: {q}\nA: {a}", "### {q}\n\n{a}"),
    ("## {q}\n\n{a}", "Q: {q}\nA: {a}"),
    ("## {q}\n\n{a}", "**Q{n}.** {q}\n\n{a}"),
    ("## {q}\n\n{a}", "**Q{n}.**\n{q}\n\n{a}"),
    ("{n}. {q}\n\n{a}", "**Q{n}: {q}**\n\n{a}"),
    ("**{q}**\n\n{a}", "问题{n}：{q}\n答：{a}"),
    ("**Q{n}.** {q}\n\n{a}", "**{n}. {q}**\n\n{a}"),
    ("**Q{n}.** {q}\n\n{a}", "### {q}\n\n{a}"),
    ("{n}. {q}\n\n{a}", "<details><summary>{q}</summary>\n\n{a}\n\n</details>"),
]


@BOTH
@pytest.mark.parametrize(("usual", "other"), MIXED)
@pytest.mark.parametrize("place", range(4))
def test_question_in_another_style_than_most_of_its_page(pairs: Pairs, usual: str, other: str, place: int) -> None:
    pairs = [*pairs, ("随机失活怎么做？" if pairs is ZH else "How does dropout work?", pairs[0][1] + pairs[1][1])]
    parts = [
        (other if at == place else usual).format(n=at + 1, h=HAN[at + 1], q=q, a=a) for at, (q, a) in enumerate(pairs)
    ]
    assert answers(make_page("# 训练\n\n" + "\n\n".join(parts) + "\n", "a.md")) == dict(pairs)


@BOTH
@pytest.mark.parametrize("label", ["Q: {q}\nA: {a}", "Question {n}: {q}\nAnswer: {a}", "问题{n}：{q}\n\n答：{a}"])
@pytest.mark.parametrize("bare", ["{q}\n{a}", "{q}\n\n{a}"], ids=["tight", "airy"])
def test_bare_questions_below_labelled_ones(pairs: Pairs, label: str, bare: str) -> None:
    text = written(pairs[:1], label) + "\n" + written(pairs[1:], bare)
    assert answers(make_page(text)) == dict(pairs)


@BOTH
@pytest.mark.parametrize("place", range(3))
def test_bare_question_among_labelled_ones(pairs: Pairs, place: int) -> None:
    shapes = ["Q: {q}\nA: {a}"] * 3
    shapes[place] = "{q}\n{a}"
    text = "\n\n".join(shape.format(q=q, a=a) for shape, (q, a) in zip(shapes, pairs, strict=True))
    assert answers(make_page(text + "\n")) == dict(pairs)


def test_bare_title_that_asks_below_bare_questions_and_labelled_ones() -> None:
    text = (
        written(EN, "Q: {q}\nA: {a}") + "\nWhy does rice stick?\nStarch.\n\nHow do I rinse rice\nUntil it runs clear.\n"
    )
    assert questions(make_page(text))[3:] == ["Why does rice stick?", "How do I rinse rice"]


@pytest.mark.parametrize(
    "told",
    [
        "Gradients swing to and fro.\n\nIs that enough?\nMostly it is.",
        "Gradients swing to and fro.\n\nHow does it help?\nThey cancel out.",
        "梯度来回震荡。\n\n这样够吗？\n大多数时候够了。",
        "梯度来回震荡。\n\n为什么？\n因为曲率不同。",
        "Ask yourself three things:\n\nWhich loss do I watch?\nThe one on held-out data.",
        "Plot the loss.\n\nThen look at it again.\n\nWhich loss should one watch?\nThe one on held-out data.",
    ],
)
@pytest.mark.parametrize("place", range(4))
def test_questions_inside_labelled_answers_stay_there(told: str, place: int) -> None:
    pairs = [*EN[:place], ("Why use a running mean?", told), *EN[place:]]
    assert answers(make_page(written(pairs, "Q: {q}\nA: {a}"))) == dict(pairs)


def test_number_that_a_bar_parts_from_its_question() -> None:
    text = "### 怎么调学习率？\n\n先扫一遍。\n\n### Q2｜损失不降怎么办\n\n看数据。\n\n**3、为什么会震荡**\n\n学习率太大。\n"
    assert questions(make_page(text, "a.md")) == ["怎么调学习率？", "损失不降怎么办", "为什么会震荡"]


def test_deeper_heading_after_a_heading_that_asks() -> None:
    (first, told), (second, more) = EN[:2]
    page = make_page(f"# Notes\n\n## {first}\n{told}\n\n### {second}\n{more}\n", "a.md")
    assert answers(page) == dict(EN[:2])


def test_section_with_text_before_a_heading_that_asks_is_kept() -> None:
    told = "Start with a small model and only then grow it, one part at a time."
    text = f"# Notes\n\n## Habits\n\n{told}\n\n## {EN[0][0]}\n\n{EN[0][1]}\n\n" + written(EN[1:], "Q: {q}\nA: {a}")
    assert answers(make_page(text, "a.md")) == {"Habits": told, **dict(EN)}


@BOTH
def test_numbered_question_inside_an_answer_is_no_question_of_the_page(pairs: Pairs) -> None:
    steps = (
        "1. 看损失\n2. 为什么会震荡？\n3. 再调学习率"
        if pairs is ZH
        else "1. plot the loss\n2. why does it jump?\n3. tune"
    )
    asked = [(pairs[0][0], f"{pairs[0][1]}\n\n{steps}"), *pairs[1:]]
    assert answers(make_page(written(asked, "### {n}. {q}\n\n{a}"), "a.md")) == dict(asked)


def test_first_option_is_no_label_of_an_answer() -> None:
    text = "Q1. Which one regularises?\nA. momentum\nB. dropout\n\nAnswer: B\n\nQ2. What is momentum?\nA. A running mean of gradients.\n"
    assert list(answers(make_page(text)).values()) == ["B", "A running mean of gradients."]


@BOTH
def test_paragraphs_that_begin_with_their_question(pairs: Pairs) -> None:
    assert answers(make_page("FAQ\n\n" + written(pairs, "{q} {a}"))) == dict(pairs)
    assert answers(make_page("# FAQ\n\n" + written(pairs, "- **{q}** {a}", "\n"), "a.md")) == dict(pairs)


@BOTH
def test_paragraph_of_an_answer_that_begins_with_a_question_is_not_cut(pairs: Pairs) -> None:
    asked = [(question, f"{answer}\n\n**{question}** {answer}") for question, answer in pairs]
    assert answers(make_page(written(asked, "## {n}. {q}\n\n{a}"), "a.md")) == dict(asked)


# verbatim

RICH = {
    "formula": "对一个样本：\n\n$$\nL = -\\sum_i y_i \\log p_i\n$$\n\n其中 $y_i$ 是标签。",
    "brackets": "写作\n\n\\[\n\\begin{aligned}\na &= b \\\\\nc &= d\n\\end{aligned}\n\\]",
    "table": "| 符号 | 含义 |\n|---|---|\n| $y_i$ | 标签 |\n| $p_i$ | 预测 |",
    "code": "```python\ndef loss(y, p):\n    # 平均\n\n    return -(y * log(p)).mean()\n```",
    "nested": "- 第一层\n  - 第二层\n    - 第三层\n- 又是第一层",
    "quote": "> 引用的话\n> 还有一行\n\n后面是正文。",
    "markup": "**加粗**、`代码`、[链接](https://example.org/a) 和 <sub>下标</sub>。",
}


@pytest.mark.parametrize("name", RICH)
@pytest.mark.parametrize("shape", ["## {q}\n\n{a}", "{n}. {q}\n\n{a}", "问题{n}：{q}\n\n{a}"])
def test_answers_are_verbatim(name: str, shape: str) -> None:
    pairs = [("交叉熵怎么写？", RICH[name]), *ZH]
    text = written(pairs, shape)
    page = make_page(text, "a.md")
    assert answers(page) == dict(pairs)
    first = parents(page)[0]
    assert text[first.start_char : first.end_char] == RICH[name]


@pytest.mark.parametrize(
    "answer",
    ["```\na = 1  \nb = 2\n```", "| a | b |\t\n|---|---|\n| 1 | 2 |", "$$\nx = 1 \n+ 2\n$$"],
    ids=["code", "table", "formula"],
)
def test_trailing_white_space_inside_a_block_is_no_fault(answer: str) -> None:
    page = make_page(written([("怎么写？", answer), *ZH], "## {q}\n\n{a}"), "a.md")
    assert questions(page) == ["怎么写？", *(question for question, _ in ZH)]


@pytest.mark.parametrize(
    "end",
    [
        "\r\n",
        "\r",
    ],
)
@pytest.mark.parametrize("name", ["code", "table", "formula"])
def test_answers_of_several_lines_in_files_with_other_line_ends(name: str, end: str) -> None:
    pairs = [("交叉熵怎么写？", RICH[name]), *ZH]
    page = make_page(written(pairs, "## {q}\n\n{a}").replace("\n", end), "a.md")
    assert answers(page) == dict(pairs)


def test_html_code_tables_and_formulas_stand_in_the_answer() -> None:
    text = (
        "<h3>怎么写一步更新？</h3><p>见代码：</p><pre><code># 1. 读取梯度？\nv = b * v + g\n</code></pre>"
        "<table><tr><th>符号</th><th>含义</th></tr><tr><td>v</td><td>速度</td></tr></table><p>即 $v = bv + g$。</p>"
        "<h3>什么是动量？</h3><p>滑动平均。</p>"
    )
    assert answers(make_page(text, "a.html")) == {
        "怎么写一步更新？": "见代码：\n\n# 1. 读取梯度？\nv = b * v + g\n\n符号 | 含义\nv | 速度\n\n即 $v = bv + g$。",
        "什么是动量？": "滑动平均。",
    }


# questions over several lines, several questions on one line, glued questions


@pytest.mark.parametrize(
    ("text", "question", "lines"),
    [
        (
            "1. 当训练集很小而模型很大，并且验证误差在几轮之后就开始上升时，我们应当先尝试\n哪几种减轻过拟合的办法？\n先增强数据，再加正则。\n\n",
            "当训练集很小而模型很大，并且验证误差在几轮之后就开始上升时，我们应当先尝试哪几种减轻过拟合的办法？",
            (1, 2),
        ),
        (
            "Q: When the training set is small and the model is large, which of the usual\n"
            "remedies against overfitting should be tried first?\nA: Augment the data, then regularise.\n\n",
            "When the training set is small and the model is large, which of the usual remedies against overfitting should be tried first?",
            (1, 2),
        ),
    ],
    ids=["zh", "en"],
)
def test_wrapped_questions_are_joined(text: str, question: str, lines: tuple[int, int]) -> None:
    rest = "2. 什么是动量？\n滑动平均。\n" if "训练" in text else "Q: What is momentum?\nA: A running mean.\n"
    first = parents(make_page(text + rest))[0]
    assert (first.question, first.question_lines) == (question, lines)
    assert first.answer_lines == (3, 3)


@pytest.mark.parametrize(
    ("text", "whole", "parts"),
    [
        (
            "1. 什么是动量？为什么它能加速收敛？\n动量是梯度的滑动平均。\n\n因为它抵消了来回震荡的分量，所以收敛更快。\n\n2. 什么是衰减？\n把权重往零拉。\n",
            "什么是动量？为什么它能加速收敛？",
            {
                "什么是动量？": "动量是梯度的滑动平均。",
                "为什么它能加速收敛？": "因为它抵消了来回震荡的分量，所以收敛更快。",
            },
        ),
        (
            "## What is momentum? Why does it help?\n\nMomentum is a running mean.\n\nBecause it cancels what swings to and fro.\n\n## What is decay?\n\nA pull.\n",
            "What is momentum? Why does it help?",
            {
                "What is momentum?": "Momentum is a running mean.",
                "Why does it help?": "Because it cancels what swings to and fro.",
            },
        ),
    ],
    ids=["zh", "en"],
)
def test_several_questions_on_a_line_become_one_with_parts(text: str, whole: str, parts: dict[str, str]) -> None:
    page = make_page(text, "a.md")
    parent = next(p for p in parents(page) if p.question == whole)
    found = [p for p in children(page) if p.parent == parent.id]
    assert {p.question: p.answer for p in found} == parts
    assert all(p.question_lines == parent.question_lines for p in found)


def test_several_questions_with_one_answer_stay_whole() -> None:
    page = make_page("1. 什么是动量？它快吗？\n动量是滑动平均，很快。\n\n2. 什么是衰减？\n把权重往零拉。\n")
    assert answers(page)["什么是动量？它快吗？"] == "动量是滑动平均，很快。"
    assert children(page) == []


@pytest.mark.parametrize(
    ("text", "before", "glued", "after"),
    [
        (
            "1. 什么是动量？\n滑动平均。\n\n2. 什么是衰减？\n衰减每一步都把权重往零的方向拉一点；为什么要用学习率预热？\n\n初期的统计量不准。\n\n3. 什么是批？\n一步的样本。\n",
            "衰减每一步都把权重往零的方向拉一点；",
            "为什么要用学习率预热？",
            "初期的统计量不准。",
        ),
        (
            "1. What is momentum?\nA running mean.\n\n2. What is decay?\nIt pulls the weights towards zero; why do we warm up?\n\nEarly statistics are poor.\n\n3. What is a batch?\nThe samples of one step.\n",
            "It pulls the weights towards zero;",
            "why do we warm up?",
            "Early statistics are poor.",
        ),
    ],
    ids=["zh", "en"],
)
def test_question_glued_to_the_end_of_an_answer(text: str, before: str, glued: str, after: str) -> None:
    page = make_page(text)
    assert list(answers(page).values())[1:3] == [before, after]
    assert questions(page)[2] == glued
    assert parents(page)[2].question_lines == parents(page)[1].answer_lines == (5, 5)


# multiple choice


@pytest.mark.parametrize(
    ("text", "question", "answer"),
    [
        (
            "1、哪个不是优化器？\nA. 动量法\nB. 均方根传播\nC. 批归一化\n答案：C\n解析：批归一化是一种网络层。\n\n2、什么是动量？\n答案：滑动平均。\n",
            "哪个不是优化器？ A. 动量法 B. 均方根传播 C. 批归一化",
            "C\n解析：批归一化是一种网络层。",
        ),
        (
            "1. Which is no optimiser?\nA) momentum\nB) pooling\nAnswer: B\n\n2. What is momentum?\nAnswer: A running mean.\n",
            "Which is no optimiser? A) momentum B) pooling",
            "B",
        ),
    ],
    ids=["zh", "en"],
)
def test_options_belong_to_the_question(text: str, question: str, answer: str) -> None:
    first = parents(make_page(text))[0]
    assert (first.question, first.answer) == (question, answer)
    assert first.question_lines[0] == 1
    assert first.question_lines[1] == text.split("\n").index(
        next(x for x in text.split("\n") if x.startswith(("答案", "Answer")))
    )


# letters, framed titles, questions put in later


LETTERED = [(f"What is subject {n}?", f"Subject {n} is told of in book {n}.") for n in range(1, 13)]


@pytest.mark.parametrize("shape", ["({n}) {q}\n{a}", "{n}) {q}\n{a}", "({n}) {q}\n\n{a}"])
@pytest.mark.parametrize("count", [5, 12], ids=["to e", "past i"])
def test_letters_that_go_up_over_the_page_count_questions(shape: str, count: int) -> None:
    pairs = [*LETTERED[: count - 1], ("Insulin vs. glucagon", "One lowers the sugar, the other raises it.")]
    text = "\n\n".join(shape.format(n=chr(96 + n), q=q, a=a) for n, (q, a) in enumerate(pairs, 1))
    assert answers(make_page("General Biology\n\n" + text + "\n", "a.txt")) == dict(pairs)


@pytest.mark.parametrize(
    "answer",
    [
        "(a) It steadies the updates.\n(b) It crosses flat places.\n(c) It costs one buffer a weight.",
        "(i) The data.\n(ii) The labels.\n(iii) The rate.\n(iv) The loss.\n(v) The seed.",
    ],
    ids=["letters", "numerals"],
)
def test_letters_that_begin_anew_count_parts(answer: str) -> None:
    pairs = [("What should be known of momentum?", answer), EN[1], ("What should be checked?", answer)]
    assert answers(make_page(written(pairs, "{n}. {q}\n{a}"))) == dict(pairs)


@pytest.mark.parametrize(
    "title", ["==== {} ====", "--- {} ---", "—— {} ——", "◆◆ {} ◆◆", "Section B - {}", "PART.02  {}", "SECTION C: {}"]
)
@pytest.mark.parametrize("shape", ["Q{n}: {q}\nA: {a}", "{n}. {q}\n{a}"], ids=["labelled", "numbered"])
@BOTH
def test_framed_and_lettered_titles_close_the_answer_above(pairs: Pairs, shape: str, title: str) -> None:
    above, below = written(pairs[:2], shape), shape.format(n=3, h="三", q=pairs[2][0], a=pairs[2][1])
    page = make_page(f"{above}\n{title.format('优化' if pairs == ZH else 'Training')}\n\n{below}\n")
    assert answers(page) == dict(pairs)


@pytest.mark.parametrize("line", ["== 3 holds.", "--- a/file.txt", "====", "a == b", "-- Why? --"])
def test_lines_that_only_begin_like_a_frame_stay_in_the_answer(line: str) -> None:
    pairs = [(EN[0][0], f"{EN[0][1]}\n{line}"), *EN[1:]]
    assert line in answers(make_page(written(pairs, "Q: {q}\nA: {a}")))[EN[0][0]] or line == "===="


@pytest.mark.parametrize(
    ("extra", "question"),
    [
        ("Question 2b. What is decoupled decay?", "What is decoupled decay?"),
        ("Bonus: What is decoupled decay?", "What is decoupled decay?"),
        ("加餐： 三元组损失怎么挑样本", "三元组损失怎么挑样本"),
        ("【附加题】为什么要热身？", "为什么要热身？"),
    ],
)
def test_question_put_in_later_is_one(extra: str, question: str) -> None:
    text = written(EN[:2], "Question {n}. {q}\n{a}") + f"\n{extra}\nIt has an answer of its own.\n\n"
    page = make_page(text + f"Question 3. {EN[2][0]}\n{EN[2][1]}\n")
    assert answers(page) == {**dict(EN[:2]), question: "It has an answer of its own.", EN[2][0]: EN[2][1]}


@pytest.mark.parametrize("line", ["Bonus: ten percent more.", "加餐：一个苹果。", "Extra: bring a pen."])
def test_label_of_extra_questions_above_no_question_is_none(line: str) -> None:
    pairs = [(EN[0][0], f"{EN[0][1]}\n{line}"), *EN[1:]]
    assert answers(make_page(written(pairs, "Q: {q}\nA: {a}"))) == dict(pairs)


# parts of answers


def test_labelled_items_become_parts_with_their_parent() -> None:
    text = (
        "## 常用的优化器有哪些？\n\n- **随机梯度下降**：每步只看一个小批量。\n- **动量法**：对梯度做滑动平均。\n"
        "- **自适应矩估计**：对每个参数单独调节步长。\n\n## 什么是衰减？\n\n把权重往零拉。\n"
    )
    page = make_page(text, "a.md")
    parent = parents(page)[0]
    assert [(p.question, p.answer_lines) for p in children(page)] == [
        ("随机梯度下降", (3, 3)),
        ("动量法", (4, 4)),
        ("自适应矩估计", (5, 5)),
    ]
    assert {p.parent for p in children(page)} == {parent.id}
    assert {p.heading_path for p in children(page)} == {("常用的优化器有哪些？",)}


@pytest.mark.parametrize(
    ("answer", "titles"),
    [
        (
            "1. **SGD**: noisy but cheap.\n2. **Momentum**: a running mean.\n3. **Adam**: own step sizes.",
            ["SGD", "Momentum", "Adam"],
        ),
        (
            "#### Momentum\n\nA running mean of gradients.\n\n#### Adam\n\nA step size for every weight.",
            ["Momentum", "Adam"],
        ),
        ("优点：更新更平稳，收敛更快。\n\n缺点：多一个超参数要调。", ["优点", "缺点"]),
        (
            "**Momentum**\n\nA running mean of gradients.\n\n**Adam**\n\nA step size for every weight.",
            ["Momentum", "Adam"],
        ),
        ("【动量法】\n对梯度做滑动平均。\n【自适应】\n对每个参数调节步长。", ["动量法", "自适应"]),
        ("By kind.\n[Momentum]\nA running mean.\n[Adam]\nOwn step sizes.\nTwo buffers.", ["Momentum", "Adam"]),
        (
            "It depends.\nA noisy loss\nTake momentum, and a larger batch.\nRare features\nTake Adam, which scales each weight."
            "\nLittle memory\nTake plain SGD, which stores nothing.",
            ["A noisy loss", "Rare features", "Little memory"],
        ),
    ],
    ids=["numbered", "headings", "labels", "strong", "brackets", "square brackets", "titles between texts"],
)
def test_forms_of_parts(answer: str, titles: list[str]) -> None:
    page = make_page(written([("优化器各有什么特点？", answer), *ZH], "### {n}. {q}\n\n{a}"), "a.md")
    assert [p.question for p in children(page)] == titles
    assert parents(page)[0].answer == answer


def test_label_that_ends_in_a_stop_is_one_where_the_question_names_it() -> None:
    answer = "Momentum. A running mean of gradients.\nAdam. A step size for every weight."
    page = make_page(written([("How do momentum and Adam differ?", answer), *EN], "{n}. {q}\n{a}"))
    assert [p.question for p in children(page)] == ["Momentum", "Adam"]
    page = make_page(written([("Which optimisers are there?", answer), *EN], "{n}. {q}\n{a}"))
    assert children(page) == []


@pytest.mark.parametrize(
    "answer",
    [
        "The server prints\nListening on port 80\nConnection opened\nConnection closed\nThen it ends.",
        "The rule was found by hand and tried on all of\nthe pages.\nIt was then left alone for the whole of the\nyear.\n"
        "Nobody has looked at it or changed it after\nthat.",
    ],
    ids=["a log", "wrapped lines"],
)
def test_short_lines_that_take_no_turns_with_text_are_no_titles(answer: str) -> None:
    assert children(make_page(written([("What happened?", answer), *EN], "{n}. {q}\n{a}"))) == []


def test_parts_of_parts_name_the_titles_above_them() -> None:
    text = (
        "## 数据增强怎么做？\n\n1. 图像：\n   - 翻转：左右镜像，标签不变。\n   - 裁剪：随机取一块再放大。\n"
        "2. 文本：\n   - 同义替换：把词换成近义词。\n   - 回译：译成外文再译回来。\n\n## 什么是衰减？\n\n把权重往零拉。\n"
    )
    page = make_page(text, "a.md")
    assert part(page, "图像").answer_lines == (3, 5)
    assert part(page, "回译").heading_path == ("数据增强怎么做？", "文本")
    assert {p.parent for p in children(page)} == {parents(page)[0].id}


LONG_LABELS = {
    "glossed in Chinese": [
        ("检测（face detection）", "找到人脸框。"),
        ("质量过滤与活体检测以及防攻击（liveness detection）", "去掉模糊的。"),
        ("对齐", "做相似变换。"),
    ],
    "glossed in English": [
        ("Isolation (ISO)", "no transaction sees another one half done."),
        ("Consistency checks of all values (integrity constraints)", "what is written obeys the rules."),
        ("Durability", "what is committed stays."),
    ],
    "long": [
        ("检测", "找到人脸框。"),
        ("面向多种终端的图像质量过滤与多级联合活体检测以及防攻击判定", "去掉模糊的。"),
        ("对齐", "做相似变换。"),
    ],
}


@pytest.mark.parametrize("items", LONG_LABELS.values(), ids=LONG_LABELS.keys())
@pytest.mark.parametrize("shape", ["- {}：{}", "1. {}：{}", "ol", "ul"])
def test_items_with_long_labels_are_parts_of_their_own(items: Pairs, shape: str) -> None:
    if shape in ("ol", "ul"):
        listed = "\n".join(f"<li>{label}：{told}</li>" for label, told in items)
        page = make_page(f"<h2>人脸识别有哪几步？</h2>\n<p>三步。</p>\n<{shape}>\n{listed}\n</{shape}>", "a.html")
        first = 4
    else:
        page = make_page("## 人脸识别有哪几步？\n\n三步。\n\n" + "\n".join(shape.format(*i) for i in items), "a.md")
        first = 5
    assert [p.question for p in children(page)] == [label for label, _ in items]
    assert [p.answer_lines for p in children(page)] == [(first + n, first + n) for n in range(3)]


def test_items_of_a_saved_page_end_where_the_next_one_begins() -> None:
    """Though that one has no label; and one label of four makes no parts."""
    items = ["输入：减均值。", "若干个阶段：每个都做卷积。", "中间用池化下采样", "输出层：用 softmax。"]
    shape = "<h2>卷积网络由什么组成？</h2><p>四部分。</p>\n<ol>\n{}\n</ol>"
    page = make_page(shape.format("\n".join(f"<li>{item}</li>" for item in items)), "a.html")
    assert part(page, "若干个阶段").answer_lines == (4, 4)
    page = make_page(
        shape.format("\n".join(f"<li>{item}</li>" for item in ["输入：减均值。"] + [items[2]] * 3)), "a.html"
    )
    assert children(page) == []


def test_plain_answer_has_no_parts() -> None:
    page = make_page(written(ZH, "## {q}\n\n{a}\n\n另外要注意步长。"), "a.md")
    assert children(page) == []


@pytest.mark.parametrize(
    ("items", "closing"),
    [
        (["• 动量：平滑梯度；", "• 权重衰减：缩小权重。"], "注意两者可以一起用。"),
        (["Momentum: smooths the gradient.", "Weight decay: shrinks the weights."], "Both can be used together."),
    ],
)
def test_last_part_of_one_line_does_not_take_the_closing_words(items: list[str], closing: str) -> None:
    question = "训练时有哪些技巧？" if closing[0] == "注" else "Which tricks are there?"
    page = make_page("\n".join([f"1. {question}", *items, closing]) + "\n")
    assert [p.answer for p in children(page)] == items
    assert answers(page)[question].endswith(closing)


def test_last_part_keeps_a_sentence_that_goes_on_and_text_where_the_others_have_some() -> None:
    wrapped = ["Momentum: smooths.", "Weight decay: shrinks the weights and by this", "keeps them small."]
    page = make_page("\n".join(["1. Which tricks are there?", *wrapped]) + "\n")
    assert part(page, "Weight decay").answer == "\n".join(wrapped[1:])
    longer = ["Momentum: smooths.", "It keeps a mean.", "Weight decay: shrinks.", "It pulls to zero."]
    page = make_page("\n".join(["1. Which tricks are there?", *longer]) + "\n")
    assert part(page, "Weight decay").answer == "\n".join(longer[2:])


@pytest.mark.parametrize("lead", ["按下面顺序来：", "Check these three things:", "Do it in this order:"])
def test_label_that_announces_the_parts_is_none_of_them(lead: str) -> None:
    text = (
        f"1. What is to be done?\n{lead}\n1.1 First look\nIt grows.\n1.2 Then mend\nLarge: halve it; small: leave it.\n"
    )
    assert [p.question for p in children(make_page(text))][:2] == ["First look", "Then mend"]


# questions without an answer


@pytest.mark.parametrize(
    "text",
    [
        "1. 什么是动量？\n滑动平均。\n\n2. 什么是海森矩阵？\n\n3. 什么是衰减？\n把权重往零拉。\n\n4. 什么是牛顿法？\n",
        "## 什么是动量？\n\n滑动平均。\n\n## 什么是海森矩阵？\n\n## 什么是衰减？\n\n把权重往零拉。\n\n## 什么是牛顿法？\n",
        "1. 什么是动量？\n滑动平均。\n\n2. 什么是海森矩阵？\nhttps://example.org/h\n\n3. 什么是衰减？\n把权重往零拉。\n\n4. 什么是牛顿法？\n待补充\n",
        "问：什么是动量？\n答：滑动平均。\n\n问：什么是海森矩阵？\n答：\n\n问：什么是衰减？\n答：把权重往零拉。\n\n问：什么是牛顿法？\n答：\n",
    ],
    ids=["numbered", "headings", "links and promises", "empty labels"],
)
def test_questions_without_an_answer_are_listed_and_not_passages(text: str) -> None:
    page = make_page(text, "a.md")
    assert questions(page) == ["什么是动量？", "什么是衰减？"]
    assert open_questions(page) == ["什么是海森矩阵？", "什么是牛顿法？"]


def test_open_question_names_its_place() -> None:
    page = make_page("## 什么是动量？\n\n滑动平均。\n\n## 什么是海森矩阵？\n", "a.md")
    question = page.split.open_questions[0]
    assert (question.source, question.question_lines) == ("a.md", (5, 5))


# pages without questions


def test_page_of_titled_sections_gives_a_passage_a_section() -> None:
    data = "先看数据的分布，再决定怎么清洗，多数问题都出在数据里而不在模型里。"
    model = "从小模型开始，确认流程跑通以后再放大，每次只改一处并记下结果。"
    page = make_page(f"# 训练手记\n\n## 数据\n\n{data}\n\n## 模型\n\n{model}\n", "a.md")
    assert answers(page) == {"数据": data, "模型": model}
    assert {p.heading_path for p in parents(page)} == {("训练手记",)}


def test_short_section_beside_a_long_one_is_not_lost() -> None:
    data = "先看数据的分布，再决定怎么清洗，多数问题都出在数据里而不在模型里。"
    page = make_page(f"# 训练手记\n\n## 数据\n\n{data}\n\n## 模型\n\n从小模型开始。\n", "a.md")
    assert answers(page) == {"数据": data, "模型": "从小模型开始。"}


def test_page_of_plain_text_is_one_passage_under_its_title() -> None:
    text = "训练手记\n\n先看数据的分布，再决定怎么清洗。\n\n从小模型开始，跑通再放大。\n"
    assert answers(make_page(text)) == {"训练手记": "先看数据的分布，再决定怎么清洗。\n\n从小模型开始，跑通再放大。"}


def test_long_plain_text_is_cut_at_paragraphs_and_nothing_is_lost() -> None:
    paragraphs = [f"Paragraph {n} says that models should be kept small at first and grown later." for n in range(40)]
    page = make_page("Training diary\n\n" + "\n\n".join(paragraphs))
    assert len(parents(page)) > 2
    assert "\n\n".join(p.answer for p in parents(page)) == "\n\n".join(paragraphs)
    assert max(len(p.answer) for p in parents(page)) < 1000


# known misses


def test_quoted_questions() -> None:
    assert answers(make_page(written(EN, "> Q: {q}\n\n{a}"), "a.md")) == dict(EN)


def test_list_of_bold_questions_with_answers_behind_them() -> None:
    text = "<ul>" + written(EN, "<li><strong>{q}</strong> {a}</li>", "\n") + "</ul>"
    assert answers(make_page(text, "a.html")) == dict(EN)


def test_page_whose_first_line_is_a_topic_with_its_answer() -> None:
    page = make_page("参数怎么初始化：用小的随机数。\n\n学习率怎么选择：先粗后细地试。\n")
    assert answers(page) == {"参数怎么初始化": "用小的随机数。", "学习率怎么选择": "先粗后细地试。"}


# every passage of any page

SUBJECTS = {
    "zh": [
        ("动量", "梯度的滑动平均"),
        ("权重衰减", "把权重往零拉的力"),
        ("批归一化", "按小批量统计量做的标准化"),
        ("随机失活", "训练时随机关掉一部分神经元"),
        ("学习率预热", "开头几轮把步长慢慢调大"),
        ("梯度裁剪", "把过长的梯度缩短到上限"),
        ("标签平滑", "把独热标签匀一点给别的类"),
    ],
    "en": [
        ("momentum", "a running mean of gradients"),
        ("weight decay", "a pull of the weights towards zero"),
        ("batch norm", "scaling by the statistics of a minibatch"),
        ("dropout", "switching off random units in training"),
        ("warm-up", "raising the step size over the first rounds"),
        ("clipping", "shortening gradients that are too long"),
        ("label smoothing", "giving every class a little of the label"),
    ],
}
ASKED = {
    "zh": ["什么是{}？", "{}有什么用？", "为什么要用{}？", "如何实现{}？"],
    "en": ["What is {}?", "Why do we use {}?", "How does {} work?"],
}
Writer = Callable[[str, str], str]
BODIES: dict[str, dict[str, Writer]] = {
    "zh": {
        "one": lambda t, d: f"{t}就是{d}，用起来很简单。",
        "two": lambda t, d: f"{t}就是{d}。\n\n实际训练里{t}几乎总是打开的，代价也很小。",
        "lines": lambda t, d: f"{t}就是{d}。\n实际训练里{t}几乎总是打开的，代价也很小。",
        "bullets": lambda t, d: f"{t}就是{d}：\n\n- 优点：{t}简单有效。\n- 缺点：{t}多一个超参数。",
        "numbers": lambda t, d: f"打开{t}分两步：\n\n1. 先跑一个没有{t}的基线\n2. 再打开{t}比较\n\n{t}就是{d}。",
        "code": lambda t, d: f"{t}就是{d}：\n\n```python\n# 什么是{t}？\nx = step(x)\n```",
        "table": lambda t, d: f"{t}就是{d}：\n\n| 方法 | 作用 |\n|---|---|\n| {t} | {d} |",
        "formula": lambda t, d: f"{t}就是{d}：\n\n$$\nv = b v + g\n$$\n\n这里的 $v$ 属于{t}。",
    },
    "en": {
        "one": lambda t, d: f"In short, {t} is {d}, and simple to use.",
        "two": lambda t, d: f"In short, {t} is {d}.\n\nIn practice {t} is nearly always on, and it costs little.",
        "lines": lambda t, d: f"In short, {t} is {d}.\nIn practice {t} is nearly always on, and it costs little.",
        "bullets": lambda t, d: (
            f"In short, {t} is {d}:\n\n- Strength: {t} is cheap and works well.\n- Weakness: {t} has a setting."
        ),
        "numbers": lambda t, d: (
            f"To use {t}:\n\n1. Run a baseline without {t}\n2. Switch {t} on and compare\n\nThen {t} is {d}."
        ),
        "code": lambda t, d: f"In short, {t} is {d}:\n\n```python\n# what is {t}?\nx = step(x)\n```",
        "table": lambda t, d: f"In short, {t} is {d}:\n\n| name | use |\n|---|---|\n| {t} | {d} |",
        "formula": lambda t, d: f"In short, {t} is {d}:\n\n$$\nv = b v + g\n$$\n\nHere $v$ belongs to {t}.",
    },
}
PAGE_SHAPES = [
    "Q: {q}\nA: {a}",
    "Q{n}: {q}\n\nA: {a}",
    "问题{n}：{q}\n答：{a}",
    "{n}. {q}\n{a}",
    "{n}、{q}\n\n{a}",
    "({n}) {q}\n{a}",
    "## {q}\n\n{a}",
    "### {n}. {q}\n{a}",
    "**{q}**\n\n{a}",
    "**{n}. {q}**\n\n{a}",
    "{q}\n\n{a}",
    "<details>\n<summary>{q}</summary>\n\n{a}\n</details>",
]
HTML_PAGE_SHAPES = [
    "<h3>{q}</h3>\n{a}",
    "<dl><dt>{q}</dt>\n<dd>{a}</dd></dl>",
    "<p><strong>{n}. {q}</strong></p>\n{a}",
    "<details><summary>{q}</summary>\n{a}</details>",
    "<p>Q{n}: {q}</p>\n<div><p>Answer:</p>{a}</div>",
]


@st.composite
def assembled(draw: st.DrawFn, shapes: list[str], bodies: list[str]) -> tuple[str, Pairs]:
    """A page of random subjects in a random shape with random answers, and its pairs."""
    language = draw(st.sampled_from(["zh", "en"]))
    subjects = draw(st.lists(st.sampled_from(SUBJECTS[language]), min_size=2, max_size=6, unique=True))
    pairs = [
        (
            draw(st.sampled_from(ASKED[language])).format(topic),
            BODIES[language][draw(st.sampled_from(bodies))](topic, said),
        )
        for topic, said in subjects
    ]
    title = draw(st.sampled_from(["", "# 训练问答\n\n", "# Training questions\n\n"]))
    return title + written(pairs, draw(st.sampled_from(shapes))), pairs


@FIXED
@given(assembled(PAGE_SHAPES, list(BODIES["zh"])))
def test_any_page_of_text_gives_its_pairs_with_citations_that_hold(made: tuple[str, Pairs]) -> None:
    text, pairs = made
    page = make_page(text, "a.md")
    check_passages(page)
    for passage in page.split.passages:
        lines = [page.document.source.line(n) for n in range(passage.answer_lines[0], passage.answer_lines[1] + 1)]
        cited = "\n".join(line.strip() for line in lines)
        assert all(line.strip() in cited for line in passage.answer.split("\n"))
        assert text[passage.start_char : passage.end_char].endswith(passage.answer.split("\n")[-1])
    assert [(p.question, p.answer) for p in parents(page)] == pairs


@FIXED
@given(assembled(HTML_PAGE_SHAPES, ["one", "two", "bullets", "numbers"]))
def test_any_page_of_html_gives_its_pairs_with_citations_that_hold(made: tuple[str, Pairs]) -> None:
    text, pairs = made
    for _, answer in pairs:
        blocks = [
            "<ul>" + "".join(f"<li>{item[2:]}</li>\n" for item in block.split("\n")) + "</ul>"
            if block.startswith("- ")
            else "<ol>" + "".join(f"<li>{item[3:]}</li>\n" for item in block.split("\n")) + "</ol>"
            if block.startswith("1. ")
            else f"<p>{block}</p>"
            for block in answer.split("\n\n")
        ]
        text = text.replace(answer, "\n".join(blocks))
    text = re.sub(r"^# (.*)\n", r"<h1>\1</h1>\n", text)
    page = make_page(text, "a.html")
    check_passages(page)
    for passage in page.split.passages:
        lines = [page.document.source.line(n) for n in range(passage.answer_lines[0], passage.answer_lines[1] + 1)]
        cited = re.sub(r"<[^>]*>|\s", "", "".join(lines))
        assert all(re.sub(r"^\s*(?:-|\d\.) |\s", "", line) in cited for line in passage.answer.split("\n"))
    folded = [(question, re.sub(r"\n+", "\n", answer)) for question, answer in pairs]
    assert [(p.question, re.sub(r"\n+", "\n", p.answer)) for p in parents(page)] == folded


# numbers that only a blank parts from the question, exams, what several questions share


@BOTH
@pytest.mark.parametrize("blank", [" ", "  ", "\u3000"])
def test_number_and_a_blank_count_questions(pairs: Pairs, blank: str) -> None:
    more = [
        *pairs,
        ("大批量有什么坏处？", "泛化往往变差。") if pairs is ZH else ("Which batch is best?", "A small one."),
    ]
    page = make_page(written(more, "{n}" + blank + "{q}\n{a}", "\n"))
    assert answers(page) == dict(more)


@BOTH
def test_number_and_a_blank_before_a_question_without_a_mark(pairs: Pairs) -> None:
    """Some of them ask by their words alone."""
    more = [*pairs, ("为什么要用验证集", "看泛化。") if pairs is ZH else ("How to choose a batch size", "Try a few.")]
    page = make_page(written([(q.rstrip("？?"), a) for q, a in more], "{n} {q}\n{a}", "\n"))
    assert list(answers(page).values()) == [a for _, a in more]


@pytest.mark.parametrize(
    "lines",
    [
        "1 batch of images\n2 batches of text\n3 batches of sound\n4 batches of video",
        "1 张图\n2 段文本\n3 段音频\n4 段视频",
        "1 why the loss is high\n2 why it falls\n3 how it ends\n4 what it costs",
    ],
)
@BOTH
def test_lines_of_an_answer_that_begin_with_a_count_stay_in_it(pairs: Pairs, lines: str) -> None:
    told = [pairs[0], (pairs[1][0], pairs[1][1] + "\n" + lines), pairs[2]]
    page = make_page(written(told, "{n}. {q}\n{a}"))
    assert answers(page) == dict(told)


TASKS = {
    "zh": [
        ("让梯度更平稳的方法是", ["动量", "丢弃", "裁剪"], "A"),
        ("下列属于正则化的有", ["动量", "权重衰减", "预热"], "B"),
        ("批归一化用到的统计量为", ["全部数据", "单个样本", "小批量"], "C"),
    ],
    "en": [
        ("The method that steadies updates is", ["momentum", "dropout", "clipping"], "A"),
        ("One of these regularises", ["momentum", "weight decay", "warm-up"], "B"),
        ("Batch normalisation takes its statistics from", ["all data", "one sample", "a minibatch"], "C"),
    ],
}


@pytest.mark.parametrize(("language", "label"), [("zh", "【答案】"), ("zh", "参考答案："), ("en", "Answer: ")])
@pytest.mark.parametrize("number", ["{n}. ", "{n}、", "（{n}）"])
def test_numbered_tasks_with_a_labelled_answer_are_questions(language: str, label: str, number: str) -> None:
    text = ""
    for n, (task, options, answer) in enumerate(TASKS[language], 1):
        listed = "".join(f"{letter}. {option}\n" for letter, option in zip("ABC", options, strict=True))
        text += number.format(n=n) + f"{task}\n{listed}{label}{answer}\n"
    page = make_page(text)
    assert [p.answer for p in parents(page)] == [answer for _, _, answer in TASKS[language]]
    assert all(p.question.startswith(task) for p, (task, _, _) in zip(parents(page), TASKS[language], strict=True))


@pytest.mark.parametrize(("q", "a"), [("问：", "答："), ("Q: ", "A: ")])
@BOTH
def test_numbered_points_of_a_labelled_answer_are_no_tasks(pairs: Pairs, q: str, a: str) -> None:
    points = "1. 收敛更快\n2. 更平稳" if pairs is ZH else "1. It is faster\n2. It is steadier"
    told = [(question, f"{answer}\n{points}") for question, answer in pairs]
    page = make_page("\n\n".join(f"{q}{question}\n{a}{answer}" for question, answer in told))
    assert answers(page) == dict(told)


@pytest.mark.parametrize(
    ("pairs", "head", "section"),
    [
        (ZH, "[2~3]", "二、配伍题"),
        (ZH, "（2～3 题共用题干）", "二、案例题"),
        (EN, "Questions 2 to 3 refer to this passage.", "II. Reading"),
        (EN, "(Questions 2-3)", "Part B"),
    ],
)
def test_what_several_questions_share_is_no_answer_to_the_one_above(pairs: Pairs, head: str, section: str) -> None:
    first, *rest = written(pairs, "{n}. {q}\n{a}", "\n").split("\n2. ")
    page = make_page(f"{first}\n{section}\n{head}\nA. Adam  B. SGD  C. RMSProp\n2. {rest[0]}")
    assert answers(page) == dict(pairs)
    assert all(head not in p.heading_path for p in parents(page))


def test_range_in_an_answer_shares_nothing() -> None:
    told = [EN[0], (EN[1][0], "Values in use are these.\n3 to 5\nLarger ones hurt."), EN[2]]
    assert answers(make_page(written(told, "{n}. {q}\n{a}", "\n"))) == dict(told)


@pytest.mark.parametrize(
    ("pairs", "title"), [(ZH, "{n:02}\n训练技巧"), (EN, "{n}\nTraining"), (EN, "Part {n}\nTraining")]
)
def test_counted_titles_close_the_answer_above(pairs: Pairs, title: str) -> None:
    text = "".join(f"{title.format(n=n)}\n{n}. {q}\n{a}\n" for n, (q, a) in enumerate(pairs, 1))
    page = make_page(text)
    assert answers(page) == dict(pairs)
    assert all(p.heading_path[-1:] == (title.split("\n")[1],) for p in parents(page)[1:])


def test_number_alone_that_is_the_answer_stays() -> None:
    pairs = [("How many heads has it?", "1\nfew of them"), ("How many layers has it?", "2\nmany more"), EN[0]]
    page = make_page(written(pairs, "{n}. {q}\n{a}", "\n"))
    assert questions(page) == [q for q, _ in pairs]
    assert "1" in answers(page)["How many heads has it?"]


@pytest.mark.parametrize(("pairs", "title"), [(ZH, "2  训练技巧"), (EN, "2  TRAINING"), (EN, "2. Training")])
def test_title_with_the_number_of_the_chapter_below_closes_the_answer(pairs: Pairs, title: str) -> None:
    (one, first), (two, second), (three, third) = pairs
    page = make_page(f"1.1 {one}\n{first}\n1.2 {two}\n{second})\n{title}\n\n2.1 {three}\n{third}\n")
    assert list(answers(page).values()) == [first, second + ")", third]


@pytest.mark.parametrize(("pairs", "title"), [(ZH, "二面（主管面）："), (EN, "Second round (on site):")])
def test_label_above_numbers_that_begin_anew_is_no_answer(pairs: Pairs, title: str) -> None:
    last = "你有什么想问我的？" if pairs is ZH else "What would you like to ask us?"
    first, second = written(pairs, "{n}. {q}\n{a}", "\n"), written(pairs[::-1], "{n}. {q}\n{a}", "\n")
    page = make_page(f"{first}4. {last}\n{title}\n{second}")
    assert open_questions(page) == [last]
    assert len(questions(page)) == 6


# size


@pytest.mark.parametrize(
    ("line", "name"), [("what? " * 10_000, "a.txt"), ("| a | b |\n" * 8_000, "a.md")], ids=["questions", "table rows"]
)
def test_long_lines_and_tables_are_split_in_linear_time(line: str, name: str) -> None:
    """Some 60 KB each; the other stages need less than a tenth of a second for them."""
    with within(0.8):
        make_page(f"1. What is momentum?\n\nA mean.\n\n2. What is this?\n\n{line}\n", name)


def test_page_of_thousands_of_pairs_is_split_in_seconds() -> None:
    pairs = [(f"What is subject {n}?", f"Subject {n} is told of in book {n}.") for n in range(2_000)]
    with within(6):
        page = make_page(written(pairs, "Q: {q}\nA: {a}"))
    assert answers(page) == dict(pairs)


@pytest.mark.parametrize(
    "text",
    [
        "Q: What is a deadlock?\n\nQ: What is a mutex?\nA: A lock that one thread holds.\n",
        "问：什么是死锁？\n\n问：什么是互斥锁？\n答：一个线程持有的锁。\n",
    ],
)
def test_a_labelled_question_without_an_answer_does_not_take_the_next_one_s(text: str) -> None:
    """Two labelled questions are two questions, however alike they begin: the first is open, the second answered."""
    page = make_page(text, "page.md")
    first, second = (line for line in text.split("\n") if line[:2] in ("Q:", "问："))
    assert open_questions(page) == [first.split(":")[-1].split("：")[-1].strip()]
    assert questions(page) == [second.split(":")[-1].split("：")[-1].strip()]


# what holds an answer

HELD = {
    "panel.html": "<details><summary>{q}</summary><h4>{one}</h4><p>{a}</p><h4>{two}</h4><p>{b}</p></details>",
    "button.html": "<div><button aria-expanded='false'>{q}</button><div hidden><h2>{one}</h2><p>{a}</p><h2>{two}</h2><p>{b}</p></div></div>",
    "item.html": "<ol><li><strong>{q}</strong><h4>{one}</h4><p>{a}</p><h4>{two}</h4><p>{b}</p></li></ol>",
    "terms.html": "<h3>{q}</h3><dl><dt>{one}</dt><dd>{a}</dd><dt>{two}</dt><dd>{b}</dd></dl>",
    "panel.md": "<details>\n<summary>{q}</summary>\n\n#### {one}\n\n{a}\n\n#### {two}\n\n{b}\n\n</details>\n",
}
HELD_ANSWERS = [
    ("怎么给果树浇水？", "春天", "每周浇一次，浇透为止。", "夏天", "早晚各浇一次，避开正午。"),
    (
        "How do I water a fruit tree?",
        "Spring",
        "Water it once a week and soak the roots.",
        "Summer",
        "Water it early and late, never at noon.",
    ),
]


@pytest.mark.parametrize("shape", HELD)
@pytest.mark.parametrize("words", HELD_ANSWERS, ids=["zh", "en"])
def test_titles_in_what_holds_an_answer_are_its_parts(shape: str, words: tuple[str, ...]) -> None:
    question, one, a, two, b = words
    first = HELD[shape].format(q=question, one=one, a=a, two=two, b=b)
    page = make_page(first + "\n" + first.replace(question, "What about winter?").replace(a, b + " " + a), shape)
    assert questions(page) == [question, "What about winter?"]
    assert [p.question for p in children(page)] == [one, two, one, two]
    assert parents(page)[0].answer.split("\n")[-1].endswith(b)


@pytest.mark.parametrize("title", ["Part two: trees", "Which questions come up about trees?"])
def test_a_panel_of_several_questions_is_a_section(title: str) -> None:
    text = f"<details>\n<summary>{title}</summary>\n\n" + written(EN, "### {q}\n\n{a}") + "\n</details>\n"
    assert answers(make_page(text, "a.md")) == dict(EN)


def test_a_list_of_definitions_that_ask_is_a_list_of_questions() -> None:
    text = "<h2>What do people ask?</h2><dl>" + written(EN, "<dt>{q}</dt><dd>{a}</dd>") + "</dl>"
    assert answers(make_page(text, "a.html")) == dict(EN)


@pytest.mark.parametrize(
    ("titles", "text"),
    [
        (
            ["How do I prune roses?", "The best time of the year", "Which tool is best?"],
            "Cut above a bud.|Late winter, before growth starts.|A sharp bypass secateur.",
        ),
        (["月季怎么修剪？", "修剪的最佳时间", "用什么工具？"], "剪在芽点上方。|冬末，发芽之前。|锋利的修枝剪。"),
    ],
)
def test_an_emphasised_title_among_list_items_that_ask_is_one_of_them(titles: list[str], text: str) -> None:
    told = text.split("|")
    items = "".join(f"<li><strong>{q}</strong><p>{a}</p></li>" for q, a in zip(titles, told, strict=True))
    assert answers(make_page(f"<ol>{items}</ol>", "a.html")) == dict(zip(titles, told, strict=True))


def test_emphasised_items_of_a_list_in_an_answer_are_its_parts() -> None:
    listed = "<ul><li><b>Wet soil</b><p>The roots rot.</p></li><li><b>Dry soil</b><p>The leaves fall.</p></li></ul>"
    page = "".join(f"<li><strong>Why do roses {s}?</strong><p>Two causes.</p>{listed}</li>" for s in ("wilt", "die"))
    assert questions(make_page(f"<ol>{page}</ol>", "a.html")) == ["Why do roses wilt?", "Why do roses die?"]


def test_an_item_without_an_answer_is_not_said_again_by_the_next_one() -> None:
    """Its answer was behind a login; the next question only begins alike."""
    items = "<li><b>怎么给月季修剪？</b><p>登录后查看完整内容</p></li><li><b>怎么给月季浇水</b><p>见干见湿，浇则浇透。</p></li>"
    page = make_page(f"<ol><li><b>月季喜欢阳光吗？</b><p>喜欢，每天六小时。</p></li>{items}</ol>", "a.html")
    assert open_questions(page) == ["怎么给月季修剪？"]
    assert questions(page)[1:] == ["怎么给月季浇水"]


# several questions in one line


@pytest.mark.parametrize(
    ("asked", "parts", "told"),
    [
        ("What is grafting, and when do you do it?", ["What is grafting", "when do you do it?"], ["Two plants joined.", "In spring."]),
        ("Why prune and how often?", ["Why prune", "how often?"], ["It opens the crown to light.", "Once a year."]),
        ("什么是嫁接，什么时候做？", ["什么是嫁接", "什么时候做？"], ["把两株植物接在一起。", "春天做。"]),
    ],
)  # fmt: skip
def test_questions_joined_by_and_or_a_comma_are_parts(asked: str, parts: list[str], told: list[str]) -> None:
    page = make_page(f"## {asked}\n\n{told[0]}\n\n{told[1]}\n\n## What is a bud?\n\nA shoot that waits.\n", "a.md")
    assert {p.question: p.answer for p in children(page)} == dict(zip(parts, told, strict=True))


@pytest.mark.parametrize(
    "asked", ["What is the difference between when and while?", "How do apples, pears and quinces differ?", "苹果、梨，哪个更甜？"]
)  # fmt: skip
def test_a_question_that_only_lists_things_has_no_parts(asked: str) -> None:
    page = make_page(f"## {asked}\n\nThe first thing.\n\nThe second thing.\n\n## What is a bud?\n\nA shoot.\n", "a.md")
    assert children(page) == []


@pytest.mark.parametrize("question", ["Type I and Type II errors", "What are a Type I vs a Type II error?"])
def test_labels_that_share_a_word_of_the_question_are_parts(question: str) -> None:
    text = (
        f"Q1. {question}\nType I error: a false alarm.\nType II error: a miss.\n\nQ2. What is power?\nOne minus beta.\n"
    )
    assert [p.question for p in children(make_page(text))] == ["Type I error", "Type II error"]


@pytest.mark.parametrize(
    ("titles", "pairs"),
    [(["Questions about optimisers for beginners", "Questions about layers and their weights"], EN), (["优化器部分", "网络层与归一化部分"], ZH)],
    ids=["en", "zh"],
)  # fmt: skip
def test_titles_that_the_contents_name_close_the_answer_before_them(titles: list[str], pairs: Pairs) -> None:
    """Also where the answer before them was taken out, so that they stand right below its question."""
    one, two, three = (f"Q{n}. {q}\n{a}" for n, (q, a) in enumerate(pairs, 1))
    gone = "Q4. What is a gate?\nAnswer: coming soon." if pairs is EN else "Q4. 什么是门控？\n登录后查看完整内容"
    head = "\n".join(titles)
    for first in (f"{one}\n\n{two}", f"{one}\n\n{two}\n\n{gone}"):
        page = make_page(f"Notes\n\n{head}\n\n{titles[0]}\n\n{first}\n\n{titles[1]}\n\n{three}\n")
        assert answers(page) == dict(pairs)


def test_a_title_in_an_answer_that_no_contents_name_stays() -> None:
    (first, told), (second, more), _ = EN
    text = f"Notes\n\nQ1. {first}\n{told}\n\nA longer title that is part of the answer here\n\nQ2. {second}\n{more}\n"
    assert "A longer title" in answers(make_page(text))[first]


# talks


TALKS = [
    ("面试官：", "我：", "嗯。", "那要是三个呢？", "按位数一数。", "团队有多大？", "一共六个人，每人管一块。", "【反问 10:37】"),
    ("Interviewer: ", "Me: ", "I see.", "And with three of them?", "Count bit by bit.", "How big is the team?", "Six people, each with a part.", "[Asking back 10:37]"),
]  # fmt: skip
TALK = pytest.mark.parametrize("talk", TALKS, ids=["zh", "en"])


def told(talk: tuple[str, ...], last: str) -> Page:
    """A talk about the first pairs, with `last` below them."""
    pairs = ZH if talk is TALKS[0] else EN
    return make_page("\n\n".join(f"{talk[0]}{q}\n{talk[1]}{a}" for q, a in pairs) + f"\n\n{last}\n")


@TALK
def test_who_nods_asks_nothing(talk: tuple[str, ...]) -> None:
    page = told(talk, f"{talk[0]}{talk[5]}\n{talk[1]}{talk[4]}\n{talk[0]}{talk[2]}\n{talk[1]}{talk[6]}")
    assert talk[6] in answers(page)[talk[5]]
    assert len(questions(page)) == 4
    assert children(page) == []


@TALK
def test_a_nod_at_the_end_of_an_answer_is_no_part_of_it(talk: tuple[str, ...]) -> None:
    page = told(talk, f"{talk[0]}{talk[5]}\n{talk[1]}{talk[6]}\n{talk[0]}{talk[2]}")
    assert answers(page)[talk[5]] == talk[6]


@TALK
def test_asking_back_below_a_question_left_open_does_not_answer_it(talk: tuple[str, ...]) -> None:
    page = told(talk, f"{talk[0]}{talk[3]}\n\n{talk[1]}{talk[5]}\n{talk[0]}{talk[6]}")
    assert answers(page)[talk[5]] == talk[6]
    assert talk[3] not in questions(page)


@TALK
def test_a_question_that_leans_on_the_answer_above_belongs_to_it(talk: tuple[str, ...]) -> None:
    joined = told(talk, f"{talk[0]}{talk[5]}\n{talk[1]}{talk[6]}\n{talk[0]}{talk[3]}\n{talk[1]}{talk[4]}")
    assert talk[4] in answers(joined)[talk[5]]
    apart = told(talk, f"{talk[0]}{talk[5]}\n{talk[1]}{talk[6]}\n\n{talk[0]}{talk[3]}\n{talk[1]}{talk[4]}")
    assert answers(apart)[talk[3]] == talk[4]


@TALK
def test_where_the_one_who_is_asked_asks_back_the_other_answers(talk: tuple[str, ...]) -> None:
    page = told(talk, f"{talk[7]}\n\n{talk[1]}{talk[5]}\n{talk[0]}{talk[6]}\n\n{talk[1]}{talk[3]}\n{talk[0]}{talk[4]}")
    assert answers(page)[talk[5]] == talk[6]
    assert answers(page)[talk[3]] == talk[4]


@TALK
def test_asking_for_more_before_an_answer_is_no_asking_back(talk: tuple[str, ...]) -> None:
    page = told(talk, f"{talk[0]}{talk[5]}\n{talk[1]}{talk[3]}\n{talk[0]}{talk[4]}\n{talk[1]}{talk[6]}")
    assert talk[3] not in questions(page)


@TALK
def test_a_title_in_heavy_brackets_closes_the_answer(talk: tuple[str, ...]) -> None:
    pair = f"{talk[0]}{talk[5]}\n{talk[1]}{talk[6]}"
    assert answers(told(talk, f"{talk[7]}\n\n{pair}"))[(ZH if talk is TALKS[0] else EN)[-1][0]].count("\n") == 0


@pytest.mark.parametrize(
    ("stub", "close"),
    [("（怎么答的，我就不写了。）", "结果：四天后收到了录用通知。"), ("I totally blanked on this one.", "They wrote four days later and took me.")],
    ids=["zh", "en"],
)  # fmt: skip
def test_what_follows_a_stub_after_a_blank_line_is_no_answer(stub: str, close: str) -> None:
    talk = TALKS[close.isascii()]
    page = told(talk, f"{talk[0]}{talk[5]}\n{stub}\n\n{close}")
    assert talk[5] not in questions(page)
    assert talk[5] in open_questions(page)


# questions above their answers, marked by nothing but the line they stand on


HEADED = [
    {
        "为什么离开上一家公司（几乎每家）": "讲往前看的理由，不讲坏话。\n别只说钱少。",
        "拉新和留存，你做过哪块，结果怎样": "挑一块讲透，用数字。",
        "留存掉了五个点，怎么分析": "1 先确认数据没问题\n2 再拆新老用户\n3 最后看路径",
        "你的缺点": "真缺点，加在改，加有进展。",
        "手上还有别的机会吗": "有就说有，不说名字。",
        "怎么看加班": "先问清楚是常态还是阶段性的。",
    },
    {
        "Why are you leaving (asked by nearly all)": "Give reasons that look ahead.\nDo not speak of money alone.",
        "How would you win back lost users": "Ask ten of them first, then split them by what they say.",
        "What do you do when numbers drop overnight": "1 check the data\n2 split by group\n3 look at the path",
        "Your weak points": "A real one, and what you do about it.",
        "Do you have other offers": "Say so if you do, and name nobody.",
        "How do you see working late": "Ask first whether it is the rule.",
    },
]
BY_HEADS = pytest.mark.parametrize("pairs", HEADED, ids=["zh", "en"])


@BY_HEADS
def test_paragraphs_that_begin_with_a_question_or_a_title_on_its_own_line_are_pairs(pairs: dict[str, str]) -> None:
    found = answers(make_page("\n\n".join(f"{q}\n{a}" for q, a in pairs.items()) + "\n"))
    assert list(found.values()) == list(pairs.values())


@BY_HEADS
def test_lone_titles_and_questions_between_such_paragraphs_answer_nothing(pairs: dict[str, str]) -> None:
    lone = ["二面往上", "五年以后你在哪"] if pairs is HEADED[0] else ["Second round", "Where are you in five years"]
    groups = [f"{q}\n{a}" for q, a in pairs.items()]
    page = make_page("\n\n".join([*groups[:3], lone[1], lone[0], *groups[3:]]) + "\n")
    assert list(answers(page).values()) == list(pairs.values())
    assert open_questions(page) == [lone[1]]


@BY_HEADS
def test_paragraphs_few_of_which_begin_with_a_question_are_prose(pairs: dict[str, str]) -> None:
    told = [a for a in pairs.values() if "\n" not in a]
    asked = list(pairs)[1]
    groups = [f"{line}\n{line}" for line in told] + [f"{asked}\n{told[0]}"]
    assert list(pairs)[3] not in questions(make_page("\n\n".join(groups) + "\n"))


# exams


EXAMS = [
    {
        "head": "【题号】{n}　【知识点】氧化剂　【来源】某校月考",
        "tasks": ["反应中得到电子的物质是", "下列离子能大量共存的一组是", "生成一摩尔氢气转移的电子数为"],
        "choices": "（甲）第一种　（乙）第二种\n（丙）第三种",
        "key": "【正解】乙\n【点拨】看价态的升降，得电子的是氧化剂。",
        "open": "【正解】＊＊＊\n【点拨】登录后每日可免费查看 3 题",
    },
    {
        "head": "[No.] {n}  [Topic] oxidation  [Source] mock exam",
        "tasks": ["The substance that gains electrons is", "The ions that can stay together are", "The charge that is passed on equals"],
        "choices": "(A) the first  (B) the second\n(C) the third",
        "key": "[Answer] B\n[Explanation] Look at what goes up and what goes down.",
        "open": "[Answer] ****\n[Explanation] Sign in for 3 free answers a day",
    },
]  # fmt: skip
BY_EXAM = pytest.mark.parametrize("exam", EXAMS, ids=["zh", "en"])
NUMBERS = pytest.mark.parametrize("numbers", ["①②③④", "1234"])


@BY_EXAM
@NUMBERS
def test_heads_of_tasks_are_no_questions_but_what_stands_below_them(exam: dict[str, str], numbers: str) -> None:
    groups = [
        f"{exam['head'].format(n=n)}\n{t}\n{exam['choices']}\n{exam['key']}"
        for n, t in zip(numbers, exam["tasks"], strict=False)
    ]
    page = make_page("\n\n".join(groups) + "\n")
    assert [q.startswith(t) for q, t in zip(questions(page), exam["tasks"], strict=True)] == [True] * 3
    assert all(" ".join(exam["choices"].split()) in q for q in questions(page))
    assert {p.answer for p in parents(page)} == {exam["key"].split("】" if "】" in exam["key"] else "] ", 1)[1]}


@BY_EXAM
@NUMBERS
def test_a_task_whose_answer_is_masked_has_none(exam: dict[str, str], numbers: str) -> None:
    told = [exam["key"], exam["key"], exam["open"], exam["key"]]
    tasks = [*exam["tasks"], exam["tasks"][0]]
    groups = [
        f"{exam['head'].format(n=n)}\n{t}\n{exam['choices']}\n{a}" for n, t, a in zip(numbers, tasks, told, strict=True)
    ]
    page = make_page("\n\n".join(groups) + "\n")
    assert len(questions(page)) == 3
    assert len(open_questions(page)) == 1
    assert open_questions(page)[0].startswith(tasks[2])


@pytest.mark.parametrize(
    ("tasks", "told"),
    [
        (["电解质在水中才能导电。（　　）", "失电子越多还原性越强。（ ）", "胶体的本质特征是丁达尔效应。（）"], "×　改正：熔融状态下也可以。"),
        (["先加____酸化，再滴氯化钡。", "向＿＿＿＿中逐滴加入饱和溶液。", "生成的气体是____。"], "稀盐酸，排除碳酸根的干扰。"),
        (["The powerhouse of the cell is the ____.", "A ______ keeps what is to come.", "Blood leaves the heart by the ____."], "The usual word, in one line."),
    ],
    ids=["judged", "filled in", "en"],
)  # fmt: skip
def test_what_is_to_be_filled_in_asks(tasks: list[str], told: str) -> None:
    page = make_page("\n\n".join(f"{n}. {t}\n{told}" for n, t in enumerate(tasks, 1)) + "\n")
    assert list(answers(page).values()) == [told] * 3


@pytest.mark.parametrize("text", ["def __init__(self)", "调用 main() 就行", "snake___case", "print()"])
def test_names_of_programs_leave_nothing_to_fill_in(text: str) -> None:
    assert read_cue(text).ask == 0.0


def test_parts_between_a_question_and_its_labelled_answer_are_parts_of_the_question() -> None:
    tail = "④ 某废水可用硫酸亚铁处理。\n（1）写出离子方程式。\n（2）需要多少克？\n解：\n（1）六份亚铁配一份。\n（2）共 16.68 克。"
    page = make_page("\n\n".join(f"{'①②③'[n]} {q}\n{a}" for n, (q, a) in enumerate(ZH)) + f"\n\n{tail}\n")
    asked = next(q for q in questions(page) if "废水" in q)
    assert "多少克" in asked
    assert answers(page)[asked] == "（1）六份亚铁配一份。\n（2）共 16.68 克。"
    assert len(questions(page)) == 4


@pytest.mark.parametrize("title", ["第二大题　填空", "第三大题 判断（对的画√，错的画×）"])
def test_titles_of_the_parts_of_an_exam_close_the_answer(title: str) -> None:
    one, *rest = (f"{'①②③'[n]} {q}\n{a}" for n, (q, a) in enumerate(ZH))
    assert answers(make_page("\n\n".join([one, title, *rest]) + "\n")) == dict(ZH)


@pytest.mark.parametrize("text", ["", "\n", "一面常见 为什么离开\n讲往前看的理由。\n你的缺点\n", "- - - E N D - - -\n"])
def test_a_page_without_blank_lines_or_without_any_line_is_split(text: str) -> None:
    check_passages(make_page(text))
