"""Lines that stand where an answer was to come ("先占个坑", "will add later", "答案略（会员可见）", "unlock this answer").

Their words alone do not tell: an answer may say that something is done later, or who may see what. So such a line must be all there
is below a question, be short, and speak of what its question does not speak of.
"""

import re

from retriever.cleaning import phrases
from retriever.cleaning.state import Page, content_range
from retriever.cues import display_width, is_title

LONGEST_STUB = 100  # columns

_STUBS = (
    # put off
    r"占(?:个|一个)?坑|挖(?:个|一个)?坑|(?:待|等|慢慢|来)填坑",
    r"(?:以后|之后|后面|后续|稍后|明天|过几天|下次).{0,3}(?:补上?|补充|补写|填上|填坑|细讲|再讲|再更)(?:[了吧哈哦]|一下)?\W*$",
    r"(?:回头|有空|改天|晚点|周末|等我|择日|下期|下篇).{0,6}(?:补上?|补充|写|更新?|讲|填上?|整理|完善)(?:[了吧哈哦]|一下)?\W*$",
    r"(?:见|看|详见|放在?|留到|留给|参见)(?:下|后)(?:一)?(?:篇|期|章|回|集|文)",
    r"(?:下一?[篇期章回集]|下次|后文|后面)(?:文章)?.{0,3}再(?:细)?(?:说|讲|聊|写|补|展开|揭晓|更)\W*$",
    r"(?:下一?[篇期章回集]|下次)(?:文章)?.{0,3}(?:再|单独|专门|另外|详细)(?:细|来|地)?(?:说|讲|聊|写|补|展开|揭晓|更)(?:\W*$|[，,。！!].{0,6}(?:催更|关注|敬请期待|留言))",
    r"^\W*(?:答案|解析|内容)?(?:待|等)(?:补充?|更新|完善|整理|续|解答|回答|填)中?(?:\W|$)",
    r"^\W*to be (?:added|written|done|completed|filled in|continued|answered)(?: (?:in|with) (?:the|a|an|our|my) (?:next|later|future|new|upcoming)\b.{0,30})?\W*$",
    r"^\W*(?:TODO|TBD|TBA|WIP|FIXME)\b",
    r"^\W*(?:(?:I|we)(?:.?ll| will) |(?:(?:an?|the|this|my|full) )*(?:answers?|solutions?|explanations?|details|sections?|write-?up)?\s*(?:is |are )?(?:will |to |shall )?(?:be )?)(?:add(?:ed)?|fill(?:ed)?|writ(?:e|ten)|answer(?:ed)?|updated?|expand(?:ed)?|cover(?:ed)?|com(?:e|ing)|follow)\b.{0,24}\b(?:soon|later|shortly|next (?:week|time|post|part))\W*$",
    r"\b(?:see|covered in|saved? for|left for) (?:the |my |our |an? )?(?:next|follow-?up|upcoming|later|future|separate) (?:posts?|parts?|articles?|episodes?|chapters?|issues?|videos?)\b",
    r"\b(?:this|still|section|answer)\b.{0,8}\ba? ?work in progress\b",
    r"(?:作者|小编|编辑部?|讲师|老师|我们?)(?:还|正)在(?:打磨|编写|撰写|整理|制作|赶稿|准备)|^\W*(?:还|正)在(?:打磨|编写|撰写|赶稿)|(?:写|整理|更新|补)(?:好|完)了?.{0,10}(?:告诉|通知|提醒)(?:你|您|大家)",
    r"^\W*(?:(?:the|an?|our|this|full) )*(?:write-?up|answer|solution|explanation|walk-?through)s? (?:will )?(?:lands?|arrives?|comes?|drops?|follows?|(?:is |are )?due)\b.{0,12}\b(?:with|in|after) (?:(?:the|an?|our|my) )?(?:\w+ ){0,2}?(?:refresh|updates?|release|edition|revision|version|issue|week|month|spring|summer|autumn|fall|winter|post|part|chapter|volume)\W*$",
    # left to the reader
    r"(?:这|本|此)(?:一)?(?:道|个)?(?:题|问|问题).{0,2}(?:就)?留给(?:你|您|大家|读者|同学)|留作(?:练习|思考|作业)|(?:你|您|大家)(?:会|将|打算)?(?:怎么|如何|怎样)(?:答|回答|作答)[？?]|(?:欢迎|期待|(?:在|到)(?:留言|评论)(?:区|里)?).{0,6}(?:写下|写出|说说|聊聊|留下)",
    r"\bno (?:model|official|sample|written|prepared) (?:answers?|solutions?) here\b|\bleft (?:as an exercise|to the reader)\b|\b(?:post|share|leave|send) (?:us )?your (?:own )?(?:answer|solution|attempt|take) (?:below|in the|to us)\b|\bhow would you answer (?:this|it|that)\b",
    # not known, to be given by others
    r"(?:没|没有|未能)(?:答|回答|想)(?:上|出)来|答不(?:上|出)来|当时(?:没答|不会|懵了)|(?:还|尚)?(?:没|未)(?:写|整理|想)(?:完|好)\W*$",
    r"求(?:各位|大佬|大神|高手|网友|好心人).{0,6}(?:解答|补充|指点|指教|答案)|^\W*跪?求(?:解答|补充|指点|答案|解)\W*$|(?:欢迎|等待|待|求|请)认领|认领请|(?:欢迎|等待|期待).{0,6}(?:解答|补充答案|来信补|补上)|(?:录音|录像|录屏).{0,4}(?:坏了?|丢了?|缺失|没录上|断了|听不清)",
    r"(?:暂|尚|还)(?:无|没有|未提供|未公布|未给出|缺)(?:参考|标准|官方)?(?:答案|解析|解答)|^\W*(?:无|没有|缺|未提供|未公布)(?:参考|标准|官方)?(?:答案|解析|解答)\W*$",
    r"(?:\b(?:I|we)|^\W*) ?(?:did|could|do)(?:n.?t| not) (?:answer|know (?:the answer|this one)|get (?:to )?this one|have an answer|manage this)\b.{0,30}",
    r"\b(?:no|without an?) (?:model |official |sample )?(?:answers?|solutions?)(?: (?:yet|available|provided|given|was given|so far))\b|\b(?:answers?|solutions?) (?:is |are )?(?:not (?:yet )?|un)(?:available|provided|given|written|published|released)\b",
    r"^\W*not (?:yet )?(?:answered|written|filled in)(?: yet)?\W*$|\b(?:recording|tape|audio) (?:is |was |has been |got |here is )?(?:lost|damaged|missing|broken|cut off|inaudible)\b|\b(?:help|volunteers?|answers?|contributions?) (?:wanted|needed)\b|\bup for grabs\b",
    # kept back by whoever writes
    r"(?:我(?:就|也)?|这里|此处|本文|恕)不(?:再)?(?:写|说|讲|答|透露|剧透|公开|展开|献丑|丢人|多说|多写|赘述)(?:[了啦吧哈]|出来|下去)?\W*$|(?:不|防止|避免)剧透\W*$"
    r"|^\W*(?:大家|各位|你们|诸位|读者)(?:可以)?(?:自己|自行)?(?:去)?(?:想想?|试试?|查查?|看看|体会|发挥|思考)(?:吧|一下)?\W*$",
    r"^\W*(?:(?:this|that) (?:one )?(?:is|was) |I.?ll |I will )?(?:left|leave) (?:(?:it|this|that|this one) )?(?:as an exercise(?: to| for)?|(?:up )?to|for) (?:the readers?|you)\b.{0,20}$|\b(?:no spoilers|won.?t (?:spoil|give (?:it|this|that) away)|(?:I.?d|I would) rather not (?:say|share|tell|write))\b.{0,30}$",
    # lost by whoever tells
    r"(?:我|本人|这[题道个]).{0,6}(?:卡住|卡壳|愣住|懵|傻眼|空白|宕机)了?|答得?(?:稀烂|很?烂|一塌糊涂|很?差|不好)|谁有(?:好|更好|标准|靠谱)?的?(?:答案|思路|想法|回答)|(?:谁来?|来人|有人)教教我|教教我\W*$",
    r"\bI (?:totally |just |completely )?(?:blanked|froze|drew a blank|went blank|got stuck|messed (?:it|this) up|choked)\b.{0,40}$|^\W*no idea\b.{0,40}$|^\W*any(?:one|body) (?:got|has|have|know)\b.{0,30}\b(?:answer|idea|solution)s?\b.{0,10}$",
    # for a teacher to judge
    r"^\W*(?:本题|此题|这题)?(?:为|是)?(?:开放|主观)(?:性|式)?(?:试?题|问题|作答)[，,；;：:。、(（].{2,24}$",
    r"^\W*open[- ]ended (?:question|task|item)\s?[,;:(–—-].{2,40}$",
    # hidden
    r"^\W*略\s?(?:[(（\[【].{0,24}[)）\]】])?\W*$",
    r"(?:开通|购买|登录|注册|付费|订阅|会员|VIP|扫码|关注|解锁|下载|充值).{0,14}(?:可见|可看|(?:查看|解锁|获取|显示|阅读).{0,4}(?:答案|解析|解答|全文|完整))|(?:答案|解析).{0,4}(?:仅|需|只).{0,6}(?:会员|付费|登录|VIP)",
    r"^\W*(?:please )?(?:unlock|reveal) .{0,16}\b(?:answers?|solutions?|explanations?)\b",
    r"^\W*(?:please )?(?:upgrade|subscribe|log ?in|sign ?(?:in|up)|register|join|go (?:premium|pro)|buy|purchase)\b.{0,24}\bto (?:see|view|read|unlock|get|reveal|access)(?: (?:the |this |full |all )*(?:answers?|solutions?|explanations?|content|it|more))?\W*$",
    r"\b(?:answers?|solutions?|explanations?) (?:is |are )?(?:hidden|locked|blurred|(?:only |reserved )?for (?:premium|members|subscribers|pro))\b",
)
_STUB = re.compile("|".join(f"(?:{stub})" for stub in _STUBS), re.IGNORECASE)


def by_stub(page: Page) -> None:
    """The only line below a question, when it puts the answer off, hides it or says that there is none."""
    last = content_range(page)[1]
    for at in range(len(page.blocks) - 1):
        if at in page.drops or at + 1 in page.drops or not _may_ask(page, at):
            continue
        told = at + 2 if _only_label(page, at + 1) else at + 1
        if told < len(page.blocks) and _is_stub(page, at, told) and _ends(page, told + 1, last):
            for n in range(at + 1, told + 1):
                page.drop(n, "placeholder", "stands where an answer was to come")


def stands_for_answer(text: str, question: str) -> bool:
    """True for a text that is nothing but such a line, as a cell of a table beside `question` may be."""
    match = _STUB.search(text.strip("_* ")) if display_width(text) <= LONGEST_STUB else None
    placed = phrases.sure_furniture(text)
    words = match is not None and not _words(match.group()) & _words(question)
    return words or (placed is not None and placed[0] == "placeholder")


def _only_label(page: Page, at: int) -> bool:
    """True for the label of an answer alone on its line."""
    return page.cues[at].label == "a" and not page.cues[at].body.strip()


def _may_ask(page: Page, at: int) -> bool:
    block, cue = page.blocks[at], page.cues[at]
    if block.kind in ("code", "table", "formula", "image") or cue.label == "a":
        return False
    titled = (
        cue.ask >= 0.5
        and block.gap >= 2
        and display_width(block.plain) <= 100
        and block.plain.rstrip()[-1:] not in "。.!！;；"
    )
    return page.asks(at) or titled or cue.number is not None or cue.label == "q" or block.kind in ("heading", "term")


def _is_stub(page: Page, question: int, at: int) -> bool:
    """True for a short line with the words of a stub none of which its question has."""
    block, cue = page.blocks[at], page.cues[at]
    if block.kind not in ("paragraph", "item", "quote", "definition") or display_width(block.plain) > LONGEST_STUB:
        return False
    if cue.label == "q" or (cue.number is not None and page.cues[question].number is not None):
        return False
    match = _STUB.search((cue.body if cue.label == "a" else block.plain).strip("_* "))
    return match is not None and not _words(match.group()) & _words(page.blocks[question].plain)


def _ends(page: Page, at: int, last: int) -> bool:
    """True where an answer ends before block `at`: at a question, furniture, the end, a title above a question; behind the last question at a blank line."""
    if at >= len(page.blocks) or at in page.drops or _may_ask(page, at):
        return True
    below = at + 1 < len(page.blocks) and (_may_ask(page, at + 1) or page.blocks[at + 1].gap >= 2)
    titled = is_title(page.blocks[at].plain) and below
    return page.blocks[at].gap >= 2 and (at > last or titled)


def _words(text: str) -> set[str]:
    """Han bigrams, the longer words and the abbreviations of a line."""
    han = re.findall(r"[\u4e00-\u9fff]+", text)
    return {run[i : i + 2] for run in han for i in range(len(run) - 1)} | {
        word.lower() for word in re.findall(r"[A-Za-z]{4,}|[A-Z]{3}", text)
    } - {"this", "will", "that", "with"}
