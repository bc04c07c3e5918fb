"""Our cleaning beside trafilatura's extraction, on the HTML pages of tests/pages: what is kept of answers, what leaks of furniture.

    python benchmarks/html_extraction.py [FOLDER...]

A line of a page counts as kept when its visible words occur in the extracted text. "kept" is the share of gold answer lines
kept (higher is better), "leaked" that of gold furniture lines kept (lower is better).
"""

import json
import re
import sys
from collections.abc import Callable
from pathlib import Path

import trafilatura

from retriever.cleaning.page import clean
from retriever.cleaning.profile import fit, page_lines
from retriever.corpus import load_source, read_blocks
from retriever.documents import Source


def ours(source: Source) -> str:
    """Text of the blocks that our cleaning keeps."""
    title, blocks = read_blocks(source)
    document = clean(source, title, blocks, fit([page_lines(source, blocks)]))
    return "\n".join(block.text for block in document.blocks)


def theirs(source: Source) -> str:
    """Main text by trafilatura, set to favour recall, comments off."""
    return trafilatura.extract(source.text, include_comments=False, include_tables=True, favor_recall=True) or ""


def squeeze(text: str) -> str:
    """Letters and digits of the visible part of an HTML line."""
    return re.sub(r"[\W_]+", "", re.sub(r"<[^>]*>|&\w+;", " ", text)).lower()


def rates(folder: Path, extract: Callable[[Source], str]) -> tuple[float, float, int]:
    """(kept, leaked, pages) of one extractor on the HTML pages of a folder."""
    rows = [json.loads(line) for line in (folder / "qa.jsonl").read_text(encoding="utf-8").splitlines()]
    furniture = [json.loads(line) for line in (folder / "boilerplate.jsonl").read_text(encoding="utf-8").splitlines()]
    kept, leaked = [0, 0], [0, 0]
    pages = sorted(folder.glob("*.html"))
    for path in pages:
        source = load_source(path.name, path)
        text = squeeze(extract(source))
        junk = {n for row in furniture if row["file"] == path.name for n in range(row["start"], row["end"] + 1)}
        answers = {
            n
            for row in rows
            if row["file"] == path.name and row["answered"]
            for n in range(row["a_start"], row["a_end"] + 1)
        } - junk
        for lines, count in ((answers, kept), (junk, leaked)):
            words = [squeeze(source.line(n)) for n in lines]
            count[1] += sum(len(word) >= 4 for word in words)
            count[0] += sum(len(word) >= 4 and word in text for word in words)
    return kept[0] / max(1, kept[1]), leaked[0] / max(1, leaked[1]), len(pages)


def main() -> None:
    folders = [Path(name) for name in sys.argv[1:]] or [Path(__file__).parent.parent / "tests" / "pages" / "dev"]
    for folder in folders:
        for name, extract in (("ours", ours), ("trafilatura", theirs)):
            kept, leaked, pages = rates(folder, extract)
            print(f"{folder.name:10s} {name:12s} kept {kept:.3f}  leaked {leaked:.3f}  ({pages} pages)")


if __name__ == "__main__":
    main()
