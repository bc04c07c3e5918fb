"""Time and memory of hostile documents: read, cleaned, split, checked and analysed, as an index is built.

    python benchmarks/hostile_documents.py                  # time at two sizes, and the exponent
    python benchmarks/hostile_documents.py table quotes     # … of the families whose names hold one of these words
    python benchmarks/hostile_documents.py --memory         # memory as a multiple of the size of the file, and a line, tag or attribute
    python benchmarks/hostile_documents.py --large          # the largest: a line of 100 MB, a million headings, 100,000 elements inside one another

Time is processor time; an exponent of 1 is linear, 2 quadratic. The families are those of `tests/hostile.py`, which the test suite tries
at smaller sizes, and the variants below. Every one is timed in this process, once; memory is measured in a process of its own for each.
The two sizes are an eighth of `--long` and `--long` characters for pages of few long lines, and the same of `--short` for pages of many
short ones. Exit status 1 when an exponent is above 1.5 at a time above half a second, or memory above its bound.
"""

import argparse
import math
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(CHECKOUT), str(CHECKOUT / "tests")]

from hostile import LONG, SHORT, Family, after, around, counted, families, joined, lines, nested, repeat, study  # noqa: E402

from retriever.corpus import FORMATS, CorpusOptions, count_parts, load_source  # noqa: E402
from retriever.errors import SourceError  # noqa: E402

STEEP, NOTICED = 1.5, 0.5
A_BYTE, A_PART = 100, 2000  # the bound of memory, in bytes, as `tests/test_hostile_documents.py` has it

MORE_LONG: dict[str, dict[str, Family]] = {
    ".txt": {
        "semicolons": repeat("动量是什么;"),
        "han commas": repeat("动量，"),
        "commas": repeat(", "),
        "question marks": repeat("？"),
        "exclamation marks": around("", "a ", "!"),
        "one long word!": around("", "a", "!"),
        "numbers": repeat("1 "),
        "han numbers": repeat("一"),
        "enumeration": repeat("1、"),
        "chapter marks": repeat("第 1 章 "),
        "ordinals": repeat("第"),
        "full-width labels": repeat("Ｑ：Ａ："),
        "question labels": repeat("Q: "),
        "answers in a line": repeat("为什么这样。答：因为"),
        "open brackets": repeat("（"),
        "pairs of brackets": around("什么", "(a)"),
        "tabs": around("a", "\t", "b"),
        "no-break blanks": around("a", "\u00a0", "b"),
        "ideographic blanks": around("what", "\u3000", "is?"),
        "blanks before": around("", " ", "b"),
        "byte order marks": around("a", "\ufeff", "b"),
        "one mark combining": around("a", "\u0301"),
        "emoji and strong": around("", "😀 ", "**x**"),
        "schemes": repeat("http://"),
        "an address": around("www.", "a"),
        "strings": repeat('a = "b" '),
        "quotation marks": repeat('"'),
        "assignments": repeat("a, "),
        "attributes of attributes": repeat("a."),
        "calls": repeat("a("),
        "loops": repeat("for "),
        "returns": around("return ", "a "),
        "plus signs": repeat("a+"),
        "dates": repeat("2020-01-01 "),
        "menu words": repeat("首页 登录 "),
        "tags": repeat("#a "),
        "zeros": around("a" * 70_000, "\0"),
        "definition": around("Q: What is it?\nA: ", "word "),
    },
    ".md": {
        "stars and letters": repeat("*a"),
        "stars and blanks": repeat("* "),
        "words in strong": repeat("**a** "),
        "dashes": repeat("-"),
        "dashes and blanks": around("", "- ", "x"),
        "underline": around("a\n", "=", "x"),
        "closing brackets": repeat("]"),
        "empty links": repeat("[]("),
        "open images": repeat("!["),
        "images without blanks": around("", "![](a)", "x"),
        "image and blanks": around("![a](b)", " ", "x"),
        "details": around("", "<details>", "x"),
        "division and blanks": around("<div>", " ", "x"),
        "summaries": repeat("<summary>"),
        "ends of summaries": around("<summary>", "</summary"),
        "a bullet and blanks": around("-", " ", "b"),
        "a heading and blanks": around("#", " ", "b"),
        "rule and blanks": around("a|b\n|", " ", "x"),
        "row and blanks": around("|" + "a|" * 1000, " ", "b"),
        "quotes without blanks": repeat(">"),
        "fences of tildes": lambda n: "".join("~" * (3 + i) + "\nx\n" for i in range(int((2 * n) ** 0.5))),
        "entities": repeat("&amp;"),
    },
    ".html": {
        "letters in openers": repeat("<a"),
        "declarations": repeat("<!"),
        "comments and dashes": repeat("<!-- - "),
        "ends of links": repeat("</a"),
        "one attribute": around("<p title='", "x", "'>a</p>"),
        "one attribute without an end": around("<p title='", "x"),
        "pairs of quotes": around("<p ", "'\"", ">a</p>"),
        "slashes": around("<p ", "/", ">a</p>"),
        "blanks in a tag": around("<p", " "),
        "classes in capitals": around("<p class='", "aB", "'>a</p>"),
        "classes with dashes": around("<p class='", "a-_", "'>a</p>"),
        "style": around("<p style='", "display ", "'>a</p>"),
        "style and blanks": around("<p style='display", " ", "'>a</p>"),
        "formula in an attribute": around("x<img class=math alt='", "x", "'>a"),
        "start of a list": around("<ol start='", "9", "'><li>a</ol>"),
        "entities without an end": repeat("&a"),
        "ampersands": repeat("&"),
        "one entity": around("&", "a"),
        "script without an end": around("<script>", "a<b "),
        "title": around("<title>", "a &amp; b ", "</title><p>x</p>"),
        "preformatted code": around("<pre>", "int a;\n", "</pre>"),
        "links of the head": repeat("<link rel=canonical "),
        "cells": after("<table><tr>", counted("<td>a {i}</td>")),
    },
}  # fmt: skip
MORE_SHORT: dict[str, dict[str, Family]] = {
    ".txt": {
        "repeated numbers": counted("{i}) What is {i}?\nIt is {i}, as everybody knows.\n\n"),
        "numbers of three levels": counted("1.{i}.1 What is {i}?\nIt is {i}, as everybody knows.\n\n"),
        "options": lines("A. what", "B. that", "C. which", "D. who"),
        "answers alone": counted("A: It is told of in book {i}.\n"),
        "chinese labels": counted("问：什么是第{i}条？\n答：这是第{i}条的内容，很长很长。\n"),
        "the same labels": lines("Q: What is it?", "A: It is this and that."),
        "sections": counted("Part {i} Chapter\n\nWhat is {i}?\n\nIt is {i} and so on.\n\n"),
        "contents alone": lines("目录"),
        "leads with text": counted("相关文章\n\n文章{i}\n\n"),
        "leads after questions": counted("What is {i}?\n\nIt is told of in the book number {i}.\n\nRelated articles\n\nOther {i}\n\n"),
        "leads that ask": counted("相关文章\nWhat is {i}?\n"),
        "leads of one word": lines("推荐", "相关", "评论"),
        "threads": counted("{i}. What is {i}?\n\nThat is a long sentence.\n\n{i}楼 2 days ago\n\n"),
        "furniture between": counted("Q: What is subject {i}?\nA: It is told of in book {i}.\n欢迎关注公众号\n"),
        "promotion": lines("欢迎关注公众号"),
        "gutter": counted("{i}\n"),
        "bullets": counted("• item {i}：说明\n"),
        "paragraphs": counted("This is paragraph number {i} and it says something of no matter.\n\n"),
        "groups of one answer": after("Q: 什么是甲？什么是乙？什么是丙？\n", counted("答案{i}是这样的一句话。\n\n")),
        "a long question and labels": joined(around("Q: ", "word ", "?\n"), counted("label {i}: text\n\n")),
        "titles of links": joined(around("1. 什么是", "动量", "？\n\n"), repeat("【动量】What is momentum?\n\n")),
        "code": lines("a = 1;"),
        "code that goes on": after("x = f(1)\n", lines("    foo bar")),
        "comments in code": lines("x = 1", "    # what"),
        "lines of letters": lines("a" * 390),
        "lines of dots": lines("abc ........................ 12"),
        "lines of signs": lines("-=*#@!~%^&" * 39),
        "lines of buttons": lines("点击 " * 80),
        "lines of tags": lines("#a " * 130),
        "lines of counts": lines("赞,.,.,.12 " * 30 + "!"),
        "lines of dates": lines("a b c d " * 20 + "2020-01-01 " + "a.b·c " * 20 + "!?"),
        "lines of numbers": lines("问" + " # . . No. " * 100 + "x"),
        "glued questions": lines("1. 动量是梯度的滑动平均值啊对吧的为什么不用动量呢？"),
        "thousand characters": lines("x" * 1000),
    },
    ".md": {
        "headings that are the same": lines("## What is it?", "", "It is this and that.", ""),
        "repeated chapters": counted("# A\n\n## What is {i}?\n\nfoo bar\n\n"),
        "numbered items": counted("{i}. item {i}\n"),
        "quotes": lines("> quote"),
        "named fences": counted("```a{i}\n"),
        "formulas": lines("$$", "a", "$$"),
        "comments": lines("<!-- a", "-->"),
        "rows without rules": lines("a | b"),
        "table with a rule": after("| q | a |\n|---|---|\n", counted("| What is {i}? | It is. |\n")),
        "tags of 19 KB": lines("<b " * 6300),
        "one long heading": joined(around("# ", "a", "\n"), counted("## What is {i}?\n\nText.\n\n")),
        "one long title": joined(around("---\ntitle: ", "a", "\n---\n"), counted("Paragraph {i} has text.\n\n")),
    },
    ".html": {
        "quotes in quotes": nested("<blockquote>", "</blockquote>"),
        "classes in classes": nested("<div class='nav menu x'>", "</div>"),
        "open divisions": repeat("<div>a"),
        "open spans": repeat("<span>a"),
        "open links": repeat("<a href=x>a"),
        "open cells": repeat("<td>a"),
        "open lists": repeat("<ul><li>a"),
        "open formulas of MathML": repeat("<math>a"),
        "only ends": repeat("</div></p></b>"),
        "spans and paragraphs": around("<p>" + "<span>" * 398, "</p><p>"),
        "divisions in cells": around("<div><table><tr><td>" + "<font>" * 390, "</div>"),
        "paragraphs": counted("<p>Paragraph number {i} says something.</p>\n"),
        "accordions": counted("<details><summary>What is {i}?</summary>It is {i} and so on and on.</details>\n"),
        "buttons": repeat("<label>a?</label><button>b</button>"),
        "options": repeat("<option>a"),
        "scripts": repeat("<script>a</script>"),
        "table": after("<table>", counted("<tr><td>a {i}</td><td>b</td></tr>\n")),
        "tables in rows": repeat("<table><tr><td><span>a</span>"),
        "formulas of KaTeX": repeat("<span class=katex><i>a</i></span>"),
        "one line": counted("<h2>What is {i}?</h2><p>It is {i} and so on.</p><nav><a href=x>b</a></nav>"),
    },
}  # fmt: skip

LARGEST: tuple[tuple[str, str, Family, int], ...] = (
    ("line of 100 MB", ".txt", repeat("momentum is a mean "), 100_000_000),
    ("line of 100 MB, Chinese", ".txt", repeat("动量是梯度的滑动平均"), 33_000_000),
    ("a million headings", ".md", lambda n: "# a\n" * n, 1_000_000),
    ("100,000 elements inside one another", ".html", nested("<div>", "</div>"), 1_100_000),
    ("a million attributes", ".html", around("<p ", "a=b ", ">a</p>"), 4_000_000),
    ("20 MB of cells", ".md", lambda n: f"|Question|Answer|{'a|' * n}\n|-|-|\n|What?|{'b|' * n}\n", 5_000_000),
    (
        "20 MB of a table of questions",
        ".md",
        after("| Question | Answer |\n", counted("| What is {i}? | It is. |\n")),
        16_500_000,
    ),
)


def chosen(words: list[str], *groups: dict[str, dict[str, Family]]) -> Iterator[tuple[str, str, Family]]:
    """The families whose names hold one of `words`, all when there are none."""
    for name, suffix, family in families(*groups):
        if not words or any(word in name for word in words):
            yield name, suffix, family


def seconds(path: Path, text: str) -> float:
    """Processor time from the file to its terms; what is refused takes the time of refusing it."""
    path.write_text(text, "utf-8")
    started = time.process_time()
    try:
        study(load_source(path.name, path, CorpusOptions(max_bytes=1 << 40)))
    except SourceError as error:
        print(f"  {error.args[0].rsplit(': ', 1)[-1]}")
    return time.process_time() - started


def memory(path: Path, text: str) -> str:
    """What reading a page takes, in words; "over the bound" when it is."""
    path.write_text(text, "utf-8")
    program = [sys.executable, str(CHECKOUT / "tests" / "hostile.py"), str(path)]
    environment = {**os.environ, "PYTHONPATH": str(CHECKOUT)}
    done = subprocess.run(program, env=environment, capture_output=True, text=True, check=False)
    if done.returncode:
        return done.stderr.strip().rsplit("\n", 1)[-1].rsplit(": ", 1)[-1]
    used, took = int(done.stdout.split()[0]), float(done.stdout.split()[1])
    size, parts = path.stat().st_size, count_parts(text, FORMATS[path.suffix])
    over = "" if used < A_BYTE * size + A_PART * parts else "  over the bound"
    return f"{size / 1e6:6.1f} MB {parts:9,} parts {used / 1e6:7.0f} MB = {used / size:6.1f} a byte, {used / max(1, parts):10.0f} a part, {took:6.1f} s{over}"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("words", nargs="*", help="only families whose names hold one of these")
    parser.add_argument("--long", type=int, default=800_000, metavar="CHARACTERS")
    parser.add_argument("--short", type=int, default=160_000, metavar="CHARACTERS")
    parser.add_argument("--memory", action="store_true")
    parser.add_argument("--large", action="store_true")
    options = parser.parse_args()
    bad = total = 0
    with tempfile.TemporaryDirectory() as folder:
        seconds(Path(folder) / "warm.md", "# 什么是动量？\n\n动量是滑动平均。\n")
        if options.large:
            for name, suffix, family, size in LARGEST:
                path, text = Path(folder) / f"page{suffix}", family(size)
                print(f"{name:40} {memory(path, text)}", flush=True)
            return 0
        for groups, size in (((LONG, MORE_LONG), options.long), ((SHORT, MORE_SHORT), options.short)):
            for name, suffix, family in chosen(options.words, *groups):
                path = Path(folder) / f"page{suffix}"
                total += 1
                if options.memory:
                    said = memory(path, family(size))
                    bad += "over the bound" in said
                    print(f"{name:40} {said}", flush=True)
                    continue
                small, large = (seconds(path, family(n)) for n in (size // 8, size))
                exponent = math.log(max(large, 1e-3) / max(small, 1e-3), 8)
                steep = exponent > STEEP and large > NOTICED
                bad += steep
                print(
                    f"{name:40} {small:8.3f} s {large:8.3f} s  exponent {exponent:4.2f}{'  steep' * steep}", flush=True
                )
    print(f"{total} families, {bad} {'over the bound' if options.memory else 'steep'}")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
