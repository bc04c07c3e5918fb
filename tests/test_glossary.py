"""The glossary: what its file holds to, and which names are found where in a question."""

import itertools
import json
import os
import string
import subprocess
import sys
from typing import Any

import pytest
from conftest import CHECKOUT
from hypothesis import given, settings
from hypothesis import strategies as st

from retriever.analysis import STOPWORDS, fold
from retriever.glossary import FILE, NAMES, Concept, Glossary, bundled_glossary, to_names, written_glossary

ROWS: list[dict[str, Any]] = [json.loads(line) for line in FILE.read_text(encoding="utf-8").splitlines()]
# A term in both languages, one whose name begins with the name of another, and two that share a short name.
TERMS = (
    ("学习率", "learning rate", "LR"),
    ("学习率衰减", "learning rate decay", "LR decay"),
    ("批归一化", "batch normalization", "BN"),
    ("分割一切模型", "segment anything model", "SAM"),
    ("锐度感知最小化", "sharpness-aware minimization", "SAM"),
    ("实例归一化", "instance normalization", "IN"),
    ("C++",),
)
# Pieces of names and of what stands between them, so that random texts hold names.
PIECES = st.sampled_from(
    [
        "学习",
        "率",
        "衰减",
        "批归一化",
        "learning",
        "rate",
        "rates",
        "decay",
        "bn",
        "sam",
        "in",
        "c++",
        " ",
        "-",
        "，",
        "\n",
        "é",
    ]
)
TEXTS = st.one_of(st.text(max_size=30), st.lists(PIECES, max_size=12).map("".join)).map(fold)


@pytest.fixture(scope="module")
def glossary() -> Glossary:
    return Glossary.of(TERMS)


def named(glossary: Glossary, folded: str) -> list[str]:
    """What is written in a text where a term is named, from left to right."""
    return [folded[concept.start : concept.end] for concept in glossary.find(folded)]


def names_of(row: dict[str, Any]) -> list[str]:
    """All names of a term of the bundled glossary."""
    return [*row["zh"], *row["en"], *row["abbr"]]


# The file


def test_every_term_has_the_keys_of_the_file() -> None:
    """A line holds three lists of names under three keys, in one order, and where it applies that the thing is concrete."""
    assert {tuple(row) for row in ROWS} == {("zh", "en", "abbr"), ("zh", "en", "abbr", "concrete")}
    assert all(isinstance(name, str) for row in ROWS for name in names_of(row))
    assert all(row.get("concrete", True) is True for row in ROWS)


def test_every_name_is_stored_in_its_plainest_spelling() -> None:
    """Names are compared with folded questions, so but for capitals they are stored folded."""
    assert [name for row in ROWS for name in names_of(row) if fold(name) != name.lower()] == []


def test_every_term_has_names() -> None:
    """Every term has an English name; none is blank or has white space about it."""
    assert [row for row in ROWS if not row["en"]] == []
    assert [name for row in ROWS for name in names_of(row) if not name or name != name.strip()] == []


def test_what_is_looked_up_was_made_of_these_terms() -> None:
    """`names.json` is that of the terms as they stand; else: python -m retriever.glossary"""
    assert to_names(written_glossary()) == NAMES.read_text(encoding="utf-8")
    assert to_names(bundled_glossary()) == NAMES.read_text(encoding="utf-8")


def test_no_list_names_a_term_twice() -> None:
    """Repetition in a list is an oversight."""
    assert [row for row in ROWS for key in ("zh", "en", "abbr") if len(row[key]) != len(set(row[key]))] == []


def test_no_term_is_called_the_same_by_all_its_names() -> None:
    """A term is there to lead from one name to another: from each of its names there is a way on."""
    stuck = [
        name
        for row in ROWS
        for name in names_of(row)
        if [c for c in Glossary.of([names_of(row)]).find(name.lower()) if not c.others]
    ]
    assert stuck == []


def test_it_holds_terms_enough() -> None:
    """At least 300 terms with a Chinese and an English name, most of the bundled field's abbreviations among them."""
    assert sum(bool(row["zh"] and row["en"]) for row in ROWS) >= 300
    assert sum(bool(row["abbr"]) for row in ROWS) >= 200
    short = {name for row in ROWS for name in row["abbr"]}
    assert {
        "BN",
        "LN",
        "CNN",
        "RNN",
        "LSTM",
        "GRU",
        "GAN",
        "VAE",
        "SGD",
        "LR",
        "MSE",
        "AUC",
        "SVM",
        "PCA",
        "BERT",
    } <= short


@pytest.mark.parametrize(
    ("asked", "wanted"),
    [
        ("bn", {"批归一化", "batch normalization"}),
        ("批归一化", {"bn", "batch normalization"}),
        ("dropout", {"随机失活"}),
        ("sgd", {"随机梯度下降", "stochastic gradient descent"}),
        ("vanishing gradient", {"梯度消失"}),
        ("过拟合", {"overfitting"}),
    ],
)
def test_a_bundled_name_leads_to_the_others(asked: str, wanted: set[str]) -> None:
    """From any language to any other, and from the short name to the long ones."""
    (concept,) = bundled_glossary().find(asked)
    assert wanted <= set(concept.others)
    assert asked not in concept.others


def test_every_bundled_name_is_found() -> None:
    """A name that stands alone is found from end to end; only stop words and single characters are no names."""
    missed = [
        name
        for row in ROWS
        for name in map(fold, names_of(row))
        if len(name) > 1 and name not in STOPWORDS and len(bundled_glossary().find(name)) != 1
    ]
    assert missed == []


def test_no_bundled_name_is_a_single_character() -> None:
    """A letter or a digit of a formula names no term."""
    assert [one for one in string.ascii_lowercase + string.digits if bundled_glossary().find(one)] == []


def test_no_stop_word_is_a_bundled_name() -> None:
    """Words that all questions are made of name no term, though IN and IS are short names of some."""
    assert {name.lower() for row in ROWS for name in row["abbr"]} & STOPWORDS
    assert [word for word in sorted(STOPWORDS) if bundled_glossary().find(word)] == []


def test_a_bundled_name_of_two_terms_leads_to_both() -> None:
    """Which of the two a short name stands for is for the passages to tell."""
    (concept,) = bundled_glossary().find("sam")
    assert {"segment anything model", "sharpness-aware minimization"} <= set(concept.others)


def test_loading_it_takes_nothing_heavy() -> None:
    """The glossary is read at every question: it takes neither torch nor any other library."""
    probe = """
import json, sys
from retriever.glossary import bundled_glossary
assert bundled_glossary().find("bn")
print(json.dumps(sorted(sys.modules)))
"""
    done = subprocess.run(
        [sys.executable, "-c", probe],
        env=os.environ | {"PYTHONPATH": str(CHECKOUT)},
        capture_output=True,
        encoding="utf-8",
        timeout=60,
        check=True,
    )
    heavy = {"torch", "transformers", "sentence_transformers", "numpy", "faiss", "jieba", "tokenizers", "opencc"}
    modules = set(json.loads(done.stdout))
    assert "retriever.glossary" in modules
    assert modules & heavy == set()


# Finding


def test_a_name_leads_to_all_other_names(glossary: Glossary) -> None:
    """The other names come folded, in the order of the term, without the name that was found."""
    assert glossary.find("bn 是什么") == [Concept(0, 2, ("批归一化", "batch normalization"))]


def test_the_longest_name_wins(glossary: Glossary) -> None:
    """Where the name of one term begins that of another, the longer one is meant, in both languages."""
    assert named(glossary, "学习率衰减和学习率") == ["学习率衰减", "学习率"]
    assert named(glossary, "learning rate decay, learning rate") == ["learning rate decay", "learning rate"]


def test_names_do_not_overlap(glossary: Glossary) -> None:
    """What a name takes up is not searched again: the 率 of one name begins no other."""
    overlapping = Glossary.of([("学习率", "lr"), ("率失真", "rd")])
    assert named(overlapping, "学习率失真") == ["学习率"]


def test_what_only_begins_like_a_name_is_none(glossary: Glossary) -> None:
    """Half a name, and a name inside a longer Latin word, name nothing."""
    assert glossary.find("学习 learning samba 批归") == []


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("why two learning rates?", "learning rates"),
        ("compare learning-rate decays", "learning-rate decays"),
        ("batch normalizations", "batch normalizations"),
        ("SAMs".lower(), "sams"),
    ],
)
def test_plural_forms_are_the_name_too(glossary: Glossary, text: str, name: str) -> None:
    """An ending, like a hyphen, changes no name; what was written is where it was found."""
    assert named(glossary, text) == [name]


def test_a_name_in_the_plural_is_found_in_the_singular() -> None:
    """It does not matter which of both the glossary holds."""
    assert named(Glossary.of([("support vector machines", "SVM")]), "a support vector machine") == [
        "support vector machine"
    ]


def test_stop_words_and_single_characters_are_no_names(glossary: Glossary) -> None:
    """Every question has "in" in it: it names nothing, and is still led to from the other names of its term."""
    assert glossary.find("what happens in training") == []
    (concept,) = glossary.find("实例归一化")
    assert concept.others == ("instance normalization", "in")
    assert Glossary.of([("熵", "entropy")]).find("熵") == []


def test_a_name_of_two_terms_leads_to_both(glossary: Glossary) -> None:
    """The names of both terms are others, in the order of the terms."""
    (concept,) = glossary.find("sam")
    assert concept.others == (
        "分割一切模型",
        "segment anything model",
        "锐度感知最小化",
        "sharpness-aware minimization",
    )


def test_names_stand_together_with_text_of_the_other_script(glossary: Glossary) -> None:
    """Chinese is written without spaces, around Latin names too."""
    assert named(glossary, "为什么bn层的学习率大") == ["bn", "学习率"]


def test_signs_that_belong_to_a_name_are_part_of_it(glossary: Glossary) -> None:
    """C++ is no C."""
    assert named(glossary, "c++ 和 c") == ["c++"]


@pytest.mark.parametrize("text", ["", " \n", "？！", "🙂", "\udce4", "é", "\u3400"])
def test_a_text_without_names_names_nothing(glossary: Glossary, text: str) -> None:
    """Whatever is asked, finding raises nothing."""
    assert glossary.find(text) == []


def test_words_and_han_are_what_slips_are_corrected_towards(glossary: Glossary) -> None:
    """Latin words of all names without plural endings; names that are all Chinese, whole."""
    assert {"learning", "rate", "decay", "bn", "sharpness", "aware"} <= glossary.words
    assert glossary.han == {"学习率", "学习率衰减", "批归一化", "分割一切模型", "锐度感知最小化", "实例归一化"}
    assert Glossary.of([("双向RNN", "bidirectional RNN")]).han == frozenset()


def test_a_glossary_without_terms_finds_nothing() -> None:
    """Nor does it fail."""
    empty = Glossary.of([])
    assert (len(empty), empty.find("bn"), empty.words, empty.han) == (0, [], frozenset(), frozenset())


@settings(max_examples=300, deadline=None)
@given(TEXTS)
def test_positions_are_right_in_any_text(text: str) -> None:
    """Names are found from left to right, do not overlap, and what stands at a place is the whole of a name: alone it is found again."""
    glossary = Glossary.of(TERMS)
    concepts = glossary.find(text)
    assert all(one.end <= other.start for one, other in itertools.pairwise(concepts))
    for concept in concepts:
        written = text[concept.start : concept.end]
        assert written == written.strip() != ""
        assert glossary.find(written) == [Concept(0, len(written), concept.others)]


@settings(max_examples=200, deadline=None)
@given(before=TEXTS, name=st.sampled_from(["学习率衰减", "batch normalization", "锐度感知最小化"]), after=TEXTS)
def test_a_name_is_found_wherever_it_stands(before: str, name: str, after: str) -> None:
    """In any text, between line ends, a name that begins no other and ends no other is found at its place."""
    text = f"{before}\n!\n{name}\n!\n{after}"
    start = len(before) + 3
    assert (start, start + len(name)) in {(concept.start, concept.end) for concept in Glossary.of(TERMS).find(text)}
