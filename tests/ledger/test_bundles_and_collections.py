"""Bundles, links and collections: what is offered is parsed, never believed, and names decide nothing."""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from countermark_ledger import canonical
from countermark_ledger.bundle import MAX_HASHES, Bundle, Entry, content_name
from countermark_ledger.collection import (
    Caps,
    Collection,
    Link,
    bundle_path,
    certificate_proof_path,
    is_folder,
    is_named,
    proof_path,
)
from countermark_ledger.dsse import Envelope
from countermark_ledger.errors import Malformed, TooLarge
from countermark_ledger.statement import Statement, Subject

if TYPE_CHECKING:
    from conftest import SimulatedAuthority

    from countermark_ledger.node import Change

numbers = st.integers(0, 2**64 - 1)
blobs = st.binary(max_size=40)
notes = st.text(st.characters(exclude_categories=["Cs"]), max_size=20).map(str.encode)
entries = st.builds(
    Entry, numbers, blobs, blobs, numbers, numbers, blobs, st.lists(blobs, max_size=3).map(tuple), notes
)
envelopes = st.builds(Envelope, blobs, blobs, st.text(st.characters(exclude_categories=["Cs"]), max_size=5))
bundles = st.builds(Bundle, blobs, blobs, entries, envelopes)
ENTRY = Entry(1, b"k", b"b", 1, 2, b"r", (b"h",), b"c")
BUNDLE = Bundle(b"cert", b"stamp", ENTRY, Envelope(Statement((Subject("a", {"x": "y"}),), "t", {}).encode(), b"sig"))


@given(bundles)
def test_a_bundle_reads_back_as_itself(bundle: Bundle) -> None:
    assert Bundle.parse(bundle.encode()) == bundle


@given(st.integers(0, len(BUNDLE.encode()) - 1), st.integers(0, 255))
def test_one_changed_byte_is_refused_or_is_another_bundle_in_its_one_spelling(at: int, byte: int) -> None:
    raw = bytearray(BUNDLE.encode())
    raw[at] = byte
    try:
        found = Bundle.parse(bytes(raw))
    except Malformed:
        return
    assert found.encode() == bytes(raw)


@pytest.mark.parametrize("digits", ["", "-1", "+1", "1 ", "01", "0x1", "\u0661", "1_0", "1" * 21])
def test_an_index_has_one_spelling(digits: str) -> None:
    raw = canonical.loads(BUNDLE.encode())
    raw["verificationMaterial"]["tlogEntries"][0]["logIndex"] = digits
    with pytest.raises(Malformed):
        Bundle.parse(canonical.dumps(raw))


def test_a_proof_of_too_many_hashes_is_refused() -> None:
    long = BUNDLE._replace(entry=ENTRY._replace(hashes=(b"h",) * (MAX_HASHES + 1)))
    with pytest.raises(TooLarge):
        Bundle.parse(long.encode())


# --- links ------------------------------------------------------------------------------------------

links = st.builds(
    Link,
    st.integers(0, 10**18),
    st.integers(1, 10**18),
    st.lists(st.binary(min_size=32, max_size=32), max_size=5).map(tuple),
    st.binary(max_size=80),
)


@given(links)
def test_a_link_reads_back_as_itself(link: Link) -> None:
    assert Link.parse(link.old, link.new, link.encode()) == link


@given(st.binary(max_size=100))
def test_whatever_parses_as_a_link_has_one_spelling(raw: bytes) -> None:
    try:
        link = Link.parse(1, 2, raw)
    except Malformed:
        return
    assert link.encode() == raw


HASH = canonical.b64encode(b"\1" * 32).encode()


@pytest.mark.parametrize(
    "raw",
    [
        pytest.param(b"", id="empty"),
        pytest.param(b"checkpoint", id="no-blank-line"),
        pytest.param(HASH + b"\ncheckpoint", id="no-blank-line-after-a-hash"),
        pytest.param(HASH[:-4] + b"\n\ncheckpoint", id="short-hash"),
        pytest.param(HASH + b"\r\n\ncheckpoint", id="carriage-return"),
        pytest.param(b" " + HASH + b"\n\ncheckpoint", id="leading-space"),
        pytest.param(b"\xff" + HASH + b"\n\ncheckpoint", id="byte-that-is-no-text"),
        pytest.param((HASH + b"\n") * 129 + b"\ncheckpoint", id="too-many-hashes"),
    ],
)
def test_another_spelling_of_a_link_is_refused(raw: bytes) -> None:
    with pytest.raises(Malformed):
        Link.parse(1, 2, raw)


# --- collections ------------------------------------------------------------------------------------


@pytest.fixture
def offered(simulated: SimulatedAuthority, changed: Callable[..., Change]) -> list[tuple[str, bytes]]:
    signed = [*simulated.sign_change(changed(a_py=(None, "1\n"))), simulated.status()]
    link = simulated.link(1)
    return [*simulated.files(signed), (link.path(), link.encode()), ("checkpoint", simulated.checkpoint())]


def test_the_order_of_files_does_not_matter(offered: list[tuple[str, bytes]]) -> None:
    first = Collection.of(offered)
    shuffled = list(offered)
    random.Random(7).shuffle(shuffled)  # noqa: S311 - an order, not a secret
    assert Collection.of(shuffled) == first
    assert (len(first.candidates), len(first.links), len(first.checkpoints), first.junk) == (2, 1, 1, 0)
    assert all(len(one.certificate_proofs) == 1 and not one.altered for one in first.candidates.values())


def test_hints_and_unknown_files_are_passed_over(offered: list[tuple[str, bytes]]) -> None:
    hints = [("status", b"x"), ("index/" + "a" * 64, b"x"), ("README", b"x"), (proof_path("a" * 64), b"x")]
    assert Collection.of([*offered, *hints]) == Collection.of(offered)


@pytest.mark.parametrize(
    "path",
    [
        "ab/" + "a" * 63 + ".sigstore.json",
        "ab/" + "A" * 64 + ".sigstore.json",
        "x/" + bundle_path("a" * 64),
        bundle_path("a" * 64) + "\n",
        "consistency/01-2.tlog-consistency",
        "consistency/1-0.tlog-consistency",
    ],
)
def test_another_name_is_not_read_at_all(path: str) -> None:
    assert Collection.of([(path, b"junk")]) == Collection()


def test_files_that_are_read_lie_at_the_top_and_in_folders_that_are_named_alike() -> None:
    paths = [bundle_path("a" * 64), certificate_proof_path("b" * 64), "consistency/0-2.tlog-consistency", "checkpoint"]
    assert [path for path in paths if not is_named(path)] == []
    assert [is_folder(path.partition("/")[0]) for path in paths] == [True, True, True, False]
    assert [name for name in ("index", "abc", "AB", "", "a/") if is_folder(name)] == []


def test_a_bundle_of_two_log_entries_is_refused() -> None:
    twice = json.loads(BUNDLE.encode())
    twice["verificationMaterial"]["tlogEntries"] *= 2
    with pytest.raises(Malformed, match="exactly one log entry, found 2"):
        Bundle.parse(canonical.dumps(twice))


def test_junk_is_counted_and_defeats_nothing(offered: list[tuple[str, bytes]]) -> None:
    name = "a" * 64
    junk = [
        (bundle_path(name), b"junk"),
        (bundle_path("b" * 64), b'{"dsseEnvelope":{"payload":"AAAA"}}'),
        (bundle_path("c" * 64), b'{"dsseEnvelope":[]}'),
        (bundle_path("d" * 64), b"[]"),
        ("consistency/1-2.tlog-consistency", b"junk"),
    ]
    found = Collection.of([*offered, *junk])
    assert found.junk == len(junk)
    assert found.candidates == Collection.of(offered).candidates


def test_a_damaged_bundle_is_kept_with_what_it_is_about() -> None:
    damaged = BUNDLE.encode()[:-1] + b',"x":"y"}'
    found = Collection.of([(bundle_path(content_name(damaged)), damaged)])
    candidate = next(iter(found.candidates.values()))
    assert [subject.name for subject in candidate.claims.subjects] == ["a"]
    assert (candidate.altered, candidate.bundle) == (False, None)


def test_a_file_that_is_not_what_its_name_promises_is_altered_unless_another_source_has_the_true_one() -> None:
    name, true = content_name(BUNDLE.encode()), BUNDLE.encode()
    other = BUNDLE._replace(timestamp_der=b"other").encode()
    path = bundle_path(name)
    assert Collection.of([(path, other)]).candidates[name].altered
    for files in ([(path, other), (path, true)], [(path, true), (path, other)]):
        assert Collection.of(files).candidates[name].raw == true


def test_every_certificate_proof_offered_is_kept() -> None:
    name, raw = content_name(BUNDLE.encode()), BUNDLE.encode()
    proofs = [(certificate_proof_path(name), b"one"), (certificate_proof_path(name), b"two")]
    assert Collection.of([*proofs, (bundle_path(name), raw)]).candidates[name].certificate_proofs == (b"one", b"two")


@pytest.mark.parametrize("caps", [Caps(files=1), Caps(total_bytes=10)])
def test_more_than_the_caps_is_refused(caps: Caps, offered: list[tuple[str, bytes]]) -> None:
    with pytest.raises(TooLarge):
        Collection.of(offered, caps)
