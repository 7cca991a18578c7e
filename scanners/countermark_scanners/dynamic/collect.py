"""Reads what a run left, without following anything in it: `keep.py` becomes this script.

Layer: scanners, dynamic; `python -I -S collect.py PLACE BEFORE` writes JSON to standard output. Standard library only.
PLACE holds `work`, `home` and `causes`; BEFORE is a JSON object path -> sha256 of the files laid out in `work`.
Trust: names, contents and links are hostile; every process that could still change them is dead. What does not fit
is left out and said (`incomplete`), so that a flood of files can't push out the one that matters.
"""

from __future__ import annotations

import base64
import hashlib
import json
import os
import stat
import sys
from pathlib import Path

MAX_ENTRIES = 200_000
MAX_CONTENTS = 48 * 1024 * 1024
MAX_DEPTH = 200
MAX_CAUSES = 4 * 1024 * 1024

Row = dict[str, "str | bool | None"]


class Collection:
    """The rows found so far, and what is left of the allowance. `known` is None where contents don't matter."""

    def __init__(self, known: dict[str, str] | None) -> None:
        self.known = known
        self.rows: list[Row] = []
        self.left = MAX_CONTENTS
        self.incomplete = ""

    def walk(self, directory: int, at: str, depth: int) -> None:
        """Add everything below an open directory."""
        if depth > MAX_DEPTH:
            self.incomplete = f"what the command left is deeper than {MAX_DEPTH} directories"
            return
        for name in sorted(os.listdir(directory)):
            if len(self.rows) >= MAX_ENTRIES:
                self.incomplete = f"the command left more than {MAX_ENTRIES} files"
                return
            self.add(directory, name, f"{at}/{name}" if at else name, depth)

    def add(self, directory: int, name: str, path: str, depth: int) -> None:
        """Add one entry, and what is below it."""
        found = os.lstat(name, dir_fd=directory)
        if stat.S_ISDIR(found.st_mode):
            self.rows.append(row(path, "directory", found.st_mode))
            self.enter(directory, name, path, depth)
        elif stat.S_ISLNK(found.st_mode):
            target = os.readlink(name, dir_fd=directory)
            self.rows.append(row(path, "link", found.st_mode) | {"target": spelled(target)})
        elif stat.S_ISREG(found.st_mode):
            content = {} if self.known is None else self.regular(directory, name, path, self.known)
            self.rows.append(row(path, "file", found.st_mode) | content)
        else:
            self.rows.append(row(path, "special", found.st_mode))

    def enter(self, directory: int, name: str, path: str, depth: int) -> None:
        """Walk a directory, also one that its maker may not enter."""
        allow(directory, name, 0o700)
        opened = os.open(name, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW, dir_fd=directory)
        try:
            self.walk(opened, path, depth + 1)
        finally:
            os.close(opened)

    def regular(self, directory: int, name: str, path: str, known: dict[str, str]) -> Row:
        """Hash a file, and keep its content where it is not what was laid out."""
        allow(directory, name, 0o600)
        with os.fdopen(os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK, dir_fd=directory), "rb") as stream:
            size = os.fstat(stream.fileno()).st_size
            if size > self.left:
                self.incomplete = f"new files hold more than {MAX_CONTENTS} bytes"
                return {"sha256": "", "content": ""}
            digest = hashlib.file_digest(stream, "sha256").hexdigest()
            if known.get(spelled(path)) == digest:
                return {"sha256": digest, "content": None}
            self.left -= size
            stream.seek(0)
            return {"sha256": digest, "content": base64.b64encode(stream.read()).decode()}


def allow(directory: int, name: str, mode: int) -> None:
    """Take back the rights that the command took from itself, where the reader is not root."""
    if os.geteuid() != 0:
        os.chmod(name, mode, dir_fd=directory)  # nobody is left who could put a link in its place


def row(path: str, kind: str, mode: int) -> Row:
    """Spell what every kind of entry has."""
    setuid = bool(mode & (stat.S_ISUID | stat.S_ISGID)) and kind == "file"
    return {"path": spelled(path), "kind": kind, "executable": bool(mode & stat.S_IXUSR), "setuid": setuid}


def spelled(name: str) -> str:
    """Spell a name that may be any bytes."""
    return os.fsencode(name).hex()


def explained(folder: Path) -> bytes:
    """Join what was written from within; whatever is no regular file there was put there to be read."""
    found = b""
    for path in sorted(folder.iterdir()):
        if stat.S_ISREG(path.lstat().st_mode) and len(found) < MAX_CAUSES:
            with path.open("rb") as stream:
                found += stream.read(MAX_CAUSES - len(found))
    return found


def collected(folder: Path, known: dict[str, str] | None) -> Collection:
    """Walk one folder."""
    collection = Collection(known)
    collection.walk(os.open(folder, os.O_RDONLY | os.O_DIRECTORY), "", 1)
    return collection


def main(place: str, before: str) -> None:
    """Print one JSON object."""
    work = collected(Path(place, "work"), json.loads(Path(before).read_bytes()))
    home = collected(Path(place, "home"), None)
    said = base64.b64encode(explained(Path(place, "causes"))).decode()
    incomplete = work.incomplete or home.incomplete
    json.dump({"rows": work.rows, "home": home.rows, "incomplete": incomplete, "causes": said}, sys.stdout)


if __name__ == "__main__":
    main(*sys.argv[1:])
