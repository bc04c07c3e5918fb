"""The report page: text stays text, nothing comes from outside, every section stands, and colours follow the scheme."""

import base64
import hashlib
import re
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from html.parser import HTMLParser
from typing import Any

import matplotlib
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from retriever.errors import InputError
from retriever.evaluation.markup import duration, number, plain, text, whisker
from retriever.evaluation.page import Curves, report_page
from retriever.evaluation.plots import wilson
from retriever.evaluation.records import Interval, Report
from retriever.evaluation.tables import WORST, meaning, misses, outcome

SECTIONS = ("measures", "groups", "success", "confidence", "latency", "misses", "questions")
HOSTILE = "<script>alert(1)</script><img src=x onerror=alert(2)>\"'&</td></title></style>"
VOID = {"meta", "input", "br", "hr", "img", "link"}
DASH = "–"


class Page(HTMLParser):
    """What a reader of HTML finds: elements with their attributes, texts, and whether every element is closed in order."""

    def __init__(self, source: str) -> None:
        super().__init__(convert_charrefs=True)
        self.elements: list[tuple[str, dict[str, str]]] = []
        self.texts: list[str] = []
        self.inside: dict[str, list[str]] = {}
        self._open: list[str] = []
        self.feed(source)
        self.close()
        assert self._open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        names = [name for name, _ in attrs]
        assert len(names) == len(set(names)), (tag, names)
        self.elements.append((tag, {name: value or "" for name, value in attrs}))
        if tag not in VOID:
            self._open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        assert "svg" in self._open, f"<{tag}/> means nothing outside SVG"
        self.elements.append((tag, {name: value or "" for name, value in attrs}))

    def handle_endtag(self, tag: str) -> None:
        assert self._open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.texts.append(data)
        self.inside.setdefault(self._open[-1] if self._open else "", []).append(data)

    def all(self, tag: str) -> list[dict[str, str]]:
        return [attributes for name, attributes in self.elements if name == tag]

    def values(self, attribute: str) -> list[str]:
        return [attributes[attribute] for _, attributes in self.elements if attribute in attributes]

    def told(self, start: str) -> str:
        """The description of the plot that begins with `start`."""
        return next(
            attributes["aria-label"]
            for attributes in self.all("svg")
            if attributes.get("aria-label", "").startswith(start)
        )


def row(n: int, **changed: Any) -> dict[str, Any]:
    """A question answered rightly at rank 1, but for what is changed."""
    whole = {
        "id": f"q{n}", "question": f"什么是梯度消失 {n}?", "language": "zh" if n % 3 else "en", "kind": ("keyword", "口语", "typo")[n % 3],
        "rank": 1, "confidence": 0.5 + n / 1000, "abstained": False, "seconds": 0.01 + n / 10000, "failed": "",
        "wanted": [f"notes.txt:{n + 1}-{n + 3}"], "returned": [f"notes.txt:{n + k}-{n + k + 2} answer {k}" for k in range(8)],
        "full@1": 1.0, "full@3": 1.0, "nDCG@10": 0.75, "iou": None,
    }  # fmt: skip
    return whole | changed


def typical() -> tuple[Report, Curves]:
    """40 questions of three kinds in two languages: right, late, missed, refused, failed and unanswerable ones."""
    rows = [row(n) for n in range(24)]
    rows += [row(n, rank=2) for n in range(24, 28)] + [row(n, rank=7) for n in range(28, 30)]
    rows += [row(n, rank=None) for n in range(30, 33)] + [row(33, rank=None, abstained=True), row(34, abstained=True)]
    rows += [row(35, rank=None, failed="InputError: no letters", returned=[], seconds=0.0)]
    rows += [row(n, wanted=[], rank=None, abstained=n != 36, kind="unanswerable") for n in range(36, 40)]
    measured = {
        "full@1": Interval(0.7, 0.6, 0.8, 36),
        "full@3": Interval(0.8, 0.7, 0.9, 36),
        "iou": Interval(0.9, 0.85, 0.95, 24),
    }
    names = ("all", "zh", "en", "keyword", "口语", "typo")
    overall = {
        "auroc": Interval(0.91, 0.85, 0.96, 40),
        "aurc": Interval(0.12, 0.08, 0.17, 40),
        "ece": Interval(0.064, 0.04, 0.11, 40),
        "refusal_precision": Interval(0.6, 0.3, 0.9, 5),
        "refusal_recall": Interval(0.75, 0.3, 1.0, 4),
    }
    settings = {
        "when": "2026-11-21 14:00",
        "index": "notes",
        "weights": {"dense": 1.0, "lexical": 0.35},
        "digest": "ab" * 32,
        "count": 40,
    }
    curves = Curves([(0.15, 0.1, 10), (0.55, 0.5, 20), (0.9, 0.95, 10)], [(n / 40, n / 100) for n in range(1, 41)])
    return Report({name: dict(measured) for name in names}, overall, rows, settings), curves


def single() -> tuple[Report, Curves]:
    """One question, measured once."""
    once = Interval(1.0, 1.0, 1.0, 1)
    return Report({"all": {"full@1": once}, "zh": {"full@1": once}}, {}, [row(1)], {}), Curves(
        [(0.9, 1.0, 1)], [(1.0, 0.0)]
    )


def nothing() -> tuple[Report, Curves]:
    return Report(), Curves([], [])


def all_answerable() -> tuple[Report, Curves]:
    """No unanswerable question: what needs some is not measured."""
    report, curves = typical()
    report.rows = [r for r in report.rows if r["wanted"]]
    report.overall = {name: Interval(float("nan"), float("nan"), float("nan"), 0) for name in report.overall}
    return report, curves


def none_answerable() -> tuple[Report, Curves]:
    report, curves = typical()
    return Report({}, {}, [r for r in report.rows if not r["wanted"]], {}), curves


def bare_rows() -> tuple[Report, Curves]:
    """Rows that say next to nothing, and groups without measures."""
    return Report({"all": {}}, {}, [{"id": 1}, {"question": "?"}, {}], {}), Curves([], [])


def odd_numbers() -> tuple[Report, Curves]:
    """NaN, infinity and NumPy's own numbers wherever a number may stand; measures beyond 1; equal times."""
    nan, inf = float("nan"), float("inf")
    groups = {
        "all": {"NumRet": Interval(12.0, 8.0, 20.0, 3), "x": Interval(nan, nan, nan, 0), "y": Interval(0.5, nan, nan, 1), "z": Interval(0.5, 0.1, inf, 2)},
        "keyword": {"y": Interval(0.5, nan, nan, 1)},
    }  # fmt: skip
    rows = [
        row(0, rank=np.int64(3), confidence=np.float32(0.5), seconds=0.25),
        row(0, rank=nan, confidence=nan, seconds=0.25),
        row(0, rank=25, confidence=None, seconds=nan),
        row(0, rank=4.0, confidence=True, seconds=-1.0),
    ]
    return Report(groups, {"auroc": Interval(nan, 0.1, 0.2, 4)}, rows, {}), Curves(
        [(nan, 0.5, 2), (0.5, 0.5, 0)], [(0.5, nan), (1.0, 0.5)]
    )


REPORTS: dict[str, Callable[[], tuple[Report, Curves]]] = {
    made.__name__: made for made in (typical, single, nothing, all_answerable, none_answerable, bare_rows, odd_numbers)
}


@pytest.fixture(scope="module", params=REPORTS)
def any_page(request: pytest.FixtureRequest) -> str:
    return report_page(*REPORTS[request.param]())


@pytest.fixture(scope="module")
def page() -> str:
    return report_page(*typical())


def test_every_section_stands_whatever_there_is_to_show(any_page: str) -> None:
    """Seven sections with headings, each reached from the navigation; every id once and every reference to one that is there."""
    found = Page(any_page)
    assert [section["id"] for section in found.all("section")] == list(SECTIONS)
    assert [link["href"] for link in found.all("a")] == [f"#{name}" for name in SECTIONS]
    ids = found.values("id")
    assert len(ids) == len(set(ids))
    references = [value for name in ("href", "aria-labelledby") for value in found.values(name)]
    clips = re.findall(r'url\(#([^)"]+)\)', any_page)
    assert {reference.removeprefix("#") for reference in references} | set(clips) <= set(ids)
    assert found.inside["h1"] == ["Retrieval evaluation"]
    assert not {"nan", "inf", "None"} & set(re.findall(r"\w+", " ".join(found.texts)))


def test_nothing_comes_from_outside(any_page: str) -> None:
    """No address, no element that fetches, no style sheet or script but the page's own."""
    found = Page(any_page)
    assert "://" not in any_page
    assert "@import" not in any_page
    assert not {"link", "img", "image", "iframe", "object", "embed", "base", "form", "foreignobject"} & {
        e for e, _ in found.elements
    }
    assert not {"src", "action", "formaction", "srcset", "data", "ping", "xlink:href"} & {
        a for _, at in found.elements for a in at
    }
    assert all(value.startswith("#") for value in found.values("href"))
    assert all(value == "#" for value in re.findall(r"url\(([^)]?)", any_page))


def test_the_policy_allows_this_style_and_this_script_only(any_page: str) -> None:
    """Hashes of the one style and the one script; style attributes and handlers, which it forbids, are not there either."""
    found = Page(any_page)
    policy = dict(part.split(" ", 1) for part in found.all("meta")[1]["content"].split("; "))
    assert found.all("meta")[1]["http-equiv"] == "Content-Security-Policy"
    assert policy["default-src"] == policy["base-uri"] == policy["form-action"] == "'none'"
    for tag in ("style", "script"):
        (content,) = re.findall(rf"<{tag}>(.*?)</{tag}>", any_page, re.DOTALL)
        digest = base64.b64encode(hashlib.sha256(content.encode()).digest()).decode()
        assert policy[f"{tag}-src"] == f"'sha256-{digest}'"
        assert len(found.all(tag)) == 1
    assert not [
        name for _, attributes in found.elements for name in attributes if name == "style" or name.startswith("on")
    ]
    assert any_page.index("Content-Security-Policy") < any_page.index("<style>")
    assert any_page.index('charset="utf-8"') < 1024


def test_what_comes_from_data_is_text() -> None:
    """Markup in any field of the report is shown, not run."""
    once = Interval(0.5, 0.4, 0.6, 3)
    hostile = dict.fromkeys(("id", "question", "language", "kind", "failed"), HOSTILE)
    rows = [row(n, rank=None, wanted=[HOSTILE], returned=[HOSTILE], **hostile) | {HOSTILE: 0.5} for n in range(3)]
    report = Report(
        {"all": {HOSTILE: once}, HOSTILE: {HOSTILE: once}},
        {HOSTILE: once},
        rows,
        {HOSTILE: HOSTILE, "title": HOSTILE, "weights": {HOSTILE: [HOSTILE]}},
    )
    found = Page(report_page(report, typical()[1]))
    assert len(found.all("script")) == 1
    assert len(found.all("style")) == 1
    assert found.all("img") == []
    assert not [name for _, attributes in found.elements for name in attributes if name.startswith("on")]
    assert found.inside["h1"] == found.inside["title"] == [HOSTILE]
    assert found.inside["h3"].count(HOSTILE) >= 3
    assert found.inside["dt"].count(HOSTILE) >= 1


def test_a_question_that_looks_like_a_script_is_shown_as_it_was_typed() -> None:
    report, curves = typical()
    report.rows[0]["question"] = "<script>alert(1)</script>"
    source = report_page(report, curves)
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in source
    assert "<script>alert" not in source
    assert "<script>alert(1)</script>" in Page(source).texts


def test_control_characters_are_left_out_everywhere() -> None:
    """Also lone surrogates, which no UTF-8 file can hold, and marks that turn the direction of writing."""
    odd = "a\x00b\x1b[31m\x85\u202e\ud800\ufffe c\r\nd"
    report, curves = typical()
    report.rows += [row(50, question=odd, kind=odd, rank=None, wanted=[odd], returned=[odd], failed=odd)]
    report.groups[odd] = dict(report.groups["all"])
    report.settings |= {"title": odd, odd: odd}
    source = report_page(report, curves)
    source.encode("utf-8")
    assert not re.search(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\ud800-\udfff\ufffe\uffff]", source)
    assert "ab[31m c\nd" in Page(source).texts


@settings(max_examples=300, deadline=None)
@given(st.text(st.characters(codec=None)))
def test_text_is_safe_whatever_it_is(value: str) -> None:
    """Escaped text reads back as the plain text, within an element and within an attribute."""
    found = Page(f'<p title="{text(value)}">{text(value)}</p>')
    assert [tag for tag, _ in found.elements] == ["p"]
    assert found.values("title") == [plain(value)]
    assert "".join(found.texts) == plain(value)
    plain(value).encode("utf-8")


@pytest.mark.parametrize("kind", REPORTS)
def test_equal_input_gives_equal_output(kind: str) -> None:
    """Also when matplotlib has been set up otherwise, which is left as it was."""
    first = report_page(*REPORTS[kind]())
    with matplotlib.rc_context({"font.size": 30, "svg.hashsalt": None, "lines.linewidth": 9, "axes.grid": True}):
        assert report_page(*REPORTS[kind]()) == first
        assert matplotlib.rcParams["font.size"] == 30


def schemes(source: str) -> dict[str, dict[str, str]]:
    """The CSS variables of the light, dark and printed page that are colours."""
    style = re.findall(r"<style>(.*?)</style>", source, re.DOTALL)[0]
    blocks = [
        dict(re.findall(r"--([\w-]+):\s*(#[0-9a-f]{6})", block))
        for block in re.findall(r":root \{(.*?)\}", style, re.DOTALL)
    ]
    light, dark, printed = blocks
    return {"light": light, "dark": dark, "print": printed}


def contrast(one: str, other: str) -> float:
    """Contrast ratio of two colours (WCAG 2.2)."""

    def luminance(colour: str) -> float:
        parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
        red, green, blue = (p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts)
        return 0.2126 * red + 0.7152 * green + 0.0722 * blue

    dim, bright = sorted((luminance(one), luminance(other)))
    return (bright + 0.05) / (dim + 0.05)


@pytest.mark.parametrize("scheme", ["light", "dark", "print"])
def test_every_colour_can_be_seen_in_every_scheme(page: str, scheme: str) -> None:
    """Text has a contrast of 4.5 to both grounds, what is drawn one of 2.9; grid lines are meant to be faint, but not invisible."""
    colours = schemes(page)[scheme]
    assert set(colours) == set(schemes(page)["light"])
    for ground in (colours["paper"], colours["page"]):
        for name in ("ink", "muted", "accent", "warm", "good"):
            assert contrast(colours[name], ground) >= 4.5, name
        assert contrast(colours["grid"], ground) >= 1.15
    assert contrast(colours["soft"], colours["paper"]) >= (2 if scheme == "print" else 2.9)


def test_no_colour_is_fixed_outside_the_schemes(any_page: str) -> None:
    """What is drawn takes its colours from variables that every scheme defines; the style sheet names no other colour either."""
    found = Page(any_page)
    named = {f"var(--{name})" for name in schemes(any_page)["light"]}
    used = {value for name in ("fill", "stroke", "color", "stop-color") for value in found.values(name)}
    assert {value for value in used if not value.startswith("url(#")} <= named | {"none"}
    style = re.findall(r"<style>(.*?)</style>", any_page, re.DOTALL)[0]
    rest = re.sub(r":root \{.*?\}", "", style, flags=re.DOTALL)
    assert re.findall(r"#[0-9a-fA-F]{3,8}\b|\b(?:rgba?|hsla?|lab|lch|oklch)\(|:\s*(?:white|black)\b", rest) == []
    assert set(re.findall(r"var\(--(\w+)\)", style)) <= {*schemes(any_page)["light"], "sans"}


def test_text_of_plots_stays_text(page: str) -> None:
    """Chinese labels stand as characters, in the fonts of the page; every plot says in words what it shows."""
    found = Page(page)
    assert "口语 (36)" in found.inside["text"]
    assert found.values("font-family") == []
    plots = [svg for svg in found.all("svg") if svg["class"] == "plot"]
    assert len(plots) == 5
    assert all(svg["role"] == "img" and len(svg["aria-label"]) > 60 for svg in plots)
    assert "PingFang SC" in page


def test_labels_are_no_formulas() -> None:
    """Dollar signs, carets and underscores of a name mean nothing; a long name is cut."""
    report, curves = typical()
    name = "$x_{1}$ \\frac a very long name of a kind"
    report.rows[0]["kind"] = name
    report.groups[name] = dict(report.groups["all"])
    assert "$x_{1}$ \\frac a very… (36)" in Page(report_page(report, curves)).inside["text"]


def test_the_head_says_what_came_out(page: str) -> None:
    """Counts of the typical report: 36 answerable (25 right first, 29 within three, 2 refused), 4 others, one failed."""
    lead = re.sub(r"<[^>]+>", "", re.findall(r'<p class="lead">(.*?)</p>', page)[0])
    assert lead == (
        "A right answer stands first for 25 of 36 answerable questions and among the first three for 29; 2 of them were refused. "
        "Of 4 that nothing answers, 3 were refused. 1 failed."
    )


def test_settings_are_a_definition_list(page: str) -> None:
    found = Page(page)
    assert found.inside["dt"][:5] == [
        "Evaluated",
        "Index",
        "Weights",
        "SHA-256 of the questions",
        "Number of questions",
    ]
    assert found.inside["dd"][:5] == ["2026-11-21 14:00", "notes", "dense 1, lexical 0.35", "ab" * 32, "40"]


def test_cards_show_means_with_intervals(page: str) -> None:
    cards = re.findall(r'<h3>([^<]*)</h3><p class="figure">([^<]*)</p>.*?<p class="ends">([^<]*)</p>', page)
    assert ("full@1", "0.700", "0.600–0.800 · n = 36") in cards
    assert [name for name, _, _ in cards] == [
        "full@1",
        "full@3",
        "iou",
        "AUROC",
        "Refusal precision",
        "Refusal recall",
        "ECE",
        "AURC",
    ]


def test_what_was_not_measured_says_so() -> None:
    source = report_page(*all_answerable())
    assert source.count('<p class="figure">not measured</p>') == 5
    assert "ECE 0" not in source


def test_groups_stand_in_blocks(page: str) -> None:
    """All first, then languages, then kinds; every cell with mean, interval and a whisker."""
    table = re.findall(r'<table class="groups">.*?</table>', page)[0]
    assert re.findall(r'<th scope="row(?:group)?"[^>]*>([^<]*)<', table) == [
        "all", "Languages", "zh", "en", "Kinds", "keyword", "口语", "typo",
    ]  # fmt: skip
    assert table.count('class="whisker"') == table.count("<small>") == 18
    assert table.count('class="reference"') == 18


def test_ranks_are_counted(page: str) -> None:
    """The refused stand apart; the unanswerable are not counted."""
    assert Page(page).told("Questions by the rank") == (
        "Questions by the rank of their first right answer. rank 1: 25, of them 1 refused; rank 2: 4, of them 0 refused; rank 3: 0, of "
        "them 0 refused; rank 4–10: 2, of them 0 refused; rank none: 5, of them 1 refused."
    )


def test_ranks_beyond_ten_have_their_column() -> None:
    assert "rank >10: 1, of them 0 refused" in Page(report_page(*odd_numbers())).told("Questions by the rank")


def test_curves_carry_their_measures(page: str) -> None:
    assert "<b>ECE 0.064</b> (0.040–0.110). " in page
    assert "<b>AURC 0.120</b> (0.080–0.170). " in page
    found = Page(page)
    assert found.told("Reliability") == (
        "Reliability diagram. confidence 0.15: 0.10 right of 10; confidence 0.55: 0.50 right of 20; confidence 0.90: 0.95 right of 10."
    )
    assert found.told("Risk").endswith("coverage 1.00: risk 0.40.")


def test_times_are_those_of_questions_that_did_not_fail(page: str) -> None:
    times = [0.01 + n / 10000 for n in range(40) if n != 35]
    median, p95 = np.percentile(times, [50, 95])
    found = Page(page)
    assert found.told("Histogram").startswith(
        f"Histogram of the time for one question. Median {duration(median)}, 95 % within {duration(p95)}"
    )
    assert "Of 39 questions; 1 that failed left out." in found.inside["figcaption"]


@pytest.mark.parametrize(
    "times",
    [[0.0], [0.0, 0.0], [0.001, 5.0, 0.002], [0.02] * 3, [1e-7, 1e4], [0.5, 0.51], [0.0, 3.0]],
    ids=lambda times: ",".join(map(str, times)),
)
def test_any_times_can_be_drawn(times: list[float]) -> None:
    """Zero, equal, close and far apart."""
    rows = [row(n, seconds=seconds) for n, seconds in enumerate(times)]
    assert "Histogram of the time" in report_page(Report({}, {}, rows, {}), Curves([], []))


def test_the_worst_are_the_most_confident_misses() -> None:
    """Answerable ones that were missed or failed, and unanswerable ones that were answered; not those found late or rightly refused."""
    report, _ = typical()
    assert [r["id"] for r in misses(report.rows)] == ["q36", "q35", "q33", "q32", "q31", "q30"]


def test_the_worst_show_what_was_wanted_beside_what_was_returned(page: str) -> None:
    worst = re.findall(r"<article>.*?</article>", page)
    assert len(worst) == 6
    assert "nothing: no source answers it" in worst[0]
    assert "wrongly answered" in worst[0]
    assert "InputError: no letters" in worst[1]
    assert "wrongly refused" in worst[2]
    assert "<li>notes.txt:33-35</li>" in worst[3]
    assert "<li>notes.txt:32-34 answer 0</li>" in worst[3]
    assert "and 3 more" in worst[3]
    assert 'lang="zh"' in worst[3]


def test_no_more_than_thirty_of_the_worst_are_shown() -> None:
    rows = [row(n, rank=None, wanted=["x" * 2000] * 40) for n in range(WORST + 5)]
    source = report_page(Report({}, {}, rows, {}), Curves([], []))
    assert source.count("<article>") == WORST
    assert f"{WORST} of {WORST + 5} shown" in source
    assert "and 30 more" in source
    assert "x" * 400 not in source


def test_every_question_has_a_row(page: str) -> None:
    """In the order of the file, with values that sort as numbers and a dash for what does not apply."""
    table = re.findall(r'<table id="questions-table">.*?</table>', page)[0]
    rows = re.findall(r"<tr data-outcome=.*?</tr>", table)
    assert len(rows) == 40
    assert re.findall(r"<td>(q\d+)</td>", table) == [f"q{n}" for n in range(40)]
    assert '<td class="count" data-v="1.0">1</td><td class="count" data-v="0.5">0.50</td>' in rows[0]
    assert f'<td class="count" data-v="">{DASH}</td>' in rows[30]
    assert rows[0].endswith(f'<td class="count measured" data-v="">{DASH}</td></tr>')


def test_the_page_reads_without_its_script(page: str) -> None:
    """Controls that would do nothing are hidden until the script shows them; the table folds by itself."""
    assert '<div class="controls" hidden>' in page
    assert "<button" not in page.replace("<script>", "\0").split("\0")[0]
    assert "<details><summary>All 40 questions" in page


@pytest.mark.parametrize(
    "changed, expected",
    [
        ({}, ("good", "right")),
        ({"rank": 4}, ("fair", "right at rank 4")),
        ({"rank": None}, ("bad", "missed")),
        ({"abstained": True}, ("bad", "wrongly refused")),
        ({"wanted": [], "rank": None, "abstained": True}, ("good", "rightly refused")),
        ({"wanted": [], "rank": None}, ("bad", "wrongly answered")),
        ({"failed": "broke"}, ("bad", "failed")),
    ],
)
def test_outcomes(changed: dict[str, Any], expected: tuple[str, str]) -> None:
    assert outcome(row(0, **changed)) == expected


def test_measures_are_explained() -> None:
    assert meaning("full@1") == "a complete answer stands first"
    assert meaning("full@5") == "a complete answer within the first 5"
    assert meaning("nDCG") == meaning("nDCG@10") != ""
    assert meaning("something else") == ""


@pytest.mark.parametrize(
    "seconds, words",
    [
        (0, "0 ms"),
        (0.00042, "0.42 ms"),
        (0.0094, "9.4 ms"),
        (0.0123, "12 ms"),
        (0.9999, "1 s"),
        (1.25, "1.25 s"),
        (1234.5, "1,234 s"),
    ],
)
def test_durations(seconds: float, words: str) -> None:
    assert duration(seconds) == words


def test_numbers_that_are_none_are_dashes() -> None:
    assert [number(value) for value in (None, float("nan"), float("inf"), "x")] == [DASH] * 4
    assert number(0.12345) == "0.123"


def test_a_whisker_stands_on_its_scale() -> None:
    """On a scale of 100: the interval from 40 to 60, the mean at 50, the reference at 70; nothing beyond the ends."""
    drawn = whisker(Interval(0.5, 0.4, 0.6, 9), reference=0.7)
    assert 'class="range" x="40.0" y="4" width="20.0"' in drawn
    assert 'class="mean" x="50.0"' in drawn
    assert 'class="reference" x="70.0"' in drawn
    places = [float(x) for x in re.findall(r'x="([\d.]+)"', whisker(Interval(3.0, -1.0, 9.0, 9), reference=5.0))]
    assert all(0 <= place <= 99 for place in places)


def test_wilson_intervals() -> None:
    """Known values: 5 of 10 and 0 of 10 (Wilson 1927; Newcombe 1998 gives 0.2366–0.7634 and 0–0.2775)."""
    assert wilson(0.5, 10) == pytest.approx((0.2366, 0.7634), abs=1e-4)
    assert wilson(0.0, 10) == pytest.approx((0.0, 0.2775), abs=1e-4)
    assert wilson(1.0, 10) == pytest.approx((0.7225, 1.0), abs=1e-4)


def test_without_matplotlib_the_error_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    with pytest.raises(InputError, match=r"pip install 'retriever\[report\]'"):
        report_page(*typical())


def test_importing_the_page_loads_neither_matplotlib_nor_numpy() -> None:
    code = "import sys, retriever.evaluation.page; print(sorted({'matplotlib', 'numpy'} & set(sys.modules)))"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "[]\n"


def test_the_report_is_not_changed() -> None:
    """Drawing reads only."""
    report, curves = typical()
    before = (repr(report), repr(curves))
    report_page(report, curves)
    assert (repr(report), repr(curves)) == before
    assert replace(curves, risk_coverage=[]).reliability == curves.reliability
