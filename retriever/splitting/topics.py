"""Parts of long answers: list items and labelled paragraphs with what belongs to them, and the parts of many-sided questions."""

import re
from dataclasses import dataclass

from retriever.cues import Cue, display_width, read_cue, strip_markup
from retriever.documents import Block

_LABEL = re.compile(r"\s*([^:：。，,；;!！?？=\n]{1,40}?)\s*[:：](?!//)")
_DASH_LABEL = re.compile(r"\s*([^—–。，,；;!！?？\n]{1,30}?)\s*(?:——|—|–| - )")
_FORMULA_LABEL = re.compile(r"\s*(?:\\\(|\$)\s*\\?([A-Za-z]{2,})")
_CODE_LABEL = re.compile(r"\s*`([^`]{1,40})`")
_CAUSE = re.compile(r"为什么|为何|为啥|原因|why|reason", re.IGNORECASE)
_BECAUSE = re.compile(r"因为|因此|由于|导致|理由|原因|所以|because|since|therefore|reason|due to", re.IGNORECASE)
_HOW = re.compile(r"如何|怎么|怎样|实现|流程|步骤|how|steps?", re.IGNORECASE)
_PROCESS = re.compile(r"过程|流程|步骤|首先|实现|方法|first|then|step|procedure", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Topic:
    """A part of an answer: its title, the blocks from its opening line on, the titles it stands under, its depth (1-based)."""

    title: str
    blocks: list[Block]
    path: tuple[str, ...]
    depth: int


@dataclass(slots=True)
class _Open:
    key: tuple[object, ...]
    indent: int
    at: int
    title: str
    labelled: bool


def find_topics(answer: list[Block]) -> list[Topic]:
    """Labelled items, labelled paragraphs and items with text below them, at most three deep; [] for a plain answer."""
    cues = [read_cue(block.plain) for block in answer]
    stack: list[_Open] = []
    closed: list[tuple[_Open, int, int, tuple[str, ...]]] = []  # opener, end, depth, path

    def close(to: int, end: int) -> None:
        while len(stack) > to:
            opener = stack.pop()
            closed.append((opener, end, len(stack) + 1, tuple(o.title for o in stack)))

    for at, (block, cue) in enumerate(zip(answer, cues, strict=True)):
        key = _key(block, cue)
        while stack and block.indent < stack[-1].indent and (key is not None or block.kind != "formula") and not (key is None and block.indent == 0 and block.kind == "formula"):
            close(len(stack) - 1, at)
        if key is None:
            continue
        depth = next((n for n, opener in enumerate(stack) if opener.key == key), len(stack))
        close(depth, at)
        title, labelled = _title(block, cue)
        stack.append(_Open(key, block.indent, at, title, labelled))
    close(0, len(answer))
    closed.sort(key=lambda item: item[0].at)
    return _worthwhile(answer, closed)


def _key(block: Block, cue: Cue) -> tuple[object, ...] | None:
    """What makes two lines siblings: the bullet or numbering scheme and indentation, or being a labelled paragraph."""
    if block.kind in ("code", "table", "formula", "image"):
        return None
    bullet = re.match(r"\s*([•·●○◦▪■◆◇*+–-])\s", block.text)
    if bullet:
        return ("bullet", block.indent, bullet.group(1))
    if cue.number is not None and cue.number.scheme not in ("colon",):
        return ("number", cue.number.scheme, len(cue.number.value), block.indent)
    if block.kind == "heading":
        return ("heading", block.level)
    if block.kind in ("paragraph", "item", "definition"):
        match = _LABEL.match(strip_markup(block.text))
        if match and display_width(match.group(1)) <= 36 and not re.search(r"(?:如下|以下|包括|例如|比如|即|是|为|有|分为|such as|following|include[sd]?|are|is)$", match.group(1)):
            return ("label", block.indent)
        if block.strong and display_width(block.plain) <= 60:
            return ("strong", block.indent)
    return None


def _title(block: Block, cue: Cue) -> tuple[str, bool]:
    """Title of a topic and whether the line marks it as one (label, emphasis, heading) or it is only its beginning."""
    body = strip_markup(cue.body)
    if block.kind == "heading" or block.strong:
        return body.strip(" :："), True
    emphasised = re.match(r"\s*(?:[•*+-]\s+|\d{1,3}[.、)]\s*)?(?:\*\*|__|`)([^*_`]{1,60})(?:\*\*|__|`)", block.text)
    for match in (_LABEL.match(body), emphasised, _DASH_LABEL.match(body), _FORMULA_LABEL.match(body), _CODE_LABEL.match(body)):
        if match and display_width(match.group(1)) <= 48:
            return strip_markup(match.group(1)).strip(" :："), True
    return re.split(r"[。，,；;.!？?]", body)[0][:40].strip(), False


def _worthwhile(answer: list[Block], closed: list[tuple[_Open, int, int, tuple[str, ...]]]) -> list[Topic]:
    """Keep the levels whose items have titles or text of their own; one item alone is no list."""
    siblings: dict[tuple[object, ...], list[tuple[_Open, int, int, tuple[str, ...]]]] = {}
    for item in closed:
        siblings.setdefault((item[0].key, item[2], item[3]), []).append(item)
    topics = []
    for group in siblings.values():
        nested = sum(end - opener.at > 1 for opener, end, _, _ in group)
        marked = sum(opener.labelled for opener, _, _, _ in group)
        if group[0][2] > 3 or (len(group) < 2 and not (marked and (nested or group[0][2] > 1))) or max(nested, marked) < 0.5 * len(group):
            continue
        for opener, end, depth, path in group:
            blocks = answer[opener.at : _trim(answer, opener.at, end)]
            if opener.title and display_width(" ".join(b.plain for b in blocks)) >= display_width(opener.title) + 8:
                if len(blocks) < len(answer):
                    topics.append(Topic(opener.title, blocks, path, depth))
    topics.sort(key=lambda topic: topic.blocks[0].start)
    return topics


def _trim(answer: list[Block], start: int, end: int) -> int:
    """End of a topic without labels that have nothing below them."""
    while end - 1 > start and re.fullmatch(r"[^:：]{1,12}[:：]?", answer[end - 1].plain.strip()) and answer[end - 1].plain.strip()[-1] in ":：":
        end -= 1
    return end


def question_parts(question: str) -> list[str]:
    """The single questions of a line that asks several, or [] when it asks one."""
    parts = [part.strip() for part in re.findall(r"[^?？]+[?？]+", question)]
    parts = [part for part in parts if len(re.sub(r"\W", "", part)) >= 2]
    return parts if len(parts) >= 2 else []


def align_parts(parts: list[str], answer: list[Block]) -> list[tuple[str, list[Block]]]:
    """Which blocks answer which part, when the answer falls into as many labelled or blank-line groups, or wording tells.

    Returns [] when nothing does: the whole answer then stands for the whole question alone.
    """
    groups = _groups(answer)
    if len(groups) == len(parts):
        return list(zip(parts, groups, strict=True))
    if len(parts) != 2 or not 2 < len(groups) <= 14:
        return []
    scores = []
    for bound in range(1, len(groups)):
        first, second = _flat(groups[:bound]), _flat(groups[bound:])
        scores.append((_fit(parts[0], first) + _fit(parts[1], second), bound))
    best = max(scores)
    if best[0] < 1.0 or sum(score == best[0] for score, _ in scores) > 1:
        return []
    return [(parts[0], _flat(groups[: best[1]])), (parts[1], _flat(groups[best[1] :]))]


def _flat(groups: list[list[Block]]) -> list[Block]:
    return [block for group in groups for block in group]


def _groups(answer: list[Block]) -> list[list[Block]]:
    """Blocks by labelled paragraph if there are labels, else by paragraph (lists stay with the line that introduces them)."""
    cues = [read_cue(block.plain) for block in answer]
    labels = [at for at, (b, c) in enumerate(zip(answer, cues, strict=True)) if (key := _key(b, c)) is not None and key[0] in ("label", "strong", "heading")]
    if len(labels) >= 2 and labels[0] == 0:
        bounds = labels
    else:
        bounds = [at for at, (b, c) in enumerate(zip(answer, cues, strict=True)) if at == 0 or b.kind == "paragraph" and c.number is None and answer[at - 1].plain.rstrip()[-1:] not in ":："]
    return [answer[a:b] for a, b in zip(bounds, [*bounds[1:], len(answer)], strict=True)]


def _fit(part: str, blocks: list[Block]) -> float:
    """How well the wording of blocks fits a question: its kind of clue in their first words."""
    heads = [block.plain[:24] for block in blocks]
    total = 0.0
    if _CAUSE.search(part):
        total += 1.0 if _BECAUSE.search(heads[0]) else 0.6 if any(_BECAUSE.search(block.plain) for block in blocks) else 0.0
    if _HOW.search(part):
        total += 1.0 if _PROCESS.search(heads[0]) else 0.0
    words = {w.lower() for w in re.findall(r"[A-Za-z]{2,}", part)} | set(re.findall(r"[\u4e00-\u9fff]{2}", re.sub(r"什么|为什么|如何|怎么|哪些|有|的|是|和", " ", part)))
    return total + (sum(word in heads[0].lower() for word in words) / len(words) if words else 0.0)
