"""Encoders: texts to unit vectors. The bundled static model without torch; any sentence-transformers model on request."""

import hashlib
import json
import struct
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from retriever.errors import ModelError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

BUNDLED = "static-zh-en"
_MODELS = Path(__file__).parent / "models"

# Prompts of well-known families, by a part of the model's name: (before queries, before passages). From their model cards.
_PROMPTS: tuple[tuple[str, str, str], ...] = (
    ("e5-", "query: ", "passage: "),
    ("bge-m3", "", ""),
    ("-zh", "为这个句子生成表示以用于检索相关文章：", ""),
    ("bge-", "Represent this sentence for searching relevant passages: ", ""),
)


@dataclass(frozen=True, slots=True)
class EncoderIdentity:
    """What an index remembers of its encoder; two encoders of equal identity give equal vectors."""

    name: str
    dimension: int
    digest: str
    query_prompt: str = ""
    passage_prompt: str = ""

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)


class Encoder(Protocol):
    """Turns texts into float32 vectors of unit length, shape (len(texts), dimension); a text without any known piece gives zeros."""

    identity: EncoderIdentity

    def encode_queries(self, texts: list[str]) -> "NDArray[np.float32]": ...

    def encode_passages(self, texts: list[str]) -> "NDArray[np.float32]": ...


class StaticEncoder:
    """A sentence-transformers `StaticEmbedding` + `Normalize` model, read without torch.

    The table stays on disk (memory-mapped): a query touches only the rows of its own pieces.
    Raises ModelError when the folder is not such a model.
    """

    def __init__(self, folder: Path, name: str) -> None:
        from tokenizers import Tokenizer

        try:
            self._table = _open_table(folder / "model.safetensors")
        except (OSError, ValueError, KeyError, TypeError, AttributeError, struct.error) as error:
            raise ModelError(
                f"{folder}: not a readable static model ({error}); reinstall the package or name another one with --model"
            ) from error
        try:
            self._tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
        except Exception as error:  # tokenizers raises bare Exception for malformed files
            raise ModelError(
                f"{folder}/tokenizer.json: not a readable tokenizer ({error}); reinstall the package or name another model with --model"
            ) from error
        if self._tokenizer.get_vocab_size() > self._table.shape[0]:
            raise ModelError(
                f"{folder}: the table has {self._table.shape[0]} rows for {self._tokenizer.get_vocab_size()} pieces; "
                "reinstall the package or name another model with --model"
            )
        self._tokenizer.no_truncation()
        self._tokenizer.no_padding()
        self.identity = EncoderIdentity(name, int(self._table.shape[1]), static_digest(folder))

    def encode(self, texts: list[str]) -> "NDArray[np.float32]":
        """Mean of the piece vectors of each text, scaled to unit length; float32 (len(texts), dimension)."""
        import numpy as np

        out = np.zeros((len(texts), self._table.shape[1]), dtype=np.float32)
        for start in range(0, len(texts), 4096):
            ids = self.piece_ids(texts[start : start + 4096])
            flat = np.fromiter((piece for row in ids for piece in row), dtype=np.int64)
            if not len(flat):
                continue
            lengths = np.fromiter((len(row) for row in ids), dtype=np.int64, count=len(ids))
            filled = np.flatnonzero(lengths)
            bounds = np.concatenate(([0], np.cumsum(lengths[filled])[:-1]))
            sums = np.add.reduceat(self._table[flat], bounds, axis=0, dtype=np.float32)
            out[start + filled] = sums / lengths[filled, None]
        norms = np.linalg.norm(out, axis=1, keepdims=True)
        unit: NDArray[np.float32] = out / np.maximum(norms, 1e-12)
        return unit

    def piece_ids(self, texts: list[str]) -> list[list[int]]:
        """The pieces of each text, as rows of the table."""
        encodings = self._tokenizer.encode_batch(texts, add_special_tokens=False)
        return [encoding.ids for encoding in encodings]

    def piece_vectors(self, ids: "NDArray[np.int64]") -> "NDArray[np.float32]":
        """Rows of the table, not scaled: a piece weighs as much as its vector is long; float32 (len(ids), dimension)."""
        import numpy as np

        return np.asarray(self._table[ids], dtype=np.float32)

    def encode_queries(self, texts: list[str]) -> "NDArray[np.float32]":
        return self.encode(texts)

    def encode_passages(self, texts: list[str]) -> "NDArray[np.float32]":
        return self.encode(texts)


class TransformerEncoder:
    """Any sentence-transformers model, by name or path; torch is imported here and nowhere else.

    Only files already on this machine are used. Raises ModelError when the model is not there or cannot be loaded.
    """

    def __init__(self, name: str, query_prompt: str | None = None, passage_prompt: str | None = None) -> None:
        try:
            from sentence_transformers import SentenceTransformer
        except ImportError as error:
            raise ModelError(
                "sentence-transformers is not installed; pip install sentence-transformers to use --model"
            ) from error
        try:
            self._model = SentenceTransformer(name, local_files_only=True)
        except (OSError, ValueError, RuntimeError) as error:
            raise ModelError(
                f"{name}: no such model on this machine ({str(error).splitlines()[0]}); give the path of a downloaded one"
            ) from error
        known = next(((q, p) for part, q, p in _PROMPTS if part in Path(name).name.lower()), ("", ""))
        query = known[0] if query_prompt is None else query_prompt
        passage = known[1] if passage_prompt is None else passage_prompt
        # the weights, not what they give: vectors differ in their last digits with threads and processors
        digest = hashlib.sha256()
        for key, tensor in sorted(self._model.state_dict().items()):
            digest.update(key.encode() + tensor.detach().cpu().float().numpy().tobytes())
        dimension = self._encode([""], "").shape[1]
        self.identity = EncoderIdentity(Path(name).name, int(dimension), digest.hexdigest()[:16], query, passage)

    def _encode(self, texts: list[str], prompt: str) -> "NDArray[np.float32]":
        import numpy as np

        vectors = self._model.encode(
            [prompt + text for text in texts], normalize_embeddings=True, show_progress_bar=False, convert_to_numpy=True
        )
        return np.ascontiguousarray(vectors, dtype=np.float32)

    def encode_queries(self, texts: list[str]) -> "NDArray[np.float32]":
        return self._encode(texts, self.identity.query_prompt)

    def encode_passages(self, texts: list[str]) -> "NDArray[np.float32]":
        return self._encode(texts, self.identity.passage_prompt)


def load_encoder(name: str = BUNDLED) -> Encoder:
    """The encoder called `name`: the bundled one, the path of a static model (read without torch), or any other model."""
    folder = _MODELS / name if name == BUNDLED else Path(name)
    if _is_static(folder):
        return StaticEncoder(folder, name if name == BUNDLED else folder.name)
    if name == BUNDLED:
        raise ModelError(f"{folder}: the bundled model is missing; reinstall the package")
    return TransformerEncoder(name)


def _is_static(folder: Path) -> bool:
    try:
        modules = json.loads((folder / "modules.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return False
    if not isinstance(modules, list) or not all(isinstance(module, dict) for module in modules):
        raise ModelError(
            f"{folder}/modules.json: not a list of modules; give the folder of a sentence-transformers model"
        )
    kinds = [str(module.get("type", "")).rsplit(".", 1)[-1] for module in modules]
    return kinds == ["StaticEmbedding", "Normalize"] and (folder / "tokenizer.json").is_file()


def static_digest(folder: Path) -> str:
    """Identity of a static model: the digests its encoder.json records, else those of its files."""
    try:
        record = json.loads((folder / "encoder.json").read_text(encoding="utf-8"))
        parts = [str(record["weights_sha256"]), str(record["tokenizer_sha256"])]
    except (OSError, ValueError, KeyError):
        parts = [
            hashlib.sha256((folder / file).read_bytes()).hexdigest() for file in ("model.safetensors", "tokenizer.json")
        ]
    return hashlib.sha256("".join(parts).encode()).hexdigest()[:16]


def _open_table(path: Path) -> "NDArray[np.float32]":
    """The only tensor of a safetensors file, memory-mapped. The format: a little-endian u64 header size, a JSON header, raw data."""
    import numpy as np

    with path.open("rb") as file:
        size = struct.unpack("<Q", file.read(8))[0]
        if size > 1_000_000:
            raise ValueError("header of an impossible size")
        header = json.loads(file.read(size))
    entry = header.get("embedding.weight") or header["embedding"]
    dtypes = {"F32": "<f4", "F16": "<f2"}
    if entry["dtype"] not in dtypes:
        raise ValueError(f"dtype {entry['dtype']} is not supported")
    start, end = entry["data_offsets"]
    shape = tuple(entry["shape"])
    if (
        path.stat().st_size != 8 + size + end
        or np.dtype(dtypes[entry["dtype"]]).itemsize * shape[0] * shape[1] != end - start
    ):
        raise ValueError("file is cut short or its header is wrong")
    return np.memmap(path, dtype=dtypes[entry["dtype"]], mode="r", offset=8 + size + start, shape=shape)
