"""Imports among the package's modules point one way, along one list; looking up needs nothing of building."""

import ast
import graphlib
from collections.abc import Iterator
from pathlib import Path

import pytest
from conftest import CHECKOUT

# A module may import what stands before it, wherever in the module the import is. Folders count as one.
ORDER = (
    "errors", "documents", "cues", "terminal", "citations", "decoding", "readers", "corpus", "cleaning", "splitting", "analysis", "encoders", "axes", "dense", "lexical",
    "pieces", "alignment", "sentences", "copies", "generations", "indexing", "reuse", "pages", "pipeline", "verifying", "glossary", "spelling", "naming", "querying", "reranking", "confidence", "search", "answer",
    "explaining", "rendering", "evaluation", "locations", "commands", "cli",
)  # fmt: skip
QUERY_TIME = (
    "glossary",
    "spelling",
    "naming",
    "reranking",
    "confidence",
    "search",
    "answer",
    "explaining",
    "terminal",
    "citations",
    "rendering",
)
BUILD_TIME = {"readers", "corpus", "cleaning", "splitting", "reuse", "pages", "pipeline", "verifying"}


def modules_of(package: Path) -> Iterator[tuple[str, Path]]:
    """(dotted name below the package, path) of its modules, without the package's own `__init__`."""
    for path in sorted(package.rglob("*.py")):
        parts = path.relative_to(package).with_suffix("").parts
        if parts[-1] == "__init__":
            parts = parts[:-1]
        if parts:
            yield ".".join(parts), path


def imports_of(path: Path, package: str) -> Iterator[tuple[int, str]]:
    """(line, dotted name below the package) of everything imported from it, at any depth; "" is the package root.

    A relative import is given as ".". Importing `__version__` from the root is allowed and left out.
    """
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            if node.level:
                yield node.lineno, "."
                continue
            if node.module == package and [alias.name for alias in node.names] == ["__version__"]:
                continue
            # `from package.folder import module` may import a module of the folder
            names = [f"{node.module}.{alias.name}" for alias in node.names] if node.module else []
            if node.module == package:
                yield node.lineno, ""
        else:
            continue
        for name in names:
            if name == package:
                yield node.lineno, ""
            elif name.startswith(package + "."):
                yield node.lineno, name.removeprefix(package + ".")


def offences(package: Path, order: tuple[str, ...] = ORDER) -> list[str]:
    """Every import of the package that does not point up the list."""
    found = []
    for name, path in modules_of(package):
        stage = name.split(".")[0]
        if stage not in order:
            found.append(f"{name}: not in the list")
            continue
        for line, target in imports_of(path, package.name):
            other = target.split(".")[0]
            if target == ".":
                found.append(f"{name}:{line}: relative import")
            elif target == "":
                found.append(f"{name}:{line}: imports the package root")
            elif other != stage and (other not in order or order.index(other) > order.index(stage)):
                found.append(f"{name}:{line}: imports {other}, which stands below it")
    return found


def module_graph(package: Path) -> dict[str, set[str]]:
    """For each module the modules it imports, down to files."""
    known = dict(modules_of(package))
    graph: dict[str, set[str]] = {}
    for name, path in known.items():
        graph[name] = set()
        for _, target in imports_of(path, package.name):
            while target and target not in known:
                target = target.rpartition(".")[0]
            if target and target != name:
                graph[name].add(target)
    return graph


def reached_from(graph: dict[str, set[str]], roots: tuple[str, ...]) -> set[str]:
    """Stages that are imported, directly or not, by any of the roots."""
    seen: set[str] = set()
    waiting = list(roots)
    while waiting:
        name = waiting.pop()
        if name not in seen:
            seen.add(name)
            waiting.extend(graph[name])
    return {name.split(".")[0] for name in seen}


def test_imports_point_one_way() -> None:
    """No module imports one that stands below it, the package root, or anything relatively."""
    assert offences(CHECKOUT / "retriever") == []


def test_the_list_holds_every_module_and_no_other() -> None:
    """A new module is entered in the list; a removed one is taken off it."""
    assert {name.split(".")[0] for name, _ in modules_of(CHECKOUT / "retriever")} == set(ORDER)


def test_no_module_imports_itself_by_a_detour() -> None:
    """Inside folders, too, there is no cycle."""
    graphlib.TopologicalSorter(module_graph(CHECKOUT / "retriever")).prepare()


def test_looking_up_needs_nothing_of_building() -> None:
    """Nothing that search, answer and rendering import, at any depth and in any function, reads, cleans or splits pages."""
    reached = reached_from(module_graph(CHECKOUT / "retriever"), QUERY_TIME)
    assert reached & BUILD_TIME == set()
    assert {"indexing", "encoders", "analysis"} <= reached


OFFENDERS = {
    "at the top": "from retriever.search import Retriever\n",
    "as a module": "import retriever.search as found\n",
    "in a function": "def f() -> None:\n    from retriever.search import Retriever\n",
    "for types only": "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from retriever.search import Hit\n",
    "the root": "import retriever\n",
    "through the root": "from retriever import search\n",
    "more than the version": "from retriever import __version__, search\n",
    "relatively": "from . import search\n",
    "relatively by name": "from .search import Retriever\n",
    "in a class in a try": "class A:\n    try:\n        import retriever.cli\n    except ImportError:\n        pass\n",
}


@pytest.mark.parametrize("offence", OFFENDERS)
def test_the_checker_finds_every_kind_of_offence(tmp_path: Path, offence: str) -> None:
    """A made-up module that looks down the list is found, however it does so; the same module without it is clean."""
    package = tmp_path / "retriever"
    package.mkdir()
    (package / "__init__.py").write_text("", encoding="utf-8")
    (package / "search.py").write_text("from retriever.indexing import Index\n", encoding="utf-8")
    (package / "indexing.py").write_text("from retriever import __version__\n", encoding="utf-8")
    assert offences(package) == []
    (package / "indexing.py").write_text(OFFENDERS[offence], encoding="utf-8")
    assert offences(package)


def test_the_checker_finds_a_detour_to_a_reader(tmp_path: Path) -> None:
    """A reader imported by something that search imports, in a function, is found."""
    package = tmp_path / "retriever"
    (package / "readers").mkdir(parents=True)
    (package / "readers" / "html.py").write_text("", encoding="utf-8")
    (package / "search.py").write_text("from retriever.indexing import Index\n", encoding="utf-8")
    (package / "indexing.py").write_text("def f():\n    from retriever.readers import html\n", encoding="utf-8")
    assert reached_from(module_graph(package), ("search",)) == {"search", "indexing", "readers"}


def test_the_checker_finds_a_cycle(tmp_path: Path) -> None:
    """Two modules of a folder that import each other are found."""
    package = tmp_path / "retriever"
    (package / "readers").mkdir(parents=True)
    (package / "readers" / "html.py").write_text("import retriever.readers.tree\n", encoding="utf-8")
    (package / "readers" / "tree.py").write_text("from retriever.readers import html\n", encoding="utf-8")
    with pytest.raises(graphlib.CycleError):
        graphlib.TopologicalSorter(module_graph(package)).prepare()
