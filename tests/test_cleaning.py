"""Cleaning: what is dropped, by which rule, and above all what stays."""

import re

import pytest
from making import answers, drop_holding, kept_text, make_page, make_source, parents, questions

from retriever.cleaning.profile import SiteProfile, fit, page_lines
from retriever.corpus import read_blocks
from retriever.pages import Page

ZH = [
    ("什么是动量？", "动量是梯度的滑动平均，它让更新更平稳。"),
    ("什么是权重衰减？", "权重衰减把权重往零拉，起到正则化的作用。"),
    ("什么是批归一化？", "批归一化用小批量的均值和方差做标准化。"),
]
EN = [
    ("What is momentum?", "Momentum keeps a running mean of gradients, which steadies the updates."),
    ("What is weight decay?", "Weight decay pulls the weights towards zero and so regularises the model."),
    ("What is batch normalisation?", "Batch normalisation scales by the mean and variance of a minibatch."),
]


def markdown(pairs: list[tuple[str, str]], inserted: str = "", at: int | None = None) -> str:
    """A Markdown page of pairs with a paragraph inserted before pair `at` (at the end when it is None)."""
    parts = [f"## {question}\n\n{answer}" for question, answer in pairs]
    parts.insert(len(parts) if at is None else at, inserted)
    return "\n\n".join(part for part in parts if part) + "\n"


def numbered(pairs: list[tuple[str, str]], after_first: str) -> str:
    """A text page of numbered pairs with paragraphs inserted after the first answer."""
    parts = [f"{n}. {question}\n\n{answer}" for n, (question, answer) in enumerate(pairs, 1)]
    return "\n\n".join([parts[0], after_first, *parts[1:]]) + "\n"


def html(pairs: list[tuple[str, str]]) -> str:
    return "\n".join(f"<h3>{question}</h3>\n<p>{answer}</p>" for question, answer in pairs)


def rules(page: Page) -> set[str]:
    return {drop.rule for drop in page.document.drops}


# what every drop tells

FURNITURE = [
    ("teaser", "文章知识点与官方知识档案匹配，可进一步学习相关知识"),
    ("byline", "发布于 2023-05-06 12:30"),
    ("byline", "作者：某某 | 2021年3月4日 阅读 1234"),
    ("byline", "Posted on May 6, 2023 by Ann Lee"),
    ("byline", "By Ann Lee"),
    ("byline", "5 min read"),
    ("source-header", "本文链接：https://example.org/a"),
    ("source-header", "来源：某某社区"),
    ("site-legal", "© 2023 某某网 版权所有"),
    ("site-legal", "转载请注明出处"),
    ("site-legal", "All rights reserved."),
    ("cookie", "本站使用 Cookie 来改善体验"),
    ("cookie", "We use cookies to improve your visit."),
    ("promo", "如果觉得有用，欢迎点赞收藏"),
    ("promo", "扫码关注公众号领取资料"),
    ("promo", "广告"),
    ("promo", "Subscribe to our newsletter"),
    ("promo", "Advertisement"),
    ("login", "登录后查看全文"),
    ("login", "Sign in to continue reading"),
    ("login", "Read more"),
    ("navigation", "上一篇：循环网络入门"),
    ("navigation", "返回首页"),
    ("navigation", "Previous: Recurrent nets"),
    ("navigation", "Home > Guides > Optimisers"),
    ("navigation", "Skip to main content"),
    ("tags", "标签：机器学习, 面试"),
    ("tags", "Tags: optimisation, interview"),
    ("image-placeholder", "[图片]"),
    ("image-placeholder", "Photo by Ann Lee on a stock site"),
    ("comments", "3 楼"),
    ("comments", "5分钟前"),
    ("comments", "3 days ago"),
    ("share", "分享到：微博 微信"),
    ("toc", "[TOC]"),
    ("placeholder", "待补充"),
    ("page-number", "Page 3 of 12"),
    ("feedback", "Was this page helpful?"),
    ("end-marker", "The End"),
    ("end-marker", "（全文完）"),
    ("end-marker", "- - - E N D - - -"),
    ("navigation", "答题卡：①②③④⑤⑥⑦⑧　[交卷]"),
    ("navigation", "Answer sheet: 1 2 3 4 5 6 7 8 [Submit]"),
    ("placeholder", "【正解】＊＊＊"),
    ("placeholder", "Answer: ＊＊＊"),
    ("placeholder", "【点拨】登录后每日可免费查看 3 题"),
    ("placeholder", "Sign in for 3 free answers a day"),
    ("navigation", "——— 系统提示：楼层过长已自动折叠，点击展开 ———"),
    ("navigation", "12 replies were collapsed, click to expand"),
    ("promo", "〔推荐〕简历没有回音？老师傅一对一修改 ★已售 900+"),
    ("promo", "[Recommended] A lamp that reads to you ★ 900 sold"),
    ("promo", "码字三小时，路过的朋友留个“好”再走"),
    ("end-marker", "— — 完 — —"),
    ("navigation", "点赞 88  收藏  分享到微信  举报"),
    ("byline", "赞12收藏9分享"),
    ("byline", "👍 12  💬 3  ⭐ 5"),
    ("byline", "120 claps · 3 responses"),
    ("byline", "责任编辑：某某"),
    ("promo", "【推荐阅读】循环网络面试题大全 点击查看>>"),
    ("teaser", "推荐阅读 | 一文搞懂优化器"),
    ("teaser", "Also Read - Fifty questions about nets"),
    ("teaser", "You may also like these posts"),
    ("teaser", "Check out: Fifty questions about nets"),
    ("promo", "更多面试题请点击：https://example.org/more"),
    ("promo", "查看更多>>"),
    ("promo", "关注我，每天学一点"),
    ("promo", "有问题欢迎留言"),
    ("promo", "加入社群，与 1000+ 小伙伴一起刷题"),
    ("promo", "Check out our complete guide to optimisers"),
    ("promo", "Click here to read more about optimisers"),
    ("promo", "Got a question for us? Please mention it in the comments section and we will get back to you."),
    ("promo", "Enroll in our course now!"),
    ("source-header", "本文由某某平台发布！"),
    ("source-header", "This post was originally published at example.org"),
    ("navigation", "<< 上一篇 下一篇 >>"),
    ("navigation", "Toggle navigation"),
    ("navigation", "Tweet Share Pin"),
    ("tags", "Filed under Interview"),
    ("comments", "登录后才能评论"),
    ("comments", "Be the first to comment"),
    ("feedback", "Suggest an edit"),
    ("promo", "▼▼▼ 赞助内容：云主机首年 99 元 ▼▼▼"),
    ("promo", "--- ad --- Lab coats from 12.99 --- ad ---"),
    ("promo", "【广告】三个月学会后端"),
    ("promo", "〖内推〗搜索组招人，点头像"),
    ("promo", "💡 Sponsor: PlotBarn, charts for small teams"),
    ("promo", "> 📢 Our sponsor: QueryBarn, profiles for small teams"),
    ("promo", "Become a data analyst in 16 weeks"),
    ("promo", "See syllabus"),
    ("promo", "Save 30% on the annual plan"),
    ("promo", "会员低至 0.3 元/天"),
    ("promo", "下载本文档，查找使用更方便"),
    ("promo", "需要 8 积分"),
    ("promo", "Learn this set faster with our app"),
    ("promo", "Contributors: @ann-lee @bo_k"),
    ("promo", "贡献者：@xiaoming、@lihua"),
    ("byline", "支持 32　反对 1　举报"),
    ("byline", "4.8 (231 ratings)"),
    ("byline", "上传者：爱读书的猫   格式：DOC   页数：9"),
    ("byline", "shared by ann_lee · viewed 14,902 times"),
    ("end-marker", "You've reached the end of the free preview"),
    ("end-marker", "试读已结束"),
    ("login", "免费预览还剩 3 页"),
    ("image-placeholder", "[diagram not available in the text version]"),
    ("image-placeholder", "（图略）"),
    ("site-legal", "Do not sell my data"),
    ("site-legal", "QuizBarn Inc. 2024 - Help - Honor code"),
    ("navigation", "文库首页 > 高等教育 > 统计学"),
    ("navigation", "某某题库 首页 > 统计学 > 模拟试题"),
    ("teaser", "Related course: Debugging nets (4h)"),
    ("teaser", "相关课程：三小时学会调参"),
    ("teaser", "点击查看：历年真题考点汇总"),
    ("promo", "一键生成复习长图 >>"),
    ("promo", "免费试听名师精讲课 >"),
    ("promo", "Browse all guides >>"),
    ("promo", "For more practice, check out our Complete Data Science Program with live sessions"),
    ("login", "最低 0.5 元/天 解锁文章"),
    ("login", "Unlock this story for $0.99 a month"),
    ("code-box", "登录复制"),
    ("promo", "🌿 一个人背题容易断，加学姐回复〖打卡〗领计划表 🌿"),
    ("promo", "回复“真题”免费领取三年试卷"),
    ("promo", "觉得有帮助，点一下右上角那三个点"),
    ("promo", "讲师：老周　已有 4186 人加入学习"),
    ("promo", "听懂面试官的英语，首课 1 元 抢"),
    ("promo", "We're hiring compiler people. Say hi"),
    ("promo", ":tada: Our friends at PlotBarn are hiring. Ever wanted to draw for a living?"),
    ("poll", "小调查：你面试时最怕被追问哪一块？"),
    ("poll", "已有 731 人选择"),
    ("poll", "Quick survey: how often do you train?"),
    ("end-marker", "— 本期到此 / That's a wrap —"),
    ("end-marker", "这期节目就到这里"),
    ("end-marker", "And that's a wrap!"),
]


def pairs_for(text: str) -> list[tuple[str, str]]:
    """Pairs in the language of `text`."""
    return ZH if re.search(r"[\u4e00-\u9fff]", text) else EN


@pytest.mark.parametrize(("rule", "line"), FURNITURE)
def test_furniture_at_the_end_is_dropped_by_its_rule(rule: str, line: str) -> None:
    page = make_page(markdown(pairs_for(line), line), "a.md")
    drop = drop_holding(page, line)
    assert (drop.rule, drop.start_line, drop.end_line) == (rule, 13, 13)
    assert answers(page) == dict(pairs_for(line))


@pytest.mark.parametrize(("rule", "line"), [pair for pair in FURNITURE if pair[0] != "end-marker"])
def test_furniture_between_answers_is_dropped_and_content_goes_on(rule: str, line: str) -> None:
    page = make_page(markdown(pairs_for(line), line, at=1), "a.md")
    assert drop_holding(page, line).rule == rule
    assert answers(page) == dict(pairs_for(line))


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"], ids=["LF", "CRLF", "CR"])
def test_drop_tells_place_text_and_reason(end: str) -> None:
    line = "作者：某某 | 2021年3月4日 阅读 1234"
    text = markdown(ZH, line, at=0).replace("\n", end)
    drop = drop_holding(make_page(text, "a.md"), "某某")
    assert (drop.start_line, drop.end_line, text[drop.start : drop.end], drop.text) == (1, 1, line, line)
    assert len(drop.reason) > 10


def test_drops_and_kept_blocks_make_up_the_page() -> None:
    """Nothing disappears silently: every block is either kept or dropped with rule and reason."""
    text = markdown(ZH, "扫码关注公众号领取资料\n\n相关文章\n\n十分钟读懂循环网络")
    source = make_source(text, "a.md")
    page = make_page(text, "a.md")
    held = [(b.start, b.end) for b in page.document.blocks] + [(d.start, d.end) for d in page.document.drops]
    assert sorted(held) == [(b.start, b.end) for b in read_blocks(source)[1]]
    assert all(drop.rule and drop.reason for drop in page.document.drops)


def test_dropped_line_inside_an_answer_is_recorded_with_the_passage() -> None:
    text = "## 什么是动量？\n\n动量是梯度的滑动平均。\n\n扫码关注公众号领取资料\n\n它让更新更平稳。\n\n" + markdown(
        ZH[1:]
    )
    passage = parents(make_page(text, "a.md"))[0]
    assert passage.answer == "动量是梯度的滑动平均。\n\n它让更新更平稳。"
    assert (passage.answer_lines, passage.dropped_lines) == ((3, 7), (5,))


# runs

TEASERS_ZH = """相关文章

卷积网络入门指南

从零开始讲解卷积层、池化层与感受野，适合第一次接触图像任务的读者，全文约三千字……

十分钟读懂循环网络

循环网络为什么能记住前文？本文用一个小例子说明隐状态的更新过程与梯度的传播…"""
TEASERS_EN = """A beginner's guide to convolutional nets

Convolution, pooling and receptive fields from scratch, for readers who meet image tasks for the first time...

Recurrent nets in ten minutes

Why does a recurrent net remember what came before? A small example shows how the hidden state is updated..."""


@pytest.mark.parametrize(
    ("pairs", "teasers"), [(ZH, TEASERS_ZH), (EN, TEASERS_EN)], ids=["with a heading", "without a heading"]
)
def test_teasers_in_the_middle_go_and_the_numbering_resumes(pairs: list[tuple[str, str]], teasers: str) -> None:
    page = make_page(numbered(pairs, teasers))
    assert rules(page) == {"teaser"}
    assert "\n\n".join(drop.text for drop in page.document.drops) == teasers
    assert answers(page) == dict(pairs)


@pytest.mark.parametrize(
    "lead",
    ["You may also like", "Recommended from Medium", "People who read this also read", "使用本卷的老师还下载了", "看过本文的人也都在看"],
)  # fmt: skip
def test_teasers_at_the_end_go(lead: str) -> None:
    page = make_page(markdown(EN, f"{lead}\n\n- [What is a kernel?](/k)\n- [Why do nets overfit?](/o)"), "a.md")
    assert rules(page) <= {"teaser", "page-edge", "link"}
    assert answers(page) == dict(EN)


@pytest.mark.parametrize(
    "at",
    [0, 2],
)
def test_one_answer_that_ends_in_an_ellipsis_is_no_teaser(at: int) -> None:
    pairs = ZH[:2]
    pairs.insert(at, ("数列怎么往下写？", "把前两项相加得到下一项，写出来就是一、一、二、三、五、八、十三，如此等等……"))
    assert answers(make_page(markdown(pairs), "a.md")) == dict(pairs)


THREADS = [
    "3 Comments\n\nAnn Lee\n\n2 days ago\n\nGreat list, but what about Adam? I was asked that.\n\nReply",
    "全部评论\n\n小明 3天前\n\n写得真好，请问自适应方法怎么选？\n\n回复\n\n路人甲 2天前\n\n同问，面试被问到了",
    "小明\n1楼\n写得真好，请问自适应方法怎么选？\n\n路人甲\n2楼\n同问，面试被问到了",
]


@pytest.mark.parametrize("thread", THREADS, ids=["english", "chinese", "without a heading"])
def test_comment_thread_at_the_end_goes_with_the_questions_in_it(thread: str) -> None:
    pairs = pairs_for(thread)
    page = make_page("\n\n".join(f"{n}. {q}\n\n{a}" for n, (q, a) in enumerate(pairs, 1)) + f"\n\n{thread}\n")
    assert answers(page) == dict(pairs)
    assert "comments" in rules(page)
    assert sum(len(drop.text.split()) for drop in page.document.drops) == len(thread.split())


@pytest.mark.parametrize(
    "contents",
    [
        "1. 什么是动量？\n2. 什么是权重衰减？\n3. 什么是批归一化？",
        "目录\n\n- [什么是动量？](#a)\n- [什么是权重衰减？](#b)\n- [什么是批归一化？](#c)",
        "- 什么是动量\n- 什么是权重衰减\n- 什么是批归一化",
    ],
    ids=["bare", "linked", "without marks"],
)
def test_table_of_contents_goes_and_the_questions_stay(contents: str) -> None:
    page = make_page(f"{contents}\n\n{markdown(ZH)}", "a.md")
    assert rules(page) == {"toc"}
    assert len(page.document.drops) == len(contents.replace("\n\n", "\n").split("\n"))
    assert answers(page) == dict(ZH)


def test_two_answers_that_begin_alike_are_no_table_of_contents() -> None:
    pairs = [("如何清空缓存？", "先停掉服务。\n\n再删缓存目录。"), ("如何换证书？", "先停掉服务。\n\n再换证书文件。")]
    assert answers(make_page(markdown(pairs), "a.md")) == dict(pairs)


@pytest.mark.parametrize("shape", ["## {}\n\n{}", "Q: {}\nA: {}"], ids=["headings", "labels"])
def test_steps_that_answers_share_are_no_table_of_contents(shape: str) -> None:
    """Answers of one handbook open with the same steps; only questions that come again make a table of contents."""
    steps = "Do this:\n\n1. Open the settings\n2. Go to the network page"
    pairs = [
        ("How do I change the proxy?", f"{steps}\n3. Enter the address of the proxy"),
        ("How do I forget a network?", f"{steps}\n3. Press the cross beside its name"),
    ]
    page = make_page("\n\n".join(shape.format(*pair) for pair in pairs) + "\n", "a.md")
    assert answers(page) == dict(pairs)


def test_what_follows_the_end_goes() -> None:
    after = "（全文完）\n\n我是一名工程师，喜欢写作和旅行，这里会写一些见闻。\n\n最近在读一本讲航海历史的书。"
    page = make_page(markdown(ZH, after), "a.md")
    assert [drop.rule for drop in page.document.drops] == ["end-marker", "after-end", "after-end"]
    assert answers(page) == dict(ZH)


def test_end_marker_before_more_questions_ends_nothing() -> None:
    page = make_page(markdown(ZH, "（全文完）", at=1), "a.md")
    assert answers(page) == dict(ZH)


def test_advert_of_another_subject_among_furniture_at_the_end_goes() -> None:
    advert = "周末帐篷特卖，山里露营不怕雨，三口之家都睡得下，颜色有墨绿和橙红，送防潮垫与营灯。"
    page = make_page(markdown(ZH, f"欢迎点赞收藏\n\n{advert}\n\n© 2023 某某网 版权所有"), "a.md")
    assert advert not in kept_text(page)
    assert answers(page) == dict(ZH)


# what a site repeats


def site(texts: list[str]) -> SiteProfile:
    """The profile of a site with these pages."""
    sources = [make_source(text, f"page{n}.txt") for n, text in enumerate(texts)]
    return fit(page_lines(source, read_blocks(source)[1]) for source in sources)


@pytest.mark.parametrize("line", ["每天一题，轻松进大厂的小站", "The daily optimiser, issue 7"])
def test_line_that_stands_on_three_pages_goes_from_their_edges(line: str) -> None:
    """Numbers in it may differ, as issue numbers do."""
    pages = [
        f"{re.sub('7', str(n), line)}\n\n1. {pair[0]}\n\n{pair[1]}\n\n2. {more[0]}\n\n{more[1]}\n"
        for n, (pair, more) in enumerate([(ZH[0], ZH[1]), (ZH[1], ZH[2]), (ZH[2], ZH[0])])
    ]
    page = make_page(pages[0], "page0.txt", profile=site(pages))
    assert drop_holding(page, line[:6]).rule == "site-repeated"
    assert questions(page) == [ZH[0][0], ZH[1][0]]


def test_line_on_two_pages_is_not_yet_a_repeat() -> None:
    pages = [f"优化器问答小集\n\n1. {q}\n\n{a}\n" for q, a in ZH[:2]]
    assert "site-repeated" not in rules(make_page(pages[0], "page0.txt", profile=site(pages)))


def test_labels_and_questions_that_pages_share_stay() -> None:
    """Answer labels, sub-headings and popular questions come again on every page and are content all the same."""
    pages = [
        f"1. {q}\n\n答案：\n\n{a}\n\n优点：\n\n简单而有效。\n\n2. 还有什么要注意的？\n\n先看数据再看模型。\n"
        for q, a in ZH
    ]
    page = make_page(pages[0], "page0.txt", profile=site(pages))
    assert rules(page) == set()
    assert questions(page) == [ZH[0][0], "还有什么要注意的？"]


def test_line_between_the_questions_stays_though_pages_share_it() -> None:
    pages = [f"1. {q}\n\n{a}\n\n调参时先固定其余设置不动\n\n2. 第二步做什么？\n\n记录结果。\n" for q, a in ZH]
    page = make_page(pages[0], "page0.txt", profile=site(pages))
    assert "调参时先固定其余设置不动" in kept_text(page)


# HTML furniture


@pytest.mark.parametrize(
    ("rule", "markup"),
    [
        ("navigation", '<nav><a href="/c">All our courses</a></nav>'),
        ("navigation", '<div role="banner">The optimiser daily</div>'),
        ("navigation", '<div class="breadcrumbs">Guides and more</div>'),
        ("site-legal", "<footer><p>Made with love in a small town</p></footer>"),
        ("sidebar", "<aside><p>Some words about me</p></aside>"),
        ("sidebar", '<div id="sidebar"><p>Some words about me</p></div>'),
        ("teaser", '<div class="related-posts"><h4>What is a convolution?</h4></div>'),
        ("comments", '<section id="comments"><p>What about Adam? I was asked that.</p></section>'),
        ("share", '<div class="share-bar">Tell your friends</div>'),
        ("byline", '<div class="author-box">Ann writes about nets</div>'),
        ("promo", '<div class="ad-slot">Buy a tent for the rain</div>'),
        ("login", '<div class="paywall">The rest is for friends</div>'),
        ("cookie", '<div role="dialog">We would like to know you</div>'),
        ("toc", '<div class="toc"><a href="#a">The first part</a></div>'),
        ("form", "<form><label>Your name</label></form>"),
        ("hidden", '<span style="display:none">secret</span>'),
    ],
)
def test_furniture_elements_go_by_tag_role_and_class(rule: str, markup: str) -> None:
    page = make_page(f"<body>{html(EN)}\n{markup}</body>", "a.html")
    assert rules(page) == {rule}
    assert answers(page) == dict(EN)


@pytest.mark.parametrize("name", ["comment-list", "recommend", "sidebar", "related", "vip", "share"])
def test_class_that_covers_most_of_the_page_is_no_furniture(name: str) -> None:
    """Some sites keep their articles in a `comment` or `recommend` box."""
    page = make_page(f'<div class="{name}">{html(EN)}</div>', "a.html")
    assert answers(page) == dict(EN)


def test_class_that_holds_most_questions_is_no_furniture() -> None:
    """The box counts by its questions, however long the story around it is."""
    story = "".join(f"<p>Part {n} of a long story about how these notes were written down.</p>" for n in range(20))
    page = make_page(f'{story}<div class="related">{html(EN)}</div>', "a.html")
    assert answers(page) == dict(EN)


def test_accordion_keeps_questions_on_buttons_and_hidden_answers() -> None:
    text = "\n".join(
        f'<button>{q}</button>\n<div aria-hidden="true" style="display:none"><p>{a}</p></div>' for q, a in EN
    )
    assert answers(make_page(text, "a.html")) == dict(EN)


# what must stay


@pytest.mark.parametrize(
    ("text", "name", "passages"),
    [
        ("问：午饭几点开始？\n答：十二点。\n", "a.txt", 1),
        ("Q: When does lunch start?\nA: At noon.\n", "a.txt", 1),
        ("午饭几点开始？\n\n十二点。\n", "a.txt", 1),
        ("## When does lunch start?\n\nAt noon.\n", "a.md", 1),
        ("<h2>When does lunch start?</h2><p>At noon.</p>", "a.html", 1),
        ("<dl><dt>午饭几点开始？</dt><dd>十二点。</dd></dl>", "a.html", 1),
        ("1. Is Adam an optimiser?\nYes.\n\n2. Is dropout one?\nNo.\n", "a.txt", 2),
    ],
)
def test_short_page_survives_whole(text: str, name: str, passages: int) -> None:
    page = make_page(text, name)
    assert page.document.drops == ()
    assert len(parents(page)) == passages


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        ("Q1: 一个字节有几位？\nA: 8\n\nQ2: 半字节有几位？\nA: 4\n", "4"),
        ("1. 一个字节有几位？\n8\n\n2. 半字节有几位？\n4\n", "4"),
        ("1、哪一项是优化器？\nA. 池化\nB. 动量法\n答：B\n\n2、哪一项是网络层？\nA. 池化\nB. 动量法\n答：A\n", "A"),
    ],
    ids=["labelled", "numbered", "multiple choice"],
)
def test_last_answer_of_one_character_stays(text: str, answer: str) -> None:
    page = make_page(text)
    assert page.document.drops == ()
    assert parents(page)[-1].answer == answer


def test_last_answer_below_a_label_of_its_own_stays() -> None:
    pairs = [*EN, ("What is dropout?", "In short, dropout is switching off random units in training.")]
    page = make_page("\n\n".join(f"Q: {q}\n\nA:\n\n{a}" for q, a in pairs) + "\n")
    assert page.document.drops == ()
    assert answers(page) == dict(pairs)


@pytest.mark.parametrize("line", ["作者：某某 | 2021年3月4日", "[TOC]"])
def test_title_of_the_page_stays_above_a_dropped_line(line: str) -> None:
    page = make_page(f"# 训练问答\n\n{line}\n\n{markdown(ZH)}", "a.md")
    assert [drop.text for drop in page.document.drops] == [line]
    assert parents(page)[0].heading_path == ("训练问答",)


SUBJECTS = [
    ("怎么给接口加登录校验？", "在中间件里检查令牌，没有登录就返回 401，并跳转到登录页面。"),
    ("评论系统怎么设计？", "评论表存父评论的编号，回复按时间排序；热门评论用缓存。"),
    ("如何实现消息订阅？", "客户端向主题订阅消息，服务器有新消息时推送给所有订阅者。"),
    ("点赞功能怎么防止重复？", "用集合记录已经点赞的用户，点赞前先查一次，收藏功能同理。"),
    ("什么是 Cookie？", "Cookie 是服务器存在浏览器里的一小段数据，每次请求都会带上。"),
    ("分页怎么写？", "记住上一页最后一条的编号，下一页从它之后开始取。"),
    ("广告点击率怎么预估？", "把广告、用户和上下文特征交叉后做逻辑回归，输出点击概率。"),
    ("推荐系统怎么做召回？", "用协同过滤和向量检索各取几百条，再合并去重。"),
    ("数据埋点要记什么？", "记录阅读量、点赞数和分享次数，还有发生的时间，例如 2023-05-06 12:30。"),
    ("How does single sign-on work?", "The user logs in once at an identity provider. Other sites trust its token."),
    ("What does copyright protect?", "Copyright protects the expression of code, not the idea behind it."),
    ("How does publish and subscribe work?", "Clients subscribe to a topic, and every subscriber gets a copy."),
    ("How are likes counted?", "A counter per post is kept in memory. Likes and shares are written to the log first."),
    (
        "How do I log in to a remote host?",
        "Use a key pair and an agent. Log in with ssh and never share the private key.",
    ),
    ("How does an advertisement auction work?", "Advertisers bid for a slot. The winner pays the second highest bid."),
    ("What is the Apache licence?", "It is a permissive licence, so code under it may be used in closed products."),
    (
        "How does pagination work?",
        "Each page holds a cursor. The next page starts after the last item of the previous page.",
    ),
    ("How do I report an error?", "Reply to the ticket and attach the log. Comments are read every morning."),
    ("What do pooled nets get wrong?", "Shifting an image by one pixel can change what they predict, so blur first."),
    ("怎样实现扫码登录？", "网页生成二维码，手机扫一扫后把令牌发给服务器，网页轮询到确认就完成登录。"),
    ("软件版权保护的是什么？", "版权保护的是代码的表达，不保护算法的思想。转载别人的代码要注明出处。"),
    ("什么是公众号的网页授权？", "公众号网页授权让用户在微信里同意后，网页拿到用户标识。"),
    ("二维码为什么能容错？", "二维码用里德-所罗门码编码，缺损三成以内仍可恢复。"),
    ("什么是秒杀系统？", "秒杀价的商品在同一时刻被大量请求，用队列削峰，用缓存扣减库存。"),
    ("优惠券怎么设计？", "优惠券分模板和实例两张表，领取时扣减模板库存。"),
    ("What is a cookie?", "A cookie is a piece of data in the browser. The site uses cookies to remember a login."),
    ("How do I send a newsletter?", "Queue the addresses and send in batches. Let readers unsubscribe at any time."),
    (
        "How does a coupon service work?",
        "Each coupon has a code, a limit and a date. Redeeming it takes a lock on the code.",
    ),
    ("What is a privacy policy?", "A privacy policy says which data a service collects and why."),
    ("请求转发和重定向有什么区别？", "请求转发在服务器内部完成，浏览器只发一次请求；重定向让浏览器再请求一次。"),
    ("滤波器怎么描述？", "截止频率是增益下降三分贝的频率，高于截止频率的成分会被削弱。"),
    ("What is a control loop?", "It measures the output and corrects the input, which is called feedback."),
    ("How do I place an advertisement?", "Advertisement: open the campaign page, choose a format and set a budget."),
    ("Which related courses are shown?", "Related courses share at least two tags with the course that is open."),
    ("Who are the contributors?", "Contributors are listed on the page of the project, with their commits."),
    ("What is in a syllabus?", "The aims, the weeks, the readings and how marks are given."),
    ("How does one become a nurse quickly?", "You can become a nurse in 24 months with a first degree."),
    ("Which figures may be omitted?", "(Tables and figures that repeat the text may be omitted.)"),
    ("What comes after the preview?", "The end of the free preview shows the price."),
    ("Why do forums show votes?", "Votes tell which answers others found right: 14 upvotes say more than a date."),
    ("怎么下载文档？", "点击右上角的按钮下载文档，选择格式即可。"),
    ("会员怎么定价？", "先看成本，会员低价引流，年卡保证现金流。"),
    ("试读功能怎么做？", "试读结束后跳转到购买页，服务端按页码校验权限。"),
    ("What does the free tier include?", "The free trial gives 100 requests a day. After that requests are refused."),
]
MISTAKEN = [
    (
        "How do I load comments?",
        "Store the id of the parent with every reply. Load more comments only when the reader scrolls.",
    ),
]
SHAPES = [("{n}. {q}\n{a}", "a.txt"), ("Q{n}: {q}\nA: {a}", "a.txt"), ("<h3>{q}</h3>\n<p>{a}</p>", "a.html")]


def subject_page(pair: tuple[str, str], shape: str) -> tuple[str, dict[str, str]]:
    """A page with `pair` between two others, and the answers it must give."""
    first, last = pairs_for(pair[0])[:2]
    pairs = [first, pair, last]
    return "\n\n".join(shape.format(n=n, q=q, a=a) for n, (q, a) in enumerate(pairs, 1)) + "\n", dict(pairs)


@pytest.mark.parametrize(("shape", "name"), SHAPES, ids=["numbered", "labelled", "html"])
@pytest.mark.parametrize("pair", SUBJECTS, ids=[question for question, _ in SUBJECTS])
def test_answers_about_logins_copyright_and_comments_stay(pair: tuple[str, str], shape: str, name: str) -> None:
    text, expected = subject_page(pair, shape)
    page = make_page(text, name)
    assert page.document.drops == ()
    assert answers(page) == expected


SAID = [
    "点赞、收藏、分享可以当作多目标一起训练。",
    "分享到微信需要先调用接口注册。",
    "关注关系用两张表存：关注表和粉丝表。",
    "标签：每条数据的正确答案，分类问题里是类别。",
    "推荐：优先使用线程池。",
    "本文件由编译器生成，不要手改。",
    "有问题的节点会被踢出集群，并请求重新选举。",
    "登录后才能评论的接口要加鉴权过滤器。",
    "Advertisement of routes happens every 30 seconds.",
    "Next: pointer to the following node.",
    "Print this value at every step.",
    "Recommended: use a connection pool.",
    "See also: a majority must answer.",
    "Subscribe to a topic to receive its messages.",
    "Check out the branch before you rebase.",
    "Put the reason in the comments, not the mechanics.",
    "Threads unlock the mutex when they are done.",
    "Recommended tools: a profiler and a debugger.",
    "Mikolov et al., Google Inc. 2013",
    "▶ 广告：按点击付费，见效快。",
    "点击查看：在菜单里选日志，再按确定。",
    "每人每天 0.5 元，按天计费。",
    "Read access costs $5 a month for each seat of the team.",
    "回复“退订”即可退订短信。",
    "右上角的像素坐标是 (w, 0)。",
    "首单优惠 5 元按用户去重，写在订单表里。",
    "活动已有 300 人报名，转化率是一成。",
    "Our team is hiring slowly, so the plan must wait.",
    "本期到期的债券先还本金。",
    "已有 3 人选择时锁定名额。",
]


@pytest.mark.parametrize("at", [1, 2, 3])
@pytest.mark.parametrize("line", SAID)
def test_sentences_with_words_of_furniture_stay_in_their_answer(line: str, at: int) -> None:
    pairs = pairs_for(line)
    page = make_page(markdown(pairs, line, at=at), "a.md")
    question, answer = pairs[at - 1]
    assert answers(page) == dict(pairs) | {question: f"{answer}\n\n{line}"}


@pytest.mark.xfail(strict=True, reason="one phrase of furniture is enough to drop the whole answer of a question")
@pytest.mark.parametrize(("shape", "name"), SHAPES, ids=["numbered", "labelled", "html"])
@pytest.mark.parametrize("pair", MISTAKEN, ids=[question for question, _ in MISTAKEN])
def test_answers_that_hold_a_phrase_of_furniture_stay(pair: tuple[str, str], shape: str, name: str) -> None:
    text, expected = subject_page(pair, shape)
    assert answers(make_page(text, name)) == expected


BARE = pytest.mark.xfail(strict=True, reason="a bare question line is not safe from phrases of furniture")


@pytest.mark.parametrize(
    ("question", "shape"),
    [
        (question, shape)
        for question in ("请求转发和重定向有什么区别？", "二维码为什么能容错？", "How do coupon codes work?")
        for shape in ("**{q}**\n\n{a}", "{n}. {q}\n\n{a}", "<details>\n<summary>{q}</summary>\n\n{a}\n</details>")
    ]
    + [
        pytest.param("请求转发和重定向有什么区别？", "{q}\n\n{a}", marks=BARE),
        pytest.param("二维码为什么能容错？", "{q}\n\n{a}", marks=BARE),
    ],
)
def test_questions_that_hold_a_phrase_of_furniture_stay(question: str, shape: str) -> None:
    pairs = [*pairs_for(question)[:2], (question, pairs_for(question)[2][1])]
    page = make_page("\n\n".join(shape.format(n=n, q=q, a=a) for n, (q, a) in enumerate(pairs, 1)) + "\n", "a.md")
    assert answers(page) == dict(pairs)


def test_labelled_channel_of_a_list_is_no_advert() -> None:
    answer = "【广告】按点击付费，见效快。\n【内容】写文章吸引自然流量，见效慢。\n【活动】用优惠券拉新，成本高。"
    pairs = [("投放有哪些方式？", answer), *ZH]
    assert answers(make_page("\n\n".join(f"问：{q}\n答：{a}" for q, a in pairs), "a.txt")) == dict(pairs)


def test_labels_of_an_answer_that_name_a_sponsor_stay() -> None:
    answer = "Two of them matter.\nSponsor: pays for the project.\nOwner: decides what is built."
    pairs = [("Which roles does a project have?", answer), *EN]
    assert answers(make_page("\n\n".join(f"Q: {q}\nA: {a}" for q, a in pairs), "a.txt")) == dict(pairs)


def test_comment_that_asks_is_not_the_last_question_of_a_numbered_page() -> None:
    tail = "Load more\nann_k: thanks\nBo: what about transformers?\nPeople also viewed\nLinear algebra notes\n5 comments\n© 2024"
    page = make_page(numbered(EN, "") + "\n" + tail + "\n", "a.txt")
    assert answers(page) == dict(EN)


def test_answer_right_above_furniture_is_no_line_of_a_card() -> None:
    page = make_page("**1. What is momentum?**\n\nIt is a running mean.\n5 min read\n\n" + numbered(EN[1:], ""), "a.md")
    assert answers(page)["What is momentum?"] == "It is a running mean."


def test_answer_below_an_unfolding_button_stays_at_the_end() -> None:
    text = (
        numbered(EN[:2], "")
        + "\n3. Explain dropout\n\n<details>\n<summary>Show answer</summary>\nUnits are zeroed.\n</details>\n"
    )
    assert answers(make_page(text, "a.md"))["Explain dropout"] == "Units are zeroed."


# titles


def test_title_of_text_is_no_menu() -> None:
    for menu in ("首页 题库 面试 课程 搜索", "登录 | 注册"):
        page = make_page(f"{menu}\n\n优化器面试题汇总\n\n" + numbered(ZH, ""))
        assert page.document.title == "优化器面试题汇总"
        assert answers(page) == dict(ZH)


@pytest.mark.parametrize("suffix", [" | Some Site", "_某某网", " - Answers - Some Site", " » Some Site"])
def test_title_of_a_saved_page_is_that_of_its_heading_where_a_site_adds_its_name(suffix: str) -> None:
    head = f"<html><head><title>Heaps: 20 questions{suffix}</title></head><body><h1>Heaps: 20 questions</h1>"
    assert make_page(head + html(EN), "a.html").document.title == "Heaps: 20 questions"
    assert make_page(head.replace("<h1>", "<h1>All about ") + html(EN), "a.html").document.title.endswith(suffix)


def test_title_keeps_a_sign_that_belongs_to_it() -> None:
    assert make_page("# Questions about C#\n\n" + markdown(EN), "a.md").document.title == "Questions about C#"
    assert make_page("# Questions about C ##\n\n" + markdown(EN), "a.md").document.title == "Questions about C"


def test_code_tables_and_formulas_are_never_dropped_for_their_words() -> None:
    answer = "```python\n# Copyright 2020, all rights reserved\nsubscribe(newsletter)\n```\n\n| 登录 | 注册 |\n|---|---|\n| 关注 | 点赞 |"
    pairs = [("怎么写页头？", answer), *ZH[:2]]
    assert answers(make_page(markdown(pairs), "a.md")) == dict(pairs)


def test_question_about_comments_is_no_heading_of_comments() -> None:
    pairs = [
        ("怎么写评论？", "先读完全文再写，只说一件事。"),
        ("What do comments cost?", "Nothing but the time to read them all."),
    ]
    assert answers(make_page(markdown(pairs), "a.md")) == dict(pairs)


# questions to the reader of the page

APPEALS = [
    ("Did you make this recipe?", "Tag @someone and share a photo with #cake."),
    ("Have you tried this recipe?", "Leave a comment below and tell me how it went!"),
    ("Was this article helpful?", ""),
    ("Did this answer your question?", "Yes / No"),
    ("Did you find this page useful?", "👍 Yes 12  👎 No 3"),
    ("Did you find what you were looking for?", "[Contact support](/contact)"),
    ("Still have questions?", "Ask us on the forum."),
    ("Have a question?", "Write to us at hello@example.org and we will get back to you."),
    ("Do you have any more questions?", "Our support team is happy to help."),
    ("Need more help?", "Contact our support team."),
    ("Can't find what you need?", "Search the forum or chat with us."),
    ("Never miss a recipe?", "Enter your email and get new recipes in your inbox."),
    ("What do you think of this guide?", "Let us know in the comments."),
    ("Found a mistake?", "Report it on GitHub."),
    ("Did you find this useful?", "Star the repository on GitHub."),
    ("这篇文章对你有帮助吗？", ""),
    ("本文是否解决了您的问题？", "是 否"),
    ("觉得有用吗？", "点个赞再走吧"),
    ("你喜欢这篇教程吗？", "欢迎在评论区留言，也请分享给朋友。"),
    ("还有其他疑问吗？", "请联系在线客服。"),
    ("没有找到答案？", "点击这里向我们提问"),
    ("需要更多帮助吗？", "可以通过邮箱联系我们，工作日内回复。"),
]
DRESSES = [("## {q}\n\n{a}", "a.md"), ("**{q}**\n\n{a}", "a.md"), ("<h3>{q}</h3>\n<p>{a}</p>", "a.html")]


@pytest.mark.parametrize(("shape", "name"), DRESSES, ids=["heading", "emphasised", "html"])
@pytest.mark.parametrize(("asked", "below"), APPEALS, ids=[asked for asked, _ in APPEALS])
@pytest.mark.parametrize("at", [2, 3], ids=["between", "at the end"])
def test_appeals_to_the_reader_go_with_the_calls_below_them(
    asked: str, below: str, at: int, shape: str, name: str
) -> None:
    pairs = ZH if re.search("[\u4e00-\u9fff]", asked) else EN
    parts = [shape.format(q=question, a=answer) for question, answer in pairs]
    parts.insert(at, shape.format(q=asked, a=below).strip())
    page = make_page("\n\n".join(parts) + "\n", name)
    assert answers(page) == dict(pairs)
    assert asked not in kept_text(page)
    assert asked not in [question.question for question in page.split.open_questions]


NO_APPEALS = [
    ("What did you learn?", "To ask for help early, and to write down what was decided."),
    ("Do you have any questions for us?", "Ask what the first month looks like and how success is measured."),
    ("Do you have any questions?", "Have two or three ready: about the team, the roadmap, the first month."),
    ("Did you enjoy this project?", "Yes: we had a clear goal and shared the work well."),
    ("Did it help?", "Training became stable, and the loss fell twice as fast."),
    ("Does this site use cookies?", "Yes, two of them: one for the session and one for the language."),
    ("Need more memory?", "Halve the batch size, or accumulate gradients over several steps."),
    ("Found a bug in production?", "Roll back first, then look for the change that brought it."),
    ("Have you worked with this framework?", "For two years, mostly on the parts that load data."),
    ("Can I contact support on Sundays?", "Yes, write to us at any hour; we answer within a day."),
    ("How do I leave a comment?", "Click on the balloon below the text and sign in."),
    ("What do you think of the new design?", "It is cleaner, but the menu takes one more step."),
    ("What do you think?", "A good answer names one strength and one weakness of the proposal."),
    ("你还有什么问题吗？", "可以问团队的规模、晋升路径，也可以问面试反馈什么时候出。"),
    ("你怎么看？", "先说结论，再说两个理由，最后说代价。"),
    ("这个答案如何得到？", "对两边取对数，再求导。"),
    ("如何联系客服？", "请点击右下角的图标，或者致电前台。"),
    ("没有找到主键会怎样？", "引擎会选第一个非空的唯一索引。"),
    ("需要更多内存吗？", "先把批大小减半，再看显存。"),
]


@pytest.mark.parametrize(("shape", "name"), DRESSES, ids=["heading", "emphasised", "html"])
@pytest.mark.parametrize(("question", "answer"), NO_APPEALS, ids=[question for question, _ in NO_APPEALS])
@pytest.mark.parametrize("at", [0, 2, 3], ids=["first", "between", "at the end"])
def test_questions_that_only_sound_like_appeals_stay(
    question: str, answer: str, at: int, shape: str, name: str
) -> None:
    pairs = list(ZH if re.search("[\u4e00-\u9fff]", question) else EN)
    pairs.insert(at, (question, answer))
    page = make_page("\n\n".join(shape.format(q=q, a=a) for q, a in pairs) + "\n", name)
    assert answers(page) == dict(pairs)


@pytest.mark.parametrize("shape", ["Q: {q}\nA: {a}", "{n}. {q}\n\n{a}", "### {n}. {q}\n\n{a}"])
def test_appeal_among_the_numbered_or_labelled_questions_is_one_of_them(shape: str) -> None:
    pairs = [*EN, ("Still have questions?", "Ask us on the forum.")]
    text = "\n\n".join(shape.format(n=n, q=q, a=a) for n, (q, a) in enumerate(pairs, 1)) + "\n"
    assert answers(make_page(text, "a.md")) == dict(pairs)


def test_heading_that_appeals_above_deeper_ones_stays() -> None:
    text = "# Notes\n\nSome words to begin with.\n\n## Have questions?\n\n" + markdown(EN).replace("## ", "### ")
    assert "Have questions?" in kept_text(make_page(text, "a.md"))
    assert answers(make_page(text, "a.md"))[EN[0][0]] == EN[0][1]


@pytest.mark.parametrize(
    ("appeal", "call"),
    [
        ("Enjoying this guide?", "Get one tip a week in your inbox. No spam."),
        ("Still have questions?", "Contact us below."),
        ("还有疑问吗？", "欢迎联系在线客服。"),
    ],
)
def test_an_appeal_in_the_middle_of_an_answer_goes_without_the_rest(appeal: str, call: str) -> None:
    (question, answer), *others = EN
    rest = "The answer goes on below the box, which has nothing to do with it."
    page = make_page(f"1. {question}\n{answer}\n\n{appeal}\n{call}\n\n{rest}\n\n2. {others[0][0]}\n{others[0][1]}\n")
    assert answers(page) == {question: f"{answer}\n\n{rest}", others[0][0]: others[0][1]}


def test_an_appeal_above_text_that_calls_for_nothing_stays() -> None:
    (question, answer), (other, told), _ = EN
    text = (
        f"1. {question}\n{answer}\n\nStill confused?\nThink of a ball that rolls down a hill.\n\n2. {other}\n{told}\n"
    )
    assert "Still confused?\nThink of a ball" in kept_text(make_page(text))


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("相关页面：[优化器](opt.md)", "动量和 Adam 差在哪 → [笔记](adam.md)"),
        ("Related notes: [Optimisers](opt.md)", "Momentum beside Adam → [notes](adam.md)"),
    ],
)
def test_a_line_of_links_below_a_pointer_goes_with_it(first: str, second: str) -> None:
    page = make_page(markdown(EN, f"{first}\n{second}", 1), "a.md")
    assert answers(page) == dict(EN)
    kept = make_page(markdown(EN, f"Adam has a second moment, see [the paper](adam.md)\n{second}", 1), "a.md")
    assert second in answers(kept)[EN[0][0]]


def test_the_language_above_code_without_a_box_goes() -> None:
    code = "import math\n\ndef area(r):\n    return math.pi * r * r"
    page = make_page(
        f"Q1. Write the area of a disc.\nPython\n{code}\nIt grows with the square.\n\nQ2. {EN[0][0]}\n{EN[0][1]}\n"
    )
    assert answers(page)["Write the area of a disc."].startswith("import math")


def test_the_name_of_a_language_that_answers_stays() -> None:
    text = f"Q1. Which language has goroutines?\nGo\nThey are threads of the runtime.\n\nQ2. {EN[0][0]}\n{EN[0][1]}\n"
    assert answers(make_page(text))["Which language has goroutines?"].startswith("Go\n")


def test_praise_of_customers_goes() -> None:
    page = make_page(markdown(EN) + "\n## What our customers say\n\nGreat site! Five stars.\n\n— Ann\n", "a.md")
    assert answers(page) == dict(EN)


# where an answer was to come

STUBS = [
    "（手推见下一篇，先占个坑）",
    "没答上来，回头补。",
    "有空再补",
    "下次再讲。",
    "待整理",
    "求大佬补充答案",
    "（怎么收场的，我就不写了。）",
    "每家都不一样，这里不剧透",
    "这题我答得稀烂",
    "这题我当场卡住，谁有好思路教教我",
    "开放题，交给老师批阅",
    "Open-ended task, graded by your teacher.",
    "Left as an exercise for the reader.",
    "I totally blanked on this one.",
    "TODO: 认领请留言",
    "略（开通会员后可见）",
    "会员可查看答案",
    "暂无参考答案",
    "Coming soon!",
    "To be written.",
    "Will be answered later.",
    "Covered in the next post.",
    "TODO - help wanted",
    "I couldn't answer this one.",
    "No solution provided",
    "Unlock this answer with Premium.",
    "Log in to see the solution",
    "The answer is locked.",
    "这题坑多，下一期单独写，记得来催更~",
    "下篇专门讲",
    "[to be completed in the next revision]",
    "To be added in a later edition.",
    "作者正在打磨这一张，写好了站内信告诉你",
    "正在撰写，更新完通知大家",
    "这一题留给你：写下自己的方案，同伴会来点评",
    "💬 你会怎么答？在留言里写下来，点赞最高的会收进下一版。",
    "留作思考",
    "（此处稍后填坑）",
    "（这一段录音坏了，欢迎听众来信补上）",
    "Write-up lands with the spring refresh.",
    "The solution follows in the next issue.",
    "No model answer here: argue both sides with a friend for five minutes each, then swap.",
    "Left as an exercise.",
    "Post your own solution below!",
    "(the recording was cut off here)",
]
STUB_SHAPES = ["{n}. {q}\n{a}\n\n", "Q{n}: {q}\nA: {a}\n\n", "### {q}\n\n{a}\n\n", "### {q}\n\n> {a}\n\n"]


@pytest.mark.parametrize("shape", STUB_SHAPES, ids=["numbered", "labelled", "headings", "quoted"])
@pytest.mark.parametrize("stub", STUBS)
@pytest.mark.parametrize("at", [1, 3], ids=["between", "at the end"])
def test_what_stands_for_an_answer_is_none(stub: str, shape: str, at: int) -> None:
    pairs = list(pairs_for(stub))
    asked = "什么是海森矩阵？" if pairs == ZH else "What is a Hessian matrix?"
    pairs.insert(at, (asked, stub))
    page = make_page("".join(shape.format(n=n, q=q, a=a) for n, (q, a) in enumerate(pairs, 1)), "a.md")
    assert asked not in questions(page)
    assert asked in [question.question for question in page.split.open_questions]
    assert len(questions(page)) == 3


NO_STUBS = [
    ("What does TODO mean in code?", "TODO: marks work that is to be done later."),
    ("Who may see a hidden answer?", "Members unlock the answer with points."),
    ("When will IPv6 be supported?", "Support will be added in the next release, in autumn."),
    ("Where do I change my address?", "Log in and open the settings."),
    ("Does ReLU saturate for large inputs?", "No."),
    ("如何让会员查看答案？", "购买会员后可查看答案，接口要校验权限。"),
    ("面试没答上来怎么办？", "坦白说没答上来，再讲思路。"),
    ("缓存没命中怎么办？", "回源查库，再写回缓存，稍后再异步刷新。"),
    ("ReLU 会饱和吗？", "不会。"),
    ("锁被别人拿着会怎样？", "线程会直接卡住。"),
    ("缓冲区满了怎么办？", "先不写。"),
    ("怎么选学习率？", "先扫一遍，再自己试试。"),
    ("作文由谁评分？", "由老师批改。"),
    ("What happens to a thread without a lock?", "It got stuck until somebody let go."),
    ("What stands in a graph before data are fed?", "A placeholder."),
    ("When is a lazy value computed?", "Its slot is made first and will be filled later."),
    ("What does a timeout tell?", "It means that the server did not answer."),
    ("Who speaks in a stand-up meeting?", "All members, with short answers."),
    ("What does WIP stand for?", "WIP: work in progress."),
    ("How do I change my address?", "Log in to access your profile."),
    ("断电后会怎样？", "没写完的页由重做日志恢复。"),
    ("脏页放在哪里？", "待更新的页放在一个链表里。"),
    ("单体还是微服务？", "没有标准答案，看团队规模。"),
    ("极值怎么找？", "求导得到答案。"),
    ("写缓冲有什么用？", "先记日志，稍后写。"),
    ("日志放在哪？", "后面单独写一个文件，期待按天切分。"),
    ("When is a node removed?", "To be removed in the next round, it must miss two."),
    ("预提交时事务在做什么？", "它正在准备提交，尚未落盘。"),
    ("读线程怎么知道有新数据？", "写完了再通知读线程。"),
    ("白板题怎么开口？", "先澄清输入，再说说你的思路。"),
    ("同事问你怎么答复客户？", "先道歉，再给时间。"),
    ("What does the solver return?", "The solution comes in three parts."),
    ("How do you begin at a whiteboard?", "Write your solution down, then test it on a small case."),
    ("Is there one right choice?", "There is no single answer here: it depends on the load."),
    ("Why keep old logs?", "When a record is lost, they restore it."),
]


@pytest.mark.parametrize("shape", STUB_SHAPES[:3], ids=["numbered", "labelled", "headings"])
@pytest.mark.parametrize(("question", "answer"), NO_STUBS, ids=[question for question, _ in NO_STUBS])
def test_answers_with_words_of_stubs_stay(question: str, answer: str, shape: str) -> None:
    pairs = list(pairs_for(question))
    pairs.insert(1, (question, answer))
    page = make_page("".join(shape.format(n=n, q=q, a=a) for n, (q, a) in enumerate(pairs, 1)), "a.md")
    assert answers(page) == dict(pairs)


def test_line_that_puts_something_off_above_more_text_stays() -> None:
    pairs = [EN[0], ("What is a Hessian matrix?", "More on this later.\nIt holds the second derivatives."), EN[1]]
    page = make_page("\n\n".join(f"{n}. {q}\n{a}" for n, (q, a) in enumerate(pairs, 1)) + "\n", "a.txt")
    assert answers(page) == dict(pairs)


@pytest.mark.parametrize("label", ["【参考答案】", "答案：", "Answer:"])
def test_stub_below_a_label_of_its_own_goes_with_it(label: str) -> None:
    stub = "No solution provided" if label == "Answer:" else "VIP 会员可见，开通后查看答案"
    asked = "What is a Hessian matrix?" if label == "Answer:" else "什么是海森矩阵？"
    pairs = [*pairs_for(stub), (asked, stub)]
    page = make_page("".join(f"{n}. {q}\n{label}\n{a}\n\n" for n, (q, a) in enumerate(pairs, 1)))
    assert questions(page) == [q for q, _ in pairs[:3]]
    assert [question.question for question in page.split.open_questions] == [asked]


@pytest.mark.parametrize("title", ["2  SYSTEMS", "## Systems"])
def test_stub_above_the_title_of_a_section_goes(title: str) -> None:
    page = make_page(
        f"1.1 {EN[0][0]}\n{EN[0][1]}\n\n1.2 {EN[1][0]}\nTo be written.\n\n{title}\n\n2.1 {EN[2][0]}\n{EN[2][1]}\n",
        "a.md",
    )
    assert answers(page) == dict([EN[0], EN[2]])


@pytest.mark.parametrize(
    ("mark", "line", "call"),
    [
        ("—— 广告 ——", "年薪三十万的工程师都在学的 Python 实战营，原价 299，今日 0 元，名师直播带练", "扫码立即抢位"),
        (
            "- Advertisement -",
            "Lab coats for every season, now with larger pockets and real buttons",
            "Subscribe to our newsletter",
        ),
    ],
)
def test_long_line_between_an_advert_mark_and_a_call_goes(mark: str, line: str, call: str) -> None:
    pairs = pairs_for(line)
    told = [f"{n}. {q}\n{a}\n" for n, (q, a) in enumerate(pairs, 1)]
    page = make_page(f"{told[0]}{mark}\n{line}\n{call}\n{told[1]}{told[2]}")
    assert answers(page) == dict(pairs)


def test_titles_in_their_signs_go_below_a_lead_inside_an_answer() -> None:
    pairs = [(ZH[0][0], ZH[0][1] + "\n推荐阅读：\n《一文讲透优化器》\n《学习率怎么调？》\n它也叫冲量。"), *ZH[1:]]
    page = make_page("".join(f"{n}. {q}\n{a}\n" for n, (q, a) in enumerate(pairs, 1)))
    assert answers(page)[ZH[0][0]] == ZH[0][1] + "\n\n它也叫冲量。"


def test_titles_in_their_signs_that_answer_stay() -> None:
    pairs = [*ZH, ("有哪些值得读的书？", "入门看这两本：\n《统计学习方法》\n《深度学习》")]
    page = make_page("".join(f"{n}. {q}\n{a}\n" for n, (q, a) in enumerate(pairs, 1)))
    assert answers(page) == dict(pairs)


@pytest.mark.parametrize(
    "appeal",
    [
        "Have you been asked something else? Drop a note in the box next to\nthe coffee machine, or write to notes@example.org.",
        "Did your interviewer use another one? Tell us in the comments.",
        "你被问过别的题吗？发邮件到 notes@example.org，\n或者在评论区留言。",
    ],
)
def test_paragraph_that_asks_the_reader_and_bids_him_write_goes_after_the_last_answer(appeal: str) -> None:
    pairs = pairs_for(appeal)
    page = make_page("\n\n".join(f"{n}. {q}\n{a}" for n, (q, a) in enumerate(pairs, 1)) + f"\n\n{appeal}\n")
    assert answers(page) == dict(pairs)


@pytest.mark.parametrize(
    "told",
    [
        "Have you set it too high? Then the loss grows without bound.",
        "Did it diverge? Halve the rate, and write the loss to a file.",
        "你调大了吗？先把它减半，再看损失。",
    ],
)
def test_last_paragraph_of_the_last_answer_stays_though_it_asks(told: str) -> None:
    pairs = pairs_for(told)
    page = make_page("\n\n".join(f"{n}. {q}\n{a}" for n, (q, a) in enumerate(pairs, 1)) + f"\n\n{told}\n")
    assert told in answers(page)[pairs[-1][0]]


@pytest.mark.parametrize(
    "told",
    ["左移用 <<，右移用 >>", "查看类型会得到 List<String>", "Get the type: List<String>"],
)
def test_answers_that_end_in_a_sign_like_an_arrow_stay(told: str) -> None:
    pairs = [(question, f"{answer}\n{told}") for question, answer in pairs_for(told)]
    assert answers(make_page("".join(f"{n}. {q}\n{a}\n" for n, (q, a) in enumerate(pairs, 1)))) == dict(pairs)


def thread(floors: list[str]) -> str:
    """A numbered page and its comments, a floor each."""
    page = "".join(f"{n}. {q}\n{a}\n" for n, (q, a) in enumerate(ZH, 1))
    return page + "全部评论\n" + "".join(f"{n}楼\n某某{n}\n{text}\n点赞 回复\n" for n, text in enumerate(floors, 1))


TOLD = [
    ("连续特征怎么进模型？", "三种办法：归一化以后直接用，分桶以后查表，或者软分桶再加权。"),
    ("特别长的序列怎么建模？", "分两阶段，先检索出相关的几百条行为，再在上面做注意力。"),
]


def test_labelled_pairs_that_a_comment_tells_stay_and_the_comments_go() -> None:
    told = "\n".join(f"Q：{q}\nA：{a}" for q, a in TOLD)
    page = make_page(thread(["写得真好，请问楼主有实习吗？", f"补几道我被问的：\n{told}", "二面挂了还能捞吗？"]))
    assert answers(page) == dict(ZH + TOLD)


def test_open_question_at_the_end_of_an_exchange_is_listed() -> None:
    told = "\n".join(f"问：{q}\n答：{a}" for q, a in TOLD) + "\n问：维度怎么选？\n答：没答上来，蹲一个"
    page = make_page(thread([told]))
    assert answers(page) == dict(ZH + TOLD)
    assert [question.question for question in page.split.open_questions] == ["维度怎么选？"]


@pytest.mark.parametrize(
    "talk",
    [
        "问：楼主有实习吗？\n答：有一段\n问：几个月？\n答：六个",
        f"问：{TOLD[0][0]}\n答：{TOLD[0][1]}",
        "Q：怎么投递？\nA：私信\n谢谢",
    ],
)
def test_short_talk_in_comments_goes(talk: str) -> None:
    assert answers(make_page(thread(["写得真好，请问怎么投递？", talk]))) == dict(ZH)


def test_answer_right_above_the_heading_of_comments_stays() -> None:
    """A name stands above the first mark of a thread, but not above the heading of all of them."""
    assert answers(make_page(thread(["写得真好，请问怎么投递？", "同问"]))) == dict(ZH)


# teasers that ask

ASKING_TEASERS = [
    "热门推荐：为什么你的模型总是过拟合？",
    "推荐阅读 | 学习率到底该怎么调？",
    "【相关文章】BN 和 LN 有什么区别？",
    "猜你喜欢：显卡该怎么选？",
    "大家还在看：面试时该不该谈薪资？",
    "Recommended: Why does your model overfit?",
    "You may also like: How do transformers work?",
    "👉 Read next: Is GPT-4.5 worth it?",
    "Related articles - What does a learning rate do?",
]
POINTS = [("## {q}\n\n{a}", "a.md"), ("{n}. {q}\n{a}", "a.txt"), ("<h3>{q}</h3>\n<p>{a}</p>", "a.html")]


def with_line(pairs: list[tuple[str, str]], line: str, at: int, shape: str, name: str) -> str:
    """The pairs in the shape of a page, with a paragraph of one line put before the one at `at`."""
    parts = [shape.format(n=n, q=question, a=answer) for n, (question, answer) in enumerate(pairs, 1)]
    parts.insert(at, f"<p>{line}</p>" if name.endswith(".html") else line)
    return "\n\n".join(parts) + "\n"


@pytest.mark.parametrize(("shape", "name"), POINTS, ids=["heading", "numbered", "html"])
@pytest.mark.parametrize("line", ASKING_TEASERS)
@pytest.mark.parametrize("at", [1, 2, 3])
def test_a_teaser_that_asks_goes(line: str, at: int, shape: str, name: str) -> None:
    pairs = pairs_for(line)
    page = make_page(with_line(pairs, line, at, shape, name), name)
    assert answers(page) == dict(pairs)
    assert line not in kept_text(page)
    assert not page.split.open_questions


NO_TEASERS = [
    "推荐算法：为什么协同过滤会冷启动？",
    "推荐系统：如何评估？",
    "相关问题：学习率怎么调？",
    "相关性：怎么计算？",
    "推荐：先用 Adam，学习率 1e-3。",
    "热门推荐：先看损失。为什么它不降？",
    "Recommended settings: what batch size and learning rate?",
    "Recommended: a batch size of 32, and Adam.",
    "Related work: what came before?",
    "Related questions: why is the loss flat?",
    "Most readers ask: why so many?",
]


@pytest.mark.parametrize(("shape", "name"), POINTS, ids=["heading", "numbered", "html"])
@pytest.mark.parametrize("line", NO_TEASERS)
def test_lines_that_only_look_like_teasers_stay(line: str, shape: str, name: str) -> None:
    assert line in kept_text(make_page(with_line(pairs_for(line), line, 2, shape, name), name))


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("热门推荐：为什么要打乱数据？", "因为相邻的样本往往相似。"),
        ("Recommended: Why shuffle the data?", "Neighbouring samples are alike, and so would batches be."),
        ("Recommended: Adam or SGD?", "Adam."),
        ("Related: What is a step?", "- one update of all weights"),
    ],
)
def test_a_question_in_the_words_of_a_teaser_stays_with_its_answer(line: str, told: str) -> None:
    for text in (f"{line}\n\n{told}", f"{line}\n{told}"):
        kept = kept_text(make_page(with_line(pairs_for(line), text, 2, "## {q}\n\n{a}", "a.md"), "a.md"))
        assert line in kept
        assert told.lstrip("- ") in kept


def test_the_only_line_below_a_question_is_no_teaser() -> None:
    pairs = [*EN, ("What does the label say?", "Recommended: who would not want it?")]
    assert answers(make_page(markdown(pairs), "a.md")) == dict(pairs)


@pytest.mark.parametrize("dress", ["Q: {}", "4. {}", "## {}"])
def test_a_question_in_dress_is_no_teaser(dress: str) -> None:
    line = dress.format("Recommended: Why does your model overfit?")
    page = make_page(with_line(EN, line, 3, "## {q}\n\n{a}", "a.md"), "a.md")
    assert "Why does your model overfit?" in kept_text(page)


BOXES = {
    "address": '<div class="inline"><h3>What broke last week?</h3><p>One outage, dissected, every Tuesday.</p><form><input type="email"><button>In</button></form></div>',
    "poll": '<div class="vote-box"><h4>Which part do you fear most?</h4><label>locks</label><label>logs</label><button>Vote</button></div>',
}


@pytest.mark.parametrize("box", BOXES.values(), ids=BOXES)
def test_boxes_that_ask_for_an_address_or_a_vote_go_whole(box: str) -> None:
    page = make_page(html(EN[:2]) + box + html(EN[2:]), "a.html")
    assert answers(page) == dict(EN)


@pytest.mark.parametrize(
    ("was", "now"),
    [('type="email"', 'type="text"'), ("vote-box", "pivoted"), ("</h3><p>", f"</h3><p>{'It tells of them. ' * 30}")],
    ids=["no address", "no poll", "much text"],
)
def test_boxes_that_ask_for_neither_or_hold_much_stay(was: str, now: str) -> None:
    box = next(box for box in BOXES.values() if was in box).replace(was, now)
    page = make_page(html(EN[:2]) + box + html(EN[2:]), "a.html")
    title = "What broke last week?" if "broke" in box else "Which part do you fear most?"
    assert title in kept_text(page)


LINKS = "- [When does a mask help?](/p/1)\n- [Is one head enough?](/p/2)\n- [Notes on drift](/p/3)"


@pytest.mark.parametrize("title", ["### 🔖 顺手翻翻", "### While you are here"])
def test_linked_titles_below_a_heading_of_any_words_go(title: str) -> None:
    page = make_page(f"{markdown(EN)}\n{title}\n\n{LINKS}\n", "a.md")
    assert answers(page) == dict(EN)
    assert rules(page) == {"teaser"}


@pytest.mark.parametrize(
    "links",
    [
        LINKS.replace("/p/", "#p"),
        LINKS + "\n\nThese tell more of them.",
        "- [Attention, 2017](/p/1)\n- [Adam, 2014](/p/2)",
        LINKS.replace("](/p/1)", "](/p/1) Seldom."),
    ],
    ids=["in the page", "with text", "that do not ask", "with an answer"],
)
def test_other_links_below_a_heading_are_no_teasers(links: str) -> None:
    page = make_page(f"{markdown(EN)}\n## Sources\n\n{links}\n", "a.md")
    assert not [drop for drop in page.document.drops if drop.reason == "links to other articles"]


DATED = [
    ["2023.2.14　怎么排优先级", "2023.2.20　怎么说服同事", "2023.3.3　实验什么时候能停"],
    ["2023-02-14 How do you set priorities", "2023-02-20 How do you win over a colleague", "2023-03-03 When may a test stop"],
]  # fmt: skip


@pytest.mark.parametrize("dated", DATED, ids=["zh", "en"])
def test_questions_with_their_dates_are_no_bylines(dated: list[str]) -> None:
    told = "说清楚做了能带来什么，再从半天的活开始。" if dated is DATED[0] else "Say what it brings, and begin small."
    page = make_page("\n\n".join(f"{line}\n{told}" for line in dated) + "\n", "a.txt")
    assert not page.document.drops


def test_dates_and_places_stay_bylines() -> None:
    lines = ["2023.2.14　北京", "2023.2.20　上海", "2023.3.3　苏州"]
    page = make_page("\n\n".join([*lines, "什么是动量？", "梯度的滑动平均，让更新更平稳。"]) + "\n", "a.txt")
    assert not any(line in kept_text(page) for line in lines)


BOX = "┌────────────────┐\n│ {} │\n└────────────────┘"
BOXED = ["错题太多理不清？某某拍照本，拍一下自动归类", "Lost among your notes? Our app sorts them while you sleep"]


@pytest.mark.parametrize("advert", BOXED, ids=["zh", "en"])
def test_advert_in_a_box_goes(advert: str) -> None:
    pairs = pairs_for(advert)
    page = make_page(numbered(pairs, BOX.format(advert)), "a.txt")
    assert answers(page) == dict(pairs)


@pytest.mark.parametrize("inside", ["注意：推理时用滑动平均。", "Conv → BN → ReLU", "什么时候停？"])
def test_what_an_answer_draws_in_a_box_stays(inside: str) -> None:
    assert inside in kept_text(make_page(numbered(ZH, BOX.format(inside)), "a.txt"))
