"""Write a trained table as a sentence-transformers folder, read it back without torch, and check that both ways agree."""

from __future__ import annotations

import hashlib
import io
import json
import os
import shutil
import time
import zipfile
from pathlib import Path
from string import Template
from typing import Any

import numpy as np
from safetensors.numpy import save_file
from tokenizers import Tokenizer

from retriever.encoders.static import StaticEncoder
from training.evaluate import Vectors

NAME, VERSION = "static-zh-en", "2"
TEACHER = "all-MiniLM-L6-v2"
CARD = Path(__file__).with_name("card.md")
TENSOR = "embedding.weight"
SIZE_LIMIT = 32 * 10**6  # bytes, deflated
TOLERANCE = 1e-5  # largest difference of a component between the two ways to encode
SAMPLES = [
    "什么是梯度消失？怎么解决梯度爆炸？",
    "Why does dropout act as a regularizer?",
    "ＢＮ 层在 training 和 inference 时有什么区别 c++ 𝒳 é",
    "",
    "……！？",
    "学习率 " * 400,
]
_MODULES = [
    {"idx": 0, "name": "0", "path": "", "type": "sentence_transformers.models.StaticEmbedding"},
    {"idx": 1, "name": "1", "path": "1_Normalize", "type": "sentence_transformers.models.Normalize"},
]
_CONFIG = {
    "model_type": "SentenceTransformer",
    "prompts": {"query": "", "document": ""},
    "default_prompt_name": None,
    "similarity_fn_name": "cosine",
}


def coarse(table: Vectors, bits: int) -> Vectors:
    """Values rounded to `bits` bits of mantissa (the leading one not counted): float16 has 10, bfloat16 has 7."""
    mantissa, exponent = np.frexp(table)
    rounded: Vectors = np.ldexp(np.rint(mantissa * 2 ** (bits + 1)) / 2 ** (bits + 1), exponent).astype(np.float32)
    return rounded


def digest(file: Path) -> str:
    """SHA-256 of a file, in hexadecimal."""
    return hashlib.sha256(file.read_bytes()).hexdigest()


def deflated(folder: Path) -> int:
    """Bytes of the folder in a zip archive at the highest level, as in a wheel."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
        for file in sorted(p for p in folder.rglob("*") if p.is_file()):
            archive.write(file, str(file.relative_to(folder)))
    return buffer.tell()


def disagreement(folder: Path) -> float:
    """Largest difference between sentence-transformers' vectors and the light path's, over the sample texts."""
    os.environ["HF_HUB_OFFLINE"] = "1"
    from sentence_transformers import SentenceTransformer

    heavy = SentenceTransformer(str(folder), device="cpu", local_files_only=True).encode(SAMPLES)
    return float(np.abs(heavy - StaticEncoder(folder, NAME).encode(SAMPLES)).max())


def load_time(folder: Path, times: int = 15) -> float:
    """Median milliseconds of Tokenizer.from_file."""
    taken = []
    for _ in range(times):
        began = time.perf_counter()
        Tokenizer.from_file(str(folder / "tokenizer.json"))
        taken.append(1000 * (time.perf_counter() - began))
    return round(float(np.median(taken)), 1)


def write(folder: Path, tokenizer: Tokenizer, table: Vectors) -> None:
    """All files but the model card."""
    (folder / "1_Normalize").mkdir(parents=True)
    tokenizer.save(str(folder / "tokenizer.json"), pretty=False)
    save_file({TENSOR: np.ascontiguousarray(table)}, str(folder / "model.safetensors"), metadata={"format": "pt"})
    identity = {
        "name": NAME,
        "version": VERSION,
        "dimension": table.shape[1],
        "vocabulary": table.shape[0],
        "weights_sha256": digest(folder / "model.safetensors"),
        "tokenizer_sha256": digest(folder / "tokenizer.json"),
    }
    contents = {
        "modules.json": _MODULES,
        "config_sentence_transformers.json": _CONFIG,
        "1_Normalize/config.json": {
            "module_input_name": "sentence_embedding",
            "module_output_name": "sentence_embedding",
        },
        "encoder.json": identity,
    }
    for name, content in contents.items():
        (folder / name).write_text(json.dumps(content, indent=2) + "\n", "utf-8")
    for file in folder.rglob("*"):
        file.chmod(0o755 if file.is_dir() else 0o644)


def card(runs: dict[str, Any], name: str, measured: dict[str, float], bits: int) -> str:
    """The model card: ``card.md`` with settings and scores of the rows of ``runs.jsonl``, by name, filled in.

    The scores of the run are ``$name``, those of the row "all-MiniLM-L6-v2" ``$teacher_name``.
    """
    run = runs[name]
    parts = run["options"].get("of", [name])
    options = dict(runs[parts[0]]["options"])
    values: dict[str, Any] = {}
    for prefix, scores in (("", run["scores"]), ("teacher_", runs[TEACHER]["scores"])):
        for key, score in scores.items():
            values[prefix + key.replace("@", "").replace("/", "_")] = f"{score:.3f}"
    values |= {"deflated": f"{measured['deflated_bytes'] / 1e6:.1f}", "load_ms": f"{measured['tokenizer_load_ms']:.0f}"}
    values |= {"name": NAME, "version": VERSION, "vocabulary": run["vocabulary"], "run": name, "bits": bits}
    values |= {"parts": ", ".join(parts), "smooth": run["options"].get("smooth", 0)}
    return Template(CARD.read_text("utf-8")).substitute(options | values)


def export(
    tokenizer: Tokenizer, table: Vectors, folder: Path, runs: dict[str, Any], name: str, bits: int = 5
) -> dict[str, float]:
    """Write `folder` beside its place, check it, then switch it in by renaming; returns what was measured."""
    fresh, old = folder.with_name(folder.name + ".new"), folder.with_name(folder.name + ".old")
    shutil.rmtree(fresh, ignore_errors=True)
    write(fresh, tokenizer, coarse(table, bits))
    report = {
        "deflated_bytes": deflated(fresh),
        "tokenizer_load_ms": load_time(fresh),
        "disagreement": disagreement(fresh),
    }
    if report["deflated_bytes"] > SIZE_LIMIT or report["disagreement"] > TOLERANCE:
        raise ValueError(f"{fresh} is not fit to ship: {report}")
    (fresh / "README.md").write_text(card(runs, name, report, bits), "utf-8")
    shutil.rmtree(old, ignore_errors=True)
    if folder.exists():
        folder.rename(old)
    fresh.rename(folder)
    shutil.rmtree(old, ignore_errors=True)
    return report
