"""Cues that lines of question-and-answer pages carry in Chinese and English: numbering, labels, the look of a question.

Everything here judges one line by itself; what a whole page makes of it is the business of cleaning and splitting.
"""

import re
import unicodedata
from dataclasses import dataclass

_HAN_DIGITS = {c: i for i, c in enumerate("零一二三四五六七八九")} | {"〇": 0, "两": 2}
_HAN_NUMBER = "[一二三四五六七八九十百零〇两]{1,5}"
_CIRCLED = "①②③④⑤⑥⑦⑧⑨⑩⑪⑫⑬⑭⑮⑯⑰⑱⑲⑳"

# Each scheme: name, pattern with the number in group 1. The first that matches wins, so the specific ones stand first.
_SCHEMES: tuple[tuple[str, re.Pattern[str]], ...] = tuple(
    (name, re.compile(pattern))
    for name, pattern in (
        ("ordinal", rf"第\s*(\d{{1,4}}|{_HAN_NUMBER})\s*[题问个条]\s*[:：、.．)）]?\s*"),
        ("dotted", r"(\d{1,3}(?:[.．]\d{1,3}){1,3})[.．、)）:：]?[ \t\u00a0\u3000]*(?![\d%])"),
        ("dot", r"(\d{1,4})\s?\\?[.．。](?![\d])[ \t\u00a0\u3000]*"),
        ("comma", r"(\d{1,4})\s?[、,，](?!\d)\s*"),
        ("paren", r"(\d{1,4})\s?\\?[)）]\s*"),
        ("parens", r"[(（]\s?(\d{1,4})\s?[)）][、.．]?\s*"),
        ("bracket", r"[\[【]\s?(\d{1,4})\s?[\]】]\s*"),
        ("colon", r"(\d{1,3})\s?[:：](?!\d)\s*"),
        ("keycap", r"(\d{1,2})\ufe0f?\u20e3\s*"),
        ("hash", r"#(\d{1,4})[.:：)]?\s+"),
        ("circled", rf"([{_CIRCLED}])\s*[、.]?\s*"),
        ("han", rf"({_HAN_NUMBER})\s?[、.．]\s*"),
        ("hans", rf"[(（]({_HAN_NUMBER})[)）][、.．]?\s*"),
        ("roman", r"([ivxIVX]{1,5})[.)、]\s*"),
        ("romans", r"[(（]([ivx]{1,5}|[IVX]{1,5})[)）][、.．]?\s*"),
        ("letter", r"([A-Ha-h])\s?[.)、．）]\s*(?=\S)"),
        ("letter", r"([I-Zi-z])[)）]\s*(?=[^\W\d_])"),
        ("letters", r"[(（]([A-Za-z])[)）]\s*"),
    )
)

_Q_WORDS = r"Questions?|Interview question|Interviewer|Ques|问题|提问|面试题|面试官|考官|追问|题目|试题|问|Q"
# Extra questions at the end of a list. Other things bear these names as well, so what follows must ask.
_EXTRA = re.compile(
    rf"[\[【(（<《]?\s*+(?:附加题|加分题|思考题|选做题|拓展题|压轴题|彩蛋|加餐|番外|bonus(?: questions?| round)?|extra(?: credit)?(?: questions?)?|follow-?up(?: questions?)?)"
    rf"\s*+(?:[#＃No.]*\s*+(\d{{1,4}}|{_HAN_NUMBER})\s*+)?(?:[\]】)）>》]\s*[:：.、]?|[:：]|[-–—]\s)\s*",
    re.IGNORECASE,
)
_A_WORDS = (
    r"(?:accepted |best |top |correct |model |sample )?Answers?|Ans|Candidate|Interviewee|Me|Solution|Explanation|Response|Reply|参考答案|正确答案|标准答案|最佳答案|推荐答案|优质回答|精彩回答|答案解析|答案|正解|标答|点拨|详解|参考解答|参考(?:思路|要点)|(?:答题|作答|回答)(?:思路|要点|参考)|参考回答|回答|解答|答复|解析|题解"
    r"|解决方案|解决方法|解决办法|解法|分析|候选人|应聘者|求职者|面试者|我|解|答|A"
)
_SUB = r"(?:[a-h](?![a-z])|[.-]\d{1,2}(?!\d))?"  # of a question put in later ("Question 10b", "Q3.1")
_Q_LABEL = re.compile(
    rf"[\[【(（<《]?\s*+(?:{_Q_WORDS})\s*+(?:[#＃No.]*\s*+(\d{{1,4}}|{_HAN_NUMBER}){_SUB}\s*+)?(?:[\]】)）>》]\s*[:：.、]?|[:：]|[.、．)）](?=\s|\D)|[-–—]\s)\s*",
    re.IGNORECASE,
)
_Q_NUMBERED = re.compile(
    rf"(?:Q|Question|面试题|问题|题目)\s?[#.-]?\s?(\d{{1,4}}|{_HAN_NUMBER})\s*(?:[|｜]\s*(?=\S)|[:：.、)）]?(?:\s+(?=\S)|\s*$))",
    re.IGNORECASE,
)
_A_LABEL = re.compile(
    rf"[\[【(（<《]?\s*+(?:{_A_WORDS})\s*+(?:\d{{1,4}}{_SUB}\s*+)?(?:[\]】)）>》]\s*[:：.]?|[:：]|[.．](?=\s)|[-–—]\s|$)\s*",
    re.IGNORECASE,
)
# without a stop behind the number the answer must begin like a sentence: "A1 is the best grade" is one itself
_A_TIGHT = re.compile(r"(?:A\d{1,4}|Answer\s\d{1,4})(?:\s*[:：.、)）]\s+|\s+(?-i:(?![a-z])))", re.IGNORECASE)

_EMPHASIS = re.compile(
    r"\*\*\*?|(?<!_)__(?!_)|(?<![\w*])\*(?=\S)|(?<=\S)\*(?![\w*])|<[/]?(?:b|strong|em|i|u|font|span|p|br|a|code|mark)\b[^>]*>"
)
_MD_LINK = re.compile(
    r"!?\[([^\[\]]{0,300})\]\([^()\s]{0,500}(?:\([^()\s]{0,100}\)[^()\s]{0,200})?(?:\s+\"[^\"]{0,200}\")?\)"
)
_TAGS_AT_END = re.compile(r"[\s\u00a0]*[(（\[【][^()（）\[\]【】?？]{1,12}[)）\]】]\s*$")
_ORNAMENT = re.compile(r"[\U0001F300-\U0001FAFF\u2600-\u27BF\u2B50\u2B55\ufe0f\u200b-\u200d\ufeff★☆]+")

_ZH_ASK = re.compile(
    r"什么|为何|啥|如何|怎么|怎样|咋|哪些|哪个|哪种|哪几|哪里|哪儿|哪一|哪块|哪方面|在哪|吗|呢|是否|几种|几个|几类|几层|多少|多大|有何|何时|何谓|能不能"
    r"|会不会|可不可以|有没有|是不是|要不要|需不需要|还是"
)
_ZH_ORDER = re.compile(
    r"(?:请|试|试着|简单|简要|详细|分别|具体|你来)*(?:解释|简述|描述|说明|列举|列出|比较|对比|谈谈|谈一谈|说说|说一说|说一下|讲讲|讲一讲|讲一下"
    r"|介绍|阐述|概述|论述|叙述|举例|写出|推导|证明|手写|手推|实现|分析|区分|判断|给出|指出|聊聊|对/错|判断题)"
)
_ZH_TOPIC = re.compile(
    r"(?:区别|差别|差异|不同|异同|作用|原理|理解|缺点|优点|优缺点|优势|好处|步骤|流程|方法|意义|含义|概念|定义|关系|联系|过程|机制|应用|场景|类型"
    r"|分类|技巧|影响|原因|特点|特性|策略|思想|思路|公式|问题|处理|方式|方案)$"
)
_EN_ASK = re.compile(
    r"(?:so |and |but |in \w+, |suppose .*)?(?:what|why|how|when|where|which|who|whose|is|are|was|were|can|could|do|does|did|should|would"
    r"|will|has|have|what's|how's)\b",
    re.IGNORECASE,
)
_EN_TOPIC = re.compile(
    r"(?:the )?(?:differences?|relation(?:ship)?|comparison|trade-?offs?) between|(?:the )?(?:advantages|disadvantages|benefits|drawbacks|types"
    r"|kinds|role|purpose|importance|causes?|pros and cons|use cases|steps) (?:of|and)\b|.{2,40}\b(?:vs\.?|versus)\s",
    re.IGNORECASE,
)
_EN_ORDER = re.compile(
    r"(?:please |briefly |can you )?(?:explain|describe|list|compare|define|discuss|name|give|outline|derive|implement|tell|summari[sz]e|state"
    r"|differentiate|distinguish|contrast|justify|prove|show|walk me|talk about|mention|write|design|illustrate|true or false|true/false)\b",
    re.IGNORECASE,
)
# What exams leave open: brackets with nothing in them at the end, and lines to write on.
_TO_FILL = re.compile(
    r"(?<=[\u4e00-\u9fff。？，”]) ?(?:（\s*）|\(\s+\))[。.]?$|(?<![A-Za-z0-9_])[_＿]{3,}+(?![A-Za-z0-9])|＿(?=\S)"
)
_RHETORIC = re.compile(
    r"那么|那(?!些|个|种)|所以|但是|但(?!书)|可是|不过|然而|因此|于是|而且|而(?!言)|并且|其实|比如|例如|(?:so|but|and|then|now|well|right|sounds|see|get it|ok)\b",
    re.IGNORECASE,
)
# What a listener throws in to show that he follows.
_NOD = re.compile(
    r"\W*+(?:(?:嗯++|哦++|噢|好的?|对的?|是的?|行|可以|明白了?|了解了?|知道了|没错|不错|请?继续|请?接着说"
    r"|(?:ok(?:ay)?|right|i see|got it|mm-?hm++|uh[- ]huh|yes|yeah|yep|sure|good|great|nice|interesting|makes sense|go on)(?!\w))\W*+){1,3}",
    re.IGNORECASE,
)
_ZH_MARK = re.compile(r"[\u3001-\u303f\uff01-\uff0f\uff1a-\uff20\uff3b-\uff40\uff5b-\uff65]")
_URL_ONLY = re.compile(r"^[<(（]?\s*(?:https?://|www\.)\S+\s*$")


@dataclass(frozen=True, slots=True)
class Number:
    """A number at the head of a line: its scheme, its value (one entry a level) and the length of its text."""

    scheme: str
    value: tuple[int, ...]
    length: int


@dataclass(frozen=True, slots=True)
class Cue:
    """What one line says of itself.

    `label` is "q", "a" or ""; `number` its numbering; `body` the text after both; `body_at` the position of `body` in the line;
    `ask` how much it reads like a question, 0 (not at all) to 1 (certainly).
    """

    label: str
    number: Number | None
    body: str
    body_at: int
    ask: float


def strip_markup(text: str) -> str:
    """`text` without Markdown emphasis, link targets, inline HTML tags, heading hashes and list bullets."""
    text, hashes = re.subn(r"^\s*(?:>\s?){0,9}(?!#\d{1,4}[ \t])#{1,6}\s*(?=\S)", "", text)
    if hashes:
        closed = text.rstrip().rstrip("#")
        text = closed.rstrip() if closed[-1:].isspace() else text  # "C#" ends in no closing hash
    if len(text) > 20_000:
        return text.strip()
    text = _MD_LINK.sub(lambda m: m.group(1), text)
    parts = re.split(r"(`[^`\n]+`)", text)
    return "".join(part if part[:1] == "`" else _EMPHASIS.sub("", part) for part in parts).strip()


def read_cue(plain: str) -> Cue:
    """Read numbering, label and question look off one line of markup-free text."""
    text = plain.strip()
    at = len(plain) - len(plain.lstrip())
    ornament = _ORNAMENT.match(text)
    if ornament and not re.match(r"\d\ufe0f?\u20e3", text):
        at += ornament.end()
        text = text[ornament.end() :]
        at += len(text) - len(text.lstrip())
        text = text.lstrip()
    label, number = "", None
    bullet = re.match(r"(?:>\s?){1,9}|[•·●○◦▪■◆◇►▶➤➢✅❓❔🔹🔸*+–-][ \t\u00a0\u3000]+", text)
    if bullet:
        at, text = at + bullet.end(), text[bullet.end() :]
    number = read_number(text)
    if number:
        at, text = at + number.length, text[number.length :]
    match = _Q_LABEL.match(text) or _Q_NUMBERED.match(text) or _extra_label(text)
    if match and is_nod(text):
        match = None
    elif match and match.end() <= len(text):
        label = "q"
        if match.group(1):
            number = Number("label", (to_int(match.group(1)),), match.end())
    else:
        match = _A_LABEL.match(text) or _A_TIGHT.match(text)
        if match and match.end() > 0 and len(text.strip()) > 1:  # a letter alone is a choice, not a label
            label = "a"
    if match and label:
        at, text = at + match.end(), text[match.end() :]
        if label == "q" and number is None:
            inner = read_number(text)
            if inner:
                number, at, text = inner, at + inner.length, text[inner.length :]
    return Cue(label, number, text, at, ask_score(text))


def _extra_label(text: str) -> re.Match[str] | None:
    """The label of an extra question ("Bonus: why …?"), when what follows it asks."""
    match = _EXTRA.match(text)
    return match if match and ask_score(text[match.end() :]) >= 0.5 else None


def read_number(text: str) -> Number | None:
    """The numbering at the start of `text`, or None."""
    for scheme, pattern in _SCHEMES:
        match = pattern.match(text)
        if match:
            return Number(scheme, tuple(to_int(part) for part in re.split(r"[.．]", match.group(1))), match.end())
    return None


def to_int(text: str) -> int:
    """Value of an Arabic, Chinese, circled, roman or letter numeral; 0 when it is none."""
    if text.isdecimal():
        return int(text)
    if text in _CIRCLED:
        return _CIRCLED.index(text) + 1
    if text[0] in _HAN_DIGITS or text[0] in "十百":
        total, digit = 0, 0
        for char in text:
            if char in "十百":
                total += (digit or 1) * (10 if char == "十" else 100)
                digit = 0
            else:
                digit = _HAN_DIGITS.get(char, 0)
        return total + digit
    if set(text.lower()) <= set("ivx"):
        values = [{"i": 1, "v": 5, "x": 10}[c] for c in text.lower()]
        return sum(-v if v < max(values[i:]) else v for i, v in enumerate(values))
    return ord(text.lower()) - 96 if len(text) == 1 and text.isascii() and text.isalpha() else 0


def trim_question(text: str) -> str:
    """A question without trailing company tags in brackets, ornaments and stray colons; white space folded."""
    text = _ORNAMENT.sub("", text)
    shorter = _TAGS_AT_END.sub("", text)
    if (
        len(shorter) >= 4
        and re.search(r"[\u4e00-\u9fff]", text[len(shorter) :])
        and not _ZH_ASK.search(text[len(shorter) :])
    ):
        text = shorter
    return re.sub(r"\s+", " ", text).strip().rstrip("：:").strip()


def ask_score(text: str) -> float:
    """How much `text` reads like a question or an order to answer: 0 (not at all) to 1 (certainly)."""
    text = trim_question(text)
    if not text or _URL_ONLY.match(text):
        return 0.0
    width = display_width(text)
    if text[-1] in "?？" or re.search(r"[?？][)）\"”』」]?$", text):
        return 1.0 if len(re.findall(r"[。.!！;；](?=\s|$|[\u4e00-\u9fff])", text)) <= 2 and width <= 240 else 0.6
    sentence = text[-1] in "。.!！;；"
    if width > 160 or len(re.findall(r"[。！；]", text)) > 1:
        return 0.0
    if _TO_FILL.search(text) and re.search(r"[^\W_]{2}", text):
        return 0.7
    if _ZH_ORDER.match(text) and width <= 120:
        return 0.75
    if _EN_ORDER.match(text) and width <= 140:
        return 0.7
    if _EN_ASK.match(text) and not sentence and width <= 140:
        return 0.7
    if _EN_TOPIC.match(text) and width <= 80 and not sentence:
        return 0.5
    if _ZH_ASK.search(text) and width <= 100:
        if sentence or re.search(r"[:：]", text):
            return 0.35
        return 0.5 if re.search(r"[,，]", text) else 0.7
    if _ZH_TOPIC.search(text) and width <= 50 and not re.search(r"[,，。;；]", text):
        return 0.5
    return 0.0


def is_nod(text: str) -> bool:
    """True for a labelled line that only shows that somebody follows ("Interviewer: I see.")."""
    match = _Q_LABEL.match(text)
    return match is not None and not match.group(1) and bool(_NOD.fullmatch(text, match.end()))


def is_rhetorical(text: str) -> bool:
    """True for a question that leans on the sentence before it ("那么为什么呢?", "So why?")."""
    text = text.strip()
    return bool(_RHETORIC.match(text)) or (text.rstrip("?？").endswith("呢") and display_width(text) < 40)


def is_url(text: str) -> bool:
    """True for a line that is nothing but a link."""
    return bool(_URL_ONLY.match(text.strip()))


def is_title(text: str) -> bool:
    """True for a short line without closing punctuation, as bare titles are."""
    text = _ORNAMENT.sub("", text).strip()
    if not text or display_width(text) > 60 or text[-1] in "。.!！;；,，、:：" or is_url(text):
        return False
    return not re.search(r"[。！;；]", text) and bool(re.search(r"\w", text))


def display_width(text: str) -> int:
    """Columns of a terminal that `text` takes: two for a wide character, none for a combining one."""
    if text.isascii():
        return len(text)
    return sum(0 if unicodedata.combining(c) else 2 if unicodedata.east_asian_width(c) in "WF" else 1 for c in text)


def language_of(text: str) -> str:
    """ "zh", "en" or "mixed", by the share of Han characters among letters (words count as one letter each in Latin script); without either by
    the marks: "zh" for those of Chinese (？。), else "en".
    """
    han = len(re.findall(r"[\u3400-\u9fff]", text))
    latin = len(re.findall(r"[A-Za-z]+", text))
    if han == 0:
        return "zh" if not latin and _ZH_MARK.search(text) else "en"
    share = han / (han + 2 * latin)
    return "zh" if share >= 0.4 else "mixed" if share >= 0.1 else "en"
