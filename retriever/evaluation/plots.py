"""The plots of the report page, each an SVG element; all raise InputError when matplotlib is not installed."""

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

from retriever.cues import display_width
from retriever.evaluation.markup import duration, known, plain
from retriever.evaluation.records import Interval
from retriever.evaluation.svg import ACCENT, INK, MUTED, PAPER, SOFT, WARM, WIDTH, draw

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Z = 1.959964  # 97.5 % quantile of the normal distribution


def bars(name: str, groups: Sequence[tuple[str, int, Sequence[Interval | None]]], measures: Sequence[str]) -> str:
    """Horizontal bars of one or two `measures` for each group (label, questions, an interval or None for each measure)."""
    height = 58 + len(groups) * (24 + 14 * (len(measures) - 1))
    labels = [f"{_short(label)} ({count})" for label, count, _ in groups]
    left = 16 + 6.4 * max(map(display_width, labels))
    highest = [end for *_, row in groups for i in row if i is not None for end in (i.mean, i.high) if known(end)]
    top = max([1.0, *highest])

    def paint(figure: "Figure") -> None:
        axes = _axes(figure, height, left=left, right=52, bottom=26, top=26)
        thick = 0.62 if len(measures) == 1 else 0.36
        for place, colour in zip(range(len(measures)), (ACCENT, SOFT), strict=False):
            across = [n + (place - (len(measures) - 1) / 2) * (thick + 0.02) for n in range(len(groups))]
            found = [row[place] for *_, row in groups]
            widths = [0.0 if i is None else i.mean for i in found]
            axes.barh(across, widths, height=thick, color=colour, label=plain(measures[place]))
            for y, interval in zip(across, found, strict=True):
                if interval is None:
                    axes.text(0.01 * top, y, "not measured", va="center", color=MUTED, fontsize=10)
                    continue
                if known(interval.low) and known(interval.high):
                    ends = [interval.low, interval.high]
                    axes.plot(ends, [y, y], color=PAPER, linewidth=3.4, solid_capstyle="butt")
                    axes.plot(ends, [y, y], color=INK, linewidth=1.4, solid_capstyle="butt")
                axes.text(1.02, y, f"{interval.mean:.2f}", va="center", transform=axes.get_yaxis_transform())
        axes.set_yticks(range(len(groups)), labels)
        axes.set(xlim=(0, top), ylim=(len(groups) - 0.4, -0.6))
        axes.tick_params(axis="y", length=0, labelcolor=INK)
        axes.spines["bottom"].set_visible(False)
        axes.grid(axis="x")
        _legend(axes)

    told = "; ".join(
        f"{label}: " + ", ".join(f"{m} {i.mean:.2f}" for m, i in zip(measures, row, strict=True) if i is not None)
        for label, _, row in groups
    )
    return draw(name, f"Bars by kind of question. {told}.", height, paint)


def ranks(name: str, labels: Sequence[str], answered: Sequence[int], refused: Sequence[int]) -> str:
    """Columns of how many questions had their first right answer at each rank; `refused` of them stand apart, on top."""
    height = 240

    def paint(figure: "Figure") -> None:
        from matplotlib.ticker import MaxNLocator

        axes = _axes(figure, height, left=44, right=10, bottom=42, top=8)
        places = range(len(labels))
        colours = [WARM if place == len(labels) - 1 else ACCENT for place in places]
        axes.bar(places, answered, width=0.72, color=colours)
        axes.bar(
            places,
            refused,
            width=0.72,
            bottom=answered,
            facecolor=PAPER,
            edgecolor=colours,
            linewidth=1.2,
            hatch="////",
        )
        most = max([1, *(a + r for a, r in zip(answered, refused, strict=True))])
        for place, (a, r) in enumerate(zip(answered, refused, strict=True)):
            total = str(a + r) if not r else f"{a + r} ({r} refused)"
            axes.text(place, a + r + 0.02 * most, total, ha="center", va="bottom", color=INK)
        axes.set_xticks(places, labels)
        axes.set(ylim=(0, 1.1 * most), xlabel="rank of the first right answer", ylabel="questions")
        axes.tick_params(axis="x", length=0, labelcolor=INK)
        axes.yaxis.set_major_locator(MaxNLocator(6, integer=True))
        axes.grid(axis="y")

    told = "; ".join(
        f"rank {label}: {a + r}, of them {r} refused" for label, a, r in zip(labels, answered, refused, strict=True)
    )
    return draw(name, f"Questions by the rank of their first right answer. {told}.", height, paint)


def reliability(name: str, points: Sequence[tuple[float, float, int]]) -> str:
    """Share right over mean confidence of bins (mean confidence, share right, count), with Wilson intervals, and the counts below."""
    height = 350

    def paint(figure: "Figure") -> None:
        axes = _axes(figure, height, left=44, right=12, bottom=112, top=34)
        counts = _axes(figure, height, left=44, right=12, bottom=42, top=height - 94)
        axes.plot([0, 1], [0, 1], color=MUTED, linewidth=1.2, linestyle=(0, (4, 3)), label="confidence as it should be")
        for confidence, share, count in points:
            axes.plot([confidence, confidence], wilson(share, count), color=ACCENT, linewidth=1.4, alpha=0.55)
        confidences, shares = [p[0] for p in points], [p[1] for p in points]
        axes.plot(
            confidences,
            shares,
            color=ACCENT,
            linewidth=1.8,
            marker="o",
            markersize=6,
            clip_on=False,
            label="this retriever",
        )
        counts.bar([p[0] for p in points], [p[2] for p in points], width=0.055, color=SOFT)
        most = max(p[2] for p in points)
        for confidence, _, count in points:
            counts.text(confidence, count + 0.04 * most, str(count), ha="center", va="bottom", fontsize=9, color=MUTED)
        axes.set(xlim=(0, 1), ylim=(0, 1), ylabel="share right")
        axes.set_xticks([0, 0.2, 0.4, 0.6, 0.8, 1], [""] * 6)
        counts.set(xlim=(0, 1), ylim=(0, 1.35 * most), xlabel="mean confidence", ylabel="count")
        counts.set_yticks([])
        axes.grid()
        _legend(axes)

    told = "; ".join(f"confidence {c:.2f}: {s:.2f} right of {n}" for c, s, n in points)
    return draw(name, f"Reliability diagram. {told}.", height, paint)


def risk_coverage(name: str, curve: Sequence[tuple[float, float]]) -> str:
    """Share wrong among the questions answered, over the share answered; beside it the curve of a perfect order of the same answers."""
    height = 350
    risk = curve[-1][1]

    def paint(figure: "Figure") -> None:
        axes = _axes(figure, height, left=48, right=12, bottom=42, top=34)
        coverage, risks = [c for c, _ in curve], [r for _, r in curve]
        best = [n / 200 for n in range(1, 201)]
        axes.fill_between(coverage, risks, color=ACCENT, alpha=0.12, linewidth=0)
        marker = "o" if len(curve) == 1 else ""
        axes.plot(coverage, risks, color=ACCENT, linewidth=1.8, marker=marker, clip_on=False, label="this retriever")
        axes.plot(
            best, [max(0.0, (c - 1 + risk) / c) for c in best], color=MUTED, linewidth=1.2, linestyle=(0, (4, 3)),
            label="perfect order of the same answers",
        )  # fmt: skip
        axes.set(xlim=(0, 1), ylim=(0, max(0.1, 1.12 * max(risks))))
        axes.set(xlabel="coverage: share of questions answered", ylabel="risk: share wrong among them")
        axes.grid()
        _legend(axes)

    step = max(1, len(curve) // 5)
    told = "; ".join(f"coverage {c:.2f}: risk {r:.2f}" for c, r in [*curve[step - 1 : -1 : step], curve[-1]])
    return draw(name, f"Risk–coverage curve. {told}.", height, paint)


def latency(name: str, seconds: Sequence[float], median: float, p95: float) -> str:
    """Histogram of the seconds that answers took; the scale is logarithmic when they span more than a factor of twenty."""
    height = 250
    lowest, highest = min(seconds), max(seconds)
    logarithmic = lowest > 0 and highest > 20 * lowest

    def paint(figure: "Figure") -> None:
        import numpy as np
        from matplotlib.ticker import FuncFormatter, LogLocator, MaxNLocator, NullLocator

        axes = _axes(figure, height, left=44, right=24, bottom=42, top=30)
        if logarithmic:
            axes.set_xscale("log")
            edges = np.geomspace(lowest, highest, 31)
        else:
            edges = np.linspace(0 if lowest < 0.3 * highest else lowest, highest or 1.0, 31)
            if edges[0] == edges[-1]:
                edges = np.linspace(0, 2 * highest, 31)
        axes.hist(np.clip(seconds, edges[0], edges[-1]), bins=edges.tolist(), color=SOFT)
        axes.set_xlim(edges[0], edges[-1])
        for value, label, side in ((median, "median", "right"), (p95, "95 %", "left")):
            axes.axvline(value, color=ACCENT, linewidth=1.6)
            aside = (-4, 3) if side == "right" else (4, 3)
            place = (value, 1.0)
            axes.annotate(label, place, aside, axes.get_xaxis_transform(), "offset points", color=INK, ha=side)
        axes.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5), numticks=12) if logarithmic else MaxNLocator(5))
        axes.xaxis.set_minor_locator(NullLocator())
        axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: duration(value)))
        axes.yaxis.set_major_locator(MaxNLocator(6, integer=True))
        axes.set(xlabel="time for one question" + (", logarithmic" if logarithmic else ""), ylabel="questions")
        axes.grid(axis="y")

    told = f"Median {duration(median)}, 95 % within {duration(p95)}, from {duration(lowest)} to {duration(highest)}."
    return draw(name, f"Histogram of the time for one question. {told}", height, paint)


def wilson(share: float, count: int) -> tuple[float, float]:
    """95 % score interval of a binomial proportion (Wilson 1927)."""
    centre = share + Z**2 / (2 * count)
    half = Z * math.sqrt(share * (1 - share) / count + Z**2 / (4 * count**2))
    return max(0.0, (centre - half) / (1 + Z**2 / count)), min(1.0, (centre + half) / (1 + Z**2 / count))


def _short(label: str, columns: int = 22) -> str:
    """A label on one line, cut to about `columns` columns."""
    line = " ".join(plain(label).split())
    if display_width(line) <= columns:
        return line
    while display_width(line) >= columns:
        line = line[:-1]
    return line.rstrip() + "…"


def _axes(figure: "Figure", height: float, *, left: float, right: float, bottom: float, top: float) -> "Axes":
    """Axes with the given margins, in points."""
    return figure.add_axes(
        (left / WIDTH, bottom / height, (WIDTH - left - right) / WIDTH, (height - bottom - top) / height)
    )


def _legend(axes: "Axes") -> None:
    axes.legend(
        loc="lower left", bbox_to_anchor=(0, 1.0), ncols=2, borderaxespad=0.2, handlelength=1.4, columnspacing=1.4
    )
