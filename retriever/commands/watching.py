"""Refresh an index whenever its corpus changes: `retriever index --watch`."""

from collections.abc import Callable
from pathlib import Path

import click

from retriever.errors import InputError, RetrieverError

QUIET = 0.8  # seconds without a change before a refresh: editors write a file in several steps


def watch_corpus(roots: list[Path], refresh: Callable[[bool], object]) -> int:
    """Call `refresh` at once (with False) and after every change below `roots` (with True). A refresh that fails is told and the next one waited
    for. Ends with Ctrl-C. Raises InputError without the package watchfiles.
    """
    try:
        from watchfiles import watch
    except ImportError as error:
        raise InputError("--watch needs the package watchfiles; pip install watchfiles") from error
    refresh(False)
    click.echo(f"watching {', '.join(map(str, roots))} (Ctrl-C ends) …", err=True)
    for _ in watch(*roots, debounce=int(4000 * QUIET), step=int(1000 * QUIET), raise_interrupt=True):
        try:
            refresh(True)
        except RetrieverError as error:
            click.echo(f"error: {error}", err=True)
    return 0
