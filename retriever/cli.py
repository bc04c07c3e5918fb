"""The command line. Results go to stdout, everything else to stderr; exit status 0 answered, 1 abstained or nothing found, 2 error.

Commands import what they need when they run, so that `--help` is quick and a look-up imports neither torch nor an HTML parser.
"""

import os
import sys
from typing import Any, NoReturn

import click

from retriever import __version__
from retriever.commands.ask import ask
from retriever.commands.calibrate import calibrate
from retriever.commands.evaluate import evaluate
from retriever.commands.index import index, status, verify
from retriever.commands.inspect import clean, passages, show
from retriever.commands.models import models
from retriever.commands.options import CONTEXT
from retriever.errors import RetrieverError


@click.group(context_settings=CONTEXT)
@click.version_option(__version__, prog_name="retriever")
def main_group() -> None:
    """Find the passage that answers a question, word for word from your documents, in Chinese and English."""


for _command in (ask, index, status, verify, evaluate, calibrate, models, passages, clean, show):
    main_group.add_command(_command)


def run(command: Any = main_group, arguments: list[str] | None = None) -> NoReturn:
    """Run a command and leave with its exit status; every error on purpose is one line on stderr."""
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="replace")
    try:
        # click's own main() would turn a closed pipe into status 1
        name = "ask" if command is ask else "retriever"
        if f"_{name.upper()}_COMPLETE" in os.environ:
            command.main(prog_name=name)
        with command.make_context(name, list(sys.argv[1:] if arguments is None else arguments)) as context:
            code = command.invoke(context)
        sys.stdout.flush()
    except click.exceptions.Exit as leaving:
        code = leaving.exit_code
    except click.ClickException as error:
        error.show()
        code = 2
    except RetrieverError as error:
        click.echo(f"error: {error}", err=True)
        code = 2
    except OSError as error:
        if isinstance(error, BrokenPipeError):
            # the reader has seen enough; keep the interpreter from complaining when it flushes
            code = 0
        else:
            click.echo(f"error: writing failed ({error.strerror})", err=True)
            code = 2
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    except (KeyboardInterrupt, click.Abort):
        click.echo(err=True)
        code = 130
    sys.exit(code or 0)


def main() -> NoReturn:
    """Entry point of `retriever`."""
    run()


def ask_main() -> NoReturn:
    """Entry point of `ask`."""
    run(ask)
