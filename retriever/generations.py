"""The folder of an index: generations written aside, and switched in by one atomic rename of a pointer.

    DIR/CURRENT              name of the generation that serves
    DIR/generations/NAME/    manifest.json and the files it lists, each with its size and checksum

NAME begins with the checksum of the manifest, so that a flipped byte anywhere is found. Readers open the generation that
CURRENT names and never see one in the making. JSON, npy (without pickle) and FAISS only.
"""

import contextlib
import hashlib
import json
import os
import re
import secrets
import shutil
from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

from retriever.analysis import ANALYZER_VERSION
from retriever.citations import shown_name
from retriever.errors import IndexUnusableError, InputError, rebuild_hint

FORMAT_VERSION = 5
_POINTER = re.compile(rb"[0-9a-f]{16}(-[0-9a-f]{4})?\n")  # the form `switch` writes, to the byte


def is_built(directory: Path) -> bool:
    """True when `directory` holds an index that finished building."""
    return os.path.isfile(directory / "CURRENT")


def current(directory: Path) -> Path:
    """The folder of the serving generation. Raises IndexUnusableError when there is none."""
    try:
        raw = (directory / "CURRENT").read_bytes()
    except OSError as error:
        if isinstance(error, FileNotFoundError):
            raise IndexUnusableError(
                f"{directory}: no index here; make one with: retriever index --index {directory}"
            ) from error
        raise IndexUnusableError(f"{directory}/CURRENT: not readable ({error}); {_hint(directory)}") from error
    if not _POINTER.fullmatch(raw):
        raise IndexUnusableError(f"{directory}/CURRENT: damaged; {_hint(directory)}")
    return directory / "generations" / raw.decode().strip()


def _hint(directory: Path) -> str:
    return rebuild_hint(directory / "generations" / "any")


def read_manifest(folder: Path) -> dict[str, Any]:
    """The manifest of a generation, its own checksum and version checked. Raises IndexUnusableError."""
    try:
        raw = (folder / "manifest.json").read_bytes()
        manifest: dict[str, Any] = json.loads(raw)
        found = (manifest["format_version"], manifest["analyzer_version"])
    except FileNotFoundError as error:
        if folder.is_dir():
            raise IndexUnusableError(f"{folder}/manifest.json: missing or damaged; {rebuild_hint(folder)}") from error
        raise IndexUnusableError(
            f"{folder}: not there, though {folder.parent.parent}/CURRENT names it; {rebuild_hint(folder)}"
        ) from error
    except (OSError, ValueError, KeyError, TypeError, RecursionError) as error:
        raise IndexUnusableError(f"{folder}/manifest.json: missing or damaged; {rebuild_hint(folder)}") from error
    if found != (FORMAT_VERSION, ANALYZER_VERSION):
        raise IndexUnusableError(
            f"{folder}: written by another version (format {found[0]}, analyzer {found[1]}; this one reads {FORMAT_VERSION}, "
            f"{ANALYZER_VERSION}); {rebuild_hint(folder)}"
        )
    if folder.name.split("-")[0] != _name_of(raw):
        raise IndexUnusableError(
            f"{folder}/manifest.json: damaged (its checksum is not the folder's name); {rebuild_hint(folder)}"
        )
    return manifest


def verify_files(folder: Path, manifest: dict[str, Any]) -> None:
    """Compare every file of a generation with its manifest. Raises IndexUnusableError naming the first that differs."""
    for name, wanted in manifest["files"].items():
        try:
            sound = (folder / name).stat().st_size == wanted["bytes"] and sha256(folder / name) == wanted["sha256"]
        except OSError as error:
            raise IndexUnusableError(
                f"{folder / name}: missing or not readable ({error.strerror}); {rebuild_hint(folder)}"
            ) from error
        if not sound:
            raise IndexUnusableError(
                f"{folder / name}: damaged (its checksum differs from the manifest's); {rebuild_hint(folder)}"
            )


def recorded_settings(directory: Path) -> dict[str, Any] | None:
    """What the index in `directory` was built from, even when it is damaged or of another version; None when no trace is left."""
    if not is_built(directory):
        return None
    folders = []
    with contextlib.suppress(IndexUnusableError):
        folders.append(current(directory))
    with contextlib.suppress(OSError):
        folders.extend(sorted((directory / "generations").iterdir(), key=lambda one: -one.stat().st_mtime))
    for folder in folders:
        with contextlib.suppress(OSError, ValueError, KeyError, TypeError, RecursionError):
            settings: dict[str, Any] = json.loads((folder / "manifest.json").read_bytes())["settings"]
            if isinstance(settings["roots"], list):
                return settings
    return None


@contextlib.contextmanager
def building(directory: Path, told: Callable[[str], None] = lambda _: None) -> Iterator[None]:
    """Hold the folder of an index for building; while another process does, say so once through `told` and wait for it.

    The system frees the lock of a process that dies, so none is left behind. Raises InputError when the folder cannot be written, or is one of
    other things.
    """
    from filelock import FileLock, Timeout

    holder = directory / "BUILDER"
    try:
        others = _others(directory)
        if others:
            raise InputError(
                f"{directory}: holds other files ({', '.join(others[:3])}{', …' if len(others) > 3 else ''}) and no index; "
                "choose a new or an empty folder with --index or RETRIEVER_INDEX"
            )
        directory.mkdir(parents=True, exist_ok=True)
        lock = FileLock(directory / ".lock")
        try:
            lock.acquire(timeout=0)
        except Timeout:
            who = ""
            with contextlib.suppress(OSError, ValueError):
                who = f" ({holder.read_text(encoding='utf-8').strip()})"
            told(f"{directory}: waiting for another build{who}")
            lock.acquire()
    except OSError as error:
        raise InputError(
            f"{directory}: cannot be written ({error.strerror}); choose another place with --index or RETRIEVER_INDEX"
        ) from error
    try:
        with contextlib.suppress(OSError):
            holder.write_text(f"process {os.getpid()} since {datetime.now():%H:%M:%S}\n", encoding="utf-8")
        clear_leftovers(directory)
        yield
    finally:
        with contextlib.suppress(OSError):
            holder.unlink()
        lock.release()


def _others(directory: Path) -> list[str]:
    """What lies open in a folder that holds no index: nothing of ours is to be mixed with it."""
    if is_built(directory) or (directory / "generations").is_dir() or not directory.is_dir():
        return []
    ours = ("BUILDER", "BUNDLED", "calibration.json", "cache.sqlite", "cache.sqlite-journal")
    return sorted(shown_name(name) for name in os.listdir(directory) if name[0] != "." and name not in ours)


def clear_leftovers(directory: Path) -> None:
    """Remove what builds that were broken off have left, and all generations but the one that serves and one other; the lock must be held."""
    generations = directory / "generations"
    with contextlib.suppress(OSError):
        for left in [*generations.glob(".building-*"), *directory.glob(".CURRENT.*")]:
            shutil.rmtree(left, ignore_errors=True) if left.is_dir() else left.unlink(missing_ok=True)
    with contextlib.suppress(OSError, IndexUnusableError):
        serving = current(directory)
        if serving.is_dir():
            others = [folder for folder in generations.iterdir() if folder != serving]
            for old in sorted(others, key=lambda folder: folder.stat().st_mtime_ns)[:-1]:
                shutil.rmtree(old, ignore_errors=True)


def make_aside(directory: Path) -> Path:
    """A new empty folder beside the generations, for one in the making. Raises OSError when it cannot be written."""
    aside = directory / "generations" / f".building-{os.getpid()}-{secrets.token_hex(4)}"
    aside.mkdir(parents=True)
    return aside


def finish(aside: Path, manifest: dict[str, Any]) -> str:
    """Write the manifest over all files of `aside`, sync everything, and return the name of the generation."""
    names = sorted(path.name for path in aside.iterdir())
    manifest["files"] = {
        name: {"bytes": (aside / name).stat().st_size, "sha256": sha256(aside / name)} for name in names
    }
    raw = to_json(manifest)
    (aside / "manifest.json").write_bytes(raw)
    for name in [*names, "manifest.json"]:
        _sync(aside / name)
    _sync(aside)
    return _name_of(raw)


def switch(directory: Path, aside: Path, name: str) -> None:
    """Move a finished generation into place, point CURRENT at it, and remove all but it and the one before."""
    generations = directory / "generations"
    before = ""
    with contextlib.suppress(IndexUnusableError):
        before = current(directory).name
    target = generations / name
    if target.exists():
        try:
            verify_files(target, read_manifest(target))
        except IndexUnusableError:  # the same content, but damaged there: leave it and serve the new copy
            target = generations / f"{name}-{secrets.token_hex(2)}"
    if not target.exists():
        os.rename(aside, target)
    _sync(generations)
    pointer = directory / f".CURRENT.{os.getpid()}"
    pointer.write_bytes(target.name.encode() + b"\n")
    _sync(pointer)
    os.replace(pointer, directory / "CURRENT")
    with contextlib.suppress(OSError):  # it serves; at worst a power cut brings back the one before
        _sync(directory)
    for old in generations.iterdir():
        if old.name not in (target.name, before) and not _in_the_making(old.name):
            shutil.rmtree(old, ignore_errors=True)


def _in_the_making(name: str) -> bool:
    """True for the folder of a build whose process still runs."""
    if not name.startswith(".building-"):
        return False
    try:
        os.kill(int(name.split("-")[1]), 0)
    except (ProcessLookupError, ValueError, IndexError):
        return False
    except PermissionError:
        return True
    return True


def to_json(value: Any) -> bytes:
    """Compact JSON in UTF-8; file names that are no Unicode keep their bytes as lone surrogates."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "surrogatepass")


def from_json(raw: bytes) -> Any:
    """The value of `to_json`'s bytes."""
    return json.loads(raw.decode("utf-8", "surrogatepass"))


def sha256(path: Path) -> str:
    """Hex digest of a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _name_of(manifest: bytes) -> str:
    return hashlib.sha256(manifest).hexdigest()[:16]


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
