"""The light path: static sentence-transformers models read with tokenizers and numpy alone, no torch."""

import hashlib
import json
import re
import struct
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from retriever.encoders.protocol import EncoderIdentity
from retriever.errors import ModelError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


_OURS = "Sequence(normalizers=[NFKD(), StripAccents(), Lowercase()])"  # the normaliser of the bundled model
# ASCII, ideographs and common punctuation: what neither NFKD nor stripping accents changes.
_PLAIN = re.compile("[\x00-\x7f\u2014\u2018-\u201d\u3001\u3002\u3008-\u3011\u4e00-\u9fff]*")


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
        # normalising first and apart is the same and quicker: plain text, nearly all there is, needs lower case only
        self._normalizer = self._tokenizer.normalizer
        self._lower_case_will_do = repr(self._normalizer) == _OURS
        self._tokenizer.normalizer = None
        self.identity = EncoderIdentity(name, int(self._table.shape[1]), static_digest(folder))

    def encode(self, texts: list[str]) -> "NDArray[np.float32]":
        """Mean of the piece vectors of each text, scaled to unit length; float32 (len(texts), dimension)."""
        import numpy as np

        slices = [self.pool(self.piece_ids(texts[start : start + 4096])) for start in range(0, len(texts), 4096)]
        return np.concatenate(slices) if slices else self.pool([])

    def pool(self, texts: "Sequence[Sequence[int] | NDArray[np.int32]]") -> "NDArray[np.float32]":
        """The vectors of texts given as their pieces."""
        import numpy as np

        out = np.zeros((len(texts), self._table.shape[1]), dtype=np.float32)
        for row, ids in enumerate(texts):
            if len(ids):  # one text at a time stays in the processor's cache; the sum points where the mean does
                np.add.reduce(np.take(self._table, ids, axis=0), axis=0, out=out[row], dtype=np.float32)
        norms = np.linalg.norm(out, axis=1, keepdims=True)
        unit: NDArray[np.float32] = out / np.maximum(norms, 1e-12)
        return unit

    def piece_ids(self, texts: list[str]) -> list[list[int]]:
        """The pieces of each text, as rows of the table."""
        encodings = self._tokenizer.encode_batch_fast([self._normal(text) for text in texts], add_special_tokens=False)
        return [encoding.ids for encoding in encodings]

    def piece_texts(self, ids: "Sequence[int]") -> list[str]:
        """What the pieces read."""
        return [str(self._tokenizer.id_to_token(int(piece))) for piece in ids]

    def _normal(self, text: str) -> str:
        if self._normalizer is None:
            return text
        if self._lower_case_will_do and _PLAIN.fullmatch(text):
            return text.lower()
        normal: str = self._normalizer.normalize_str(text)
        return normal

    def piece_vectors(self, ids: "NDArray[np.int64]") -> "NDArray[np.float32]":
        """Rows of the table, not scaled: a piece weighs as much as its vector is long; float32 (len(ids), dimension)."""
        import numpy as np

        return np.take(self._table, ids, axis=0).astype(np.float32, copy=False)

    def encode_queries(self, texts: list[str]) -> "NDArray[np.float32]":
        return self.encode(texts)

    def encode_passages(self, texts: list[str]) -> "NDArray[np.float32]":
        return self.encode(texts)


def is_static(folder: Path) -> bool:
    """True for a folder of a static model that this module can read. Raises ModelError when its modules.json is no list of modules."""
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
    mapped = np.memmap(path, dtype=dtypes[entry["dtype"]], mode="r", offset=8 + size + start, shape=shape)
    return np.asarray(mapped)  # still mapped; a plain array is indexed faster
