"""The errors a caller may meet, drawn as a tree. Every message says what was wrong, where, and what to do next.

    RetrieverError            never raised itself; `except RetrieverError` catches all of ours
    ├── InputError            what the caller passed cannot be used (path, option, question, batch line)
    │   └── SourceError       one source file cannot be read; the build goes on with the others
    ├── IndexUnusableError    an index is missing, damaged or of another version
    │   └── ModelMismatchError  the index was built with another encoder than the one asked for
    ├── CalibrationError      the numbers of a confidence cannot be read
    └── ModelError            an encoder or a reranker cannot be loaded

The command line turns each of them into one line on stderr and exit status 2.
"""

from pathlib import Path


class RetrieverError(Exception):
    """Root of all errors raised on purpose by this package."""


class InputError(RetrieverError):
    """The caller's input is at fault: a path, an option value, an empty question."""


class SourceError(InputError):
    """One source file cannot be read (permission, size, binary or empty content)."""


class IndexUnusableError(RetrieverError):
    """The index directory is missing, incomplete, damaged or written by another version."""


class ModelMismatchError(IndexUnusableError):
    """The index holds vectors of another encoder than the one asked for."""


class CalibrationError(RetrieverError):
    """The file that holds the numbers of the confidence is missing or damaged."""


class ModelError(RetrieverError):
    """An encoder or a reranker is not present, not readable or not what its files say."""


def refresh_hint(directory: Path) -> str:
    """What to do about an index, given its folder, whose corpus has changed."""
    return f"refresh with: retriever index --index {directory}"


def rebuild_hint(generation: Path) -> str:
    """What to do about a damaged index, given the folder of its generation."""
    return f"rebuild it with: retriever index --index {generation.parent.parent}"
