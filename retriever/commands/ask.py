"""`ask`: single questions, batches and the prompt."""

import contextlib
import json
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from retriever import __version__
from retriever.commands.opening import follow, open_retriever
from retriever.commands.options import CONTEXT, DOWNLOAD, INDEX, JSON, MODEL, Share, terminal_style
from retriever.errors import InputError, refresh_hint

if TYPE_CHECKING:
    from retriever.answer import Answer
    from retriever.explaining import Explained
    from retriever.search import Retriever


# What is no question at the prompt, in small letters.
LEAVE = ("quit", "exit", ":q", "退出")
HELP = ("?", "？", "help", "帮助")
_ENDING = f"{', '.join(LEAVE)}, an empty line or Ctrl-D ends."


@click.command(context_settings=CONTEXT)
@click.version_option(__version__, prog_name="retriever")
@click.argument("question", nargs=-1)
@click.option("-k", default=3, show_default=True, metavar="N", help="How many answers to give at most.")
@INDEX
@JSON
@click.option(
    "--batch", metavar="FILE|-", help='Answer every line of FILE: {"id": …, "question": …} or a bare question.'
)
@click.option("--nearest", is_flag=True, help="Show the nearest passages even when nothing answers.")
@click.option(
    "--min-confidence",
    type=Share(0, 1),
    metavar="P",
    help="Abstain when the confidence is below P [default: as calibrated, 0.29]; 0 never abstains.",
)
@click.option("--explain", is_flag=True, help="Say how the question was read, and what each score is made of.")
@click.option(
    "--reranker",
    metavar="NAME|PATH",
    help="Order the best answers by a cross-encoder on this machine: better, and a thousand times slower.",
)
@MODEL
@DOWNLOAD
def ask(
    question: tuple[str, ...],
    k: int,
    index_: str | None,
    as_json: bool,
    batch: str | None,
    nearest: bool,
    min_confidence: float | None,
    explain: bool,
    reranker: str | None,
    model: str | None,
    download: bool,
) -> int:
    """Answer QUESTION from the index; without one, on a terminal, prompt for questions.

    The first call builds the index of the bundled corpus.
    """
    if k < 1:
        raise InputError(f"-k must be at least 1, not {k}")
    text = " ".join(question)
    if question and batch is not None:
        raise InputError("give either a question or --batch, not both")
    if question and not text.strip():
        raise InputError('the question is empty; ask something like: ask "为什么BN放在激活前"')
    if not question and batch is None and not sys.stdin.isatty():
        raise InputError('no question; give one: ask "为什么BN放在激活前", or a file of them: ask --batch FILE')
    lines = _batch_lines(batch) if batch is not None else None
    session = _Session(open_retriever(index_, model, reranker, download), k, min_confidence, as_json, nearest, explain)
    if lines is not None:
        return session.batch(lines)
    if not question:
        return session.prompt()
    return session.show(session.answer(text), None)


class _Session:
    """An open index and the way answers are shown; shared by single questions, batches and the prompt."""

    def __init__(
        self,
        retriever: "Retriever",
        k: int,
        min_confidence: float | None,
        as_json: bool,
        nearest: bool,
        explain: bool,
    ) -> None:
        from retriever.citations import Places

        self.retriever, self.explained = retriever, explain
        self.places: Places = Places(self.retriever.index.sources())
        self.checked: set[str] = set()
        self.k, self.min_confidence, self.as_json, self.nearest = k, min_confidence, as_json, nearest

    def answer(self, text: str) -> "Answer":
        from retriever.answer import answer
        from retriever.citations import Places

        following = follow(self.retriever)
        if following is not self.retriever:
            self.retriever, self.places = following, Places(following.index.sources())
            self.checked.clear()
        return answer(self.retriever, text, self.k, self.min_confidence)

    def explain(self, result: "Answer") -> "Explained | None":
        """How the question was read and why each answer was given, where that is wanted."""
        if not self.explained:
            return None
        from retriever.explaining import Explained, explain, reading

        reasons = tuple(explain(self.retriever, result.query, choice.hit) for choice in result.choices)
        return Explained(tuple(reading(result.query, result.absent)), reasons)

    def warn_of_changes(self, result: "Answer") -> None:
        """Say once of each cited file when it is gone or is no longer what was indexed."""
        for choice in result.choices if not result.abstained or self.nearest else ():
            name = choice.hit.passage.source
            if name not in self.checked:
                self.checked.add(name)
                state = self.places.state(name)
                if state:
                    hint = refresh_hint(self.retriever.index.directory)
                    click.echo(f"warning: {self.places.path(name)} {state} since it was indexed; {hint}", err=True)

    def show(self, result: "Answer", query_id: Any) -> int:
        from retriever.rendering import answer_object, answer_text

        self.warn_of_changes(result)
        if self.as_json:
            click.echo(
                json.dumps(answer_object(result, self.places, query_id, self.explain(result)), ensure_ascii=False)
            )
        else:
            click.echo(answer_text(result, self.places, terminal_style(), self.nearest, self.explain(result)))
        return 1 if result.abstained else 0

    def batch(self, lines: Iterable[tuple[int, str]]) -> int:
        """Answer every line, in order; a broken line is reported, is an object with its error in JSON, and the others are answered.

        A line without an id goes by its number.
        """
        from retriever.rendering import fault_object
        from retriever.terminal import clean_text

        broken = answered = 0
        for number, line in lines:
            query_id, text = number, None
            try:
                row = _read_row(line)
                query_id = number if row.get("id") is None else row["id"]
                text = _question_of(row)
                result = self.answer(text)
            except InputError as error:
                broken += 1
                click.echo(f"error: line {number}: {error}", err=True)
                if self.as_json:
                    click.echo(json.dumps(fault_object(str(error), query_id, text), ensure_ascii=False))
                continue
            if not self.as_json:
                click.echo(clean_text(f"## {query_id}: {text}"))
            answered += 1 - self.show(result, query_id)
            if not self.as_json:
                click.echo()
        return 2 if broken else 0 if answered else 1

    def prompt(self) -> int:
        """Ask for questions until a word of LEAVE, an empty line or the end of input; with line editing and a history."""
        history = _history()
        click.echo(f"Ask a question; ? for help. {_ENDING}", err=True)
        try:
            while True:
                try:
                    text = input("? ").strip()
                except EOFError:
                    break
                if not text or text.lower() in LEAVE:
                    break
                if text.lower() in HELP:
                    click.echo(
                        f"Ask in Chinese or English, in a sentence or a few words. How answers are shown: ask --help. {_ENDING}",
                        err=True,
                    )
                    continue
                try:
                    self.show(self.answer(text), None)
                except InputError as error:
                    click.echo(f"error: {error}", err=True)
                click.echo()
        finally:
            history()
        return 0


def _history() -> Any:
    """Load the prompt's history; returns a function that saves it. Does without where there is no readline."""
    try:
        import readline
    except ImportError:
        return lambda: None
    from retriever.locations import data_directory

    path = data_directory() / "history"
    with contextlib.suppress(OSError):
        readline.read_history_file(path)
    readline.set_history_length(1000)

    def save() -> None:
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            readline.write_history_file(path)
        except OSError:
            pass

    return save


def _batch_lines(batch: str) -> Iterator[tuple[int, str]]:
    """Numbered lines of a batch file or of stdin, blank ones left out."""
    if batch == "-":
        raw = sys.stdin.buffer.read()
    else:
        try:
            raw = Path(batch).read_bytes()
        except OSError as error:
            raise InputError(f"{batch}: cannot be read ({error.strerror})") from error
    from retriever.decoding import decode

    text = _mostly_utf8(raw)
    if text is None:
        text, _ = decode(raw, where=batch)
    rows = [
        (number, line)
        for number, line in enumerate(text.replace("\r\n", "\n").replace("\r", "\n").split("\n"), 1)
        if line.strip()
    ]
    if not rows:
        raise InputError(f"{batch}: no question in it; write one a line")
    return iter(rows)


def _mostly_utf8(raw: bytes) -> str | None:
    """The text of a file most of whose lines that are more than ASCII are UTF-8, other lines with lone surrogates; None for any other file.

    A broken byte in one line so changes no other line.
    """
    lines = [line for line in raw.removeprefix(b"\xef\xbb\xbf").split(b"\n") if not line.isascii()]
    broken = sum(_is_broken(line) for line in lines)
    if not broken or b"\0" in raw or 2 * broken > len(lines):
        return None
    return raw.removeprefix(b"\xef\xbb\xbf").decode("utf-8", "surrogateescape")


def _is_broken(line: bytes) -> bool:
    try:
        line.decode("utf-8")
    except UnicodeDecodeError:
        return True
    return False


_FORM = 'write {"id": "1", "question": "…"} or the bare question'


def _read_row(line: str) -> dict[str, Any]:
    """The object of a batch line; of a bare line one that has it as the question."""
    if any("\udc80" <= char <= "\udcff" for char in line):
        raise InputError("not UTF-8, as the other lines are; save the file as UTF-8")
    if not line.lstrip().startswith("{"):
        with contextlib.suppress(ValueError, RecursionError):
            if isinstance(json.loads(line), list):
                raise InputError(f"a list, not a question; {_FORM}")
        return {"question": line.strip()}
    try:
        row: dict[str, Any] = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise InputError(f'not a JSON object with a "question"; {_FORM}') from error
    return row


def _question_of(row: dict[str, Any]) -> str:
    """The question of a batch line's object."""
    if "question" not in row:
        raise InputError(f'not a JSON object with a "question"; {_FORM}')
    if not isinstance(row["question"], str) or not row["question"].strip():
        raise InputError("the question is empty")
    return row["question"]
