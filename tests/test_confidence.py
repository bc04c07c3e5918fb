"""Confidence: the numbers and their file, the probability they give, and the level of a corpus that cosines are measured against."""

import hashlib
import json
import os
import re
import tempfile
from collections.abc import Callable
from dataclasses import asdict, fields, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from doubles import KEYWORDS, KeywordEncoder, make_passage, write_passages
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from retriever.confidence import (
    NAME,
    VERSION,
    Calibration,
    Signals,
    bundled_calibration,
    index_calibration,
    read_calibration,
    write_calibration,
)
from retriever.dense import SAMPLED, USUAL_COUNT, USUAL_LEVEL, level
from retriever.encoders.catalogue import BUNDLED, MODELS
from retriever.encoders.static import StaticEncoder, static_digest
from retriever.errors import CalibrationError, InputError
from retriever.indexing import open_index
from retriever.search import Retriever

SMALL = Calibration(
    (-1.0, 2.0, 0.25, -0.5, -0.75, -0.125), (-0.5, 1.0, 3.0, 0.75), 12, 0.5, 0.4, "one-hot", "学习率 and others"
)

NUMBERS = st.floats(allow_nan=False, allow_infinity=False)
USUAL = st.floats(-2, 2)
WEIGHT = st.floats(-50, 50)
SIGNALS = st.builds(
    Signals,
    USUAL,
    USUAL,
    USUAL,
    st.integers(0, 10_000),
    st.floats(0.05, 1),
    st.integers(0, 9),
    st.floats(0, 2),
    st.integers(0, 10_000),
)
CALIBRATIONS = st.builds(
    Calibration,
    st.tuples(*[WEIGHT] * 6),
    st.tuples(*[WEIGHT] * 4),
    st.integers(0, 100),
    st.floats(0, 2),
    st.floats(0, 1),
    st.text(),
    st.text(),
)


def row_of(calibration: Calibration) -> dict[str, Any]:
    """A calibration as JSON has it."""
    row: dict[str, Any] = json.loads(json.dumps({"version": VERSION} | asdict(calibration)))
    return row


def sealed(row: Any) -> str:
    """A row with the checksum that holds for it."""
    plain = json.dumps(row, sort_keys=True, ensure_ascii=False)
    return json.dumps(row | {"sha256": hashlib.sha256(plain.encode()).hexdigest()}, ensure_ascii=False)


# The file


@settings(max_examples=100, deadline=None)
@given(calibration=CALIBRATIONS)
def test_what_is_written_is_read_back(calibration: Calibration) -> None:
    """Every number to the last digit, every text to the last character."""
    with tempfile.TemporaryDirectory() as folder:
        write_calibration(Path(folder) / NAME, calibration)
        assert read_calibration(Path(folder) / NAME) == calibration
        assert os.listdir(folder) == [NAME]


def test_the_file_is_json_that_people_can_read(tmp_path: Path) -> None:
    """One object with the names of the fields and a checksum; Chinese stays Chinese."""
    write_calibration(tmp_path / NAME, SMALL)
    text = (tmp_path / NAME).read_text(encoding="utf-8")
    row = json.loads(text)
    assert text == text.rstrip("\n") + "\n"
    assert [*row] == ["version", *(field.name for field in fields(Calibration)), "sha256"]
    assert "学习率" in text
    assert json.loads(sealed(row_of(SMALL))) == row


def test_a_flipped_bit_is_found_or_changes_nothing(tmp_path: Path) -> None:
    """Four bits of each byte in turn: an error of ours, or the same calibration; never other numbers, never another exception."""
    path = tmp_path / NAME
    write_calibration(path, SMALL)
    raw = path.read_bytes()
    found = 0
    for at in range(len(raw)):
        for bit in (0, 1, 4, 7):
            path.write_bytes(raw[:at] + bytes([raw[at] ^ (1 << bit)]) + raw[at + 1 :])
            try:
                assert read_calibration(path) == SMALL, (at, bit)
            except CalibrationError:
                found += 1
    assert found > 3 * len(raw)


def test_a_file_cut_short_is_found(tmp_path: Path) -> None:
    """At whatever byte; only the last line feed may go."""
    path = tmp_path / NAME
    write_calibration(path, SMALL)
    raw = path.read_bytes()
    for length in range(len(raw) - 1):
        path.write_bytes(raw[:length])
        with pytest.raises(CalibrationError):
            read_calibration(path)
    path.write_bytes(raw[:-1])
    assert read_calibration(path) == SMALL


def test_a_number_changed_by_hand_is_found(tmp_path: Path) -> None:
    """The checksum holds for what was written, and the error says what to do."""
    path = tmp_path / NAME
    write_calibration(path, SMALL)
    path.write_text(path.read_text(encoding="utf-8").replace('"threshold": 0.4', '"threshold": 0.3'), encoding="utf-8")
    with pytest.raises(CalibrationError, match=r"its checksum does not hold\); .*retriever calibrate"):
        read_calibration(path)


@pytest.mark.parametrize("name", [field.name for field in fields(Calibration)])
def test_a_field_that_is_missing_is_found(tmp_path: Path, name: str) -> None:
    """A checksum that holds does not make up for it; the error names the field."""
    row = row_of(SMALL)
    del row[name]
    (tmp_path / NAME).write_text(sealed(row), encoding="utf-8")
    with pytest.raises(CalibrationError, match=name):
        read_calibration(tmp_path / NAME)


@pytest.mark.parametrize(
    "wrong",
    [
        {"answerable": [1.0, 2.0, 3.0]},
        {"answerable": 1.0},
        {"answerable": None},
        {"right": [1.0] * 5},
        {"right": ["a", "b", "c", "d"]},
        {"right": [[1.0]] * 4},
        {"right": [None] * 4},
        {"longest": "16"},
        {"longest": None},
        {"longest": -5},
        {"power": "a"},
        {"power": None},
        {"power": []},
        pytest.param({"power": 3000}),
        pytest.param({"power": -3000}),
        pytest.param({"right": [10**400] * 4}),
        pytest.param({"threshold": "0.4"}),
        pytest.param({"threshold": None}),
    ],
)
def test_values_of_a_wrong_type_are_found(tmp_path: Path, wrong: dict[str, Any]) -> None:
    """Though the checksum holds: what cannot be reckoned with is an error when it is read, not when a question is asked."""
    (tmp_path / NAME).write_text(sealed(row_of(SMALL) | wrong), encoding="utf-8")
    with pytest.raises(CalibrationError, match="missing or damaged"):
        read_calibration(tmp_path / NAME)


@pytest.mark.parametrize(
    "content",
    [
        b"", b"{", b"{}", b"[]", b"\xff\xfe", b"[" * 100_000, b"no JSON at all",
        *(pytest.param(text) for text in (b"null", b"5", b'"text"', b"true")),
    ],
)  # fmt: skip
def test_a_file_of_something_else_is_an_error_of_ours(tmp_path: Path, content: bytes) -> None:
    """Whatever stands in it: the path, and the ways out."""
    (tmp_path / NAME).write_bytes(content)
    with pytest.raises(CalibrationError, match=rf"{NAME}: missing or damaged .*; remove it, or write it anew"):
        read_calibration(tmp_path / NAME)


def test_a_file_that_is_not_there_is_an_error_of_ours(tmp_path: Path) -> None:
    """Neither a missing file nor a folder in its place is a calibration."""
    (tmp_path / "folder").mkdir()
    for name in (NAME, "folder"):
        with pytest.raises(CalibrationError, match="missing or damaged"):
            read_calibration(tmp_path / name)


def test_writing_replaces_what_was_there(tmp_path: Path) -> None:
    """The later one counts, and nothing is left beside it."""
    for threshold in (0.1, 0.9):
        write_calibration(tmp_path / NAME, replace(SMALL, threshold=threshold))
    assert read_calibration(tmp_path / NAME).threshold == 0.9
    assert os.listdir(tmp_path) == [NAME]


def cut_off(path: Path, text: str, **_: Any) -> int:
    """Writes half of a text; then the disk is full."""
    path.write_bytes(text.encode()[: len(text) // 2])
    raise OSError(28, "No space left on device")


def refused(path: Path, target: Path) -> Path:
    raise PermissionError(13, "Permission denied")


@pytest.mark.parametrize(("method", "fails"), [("write_text", cut_off), ("replace", refused)])
def test_a_write_that_fails_leaves_the_old_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, method: str, fails: Callable[..., Any]
) -> None:
    """Wherever it breaks off: one error of ours with the system's reason, and what was there is whole and untouched."""
    write_calibration(tmp_path / NAME, SMALL)
    before = (tmp_path / NAME).read_bytes()
    with monkeypatch.context() as patch:
        patch.setattr(Path, method, fails)
        with pytest.raises(InputError, match=rf"{NAME}: cannot be written \((No space|Permission)"):
            write_calibration(tmp_path / NAME, replace(SMALL, threshold=0.9))
    assert (tmp_path / NAME).read_bytes() == before
    write_calibration(tmp_path / NAME, replace(SMALL, threshold=0.9))
    assert read_calibration(tmp_path / NAME).threshold == 0.9


def test_the_new_file_is_whole_before_it_takes_the_place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Who reads in the meantime reads the old one or the new one, never a part."""
    seen: list[tuple[float, float]] = []
    switch = Path.replace

    def watched(path: Path, target: Path) -> Path:
        seen.append((read_calibration(target).threshold, read_calibration(path).threshold))
        return switch(path, target)

    write_calibration(tmp_path / NAME, SMALL)
    monkeypatch.setattr(Path, "replace", watched)
    write_calibration(tmp_path / NAME, replace(SMALL, threshold=0.9))
    assert seen == [(0.4, 0.9)]


def test_a_folder_that_is_not_there_is_an_input_error(tmp_path: Path) -> None:
    """Nothing is made on the way."""
    with pytest.raises(InputError, match="cannot be written"):
        write_calibration(tmp_path / "none" / NAME, SMALL)
    assert list(tmp_path.iterdir()) == []


# The bundled numbers, those of an index, and which of them count


def test_the_bundled_numbers_belong_to_the_bundled_encoder(encoder: StaticEncoder) -> None:
    """They were fitted to scores of this model and no other, and say to how many questions."""
    found = bundled_calibration()
    assert found.encoder == static_digest(MODELS / BUNDLED) == encoder.identity.digest
    assert re.search(r"\d{2,} questions", found.fitted_on)
    assert 0 < found.threshold < 1


def test_the_bundled_numbers_trust_what_stands_out() -> None:
    """A better score, a wider margin and a longer lead never speak against an answer; names that the corpus does not have and words that the answer
    does not meet never for one."""
    found = bundled_calibration()
    assert min(found.answerable[1:3]) >= 0 >= max(found.answerable[3:])
    assert min(found.right[1:]) >= 0
    near, far = Signals(1.3, 0.4, 0.6, 6, 0.55), Signals(0.3, 0.0, 0.05, 6, 0.55)
    assert found.confidence(far) < found.threshold < found.confidence(near)


def test_an_index_without_numbers_of_its_own_has_none(tmp_path: Path) -> None:
    assert index_calibration(tmp_path, "one-hot") is None


def test_the_numbers_of_an_index_are_those_beside_it(tmp_path: Path) -> None:
    """For the encoder that they were fitted to."""
    write_calibration(tmp_path / NAME, SMALL)
    assert index_calibration(tmp_path, "one-hot") == SMALL


@pytest.mark.parametrize("digest", ["", "another", "ONE-HOT"])
def test_the_numbers_of_another_encoder_are_passed_over(tmp_path: Path, digest: str) -> None:
    """After a rebuild with another model the old numbers mean nothing; they are no error either."""
    write_calibration(tmp_path / NAME, SMALL)
    assert index_calibration(tmp_path, digest) is None


def test_damaged_numbers_of_an_index_are_an_error(tmp_path: Path) -> None:
    """Falling back without a word would change every answer's confidence."""
    (tmp_path / NAME).write_text("{}", encoding="utf-8")
    with pytest.raises(CalibrationError):
        index_calibration(tmp_path, "one-hot")


PASSAGES = [make_passage(f"p{n}", f"What is {line[0]}?", f"It is {line[1]}.") for n, line in enumerate(KEYWORDS)]


def test_numbers_given_come_before_those_of_the_index_and_these_before_the_bundled(tmp_path: Path) -> None:
    """Three places, in this order; `calibrated` says whether they were fitted to the encoder."""
    directory = write_passages(tmp_path / "index", PASSAGES)

    def used(**options: Any) -> tuple[Calibration, bool]:
        retriever = Retriever(open_index(directory), KeywordEncoder(), **options)
        return retriever.calibration, retriever.calibrated

    assert used() == (bundled_calibration(), False)
    write_calibration(directory / NAME, replace(SMALL, encoder="another"))
    assert used() == (bundled_calibration(), False)
    write_calibration(directory / NAME, SMALL)
    assert used() == (SMALL, True)
    given = replace(SMALL, threshold=0.75)
    assert used(calibration=given) == (given, True)


# The probability


@settings(max_examples=300, deadline=None)
@given(
    signals=st.builds(Signals, NUMBERS, NUMBERS, NUMBERS, st.integers(0, 10**12), st.floats(0.05, 1)),
    calibration=CALIBRATIONS,
)
def test_a_confidence_is_a_probability(signals: Signals, calibration: Calibration) -> None:
    """Whatever finite signals and weights: in [0, 1]."""
    for numbers in (calibration, bundled_calibration()):
        assert 0 <= numbers.confidence(signals) <= 1


@settings(max_examples=300, deadline=None)
@given(signals=SIGNALS, weight=WEIGHT, more=st.floats(0, 2), name=st.sampled_from(["margin", "lead"]))
def test_confidence_moves_as_the_weight_says(signals: Signals, weight: float, more: float, name: str) -> None:
    """More margin or lead gives more confidence where its weight is positive and less where it is negative."""
    model, at = {"margin": ("right", 2), "lead": ("right", 3)}[name]
    weights = [*getattr(SMALL, model)]
    weights[at] = weight
    calibration = replace(SMALL, **{model: tuple(weights)})
    after = calibration.confidence(replace(signals, **{name: getattr(signals, name) + more}))
    assert (after - calibration.confidence(signals)) * weight >= -1e-9


@settings(max_examples=200, deadline=None)
@given(signals=SIGNALS, more=st.floats(0, 2), part=st.sampled_from(["score", "margin", "lead"]))
def test_the_bundled_confidence_never_falls_as_a_signal_rises(signals: Signals, more: float, part: str) -> None:
    """Each of the three alone."""
    found = bundled_calibration()
    better = replace(signals, **{part: getattr(signals, part) + more})
    assert found.confidence(better) >= found.confidence(signals) - 1e-12


@pytest.mark.parametrize("part", ["score", "margin", "lead", "length"])
def test_every_signal_counts(part: str) -> None:
    """None of the five is left out of the bundled numbers by mistake."""
    found, signals = bundled_calibration(), Signals(0.8, 0.1, 0.2, 5, 0.55)
    more = replace(signals, **{part: getattr(signals, part) * 2})
    assert found.confidence(more) > found.confidence(signals) + 1e-6


def test_what_the_answer_does_not_meet_counts() -> None:
    """A question about mice met by one about gnats in every other word is trusted less than one that is met as a whole."""
    signals = Signals(0.9, 0.2, 0.3, 8, 0.55)
    assert bundled_calibration().confidence(replace(signals, gap=1.1)) < bundled_calibration().confidence(signals)


def test_absent_names_count_up_to_two() -> None:
    """One lowers the confidence, a second more, a third no further."""
    signals = Signals(0.9, 0.2, 0.3, 8, 0.55)
    none, one, two, three = (bundled_calibration().confidence(replace(signals, absent=n)) for n in range(4))
    assert none > one > two == three


def test_it_is_the_product_of_both_models() -> None:
    """Written out by hand: that the corpus answers, times that the first answer is right."""
    signals = Signals(0.9, 0.2, 0.3, 5, 0.64, 1, 1.2, 99)
    first = -1.0 + 2.0 * 0.9 / 0.8 + 0.25 * np.log(6) - 0.5 * 1 - 0.75 * 0.4 - 0.125 * np.log(100)
    second = -0.5 + 1.0 * 0.9 / 0.8 + 3.0 * 0.2 / 0.8 + 0.75 * 0.3 / 0.8
    expected = 1 / (1 + np.exp(-first)) * 1 / (1 + np.exp(-second))
    assert SMALL.confidence(signals) == pytest.approx(expected, abs=1e-12)


@settings(max_examples=100, deadline=None)
@given(signals=SIGNALS, more=st.integers(1, 10_000))
def test_length_counts_up_to_its_bound(signals: Signals, more: int) -> None:
    """A long letter is judged like a question of `longest` pieces."""
    bound = replace(signals, length=SMALL.longest)
    assert SMALL.confidence(replace(signals, length=SMALL.longest + more)) == SMALL.confidence(bound)
    assert SMALL.confidence(replace(signals, length=SMALL.longest - 1)) <= SMALL.confidence(bound)


@settings(max_examples=100, deadline=None)
@given(signals=SIGNALS, factor=st.floats(0.1, 1))
def test_signals_are_measured_against_the_level(signals: Signals, factor: float) -> None:
    """Scores that are smaller in the measure of the level to its power say the same; with a power of 0 the level says nothing."""
    unit = factor**SMALL.power
    smaller = Signals(
        signals.score * unit,
        signals.margin * unit,
        signals.lead * unit,
        signals.length,
        signals.level * factor,
        signals.absent,
        signals.gap,
        signals.told,
    )
    assert SMALL.confidence(smaller) == pytest.approx(SMALL.confidence(signals), abs=1e-9)
    blind = replace(SMALL, power=0.0)
    assert blind.confidence(replace(signals, level=signals.level * factor)) == blind.confidence(signals)


def test_the_same_score_is_worth_less_in_a_narrow_corpus() -> None:
    """Where everything is near to everything, a score of 0.8 tells little."""
    found, signals = bundled_calibration(), Signals(0.8, 0.1, 0.2, 5, 0.4)
    assert found.confidence(replace(signals, level=0.7)) < found.confidence(signals)


# The level of a corpus


def unit(rows: NDArray[np.float64]) -> NDArray[np.float32]:
    found: NDArray[np.float32] = (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)
    return found


def scattered(rows: int, centre: float = 0.0, seed: int = 0, dimension: int = 64) -> NDArray[np.float32]:
    """Random unit vectors, pulled towards one of them by `centre`."""
    drawn = np.random.default_rng(seed).normal(size=(rows + 1, dimension)) / np.sqrt(dimension)
    return unit(drawn[1:] + centre * drawn[0])


def own(rows: int) -> NDArray[np.int32]:
    """Families, or copies, of passages that stand alone."""
    return np.arange(rows, dtype=np.int32)


def level_of(vectors: NDArray[np.float32], families: list[int] | None = None, copies: list[int] | None = None) -> float:
    """The level of passages whose questions and answers have these vectors."""
    alone = own(len(vectors))
    return level(
        vectors,
        vectors,
        alone if families is None else np.asarray(families, dtype=np.int32),
        alone if copies is None else np.asarray(copies, dtype=np.int32),
    )


@st.composite
def corpora(draw: st.DrawFn) -> tuple[NDArray[np.float32], NDArray[np.float32], list[int], list[int]]:
    """Vectors of up to 40 passages with parts and copies: each is alone, a part of an earlier whole, or a copy of an earlier first."""
    rows = draw(st.integers(0, 40))
    families: list[int] = []
    copies: list[int] = []
    for row in range(rows):
        wholes = [n for n in range(row) if families[n] == n]
        firsts = [n for n in range(row) if copies[n] == n]
        families.append(draw(st.sampled_from([row, *wholes])))
        copies.append(draw(st.sampled_from([row, row, *firsts])))
    seed = draw(st.integers(0, 10_000))
    return scattered(rows, 0.5, seed, 8), scattered(rows, 0.5, seed + 1, 8), families, copies


@settings(max_examples=150, deadline=None)
@given(corpus=corpora())
def test_the_level_is_the_mean_nearness_of_what_does_not_answer(
    corpus: tuple[NDArray[np.float32], NDArray[np.float32], list[int], list[int]],
) -> None:
    """Against its definition in plain loops: whole questions only, neither parts nor copies of themselves, drawn towards what is usual."""
    questions, answers, families, copies = corpus
    nearest = []
    for row in (n for n, family in enumerate(families) if family == n):
        cosines = [
            max(float(questions[row] @ questions[other]), float(questions[row] @ answers[other]))
            for other in range(len(families))
            if copies[row] not in (copies[other], copies[families[other]]) and families[other] != row
        ]
        nearest += [max(cosines)] if cosines else []
    expected = max(0.05, (sum(nearest) + USUAL_LEVEL * USUAL_COUNT) / (len(nearest) + USUAL_COUNT))
    found = level(questions, answers, np.asarray(families, dtype=np.int32), np.asarray(copies, dtype=np.int32))
    assert found == pytest.approx(expected, abs=1e-4)
    assert 0.05 <= found <= 1


def test_a_narrow_corpus_has_a_higher_level_than_a_broad_one() -> None:
    """The nearer its questions lie together, the higher; step by step."""
    found = [level_of(scattered(120, centre)) for centre in (0.0, 0.5, 1.0, 2.0, 5.0)]
    assert found == sorted(found)
    assert found[0] < 0.45
    assert found[-1] > 0.9


def test_a_built_index_of_one_subject_has_a_higher_level_than_one_of_many(tmp_path: Path) -> None:
    """From passages to the open index: eight questions on dropout against eight on as many things."""
    narrow = [make_passage(f"n{n}", f"What of dropout in case {n}?", f"Case {n} of dropout.") for n in range(8)]
    levels = [
        open_index(write_passages(tmp_path / name, passages)).level
        for name, passages in (("narrow", narrow), ("broad", PASSAGES))
    ]
    assert levels == [
        pytest.approx((8 * 1.0 + USUAL_LEVEL * USUAL_COUNT) / (8 + USUAL_COUNT), abs=1e-4),
        pytest.approx((8 * 0.0 + USUAL_LEVEL * USUAL_COUNT) / (8 + USUAL_COUNT), abs=1e-4),
    ]


@pytest.mark.parametrize("rows", [0, 1])
def test_a_corpus_that_tells_nothing_has_the_usual_level(rows: int) -> None:
    """With nothing beside a question there is nothing to measure."""
    assert level_of(scattered(rows)) == USUAL_LEVEL


@pytest.mark.parametrize("same", [True, False])
def test_a_tiny_corpus_stays_near_the_usual_level(same: bool) -> None:
    """The fewer questions the nearer to what is usual, from above and from below; many say it themselves."""
    rows = np.ones((200, 200)) if same else np.eye(200)
    distances = [abs(level_of(unit(rows[:size])) - USUAL_LEVEL) for size in (2, 5, 20, 200)]
    assert distances == sorted(distances)
    assert distances[0] <= 0.2 * max(1 - USUAL_LEVEL, USUAL_LEVEL) + 1e-4
    assert distances[-1] > 0.4


def test_copies_do_not_make_a_corpus_narrow() -> None:
    """Everything twice: told as copies it leaves the level where it was but for the count; told as others it would be the highest."""
    once = scattered(100)
    twice = np.concatenate([once, once])
    families = list(range(200))
    copies = [*range(100), *range(100)]
    assert level_of(twice, families, copies) == pytest.approx(level_of(once), abs=0.02)
    assert level_of(twice, families) > 0.9


def test_parts_do_not_make_a_corpus_narrow() -> None:
    """A whole with four parts that lie where it lies: neither is a part near to its own whole, nor is it asked."""
    whole = scattered(60)
    vectors = np.concatenate([whole] * 5)
    families = [*range(60)] * 5
    assert level_of(vectors, families) == pytest.approx(level_of(whole), abs=1e-4)
    assert level_of(vectors) > 0.9


def test_copies_in_parts_do_not_make_a_corpus_narrow() -> None:
    """Pages of wholes with a part each, all of them copied: the parts of the copy lie where the whole lies, and answer it too."""
    whole = scattered(60)
    once, twice = np.concatenate([whole] * 2), np.concatenate([whole] * 4)
    families, copies = [*range(60)] * 2, [*range(120)]
    found = level_of(twice, [*families, *[120 + row for row in families]], copies * 2)
    assert found == pytest.approx(level_of(once, families, copies), abs=0.05)


def test_no_more_than_a_sample_is_looked_at() -> None:
    """However large the corpus, as many questions count as SAMPLED says: the share of the usual level tells how many did."""
    for rows in (SAMPLED, 4 * SAMPLED):
        expected = (SAMPLED + USUAL_LEVEL * USUAL_COUNT) / (SAMPLED + USUAL_COUNT)
        assert level_of(unit(np.ones((rows, 4)))) == pytest.approx(expected, abs=1e-4)


@pytest.mark.parametrize(
    "rows",
    [
        2 * SAMPLED,
        4 * SAMPLED,
        pytest.param(2 * SAMPLED - 2),
    ],
)
def test_the_sample_goes_over_the_whole_corpus(rows: int) -> None:
    """First pages that lie apart and last pages that are all alike count half each."""
    vectors = np.eye(rows, rows // 2 + 1)
    vectors[rows // 2 :] = vectors[rows // 2]
    found = level_of(vectors.astype(np.float32))
    half = (SAMPLED / 2 + USUAL_LEVEL * USUAL_COUNT) / (SAMPLED + USUAL_COUNT)
    assert found == pytest.approx(half, abs=0.01)


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 10_000), rows=st.integers(2, 60))
def test_the_level_is_a_matter_of_the_passages_alone(seed: int, rows: int) -> None:
    """Twice the same gives the same, and below the size of the sample the order of pages does not count."""
    vectors = scattered(rows, 0.5, seed, 8)
    shuffled = np.random.default_rng(seed).permutation(rows)
    assert level_of(vectors) == level_of(vectors.copy())
    assert level_of(vectors[shuffled]) == pytest.approx(level_of(vectors), abs=2e-4)


def test_two_builds_of_one_corpus_have_one_level(tmp_path: Path) -> None:
    levels = {open_index(write_passages(tmp_path / name, PASSAGES)).level for name in ("one", "two")}
    assert len(levels) == 1
