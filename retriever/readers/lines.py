"""Plain text and Markdown, line by line.

Scraped notes mix both (a `.txt` full of `**1.**`, a `.md` without one heading), so one reader serves them. Each line becomes a
block of its own, because lines are what gets cited; only code, tables and display formulas span several. Nothing is rewritten:
`Block.text` is the line as it stands, without its indentation and line ending.

Left out on purpose: nested inline syntax, link reference definitions, indented code without any sign of code (Chinese notes
indent prose by four spaces too often).
"""

import re
from collections.abc import Callable

from retriever.cues import display_width, strip_markup
from retriever.documents import Block, Source
from retriever.readers.plain import squeeze, title_of
from retriever.readers.tags import box_of, without_tags

_FENCE = re.compile(r"(`{3,}|~{3,})")
_HEADING = re.compile(r"(?!#\d{1,4}[ \t])#{1,6}(?=[ \t]*\S)")  # "#7 …" is a number
_SETEXT = re.compile(r"(?:=+|-{3,})\s*$")
_BULLET = re.compile(r"(?:[•·●○◦▪■◆◇]\s*|[*+–-][ \t\u00a0\u3000]+)(?=\S)")
_ORDERED = re.compile(r"\d{1,3}[.)][ \t]+\S")
_TABLE_RULE = re.compile(r"\|?\s*+:?-{2,}+:?\s*+(?:\|\s*+:?-{2,}+:?\s*+)++\|?\s*+$")
_RULE = re.compile(r"(?:[-*_=—~]\s?+){3,}+$")
_IMAGE = re.compile(r"(?:\[?!\[[^\]]*\]\([^)]*\)(?:\]\([^)]*\))?\s*+)++$|<img\b[^>]*>$")
_FORMULA = {"$$": "$$", r"\[": r"\]", r"\begin{": r"\end{"}
_TAG_ONLY = re.compile(
    r"(?:</?(?:details|div|p|br|hr|center|section|article|ul|ol|li|table|tbody|dl|a|span|font|sub|sup|ins|img|picture|kbd|h[1-6]|tr|td|th|thead)\b[^>]*>\s*+)++$",
    re.IGNORECASE,
)
_SUMMARY = re.compile(r"(?:<details[^>]*>\s*)?<summary[^>]*>(.*?)(?:</summary>.*)?$", re.IGNORECASE)
_TAG = re.compile(r"<[/!]?[A-Za-z-][^<>]*>")
# What may stand before the emphasis of a line that is emphasised whole: a bullet, a number, emoji.
_ORNAMENTED = re.compile(
    r"^\s*(?:[-*+•]\s+)?(?:\d{1,4}\s*[.、)）:：]\s*)?(?:[\U0001F300-\U0001FAFF\u2600-\u27BF\u2753-\u2757\ufe0f]++\s*+)*+"
)
_CODE_LINE = re.compile(
    r"^(?:def \w+\(|class \w+[:({]|class \w+$|import [\w.]+(?: as \w+)?;?$|from \w[\w.]* import|for .*[:{]$|while .*[:{]$|if .*[:{]$"
    r"|elif .*:$|else\s*[:{]|\}\s*else|try\s*[:{]|except\b.*:$|finally\s*[:{]|with .*:$|return(?:\s\S+){0,8};?$|print\(|#include\b"
    r"|using \w+;|public |private |protected |static |package \w+;?$|func \w+\(|fn \w+|let \w+ ?=|const \w+|var \w+"
    r"|SELECT |INSERT INTO |UPDATE \w+ SET|CREATE |DELETE FROM |ALTER |@\w+|>>> |\.\.\. |\$ \w|[}\])]++[;,)]*+$|//|/\*|\*/)"
    r"|[;{]\s*(?://.*)?$|^\w[\w.\[\]]*(?:, ?\w+)*\s*[-+*/|&:]?=\s*\S|^\w[\w.]*\([^()]*\)\s*;?$|^\w[\w.]*\($"
)


def read_lines(source: Source) -> tuple[str, list[Block]]:
    """Title and blocks of a plain-text or Markdown source."""
    return _Lines(source).read()


class _Lines:
    """One pass over the lines of a source."""

    def __init__(self, source: Source) -> None:
        self.source = source
        self.lines = [source.line(n) for n in range(1, len(source.line_starts) + 1)]
        self.blocks: list[Block] = []
        self.title = ""
        self.markdown = source.format == "markdown" or _looks_like_markdown(self.lines)
        self.last_line = 0
        self.unclosed: dict[str, int] = {}
        self.inside = 0  # `<details>` that are open, their summaries read

    def read(self) -> tuple[str, list[Block]]:
        at = self._front_matter()
        if self.markdown:
            self.lines = without_tags(self.lines)
        while at < len(self.lines):
            at = self._step(at)
        if not self.title:
            self.title = title_of([b for b in self.blocks if b.kind == "heading"]) or title_of(self.blocks)
        return self.title, self.blocks

    def _front_matter(self) -> int:
        """Skip a YAML header at the top; its `title:` names the document."""
        if not self.lines or self.lines[0].strip("\ufeff ") != "---":
            return 0
        for n, line in enumerate(self.lines[1:60], 1):
            if line.strip() in ("---", "..."):
                return n + 1
            match = re.match(r"title\s*:\s*(.+)", line.strip())
            if match:
                self.title = match.group(1).strip("\"' ")
        self.title = ""
        return 0

    def _step(self, at: int) -> int:
        """Read the block that starts at line index `at`; return the index after it."""
        text = self.lines[at].strip("\ufeff").strip()
        if not text:
            return at + 1
        if text.startswith("<!--"):
            end = at if "-->" in text else self._closing(at, "-->", lambda line: "-->" in line)
            return at + 1 if end is None else end + 1
        fence = _FENCE.match(text)
        if fence:
            mark = fence.group(1)
            return self._until(
                at, "code", mark, lambda line: line.strip().startswith(mark) and not line.strip(mark[0] + " \t")
            )
        for opener, closer in _FORMULA.items():
            if (
                text.startswith(opener)
                and (opener != "$$" or text.count("$$") == 1)
                and closer not in text[len(opener) :]
            ):
                return self._until(at, "formula", closer, _holds(closer))
        if (len(text) > 1 and text[0] == text[-1] == "|") or (
            at + 1 < len(self.lines) and "|" in text and _TABLE_RULE.match(self.lines[at + 1].strip())
        ):
            end = at
            while end + 1 < len(self.lines) and "|" in self.lines[end + 1] and self.lines[end + 1].strip():
                end += 1
            if end > at:
                return self._add("table", at, end)
        code_end = self._code_run(at)
        if code_end is not None:
            return self._add("code", at, code_end)
        if self.markdown and at + 1 < len(self.lines) and len(text) < 120 and self._is_setext(at, text):
            self._add("heading", at, at, level=1 if "=" in self.lines[at + 1] else 2)
            return at + 2
        closed = text.lower().count("</details")
        if not (_RULE.match(text) or _TAG_ONLY.match(text) or re.match(r":{3,}\s*\w*$", text)):
            self._line(at, text)
        self.inside = max(0, self.inside - closed)
        return at + 1

    def _line(self, at: int, text: str) -> int:
        """A line by itself: heading, list item, quote, summary, image or paragraph."""
        summary = _SUMMARY.match(text)
        if summary:
            self._add("term", at, at, plain=_TAG.sub("", summary.group(1)).strip())
            self.inside += 1
            return at + 1
        heading = _HEADING.match(text) if self.markdown else None
        if heading:
            return self._add("heading", at, at, level=heading.end())
        listed = re.match(r"\d{1,3}[.)]\s+(#{1,6})(?=\s)", text) if self.markdown else None
        if listed:
            plain = strip_markup(text.replace(listed.group(1) + " ", "", 1))
            return self._add("heading", at, at, level=len(listed.group(1)), plain=plain)
        if _IMAGE.match(text):
            return self._add("image", at, at)
        if text.startswith(">"):
            return self._add("quote", at, at)
        if (_BULLET.match(text) and not text.startswith("**")) or _ORDERED.match(text):
            box = box_of(text)
            if box:
                return self._add("item", at, at, plain=strip_markup(text.replace(box, "", 1)), hints=("task",))
            return self._add("item", at, at)
        if re.match(r"\$\$.+\$\$$|\\\[.+\\\]$", text):
            return self._add("formula", at, at)
        return self._add("paragraph", at, at)

    def _is_setext(self, at: int, text: str) -> bool:
        following = self.lines[at + 1].strip()
        previous = self.lines[at - 1].strip() if at else ""
        return bool(_SETEXT.match(following)) and not previous and len(following) >= 3 and not _BULLET.match(text)

    def _until(self, at: int, kind: str, mark: str, closes: Callable[[str], bool]) -> int:
        """A block from line `at` to the first later line that closes it; unclosed, it is an ordinary line."""
        end = self._closing(at, mark, closes)
        return self._add("paragraph", at, at) if end is None else self._add(kind, at, end)

    def _closing(self, at: int, mark: str, closes: Callable[[str], bool]) -> int | None:
        """Index of the first line after `at` that closes what `mark` stands for; a search that failed is not done again.

        What closes a fence closes a shorter one of the same sign too.
        """
        sign, length = (mark[0], len(mark)) if mark[0] in "`~" else (mark, 0)
        if length >= self.unclosed.get(sign, length + 1):
            return None
        for end in range(at + 1, len(self.lines)):
            if closes(self.lines[end]):
                return end
        self.unclosed[sign] = length
        return None

    def _code_run(self, at: int) -> int | None:
        """Index of the last line of an unfenced code run of two or more lines that starts at `at`, or None."""
        if not is_code(self.lines[at]):
            return None
        end, signs = at, 1
        for n in range(at + 1, len(self.lines)):
            line = self.lines[n]
            if is_code(line):
                end, signs = n, signs + 1
            elif (
                line.strip().startswith("#")
                and not re.search(r"[?？]\s*$", line)
                and n + 1 < len(self.lines)
                and is_code(self.lines[n + 1])
            ):
                end = n
            elif not (line[:1] in " \t" and line.strip() and not _has_prose(line)):
                if (
                    line.strip()
                    or n + 1 >= len(self.lines)
                    or not (is_code(self.lines[n + 1]) and self.lines[n + 1][:1] in " \t")
                ):
                    break
            else:
                end = n
        return end if signs >= 2 else None

    def _add(
        self, kind: str, first: int, last: int, *, level: int = 0, plain: str | None = None, hints: tuple[str, ...] = ()
    ) -> int:
        """Append a block for lines `first`..`last` (indices) and return the index after it."""
        raw = self.lines[first]
        lead = len(raw) - len(raw.lstrip("\ufeff").lstrip())
        starts = self.source.line_starts
        if kind == "code" or kind == "table" or kind == "formula":
            lead_chars = lead if first == last else 0
        else:
            lead_chars = lead
        start = starts[first] + lead_chars
        end = starts[last] + len(self.lines[last].rstrip())
        texts = [self.lines[n].rstrip() for n in range(first, last + 1)]
        texts[0] = texts[0][lead_chars:]
        runs, position = [], 0
        for n, line in enumerate(texts):
            runs.append((position, start if n == 0 else starts[first + n]))
            position += len(line) + 1
        text = "\n".join(texts)
        if plain is None:
            plain = strip_markup(text) if kind not in ("code", "table", "formula") else text
            if plain.startswith("<") and plain.endswith(">"):
                plain = _TAG.sub(" ", plain).strip() or plain
        bare = _ORNAMENTED.sub("", text)
        self.blocks.append(
            Block(
                kind=kind,
                text=text,
                plain=squeeze(plain),
                start=start,
                end=end,
                start_line=first + 1,
                end_line=last + 1,
                runs=tuple(runs),
                level=level,
                indent=display_width(raw[:lead].replace("\t", "    ")),
                strong=bool(re.match(r"(?:\*\*|__).+(?:\*\*|__)[\s。.:：?？]*$", bare)) and bare.count("**") <= 4,
                linked=_linked(text),
                hints=hints,
                gap=min(2, first + 1 - self.last_line) if self.last_line else 2,
                inside=min(self.inside, 8),
            )
        )
        self.last_line = last + 1
        return last + 1


def _holds(text: str) -> Callable[[str], bool]:
    return lambda line: text in line


def _looks_like_markdown(lines: list[str]) -> bool:
    """True for a text file with several headings, fences or emphasised heads."""
    headings = sum(bool(re.match(r"#{1,6}\s+\S", line)) and not is_code(line) for line in lines)
    fences = sum(line.strip().startswith("```") for line in lines)
    strong = sum(line.count("**") >= 2 for line in lines)
    python_comments = sum(bool(re.match(r"#\s", line)) for line in lines)
    return (
        fences >= 2
        or strong >= 3
        or (headings >= 2 and any(line.startswith("##") for line in lines))
        or (headings >= 3 > python_comments)
    )


def is_code(line: str) -> bool:
    """True for a line that looks like code and not like prose."""
    text = line.strip()
    return bool(text) and not _has_prose(text) and bool(_CODE_LINE.search(text))


def _has_prose(line: str) -> bool:
    """True when Han text outside comments and strings makes up the line, or it ends like a sentence of several words."""
    bare = re.sub(r"(?:#|//|/\*).*$|\"[^\"]*\"|'[^']*'", "", line[:2000]).strip()
    if len(re.findall(r"[\u4e00-\u9fff]", bare)) > 2:
        return True
    return bare[-1:] in tuple(".?!:,") and bool(re.search(r"[a-z]{2,20} [a-z]{2,20} [a-z]{2,20}", bare))


def _linked(text: str) -> float:
    """Share of the visible characters that stand inside Markdown links or bare addresses."""
    anchors = sum(len(m.group(1)) for m in re.finditer(r"(?<!!)\[([^\[\]]{1,300})\]\([^()]{0,500}\)", text[:20_000]))
    tagged = re.finditer(r"<a\s[^<>]{0,500}>([^<>]{1,300})</a>", text[:20_000], re.IGNORECASE)
    anchors += sum(len(re.sub(r"\s", "", m.group(1))) for m in tagged)
    visible = len(re.sub(r"[\s*•·|>#-]", "", _TAG.sub(" ", strip_markup(text))))
    bare = sum(len(m.group(0)) for m in re.finditer(r"https?://\S+", strip_markup(text)))
    return min(1.0, (anchors + bare) / visible) if visible else 0.0
