"""The analyzer against jieba itself, and what folding and Latin words come to."""

import itertools
import json
import re
from collections.abc import Iterator
from pathlib import Path

import jieba
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from retriever import analysis
from retriever.analysis import STOPWORDS, Analyzer, build_analyzer, fold
from retriever.locations import bundled_corpus

DATA = Path(__file__).parent / "data"
HAN = re.compile(r"[\u3400-\u4dbf\u4e00-\u9fff]+")
# Characters that are frequent and take part in many dictionary words, so that cuts are contested.
FREQUENT = (
    "的一是在不了有和人这中大为上个国我以要他时来用们生到作地于出就分对成会可主发年动同工也能下过子说产种面而方后多定行学法所民得经"
    "十三之进着等部度家电力里如水化高自二理起小物现实加量都两体制机当使点从业本去把性好应开它合还因由其些然前外天政四日那社义事平形相全表间样"
    "与关各重新线内数正心反你明看原又么利比或但质气第向道命此变条只没结解问意建月公无系军很情者最立代想已通并提直题党程展五果料象员革位入常文"
    "总次品式活设及管特件长求老头基资边流路级少图山统接知较将组见计别她手角期根论运农指几九区强放决西被干做必战先回则任取据处队南给色光门即保治北"
    "造百规热领七海口东导器压志世金增争济阶油思术极交受联什认六共权收证改清己美再采转更单风切打白教速花带安场身车例真务具万每目至达走积示议声报斗完类"
    "八离华名确才科张信马节话米整空元况今集温传土许步群广石记需段研界拉林律叫且究观越织装影算低持音众书布复容儿须际商非验连断深难近矿千周委素技备半办青"
    "网络神经卷积训练梯度模型参数损失函数层权重激活归一化正则池化注意力机器学习深度学习过拟合欠拟合"
)
SENTENCES = (
    "研究生命的起源",
    "他来到北京清华大学",
    "长春市长春节致辞",
    "结婚的和尚未结婚的",
    "小明硕士毕业于中国科学院计算所后在日本京都大学深造",
    "卷积神经网络的参数数量如何计算",
    "批归一化为什么放在激活函数之前",
    "第九届全国人民代表大会常务委员会",
    "中华人民共和国外交部驻香港特别行政区特派员公署",
    "乒乓球拍卖完了",
    "囧槑烎嫑",
)


@pytest.fixture(scope="session")
def full() -> Analyzer:
    """jieba's whole dictionary in our analyzer."""
    jieba.setLogLevel("ERROR")
    jieba.initialize()
    return Analyzer(jieba.dt.FREQ, jieba.dt.total)


def corpus_texts() -> Iterator[str]:
    for path in sorted(bundled_corpus().iterdir()):
        if path.suffix in {".md", ".txt", ".html"}:
            yield path.read_text(encoding="utf-8")


def bundled_questions() -> list[str]:
    rows = [
        json.loads(line)
        for name in ("corpus_pairs_zh.jsonl", "corpus_pairs_en.jsonl")
        for line in (DATA / name).read_text(encoding="utf-8").splitlines()
    ]
    return [row["question"] for row in rows]


@pytest.mark.parametrize("sentence", SENTENCES)
def test_cut_equals_jieba_on_known_sentences(full: Analyzer, sentence: str) -> None:
    """Sentences with contested borders are cut where jieba without HMM cuts them."""
    assert full.cut(sentence) == jieba.lcut(sentence, HMM=False)


@settings(max_examples=300, deadline=None)
@given(st.text(alphabet=FREQUENT, min_size=1, max_size=40))
def test_cut_equals_jieba_on_any_frequent_characters(full: Analyzer, run: str) -> None:
    """Whatever frequent characters meet, the cut is jieba's own."""
    assert full.cut(run) == jieba.lcut(run, HMM=False)


def test_cut_equals_jieba_on_the_bundled_corpus(full: Analyzer) -> None:
    """Every Han run of the bundled corpus is cut as jieba cuts it."""
    runs = sorted({run for text in corpus_texts() for run in HAN.findall(fold(text))})
    assert len(runs) > 1000
    different = [run for run in runs if full.cut(run) != jieba.lcut(run, HMM=False)]
    assert different == []


def test_trimmed_dictionary_cuts_the_corpus_like_the_full_one(full: Analyzer) -> None:
    """The dictionary that is stored with an index loses nothing that its corpus needs."""
    texts = list(corpus_texts())
    trimmed = build_analyzer(texts)
    assert len(trimmed.words) < len(full.words) / 10
    for text in texts:
        assert trimmed.terms(text) == full.terms(text)


def test_words_of_the_trimmed_dictionary_are_sorted_and_counted() -> None:
    """The stored dictionary does not depend on the order of texts and keeps jieba's total."""
    one, other = build_analyzer(["神经网络", "梯度下降"]), build_analyzer(["梯度下降", "神经网络"])
    assert list(one.words) == sorted(one.words) == list(other.words)
    assert one.total == jieba.dt.total


@pytest.mark.parametrize("word", ["神经网络", "过拟合", "中华人民共和国", "人工智能", "反向传播"])
def test_long_words_are_indexed_with_their_sub_words_as_jieba_search_mode_does(full: Analyzer, word: str) -> None:
    """A long word gives jieba's search-mode terms (beside bigrams of single characters, which are ours)."""
    expected = [term for term in jieba.lcut_for_search(word, HMM=False) if term not in STOPWORDS]
    words = full.cut(word)
    bigrams = {a + b for a, b in itertools.pairwise(words) if len(a) == len(b) == 1}
    assert [term for term in full.terms(word) if term not in bigrams] == expected


def test_sub_words_let_a_short_query_find_a_long_word(full: Analyzer) -> None:
    """A text on 神经网络 can be found by 神经 and by 网络."""
    assert {"神经", "网络", "神经网络"} <= set(full.terms("神经网络"))


def test_unknown_terms_give_bigrams() -> None:
    """Characters that no dictionary word joins can be found by their neighbours."""
    assert Analyzer({}, 1).terms("蒸馏塔") == ["蒸", "馏", "蒸馏", "塔", "馏塔"]


@pytest.mark.parametrize(
    ("variant", "plain"),
    [
        ("ＢａｔｃｈＮｏｒｍ", "batchnorm"),
        ("Ｌ２　正则", "l2 正则"),
        ("神經網絡", "神经网络"),
        ("過擬合與梯度爆炸", "过拟合与梯度爆炸"),
        ("ReLU", "relu"),
        ("①②", "12"),
        ("ﬁne", "fine"),
        ("x²", "x2"),
        ("1×1 卷积", "1x1 卷积"),
        ("256 × 256", "256x256"),
        ("a×b", "a×b"),
    ],
)
def test_folding_joins_spellings(variant: str, plain: str) -> None:
    """Width, case, script and compatibility characters make no difference."""
    assert fold(variant) == plain


@given(st.text(max_size=60))
@settings(max_examples=200, deadline=None)
def test_folding_takes_any_text_and_gives_clean_unicode(text: str) -> None:
    """Whatever comes in, what comes out can be encoded."""
    fold(text).encode("utf-8")


def test_folding_takes_broken_surrogates() -> None:
    """Half a surrogate pair, as undecodable arguments give it, becomes a replacement and not an error."""
    fold("what is \udce4 学").encode("utf-8")


def test_traditional_and_simplified_questions_have_the_same_terms(full: Analyzer) -> None:
    """A question in traditional characters asks for the same terms."""
    assert full.terms("為什麼神經網絡會過擬合？") == full.terms("为什么神经网络会过拟合？")


@pytest.mark.parametrize(
    ("text", "terms"),
    [
        ("F1-score", ["f1score", "f1", "score"]),
        ("encoder/decoder", ["encoderdecoder", "encoder", "decoder"]),
        ("C++", ["c++"]),
        ("C#", ["c#"]),
        ("self_attention", ["selfattention", "self", "attention"]),
        ("x-y", ["xy"]),
        ("word2vec", ["word2vec"]),
    ],
)
def test_latin_compounds_give_their_parts_and_the_whole(text: str, terms: list[str]) -> None:
    """A compound can be found by the whole, written together, and by its parts of more than one letter."""
    assert Analyzer({}, 1).terms(text) == terms


@pytest.mark.parametrize(
    ("text", "terms"),
    [
        ("I/O", ["io"]),
        ("A/B", ["ab"]),
        ("what's", []),
        ("it's", ["its"]),
        ("no-op", ["noop", "op"]),
    ],
)
def test_stop_words_inside_compounds_are_parts_of_the_whole(text: str, terms: list[str]) -> None:
    """A part that is a stop word is no term of its own, but the whole is not cut down to the rest of it."""
    assert [term for term in Analyzer({}, 1).terms(text) if term not in STOPWORDS] == [
        term for term in terms if term not in STOPWORDS
    ]


@pytest.mark.parametrize(
    ("one", "many"),
    [
        ("network", "networks"),
        ("layer", "layers"),
        ("policy", "policies"),
        ("cnn", "CNNs"),
        ("gradient", "Gradients"),
        ("space", "spaces"),
        ("self-loop", "self-loops"),
    ],
)
def test_plural_meets_singular(one: str, many: str) -> None:
    """A regular plural and its singular are one term."""
    assert Analyzer({}, 1).terms(one) == Analyzer({}, 1).terms(many)


@pytest.mark.parametrize(
    ("one", "many"), [("loss", "losses"), ("class", "classes"), ("batch", "batches"), ("box", "boxes")]
)
def test_plural_in_es_meets_singular(one: str, many: str) -> None:
    """The plurals that questions on training are full of are one term with their singulars."""
    assert Analyzer({}, 1).terms(one) == Analyzer({}, 1).terms(many)


@pytest.mark.parametrize("word", ["loss", "class", "bus", "gas", "is", "as"])
def test_words_that_end_in_s_alone_stay_apart_from_shorter_ones(word: str) -> None:
    """Cutting endings never merges a short word with one that differs in more than number."""
    assert Analyzer({}, 1).terms(word) in ([word], [])


def test_no_stop_word_loses_a_content_question(full: Analyzer) -> None:
    """Of every question of the bundled corpus something is left to look for."""
    questions = bundled_questions()
    assert len(questions) >= 120
    assert [question for question in questions if not full.terms(question)] == []


def test_stop_words_keep_bundled_questions_apart(full: Analyzer) -> None:
    """No two questions of the bundled corpus become the same query when their stop words are gone."""
    questions = sorted(set(bundled_questions()))
    by_terms: dict[tuple[str, ...], list[str]] = {}
    for question in questions:
        by_terms.setdefault(tuple(full.terms(question)), []).append(question)
    assert [same for same in by_terms.values() if len(same) > 1] == []


def test_stop_words_hold_nothing_that_names_a_thing() -> None:
    """Words that name a concept of the subject are never stop words."""
    assert STOPWORDS.isdisjoint(
        {"学习", "网络", "梯度", "中心", "上采样", "下采样", "地图", "时间", "loss", "layer", "norm", "it's", "map"}
    )


def test_stop_words_of_a_question_are_known_whatever_the_corpus_holds() -> None:
    """A corpus without 如何 does not turn the 如何 of a question into the rare terms 如, 何 and 何 with its neighbour."""
    trimmed = build_analyzer(["神经网络", "训练"])
    assert trimmed.terms("如何训练神经网络") == trimmed.terms("训练神经网络")
    assert trimmed.terms("简述训练") == ["训练"]


@pytest.mark.parametrize("word", ["does", "this", "Does", "THIS"])
def test_english_stop_words_in_s_are_stop_words(word: str) -> None:
    """What does this mean? asks for one term."""
    assert Analyzer({}, 1).terms(word) == []


def test_english_stop_words_leave_no_term() -> None:
    """No English stop word leaves anything behind."""
    english = [word for word in STOPWORDS if word.isascii()]
    assert len(english) > 70
    assert [word for word in english if Analyzer({}, 1).terms(word)] == []


def test_stop_words_are_in_folded_form() -> None:
    """A stop word in a spelling that folding removes could never match."""
    assert [word for word in STOPWORDS if fold(word) != word] == []


def test_no_cache_of_the_dictionary_is_read_or_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """jieba keeps one in the folder for temporary files, where anybody may put another."""
    import tempfile

    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    (tmp_path / "jieba.cache").write_bytes(b"no dictionary")
    analysis._jieba.cache_clear()
    assert build_analyzer(["批归一化让训练更稳"]).cut("训练更稳") == ["训练", "更稳"]
    assert [path.name for path in tmp_path.iterdir()] == ["jieba.cache"]
    assert (tmp_path / "jieba.cache").read_bytes() == b"no dictionary"
