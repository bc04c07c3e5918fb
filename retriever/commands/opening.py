"""Open the index to use, and build one: the bundled corpus is indexed by itself when there is none yet."""

import contextlib
import os
from pathlib import Path
from typing import TYPE_CHECKING

import click

from retriever.commands.options import show_progress
from retriever.errors import IndexUnusableError

if TYPE_CHECKING:
    from retriever.confidence import Calibration
    from retriever.corpus import CorpusOptions
    from retriever.encoders.protocol import EncoderOptions
    from retriever.pages import BuildReport
    from retriever.search import Retriever


def open_retriever(
    index_: str | None,
    model: str | None,
    reranker: str | None = None,
    download: bool = False,
    quiet: bool = False,
    calibration: "Calibration | None" = None,
) -> "Retriever":
    """The index to use with its encoder, and a reranker where one is named; the bundled corpus is indexed when there is none yet.

    A model is used as it was when the index was built: its prompts and its length come from there. `download` allows fetching models;
    `quiet` leaves out the note on confidences that are not fitted to the model, and `calibration` stands in for the index's own.
    """
    from retriever.encoders.catalogue import BUNDLED
    from retriever.encoders.load import load_encoder
    from retriever.encoders.protocol import EncoderOptions
    from retriever.errors import ModelMismatchError
    from retriever.generations import building, is_built
    from retriever.indexing import open_index
    from retriever.locations import index_directory
    from retriever.search import Retriever

    directory = index_directory(index_)
    judge = None
    if reranker is not None:
        from retriever.reranking import load_reranker

        judge = load_reranker(reranker, download)
    if not is_built(directory):
        free = not os.path.exists(directory) or (directory.is_dir() and _is_empty(directory))
        if not free and not is_built(directory):  # another process may have finished one since
            raise IndexUnusableError(f"{directory}: not an index; make one with: retriever index --index DIR CORPUS")
        with building(directory, lambda line: click.echo(line, err=True)):
            built = is_built(directory)  # by another process: then that is the one to use
        if not built:
            build_bundled(directory, model)
    try:
        index = open_index(directory)
        settings = index.manifest["settings"]
        name = model or settings.get("model", BUNDLED)
        use = EncoderOptions(**settings.get("use", {})) if name == settings.get("model") else EncoderOptions()
        found = Retriever(index, load_encoder(name, use, download), reranker=judge, calibration=calibration)
    except (IndexUnusableError, ModelMismatchError):
        if index_ or model or os.environ.get("RETRIEVER_INDEX") or not _holds_bundled(directory):
            raise
        build_bundled(directory, model)
        found = Retriever(open_index(directory), load_encoder(), reranker=judge, calibration=calibration)
    if not found.calibrated and not quiet:
        click.echo(
            f"note: confidences are not fitted to the model {found.encoder.identity.name}; fit them with: retriever calibrate QUESTIONS",
            err=True,
        )
    return found


def follow(retriever: "Retriever") -> "Retriever":
    """The retriever itself, or one of the generation that has begun to serve since it was opened; when that cannot be used, the old one."""
    from retriever.encoders.load import load_encoder
    from retriever.encoders.protocol import EncoderOptions
    from retriever.errors import RetrieverError
    from retriever.generations import current
    from retriever.indexing import open_index
    from retriever.search import Retriever

    with contextlib.suppress(RetrieverError, OSError):
        if current(retriever.index.directory) != retriever.index.folder:
            index = open_index(retriever.index.directory)
            settings = index.manifest["settings"]
            encoder = retriever.encoder
            if index.encoder != encoder.identity:
                encoder = load_encoder(settings.get("model", ""), EncoderOptions(**settings.get("use", {})))
            return Retriever(index, encoder, retriever.settings, retriever.reranker)
    return retriever


def _is_empty(directory: Path) -> bool:
    """True for a folder with nothing in it but what a build that was broken off left; never for one with a finished generation."""
    try:
        inside = {entry.name for entry in directory.iterdir()}
        made = [entry.name for entry in (directory / "generations").iterdir()] if "generations" in inside else []
    except OSError as error:
        raise IndexUnusableError(f"{directory}: cannot be read ({error.strerror}); check its permissions") from error
    ours = {"generations", "cache.sqlite", "cache.sqlite-journal", ".lock", "BUILDER", "calibration.json"}
    left = {name for name in inside - ours if not name.startswith(".CURRENT")}
    # BUILDER is there while a build is at work, or was broken off: its generation may be in place and not yet pointed at
    return not left and ("BUILDER" in inside or all(name.startswith(".") for name in made))


def _holds_bundled(directory: Path) -> bool:
    """True for the index that we built by ourselves in the user's data folder: it may be rebuilt without asking."""
    return (directory / "BUNDLED").is_file()


def build_bundled(directory: Path, model: str | None) -> None:
    from retriever.locations import bundled_corpus

    click.echo(f"Building the index of the bundled corpus in {directory} (once) …", err=True)
    build_index([bundled_corpus()], directory, model)
    with contextlib.suppress(OSError):
        (directory / "BUNDLED").write_text(
            "built by itself from the bundled corpus; may be rebuilt at any time\n", encoding="utf-8"
        )


def build_index(
    roots: list[Path],
    directory: Path,
    model: str | None,
    options: "CorpusOptions | None" = None,
    use: "EncoderOptions | None" = None,
    download: bool = False,
    full: bool = False,
) -> "BuildReport":
    """Build an index, with progress, warnings and a last line on stderr."""
    from retriever.corpus import CorpusOptions
    from retriever.encoders.catalogue import BUNDLED
    from retriever.encoders.load import load_encoder
    from retriever.encoders.protocol import EncoderOptions
    from retriever.pipeline import build

    use = use or EncoderOptions()

    name = os.path.abspath(model) if model and os.path.isdir(model) else model or BUNDLED
    encoder = load_encoder(name, use, download)
    report = build(
        roots,
        directory,
        encoder,
        options or CorpusOptions(),
        name,
        show_progress,
        use,
        full,
        lambda line: click.echo(line, err=True),
    )
    for line in [*report.skipped, *report.replaced]:
        click.echo(f"warning: {line}", err=True)
    seconds = sum(report.seconds.values())
    click.echo(
        f"{report.passages} passages ({report.parents} questions with answers) of {report.sources} sources in {seconds:.1f} s"
        + (f"; {report.unchanged} sources unchanged" if report.unchanged else ""),
        err=True,
    )
    return report
