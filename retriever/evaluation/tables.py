"""The tables of the report page: measures by group, the worst questions with what was wanted, and every question."""

import re
from collections.abc import Sequence
from typing import Any

from retriever.evaluation.markup import NOTHING, duration, known, limits, measured, number, plain, text, whisker
from retriever.evaluation.records import Interval, Report

HEADLINES = ("full@1", "full@3", "nDCG@10", "RR@10", "hit@1", "hit@3", "P@1", "Success@3")
WORST = 30
SHOWN = 5  # returned answers, and twice as many wanted ones
LENGTH = 360  # characters of each text that are shown among the worst

_MEANINGS = (
    (r"full@1", "a complete answer stands first"),
    (r"full@(\d+)", "a complete answer within the first {0}"),
    (r"hit@1|P@1|Success@1", "a complete or partial answer stands first"),
    (r"hit@(\d+)", "a complete or partial answer within the first {0}"),
    (r"n?DCG(?:@(\d+))?", "discounted gain of the ranking, complete answers weighing more"),
    (r"RR(?:@(\d+))?", "reciprocal rank of the first right answer"),
    (r"P@(\d+)", "share of right ones among the first {0}"),
    (r"Success@(\d+)", "any right answer within the first {0}"),
    (r"R@(\d+)", "share of all right answers within the first {0}"),
    (r"AP(?:@(\d+))?", "average precision"),
    (r"Judged@(\d+)", "share of judged ones among the first {0}"),
    (r"iou", "lines shared with the gold where the first answer is right"),
    (r"abst", "answerable questions refused; lower is better"),
)


def meaning(measure: str) -> str:
    """What a measure says, in a few words; "" for one that is not known."""
    for pattern, words in _MEANINGS:
        found = re.fullmatch(pattern, measure)
        if found:
            return words.format(*(group or "" for group in found.groups()))
    return ""


def measures_of(report: Report) -> list[str]:
    """The names of all measures, in the order in which the groups name them."""
    return list(dict.fromkeys(name for group in report.groups.values() for name in group))


def headlines(report: Report) -> list[str]:
    """The names of all measures, those that a reader wants first at the head."""
    names = measures_of(report)
    return [*(name for name in HEADLINES if name in names), *(name for name in names if name not in HEADLINES)]


def questions_in(group: dict[str, Interval]) -> int:
    """The number of questions of a group: that of the measure that applies to most."""
    return max((interval.count for interval in group.values()), default=0)


def top(report: Report, measure: str) -> float:
    """The end of a measure's scale: 1, or the highest end of an interval where that is more."""
    found = [group[measure] for group in report.groups.values() if measure in group]
    return max([1.0, *(value for interval in found for value in (interval.mean, interval.high) if known(value))])


def group_blocks(report: Report) -> list[tuple[str, list[str]]]:
    """The groups in blocks (heading, names): all, the languages and the kinds of the questions, and what else there is."""
    languages, kinds = ({str(row.get(key, "")) for row in report.rows} for key in ("language", "kind"))
    blocks: dict[str, list[str]] = {"": [], "Languages": [], "Kinds": [], "Others": []}
    for name in report.groups:
        heading = "" if name == "all" else "Languages" if name in languages else "Kinds" if name in kinds else "Others"
        blocks[heading].append(name)
    return [(heading, names) for heading, names in blocks.items() if names]


def answerable(row: dict[str, Any]) -> bool:
    """Whether anything answers the question; so it is held where a row does not say what was wanted."""
    return bool(row.get("wanted", True))


def outcome(row: dict[str, Any]) -> tuple[str, str]:
    """(class, words) for what became of a question: good, fair or bad."""
    if row.get("failed"):
        return "bad", "failed"
    if not answerable(row):
        return ("good", "rightly refused") if row.get("abstained") else ("bad", "wrongly answered")
    rank = row.get("rank")
    if row.get("abstained"):
        return "bad", "wrongly refused"
    if not known(rank):
        return "bad", "missed"
    return ("good", "right") if rank == 1 else ("fair", f"right at rank {number(rank, 0)}")


def misses(rows: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Answerable questions without a right answer, and unanswerable ones that were answered: most confident first."""
    wrong = [row for row in rows if (not known(row.get("rank")) if answerable(row) else outcome(row)[0] == "bad")]
    return sorted(wrong, key=lambda row: -(row["confidence"] if known(row.get("confidence")) else -1.0))


def group_table(report: Report) -> str:
    """Measures by group, each mean above its interval drawn and written; a thin line marks the mean of all questions."""
    measures = measures_of(report)
    if not measures:
        return '<p class="empty">No question was measured.</p>'
    tops = {name: top(report, name) for name in measures}
    everything = report.groups.get("all", {})
    bodies = []
    for heading, names in group_blocks(report):
        first = (
            f'<tr class="block"><th scope="rowgroup" colspan="{len(measures) + 2}">{text(heading)}</th></tr>'
            if heading
            else ""
        )
        lines = []
        for name in names:
            group = report.groups[name]
            cells = "".join(_cell(group.get(measure), tops[measure], everything.get(measure)) for measure in measures)
            lines.append(
                f'<tr><th scope="row">{text(name or "(none)")}</th><td class="count">{questions_in(group)}</td>{cells}</tr>'
            )
        bodies.append(f"<tbody>{first}{''.join(lines)}</tbody>")
    heads = "".join(f'<th scope="col" title="{text(meaning(name))}">{text(name)}</th>' for name in measures)
    return (
        '<p class="note">Means over questions with bootstrap 95 % intervals. Each scale begins at 0; its thin line marks the mean of all '
        'questions.</p><div class="scroll" tabindex="0" role="region" aria-label="Measures by group"><table class="groups">'
        "<caption>Measures by group</caption>"
        '<thead><tr><th scope="col">group</th><th scope="col" title="questions">n</th>'
        f"{heads}</tr></thead>{''.join(bodies)}</table></div>{_glossary(measures)}"
    )


def _glossary(measures: list[str]) -> str:
    entries = [f"<div><dt>{text(name)}</dt><dd>{text(meaning(name))}</dd></div>" for name in measures if meaning(name)]
    return (
        f'<details><summary>What the measures say</summary><dl class="glossary">{"".join(entries)}</dl></details>'
        if entries
        else ""
    )


def _cell(interval: Interval | None, top: float, everything: Interval | None) -> str:
    if not measured(interval):
        return f'<td class="measure">{NOTHING}</td>'
    reference = everything.mean if everything is not None else None
    return (
        f'<td class="measure" title="n = {interval.count}"><b>{number(interval.mean)}</b>{whisker(interval, top, reference)}'
        f"<small>{limits(interval)}</small></td>"
    )


def miss_list(rows: Sequence[dict[str, Any]]) -> str:
    """Up to WORST of the misses: the question, what became of it, what was wanted beside what was returned."""
    wrong = misses(rows)
    if not rows:
        return '<p class="empty">No question was asked.</p>'
    if not wrong:
        return (
            '<p class="empty">No misses: every answerable question has a right answer, and every other was refused.</p>'
        )
    count = (
        f"{WORST} of {len(wrong)} shown; the others are in the list of all questions."
        if len(wrong) > WORST
        else f"{len(wrong)} in all."
    )
    return f'<p class="note">The most confident first. {count}</p><ol class="misses">{"".join(map(_miss, wrong[:WORST]))}</ol>'


def _miss(row: dict[str, Any]) -> str:
    kind, words = outcome(row)
    facts = " · ".join(text(row[key]) for key in ("id", "language", "kind") if row.get(key) not in (None, ""))
    returned = [str(answer) for answer in row.get("returned") or ()]
    wanted = [str(gold) for gold in row.get("wanted") or ()]
    failed = f'<p class="failure">{_cut(row["failed"])}</p>' if row.get("failed") else ""
    return (
        f"<li><article><h3{_language(row)}>{_cut(row.get('question', ''))}</h3>"
        f'<p class="facts"><span class="outcome {kind}">{words}</span> <span>confidence {number(row.get("confidence"), 2)}</span> <span>{facts}</span></p>{failed}'
        f'<div class="sides"><div><h4>wanted</h4>{_items("ul", wanted, 2 * SHOWN, "nothing: no source answers it")}</div>'
        f"<div><h4>returned</h4>{_items('ol', returned, SHOWN, 'nothing')}</div></div></article></li>"
    )


def _items(tag: str, entries: list[str], most: int, otherwise: str) -> str:
    if not entries:
        return f'<p class="empty">{otherwise}</p>'
    more = f'<p class="note">and {len(entries) - most} more</p>' if len(entries) > most else ""
    return f"<{tag}>{''.join(f'<li>{_cut(entry)}</li>' for entry in entries[:most])}</{tag}>{more}"


def _cut(value: Any) -> str:
    whole = plain(value).strip()
    return text(whole if len(whole) <= LENGTH else whole[: LENGTH - 1].rstrip() + "…")


def _language(row: dict[str, Any]) -> str:
    code = str(row.get("language", ""))
    return f' lang="{code}"' if re.fullmatch(r"[a-z]{2,3}(-[A-Za-z]{2,4})?", code) else ""


def question_table(report: Report) -> str:
    """Every question in a row, folded away; the page's script adds sorting and filtering."""
    rows = report.rows
    if not rows:
        return '<p class="empty">No question was asked.</p>'
    measures = [name for name in measures_of(report) if any(name in row for row in rows)]
    fixed = (
        ("id", ""),
        ("question", "text"),
        ("language", ""),
        ("kind", ""),
        ("outcome", ""),
        ("rank", "count"),
        ("confidence", "count"),
        ("time", "count"),
    )
    heads = "".join(f'<th scope="col"{f" class={style!r}" if style else ""}>{name}</th>' for name, style in fixed)
    heads += "".join(
        f'<th scope="col" class="count measured" title="{text(meaning(name))}">{text(name)}</th>' for name in measures
    )
    return (
        f"<details><summary>All {len(rows)} questions, in the order of the file</summary>"
        '<div class="controls" hidden><label>Find <input type="search" id="find"></label>'
        '<label>Show <select id="show"><option value="">every outcome</option><option value="good">right and rightly refused</option>'
        '<option value="fair">right, but not first</option><option value="bad">missed, wrongly refused or answered, failed</option></select></label>'
        f'<output id="shown" aria-live="polite">{len(rows)} shown</output></div>'
        '<div class="scroll tall" tabindex="0" role="region" aria-label="All questions"><table id="questions-table">'
        f"<caption>Outcomes and measures ({NOTHING} where one does not apply)</caption>"
        f"<thead><tr>{heads}</tr></thead><tbody>{''.join(_row(row, measures) for row in rows)}</tbody></table></div></details>"
    )


def _row(row: dict[str, Any], measures: list[str]) -> str:
    kind, words = outcome(row)
    seconds = row.get("seconds")
    cells = [
        f"<td>{text(row.get('id', ''))}</td>",
        f'<th scope="row" class="text"{_language(row)}>{text(row.get("question", ""))}</th>',
        f"<td>{text(row.get('language', ''))}</td>",
        f"<td>{text(row.get('kind', ''))}</td>",
        f'<td><span class="outcome {kind}">{words}</span></td>',
        _figure(row.get("rank"), 0),
        _figure(row.get("confidence"), 2),
        f'<td class="count" data-v="{seconds if known(seconds) else ""}">{duration(seconds) if known(seconds) else NOTHING}</td>',
        *(_figure(row.get(name), 3, "count measured") for name in measures),
    ]
    return f'<tr data-outcome="{kind}">{"".join(cells)}</tr>'


def _figure(value: Any, digits: int, style: str = "count") -> str:
    """A number that sorts as one; True and False are 1 and 0."""
    shown = str(int(value)) if isinstance(value, bool) else number(value, digits)
    return f'<td class="{style}" data-v="{float(value) if known(value) else ""}">{shown}</td>'
