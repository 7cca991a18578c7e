"""Typed reads out of parsed JSON. Strictness comes from re-encoding, so these only check types.

Layer: ledger core. Imports nothing of ours but `errors` and `canonical`; does no I/O.
Trust: every value given is hostile until the reader's caller has compared the re-encoded form.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime
from typing import TypeVar

from .canonical import Json
from .errors import Malformed

T = TypeVar("T")
_TIME = re.compile(r"([0-9]{4})-([0-9]{2})-([0-9]{2})T([0-9]{2}):([0-9]{2}):([0-9]{2})Z")
_HEX64 = re.compile(r"[0-9a-f]{64}")


def member(value: Json, key: str) -> Json:
    """Read one member of an object; a missing one is `None`, which `text` and its kin refuse."""
    if not isinstance(value, dict):
        raise Malformed(f"{key}: expected inside an object, found {type(value).__name__}")
    return value.get(key)


def text(value: Json, where: str) -> str:
    """Read a string."""
    if not isinstance(value, str):
        raise Malformed(f"{where}: expected a string, found {type(value).__name__}")
    return value


def optional_text(value: Json, where: str) -> str | None:
    """Read a string or null."""
    return None if value is None else text(value, where)


def integer(value: Json, where: str) -> int:
    """Read an integer of at least zero; `true` is not one."""
    if not isinstance(value, int) or isinstance(value, bool) or value < 0:
        raise Malformed(f"{where}: expected an integer >= 0, found {value!r:.40}")
    return value


def items(value: Json, where: str, read: Callable[[Json], T]) -> tuple[T, ...]:
    """Read a list, each member through `read`."""
    if not isinstance(value, list):
        raise Malformed(f"{where}: expected a list, found {type(value).__name__}")
    return tuple(read(item) for item in value)


def texts(value: Json, where: str) -> tuple[str, ...]:
    """Read a list of strings."""
    return items(value, where, lambda item: text(item, where))


def hex64(value: Json, where: str) -> str:
    """Read a sha256 as 64 lower-case hex digits."""
    found = text(value, where)
    if not _HEX64.fullmatch(found):
        raise Malformed(f"{where}: expected 64 lower-case hex digits, found {found!r:.80}")
    return found


def time(value: Json, where: str) -> datetime:
    """Read a UTC time of whole seconds, RFC 3339 with `Z`."""
    found = text(value, where)
    parts = _TIME.fullmatch(found)
    if parts is None:
        raise Malformed(f"{where}: expected YYYY-MM-DDTHH:MM:SSZ, found {found!r:.40}")
    year, month, day, hour, minute, second = map(int, parts.groups())
    try:
        return datetime(year, month, day, hour, minute, second, tzinfo=UTC)
    except ValueError as error:
        raise Malformed(f"{where}: {found!r} is no time") from error


def spell_time(moment: datetime) -> str:
    """Spell a time the one way `time` reads it; fractions of a second are cut."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
