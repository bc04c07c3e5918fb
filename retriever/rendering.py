"""The only formatter: answers and passages as JSON objects and as text for a terminal."""

from pathlib import Path
from typing import Any

from retriever.answer import Answer, Choice
from retriever.citations import Places, citation, place, shown_name
from retriever.cues import language_of
from retriever.documents import Document, Drop, Passage, Source
from retriever.errors import refresh_hint
from retriever.explaining import Explained, Explanation
from retriever.indexing import Index
from retriever.querying import Query
from retriever.terminal import Style, bold_lines, clean_text, wrap

SCHEMA_VERSION = 1
SKIPPED = 3  # files named by `retriever status` of those that were not read
WIDEST_DROP = 80  # columns shown of what was dropped out of a line
ENDINGS = 6  # endings named of files that are no documents


def answer_object(
    result: Answer, places: Places, query_id: Any = None, explained: Explained | None = None
) -> dict[str, Any]:
    """The JSON form of an answer; its keys are a contract with other programs. Explanations stand under ``explain``, where there are any."""
    reasons = explained.answers if explained else (None,) * len(result.choices)
    found: dict[str, Any] = {
        "schema_version": SCHEMA_VERSION,
        "id": query_id,
        "question": result.query.text,
        "language": result.query.language,
        "abstained": result.abstained,
        "reason": result.reason,
        "confidence": round(result.confidence, 4),
        "answers": [
            _choice_object(choice, rank, places, reason)
            for rank, (choice, reason) in enumerate(zip(result.choices, reasons, strict=True), 1)
        ],
    }
    if explained:
        found["explain"] = {
            "read_as": result.query.folded,
            "changes": [{"kind": kind, "what": what} for kind, what in explained.reading],
        }
    return found


def fault_object(message: str, query_id: Any, question: str | None) -> dict[str, Any]:
    """The JSON form of a line of a batch that could not be asked: the keys of an answer, no answers, and the ``error``. The question is None where
    none could be read.
    """
    return {
        "schema_version": SCHEMA_VERSION,
        "id": query_id,
        "question": question,
        "language": None if question is None else language_of(question),
        "abstained": True,
        "reason": message,
        "confidence": 0.0,
        "answers": [],
        "error": message,
    }


def _choice_object(choice: Choice, rank: int, places: Places, reason: Explanation | None) -> dict[str, Any]:
    passage, hit = choice.hit.passage, choice.hit
    found = {
        "rank": rank,
        "score": round(hit.score if hit.reranked is None else hit.reranked, 6),
        "confidence": round(choice.confidence, 4),
        "question": passage.question,
        "answer": passage.answer,
        "highlights": [list(span) for span in choice.highlights],
        "citation": citation(passage, places),
        "also": [citation(other, places) for other in choice.also],
    }
    if reason is not None:
        found["explain"] = {
            "parts": {name: {"value": round(value, 4), "weight": weight} for name, value, weight in reason.parts},
            "words": list(reason.words),
            "alignment": [
                {"asked": m.asked, "met_by": m.met_by, "cosine": round(m.cosine, 3)} for m in reason.meetings
            ],
            "unmet": list(reason.unmet),
        }
    return found


def passage_object(passage: Passage, places: Places) -> dict[str, Any]:
    """The JSON form of a passage. Its source is the path that citations give."""
    return {
        "id": passage.id,
        "source": places.path(passage.source),
        "question": passage.question,
        "question_lines": list(passage.question_lines),
        "answer_lines": list(passage.answer_lines),
        "answer": passage.answer,
        "dropped_lines": list(passage.dropped_lines),
        "parent": passage.parent,
        "heading_path": list(passage.heading_path),
        "language": passage.language,
    }


def answer_text(
    result: Answer, places: Places, style: Style, show_nearest: bool = False, explained: Explained | None = None
) -> str:
    """An answer for people; with explanations, how the question was read comes first and the reason for each answer below it."""
    text = _answer_text(result, places, style, show_nearest, explained)
    reading = [
        line
        for kind, what in (explained.reading if explained else ())
        for line in wrap(f"{kind}: {clean_text(what)}", style.width, "   ")
    ]
    return "\n".join([*(style.paint(line, "2") for line in reading), *([""] if reading else []), text])


# What is said of a question, in English and in Chinese.
_ENGLISH = {
    "nothing": "Nothing in the corpus answers this.",
    "nearest": "The nearest question is: {}  (show it with --nearest)",
    "passages": "Nothing in the corpus answers this. The nearest passages are:",
    "absent": "No passage mentions {}.",
    "wordless": "The question holds no word to look for.",
    "comma": ", ",
}
_CHINESE = {
    "nothing": "文档里没有能回答这个问题的内容。",
    "nearest": "最接近的问题是：{}（加 --nearest 查看）",
    "passages": "文档里没有能回答这个问题的内容。最接近的几段是：",
    "absent": "没有一段提到{}。",
    "wordless": "问题里没有可以查找的词。",
    "comma": "、",
}


def _words_for(query: Query) -> dict[str, str]:
    """The words in the language of a question; Chinese where it is mixed."""
    return _ENGLISH if query.language == "en" else _CHINESE


def _answer_text(result: Answer, places: Places, style: Style, show_nearest: bool, explained: Explained | None) -> str:
    words = _words_for(result.query)
    names = words["comma"].join(f"“{clean_text(name)}”" for name in result.absent)
    missed = words["wordless"] if result.wordless else words["absent"].format(names) if names else ""
    if result.abstained and not show_nearest:
        nearest = words["nearest"].format(clean_text(result.choices[0].hit.passage.question)) if result.near else ""
        told = [line for text in (missed, nearest) if text for line in wrap(text, style.width)]
        return "\n".join([words["nothing"], *(style.paint(line, "2") for line in told)])
    parts = ["\n".join(style.paint(line, "2") for line in wrap(missed, style.width))] if missed else []
    if result.abstained:
        parts.insert(0, words["passages"])
    for rank, choice in enumerate(result.choices, 1):
        passage = choice.hit.passage
        head = " › ".join([*passage.heading_path[-1:], passage.question]) if passage.parent else passage.question
        lines = [style.paint(line, "1;36") for line in wrap(f"{rank}. {clean_text(head)}", style.width, "   ")]
        lines.extend(_answer_lines(choice, style))
        lines.append(
            style.paint("   " + place(passage, places), "32")
            + style.paint(f"  ({round(100 * choice.confidence)} %)", "2")
        )
        lines.extend(style.paint("   also " + place(other, places), "2;32") for other in choice.also)
        if explained:
            lines.extend(style.paint(line, "2") for line in _reason_lines(choice, explained.answers[rank - 1], style))
        parts.append("\n".join(lines))
    return "\n\n".join(parts)


def _reason_lines(choice: Choice, reason: Explanation, style: Style) -> list[str]:
    """Why an answer was given: the sum its score is, the words both sides have, the pieces that met."""
    hit = choice.hit
    lines = [
        f"score {hit.score:.3f} = "
        + " + ".join(f"{weight:g} × {value:.3f} {name}" for name, value, weight in reason.parts)
    ]
    if hit.reranked is not None:
        lines.append(f"reranked {hit.reranked:.3f}")
    if reason.words:
        lines.append("words " + ", ".join(map(clean_text, reason.words)))
    if reason.meetings:
        met = ", ".join(f"{clean_text(m.asked)} ~ {clean_text(m.met_by)} {m.cosine:.2f}" for m in reason.meetings)
        lines.append(f"met {met}")
    if reason.unmet:
        lines.append("not met " + ", ".join(map(clean_text, reason.unmet)))
    return [line for text in lines for line in wrap(text, style.width, "        ", "   · ")]


def _answer_lines(choice: Choice, style: Style) -> list[str]:
    """The answer wrapped and indented, its highlighted spans bold where there is colour."""
    answer = choice.hit.passage.answer
    text = clean_text(answer)
    return bold_lines(text, choice.highlights if style.colour and text == answer else (), style.width, "   ")


def passage_text(passage: Passage, places: Places, style: Style) -> str:
    """A passage for people: its question, the beginning of its answer, its place."""
    depth = "  " if passage.parent else ""
    first = next((line for line in passage.answer.split("\n") if line.strip()), "")
    head = style.paint(f"{depth}{clean_text(passage.question)}", "1" if not passage.parent else "0")
    return (
        f"{head}  {style.paint(place(passage, places), '32')}\n{depth}    {wrap(clean_text(first), style.width - 6)[0]}"
    )


def open_question_text(question: dict[str, Any], places: Places) -> str:
    """An open question for people: its place and its text."""
    return f"{shown_name(places.path(question['source']))}:{question['question_lines'][0]}  {clean_text(question['question'])}"


def drop_object(name: str, drop: Drop) -> dict[str, Any]:
    """The JSON form of a drop of the page that citations call `name`."""
    return {
        "source": name,
        "start_line": drop.start_line,
        "end_line": drop.end_line,
        "rule": drop.rule,
        "reason": drop.reason,
        "text": drop.text,
    }


def clean_view(document: Document, style: Style) -> str:
    """A page line by line: kept lines as they are, dropped ones marked with the rule and the reason; what was dropped out of a line that was kept
    stands below it.
    """
    dropped: dict[int, list[Drop]] = {}
    for drop in document.drops:
        for n in range(drop.start_line, drop.end_line + 1):
            dropped.setdefault(n, []).append(drop)
    kept = {n for block in document.blocks for n in range(block.start_line, block.end_line + 1)}
    source, lines = document.source, []
    digits = len(str(len(source.line_starts)))

    def marked(number: str, text: str, drop: Drop) -> str:
        line = style.paint(f"{number:>{digits}} - {text}", "9;31" if style.colour else "")
        return line + style.paint(f"   [{drop.rule}: {drop.reason}]", "33")

    for n in range(1, len(source.line_starts) + 1):
        text = clean_text(source.line(n))
        if n in dropped and n not in kept:
            lines.append(marked(str(n), text, dropped[n][-1]))
        else:
            lines.append(f"{n:{digits}}   {text}".rstrip())
            for drop in dropped.get(n, ()):
                first, *more = wrap(shown_name(drop.text), WIDEST_DROP)
                lines.append(marked("", f"{first}…" if more else first, drop))
    lines.append(f"{len(document.blocks)} blocks kept, {len(document.drops)} dropped")
    return "\n".join(lines)


def page_view(source: Source, first: int, last: int, context: int, style: Style) -> str:
    """Lines first..last of a page with some around them, numbered; the cited ones marked."""
    total = len(source.line_starts)
    digits = len(str(min(total, last + context)))
    lines = []
    for n in range(max(1, first - context), min(total, last + context) + 1):
        cited = first <= n <= last
        text = f"{n:{digits}} {'>' if cited else ' '} {clean_text(source.line(n))}".rstrip()
        lines.append(text if cited else style.paint(text, "2"))
    return "\n".join(lines)


def endings_text(endings: dict[str, int]) -> str:
    """How many files were passed by, of the endings that most of them have."""
    shown = [f"{count} {ending}" for ending, count in [*endings.items()][:ENDINGS]]
    more = ", …" if len(endings) > ENDINGS else ""
    return f"{sum(endings.values())} files of kinds that are not read ({', '.join(shown)}{more})"


def status_text(
    directory: Path, index: Index, changes: dict[str, list[str]], endings: dict[str, int], calibrated: str = ""
) -> str:
    """What an index holds, for people; `endings` are those of the files in its corpus that are passed by, `calibrated` says what its confidence
    was fitted on, if it has one of its own.
    """
    manifest = index.manifest
    lines = [
        f"index      {directory}",
        f"passages   {manifest['counts']['passages']} ({manifest['counts']['parents']} questions with answers) of {manifest['counts']['sources']} sources",
        f"encoder    {index.encoder.name}, {index.encoder.dimension} dimensions, {index.encoder.digest}",
        f"built from {', '.join(manifest['settings']['roots'])}",
    ]
    if calibrated:
        lines.append(f"confidence {clean_text(calibrated)}")
    changed = [f"{kind}: {', '.join(map(shown_name, names))}" for kind, names in changes.items() if names]
    lines.append("corpus     " + (f"{'; '.join(changed)}; {refresh_hint(directory)}" if changed else "unchanged since"))
    skipped = index.skipped()
    if skipped is not None:
        lines.append(f"skipped    {len(skipped)} files when it was built")
        lines.extend(f"  {shown_name(row['name']) or '.'}  {shown_name(row['reason'])}" for row in skipped[:SKIPPED])
        if len(skipped) > SKIPPED:
            lines.append(f"  … and {len(skipped) - SKIPPED} more; --json lists them all")
    if endings:
        lines.append(f"passed by  {endings_text(endings)}")
    lines.extend(
        f"  {shown_name(row['name'])}  {row['passages']} passages, {row['dropped']} blocks dropped"
        for row in index.sources()
    )
    return "\n".join(lines)
