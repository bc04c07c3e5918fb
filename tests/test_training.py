"""The training program: no row of an evaluation set is learnt from, pairs belong together, and a tiny run goes from text to a model."""

import gzip
import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from conftest import CHECKOUT

pytest.importorskip("zstandard", reason="the training extra is not installed")
pytest.importorskip("scipy", reason="the training extra is not installed")

import torch
import zstandard
from tokenizers import Tokenizer

from retriever.encoders.static import StaticEncoder
from training import data, export, leakage, model, sampling, tokenizer, train
from training.data import Side, Source, Topics

SHARED = CHECKOUT.parent / "shared"
needs_shared = pytest.mark.skipif(not (SHARED / "eval").is_dir(), reason="../shared is absent")
OWN_TEXT = sorted((CHECKOUT / "training" / "own").glob("*.jsonl"))


def write_source(path: Path, rows: Iterable[dict[str, str]]) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    raw = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows).encode()
    path.write_bytes(zstandard.ZstdCompressor().compress(raw))
    return path


@pytest.fixture
def evaluation(tmp_path: Path) -> tuple[Path, Path]:
    """An evaluation folder of every kind of file, and its pages."""
    folder, pages = tmp_path / "eval", tmp_path / "seeds"
    for name in ("laser-tatoeba", "sts-b-zh", "sts-b-en", "other"):
        (folder / "external" / name).mkdir(parents=True)
    pages.mkdir()
    (folder / "dev_questions.jsonl").write_text(
        json.dumps({"question": "什么是梯度消失的主要原因呢？"}) + "\n", "utf-8"
    )
    (folder / "qa.jsonl").write_text(json.dumps({"question": "Why is the kernel three by three?"}) + "\n", "utf-8")
    (pages / "page.txt").write_text("第一行是关于學習率的一句很长的说明文字\n", "utf-8")
    external = folder / "external"
    (external / "laser-tatoeba" / "tatoeba.cmn-eng.eng").write_text("The cat sat on the mat yesterday.\n", "utf-8")
    (external / "sts-b-zh" / "cnsd-sts-test.txt").write_text(
        "1||一个人正在公园里面放风筝呢||一个人在放风筝啊啊啊啊啊||4\n", "utf-8"
    )
    with gzip.open(external / "sts-b-en" / "stsbenchmark.tsv.gz", "wt", encoding="utf-8") as file:
        file.write(
            "split\tsentence1\tsentence2\tscore\ntest\tA man is flying a kite outdoors.\tSomeone flies a kite.\t4\n"
        )
    (external / "other" / "questions.json").write_text(
        json.dumps({"a": [{"q": "Deeply nested question text here"}]}), "utf-8"
    )
    return folder, pages


LEAKS = [
    ("什么是梯度消失的主要原因呢", "the same question without its mark"),
    ("WHY IS THE KERNEL THREE-BY-THREE", "another case and punctuation"),
    ("第一行是关于学习率的一句很长的说明文字", "simplified characters"),
    ("Before. The cat sat on the mat yesterday. After.", "one sentence of several"),
    ("一个人正在公园里面放风筝呢", "an STS sentence"),
    ("A man is flying a kite outdoors.", "an STS sentence in English"),
    ("Deeply nested question text here", "a string deep in a JSON file"),
]


@pytest.mark.parametrize(("leak", "what"), LEAKS)
@pytest.mark.parametrize("side", ["zh", "en"])
def test_rows_of_the_evaluation_sets_are_skipped(
    evaluation: tuple[Path, Path], tmp_path: Path, leak: str, what: str, side: str
) -> None:
    """Whatever side holds it, and whether whole or as one of its sentences; the neighbours stay."""
    banned = leakage.evaluation_fingerprints(*evaluation)
    other = {"zh": "无关的句子", "en": "an unrelated sentence"}
    rows = [
        {"zh": "前面的句子", "en": "the one before"},
        other | {side: leak},
        {"zh": "后面的句子", "en": "the one after"},
    ]
    path = write_source(tmp_path / "parallel" / "x.jsonl.zst", rows)
    assert [right for _, right in data.clean_pairs(path, banned)] == ["the one before", "the one after"], what


def test_short_common_sentences_do_not_ban_a_row(evaluation: tuple[Path, Path], tmp_path: Path) -> None:
    """A row is not lost for a phrase that everybody uses."""
    (evaluation[0] / "external/laser-tatoeba/tatoeba.cmn-eng.eng").write_text("Yes.\n", "utf-8")
    banned = leakage.evaluation_fingerprints(*evaluation)
    path = write_source(tmp_path / "qa" / "x.jsonl.zst", [{"q": "Is it on?", "a": "Yes. It has been on since noon."}])
    assert len(list(data.clean_pairs(path, banned))) == 1


def test_repeated_texts_count_once(tmp_path: Path) -> None:
    rows = [{"zh": "甲", "en": "a"}, {"zh": "甲", "en": "b"}, {"zh": "乙", "en": "a"}, {"zh": "丙", "en": "c"}]
    path = write_source(tmp_path / "parallel" / "x.jsonl.zst", rows)
    assert list(data.clean_pairs(path, frozenset())) == [("甲", "a"), ("丙", "c")]


@needs_shared
def test_every_text_of_the_real_evaluation_sets_is_known_again() -> None:
    banned = leakage.evaluation_fingerprints(SHARED / "eval", SHARED / "seeds")
    for line in (SHARED / "eval" / "dev_questions.jsonl").read_text("utf-8").splitlines():
        assert leakage.fingerprint(json.loads(line)["question"]) in banned


@needs_shared
@pytest.mark.parametrize("path", OWN_TEXT, ids=lambda path: path.stem)
def test_our_own_text_repeats_no_answer_of_the_evaluation_sets(path: Path) -> None:
    """A question may be asked by two people in the same words (the loader leaves those out); a sentence of an answer may not."""
    banned = leakage.evaluation_fingerprints(SHARED / "eval", SHARED / "seeds")
    for row in map(json.loads, path.read_text("utf-8").splitlines()):
        for key in ("answer_zh", "answer_en"):
            assert [s for s in leakage.sentences(row.get(key, "")) if leakage.fingerprint(s) in banned] == []


@pytest.mark.parametrize("path", OWN_TEXT, ids=lambda path: path.stem)
def test_our_own_text_has_its_shape(path: Path) -> None:
    """Topics have questions in both languages and two answers, groups at least two names; nothing is blank, no question has two topics."""
    seen: dict[str, int] = {}
    for number, row in enumerate(map(json.loads, path.read_text("utf-8").splitlines()), 1):
        if "answer_zh" in row:
            assert set(row) == {"topic", "zh", "en", "typo", "answer_zh", "answer_en"}, number
            assert len(row["zh"]) >= 3, number
            assert len(row["en"]) >= 3, number
        else:
            assert set(row) <= {"zh", "en", "abbr"}, number
            assert sum(map(len, row.values())) >= 2, number
        for text in (t for key in ("zh", "en", "typo", "abbr") for t in row.get(key, [])):
            assert text.strip(), number
            assert seen.setdefault(text, number) == number, text


WORDS = {
    "梯度": "gradient",
    "消失": "vanishing",
    "学习": "learning",
    "池化": "pooling",
    "激活": "activation",
    "权重": "weight",
}


@pytest.fixture
def corpus(tmp_path: Path) -> Path:
    """Sixty translated pairs and sixty questions made of six words."""
    rng = np.random.default_rng(7)
    picks = [list(rng.choice(list(WORDS), 3, replace=False)) for _ in range(60)]
    parallel = [{"zh": "".join(p) + str(n), "en": " ".join(WORDS[w] for w in p) + f" {n}"} for n, p in enumerate(picks)]
    qa = [{"q": f"what is {row['en']}", "a": f"{row['en']} is a thing of many parts", "lang": "en"} for row in parallel]
    write_source(tmp_path / "parallel" / "al_d2l-zh.jsonl.zst", parallel)
    write_source(tmp_path / "qa" / "real_en_x.jsonl.zst", qa)
    return tmp_path


@pytest.fixture
def pieces(corpus: Path, tmp_path: Path) -> Tokenizer:
    sizes = tokenizer.VocabularySizes(200, 200, 200, 50)
    return tokenizer.make(corpus, [], tmp_path / "work", rows=100, sizes=sizes)


def made_topics(pieces: Tokenizer, tmp_path: Path) -> Topics:
    rows = [
        {"topic": w, "zh": [f"{w}是什么", f"讲讲{w}", f"{w}呢"], "en": [f"what is {e}", f"explain {e}", e], "typo": [f"{e}x"], "answer_zh": f"{w}就是{w}", "answer_en": f"{e} means {e}"}
        for w, e in WORDS.items()
    ]  # fmt: skip
    file = tmp_path / "topics.jsonl"
    file.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), "utf-8")
    return data.load_topics([file], frozenset(), pieces)


def text_of(side: Side, row: int) -> list[int]:
    return list(map(int, side.ids[side.starts[row] : side.starts[row + 1]]))


def test_a_question_of_the_evaluation_sets_is_left_out_of_our_own_text(pieces: Tokenizer, tmp_path: Path) -> None:
    made_topics(pieces, tmp_path)
    banned = frozenset({leakage.fingerprint("讲讲梯度")})
    topics = data.load_topics([tmp_path / "topics.jsonl"], banned, pieces)
    assert [len(rows) for rows in topics.questions] == [6, 7, 7, 7, 7, 7]
    assert len(topics.kinds) == len(topics.texts.starts) - 1


def test_pairs_of_a_topic_belong_together_and_held_topics_are_never_drawn(pieces: Tokenizer, tmp_path: Path) -> None:
    """Every pair is of one topic; of the topics held for asking none comes up."""
    topics = made_topics(pieces, tmp_path)
    options = train.Options(batch=64, block=16, hold=3, drop=0.0)
    owner = {}
    for number, (asked, told) in enumerate(zip(topics.questions, topics.answers, strict=True)):
        owner |= {tuple(text_of(topics.texts, int(row))): number for row in (*asked, *told)}
    sampler = sampling.Sampler([source_of(pieces)], {"topics": topics}, options)
    drawn = set()
    for _ in range(50):
        (ids, lengths), (other_ids, other_lengths) = sampler.topic_pairs(topics)
        ends, other_ends = np.cumsum(lengths), np.cumsum(other_lengths)
        for end, n, other_end, m in zip(ends, lengths, other_ends, other_lengths, strict=True):
            one, other = tuple(map(int, ids[end - n : end])), tuple(map(int, other_ids[other_end - m : other_end]))
            assert owner[one] == owner[other]
            drawn.add(owner[one])
    assert drawn == {1, 2, 4, 5}


def source_of(pieces: Tokenizer) -> Source:
    side = data.encode_side(pieces, ["梯度消失", "学习", "池化 激活"], 100)
    return Source("parallel/al_d2l-zh", "parallel", side, side)


def test_halves_are_the_whole(pieces: Tokenizer) -> None:
    """Cutting a text in two loses no piece and keeps their order."""
    sampler = sampling.Sampler([source_of(pieces)], {}, train.Options())
    ids = np.arange(100, dtype=np.int32)
    lengths = np.array([40, 1, 59])
    (one, first), (two, second) = sampler.split((ids, lengths))
    assert list(first + second) == list(lengths)
    rebuilt, a, b = [], 0, 0
    for n, m in zip(first, second, strict=True):
        rebuilt += [*one[a : a + n], *two[b : b + m]]
        a, b = a + n, b + m
    assert rebuilt == list(ids)


def test_the_teachers_loss_is_nothing_when_the_student_agrees() -> None:
    """Equal similarities cost nothing, turned ones do; the contrastive loss is least where pairs agree."""
    vectors = torch.nn.functional.normalize(torch.randn(12, 5, generator=torch.Generator().manual_seed(1)), dim=1)
    assert abs(float(model.relation_loss(vectors, vectors, vectors, 20.0))) < 1e-5
    assert float(model.relation_loss(vectors, vectors.roll(1, 0), vectors, 20.0)) > 0.1
    assert model.contrastive_loss(vectors, vectors, 20.0) < model.contrastive_loss(vectors, vectors.roll(1, 0), 20.0)


def test_smoothing_keeps_the_length_of_rows_and_the_zero_row() -> None:
    table = np.random.default_rng(1).standard_normal((50, 8)).astype(np.float32)
    table[0] = 0
    smoothed = model.smooth(table, 0.3)
    np.testing.assert_allclose(np.linalg.norm(smoothed, axis=1), np.linalg.norm(table, axis=1), rtol=1e-4)
    assert not smoothed[0].any()
    assert not np.allclose(smoothed, table)


def test_a_tiny_run_goes_from_text_to_a_model_that_both_paths_read_alike(
    corpus: Path, pieces: Tokenizer, tmp_path: Path
) -> None:
    """Tokenizer, start, training and export; translations come nearer by it, and the folder is checked as it is written."""
    sources = data.load_sources(corpus, frozenset(), pieces, tmp_path / "work")
    options = train.Options(start="lsa", dimension=8, steps=40, batch=64, block=32, learning_rate=0.02)
    table = train.train(sources, {}, [], train.start(sources, [], pieces.get_vocab_size(), options, tmp_path), options)
    again = train.train(sources, {}, [], train.start(sources, [], pieces.get_vocab_size(), options, tmp_path), options)
    np.testing.assert_array_equal(table, again, "one seed, one table")

    def cosine(one: str, other: str) -> float:
        a, b = (table[pieces.encode(text, add_special_tokens=False).ids].sum(axis=0) for text in (one, other))
        return float(a @ b / np.linalg.norm(a) / np.linalg.norm(b))

    own = [cosine(zh, en) for zh, en in WORDS.items()]
    crossed = [cosine(zh, en) for zh in WORDS for other, en in WORDS.items() if other != zh]
    assert min(own) > np.mean(crossed) + 0.3

    folder = tmp_path / "model"
    export.write(folder, pieces, export.coarse(table, 7))
    light = StaticEncoder(folder, "tiny").piece_vectors(np.arange(pieces.get_vocab_size()))
    np.testing.assert_allclose(light, table, rtol=2**-7, atol=0)
    assert export.disagreement(folder) < export.TOLERANCE


def test_streams_of_rows_are_read_to_the_end(tmp_path: Path) -> None:
    """A source of several compressed frames gives all its rows."""
    path = tmp_path / "x.jsonl.zst"
    frames = [
        zstandard.ZstdCompressor().compress(json.dumps({"zh": str(n), "en": str(n)}).encode() + b"\n") for n in range(3)
    ]
    path.write_bytes(b"".join(frames))
    assert [row["zh"] for row in data.read_rows(path)] == ["0", "1", "2"]


def test_the_taught_start_meets_the_teacher_in_both_languages(pieces: Tokenizer) -> None:
    """Texts whose vectors a table can give are given them, in the language taught and in the translation; without lessons it is refused."""
    words = list(WORDS.items())
    english = data.encode_side(pieces, [f"{a} {b}" for _, a in words for _, b in words], 20)
    chinese = data.encode_side(pieces, [a + b for a, _ in words for b, _ in words], 20)
    rng = np.random.default_rng(3)
    meaning = rng.standard_normal((len(words), train.TEACHER_DIMENSION)).astype(np.float32)
    vectors = np.stack([a + b for a in meaning for b in meaning])
    vectors -= vectors.mean(axis=0)
    vectors /= np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-9)
    lesson = data.Lesson(False, english, chinese, np.arange(len(vectors)), vectors.astype(np.float16))
    table = model.taught_start([lesson], pieces.get_vocab_size(), ridge=0.01)
    for side in (english, chinese):
        sums = np.stack([table[text_of(side, row)].sum(axis=0) for row in range(len(vectors))])
        sums /= np.maximum(np.linalg.norm(sums, axis=1, keepdims=True), 1e-9)
        assert float(np.median((sums * vectors).sum(axis=1))) > 0.9
    with pytest.raises(ValueError, match="lessons"):
        train.start([], [], pieces.get_vocab_size(), train.Options(), Path())


def test_tokens_are_switched_with_their_counterparts_only(pieces: Tokenizer) -> None:
    """Mutual neighbours of two languages change places in both directions; every other token stays."""
    names = [str(pieces.id_to_token(number)) for number in range(pieces.get_vocab_size())]
    table = np.random.default_rng(2).standard_normal((len(names), 16)).astype(np.float32)
    pairs = {names.index(zh): names.index(en) for zh, en in WORDS.items()}
    for zh, en in pairs.items():
        table[en] = table[zh]
    other = model.counterparts(table, names, least=0.9)
    assert {int(n) for n in np.flatnonzero(other != np.arange(len(names)))} == {*pairs, *pairs.values()}
    assert all(other[zh] == en and other[en] == zh for zh, en in pairs.items())
    sampler = sampling.Sampler([source_of(pieces)], {}, train.Options(switch=1.0, drop=0.0), other)
    ids = np.array([*pairs], dtype=np.int32)
    assert list(sampler.join([(ids, np.array([len(ids)]))])[0]) == [pairs[int(n)] for n in ids]


def test_a_run_that_was_broken_off_goes_on_to_the_same_table(
    corpus: Path, pieces: Tokenizer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Interrupted after a checkpoint and started again, a run ends where an uninterrupted one does; another run's state is not used."""
    monkeypatch.setattr("training.checkpoint.EVERY", 5)
    sources = data.load_sources(corpus, frozenset(), pieces, tmp_path / "work")
    options = train.Options(start="lsa", dimension=8, steps=20, batch=64, block=32, learning_rate=0.02)
    begin = train.start(sources, [], pieces.get_vocab_size(), options, tmp_path)
    whole = train.train(sources, {}, [], begin, options)
    kept, calls = tmp_path / "run.npz", 0
    loss = train.contrastive_loss

    def breaks(*arguments: Any) -> torch.Tensor:
        nonlocal calls
        calls += 1
        if calls == 13:
            raise KeyboardInterrupt
        return loss(*arguments)

    monkeypatch.setattr(train, "contrastive_loss", breaks)
    with pytest.raises(KeyboardInterrupt):
        train.train(sources, {}, [], begin, options, kept=kept)
    assert kept.exists()
    resumed = train.train(sources, {}, [], begin, options, kept=kept)
    assert calls == 13 + 10, "ten of the twenty steps were kept"
    np.testing.assert_array_equal(resumed, whole)
    assert not kept.exists()
