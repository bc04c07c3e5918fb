"""Training pairs: read the sources, skip what the evaluation sets hold, sample by source, encode to flat token arrays.

Sources are zstd JSONL files: ``parallel/NAME.jsonl.zst`` rows hold ``zh`` and ``en``; ``qa/NAME.jsonl.zst`` rows hold ``q``, ``a``, ``lang``.
"""

from __future__ import annotations

import hashlib
import io
import json
import re
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import zstandard
from tokenizers import Tokenizer

from retriever.glossary import FILE as GLOSSARY
from training.leakage import fingerprint, sentences

Ids = npt.NDArray[np.int32]

DEEP_LEARNING = re.compile(
    "d2l|hf-|huggingface|tf-l10n|tensorflow|mindspore|paddle|cheatsheets|di-engine|DI-engine|mmlab|mmpretrain|xtuner|lmdeploy|swift|nni"
    "|lightning|sentence-transformers|prompt|Prompt|llm-course|rl-class|scikit|tvm|jupyterlab"
)
"""Sources about machine learning: the domain of the interview pages, sampled more often and counted whole for the vocabulary."""

GENERAL = re.compile("x_tatoeba|x_cedict|nqg|DRCD|cmrc2018")
"""Sources of everyday language, of which there is little."""

HELD_EVERY = 50
"""Every 50th pair of a machine-learning source is kept from training, for choosing settings."""

IN_ORDER = re.compile(r"^parallel/(al_|po_|x_cheatsheets|x_angular|x_dart)")
"""Parallel sources whose rows follow the document, so that neighbours belong together."""


def log(message: str) -> None:
    """Progress goes to stderr, results to stdout."""
    print(message, file=sys.stderr, flush=True)


def read_rows(path: Path) -> Iterator[dict[str, str]]:
    """The rows of one ``.jsonl.zst`` file."""
    with path.open("rb") as raw, zstandard.ZstdDecompressor().stream_reader(raw) as stream:
        for line in io.TextIOWrapper(stream, encoding="utf-8"):
            yield json.loads(line)


def source_files(data: Path) -> list[Path]:
    """All sources in a fixed order, parallel ones first."""
    return sorted(data.glob("parallel/*.jsonl.zst")) + sorted(data.glob("qa/*.jsonl.zst"))


def source_name(path: Path) -> str:
    """``parallel/al_d2l-zh`` for ``…/parallel/al_d2l-zh.jsonl.zst``."""
    return f"{path.parent.name}/{path.name.removesuffix('.jsonl.zst')}"


@dataclass(frozen=True, slots=True)
class Side:
    """Texts of one side of a source as token ids: text i is ``ids[starts[i]:starts[i + 1]]``."""

    ids: Ids
    starts: npt.NDArray[np.int64]

    def take(self, rows: npt.NDArray[np.int64], count: int = 1) -> tuple[Ids, npt.NDArray[np.int64]]:
        """Flat ids of the chosen texts, each with the `count` - 1 after it, and the length of each, (len(rows),)."""
        lengths = self.starts[rows + count] - self.starts[rows]
        offsets = np.cumsum(lengths) - lengths
        where = np.arange(int(lengths.sum())) + np.repeat(self.starts[rows] - offsets, lengths)
        return self.ids[where], lengths


@dataclass(frozen=True, slots=True)
class Source:
    """The pairs of one source.

    ``kind`` is ``parallel`` (left zh, right en), ``qa`` (left question, right answer) or ``cross`` (left a question whose translation
    was found among the parallel texts, right the answer in the other language).
    """

    name: str
    kind: str
    left: Side
    right: Side

    def __len__(self) -> int:
        return len(self.left.starts) - 1

    @property
    def deep_learning(self) -> bool:
        """Whether the source is about machine learning."""
        return DEEP_LEARNING.search(self.name) is not None

    @property
    def general(self) -> bool:
        """Whether the source is everyday language."""
        return GENERAL.search(self.name) is not None

    @property
    def in_order(self) -> bool:
        """Whether a row's neighbours are its neighbours in the document."""
        return IN_ORDER.match(self.name) is not None


@dataclass(frozen=True, slots=True)
class Topics:
    """Texts that belong together in groups: our own questions with their answers, or the names of one term.

    ``questions[t]`` and ``answers[t]`` are rows of ``texts`` (and of ``written``, the same uncut); a term has names for questions and no answers. ``kinds`` tells of each text
    whether it is ``zh``, ``en``, ``typo``, ``abbr``, ``answer_zh`` or ``answer_en``; ``areas[t]`` is the number of the file a topic is in.
    """

    texts: Side
    written: list[str]
    kinds: list[str]
    questions: list[npt.NDArray[np.int64]]
    answers: list[npt.NDArray[np.int64]]
    areas: npt.NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.questions)


@dataclass(frozen=True, slots=True)
class Lesson:
    """Texts of one side of a source that the teacher has seen: ``vectors[i]`` (unit length) is of row ``rows[i]`` of ``text``."""

    general: bool
    text: Side
    translation: Side | None
    rows: npt.NDArray[np.int64]
    vectors: npt.NDArray[np.float16]


def clean_pairs(path: Path, banned: frozenset[bytes]) -> Iterator[tuple[str, str]]:
    """The pairs of one file that are not in an evaluation set; a left or right text counts once."""
    seen: set[str] = set()
    for row in read_rows(path):
        left, right = (row["zh"], row["en"]) if "zh" in row else (row["q"], row["a"])
        if left in seen or right in seen:
            continue
        seen.update((left, right))
        parts = (left, right, *sentences(left), *sentences(right))
        if not any(fingerprint(part) in banned for part in parts):
            yield left, right


def translations(data: Path) -> dict[bytes, str]:
    """The other language's text for every text of the parallel sources, by fingerprint."""
    table: dict[bytes, str] = {}
    for path in sorted(data.glob("parallel/*.jsonl.zst")):
        for row in read_rows(path):
            table.setdefault(fingerprint(row["zh"]), row["en"])
            table.setdefault(fingerprint(row["en"]), row["zh"])
    return table


def encode_side(tokenizer: Tokenizer, texts: Iterable[str], limit: int) -> Side:
    """Encode texts, each cut to `limit` tokens."""
    ids = [
        np.array(e.ids[:limit], dtype=np.int32)
        for e in tokenizer.encode_batch_fast(list(texts), add_special_tokens=False)
    ]
    starts = np.zeros(len(ids) + 1, dtype=np.int64)
    np.cumsum([len(i) for i in ids], out=starts[1:])
    return Side(np.concatenate(ids) if ids else np.zeros(0, np.int32), starts)


def load_topics(files: list[Path], banned: frozenset[bytes], tokenizer: Tokenizer, limit: int = 160) -> Topics:
    """Our own text: rows of ``zh``, ``en``, ``typo`` (questions) and ``answer_zh``, ``answer_en``, or of ``zh``, ``en``, ``abbr`` (names of a term).

    A text of an evaluation set is left out, like everywhere.
    """
    texts: list[str] = []
    kinds: list[str] = []
    questions, answers, areas = [], [], []
    for area, file in enumerate(files):
        for row in map(json.loads, file.read_text("utf-8").splitlines()):
            asked = [(key, text) for key in ("zh", "en", "typo", "abbr") for text in row.get(key, [])]
            told = [(key, row[key]) for key in ("answer_zh", "answer_en") if key in row]
            areas.append(area)
            for group, into in ((asked, questions), (told, answers)):
                kept = [(key, text) for key, text in group if fingerprint(text) not in banned]
                into.append(np.arange(len(texts), len(texts) + len(kept)))
                texts.extend(text for _, text in kept)
                kinds.extend(key for key, _ in kept)
    return Topics(encode_side(tokenizer, texts, limit), texts, kinds, questions, answers, np.array(areas))


OWN = Path(__file__).parent / "own"
OWN_KINDS = ("topics", "everyday")


def load_own(folder: Path, banned: frozenset[bytes], tokenizer: Tokenizer) -> dict[str, Topics]:
    """Our own text by kind: ``topics_*.jsonl`` (questions and answers), ``everyday_*.jsonl`` (paraphrases), and terms: the names of the glossary."""
    found = {kind: sorted(folder.glob(f"{kind}_*.jsonl")) for kind in OWN_KINDS} | {"terms": [GLOSSARY]}
    return {kind: load_topics(files, banned, tokenizer) for kind, files in found.items() if files}


def load_sources(
    data: Path, banned: frozenset[bytes], tokenizer: Tokenizer, cache: Path, limit: int = 160
) -> list[Source]:
    """All sources as token ids, and the cross-lingual ones made of them; kept in `cache` under a name made of the tokenizer's content, the limit and the banned set."""
    key = hashlib.sha256(
        tokenizer.to_str().encode() + repr((limit, sorted(banned)[:50], len(banned))).encode()
    ).hexdigest()[:16]
    folder = cache / key
    folder.mkdir(parents=True, exist_ok=True)
    crossed = [path for path in source_files(data) if path.parent.name == "qa"]
    table = translations(data) if not (folder / "cross-done").exists() else {}
    sources = []
    for path, cross in [(p, False) for p in source_files(data)] + [(p, True) for p in crossed]:
        name = source_name(path).replace("qa/", "cross/") if cross else source_name(path)
        file = folder / f"{name.replace('/', '-')}.npz"
        if not file.exists():
            pairs = list(clean_pairs(path, banned))
            if cross:
                kept = (pair for row, pair in enumerate(pairs) if row % HELD_EVERY)
                found = ((table.get(fingerprint(question)), answer) for question, answer in kept)
                pairs = [(question, answer) for question, answer in found if question]
            if not pairs:
                continue
            sides = [
                encode_side(tokenizer, (text[:2000] for text in column), limit) for column in zip(*pairs, strict=True)
            ]
            np.savez(file, a=sides[0].ids, b=sides[0].starts, c=sides[1].ids, d=sides[1].starts)
            log(f"encoded {name}: {len(pairs)} pairs, {len(sides[0].ids)} + {len(sides[1].ids)} tokens")
        with np.load(file) as z:
            sources.append(Source(name, name.split("/")[0], Side(z["a"], z["b"]), Side(z["c"], z["d"])))
    (folder / "cross-done").touch()
    return sources
