"""`retriever index`, `retriever status` and `retriever verify`."""

import json
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import click

from retriever.commands.opening import build_index
from retriever.commands.options import CONTEXT, DOWNLOAD, INDEX, JSON, MODEL, corpus_options, encoder_options
from retriever.errors import IndexUnusableError

if TYPE_CHECKING:
    from retriever.pages import BuildReport


@click.command(context_settings=CONTEXT)
@click.argument("corpus", nargs=-1)
@INDEX
@MODEL
@encoder_options
@DOWNLOAD
@click.option(
    "--full", is_flag=True, help="Read and encode everything again, taking nothing over from the index there is."
)
@click.option("--watch", is_flag=True, help="Stay, and refresh whenever a file of the corpus changes; Ctrl-C ends.")
@corpus_options
def index(
    corpus: tuple[str, ...],
    index_: str | None,
    model: str | None,
    query_prompt: str | None,
    passage_prompt: str | None,
    max_tokens: int | None,
    batch_size: int | None,
    download: bool,
    full: bool,
    watch: bool,
    include: tuple[str, ...],
    exclude: tuple[str, ...],
    max_bytes: int | None,
    follow_links: bool,
) -> int:
    """Build the index of CORPUS (files and folders); without one, of what it was built from, or of the bundled corpus."""
    from retriever.corpus import MAX_BYTES, CorpusOptions, count_endings
    from retriever.encoders.protocol import EncoderOptions
    from retriever.generations import is_built, recorded_settings
    from retriever.locations import bundled_corpus, index_directory
    from retriever.rendering import endings_text

    directory = index_directory(index_)
    use = EncoderOptions(query_prompt, passage_prompt, max_tokens, batch_size)
    roots = [Path(path) for path in corpus]
    if not roots:
        settings = recorded_settings(directory)
        if settings is None:
            if is_built(directory):
                raise IndexUnusableError(
                    f"{directory}: what it was built from is not known any more; name it: retriever index --index {directory} CORPUS"
                )
            roots = [bundled_corpus()]
        else:
            roots = [Path(path) for path in settings["roots"]]
            if model is None:
                model = settings.get("model")
                use = use if use != EncoderOptions() else EncoderOptions(**settings.get("use", {}))
            recorded = settings.get("corpus", {})
            include = include or tuple(recorded.get("include", ()))
            exclude = exclude or tuple(recorded.get("exclude", ()))
            max_bytes = max_bytes or recorded.get("max_bytes")
            follow_links = follow_links or bool(recorded.get("follow_links"))
    options = CorpusOptions(include, exclude, max_bytes or MAX_BYTES, follow_links)

    def refresh(again: bool) -> "BuildReport":
        report = build_index(roots, directory, model, options, use, download, full and not again)
        if corpus:
            (directory / "BUNDLED").unlink(missing_ok=True)
        return report

    if watch:
        from retriever.commands.watching import watch_corpus

        return watch_corpus(roots, directory, refresh)
    report = refresh(False)
    click.echo(f"index      {directory}")
    click.echo(
        f"read       {report.sources} sources, {len(report.skipped)} skipped; {report.unchanged} unchanged, {report.encoded} texts encoded"
    )
    if report.passed_by:
        click.echo(f"passed by  {endings_text(count_endings(report.passed_by))}")
    dropped = ", ".join(f"{rule} {count}" for rule, count in report.drops.most_common())
    click.echo(f"dropped    {report.drops.total()} blocks" + (f" ({dropped})" if dropped else ""))
    click.echo(
        f"kept       {report.parents} questions with answers, {report.passages - report.parents} parts of answers, {report.open_questions} open questions"
    )
    click.echo("seconds    " + ", ".join(f"{stage} {seconds:.2f}" for stage, seconds in report.seconds.items()))
    return 0


@click.command(context_settings=CONTEXT)
@INDEX
@JSON
def status(index_: str | None, as_json: bool) -> int:
    """Tell what the index holds, which files were skipped or are no documents, and whether its corpus has changed since."""
    from retriever.confidence import index_calibration
    from retriever.corpus import count_endings
    from retriever.indexing import open_index
    from retriever.locations import index_directory
    from retriever.pipeline import corpus_changes
    from retriever.rendering import status_text

    directory = index_directory(index_)
    opened = open_index(directory)
    passed_by: set[str] = set()
    changes = corpus_changes(opened, passed_by)
    endings = count_endings(passed_by)
    calibration = index_calibration(directory, opened.encoder.digest)
    if as_json:
        click.echo(
            json.dumps(
                {
                    "index": str(directory),
                    **{k: v for k, v in opened.manifest.items() if k != "files"},
                    "skipped": opened.skipped(),
                    "passed_by": endings,
                    "changes": changes,
                    "calibration": calibration.fitted_on if calibration else None,
                },
                ensure_ascii=False,
            )
        )
    else:
        click.echo(status_text(directory, opened, changes, endings, calibration.fitted_on if calibration else ""))
    return 0


@click.command(context_settings=CONTEXT)
@INDEX
@JSON
def verify(index_: str | None, as_json: bool) -> int:
    """Check every file of the index, every record and every citation; status 1 when something is wrong or a source has changed."""
    from retriever.locations import index_directory
    from retriever.terminal import clean_text
    from retriever.verifying import verify as verify_index

    directory = index_directory(index_)
    found = verify_index(directory)
    sound = not found.faults and not found.changes
    if as_json:
        click.echo(json.dumps({"index": str(directory), "sound": sound, **asdict(found)}, ensure_ascii=False))
        return 0 if sound else 1
    for line in [*found.faults, *found.changes]:
        click.echo(clean_text(line))
    click.echo(
        f"{directory}: {found.files} files, {found.passages} passages and {found.sources} sources looked at; "
        + ("all sound" if sound else f"{len(found.faults)} faults, {len(found.changes)} changed sources")
    )
    return 0 if sound else 1
