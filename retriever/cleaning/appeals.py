"""Questions that a page puts to its reader ("Did you make this recipe?", "还有疑问吗？") and the calls that follow them.

Such a line asks like any question, and its words alone do not tell it from one, so two signs must meet. It asks what the reader makes
of the page or whether more is wanted; and what stands below it answers nothing: no text at all, links, buttons, or a few short
lines that bid the reader to write, follow, share or subscribe. Labelled and numbered questions are the page's own whatever they say.
"""

import re

from retriever.cleaning import phrases
from retriever.cleaning.state import Page, content_range
from retriever.cues import display_width
from retriever.documents import Block

LONGEST_APPEAL, LONGEST_CALL, MOST_CALLS = 80, 160, 4  # columns, columns, lines

# What a reader has before the eyes.
_PAGE = (
    r"(?:(?:this|the|our|these) (?:\w+ )?(?:pages?|articles?|posts?|answers?|guides?|tutorials?|recipes?|videos?|lessons?|stor(?:y|ies)|blog"
    r"|content|site|website|topics?|information|docs?|documentation|faqs?|tips?|episodes?)|this|it|that)"
)
_PAGE_ZH = r"(?:本|这|此|该|上述|以上)(?:篇|个|份|道|则|条|些)?(?:文章?|页面?|网页|回答|答案|内容|教程|指南|视频|笔记|食谱|菜谱|菜|攻略|帖子|博客|专栏|文档|题解|资料|信息)"
_YOU_ZH = r"(?:你|您|大家|各位)?"
_APPEALS = (
    # what the reader makes of the page
    rf"(?:was|is|were|are|did|does|do|has|have) {_PAGE} (?:\w+ ){{0,3}}?(?:(?:un)?helpful|useful|help(?:ed)?|answer(?:ed)?|solve[d]?|of (?:any )?(?:use|help)|interesting)\b.{{0,40}}",
    rf"(?:(?:did|do|have|are) you )?(?:make|made|try|tried|cook(?:ed)?|bake[d]?|like[d]?|enjoy(?:ed|ing)?|love[d]?|find|found|finding|read|watch(?:ed)?|finish(?:ed)?) (?:{_PAGE}|what you [\w ]{{1,24}}?)(?: (?:so far|\w*useful|\w*helpful|interesting|article|recipe))?",
    rf"how (?:(?:would|do|did) you (?:rate|like|find)|(?:helpful|useful|good|clear) (?:was|is)|(?:can|could) we improve) {_PAGE}|how (?:did|are) we do(?:ing)?",
    rf"what do you think(?: (?:of|about) {_PAGE})?",
    rf"(?:(?:did|do|have) you )?(?:found|find|spot(?:ted)?|see|notice[d]?) (?:a|an|any) (?:\w+ )?(?:typos?|mistakes?|errors?|bugs?|issues?)(?: (?:in|on|with) {_PAGE})?",
    # whether more is wanted
    rf"(?:(?:do|did) you )?(?:still )?(?:have|got) (?:(?:a|an|any|more|other|some|further|additional|unanswered|quick) )*(?:questions?|doubts?|suggestions?|feedback|ideas?|comments?|something to add)(?: (?:about|on) {_PAGE}| left)?",
    r"(?:any|more|other|still|further) (?:(?:other|more|further) )?(?:questions?|doubts?|suggestions?|comments?|feedback|ideas?)",
    rf"(?:do you )?(?:still )?(?:need|want|looking for|would you like) (?:(?:a|any|some|more|further|extra|additional|personal|expert) )*(?:help|support|assistance|information|info)(?: (?:with|on|about) {_PAGE})?",
    r"(?:do you |would you )?(?:want|like|looking)(?: to (?:learn|know|read|see|hear|get)| for)? more(?: .{1,30})?",
    r"still (?:stuck|confused|unsure|not sure|in doubt|curious|lost|wondering|need help)\b.{0,30}",
    r"(?:did(?:n.?t| not)|can(?:.?t|not| not)|could(?:n.?t| not)|have(?:n.?t| not)) (?:you )?(?:find|found|see) (?:(?:an |the |your )?answers?|what you|it)\b.{0,40}",
    r"never miss (?:a|an|any|another|out)\b.{0,30}",
    r"(?:is |was )?(?:anything|something) (?:else|missing|unclear|to add)",
    # the same in Chinese
    rf".{{0,6}}{_PAGE_ZH}.{{0,12}}(?:有用|有帮助|有所帮助|有启发|有收获|喜欢|满意|怎么样|如何|解决了?{_YOU_ZH}的?(?:问题|疑问))(?:吗|么|呢)?",
    rf"{_YOU_ZH}(?:是否|有没有)?(?:喜欢|看懂|读懂|学会|做过|试过|满意|觉得)了?{_PAGE_ZH}(?:了|有用|有帮助|怎么样|如何)?(?:吗|么|呢)?",
    rf"{_YOU_ZH}(?:觉得|感觉)?(?:对{_YOU_ZH})?(?:有用|有帮助|有收获|有所帮助|还?喜欢|满意)(?:吗|么|呢)",
    rf"(?:是否|有没有)?解决了?{_YOU_ZH}的(?:问题|疑问|疑惑)了?(?:吗|么)?",
    rf"{_YOU_ZH}(?:是否|是不是)?(?:还|仍|尚)?有(?:没有)?(?:任何|其他|其它|别的|更多|什么|不懂的|不明白的)*(?:问题|疑问|疑惑|建议|意见|想法|补充)(?:吗|么|呢)?",
    rf"{_YOU_ZH}(?:还|仍)?(?:没有?|未能?)(?:找到|搜到|解决)(?:你|您)?(?:想要|需要|要找|满意)?的?(?:答案|内容|问题|信息|东西)?(?:吗|么)?",
    rf"{_YOU_ZH}(?:还|仍)?(?:想要?|需要|希望)(?:了解|获得|获取|知道|看到?)?(?:更多|进一步|人工)的?(?:内容|信息|帮助|支持|资料|干货|了解)?(?:吗|么)?",
    r"(?:发现|找到)了?(?:文中|本文|文章|页面)?的?(?:错误|错别字|笔误)了?(?:吗|么)?",
    rf"{_YOU_ZH}(?:对此)?(?:怎么看|有何看法|有什么看法)呢?",
)
_APPEAL = re.compile(rf"^\W*(?:{'|'.join(_APPEALS)})\W*$", re.IGNORECASE)

# A bidding begins a sentence or a clause and names a way to reach the people of the page.
_BID = re.compile(
    r"(?:^|[.!:;,–—-]\s+|\b(?:and|or|then|to|please|just|can|simply) )(?:please |just |simply |feel free to |don.?t hesitate to |you can )*"
    r"(?:contact|e-?mail|call|message|ask|write|reach|tell|let|tag|follow|share|subscribe|sign up|join|leave|post|drop|rate|vote|click|tap|enter|get in touch|chat|talk|speak"
    r"|submit|send|report|open|pin|give|comment|connect|get|receive|book|schedule|visit|check|browse|search|star|fork|like)\b",
    re.IGNORECASE,
)
_WAY = re.compile(
    r"\b(?:us|our|me|below|comments?|newsletter|e-?mail|inbox|form|support|instagram|twitter|facebook|pinterest|whatsapp|telegram|youtube|linkedin|reddit"
    r"|discord|slack|github|forums?|community|hashtag|stars?)\b|[@#]\w|https?://|\bwww\.|^\W*(?:contact|subscribe|comment|get in touch)\b",
    re.IGNORECASE,
)
_WE = re.compile(
    r"\b(?:we|our|us)\b.{0,60}\b(?:help|hear|touch|get back|love to|happy to)\b|\bthank(?:s| you) for (?:your|the|letting)\b",
    re.IGNORECASE,
)
_BID_ZH = re.compile(
    r"(?:^|[，,。.！!；;：:、~～\s])"
    r"(?:那就|就|也|都|请|欢迎|可以?|随时|直接|快|来|去|到|在|向|给|通过|拨打|记得|不妨|麻烦|点击|您|你|我们?|作者|小编|官方|在线|下方|下面|文末|底部|右下角|评论区|留言区|后台|公众号|邮箱|邮件|电话|微信|表单)*"
    r"(?:联系|留言|评论|私信|咨询|客服|点个?赞|关注|收藏|转发|分享|订阅|扫码|加群|反馈|告诉|致电|发邮件|提问|发帖|投票|打分|打赏|三连|点击)"
)
_READER = re.compile(r"\byou(?:r|rs)?\b|[你您]|大家|各位|^\W*(?:any|still|more)\b", re.IGNORECASE)
_MAIL = re.compile(r"\b[\w.+-]{1,40}@[\w-]{1,40}\.\w")
_CHOICE = re.compile(
    r"\W*(?:(?:yes|no|是|否|有|没有|有用|没用|有帮助|没帮助|喜欢|不喜欢)\W*(?:\d+\W*)?){1,4}", re.IGNORECASE
)


def by_closing_appeal(page: Page) -> None:
    """Paragraphs after the last answer that ask the reader something and bid him write, share or follow in the same breath."""
    last = content_range(page)[1]
    at = last + 2
    while at < len(page.blocks):
        end = at + 1
        while end < len(page.blocks) and page.blocks[end].gap == 1 and page.blocks[end].kind == "paragraph":
            end += 1
        block, cue = page.blocks[at], page.cues[at]
        told = " ".join(other.plain.strip() for other in page.blocks[at:end])
        asked = re.match(r"[^?？。.!！]{4,120}[?？]\s*(?=\S)", told)
        fits = block.gap >= 2 and block.kind == "paragraph" and not cue.label and cue.number is None
        if fits and asked and len(told) <= 400 and _READER.search(asked.group()):
            bid = told[asked.end() :]
            if (_BID.search(bid) and (_WAY.search(bid) or _MAIL.search(bid))) or _WE.search(bid) or _BID_ZH.search(bid):
                for n in range(at, end):
                    page.drop(n, "feedback", "asks the reader about the page, not about its subject")
        at = end


# The upper or lower edge of a box that is drawn with signs.
_EDGE = re.compile(r"[┌┏╔╭└┗╚╰+][─━═┄-]{4,}[┐┓╗╮┘┛╝╯+]")
_ASKING_SLOGAN = re.compile(r"[^?？。.!！]{3,60}[?？]\s*[^?？。.!！\s][^?？。.!！]{3,60}")


def by_box(page: Page) -> None:
    """A lone box with a single line that asks the reader and answers with what it has for him ("Lost your way? Our app finds it")."""
    edges = [at for at, block in enumerate(page.blocks) if _EDGE.fullmatch(block.plain.strip())]
    if len(edges) != 2 or edges[1] != edges[0] + 2:
        return
    top, inside, bottom = range(edges[0], edges[1] + 1)
    text = page.blocks[inside].plain.strip(" │┃║|\u3000\t")
    apart = page.blocks[top].gap >= 2 and (bottom + 1 == len(page.blocks) or page.blocks[bottom + 1].gap >= 2)
    if apart and display_width(text) <= LONGEST_CALL and _ASKING_SLOGAN.fullmatch(text):
        for at in (top, inside, bottom):
            page.drop(at, "promo", "advertisement in a box")


def by_appeal(page: Page) -> None:
    """Questions to the reader about the page, with the calls below them."""
    told = False  # whether the page has said anything yet
    for at, block in enumerate(page.blocks):
        if at in page.drops:
            continue
        if not (told and _appeals(page, at)):
            told = told or block.kind != "heading"
            continue
        below, end = _below(page, at)
        joined = _joined(page, at)
        below = joined if joined and set(joined) < set(below) else below
        if below:
            calls = len(below) <= MOST_CALLS and all(_calls(page.blocks[n], n == below[0]) for n in below)
        else:
            calls = end == len(page.blocks) or _closes(block, page.blocks[end])
        if calls:
            for n in (at, *below):
                page.drop(n, "feedback", "asks the reader about the page, not about its subject")


def _appeals(page: Page, at: int) -> bool:
    """True for a line that words itself as an appeal and has neither label nor number."""
    block, cue = page.blocks[at], page.cues[at]
    return (
        block.kind in ("heading", "term", "paragraph")
        and not cue.label
        and cue.number is None
        and block.plain.rstrip()[-1:] in ("?", "？")
        and display_width(block.plain) <= LONGEST_APPEAL
        and bool(_APPEAL.match(block.plain))
    )


def _closes(block: Block, following: Block) -> bool:
    """True when `following` is a title beside or above that of `block`, which so holds nothing."""
    if block.kind == "heading":
        return 0 < following.level <= block.level
    return block.strong and (following.strong or following.kind == "heading")


def _below(page: Page, at: int) -> tuple[list[int], int]:
    """The lines that are left below line `at`, up to the next heading or question or until they are too many; and where that stands."""
    below: list[int] = []
    for n in range(at + 1, len(page.blocks)):
        if page.blocks[n].kind in ("heading", "term") or page.asks(n) or len(below) > MOST_CALLS:
            return below, n
        if n not in page.drops:
            below.append(n)
    return below, len(page.blocks)


def _joined(page: Page, at: int) -> list[int]:
    """The lines that are left of the paragraph which line `at` begins."""
    end = at + 1
    while end < len(page.blocks) and page.blocks[end].gap == 1 and page.blocks[end].kind == "paragraph":
        end += 1
    return [n for n in range(at + 1, end) if n not in page.drops]


def _calls(block: Block, first: bool) -> bool:
    """True for a short line that bids the reader to do something, leads elsewhere or is a button; below the first, for any bare one."""
    text = block.plain.strip()
    if block.kind in ("code", "table", "formula") or display_width(text) > LONGEST_CALL:
        return False
    if block.linked > 0.6 or phrases.ui_share(text) > 0.5 or _CHOICE.fullmatch(text):
        return True
    if (_BID.search(text) and _WAY.search(text)) or _WE.search(text) or _BID_ZH.search(text):
        return True
    return not first and text[-1:] not in "。.!！?？;；:：" and display_width(text) <= 40
