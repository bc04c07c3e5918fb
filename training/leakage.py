"""Know the texts of the evaluation sets again, so that no training row holds one of them."""

from __future__ import annotations

import csv
import gzip
import hashlib
import json
import re
import unicodedata
from collections.abc import Iterator
from pathlib import Path

from opencc import OpenCC

_NOT_TEXT = re.compile(r"[\W_]+")
_SENTENCE_END = re.compile(r"(?<=[。！？!?；;\n])|(?<=\. )")
_MIN_SENTENCE = 12  # characters left after normalising; shorter sentences are too common to betray a leak


def fingerprint(text: str) -> bytes:
    """8-byte hash of the letters and digits alone, width and case folded."""
    return hashlib.blake2b(
        _NOT_TEXT.sub("", unicodedata.normalize("NFKC", text)).lower().encode(), digest_size=8
    ).digest()


def sentences(text: str) -> list[str]:
    """Sentences long enough to be told from common phrases."""
    return [s for s in _SENTENCE_END.split(text) if len(_NOT_TEXT.sub("", s)) >= _MIN_SENTENCE]


def _evaluation_texts(evaluation: Path, seeds: Path) -> Iterator[str]:
    for name in ("dev_questions.jsonl", "qa.jsonl"):
        for line in (evaluation / name).read_text("utf-8").splitlines():
            yield json.loads(line)["question"]
    for page in sorted(seeds.glob("*.txt")):
        yield from page.read_text("utf-8").splitlines()
    external = evaluation / "external"
    for path in sorted(external.glob("laser-tatoeba/tatoeba.*")):
        yield from path.read_text("utf-8").splitlines()
    for path in sorted(external.glob("sts-b-zh/*.txt")):
        for line in path.read_text("utf-8").splitlines():
            yield from line.split("||")[1:3]
    with gzip.open(external / "sts-b-en/stsbenchmark.tsv.gz", "rt", encoding="utf-8") as table:
        for row in csv.DictReader(table, delimiter="\t", quoting=csv.QUOTE_NONE):
            yield from (row["sentence1"], row["sentence2"])
    for path in sorted(external.glob("*/*.json")):
        yield from _strings(json.loads(path.read_text("utf-8")))


def _strings(value: object) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, (list, dict)):
        for item in value.values() if isinstance(value, dict) else value:
            yield from _strings(item)


def evaluation_fingerprints(evaluation: Path, seeds: Path) -> frozenset[bytes]:
    """Fingerprints of every text and every long sentence of the evaluation sets, traditional characters simplified too."""
    simplify = OpenCC("t2s").convert
    found: set[bytes] = set()
    for text in _evaluation_texts(evaluation, seeds):
        for form in {text, simplify(text)}:
            found.update(fingerprint(part) for part in (form, *sentences(form)))
    return frozenset(found - {fingerprint("")})
