"""Names in a question: which words are names, in which ways they may stand in a corpus, and what is told when none has them."""

import time
from pathlib import Path

import pytest
from conftest import Run
from doubles import make_passage, write_passages

from retriever.analysis import Analyzer, fold
from retriever.answer import ELSEWHERE, answer
from retriever.encoders.static import StaticEncoder
from retriever.glossary import Concept, bundled_glossary
from retriever.indexing import open_index
from retriever.naming import TAKEN_FOR_GRANTED, Name, Ways, find_names
from retriever.search import Retriever

ANALYZER = Analyzer({}, 1)


def names(text: str, guessed: tuple[str, ...] = ()) -> list[str]:
    """The names in a question, as written."""
    return [name.written for name in found(text, guessed)]


def found(text: str, guessed: tuple[str, ...] = ()) -> tuple[Name, ...]:
    folded = fold(text)
    return find_names(text, folded, known(folded), guessed, ANALYZER.terms)


def known(folded: str) -> list[tuple[Concept, Ways]]:
    """The glossary's terms in a folded text, with the ways they may be written."""
    return [
        (one, tuple(tuple(ANALYZER.terms(name)) for name in (folded[one.start : one.end], *one.others)))
        for one in bundled_glossary().find(folded)
    ]


@pytest.mark.parametrize(
    ("question", "expected"),
    [
        ("ZooKeeper的文件怎么用", ["ZooKeeper"]),
        ("fork之后什么时候才复制", ["fork"]),
        ("服务器上大量CLOSE_WAIT是什么原因", ["CLOSE_WAIT"]),
        ("Ｒａｆｔ 怎么用", ["Raft"]),
        ("C++ 里怎么写", ["C++"]),
        ("24G 的卡够不够，要 2 GB 还是 4GB", []),
        ("为什么要用它", []),
        ("k 取多少", []),
    ],
)
def test_latin_words_of_a_chinese_question_are_names(question: str, expected: list[str]) -> None:
    """But for units, numbers and single letters."""
    assert names(question) == expected


@pytest.mark.parametrize(
    ("question", "expected"),
    [
        ("How does ZooKeeper elect a leader?", ["ZooKeeper"]),
        ("What does the Muon update look like?", ["Muon"]),
        ("How do I install Zookle?", ["Zookle"]),
        ("should I pick e4m3 or XF9 here?", ["e4m3", "XF9"]),
        ("Does it work? Nothing helps. Why?", []),
        ("Why does my model forget what it has learned?", []),
        ("I think I've seen it, haven't I?", []),
        ("How Do We Choose The Step Size?", []),
        ("How Do We Choose The RMSStep Size?", ["RMSStep"]),
        ("WHY DOES IT FAIL", []),
        ("the Mann-Whitney test", ["Mann-Whitney"]),
    ],
)
def test_words_of_an_english_question_are_names_when_they_look_like_it(question: str, expected: list[str]) -> None:
    """A capital or a digit that the sentence does not call for."""
    assert names(question) == expected


def test_terms_of_the_glossary_are_names_under_all_their_names() -> None:
    (name,) = found("门控循环单元有哪些门")
    assert (name.written, name.place) == ("门控循环单元", (0, 6))
    assert ("gru",) in name.ways
    assert ("gated", "recurrent", "unit") in name.ways


@pytest.mark.parametrize(
    ("question", "telling"),
    [
        ("验证集怎么选", TAKEN_FOR_GRANTED),
        ("epol 怎么用", TAKEN_FOR_GRANTED),
        ("Netty 怎么用", 1.0),
        ("桌布怎么洗", 1.0),
        ("how does batch normalization help", 1.0),
        ("can yeast be frozen", 1.0),
    ],
)
def test_what_its_field_takes_for_granted_and_what_may_be_a_slip_tells_less(question: str, telling: float) -> None:
    assert [name.telling for name in found(question)] == [telling]


def test_a_term_written_with_a_hyphen_may_stand_in_parts() -> None:
    """As the glossary has it and as any compound."""
    (name,) = found("ETag 和 Last-Modified")[1:]
    assert name.written == "Last-Modified"
    assert {("last", "modified"), ("lastmodified",)} <= set(name.ways)


def test_things_of_everyday_life_are_names_in_plain_english() -> None:
    assert names("how do I wash a tablecloth") == ["tablecloth"]
    assert names("can yeast be frozen") == ["yeast"]


def test_a_single_plain_english_term_may_be_a_word_like_any_other() -> None:
    """Of several words, or with a capital, it is a name."""
    assert names("how does it behave at inference") == []
    assert names("how does the kernel trick help") == ["kernel trick"]
    assert names("how does MAML adapt") == ["MAML"]
    assert names("MAML 怎么适应新任务") == ["MAML"]


def test_what_was_guessed_is_no_name() -> None:
    """A word that was taken for a slip proves nothing, nor does what it was taken for."""
    assert names("dropuot 的概率") == ["dropuot"]
    assert names("dropuot 的概率", ("dropuot", "dropout")) == []


def test_a_compound_may_stand_in_its_parts() -> None:
    (name,) = found("CLOSE_PENDING 是什么")
    assert name.ways == (("closepending",), ("close", "pending"))


def test_a_compound_with_a_single_letter_may_not() -> None:
    """A text about a net does not mention the U-Net."""
    (name,) = found("把 X-Net 换掉会怎样")
    assert name.ways == (("xnet",),)


# In an index

PASSAGES = [
    make_passage("p1", "Redis 为什么快？", "Redis 把数据放在内存里，用单线程处理命令，避免了锁的开销。"),
    make_passage("p2", "什么是卷积神经网络？", "CNN 用卷积核在图像上滑动，提取局部特征。"),
    make_passage("p4", "表面是什么？", "表面就是外面，条件另说。"),
    make_passage("p3", "What is an operating system?", "It runs programs and shares the machine among them."),
]


@pytest.fixture(scope="module")
def retriever(tmp_path_factory: pytest.TempPathFactory, encoder: StaticEncoder) -> Retriever:
    directory = write_passages(tmp_path_factory.mktemp("named") / "index", PASSAGES, encoder)
    return Retriever(open_index(directory), encoder)


@pytest.mark.parametrize(
    ("question", "absent"),
    [
        ("Redis 为什么快", []),
        ("Memcached 为什么快", ["Memcached"]),
        ("How does a convolutional neural network see?", []),
        ("支持向量机为什么快", ["支持向量机"]),
        ("Does operating Redis need a System z?", []),
        ("Is RedisSystem fast?", ["RedisSystem"]),
        ("表面条件是什么", []),
        ("桌布怎么洗", ["桌布"]),
    ],
)
def test_a_name_is_absent_when_no_passage_has_it_in_any_way(
    retriever: Retriever, question: str, absent: list[str]
) -> None:
    assert [name.written for name in retriever.missed(retriever.query(question), 0)[1]] == absent


def test_a_name_in_the_title_of_a_source_is_not_absent(retriever: Retriever) -> None:
    """A page about one thing takes it for granted. (The source of these passages is called "A page".)"""
    query = retriever.query("Page 是什么")
    assert retriever.missed(query, 0) == (list(query.names), [])


def test_a_name_that_only_another_passage_has_is_told_apart(retriever: Retriever) -> None:
    """It lowers the confidence too, by less."""
    query = retriever.query("CNN 和 Redis 哪个快")
    cnn, redis = query.names
    assert [retriever.missed(query, row) for row in (0, 1)] == [([cnn], []), ([redis], [])]
    both, one = answer(retriever, "Memcached 为什么快？"), answer(retriever, "CNN 为什么快？")
    assert both.signals is not None
    assert one.signals is not None
    assert (both.signals.absent, one.signals.absent) == (1.0, ELSEWHERE if one.choices[0].hit.row == 0 else 0.0)


def test_an_absent_name_lowers_the_confidence(retriever: Retriever) -> None:
    there, gone = answer(retriever, "Redis 为什么快？"), answer(retriever, "Memcached 为什么快？")
    assert there.choices[0].hit.passage.id == gone.choices[0].hit.passage.id == "p1"
    assert gone.confidence < there.confidence / 2
    assert (there.absent, gone.absent) == ((), ("Memcached",))


def test_absent_names_are_told(cli: Run, retriever: Retriever) -> None:
    """On a terminal, to programs, and by --explain; whether or not there is an answer."""
    index = retriever.index.directory
    refused = cli("ask", "Memcached 的淘汰策略是什么", "--index", index)
    assert refused.status == 1
    assert "没有一段提到“Memcached”。" in refused.out
    asked = cli("ask", "How does Memcached evict keys?", "--index", index)
    assert (asked.status, "No passage mentions “Memcached”." in asked.out) == (1, True)
    assert "none mentions Memcached" in cli("ask", "Memcached 的淘汰策略是什么", "--json", "--index", index).out
    given = cli("ask", "Memcached 为什么快", "--min-confidence", "0", "--explain", "--index", index)
    assert given.status == 0
    assert given.out.index("没有一段提到“Memcached”。") < given.out.index("1. ")
    assert "in no passage: Memcached" in given.out
    assert "没有一段提到" not in cli("ask", "Redis 为什么快", "--index", index).out


def test_names_that_are_no_text_for_a_terminal_are_cleaned(cli: Run, retriever: Retriever, tmp_path: Path) -> None:
    """A name is made of letters and digits, whatever stands around it."""
    shown = cli("ask", "Mem\x1b[31mcached 的淘汰策略", "--index", retriever.index.directory).out
    assert "\x1b" not in shown


def test_nothing_of_a_question_is_remembered(retriever: Retriever) -> None:
    """A reader that serves for long does not grow with what it is asked."""
    retriever.query("RoPE 和 卷积神经网络")
    before = len(retriever._reader._names)
    for number in range(50):
        retriever.query(f"Zx{number}k 和 卷积神经网络 RoPE")
    assert len(retriever._reader._names) == before


@pytest.mark.parametrize("unit", ["A. ", "Abc def ", "Redis 为什么快 ", "梯度消失 dropout ", "a-", "A_", "Q: What? "])
def test_a_long_question_takes_time_in_proportion(unit: str) -> None:
    """A letter pasted by mistake is read in the time its length calls for."""

    def seconds(size: int) -> float:
        text = (unit * size)[:size]
        folded = fold(text)
        concepts = known(folded)
        began = time.process_time()
        find_names(text, folded, concepts, ["dropuot", "dropout"], ANALYZER.terms)
        return time.process_time() - began

    assert min(seconds(80_000) for _ in range(3)) < 20 * max(min(seconds(10_000) for _ in range(3)), 0.005)
