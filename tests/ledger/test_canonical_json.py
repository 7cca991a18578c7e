"""JSON and base64 with one spelling: what is refused is the specification."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
import rfc8785
from hypothesis import given
from hypothesis import strategies as st

from countermark_ledger.canonical import (
    MAX_DEPTH,
    MAX_SAFE_INTEGER,
    b64decode,
    b64encode,
    dumps,
    loads,
)
from countermark_ledger.errors import Malformed, TooLarge

if TYPE_CHECKING:
    from countermark_ledger.canonical import Json

strings = st.text(st.characters(exclude_categories=["Cs"]))
values: st.SearchStrategy[Json] = st.recursive(
    st.none() | st.booleans() | st.integers(-MAX_SAFE_INTEGER, MAX_SAFE_INTEGER) | strings,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(strings, inner, max_size=4),
    max_leaves=20,
)

# --- what holds -------------------------------------------------------------------------------------


@given(values)
def test_a_value_reads_back_as_itself(value: Json) -> None:
    assert loads(dumps(value)) == value


@given(values)
def test_the_fast_spelling_is_the_one_of_rfc_8785(value: Json) -> None:
    assert dumps(value) == rfc8785.dumps(value)


@pytest.mark.parametrize(
    "value",
    [
        pytest.param({"\U0001f600": 1, "\uffff": 2}, id="keys-that-sort-otherwise-in-utf-16"),
        pytest.param({"\U00010000": 1, "\ue000": 2, "\ud7ff": 3}, id="the-first-keys-that-could"),
        pytest.param({"\u20ac": "\u2014", "\xe9": ["\ud7ff"]}, id="keys-and-texts-below-them"),
        pytest.param([[10**15], {"a": -(10**15)}, 10**15 - 1, ":1234567890123456"], id="long-integers-anywhere"),
        pytest.param({"b": MAX_SAFE_INTEGER, "a": -MAX_SAFE_INTEGER}, id="largest-integers"),
        pytest.param('\x00\x08\t\n\x0c\r\x1f\x7f"\\/', id="escapes"),
        pytest.param([], id="empty-list"),
        pytest.param({}, id="empty-object"),
    ],
)
def test_where_encoders_could_differ_they_do_not(value: Json) -> None:
    assert dumps(value) == rfc8785.dumps(value)


@given(values)
def test_our_reader_agrees_with_the_standard_one_on_what_it_accepts(value: Json) -> None:
    raw = json.dumps(value, indent=1).encode()
    assert loads(raw) == json.loads(raw)


@given(st.binary(max_size=60) | values.map(lambda value: json.dumps(value).encode()))
def test_whatever_is_read_has_one_canonical_spelling(raw: bytes) -> None:
    try:
        value = loads(raw)
    except Malformed:
        return
    assert dumps(loads(dumps(value))) == dumps(value)


def test_keys_are_sorted_as_utf_16_and_nothing_is_escaped_that_need_not_be() -> None:
    """The example of RFC 8785 3.2.3: an emoji sorts before U+FB33, as its first surrogate does."""
    value: Json = {"\u20ac": 1, "\r": 2, "\ufb33": 3, "1": 4, "\U0001f600": 5, "\u0080": 6, "\u00f6": 7}
    assert dumps(value) == ('{"\\r":2,"1":4,"\u0080":6,"\u00f6":7,"\u20ac":1,"\U0001f600":5,"\ufb33":3}'.encode())


@pytest.mark.parametrize("number", [0, 1, -1, MAX_SAFE_INTEGER, -MAX_SAFE_INTEGER])
def test_an_integer_that_every_reader_agrees_on_is_accepted(number: int) -> None:
    assert loads(b"%d" % number) == number


def test_brackets_inside_strings_do_not_count_as_nesting() -> None:
    text = '[{"' * MAX_DEPTH + '\\"[['
    assert loads(json.dumps(["[" * 1000, text, "\\", "["]).encode()) == ["[" * 1000, text, "\\", "["]


def test_nesting_up_to_the_cap_is_accepted() -> None:
    assert dumps(loads(b"[" * MAX_DEPTH + b"]" * MAX_DEPTH)) == b"[" * MAX_DEPTH + b"]" * MAX_DEPTH


# --- what is refused --------------------------------------------------------------------------------

REFUSED = [
    pytest.param(b"", id="empty"),
    pytest.param(b"{", id="cut-short"),
    pytest.param(b"1 2", id="two-values"),
    pytest.param(b"{}\x00", id="trailing-nul"),
    pytest.param(b'{"a":1,"a":1}', id="duplicate-key"),
    pytest.param(b'{"a":1,"\\u0061":2}', id="duplicate-key-in-another-spelling"),
    pytest.param(b'[{"x":{"a":1,"b":2,"a":1}}]', id="duplicate-key-deep-inside"),
    pytest.param(b"NaN", id="nan"),
    pytest.param(b"[Infinity]", id="infinity"),
    pytest.param(b"-Infinity", id="minus-infinity"),
    pytest.param(b"1e400", id="1e400"),
    pytest.param(b"1.5", id="float"),
    pytest.param(b"1.0", id="float-that-is-an-integer"),
    pytest.param(b"1E2", id="exponent"),
    pytest.param(b"-0", id="negative-zero"),
    pytest.param(b"-0.0", id="negative-float-zero"),
    pytest.param(b"01", id="leading-zero"),
    pytest.param(b"+1", id="plus-sign"),
    pytest.param(b"%d" % (MAX_SAFE_INTEGER + 1), id="integer-past-the-limit"),
    pytest.param(b"-%d" % (MAX_SAFE_INTEGER + 1), id="negative-integer-past-the-limit"),
    pytest.param(b"9" * 10_000, id="endless-integer"),
    pytest.param("\uff11".encode(), id="full-width-digit"),
    pytest.param(b'"\\ud800"', id="lone-surrogate"),
    pytest.param(b'["\\udfff"]', id="lone-surrogate-in-a-list"),
    pytest.param(b'{"a":"\\ud800"}', id="lone-surrogate-in-a-value"),
    pytest.param(b'{"a":[["\\ud800"]]}', id="lone-surrogate-in-a-nested-list"),
    pytest.param(b'{"\\ud800":1}', id="lone-surrogate-in-a-key"),
    pytest.param(b'"\\ude00\\ud83d"', id="surrogates-swapped"),
    pytest.param(b'"\xed\xa0\x80"', id="surrogate-as-utf-8"),
    pytest.param(b'"\xff"', id="not-utf-8"),
    pytest.param(b'"\xc0\xaf"', id="overlong-utf-8"),
    pytest.param(b"\xef\xbb\xbf{}", id="byte-order-mark"),
    pytest.param("{}".encode("utf-16"), id="utf-16"),
    pytest.param(b'"a\nb"', id="control-character-in-a-string"),
    pytest.param(b"'a'", id="single-quotes"),
    pytest.param(b"[1,]", id="trailing-comma"),
    pytest.param(b"{} // x", id="comment"),
    pytest.param(b'"\\x41"', id="unknown-escape"),
    pytest.param(b'"abc', id="unclosed-string"),
    pytest.param(b'"abc\\', id="unclosed-escape"),
]


@pytest.mark.parametrize("raw", REFUSED)
def test_a_document_that_two_readers_could_read_differently_is_refused(raw: bytes) -> None:
    with pytest.raises(Malformed):
        loads(raw)


@pytest.mark.parametrize(
    "raw",
    [
        pytest.param(b"[" * (MAX_DEPTH + 1) + b"]" * (MAX_DEPTH + 1), id="lists"),
        pytest.param(b'{"a":' * (MAX_DEPTH + 1) + b"1" + b"}" * (MAX_DEPTH + 1), id="objects"),
        pytest.param(b"[" * 100_000, id="never-closed"),
        pytest.param(b'"\\""' + b"[" * 100_000, id="after-a-string-with-a-quote"),
        pytest.param(b"]" * 10 + b"[" * 100_000, id="after-closing-brackets"),
    ],
)
def test_a_deep_document_is_refused_before_it_is_parsed(raw: bytes) -> None:
    with pytest.raises(TooLarge):
        loads(raw)


def test_a_long_document_is_refused_before_it_is_parsed() -> None:
    assert loads(b'"abc"', max_bytes=5) == "abc"
    with pytest.raises(TooLarge):
        loads(b'"abc"', max_bytes=4)


def test_an_unclosed_string_of_quotes_is_refused_in_linear_time() -> None:
    """Scanned once a quote, these 4 MB would take days; there is no need to look at the clock."""
    with pytest.raises(Malformed):
        loads(b'"' + b'\\"' * 2_000_000)


def test_a_recursion_limit_reached_while_parsing_is_a_refusal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("countermark_ledger.canonical.MAX_DEPTH", 10**6)
    with pytest.raises(Malformed, match="recursion"):
        loads(b"[" * 100_000 + b"]" * 100_000)


@pytest.mark.parametrize(
    "raw",
    [
        pytest.param(b'{"a": 1}', id="space"),
        pytest.param(b"{}\n", id="trailing-newline"),
        pytest.param(b'{"b":1,"a":2}', id="unsorted-keys"),
        pytest.param(b'"\\u0061"', id="needless-escape"),
        pytest.param(b'"\\/"', id="escaped-slash"),
        pytest.param(b'"\\u000A"', id="long-escape"),
        pytest.param(b'"\\u00e9"', id="ascii-only"),
    ],
)
def test_a_second_spelling_of_one_value_is_not_canonical(raw: bytes) -> None:
    assert dumps(loads(raw)) != raw


@pytest.mark.parametrize(
    "value",
    [
        pytest.param(MAX_SAFE_INTEGER + 1, id="integer-past-the-limit"),
        pytest.param("\ud800", id="lone-surrogate"),
        pytest.param({"\ud800": 1}, id="lone-surrogate-in-a-key"),
        pytest.param([[float("nan")]], id="nan"),
        pytest.param(b"bytes", id="bytes"),
    ],
)
def test_a_value_without_a_canonical_form_is_refused(value: Json) -> None:
    with pytest.raises(Malformed):
        dumps(value)


# --- base64 -----------------------------------------------------------------------------------------


@given(st.binary())
def test_base64_reads_back_as_itself(raw: bytes) -> None:
    assert b64decode(b64encode(raw)) == raw


@given(st.text("AB+/=-_ \n", max_size=8))
def test_whatever_decodes_as_base64_has_one_spelling(text: str) -> None:
    try:
        raw = b64decode(text)
    except Malformed:
        return
    assert b64encode(raw) == text


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("AA", id="no-padding"),
        pytest.param("AA=", id="short-padding"),
        pytest.param("AA===", id="long-padding"),
        pytest.param("AB==", id="stray-tail-bits"),
        pytest.param("AAB=", id="stray-tail-bits-of-two-bytes"),
        pytest.param("AA==AA==", id="padding-inside"),
        pytest.param("A A=", id="space"),
        pytest.param("AAAA\n", id="trailing-newline"),
        pytest.param("A*AA", id="junk"),
        pytest.param("-_==", id="url-safe-alphabet"),
        pytest.param("\uff21\uff21==", id="full-width-letters"),
        pytest.param(None, id="null"),
        pytest.param(7, id="number"),
        pytest.param(b"AAAA", id="bytes"),
    ],
)
def test_a_second_spelling_of_base64_is_refused(text: object) -> None:
    with pytest.raises(Malformed):
        b64decode(text)
