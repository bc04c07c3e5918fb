"""Readers: blocks of text, Markdown and HTML, and the places in the source they say they come from."""

import html
import re
from dataclasses import dataclass, field

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from making import make_blocks, make_source, within

from retriever.corpus import read_blocks
from retriever.documents import Block, Source

FIXED = settings(max_examples=120, deadline=None, derandomize=True, database=None)
Seen = list[tuple[str, str]]


def seen(text: str, name: str) -> Seen:
    """Kind and text of every block."""
    return [(block.kind, block.text) for block in make_blocks(text, name)]


def only(text: str, name: str) -> Block:
    """The one block of `text`."""
    blocks = make_blocks(text, name)
    assert len(blocks) == 1, [block.text for block in blocks]
    return blocks[0]


def source_slice(source: Source, block: Block) -> str:
    """What the source holds at the place of a block, its line ends written as the block writes them."""
    return re.sub(r"\r\n?", "\n", source.text[block.start : block.end])


def check_places(source: Source, blocks: list[Block]) -> None:
    """Every block lies inside the source, says its lines, and comes after the one before."""
    previous = 0
    for block in blocks:
        assert previous <= block.start < block.end <= len(source.text)
        assert block.start_line == source.line_of(block.start)
        assert block.end_line == source.line_of(block.end - 1)
        previous = block.end


# text and Markdown: kinds


@pytest.mark.parametrize(
    ("line", "level", "plain"),
    [
        ("# 优化", 1, "优化"),
        ("### 3. What is a warm-up?", 3, "3. What is a warm-up?"),
        ("###### 最小的标题", 6, "最小的标题"),
        ("##没有空格的标题", 2, "没有空格的标题"),
        ("## **粗体标题**", 2, "粗体标题"),
        ("  ## 缩进两格", 2, "缩进两格"),
    ],
)
def test_atx_headings(line: str, level: int, plain: str) -> None:
    block = only(line, "a.md")
    assert (block.kind, block.level, block.plain) == ("heading", level, plain)


def test_closing_hashes_of_a_heading_are_markup() -> None:
    assert only("## 什么是预热？ ##", "a.md").plain == "什么是预热？"


@pytest.mark.parametrize(("rule", "level"), [("=====", 1), ("-----", 2), ("===", 1), ("---", 2)])
def test_setext_headings_are_the_line_above_the_rule(rule: str, level: int) -> None:
    blocks = make_blocks(f"优化\n{rule}\n\n正文。", "a.md")
    assert [(b.kind, b.text, b.level, b.start_line, b.end_line) for b in blocks] == [
        ("heading", "优化", level, 1, 1),
        ("paragraph", "正文。", 0, 4, 4),
    ]


def test_rule_under_a_longer_paragraph_makes_no_heading() -> None:
    assert seen("first line of a paragraph\nsecond line\n---\nmore", "a.md") == [
        ("paragraph", "first line of a paragraph"),
        ("paragraph", "second line"),
        ("paragraph", "more"),
    ]


@pytest.mark.parametrize("fence", ["```", "~~~", "````", "```python", "``` {.python}"])
def test_fenced_code_is_one_block_with_its_comments(fence: str) -> None:
    close = re.match(r"`+|~+", fence)
    assert close
    code = f"{fence}\n# 这是注释，不是标题\nx = 1\n\n## 也是注释\n{close.group(0)}"
    assert seen(f"前文\n{code}\n后文", "a.md") == [("paragraph", "前文"), ("code", code), ("paragraph", "后文")]


def test_longer_fence_holds_a_shorter_one() -> None:
    code = "````\n```\ninside\n```\n````"
    assert seen(code, "a.md") == [("code", code)]


def test_fence_of_the_other_kind_does_not_close() -> None:
    code = "~~~\n```\n# inside\n~~~"
    assert seen(code, "a.md") == [("code", code)]


def test_code_in_a_list_item_keeps_its_indentation() -> None:
    blocks = make_blocks("1. 先装依赖\n\n   ```sh\n   pip install x\n   ```\n\n2. 再运行\n", "a.md")
    assert [(b.kind, b.text) for b in blocks] == [
        ("item", "1. 先装依赖"),
        ("code", "   ```sh\n   pip install x\n   ```"),
        ("item", "2. 再运行"),
    ]


def test_fence_that_never_closes_swallows_nothing() -> None:
    kinds = [kind for kind, _ in seen("```\n说明文字。\n\n## 什么是动量？\n\n滑动平均。", "a.md")]
    assert kinds == ["paragraph", "paragraph", "heading", "paragraph"]


def test_unfenced_code_with_comments_is_one_block() -> None:
    code = "import json\n# 读入配置\nconfig = json.load(stream)\nconfig.update(extra)"
    assert seen(f"先读配置：\n{code}\n再启动服务即可。", "a.txt") == [
        ("paragraph", "先读配置："),
        ("code", code),
        ("paragraph", "再启动服务即可。"),
    ]


def test_comment_of_a_script_does_not_make_a_text_file_markdown() -> None:
    blocks = make_blocks("# 备份脚本\nset -e\n# 复制文件\ncp a b\n", "a.txt")
    assert "heading" not in [block.kind for block in blocks]


def test_text_file_full_of_headings_is_read_as_markdown() -> None:
    blocks = make_blocks("# 笔记\n\n## 什么是动量？\n\n滑动平均。\n", "a.txt")
    assert [block.kind for block in blocks] == ["heading", "heading", "paragraph"]


@pytest.mark.parametrize(
    "table",
    [
        "| 方法 | 速度 |\n|---|---|\n| 随机 | 快 |",
        "方法 | 速度\n--- | ---\n随机 | 快",
        "| a | b |\n| :-: | --: |\n| 1 | 2 |",
    ],
)
def test_tables_are_one_block_verbatim(table: str) -> None:
    assert seen(f"前文。\n\n{table}\n\n后文。", "a.md") == [
        ("paragraph", "前文。"),
        ("table", table),
        ("paragraph", "后文。"),
    ]


def test_line_with_a_bar_is_no_table() -> None:
    assert seen("条件概率写作 P(a|b)。", "a.md") == [("paragraph", "条件概率写作 P(a|b)。")]


@pytest.mark.parametrize(
    "formula",
    [
        "$$\ny = w x + b\n$$",
        "$$ y = w x + b $$",
        r"\[ y = w x \]",
        "\\[\ny = w x\n\\]",
        "\\begin{aligned}\na &= b\n\\end{aligned}",
    ],
)
def test_display_formulas_are_one_block_verbatim(formula: str) -> None:
    assert seen(f"模型是：\n{formula}\n其中 b 是偏置。", "a.md") == [
        ("paragraph", "模型是："),
        ("formula", formula),
        ("paragraph", "其中 b 是偏置。"),
    ]


def test_formula_inside_a_sentence_stays_in_its_line() -> None:
    assert seen("当 $$a > 0$$ 时 $b$ 增大。", "a.md") == [("paragraph", "当 $$a > 0$$ 时 $b$ 增大。")]


@pytest.mark.parametrize("line", ["- 一项", "* 一项", "+ 一项", "• 一项", "1. 一项", "2) 一项"])
def test_list_items(line: str) -> None:
    assert seen(line, "a.md") == [("item", line)]


def test_items_tell_their_depth() -> None:
    blocks = make_blocks("- a\n  - b\n\t- c\n    - d", "a.md")
    assert [block.indent for block in blocks] == [0, 2, 4, 4]


def test_front_matter_gives_the_title_and_no_block() -> None:
    title, blocks = read_blocks(make_source('---\ntitle: "优化问答"\ndate: 2024-05-01\n---\n\n# 别的标题\n', "a.md"))
    assert (title, [block.plain for block in blocks]) == ("优化问答", ["别的标题"])


def test_rule_at_the_top_is_no_front_matter() -> None:
    assert [text for _, text in seen("---\n\n正文。\n", "a.md")] == ["正文。"]


def test_title_is_the_first_heading_else_the_first_line() -> None:
    assert read_blocks(make_source("前言。\n\n# 优化\n", "a.md"))[0] == "优化"
    assert read_blocks(make_source("优化问答\n\n什么是动量？\n", "a.txt"))[0] == "优化问答"


@pytest.mark.parametrize(
    ("text", "name", "title"),
    [
        ("Q1: What is momentum?\nA1: A running mean.\n", "a.txt", "What is momentum?"),
        ("问题一：什么是动量？\n答：滑动平均。\n", "a.txt", "什么是动量？"),
        ("Q:\nWhat is momentum?\nA:\nA running mean.\n", "a.txt", "What is momentum?"),
        ("**Q1.** What is momentum?\n\nA running mean.\n", "a.md", "What is momentum?"),
        ("## Q1: What is momentum?\n\nA running mean.\n", "a.md", "What is momentum?"),
        ("<h2>Q1: What is momentum?</h2><p>A running mean.</p>", "a.html", "What is momentum?"),
        ("Answer: momentum in practice\n\nA running mean.\n", "a.txt", "Answer: momentum in practice"),
        ("3. Momentum\n\nA running mean.\n", "a.txt", "3. Momentum"),
    ],
)
def test_question_that_names_its_page_does_so_without_its_label(text: str, name: str, title: str) -> None:
    assert read_blocks(make_source(text, name))[0] == title


@pytest.mark.parametrize(
    "text",
    [
        "<details>\n<summary>What is it?</summary>\n\nAn answer.\n\n</details>",
        "<details><summary>What is it?</summary>\n\nAn answer.\n</details>",
        "<details open>\n  <summary><b>What is it?</b></summary>\nAn answer.\n</details>",
    ],
)
def test_details_in_markdown_give_a_term_and_its_text(text: str) -> None:
    blocks = make_blocks(text, "a.md")
    assert [(block.kind, block.plain) for block in blocks] == [("term", "What is it?"), ("paragraph", "An answer.")]


@pytest.mark.parametrize("rule", ["---", "***", "___", "* * *", "==========", "<br>", "<hr/>", "<!-- 注释 -->"])
def test_rules_lone_tags_and_comments_are_no_text(rule: str) -> None:
    assert seen(f"前文。\n\n{rule}\n\n后文。", "a.md") == [("paragraph", "前文。"), ("paragraph", "后文。")]


def test_comment_over_several_lines_is_no_text() -> None:
    assert seen("前文。\n\n<!--\n写给编辑看的话\n-->\n\n后文。", "a.md") == [
        ("paragraph", "前文。"),
        ("paragraph", "后文。"),
    ]


@pytest.mark.parametrize("space", ["\u2003", "\u2028", "\x85"])
def test_line_of_unicode_white_space_is_blank(space: str) -> None:
    assert seen(f"前文。\n{space}\n后文。", "a.md") == [("paragraph", "前文。"), ("paragraph", "后文。")]


@pytest.mark.parametrize(
    ("line", "strong"), [("**什么是动量？**", True), ("**动量**是滑动平均。", False), ("__动量__", True)]
)
def test_strong_is_a_line_that_is_emphasised_whole(line: str, strong: bool) -> None:
    assert only(line, "a.md").strong is strong


def test_linked_is_the_share_of_text_inside_links() -> None:
    assert only("[首页](/) [课程](/c)", "a.md").linked == 1.0
    assert only("动量见[这里](/m)的说明。", "a.md").linked < 0.5
    assert only("动量是滑动平均。", "a.md").linked == 0.0


def test_gap_tells_lines_of_one_paragraph_from_paragraphs() -> None:
    assert [block.gap for block in make_blocks("一\n二\n\n三\n\n\n\n四", "a.txt")] == [2, 1, 2, 2]


# text and Markdown: places

LINES = st.one_of(
    st.sampled_from(
        [
            "",
            "",
            "```",
            "```py",
            "~~~",
            "$$",
            r"\[",
            r"\]",
            r"\begin{cases}",
            r"\end{cases}",
            "---",
            "===",
            "| a | b |",
            "|---|---|",
            "x = 1;",
            "import os",
            "# 注释",
            "<details>",
            "<summary>什么？</summary>",
            "</details>",
            "<!-- n -->",
        ]
    ),
    st.builds(
        "".join,
        st.tuples(
            st.sampled_from(
                ["", "", "# ", "## ", "- ", "1. ", "> ", "  ", "    - ", "\t", "\u3000\u3000", "**", "A. "]
            ),
            st.text("动量梯 ab.?？：|*`$", min_size=1, max_size=12).map(str.strip).filter(bool),
        ),
    ),
)


@FIXED
@given(
    st.lists(LINES, min_size=1, max_size=14), st.sampled_from(["\n", "\r\n", "\r"]), st.sampled_from(["a.md", "a.txt"])
)
def test_every_block_of_a_text_source_is_its_slice_of_the_source(lines: list[str], end: str, name: str) -> None:
    """Blocks are verbatim, in order, and each of their characters knows its place."""
    source = make_source(end.join(lines), name)
    blocks = read_blocks(source)[1]
    check_places(source, blocks)
    for block in blocks:
        assert block.text == source_slice(source, block)
        for position, char in enumerate(block.text):
            assert char == "\n" or source.text[block.offset_of(position)] == char


@FIXED
@given(st.lists(LINES, min_size=1, max_size=14))
def test_only_markup_lines_give_no_block(lines: list[str]) -> None:
    """Every line with a letter outside tags and comments belongs to exactly one block."""
    source = make_source("\n".join(["正文。", *lines]), "a.md")
    held = [n for block in read_blocks(source)[1] for n in range(block.start_line, block.end_line + 1)]
    assert len(held) == len(set(held))
    for n in range(1, len(source.line_starts) + 1):
        if re.search(r"[动量梯ab]", re.sub(r"<[^>]*>", "", source.line(n))):
            assert n in held, source.line(n)


def test_trailing_white_space_inside_code_does_not_shift_places() -> None:
    source = make_source("```\na = 1  \nb = 2\t\n```\n", "a.md")
    block = read_blocks(source)[1][0]
    assert source.text[block.offset_of(block.text.index("b"))] == "b"


# HTML: kinds


@pytest.mark.parametrize(
    ("text", "blocks"),
    [
        ("<h1>优化</h1><h3>动量</h3>", [("heading", "优化"), ("heading", "动量")]),
        ("<p>一</p>\n<p>二</p>", [("paragraph", "一"), ("paragraph", "二")]),
        ("<div>前<div>中</div>后</div>", [("paragraph", "前"), ("paragraph", "中"), ("paragraph", "后")]),
        ("<dl><dt>问</dt><dd>答</dd></dl>", [("term", "问"), ("definition", "答")]),
        ("<dl><div><dt>问</dt><dd>答</dd></div></dl>", [("term", "问"), ("definition", "答")]),
        (
            "<details><summary>问</summary>答<p>再答</p></details>",
            [("term", "问"), ("paragraph", "答"), ("paragraph", "再答")],
        ),
        ("<blockquote><p>引文</p></blockquote>", [("quote", "引文")]),
        ("<p>甲<br>乙<br/>丙</p>", [("paragraph", "甲"), ("paragraph", "乙"), ("paragraph", "丙")]),
        ("只有文字", [("paragraph", "只有文字")]),
        ("<p>一<em>二</em><b>三</b></p>", [("paragraph", "一二三")]),
    ],
)
def test_elements_become_blocks(text: str, blocks: Seen) -> None:
    assert seen(text, "a.html") == blocks


def test_heading_levels() -> None:
    assert [block.level for block in make_blocks("<h1>a</h1><h4>b</h4><p>c</p>", "a.html")] == [1, 4, 0]


@pytest.mark.parametrize(
    ("text", "rows"),
    [
        (
            "<table><tr><th>方法</th><th>速度</th></tr><tr><td>随机</td><td>快</td></tr></table>",
            ["方法 | 速度", "随机 | 快"],
        ),
        ("<table><tbody><tr><td>一<td>二<td>三</tr></tbody></table>", ["一 | 二 | 三"]),
        ("<table><tr><td><p>长</p><p>文</p></td><td>短</td></tr></table>", ["长 文 | 短"]),
        ("<table><tr><td>上<br>下</td><td>短</td></tr></table>", ["上 下 | 短"]),
    ],
)
def test_table_rows_become_lines_of_cells(text: str, rows: list[str]) -> None:
    assert seen(text, "a.html") == [("table", row) for row in rows]


def test_rows_and_cells_without_end_tags_stay_apart() -> None:
    assert seen("<table><tr><td>a<td>b<tr><td>c<td>d</table>", "a.html") == [("table", "a | b"), ("table", "c | d")]


def test_table_that_only_lays_out_the_page_is_no_table() -> None:
    """Old pages put everything in one cell; headings and lists inside it keep their kind."""
    text = "<table><tr><td><h2>什么是动量？</h2><p>滑动平均。</p><ul><li>快</li></ul></td></tr></table>"
    assert [kind for kind, _ in seen(text, "a.html")] == ["heading", "table", "item"]


def test_preformatted_text_is_verbatim() -> None:
    code = "def f(x):\n    # 两倍\n\n    return 2 * x"
    assert seen(f"<p>见：</p><pre><code>{code}\n</code></pre>", "a.html") == [("paragraph", "见："), ("code", code)]


def test_highlighted_code_is_verbatim() -> None:
    text = '<pre><span class="k">if</span> a &lt; b:\n    <span class="n">go</span>()</pre>'
    assert seen(text, "a.html") == [("code", "if a < b:\n    go()")]


def test_code_in_a_table_of_line_numbers_keeps_its_place() -> None:
    """Some highlighters put a table of line numbers inside `<pre>`."""
    cell = '<tr><td class="ln"></td><td>{}</td></tr>'
    text = f"<p>见：</p>\n<pre><table>{cell.format('x = 1')}\n{cell.format('y = 2')}</table></pre>"
    source = make_source(text, "a.html")
    check_places(source, read_blocks(source)[1])


def test_code_in_a_list_item_is_verbatim() -> None:
    assert ("code", "a\nb") in seen("<ul><li><pre>a\nb</pre></li></ul>", "a.html")


@pytest.mark.parametrize(
    ("text", "items"),
    [
        ("<ul><li>a</li><li>b</li></ul>", ["- a", "- b"]),
        ("<ol><li>a</li><li>b</li></ol>", ["1. a", "2. b"]),
        ("<ol><li>a<li>b<li>c</ol>", ["1. a", "2. b", "3. c"]),
        ('<ol start="4"><li>a</li><li>b</li></ol>', ["4. a", "5. b"]),
        ("<ul><li>a<ul><li>b</li></ul></li><li>c</li></ul>", ["- a", "  - b", "- c"]),
        ("<ol><li><p>a</p><ol><li>b</li></ol></li><li>c</li></ol>", ["1. a", "  1. b", "2. c"]),
        ("<ul><li>a<li>b<ul><li>c</ul><li>d</ul>", ["- a", "- b", "  - c", "- d"]),
    ],
)
def test_list_items_get_the_marker_a_browser_shows(text: str, items: list[str]) -> None:
    assert seen(text, "a.html") == [("item", item) for item in items]


@pytest.mark.parametrize("start", ["x", "", "-1", "²", "1.5"])
def test_odd_list_starts_do_no_harm(start: str) -> None:
    assert [kind for kind, _ in seen(f'<ol start="{start}"><li>a</li></ol>', "a.html")] == ["item"]


def test_second_paragraph_of_an_item_has_no_marker() -> None:
    assert [text for _, text in seen("<ol><li><p>a</p><p>b</p></li></ol>", "a.html")] == ["1. a", "b"]


@pytest.mark.parametrize(
    "text",
    [
        '<span class="katex"><span class="katex-mathml"><math><semantics><mrow><mi>x</mi></mrow>'
        '<annotation encoding="application/x-tex">x^2</annotation></semantics></math></span>'
        '<span class="katex-html" aria-hidden="true">x2</span></span>',
        '<math><semantics><mi>x</mi><annotation encoding="application/x-tex">x^2</annotation></semantics></math>',
        '<script type="math/tex">x^2</script>',
        '<img class="eeimg" alt="x^2" src="tex.svg">',
    ],
    ids=["katex", "mathml", "mathjax", "image"],
)
def test_rendered_formulas_give_their_tex_once(text: str) -> None:
    assert seen(f"<p>损失 {text} 最小。</p>", "a.html") == [("paragraph", "损失 $x^2$ 最小。")]


def test_formula_knows_its_place() -> None:
    source = make_source('<p>设 <math><annotation encoding="application/x-tex">x^2</annotation></math></p>', "a.html")
    block = read_blocks(source)[1][0]
    assert source.text[block.offset_of(block.text.index("x^2"))] == "x"


@pytest.mark.parametrize("tag", ["script", "style", "noscript", "template", "svg", "iframe", "textarea", "head"])
def test_what_readers_do_not_see_is_skipped(tag: str) -> None:
    assert seen(f"<p>前<{tag}>不可见</{tag}>后</p>", "a.html") == [("paragraph", "前后")]


def test_markup_in_scripts_is_no_markup() -> None:
    assert seen('<script>document.write("<p>a</p>"); if (1 < 2) {}</script><p>b</p>', "a.html") == [("paragraph", "b")]


def test_comments_and_declarations_are_skipped() -> None:
    assert seen("<!doctype html><!-- <p>a</p> --><p>b<!-- c --></p>", "a.html") == [("paragraph", "b")]


@pytest.mark.parametrize(
    ("written", "shown"),
    [
        ("&lt;div&gt; &amp;&amp; &quot;a&quot;", '<div> && "a"'),
        ("&#20013;&#x6587;", "中文"),
        ("&alpha;&hellip;", "α…"),
        ("&copy 2024", "© 2024"),
        ("R&D and a&b", "R&D and a&b"),
        ("&nosuch; x", "&nosuch; x"),
        ("1 < 2 and 3 > 2", "1 < 2 and 3 > 2"),
    ],
)
def test_entities(written: str, shown: str) -> None:
    assert seen(f"<p>{written}</p>", "a.html") == [("paragraph", shown)]


def test_white_space_is_folded_as_a_browser_does() -> None:
    assert seen("<p>\n  one\n\ttwo  <b> three</b>\n</p>", "a.html") == [("paragraph", "one two three")]


@pytest.mark.parametrize(
    ("text", "blocks"),
    [
        ("<p>a<p>b<ul><li>c<li>d</ul>e", ["a", "b", "c", "d", "e"]),
        ("<p>a<h2>b</h2>c", ["a", "b", "c"]),
        ("<dl><dt>a<dd>b<dt>c<dd>d</dl>", ["a", "b", "c", "d"]),
        ("<div><p>a<div>b</div>c</div>", ["a", "b", "c"]),
        ("<p>a</div></ul></p></table>b", ["a", "b"]),
        ("<p>a <b>b <i>c", ["a b c"]),
        ("<li>a<li>b", ["a", "b"]),
        ("<P>a</P><DIV>b</DIV>", ["a", "b"]),
    ],
)
def test_implied_and_missing_end_tags(text: str, blocks: list[str]) -> None:
    assert [block.plain for block in make_blocks(text, "a.html")] == blocks


def test_page_title_is_the_title_of_the_source() -> None:
    text = "<html><head><title>优化 &amp; 训练</title></head><body><h1>别的</h1></body></html>"
    assert read_blocks(make_source(text, "a.html"))[0] == "优化 & 训练"


def test_without_a_title_the_first_heading_names_the_page() -> None:
    assert read_blocks(make_source("<p>前言</p><h1>优化</h1>", "a.html"))[0] == "优化"


def test_title_without_a_head_element_is_no_text() -> None:
    """The tags of `<head>` may be left out; a browser never shows the title in the page."""
    assert seen("<!doctype html><title>优化</title><p>正文。</p>", "a.html") == [("paragraph", "正文。")]


@pytest.mark.parametrize("sign", ["¶", "#"])
def test_permalink_of_a_heading_is_no_text(sign: str) -> None:
    """Documentation sites put a link to the heading itself into it."""
    link = f'<a class="headerlink" href="#a" title="Link to this heading">{sign}</a>'
    assert seen(f"<h2>What is momentum?{link}</h2>", "a.html") == [("heading", "What is momentum?")]


@pytest.mark.parametrize(
    ("element", "hint"),
    [
        ("nav", "nav"),
        ("footer", "footer"),
        ("aside", "aside"),
        ('div class="related-posts"', "teaser"),
        ('div id="comments"', "comments"),
        ('div class="sidebarWidget"', "aside"),
        ('div role="navigation"', "nav"),
        ('div style="display: none"', "hidden"),
        ("div hidden", "hidden"),
    ],
)
def test_furniture_around_a_block_is_named(element: str, hint: str) -> None:
    assert hint in only(f"<{element}><p>文字</p></{element.split()[0]}>", "a.html").hints


def test_classes_of_content_are_no_furniture() -> None:
    assert only('<div class="post-content entry"><p class="lead">文字</p></div>', "a.html").hints == ()


def test_linked_and_strong_shares_of_html_blocks() -> None:
    assert only('<p><a href="/">首页</a> <a href="/c">课程</a></p>', "a.html").linked == 1.0
    assert only("<p><b>什么是动量？</b></p>", "a.html").strong
    assert not only("<p><b>动量</b>是滑动平均。</p>", "a.html").strong


# HTML: places


@dataclass(frozen=True)
class Piece:
    """Generated HTML and the letters of it that a browser shows."""

    source: str
    shown: str = ""


@dataclass
class Page:
    """A generated page."""

    source: str
    shown: str
    name: str = field(default="a.html")


LETTERS = "abc中文？"
WORDS = st.text(LETTERS + " \n", min_size=1, max_size=8).map(lambda text: Piece(text, re.sub(r"\s", "", text)))
ODDITIES = st.sampled_from(
    [
        "<br>",
        "&amp;",
        "&#22269;",
        "&nbsp;",
        "<!-- abc -->",
        "<script>abc</script>",
        "<img alt='abc'>",
        "<style>a</style>",
    ]
).map(Piece)


def _element(tag: str, closed: bool, children: list[Piece]) -> Piece:
    """An element; without its end tag where HTML allows that or people forget it."""
    inner = "".join(child.source for child in children)
    return Piece(f"<{tag}>{inner}" + (f"</{tag.split()[0]}>" if closed else ""), "".join(c.shown for c in children))


def _grow(inside: st.SearchStrategy[Piece]) -> st.SearchStrategy[Piece]:
    plain = st.sampled_from(
        ["p", "div", "b", "span", "a href='x'", "h2", "li", "ul", "ol", "blockquote", "em", "dd", "dt"]
    )
    whole = st.sampled_from(["pre", "table", "tr", "td", "details", "summary", "dl", "section", "ol start='7'"])
    return st.builds(_element, plain, st.booleans(), st.lists(inside, max_size=4)) | st.builds(
        _element, whole, st.just(True), st.lists(inside, max_size=4)
    )


HTML_PAGES = st.lists(st.recursive(WORDS | ODDITIES, _grow, max_leaves=12), min_size=1, max_size=5).map(
    lambda pieces: Page("".join(p.source for p in pieces), "".join(p.shown for p in pieces))
)


@FIXED
@given(HTML_PAGES)
def test_every_letter_of_a_page_is_in_its_blocks_once_and_in_order(page: Page) -> None:
    shown = "".join(block.plain for block in make_blocks(page.source, page.name))
    assert re.sub(f"[^{LETTERS}]", "", shown) == page.shown


@FIXED
@given(HTML_PAGES)
def test_blocks_stand_in_order_and_their_letters_know_their_place(page: Page) -> None:
    source = make_source(page.source, page.name)
    check_places(source, read_blocks(source)[1])
    for block in read_blocks(source)[1]:
        for position, char in enumerate(block.text):
            if char in LETTERS:
                assert source.text[block.offset_of(position)] == char


@FIXED
@given(st.text("<>/&;#=\"'!-? abp中\r\n\t", max_size=60).filter(lambda text: "<![" not in text))
def test_anything_between_angle_brackets_is_survived(text: str) -> None:
    source = make_source(text, "a.html")
    check_places(source, read_blocks(source)[1])


@pytest.mark.parametrize("text", ["<p>a</p><![Q: b]]>", "<p>in bash: if <![ b ]></p>"])
def test_marked_sections_that_html_does_not_know_are_survived(text: str) -> None:
    assert make_blocks(text, "a.html")[0].plain.startswith(("a", "in"))


def test_text_after_an_unknown_marked_section_keeps_its_place() -> None:
    source = make_source("<p>if <![<b>ready</b> then</p>", "a.html")
    block = read_blocks(source)[1][0]
    assert source.text[block.offset_of(block.text.index("ready"))] == "r"


def test_conditional_comments_of_old_pages_are_survived() -> None:
    text = "<!--[if IE]><p>a</p><![endif]--><![if !IE]><p>b</p><![endif]>"
    assert [block.plain for block in make_blocks(text, "a.html")] == ["b"]


def test_entity_maps_to_its_ampersand() -> None:
    source = make_source("<p>a &lt; b</p>", "a.html")
    block = read_blocks(source)[1][0]
    assert source.text[block.offset_of(block.text.index("<"))] == "&"
    assert source.text[block.offset_of(block.text.index("b"))] == "b"


def test_formula_cut_off_at_the_end_of_the_file_stays_inside_it() -> None:
    source = make_source('<p>设 <math><annotation encoding="application/x-tex">x', "a.html")
    check_places(source, read_blocks(source)[1])


def test_unescaped_text_survives_escaping() -> None:
    """Reading what was escaped gives back the text, for any line of code."""
    code = "if (a < b && c > d) { print(\"&amp;\"); } // 'x'"
    assert only(f"<pre>{html.escape(code)}</pre>", "a.html").text == code


@pytest.mark.parametrize("gap", [" " * 5000, "/" * 5000, "\t/ " * 5000], ids=["blanks", "slashes", "both"])
def test_gaps_of_thousands_of_characters_in_a_tag_part_its_attributes(gap: str) -> None:
    blocks = make_blocks(f"<p>a</p><h2{gap}class='nav'>b{gap}c</h2><p>d", "a.html")
    assert [(block.kind, block.hints) for block in blocks] == [
        ("paragraph", ()),
        ("heading", ("nav",)),
        ("paragraph", ()),
    ]
    assert "".join(blocks[1].text.split()) == "b" + "".join(gap.split()) + "c"


# size


@pytest.mark.parametrize("tag", ["div", "b", "ul><li"])
def test_deep_nesting_is_read_in_seconds(tag: str) -> None:
    with within(6):
        blocks = make_blocks(f"<{tag}>" * 20_000 + "底", "a.html")
    assert "".join(block.plain for block in blocks).strip("| ") == "底"


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("动量是梯度的滑动平均，" * 30_000, "a.txt"),
        ("动量是梯度的滑动平均，" * 30_000, "a.md"),
        ("<p>" + "momentum is a mean, " * 50_000, "a.html"),
        ("<p>什么？" * 20_000, "a.html"),
        ("<p>" + "a<br>" * 20_000, "a.html"),
        ("data:image/png;base64," + "iVBORw0KGgo+/8" * 70_000, "a.md"),
    ],
    ids=["txt", "md", "html", "paragraphs", "breaks", "base64"],
)
def test_one_line_of_a_megabyte_is_read_in_seconds(text: str, name: str) -> None:
    with within(6):
        assert make_blocks(text, name)


@pytest.mark.parametrize(
    "text",
    ["momentum is a mean " * 6_000, "[" * 60_000, "[a](" * 20_000, "```a\n" * 10_000],
    ids=["english", "brackets", "links", "fences"],
)
def test_long_and_odd_lines_take_linear_time(text: str) -> None:
    """The lines are 60 to 110 KB; linear patterns need a few milliseconds for them."""
    with within(0.7):
        assert make_blocks(text, "a.md")


# what unfolds


@pytest.mark.parametrize(
    "page",
    [
        "<button aria-expanded='false'>{q}<span>+</span></button><div hidden><p>{a}</p></div>",
        "<h3><button aria-controls='p' aria-expanded='true'>{q}<i aria-hidden='true'>open</i></button></h3><p>x</p><div id='p'>{a}</div>",
        "<div><a href='#c' data-toggle='collapse'>{q}</a></div><div id='c'><p>{a}</p></div>",
        "<details><summary>{q}</summary><p>{a}</p></details>",
    ],
)
@pytest.mark.parametrize(
    ("question", "answer"),
    [("How do I return a parcel?", "Print the label and glue it on."), ("怎么退货", "打印面单，贴好寄回。")],
)
def test_a_control_that_asks_and_opens_is_a_title_above_its_panel(page: str, question: str, answer: str) -> None:
    blocks = make_blocks(page.format(q=question, a=answer), "a.html")
    title, panel = blocks[0], blocks[-1]
    assert (title.plain, title.kind in ("term", "heading"), title.inside, title.hints) == (question, True, 0, ())
    assert (panel.plain, panel.inside, panel.hints) == (answer, 1, ())


def test_a_control_of_a_menu_is_a_button() -> None:
    blocks = make_blocks("<nav><button aria-expanded='false'>What we do</button><p>Jobs</p></nav>", "a.html")
    assert all("nav" in block.hints and block.kind == "paragraph" for block in blocks)
    (button, _) = make_blocks("<button aria-expanded='false'>Menu</button><p>Jobs</p>", "a.html")
    assert button.hints == ("button",)


def test_what_stands_below_the_first_line_of_a_list_item_is_inside_it() -> None:
    page = "<ol><li><p>First.</p><h4>Part</h4><p>Text.</p></li><li>Second.</li></ol><p>After.</p>"
    inside = {block.plain: block.inside for block in make_blocks(page, "a.html")}
    assert inside == {"First.": 0, "Part": 1, "Text.": 1, "Second.": 0, "After.": 0}


def test_what_stands_below_a_summary_is_inside_it_until_it_closes() -> None:
    page = "<details>\n<summary>Why?</summary>\n\n### Cause\n\nText.</details>\n\nAfter.\n"
    inside = {block.plain: block.inside for block in make_blocks(page, "a.md")}
    assert {"Why?": 0, "Cause": 1, "After.": 0}.items() <= inside.items()
    assert [n for text, n in inside.items() if text.startswith("Text.")] == [1]


TAGGED = "**What is momentum?** `easy` `SGD`\n\nA running mean.\n\n**What is decay?** `easy`\n\nA pull.\n\n**What is drift?** `rare`\n\nA change.\n"


@pytest.mark.parametrize("text", [TAGGED, TAGGED.replace("easy", "常考").replace("rare", "操作考")])
def test_tags_set_as_code_behind_emphasised_questions_are_no_part_of_them(text: str) -> None:
    blocks = make_blocks(text, "a.md")
    assert [b.plain for b in blocks if b.strong] == ["What is momentum?", "What is decay?", "What is drift?"]
    check_places(make_source(text, "a.md"), blocks)


@pytest.mark.parametrize(
    "text",
    [
        "**Which flag lists them?** `-l`\n\nThen sort.\n\n**Which one sorts?** `-s`\n\n**Which one counts?** `-c`\n",
        TAGGED.replace("easy", "True").replace("rare", "False"),
        TAGGED.replace("\n\nA running mean.", "").replace("\n\nA pull.", ""),
    ],
    ids=["answers", "verdicts", "nothing below"],
)
def test_code_that_may_answer_an_emphasised_question_stays(text: str) -> None:
    assert all(b.text in text.split("\n") for b in make_blocks(text, "a.md"))
    assert sum("`" in b.text for b in make_blocks(text, "a.md")) == text.count("?")


@pytest.mark.parametrize("mark", ["- [x] ", "- [ ] ", "* [X] ", "1. [x] "])
def test_box_of_a_task_is_no_part_of_what_it_says(mark: str) -> None:
    block = only(f"{mark}What is momentum? :green_circle:\n", "a.md")
    assert (block.kind, block.plain.lstrip("-*1. "), block.hints) == ("item", "What is momentum?", ("task",))


@pytest.mark.parametrize("line", ["- the ratio a :b: c", "- time 12:30:", "- use `:smile:`", "- std::vector::"])
def test_colons_that_name_no_emoji_at_the_end_stay(line: str) -> None:
    assert only(f"# Page\n\n{line}\n".replace("# Page\n\n", ""), "a.md").text == line


def test_links_of_html_in_markdown_count_as_links() -> None:
    assert only('<div align="right"><a href="#top">⬆ back up</a></div>\n', "a.md").linked == 1.0
    assert only('See <a href="x.html">this</a> for the other kinds of them.\n', "a.md").linked < 0.2
