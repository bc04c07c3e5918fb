"""Hostile pages, each made to any size: what made a reader slow once, or could.

A family is a function from a number of characters to a page of about that size. `benchmarks/hostile_documents.py` has more of them.
"""

import sys
import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from making import make_source, page_of

from retriever.analysis import Analyzer, base_words, words_in
from retriever.corpus import CorpusOptions, load_source
from retriever.documents import Source
from retriever.pages import Page

Family = Callable[[int], str]


def repeat(unit: str) -> Family:
    """The same over and over, without an end."""
    return lambda size: (unit * (size // len(unit) + 1))[:size]


def around(before: str, unit: str, after: str = "") -> Family:
    """The same over and over between a beginning and an end."""
    return lambda size: before + unit * (size // len(unit)) + after


def lines(*units: str) -> Family:
    """The same lines over and over."""
    return repeat("\n".join(units) + "\n")


def counted(unit: str) -> Family:
    """The same over and over with numbers that go up in place of `{i}`."""
    return lambda size: "".join(unit.replace("{i}", str(i)) for i in range(1, size // len(unit) + 2))


def nested(opener: str, closer: str) -> Family:
    """Elements inside one another."""
    return lambda size: (size // len(opener + closer)) * opener + "x" + (size // len(opener + closer)) * closer


def after(before: str, family: Family) -> Family:
    """A family behind a beginning."""
    return lambda size: before + family(size)


def joined(*families: Family) -> Family:
    """One family after the other, each with its share of the size."""
    return lambda size: "".join(family(size // len(families)) for family in families)


def deeper(unit: str, most: int) -> Family:
    """Lines that are indented by one blank more each, up to `most`."""
    return lambda size: "".join(" " * (i % most) + unit + "\n" for i in range(2 * size // (most + 2 * len(unit))))


# Pages of a few long lines or tags, and of many short ones, by suffix. A block costs more than a character does, so the second kind is
# tried at smaller sizes.
LONG: dict[str, dict[str, Family]] = {
    ".txt": {
        "english": repeat("momentum is a mean "),
        "one word": repeat("momentum"),
        "han": repeat("动量是梯度的滑动平均"),
        "one question": around("", "为什么", "?"),
        "questions": repeat("动量是什么？"),
        "questions in parts": around("Q: ", "什么是它？", "\nA: 它是它。\n"),
        "question in a numbered line": around("1. ", "为什么", "？\ntext\n"),
        "answer labels": repeat("what? A: that "),
        "compounds": repeat("a-b_c.d'e/"),
        "one number": repeat("1"),
        "numbers of many levels": repeat("1."),
        "stops": repeat("。"),
        "dots": around("", ".", "x"),
        "colons": repeat("a: "),
        "brackets": around("", "(", "x?"),
        "brackets at the end": around("什么", " (a"),
        "blanks": around("a", " ", "b"),
        "blanks and a label": around("a", " ", ": b"),
        "runs of 90 blanks": repeat("a" + " " * 90),
        "blanks at the end": around("b", " "),
        "zero-width blanks": around("a", "\u200b", "b"),
        "combining marks": around("Q: what?\nA: a", "\u0301\u0316"),
        "right-to-left marks": repeat("\u202ea"),
        "emoji": repeat("😀 "),
        "escapes": repeat("\x1b[2J\x1b]0;a\x07"),
        "line separators": repeat("a\u2028b\x0bc\x85d\x1e"),
        "addresses": repeat("http://a "),
        "code": repeat("return f(a, b) "),
    },
    ".md": {
        "stars": repeat("*"),
        "strong": repeat("**a "),
        "strong and blanks": around("**", "a ** ", "\n"),
        "underscores": repeat("_"),
        "backticks": repeat("`a "),
        "square brackets": repeat("["),
        "links": repeat("[a](b"),
        "images": around("", "![a](b) ", "x"),
        "images in links": around("", "[![a](b)](c) ", "x"),
        "comments": repeat("<!-- "),
        "tags": around("", "<div> ", "x"),
        "tags without an end": repeat("<a "),
        "bars": repeat("| "),
        "rule of a table": around("a|b\n", "|-- ", "x"),
        "cells": lambda n: f"|Question|Answer|{'a|' * (n // 8)}\n|---|---|\n|What?|{'b|' * (n // 8)}\n",
        "hashes": around("# b ", "#"),
        "quotes in quotes": repeat("> "),
        "dollars": repeat("$"),
        "fences of all lengths": lambda n: "".join("`" * (3 + i) + "\nx\n" for i in range(int((2 * n) ** 0.5))),
        "title": around("---\ntitle: ", "a", "\n---\nx\n"),
    },
    ".html": {
        "openers": repeat("<"),
        "tag without an end": around("<p ", "a=b "),
        "tags without an end": repeat("<a "),
        "comments without an end": repeat("<!--"),
        "marked sections": repeat("<![a["),
        "doctypes": repeat('<!DOCTYPE a "'),
        "instructions": repeat("<?"),
        "end tags": repeat("</"),
        "attributes": around("<p ", "a=b ", ">a</p>"),
        "attributes without a name": around("<p ", "=", ">a</p>"),
        "quotes of attributes": around("<p ", "a=' "),
        "class names": around("<p class='", "nav menu-x aB ", "'>a</p>"),
        "references": repeat("&#x41;"),
        "broken references": repeat("&#"),
        "long reference": around("&#", "9", ";"),
        "entities": repeat("&amp;"),
        "script": around("<script>", "a<b </a "),
        "titles": repeat("<title>a b"),
        "white space": around("<p>a", " \n", "b</p>"),
        "preformatted": around("<pre>", "a  ", "</pre>"),
        "no-break blanks": around("<p>a", "&nbsp;", "b</p>"),
    },
}
SHORT: dict[str, dict[str, Family]] = {
    ".txt": {
        "letters": lines("a"),
        "empty lines": around("Q: a?\n", "\n", "A: b\n"),
        "carriage returns": repeat("a\r"),
        "labelled questions": counted("Q: What is subject {i}?\nA: It is told of in book {i}.\n"),
        "labelled questions alone": counted("Q: What is subject {i}?\n"),
        "one question, many answers": after("Q: What is it?\n", counted("A: It is told of in book {i}.\n")),
        "numbered questions": counted("{i}. What is {i}?\nIt is {i}, as everybody knows.\n\n"),
        "numbers of two levels": counted("{i}.1 What is {i}?\nIt is {i}, as everybody knows.\n\n"),
        "numbers that stand still": lines("1. What is it?"),
        "bare questions": counted("What is subject {i}?\n\nIt is told of in book {i}.\n\n"),
        "bare titles": counted("Subject {i}\n\n"),
        "the same line": lines("the same line again"),
        "the same question": lines("What is it?", "", "It is this and that.", ""),
        "chapters": counted("第{i}章 优化\n\n1. 什么是动量？\n\n动量是滑动平均的意思，很长很长。\n\n"),
        "contents": joined(counted("What is {i}?\n"), counted("What is {i}?\n\nIt is told.\n\n")),
        "parts": after("Q: What is it?\nA: this\n", counted("label {i}: some text\n")),
        "parts in parts": after("Q: What is it?\nA: this\n", deeper("- label: x", 300)),
        "many questions in one": joined(around("Q: ", "什么是它？", "\n"), counted("{i}. 答案\n\n")),
        "leads": lines("推荐", "", "相关", "", "评论", ""),
        "leads and questions": counted("{i}. What is {i}?\n\nThat is said at length.\n\n相关文章\n\n9. What?\n\n"),
        "comments": counted("{i}楼 2 days ago\nWhat is {i}?\n"),
        "ends": counted("What is {i}?\n\nIt is told of in the book.\n\n全文完\n\n"),
        "wrapped furniture": lines(
            "欢迎关注公众号 this is a sentence which wraps and wraps and goes", "on and on without an end"
        ),
        "page numbers": counted("第{i}页\nheader\n"),
        "line numbers": lines("1", "2", "1"),
        "blurbs": counted("Title {i}\nThis blurb is long and is cut off by the site in the mid...\n"),
        "restated questions": lines("什么是动量？", "", "【动量】What is momentum?", ""),
        "code and comments": lines("import a", "# what"),
        "indented lines": lines("    foo bar"),
        "lines of dashes": lines("-" * 390 + "a"),
        "lines of blanks": lines("Q" + " " * 300 + "x"),
    },
    ".md": {
        "headings": counted("# Heading {i}\n"),
        "headings that ask": counted("## What is subject {i}?\n\nIt is told of in book {i}.\n\n"),
        "headings of all levels": counted("# a {i}\n## b\n### c\n#### d\n##### e\n###### f\n"),
        "underlined headings": counted("Heading {i}\n===\n\n"),
        "bold questions": counted("**What is subject {i}?**\n\nIt is told of in book {i}.\n\n"),
        "items": counted("- item {i}\n"),
        "items in items": deeper("- **item**: a b", 200),
        "table": counted("| a {i} | b |\n"),
        "table of questions": after("| Question | Answer |\n", counted("| What is {i}? | It is. |\n")),
        "fences without an end": lines("```"),
        "formulas without an end": lines("$$ a"),
        "environments without an end": lines("\\begin{x}"),
        "comments without an end": lines("<!--"),
        "summaries": counted("<summary>What is {i}?</summary>\nIt is told of in the book.\n"),
    },
    ".html": {
        "divisions in divisions": nested("<div>", "</div>"),
        "lists in lists": nested("<ul><li>", "</li></ul>"),
        "tables in tables": nested("<table><tr><td>", "</td></tr></table>"),
        "bold in bold": repeat("<b>a"),
        "open paragraphs": repeat("<p>什么？"),
        "open items": repeat("<li>a"),
        "open rows": repeat("<table><tr>a"),
        "open links in headings": repeat("<h1><a>a"),
        "open formulas": repeat("<span class=katex>a"),
        "formulas": repeat("<math><annotation encoding=tex>x</annotation></math>"),
        "ends of what is not open": around("<div>" * 500, "</p>"),
        "questions": counted("<h2>What is {i}?</h2><p>It is {i} and so on and on.</p>\n"),
        "terms": counted("<dl><dt>What is {i}?</dt><dd>It is {i} and so on and on.</dd></dl>\n"),
        "items": around("<ol>", "<li>item</li>", "</ol>"),
        "rows": after(
            "<table><tr><th>Question</th><th>Answer</th></tr>", repeat("<tr><td>What?</td><td>It is.</td></tr>")
        ),
        "breaks": repeat("a<br>"),
        "breaks in a cell": around("<table><tr><td>", "a<br>", "</table>"),
        "furniture": repeat("<p>text here</p><nav class='menu nav'><a href=x>b</a></nav>"),
    },
}


def families(*groups: dict[str, dict[str, Family]]) -> Iterator[tuple[str, str, Family]]:
    """(name, suffix, family) of every family of some groups."""
    for group in groups:
        for suffix, named in group.items():
            for name, family in named.items():
                yield f"{name} {suffix}", suffix, family


def study(source: Source) -> Page:
    """A page that is read, cleaned, split, checked and analysed, as when an index is built."""
    page = page_of(source)
    list(terms(text for passage in page.split.passages for text in (passage.question, passage.answer)))
    return page


def terms(texts: Iterable[str]) -> Iterator[list[str]]:
    """The search terms of texts."""
    total, _ = base_words()
    for text in texts:
        yield Analyzer(words_in(text), total).terms(text)


def most_memory() -> int:
    """The most bytes of memory that this process has held since it began."""
    try:  # `resource` counts what the process held that started this one too
        status = Path("/proc/self/status").read_text("ascii")
        return 1024 * next(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmHWM:"))
    except OSError:  # not Linux
        import resource

        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)


def main() -> None:
    """Print how many bytes of memory a file takes over what a small page takes, and how many seconds of processor time.

    Only a process of its own can tell.
    """
    study(make_source("# 什么是动量？\n\n动量是滑动平均。\n"))
    before, started = most_memory(), time.process_time()
    study(load_source("page", Path(sys.argv[1]), CorpusOptions(max_bytes=1 << 40)))
    print(most_memory() - before, round(time.process_time() - started, 3))


if __name__ == "__main__":
    main()
