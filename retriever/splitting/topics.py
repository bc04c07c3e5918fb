"""Parts of long answers: list items and labelled paragraphs with what belongs to them, and the parts of many-sided questions."""

import re
from dataclasses import dataclass
from itertools import pairwise

from retriever.cues import Cue, ask_score, display_width, is_nod, is_title
from retriever.documents import Block
from retriever.readers.plain import cue_of, plain_text

# What says a label again in brackets: in the other language, or spelt out.
_GLOSS = r"[(（][^()（）:：。，,；;!！?？=\n]{1,60}[)）]"
_LABEL = re.compile(rf"\s*+([^:：。，,；;!！?？=\n]{{1,40}}?(?:{_GLOSS})?)\s*[:：](?!//)")
_DASH_LABEL = re.compile(r"\s*+([^—–。，,；;!！?？\n]{1,30}?)\s*(?:——|—|–| - )")
# Labels that lean on what stands before them, and those that only announce a list.
_LEANING = re.compile(
    r"\s*(?:另|其他|注|例如|比如|举例|即|也就是|换句话|总之|综上|因此|所以|补充|note|e\.g|i\.e|that is|in short|for example)",
    re.IGNORECASE,
)
_INTRODUCING = re.compile(
    r"(?:如下|以下|包括|例如|比如|即|是|为|有|分为|几点|几种|几个|such as|following|include[sd]?|are|is|(?:下面|以下|下列).{1,6}|these(?: \w+){0,2}|in (?:this|that) order|like (?:this|so))\s*$",
    re.IGNORECASE,
)
_BRACKETED = re.compile(
    r"\s*(?:【([^【】]{1,24})】|\[([^\[\]]{1,24})\]|〔([^〔〕]{1,24})〕|［([^［］]{1,24})］)\s*[:：]?\s*$"
)
_RUN_IN = re.compile(r"\s*+([^:：。.，,；;!！?？=\n]{2,30})[.。]\s*(?=\S)")  # a label that ends in a stop
_ORDERED = re.compile(r"\s*\d{1,10}\.\s")  # the marker that HTML items get from their list
_NUMBER_LABEL = re.compile(r"\s*(\d{1,4}(?:\.\d{1,3})*)\s?[:：](?=\s*\S)")
_FORMULA_LABEL = re.compile(r"\s*(?:\\\(|\$)\s*\\?([A-Za-z]{2,})")
_CODE_LABEL = re.compile(r"\s*`([^`]{1,40})`")
_CAUSE = re.compile(r"为什么|为何|为啥|原因|why|reason", re.IGNORECASE)
_BECAUSE = re.compile(r"因为|因此|由于|导致|理由|原因|所以|because|since|therefore|reason|due to", re.IGNORECASE)
_HOW = re.compile(r"如何|怎么|怎样|实现|流程|步骤|how|steps?", re.IGNORECASE)
_PROCESS = re.compile(r"过程|流程|步骤|首先|实现|方法|办法|措施|解决|处理|first|then|step|procedure", re.IGNORECASE)


_WH_ZH = r"什么|为什么|为何|如何|怎么|怎样|哪些|哪种|有什么|有哪些|有何|是否"
_ASKS = re.compile(rf"^(?:what|why|how|when|where|which|who)\b|{_WH_ZH}", re.IGNORECASE)
_AND_ASKS = re.compile(
    rf",? and (?=(?:what|why|how|when|where|which|who)\b)|[，,；;]\s*(?:以及|又|并且|那么?|它|其)?(?={_WH_ZH})",
    re.IGNORECASE,
)
_STOPS = tuple("。.!！?？;；:：")
DEEPEST = 3  # levels of parts


@dataclass(frozen=True, slots=True)
class Topic:
    """A part of an answer: its title, the blocks from its opening line on, the titles it stands under, its depth (1-based)."""

    title: str
    blocks: list[Block]
    path: tuple[str, ...]
    depth: int


@dataclass(frozen=True, slots=True)
class _Told:
    """A block of an answer, its cue, and its text without markup."""

    block: Block
    cue: Cue
    plain: str


@dataclass(slots=True)
class _Open:
    key: tuple[object, ...]
    indent: int
    at: int
    title: str
    labelled: bool


def find_topics(question: str, answer: list[Block]) -> list[Topic]:
    """Labelled items, labelled paragraphs and items with text below them, at most three deep; [] for a plain answer.

    Labels that `question` names ("difference of A and B") are siblings whatever they look like.
    """
    lines = [_Told(block, cue_of(block.plain), plain_text(block.text)) for block in answer]
    about, titles = _subject(question), _title_lines(lines)
    run_in = _run_in_lines(about, lines)
    stack: list[_Open] = []
    closed: list[tuple[_Open, int, int, tuple[str, ...]]] = []  # opener, end, depth, path

    def close(to: int, end: int) -> None:
        while len(stack) > to:
            opener = stack.pop()
            path = tuple(o.title for o in stack) if len(stack) < DEEPEST else ()
            closed.append((opener, end, len(stack) + 1, path))

    for at, line in enumerate(lines):
        block, cue = line.block, line.cue
        key = _named(about, line) or _key(line, lines[at + 1] if at + 1 < len(lines) else None)
        if key is None and at in run_in:
            key = ("named",)
        if key is None and at in titles:
            key = ("titled", block.indent)
        if (
            key is not None
            and key[0] in ("bullet", "number")
            and stack
            and stack[-1].key[0] == "label"
            and answer[stack[-1].at].plain.rstrip()[-1:] in "。.!！;；"
        ):
            close(len(stack) - 1, at)
        while (
            stack
            and block.indent < stack[-1].indent
            and (key is not None or block.kind != "formula")
            and not (key is None and block.indent == 0 and block.kind == "formula")
        ):
            close(len(stack) - 1, at)
        if key is None:
            continue
        depth = next((n for n, opener in enumerate(stack) if opener.key == key), len(stack))
        close(depth, at)
        title, labelled = _title(block, cue, named=at in run_in, titled=key[0] == "titled")
        stack.append(_Open(key, block.indent, at, title, labelled))
    close(0, len(answer))
    closed.sort(key=lambda item: item[0].at)
    return _worthwhile(answer, closed)


def _title_lines(lines: list[_Told]) -> set[int]:
    """Three or more bare titles that take turns with text: short lines without a stop between finished sentences or lists.

    The first line of a wrapped sentence has no stop either, but it is longer than the rest of it.
    """
    found: set[int] = set()
    for at, (line, following) in enumerate(pairwise(lines)):
        width = display_width(line.plain)
        if line.block.kind != "paragraph" or not is_title(line.plain) or line.cue.number is not None or line.cue.label:
            continue
        finished = at == 0 or lines[at - 1].block.kind != "paragraph" or lines[at - 1].plain.rstrip()[-1:] in _STOPS
        sentence = (
            following.block.kind == "paragraph"
            and following.plain.rstrip()[-1:] in _STOPS
            and not following.plain[:1].islower()
            and width <= 0.8 * display_width(following.plain)
        )
        if finished and not line.plain[:1].islower() and (sentence or following.block.kind == "item"):
            found.add(at)
    return found if len(found) >= 3 else set()


def _subject(question: str) -> str:
    """What a question is about, in lower case: what stands before its first particle."""
    question = question[:2000]
    about = re.split(r"[在的之]", question)[0]
    return (about if len(about) >= 4 else question).lower()


def _named(about: str, line: _Told) -> tuple[object, ...] | None:
    """The key of a label that stands among the things a question is about."""
    if line.block.kind != "paragraph":
        return None
    match = _LABEL.match(line.plain)
    label = match.group(1).lower() if match else ""
    return ("named",) if len(label) >= 2 and (label in about or _shares_a_word(label, about)) else None


def _shares_a_word(label: str, about: str) -> bool:
    """True for "type I error" among "type I and type II errors": a label of several words the last of which is said once for all."""
    words = re.findall(r"[a-z0-9]+", label)
    named = re.search(rf"(?<![a-z0-9]){re.escape(label.rsplit(' ', 1)[0])}(?= and | or | vs\.? |, )", about)
    return (
        len(words) >= 2
        and named is not None
        and words[-1] in (w.removesuffix("s") for w in re.findall(r"[a-z0-9]+", about))
    )


def _run_in_lines(about: str, lines: list[_Told]) -> set[int]:
    """Two or more paragraphs that begin with a thing the question is about and a stop: "Momentum. A running mean …"."""
    found: set[int] = set()
    for at, line in enumerate(lines):
        match = _RUN_IN.match(line.plain) if line.block.kind == "paragraph" else None
        label = match.group(1).strip().lower() if match and not match.group(1)[0].islower() else ""
        if label and label in about and re.search(rf"(?<![a-z0-9]){re.escape(label)}(?![a-z0-9])", about):
            found.add(at)
    return found if len(found) >= 2 else set()


def _key(line: _Told, following: _Told | None) -> tuple[object, ...] | None:
    """What makes two lines siblings: the bullet or numbering scheme and indentation, or being a labelled paragraph.

    A label alone on its line stands above one that goes on ("BN:" above "In training: ...").
    """
    block, cue = line.block, line.cue
    listed = following is not None and (following.block.kind == "item" or following.cue.number is not None)
    if block.kind in ("code", "table", "formula", "image"):
        return None
    bullet = re.match(r"\s*([•·●○◦▪■◆◇*+–-])\s", block.text)
    if bullet:
        return ("bullet", block.indent, bullet.group(1))
    if block.kind == "paragraph" and _BRACKETED.match(line.plain):
        return ("bracketed", block.indent, line.plain.strip()[0])
    if _NUMBER_LABEL.match(block.text):
        return ("label", block.indent)
    if block.kind == "item" and cue.number is None and _ORDERED.match(block.text):
        return ("number", "marker", 1, block.indent)
    if cue.number is not None:
        return ("number", cue.number.scheme, len(cue.number.value), block.indent)
    if block.kind == "heading":
        return ("heading", block.level)
    if block.kind == "term":
        return ("term", block.indent)
    if block.kind in ("paragraph", "item", "definition"):
        match = _label_of(line)
        if match:
            alone = not line.plain[match.end() :].strip()
            if alone or not _INTRODUCING.search(match.group(1)):
                if alone and listed and _INTRODUCING.search(match.group(1)):
                    return None
                above = alone and following is not None and bool(_LABEL.match(following.plain))
                return ("heading-label" if above else "label", block.indent)
        dash = _DASH_LABEL.match(line.plain)
        if dash and display_width(dash.group(1)) <= 30:
            return ("dash", block.indent)
        if (
            listed
            and block.kind == "paragraph"
            and is_title(block.plain)
            and display_width(block.plain) <= 20
            and cue.ask < 1.0
        ):
            return ("label", block.indent)
        if block.strong and display_width(block.plain) <= 60:
            return ("strong", block.indent)
    return None


def _label_of(line: _Told) -> re.Match[str] | None:
    """The label a line begins with, unless it is long or leans on the line before."""
    match = _LABEL.match(line.plain)
    told = (
        match
        and _label_width(match.group(1), line.block) <= 36
        and not _LEANING.match(match.group(1))
        and not is_nod(line.plain)
    )
    return match if told else None


def _label_width(label: str, block: Block) -> int:
    """Columns of a label; of list items, which are no beginnings of sentences, without what says it again in brackets."""
    return display_width(re.sub(rf"(?<=\S)\s*{_GLOSS}$", "", label) if block.kind == "item" else label)


def _title(block: Block, cue: Cue, *, named: bool = False, titled: bool = False) -> tuple[str, bool]:
    """Title of a topic and whether the line marks it as one (label, emphasis, heading) or it is only its beginning."""
    number_label = _NUMBER_LABEL.match(block.text)
    if number_label:
        return number_label.group(1), True
    bracketed = _BRACKETED.match(block.plain)
    if bracketed:
        return bracketed.group(bracketed.lastindex or 0).strip(), True
    body = plain_text(cue.body)
    if block.kind in ("heading", "term") or block.strong or titled:
        return body.strip(" :："), True
    emphasised = re.match(r"\s*(?:[•*+-]\s+|\d{1,3}[.、)]\s*)?(?:\*\*|__|`)([^*_`]{1,60})(?:\*\*|__|`)", block.text)
    for match in (
        _LABEL.match(body),
        _RUN_IN.match(body) if named else None,
        emphasised,
        _DASH_LABEL.match(body),
        _FORMULA_LABEL.match(body),
        _CODE_LABEL.match(body),
    ):
        if match and (display_width(match.group(1)) <= 48 or (block.kind == "item" and match.re is _LABEL)):
            return plain_text(match.group(1)).strip(" :："), True
    return _beginning(body), False


def _beginning(text: str) -> str:
    """The first clause of `text`, of a long one the first words, 40 characters at most."""
    clause = re.split(r"[。，,；;!！?？]|\.(?=\s|$)", text[:200])[0].strip()
    if len(clause) <= 40:
        return clause
    whole = clause[40].isascii() and clause[40].isalnum()
    return (re.sub(r"(?<=\W)[A-Za-z0-9_]{1,24}$", "", clause[:40]) if whole else clause[:40]).strip()


def _worthwhile(answer: list[Block], closed: list[tuple[_Open, int, int, tuple[str, ...]]]) -> list[Topic]:
    """Keep the levels whose items have titles or text of their own; one item alone is no list."""
    siblings: dict[tuple[object, ...], list[tuple[_Open, int, int, tuple[str, ...]]]] = {}
    for item in closed:
        siblings.setdefault((item[0].key, item[2], item[3]), []).append(item)
    topics = []
    for group in siblings.values():
        nested = sum(end - opener.at > 1 for opener, end, _, _ in group)
        marked = sum(opener.labelled for opener, _, _, _ in group)
        alone = len(group) == 1 and not (marked and (nested or group[0][2] > 1 or ask_score(group[0][0].title) >= 0.5))
        if group[0][2] > DEEPEST or alone or max(nested, marked) < 0.5 * len(group):
            continue
        for opener, end, depth, path in _ended(answer, _absorbed(answer, group)):
            blocks = answer[opener.at : _trim(answer, opener.at, end)]
            width = display_width(" ".join(b.plain for b in blocks))
            told = width >= display_width(opener.title) + 4 or (not opener.labelled and width >= 16)
            if opener.title and told and len(blocks) < len(answer):
                topics.append(Topic(opener.title, blocks, path, depth))
    topics.sort(key=lambda topic: topic.blocks[0].start)
    return topics


def _ended(
    answer: list[Block], group: list[tuple[_Open, int, int, tuple[str, ...]]]
) -> list[tuple[_Open, int, int, tuple[str, ...]]]:
    """The siblings without what closes the whole answer: where all but the last are one finished line, so is the last."""
    *others, (last, end, depth, path) = group
    head, below = answer[last.at], answer[last.at + 1 : end]
    single = bool(others) and all(there - one.at == 1 for one, there, _, _ in others)
    closing = all(
        block.kind == "paragraph" and block.indent <= head.indent and not block.plain[:1].islower() for block in below
    )
    if single and below and closing and head.plain.rstrip()[-1:] in _STOPS[:-2]:
        end = last.at + 1
    return [*others, (last, end, depth, path)]


def _absorbed(
    answer: list[Block], group: list[tuple[_Open, int, int, tuple[str, ...]]]
) -> list[tuple[_Open, int, int, tuple[str, ...]]]:
    """Among titled siblings, an untitled one that names the title before it goes on with that topic."""
    done: list[tuple[_Open, int, int, tuple[str, ...]]] = []
    for opener, end, depth, path in group:
        if (
            done
            and not opener.labelled
            and done[-1][0].labelled
            and done[-1][0].title.lower() in answer[opener.at].plain.lower()
        ):
            done[-1] = (done[-1][0], end, depth, path)
        else:
            done.append((opener, end, depth, path))
    return done


def _trim(answer: list[Block], start: int, end: int) -> int:
    """End of a topic without labels that have nothing below them."""
    while (
        end - 1 > start
        and re.fullmatch(r"[^:：]{1,12}[:：]?", answer[end - 1].plain.strip())
        and answer[end - 1].plain.strip()[-1] in ":："
    ):
        end -= 1
    return end


def question_parts(question: str) -> list[str]:
    """The single questions of a line that asks several, or [] when it asks one."""
    end = max(question.rfind("?"), question.rfind("？")) + 1
    parts = [part.strip() for part in re.findall(r"[^?？]+[?？]+", question[:end])]
    parts = [part for part in parts if len(re.sub(r"\W", "", part)) >= 2]
    if len(parts) == 1:
        parts = _joined_questions(parts[0])
    return parts if len(parts) >= 2 else []


def _joined_questions(question: str) -> list[str]:
    """The questions that "and" or a comma joins into one, when each asks by a word of its own ("what is it, and when does it fail?")."""
    parts = [part.strip() for part in _AND_ASKS.split(question)]
    return parts if all(_ASKS.search(part) for part in parts) else []


def align_parts(parts: list[str], answer: list[Block]) -> list[tuple[str, list[Block]]]:
    """Which blocks answer which part, when the answer falls into as many labelled or blank-line groups, or wording tells.

    Returns [] when nothing does: the whole answer then stands for the whole question alone.
    """
    groups = _groups(answer)
    if len(groups) == len(parts):
        return list(zip(parts, groups, strict=True))
    if not len(parts) < len(groups) <= 14 or len(parts) > 4:
        return []
    # best[n][g]: the best way to give the first g groups to the first n parts
    best: list[list[tuple[float, list[int]]]] = [[(0.0, [])] * (len(groups) + 1)]
    for n, part in enumerate(parts, 1):
        row: list[tuple[float, list[int]]] = [(-1.0, [])] * (len(groups) + 1)
        for end in range(n, len(groups) + 1):
            starts = [0] if n == 1 else range(n - 1, end)
            row[end] = max(
                (
                    (best[-1][start][0] + _fit(part, _flat(groups[start:end])), [*best[-1][start][1], start])
                    for start in starts
                ),
                key=lambda way: way[0],
            )
        best.append(row)
    score, starts_at = best[-1][len(groups)]
    if score < 1.0:
        return []
    return [
        (part, _flat(groups[a:b])) for part, a, b in zip(parts, starts_at, [*starts_at[1:], len(groups)], strict=True)
    ]


def _flat(groups: list[list[Block]]) -> list[Block]:
    return [block for group in groups for block in group]


def _groups(answer: list[Block]) -> list[list[Block]]:
    """Blocks by labelled paragraph if there are labels, else by paragraph (lists stay with the line that introduces them)."""
    lines = [_Told(block, cue_of(block.plain), plain_text(block.text)) for block in answer]
    keys = [_key(line, following) for line, following in zip(lines, [*lines[1:], None], strict=True)]
    labelled = [
        key is not None
        and (
            key[0] in ("heading-label", "label", "strong", "heading") or (key[1] == "marker" and bool(_label_of(line)))
        )
        for line, key in zip(lines, keys, strict=True)
    ]
    labels = [at for at, is_label in enumerate(labelled) if is_label]
    if len(labels) >= 2 and labels[0] == 0:
        bounds = labels
    else:
        bounds = [
            at
            for at, line in enumerate(lines)
            if at == 0
            or labelled[at]
            or (
                line.block.kind == "paragraph"
                and line.cue.number is None
                and answer[at - 1].plain.rstrip()[-1:] not in ":："
            )
        ]
    return [answer[a:b] for a, b in zip(bounds, [*bounds[1:], len(answer)], strict=True)]


def _fit(part: str, blocks: list[Block]) -> float:
    """How well the wording of blocks fits a question: its kind of clue in their first words."""
    heads = [block.plain[:24] for block in blocks]
    total = 0.0
    if _CAUSE.search(part):
        total += (
            1.0 if _BECAUSE.search(heads[0]) else 0.6 if any(_BECAUSE.search(block.plain) for block in blocks) else 0.0
        )
    if _HOW.search(part):
        total += 1.0 if _PROCESS.search(heads[0]) else 0.0
    words = {w.lower() for w in re.findall(r"[A-Za-z]{2,}", part)} | set(
        re.findall(r"[\u4e00-\u9fff]{2}", re.sub(r"什么|为什么|如何|怎么|哪些|有|的|是|和", " ", part))
    )
    return total + (sum(word in heads[0].lower() for word in words) / len(words) if words else 0.0)
