"""`retriever eval`: measure the answers to a set of questions with gold, compare runs, choose settings."""

import json
import math
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from retriever.commands.opening import open_retriever
from retriever.commands.options import CONTEXT, INDEX, JSON, show_progress
from retriever.errors import InputError

if TYPE_CHECKING:
    from retriever.evaluation.evaluate import Evaluation
    from retriever.evaluation.records import QuestionSet, Response
    from retriever.search import Retriever


@click.command("eval", context_settings=CONTEXT)
@click.argument("questions")
@INDEX
@JSON
@click.option("-k", default=10, show_default=True, type=click.IntRange(1), metavar="N", help="Answers asked for.")
@click.option("--measures", metavar="A,B,…", help="Measures by their names, such as nDCG@10,RR@10,full@1,iou.")
@click.option("--min-confidence", type=click.FloatRange(0, 1), metavar="P", help="As in ask.")
@click.option("--qrels", metavar="FILE", help="QUESTIONS are TREC topics, judged in FILE by passage id.")
@click.option("--split", default="test", show_default=True, metavar="NAME", help="The qrels of a BEIR folder to use.")
@click.option("--run", "run_file", metavar="FILE", help="Write the answers as a TREC run.")
@click.option("--per-query", metavar="FILE", help="Write one JSON row a question.")
@click.option("--report", metavar="FILE.html", help="Write a page with plots and the worst questions.")
@click.option("--compare", nargs=2, metavar="A B", help="Compare two runs, or settings (.json), on QUESTIONS.")
@click.option("--sweep", "grid_file", metavar="GRID.json", help="Choose among settings by cross-validation.")
@click.option("--target", default="full@1", show_default=True, metavar="MEASURE", help="What --sweep goes by.")
@click.option("--folds", default=5, show_default=True, type=click.IntRange(2), metavar="N", help="Folds of --sweep.")
def evaluate(
    questions: str,
    index_: str | None,
    as_json: bool,
    k: int,
    measures: str | None,
    min_confidence: float | None,
    qrels: str | None,
    split: str,
    run_file: str | None,
    per_query: str | None,
    report: str | None,
    compare: tuple[str, str] | None,
    grid_file: str | None,
    target: str,
    folds: int,
) -> int:
    """Measure the answers to QUESTIONS: a JSONL file with gold, a BEIR folder, or TREC topics with --qrels.

    A gold entry is a span of lines {"file", "start", "end", "grade"}, a passage {"passage": id} or {"source", "question"}.
    A BEIR folder is indexed by itself, in a place of its own.
    """
    from retriever.evaluation.measures import DEFAULT, check_names

    names = tuple(name.strip() for name in measures.split(",") if name.strip()) if measures else DEFAULT
    check_names((*names, target))
    if compare and grid_file:
        raise InputError("give either --compare or --sweep, not both")
    for path in (run_file, per_query, report):
        if path and not Path(path).resolve().parent.is_dir():
            raise InputError(f"{path}: its folder does not exist; make it first")
    with _Opened(questions, index_, qrels, split) as opened:
        if compare:
            return _compare(opened, compare, names, k, as_json)
        if grid_file:
            return _sweep(opened, grid_file, target, folds, k, as_json)
        found = _evaluate(opened, k, min_confidence, names)
    _write(opened.questions, found, run_file, per_query, report)
    click.echo(json.dumps(_object(found), ensure_ascii=False) if as_json else _table(found, names))
    return 0


class _Opened:
    """The questions and the retriever they are asked of; a BEIR folder's index lives as long as the block."""

    def __init__(self, questions: str, index_: str | None, qrels: str | None, split: str) -> None:
        self._arguments = (questions, index_, qrels, split)
        self._folder: Any = None
        self.retriever: Retriever
        self.questions: QuestionSet

    def __enter__(self) -> "_Opened":
        from retriever.evaluation.gold import read_questions
        from retriever.evaluation.qrels import read_beir, read_trec

        name, index_, qrels, split = self._arguments
        path = Path(name)
        if path.is_dir():
            import tempfile

            from retriever.encoders.load import load_encoder
            from retriever.indexing import open_index
            from retriever.pipeline import build_documents
            from retriever.search import Retriever

            rows, self.questions = read_beir(path, split)
            self._folder = tempfile.TemporaryDirectory(prefix="retriever-eval-")
            encoder = load_encoder()
            build_documents(rows, path / "corpus.jsonl", Path(self._folder.name), encoder, show_progress)
            self.retriever = Retriever(open_index(Path(self._folder.name)), encoder)
        else:
            self.retriever = open_retriever(index_, None)
            index = self.retriever.index
            self.questions = read_trec(path, Path(qrels), index) if qrels else read_questions(path, index)
        return self

    def __exit__(self, *_: object) -> None:
        if self._folder is not None:
            self._folder.cleanup()


def _evaluate(opened: _Opened, k: int, min_confidence: float | None, names: tuple[str, ...]) -> "Evaluation":
    from datetime import UTC, datetime

    from retriever.answer import THRESHOLD
    from retriever.evaluation.evaluate import content_lines, measure, respond_all

    retriever, questions = opened.retriever, opened.questions
    responses = respond_all(retriever, questions, k, min_confidence, show_progress)
    encoder = retriever.index.encoder
    settings = {
        "when": datetime.now(UTC).isoformat(timespec="seconds"),
        "index": str(retriever.index.folder.parent.parent),
        "passages": len(retriever.index),
        "encoder": f"{encoder.name} ({encoder.dimension} dimensions, {encoder.digest})",
        "weights": list(retriever.settings.weights),
        "candidates": retriever.settings.candidates,
        "threshold": THRESHOLD if min_confidence is None else min_confidence,
        "k": k,
        "questions": questions.origin,
        "digest": questions.digest,
        "count": len(questions.questions),
    }
    return measure(questions, responses, content_lines(retriever.index), names, settings)


def _write(
    questions: "QuestionSet", found: "Evaluation", run_file: str | None, per_query: str | None, report: str | None
) -> None:
    """Write the files that were asked for; raises InputError when one cannot be written."""
    if run_file:
        from retriever.evaluation.trec import write_run

        write_run(Path(run_file), questions.questions, found.responses)
    pages = []
    if per_query:
        rows = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in found.report.rows)
        pages.append((per_query, rows))
    if report:
        from retriever.evaluation.page import Curves, report_page

        bins = [(b.confidence, b.right, b.count) for b in found.reliability]
        pages.append((report, report_page(found.report, Curves(bins, found.risk_coverage))))
    for path, text in pages:
        try:
            Path(path).write_text(text, encoding="utf-8")
        except OSError as error:
            raise InputError(f"{path}: cannot be written ({error.strerror}); choose another path") from error


def _object(found: "Evaluation") -> dict[str, Any]:
    """The report as JSON: each measure with its interval; what could not be measured is null."""

    def interval(value: Any) -> dict[str, Any]:
        known = not math.isnan(value.mean)
        return {
            "mean": round(value.mean, 4) if known else None,
            "low": round(value.low, 4) if known else None,
            "high": round(value.high, 4) if known else None,
            "count": value.count,
        }

    return {
        "settings": found.report.settings,
        "groups": {
            group: {name: interval(value) for name, value in row.items()} for group, row in found.report.groups.items()
        },
        "overall": {name: interval(value) for name, value in found.report.overall.items()},
        "failed": [row["id"] for row in found.report.rows if row["failed"]],
    }


def _table(found: "Evaluation", names: Iterable[str]) -> str:
    """Measures by group with the interval of the whole set, then what is measured over the whole set."""
    from retriever.evaluation.evaluate import interval_text

    report = found.report
    columns = [*dict.fromkeys([*names, "abst"])]
    width = max([10, *map(len, report.groups)])
    lines = [f"{'':{width}} {'n':>4} " + " ".join(f"{name:>10}" for name in columns)]
    for group, row in report.groups.items():
        count = max((value.count for value in row.values()), default=0)
        cells = ["-" if math.isnan(row[name].mean) else f"{row[name].mean:.3f}" for name in columns]
        lines.append(f"{group:{width}} {count:>4} " + " ".join(f"{cell:>10}" for cell in cells))
        if group == "all":
            spans = [
                "" if math.isnan(row[name].mean) else f"{row[name].low:.2f}-{row[name].high:.2f}" for name in columns
            ]
            lines.append(f"{'  95 %':{width}} {'':>4} " + " ".join(f"{span:>10}" for span in spans))
    none = sum(1 for row in report.rows if not row["wanted"])
    lines.append("")
    lines += [f"{name:18} {interval_text(value)}" for name, value in report.overall.items()]
    lines.append(f"{len(report.rows)} questions, {none} of them without an answer")
    failed = [row["id"] for row in report.rows if row["failed"]]
    if failed:
        lines.append(f"{len(failed)} questions broke and count as misses: {', '.join(failed[:10])}")
    return "\n".join(lines)


def _respond(opened: _Opened, settings: dict[str, Any], k: int) -> "dict[str, Response]":
    """The responses to all questions, asked with `settings` in place of what is usual."""
    from retriever.evaluation.evaluate import respond_all
    from retriever.search import Retriever

    retriever, usual = opened.retriever, opened.retriever.settings
    weights = tuple(settings.get("weights", usual.weights))
    chosen = replace(usual, weights=weights, candidates=settings.get("candidates", usual.candidates))
    tried = Retriever(retriever.index, retriever.encoder, chosen)
    given = settings.get("k", k), settings.get("threshold")
    return respond_all(tried, opened.questions, *given, lambda *_: None)


def _compare(opened: _Opened, files: tuple[str, str], names: tuple[str, ...], k: int, as_json: bool) -> int:
    """Two runs, or settings to ask with, on the same questions: differences with their p, and the questions won and lost."""
    from retriever.evaluation.compare import compare
    from retriever.evaluation.evaluate import content_lines, responses_of_run
    from retriever.evaluation.measures import score_questions
    from retriever.evaluation.sweep import read_settings
    from retriever.evaluation.trec import read_run

    questions, index = opened.questions.questions, opened.retriever.index
    lines = content_lines(index)
    sides = []
    for file in files:
        if file.endswith(".json"):
            responses = _respond(opened, read_settings(Path(file)), k)
        else:
            run = read_run(Path(file), {question.id for question in questions})
            responses = responses_of_run(run, index, file)
        sides.append(score_questions(questions, responses, names, lines))
    found = compare(sides[0], sides[1], names)
    if as_json:
        rows = [
            {key: None if isinstance(value, float) and math.isnan(value) else value for key, value in row.items()}
            for row in (
                {"measure": d.measure, "count": d.count, "a": d.mean_a, "b": d.mean_b, "difference": d.difference,
                 "p": d.p, "adjusted": d.adjusted}
                for d in found.differences
            )
        ]  # fmt: skip
        click.echo(json.dumps({"differences": rows, "won": found.won, "lost": found.lost}, ensure_ascii=False))
        return 0
    click.echo(f"{'measure':12} {'n':>4} {'A':>8} {'B':>8} {'B - A':>8} {'p':>8} {'p (Holm)':>9}")
    for d in found.differences:
        click.echo(
            f"{d.measure:12} {d.count:>4} {d.mean_a:8.3f} {d.mean_b:8.3f} {d.difference:+8.3f} {d.p:8.4f} {d.adjusted:9.4f}"
        )
    for label, ids in (("won", found.won), ("lost", found.lost)):
        click.echo(f"{names[0]} {label} by B: {len(ids)}" + (f" ({', '.join(ids)})" if ids else ""))
    return 0


def _sweep(opened: _Opened, grid_file: str, target: str, folds: int, k: int, as_json: bool) -> int:
    """Try every combination of a grid; the chosen one with its score on questions that did not choose it."""
    from retriever.evaluation.compare import LOWER_IS_BETTER
    from retriever.evaluation.evaluate import content_lines
    from retriever.evaluation.measures import score_questions
    from retriever.evaluation.sweep import read_grid, sweep

    questions, lines = opened.questions, content_lines(opened.retriever.index)
    grid = read_grid(Path(grid_file))
    done = 0

    def score(settings: dict[str, Any]) -> list[float]:
        nonlocal done
        show_progress("settings tried", done, len(grid))
        done += 1
        given = _respond(opened, settings, k)
        rows = score_questions(questions.questions, given, (target,), lines)
        return [row[target] if row[target] is not None else 0.0 for row in rows]

    found = sweep(grid, score, folds, lower_is_better=target in LOWER_IS_BETTER)
    show_progress("done", 1, 1)
    if as_json:
        trials = [{"settings": t.settings, target: t.mean, "folds": t.chosen} for t in found.trials]
        best = {"settings": found.best.settings, target: found.best.mean, "held_out": found.held_out}
        click.echo(json.dumps({"trials": trials, "best": best}, ensure_ascii=False))
        return 0
    click.echo(f"{target:>8} {'folds':>5}  settings")
    for trial in sorted(found.trials, key=lambda trial: -trial.mean):
        click.echo(f"{trial.mean:8.4f} {trial.chosen:>5}  {json.dumps(trial.settings)}")
    click.echo(f"best over all questions: {found.best.mean:.4f}  {json.dumps(found.best.settings)}")
    click.echo(f"held out ({folds} folds): {found.held_out:.4f}")
    return 0
