"""What a build may take over from earlier ones: results of pure steps by the content they were made of, in one SQLite file beside the index.

It is a cache and nothing more: every value carries its checksum, a damaged file or value is forgotten, and a build without it gives the
same index, only later.
"""

import contextlib
import hashlib
import sqlite3
from collections.abc import Iterable
from pathlib import Path

NAME = "cache.sqlite"
# What sqlite3 raises on a damaged file; its messages quote names of the file, which may be no UTF-8 any more.
_DAMAGED = (sqlite3.Error, UnicodeDecodeError)
_SCHEMA = "CREATE TABLE IF NOT EXISTS step (kind TEXT, key TEXT, value BLOB, digest BLOB, PRIMARY KEY (kind, key)) WITHOUT ROWID"


class BuildCache:
    """Values by kind and key. What is neither asked for nor put between opening and `keep` is forgotten by it.

    Without a `path`, or when the file cannot be used, it remembers nothing; with `forget` it gives nothing of what it remembered.
    """

    def __init__(self, path: Path | None, forget: bool = False) -> None:
        self._path, self._forget = path, forget
        self._used: set[tuple[str, str]] = set()
        self._fresh: dict[tuple[str, str], bytes] = {}
        self._base = self._open()

    def _open(self) -> sqlite3.Connection | None:
        """The file, made anew when it is damaged."""
        if self._path is None:
            return None
        for _ in range(2):
            with contextlib.suppress(*_DAMAGED, OSError):
                base = sqlite3.connect(self._path, isolation_level=None)
                try:
                    base.execute(_SCHEMA)
                    base.execute("SELECT kind, key, value, digest FROM step LIMIT 1").fetchall()
                except _DAMAGED:
                    base.close()
                    raise
                return base
            with contextlib.suppress(OSError):
                self._path.unlink()
        return None

    def get(self, kind: str, key: str) -> bytes | None:
        """The value, or None when there is none or it is damaged."""
        if (kind, key) in self._fresh:
            return self._fresh[kind, key]
        if self._base is None or self._forget:
            return None
        try:
            row = self._base.execute(
                "SELECT value, digest FROM step WHERE kind = ? AND key = ?", (kind, key)
            ).fetchone()
        except _DAMAGED:
            return None
        if row is None or not isinstance(row[0], bytes) or row[1] != _checksum(kind, key, row[0]):
            return None
        self._used.add((kind, key))
        value: bytes = row[0]
        return value

    def put(self, kind: str, key: str, value: bytes) -> None:
        """Remember a value from `keep` on."""
        self._fresh[kind, key] = value

    def keep(self) -> None:
        """Write what was put and forget what was not used; in one transaction, so that a crash leaves the old state or the new one."""
        if self._base is None or self._path is None:
            return
        try:
            if self._base.execute("PRAGMA integrity_check(1)").fetchone() != ("ok",):
                raise sqlite3.DatabaseError("damaged")
            self._write(self._base)
        except sqlite3.OperationalError:
            return  # locked, read-only, or no room: it stays as it is
        except _DAMAGED:  # damaged inside: begin a new one
            self.close()
            with contextlib.suppress(OSError):
                self._path.unlink()
            self._base = self._open()
            if self._base is not None:
                with contextlib.suppress(*_DAMAGED):
                    self._write(self._base)

    def _write(self, base: sqlite3.Connection) -> None:
        base.execute("BEGIN IMMEDIATE")
        base.execute("CREATE TEMP TABLE used (kind TEXT, key TEXT, PRIMARY KEY (kind, key)) WITHOUT ROWID")
        base.executemany("INSERT OR IGNORE INTO used VALUES (?, ?)", [*self._used, *self._fresh])
        base.execute(
            "DELETE FROM step WHERE NOT EXISTS (SELECT 1 FROM used WHERE used.kind = step.kind AND used.key = step.key)"
        )
        base.executemany(
            "INSERT OR REPLACE INTO step VALUES (?, ?, ?, ?)",
            ((kind, key, value, _checksum(kind, key, value)) for (kind, key), value in self._fresh.items()),
        )
        base.execute("DROP TABLE used")
        base.execute("COMMIT")

    def close(self) -> None:
        if self._base is not None:
            self._base.close()
            self._base = None


def digest_of(parts: Iterable[str]) -> str:
    """A key made of texts."""
    found = hashlib.sha256()
    for part in parts:
        raw = part.encode("utf-8", "surrogatepass")
        found.update(len(raw).to_bytes(8, "little") + raw)
    return found.hexdigest()


def code_digest() -> str:
    """What stands for this version of everything that makes passages and terms of bytes: a digest of its code."""
    package = Path(__file__).parent
    files = sorted(package.rglob("*.py"))
    found = hashlib.sha256()
    for path in files:
        found.update(path.relative_to(package).as_posix().encode() + b"\0" + path.read_bytes())
    return found.hexdigest()[:16]


def _checksum(kind: str, key: str, value: bytes) -> bytes:
    return hashlib.blake2b(kind.encode() + b"\0" + key.encode() + b"\0" + value, digest_size=8).digest()
