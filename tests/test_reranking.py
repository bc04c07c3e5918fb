"""Rerankers: a tiny cross-encoder of random weights against sentence-transformers, and what models that cannot rank come to."""

import json
import os
import shutil
import socket
import subprocess
import sys
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from conftest import CHECKOUT
from numpy.typing import NDArray

from retriever.errors import InputError, ModelError
from retriever.reranking import CrossEncoderReranker, load_reranker

QUESTION = "why does batch normalization come before the activation ?"
WORDS = [*QUESTION.split(), "dropout", "gradient", "为什么", "梯度", "消失"]
TEXTS = [
    "the activation",
    "",
    "梯度 消失 dropout",
    "before the gradient " * 40,
    "ꙮꙮ unheard of",
    "batch normalization",
    "为什么 梯度 ?",
]
HEAVY = {"torch", "sentence_transformers", "transformers", "numpy", "huggingface_hub", "tokenizers"}


def random_model(folder: Path, labels: int = 1, head: bool = True, pieces: int | None = None) -> Path:
    """A BERT of one layer with a tokenizer of whole words; `pieces` is how many rows its table has, all words by default."""
    import torch
    from tokenizers import Tokenizer
    from tokenizers.models import WordLevel
    from tokenizers.pre_tokenizers import Whitespace
    from tokenizers.processors import TemplateProcessing
    from transformers import BertConfig, BertForSequenceClassification, BertModel, PreTrainedTokenizerFast

    rows = {word: row for row, word in enumerate(["[PAD]", "[UNK]", "[CLS]", "[SEP]", *WORDS])}
    tokenizer = Tokenizer(WordLevel(rows, unk_token="[UNK]"))
    tokenizer.pre_tokenizer = Whitespace()
    tokenizer.post_processor = TemplateProcessing(
        single="[CLS] $A [SEP]", pair="[CLS] $A [SEP] $B:1 [SEP]:1", special_tokens=[("[CLS]", 2), ("[SEP]", 3)]
    )
    fast: Any = PreTrainedTokenizerFast
    special = {"pad_token": "[PAD]", "unk_token": "[UNK]", "cls_token": "[CLS]", "sep_token": "[SEP]"}
    fast(tokenizer_object=tokenizer, **special).save_pretrained(folder)
    config = BertConfig(
        vocab_size=len(rows) if pieces is None else pieces,
        hidden_size=16,
        num_hidden_layers=1,
        num_attention_heads=2,
        intermediate_size=32,
        max_position_embeddings=32,
        initializer_range=1.0,
    )
    config.num_labels = labels
    torch.manual_seed(5)
    (BertForSequenceClassification if head else BertModel)(config).save_pretrained(folder)
    return folder


def stored_again(folder: Path, change: Callable[[Any], Any]) -> Path:
    """The folder, with each of its tensors replaced by what `change` makes of it."""
    from safetensors.torch import load_file, save_file

    path = folder / "model.safetensors"
    save_file({name: change(tensor) for name, tensor in load_file(path).items()}, path, metadata={"format": "pt"})
    return folder


def reference(folder: Path, pairs: list[tuple[str, str]]) -> NDArray[np.float32]:
    """Scores as sentence-transformers gives them, one pair at a time."""
    from sentence_transformers import CrossEncoder

    model = CrossEncoder(str(folder), device="cpu", local_files_only=True)
    return np.asarray([model.predict([pair], show_progress_bar=False)[0] for pair in pairs])


@pytest.fixture(autouse=True)
def quiet(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Importing torch and its companions warns of things that are not tested here; what is set for the hub is taken back."""
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


@pytest.fixture(scope="module")
def original(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A cross-encoder with one label. Not to be written to."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return random_model(tmp_path_factory.mktemp("rerankers") / "tiny-reranker")


@pytest.fixture
def folder(original: Path, tmp_path: Path) -> Path:
    """A copy of it of one's own."""
    return Path(shutil.copytree(original, tmp_path / "mine"))


@pytest.fixture(scope="module")
def reranker(original: Path) -> CrossEncoderReranker:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return CrossEncoderReranker(str(original))


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Whatever looks up a host or opens a connection from now on; each fails as without a network."""
    seen: list[str] = []

    def refuse(*arguments: Any, **_: Any) -> None:
        seen.append(repr(arguments))
        raise OSError("no network in this test")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    return seen


def test_scores_are_those_of_the_cross_encoder(original: Path, reranker: CrossEncoderReranker) -> None:
    """One float32 a text, in their order, equal to what the library predicts for the pair of question and text."""
    scores = reranker.scores(QUESTION, TEXTS)
    assert scores.shape == (len(TEXTS),)
    assert scores.dtype == np.float32
    np.testing.assert_allclose(scores, reference(original, [(QUESTION, text) for text in TEXTS]), atol=1e-6, rtol=0)
    assert abs(scores - scores[::-1]).max() > 1e-2, "texts of equal score would hide a change of order"


def test_question_and_text_have_their_sides(reranker: CrossEncoderReranker) -> None:
    """A question scored against a text is not the text scored against the question."""
    there, back = reranker.scores(QUESTION, ["dropout"]), reranker.scores("dropout", [QUESTION])
    assert abs(there - back).max() > 1e-3


def test_the_same_pairs_have_the_same_scores(original: Path, reranker: CrossEncoderReranker) -> None:
    """Nothing is drawn at random, neither in a call nor in loading."""
    first = reranker.scores(QUESTION, TEXTS)
    again = CrossEncoderReranker(str(original))
    np.testing.assert_allclose(reranker.scores(QUESTION, TEXTS), first, atol=1e-6, rtol=0)
    np.testing.assert_allclose(again.scores(QUESTION, TEXTS), first, atol=1e-6, rtol=0)


@pytest.mark.parametrize("size", [1, 2, 3, 100])
def test_batches_change_no_score(original: Path, reranker: CrossEncoderReranker, size: int) -> None:
    """Neither the neighbours in a batch nor the order of the texts matter, and no batch is larger than was asked for."""
    other = CrossEncoderReranker(str(original), batch_size=size)
    runs: list[int] = []
    other._model.register_forward_pre_hook(lambda *_: runs.append(1))
    np.testing.assert_allclose(
        other.scores(QUESTION, TEXTS[::-1])[::-1], reranker.scores(QUESTION, TEXTS), atol=1e-6, rtol=0
    )
    assert len(runs) == -(-len(TEXTS) // size)


@pytest.mark.parametrize("size", [0, -1])
def test_a_batch_of_nothing_is_refused(original: Path, size: int) -> None:
    with pytest.raises(InputError, match=f"batch size {size}"):
        CrossEncoderReranker(str(original), batch_size=size)


def test_no_text_gives_no_score(reranker: CrossEncoderReranker) -> None:
    scores = reranker.scores(QUESTION, [])
    assert scores.shape == (0,)
    assert scores.dtype == np.float32


def test_weights_of_half_precision_are_computed_in_full(folder: Path) -> None:
    """A model stored in float16 scores as the same numbers stored in float32 do, far nearer than float16 can tell."""
    full = CrossEncoderReranker(str(stored_again(folder, lambda tensor: tensor.half().float())))
    expected = full.scores(QUESTION, TEXTS)
    settings = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    (folder / "config.json").write_text(json.dumps(settings | {"dtype": "float16"}), encoding="utf-8")
    half = CrossEncoderReranker(str(stored_again(folder, lambda tensor: tensor.half())))
    np.testing.assert_allclose(half.scores(QUESTION, TEXTS), expected, atol=1e-6, rtol=0)


def test_a_folder_is_named_by_its_last_part(
    original: Path, reranker: CrossEncoderReranker, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Given by a whole path or from the folder above it, it is one reranker."""
    monkeypatch.chdir(original.parent)
    near = load_reranker(original.name)
    assert near.name == reranker.name == "tiny-reranker"
    np.testing.assert_allclose(near.scores(QUESTION, TEXTS), reranker.scores(QUESTION, TEXTS), atol=1e-6, rtol=0)


@pytest.mark.parametrize(
    ("name", "repository"),
    [("tiny", "cross-encoder/tiny"), ("cross-encoder/tiny", "cross-encoder/tiny"), ("someone/tiny", "someone/tiny")],
)
def test_a_bare_name_is_one_of_the_hubs_cross_encoders(
    original: Path, monkeypatch: pytest.MonkeyPatch, name: str, repository: str
) -> None:
    """What has been fetched before is found by its name on the hub, for which "cross-encoder/" may be left out."""
    monkeypatch.setattr("retriever.reranking.files_of", {repository: original}.get)
    assert load_reranker(name).name == "tiny"


def test_loading_and_scoring_open_no_connection(original: Path, calls: list[str]) -> None:
    assert load_reranker(str(original)).scores(QUESTION, TEXTS).shape == (len(TEXTS),)
    assert calls == []


def test_loading_and_scoring_print_nothing(original: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """No progress bars and no advice of the library among the answers, whatever was set before."""
    from transformers.utils.logging import enable_progress_bar

    enable_progress_bar()  # type: ignore[no-untyped-call]
    load_reranker(str(original)).scores(QUESTION, TEXTS)
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("name", ["no-such-reranker-here", "no/such-reranker", "no/such/reranker", "a b", "", "模型"])
def test_a_model_that_is_absent_is_one_error_without_asking_anyone(name: str, calls: list[str]) -> None:
    """Whatever is typed: one line that names it and the ways out, and no connection is opened."""
    with pytest.raises(ModelError, match=r"no such reranker on this machine; give the folder .* --download$") as caught:
        load_reranker(name)
    assert str(caught.value).startswith(f"{name}: ")
    assert calls == []


def test_the_ban_on_connections_bites(calls: list[str]) -> None:
    """What the tests above count is what a connection goes through."""
    with pytest.raises(OSError, match="no network in this test"):
        socket.create_connection(("hub.invalid", 443))
    with pytest.raises(OSError, match="no network in this test"), socket.socket() as plain:
        plain.connect(("127.0.0.1", 9))
    assert len(calls) == 2


@pytest.mark.parametrize("download", [False, True])
def test_only_a_download_that_is_allowed_may_ask_the_hub(
    original: Path, monkeypatch: pytest.MonkeyPatch, download: bool
) -> None:
    """The library is told to stay off the network unless told otherwise, and never to run code or to read a pickle."""
    asked: list[tuple[str, dict[str, Any]]] = []

    def refuse(name: str, **options: Any) -> None:
        asked.append((name, options))
        raise OSError("\nthe hub cannot be reached\nsecond line")

    monkeypatch.setattr("sentence_transformers.CrossEncoder", refuse)
    name = "no-such-reranker-here" if download else str(original)
    with pytest.raises(ModelError, match=r"loaded \(the hub cannot be reached\); .* safetensors weights$"):
        load_reranker(name, download)
    [(source, options)] = asked
    assert source == ("cross-encoder/no-such-reranker-here" if download else str(original))
    assert (options["local_files_only"], options["trust_remote_code"], options["device"]) == (
        not download,
        False,
        "cpu",
    )
    assert options["model_kwargs"]["use_safetensors"] is True


@pytest.mark.parametrize("labels", [2, 3])
def test_a_classifier_of_several_labels_cannot_rank(tmp_path: Path, labels: int) -> None:
    with pytest.raises(ModelError, match=rf"several: a classifier with {labels} labels cannot rank; use"):
        load_reranker(str(random_model(tmp_path / "several", labels=labels)))


def test_an_encoder_is_no_reranker(tmp_path: Path) -> None:
    """The library puts a head of random numbers on an encoder; its scores would differ from one load to the next."""
    with pytest.raises(ModelError, match="encoder: a model without a trained head cannot rank"):
        load_reranker(str(random_model(tmp_path / "encoder", head=False)))


def emptied(folder: Path) -> None:
    for path in folder.iterdir():
        path.unlink()


def cut_short(folder: Path) -> None:
    path = folder / "model.safetensors"
    path.write_bytes(path.read_bytes()[:-100])


def pickled(folder: Path) -> None:
    import torch
    from safetensors.torch import load_file

    torch.save(load_file(folder / "model.safetensors"), folder / "pytorch_model.bin")
    (folder / "model.safetensors").unlink()


def of_another_kind(folder: Path) -> None:
    config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    (folder / "config.json").write_text(json.dumps(config | {"model_type": "none-such"}), encoding="utf-8")


DAMAGES: dict[str, Callable[[Path], object]] = {
    "nothing in it": emptied,
    "no settings": lambda folder: (folder / "config.json").unlink(),
    "settings that are no JSON": lambda folder: (folder / "config.json").write_text("{"),
    "settings of another kind": of_another_kind,
    "no weights": lambda folder: (folder / "model.safetensors").unlink(),
    "weights that are none": lambda folder: (folder / "model.safetensors").write_bytes(b"abc"),
    "weights cut short": cut_short,
    "pickled weights only": pickled,
    "no tokenizer": lambda folder: (folder / "tokenizer.json").unlink(),
    "tokenizer that is none": lambda folder: (folder / "tokenizer.json").write_text('{"model": 1}'),
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_folder_is_one_error(folder: Path, damage: str) -> None:
    """Whatever is wrong with it: one line that names the folder, the library's reason and what a folder must hold."""
    DAMAGES[damage](folder)
    with pytest.raises(ModelError, match=r"mine: not a reranker that can be loaded \(.+\); .*safetensors") as caught:
        load_reranker(str(folder))
    assert "\n" not in str(caught.value)


def test_a_table_too_small_for_its_tokenizer_is_a_model_error(tmp_path: Path) -> None:
    """Files that do not belong together fail on the first text with a word that the table lacks, by an error of ours."""
    mixed = load_reranker(str(random_model(tmp_path / "mixed-up", pieces=6)))
    with pytest.raises(ModelError, match=r"^mixed-up: cannot score these texts \(.+\); fetch the model again"):
        mixed.scores(QUESTION, TEXTS)


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_scores_that_are_no_numbers_are_a_model_error(folder: Path, value: float) -> None:
    """Weights that have overflowed do not end up as a ranking."""
    broken = load_reranker(str(stored_again(folder, lambda tensor: tensor * value)))
    with pytest.raises(ModelError, match=r"^mine: gives scores that are no numbers; fetch"):
        broken.scores(QUESTION, TEXTS)


def test_without_the_library_the_error_says_what_to_install(original: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "sentence_transformers", None)
    with pytest.raises(ModelError, match="pip install sentence-transformers"):
        load_reranker(str(original))


def test_importing_the_module_imports_nothing_heavy() -> None:
    """Who does not rerank pays nothing for it; torch and numpy come with the first model."""
    done = subprocess.run(
        [sys.executable, "-c", "import json, sys, retriever.reranking\nprint(json.dumps(sorted(sys.modules)))"],
        env=os.environ | {"PYTHONPATH": str(CHECKOUT)},
        capture_output=True,
        encoding="utf-8",
        timeout=60,
        check=True,
    )
    modules = set(json.loads(done.stdout))
    assert {"retriever.reranking", "retriever.encoders.catalogue"} <= modules
    assert modules & HEAVY == set()
