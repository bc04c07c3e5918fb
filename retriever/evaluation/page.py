"""The report page of an evaluation: one self-contained HTML document, readable without script, in light, in dark and on paper."""

import base64
import hashlib
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from retriever.evaluation import figures
from retriever.evaluation.markup import known, limits, measured, number, text, whisker
from retriever.evaluation.records import Interval, Report
from retriever.evaluation.tables import answerable, group_table, headlines, meaning, miss_list, question_table

_SETTINGS = {
    "when": "Evaluated", "index": "Index", "encoder": "Encoder", "weights": "Weights", "questions": "Questions",
    "digest": "SHA-256 of the questions", "count": "Number of questions",
}  # fmt: skip
_OVERALL = {
    "auroc": ("AUROC", "confidence ranks right first answers above all others; 0.5 is chance"),
    "refusal precision": ("Refusal precision", "share of the refused questions that nothing answers"),
    "refusal recall": ("Refusal recall", "share of the unanswerable questions that were refused"),
    "ece": ("ECE", "expected calibration error; lower is better"),
    "aurc": ("AURC", "area under the risk–coverage curve; lower is better"),
}


@dataclass(frozen=True, slots=True)
class Curves:
    """What is drawn as curves.

    `reliability` has (mean confidence, share right, count) for each bin of confidence, `risk_coverage` (coverage, risk) by rising
    coverage; all but counts lie between 0 and 1.
    """

    reliability: list[tuple[float, float, int]]
    risk_coverage: list[tuple[float, float]]


def report_page(report: Report, curves: Curves) -> str:
    """The HTML document of `report`; equal input gives equal output.

    Settings are shown under their keys; "title" becomes the heading, and "when", "index", "encoder", "weights", "questions", "digest"
    and "count" come first. Rows need no key but are shown by those that Report names, "wanted" and "returned" (lists of texts) added.

    Raises InputError when matplotlib is not installed.
    """
    folder = Path(__file__).parent
    style, script = ((folder / name).read_text(encoding="utf-8") for name in ("page.css", "page.js"))
    title = text(report.settings.get("title") or "Retrieval evaluation")
    whole = _whole(report)
    sections = (
        ("measures", "Measures", _cards(report)),
        ("groups", "By language and kind", group_table(report)),
        ("success", "Where it succeeds", f'<div class="pair">{figures.kinds(report)}{figures.ranks(report)}</div>'),
        (
            "confidence",
            "What its confidence is worth",
            f'<div class="pair">{figures.reliability(curves.reliability, whole.get("ece"))}'
            f"{figures.risk_coverage(curves.risk_coverage, whole.get('aurc'))}</div>",
        ),
        ("latency", "How long it takes", figures.latency(report)),
        ("misses", "The worst questions", miss_list(report.rows)),
        ("questions", "Every question", question_table(report)),
    )
    links = "".join(f'<a href="#{name}">{heading}</a>' for name, heading, _ in sections)
    policy = f"default-src 'none'; style-src {_source(style)}; script-src {_source(script)}; base-uri 'none'; form-action 'none'"
    return (
        f'<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n<meta http-equiv="Content-Security-Policy" content="{policy}">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n<meta name="color-scheme" content="light dark">\n'
        f'<title>{title}</title>\n<style>{style}</style>\n</head>\n<body>\n<header><h1>{title}</h1>\n<p class="lead">{_summary(report)}</p>\n'
        f"{_settings(report.settings)}\n"
        f'<nav aria-label="Sections">{links}</nav></header>\n<main>\n'
        + "\n".join(
            f'<section id="{name}" aria-labelledby="{name}-h"><h2 id="{name}-h">{heading}</h2>\n{content}</section>'
            for name, heading, content in sections
        )
        + f"\n</main>\n<script>{script}</script>\n</body>\n</html>\n"
    )


def _source(content: str) -> str:
    """The Content Security Policy source of an inline style or script: its SHA-256."""
    return f"'sha256-{base64.b64encode(hashlib.sha256(content.encode()).digest()).decode()}'"


def _summary(report: Report) -> str:
    """The outcome in a sentence or two."""
    asked = [row for row in report.rows if answerable(row)]
    others = [row for row in report.rows if not answerable(row)]
    if not report.rows:
        return "No question was asked."
    parts = []
    if asked:
        first, three = (sum(known(row.get("rank")) and row["rank"] <= k for row in asked) for k in (1, 3))
        refused = sum(bool(row.get("abstained")) for row in asked)
        parts.append(
            f"A right answer stands first for <b>{first} of {len(asked)}</b> answerable questions and among the first three for "
            f"<b>{three}</b>; {refused or 'none'} of them {'was' if refused == 1 else 'were'} refused."
        )
    if others:
        refused = sum(bool(row.get("abstained")) for row in others)
        parts.append(
            f"Of {len(others)} that nothing answers, <b>{refused}</b> {'was' if refused == 1 else 'were'} refused."
        )
    failed = sum(bool(row.get("failed")) for row in report.rows)
    if failed:
        parts.append(f"{failed} failed.")
    return " ".join(parts)


def _settings(settings: dict[str, Any]) -> str:
    keys = [
        *(key for key in _SETTINGS if key in settings),
        *(key for key in settings if key not in _SETTINGS and key != "title"),
    ]
    items = []
    for key in keys:
        name, value = text(_SETTINGS.get(key, str(key).replace("_", " "))), _value(settings[key])
        items.append(f"<div{' class=wide' if len(value) > 40 else ''}><dt>{name}</dt><dd>{value}</dd></div>")
    return f'<dl class="settings">{"".join(items)}</dl>' if items else ""


def _value(value: Any) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{text(key)} {_value(inner)}" for key, inner in value.items()) or "none"
    if isinstance(value, list | tuple):
        return ", ".join(map(_value, value)) or "none"
    if isinstance(value, bool) or value is None:
        return {True: "yes", False: "no", None: "none"}[value]
    return text(f"{value:g}" if isinstance(value, float) else value)


def _whole(report: Report) -> dict[str, Interval]:
    """The measures of the whole set; the names of those that are listed in _OVERALL however they were written."""
    spelled = {name: re.sub(r"[\s_-]+", " ", name).lower() for name in report.overall}
    return {spelled[name] if spelled[name] in _OVERALL else name: value for name, value in report.overall.items()}


def _cards(report: Report) -> str:
    everything = report.groups.get("all", {})
    first = [
        _card(name, meaning(name), everything[name], "main") for name in headlines(report)[:4] if name in everything
    ]
    whole = _whole(report)
    order = [*(key for key in _OVERALL if key in whole), *(key for key in whole if key not in _OVERALL)]
    second = [_card(*_OVERALL.get(key, (key, "")), whole[key], "") for key in order]
    if not first and not second:
        return '<p class="empty">Nothing was measured.</p>'
    rows = "".join(f'<div class="cards">{"".join(cards)}</div>' for cards in (first, second) if cards)
    return f'{rows}<p class="note">The range is the bootstrap 95 % interval over questions.</p>'


def _card(name: str, words: str, interval: Interval, style: str) -> str:
    drawn = whisker(interval, max(1.0, interval.mean, interval.high)) if measured(interval) else ""
    figure = number(interval.mean) if measured(interval) else "not measured"
    ends = f"{limits(interval)} · n = {interval.count}" if measured(interval) else ""
    return (
        f'<div class="card {style}"><h3>{text(name)}</h3><p class="figure">{figure}</p>{drawn}'
        f'<p class="ends">{ends}</p><p class="note">{text(words)}</p></div>'
    )
