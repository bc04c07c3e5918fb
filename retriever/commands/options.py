"""Options that several commands take, and how they draw on the terminal."""

import inspect
import os
import sys
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from retriever.terminal import Style


class Share(click.FloatRange):
    """A number within bounds that is a number."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        found: float = super().convert(value, param, ctx)
        return found if found == found else self.fail(f"{value} is no number", param, ctx)


CONTEXT = {"help_option_names": ["-h", "--help"], "max_content_width": 100}
INDEX = click.option(
    "--index",
    "index_",
    metavar="DIR",
    help="The index folder [default: $RETRIEVER_INDEX, ./index, the user's data folder].",
)
MODEL = click.option(
    "--model",
    metavar="NAME|PATH",
    help="The encoder [default: the bundled one]. Any sentence-transformers model on this machine.",
)
DOWNLOAD = click.option("--download", is_flag=True, help="Fetch the model from its hub when it is not on this machine.")
JSON = click.option("--json", "as_json", is_flag=True, help="Write JSON, one object a line.")


def corpus_options(command: Any) -> Any:
    """The options that say which files are read. `--follow-links` is for commands that take `follow_links`."""
    if "follow_links" in inspect.signature(command).parameters:
        command = click.option(
            "--follow-links", is_flag=True, help="Follow links out of the folders of the corpus as well."
        )(command)
    command = click.option(
        "--max-bytes", type=click.IntRange(1), metavar="N", help="Skip files larger than N bytes [default: 20000000]."
    )(command)
    command = click.option(
        "--exclude", multiple=True, metavar="GLOB", help="Skip files that match; may be given again."
    )(command)
    return click.option(
        "--include", multiple=True, metavar="GLOB", help="Read only files that match; may be given again."
    )(command)


def encoder_options(command: Any) -> Any:
    """The options that say how a model of one's own is used."""
    for option in (
        click.option("--batch-size", type=click.IntRange(1), metavar="N", help="Texts encoded at once [default: 32]."),
        click.option(
            "--max-tokens",
            type=click.IntRange(1),
            metavar="N",
            help="Cut texts to N tokens [default: the model's own limit].",
        ),
        click.option(
            "--passage-prompt", metavar="TEXT", help="Put before passages [default: what the model's card asks for]."
        ),
        click.option(
            "--query-prompt", metavar="TEXT", help="Put before questions [default: what the model's card asks for]."
        ),
    ):
        command = option(command)
    return command


def show_progress(stage: str, done: int, total: int) -> None:
    """One line on a terminal, rewritten; nothing elsewhere."""
    if sys.stderr.isatty():
        text = "" if stage == "done" else f"{stage} {done}/{total}"
        click.echo(f"\r\x1b[K{text}", nl=False, err=True)


def terminal_style() -> "Style":
    """Width of the terminal, and colour unless NO_COLOR is set or stdout is no terminal."""
    import shutil

    from retriever.terminal import Style

    if not sys.stdout.isatty():
        return Style(100, False)
    return Style(
        min(shutil.get_terminal_size().columns, 110),
        not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb",
    )
