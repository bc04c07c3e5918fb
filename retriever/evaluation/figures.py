"""The figures of the report page: a heading, a plot and how to read it, or in its place why there is nothing to see."""

from collections.abc import Callable, Sequence

from retriever.evaluation import plots
from retriever.evaluation.markup import duration, known, limits, measured, number, text
from retriever.evaluation.records import Interval, Report
from retriever.evaluation.tables import answerable, group_blocks, headlines, questions_in, top

RANKS = ("1", "2", "3", "4–10", ">10", "none")


def kinds(report: Report) -> str:
    """Bars of the first two headline measures for each kind; for each language where questions have no kind."""
    blocks = dict(group_blocks(report))
    word = "kind" if "Kinds" in blocks else "language" if "Languages" in blocks else "group"
    names = blocks.get("Kinds") or blocks.get("Languages") or [name for found in blocks.values() for name in found]
    shares = [name for name in headlines(report) if top(report, name) == 1]
    measures = shares[:2] or headlines(report)[:1]
    groups = []
    for name in names:
        found = [report.groups[name].get(measure) for measure in measures]
        label, count = name or "(none)", questions_in(report.groups[name])
        groups.append((label, count, [interval if measured(interval) else None for interval in found]))
    if not groups or not measures:
        return _figure("By kind of question", "No question was measured.", None)
    return _figure(
        f"By {word} of question",
        f"Means of {text(' and '.join(measures))} with 95 % intervals; the number of questions in brackets.",
        lambda: plots.bars("kinds", groups, measures),
    )


def ranks(report: Report) -> str:
    """How many answerable questions had their first right answer at rank 1, 2, 3, 4 to 10, or none."""
    counts = {label: [0, 0] for label in RANKS}
    for row in report.rows:
        if answerable(row):
            rank = row.get("rank")
            label = "none" if not known(rank) else str(int(rank)) if rank <= 3 else "4–10" if rank <= 10 else ">10"
            counts[label][bool(row.get("abstained"))] += 1
    if not any(answered or refused for answered, refused in counts.values()):
        return _figure("Rank of the first right answer", "No question has an answer to be found.", None)
    shown = [label for label in RANKS if label != ">10" or any(counts[label])]
    answered, refused = ([counts[label][side] for label in shown] for side in (0, 1))
    return _figure(
        "Rank of the first right answer",
        "Answerable questions. Hatched: refused, whatever stood behind the refusal."
        if any(refused)
        else "Answerable questions.",
        lambda: plots.ranks("ranks", shown, answered, refused),
    )


def reliability(curve: Sequence[tuple[float, float, int]], error: Interval | None) -> str:
    """The reliability diagram of bins (mean confidence, share right, count), with the expected calibration error."""
    points = [point for point in curve if point[2] > 0 and known(point[0]) and known(point[1])]
    if not points:
        return _figure("Reliability", "No answer has a confidence.", None)
    note = (
        "On the dashed line a confidence of 0.8 is right in 80 % of cases; below it, confidence promises too much. Upright lines are "
        "95 % Wilson intervals."
    )
    return _figure("Reliability", _measure("ECE", error) + note, lambda: plots.reliability("reliability", points))


def risk_coverage(curve: Sequence[tuple[float, float]], area: Interval | None) -> str:
    """The risk–coverage curve of (coverage, risk), with the area under it."""
    points = [point for point in curve if known(point[0]) and known(point[1])]
    if not points:
        return _figure("Risk and coverage", "No answer has a confidence.", None)
    note = (
        "What goes wrong when only the most confident share of the questions is answered. The lower the curve, the better confidence "
        "orders the answers."
    )
    return _figure("Risk and coverage", _measure("AURC", area) + note, lambda: plots.risk_coverage("risk", points))


def latency(report: Report) -> str:
    """The distribution of the seconds that questions took, with median and 95th percentile; failed questions are left out."""
    import numpy as np

    taken = [row.get("seconds") for row in report.rows if not row.get("failed")]
    seconds = [float(value) for value in taken if known(value) and value >= 0]
    if not seconds:
        return '<p class="empty">No times were taken.</p>'
    median, p95 = (float(value) for value in np.percentile(seconds, [50, 95]))
    facts = {
        "median": median,
        "95 % within": p95,
        "mean": sum(seconds) / len(seconds),
        "longest": max(seconds),
        "all questions": sum(seconds),
    }
    items = "".join(f"<div><dt>{name}</dt><dd>{duration(value)}</dd></div>" for name, value in facts.items())
    failed = sum(bool(row.get("failed")) for row in report.rows)
    note = f"Of {len(seconds)} question{'s' * (len(seconds) > 1)}" + (
        f"; {failed} that failed left out." if failed else "."
    )
    drawn = _figure("Time for one question", note, lambda: plots.latency("latency", seconds, median, p95))
    return f'<div class="pair">{drawn}<dl class="times">{items}</dl></div>'


def _figure(heading: str, note: str, draw: Callable[[], str] | None) -> str:
    """A figure with its heading and a note in HTML; without `draw`, the note says why there is nothing to see."""
    content = f"{draw()}<figcaption>{note}</figcaption>" if draw else f'<p class="empty">{note}</p>'
    return f"<figure><h3>{heading}</h3>{content}</figure>"


def _measure(name: str, interval: Interval | None) -> str:
    """A measure of the whole set with its interval, as the beginning of a note."""
    return f"<b>{name} {number(interval.mean)}</b> ({limits(interval)}). " if measured(interval) else ""
