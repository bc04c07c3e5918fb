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
    from retriever.pipeline import BuildReport
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
    from retriever.generations import is_built
    from retriever.indexing import open_index
    from retriever.locations import index_directory
    from retriever.search import Retriever

    directory = index_directory(index_)
    judge = None
    if reranker is not None:
        from retriever.reranking import load_reranker

        judge = load_reranker(reranker, download)
    if not is_built(directory):
        if os.path.exists(directory) and not (directory.is_dir() and _is_empty(directory)):
            raise IndexUnusableError(f"{directory}: not an index; make one with: retriever index --index DIR CORPUS")
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


def _is_empty(directory: Path) -> bool:
    """True for a folder with nothing in it but what a build that was broken off left; never for one with a finished generation."""
    try:
        inside = {entry.name for entry in directory.iterdir()}
        made = [entry.name for entry in (directory / "generations").iterdir()] if "generations" in inside else []
    except OSError as error:
        raise IndexUnusableError(f"{directory}: cannot be read ({error.strerror}); check its permissions") from error
    left = {name for name in inside if name != "generations" and not name.startswith(".CURRENT")}
    return not left and all(name.startswith(".") for name in made)


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
    report = build(roots, directory, encoder, options or CorpusOptions(), name, show_progress, use)
    for line in [*report.skipped, *report.replaced]:
        click.echo(f"warning: {line}", err=True)
    seconds = sum(report.seconds.values())
    click.echo(
        f"{report.passages} passages ({report.parents} questions with answers) of {report.sources} sources in {seconds:.1f} s",
        err=True,
    )
    return report
