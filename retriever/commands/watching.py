"""Refresh an index whenever its corpus changes: `retriever index --watch`."""

from collections.abc import Callable
from pathlib import Path

import click

from retriever.errors import InputError, RetrieverError

QUIET = 0.8  # seconds without a change before a refresh: editors write a file in several steps


def watch_corpus(roots: list[Path], directory: Path, refresh: Callable[[bool], object]) -> int:
    """Call `refresh` at once (with False) and after every change below `roots` (with True), but for what a refresh itself writes into `directory`.
    A refresh that fails is told and the next one waited for. Ends with Ctrl-C. Raises InputError without the package watchfiles.
    """
    try:
        from watchfiles import Change, DefaultFilter, watch
    except ImportError as error:
        raise InputError("--watch needs the package watchfiles; pip install watchfiles") from error
    ours, usual = directory.resolve(), DefaultFilter()

    # a file is watched by its folder: the next version that an editor moves into its place is another one to the system
    folders = [root.resolve() for root in roots if root.is_dir()]
    files = {root.parent.resolve() / root.name for root in roots if not root.is_dir()}

    def wanted(change: Change, path: str) -> bool:
        place = Path(path).resolve()
        if not usual(change, path) or place.is_relative_to(ours):
            return False
        return any(map(place.is_relative_to, folders)) or Path(path).parent.resolve() / Path(path).name in files

    refresh(False)
    told = False  # what changed before the watcher stood is not told by it: look once more when it does
    for changes in watch(
        *dict.fromkeys(root if root.is_dir() else root.parent for root in roots),
        watch_filter=wanted,
        recursive=bool(folders),
        debounce=int(4000 * QUIET),
        step=int(1000 * QUIET),
        rust_timeout=500,
        yield_on_timeout=True,
        raise_interrupt=True,
    ):
        if changes or not told:
            try:
                refresh(True)
            except RetrieverError as error:
                click.echo(f"error: {error}", err=True)
        if not told:
            click.echo(f"watching {', '.join(map(str, roots))} (Ctrl-C ends) …", err=True)
            told = True
    return 0
