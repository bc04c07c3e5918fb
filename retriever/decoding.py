"""From bytes to text: by byte order mark, by declaration, as UTF-8, else as the likeliest of the older encodings."""

import codecs
import re

from retriever.errors import SourceError

_BOMS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_META_CHARSET = re.compile(
    rb"<meta[^>]+charset\s*+=\s*+[\"']?\s*+([A-Za-z0-9_.:-]+)|<\?xml[^>]+encoding\s*+=\s*+[\"']([A-Za-z0-9_.:-]+)",
    re.IGNORECASE,
)
# gb2312 and gbk pages use characters of their superset, Big5 pages those of the Hong Kong one; so browsers decode them.
_WIDER = {
    "gb2312": "gb18030",
    "gbk": "gb18030",
    "big5": "big5hkscs",
    "ascii": "utf-8",
    "iso8859-1": "cp1252",
    "latin-1": "cp1252",
}
# What a page may declare to be written in: encodings of text in use. Python knows others too, which are none of text (punycode, idna,
# unicode_escape) or give lone surrogates (utf-7).
_DECLARABLE = re.compile(
    r"utf-8|gb18030|gbk|gb2312|hz|big5|big5hkscs|euc_jp|euc_kr|shift_jis|iso2022_jp|cp\d{3,4}|iso8859-\d{1,2}|koi8-[ru]|mac-\w+|ascii|tis-620|johab"
)


def decode(raw: bytes, *, html: bool = False, where: str = "input") -> tuple[str, str]:
    """Text of `raw` and the encoding it was in: by BOM, by declaration (HTML), as UTF-8, else as the likeliest legacy one.

    Bytes that fit no encoding become U+FFFD. Raises SourceError for binary content.
    """
    for bom, encoding in _BOMS:
        if raw.startswith(bom):
            return raw.decode(encoding, "replace").lstrip("\ufeff"), encoding
    wide = _utf16_without_bom(raw)
    if wide:
        return raw.decode(wide, "replace"), wide
    if b"\0" in raw[:65536]:
        raise SourceError(f"{where}: binary content; only text, Markdown and HTML can be read")
    try:
        return raw.decode("utf-8"), "utf-8"
    except UnicodeDecodeError:
        pass
    if html:
        declared = _META_CHARSET.search(raw[:4096])
        if declared:
            name = (declared.group(1) or declared.group(2)).decode("ascii").lower()
            name = "utf-8" if name.startswith(("utf-16", "utf-32", "utf16", "utf32")) else name  # as HTML says
            try:
                name = codecs.lookup(_WIDER.get(name, name)).name
                if _DECLARABLE.fullmatch(name):
                    text = raw.decode(_WIDER.get(name, name), "replace")
                    if text.count("\ufffd") <= 0.01 * _wide(text):
                        return text, name
            except (LookupError, UnicodeError):
                pass  # no such charset, or one that is none for text: go by the bytes
    encoding = _legacy(raw)
    return raw.decode(encoding, "replace"), encoding


def _utf16_without_bom(raw: bytes) -> str:
    """ "utf-16-le" or "utf-16-be" when every other byte of the beginning is mostly the high byte of ASCII or Han text."""
    head = raw[:4000]
    if len(head) < 8 or len(raw) % 2 or b"\0" not in head:
        return ""
    for encoding, low in (("utf-16-le", 0), ("utf-16-be", 1)):
        low_bytes, high_bytes = head[low::2], head[1 - low :: 2]
        ends = sum(a in b"\n\r " and b == 0 for a, b in zip(low_bytes, high_bytes, strict=False))
        text_like = sum(b == 0 or 0x4E <= b <= 0x9F or b in (0x30, 0xFF) for b in high_bytes)
        if ends and text_like > 0.9 * len(high_bytes) and low_bytes.count(0) < 0.1 * len(low_bytes):
            return encoding
    return ""


def _legacy(raw: bytes) -> str:
    """The likeliest encoding of text that is not UTF-8, chosen among the Chinese and Western ones and broken UTF-8."""
    text = raw.decode("utf-8", "replace")
    if text.count("\ufffd") < 0.2 * _wide(text):
        return "utf-8"
    from charset_normalizer import from_bytes

    best = from_bytes(
        raw[:200_000], cp_isolation=["gb18030", "big5", "big5hkscs", "cp1252", "utf-16-le", "utf-16-be", "shift_jis"]
    ).best()
    candidates = (
        ["gb18030", "big5hkscs"] if best is None else [_WIDER.get(best.encoding, best.encoding), "gb18030", "big5hkscs"]
    )
    return max(dict.fromkeys(candidates), key=lambda name: _plausibility(raw[:200_000], name))


def _wide(text: str) -> int:
    """How many characters of `text` are not ASCII."""
    return len(text) - len(text.encode("ascii", "ignore"))


# The commonest characters of running Chinese text, simplified and traditional.
_COMMON = frozenset(
    "的一是不了在人有我他这中大来上个国和也子时到说们为用以要就出会可下得能对生自多可学法数据网络模型问题"
    "這個來時說們為會學對網絡問題數據"
)


def _plausibility(raw: bytes, encoding: str) -> float:
    """Share of very common characters minus that of undecodable and private-use ones."""
    text = raw.decode(encoding, "replace")
    wide = [c for c in text if ord(c) > 127]
    if not wide:
        return 0.0
    bad = sum(c == "\ufffd" or 0xE000 <= ord(c) <= 0xF8FF for c in wide)
    return (sum(c in _COMMON for c in wide) - 5 * bad) / len(wide)
