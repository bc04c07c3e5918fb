"""What a whole site repeats: lines that stand at the edges of several of its pages are its furniture."""

import hashlib
import re
from collections import Counter, defaultdict
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from urllib.parse import urlsplit

from retriever.documents import Block, Source
from retriever.readers.plain import cue_of

# A line counts as repeated when it stands in at least this many pages of one site and in this share of them.
# Set by hand: three pages rule out most chance repeats ("优点:"); not tuned.
MIN_PAGES = 3
MIN_SHARE = 0.3

# The elements that name the address of a page: what says so in them, and the address after it.
_HEAD_TAG = re.compile(r"<(link|meta)\s[^<>]*", re.IGNORECASE)
_CANONICAL = {
    element: (re.compile(said, re.IGNORECASE), re.compile(rf"{where}=[\"']?(https?://[^\"'\s>]+)", re.IGNORECASE))
    for element, said, where in (("link", r"rel=[\"']?canonical\b", "href"), ("meta", r"og:url\b", "content"))
}


@dataclass(frozen=True, slots=True)
class PageLines:
    """The lines of one page, folded and hashed: all of them, and those that count when they recur; and its site.

    A site is the host named in a page's canonical link, else the folder of the file.
    """

    site: str
    every: frozenset[str]
    countable: frozenset[str]


@dataclass(frozen=True, slots=True)
class SiteProfile:
    """Repeated lines by site, folded and hashed."""

    repeated: dict[str, frozenset[str]]

    def is_repeated(self, source: Source, block: Block) -> bool:
        """True when `block` is a line that the site of `source` repeats over its pages."""
        return line_key(block.plain) in self.repeated_on(source)

    def repeated_on(self, source: Source) -> frozenset[str]:
        """The lines that the site of `source` repeats over its pages."""
        return self.repeated.get(site_of(source), frozenset())

    def of(self, page: PageLines) -> list[str]:
        """The lines of a page that its site repeats, sorted: all that cleaning the page asks of the profile."""
        return sorted(self.repeated.get(page.site, frozenset()) & page.every)


def page_lines(source: Source, blocks: list[Block]) -> PageLines:
    """What a page tells the profile."""
    return PageLines(
        site_of(source),
        frozenset(line_key(block.plain) for block in blocks),
        frozenset(line_key(block.plain) for block in blocks if _countable(block)),
    )


def fit(pages: Iterable[PageLines]) -> SiteProfile:
    """Learn the profile of every site in a corpus from the lines of its pages."""
    counts: dict[str, Counter[str]] = defaultdict(Counter)
    totals: Counter[str] = Counter()
    for page in pages:
        totals[page.site] += 1
        counts[page.site].update(page.countable)
    return SiteProfile(
        {
            site: frozenset(line for line, n in lines.items() if n >= MIN_PAGES and n >= MIN_SHARE * totals[site])
            for site, lines in counts.items()
        }
    )


def site_of(source: Source) -> str:
    """The site a page belongs to."""
    if source.format == "html":
        for tag in _HEAD_TAG.finditer(source.text[:20000]):
            name, address = _CANONICAL[tag.group(1).lower()]
            named = name.search(tag.group(0))
            found: list[str] = address.findall(tag.group(0), named.end()) if named else []
            if found:
                with suppress(ValueError):  # an address that is none
                    return str(urlsplit(found[-1]).netloc)
    return source.path.rsplit("/", 1)[0] if "/" in source.path else ""


def fold(text: str) -> str:
    """`text` for comparison over pages: case, white space and digits do not count."""
    return re.sub(r"\d+", "0", re.sub(r"\s+", " ", text)).strip().lower()


def line_key(text: str) -> str:
    """Eight bytes of a digest of the folded text: two of a million lines meet with a chance of one in ten million."""
    return hashlib.blake2b(fold(text).encode("utf-8", "surrogatepass"), digest_size=8).hexdigest()


def _countable(block: Block) -> bool:
    """Labels ("答案:", "优点"), questions and code recur in content too."""
    if block.kind in ("code", "formula", "table", "heading", "term") or len(block.plain) < 4:
        return False
    cue = cue_of(block.plain)
    return not cue.label and cue.ask < 0.5
