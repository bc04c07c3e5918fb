"""Evaluations as a terminal and a program read them: tables, and JSON in which what could not be measured is null."""

import math
from typing import Any

from retriever.evaluation.compare import Comparison
from retriever.evaluation.records import Interval, Report
from retriever.evaluation.sweep import Sweep


def report_object(report: Report) -> dict[str, Any]:
    """The report without its rows."""
    return {
        "settings": report.settings,
        "groups": {
            group: {name: _interval(value) for name, value in row.items()} for group, row in report.groups.items()
        },
        "overall": {name: _interval(value) for name, value in report.overall.items()},
        "failed": [row["id"] for row in report.rows if row["failed"]],
    }


def report_text(report: Report) -> str:
    """Measures by group, each with its 95 % interval below it, then what is measured over the whole set."""
    columns = list(report.groups["all"])
    width = max([10, *map(len, report.groups)])
    lines = [f"{'':{width}} {'n':>4} " + " ".join(f"{name:>10}" for name in columns)]
    for group, row in report.groups.items():
        count = max((value.count for value in row.values()), default=0)
        means = [f"{row[name].mean:.3f}" if _known(row[name]) else "-" for name in columns]
        spans = [f"{row[name].low:.2f}-{row[name].high:.2f}" if _known(row[name]) else "" for name in columns]
        lines.append(f"{group:{width}} {count:>4} " + " ".join(f"{mean:>10}" for mean in means))
        lines.append(f"{'  95 %':{width}} {'':>4} " + " ".join(f"{span:>10}" for span in spans))
    lines.append("")
    for name, value in report.overall.items():
        lines.append(f"{name:18} {value.mean:.3f} [{value.low:.2f}, {value.high:.2f}]")
    none = sum(1 for row in report.rows if not row["wanted"])
    lines.append(f"{len(report.rows)} questions, {none} of them without an answer")
    failed = [row["id"] for row in report.rows if row["failed"]]
    if failed:
        lines.append(f"{len(failed)} questions broke and count as misses: {', '.join(failed[:10])}")
    return "\n".join(lines)


def comparison_object(found: Comparison) -> dict[str, Any]:
    """Differences b - a with their p, and the questions won and lost by b."""
    rows = [
        {
            "measure": d.measure,
            "count": d.count,
            "a": _number(d.mean_a),
            "b": _number(d.mean_b),
            "difference": _number(d.difference),
            "p": d.p,
            "adjusted": d.adjusted,
        }
        for d in found.differences
    ]
    return {"differences": rows, "won": found.won, "lost": found.lost}


def comparison_text(found: Comparison, first: str) -> str:
    """The same as a table; won and lost are by the measure `first`."""
    lines = [f"{'measure':12} {'n':>4} {'A':>8} {'B':>8} {'B - A':>8} {'p':>8} {'p (Holm)':>9}"]
    for d in found.differences:
        lines.append(
            f"{d.measure:12} {d.count:>4} {d.mean_a:8.3f} {d.mean_b:8.3f} {d.difference:+8.3f} {d.p:8.4f} {d.adjusted:9.4f}"
        )
    for label, ids in (("won", found.won), ("lost", found.lost)):
        lines.append(f"{first} {label} by B: {len(ids)}" + (f" ({', '.join(ids)})" if ids else ""))
    return "\n".join(lines)


def sweep_object(found: Sweep, target: str) -> dict[str, Any]:
    """All trials in the order of the grid, the best one, and its held-out score."""
    trials = [{"settings": t.settings, target: t.mean, "folds": t.chosen} for t in found.trials]
    return {
        "trials": trials,
        "best": {"settings": found.best.settings, target: found.best.mean, "held_out": found.held_out},
    }


def sweep_text(found: Sweep, target: str, folds: int) -> str:
    """The same as a table, best trials first."""
    lines = [f"{target:>8} {'folds':>5}  settings"]
    for trial in sorted(found.trials, key=lambda trial: -trial.mean):
        lines.append(f"{trial.mean:8.4f} {trial.chosen:>5}  {trial.settings}")
    lines.append(f"best over all questions: {found.best.mean:.4f}  {found.best.settings}")
    lines.append(f"held out ({folds} folds): {found.held_out:.4f}")
    return "\n".join(lines)


def _interval(value: Interval) -> dict[str, Any]:
    ends = {"mean": value.mean, "low": value.low, "high": value.high}
    return {key: _number(end) for key, end in ends.items()} | {"count": value.count}


def _number(value: float) -> float | None:
    return None if math.isnan(value) else round(value, 4)


def _known(value: Interval) -> bool:
    return not math.isnan(value.mean)
