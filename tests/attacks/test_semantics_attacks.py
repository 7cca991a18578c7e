"""Attacks on what evidence means: keys, spellings, times and names that one reader takes for another.

Each ends in the exit code and the reason that are right, from the gate as a process; the one that needs no
checkout is asked of the verifier.
"""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Callable
from dataclasses import replace

import pytest

from countermark_ledger.identity import Kind
from countermark_ledger.node import Change, Mode, Node, Transition
from countermark_ledger.predicates.claim import Claim
from countermark_ledger.predicates.rows import split
from countermark_ledger.predicates.scan import Ran, Result, Scan
from countermark_ledger.predicates.status import Revocation, RevokedKind
from countermark_ledger.verifier import verify

from .job import PERSON, POLICY, SERVICE, Blob, Job, SshKey, now, policy_of, start

ORDER = 2**252 + 27742317777372353535851937790883648493
SMALL_ORDER = {
    "order-1": "01" + "00" * 31,
    "order-2": "ec" + "ff" * 30 + "7f",
    "order-4": "00" * 32,
    "order-8": "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
    "order-1-with-a-sign": "01" + "00" * 30 + "80",
    "order-1-not-canonical": "ee" + "ff" * 30 + "7f",
}
CHANGED = {"app.py": "two = 2\n"}


# --- keys -------------------------------------------------------------------------------------------


def people(*keys: SshKey) -> list[dict[str, object]]:
    return [{"id": PERSON, "sshKeys": [key.line for key in keys]}]


@pytest.mark.parametrize("point", SMALL_ORDER.values(), ids=SMALL_ORDER)
def test_a_key_of_small_order_signs_nothing_although_the_policy_names_it(job: Job, point: str) -> None:
    """Under such a key OpenSSL takes one signature for every message: whoever had it named signs as that person."""
    weak = SshKey(bytes.fromhex(point))
    job.ask(people=people(weak))
    job.commit_signed(CHANGED, weak, twist=lambda _: bytes.fromhex(SMALL_ORDER["order-1"]) + bytes(32))
    assert job.gate().refused(2, None, "Ed25519 public key: ")


def test_a_policy_that_names_a_key_of_small_order_does_not_land(job: Job) -> None:
    weak = SshKey(bytes.fromhex(SMALL_ORDER["order-4"]))
    job.claim(job.write({POLICY: json.dumps(policy_of(job.key, people=people(job.key, weak)))}))
    job.commit()
    assert job.gate().refused(10, ".countermark", "a point of small order, under which anyone can sign")


def test_a_key_of_small_order_is_not_registered(job: Job) -> None:
    """At home, by the command that a person uses; the work tree's policy stays as it was."""
    (job.place / "weak.pub").write_text(SshKey(bytes.fromhex(SMALL_ORDER["order-4"])).line)
    home = {"XDG_DATA_HOME": str(job.place / "private")}
    job.git("rm", "-rqf", ".countermark")
    job.commit()
    init = start((*SERVICE, "init"), cwd=job.root, environ=home)
    assert init.code == 0, init.told
    before = (job.root / POLICY).read_bytes()
    answer = start((*SERVICE, "person", "add", "Me", "--me", "--ssh-key", "../weak.pub"), cwd=job.root, environ=home)
    assert answer.refused(2, None, "a point of small order, under which anyone can sign")
    assert (job.root / POLICY).read_bytes() == before


def test_a_log_key_of_small_order_is_no_trust_root(job: Job) -> None:
    document = json.loads(job.authority.trust.encode())
    name, _, rest = document["log"].partition("+")
    raw = b"\x01" + bytes.fromhex(SMALL_ORDER["order-4"])
    document["log"] = f"{name}+{rest.split('+')[0]}+{base64.b64encode(raw).decode()}"
    job.on_main({".countermark/trust-root.json": json.dumps(document)})
    job.change(CHANGED)
    assert job.gate().refused(12, None, "a point of small order, under which anyone can sign")


def test_a_second_signature_made_by_adding_the_order_is_no_signature(job: Job) -> None:
    """(R, S) and (R, S+L) are both right by the equation alone; only one of them was made by the key."""

    def plus_order(raw: bytes) -> bytes:
        return raw[:32] + (int.from_bytes(raw[32:], "little") + ORDER).to_bytes(32, "little")

    job.commit_signed(CHANGED, twist=plus_order)
    assert job.gate().refused(11, "app.py", "no signed statement accounts for it")


def test_a_stolen_key_is_refused_once_it_is_revoked(job: Job) -> None:
    job.change(CHANGED)
    stolen = verified_key(job)
    assert job.gate().passed()
    job.revoke(Revocation(RevokedKind.KEY, stolen, now(), 0, "stolen"))
    assert job.gate().refused(13, "app.py", f"key {stolen} is revoked since")


def test_a_stolen_key_of_a_person_is_refused_whatever_date_its_commit_has(job: Job) -> None:
    job.commit_signed(CHANGED)
    assert job.gate().passed()
    job.revoke(Revocation(RevokedKind.KEY, job.key.fingerprint, now(), 10**6, "stolen"))
    assert job.gate().refused(13, "app.py", f"key {job.key.fingerprint} is revoked since")


def verified_key(job: Job) -> str:
    signed = job.evidence[0]
    return verify(signed.raw, certificate_proof=signed.certificate_proof, trust=job.authority.trust).key_sha256


# --- a signature for something else -----------------------------------------------------------------


def test_a_signature_moved_to_another_path_covers_nothing_there(job: Job) -> None:
    job.sign(job.write({"notes/harmless.py": "x = 1\n"}))
    job.git("add", "-A")
    job.git("mv", "-f", "notes/harmless.py", "app.py")
    job.commit()
    assert job.gate().refused(11, "app.py", "no signed statement accounts for it")


def test_a_signature_for_another_repository_covers_nothing_here(job: Job) -> None:
    target = job.authority.target(job.git("rev-parse", "main"))._replace(repository_id="repository-2")
    job.change(CHANGED, target=target)
    assert job.gate().refused(11, "app.py", "no signed statement accounts for it")


def test_a_signature_moved_to_another_commit_signs_nothing_there(job: Job) -> None:
    signed = job.git("cat-file", "commit", job.commit_signed({"app.py": "harmless = 1\n"}))
    job.git("reset", "-q", "--hard", "main")
    evil = job.commit({"app.py": "evil = 1\n"})
    tree = job.git("rev-parse", f"{evil}^{{tree}}")
    moved = job.checkout.raw("commit", b"tree " + tree.encode() + signed.encode()[45:] + b"\n")
    job.git("update-ref", "HEAD", moved)
    assert job.gate().refused(11, "app.py", "no signed statement accounts for it")


@pytest.mark.parametrize("namespace", [b"file", b"git\x00", b"", b"countermark", b"GIT"])
def test_a_signature_for_another_purpose_signs_no_commit(job: Job, namespace: bytes) -> None:
    """What a person signed as an e-mail, or for some other program, is not their word about a commit."""
    job.commit_signed(CHANGED, namespace=namespace)
    assert job.gate().refused(11, "app.py", "no signed statement accounts for it")


@pytest.mark.parametrize("kind", [Kind.AGENT, Kind.GATE, Kind.OBSERVER, Kind.AUTHORITY])
def test_a_claim_that_somebody_else_signed_for_a_person_is_refused(job: Job, kind: Kind) -> None:
    rows, person = job.write(CHANGED), job.authority.who(Kind.PERSON, "p1")
    claim = Claim(person, job.authority.target(job.git("rev-parse", "main")), split(rows)[0])
    job.evidence += job.authority.sign(job.authority.who(kind, "root"), claim.statement())
    job.commit()
    assert job.gate().refused(12, "app.py", f"signer: expected person {PERSON}")


def test_an_agents_statement_that_another_agent_signed_is_refused(job: Job) -> None:
    made = job.authority.generation(job.write(CHANGED), target=job.authority.target(job.git("rev-parse", "main")))
    job.evidence += job.authority.sign(job.authority.who(Kind.AGENT, "other"), made.statement())
    job.commit()
    assert job.gate().refused(12, "app.py", "signer: expected agent spiffe://forge.example/agent/builder")


def test_a_status_that_an_agent_signed_is_no_status(job: Job) -> None:
    job.change(CHANGED)
    job.revoke(signer=job.authority.who(Kind.AGENT))
    assert job.gate().refused(20, None, "status: expected a signed status, found none")


# --- time -------------------------------------------------------------------------------------------


def test_a_clock_that_was_turned_back_is_noticed(job: Job) -> None:
    """Seen from the reader: the newest status is from tomorrow. Believing it would revive what expired since."""
    job.authority.clock.step(days=1)
    job.change(CHANGED)
    assert job.gate().refused(20, None, "clock: it says")


def test_a_clock_that_stands_still_past_the_due_date_is_noticed(job: Job) -> None:
    job.authority.clock.step(hours=-12)
    job.change(CHANGED)
    job.revoke(days=0.25)
    assert job.gate().refused(20, None, "status: a newer one was due by")


# --- a stale scan -----------------------------------------------------------------------------------

FLAW = "import subprocess\n\n\ndef run(command):\n    subprocess.run(command, shell=True)\n"


def test_a_signed_scan_that_passed_replaces_no_scan(job: Job) -> None:
    """Even of this very tree by the enrolled gate: rules and bases move, so what lands is scanned anew."""
    job.change({"app.py": FLAW})
    listing = job.git("ls-tree", "-r", "-z", "HEAD")
    digest = hashlib.sha256(listing.encode()).hexdigest()
    clean = Scan(digest, (Ran("ruff", "0.17.4", "0" * 64, None),), "0" * 64, Result.PASSED)
    job.evidence += job.authority.sign(job.authority.who(Kind.GATE, "ci"), clean.statement())
    assert job.gate().refused(10, None, "score 55 of 100, the policy asks for 85")


def test_a_scan_from_before_the_base_moved_replaces_no_scan(job: Job) -> None:
    """On the old base the flaw was not new: somebody had landed it, and then mended it."""
    job.on_main({"app.py": FLAW})
    job.git("merge", "-q", "--ff-only", "main")
    job.change({"b.py": "b = 1\n"})
    assert job.gate().passed()
    job.on_main({"app.py": "mended = 1\n"})
    job.git("merge", "-q", "-s", "ours", "-m", "keeps the flaw", "main")
    job.sign(Change.of([row_of(job, "main", "HEAD", "app.py")]))
    assert job.gate().refused(10, None, "score 55 of 100, the policy asks for 85")


def row_of(job: Job, before: str, after: str, path: str) -> Transition:
    sides = (job.git("show", f"{commit}:{path}").encode() + b"\n" for commit in (before, after))
    return Transition(path, *(Node.of_blob(Mode.FILE, side) for side in sides))


# --- spelling ---------------------------------------------------------------------------------------


def respelled(old: str, new: str) -> Callable[[str], str]:
    def change(text: str) -> str:
        assert old in text
        return text.replace(old, new, 1)

    return change


@pytest.mark.parametrize(
    ("change", "words"),
    [
        pytest.param(respelled("{", '{"mode": "observe", '), "duplicate key", id="a-key-twice"),
        pytest.param(respelled('"threshold": 85', '"threshold": NaN'), "only integers", id="not-a-number"),
        pytest.param(respelled('"threshold": 85', '"threshold": 1e400'), "only integers", id="infinity"),
        pytest.param(respelled('"threshold": 85', '"threshold": 85.0'), "only integers", id="a-float"),
        pytest.param(respelled('"threshold": 85', '"threshold": "85"'), "expected an integer", id="text-for-a-number"),
        pytest.param(respelled('"threshold": 85', '"threshold": true'), "expected an integer", id="true-for-one"),
        pytest.param(respelled('"threshold": 85', f'"threshold": {2**64 + 85}'), "past 2**53-1", id="a-big-number"),
        pytest.param(respelled('"threshold": 85', '"threshold": 0'), "expected 1 to 100", id="a-threshold-of-nothing"),
        pytest.param(respelled('"enforce"', '"\\ud800"'), "lone surrogate", id="a-lone-surrogate"),
        pytest.param(respelled('"enforce"', '"Observe"'), "expected one of enforce, observe", id="another-case"),
        pytest.param(respelled('"mode"', '"Mode"'), "unexpected", id="a-field-in-another-case"),
        pytest.param(respelled('"mode"', '"m\u043ede"'), "unexpected", id="a-field-in-another-script"),
        pytest.param(lambda text: "\ufeff" + text, "byte order mark", id="a-byte-order-mark"),
        pytest.param(lambda text: text + "{}", "Extra data", id="a-second-document"),
        pytest.param(lambda text: "// " + text, "Expecting value", id="a-comment"),
        pytest.param(lambda _: "[" * 100_000, "nested deeper than 64", id="brackets"),
    ],
)
def test_a_policy_that_two_readers_could_read_in_two_ways_is_refused(
    job: Job, change: Callable[[str], str], words: str
) -> None:
    """It landed by some other way than this gate. Nothing is guessed, least of all that it only observes."""
    job.ask_raw(change(json.dumps(policy_of(job.key))))
    job.change(CHANGED)
    assert job.gate().refused(20 if words.startswith("nested") else 12, None, words)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        pytest.param(lambda text: text.replace("{", '{"repositoryId":"x",', 1), "duplicate key", id="a-key-twice"),
        pytest.param(lambda text: text.replace('":', '": '), "the one spelling", id="white-space"),
        pytest.param(lambda text: text[:-1], "the one spelling", id="no-newline"),
        pytest.param(lambda text: text.replace('==",', '==\\n",', 1), "base64", id="base64-with-a-newline"),
        pytest.param(lambda text: text.replace('"rawBytes":"M', '"rawBytes":"=M', 1), "base64", id="base64-with-junk"),
    ],
)
def test_a_trust_root_in_a_second_spelling_is_refused(job: Job, change: Callable[[str], str], words: str) -> None:
    text = job.authority.trust.encode().decode()
    assert change(text) != text
    job.on_main({".countermark/trust-root.json": change(text)})
    job.change(CHANGED)
    assert job.gate().refused(12, None, words)


@pytest.mark.parametrize(
    "spoil",
    [
        pytest.param(lambda raw: raw.replace(b"\n U", b"\n  U", 1), id="a-space-in-the-armor"),
        pytest.param(lambda raw: raw.replace(b"\n U1NI", b"\n U1NI\n ", 1), id="lines-of-two-lengths"),
        pytest.param(lambda raw: raw.replace(b"\n U1NI", b"\n =U1NI", 1), id="junk-before-the-base64"),
        pytest.param(lambda raw: raw.replace(b"BEGIN SSH", b"BEGIN  SSH", 1), id="another-armor"),
        pytest.param(lambda raw: raw.replace(b"BEGIN SSH", b"BEGIN PGP", 1), id="another-program"),
    ],
)
def test_a_signature_in_a_second_spelling_signs_no_commit(job: Job, spoil: Callable[[bytes], bytes]) -> None:
    job.commit_signed(CHANGED, spoil=spoil)
    assert job.gate().refused(11, "app.py", "no signed statement accounts for it")


# --- names of content -------------------------------------------------------------------------------


def test_a_statement_with_the_right_git_name_and_another_sha256_covers_nothing(job: Job) -> None:
    """A SHA-1 collision, seen from the evidence: one name, two contents. Only the sha256 of the blob decides."""
    (row,) = job.write(CHANGED).transitions
    collided = replace(row, after=Node(Mode.FILE, "e" * 64, row.after.git_blob))
    job.sign(Change.of([collided]))
    job.commit()
    assert job.gate().refused(11, "app.py", "the last signed content is 100644 eeeeeeeeeeee")


def test_a_blob_whose_bytes_are_not_those_of_its_name_is_refused(job: Job) -> None:
    """A SHA-1 collision, seen from the object store: it answers the good name with other bytes."""
    job.change(CHANGED)
    good, evil = job.git("rev-parse", "HEAD:app.py"), job.checkout.blob(b"evil = 2\n")
    job.checkout.loose(good).unlink()
    job.checkout.loose(good).write_bytes(job.checkout.loose(evil).read_bytes())
    assert job.gate().refused(12, None, f"blob {good}: expected bytes of this name, found {evil}")


@pytest.mark.parametrize("kind", ["tree", "commit"])
def test_a_tree_or_commit_whose_bytes_are_not_those_of_its_name_is_refused(job: Job, kind: str) -> None:
    job.change(CHANGED)
    good = job.git("rev-parse", "HEAD^{tree}" if kind == "tree" else "HEAD")
    other = job.git("rev-parse", "main^{tree}" if kind == "tree" else "main")
    job.checkout.loose(good).unlink()
    job.checkout.loose(good).write_bytes(job.checkout.loose(other).read_bytes())
    assert job.gate().refused(12, None, f"{kind} {good}: expected bytes of this name, found {other}")


def test_a_mode_is_part_of_what_was_signed(job: Job) -> None:
    job.sign(job.write(CHANGED))
    job.commit({"app.py": Blob(b"two = 2\n", Mode.EXECUTABLE)})
    assert job.gate().refused(11, "app.py", "the last signed content is 100644")
