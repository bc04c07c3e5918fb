"""`retriever calibrate`: fit the confidence to the corpus of an index, by questions with gold."""

import json
from contextlib import suppress
from dataclasses import asdict, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from retriever.commands.opening import open_retriever
from retriever.commands.options import CONTEXT, INDEX, JSON, Share, show_progress
from retriever.errors import CalibrationError, InputError

if TYPE_CHECKING:
    from retriever.evaluation.calibrate import Quality


@click.command(context_settings=CONTEXT)
@click.argument("questions", required=False)
@INDEX
@JSON
@click.option(
    "--refuse",
    default=0.045,
    show_default=True,
    type=Share(0, 0.5),
    metavar="SHARE",
    help="The share of answerable questions that may be withheld: sets the threshold.",
)
@click.option("--dry-run", is_flag=True, help="Fit and measure, change nothing.")
@click.option("--remove", is_flag=True, help="Go back to the numbers that come with the model.")
def calibrate(
    questions: str | None, index_: str | None, as_json: bool, refuse: float, dry_run: bool, remove: bool
) -> int:
    """Fit the confidence to QUESTIONS: a JSONL file with gold, as for eval, some of them without an answer.

    The numbers are kept in the index folder, outlive rebuilding, and are used by every later ask.
    """
    from retriever.confidence import NAME, bundled_calibration, index_calibration, write_calibration
    from retriever.evaluation.calibrate import doubts, fit, held_out, no_gain, observe, quality
    from retriever.evaluation.evaluate import content_lines
    from retriever.evaluation.gold import read_questions
    from retriever.locations import index_directory
    from retriever.terminal import clean_text

    if (questions is None) == (not remove) or (remove and dry_run):
        raise InputError("give a file of questions with gold, or --remove alone")
    if remove:
        path = index_directory(index_) / NAME
        try:
            path.unlink(missing_ok=True)
        except OSError as error:
            raise InputError(f"{path}: cannot be removed ({error.strerror})") from error
        click.echo(f"{path.parent}: confidences are those that come with the model", err=True)
        return 0
    retriever = open_retriever(index_, None, quiet=True, calibration=bundled_calibration())
    index, used = retriever.index, bundled_calibration()
    with suppress(CalibrationError):  # a damaged one is about to be written anew
        used = index_calibration(index.directory, index.encoder.digest) or used
    asked = read_questions(Path(str(questions)), index)
    found = observe(retriever, asked, content_lines(index), show_progress)
    start = replace(bundled_calibration(), encoder=index.encoder.digest)
    fitted = fit(found, start, refuse)
    answerable = sum(one.answerable for one in found)
    fitted = replace(
        fitted,
        fitted_on=f"{len(found)} questions ({answerable} answerable) of {clean_text(Path(str(questions)).name)}, {datetime.now(UTC):%Y-%m-%d}",
    )
    before = quality(found, [(p, p < used.threshold) for one in found for p in (used.confidence(one.signals),)])
    after = quality(found, held_out(found, start, refuse))
    if not dry_run:
        write_calibration(index.directory / NAME, fitted)
    reasons = doubts(found, start, fitted, after) + no_gain(used, fitted, before, after)
    if reasons:
        undo = (
            "nothing was written"
            if dry_run
            else f"go back with: retriever calibrate --remove --index {index.directory}"
        )
        click.echo(f"warning: the fit is doubtful: {'; '.join(reasons)}; {undo}", err=True)
    if as_json:
        row = {
            "before": asdict(before),
            "held_out": asdict(after),
            "calibration": asdict(fitted),
            "written": not dry_run,
        }
        click.echo(json.dumps(row, ensure_ascii=False))
    else:
        click.echo(_table(before, after, fitted.threshold))
        click.echo(
            f"{fitted.fitted_on}; {'nothing written' if dry_run else f'written to {index.directory / NAME}'}", err=True
        )
    return 0


def _table(before: "Quality", after: "Quality", threshold: float) -> str:
    """Both qualities side by side."""
    rows = [f"{'':28} {'until now':>10} {'held out':>10}"]
    labels = {
        "auroc": "right told from not right",
        "ece": "calibration error",
        "abst": "answerable, withheld",
        "refused": "unanswerable, refused",
    }
    for name, label in labels.items():
        values = [getattr(side, name) for side in (before, after)]
        rows.append(f"{label:28} " + " ".join(f"{'-' if value is None else f'{value:.3f}':>10}" for value in values))
    return "\n".join([*rows, f"threshold {threshold:.3f}; the second column is of questions that were not fitted to"])
