"""`retriever passages`, `clean` and `show`: look at what was read, dropped and cited."""

import json
import os
from pathlib import Path
from typing import Any

import click

from retriever.commands.opening import open_retriever
from retriever.commands.options import CONTEXT, INDEX, JSON, corpus_options, show_progress, terminal_style
from retriever.errors import IndexUnusableError, InputError, refresh_hint
from retriever.locations import ENVIRONMENT


@click.command(context_settings=CONTEXT)
@click.argument("paths", nargs=-1)
@INDEX
@JSON
@click.option("--unanswered", is_flag=True, help="List the questions that the pages leave open instead.")
@corpus_options
def passages(
    paths: tuple[str, ...],
    index_: str | None,
    as_json: bool,
    unanswered: bool,
    include: tuple[str, ...],
    exclude: tuple[str, ...],
    max_bytes: int | None,
) -> int:
    """List the passages of the pages at PATHS (no index needed), or else of the index."""
    from retriever.citations import Places
    from retriever.rendering import open_question_text, passage_object, passage_text

    if paths:
        from retriever.corpus import MAX_BYTES, CorpusOptions
        from retriever.pages import BuildReport, read_corpus

        report = BuildReport()
        pages = read_corpus(
            [Path(path) for path in paths],
            CorpusOptions(include, exclude, max_bytes or MAX_BYTES),
            report,
            show_progress,
        )
        show_progress("done", 1, 1)
        for line in [*report.skipped, *report.replaced]:
            click.echo(f"warning: {line}", err=True)
        found = [passage for page in pages for passage in page.split.passages]
        open_: list[dict[str, Any]] = [
            {"source": q.source, "question": q.question, "question_lines": list(q.question_lines)}
            for page in pages
            for q in page.split.open_questions
        ]
        places = Places([{"name": page.document.source.name, "path": page.document.source.path} for page in pages])
    else:
        opened = open_retriever(index_, None).index
        sources = opened.sources()
        found = [opened.passage(row) for row in range(len(opened))]
        open_ = [{"source": row["name"], **q} for row in sources for q in row["open_questions"]]
        places = Places(sources)
    if unanswered:
        for question in open_:
            row = question | {"source": places.path(question["source"])}
            click.echo(json.dumps(row, ensure_ascii=False) if as_json else open_question_text(question, places))
        return 0 if open_ else 1
    for passage in found:
        click.echo(
            json.dumps(passage_object(passage, places), ensure_ascii=False)
            if as_json
            else passage_text(passage, places, terminal_style())
        )
    return 0 if found else 1


@click.command(context_settings=CONTEXT)
@click.argument("file")
@JSON
@click.option(
    "--max-bytes", default=20_000_000, show_default=True, metavar="N", help="Refuse files larger than N bytes."
)
def clean(file: str, as_json: bool, max_bytes: int) -> int:
    """Show the page FILE with everything that cleaning drops from it, and why."""
    from retriever.citations import Places
    from retriever.corpus import CorpusOptions
    from retriever.pages import read_corpus
    from retriever.rendering import clean_view, drop_object

    if Path(file).is_dir():
        raise InputError(f"{file}: a folder; give one file")
    document = read_corpus([Path(file)], CorpusOptions(max_bytes=max_bytes))[0].document
    if as_json:
        name = Places([{"name": document.source.name, "path": document.source.path}]).path(document.source.name)
        for drop in document.drops:
            click.echo(json.dumps(drop_object(name, drop), ensure_ascii=False))
    else:
        click.echo(clean_view(document, terminal_style()))
    return 0


@click.command(context_settings=CONTEXT)
@click.argument("citation")
@INDEX
@click.option("--context", default=3, show_default=True, metavar="N", help="Lines shown before and after.")
def show(citation: str, index_: str | None, context: int) -> int:
    """Print the lines of a citation, SOURCE:12-18, in their page."""
    from retriever.citations import read_place
    from retriever.corpus import CorpusOptions, load_source
    from retriever.locations import index_directory
    from retriever.rendering import page_view

    name, first, last = read_place(citation)
    directory = index_directory(index_)
    row = _cited_row(name, directory, named=bool(index_ or os.environ.get(ENVIRONMENT)))
    path = Path(row["path"] if row else name)
    if row and not os.path.isfile(path):
        raise InputError(f"{path}: is gone since it was indexed; {refresh_hint(directory)}")
    if not os.path.isfile(path):
        raise InputError(
            f"{name}: no such source in the index {directory}, nor a file; name another with --index, or list what it holds with: "
            f"retriever status --index {directory}"
        )
    source = load_source(name, path, CorpusOptions(max_bytes=1 << 62))
    if row and row["sha256"] not in ("", source.sha256):
        click.echo(
            f"warning: {path} has changed since it was indexed; its lines may have moved; {refresh_hint(directory)}",
            err=True,
        )
    if last > len(source.line_starts):
        raise InputError(f"{citation}: the page has {len(source.line_starts)} lines")
    click.echo(page_view(source, first, last, max(0, context), terminal_style()))
    return 0


def _cited_row(name: str, directory: Path, named: bool) -> dict[str, Any] | None:
    """What the index in `directory` has of the source that a citation names; None where it has nothing, or there is no index.

    An index that nobody `named` and that cannot be used is passed over where the file itself is there.
    """
    from retriever.citations import find_source
    from retriever.generations import is_built
    from retriever.indexing import open_index

    if not is_built(directory):
        return None
    try:
        sources = open_index(directory).sources()
    except IndexUnusableError:
        if named or not os.path.isfile(name):
            raise
        return None
    return find_source(name, sources)
