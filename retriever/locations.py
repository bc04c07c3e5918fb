"""Where things lie: the index to use and the corpus that comes with the package."""

import os
from pathlib import Path

from retriever.errors import InputError

ENVIRONMENT = "RETRIEVER_INDEX"


def index_directory(option: str | None) -> Path:
    """The index folder: `option`, else $RETRIEVER_INDEX, else ./index when one is built there, else the user's data folder."""
    if option is not None:
        if not option:
            raise InputError("--index needs the name of a folder, not an empty text")
        return Path(option)
    if os.environ.get(ENVIRONMENT):
        return Path(os.environ[ENVIRONMENT])
    here = Path("index")
    if (here / "CURRENT").is_file():
        return here
    return data_directory() / "index"


def data_directory() -> Path:
    """The platform's folder for this user's data (XDG on Linux)."""
    import platformdirs

    return Path(platformdirs.user_data_dir("retriever", appauthor=False))


def bundled_corpus() -> Path:
    """The corpus that comes with the package: beside it in a checkout, inside it in an installed wheel."""
    package = Path(__file__).parent
    checkout = package.parent / "corpus"
    inside = package / "bundled_corpus"
    return inside if inside.is_dir() else checkout
