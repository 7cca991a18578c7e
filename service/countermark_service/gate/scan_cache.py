"""Where scanners' earlier answers are kept, and the key without which none is believed.

On a machine that `init` set up: in the repository's private folder. Elsewhere nowhere, unless the operator names a
directory and a key file. The directory may be anybody's, also the checkout's; the key may not.

Trust: the directory is hostile (`countermark_scanners.sealed`). Whoever reads the key can make the scanners' answers
up, so it lies where neither the change nor a job that runs the change's code can read it.
"""

from __future__ import annotations

import argparse
import os
import re
import secrets
import stat
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from countermark_ledger.errors import UnsafeKey
from countermark_scanners.cache import AnswerCache
from countermark_scanners.sealed import KEY_BYTES, SealedRecords
from countermark_service.exits import UsageError
from countermark_service.home import Home

MAKE_KEY_HINT = "(umask 077; openssl rand -hex 32 > FILE)   and keep FILE outside of every checkout"
_KEY = re.compile(rb"([0-9a-f]{%d})\n?" % (2 * KEY_BYTES))
_OTHERS = 0o077


@dataclass(frozen=True, slots=True)
class CachePlace:
    """A directory of kept answers, and the key that seals them."""

    directory: Path
    key: bytes


def configure(parser: argparse.ArgumentParser) -> None:
    """Describe where answers are kept."""
    parser.add_argument(
        "--scan-cache",
        type=Path,
        metavar="DIR",
        help="keep scanners' answers here (default: the private folder that `init` made, if any)",
    )
    parser.add_argument(
        "--scan-cache-key",
        type=Path,
        metavar="FILE",
        help="64 hex digits outside of every checkout, readable by you alone: only answers sealed with it count",
    )
    parser.add_argument("--no-scan-cache", action="store_true", help="ask every scanner about everything")


@contextmanager
def opened(place: CachePlace | None, say: Callable[[str], None]) -> Iterator[AnswerCache | None]:
    """Open the cache; a directory that can't be used is said, and costs time only."""
    with ExitStack() as stack:
        records = None
        if place is not None:
            try:
                records = stack.enter_context(SealedRecords.open(place.directory, place.key))
            except OSError as error:  # whoever can write there could otherwise turn every decision red
                say(f"scan cache {place.directory}: {error.strerror}; every scanner is asked about everything")
        yield None if records is None else AnswerCache(records)


def chosen(args: argparse.Namespace, home: Home | None) -> CachePlace | None:
    """Read from the options, or from this machine's own folder, where answers are kept; None is nowhere."""
    if args.no_scan_cache:
        return None
    if args.scan_cache is None and args.scan_cache_key is not None:
        raise UsageError("--scan-cache-key: expected --scan-cache DIR with it", hint="countermark gate --help")
    if args.scan_cache_key is not None:
        return CachePlace(args.scan_cache, read_key(args.scan_cache_key))
    if home is not None:
        return CachePlace(args.scan_cache or home.path / "scan-cache", _key_of(home))
    if args.scan_cache is not None:
        raise UsageError("--scan-cache: expected --scan-cache-key FILE with it, found none", hint=MAKE_KEY_HINT)
    return None


def read_key(path: Path) -> bytes:
    """Read a key file; raise `UnsafeKey` unless it is a regular file of ours alone, outside of every work tree."""
    _refuse_work_tree(path)
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError as error:
        raise UnsafeKey(f"scan cache key {path}: {error.strerror}", hint=MAKE_KEY_HINT) from error
    try:
        found = os.fstat(descriptor)
        if not stat.S_ISREG(found.st_mode) or found.st_uid != os.geteuid() or found.st_mode & _OTHERS:
            raise UnsafeKey(f"scan cache key {path}: expected a file of yours alone", hint=f"chmod 600 {path}")
        return _parsed(os.read(descriptor, 2 * KEY_BYTES + 2), path)
    finally:
        os.close(descriptor)


def _key_of(home: Home) -> bytes:
    """Read this machine's own key; make it at the first use, where two may begin at once."""
    path = home.path / "scan-cache.key"
    if not os.path.lexists(path):
        try:
            _make_key(path)
        except OSError as error:
            raise UnsafeKey(f"{path}: {error.strerror}", hint="countermark gate --no-scan-cache") from error
    return read_key(path)


def _make_key(path: Path) -> None:
    draft = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
    with os.fdopen(os.open(draft, flags, 0o600), "wb") as file:
        file.write(secrets.token_hex(KEY_BYTES).encode() + b"\n")
    try:
        with suppress(FileExistsError):  # somebody else's is as good
            path.hardlink_to(draft)
    finally:
        draft.unlink()


def _parsed(raw: bytes, path: Path) -> bytes:
    found = _KEY.fullmatch(raw)
    if found is None:
        raise UnsafeKey(f"scan cache key {path}: expected {2 * KEY_BYTES} lower-case hex digits", hint=MAKE_KEY_HINT)
    return bytes.fromhex(found[1].decode("ascii"))


def _refuse_work_tree(path: Path) -> None:
    """Refuse a place that a change could bring, or a commit could publish."""
    place = path.resolve()
    for folder in place.parents:
        if os.path.lexists(folder / ".git"):
            raise UnsafeKey(f"scan cache key {path}: inside the git work tree {folder}", hint=MAKE_KEY_HINT)
