"""The bundled encoder without torch against sentence-transformers, and what damaged model folders come to."""

import functools
import json
import struct
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from doubles import MODEL, tiny_model, write_table
from hypothesis import given, settings
from hypothesis import strategies as st

from retriever.analysis import fold
from retriever.encoders.load import load_encoder
from retriever.encoders.protocol import EncoderOptions
from retriever.encoders.static import StaticEncoder, static_digest
from retriever.encoders.transformer import TransformerEncoder
from retriever.errors import ModelError
from retriever.locations import bundled_corpus

TEXTS = {
    "zh": "为什么批归一化要放在激活函数之前？",
    "en": "Why does batch normalization come before the activation?",
    "mixed": "BN 和 Dropout 能一起用吗? Use both with care.",
    "empty": "",
    "blank": " \n\t ",
    "unknown": "ꙮꙮ ጀጀ ᚠᚢᚦ",
    "emoji": "🙂🚀👩‍💻",
    "traditional": "為什麼神經網絡會過擬合",
    "full width": "ＲｅＬＵ　激活",
    "formula": r"$\hat{x} = \frac{x-\mu}{\sqrt{\sigma^2+\epsilon}}$",
    "one character": "的",
    "long": "梯度消失 and exploding gradients 反复出现。" * 2000,
}


@pytest.fixture(scope="module")
def reference() -> Iterator[Any]:
    """The bundled folder as sentence-transformers loads it."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # importing torch and its companions is not what is tested here
        from sentence_transformers import SentenceTransformer

        yield SentenceTransformer(str(MODEL), device="cpu")


def encode_both(encoder: StaticEncoder, reference: Any, texts: list[str]) -> tuple[Any, Any]:
    folded = [fold(text) for text in texts]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        expected = reference.encode(folded, convert_to_numpy=True, show_progress_bar=False)
    return encoder.encode(folded), expected


@pytest.mark.parametrize("kind", TEXTS)
def test_light_path_equals_sentence_transformers(encoder: StaticEncoder, reference: Any, kind: str) -> None:
    """One text alone gives the vector that sentence-transformers gives."""
    ours, theirs = encode_both(encoder, reference, [TEXTS[kind]])
    np.testing.assert_allclose(ours, theirs, atol=1e-5, rtol=0)


def test_light_path_equals_sentence_transformers_in_a_batch(encoder: StaticEncoder, reference: Any) -> None:
    """Empty and very long neighbours in a batch change no vector."""
    ours, theirs = encode_both(encoder, reference, list(TEXTS.values()))
    np.testing.assert_allclose(ours, theirs, atol=1e-5, rtol=0)


def test_light_path_equals_sentence_transformers_on_corpus_lines(encoder: StaticEncoder, reference: Any) -> None:
    """Every line of the bundled corpus agrees."""
    lines = [
        line
        for path in sorted(bundled_corpus().glob("*.*"))
        for line in path.read_text(encoding="utf-8").splitlines()
        if line.strip()
    ]
    assert len(lines) > 1500
    ours, theirs = encode_both(encoder, reference, lines)
    np.testing.assert_allclose(ours, theirs, atol=1e-5, rtol=0)


def test_batches_above_the_slice_size_keep_their_order(encoder: StaticEncoder) -> None:
    """Texts are encoded in slices; each row still belongs to its text."""
    texts = ["学习率", "dropout"] * 2500
    vectors = encoder.encode(texts)
    alone = encoder.encode(["学习率", "dropout"])
    np.testing.assert_allclose(vectors, np.tile(alone, (2500, 1)), atol=1e-6)


@settings(max_examples=60, deadline=None)
@given(texts=st.lists(st.text(max_size=40), max_size=6))
def test_vectors_are_float32_rows_of_unit_length_or_zero(encoder: StaticEncoder, texts: list[str]) -> None:
    """Any texts give a C-ordered float32 (n, dimension) array of unit rows; a row without a known piece is all zeros."""
    vectors = encoder.encode([fold(text) for text in texts])
    assert vectors.shape == (len(texts), encoder.identity.dimension)
    assert vectors.dtype == np.float32
    norms = np.linalg.norm(vectors, axis=1)
    assert np.all((np.abs(norms - 1) < 1e-5) | (norms == 0))


def test_texts_without_a_known_piece_give_zeros(encoder: StaticEncoder) -> None:
    """Nothing to go by is the zero vector, which is near to nothing."""
    assert not encoder.encode(["", " "]).any()


def test_no_text_gives_no_rows(encoder: StaticEncoder) -> None:
    """An empty list gives an array without rows but with the dimension."""
    assert encoder.encode([]).shape == (0, encoder.identity.dimension)


def test_queries_and_passages_share_one_space(encoder: StaticEncoder) -> None:
    """The bundled model has no prompts: both sides of a text are the same vector."""
    np.testing.assert_array_equal(encoder.encode_queries(["梯度"]), encoder.encode_passages(["梯度"]))


def test_a_text_is_nearer_to_its_translation_than_to_another_subject(encoder: StaticEncoder) -> None:
    """The space is bilingual."""
    zh, same, other = encoder.encode(["梯度消失", "vanishing gradient", "image captioning data set"])
    assert zh @ same > zh @ other + 0.1


def test_identity_is_that_of_the_model_card(encoder: StaticEncoder) -> None:
    """The identity that an index remembers is the name, the dimension and the digest of the recorded file digests."""
    record = json.loads((MODEL / "encoder.json").read_text(encoding="utf-8"))
    assert (encoder.identity.name, encoder.identity.dimension) == (record["name"], record["dimension"])
    assert encoder.identity.digest == static_digest(MODEL)


def test_recorded_digests_are_those_of_the_files() -> None:
    """encoder.json, which identity is read from, says the truth about the files beside it."""
    import hashlib

    record = json.loads((MODEL / "encoder.json").read_text(encoding="utf-8"))
    for key, name in (("weights_sha256", "model.safetensors"), ("tokenizer_sha256", "tokenizer.json")):
        assert record[key] == hashlib.sha256((MODEL / name).read_bytes()).hexdigest()


def test_a_static_model_by_path_is_read_without_its_name_being_known(tmp_path: Path) -> None:
    """A folder of the same make loads by path; its identity is its folder name and the digest of its files."""
    loaded = load_encoder(str(tiny_model(tmp_path / "mine")))
    assert isinstance(loaded, StaticEncoder)
    assert (loaded.identity.name, loaded.identity.dimension) == ("mine", 2)
    np.testing.assert_allclose(loaded.encode_queries(["梯度"]), [[0.6, 0.8]], atol=1e-6)


def test_models_with_other_weights_have_other_identities(tmp_path: Path) -> None:
    """Two folders of one name and shape differ in identity when one weight differs."""
    one, other = tiny_model(tmp_path / "a"), tiny_model(tmp_path / "b")
    raw = bytearray((other / "model.safetensors").read_bytes())
    raw[-1] ^= 1
    (other / "model.safetensors").write_bytes(raw)
    assert StaticEncoder(one, "x").identity != StaticEncoder(other, "x").identity


def test_half_precision_tables_are_read(tmp_path: Path) -> None:
    """A float16 table gives float32 vectors."""
    folder = tiny_model(tmp_path / "half")
    rows = json.loads((MODEL / "encoder.json").read_text(encoding="utf-8"))["vocabulary"]
    table = np.tile(np.asarray([[3.0, 4.0]], dtype="<f2"), (rows, 1))
    header = {"embedding.weight": {"dtype": "F16", "shape": [rows, 2], "data_offsets": [0, table.nbytes]}}
    write_table(folder / "model.safetensors", header, table.tobytes())
    vectors = StaticEncoder(folder, "half").encode(["梯度"])
    assert vectors.dtype == np.float32
    np.testing.assert_allclose(vectors, [[0.6, 0.8]], atol=1e-3)


ENTRY = {"dtype": "F32", "shape": [2, 2], "data_offsets": [0, 16]}
BROKEN_TABLES: dict[str, bytes] = {
    "header is not JSON": struct.pack("<Q", 4) + b"nope" + bytes(16),
    "header of an impossible size": struct.pack("<Q", 1 << 40) + bytes(16),
    "header longer than the file": struct.pack("<Q", 900_000) + b"{}",
    "no such tensor": struct.pack("<Q", 2) + b"{}",
    "data cut short": struct.pack("<Q", len(json.dumps({"embedding.weight": ENTRY})))
    + json.dumps({"embedding.weight": ENTRY}).encode()
    + bytes(15),
    "unknown number format": struct.pack("<Q", len(json.dumps({"embedding.weight": ENTRY | {"dtype": "I8"}})))
    + json.dumps({"embedding.weight": ENTRY | {"dtype": "I8"}}).encode()
    + bytes(16),
}


@pytest.mark.parametrize("damage", BROKEN_TABLES)
def test_damaged_tables_are_model_errors(tmp_path: Path, damage: str) -> None:
    """A table that cannot be read names its folder and what to do, whatever is wrong with it."""
    folder = tiny_model(tmp_path / "broken")
    (folder / "model.safetensors").write_bytes(BROKEN_TABLES[damage])
    with pytest.raises(ModelError, match=r"broken.*reinstall"):
        load_encoder(str(folder))


@pytest.mark.parametrize("raw", [b"", b"abc", struct.pack("<Q", 2) + b"[]"], ids=["empty", "short", "list"])
def test_damaged_tables_do_not_blame_the_tokenizer(tmp_path: Path, raw: bytes) -> None:
    """The message does not send the reader to a file that is whole."""
    folder = tiny_model(tmp_path / "broken")
    (folder / "model.safetensors").write_bytes(raw)
    with pytest.raises(ModelError, match=r"^(?!.*tokenizer)"):
        load_encoder(str(folder))


def test_a_missing_table_is_a_model_error(tmp_path: Path) -> None:
    """A folder without weights is named."""
    folder = tiny_model(tmp_path / "broken")
    (folder / "model.safetensors").unlink()
    with pytest.raises(ModelError, match="broken"):
        load_encoder(str(folder))


@pytest.mark.parametrize("content", ["", "{", "{}", '{"model": 1}'])
def test_a_damaged_tokenizer_is_a_model_error(tmp_path: Path, content: str) -> None:
    """A tokenizer that cannot be read is named."""
    folder = tiny_model(tmp_path / "broken")
    (folder / "tokenizer.json").write_text(content, encoding="utf-8")
    with pytest.raises(ModelError, match=r"tokenizer\.json"):
        load_encoder(str(folder))


def test_a_table_too_small_for_its_tokenizer_is_a_model_error(tmp_path: Path) -> None:
    """Tokenizer and table that do not belong together are found when the model is loaded, not in the middle of a build."""
    folder = tiny_model(tmp_path / "mixed-up", rows=3)
    with pytest.raises(ModelError):
        load_encoder(str(folder)).encode_queries(["梯度 gradient"])


@pytest.mark.parametrize("content", ["[1]", '["StaticEmbedding"]', "null", "3"])
def test_modules_of_another_shape_are_a_model_error(tmp_path: Path, content: str) -> None:
    """A folder whose modules.json is JSON but no list of modules is no model."""
    folder = tiny_model(tmp_path / "odd")
    (folder / "modules.json").write_text(content, encoding="utf-8")
    with pytest.raises(ModelError):
        load_encoder(str(folder))


def test_a_missing_bundled_model_says_to_reinstall(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An installation without its model says so."""
    monkeypatch.setattr("retriever.encoders.load.MODELS", tmp_path)
    with pytest.raises(ModelError, match="reinstall"):
        load_encoder()


def test_other_models_are_encoded_by_sentence_transformers_with_their_prompts(reference: Any) -> None:
    """A model of one's own goes through sentence-transformers; its prompts stand before the texts of their side."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model = TransformerEncoder(str(MODEL), EncoderOptions(query_prompt="ask ", passage_prompt=""))
        query, plain = model.encode_queries(["梯度"]), model.encode_passages(["ask 梯度"])
    assert (model.identity.dimension, query.dtype) == (384, np.float32)
    np.testing.assert_allclose(query, plain, atol=1e-6)
    assert not np.allclose(query, model.encode_passages(["梯度"]), atol=1e-3)


def test_other_models_load_without_warnings_of_our_making(reference: Any) -> None:
    """Who uses a model of their own is told nothing about our calls."""
    with warnings.catch_warnings(record=True) as seen:
        warnings.simplefilter("always")
        TransformerEncoder(str(MODEL))
    assert [str(warning.message) for warning in seen if "retriever/encoders" in warning.filename] == []


def test_the_identity_of_another_model_does_not_hang_on_rounding(
    reference: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One model is one model with one thread and with two, whose sums differ in the last bit."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        one = TransformerEncoder(str(MODEL)).identity
        encode = TransformerEncoder._encode
        monkeypatch.setattr(TransformerEncoder, "_encode", lambda *rest: np.nextafter(encode(*rest), np.float32(2)))
        other = TransformerEncoder(str(MODEL)).identity
    assert one == other


def test_a_model_that_is_not_on_this_machine_is_a_model_error(reference: Any, tmp_path: Path) -> None:
    """A name that nothing here answers to is an error that names it, and nothing is fetched."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with pytest.raises(ModelError, match="no such model on this machine"):
            load_encoder(str(tmp_path / "nothing-here"))


@given(
    text=st.text(alphabet=st.one_of(st.characters(), st.sampled_from("aÉß学习ＡΣσ·“”—…　、。《\u0301İ")), max_size=60)
)
@settings(max_examples=300, deadline=None)
def test_normalising_apart_gives_the_pieces_of_the_whole_tokenizer(encoder: StaticEncoder, text: str) -> None:
    """The short cut for plain text and the detour for other text change no piece."""
    from tokenizers import Tokenizer

    whole = _whole_tokenizer()
    assert isinstance(whole, Tokenizer)
    try:
        text.encode()
    except UnicodeEncodeError:
        return
    assert encoder.piece_ids([text])[0] == whole.encode(text, add_special_tokens=False).ids


@functools.cache
def _whole_tokenizer() -> Any:
    from tokenizers import Tokenizer

    return Tokenizer.from_file(str(MODEL / "tokenizer.json"))
