"""Paths of any kind under a corpus: links, odd names, things that are no files, files that change; nothing waits, nothing is passed over in silence."""

import os
import re
import socket
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest
from conftest import MINI_PAGES, Run
from doubles import KeywordEncoder
from making import within

from retriever import corpus
from retriever.corpus import CorpusOptions, find_sources, load_source, shown
from retriever.errors import InputError, SourceError
from retriever.indexing import open_index
from retriever.pages import BuildReport, read_corpus
from retriever.pipeline import build, corpus_changes

PAGE = "# What is a path?\n\nA path says where a file lies.\n"
OTHER = "# What is a link?\n\nA link says where another file lies.\n"
FOLLOW = CorpusOptions(follow_links=True)
posix = pytest.mark.skipif(os.name == "nt", reason="such names and files are POSIX's")


def write(path: Path, text: str = PAGE) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return path


def link(path: Path, target: Path | str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.symlink_to(target)
    return path


def read(*roots: Path, options: CorpusOptions = CorpusOptions()) -> tuple[list[str], list[str]]:
    """Names of the pages that are read, and what is said of those that are not."""
    report = BuildReport()
    pages = read_corpus(list(roots), options, report)
    assert report.sources == len(pages)
    return [page.document.source.name for page in pages], list(map(str, report.skipped))


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A corpus of one page, and beside it a folder that is no part of it."""
    write(tmp_path / "corpus" / "page.md")
    write(tmp_path / "outside" / "secret.md", OTHER)
    return tmp_path / "corpus"


# links


@pytest.mark.parametrize("target", ["../outside/secret.md", "../outside"], ids=["file", "folder"])
def test_link_out_of_the_corpus_is_told_and_not_followed(root: Path, target: str) -> None:
    made = link(root / ("link.md" if target.endswith(".md") else "folder"), target)
    names, skipped = read(root)
    assert names == ["page.md"]
    assert skipped == [
        f"{made}: a link out of the corpus, to {os.path.realpath(made)}; follow such links with --follow-links"
    ]


@pytest.mark.parametrize(
    ("name", "target", "found"),
    [("link.md", "../outside/secret.md", "link.md"), ("folder", "../outside", "folder/secret.md")],
    ids=["file", "folder"],
)
def test_link_out_of_the_corpus_is_followed_when_asked(root: Path, name: str, target: str, found: str) -> None:
    link(root / name, target)
    assert read(root, options=FOLLOW) == ([found, "page.md"], [])


def test_build_that_followed_links_gives_nothing_of_them_to_one_that_does_not(root: Path, tmp_path: Path) -> None:
    """What an earlier build remembers of a page behind a link is of no use once links are not followed."""
    link(root / "link.md", "../outside/secret.md")
    assert build([root], tmp_path / "index", KeywordEncoder(), FOLLOW).sources == 2
    report = build([root], tmp_path / "index", KeywordEncoder())
    assert (report.sources, len(report.skipped)) == (1, 1)
    assert [row["name"] for row in open_index(tmp_path / "index").sources()] == ["page.md"]


def test_index_remembers_that_links_are_followed(root: Path, tmp_path: Path, cli: Run) -> None:
    link(root / "link.md", "../outside/secret.md")
    plain = cli("index", root, "--index", tmp_path / "plain")
    assert "1 sources, 1 skipped" in plain.out
    assert "link.md: a link out of the corpus" in plain.err
    assert "2 sources, 0 skipped" in cli("index", root, "--index", tmp_path / "index", "--follow-links").out
    assert "2 sources, 0 skipped" in cli("index", "--index", tmp_path / "index").out
    assert not any(corpus_changes(open_index(tmp_path / "index")).values())


def test_links_that_stay_inside_are_followed_and_every_file_counts_once(root: Path) -> None:
    """A file goes by its own name, however many links lead to it and whatever they are called."""
    write(root / "z" / "deep.md", OTHER)
    write(root / ".hidden" / "kept.md", "# What is kept?\n\nThis page is kept out of sight.\n")
    link(root / "a.md", "page.md")
    link(root / "again", "z")
    link(root / "b.md", root / "a.md")
    link(root / "sub" / "up.md", "../z/deep.md")
    link(root / "seen.md", ".hidden/kept.md")
    assert read(root) == (["page.md", "seen.md", "z/deep.md"], [])


def test_links_between_two_roots_are_inside(root: Path, tmp_path: Path) -> None:
    link(root / "link.md", "../outside/secret.md")
    assert read(root, tmp_path / "outside") == (["corpus/page.md", "outside/secret.md"], [])


@pytest.mark.parametrize("options", [CorpusOptions(), FOLLOW], ids=["inside", "follow"])
def test_links_in_a_circle_end(root: Path, options: CorpusOptions) -> None:
    link(root / "ring", ".")
    link(root / "sub" / "up", "..")
    link(root / "sub" / "side", "../sub")
    with within(20):
        assert read(root, options=options) == (["page.md"], [])


def test_links_that_lead_nowhere_are_told(root: Path) -> None:
    """Dangling links, links to themselves and chains of such; links to what could be no document are none of our business."""
    link(root / "gone.md", "no-such-file.md")
    link(root / "gone-folder", "no-such-folder")
    link(root / "self.md", "self.md")
    link(root / "one.md", "two.md")
    link(root / "two.md", "one.md")
    link(root / "picture.png", "no-such-picture.png")
    names, skipped = read(root)
    assert names == ["page.md"]
    assert sorted(re.match(r".*/([\w.-]+): a link that leads nowhere \(", line).group(1) for line in skipped) == [  # type: ignore[union-attr]
        "gone-folder",
        "gone.md",
        "one.md",
        "self.md",
        "two.md",
    ]


def test_a_link_that_is_named_is_followed(tmp_path: Path) -> None:
    """What stands on the command line is meant."""
    write(tmp_path / "real" / "page.md")
    link(tmp_path / "folder", "real")
    link(tmp_path / "named.md", "real/page.md")
    assert read(tmp_path / "folder") == (["page.md"], [])
    assert read(tmp_path / "named.md") == (["named.md"], [])


def test_patterns_say_what_is_told_of_links(root: Path) -> None:
    link(root / "link.txt", "../outside/secret.md")
    link(root / "folder", "../outside")
    assert len(read(root)[1]) == 2
    assert len(read(root, options=CorpusOptions(include=("*.md",)))[1]) == 1  # the folder may hold such
    assert read(root, options=CorpusOptions(exclude=("link.*", "folder"))) == (["page.md"], [])


# names

ODD_NAMES = [
    "with space.md",
    "-starts-with-a-dash.md",
    "--help.md",
    "two\nlines.md",
    "tab\there.md",
    "C:\\x.md",
    "back\\slash.md",
    "ends in dot..md",
    "escape\x1b[31m\x9b2J\x07.md",
    "right\u202eto\u2066left\u200f.md",
    "zero\u200bwidth\ufeff.md",
    "问题 与 答案.md",
    "😀.md",
    "a" * 252 + ".md",
    "星" * 84 + ".md",
    "*?[a].md",
    "%s {0} $HOME `x`.md",
    "'\"&<>.md",
]


@posix
@pytest.mark.parametrize("name", ODD_NAMES, ids=ascii)
def test_odd_names_are_read_indexed_and_shown(tmp_path: Path, cli: Run, name: str) -> None:
    write(tmp_path / "corpus" / name)
    assert read(tmp_path / "corpus") == ([name], [])
    assert build([tmp_path / "corpus"], tmp_path / "index", KeywordEncoder()).passages == 1
    opened = open_index(tmp_path / "index")
    assert opened.sources()[0]["path"] == str(tmp_path / "corpus" / name)
    assert not any(corpus_changes(opened).values())
    for output in (cli("status", "--index", tmp_path / "index"), cli("passages", tmp_path / "corpus")):
        assert output.status == 0
        assert unprintable(output.out + output.err) == []


@posix
def test_names_that_are_no_utf8_are_read_and_told_apart(tmp_path: Path, cli: Run) -> None:
    folder = tmp_path / "corpus"
    folder.mkdir()
    for raw in (b"\xd6\xd0\xce\xc4.md", b"a\xff.md", b"a\xfe.md"):
        Path(os.fsdecode(os.fsencode(folder) + b"/" + raw)).write_text(PAGE, encoding="utf-8")
    write(folder / "empty.md", "")
    Path(os.fsdecode(os.fsencode(folder) + b"/\xff\xfe.md")).write_text("", encoding="utf-8")
    names, skipped = read(folder)
    assert [os.fsencode(name) for name in names] == [b"a\xfe.md", b"a\xff.md", b"\xd6\xd0\xce\xc4.md"]
    assert sorted(line.removeprefix(f"{folder}/") for line in skipped) == [
        "\\xff\\xfe.md: empty file",
        "empty.md: empty file",
    ]
    assert cli("index", folder, "--index", tmp_path / "index").status == 0
    assert cli("ask", "What is a path?", "--min-confidence", "0", "--index", tmp_path / "index").status == 0
    assert cli("passages", "--json", "--index", tmp_path / "index").status == 0


@posix
def test_messages_show_names_without_their_commands(tmp_path: Path) -> None:
    """What is said of a file that cannot be read is one line that the terminal prints as it stands."""
    folder = tmp_path / "corpus"
    write(folder / "page.md")
    for name in ("esc\x1b]0;t\x07.md", "li\nne.md", "b\u202ei\u200bdi.md"):
        write(folder / name, "")
    link(folder / "to.md", "no\x1b[2Jwhere.md")
    skipped = read(folder)[1]
    assert len(skipped) == 4
    assert [line for line in skipped if not line.isprintable()] == []
    with pytest.raises(InputError) as missing:
        find_sources([tmp_path / "a\x1b[31m\n.md"])
    assert str(missing.value).isprintable()


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("/a/问 题.md", "/a/问 题.md"),
        ("/a/b\n.md", "/a/b\\n.md"),
        ("\x1b[31m", "\\x1b[31m"),
        ("a\udcffb", "a\\xffb"),
        ("\ud800", "\\ud800"),
        ("a\u202eb", "a\\u202eb"),
    ],
)
def test_paths_are_shown_on_one_line(path: str, text: str) -> None:
    assert shown(path) == text


@posix
def test_paths_deeper_than_the_system_opens_are_told(root: Path) -> None:
    """A folder so deep that its path is longer than any call takes is skipped, with its name."""
    here = os.open(root, os.O_RDONLY)
    try:
        for _ in range(30):
            os.mkdir("d" * 200, dir_fd=here)
            deeper = os.open("d" * 200, os.O_RDONLY, dir_fd=here)
            os.close(here)
            here = deeper
    finally:
        os.close(here)
    names, skipped = read(root)
    assert names == ["page.md"]
    assert len(skipped) == 1
    assert "folder cannot be read" in skipped[0]
    remove_deep(root)


def remove_deep(root: Path) -> None:
    """Take the folders of the test above apart from the bottom up, for nobody else can."""
    opened = [os.open(root, os.O_RDONLY)]
    while "d" * 200 in os.listdir(opened[-1]):
        opened.append(os.open("d" * 200, os.O_RDONLY, dir_fd=opened[-1]))
    for upper, lower in zip(reversed(opened[:-1]), reversed(opened), strict=False):
        os.close(lower)
        os.rmdir("d" * 200, dir_fd=upper)
    os.close(opened[0])


# what is no file


@posix
def test_pipes_sockets_and_devices_are_told_and_never_waited_for(root: Path) -> None:
    os.mkfifo(root / "pipe.md")
    link(root / "to-pipe.md", "pipe.md")
    link(root / "null.md", "/dev/null")
    link(root / "zero.txt", "/dev/zero")
    os.mkdir(root / "folder.md")
    with closing(socket.socket(socket.AF_UNIX)) as listening:
        os.chdir(root)  # a socket's path has 108 bytes at most
        listening.bind("socket.md")
        with within(20):
            names, skipped = read(root)
            followed = read(root, options=FOLLOW)
    assert names == ["page.md"]
    assert len(skipped) == 4
    assert sum("not a regular file" in line for line in skipped) == 2
    assert sum("a link out of the corpus" in line for line in skipped) == 2
    assert followed[0] == ["page.md"]
    assert sum("not a regular file" in line for line in followed[1]) == 4


@pytest.fixture(autouse=True)
def _back(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)


@posix
def test_pipe_that_takes_the_place_of_a_file_is_not_waited_for(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Between a look at a file and its opening a pipe may come: opening it does not block, and it is not read."""
    os.mkfifo(root / "pipe.md")
    true_stat, page = os.stat, os.stat(root / "page.md")
    monkeypatch.setattr(os, "stat", lambda path, **kw: page if str(path).endswith("pipe.md") else true_stat(path, **kw))
    with within(10), pytest.raises(SourceError, match="not a regular file"):
        load_source("pipe.md", root / "pipe.md")


@posix
def test_root_that_is_neither_file_nor_folder_is_an_error(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.md")
    with within(10), pytest.raises(InputError, match="neither a file nor a folder"):
        find_sources([tmp_path / "pipe.md"])


# folders and files that cannot be read, or not twice the same


@pytest.fixture
def refuse(monkeypatch: pytest.MonkeyPatch) -> Callable[[str, str], None]:
    """Make a function of `os` fail for paths that end so, as it does for people who may not read everything."""

    def patch(function: str, ending: str) -> None:
        real = getattr(os, function)

        def failing(path: str | os.PathLike[str], *rest: object, **named: object) -> object:
            if os.fspath(path).endswith(ending):
                raise PermissionError(13, "Permission denied", os.fspath(path))
            return real(path, *rest, **named)

        monkeypatch.setattr(os, function, failing)

    return patch


def test_folder_that_cannot_be_listed_is_told(root: Path, refuse: Callable[[str, str], None]) -> None:
    write(root / "locked" / "page.md")
    write(root / "open" / "page.md", OTHER)
    refuse("scandir", "locked")
    names, skipped = read(root)
    assert names == ["open/page.md", "page.md"]
    assert skipped == [f"{root / 'locked'}: folder cannot be read (Permission denied)"]
    assert read(root, options=CorpusOptions(include=("*.md",)))[1] == skipped
    assert read(root, options=CorpusOptions(exclude=("locked/*",)))[1] == []


def test_corpus_that_cannot_be_listed_at_all_is_an_error(root: Path, refuse: Callable[[str, str], None]) -> None:
    refuse("scandir", "corpus")
    with pytest.raises(InputError, match=r"no document could be read: .*corpus: folder cannot be read"):
        read(root)


@pytest.mark.parametrize("function", ["stat", "open"])
def test_file_that_cannot_be_opened_is_told(root: Path, refuse: Callable[[str, str], None], function: str) -> None:
    write(root / "locked.md", OTHER)
    refuse(function, "locked.md")
    names, skipped = read(root)
    assert names == ["page.md"]
    assert skipped == [f"{root / 'locked.md'}: cannot be read (Permission denied); check its permissions"]


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="the superuser may read everything")
def test_folder_without_permission_is_told(root: Path) -> None:
    write(root / "locked" / "page.md")
    (root / "locked").chmod(0)
    try:
        assert read(root)[0] == ["page.md"]
        assert "folder cannot be read" in read(root)[1][0]
    finally:
        (root / "locked").chmod(0o700)


def test_file_that_vanishes_after_it_was_found_is_told(root: Path, tmp_path: Path) -> None:
    write(root / "gone.md", OTHER)
    found = find_sources([root])
    (root / "gone.md").unlink()
    with pytest.raises(SourceError, match=r"gone\.md: is gone"):
        load_source("gone.md", dict(found)["gone.md"])


def test_folder_that_vanishes_while_it_is_walked_is_told(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(root / "gone" / "page.md")
    real = os.scandir

    def vanishing(path: Path) -> object:
        if path.name == "gone":
            (path / "page.md").unlink()
            path.rmdir()
        return real(path)

    monkeypatch.setattr(os, "scandir", vanishing)
    names, skipped = read(root)
    assert names == ["page.md"]
    assert skipped == [f"{root / 'gone'}: folder cannot be read (No such file or directory)"]


@pytest.mark.parametrize("change", ["shrinks", "grows"])
def test_file_that_changes_while_it_is_read_is_told(root: Path, monkeypatch: pytest.MonkeyPatch, change: str) -> None:
    """Half a page is no page: what was read is not what the file held when it was opened."""
    real = os.fstat

    def changing(descriptor: int) -> os.stat_result:
        status = real(descriptor)
        if status.st_size == len(OTHER):
            with open(root / "log.md", "r+") as file:
                file.truncate(5) if change == "shrinks" else file.seek(0, 2) and file.write("more")
        return status

    write(root / "log.md", OTHER)
    monkeypatch.setattr(corpus.os, "fstat", changing)
    names, skipped = read(root)
    assert names == ["page.md"]
    assert skipped == [f"{root / 'log.md'}: changed while it was read; try again"]


def test_file_that_grows_over_the_limit_after_it_was_found_is_told(root: Path) -> None:
    with pytest.raises(SourceError, match="over the limit of 10"):
        load_source("page.md", root / "page.md", CorpusOptions(max_bytes=10))


def test_name_that_no_file_can_have_is_a_source_error() -> None:
    with pytest.raises(SourceError, match="cannot be read"):
        load_source("a", Path("a\0b.md"))


def test_pages_of_too_many_lines_or_tags_are_told(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A line costs a kilobyte while it is read, however short it is."""
    monkeypatch.setattr(corpus, "MAX_PARTS", 1000)
    write(root / "lines.txt", "a\n" * 1000)
    write(root / "many.txt", "a\n" * 1001)
    write(root / "old.txt", "a\r" * 1001)
    write(root / "tags.html", "<b>" * 1001)
    names, skipped = read(root)
    assert names == ["lines.txt", "page.md"]
    assert all("1,001 lines, tags or attributes, over the limit of 1,000" in line for line in skipped)
    assert len(skipped) == 3


def test_thousands_of_links_and_folders_take_seconds(root: Path) -> None:
    for n in range(3000):
        (root / f"link{n}.md").symlink_to("page.md")
    deep = root
    for _ in range(150):
        deep = deep / "d"
        deep.mkdir()
    write(deep / "deep.md", OTHER)
    with within(20):
        names, skipped = read(root)
    assert names == ["d/" * 150 + "deep.md", "page.md"]
    assert skipped == []


def test_page_that_is_refused_is_a_warning_of_the_build(tmp_path: Path, root: Path, cli: Run) -> None:
    """The build goes on and says on stderr what it left out."""
    write(root / "notes.md", MINI_PAGES["en.md"])
    link(root / "gone.md", "nowhere.md")
    done = cli("index", root, "--index", tmp_path / "index")
    assert done.status == 0
    assert "2 sources, 1 skipped" in done.out
    assert f"warning: {root / 'gone.md'}: a link that leads nowhere" in done.err


def unprintable(text: str) -> list[str]:
    """What a terminal acts on; characters without width are none of it."""
    return [hex(ord(char)) for char in text if not char.isprintable() and char not in "\n\u200b\ufeff"]
