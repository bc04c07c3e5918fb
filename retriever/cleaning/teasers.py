"""Single lines that point to another article by its title where that title asks ("热门推荐：为什么…？", "You may also like: How do …?").

Such a line asks like a question of the page. What tells it apart is its label, all of which speaks of recommending or of reading, and that nothing below
it answers. Labels that authors give to questions of their own (related questions, 相关问题) are none.
"""

import re

from retriever.cleaning.state import Page, answered
from retriever.cues import display_width

LONGEST_TITLE = 120  # columns

_READING = r"(?:阅读|文章|好文|热文|内容|博文|帖子|话题|资讯|新闻|教程|视频|课程|专栏)"
_LABELS = (
    r"(?:热门|相关|精选|精彩|往期|好文|文章|今日|本周|编辑|小编|更多|为(?:你|您))?推荐",
    rf"(?:推荐|相关|延伸|拓展|扩展|更多|热门|精选|往期|最新|精彩)(?:的)?{_READING}",
    r"猜(?:你|您)(?:喜欢|想看|感兴趣)|(?:你|您)(?:可能)?(?:也|还)?(?:可能)?会?(?:喜欢|感兴趣|想看)(?:的(?:文章|内容)?)?|大家(?:都|还)?在(?:看|读|搜)",
    r"recommended(?: (?:for you|reading|reads?|posts?|articles?|stor(?:y|ies)|videos?))?|(?:must|read) (?:also|more|next|read)|also read|up next|keep reading|further reading",
    r"(?:related|popular|trending|latest|featured|similar|suggested|more|top|hot) (?:posts?|articles?|reads?|reading|stor(?:y|ies)|videos?|tutorials?|guides?|news|content|topics?|courses?|lessons?)",
    r"related|trending(?: now)?|popular now|(?:don.?t|do not) miss|editor.?s (?:picks?|choice)|people also (?:read|liked?)|you (?:may|might) (?:also )?(?:like|enjoy|be interested in)",
)
_TEASER = re.compile(rf"^\W*+(?:{'|'.join(_LABELS)})\s*+(?:[:：|｜\]】]|[-–—]\s)\s*+(?P<title>.+)$", re.IGNORECASE)
_TITLE = re.compile(r"[^。.!！?？;；]*+(?:\.(?!\s|$)[^。.!！?？;；]*+)*+[?？][\"”』」》)）]?\W{0,3}")


def by_asking_teaser(page: Page) -> None:
    """Teasers that ask, unless text follows that may answer them, or they are all there is below a question."""
    for at, block in enumerate(page.blocks):
        if (
            at not in page.drops
            and block.kind in ("paragraph", "item", "quote")
            and page.asks(at)
            and not page.cues[at].label
            and page.cues[at].number is None
            and _points_away(block.plain)
            and not _told(page, at + 1)
            and (at == 0 or at - 1 in page.drops or not page.asks(at - 1))
        ):
            page.drop(at, "teaser", "points to another article")


def _points_away(text: str) -> bool:
    """True for a label of recommendations with the title of an article that asks behind it."""
    match = _TEASER.match(text.strip()) if len(text) <= 320 else None
    return (
        match is not None and display_width(match["title"]) <= LONGEST_TITLE and bool(_TITLE.fullmatch(match["title"]))
    )


def _told(page: Page, at: int) -> bool:
    """True where block `at` is text: a sentence, an item, code, or what bears the label of an answer."""
    if at >= len(page.blocks) or at in page.drops or page.asks(at) or page.blocks[at].kind in ("heading", "term"):
        return False
    told = page.cues[at].label == "a" or page.blocks[at].plain.rstrip()[-1:] in "。.!！;；:："
    return told or answered(page, at - 1)
