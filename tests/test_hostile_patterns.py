"""Every regular expression of the package is attacked: the inside of each of its repeats, over and over, and then what does not fit."""

import ast
import importlib
import math
import random
import re
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from conftest import CHECKOUT
from making import within

sre = pytest.importorskip("re._parser")  # Python's own parser of patterns; not public

FILES = sorted((CHECKOUT / "retriever").rglob("*.py"))
LENGTH = 400  # characters; lines that are longer are not judged, or by patterns that `test_hostile_documents.py` tries at any length
MOST = 0.04  # seconds of processor time; 0.006 was the most seen (2026-11-21), where patterns that backtrack take seconds to years
# What a class of characters holds, as far as it matters, and what else is repeated.
SOME = " a1-动|.(（:：\u3000_"
UNITS = [
    " ",
    "a",
    "1",
    "-",
    "|",
    ".",
    "动",
    "a ",
    "1 ",
    "- ",
    "| ",
    "a-",
    "*",
    "#",
    "_",
    "<",
    "[",
    "(",
    "（",
    "：",
    "。",
    "\u3000",
    "$",
    "`",
    "?",
    "\u0301",
]
SPOILERS = ["", "\x01x", "x", "。"]

Pattern = re.Pattern[Any]


def held(value: Any, name: str) -> Iterator[tuple[str, Pattern]]:
    """The patterns in a value of a module."""
    if isinstance(value, re.Pattern):
        yield name, value
    elif isinstance(value, (tuple, list, dict)):
        for key, one in value.items() if isinstance(value, dict) else enumerate(value):
            yield from held(one, f"{name}[{key}]")


def patterns_of(file: Path) -> Iterator[tuple[str, Pattern]]:
    """The patterns of a module: those it holds and those written where they are used."""
    name = ".".join(file.relative_to(CHECKOUT).with_suffix("").parts)
    for key, value in vars(importlib.import_module(name)).items():
        yield from held(value, f"{name}.{key}")
    for node in ast.walk(ast.parse(file.read_text("utf-8"))):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.args:
            text = node.args[0]
            called = isinstance(node.func.value, ast.Name) and node.func.value.id == "re"
            if called and isinstance(text, ast.Constant) and isinstance(text.value, str) and node.func.attr != "escape":
                flags = re.IGNORECASE if "IGNORECASE" in ast.dump(node) else 0
                yield f"{name}:{node.lineno}", re.compile(text.value, flags)


PATTERNS = {(p.pattern, p.flags): (name, p) for file in FILES if file.name != "__main__.py" for name, p in patterns_of(file)}  # fmt: skip


def sample(tree: Any, rng: random.Random) -> str:
    """A text that a parsed pattern matches, or nearly does."""
    return "".join(_sample(str(operator), value, rng) for operator, value in tree)


def _sample(operator: str, value: Any, rng: random.Random) -> str:
    if operator == "LITERAL":
        return chr(value)
    if operator in ("IN", "NOT_LITERAL", "ANY", "CATEGORY"):
        fitting = [char for char in SOME if re.match(_class(operator, value), char)]
        listed = [chr(one) for kind, one in value if str(kind) == "LITERAL"] if operator == "IN" else []
        negated = operator == "IN" and str(value[0][0]) == "NEGATE"
        return rng.choice(fitting + ([] if negated else listed) or ["z"])
    if operator == "BRANCH":
        return sample(rng.choice(value[1]), rng)
    if operator == "SUBPATTERN":
        return sample(value[3], rng)
    if operator == "ATOMIC_GROUP":
        return sample(value, rng)
    if operator in ("MAX_REPEAT", "MIN_REPEAT", "POSSESSIVE_REPEAT"):
        least, most, inside = value
        return "".join(sample(inside, rng) for _ in range(rng.randint(least, min(int(most), least + 2))))
    return ""


CATEGORIES = {"DIGIT": r"\d", "SPACE": r"\s", "WORD": r"\w", "NOT_DIGIT": r"\D", "NOT_SPACE": r"\S", "NOT_WORD": r"\W"}


def _class(operator: str, value: Any) -> str:
    """A parsed class of characters as a pattern."""
    if operator == "ANY":
        return "."
    if operator == "CATEGORY":
        return CATEGORIES[str(value).removeprefix("CATEGORY_")]
    if operator == "NOT_LITERAL":
        return f"[^{re.escape(chr(value))}]"
    parts = []
    for kind, one in value:
        if str(kind) == "RANGE":
            parts.append(f"{re.escape(chr(one[0]))}-{re.escape(chr(one[1]))}")
        elif str(kind) in ("LITERAL", "CATEGORY"):
            parts.append(re.escape(chr(one)) if str(kind) == "LITERAL" else _class("CATEGORY", one))
    return f"[{'^' if str(value[0][0]) == 'NEGATE' else ''}{''.join(parts)}]"


def repeats(tree: Any, before: list[Any]) -> Iterator[tuple[list[Any], Any, list[Any]]]:
    """For each repeat: what stands before it, its inside, and it with what follows."""
    items = list(tree)
    for at, (operator, value) in enumerate(items):
        here, kind = before + items[:at], str(operator)
        if kind.endswith("REPEAT"):
            if int(value[1]) > 1:
                yield here, value[2], items[at : at + 4]
            yield from repeats(value[2], here)
        elif kind in ("BRANCH", "SUBPATTERN", "ATOMIC_GROUP"):
            for inner in {"BRANCH": lambda v: v[1], "SUBPATTERN": lambda v: [v[3]]}.get(kind, lambda v: [v])(value):
                yield from repeats(inner, here)


def attacks(pattern: Pattern) -> set[str]:
    """Texts of LENGTH characters that give the repeats of a pattern much to try."""
    rng = random.Random(1)
    text = pattern.pattern if isinstance(pattern.pattern, str) else pattern.pattern.decode("latin-1")
    tree = sre.parse(text, pattern.flags & ~re.UNICODE)
    tries = [("", unit) for unit in UNITS]
    for before, inside, following in repeats(tree, []):
        for _ in range(5):
            head, body, near = (sample(part, rng) for part in (before, inside, following))
            tries.extend((head, unit) for unit in (body, near, body + " ", body + near, near + "  ", body + " | "))
    for _ in range(12):
        tries.append(("", sample(tree, rng)))
    return {
        head + (unit * LENGTH)[: max(1, LENGTH - len(head))] + spoiler
        for head, unit in tries
        if unit
        for spoiler in SPOILERS
    }


def seconds(pattern: Pattern, text: str) -> float:
    made: Any = text if isinstance(pattern.pattern, str) else text.encode()
    started = time.process_time()
    pattern.search(made)
    return time.process_time() - started


@pytest.mark.parametrize("pattern", [p for _, p in PATTERNS.values()], ids=[name for name, _ in PATTERNS.values()])
def test_pattern_reads_a_line_in_milliseconds_whatever_stands_on_it(pattern: Pattern) -> None:
    with within(60):
        for text in attacks(pattern):
            best = math.inf
            for _ in range(4):  # the machine may be busy with something else
                best = min(best, seconds(pattern, text))
                if best < MOST:
                    break
            assert best < MOST, text
