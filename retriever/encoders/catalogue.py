"""Models known by name: where they come from, how large they are, and the prompts their cards ask for (``catalogue.json``)."""

import importlib.util
import json
import os
from dataclasses import dataclass
from pathlib import Path

BUNDLED = "static-zh-en"
MODELS = Path(__file__).parent.parent / "models"


@dataclass(frozen=True, slots=True)
class KnownModel:
    """One model. `repository` is its name on the model hub, `package` the Python package that carries its files, both "" where there is none.

    `megabytes` is the size of its weights, rounded.
    """

    name: str
    repository: str
    package: str
    dimension: int
    max_tokens: int
    megabytes: int
    languages: str
    licence: str
    query_prompt: str = ""
    passage_prompt: str = ""


# Prompts of families, for members that are not listed, by a part of the name in small letters: (before queries, before passages).
# From their model cards.
_FAMILIES = (
    ("e5-", "query: ", "passage: "),
    ("bge-m3", "", ""),
    ("bge-small-zh", "为这个句子生成表示以用于检索相关文章：", ""),
    ("bge-base-zh", "为这个句子生成表示以用于检索相关文章：", ""),
    ("bge-large-zh", "为这个句子生成表示以用于检索相关文章：", ""),
    ("bge-small-en", "Represent this sentence for searching relevant passages: ", ""),
    ("bge-base-en", "Represent this sentence for searching relevant passages: ", ""),
    ("bge-large-en", "Represent this sentence for searching relevant passages: ", ""),
)


def known_models() -> list[KnownModel]:
    """The listed models, the bundled one first."""
    rows = json.loads(Path(__file__).with_name("catalogue.json").read_text(encoding="utf-8"))
    return [KnownModel(**row) for row in rows]


def find_model(name: str) -> KnownModel | None:
    """The listed model called `name`, by its name, its repository or its package."""
    wanted = name.lower()
    return next(
        (m for m in known_models() if wanted in (m.name.lower(), m.repository.lower(), m.package or None)), None
    )


def prompts(name: str) -> tuple[str, str]:
    """What a model wants before queries and before passages, by its name or its family; nothing where nothing is known."""
    known = find_model(name)
    if known:
        return known.query_prompt, known.passage_prompt
    last = Path(name).name.lower()
    return next(((query, passage) for part, query, passage in _FAMILIES if part in last), ("", ""))


def files_of(name: str) -> Path | None:
    """The folder of a model's files on this machine, or None: a path, the bundled models, an installed package, the hub's cache."""
    if name == BUNDLED:
        return MODELS / BUNDLED
    if os.path.isdir(name):
        return Path(name)
    known = find_model(name)
    if known and known.package:
        spec = importlib.util.find_spec(known.package.replace("-", "_"))
        if spec and spec.origin:
            return Path(spec.origin).parent / "model"
    return _cached(repository_of(name))


def repository_of(name: str) -> str:
    """A model's name on the hub; a bare name is one of sentence-transformers' own."""
    known = find_model(name)
    if known and known.repository:
        return known.repository
    return name if "/" in name else f"sentence-transformers/{name}"


def _cached(repository: str) -> Path | None:
    """The folder in the hub's cache, when the model has been fetched before; nothing is asked of the network."""
    try:
        from huggingface_hub import try_to_load_from_cache
        from huggingface_hub.errors import HFValidationError
    except ImportError:
        return None
    try:
        found = try_to_load_from_cache(repository, "config.json")
    except HFValidationError:
        return None
    return Path(found).parent if isinstance(found, str) else None
