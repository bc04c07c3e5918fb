"""Build the tokenizer: a Unigram model over frequent Chinese words, characters, English words and sub-words.

A piece's score is the logarithm of its frequency, so the tokenizer's best path through a Han run is jieba's own maximum-probability
path, restricted to the pieces kept.  Traditional characters are simplified by the caller, before encoding.
"""

from __future__ import annotations

import json
import math
import re
import unicodedata
from collections import Counter
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import jieba
from tokenizers import Regex, Tokenizer, models, normalizers, pre_tokenizers, trainers

from training.data import DEEP_LEARNING, GENERAL, log, read_rows, source_files, source_name

WORD = r"\p{Han}+|[a-z0-9]+(?:\+\+|#)?|[\p{L}\p{N}]"
"""What the pre-tokenizer keeps, each match on its own: Han runs, Latin words with digits (c++, c#, l2, resnet50), other letters singly."""

_HAN = re.compile("[㐀-䶿一-鿿]")
_HAN_RUN = re.compile("[㐀-䶿一-鿿]+")
_LATIN_RUN = re.compile(r"[a-z0-9]+(?:\+\+|#)?")
_OTHER = re.compile("[α-ωé∂∇]")


@dataclass(frozen=True, slots=True)
class VocabularySizes:
    """How many pieces of each kind to keep, most frequent first (single letters and digits always)."""

    han_words: int = 18_000
    han_characters: int = 5_500
    latin_words: int = 18_000
    latin_parts: int = 3_500
    cohesion: float = 2.0  # how far a Han word's log-probability must lie above that of its best split


def fold(text: str) -> str:
    """The normaliser's own folding, for counting: NFKD, accents stripped, lower case."""
    return "".join(c for c in unicodedata.normalize("NFKD", text) if not unicodedata.combining(c)).lower()


def count_source(path: Path, rows: int) -> tuple[str, Counter[str]]:
    """Count the words of one source: Han runs as jieba cuts them, Latin runs whole.  At most `rows` rows unless of machine learning or everyday language."""
    jieba.setLogLevel(60)
    counts: Counter[str] = Counter()
    name = source_name(path)
    limit = 10**9 if DEEP_LEARNING.search(name) or GENERAL.search(name) else rows
    for number, row in enumerate(read_rows(path)):
        if number >= limit:
            break
        for key in ("zh", "en", "q", "a"):
            text = fold(row.get(key, "")[:300])
            for run in _HAN_RUN.findall(text):
                counts.update(jieba.cut(run))
            counts.update(_LATIN_RUN.findall(text))
            counts.update(_OTHER.findall(text))
    return name, counts


def count_own(files: list[Path], factor: int = 20) -> Counter[str]:
    """Counts of our own text (see `data.load_topics`), misspelt questions left out, times `factor`."""
    jieba.setLogLevel(60)
    counts: Counter[str] = Counter()
    for file in files:
        for row in map(json.loads, file.read_text("utf-8").splitlines()):
            named = [text for key in ("zh", "en", "abbr") for text in row.get(key, [])]
            for text in map(fold, [*named, row.get("answer_zh", ""), row.get("answer_en", "")]):
                for run in _HAN_RUN.findall(text):
                    counts.update(jieba.cut(run))
                counts.update(_LATIN_RUN.findall(text))
    return Counter({word: count * factor for word, count in counts.items()})


def count_words(data: Path, rows: int, processes: int = 2) -> Counter[str]:
    """Counts over all sources; a source adds its counts times 1, a machine-learning source times 4, everyday language times 30."""
    total: Counter[str] = Counter()
    paths = source_files(data)
    with ProcessPoolExecutor(processes) as pool:
        for name, counts in pool.map(count_source, paths, [rows] * len(paths)):
            factor = 4 if DEEP_LEARNING.search(name) else 30 if GENERAL.search(name) else 1
            total.update({word: count * factor for word, count in counts.items()})
            log(f"counted {name}")
    return total


def latin_parts(rare: Counter[str], size: int) -> Counter[str]:
    """Sub-words for the Latin words that are not kept whole: byte-pair merges, counted where they occur."""
    pairs = Tokenizer(models.BPE())
    trainer = trainers.BpeTrainer(vocab_size=size + 60, show_progress=False)
    words = {w: max(1, round(math.sqrt(c))) for w, c in rare.items() if w.isalnum()}
    pairs.train_from_iterator([w for w, c in words.items() for _ in range(min(c, 30))], trainer)
    parts: Counter[str] = Counter()
    for word, count in words.items():
        parts.update(dict.fromkeys(pairs.encode(word).tokens, count))
    return parts


def best_split(word: str, scores: dict[str, float], floor: float) -> float:
    """Log-probability of the best path through `word` that uses at least two pieces."""
    best = [0.0] + [-math.inf] * len(word)
    for end in range(1, len(word) + 1):
        for begin in range(end):
            if end - begin < len(word):
                best[end] = max(
                    best[end], best[begin] + scores.get(word[begin:end], floor if end - begin == 1 else -math.inf)
                )
    return best[-1]


def cohesive(words: Counter[str], margin: float) -> Counter[str]:
    """The words that occur clearly more often than their parts would by chance: 神经网络 stays, 器中 and 学习效果 go."""
    total = words.total()
    scores = {word: math.log(count / total) for word, count in words.items()}
    floor = math.log(1 / total)
    return Counter(
        {w: c for w, c in words.items() if 2 <= len(w) <= 6 and scores[w] - best_split(w, scores, floor) > margin}
    )


def choose_pieces(counts: Counter[str], sizes: VocabularySizes) -> dict[str, float]:
    """Pieces and their log-frequency scores."""
    han = Counter({w: c for w, c in counts.items() if _HAN.match(w)})
    latin = Counter({w: c for w, c in counts.items() if _LATIN_RUN.fullmatch(w)})
    characters: Counter[str] = Counter()
    for word, count in han.items():
        characters.update(dict.fromkeys(word, count))
    kept: dict[str, float] = dict(cohesive(han, sizes.cohesion).most_common(sizes.han_words))
    # A character alone scores as the word it is; one that is never a word scores low, as in jieba's dictionary.
    kept.update({c: max(han[c], 0.02 * n, 1.0) for c, n in characters.most_common(sizes.han_characters)})
    words = Counter({w: c for w, c in latin.items() if len(w) > 1 and not (w.isdigit() and len(w) > 3)})
    whole = dict(words.most_common(sizes.latin_words))
    parts = latin_parts(Counter({w: c for w, c in latin.items() if w not in whole}), sizes.latin_parts)
    for piece, count in parts.most_common(sizes.latin_parts):
        kept[piece] = 0.1 * count
    kept.update(whole)
    for symbol in "abcdefghijklmnopqrstuvwxyz0123456789":
        kept[symbol] = max(latin[symbol], 1)
    kept.update({c: n for c, n in counts.items() if _OTHER.fullmatch(c) and n >= 10})
    total = sum(kept.values())
    return {
        piece: math.log(count / total) for piece, count in sorted(kept.items(), key=lambda item: (-item[1], item[0]))
    }


def build(pieces: dict[str, float]) -> Tokenizer:
    """The tokenizer over `pieces`; id 0 is the unknown token."""
    floor = min(pieces.values())
    vocabulary = [("[UNK]", floor)] + [(piece, round(score, 3)) for piece, score in pieces.items()]
    tokenizer = Tokenizer(models.Unigram(vocabulary, unk_id=0, byte_fallback=False))
    tokenizer.normalizer = normalizers.Sequence(
        [normalizers.NFKD(), normalizers.StripAccents(), normalizers.Lowercase()]
    )
    tokenizer.pre_tokenizer = pre_tokenizers.Split(Regex(WORD), behavior="removed", invert=True)
    return tokenizer


def make(data: Path, own: list[Path], work: Path, rows: int, sizes: VocabularySizes) -> Tokenizer:
    """Count (or read the counts of an earlier run from `work`), choose, build, and save ``tokenizer.json`` in `work`.

    `own` are the files of our own text, counted anew each time.
    """
    work.mkdir(parents=True, exist_ok=True)
    file = work / f"word-counts-{rows}.json"
    if not file.exists():
        file.write_text(json.dumps(count_words(data, rows), ensure_ascii=False), "utf-8")
    counts = Counter(json.loads(file.read_text("utf-8")))
    counts.update(count_own(own))
    tokenizer = build(choose_pieces(counts, sizes))
    tokenizer.save(str(work / "tokenizer.json"), pretty=False)
    log(f"tokenizer: {tokenizer.get_vocab_size()} pieces")
    return tokenizer
