"""Finding source files and decoding them."""

import codecs
import hashlib
import os
from pathlib import Path

import pytest
from making import make_source

from retriever.corpus import CorpusOptions, find_sources, load_source, read_blocks
from retriever.decoding import decode
from retriever.errors import InputError, SourceError

SIMPLIFIED = (
    "问：为什么要把学习率逐步调小？\n"
    "答：训练后期的梯度已经不大，步子太大会在最低点两边来回跳，所以我们让学习率随着轮数慢慢下降。\n"
)
TRADITIONAL = (
    "問：為什麼要把學習率逐步調小？\n"
    "答：訓練後期的梯度已經不大，步子太大會在最低點兩邊來回跳，所以我們讓學習率隨著輪數慢慢下降。\n"
)
ENGLISH = "Q: What does a learning rate schedule do?\nA: It makes the steps smaller as training goes on.\n"


def write(folder: Path, name: str, content: bytes | str = ENGLISH) -> Path:
    """A file in `folder`, its folders made on the way."""
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def names(roots: list[Path], options: CorpusOptions = CorpusOptions()) -> list[str]:
    return [name for name, _ in find_sources(roots, options)]


# decoding


@pytest.mark.parametrize("text", [SIMPLIFIED, TRADITIONAL, ENGLISH], ids=["simplified", "traditional", "english"])
@pytest.mark.parametrize(
    ("encoding", "named"),
    [
        ("utf-8", "utf-8"),
        ("utf-8-sig", "utf-8-sig"),
        ("utf-16", "utf-16"),
        ("utf-16-le", "utf-16-le"),
        ("utf-16-be", "utf-16-be"),
    ],
)
def test_unicode_text_is_decoded(text: str, encoding: str, named: str) -> None:
    """UTF-8 and UTF-16 are told by their byte order mark, UTF-16 also without one."""
    assert decode(text.encode(encoding)) == (text, named)


@pytest.mark.parametrize(
    ("bom", "encoding"),
    [
        (codecs.BOM_UTF16_LE, "utf-16-le"),
        (codecs.BOM_UTF16_BE, "utf-16-be"),
        (codecs.BOM_UTF32_LE, "utf-32-le"),
        (codecs.BOM_UTF32_BE, "utf-32-be"),
    ],
    ids=["utf-16-le", "utf-16-be", "utf-32-le", "utf-32-be"],
)
def test_byte_order_mark_decides_and_is_no_text(bom: bytes, encoding: str) -> None:
    assert decode(bom + SIMPLIFIED.encode(encoding))[0] == SIMPLIFIED


def test_legacy_simplified_text_is_decoded_as_gb18030() -> None:
    assert decode(SIMPLIFIED.encode("gb18030")) == (SIMPLIFIED, "gb18030")


def test_legacy_traditional_text_is_decoded_as_big5() -> None:
    text, encoding = decode(TRADITIONAL.encode("big5"))
    assert (text, encoding.startswith("big5")) == (TRADITIONAL, True)


def test_gb18030_characters_outside_gbk_are_decoded() -> None:
    """Rare characters take four bytes in GB18030 and are not in GBK at all."""
    text = SIMPLIFIED * 3 + "人名里的字如𠮷、㐂也要在。\n"
    assert decode(text.encode("gb18030"))[0] == text


def test_one_short_line_of_gb18030_is_decoded() -> None:
    text = "什么是学习率？\n每一步走多远。\n"
    assert decode(text.encode("gb18030"))[0] == text


@pytest.mark.parametrize(
    ("declaration", "encoding", "text"),
    [
        ('<meta charset="gb2312">', "gb18030", SIMPLIFIED),
        ("<meta charset=gbk>", "gbk", SIMPLIFIED),
        ('<meta http-equiv="Content-Type" content="text/html; charset=gb2312" />', "gb18030", SIMPLIFIED),
        ('<META HTTP-EQUIV="Content-Type" CONTENT="text/html; charset=Big5">', "big5", TRADITIONAL),
        ("<meta charset='big5'>", "big5", TRADITIONAL),
        ('<?xml version="1.0" encoding="GBK"?>', "gbk", SIMPLIFIED),
    ],
)
def test_charset_an_html_page_declares_is_used(declaration: str, encoding: str, text: str) -> None:
    page = f"{declaration}<p>{text}</p>"
    assert decode(page.encode(encoding), html=True)[0] == page


def test_page_that_declares_gb2312_may_hold_characters_of_its_superset() -> None:
    """镕 is in GBK, not in GB2312; browsers decode it all the same."""
    page = '<meta charset="gb2312"><p>姓名：朱镕</p>'
    assert decode(page.encode("gbk"), html=True)[0] == page


def test_utf8_page_that_declares_another_charset_is_read_as_utf8() -> None:
    """Sites re-encode pages and forget the declaration; bytes that are valid UTF-8 with Han text are UTF-8."""
    page = f'<meta charset="gb2312"><p>{SIMPLIFIED}</p>'
    assert decode(page.encode("utf-8"), html=True)[0] == page


def test_unknown_declared_charset_falls_back_to_the_likeliest() -> None:
    page = f'<meta charset="no-such-thing"><p>{SIMPLIFIED}</p>'
    assert decode(page.encode("gb18030"), html=True)[0] == page


def test_declaration_in_plain_text_is_only_text() -> None:
    """The charset of a meta tag means nothing in a file that is no HTML page."""
    text = f'<meta charset="big5"> 写在网页开头。\n{SIMPLIFIED}'
    assert decode(text.encode("gb18030"))[0] == text


def test_bytes_broken_in_utf8_text_become_counted_replacements(tmp_path: Path) -> None:
    part = (SIMPLIFIED * 5).encode()
    path = write(tmp_path, "broken.txt", part + b"\xff" + part + b"\xfe\n")
    source = load_source("broken.txt", path)
    assert (source.encoding, source.replaced, source.text.count("\ufffd")) == ("utf-8", 2, 2)
    assert source.text.replace("\ufffd", "") == SIMPLIFIED * 10 + "\n"


def test_sound_text_has_no_replacements(tmp_path: Path) -> None:
    assert load_source("a.txt", write(tmp_path, "a.txt", SIMPLIFIED.encode("gb18030"))).replaced == 0


def test_western_text_in_cp1252_keeps_its_letters() -> None:
    text = "Q: What is a naïve Bayes classifier?\nA: It treats features as independent – “naïve”, as one says.\n" * 3
    assert decode(text.encode("cp1252"))[0] == text


@pytest.mark.parametrize(
    ("text", "encoding"),
    [
        ("loss = step(batch)\n" * 100 + "# 学习率是步长\n", "gb18030"),
        ("A learning rate says how far each step goes.\n" * 50 + "Naïve Bayes – a classifier\n", "cp1252"),
    ],
    ids=["gb18030", "cp1252"],
)
def test_few_legacy_characters_in_much_ascii_are_decoded(text: str, encoding: str) -> None:
    """A file without one valid multi-byte UTF-8 sequence is no broken UTF-8."""
    assert decode(text.encode(encoding))[0] == text


@pytest.mark.parametrize(
    "declared",
    ["utf-8", "utf-16"],
)
def test_declared_charset_that_does_not_fit_falls_back_to_the_likeliest(declared: str) -> None:
    page = f'<meta charset="{declared}"><p>{SIMPLIFIED}</p>'
    assert decode(page.encode("gb18030"), html=True)[0] == page


@pytest.mark.parametrize("declared", ["idna", "punycode"])
def test_declared_charset_that_is_no_charset_falls_back_to_the_likeliest(declared: str) -> None:
    page = f'<meta charset="{declared}"><p>{SIMPLIFIED}</p>'
    assert decode(page.encode("gb18030"), html=True)[0] == page


# lines


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"], ids=["LF", "CRLF", "CR"])
def test_line_numbers_are_the_same_for_every_line_ending(end: str) -> None:
    source = make_source(end.join(["# 优化", "", "什么是动量？", "梯度的滑动平均。"]), "a.md")
    assert [source.line(n) for n in (1, 2, 3, 4)] == ["# 优化", "", "什么是动量？", "梯度的滑动平均。"]
    assert [source.line_of(source.text.index(c)) for c in "#什梯"] == [1, 3, 4]
    blocks = read_blocks(source)[1]
    assert [(block.start_line, block.end_line) for block in blocks] == [(1, 1), (3, 3), (4, 4)]


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"], ids=["LF", "CRLF", "CR"])
def test_html_line_numbers_are_the_same_for_every_line_ending(end: str) -> None:
    source = make_source(end.join(["<h2>什么是动量？</h2>", "", "<p>梯度的", "滑动平均。</p>"]), "a.html")
    blocks = read_blocks(source)[1]
    assert [(block.start_line, block.end_line) for block in blocks] == [(1, 1), (3, 4)]


def test_mixed_line_endings_each_end_one_line() -> None:
    source = make_source("one\r\ntwo\rthree\nfour", "a.txt")
    assert [source.line(n) for n in range(1, 5)] == ["one", "two", "three", "four"]


def test_characters_that_only_look_like_line_ends_do_not_count() -> None:
    """Form feeds and Unicode line separators are no line ends to an editor."""
    source = make_source("one\x0btwo\x0cthree\u2028four\x85five\nsix", "a.txt")
    assert (len(source.line_starts), source.line(2)) == (2, "six")


def test_source_carries_the_digest_of_its_raw_bytes(tmp_path: Path) -> None:
    raw = SIMPLIFIED.encode("gb18030")
    source = load_source("a.txt", write(tmp_path, "a.txt", raw))
    assert source.sha256 == hashlib.sha256(raw).hexdigest()


# finding


def test_folders_are_walked_and_names_are_relative_and_sorted(tmp_path: Path) -> None:
    for name in ("b.txt", "sub/deep/c.html", "a.md", "sub/a.htm"):
        write(tmp_path, name)
    assert names([tmp_path]) == ["a.md", "b.txt", "sub/a.htm", "sub/deep/c.html"]


def test_suffixes_count_in_any_case_and_other_files_are_passed_over(tmp_path: Path) -> None:
    for name in ("A.TXT", "b.Html", "c.markdown", "d.pdf", "e.py", "README"):
        write(tmp_path, name)
    assert names([tmp_path]) == ["A.TXT", "b.Html", "c.markdown"]


def test_hidden_files_and_folders_are_skipped(tmp_path: Path) -> None:
    for name in ("seen.txt", ".hidden.txt", ".git/notes.md", "sub/.cache/page.html"):
        write(tmp_path, name)
    assert names([tmp_path]) == ["seen.txt"]


def test_files_in_a_hidden_root_are_found_when_it_is_named(tmp_path: Path) -> None:
    write(tmp_path, ".notes/a.txt")
    assert names([tmp_path / ".notes"]) == ["a.txt"]


@pytest.mark.parametrize(
    ("options", "found"),
    [
        (CorpusOptions(include=("*.md",)), ["faq.md", "sub/faq.md"]),
        (CorpusOptions(include=("sub/*",)), ["sub/faq.md", "sub/old.txt"]),
        (CorpusOptions(exclude=("old.*",)), ["faq.md", "sub/faq.md"]),
        (CorpusOptions(exclude=("sub/*",)), ["faq.md", "old.txt"]),
        (CorpusOptions(include=("*.md",), exclude=("sub/*",)), ["faq.md"]),
        (CorpusOptions(include=("faq.*", "old.*")), ["faq.md", "old.txt", "sub/faq.md", "sub/old.txt"]),
    ],
)
def test_globs_match_names_and_file_names(tmp_path: Path, options: CorpusOptions, found: list[str]) -> None:
    for name in ("faq.md", "old.txt", "sub/faq.md", "sub/old.txt"):
        write(tmp_path, name)
    assert names([tmp_path], options) == found


def test_names_of_several_roots_carry_the_name_of_their_root(tmp_path: Path) -> None:
    for name in ("one/a.txt", "two/a.txt"):
        write(tmp_path, name)
    assert names([tmp_path / "one", tmp_path / "two"]) == ["one/a.txt", "two/a.txt"]


def test_names_stay_unique_when_roots_are_called_the_same(tmp_path: Path) -> None:
    first, second = write(tmp_path, "x/docs/a.txt"), write(tmp_path, "y/docs/a.txt")
    found = find_sources([first.parent, second.parent])
    assert len({name for name, _ in found}) == 2
    assert {path for _, path in found} == {first, second}


def test_two_files_of_one_name_are_both_found(tmp_path: Path) -> None:
    first, second = write(tmp_path, "x/a.txt"), write(tmp_path, "y/a.txt")
    found = find_sources([first, second])
    assert len({name for name, _ in found}) == 2
    assert {path for _, path in found} == {first, second}


def test_root_named_twice_is_read_once(tmp_path: Path) -> None:
    write(tmp_path, "a.txt")
    assert names([tmp_path, tmp_path]) == ["a.txt"]


def test_file_inside_a_folder_that_is_also_named_is_read_once(tmp_path: Path) -> None:
    path = write(tmp_path, "docs/a.txt")
    assert len(find_sources([path.parent, path])) == 1


def test_single_file_is_named_by_its_file_name(tmp_path: Path) -> None:
    assert find_sources([write(tmp_path, "a.txt")]) == [("a.txt", tmp_path / "a.txt")]


def test_order_does_not_depend_on_the_order_of_roots(tmp_path: Path) -> None:
    for name in ("one/b.txt", "one/a.txt", "two/c.txt"):
        write(tmp_path, name)
    one, two = tmp_path / "one", tmp_path / "two"
    assert find_sources([one, two]) == find_sources([two, one])


# errors


def test_missing_path_is_an_error_that_names_it(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"gone: no such file or folder"):
        find_sources([tmp_path / "gone"])


def test_folder_without_documents_is_an_error(tmp_path: Path) -> None:
    write(tmp_path, "photo.png")
    with pytest.raises(InputError, match="no document in this folder"):
        find_sources([tmp_path])


def test_globs_that_leave_nothing_are_an_error(tmp_path: Path) -> None:
    write(tmp_path, "a.txt")
    with pytest.raises(InputError, match="--include"):
        find_sources([tmp_path], CorpusOptions(include=("*.md",)))


def test_file_of_unknown_kind_is_an_error_that_lists_the_known_ones(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"paper\.pdf: unknown kind of file.*\.md"):
        find_sources([write(tmp_path, "paper.pdf")])


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("picture.txt", b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\1\0\0\0\1\0\x08\x06\0\0\0" * 20, "binary"),
        ("program.md", b"\x7fELF\x02\x01\x01\0" + bytes(range(256)) * 8, "binary"),
        ("empty.txt", b"", "empty"),
        ("blank.txt", b" \n\t\r\n  ", "empty"),
        ("only_bom.md", codecs.BOM_UTF8, "empty"),
        ("only_bom16.html", codecs.BOM_UTF16_LE + "\n".encode("utf-16-le"), "empty"),
    ],
)
def test_unusable_content_is_an_error_that_names_the_file(
    tmp_path: Path, name: str, content: bytes, message: str
) -> None:
    with pytest.raises(SourceError, match=f"{name}.*{message}"):
        load_source(name, write(tmp_path, name, content))


def test_file_over_the_size_limit_is_an_error_that_names_the_option(tmp_path: Path) -> None:
    path = write(tmp_path, "long.txt", "x" * 101)
    with pytest.raises(SourceError, match=r"long\.txt: 101 bytes, over the limit of 100.*--max-bytes"):
        load_source("long.txt", path, CorpusOptions(max_bytes=100))


def test_file_of_exactly_the_size_limit_is_read(tmp_path: Path) -> None:
    path = write(tmp_path, "long.txt", "x" * 100)
    assert load_source("long.txt", path, CorpusOptions(max_bytes=100)).text == "x" * 100


def test_file_that_vanished_is_a_source_error(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match=r"gone\.txt: is gone"):
        load_source("gone.txt", tmp_path / "gone.txt")


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="the superuser may read every file")
def test_file_without_read_permission_is_a_source_error(tmp_path: Path) -> None:
    path = write(tmp_path, "locked.txt")
    path.chmod(0)
    with pytest.raises(SourceError, match=r"locked\.txt: cannot be read"):
        load_source("locked.txt", path)


def test_broken_link_beside_documents_does_not_stop_the_walk(tmp_path: Path) -> None:
    """A dangling symbolic link is a file that cannot be read, not a reason to find nothing."""
    write(tmp_path, "a.txt")
    (tmp_path / "b.txt").symlink_to(tmp_path / "nowhere.txt")
    assert "a.txt" in names([tmp_path])
