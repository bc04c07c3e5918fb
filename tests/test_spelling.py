"""Slips of the pen: which are mended, which words are left alone, and the table of syllables."""

import json
import random
import re
import time
from collections import Counter
from collections.abc import Callable, Iterable
from pathlib import Path

import pytest
from doubles import KeywordEncoder, make_passage, write_passages
from hypothesis import example, given, settings
from hypothesis import strategies as st
from making import within

from retriever.encoders.static import StaticEncoder
from retriever.glossary import FILE as NAMES
from retriever.glossary import bundled_glossary
from retriever.indexing import open_index
from retriever.search import Retriever
from retriever.spelling import FILE, LONG, SHORTEST, WIDEST, Correction, Speller

DATA = Path(__file__).parent / "data"
SYLLABLES: dict[str, str] = json.loads(FILE.read_text(encoding="utf-8"))


def speller(
    words: Iterable[str] = (), terms: Iterable[str] = (), short: Iterable[str] = (), known: Iterable[str] = ()
) -> Speller:
    """One that knows these words and terms, and nothing to be known but `words` and `known`."""
    words, terms = list(words), list(terms)
    return Speller(lambda: words, lambda: terms, frozenset([*short, *words]), {*words, *known}.__contains__)


def letters(run: str) -> list[str]:
    """A run of Chinese cut into single characters, as one without any known word is."""
    return list(run)


def corrected(one: Speller, text: str, cut: Callable[[str], list[str]] = letters) -> str:
    return one.correct(text, cut)[0]


@pytest.fixture(scope="module")
def real(bundled: Path, encoder: StaticEncoder) -> Retriever:
    """The bundled corpus with the bundled encoder."""
    return Retriever(open_index(bundled), encoder)


@pytest.fixture(scope="module")
def bundled_speller() -> Speller:
    """One that knows the bundled glossary and nothing else."""
    glossary = bundled_glossary()
    return Speller(lambda: glossary.words, lambda: glossary.han, glossary.han, glossary.words.__contains__)


# Over the bundled corpus

PROMISED = {
    "dropuot": "dropout",
    "batchnrom": "batchnorm",
    "overfiting": "overfitting",
    "gradeint": "gradient",
    "atention": "attention",
    "transfomer": "transformer",
    "convolutinal": "convolutional",
    "normlization": "normalization",
    "hyperparmeter": "hyperparameter",
    "梯度消矢": "梯度消失",
    "过你合": "过拟合",
    "卷机神经网络": "卷积神经网络",
    "批规一化": "批归一化",
    "学习绿": "学习率",
    "激活涵数": "激活函数",
    "注意里机制": "注意力机制",
    "反向传波": "反向传播",
    "常短期记忆": "长短期记忆",
    "循环神精网络": "循环神经网络",
    "池话": "池化",
}


@pytest.mark.parametrize("written", PROMISED)
@pytest.mark.parametrize("frame", ["{}", "什么是{}？", "怎么理解 {} 呢"])
def test_slips_in_terms_are_mended(real: Retriever, written: str, frame: str) -> None:
    """The question is read as if it had been written right, and the slip and what it was read as are told."""
    query, right = real.query(frame.format(written)), real.query(frame.format(PROMISED[written]))
    assert query.corrections == (Correction(written, PROMISED[written]),)
    assert (query.folded, query.slots, query.pieces) == (right.folded, right.slots, right.pieces)
    assert right.corrections == ()


def test_several_slips_are_mended_at_once(real: Retriever) -> None:
    """Each is told, Latin words first."""
    query = real.query("Dropuot 和批规一化怎么减轻过你合？")
    assert query.folded == "dropout 和批归一化怎么减轻过拟合?"
    assert query.corrections == (
        Correction("dropuot", "dropout"),
        Correction("批规一化", "批归一化"),
        Correction("过你合", "过拟合"),
    )


def test_traditional_and_full_width_slips_are_mended(real: Retriever) -> None:
    """Slips are looked for in the plainest spelling."""
    assert real.query("卷機神經網絡和ＤＲＯＰＵＯＴ").folded == "卷积神经网络和dropout"


# What is taken for a slip in them and is none: words that no dictionary has beside a character that could be half of a term.
MISREAD = {"又没有", "图优化", "喂数"}


@pytest.mark.parametrize("language", ["zh", "en"])
def test_the_questions_of_the_bundled_corpus_are_read_as_written(real: Retriever, language: str) -> None:
    """They were written without slips, so nothing in them is corrected, but for a few documented misreadings."""
    lines = (DATA / f"corpus_pairs_{language}.jsonl").read_text(encoding="utf-8").splitlines()
    queries = [real.query(json.loads(line)["question"]) for line in lines]
    assert len(queries) > 50
    found = {(query.text, one) for query in queries for one in query.corrections}
    assert {(text, one) for text, one in found if one.written not in MISREAD} == set()


def test_the_names_of_the_glossary_are_read_as_written(real: Retriever) -> None:
    """A name that the glossary knows is no slip of another, whether the corpus has it or not."""
    rows = [json.loads(line) for line in NAMES.read_text(encoding="utf-8").splitlines()]
    names = {name for row in rows for name in (*row["zh"], *row["en"], *row["abbr"])}
    assert {name: query.folded for name in sorted(names) if (query := real.query(name)).corrections} == {}


def test_words_with_digits_that_the_corpus_has_are_read_as_written(tmp_path: Path, encoder: StaticEncoder) -> None:
    """A name that ends in a number is a name as a whole: that its letters are near another word makes it no slip."""
    texts = ["A zwicker is a drink.", "The zwicker is served young.", "The zwicket16 is a machine."]
    passages = [make_passage(f"p{n}", "What is it?", text) for n, text in enumerate(texts)]
    retriever = Retriever(open_index(write_passages(tmp_path / "index", passages, encoder)), encoder)
    assert "zwicket16" in retriever.index.lexical
    assert retriever.query("zwicket").folded == "zwicker"
    assert retriever.query("what is a zwicket16?").corrections == ()


def test_without_pieces_words_of_no_glossary_are_left_alone(tmp_path: Path) -> None:
    """An encoder without pieces cannot tell a rare word from a slip: only slips of the glossary's names are mended then."""
    texts = ["Zwickelbier is unfiltered.", "Zwickelbier is served young."]
    passages = [make_passage(f"p{n}", "What about dropout?", text) for n, text in enumerate(texts)]
    retriever = Retriever(open_index(write_passages(tmp_path / "index", passages)), KeywordEncoder())
    assert retriever.query("zwickelbeir and dropuot").folded == "zwickelbeir and dropout"


def test_a_slip_in_a_word_of_the_corpus_is_mended(tmp_path: Path, encoder: StaticEncoder) -> None:
    """What two passages have is a word, though no glossary names it; what one has may be a slip itself."""
    texts = ["Zwickelbier is unfiltered.", "Zwickelbier is served young.", "Brockelbier is not a beer."]
    passages = [make_passage(f"p{n}", "What is it?", text) for n, text in enumerate(texts)]
    retriever = Retriever(open_index(write_passages(tmp_path / "index", passages, encoder)), encoder)
    assert retriever.query("zwickelbeir").folded == "zwickelbier"
    assert retriever.query("brockelbeir").corrections == ()
    assert retriever.query("brockelbier").corrections == ()


# Latin words


@pytest.mark.parametrize("slip", ["dropuot", "droput", "dropoout", "dropaut", "rdopout"])
def test_one_letter_wrong_missing_added_or_swapped_is_one_slip(slip: str) -> None:
    """Neighbours that changed places count once."""
    assert speller(["dropout"]).correct(f"what is {slip}?", letters) == (
        "what is dropout?",
        (Correction(slip, "dropout"),),
    )


@pytest.mark.parametrize("word", ["dropout", "relu", "dropuot"])
def test_a_known_word_is_left_alone(word: str) -> None:
    """However near it is to another one."""
    known = speller(["dropout", "gradient", "relus"], known=["relu", "dropuot"])
    assert known.correct(word, letters) == (word, ())


def test_two_slips_are_mended_in_long_words_only() -> None:
    """In a word of LONG letters two slips leave enough to know it by; three never do."""
    assert corrected(speller(["normalization"]), "nromalizaiton") == "normalization"
    assert corrected(speller(["normalization"]), "nromalizaitn") == "nromalizaitn"
    assert corrected(speller(["x" * LONG]), "x" * (LONG - 2) + "yy") == "x" * LONG
    assert corrected(speller(["x" * (LONG - 1)]), "yy" + "x" * (LONG - 3)) == "yy" + "x" * (LONG - 3)


def test_short_words_are_left_alone() -> None:
    """A short word a letter away from another is more likely a word of its own."""
    short = speller(["grads", "adams", "grad"])
    assert len("grds") < SHORTEST
    assert short.correct("grds adms gard adam gra", letters)[1] == ()


def test_two_equally_near_words_leave_a_word_as_it_is() -> None:
    """No guess is better than one of two."""
    assert corrected(speller(["later", "laser"]), "lazer") == "lazer"
    assert corrected(speller(["later"]), "lazer") == "later"


@pytest.mark.parametrize("others", range(8))
def test_equally_near_words_leave_a_word_as_it_is_among_many(others: int) -> None:
    """So it is however many words of another first letter are near it too."""
    near = [f"{letter}ight" for letter in "abcdefgh"[:others]]
    assert corrected(speller([*near, "migat", "migbt"]), "might") == "might"
    assert corrected(speller([*near, "migat"]), "might") == "migat"


def test_the_first_letter_decides_between_two() -> None:
    """The first letter is seldom the slip."""
    assert corrected(speller(["cells", "bells"]), "cbells") == "cells"


def test_the_nearer_word_wins() -> None:
    """One slip is likelier than two."""
    assert corrected(speller(["normalization", "renormalizations"]), "renormalization") == "renormalizations"


def test_only_plain_words_are_corrected_towards() -> None:
    """Words with digits, hyphens and Chinese in them, and short ones, are no targets."""
    assert corrected(speller(["word2vec", "drop-out", "drop学out", "gru"]), "wordvec dropout grus") == (
        "wordvec dropout grus"
    )


def test_the_words_are_asked_for_once_and_only_when_needed() -> None:
    """A question of known words costs nothing."""
    asked: list[str] = []

    def words() -> list[str]:
        asked.append("words")
        return ["dropout"]

    def terms() -> list[str]:
        asked.append("terms")
        return ["过拟合"]

    one = Speller(words, terms, frozenset(), {"dropout"}.__contains__)
    one.correct("dropout?", letters)
    assert asked == []
    for _ in range(2):
        one.correct("dropuot 过你合", letters)
    assert asked == ["words", "terms"]


def distance(one: str, other: str) -> int:
    """Optimal string alignment distance, by its definition."""
    rows = [[i + j if not i or not j else 0 for j in range(len(other) + 1)] for i in range(len(one) + 1)]
    for i in range(1, len(one) + 1):
        for j in range(1, len(other) + 1):
            best = min(rows[i - 1][j] + 1, rows[i][j - 1] + 1, rows[i - 1][j - 1] + (one[i - 1] != other[j - 1]))
            if i > 1 and j > 1 and one[i - 2 : i] == other[j - 2 : j][::-1]:
                best = min(best, rows[i - 2][j - 2] + 1)
            rows[i][j] = best
    return rows[-1][-1]


def plainly_corrected(word: str, words: set[str]) -> str:
    """The rule for Latin words, written out."""
    if len(word) < SHORTEST or word in words:
        return word
    farthest = 2 if len(word) >= LONG else 1
    near = [
        (distance(word, other), other)
        for other in words
        if len(other) >= SHORTEST - 1 and (other[0] == word[0] or other[:2] == word[1] + word[0])
    ]
    ranked = sorted(one for one in near if one[0] <= farthest)
    if not ranked or [one[0] for one in ranked].count(ranked[0][0]) > 1:
        return word
    return ranked[0][1]


@settings(max_examples=500, deadline=None)
@given(
    word=st.text(alphabet="ab", min_size=3, max_size=12),
    words=st.sets(st.text(alphabet="ab", min_size=3, max_size=12), max_size=12),
)
@example("might", {"aight", "bight", "cight", "dight", "migat", "migbt"})
def test_latin_words_are_corrected_as_by_the_rule(word: str, words: set[str]) -> None:
    """The nearest word that begins alike; none where two are as near."""
    assert corrected(speller(words), word) == plainly_corrected(word, words)


# Chinese terms


def test_a_character_that_only_sounds_right_is_mended() -> None:
    """矢 sounds like 失; a character that sounds otherwise is no slip of this kind."""
    one = speller(terms=["梯度消失"])
    assert one.correct("为何梯度消矢了", letters) == ("为何梯度消失了", (Correction("梯度消矢", "梯度消失"),))
    assert corrected(one, "梯度消火") == "梯度消火"


def test_any_reading_of_a_character_will_do() -> None:
    """重 is read chong and zhong, 行 xing and hang, 长 chang and zhang."""
    one = speller(terms=["重采样", "加权重", "并行化", "多行列", "长序列", "增长率"])
    wrong = {
        "虫采样": "重采样", "加权中": "加权重", "并型化": "并行化", "多航列": "多行列", "常序列": "长序列", "增涨率": "增长率",
    }  # fmt: skip
    assert {written: corrected(one, written) for written in wrong} == wrong


def test_only_one_character_of_a_term_may_be_wrong() -> None:
    """Two wrong ones of four are another word."""
    assert corrected(speller(terms=["梯度消失"]), "剃度消矢") == "剃度消矢"


def test_words_that_the_cut_finds_are_left_alone() -> None:
    """Only single characters, which is what unknown words fall apart into, are doubted: where 失实 is a word, 实 is no slip."""
    one = speller(terms=["失时率"])
    assert corrected(one, "失实率", lambda _: ["失", "实", "率"]) == "失时率"
    assert corrected(one, "失实率", lambda _: ["失实", "率"]) == "失实率"


def test_a_known_term_is_left_alone() -> None:
    """A term is not mended into another one that sounds like it."""
    assert corrected(speller(terms=["权值", "全值法", "权值法"]), "全值法") == "全值法"
    assert corrected(speller(terms=["权值法"], known=["全值法"]), "全值法") == "全值法"
    assert corrected(speller(terms=["权值法"]), "全值法") == "权值法"


def test_nothing_inside_a_known_term_is_touched() -> None:
    """What is known as a whole has no slip in a part of it."""
    assert corrected(speller(terms=["双塔模型", "大模型"]), "双塔模型") == "双塔模型"
    assert corrected(speller(terms=["大模型"]), "双塔模型") == "双大模型"


def test_terms_of_two_characters_are_mended_towards_short_terms_only() -> None:
    """Two characters sound like many words: only those given as short terms are looked for."""
    assert corrected(speller(terms=["池化"], short=["池化"]), "池话") == "池化"
    assert corrected(speller(terms=["池化"]), "池话") == "池话"
    assert corrected(speller(terms=["池化层"]), "池话层") == "池化层"


def test_the_longest_term_is_mended_first() -> None:
    """A slip in a long term is told as a slip in it, not in a part of it."""
    one = speller(terms=["神经网络", "卷积神经网络", "卷积"], short=["卷积"])
    assert one.correct("卷机神经网络", letters)[1] == (Correction("卷机神经网络", "卷积神经网络"),)


def test_terms_of_any_length_up_to_the_widest_are_looked_for() -> None:
    """A longer term is not looked for as a whole."""
    characters = "批归一化梯度消失学习率"
    widest, wider = characters[:WIDEST], characters[: WIDEST + 1]
    assert corrected(speller(terms=[widest]), "匹" + widest[1:]) == widest
    assert corrected(speller(terms=[wider]), "匹" + wider[1:]) == "匹" + wider[1:]


@pytest.mark.parametrize("text", ["怎么剪纸", "差一个数量级", "先问上一级", "下一名是谁", "自变量和因变量", "适量喝水"])
def test_words_that_sound_like_a_term_are_meant(real: Retriever, text: str) -> None:
    """剪枝, 数量积, 上溢, 下溢, 隐变量 and 矢量 are terms; what was written are words of everyday."""
    assert real.query(text).corrections == ()


def test_particles_are_no_slips() -> None:
    """的 after a word is the particle, not a slip for a character that sounds like it; a stop word is never read in."""
    assert corrected(speller(terms=["梯度低", "梯度"]), "梯度的") == "梯度的"
    assert corrected(speller(terms=["梯度低"], known=["梯度"]), "梯度的") == "梯度的"
    assert corrected(speller(terms=["梯度低"]), "梯度的") == "梯度低"
    assert corrected(speller(terms=["是否"], short=["是否"]), "是缶") == "是缶"


def test_chinese_beside_latin_words_is_mended_in_its_runs() -> None:
    """A term does not reach over a Latin word or a stop."""
    one = speller(terms=["梯度消失"])
    assert corrected(one, "bn梯度消矢rnn") == "bn梯度消失rnn"
    assert corrected(one, "梯度，消矢") == "梯度，消矢"


HAN = sorted({char for term in bundled_glossary().han for char in term})
PIECES = st.sampled_from(
    [
        *sorted(bundled_glossary().han)[::60],
        *sorted(bundled_glossary().words)[::60],
        "的",
        "是",
        "机",
        "绿",
        "a",
        "s",
        " ",
        "？",
    ]
)
TEXTS = st.one_of(
    st.text(max_size=40),
    st.lists(PIECES, max_size=6).map("".join),
    st.text(alphabet=[*HAN[::9], *SYLLABLES["ji"], *SYLLABLES["hua"]], max_size=16),
)


@settings(max_examples=300, deadline=None)
@given(text=TEXTS)
@example("\udce4梯度消矢")
@example("双塔模型提前停骘")
@example("回归数")
def test_any_text_is_corrected_without_failing(bundled_speller: Speller, text: str) -> None:
    """What was read in stands in the text, a correction changes something, and a text without slips comes back as it is."""
    after, corrections = bundled_speller.correct(text, letters)
    assert all(one.read_as in after and one.written != one.read_as for one in corrections)
    assert bool(corrections) == (after != text)
    assert len(re.sub("[a-z]", "", after)) == len(re.sub("[a-z]", "", text))
    if not corrections:
        assert bundled_speller.correct(after, letters) == (text, ())


def test_a_long_run_takes_time_in_proportion(bundled_speller: Speller) -> None:
    """Eight times as long a run takes about eight times as long, not 64 times."""
    draw = random.Random(7)
    run = "".join(draw.choice("的一是机规你合学律卷积神经网络批归一化") for _ in range(4000))

    def seconds(size: int) -> float:
        taken = []
        for _ in range(3):
            started = time.perf_counter()
            bundled_speller.correct(run[:size], letters)
            taken.append(time.perf_counter() - started)
        return min(taken)

    with within(20):
        bundled_speller.correct(run[:100], letters)  # what is asked for once
        assert seconds(4000) < 2 * 8 * seconds(500)


# The table of syllables


def test_every_key_is_a_syllable() -> None:
    """Pinyin without tones, ü written v, as on a keyboard."""
    initial = "[bpmfdtnlgkhjqxzcsryw]|[zcs]h"
    final = (
        "a|o|e|ai|ei|ao|ou|an|en|ang|eng|ong|i|ia|ie|iao|iu|ian|in|iang|ing|iong|u|ua|uo|uai|ui|uan|un|uang|v|ve|ue|io"
    )
    syllable = re.compile(f"(?:{initial})(?:{final})|a|o|e|ai|ei|ao|ou|an|en|er|ang|eng|m|n|ng|hng")
    assert [key for key in SYLLABLES if not syllable.fullmatch(key)] == []
    assert 390 <= len(SYLLABLES) <= 420


def test_every_character_is_one_han_character() -> None:
    """No list is empty, and none has a character twice."""
    assert [(key, char) for key, chars in SYLLABLES.items() for char in chars if not "\u4e00" <= char <= "\u9fff"] == []
    assert [key for key, chars in SYLLABLES.items() if not chars or max(Counter(chars).values()) > 1] == []


def test_the_characters_of_gb_2312_are_all_there() -> None:
    """More than 6,700 of them: what simplified Chinese is written with."""
    held = set("".join(SYLLABLES.values()))
    rows = (bytes([high, low]) for high in range(0xB0, 0xF8) for low in range(0xA1, 0xFF))
    assert len(held) >= 6700
    assert {raw.decode("gb2312", "ignore") for raw in rows} - {""} - held == set()


@pytest.mark.parametrize(
    ("character", "readings"),
    [
        ("重", {"zhong", "chong"}),
        ("行", {"xing", "hang"}),
        ("长", {"chang", "zhang"}),
        ("率", {"lv", "shuai"}),
        ("乐", {"le", "yue"}),
        ("数", {"shu"}),
        ("矢", {"shi"}),
        ("归", {"gui"}),
        ("女", {"nv"}),
        ("略", {"lve"}),
    ],
)
def test_a_character_stands_under_all_its_readings(character: str, readings: set[str]) -> None:
    """Whoever types by sound may take any of them."""
    assert readings <= {key for key, chars in SYLLABLES.items() if character in chars}


@pytest.mark.parametrize(
    ("one", "other", "alike"),
    [
        ("机", "积", True),
        ("规", "归", True),
        ("你", "拟", True),
        ("失", "矢", True),
        ("机", "归", False),
        ("女", "怒", False),
    ],
)
def test_characters_that_sound_alike_share_a_syllable(one: str, other: str, alike: bool) -> None:
    """And those that do not share none."""
    assert any(one in chars and other in chars for chars in SYLLABLES.values()) is alike
