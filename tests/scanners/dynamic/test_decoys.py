"""Planted secrets: new in every run, found in every spelling, printed in none."""

from __future__ import annotations

import base64
import codecs
from collections.abc import Callable
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from countermark_scanners.dynamic.decoys import PART, Needles, bait

PLANTED = bait({"~/.netrc": "password {secret}\n", "$TOKEN": "ghp_{secret}", "~/.aws": "AKIA{upper} {secret}"})
VALUE = PLANTED[0].value
NEEDLES = Needles(PLANTED)

SPELLINGS: dict[str, Callable[[bytes], bytes]] = {
    "plain": bytes,
    "reversed": lambda raw: raw[::-1],
    "hexadecimal": lambda raw: raw.hex().encode(),
    "upper hexadecimal": lambda raw: raw.hex().upper().encode(),
    "base64": base64.b64encode,
    "wrapped base64": base64.encodebytes,
    "url-safe base64": base64.urlsafe_b64encode,
    "base32": base64.b32encode,
    "base64 of the reverse": lambda raw: base64.b64encode(raw[::-1]),
    "the reverse of base64": lambda raw: base64.b64encode(raw)[::-1],
    "percent": lambda raw: "".join(f"%{byte:02X}" for byte in raw).encode(),
    "quoted": lambda raw: quote(raw).encode(),
    "rot13": lambda raw: codecs.encode(raw.decode("latin-1"), "rot13").encode("latin-1"),
    "numbers": lambda raw: " ".join(map(str, raw)).encode(),
    "a list": lambda raw: ",".join(map(str, raw)).encode(),
    "labels of a name": lambda raw: b".".join(raw.hex().encode()[at : at + 20] for at in range(0, 2 * len(raw), 20)),
}


@pytest.mark.parametrize("spelling", SPELLINGS)
@given(before=st.binary(max_size=7), after=st.binary(max_size=7))
def test_a_secret_is_found_in_every_spelling_wherever_it_stands(spelling: str, before: bytes, after: bytes) -> None:
    assert NEEDLES.found(SPELLINGS[spelling](before + VALUE + after)) == ("~/.netrc",)


def test_the_beginning_of_a_secret_is_enough() -> None:
    assert NEEDLES.found(b"x" + VALUE[:20]) == (PART,)


@given(st.binary(max_size=400))
def test_nothing_else_is_found(blob: bytes) -> None:
    assert NEEDLES.found(blob) == ()


def test_every_run_has_values_of_its_own() -> None:
    again = bait({"~/.netrc": "password {secret}\n"})
    assert again[0].value != VALUE
    assert again[0].content == b"password " + again[0].value + b"\n"
    assert len({planted.value for planted in PLANTED}) == len(PLANTED)


def test_a_text_that_holds_a_secret_is_told_by_the_secrets_place() -> None:
    assert NEEDLES.veil(f"a/{VALUE.hex()}.txt") == "a name that holds the decoy ~/.netrc"
    assert NEEDLES.veil("a/b.txt") == "a/b.txt"
