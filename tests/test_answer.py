"""From hits to an answer: families, copies, confidence, highlights, and when to say no."""

import json
from pathlib import Path

import numpy as np
import pytest
from doubles import KeywordEncoder, make_passage, write_passages
from numpy.typing import NDArray

from retriever.answer import NO_WORD, Answer, answer
from retriever.encoders.static import StaticEncoder
from retriever.errors import InputError
from retriever.indexing import open_index
from retriever.pipeline import build
from retriever.search import Retriever

HERE = Path(__file__).parent

LONG = "Dropout zeroes units at random. No unit can rely on one partner. At test time nothing is dropped any more."
ASKED = "Which units does dropout zero at random?"
PASSAGES = [
    make_passage("drop", "What does dropout do?", LONG, source="a.md"),
    make_passage(
        "drop-part",
        "Dropout at test time",
        "Dropout is off at test time; the weights were scaled while training, so that nothing is left to do.",
        source="a.md",
        parent="drop",
        line=9,
    ),
    make_passage(
        "drop-copy",
        "What changes when dropout is used during training?",
        LONG.replace("any more", "anymore"),
        source="b.md",
        line=4,
    ),
    make_passage("drop-other", "Is dropout a prior?", "Under assumptions, yes: a Gaussian process.", source="c.md"),
    make_passage("pool", "Why use pooling?", "Pooling shrinks the map.", source="c.md", line=5),
    make_passage("bn", "批归一化有什么用？", "批归一化让训练更稳。梯度更平滑。学习率可以更大。", source="d.md"),
]


def retriever_of(directory: Path, encoder: KeywordEncoder | None = None) -> Retriever:
    return Retriever(open_index(directory), encoder or KeywordEncoder())


@pytest.fixture(scope="module")
def retriever(tmp_path_factory: pytest.TempPathFactory) -> Retriever:
    return retriever_of(write_passages(tmp_path_factory.mktemp("answer") / "index", PASSAGES))


@pytest.fixture(scope="module")
def real(bundled: Path, encoder: StaticEncoder) -> Retriever:
    """The bundled corpus with the bundled encoder."""
    return Retriever(open_index(bundled), encoder)


def ids(result: Answer) -> list[str]:
    return [choice.hit.passage.id for choice in result.choices]


def test_the_passage_on_the_subject_answers(retriever: Retriever) -> None:
    """A question on a subject of the corpus is answered by its passage, without abstaining."""
    result = answer(retriever, ASKED, 1)
    assert (ids(result), result.abstained, result.reason) == (["drop"], False, "")


def test_a_question_in_another_language_is_answered(retriever: Retriever) -> None:
    """Chinese asks, English answers, and the other way round."""
    assert ids(answer(retriever, "池化", 1)) == ["pool"]
    assert ids(answer(retriever, "batch normalization", 1)) == ["bn"]


def test_parent_and_part_are_never_both_shown(retriever: Retriever) -> None:
    """Of a passage and its parts the best one is shown, whichever it is."""
    assert "drop-part" not in ids(answer(retriever, ASKED, 6))
    result = answer(retriever, "dropout at test time", 6)
    assert ids(result)[0] == "drop-part"
    assert "drop" not in ids(result)


def test_no_answer_of_the_bundled_corpus_shows_a_family_twice(real: Retriever) -> None:
    """Over real pages, neither shown answers nor their copies share a family with another shown answer."""
    for question in ("为什么BN放在激活前", "what is dropout", "梯度消失怎么办", "attention", "如何调学习率"):
        families = [c.hit.passage.parent or c.hit.passage.id for c in answer(real, question, 10).choices]
        assert len(families) == len(set(families)) == 10


def test_near_duplicates_over_sources_are_one_answer_with_all_citations(retriever: Retriever) -> None:
    """The same answer in another source is not a second answer but a second citation of the first."""
    result = answer(retriever, ASKED, 6)
    assert "drop-copy" not in ids(result)
    assert [passage.id for passage in result.choices[0].also] == ["drop-copy"]
    assert all(choice.also == () for choice in result.choices[1:])


def test_many_copies_are_all_cited(tmp_path: Path) -> None:
    """However often an answer was copied, every copy is cited once and in row order."""
    passages = [make_passage(f"c{n}", "What is dropout?", LONG, source=f"{n}.md") for n in range(9)]
    result = answer(retriever_of(write_passages(tmp_path / "index", passages)), "what is dropout", 3)
    assert ids(result) == ["c0"]
    assert [passage.id for passage in result.choices[0].also] == [f"c{n}" for n in range(1, 9)]


def test_answers_that_differ_are_not_grouped(tmp_path: Path) -> None:
    """Two different answers to one question are two answers."""
    passages = [
        make_passage("yes", "Does dropout slow training?", "Yes: more steps are needed until it converges."),
        make_passage(
            "no", "Does dropout slow training?", "Hardly: a mask costs next to nothing a step.", source="b.md"
        ),
    ]
    assert len(answer(retriever_of(write_passages(tmp_path / "index", passages)), "dropout", 3).choices) == 2


@pytest.mark.parametrize(("one", "other"), [("a > b", "a < b"), ("x + y", "x - y"), ("≥", "≤")])
def test_formulas_that_differ_in_a_sign_are_not_grouped(tmp_path: Path, one: str, other: str) -> None:
    """A sign makes another answer of a formula; citing it as saying the same would be wrong."""
    passages = [
        make_passage("one", "Which dropout bound holds?", one, source="a.md"),
        make_passage("other", "Which dropout bound holds?", other, source="b.md"),
    ]
    assert len(answer(retriever_of(write_passages(tmp_path / "index", passages)), "dropout", 3).choices) == 2


def test_copies_in_a_built_corpus_are_grouped(mini_index: Path) -> None:
    """From pages to answer: a sentence copied into another page is cited there too, openable in both."""
    result = answer(retriever_of(mini_index), "Why are gradients clipped?", 3)
    best = result.choices[0]
    places = {best.hit.passage.source, *(passage.source for passage in best.also)}
    assert places == {"en.md", "copy.txt"}


@pytest.mark.parametrize("question", ["天气预报", "who won the football match", "?!", "🙂"])
def test_what_the_corpus_does_not_treat_is_not_answered(retriever: Retriever, question: str) -> None:
    """Without a trace of the subject the answer is withheld, with a reason, and the candidates are kept."""
    result = answer(retriever, question, 3)
    assert result.abstained
    assert result.reason
    assert result.confidence < retriever.calibration.threshold
    assert result.choices


@pytest.mark.parametrize(
    "question", ["a", "的", "x", "???", "。。。", "为什么", "what is it", "请", "🙂", "x y", "Why k?"]
)
def test_a_question_without_a_word_to_look_for_is_refused(real: Retriever, question: str) -> None:
    """Whatever is near by accident; the candidates are kept, and at 0 nothing is withheld."""
    result = answer(real, question, 3)
    assert (result.abstained, result.wordless, result.reason, result.confidence) == (True, True, NO_WORD, 0.0)
    assert len(result.choices) == 3
    assert not answer(real, question, 3, 0.0).abstained


@pytest.mark.parametrize(
    "question",
    ["熵", "C", "what is R", "C++", "IT", "什么是 CAN", "What is CAN?", "this 是什么", "what does `for` do", "π", "привет", "の", "dropout", "404"],
)  # fmt: skip
def test_a_question_with_a_word_is_judged_by_what_is_found(real: Retriever, question: str) -> None:
    """Names of one letter, stop words that are named as such, other scripts: they may be what a corpus is about."""
    assert not answer(real, question, 1).wordless


def test_the_threshold_decides_over_abstaining(retriever: Retriever) -> None:
    """At 0 nothing is withheld, at 1 everything is."""
    assert not answer(retriever, "天气预报", 3, 0.0).abstained
    assert answer(retriever, ASKED, 3, 1.0).abstained


def test_abstaining_changes_no_candidate(retriever: Retriever) -> None:
    """The candidates listed with an abstention are those that would have been answers."""
    assert answer(retriever, ASKED, 3, 1.0).choices == answer(retriever, ASKED, 3, 0.0).choices


@pytest.mark.parametrize(
    "question", ["dropout", "What does dropout do?", "池化", "dropout and pooling", "none of it", "学习率 gradient"]
)
@pytest.mark.parametrize("k", [1, 3, 10])
def test_confidences_lie_within_bounds_and_fall_with_the_score(retriever: Retriever, question: str, k: int) -> None:
    """0..1 for all, never rising from one rank to the next."""
    result = answer(retriever, question, k)
    confidences = [choice.confidence for choice in result.choices]
    assert 0 <= result.confidence <= 1
    assert all(0 <= confidence <= 1 for confidence in confidences)
    assert confidences == sorted(confidences, reverse=True)
    scores = [choice.hit.score for choice in result.choices]
    assert scores == sorted(scores, reverse=True)


class OpposingEncoder(KeywordEncoder):
    """A keyword encoder that points texts with the word "never" the other way."""

    def encode(self, texts: list[str]) -> NDArray[np.float32]:  # type: ignore[override]
        signs = np.asarray([[-1.0 if "never" in text else 1.0] for text in texts], dtype=np.float32)
        return super().encode(texts) * signs.reshape(len(texts), 1)


def test_confidences_lie_within_bounds_for_negative_scores(tmp_path: Path) -> None:
    """A candidate that points away from the question has confidence 0, not less."""
    encoder = OpposingEncoder()
    passages = [
        make_passage("with", "What is dropout?", "Dropout is noise.", source="a.md"),
        make_passage("against", "never 随机失活", "never 随机失活", source="b.md"),
    ]
    directory = write_passages(tmp_path / "index", passages, encoder)
    confidences = [choice.confidence for choice in answer(retriever_of(directory, encoder), "dropout", 3).choices]
    assert len(confidences) == 2
    assert all(0 <= confidence <= 1 for confidence in confidences)


def test_confidence_grows_with_the_match(retriever: Retriever) -> None:
    """A question word for word is answered with more confidence than one that only touches the subject."""
    exact = answer(retriever, "Why use pooling?", 1).confidence
    touching = answer(retriever, "pooling, gradients, attention and activation in zebras", 1).confidence
    assert exact > touching


@pytest.mark.parametrize("k", [1, 2, 3, 50])
def test_k_is_a_ceiling_on_answers(retriever: Retriever, k: int) -> None:
    """At most k answers; all four families when k allows."""
    assert len(answer(retriever, ASKED, k).choices) == min(k, 4)


def test_fewer_answers_are_the_beginning_of_more(real: Retriever) -> None:
    """Asking for fewer answers changes neither their order nor their copies."""
    full = ids(answer(real, "how to choose a batch size", 8))
    for k in (1, 2, 5):
        assert ids(answer(real, "how to choose a batch size", k)) == full[:k]


def test_the_first_answers_hang_on_nothing_that_is_asked_for_beyond_them(real: Retriever) -> None:
    """Nor does the confidence: of all questions over the bundled corpus, whatever k is."""
    for row in (HERE / "data" / "corpus_questions.jsonl").read_text(encoding="utf-8").splitlines()[::8]:
        question = json.loads(row)["question"]
        few, many = answer(real, question, 1), answer(real, question, 30)
        assert (ids(few), few.confidence) == (ids(many)[:1], many.confidence), question
        assert ids(answer(real, question, 6)) == ids(many)[:6], question
        scores = [choice.hit.score for choice in many.choices]
        assert scores == sorted(scores, reverse=True)


@pytest.mark.parametrize("question", ["", "  ", "\u3000\n"])
def test_an_empty_question_is_an_input_error(retriever: Retriever, question: str) -> None:
    """There is no answer to nothing, and the message shows what to ask."""
    with pytest.raises(InputError, match="question is empty"):
        answer(retriever, question)


@pytest.mark.parametrize(
    ("question", "sentence"),
    [("学习率", "学习率可以更大。"), ("gradient", "梯度更平滑。"), ("批归一化", "批归一化让训练更稳。")],
)
def test_the_highlight_is_the_sentence_nearest_to_the_question(
    retriever: Retriever, question: str, sentence: str
) -> None:
    """Of the three sentences of an answer the one on the subject is marked."""
    best = answer(retriever, question, 1).choices[0]
    ((start, end),) = best.highlights
    assert (best.hit.passage.id, best.hit.passage.answer[start:end]) == ("bn", sentence)


def test_short_answers_are_not_highlighted(retriever: Retriever) -> None:
    """In an answer of one or two sentences there is nothing to point out."""
    assert answer(retriever, "Why use pooling?", 1).choices[0].highlights == ()


def test_highlights_lie_within_real_answers(real: Retriever) -> None:
    """Over real pages, every highlight is a non-blank span of its answer."""
    seen = 0
    for question in ("为什么BN放在激活前", "what is attention", "过拟合怎么办", "how does Adam work", "梯度爆炸"):
        for choice in answer(real, question, 10).choices:
            text = choice.hit.passage.answer
            for start, end in choice.highlights:
                assert 0 <= start < end <= len(text)
                assert text[start:end] == text[start:end].strip()
                seen += 1
    assert seen > 10


def test_building_again_answers_the_same(tmp_path: Path, mini_corpus: Path) -> None:
    """Two builds of one corpus give equal answers, scores included."""
    results = []
    for name in ("one", "two"):
        build([mini_corpus], tmp_path / name, KeywordEncoder())
        results.append(answer(retriever_of(tmp_path / name), "Why are gradients clipped?", 5).choices)
    assert results[0] == results[1]


@pytest.mark.parametrize(
    "text",
    [
        "x" * 1000,
        "哈" * 200,
        "asdf " * 300,
        "Dear sir, I am writing to complain about the hotel room we stayed in last week; the shower was cold and the staff were rude",
        "We are planning a two week trip to Japan in spring with two small children and would like to see temples and gardens",
    ],
)
def test_length_alone_gives_no_confidence(real: Retriever, text: str) -> None:
    """Long texts about other things, and one thing said over and over, are refused like short ones."""
    assert answer(real, text).abstained


@pytest.mark.parametrize("question", ["什么是批归一化", "how do I bake bread", "dropout", "what is the weather"])
def test_what_is_refused_has_less_confidence_than_what_is_answered(real: Retriever, question: str) -> None:
    """The number shown decides: an answer is withheld exactly when its confidence lies below the threshold."""
    result = answer(real, question)
    assert result.abstained == (result.confidence < real.calibration.threshold)
    assert not answer(real, question, min_confidence=result.confidence).abstained


@pytest.mark.parametrize(
    ("asked", "subject"),
    [
        ("卷积神经网络", ("cnn", "卷积神经网络")),
        ("什么是反向传播", ("反向传播", "backpropagation")),
        ("What is dropout?", ("dropout",)),
        ("图神经网络", ("图卷积网络",)),
        ("BN", ("bn", "批归一化")),
    ],
)
def test_a_bare_subject_is_answered_by_a_passage_about_it(
    real: Retriever, asked: str, subject: tuple[str, ...]
) -> None:
    """Its question names the subject: no part with a title of its own, such as "input" or "two points", and nothing beside it."""
    shown = answer(real, asked).choices[0].hit.passage
    assert any(name in shown.question.lower() for name in subject)


def test_a_part_that_is_titled_after_the_subject_answers_it(tmp_path: Path) -> None:
    """Others of its family give way to the whole."""
    whole = make_passage("w", "激活函数有哪些？", "一、学习率\n常见的有三种。\n二、梯度\n它们各有用处。")
    parts = [
        make_passage("a", "学习率", "学习率决定步子有多大。", parent="w", line=2),
        make_passage("b", "要点", "学习率要随训练变小。", parent="w", line=4),
    ]
    other = make_passage("o", "池化是什么？", "池化缩小特征图。")
    shown = answer(retriever_of(write_passages(tmp_path / "index", [whole, *parts, other])), "学习率", 2, 0.0)
    assert shown.choices[0].hit.passage.id == "a"
    only = answer(retriever_of(write_passages(tmp_path / "other", [whole, parts[1], other])), "学习率", 2, 0.0)
    assert only.choices[0].hit.passage.id == "w"


def test_of_passages_about_a_subject_the_plainest_question_comes_first(tmp_path: Path, encoder: StaticEncoder) -> None:
    """Asked for the subject alone, what it is goes before what belongs to it."""
    passages = [
        make_passage("why", "产生死锁的四个必要条件是什么？", "互斥、占有并等待、不可剥夺、循环等待。"),
        make_passage("what", "什么是死锁？怎么避免？", "两个或多个事务互相持有对方需要的锁，都在等待对方释放。"),
        make_passage("else", "什么是索引？", "索引是帮助数据库高效获取数据的排好序的数据结构。"),
    ]
    index = open_index(write_passages(tmp_path / "index", passages, encoder))
    for asked in ("什么是死锁", "死锁"):
        assert answer(Retriever(index, encoder), asked).choices[0].hit.passage.id == "what"
