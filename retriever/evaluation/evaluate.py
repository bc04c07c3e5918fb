"""Ask every question of a set, measure what came back, and put it into a report."""

import re
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from retriever.answer import Choice, answer
from retriever.corpus import CorpusOptions, load_source
from retriever.errors import RetrieverError
from retriever.evaluation.measures import (
    DEFAULT,
    Bin,
    aurc,
    auroc,
    calibration,
    check_names,
    refusal,
    risk_coverage,
    score_questions,
)
from retriever.evaluation.records import Answered, Question, QuestionSet, Report, Response
from retriever.evaluation.trec import read_run
from retriever.evaluation.uncertainty import bootstrap, bootstrap_whole
from retriever.indexing import Index
from retriever.search import Retriever

Progress = Callable[[str, int, int], None]


@dataclass(frozen=True, slots=True)
class Evaluation:
    """A report with the responses it was made of and the two curves of its confidence."""

    report: Report
    responses: dict[str, Response]
    reliability: list[Bin]
    risk_coverage: list[tuple[float, float]]


def respond_all(
    retriever: Retriever,
    questions: QuestionSet,
    k: int,
    min_confidence: float | None,
    progress: Progress,
) -> dict[str, Response]:
    """The response to every question, by its id. A question that breaks is a failed response, not the end of the evaluation."""
    responses = {}
    total = len(questions.questions)
    for number, question in enumerate(questions.questions):
        if number % 20 == 0:
            progress("asking", number, total)
        began = time.perf_counter()
        try:
            given = answer(retriever, question.text, k, min_confidence)
        except Exception as error:  # whatever breaks: a miss, told in the report
            responses[question.id] = Response(question.id, True, 0.0, failed=str(error) or type(error).__name__)
            continue
        seconds = time.perf_counter() - began
        answers = tuple(map(answered, given.choices))
        responses[question.id] = Response(question.id, given.abstained, given.confidence, answers, seconds)
    progress("done", 1, 1)
    return responses


def answered(choice: Choice) -> Answered:
    """What is measured of one answer."""
    passage = choice.hit.passage
    known = [passage.id, *([passage.parent] if passage.parent else [])]
    known += [one for copy in choice.also for one in (copy.id, copy.parent) if one]
    return Answered(passage.source, *passage.answer_lines, choice.hit.score, tuple(known), passage.question)


def measure(
    questions: QuestionSet,
    responses: Mapping[str, Response],
    content_lines: Callable[[str], set[int]],
    names: tuple[str, ...] = DEFAULT,
    settings: dict[str, Any] | None = None,
    rounds: int = 2000,
) -> Evaluation:
    """Measure `responses` against the gold of `questions`; intervals by `rounds` of the bootstrap.

    A question is right when its first answer matches any gold (as for ``hit@1``). Raises InputError for unknown measures.
    """
    check_names(names)
    wanted = tuple(dict.fromkeys([*names, "hit@1", "abst"]))
    scored = {row["id"]: row for row in score_questions(questions.questions, responses, wanted, content_lines)}
    rows = [_row(question, responses.get(question.id), scored.get(question.id)) for question in questions.questions]
    report = Report(rows=rows, settings=settings or {})
    answerable = [row for row in rows if row["id"] in scored]
    groups = {"all": answerable}
    for key in ("language", "kind"):
        for value in sorted({row[key] for row in answerable if row[key]}):
            groups.setdefault(value, [row for row in answerable if row[key] == value])
    shown = tuple(dict.fromkeys([*names, "abst"]))
    for group, members in groups.items():
        report.groups[group] = {name: bootstrap((row[name] for row in members), rounds) for name in shown}
    confidence = [row["confidence"] for row in rows]
    right = [bool(row.get("hit@1")) for row in rows]
    refused = [row["abstained"] for row in rows]
    unanswerable = [row["id"] not in scored for row in rows]
    whole: dict[str, Callable[..., float | None]] = {
        "auroc": lambda c, r, *_: auroc(c, r),
        "aurc": lambda c, r, *_: aurc(c, r),
        "ece": lambda c, r, *_: calibration(c, r)[0],
        "refusal precision": lambda c, r, no, none: refusal(no, none)[0],
        "refusal recall": lambda c, r, no, none: refusal(no, none)[1],
    }
    for name, function in whole.items():
        interval = bootstrap_whole(function, (confidence, right, refused, unanswerable), rounds // 10)
        if interval is not None:
            report.overall[name] = interval
    return Evaluation(report, dict(responses), calibration(confidence, right)[1], risk_coverage(confidence, right))


def _row(question: Question, response: Response | None, scored: Mapping[str, Any] | None) -> dict[str, Any]:
    given = response or Response(question.id, True, 0.0)
    row: dict[str, Any] = {
        "id": question.id,
        "language": question.language,
        "kind": question.kind,
        "question": question.text,
        "confidence": given.confidence,
        "abstained": given.abstained or bool(given.failed),
        "seconds": given.seconds,
        "failed": given.failed,
        "wanted": [gold.passage or f"{gold.source}:{gold.start}-{gold.end}" for gold in question.gold],
        "returned": [f"{a.question} ({a.source}:{a.start}-{a.end})" for a in given.answers[:3]],
        "rank": None,
    }
    return row | dict(scored or {})


def read_responses(path: Path, questions: QuestionSet, index: Index) -> dict[str, Response]:
    """The responses that a TREC run stands for; a docid is a passage id of `index` or source:start-end.

    Raises InputError with file and line for an unknown question, any other docid, or a malformed row.
    """
    passages = {passage.id: passage for passage in map(index.passage, range(len(index)))}

    def known_as(docid: str, score: float) -> Answered | None:
        passage, span = passages.get(docid), re.fullmatch(r"(.+):(\d+)-(\d+)", docid)
        if passage is not None:
            known = tuple(one for one in (passage.id, passage.parent) if one)
            return Answered(passage.source, *passage.answer_lines, score, known, passage.question)
        return Answered(span[1], int(span[2]), int(span[3]), score) if span else None

    run = read_run(
        path, {question.id for question in questions.questions}, lambda docid: known_as(docid, 0) is not None
    )
    return {
        question: Response(question, False, 0.0, tuple(one for row in documents if (one := known_as(*row))))
        for question, documents in run.items()
    }


def content_lines(index: Index) -> Callable[[str], set[int]]:
    """Numbers of the non-blank lines of a source of `index`, read from the file once; a file that is gone has none of its own.

    Where it cannot be read, every line counts as content.
    """
    paths = {row["name"]: row["path"] for row in index.sources()}
    by_file = {name.rsplit("/", 1)[-1]: name for name in paths}
    known: dict[str, set[int]] = {}

    def lines(source: str) -> set[int]:
        name = source if source in paths else by_file.get(source.rsplit("/", 1)[-1], source)
        if name not in known:
            try:
                text = load_source(name, Path(paths[name]), CorpusOptions()).text
                parts = text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
                known[name] = {number for number, line in enumerate(parts, 1) if line.strip()}
            except (RetrieverError, KeyError):
                known[name] = set(range(1, 1_000_000))
        return known[name]

    return lines
