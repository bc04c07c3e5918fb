"""How page furniture words itself in Chinese and English: families of phrases that sites of all makers share.

A family is *sure* when its phrase cannot well be part of an answer, so its block goes wherever it stands; a *lead* opens a run of
furniture (related articles, comments) of unknown content. Words that answers use as well (login, copyright, subscribe) only
count together with others or at the edges of a page: see `ui_share`.
"""

import re
from functools import lru_cache

from retriever.cues import display_width

_DATE = r"(?:\d{4}\s?[-/.年]\s?\d{1,2}\s?[-/.月]\s?\d{1,2}|(?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec)[a-z]*\.? \d{1,2},? \d{4}|\d{1,2} (?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec)[a-z]* \d{4})"
DATED = re.compile(rf"\s*+[\[【(（]?{_DATE}日?[\]】)）]?[\s:：,，—–-]+(?=[^\W\d_])", re.IGNORECASE)
_COUNTED = r"(?:阅读(?:量|数)?|浏览(?:量)?|评论(?:数)?|点赞(?:数)?|赞|收藏(?:数)?|转发|分享|推荐|粉丝|访问(?:量)?|次阅读|次浏览|人浏览|人阅读|views?|reads?|likes?|comments?|claps?|shares?|followers?|upvotes?|stars?|responses?|replies|reactions?|saves?)"
_VOTED = (
    r"(?:支持|反对|赞同|踩|顶|有用|没用|upvotes?|downvotes?|votes?|(?:un)?helpful)\W{0,3}\d[\d.,]*+\s?[kKwW万]?\W*+"
)
# What stands between two words of a byline. Like all patterns here it gives nothing back once it has matched: each line is read
# in one go, whatever stands on it (`tests/test_hostile_documents.py`).
_APART = r"(?>[·.]*+[^\w·.]\W{0,3}[·.]*+(?=\w)|[·.]++(?=\w))"

_SURE: tuple[tuple[str, str, re.Pattern[str]], ...] = tuple(
    (rule, reason, re.compile(pattern, re.IGNORECASE))
    for rule, reason, pattern in (
        (
            "teaser",
            "courses and archives of the site",
            r"^\W*文章知识点与.{0,10}(?:知识)?(?:档案|图谱|体系|路线)匹配",
        ),
        (
            "byline",
            "author, date or reading figures",
            rf"^.{{0,60}}{_DATE}.{{0,40}}{_COUNTED}\W{{0,3}}\d|{_COUNTED}\W{{0,3}}\d.{{0,60}}{_DATE}",
        ),
        (
            "byline",
            "author, date or reading figures",
            rf"^\W*+(?:posted|published|updated|last (?:updated|modified|edited)|written|发布|发表|创建|更新|编辑|修改|最后更新|最近更新|首发|原创|转载)\W*+(?:(?:on|by|in|于|时间|日期|者)\W*+)?.{{0,24}}{_DATE}",
        ),
        (
            "byline",
            "author, date or reading figures",
            rf"^\W*+(?:(?>\w+(?:[·.]+\w+)*){_APART}){{0,3}}(?:\w++(?:[·.]++\w++)*{_APART})?{_DATE}[\s\d:：]*(?:\W{{1,4}}(?:\w++\W*+){{0,6}})?$(?<![。?？])",
        ),
        (
            "byline",
            "author, date or reading figures",
            r"^.{0,60}\b\d{1,3}[ -]min(?:ute)?s? read\b|^\W*(?:预计)?阅读(?:时间|时长|约|需).{0,10}\d+\s?分钟|字数\W{0,3}\d+.{0,20}阅读",
        ),
        (
            "byline",
            "author, date or reading figures",
            rf"^\W*+(?:{_COUNTED}(?=\W{{0,4}}[\d.,])\W*+(?:\d[\d.,]*+\s?[kKwW万]?\W*+)?|\d[\d.,]*+\s?[kKwW万]?\W{{0,2}}(?:人|次|条|个)?{_COUNTED}\W*+){{1,8}}(?:分享|举报|回复|收藏)?\W*$",
        ),
        (
            "byline",
            "author, date or reading figures",
            r"^\W*+(?:作者|原文?作者|译者|编辑|责任?编辑?|责编|审校|校对|排版|撰文|文|author|written by|edited by|posted by|reviewed by)\s*+[:：|/／]\s*+@?[\w\u4e00-\u9fff ·.-]{1,24}\s*(?:[|/·•,，].{0,60})?$(?<![。?？])|^\W*(?-i:(?:[Bb]y|[Ww]ritten by|[Pp]osted by) [A-Z][\w.'-]+(?: [A-Z][\w.'-]+){1,2})\s*(?:[|/·•,，].{0,60})?$",
        ),
        (
            "byline",
            "the author speaks of the page",
            r"(?:个人|自己|本人).{0,8}(?:整理|总结|归纳|学习笔记)|(?:如有|若有|有什么|难免).{0,16}(?:错误|不同|不足|疏漏|问题|疑问|不当|纰漏).{0,16}(?:指出|指正|指教|评论|留言|联系|见谅|谅解|交流)|(?:欢迎|敬请|还望|恳请).{0,14}(?:指正|指教|批评|斧正|补充指正)|水平有限.{0,20}$",
        ),
        (
            "byline",
            "reading figures",
            r"^\s*+(?:[\U0001F300-\U0001FAFF\u2600-\u27BF\u2B50]\ufe0f?\s*+\d[\d.,]*+\s?[kKwW万]?\s*+[|·]?\s*+){2,8}$|^\W*posted by .{1,40} (?:at|on) \d.{0,40}$",
        ),
        (
            "byline",
            "votes and ratings",
            rf"^\W*(?:(?:{_VOTED}){{2,6}}|{_VOTED}(?=\w))(?:举报|回复|分享|收藏|report|reply|share)?\W*$|^\W*\d(?:\.\d)?\W{{0,4}}(?:/\s?(?:5|10)\W*)?[(（]?[\d,]+\s?(?:ratings?|reviews?|个?评分|条?评价|人评价|人评分)\W*$",
        ),
        (
            "source-header",
            "says where the page was taken from",
            r"^\W*本文(?:由.{1,40}(?:发布|整理|提供|授权|转载|翻译|撰写|原创|投稿)|(?:首发|发布|发表|转自|转载自|来自|摘自|分享自|同步)(?![的了过后前时]).{1,40})\W*.{0,10}$|^\W*(?:本题|题目|该题)(?:来自|来源|出自|出处)\s*[:：].{0,60}$|^\W*(?:this|the) (?:post|article|story|piece|content|blog)\b.{0,30}(?:originally|first) (?:published|appeared|posted)\b.{0,60}$",
        ),
        (
            "source-header",
            "says where the page was taken from",
            r"^\W*(?:原文|原文链接|原文地址|文章来源|本文来源|来源|出处|本文链接|文章链接|链接|转自|转载自|摘自|参考链接|source|original(?:ly)? (?:post|article|published)|via|permalink)\s*(?:[:：]|(?:at|on|in)\b).{0,200}$",
        ),
        (
            "site-legal",
            "copyright, licence or liability notice",
            r"(?:©|\(c\)\s?(?:19|20)\d\d|copyright\s*(?:©|\(c\)|19|20)|all rights reserved|ICP\s?[备证]|公网安备|营业执照|网警|增值电信|广播电视节目制作)",
        ),
        (
            "site-legal",
            "copyright, licence or liability notice",
            r"转载.{0,12}(?:注明|声明|联系|授权|附上|保留|出处)|(?:注明|附上|标注).{0,6}(?:出处|来源)|(?:禁止|谢绝|严禁|不得|拒绝).{0,6}(?:转载|抄袭|搬运)|(?:侵权|侵犯).{0,24}(?:删除|联系|投诉|处理|告知)|版权(?:声明|归|属于|所有)|(?:本文|文章|该文|内容).{0,12}(?:仅代表|不代表).{0,8}(?:作者|个人|本站|立场)|(?:遵循|采用|使用).{0,30}(?:版权协议|许可协议|进行许可)|一经查实|不承担.{0,10}责任|免责声明|举报电话|违法和不良信息",
        ),
        (
            "site-legal",
            "copyright, licence or liability notice",
            r"(?:reproduc|republish|redistribut)\w*.{0,40}(?:without|permission|prohibited)|licensed under (?:a |the )?(?:cc|creative commons)|terms (?:of (?:use|service)|and conditions)|privacy policy|do not (?:sell|share) (?:or (?:sell|share) )?my\b.{0,20}(?:data|info(?:rmation)?)|^.{0,40}\b(?:Inc|Ltd|LLC|GmbH|Corp|Pty|B\.V)\b\.?,? (?:19|20)\d\d\s*[-–—·•|]\s*\w|opinions? expressed|views (?:expressed|are my own)|disclaimer\s*:|用户协议|隐私(?:政策|条款|保护)|服务条款|不良信息举报",
        ),
        (
            "cookie",
            "cookie notice",
            r"(?:we|site|website|page)\b.{0,30}uses? cookies|(?:accept|manage|reject)(?: all)? cookies|cookie (?:policy|settings|preferences)|本站使用.{0,6}cookie|使用 ?cookie.{0,20}(?:体验|同意)",
        ),
        (
            "promo",
            "asks for a follow, a like or a subscription",
            r"(?:欢迎|请|求|记得|别忘|喜欢|觉得|支持|麻烦|不妨|顺手|如果|码字不易|原创不易).{0,30}(?:点赞|点个赞|点个在看|收藏|关注|转发|分享给|三连|打赏|赞赏|订阅|star|鼓励|支持一下|来个赞)",
        ),
        (
            "promo",
            "asks for a follow, a like or a subscription",
            r"(?:公众号|微信号|视频号|知识星球|小红书号|QQ ?群|qq ?群|微信群|交流群|技术群|内推群|读者群|加群|加我微信|扫码|扫一扫|二维码|长按识别|识别下方|后台回复|回复关键词|免费领取|限时(?:优惠|免费|特惠)|领取.{0,8}(?:资料|礼包|福利|优惠)|训练营|体验课|优惠码|优惠券|限时秒杀|秒杀价|首购|折起|立减|一键三连|设为星标|点击上方|蓝字关注|领取方式|先收藏再看|视频课|课程上线|小编(?:今天|整理|给|为|带|在|就|精心)|(?:给|为)大家(?:整理|带来|准备|分享|总结)|打卡第.{0,6}天|(?:在|到|来)?评论区(?:留言|告诉|见|聊|说|交流|讨论|打|扣|里)|立即(?:报名|购买|抢购|咨询|下载|体验|查看|参与)|点击(?:抢购|进入|了解|咨询|查看详情)|首月\d|新客|\d\s?折|首次(?:体验)?免费|去看看|投递简历|内推码|急招|高薪诚聘|截止|原创内容\W*$|\d+\s?人(?:已)?订阅|已收录(?:至|于|到)|合集|系列(?:文章|教程).{0,10}第|名额有限|点击(?:下载|领取|报名|关注|订阅|购买)|赞助商|广告位|广告合作|商务合作|添加.{0,6}微信|下载.{0,8}(?:App|客户端)|App ?(?:内|中)?(?:打开|阅读|查看)|打开.{0,8}App)",
        ),
        (
            "promo",
            "asks for a follow, a like or a subscription",
            r"(?:subscribe|sign up|join)\b.{0,40}(?:newsletter|mailing list|channel|inbox|for free|free (?:trial|course|guide)|e-?mail|weekly|readers)|buy me a coffee|support (?:me|us) on|patreon|follow (?:me|us|@)|(?:like|clap|share|star).{0,30}(?:this (?:post|article|story|repo)|if you (?:found|liked|enjoyed))|if you (?:found|liked|enjoyed) (?:this|it).{0,60}|download (?:the|our) (?:app|free|e-?book)|get the app|\b(?:with|in|on|using|via) (?:our|the) (?:free |mobile )*app\W*$(?<!\.)|(?:\d+ ?%|percent) off|use code \w+|coupon|sponsored (?:by|content|post)|\badvertisement\W*$|^\W*advertisement\s*[-–—:]|join (?:our|the) (?:discord|slack|telegram|community)|enrol+ (?:now|today)|free trial|start now\W*$|join [\d,]+\+? (?:learners|readers|subscribers|developers|others|people|engineers)|that'?s (?:all|it)\b.{0,20}(?:folks|for)|good luck (?:out there|with your|on your)|happy (?:coding|learning|interviewing)|thanks? (?:you )?for reading|hope (?:this|you|it).{0,30}(?:help|useful|enjoy)|祝.{0,12}(?:面试顺利|拿到|offer|上岸)|感谢(?:阅读|观看|你的阅读|您的阅读)|希望(?:对你|对您|对大家|本文|这篇|能).{0,14}帮助|(?:今天|本文|本期|文章|这篇).{0,10}就(?:先)?(?:到这|写到这)|try (?:it )?free|free credit|new accounts|not a member\?|friend link|members? only|available to \w+ members|unlock \d+|(?:explore|download) (?:program|syllabus|brochure|curriculum)|never miss a|tips in your inbox|published in |part \d+ of \d+|part of (?:the|a|our) series|is available in (?:paperback|print)|leave a review|(?:bootcamp|cohort).{0,30}(?:starts|enrol)|job assistance|distributed under|check out (?:my|our) (?:course|book|other|(?:[\w-]+ ){1,5}(?:courses?|books?|program(?:me)?s?|bootcamps?|classes|trainings?)\b)|affiliate (?:links?|disclosure)|unsubscribe (?:at )?any ?time|respect your privacy|straight to your inbox|your e-?mail(?: address)?\W*$|^\W*e-?mail address\W*$|cheat ?sheet \(pdf|(?:comments?|reply|thoughts?) (?:section )?below|let (?:us|me) know (?:in the|what you|below)|drop (?:a|your) comment|send it to me",
        ),
        (
            "promo",
            "asks for a follow, a like or a subscription",
            r"回复\W{0,2}[“\"「『【〖《\[].{1,12}[”\"」』】〗》\]].{0,8}?(?:领|获取|免费|拿走|打卡)|(?:觉得|喜欢|有用|有帮助|记得|别忘|顺手|随手|麻烦|不妨|让更多).{0,30}右上角|^.{0,40}首(?:课|节课?|单)\W{0,2}(?:仅|只要|只需)?\W{0,2}\d[\d.]*\s?元.{0,12}$(?<![。.；;])|^.{0,40}已(?:有|超过)?\s?\d[\d,.]*\s?[kKwW万+]*\s?(?:位同学|名学员|人)(?:加入|报名|抢购|在学|购买|订阅).{0,8}$(?<![。.；;])",
        ),
        (
            "promo",
            "hires people",
            r"^[^\w:]*+(?::\w{2,20}:\W*)?(?:psst\W{1,3})?(?:we(?:.?re| are)|our (?:\w+ ){0,3}?(?:at \w+ )?(?:is|are)) (?:now )?hiring\b(?![^.!?]*,)",
        ),
        (
            "promo",
            "asks for a follow, a like or a subscription",
            r"^\W*(?:微信|抖音|知乎|B站)?(?:搜索?|搜一搜).{0,20}关注.{0,20}$|^\W*关注(?:我|我们|本号|作者|博主|本专栏|专栏)\W*(?:$|[，,!！、~～].{0,40}$)|^\W*(?:如果?|大家|各位)?(?:还?有|对).{0,12}(?:问题|疑问|疑惑|想法|建议|补充|错误)\W{0,2}(?:欢迎|请|可以|随时).{0,8}(?:留言|评论|私信|联系|讨论|指出|交流).{0,12}$|^\W*加入.{0,10}(?:社群|星球|圈子|学习群|打卡群)(?!发现|检测|划分).{0,40}$|更多.{0,12}(?:点击|访问|戳|移步)\W*(?:https?://\S+|这里|此处|链接|下方|原文)\W*$|(?:点击查看|查看更多|查看详情|了解更多|点击阅读|点击领取|立即查看)\s*[>＞»→]{1,3}\s*$|^\W*查看更多\W*$",
        ),
        (
            "promo",
            "asks for a follow, a like or a subscription",
            r"^\W*check out (?:our|my|the|this|these)\b.{0,60}\b(?:guides?|courses?|articles?|posts?|tutorials?|blog|videos?|books?|e-?books?|series|channel)\b.{0,60}$(?<![.])|^\W*(?:please )?click (?:here|below|the link)[\w ]{0,12} to \b.{0,80}$|^\W*subscribe (?:to|and|for)\b.{0,30}(?:notified|new (?:posts|articles|stories|content|videos)|\b(?:my|our)\b).{0,40}$|^\W*(?:download|get|grab)(?: the| your| a| my| our)?(?: free)? (?:pdf|cheat ?sheet|e-?book|checklist)(?: version)?\W*$|^.{0,60}\benrol+ (?:in|for) (?:our|this|my)\b.{0,60}$|^\W*(?:become|be) a (?:member|subscriber|patron) to\b.{0,40}$|^\W*stay tuned(?:\W*$| for| to).{0,40}$|(?:ask|mention|drop|leave|post|tell|write|let|share|put|reach)\b.{0,30}\bin (?:the|our) comments? ?section\b|^\W*(?:sponsored|promoted|赞助|推广)\s*[:：].{0,100}$|^\W*for (?:more|further) (?:details?|information|info)\W{1,2}(?:please )?(?:refer to|see|check|read|visit) (?:the|this|our|my) (?:articles?|posts?|tutorials?|guides?|blog|link)\b.{0,100}$",
        ),
        (
            "promo",
            "calls for a click",
            r"^(?:\W{0,3}#[^#]{1,20}#\W{0,3})?\W{0,3}(?:(?:点击|立即|马上|一键|免费|戳|去|快来|查看|了解|获取|领取|浏览|阅读|下载|试听|报名)[^<>=。]{2,30}|[^<>=。]{2,24}(?:点击|立即|马上|一键|免费|戳)[^<>=。]{2,20})(?<![！？!?-])\s?[>＞»›]{1,3}\W*$|^\W*(?:view|see|read|get|try|learn|start|download|join|explore|browse|shop|discover|check out|sign up|find out|click|tap) [^.。?？!！<>=]{2,60}(?<![=-])\s[>»›]{1,3}\W*$",
        ),
        (
            "login",
            "login wall, fold or paywall",
            r"^\W*(?:最低|低至|仅需|只需|只要|限时)?\s?[¥￥]?\d[\d.]*\s?元?\s?[/每]\s?(?:天|日|月|年|篇)\W{0,3}(?:即可|可)?(?:解锁|开通|订阅|畅读|畅享|阅读|查看).{0,10}$|^\W*(?:解锁|开通|订阅|畅读|阅读全文).{0,12}(?:仅需|只需|低至|最低|[¥￥])\s?\d[\d.]*\s?(?:元.{0,6})?$|^\W*(?:unlock|subscribe|full access|get (?:full |unlimited )?access|read (?:it|on|the rest))\b.{0,40}\b(?:for|from|at|only|just) (?:just |only )?(?:[$€£]\s?\d[\d.]*|\d[\d.]* ?(?:cents|dollars|euros?|pounds))(?:\s?(?:/|a|per) ?\w+)?\W*$",
        ),
        (
            "navigation",
            "the numbers of an answer sheet",
            r"^\W*(?:答题卡|答题情况|题号|题目导航|answer sheet|question (?:map|navigator))\W*(?:(?:[①-⑳]|\d{1,3})[\s,，|/]*+){5,}+[\W_]*(?:交卷|提交|重做|submit|finish)?\W*$",
        ),
        (
            "placeholder",
            "stands where an answer was to come",
            r"^\W*(?:(?:参考|正确)?答案|正解|解析|点拨|answer|solution)\s?[\]】)）]?\s?[:：]?\s*[*＊●■█▇▓░]{3,}\s*$",
        ),
        (
            "placeholder",
            "stands where an answer was to come",
            r"(?:登录|注册|开通会员|升级会员|购买)后.{0,8}(?:查看|阅读|浏览|解锁|看)\s?\d+\s?[题道篇次条份].{0,6}$|\b\d+ free (?:answers?|solutions?|explanations?|questions?|views?) (?:a|per|every) (?:day|week|month)\b",
        ),
        (
            "promo",
            "advertises something to buy",
            r"^\W{0,2}[\[【(（〔［]\s?(?:推荐|好物|福利|热卖|精品课?|good deals?|deals?|recommended)\s?[\]】)）〕］].{4,80}(?:已售|已报名|包邮|学员|一对一|[¥￥$]\s?\d|\bsold\b|\benrolled\b)"
            r"|[\s★☆|·](?:已售|月销|已团|已抢|已报名|热销)\s?\d[\d.,]*\s?[万kKwW]?\+?\s?[份件单人]?\W{0,3}$|[★☆|·]\s?\d[\d.,]*[kK]?\+? (?:sold|enrolled)\W{0,3}$",
        ),
        (
            "promo",
            "asks for a follow, a like or a subscription",
            r"^\W*(?:码字|打字|敲字|手打|整理|肝了?)(?:不易|了?[一二两三四五六七八九十半\d]{1,3}(?:多)?个?(?:多)?(?:小时|天|晚上|通宵)).{0,40}(?:留|赞|顶|走|支持|回复|鼓励)"
            r"|(?:路过|看到|进来|看完|走过)的?(?:朋友|兄弟|姐妹|同学|各位|大佬|伙伴|友友)?们?.{0,4}(?:留个|点个|留下|顶(?:一下|个)|扣个|给个).{1,16}$",
        ),
        (
            "promo",
            "advertisement",
            r"^\W*(?:广告|广告关闭|关闭广告|赞助内容|推广|ad|ads|advert|advertisement|sponsored)\W*$",
        ),
        (
            "promo",
            "advertisement",
            r"^\W*(?:[\[【(（<〈「［〖]\s*(?:ads?|advert(?:isement)?|sponsor(?:ed)?|promoted|广告|软广|内推|赞助(?:内容)?|推广内容)\s*[\]】)）>〉」］〗]|(?:赞助|推广|广告)(?:内容|信息|链接|时间)\s*[:：])|^[^\w\s*•·+–►▶➤➢●○◦▪■◆◇✅✓√🔹🔸-]\W*(?:our |today.?s )?(?:sponsors?|advert(?:isement)?|赞助|广告|推广)\s*[:：]|^\W*(?:ad|ads|advert(?:isement)?|sponsored|广告|推广)\W{2,}\w.{0,160}\W{2,}(?:ad|ads|advert(?:isement)?|sponsored|广告|推广)(?:结束)?\W*$",
        ),
        (
            "promo",
            "advertises a course or a plan",
            r"^\W*(?:become|be|train as) an? .{3,40} in (?:just |only |under )?\d+ (?:days|weeks|months|hours)\b|\b(?:job|interview|placement|money[- ]back) guarantee(?:d)?[\W*]*$|^\W*(?:see|view|explore|browse|get|request) (?:the |our |full |a |course )*(?:syllabus|curriculum|brochure|pricing|plans|all courses)\W*$|^\W*(?:save|get|up to) \d+ ?% (?:off )?on\b.{0,40}\b(?:plans?|courses?|subscriptions?|memberships?|premium|bundles?)\b|(?:会员|课程|专栏|年卡|月卡).{0,4}(?:低至|仅需|只需|特惠|直降|首单).{0,8}元",
        ),
        (
            "end-marker",
            "end of what may be read for nothing",
            r"^\W*(?:(?:you(?:.?ve| have)? )?reached )?(?:the )?end of (?:the |this |your )?(?:free )?(?:preview|sample|excerpt)\b.{0,40}$(?<![.。?？])|^\W*(?:免费)?(?:试读|试看|预览|试听)(?:部分|内容)?(?:已|到此|到这里)?(?:结束|完毕|为止)(?:\W+.{0,24})?$(?<![。?？])",
        ),
        (
            "login",
            "login wall, fold or paywall",
            r"(?:试读|预览).{0,6}还?剩(?:余|下)?\s?\d",
        ),
        (
            "promo",
            "a file to download",
            r"^\W*(?:点击|立即|免费)?下载(?:本|此|该|完整)?(?:文档|试卷|资料|讲义)(?:到|后|，|,|\W*$).{0,30}$|^\W*(?:需要?|下载|售价|价格)?\W*\d+\s?(?:个)?(?:积分|下载券|下载币|财富值|金币)(?:\W|$).{0,16}$",
        ),
        (
            "byline",
            "who gave a file, and its figures",
            r"^\W*(?:上传者|上传人|上传时间|分享者)\s*[:：].{0,80}$|^\W*(?:shared|uploaded|submitted|contributed) by \S.{0,40}\b(?:viewed|views|downloads?|rated|terms|cards|pages)\b.{0,40}$",
        ),
        (
            "promo",
            "who worked on the page",
            r"^\W*(?:contributors?|maintainers?|reviewers?|translators?|thanks to|credits?|贡献者?|维护者?|参与者|感谢|致谢)\s*[:：]?\s*@[\w-]++(?:\W{0,4}$|\W{1,4}(?:and )?@.{0,200}$)",
        ),
        (
            "login",
            "login wall, fold or paywall",
            r"^\W*(?:请|您|登录|注册|立即|马上|未|还|需|开通|成为|剩余|本文为|该内容|该文章|阅读剩余|以下内容|隐藏内容|点击|展开|查看|继续|阅读|收起|加载).{0,14}(?:登录|注册|会员|VIP|付费|解锁|全文|阅读更多|查看更多|加载更多|剩余\s?\d+\s?%|展开(?:阅读|全文|更多)|可见|全部内容|更多内容|更多评论|试读).{0,16}$",
        ),
        (
            "login",
            "login wall, fold or paywall",
            r"^\W*(?:log ?in|sign ?in|sign ?up|register)\b.{0,50}(?:to (?:view|read|reply|comment|continue|save|follow|post|vote)|/|or)|(?:members?|subscribers?)[- ]only|(?:continue|keep) reading (?:with|for|this)|read(?:ing)? the full (?:story|article)|already (?:a member|have an account)|create (?:a|your) free account|show more comments|load more|^\W*(?:阅读原文|查看原文|read more|show more|see more|view more|expand)\W*$",
        ),
        (
            "navigation",
            "leads to other pages of the site",
            r"^\W*(?:上|下|前|后)一(?:篇|页|章|节|题|条|讲|课)(?:\s*[:：]|$|\s).{0,80}|^\W*(?:返回|回到|转到)(?:首页|顶部|列表|目录|上一页)|^\W*(?:previous|prev|next|older|newer)(?: (?:post|article|page|chapter|story|lesson|posts|entry))?\s*(?:[:：»→›>]|$).{0,80}$(?<![.。])|^\W*[←«‹].{1,80}$|^.{1,80}(?<![-=])[→»›]\s*$|^\W*(?:toggle navigation|navigation menu|main menu|loading(?:\.{3}|…)?)\W*$|^\W*back to (?:top|home|blog|index|all)|^skip to (?:main )?content",
        ),
        (
            "navigation",
            "path of the page in its site",
            r"^\W*(?:(?:您|你)?(?:的)?(?:当前|现在)?(?:所在)?位置\s*[:：]?)?\s*(?:(?:[\w\u4e00-\u9fff]{2,12}\s)?[\u4e00-\u9fff]{0,6}(?:首页|主页)|home)\s*(?<!-)[>›»/|·].{0,80}$",
        ),
        (
            "tags",
            "tags or categories of the page",
            r"^\W*(?:标签|文章标签|分类|文章分类|分类专栏|所属分类|专栏|所属专栏|收录于.{0,12}|归类于|归档|关键词|话题|tags?|tagged(?: with| in)?|categor(?:y|ies)|filed under|posted in|topics|labels)\s*(?:[:：]|#).{0,120}$(?<![.。])|^\W*filed under\s+\S.{0,60}$(?<![.。])|^\s*(?:#[\w\u4e00-\u9fff+.-]{1,24}#?\s*){2,12}$|^\s*[\w\u4e00-\u9fff+.-]{1,24}(?:\s+#[\w\u4e00-\u9fff+.-]{1,24}){2,12}\s*$|^\s*[\w\u4e00-\u9fff+.-]{1,24}#(?:\s*#[\w\u4e00-\u9fff+.-]{1,24}#?)+$",
        ),
        (
            "image-placeholder",
            "stands where an image was",
            r"^[\[【(（<]\s*(?:图片?|插图|image|img|photo|figure|pic(?:ture)?)[^\]】)）>]{0,60}[\]】)）>]\s*$|^\W*(?:<small>)?(?:photo|image|picture|cover|illustration)s? (?:by|credits?|from|courtesy|source)\b.{0,80}$|点击(?:查看|放大)(?:大图|图片)|click to (?:enlarge|zoom)|^\W*(?:img|image|images?\.(?:png|jpe?g|gif)|图片|插图|配图|在这里插入图片描述|请添加图片描述|图片描述|image description|alt text|[\w-]+\.(?:png|jpe?g|gif|webp|svg))\W*$",
        ),
        (
            "image-placeholder",
            "stands where an image was",
            r"^[\[［(（【<].{0,16}\b(?:diagram|image|figure|graph|chart|picture|photo|plot|screenshot|table|video|audio|attachment)s?\b.{0,12}\b(?:not (?:available|shown|included|displayed|supported|loaded|reproduced)|unavailable|omitted|removed|missing|lost)\b.{0,40}[\]］)）】>]\W*$|^[\[［(（【<].{0,12}(?:图片?|图表|图像|附图|附件|附表|表格|视频|公式).{0,8}(?:缺失|略|省略|无法显示|加载失败|不可用|未上传|未提供|未附|已删除|暂缺|丢失|见原文).{0,12}[\]］)）】>]\W*$",
        ),
        (
            "end-marker",
            "marks the end of the article",
            r"^\W*(?:\d+\W{0,2})?(?:未完待续|全文完|本文完|正文完|正文结束|文章结束|完结|以上为全文|the end|to be continued|fin|eof)\W*(?:[,，。!！].*)?$|^\W*[-—–=~*]{1,}\s*(?:end|完|fin|eof)\s*[-—–=~*]{1,}\W*$|^[\s·•=~*—–-]{2,}+(?:t\s?h\s?e\s{1,3})?(?:e\s?n\s?d|f\s?i\s?n|(?:全\s?)?[文剧本]?\s?[完终])[\s·•=~*—–-]{2,}+$|^\W*end of (?:chapter|part|document|file|article|post)\b.{0,20}$|^[(（]\s*(?:完|end|全文完)\s*[)）]$|^(?:以上|上面)就是.{0,40}(?:全部|所有|内容|分享|介绍|整理|总结|希望)|^\W*(?:本|这)(?:期|集|篇|回|讲|场)(?:节目|内容|文章|访谈|播客)?(?:就)?(?:到此|至此|到这里)(?:为止|结束|完)?(?:\W.{0,30})?$(?<![。？?])|^\W*(?:and )?that.?s (?:a wrap|the end of (?:this|the|today.?s) (?:episode|interview|show|session))(?:\W.{0,30})?$(?<![。？?])",
        ),
        (
            "byline",
            "figures of an exercise",
            r"^\W*(?:难度|难易度|difficulty|level)\s?(?:系数)?\s*[:：]\s*(?:[★☆⭐*\s]+|简单|中等|困难|easy|medium|hard).{0,40}$|^\W*(?:时间限制|空间限制|参考人数|平均得分|通过率|考点|知识点|频率|出现次数|浏览人数)\s*[:：].{0,80}$",
        ),
        (
            "code-box",
            "a button of a code box",
            r"^\W*(?:复制(?:代码|内容|成功)?|代码复制|一键(?:获取|复制).{0,10}代码|AI ?写代码|登录(?:后|即)?可?复制|运行(?:代码|结果)?|在线运行.{0,8}|全屏|copy(?: code)?|copied!?|run(?: code)?|try it (?:yourself|online|on .{1,30})|open in .{1,20}|edit code|ask ai|explain code|redirect icon|view raw|expand code|(?:enter|exit) fullscreen mode)\W*+(?:(?<=[|/·\s])(?:复制|运行|全屏|copy|run|ask ai)\W*+)*$",
        ),
        (
            "fold",
            "unfolds or hides an answer",
            r"^\W*+(?:(?:点击|展开|查看|显示|收起|隐藏|click(?: here)?(?: to)?|tap to|show|view|hide|see|reveal|expand|toggle)\W*+)+(?:(?:here|the|to|for|查看|看|参考|see|view|show|expand|collapse)\W*+)*(?:答案|解析|解答|answers?|solutions?|explanation|details?|详情|内容)?(?:与解析|和解析)?\W*$",
        ),
        (
            "navigation",
            "says that the site has folded something",
            r"(?:楼层|回复|评论|帖子|回答|回帖)(?:数)?(?:过长|过多|较多|较长|太长|太多)?.{0,4}(?:已|被)(?:自动|系统)*+(?:折叠|收起)(?:[^\w。]|$).{0,12}$|^\W*(?:\d+ |these |this |some |more )?(?:comments?|replies|posts?|answers?) (?:has been |have been |was |were |is |are )?(?:automatically )?(?:collapsed|folded)(?: by .{1,20})?[^\w.]*(?:(?:click|tap) .{1,24})?$",
        ),
        (
            "footnote",
            "a footnote of the page",
            r"^\[\^[^\]]{1,20}\]:\s",
        ),
        (
            "media",
            "a player of sound or video",
            r"^\W*\d{1,2}:\d{2}(?:\s*/\s*\d{1,2}:\d{2})?\W*$|^\W*(?:听全文|听文章|倍速|清晰度|全屏播放|播放|暂停|静音|play(?: video| audio)?|pause|mute|unmute|cc|\d(?:\.\d+)?x|listen(?: to this .{1,20})?)\W*$|(?:video|视频|音频|audio).{0,12}(?:加载失败|无法播放|不支持|标签|is not supported|not support|failed to load)|浏览器不支持|^\W*(?:video|watch|视频)\s*[:：].{0,80}$|播放\s*\d{1,2}:\d{2}",
        ),
        (
            "byline",
            "who asked or answered, and when",
            r"^\W*about the (?:authors?|compiler|editors?|writer)\b|^\W*(?:提问者|回答者|答主|发帖人|提问时间|回答时间|悬赏分?)\s*[:：].{0,60}$|^\W*(?:asked|answered|edited|modified|viewed)\b.{0,40}\b(?:by|at|ago|times)\b.{0,60}$|^\W*\d+ (?:answers?|replies)\W*$",
        ),
        (
            "comments",
            "another reader's word",
            r"^\W*(?:其他回答|其它回答|更多回答|网友回答|热心网友)\s*[:：].{0,200}$",
        ),
        (
            "image-placeholder",
            "caption of an image that is not here",
            r"^\W*(?:图|图片|figure|fig\.?|image)\s?\d+(?:[-.–]\d+)*\s*[:：.、 \u3000].{0,70}$(?<![。？?])|^[▲△▼↑↓]\s*\S.{0,40}$|图源|侵删|(?:image|photo|figure|screenshot)s? by (?:the )?author|(?:press enter or )?click to view image|^[\w-]{0,30}(?:-|_)(?:diagram|image|img|screenshot|figure|chart|flow|architecture)(?:[-_]\w++(?:-\w++)*+)?$|^.{0,14}(?:示意图|截图|流程图|架构图|结构图|效果图|思维导图)\W*(?:[(（].{0,10}[)）])?$|^[\[［【(（]\s?图\s?[\d-]+.{0,40}[\]］】)）]$",
        ),
        (
            "page-number",
            "page number of a printed document",
            r"^\W*第\s?\d+\s?页(?:\W*共\s?\d+\s?页)?\W*$|^\W*page \d+(?: of \d+)?\W*$|^\s*[-–—]\s?\d{1,4}\s?[-–—]\s*$|^\s*\d{1,3}\s?/\s?\d{1,3}\s*$",
        ),
        (
            "toc",
            "entry of a table of contents",
            r"(?:\.{4,}|(?:\. ){4,}\.?|…{2,}|·{4,}|—{4,})\s*\d{1,4}\s*$",
        ),
        (
            "poll",
            "a poll or a quiz",
            r"^\W*(?:poll|(?:quick|weekly|reader) (?:poll|survey|vote)|投票|(?:小|快速|本期|每周|读者)(?:调查|投票|调研))\W*(?:[:：].{0,100})?$|^\W*(?:已有|共)?\s?\d[\d,]*\s?人(?:已)?(?:选择|投票|参与|作答)(?:了)?\W*$|\d[\d,]* ?(?:votes|票|人参与|人投票)|(?:take|start) (?:the|this) quiz|\bquiz on\b|\d+ questions? ?[·|,] ?\d+ min|\d+ ?% of (?:learners|users|people|readers) (?:got|answered|chose|picked|voted)",
        ),
        (
            "feedback",
            "asks what readers think of the page",
            r"\d+(?:\.\d+)?\s?%\s?的?(?:同学|用户|网友|考生).{0,8}(?:答对|选择|正确)|(?:正确率|通过率)\W{0,2}\d|共?被作答\s?\d+|查看全部讨论|^\W*你的答案\W|was this (?:page|article|answer|post|section)? ?(?:helpful|useful)|(?:本文|此页|文章|该?内容|这篇文章)(?:是否)?(?:对你|对您)?(?:有帮助|有用)|edit (?:this|the) page|^\W*(?:suggest|propose) (?:an? )?(?:edits?|changes?|improvements?)\W*$|^\W*improve this (?:question|answer|article|page|post)\W*$|edit on github|在 ?github ?(?:上)?(?:编辑|查看|修改)|编辑此页|改进此文|(?:found|spotted|report) (?:a|an) (?:typo|mistake|error|issue|bug)|(?:PRs?|pull requests?)(?: are)? welcome|欢迎(?:提)? ?(?:PR|issue|投稿)|feedback\W*$|star history|last (?:commit|edit) ",
        ),
        (
            "placeholder",
            "stands where text was to come",
            r"(?:answer|答案|解析|本题|内容).{0,12}(?:coming soon|待补充|待更新|待完善|to appear|to be added|暂无|更新中|敬请期待)|^\W*(?:(?:我|A|答|答案)\s?[:：])?\W*略\W*$|暂无(?:解析|答案|回答)|🔒|^\W*unlock (?:this|the|all|\d+)(?: \w+){0,3} (?:answers?|solutions?|explanations?|contents?|lessons?|questions?|articles?|chapters?|guides?|access)\b|^\W*answer to (?:appear|come)|(?:coming soon|待补充|TODO)\W.{0,30}(?:PR|欢迎|welcome|投稿)",
        ),
        (
            "placeholder",
            "stands where text was to come",
            r"^\W*(?:TODO|TBD|TBA|FIXME|WIP|待(?:补充|完善|更新|续|填|整理|写)|未完成|有空再(?:写|补)|暂(?:无|略|缺)(?:答案|内容|解析)?|coming soon|to be (?:added|written|done|completed|filled in)|answer pending|no answer yet)\W*$",
        ),
        (
            "navigation",
            "font and view controls",
            r"^\W*字(?:号|体大小)\W*(?:[大中小特]\W*){2,}|^\W*字体\W*[-+A大小\s]+$",
        ),
        (
            "comments",
            "a comment or its controls",
            r"^\W*(?:(?:全部|所有|热门|最新|精彩)评论\W*\d*|(?:发表|写|添加|提交)评论|(?:登录|注册)后?(?:才能|方可|即可|可以|参与).{0,4}(?:评论|回复|留言)|(?:leave|post|write|add) a (?:comment|reply|response)|(?:no comments yet|be the first to comment)(?:\W.{0,30})?)\W*$|^\W*#?\s?\d{1,4}\s?(?:楼|F|层|#)(?:\W|$)|^\W*(?:沙发|板凳|楼主|楼上|前排|回复|举报|reply|report|permalink|flag|upvote|downvote|点赞|踩)\W*$|^.{0,40}\b\d+\s?(?:秒|分钟|小时|天|周|个?月|年)[之以]?前.{0,24}$|^.{0,40}\b(?:\d+|an?|last) (?:seconds?|minutes?|mins?|hours?|hrs?|days?|weeks?|months?|years?) ago\b.{0,24}$|^\W*\d{1,2}[-/.月]\d{1,2}日?\s+\d{1,2}:\d{2}.{0,30}(?:回复|赞|举报|·).{0,20}$|^\W*(?:查看|展开|显示|共|全部).{0,6}\d+\s?条(?:评论|回复|留言).{0,6}$|^\W*(?:@?[\w\u4e00-\u9fff-]{1,20}(?:[(（].{1,6}[)）])?\s?回复\s?@?[\w\u4e00-\u9fff-]{1,20}(?:[(（].{1,6}[)）])?|[\w .-]{1,30} (?:replied|says|said|commented|wrote))\s*[:：]",
        ),
        (
            "share",
            "share or print buttons",
            r"^\W*(?:分享(?:这句话|到|至|给|本文|文章|链接)|复制链接|打印本页|一键分享|share(?: (?:this|on|via|to|with).{0,40})?\W*$|tweet(?: this)?\W*$|copy link|print this|email this).{0,80}$(?<![.。])|^\W*分享\W*[:：]\s*$",
        ),
        (
            "teaser",
            "points to another article",
            r"^\W*you (?:may|might) also (?:like|enjoy|be interested in)(?: (?:these|this|our|other))?(?: (?:posts?|articles?|stories|questions))?\W*$",
        ),
        ("toc", "marker of a table of contents", r"@?\[?TOC\]?\s*$(?<=TOC\])|@TOC\b|^\W*\[TOC\]"),
    )
)

_LEADS: tuple[tuple[str, str, re.Pattern[str]], ...] = tuple(
    (
        rule,
        reason,
        re.compile(
            rf"^[\W_]*+(?:{pattern})(?:[\W_]*+(?:\d++\s*+[)）\]]?\s*+(?:条|篇|个)?|条|篇|个))?[\W_]*(?:[(（][^()（）]{{1,24}}[)）]\W*+)?$",
            re.IGNORECASE,
        ),
    )
    for rule, reason, pattern in (
        (
            "teaser",
            "articles of other subjects",
            r"(?:更多)?(?:相关|推荐|热门|最新|精选|精彩|同类|相似|往期|近期|猜你|随机)(?:的)?(?:文章|推荐|阅读|内容|问题|问答|链接|资源|博文|博客|帖子|主题|话题|新闻|资讯|教程|专题|标签|回顾|精彩|喜欢|想看|感兴趣|发布|更新|课程|搜索|专栏|面试题|下载)+|更多(?:推荐|文章|精彩|内容|阅读|干货|好文|教程)|(?:你|您)(?:可能)?(?:也|还)?(?:可能)?(?:会)?(?:感兴趣|喜欢|想看)(?:的)?.{0,4}|大家(?:都|还)?在(?:看|读|搜)|(?:看|读)(?:过|了)(?:本文|此文|这篇).{0,10}(?:还|也).{0,4}|延伸阅读|拓展阅读|扩展阅读|推荐|相关|(?:更多)?(?:相关|推荐|热门|相似|同类)(?:的)?(?:文档|试卷|试题|题库|视频|词条|商品|岗位|职位|卡片)+|(?:(?:其他)?(?:同学|用户|网友|读者|学员)们?|其他人|大家)(?:还|也)(?:在)?(?:学|看|读|下载|搜|搜索|关注|浏览|购买|买)(?:了|过)?(?:的)?.{0,4}|(?:阅读|点击|浏览|本周|今日|月度|文章|热文)(?:排行|榜|排行榜|热榜|热门|推荐)|热榜|友情链接|友链|站内导航|网站导航|快速导航|文章推荐|精品推荐|好文推荐|为(?:你|您)推荐|猜你喜欢|系列文章",
        ),
        (
            "teaser",
            "articles of other subjects",
            r"recommended from [\w.]{2,20}|(?:related|recommended|similar|popular|trending|latest|recent|more|featured|other|suggested|most read|hot) (?:posts?|articles?|stor(?:y|ies)|questions?|reading|reads|content|topics|tutorials?|news|videos|links|interview questions|courses|documents|flashcards|decks|(?:study )?sets|quizzes|jobs|guides|lessons)(?: (?:from|by|in|on|for) .{1,30})?|(?:[\w ]{1,24} )?you (?:may|might) (?:also )?(?:like|enjoy|be interested in)(?: (?:these|this))?|recommended(?: for you| by us)?|more (?:from|by|in|like this|on) ?.{0,30}|read (?:next|this next)|what to read next|up next|trending(?: now| this week)?|keep reading|further reading|from (?:our|the) blog|(?:don.?t|do not) miss|around the web|(?:students?|people|readers?|users?|others|customers|learners|members|viewers|you) (?:who .{1,30} )?(?:may have )?also (?:studied|viewed|read|bought|liked|searched(?: for)?|watched|downloaded|enjoyed|visited)|explore more|more to explore|related|friends? links|blogroll|quick links",
        ),
        (
            "comments",
            "comments of readers",
            r"(?:全部|所有|网友|最新|热门|精彩|用户|读者|文章|最热|精选|热)?(?:评论|留言|回复|讨论)(?:区|列表|板|专区)?|(?:发表|写下?|添加|提交|我要|参与|抢|留下)(?:你的|您的|我的)?(?:评论|留言|回复|看法|讨论|评价|沙发)|(?:共)?\d+\s?(?:条|个|则)(?:评论|留言|回复|回答|讨论)|说点什么.{0,6}|评论\s?[(（]?\d+[)）]?",
        ),
        (
            "teaser",
            "articles of other subjects",
            r"(?:使用|看|下载|购买|买|读|浏览|收藏|学习|做)(?:了|过)*(?:本|此|该|这)?[卷题篇文帖书页课]?(?:章|资料|商品|程|视频|子|内容|试卷|文档|道)?[了过]?的(?:人|用户|老师|同学|网友|读者|朋友|小伙伴)们?(?:也|还|都)+在?(?:下载|看|买|读|喜欢|关注|浏览|问|学|做|搜|购买|收藏)[了过]?"
            r"|(?:people|readers|users|customers|teachers|students|members|those) who (?:viewed|read|bought|downloaded|liked|used|watched|studied) (?:this|it)(?: \w+)? also (?:viewed|read|bought|downloaded|liked|used|watched|studied)(?: these)?",
        ),
        (
            "comments",
            "praise of customers",
            r"what (?:our |my )?(?:customers|clients|readers|users|students|members|guests) (?:say|are saying|think)(?: about us)?|testimonials|(?:听听)?(?:用户|客户|学员|读者)怎么说",
        ),
        (
            "comments",
            "comments of readers",
            r"(?:\d+ )?(?:comments?|responses?|replies|discussion|thoughts on .{1,60})(?: ?\(?\d++\)?)?|leave a (?:reply|comment)|(?:join|start) the (?:discussion|conversation)|(?:add|post|write|submit) (?:a|your) (?:comment|reply|response)|what do you think|comments? (?:section|are closed)|top comments.{0,4}|reader comments",
        ),
        (
            "promo",
            "closing words of the author",
            r"写在最后|最后的话|结束语|写在后面|后记|贡献者|鸣谢|致谢|(?:如何|怎样|参与|欢迎)贡献|贡献(?:指南|方式|说明)|(?:how to )?contribut(?:e|ing)(?: guide(?:lines)?)?|(?:with |many |special )?thanks(?: to)?|赞助者?|contributors?|acknowledge?ments?|sponsors?|backers|star history|support(?: (?:us|me|this project))?|支持一下",
        ),
        (
            "byline",
            "about the author",
            r"(?:关于|博主|作者)(?:作者|简介|介绍|信息|本站|博主|我)|作者(?:简介|介绍)|about (?:the )?author|about me|meet the author|author bio",
        ),
        (
            "site-legal",
            "copyright, licence or liability notice",
            r"(?:版权|免责|侵权|转载|法律|特别)(?:声明|说明|申明|提示)|copyright(?: notice)?|legal(?: notice)?|disclaimer",
        ),
        (
            "share",
            "share, donate or subscribe block",
            r"打赏(?:作者|支持|一下)?|赞赏(?:作者|支持)?|支持(?:作者|一下)|分享(?:到|至|文章)?|点赞|收藏|关注(?:我们|作者)?|扫码.{0,10}|share this(?: (?:post|article|story))?|share|newsletter|stay (?:updated|in touch|connected)|subscribe|follow us|contact us|联系我们|关于我们|get in touch",
        ),
    )
)
_INLINE_TEASER = re.compile(
    r"^\W*(?:推荐阅读|相关阅读|延伸阅读|拓展阅读|扩展阅读|相关文章|相关推荐|推荐文章|更多阅读|更多内容请?(?:看|参考|关注)?|猜你喜欢|往期推荐|另见|(?:must|read) (?:also|more|next|read)|also read|recommended (?:reading|posts?|articles?)|(?:related|featured) (?:courses?|videos?|lessons?|quiz(?:zes)?)|(?:related|recommended) (?:pages?|notes?|links?|posts?|articles?|reading)|相关(?:课程|视频|专栏|试卷|文档|页面|笔记|词条|条目|链接)|you (?:may|might) (?:also )?(?:like|enjoy|be interested in)|(?:check out|learn more|see also|related|recommended|点击(?:查看|阅读|了解|下载))(?=\s*[:：].{0,200}$(?<![.。])))\s*(?:[:：|｜丨】\]]|[-–—]\s)",
    re.IGNORECASE,
)
_ADVERT_MARK = re.compile(
    r"^[\W_]*(?:广告|推广|赞助(?:内容)?|ads?|advert(?:isement)?|sponsored(?: content)?|promoted)[\W_]*$", re.IGNORECASE
)
_TOC_LEAD = re.compile(
    r"^[\W_]*(?:本文|文章|内容|全文)?(?:目录|大纲|导航|导读)[\W_]*$|^[\W_]*(?:table of )?contents[\W_]*$|^[\W_]*(?:on this page|in this (?:article|post|guide|page)|jump to|quick navigation|question list|questions covered|问题列表|题目列表|问题目录|题目一览|问题清单|快速跳转)[\W_]*$",
    re.IGNORECASE,
)

_UI_WORDS = frozenset(
    [
        "首页",
        "主页",
        "登录",
        "登陆",
        "注册",
        "退出",
        "搜索",
        "博客",
        "论坛",
        "社区",
        "问答",
        "课程",
        "教程",
        "专栏",
        "专题",
        "下载",
        "资源",
        "视频",
        "直播",
        "商城",
        "会员",
        "消息",
        "通知",
        "我的",
        "个人中心",
        "设置",
        "帮助",
        "反馈",
        "举报",
        "投诉",
        "客服",
        "联系我们",
        "关于我们",
        "关于",
        "联系",
        "加入我们",
        "招聘",
        "广告",
        "广告服务",
        "友情链接",
        "网站地图",
        "点赞",
        "赞",
        "踩",
        "收藏",
        "分享",
        "转发",
        "评论",
        "回复",
        "关注",
        "已关注",
        "喜欢",
        "在看",
        "打赏",
        "赞赏",
        "订阅",
        "粉丝",
        "私信",
        "编辑",
        "删除",
        "复制",
        "打印",
        "收起",
        "展开",
        "更多",
        "返回",
        "顶部",
        "上一页",
        "下一页",
        "上一篇",
        "下一篇",
        "目录",
        "标签",
        "分类",
        "归档",
        "热门",
        "最新",
        "推荐",
        "排行榜",
        "微博",
        "微信",
        "朋友圈",
        "qq",
        "qq空间",
        "知乎",
        "豆瓣",
        "赞助",
        "支持",
        "余额",
        "充值",
        "实付",
        "支付",
        "去支付",
        "确定",
        "取消",
        "提交",
        "发布",
        "发送",
        "发表",
        "写文章",
        "文章",
        "动态",
        "创作中心",
        "开通会员",
        "vip",
        "有用",
        "没用",
        "无用",
        "收录",
        "阅读",
        "浏览",
        "举报内容",
        "只看楼主",
        "倒序",
        "正序",
        "按时间",
        "按热度",
        "默认",
        "排序",
        "复制链接",
        "生成海报",
        "扫一扫",
        "夜间模式",
        "字号",
        "广告",
        "关闭",
        "广告关闭",
        "home",
        "blog",
        "contact",
        "login",
        "register",
        "search",
        "menu",
        "help",
        "faq",
        "support",
        "pricing",
        "docs",
        "documentation",
        "tutorials",
        "courses",
        "jobs",
        "careers",
        "press",
        "news",
        "community",
        "forum",
        "forums",
        "privacy",
        "terms",
        "cookies",
        "sitemap",
        "share",
        "tweet",
        "pin",
        "like",
        "likes",
        "save",
        "follow",
        "following",
        "followers",
        "comment",
        "comments",
        "reply",
        "report",
        "edit",
        "delete",
        "copy",
        "print",
        "more",
        "less",
        "next",
        "previous",
        "prev",
        "top",
        "subscribe",
        "facebook",
        "twitter",
        "linkedin",
        "reddit",
        "x",
        "email",
        "whatsapp",
        "telegram",
        "github",
        "youtube",
        "rss",
        "bookmark",
        "listen",
        "download",
        "advertise",
        "feedback",
        "settings",
        "profile",
        "logout",
        "notifications",
        "newsletter",
        "submit",
        "cancel",
        "send",
        "close",
        "accept",
    ]
)
_UI_PHRASES = frozenset(
    {
        "log in",
        "sign in",
        "sign up",
        "about us",
        "contact us",
        "read more",
        "load more",
        "show more",
        "see all",
        "view all",
    }
)


@lru_cache(maxsize=4096)
def sure_furniture(text: str) -> tuple[str, str] | None:
    """(rule, reason) when `text` words itself as furniture beyond doubt, else None."""
    if len(text) > 800 or display_width(text) > 400:
        return None
    for rule, reason, pattern in _SURE:
        if pattern.search(text):
            return rule, reason
    if is_code_box(text):
        return "code-box", "head of a code box"
    if ui_share(text) == 1.0 and sum(map(_is_ui, _ui_tokens(text))) >= 2:
        return "navigation", "nothing but the words of menus and buttons"
    return None


LANGUAGES = frozenset(
    [
        "c",
        "c++",
        "c#",
        "java",
        "python",
        "python3",
        "javascript",
        "js",
        "typescript",
        "ts",
        "go",
        "golang",
        "rust",
        "ruby",
        "php",
        "swift",
        "kotlin",
        "scala",
        "r",
        "sql",
        "bash",
        "shell",
        "sh",
        "html",
        "css",
        "xml",
        "json",
        "yaml",
        "yml",
        "ini",
        "toml",
        "lua",
        "perl",
        "matlab",
        "text",
        "plaintext",
        "plain",
        "txt",
        "dockerfile",
        "makefile",
        "nginx",
        "http",
        "diff",
        "console",
        "powershell",
        "vue",
        "jsx",
        "tsx",
        "less",
        "scss",
        "dart",
        "objective-c",
        "haskell",
        "clojure",
        "elixir",
        "julia",
    ]
)
_BOX_WORDS = frozenset(
    [
        "copy",
        "copied",
        "run",
        "ask",
        "ai",
        "edit",
        "code",
        "download",
        "wrap",
        "expand",
        "fullscreen",
        "复制",
        "复制代码",
        "运行",
        "全屏",
        "下载",
        "折叠",
        "展开",
        "▶",
        "⧉",
    ]
)


def is_code_box(text: str) -> bool:
    """True for the line above a code box: its language and its buttons."""
    tokens = _ui_tokens(text)
    return (
        2 <= len(tokens) <= 8
        and any(token in LANGUAGES for token in tokens)
        and any(token in _BOX_WORDS for token in tokens)
        and all(token in LANGUAGES or token in _BOX_WORDS for token in tokens)
    )


def lead_of(text: str) -> tuple[str, str] | None:
    """(rule, reason) when `text` is the heading of a block of furniture (related articles, comments, …), else None."""
    if len(text) > 128 or display_width(text) > 64:
        return None
    for rule, reason, pattern in _LEADS:
        if pattern.match(text):
            return rule, reason
    return None


def is_inline_teaser(text: str) -> bool:
    """True for a line that points to another article in passing ("Read also: …")."""
    return len(text) <= 320 and display_width(text) <= 160 and bool(_INLINE_TEASER.match(text))


def is_advert_mark(text: str) -> bool:
    """True for a line that says no more than that an advertisement stands below it."""
    return len(text) <= 40 and bool(_ADVERT_MARK.match(text))


def is_toc_lead(text: str) -> bool:
    """True for the heading of a table of contents."""
    return len(text) <= 400 and bool(_TOC_LEAD.match(text))


def is_cut_off(text: str) -> bool:
    """True for a blurb cut off by its site: it ends in an ellipsis."""
    return bool(
        re.search(
            r"(?:…|\.{3}|。{3}|\[…\]|\[\.\.\.\])\s*(?:\[?(?:阅读全文|阅读更多|更多|详情|read more|continue reading|more)\]?\s*[»→>]*)?\s*$",
            text.rstrip()[-80:],
            re.IGNORECASE,
        )
    )


def ui_share(text: str) -> float:
    """Share of the words of `text` (0..1) that menus and buttons use; 0 for long text."""
    if len(text) > 2000:
        return 0.0
    tokens = _ui_tokens(text)
    if not tokens or len(tokens) > 40:
        return 0.0
    if text.strip().lower() in _UI_PHRASES:
        return 1.0
    return (
        sum(_is_ui(token) or token.isdecimal() for token in tokens) / len(tokens)
        if any(_is_ui(token) for token in tokens)
        else 0.0
    )


_UI_TOKEN = re.compile(
    r"分享[到至](?:微信|微博|朋友圈|qq|qq空间|知乎)|(?:点赞|赞|踩|收藏|评论|分享|转发|阅读|浏览|关注|打赏|粉丝|喜欢|在看)数?\d[\d.]*[kw万]?"
)


def _is_ui(token: str) -> bool:
    """True for a word of menus and buttons, its count or its target joined to it or not."""
    return token in _UI_WORDS or bool(_UI_TOKEN.fullmatch(token))


def _ui_tokens(text: str) -> list[str]:
    return [token for token in re.split(r"[\s|/·•,，、:：()（）\[\]<>›»«&-]+", text.lower()) if token]
