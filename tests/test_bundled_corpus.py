"""The bundled corpus: every document gives exactly the pairs it was written with."""

import json
import re
from collections import Counter
from itertools import combinations
from pathlib import Path
from typing import Any

import pytest
from page_scores import pages_in, read_jsonl

from retriever.documents import Passage
from retriever.glossary import FILE as GLOSSARY
from retriever.pages import Page

HERE = Path(__file__).resolve().parent
CORPUS = HERE.parent / "corpus"
GOLD = {language: read_jsonl(HERE / "data" / f"corpus_pairs_{language}.jsonl") for language in ("zh", "en")}
ROWS = [*GOLD["zh"], *GOLD["en"]]
DOCUMENTS = sorted(path.name for path in CORPUS.iterdir() if path.suffix in (".txt", ".md", ".html"))


def page_of(name: str) -> Page:
    return next(page for page in pages_in(CORPUS) if page.document.source.name == name)


def top_level(name: str) -> list[Passage]:
    return [passage for passage in page_of(name).split.passages if passage.parent is None]


def filled(page: Page, first: int, last: int) -> set[int]:
    """The lines from `first` to `last` that hold something."""
    return {n for n in range(first, last + 1) if page.document.source.line(n).strip()}


def overlap(page: Page, passage: Passage, row: dict[str, Any]) -> float:
    """Intersection over union of the answer lines of a passage and of gold."""
    got = filled(page, *passage.answer_lines) - set(passage.dropped_lines)
    wanted = filled(page, *row["answer_lines"])
    return len(got & wanted) / len(got | wanted)


def test_gold_covers_every_document() -> None:
    assert {row["source"] for row in ROWS} == set(DOCUMENTS)


@pytest.mark.parametrize("name", DOCUMENTS)
def test_document_gives_exactly_its_pairs(name: str) -> None:
    """Question lines may be one off; answer lines agree, in HTML up to lines that hold nothing but tags."""
    page, passages = page_of(name), top_level(name)
    rows = sorted((row for row in ROWS if row["source"] == name), key=lambda row: row["question_line"])
    least = 0.75 if name.endswith(".html") else 0.95
    assert len(passages) == len(rows)
    for passage, row in zip(passages, rows, strict=True):
        first, last = passage.question_lines
        assert first - 1 <= row["question_line"] <= last + 1, (passage.question, row["question"])
        assert overlap(page, passage, row) >= least, (row["question"], passage.answer_lines, row["answer_lines"])


@pytest.mark.parametrize("name", [name for name in DOCUMENTS if not name.endswith(".html")])
def test_no_line_of_an_answer_is_dropped(name: str) -> None:
    """These documents have no furniture between their first and their last answer."""
    assert {p.question: p.dropped_lines for p in top_level(name) if p.dropped_lines} == {}


@pytest.mark.parametrize("name", DOCUMENTS)
def test_questions_read_as_they_were_written(name: str) -> None:
    def bare(text: str) -> str:
        return re.sub(r"\W", "", text).lower()

    rows = sorted((row for row in ROWS if row["source"] == name), key=lambda row: row["question_line"])
    for passage, row in zip(top_level(name), rows, strict=True):
        assert bare(row["question"]) in bare(passage.question) or bare(passage.question) in bare(row["question"])


def test_there_are_enough_pairs_in_both_languages() -> None:
    assert len(ROWS) >= 400
    assert len(GOLD["zh"]) >= 200
    assert len(GOLD["en"]) >= 150


@pytest.mark.parametrize("name", DOCUMENTS)
def test_answers_are_neither_scraps_nor_essays(name: str) -> None:
    """About 60 to 250 words, counting 1.6 Han characters as one and leaving formulas and code out."""
    for passage in top_level(name):
        prose = re.sub(r"```.*?```|\$\$.*?\$\$|\$[^$]*\$", " ", passage.answer, flags=re.DOTALL)
        words = len(re.findall(r"[\u4e00-\u9fff]", prose)) / 1.6 + len(re.findall(r"[A-Za-z]+", prose))
        assert 60 <= words <= 260, (passage.question, words)


@pytest.mark.parametrize("name", DOCUMENTS)
def test_documents_name_their_language_licence_and_date(name: str) -> None:
    head = "\n".join((CORPUS / name).read_text(encoding="utf-8").split("\n")[:24]).lower()
    assert "cc by 4.0" in head
    assert re.search(r"20\d\d-\d\d-\d\d", head)
    assert re.search(r"lang(?:uage)?\W|语言", head)
    assert re.search(r"<title>|^title:|\A[^\n]+\n(?:language|语言)", head, re.MULTILINE)


# Commands of the formulas, all of which KaTeX knows.
MACROS = frozenset(
    [
        "Big",
        "Bigl",
        "Bigr",
        "Delta",
        "Phi",
        "Psi",
        "Sigma",
        "alpha",
        "approx",
        "arccos",
        "ast",
        "bar",
        "begin",
        "beta",
        "big",
        "bigl",
        "bigr",
        "binom",
        "cap",
        "cdot",
        "cdots",
        "chi",
        "cos",
        "cup",
        "delta",
        "det",
        "dfrac",
        "dots",
        "ell",
        "end",
        "epsilon",
        "eta",
        "exp",
        "frac",
        "gamma",
        "ge",
        "gg",
        "hat",
        "in",
        "infty",
        "int",
        "kappa",
        "lVert",
        "lambda",
        "langle",
        "lceil",
        "le",
        "left",
        "leftarrow",
        "lfloor",
        "ll",
        "ln",
        "log",
        "lvert",
        "mathbb",
        "mathcal",
        "mathrm",
        "max",
        "mid",
        "min",
        "mu",
        "nabla",
        "ne",
        "neq",
        "odot",
        "overleftarrow",
        "overline",
        "overrightarrow",
        "partial",
        "phi",
        "pi",
        "pm",
        "prod",
        "propto",
        "psi",
        "qquad",
        "quad",
        "rVert",
        "rangle",
        "rceil",
        "rfloor",
        "rho",
        "right",
        "rvert",
        "setminus",
        "sigma",
        "sim",
        "sin",
        "sqrt",
        "succ",
        "sum",
        "sup",
        "tanh",
        "tau",
        "text",
        "tfrac",
        "theta",
        "tilde",
        "times",
        "to",
        "top",
        "underbrace",
        "varepsilon",
        "varnothing",
        "xi",
    ]
)


@pytest.mark.parametrize("name", DOCUMENTS)
def test_formulas_parse(name: str) -> None:
    """Every formula is LaTeX that a strict parser takes, made of commands that KaTeX knows, with as many \\left as \\right."""
    from pylatexenc.latexwalker import LatexWalker

    for passage in top_level(name):
        prose = re.sub(r"```.*?```|`[^`\n]*`", "", passage.answer, flags=re.DOTALL)
        for shown, inline in re.findall(r"\$\$(.+?)\$\$|(?<!\\)\$([^$]+?)(?<!\\)\$", prose, re.DOTALL):
            formula = shown or inline
            LatexWalker(f"${formula}$", tolerant_parsing=False).get_latex_nodes()
            macros = re.findall(r"\\([A-Za-z]+)", formula)
            assert set(macros) <= MACROS, (passage.question, formula)
            assert macros.count("left") == macros.count("right"), (passage.question, formula)


def test_terms_are_called_what_the_glossary_calls_them() -> None:
    """Where an answer gives a Chinese term with its English name in brackets, the glossary knows the one as the other; a few brackets explain instead."""
    chinese: dict[str, list[str]] = {}
    for line in GLOSSARY.read_text(encoding="utf-8").splitlines():
        row = json.loads(line)
        for name in [*row["en"], *row["abbr"]]:
            chinese.setdefault(name.lower(), []).extend(row["zh"])
    agree, differ = 0, set()
    for name in DOCUMENTS:
        for passage in top_level(name):
            for term, english in re.findall(
                r"([\u4e00-\u9fff]{2,12})[（(]([A-Za-z][A-Za-z0-9 -]{2,50}?)(?=[，,；;、）)])", passage.answer
            ):
                if chinese.get(english.lower()):
                    names = [re.sub(r"[A-Za-z-]+", "", other) for other in chinese[english.lower()]]
                    known = any(other and term.endswith(other) for other in names)
                    agree += known
                    differ |= set() if known else {(term, english)}
    assert agree > 250
    assert len(differ) <= 0.08 * agree, sorted(differ)


@pytest.mark.parametrize("language", ["zh", "en"])
def test_answers_are_in_the_language_their_gold_says(language: str) -> None:
    languages: Counter[str] = Counter()
    for row in GOLD[language]:
        passages = top_level(row["source"])
        passage = next(p for p in passages if abs(p.question_lines[0] - row["question_line"]) <= 1)
        languages[passage.language] += 1
    assert languages[language] >= 0.9 * len(GOLD[language])


@pytest.mark.parametrize("name", DOCUMENTS)
def test_no_question_is_left_open(name: str) -> None:
    assert page_of(name).split.open_questions == ()


@pytest.mark.parametrize("name", DOCUMENTS)
def test_dollars_of_formulas_are_balanced(name: str) -> None:
    """Outside code, every formula that opens closes in the same answer."""
    for passage in top_level(name):
        prose = re.sub(r"```.*?```|`[^`\n]*`", "", passage.answer, flags=re.DOTALL)
        prose = "\n\n".join(part for part in prose.split("\n\n") if not part.startswith(("    ", "\t", "$ ")))
        assert len(re.findall(r"(?<!\\)\$", prose)) % 2 == 0, passage.question


def test_no_two_answers_are_nearly_the_same() -> None:
    def pieces(text: str) -> set[str]:
        bare = re.sub(r"\W", "", text).lower()
        return {bare[at : at + 5] for at in range(len(bare) - 4)}

    told = [(p.question, pieces(p.answer)) for name in DOCUMENTS for p in top_level(name)]
    alike = [(a, b) for (a, x), (b, y) in combinations(told, 2) if len(x & y) > 0.5 * len(x | y)]
    assert alike == []


def test_no_question_is_asked_twice() -> None:
    asked = Counter(re.sub(r"\W", "", row["question"]).lower() for row in ROWS)
    assert [question for question, times in asked.items() if times > 1] == []
