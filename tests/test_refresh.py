"""Refreshing an index: the same index as a full build of the same corpus, for the work of what changed, whatever became of the cache."""

import contextlib
import os
import random
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from conftest import CHECKOUT, MINI_PAGES, Result, Run
from doubles import KeywordEncoder
from numpy.typing import NDArray

from retriever import pages, pipeline, reuse
from retriever.cleaning import profile
from retriever.corpus import CorpusOptions
from retriever.encoders.protocol import EncoderIdentity
from retriever.errors import InputError
from retriever.indexing import open_index
from retriever.pages import BuildReport
from retriever.pipeline import build
from retriever.search import Retriever

FOOTER = "Northern notes on deep learning for everyone"
SUBJECTS = (
    ("What does dropout do?", "Dropout switches units off at random, so overfitting is reduced."),
    ("Why are gradients clipped?", "Clipping a gradient bounds the length of one update."),
    ("学习率太大会怎样？", "学习率太大时损失来回震荡，甚至发散。"),
    ("批归一化用什么统计量？", "批归一化在训练时用当前小批量的均值和方差。"),
    ("What is max pooling good for?", "Max pooling keeps the strongest response of each window."),
    ("注意力机制计算什么？", "注意力机制计算值的加权平均，权重来自查询和键。"),
    ("Why is an activation needed?", "Without an activation a network is one linear map."),
)
ASKED = ("what is dropout", "学习率太大", "why are gradients clipped")


class Recording(KeywordEncoder):
    """The keyword encoder, noting every text it is given."""

    def __init__(self, digest: str = "one-hot", shift: int = 0) -> None:
        super().__init__(digest)
        self.shift = shift
        self.texts: list[str] = []

    def encode_passages(self, texts: list[str]) -> NDArray[np.float32]:
        self.texts.extend(texts)
        return np.roll(self.encode(texts), self.shift, axis=1)


def refresh(root: Path, directory: Path, encoder: Recording | None = None, **options: Any) -> BuildReport:
    return build([root], directory, encoder or Recording(), model="keywords", **options)


def serving(directory: Path) -> str:
    """Name of the serving generation, without what tells a second copy of it from a damaged first one."""
    return (directory / "CURRENT").read_text(encoding="utf-8").strip().split("-")[0]


def full(root: Path, tmp_path: Path, encoder: Recording | None = None, **options: Any) -> str:
    """Name of the generation that a build in a fresh folder gives."""
    directory = Path(tmp_path, f"full-{random.getrandbits(64):x}")
    refresh(root, directory, encoder, **options)
    name = serving(directory)
    shutil.rmtree(directory)
    return name


def answers(directory: Path) -> list[Any]:
    retriever = Retriever(open_index(directory), KeywordEncoder())
    return [
        [(hit.score, asdict(hit.passage)) for hit in retriever.search(retriever.query(asked), k=5)] for asked in ASKED
    ]


def page(name: str, subjects: list[int], footer: bool) -> str:
    """A page on some of SUBJECTS, in the form its name asks for; a footer stands apart from the last answer."""
    pairs = [SUBJECTS[number] for number in subjects]
    if name.endswith(".html"):
        body = "\n".join(f"<h2>{question}</h2>\n<p>{answer}</p>" for question, answer in pairs)
        tail = f"<p>One more remark on {len(subjects)} subjects.</p>\n<p>{FOOTER}</p>" if footer else ""
        return f"<html><head><title>{name}</title></head><body>\n{body}\n{tail}\n</body></html>\n"
    if name.endswith(".txt"):
        text = "\n\n".join(f"Q{n}: {question}\nA: {answer}" for n, (question, answer) in enumerate(pairs, 1))
    else:
        text = "# Notes\n\n" + "\n\n".join(f"## {question}\n\n{answer}" for question, answer in pairs)
    return text + (f"\n\nOne more remark on {len(subjects)} subjects.\n\n{FOOTER}\n" if footer else "\n")


NAMES = ("a.md", "b.txt", "c.html", "d.md", "e.md", "deep/f.md", "deep/g.html")


def random_page(dice: random.Random, name: str) -> bytes:
    text = page(name, dice.sample(range(len(SUBJECTS)), dice.randint(1, 3)), dice.random() < 0.7)
    raw = text.encode("gb18030" if name.endswith(".txt") and dice.random() < 0.3 else "utf-8")
    return raw + b"\xff\n" if dice.random() < 0.1 else raw


def edit(dice: random.Random, root: Path) -> str:
    """Change a corpus in one of many ways. Returns what was done."""
    there = sorted(path.relative_to(root).as_posix() for path in root.rglob("*") if path.is_file())
    free = [name for name in NAMES if name not in there]
    one, other = dice.choice(there), dice.choice(there)
    done = dice.choice(("rewrite", "rewrite", "foot", "foot", "add", "remove", "rename", "swap", "touch", "empty"))
    path = root / one
    if done == "rewrite":
        path.write_bytes(random_page(dice, one))
    elif done == "foot":
        raw = path.read_bytes()
        line = f"\n\n{FOOTER}\n".encode()
        path.write_bytes(raw.replace(line, b"\n") if line in raw else raw.rstrip() + line)
    elif done == "add" and free and len(there) < 6:
        new = root / dice.choice(free)
        new.parent.mkdir(exist_ok=True)
        new.write_bytes(random_page(dice, new.name))
    elif done == "remove" and len(there) > 3:
        path.unlink()
    elif done == "rename" and free:
        new = root / dice.choice(free)
        new.parent.mkdir(exist_ok=True)
        path.rename(new)
    elif done == "swap" and one != other:
        mine, theirs = path.read_bytes(), (root / other).read_bytes()
        path.write_bytes(theirs)
        (root / other).write_bytes(mine)
    elif done == "empty" and len(there) > 3:
        path.write_bytes(b"\n")
    else:
        done = "touch"
        os.utime(path, (dice.randrange(10**9), dice.randrange(10**9)))
    return done


@pytest.fixture(autouse=True)
def unhurried(monkeypatch: pytest.MonkeyPatch) -> None:
    """No test here looks at what a power cut leaves: nothing waits for the disk."""
    monkeypatch.setattr("retriever.generations._sync", lambda _: None)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Four pages of one site; three end with the same line, so that it counts as the site's; and one page elsewhere."""
    folder = tmp_path / "corpus"
    (folder / "deep").mkdir(parents=True)
    for name, subjects, footer in (
        ("a.md", [0, 1], True),
        ("b.txt", [2, 3], True),
        ("c.html", [4, 5], True),
        ("d.md", [6], False),
        ("deep/f.md", [1, 2], True),
    ):
        (folder / name).write_text(page(name, subjects, footer), encoding="utf-8")
    return folder


@pytest.fixture
def live(root: Path, tmp_path: Path) -> Path:
    """The index of `root`, to be refreshed."""
    refresh(root, tmp_path / "live")
    return tmp_path / "live"


@pytest.fixture
def read(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Names of the files whose lines are read or cleaned, as it happens."""
    names: list[str] = []

    def noting(name: str) -> None:
        original = getattr(pages, name)

        def call(source: Any, *rest: Any) -> Any:
            names.append(source.name)
            return original(source, *rest)

        monkeypatch.setattr(pages, name, call)

    noting("read_blocks")
    noting("clean")
    return names


# the same index


@pytest.mark.parametrize("seed", range(16))
def test_any_sequence_of_edits_refreshes_to_what_a_full_build_gives(seed: int, tmp_path: Path) -> None:
    """After every edit of a corpus a refresh names the generation as a build from nothing does, and answers alike."""
    dice = random.Random(seed)
    root = tmp_path / "corpus"
    (root / "deep").mkdir(parents=True)
    for name in dice.sample(NAMES, dice.randint(3, 6)):
        (root / name).write_bytes(random_page(dice, name))
    live = tmp_path / "live"
    refresh(root, live)
    done: list[str] = []
    for _ in range(5):
        done.extend(edit(dice, root) for _ in range(dice.randint(1, 2)))
        refresh(root, live)
        assert serving(live) == full(root, tmp_path), done
    refresh(root, tmp_path / "fresh")
    assert answers(live) == answers(tmp_path / "fresh"), done


def test_the_sequences_do_meet_the_profile_of_a_site(root: Path, live: Path) -> None:
    """The footer is furniture while three pages have it, and part of an answer when two have: an edit of one page changes others."""

    def text_of(name: str) -> str:
        opened = open_index(live)
        found = [opened.passage(row) for row in range(len(opened))]
        return "\n".join(passage.answer for passage in found if passage.source == name)

    assert FOOTER not in text_of("a.md") + text_of("b.txt") + text_of("c.html")
    (root / "b.txt").unlink()
    refresh(root, live)
    assert FOOTER in text_of("a.md")


def test_going_back_gives_the_first_generation_again(root: Path, live: Path) -> None:
    """An index is named by what its corpus holds, not by how it came to hold it."""
    first, before = serving(live), (root / "a.md").read_bytes()
    (root / "a.md").write_text(page("a.md", [5], False), encoding="utf-8")
    refresh(root, live)
    assert serving(live) != first
    (root / "a.md").write_bytes(before)
    refresh(root, live)
    assert serving(live) == first


REFRESH = (
    "import sys; from pathlib import Path; from retriever.encoders.load import load_encoder; from retriever.pipeline import build;"
    "print(build([Path(sys.argv[1])], Path(sys.argv[2]), load_encoder()).unchanged)"
)


def test_neither_hash_seed_nor_threads_change_a_refresh(tmp_path: Path, mini_corpus: Path, encoder: Any) -> None:
    """Two refreshes and a build from nothing, under different hash seeds and numbers of threads, give one generation."""
    build([mini_corpus], tmp_path / "1", encoder)
    shutil.copytree(tmp_path / "1", tmp_path / "2")
    before = serving(tmp_path / "1")
    (mini_corpus / "zh.md").write_text(MINI_PAGES["zh.md"].replace("学习率", "学习速率"), encoding="utf-8")
    running = []
    for place, seed, threads in (("1", "1", "1"), ("2", "2718", "2"), ("none before", "31", "3")):
        environment = {"PYTHONPATH": str(CHECKOUT), "PYTHONHASHSEED": seed, "OMP_NUM_THREADS": threads}
        running.append(
            subprocess.Popen(
                [sys.executable, "-c", REFRESH, str(mini_corpus), str(tmp_path / place)],
                env=os.environ | environment,
                stdout=subprocess.PIPE,
                text=True,
            )
        )
    assert [process.communicate(timeout=120)[0].strip() for process in running] == ["2", "2", "0"]
    (after,) = {serving(tmp_path / place) for place in ("1", "2", "none before")}
    assert after != before


def test_full_does_everything_again_and_gives_the_same(root: Path, live: Path, read: list[str]) -> None:
    """`full` takes nothing over: every page is read and every text encoded, and the generation is the one there was."""
    before, encoder = serving(live), Recording()
    report = refresh(root, live, encoder, full=True)
    assert report.unchanged == 0
    assert set(read) == {"a.md", "b.txt", "c.html", "d.md", "deep/f.md"}
    everything = Recording()
    full(root, live.parent, everything)
    assert sorted(encoder.texts) == sorted(everything.texts)
    assert serving(live) == before
    again = Recording()
    (root / "d.md").write_text(page("d.md", [0], False), encoding="utf-8")
    refresh(root, live, again)
    assert again.texts == [], "what a full build did is taken over by the next refresh"


# no more work than needed


def test_only_new_texts_are_encoded(root: Path, live: Path) -> None:
    """One new answer in one page: it alone is encoded, once, and the report says so."""
    text = (root / "d.md").read_text(encoding="utf-8")
    (root / "d.md").write_text(text.replace("one linear map", "only a linear map"), encoding="utf-8")
    encoder = Recording()
    report = refresh(root, live, encoder)
    assert encoder.texts == ["without an activation a network is only a linear map."]
    assert (report.encoded, report.unchanged) == (1, 4)


def test_only_changed_pages_are_read(root: Path, live: Path, read: list[str]) -> None:
    """A page that changed is read and cleaned; the others are not looked into."""
    (root / "d.md").write_text(page("d.md", [0], False), encoding="utf-8")
    assert refresh(root, live).unchanged == 4
    assert set(read) == {"d.md"}


def test_a_renamed_page_is_read_but_its_texts_are_known(root: Path, live: Path, read: list[str]) -> None:
    """A page of another name has other citations and the same vectors."""
    (root / "d.md").rename(root / "z.md")
    encoder = Recording()
    refresh(root, live, encoder)
    assert (set(read), encoder.texts) == ({"z.md"}, [])
    opened = open_index(live)
    assert {opened.passage(row).source for row in range(len(opened))} >= {"z.md"}


def test_pages_whose_site_repeats_other_lines_now_are_cleaned_again(root: Path, live: Path, read: list[str]) -> None:
    """When the footer stops being the site's, those that have it are cleaned again, and no other page."""
    (root / "b.txt").write_text(page("b.txt", [2, 3], False), encoding="utf-8")
    assert refresh(root, live).unchanged == 2
    assert set(read) == {"a.md", "b.txt", "c.html"}
    assert serving(live) == full(root, live.parent)


def test_a_page_of_another_site_does_not_matter(root: Path, live: Path, read: list[str]) -> None:
    """The same line in another folder is another site's."""
    (root / "deep" / "g.md").write_text(page("g.md", [3], True), encoding="utf-8")
    refresh(root, live)
    assert set(read) == {"deep/g.md"}


def files_of(directory: Path) -> dict[str, tuple[int, int, int]]:
    """Every file of an index but the lock: its inode, size and time."""
    found = {}
    for path in directory.rglob("*"):
        if path.is_file() and path.name != ".lock":
            status = path.stat()
            found[path.relative_to(directory).as_posix()] = (status.st_ino, status.st_size, status.st_mtime_ns)
    return found


def test_nothing_changed_nothing_written(root: Path, live: Path, read: list[str]) -> None:
    """A refresh of an unchanged corpus reads no page, encodes nothing, and leaves every file of the index as it was."""
    before, encoder = files_of(live), Recording()
    for path in sorted(root.rglob("*.*")):
        os.utime(path, (1, 1))
    report = refresh(root, live, encoder)
    assert (read, encoder.texts, report.unchanged, report.sources, report.encoded) == ([], [], 5, 5, 0)
    assert report.passages == len(open_index(live))
    assert files_of(live) == before


# nothing wrong is taken over


def test_another_model_takes_no_vectors_over(root: Path, live: Path) -> None:
    """Another model encodes everything, and so does the first one when it comes back; each index is that of a build from nothing."""
    other = partial(Recording, "another", shift=3)
    first, encoder = serving(live), other()
    report = refresh(root, live, encoder)
    assert report.unchanged == 5, "pages do not hang on the model"
    assert report.encoded == len(encoder.texts) >= len(SUBJECTS)
    assert serving(live) == full(root, live.parent, other()) != first
    back = Recording()
    refresh(root, live, back)
    assert back.texts
    assert serving(live) == first


def test_another_prompt_takes_no_vectors_over(root: Path, live: Path) -> None:
    """The same weights used in another way are another encoder."""
    encoder = Recording(shift=1)
    encoder.identity = EncoderIdentity(**{**encoder.identity.as_dict(), "passage_prompt": "passage: "})
    refresh(root, live, encoder)
    assert len(set(encoder.texts)) >= len(SUBJECTS)
    folder, opened = live / "generations" / serving(live), open_index(live)
    asked = [pipeline.query_text(opened.passage(row)) for row in range(len(opened))]
    kept = np.load(folder / "side_vectors.npy")[:, 0] * np.load(folder / "side_scales.npy")[:, :1]
    np.testing.assert_allclose(kept, np.roll(encoder.encode(asked), 1, axis=1), atol=0.005)


@pytest.mark.parametrize(
    "options",
    [CorpusOptions(exclude=("*.html",)), CorpusOptions(include=("*.md",)), CorpusOptions(max_bytes=200)],
    ids=["exclude", "include", "max_bytes"],
)
def test_other_corpus_options_are_as_good_as_from_nothing(root: Path, live: Path, options: CorpusOptions) -> None:
    """Files that the options leave out now are out, whatever the cache knows of them; and in again without them."""
    first = serving(live)
    refresh(root, live, options=options)
    assert serving(live) == full(root, live.parent, options=options) != first
    refresh(root, live)
    assert serving(live) == first


def test_another_program_takes_no_pages_over(
    root: Path, live: Path, read: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Pages made by other code are made again."""
    monkeypatch.setattr(pages, "code_digest", lambda: "another")
    assert refresh(root, live).unchanged == 0
    assert len(set(read)) == 5


def test_another_analyzer_takes_no_vectors_over(root: Path, live: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What an encoder is given is folded by the analyzer: of another one it may be another text."""
    monkeypatch.setattr(pipeline, "ANALYZER_VERSION", 99)
    (root / "d.md").unlink()
    assert refresh(root, live).encoded >= len(SUBJECTS) - 1


@pytest.mark.parametrize("back", [False, True], ids=["it stays so", "it changes back"])
def test_a_file_that_changes_during_a_build_poisons_nothing(
    root: Path, live: Path, back: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A page read after it was looked at is remembered as what it was read as: neither it nor its old content is mixed up later."""
    before, after = (root / "a.md").read_bytes(), page("a.md", [6], True)
    fit = profile.fit

    def fit_late(lines: Any) -> Any:
        found = fit(lines)
        (root / "a.md").write_text(after, encoding="utf-8")
        return found

    (root / "b.txt").unlink()  # the footer is the site's no more: a.md, whose lines are known, is cleaned again
    monkeypatch.setattr(pages, "fit", fit_late)
    refresh(root, live)
    monkeypatch.setattr(pages, "fit", fit)
    if back:
        (root / "a.md").write_bytes(before)
    refresh(root, live)
    assert serving(live) == full(root, live.parent)


def test_a_build_that_fails_keeps_index_and_cache(root: Path, live: Path) -> None:
    """With every document gone the old index serves on, and what was known is still known when they are back."""
    first = serving(live)
    root.rename(root.with_name("away"))
    root.mkdir()
    with pytest.raises(InputError, match="no document"):
        refresh(root, live)
    assert serving(live) == first
    assert answers(live)
    root.rmdir()
    root.with_name("away").rename(root)
    assert refresh(root, live).unchanged == 5


# told again


@pytest.fixture
def doubtful(mini_corpus: Path) -> Path:
    """A corpus with a byte that is no character, and an empty file."""
    (mini_corpus / "bad.md").write_bytes(MINI_PAGES["zh.md"].encode() + b"\n\xff\n")
    (mini_corpus / "empty.md").write_bytes(b"")
    return mini_corpus


def test_warnings_are_told_again(doubtful: Path, tmp_path: Path, cli: Run) -> None:
    """Undecodable characters and skipped files are warned of at every refresh, not only when first read."""
    index = tmp_path / "index"

    def warnings(result: Result) -> list[str]:
        assert result.status == 0, result.err
        return sorted(line for line in result.err.split("\n") if line.startswith("warning: "))

    first = warnings(cli("index", doubtful, "--index", index))
    assert ["could not be decoded" in line for line in first] == [True, False]
    assert "bad.md" in first[0]
    assert "empty.md" in first[1]
    again = cli("index", "--index", index)
    assert "4 sources unchanged" in again.err
    assert warnings(again) == first
    (doubtful / "zh.md").write_text(MINI_PAGES["zh.md"] + "\n", encoding="utf-8")
    assert warnings(cli("index", "--index", index)) == first


# damage


def spoil_file(directory: Path) -> None:
    path = directory / "generations" / serving(directory) / "terms.json"
    path.write_bytes(path.read_bytes()[:-1] + b"x")


def remove_file(directory: Path) -> None:
    (directory / "generations" / serving(directory) / "copies.npy").unlink()


def spoil_pointer(directory: Path) -> None:
    raw = (directory / "CURRENT").read_bytes()
    (directory / "CURRENT").write_bytes(bytes([raw[0] ^ 0x80]) + raw[1:])


def lead_astray(directory: Path) -> None:
    (directory / "CURRENT").write_text("0123456789abcdef\n", encoding="utf-8")


def remove_generation(directory: Path) -> None:
    shutil.rmtree(directory / "generations" / serving(directory))


@pytest.mark.parametrize("harm", [spoil_file, remove_file, spoil_pointer, lead_astray])
def test_a_plain_refresh_repairs_the_index(small: Path, cli: Run, harm: Callable[[Path], None]) -> None:
    """What the error recommends works: `retriever index --index DIR` alone rebuilds a damaged index, though nothing of its corpus changed."""
    index = small / "index"
    ask = ("ask", "学习率太大会怎样？", "--json", "--index", index)
    before, name = cli(*ask), serving(index)
    harm(index)
    refused = cli(*ask)
    assert (refused.status, refused.out) == (2, "")
    assert f"rebuild it with: retriever index --index {index}" in refused.err
    repaired = cli("index", "--index", index)
    assert repaired.status == 0, repaired.err
    assert cli(*ask) == before
    assert serving(index) == name
    assert cli("verify", "--index", index).status == 0


def test_a_lost_generation_is_built_again_from_the_named_corpus(root: Path, live: Path) -> None:
    """Nothing but the cache is left: the index is built again, without encoding anything again."""
    name = serving(live)
    remove_generation(live)
    encoder = Recording()
    refresh(root, live, encoder)
    assert (serving(live), encoder.texts) == (name, [])
    assert answers(live)


Harm = Callable[[Path], object]


def flip_bytes(count: int, seed: int) -> Harm:
    def harm(path: Path) -> None:
        dice, raw = random.Random(seed), bytearray(path.read_bytes())
        for _ in range(count):
            raw[dice.randrange(len(raw))] ^= 1 << dice.randrange(8)
        path.write_bytes(raw)

    return harm


def keep_first_page(path: Path) -> None:
    raw = path.read_bytes()
    path.write_bytes(raw[:4096] + random.Random(0).randbytes(len(raw) - 4096))


def spoil_last_pages(path: Path) -> None:
    raw = path.read_bytes()
    path.write_bytes(raw[:-8192] + random.Random(0).randbytes(8192))


def another_database(path: Path) -> None:
    path.unlink()
    in_base(path, "CREATE TABLE step (other TEXT)")


def garble_schema(path: Path) -> None:
    path.write_bytes(path.read_bytes().replace(b"kind TEXT, key", b"kind TEXT\xa0 key"))


def garble_name(path: Path) -> None:
    path.write_bytes(path.read_bytes().replace(b"CREATE TABLE step", b"CREATE TABL\xa0 step"))


def make_folder(path: Path) -> None:
    path.unlink()
    path.mkdir()


DAMAGE: dict[str, Harm] = {
    "gone": Path.unlink,
    "empty": lambda path: path.write_bytes(b""),
    "words": lambda path: path.write_text("hello", encoding="utf-8"),
    "noise": lambda path: path.write_bytes(random.Random(0).randbytes(40_000)),
    "header only": lambda path: path.write_bytes(path.read_bytes()[:100]),
    "cut in half": lambda path: path.write_bytes(path.read_bytes()[: path.stat().st_size // 2]),
    "cut by a byte": lambda path: path.write_bytes(path.read_bytes()[:-1]),
    "noise behind the first page": keep_first_page,
    "noise in the last pages": spoil_last_pages,
    "another database": another_database,
    "a schema that is no text": garble_schema,
    "a schema that is no statement": garble_name,
    "a folder": make_folder,
    **{f"flips {seed}": flip_bytes(1 + 12 * (seed % 4), seed) for seed in range(20)},
}


def in_base(path: Path, statement: str, *rows: Any) -> list[Any]:
    """Run a statement on a cache file, and leave it closed."""
    with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as base:
        if rows:
            base.executemany(statement, rows)
            return []
        return base.execute(statement).fetchall()


@pytest.mark.parametrize("harm", DAMAGE.values(), ids=DAMAGE)
def test_a_damaged_cache_changes_no_index(root: Path, live: Path, harm: Harm) -> None:
    """Whatever became of the cache, the next refresh gives the index of a full build."""
    harm(live / reuse.NAME)
    (root / "d.md").write_text(page("d.md", [0, 6], False), encoding="utf-8")
    refresh(root, live)
    assert serving(live) == full(root, live.parent)


@pytest.mark.parametrize("damage", sorted(DAMAGE.keys() - {"a folder"}))
def test_a_damaged_cache_is_replaced(root: Path, live: Path, damage: str) -> None:
    """What could not be used is written anew: one refresh more and refreshing is as quick as before."""
    DAMAGE[damage](live / reuse.NAME)
    for text in ("the first change", "the second change"):
        (root / "d.md").write_text(page("d.md", [6], False) + f"\nThis is {text}.\n", encoding="utf-8")
        report = refresh(root, live)
    (root / "d.md").write_text(page("d.md", [6], False) + "\nThis is the last change.\n", encoding="utf-8")
    report = refresh(root, live)
    assert (report.unchanged, report.encoded) == (4, 1)


@pytest.mark.parametrize("kind", ["lines", "page", "base words", "terms", "vector"])
def test_a_value_that_is_not_what_was_put_is_never_used(root: Path, live: Path, kind: str) -> None:
    """One bit of every value of a kind flipped inside a sound SQLite file: all of them are made again."""
    rows = in_base(live / reuse.NAME, f"SELECT value, kind, key FROM step WHERE kind LIKE '{kind}%'")
    assert rows
    dice = random.Random(kind)
    spoiled = []
    for value, *key in rows:
        raw = bytearray(value)
        raw[dice.randrange(len(raw))] ^= 1 << dice.randrange(8)
        spoiled.append((bytes(raw), *key))
    in_base(live / reuse.NAME, "UPDATE step SET value = ? WHERE kind = ? AND key = ?", *spoiled)
    (root / "d.md").write_text(page("d.md", [0], False), encoding="utf-8")
    refresh(root, live)
    assert serving(live) == full(root, live.parent)


@pytest.mark.parametrize("kind", ["lines", "page", "terms", "vector"])
def test_a_sound_value_in_the_wrong_place_is_never_used(root: Path, live: Path, kind: str) -> None:
    """Values of a kind that changed places, each with its checksum, are none of theirs."""
    rows = in_base(
        live / reuse.NAME, f"SELECT value, digest, kind, key FROM step WHERE kind LIKE '{kind}%' ORDER BY key"
    )
    assert len(rows) > 1
    moved = [(value, digest, *key) for (value, digest, *_), (_, _, *key) in zip(rows, rows[1:] + rows[:1], strict=True)]
    in_base(live / reuse.NAME, "UPDATE step SET value = ?, digest = ? WHERE kind = ? AND key = ?", *moved)
    (root / "d.md").write_text(page("d.md", [0], False), encoding="utf-8")
    refresh(root, live)
    assert serving(live) == full(root, live.parent)


def test_values_of_another_type_are_not_used(root: Path, live: Path) -> None:
    """A text, a number or nothing in place of bytes is as good as no value."""
    for value in ("'text'", "7", "NULL"):
        in_base(live / reuse.NAME, f"UPDATE step SET value = {value}")
        (root / "d.md").write_text(page("d.md", [0], False) + f"\n{value}\n", encoding="utf-8")
        refresh(root, live)
        assert serving(live) == full(root, live.parent)


def test_the_cache_is_what_a_refresh_goes_by(root: Path, live: Path) -> None:
    """The tests above can fail: a wrong vector with a right checksum would be used."""
    rows = in_base(live / reuse.NAME, "SELECT kind, key, value FROM step WHERE kind LIKE 'vector%'")
    forged = [
        (bytes(len(value)), reuse._checksum(kind, key, bytes(len(value))), kind, key) for kind, key, value in rows
    ]
    in_base(live / reuse.NAME, "UPDATE step SET value = ?, digest = ? WHERE kind = ? AND key = ?", *forged)
    (root / "d.md").write_text(page("d.md", [0], False), encoding="utf-8")
    refresh(root, live)
    assert serving(live) != full(root, live.parent)
    refresh(root, live, full=True)
    assert serving(live) == full(root, live.parent), "--full gets rid of it"


@pytest.mark.parametrize("lock", ["EXCLUSIVE", "IMMEDIATE"])
def test_a_locked_cache_changes_no_index(root: Path, live: Path, lock: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Another program that reads or writes the cache file delays a build, and no more."""
    connect = sqlite3.connect
    with contextlib.closing(connect(live / reuse.NAME, isolation_level=None)) as holder:
        holder.execute(f"BEGIN {lock}")
        monkeypatch.setattr(sqlite3, "connect", partial(connect, timeout=0.05))
        (root / "d.md").write_text(page("d.md", [0], False), encoding="utf-8")
        refresh(root, live)
        assert serving(live) == full(root, live.parent)
    refresh(root, live)
    assert serving(live) == full(root, live.parent)


def test_a_read_only_cache_is_used_and_left(root: Path, live: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A cache that cannot be written is still taken from, and a build with it is as good as any."""
    before, connect = (live / reuse.NAME).read_bytes(), sqlite3.connect

    def reading(path: Path, **options: Any) -> sqlite3.Connection:
        opened: sqlite3.Connection = connect(f"file:{path}?mode=ro", uri=True, **options)
        return opened

    (root / "d.md").write_text(page("d.md", [0], False), encoding="utf-8")
    with monkeypatch.context() as patch:
        patch.setattr(sqlite3, "connect", reading)
        assert refresh(root, live).unchanged == 4
    assert (live / reuse.NAME).read_bytes() == before
    assert serving(live) == full(root, live.parent)


@pytest.mark.skipif(os.geteuid() == 0, reason="root writes everywhere")
def test_a_write_protected_cache_file_changes_no_index(root: Path, live: Path) -> None:
    """A cache file without permission to write, then without permission to read."""
    for mode in (0o400, 0o000):
        (live / reuse.NAME).chmod(mode)
        (root / "d.md").write_text(page("d.md", [0], False) + f"\n{mode}\n", encoding="utf-8")
        refresh(root, live)
        assert serving(live) == full(root, live.parent)


def test_what_belongs_to_removed_files_is_forgotten(root: Path, live: Path) -> None:
    """A refresh leaves in the cache what the corpus has now: no row of a removed page, none of an old state, and none twice."""

    def rows() -> set[tuple[str, str]]:
        return set(in_base(live / reuse.NAME, "SELECT kind, key FROM step"))

    first = rows()
    (root / "secret.md").write_text("## Who wrote the xylophone paper?\n\nNobody did.\n", encoding="utf-8")
    refresh(root, live)
    assert rows() > first
    assert b"xylophone" in (live / reuse.NAME).read_bytes()
    (root / "secret.md").unlink()
    refresh(root, live)
    assert rows() == first
    values = in_base(live / reuse.NAME, "SELECT value FROM step")
    assert not [value for (value,) in values if b"xylophone" in value]
