"""Make sources, blocks and pages from text written in the tests themselves."""

import hashlib
import importlib.util
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from types import FrameType
from typing import Any

from retriever.cleaning.page import clean
from retriever.cleaning.profile import SiteProfile, fit, page_lines
from retriever.corpus import FORMATS, read_blocks
from retriever.documents import Block, Drop, Passage, Source
from retriever.pages import Page, check_citations
from retriever.splitting.split import split


def make_source(text: str, name: str = "page.txt") -> Source:
    """A decoded file of that name; its suffix says its format."""
    digest = hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()
    return Source(name, f"/site/{name}", text, digest, "utf-8", FORMATS[PurePosixPath(name).suffix])


def make_blocks(text: str, name: str = "page.txt") -> list[Block]:
    """The blocks a reader finds in `text`."""
    return read_blocks(make_source(text, name))[1]


def make_page(text: str, name: str = "page.txt", profile: SiteProfile | None = None) -> Page:
    """`text` read, cleaned and split; its citations are checked."""
    return page_of(make_source(text, name), profile)


def page_of(source: Source, profile: SiteProfile | None = None) -> Page:
    """A source read, cleaned and split; its citations are checked."""
    title, blocks = read_blocks(source)
    document = clean(source, title, blocks, profile or fit([page_lines(source, blocks)]))
    page = Page(document, split(document))
    check_citations(page)
    return page


def check_passages(page: Page) -> None:
    """What holds for the passages of any page; that citations render to answers was checked when it was made."""
    source = page.document.source
    seen: set[str] = set()
    for passage in page.split.passages:
        assert passage.id not in seen
        assert passage.parent is None or passage.parent in seen
        seen.add(passage.id)
        first, last = passage.answer_lines
        assert 1 <= passage.question_lines[0] <= passage.question_lines[1] <= len(source.line_starts)
        assert first <= source.line_of(passage.start_char) <= source.line_of(passage.end_char - 1) <= last
        assert all(first <= n <= last for n in passage.dropped_lines)
        assert passage.pieces[0][0] == passage.start_char
        assert passage.pieces[-1][1] == passage.end_char
        assert list(passage.pieces) == sorted(passage.pieces)
        assert passage.question.strip()
        assert passage.source == source.name


def parents(page: Page) -> list[Passage]:
    """The passages of a page that are no part of another."""
    return [p for p in page.split.passages if p.parent is None]


def children(page: Page) -> list[Passage]:
    """The passages of a page that are a part of another."""
    return [p for p in page.split.passages if p.parent is not None]


def questions(page: Page) -> list[str]:
    """The questions of a page that have an answer, parts left out."""
    return [p.question for p in parents(page)]


def answers(page: Page) -> dict[str, str]:
    """Answers of a page by question, parts left out."""
    return {p.question: p.answer for p in parents(page)}


def open_questions(page: Page) -> list[str]:
    """The questions a page leaves open."""
    return [q.question for q in page.split.open_questions]


def drop_holding(page: Page, text: str) -> Drop:
    """The one drop whose text holds `text`."""
    found = [drop for drop in page.document.drops if text in drop.text]
    assert len(found) == 1, f"{text!r} was dropped {len(found)} times"
    return found[0]


def kept_text(page: Page) -> str:
    """The text of all blocks that stay, a line a block."""
    return "\n".join(block.text for block in page.document.blocks)


@contextmanager
def within(seconds: float) -> Iterator[None]:
    """Fail when the body takes longer; where the system has alarms, it is stopped then and there."""

    def stop(signum: int, frame: FrameType | None) -> None:
        raise TimeoutError(f"not done after {seconds} s")

    if not hasattr(signal, "setitimer"):  # Windows
        started = time.monotonic()
        yield
        assert time.monotonic() - started < seconds
        return
    before = signal.signal(signal.SIGALRM, stop)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def load_file(path: Path) -> Any:
    """The module at `path`, which no package holds."""
    spec = importlib.util.spec_from_file_location(path.stem, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
