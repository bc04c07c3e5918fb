"""Documents of any kind: an error for the file or passages whose citations hold, in time and memory that grow with its size alone.

The hostile pages are made in `hostile.py`; `benchmarks/hostile_documents.py` tries more of them at larger sizes.
"""

import math
import os
import random
import subprocess
import sys
import time
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import pytest
from conftest import CHECKOUT, Run
from doubles import ACTS, OUR_COLOURS, make_answer
from hostile import LONG, SHORT, Family, families, study
from hypothesis import given, settings
from hypothesis import strategies as st
from making import check_passages, make_source, within

from retriever.citations import Places
from retriever.corpus import FORMATS, MAX_BYTES, count_parts, load_source
from retriever.encoders.static import StaticEncoder
from retriever.errors import SourceError
from retriever.pages import Page
from retriever.pipeline import build
from retriever.rendering import (
    answer_text,
    clean_view,
    open_question_text,
    page_view,
    passage_text,
)
from retriever.terminal import Style

FIXED = settings(max_examples=200, deadline=None, derandomize=True, database=None)
SUFFIXES = st.sampled_from([".txt", ".md", ".html"])
NOWHERE = Places([])

# What terminals, editors and patterns trip over.
ODD = [
    "\0", "\x07", "\x08", "\x0b", "\x0c", "\x1c", "\x7f", "\x85", "\xa0", "\xad", "\u0301" * 3, "\u200b", "\u200d", "\u200f", "\u202e",
    "\u2028", "\u2029", "\u2066", "\u2069", "\u3000", "\ud800", "\udce4", "\ufeff", "\ufffe", "\ue000", "\ue001", "\U0010ffff", "👩\u200d🔬",
    "ﷺ", "İ", "ß", "Ⅷ", "\x1b[2J", "\x1b[31m", "\x1b]0;owned\x07", "\x1bP", "\x9b2J", "\x9d", "\r", "\r\n", "\n", "\n\n", "\t", "    ",
]  # fmt: skip
# What readers, cleaning and splitting look for.
MARKS = [
    "Q: ", "A: ", "问：", "答：", "1. ", "2. ", "一、", "（3）", "1.1 ", "第1章 ", "# ", "## ", "- ", "* ", "> ", "```", "~~~", "$$", "\\[", "\\begin{a}",
    "| a | b |", "|---|---|", "---", "===", "**", "__", "`", "[a](b)", "![a](b)", "[", "](", "<!--", "-->", "<b>", "</", "&lt;", "&#x41;", "&#",
    "?", "？", "。", "；", "：", "什么是动量", "为什么", "What is it", "It is told.", "它是滑动平均。", "相关文章", "目录", "全文完", "点赞", "2 days ago",
]  # fmt: skip
TAGS = [
    "<html>", "<head>", "<title>", "<body>", "<div class='nav'>", "<div hidden>", "<p>", "</p>", "</div>", "<h1>", "<h2>", "</h2>", "<ul>",
    "<ol start='7'>", "<li>", "</li>", "</ul>", "<dl>", "<dt>", "<dd>", "</dl>", "<table>", "<tr>", "<th>", "<td>", "</td>", "</table>", "<pre>",
    "</pre>", "<code>", "<b>", "</b>", "<a href='x'>", "</a>", "<br>", "<img alt='a'>", "<details>", "<summary>", "</summary>", "<button>",
    "<math>", "<span class='katex'>", "<annotation encoding='application/x-tex'>", "</math>", "<script>", "</script>", "<style>", "<!--", "-->",
    "<![CDATA[", "<![if", "]]>", "<!DOCTYPE ", "<?", "<", "</", "<p title='", ">", "\"", "'", "&nbsp;", "&#27;", "&#155;", "&#0;", "&#xd800;", "&lt",
    "&#", "<nav>", "<footer>", "<svg>", "<select>", "<option>", "<meta charset=gbk>", "<link rel=canonical href=x>",
]  # fmt: skip


def pieces(*groups: list[str]) -> st.SearchStrategy[str]:
    """Text of pieces of these groups and short bits of any characters."""
    one = st.one_of(*(st.sampled_from(group) for group in groups), st.text(max_size=4))
    return st.lists(one, max_size=40).map("".join)


def check_page(page: Page) -> None:
    """What holds for the page of any document: its blocks and answers do not overlap, and text is cited to the letter."""
    check_passages(page)
    source, document = page.document.source, page.document
    spans = sorted((part.start, part.end) for part in (*document.blocks, *document.drops))
    assert all(start < end for start, end in spans)
    assert all(first[1] <= second[0] for first, second in pairwise(spans))
    answered = -1
    for passage in page.split.passages:
        if passage.parent is None:
            assert passage.start_char > answered
            whole = passage
            answered = passage.end_char - 1
        assert whole.start_char <= passage.start_char < passage.end_char <= whole.end_char
        if source.format != "html":
            cited = "".join(source.text[start:end] for start, end in passage.pieces)
            assert "".join(cited.split()) == "".join(passage.answer.split())
    check_shown(page)


def check_shown(page: Page) -> None:
    """Nothing that is shown of a page holds what a terminal acts on but our colours."""
    source = page.document.source
    for style in (Style(60, False), Style(60, True)):
        shown = [
            clean_view(page.document, style),
            page_view(source, 1, min(9, len(source.line_starts)), 3, style),
            answer_text(make_answer(*page.split.passages[:20]), NOWHERE, style),
            *(passage_text(passage, NOWHERE, style) for passage in page.split.passages),
        ]
        for question in page.split.open_questions:
            row = {"source": source.name, "question": question.question, "question_lines": question.question_lines}
            shown.append(open_question_text(row, NOWHERE))
        text = "\n".join(shown).replace("\t", " ")  # a tab is no command
        assert ACTS.search(OUR_COLOURS.sub("", text) if style.colour else text) is None
        text.encode("utf-8")


def check_file(path: Path, raw: bytes) -> Page | None:
    """The page of a file of these bytes, None when it cannot be read and says so."""
    path.write_bytes(raw)
    try:
        source = load_source(path.name, path)
    except SourceError:
        return None
    page = study(source)
    check_page(page)
    return page


# Any text, any bytes


@FIXED
@given(pieces(ODD, MARKS), SUFFIXES)
def test_any_text_gives_passages_whose_citations_hold(text: str, suffix: str) -> None:
    check_page(study(make_source(text or "a", f"page{suffix}")))


@FIXED
@given(pieces(TAGS, TAGS, ODD, MARKS))
def test_any_tags_give_passages_whose_citations_hold(text: str) -> None:
    check_page(study(make_source(text or "a", "page.html")))


ENCODINGS = ["utf-8", "utf-16", "utf-16-le", "utf-32", "gb18030", "big5", "cp1252", "utf-7", "shift_jis"]
BYTES = st.one_of(
    st.binary(max_size=400),
    st.lists(
        st.one_of(
            st.binary(max_size=6),
            st.sampled_from([b"\xef\xbb\xbf", b"\xff\xfe", b"\xfe\xff", b"\0", b"<meta charset=utf-7>", b"<?xml encoding='x'?>"]),
            st.builds(lambda text, name: text.encode(name, "ignore"), pieces(MARKS, TAGS), st.sampled_from(ENCODINGS)),
        ),
        max_size=6,
    ).map(b"".join),
)  # fmt: skip


def test_any_bytes_give_passages_or_one_error(tmp_path: Path) -> None:
    @FIXED
    @given(BYTES, st.sampled_from(sorted(FORMATS)))
    def check(raw: bytes, suffix: str) -> None:
        check_file(tmp_path / f"page{suffix}", raw)

    check()


# Real pages, mutated

PAGES = sorted(
    path
    for folder in ("corpus", "tests/pages/dev", "tests/pages/dev2")
    for path in (CHECKOUT / folder).iterdir()
    if path.suffix in FORMATS
)
LONGEST_CUT = 4000  # characters of a page that are mutated: mutants of whole pages are slow and no worse


def mutants(text: str, seed: str, number: int) -> Iterator[str]:
    """A stretch of a page with spans of it deleted, doubled, swapped, cut off or replaced by something hostile."""
    rng = random.Random(seed)
    for _ in range(number):
        begin = rng.randrange(max(1, len(text) - LONGEST_CUT))
        made = text[begin : begin + LONGEST_CUT]
        for _ in range(rng.randint(1, 12)):
            a, b, c = sorted(rng.randrange(len(made) + 1) for _ in range(3))
            b, c = min(b, a + 200), min(c, a + 400)
            odd = rng.choice([ODD, MARKS, TAGS])
            made = rng.choice(
                [
                    made[:a] + made[b:],
                    made[:b] + made[a:],
                    made[:a] + made[b:c] + made[a:b] + made[c:],
                    made[:a] + made[a:b] * 5 + made[b:],
                    made[:c] if c > 200 else made,
                    made[:a] + "".join(rng.choices(odd, k=rng.randint(1, 6))) + made[a:],
                    made[:a] + rng.choice(odd) * rng.randint(2, 60) + made[b:],
                    made[:a] + made[a:b].replace("\n", rng.choice(ODD)) + made[b:],
                ]
            )
        yield made


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.name)
def test_a_mutated_page_gives_passages_whose_citations_hold(path: Path, tmp_path: Path) -> None:
    """Mutated as text, which may hold lone surrogates, and once more as the bytes of a file."""
    text = path.read_text("utf-8")
    for number, mutant in enumerate(mutants(text, path.name, 6)):
        check_page(study(make_source(mutant, f"page{path.suffix}")))
        raw = bytearray(mutant.encode("utf-8", "surrogatepass"))
        rng = random.Random(f"{path.name} {number}")
        for at in rng.sample(range(len(raw)), min(len(raw), rng.choice([0, 1, 30]))):
            raw[at] = rng.randrange(256)
        check_file(tmp_path / f"page{path.suffix}", bytes(raw))


def test_an_index_of_hostile_pages_is_sound_and_shows_no_escape(
    cli: Run, tmp_path: Path, encoder: StaticEncoder
) -> None:
    """From files to answers: mutants of every page, and all that people can be shown of them."""
    folder, index = tmp_path / "corpus", tmp_path / "index"
    folder.mkdir()
    for path in PAGES:
        mutant = next(mutants(path.read_text("utf-8"), f"index {path.name}", 1))
        escapes = "\n\n## What is \x1b[2J dropout\x9b2J\u202e?\n\nDropout \x1b]0;a\x07 is noise.\n\n"
        (folder / path.name).write_text(mutant.replace("\0", "").encode("utf-8", "replace").decode() + escapes, "utf-8")
    build([folder], index, encoder)
    assert cli("verify", "--index", index).status == 0
    for arguments in (
        ("ask", "what is dropout", "--explain", "--nearest"),
        ("ask", "什么是过拟合", "--nearest"),
        ("passages",),
        ("status",),
    ):
        result = cli(*arguments, "--index", index)
        assert result.out.strip()
        assert ACTS.search(result.out + result.err) is None


# Time

LARGE = {"long": 80_000, "short": 16_000}  # characters; a quadratic pattern needs seconds for the first
CASES = [
    pytest.param(LARGE[kind], suffix, family, id=name)
    for kind, group in (("long", LONG), ("short", SHORT))
    for name, suffix, family in families(group)
]
# Eight times the size takes 6 to 12 times as long (2026-11-21), and 64 times where time is quadratic.
STEP, MOST = 8, 20
NOTHING = 0.004  # seconds of processor time that are not told apart from none


def seconds(suffix: str, text: str) -> float:
    source = make_source(text, f"page{suffix}")
    started = time.process_time()
    study(source)
    return time.process_time() - started


@pytest.fixture(scope="module")
def _warm() -> None:
    """Dictionaries are loaded and patterns compiled before anything is timed."""
    for suffix in (".txt", ".md", ".html"):
        study(make_source("# 什么是动量？\n\n动量是滑动平均。\n", f"page{suffix}"))


@pytest.mark.usefixtures("_warm")
@pytest.mark.parametrize(("size", "suffix", "family"), CASES)
def test_time_grows_with_the_size_alone(size: int, suffix: str, family: Family) -> None:
    small = large = math.inf
    for _ in range(5):  # the machine may be busy with something else
        small = min(small, seconds(suffix, family(size // STEP)))
        large = min(large, seconds(suffix, family(size)))
        if large < MOST * max(small, NOTHING):
            return
    pytest.fail(f"{size // STEP} characters take {small:.3f} s, {size} take {large:.3f} s")


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("line.txt", "momentum is a mean " * (MAX_BYTES // 19)),
        ("headings.md", "# a\n" * 10_000),
        ("deep.html", "<div>" * 100_000 + "x" + "</div>" * 100_000),
        ("deep.md", "> " * 100_000 + "x"),
        ("deep.txt", "".join(" " * n + "- x\n" for n in range(2_000))),
        ("nul.txt", "a" * 70_000 + "\0" * 1_000_000),
        ("comment.html", "<!--" * 1_000_000),
    ],
    ids=lambda value: value[:12] if value.endswith(("txt", "md", "html")) else "",
)
def test_a_document_as_large_or_deep_as_may_be_is_read_in_seconds(name: str, text: str, tmp_path: Path) -> None:
    with within(120):
        assert check_file(tmp_path / name, text.encode()) is not None


# Memory: no more than so many times the bytes of a file, and so many bytes for each of its lines, tags or attributes. Measured for all
# families (`benchmarks/hostile_documents.py`), where cells of a table took most for their bytes, and rows of a table of questions most a line.
A_BYTE, A_PART = 100, 2000


@pytest.mark.skipif(sys.platform == "win32", reason="Windows does not say what a process has held at most")
@pytest.mark.parametrize(
    ("suffix", "name", "size"),
    [
        (".txt", "english", 5_000_000),
        (".md", "cells", 3_000_000),
        (".txt", "labelled questions", 200_000),
        (".html", "open paragraphs", 80_000),
    ],
)
def test_memory_is_bounded_by_the_size_of_the_file(suffix: str, name: str, size: int, tmp_path: Path) -> None:
    text = {**LONG[suffix], **SHORT[suffix]}[name](size)
    path = tmp_path / f"page{suffix}"
    path.write_text(text, "utf-8")
    done = subprocess.run(
        [sys.executable, str(CHECKOUT / "tests" / "hostile.py"), str(path)],
        env={**os.environ, "PYTHONPATH": str(CHECKOUT)},
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    )
    bound = A_BYTE * path.stat().st_size + A_PART * count_parts(text, FORMATS[suffix])
    assert 0.1 * bound < int(done.stdout.split()[0]) < bound  # the lower bound says that something was measured
