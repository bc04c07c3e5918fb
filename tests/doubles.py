"""What tests use in place of the real thing: an encoder whose vectors can be read, and passages made by hand."""

import json
import re
import shutil
import struct
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from retriever.analysis import build_analyzer, fold
from retriever.answer import Answer, Choice
from retriever.documents import Passage
from retriever.encoders.catalogue import BUNDLED
from retriever.encoders.protocol import Encoder, EncoderIdentity
from retriever.indexing import Parts, write_index
from retriever.querying import Query
from retriever.search import Hit
from retriever.sentences import SentenceIndex

MODEL = Path(__file__).parent.parent / "retriever" / "models" / BUNDLED

# One dimension a line; Chinese and English names of a thing share it, so that nearness across languages can be predicted.
KEYWORDS: tuple[tuple[str, ...], ...] = (
    ("batch normalization", "批归一化"),
    ("dropout", "随机失活"),
    ("learning rate", "学习率"),
    ("gradient", "梯度"),
    ("overfitting", "过拟合"),
    ("attention", "注意力"),
    ("activation", "激活"),
    ("pooling", "池化"),
)

OUR_COLOURS = re.compile(r"\x1b\[[0-9;]*m")
# What a terminal acts on: C0 without line feed, DEL, C1 (among them the one-byte CSI), and changes of direction.
ACTS = re.compile(r"[\x00-\x09\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")


class KeywordEncoder:
    """One dimension for each line of KEYWORDS, 1 where one of its words occurs, scaled to unit length; zeros without any."""

    def __init__(self, digest: str = "one-hot") -> None:
        self.identity = EncoderIdentity("keywords", len(KEYWORDS), digest)

    def encode(self, texts: Sequence[str]) -> NDArray[np.float32]:
        rows = [[float(any(word in fold(text) for word in line)) for line in KEYWORDS] for text in texts]
        found = np.asarray(rows, dtype=np.float32).reshape(len(texts), len(KEYWORDS))
        norms = np.linalg.norm(found, axis=1, keepdims=True)
        unit: NDArray[np.float32] = found / np.maximum(norms, 1e-12).astype(np.float32)
        return unit

    def encode_queries(self, texts: list[str]) -> NDArray[np.float32]:
        return self.encode(texts)

    def encode_passages(self, texts: list[str]) -> NDArray[np.float32]:
        return self.encode(texts)


def make_passage(
    id: str,
    question: str,
    answer: str,
    *,
    source: str = "page.md",
    parent: str | None = None,
    heading_path: tuple[str, ...] = (),
    line: int = 1,
) -> Passage:
    """A passage whose question stands on `line` and its answer below it."""
    last = line + 1 + answer.count("\n")
    return Passage(
        id, source, "A page", question, answer, (line, line), (line + 1, last), 0, len(answer), ((0, len(answer)),), (),
        heading_path, "en", parent,
    )  # fmt: skip


def make_answer(*passages: Passage, abstained: bool = False, highlights: tuple[tuple[int, int], ...] = ()) -> Answer:
    """An answer that chose these passages, in that order."""
    query = Query(
        text="What is asked?",
        language="en",
        folded="what is asked?",
        slots=("asked",),
        vector=np.zeros(2, dtype=np.float32),
    )
    choices = tuple(
        Choice(
            Hit(
                passage=passage,
                row=row,
                score=1.23456789 - row / 10,
                question_cosine=0.9,
                answer_cosine=0.8,
                lexical=0.7,
                alignment=0.6,
            ),
            0.87654321 - row / 10,
            highlights,
            (),
        )
        for row, passage in enumerate(passages)
    )
    return Answer(query, abstained, "no passage is close enough" if abstained else "", 0.87654321, choices)


def write_passages(
    directory: Path, passages: list[Passage], encoder: Encoder | None = None, settings: dict[str, Any] | None = None
) -> Path:
    """Write an index of `passages`, in that row order, and return its directory."""
    encoder = encoder or KeywordEncoder()
    analyzer = build_analyzer(text for p in passages for text in (p.question, p.answer))
    blank: dict[str, Any] = {"sha256": "0" * 64, "title": "A page", "passages": 1, "dropped": 0, "open_questions": []}
    sources = [blank | {"name": name, "path": f"/corpus/{name}"} for name in sorted({p.source for p in passages})]
    parts = Parts(
        passages=passages,
        question_terms=[analyzer.terms(p.question) for p in passages],
        answer_terms=[analyzer.terms(p.answer) for p in passages],
        question_vectors=encoder.encode_passages([fold(p.question) for p in passages]),
        answer_vectors=encoder.encode_passages([fold(p.answer) for p in passages]),
        sentences=SentenceIndex.build(encoder, None, [p.answer for p in passages]),
        alignment=None,
        analyzer=analyzer,
        encoder=encoder.identity,
        sources=sources,
        settings=settings or {"roots": ["/corpus"]},
    )
    write_index(directory, parts)
    return directory


def write_table(path: Path, header: Any, data: bytes) -> None:
    raw = header if isinstance(header, bytes) else json.dumps(header).encode()
    path.write_bytes(struct.pack("<Q", len(raw)) + raw + data)


def tiny_model(folder: Path, rows: int | None = None) -> Path:
    """A model folder with the bundled tokenizer and a table of two dimensions."""
    folder.mkdir()
    shutil.copy(MODEL / "tokenizer.json", folder)
    shutil.copy(MODEL / "modules.json", folder)
    rows = json.loads((MODEL / "encoder.json").read_text(encoding="utf-8"))["vocabulary"] if rows is None else rows
    table = np.tile(np.asarray([[3.0, 4.0]], dtype="<f4"), (rows, 1))
    header = {"embedding.weight": {"dtype": "F32", "shape": [rows, 2], "data_offsets": [0, table.nbytes]}}
    write_table(folder / "model.safetensors", header, table.tobytes())
    return folder
