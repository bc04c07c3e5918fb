"""`retriever eval`: measure the answers to a set of questions with gold, compare runs, choose settings."""

import json
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from retriever.commands.opening import open_retriever
from retriever.commands.options import CONTEXT, INDEX, JSON, Share, show_progress
from retriever.errors import InputError

if TYPE_CHECKING:
    from retriever.evaluation.evaluate import Evaluation
    from retriever.evaluation.records import QuestionSet, Response
    from retriever.search import Retriever


@click.command("eval", context_settings=CONTEXT)
@click.argument("questions")
@INDEX
@JSON
@click.option(
    "-k", "--k", type=click.IntRange(1), metavar="N", help="Answers asked for [default: 10, or the deepest measure]."
)
@click.option("--measures", metavar="A,B,…", help="Measures by their names, such as nDCG@10,RR@10,full@1,iou.")
@click.option("--min-confidence", type=Share(0, 1), metavar="P", help="As in ask.")
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
    k: int | None,
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
    from retriever.evaluation.measures import DEFAULT, check_names, deepest
    from retriever.evaluation.printed import report_object, report_text

    names = tuple(name.strip() for name in measures.split(",") if name.strip()) if measures else DEFAULT
    check_names((*names, target))
    if compare and grid_file:
        raise InputError("give either --compare or --sweep, not both")
    if (compare or grid_file) and (run_file or per_query or report or min_confidence is not None):
        raise InputError(
            "--run, --per-query, --report and --min-confidence go with asking, not with --compare or --sweep"
        )
    k = k or deepest((*names, target))
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
    click.echo(json.dumps(report_object(found.report), ensure_ascii=False) if as_json else report_text(found.report))
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
        "threshold": retriever.calibration.threshold if min_confidence is None else min_confidence,
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
    from retriever.evaluation.evaluate import content_lines, read_responses
    from retriever.evaluation.measures import score_questions
    from retriever.evaluation.printed import comparison_object, comparison_text
    from retriever.evaluation.sweep import read_settings

    questions, index = opened.questions, opened.retriever.index
    lines = content_lines(index)
    sides = []
    for file in files:
        if file.endswith(".json"):
            responses = _respond(opened, read_settings(Path(file)), k)
        else:
            responses = read_responses(Path(file), questions, index)
        sides.append(score_questions(questions.questions, responses, names, lines))
    found = compare(sides[0], sides[1], names)
    click.echo(json.dumps(comparison_object(found)) if as_json else comparison_text(found, names[0]))
    return 0


def _sweep(opened: _Opened, grid_file: str, target: str, folds: int, k: int, as_json: bool) -> int:
    """Try every combination of a grid; the chosen one with its score on questions that did not choose it."""
    from retriever.evaluation.compare import LOWER_IS_BETTER
    from retriever.evaluation.evaluate import content_lines
    from retriever.evaluation.measures import score_questions
    from retriever.evaluation.printed import sweep_object, sweep_text
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
    click.echo(json.dumps(sweep_object(found, target)) if as_json else sweep_text(found, target, folds))
    return 0
