"""The analyzer: text to terms for lexical search, the same on both sides, in Chinese and English.

Han runs are cut along the most probable path through jieba's dictionary and then indexed as jieba's search mode does, with
the shorter dictionary words inside long ones; runs of single characters, which is what unknown terms fall apart into, also give
their bigrams. Latin words are lower-cased and, when compound, also give their parts. jieba itself is imported only to fill the
dictionary at build time: at query time a dictionary trimmed to the words that occur in the corpus gives the same cuts of
everything that can match, in milliseconds instead of the 0.6 s that loading jieba's takes.
"""

import math
import re
import unicodedata
from collections.abc import Iterable, Mapping
from functools import lru_cache
from itertools import accumulate

ANALYZER_VERSION = 2

_RUN = re.compile(r"[\u3400-\u4dbf\u4e00-\u9fff]+|[a-z0-9]+(?:[-_.'/][a-z0-9]+)*[+#]*")
_LONGEST_WORD = 16
# Text to be normalised, cut before characters that change with nothing before them: sorting a million combining marks would take hours.
_PIECE = re.compile(r"[\s\S]{1,512}(?![^\x00-\x7f\u4e00-\u9fff])|[\s\S]{1,512}")

# Words that questions are made of and answers do not tell apart. Written by hand; questions of the bundled corpus lose no
# content word to it (tested).
STOPWORDS = frozenset(
    ["的", "了", "是", "在", "和", "与", "及", "或", "也", "都", "就", "而", "被", "把", "对", "从", "到", "由", "为", "以", "于", "之", "其", "这", "那", "它", "他", "她", "我", "你", "您", "们", "请", "吗", "呢", "吧", "啊", "么", "什么", "怎么", "怎样", "如何", "为什么", "为何", "为啥", "哪些", "哪个", "哪种", "哪", "哪里", "多少", "几", "个", "些", "一个", "可以", "能", "会", "要", "有", "没有", "是否", "还是", "以及", "因为", "所以", "但是", "如果", "那么", "这个", "那个", "这些", "那些", "一下", "简述", "解释", "说明", "介绍", "谈谈", "说说", "描述", "咋", "啥", "嘛", "着", "过", "地", "得", "上", "下", "中", "里", "时", "时候", "之间", "分别", "进行", "通常", "一般", "a", "an", "the", "of", "in", "on", "at", "to", "for", "from", "by", "with", "and", "or", "is", "are", "was", "were", "be", "been", "being", "do", "does", "did", "can", "could", "should", "would", "will", "shall", "may", "might", "must", "have", "has", "had", "i", "you", "he", "she", "it", "we", "they", "this", "that", "these", "those", "what", "which", "who", "whom", "whose", "when", "where", "why", "how", "if", "then", "than", "so", "as", "not", "no", "my", "your", "its", "their", "our", "me", "us", "them", "there", "here", "about", "into", "over", "explain", "describe", "briefly", "please"]
)  # fmt: skip
_TIMES = re.compile(r"(?<=\d) ?× ?(?=\d)")  # 3×3 and 3x3 are the same size


@lru_cache(maxsize=1)
def _simplifier():  # type: ignore[no-untyped-def]
    import opencc

    return opencc.OpenCC("t2s")


def fold(text: str) -> str:
    """`text` in its plainest spelling: NFKC (full-width to half-width), traditional to simplified, lower case, 3×3 as 3x3."""
    if not text.isascii():
        text = "".join(unicodedata.normalize("NFKC", piece) for piece in _PIECE.findall(text))
        text = _simplifier().convert(text.encode("utf-8", "replace").decode("utf-8"))
    return _TIMES.sub("x", text).lower() if "×" in text else text.lower()


class Analyzer:
    """Cuts text into terms with a dictionary of words and their frequencies.

    `words` maps words to counts; `total` is the sum of all counts of the dictionary they were taken from, so that a trimmed
    dictionary gives the probabilities of the whole one.
    """

    def __init__(self, words: Mapping[str, int], total: int) -> None:
        self.words = words
        self.total = total
        self._log_total = math.log(total or 1)
        self._longest: dict[str, int] = {}  # word with each first character
        for word in words:
            if len(word) > self._longest.get(word[0], 1):
                self._longest[word[0]] = len(word)

    def terms(self, text: str) -> list[str]:
        """Terms of `text`, in order, stop words left out."""
        return self.folded_terms(fold(text))

    def folded_terms(self, folded: str) -> list[str]:
        """Terms of a text that is folded already."""
        found: list[str] = []
        for match in _RUN.finditer(folded):
            run = match.group(0)
            found.extend(self._han_terms(run) if run[0] >= "\u3400" else _latin_terms(run))
        return [term for term in found if term not in STOPWORDS]

    def bounds(self, folded: str) -> set[int]:
        """The offsets at which words of a folded text begin and end."""
        found: set[int] = set()
        for match in _RUN.finditer(folded):
            words = self.cut(match.group(0)) if match.group(0)[0] >= "\u3400" else [match.group(0)]
            found.update(accumulate(map(len, words), initial=match.start()))
        return found

    def cut(self, run: str) -> list[str]:
        """The most probable words of a Han run: jieba's maximum-probability path, without guessing new words."""
        size = len(run)
        best: list[tuple[float, int]] = [(0.0, size)] * (size + 1)
        for start in range(size - 1, -1, -1):
            options = []
            for end in range(start + 1, min(size, start + self._longest.get(run[start], 1)) + 1):
                count = self.words.get(run[start:end], 0)
                if count or end == start + 1:
                    options.append((math.log(count or 1) - self._log_total + best[end][0], end))
            best[start] = max(options)
        words, at = [], 0
        while at < size:
            words.append(run[at : best[at][1]])
            at = best[at][1]
        return words

    def _han_terms(self, run: str) -> list[str]:
        terms: list[str] = []
        single = ""
        for word in self.cut(run):
            if len(word) > 2:
                terms.extend(
                    word[i : i + n]
                    for n in (2, 3)
                    if n < len(word)
                    for i in range(len(word) - n + 1)
                    if self.words.get(word[i : i + n])
                )
            terms.append(word)
            if len(word) == 1 and word not in STOPWORDS:
                if single:
                    terms.append(single + word)
                single = word
            else:
                single = ""
        return terms


def _latin_terms(run: str) -> list[str]:
    """A Latin word with plural endings cut off; of a compound also its parts and the parts run together."""
    if run in STOPWORDS:
        return []
    parts = re.split(r"[-_.'/]", run)
    if len(parts) == 1:
        return [singular(run)]
    return [singular("".join(parts)), *(singular(part) for part in parts if len(part) > 1 and part not in STOPWORDS)]


def singular(word: str) -> str:
    """An English word without the regular plural ending (Harman's S-stemmer, 1991, with -es after sibilants)."""
    if len(word) > 4 and word.endswith("ies") and word[-4] not in "ae":
        return word[:-3] + "y"
    if len(word) > 4 and word.endswith(("sses", "xes", "ches", "shes", "zes")):
        return word[:-2]
    if len(word) > 3 and word.endswith("es") and word[-3] not in "aeo":
        return word[:-1]
    if len(word) > 3 and word.endswith("s") and word[-2] not in "us":
        return word[:-1]
    return word


def build_analyzer(texts: Iterable[str]) -> Analyzer:
    """An analyzer whose dictionary is jieba's, trimmed to the words that occur in `texts`."""
    total, words = base_words()
    for text in texts:
        words.update(words_in(text))
    return Analyzer(dict(sorted(words.items())), total)


def base_words() -> tuple[int, dict[str, int]]:
    """What every trimmed dictionary has: the sum of all counts of jieba's, and its stop words with their counts."""
    counts, total = _jieba()
    return total, {word: counts[word] for word in sorted(STOPWORDS) if counts.get(word)}


def words_in(text: str) -> dict[str, int]:
    """The words of jieba's dictionary that occur in `text`, with their counts, sorted."""
    counts, _ = _jieba()
    words = {}
    for match in re.finditer(r"[\u3400-\u4dbf\u4e00-\u9fff]+", fold(text)):
        run = match.group(0)
        for start in range(len(run)):
            for end in range(start + 1, min(len(run), start + _LONGEST_WORD) + 1):
                word = run[start:end]
                if word not in counts:
                    break
                if counts[word]:
                    words[word] = counts[word]
    return dict(sorted(words.items()))


@lru_cache(maxsize=1)
def _jieba() -> tuple[dict[str, int], int]:
    """jieba's dictionary, with counts of 0 for beginnings of words, and the sum of the counts."""
    import jieba

    # not `initialize`, which loads a cache that anybody may have put into the system's temporary folder
    counts, total = jieba.dt.gen_pfdict(jieba.dt.get_dict_file())
    return counts, total
