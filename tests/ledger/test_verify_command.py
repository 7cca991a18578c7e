"""`python -I -m countermark_ledger verify`: from files alone, and 0 on one path only."""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta, tzinfo
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from countermark_ledger import answer, arguments, checkpoint, command, errors
from countermark_ledger.checkpoint import TreeHead
from countermark_ledger.identity import Kind
from countermark_ledger.node import Change, Mode
from countermark_ledger.note import Cosigner, NoteSigner, SignedNote
from countermark_ledger.predicates import rows
from countermark_ledger.predicates.approval import Approval
from countermark_ledger.predicates.claim import Claim
from countermark_ledger.predicates.generation import Model, ModelSource
from countermark_ledger.predicates.status import Revocation, RevokedKind
from countermark_ledger.predicates.verdict import Binding, Outcome, Verdict
from countermark_ledger.predicates.waiver import WaiverApproval, WaiverRequest, WaiverRevocation
from countermark_ledger.shape import spell_time
from countermark_ledger.statement import Statement, Subject

if TYPE_CHECKING:
    from conftest import Founded, Recipe, SimulatedAuthority

    from countermark_ledger.authority.issuing import Signed

CONTENT = "print('a')\n"
AGENT = "spiffe://forge.example/agent/builder"


@dataclass
class Reader:
    """Somebody with a folder of files and a terminal."""

    folder: Path
    authority: SimulatedAuthority
    capsys: pytest.CaptureFixture[str]

    def __post_init__(self) -> None:
        self.trust_root = self.folder / "trust-root.json"
        self.trust_root.write_bytes(self.authority.trust.encode())
        self.file = self.folder / "a.py"
        self.file.write_text(CONTENT)

    def keep(self, raw: bytes, proof: bytes) -> Path:
        """Put a bundle and its proof side by side."""
        name = self.folder / hashlib.sha256(raw).hexdigest()
        name.with_suffix(".certificate.tlog-proof").write_bytes(proof)
        name.with_suffix(".sigstore.json").write_bytes(raw)
        return name.with_suffix(".sigstore.json")

    def receive(self, signed: Signed) -> str:
        return str(self.keep(signed.raw, signed.certificate_proof))

    def ask(self, *words: str | Path) -> tuple[int, str, str]:
        code = command.main(["verify", *map(str, words), "--trust-root", str(self.trust_root)])
        said = self.capsys.readouterr()
        return code, said.out, said.err

    def accepts(self, *words: str | Path) -> str:
        code, out, err = self.ask(*words)
        assert (code, err) == (0, "")
        return out

    def refuses(self, code: int, *words: str | Path) -> str:
        """Nothing on stdout, so that nobody takes half an answer for one."""
        found, out, err = self.ask(*words)
        assert (found, out) == (code, ""), err
        assert "internal error" not in err
        return err


@pytest.fixture
def reader(simulated: SimulatedAuthority, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Reader:
    return Reader(tmp_path, simulated, capsys)


@pytest.fixture
def change(changed: Callable[..., Change]) -> Change:
    return changed(a_py=(None, CONTENT), copy_py=(None, CONTENT), b_py=("1\n", "2\n"))


@pytest.fixture
def bundle(reader: Reader, change: Change) -> str:
    return reader.receive(reader.authority.sign_change(change)[0])


# --- what holds -------------------------------------------------------------------------------------


def test_a_bundle_that_holds_says_who_when_where_and_what_was_not_checked(reader: Reader, bundle: str) -> None:
    lines = reader.accepts(bundle).splitlines()
    assert f"verified: {Path(bundle).name.removesuffix('.sigstore.json')}" in lines
    assert f"trust root: {reader.authority.trust.digest}" in lines
    assert f"signer: {AGENT}" in lines
    assert f"says: {AGENT} changed files, evidence: observed" in lines
    assert f"signed: {spell_time(reader.authority.clock.now)}" in lines
    assert "log: log.forge.example, entry 0 of 1" in lines
    assert "revocation: not checked" in lines
    assert "split-view: unprotected" in lines


def test_a_file_is_matched_by_its_content_and_every_subject_of_it_is_named(reader: Reader, bundle: str) -> None:
    elsewhere = reader.folder / "renamed"
    elsewhere.write_text(CONTENT)
    assert f"file: {elsewhere} is subject a.py, copy.py" in reader.accepts(bundle, elsewhere).splitlines()


def test_the_answer_for_programs_is_one_document(reader: Reader, bundle: str) -> None:
    document = json.loads(reader.accepts(bundle, reader.file, "--json"))
    assert document["signer"] == AGENT
    assert document["files"] == [{"path": str(reader.file), "subjects": ["a.py", "copy.py"]}]
    assert document["revocation"] == {"checked": False, "status": None}
    assert [subject["name"] for subject in document["subjects"]][:3] == ["a.py", "b.py", "copy.py"]


def test_a_name_that_a_terminal_would_obey_is_spelled_out(reader: Reader, changed: Callable[..., Change]) -> None:
    hostile = Change.of(replace(row, path="a\u202eyp.txt") for row in changed(a_py=(None, CONTENT)).transitions)
    out = reader.accepts(reader.receive(reader.authority.sign_change(hostile)[0]), reader.file)
    assert "subject a\\u202eyp.txt" in out


def test_the_expected_signer_and_kind_of_statement_are_compared_exactly(reader: Reader, bundle: str) -> None:
    reader.accepts(bundle, "--identity", AGENT, "--predicate-type", "https://slsa.dev/provenance/v1")
    for identity in (AGENT[:-1], AGENT.upper(), "", ".*", "spiffe://forge.example/agent/*"):
        assert "signer: expected" in reader.refuses(12, bundle, "--identity", identity)
    assert "predicate type" in reader.refuses(12, bundle, "--predicate-type", "https://slsa.dev/provenance/v0.2")


def test_a_proof_may_lie_elsewhere_when_it_is_named(reader: Reader, bundle: str) -> None:
    proof = Path(command.beside(bundle))
    moved = proof.rename(reader.folder / "elsewhere")
    assert "hint: countermark verify BUNDLE --certificate-proof FILE" in reader.refuses(2, bundle)
    reader.accepts(bundle, "--certificate-proof", moved)


def test_one_part_of_a_change_says_that_it_counts_only_with_the_others(
    reader: Reader, changed: Callable[..., Change], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rows, "ROWS_PER_PART", 1)
    parts = reader.authority.sign_change(changed(a_py=(None, "1"), b_py=(None, "2")))
    assert "changed files (part 1 of 2, which count only together)" in reader.accepts(reader.receive(parts[0]))


def test_provenance_of_another_tool_is_verified_and_says_nothing_of_ours(reader: Reader) -> None:
    foreign = Statement((Subject("x", {"sha256": "0" * 64}),), "https://slsa.dev/provenance/v1", {"buildDefinition": 1})
    (signed,) = reader.authority.sign(reader.authority.who(Kind.AGENT), foreign)
    assert "says:" not in reader.accepts(reader.receive(signed))
    assert json.loads(reader.accepts(reader.receive(signed), "--json"))["says"] is None


def test_a_statement_of_an_unknown_kind_is_verified_and_says_nothing(reader: Reader) -> None:
    unknown = Statement((Subject("x", {"sha256": "0" * 64}),), "https://example.com/v1", {})
    (signed,) = reader.authority.sign(reader.authority.who(Kind.AGENT), unknown)
    assert "says:" not in reader.accepts(reader.receive(signed))


# --- what does not ----------------------------------------------------------------------------------


def test_a_file_that_was_changed_is_refused(reader: Reader, bundle: str) -> None:
    reader.file.write_text(CONTENT + "#")
    assert "expected a subject with sha256" in reader.refuses(12, bundle, reader.file)


def test_one_wrong_file_among_right_ones_is_refused(reader: Reader, bundle: str) -> None:
    wrong = reader.folder / "wrong"
    wrong.write_bytes(b"")
    assert reader.refuses(12, bundle, reader.file, wrong)


@pytest.mark.parametrize(
    "words",
    [
        pytest.param([], id="no-bundle"),
        pytest.param(["absent.sigstore.json"], id="absent-bundle"),
        pytest.param(["/"], id="a-folder"),
        pytest.param(["/dev/zero"], id="a-device-that-never-ends"),
        pytest.param(["BUNDLE", "/dev/zero"], id="a-device-for-a-file"),
        pytest.param(["BUNDLE", "absent.py"], id="absent-file"),
        pytest.param(["BUNDLE", "--status", "absent"], id="absent-status"),
        pytest.param(["BUNDLE", "--at", "yesterday"], id="no-time"),
        pytest.param(["BUNDLE", "--trust-root", "absent"], id="absent-trust-root"),
        pytest.param(["BUNDLE", "--ident", AGENT], id="abbreviated-option"),
        pytest.param(["BUNDLE", "--unknown"], id="unknown-option"),
        pytest.param(["BUNDLE", "--identity=--"], id="an-option-without-a-value"),
    ],
)
def test_wrong_usage_is_two(reader: Reader, bundle: str, words: Sequence[str], capsys: pytest.CaptureFixture) -> None:
    named = [bundle if word == "BUNDLE" else word for word in words]
    trusted = ["--trust-root", str(reader.trust_root)] if "--trust-root" not in words else []
    assert command.main(["verify", *trusted, *named]) == 2
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err.startswith("countermark: ")


def test_a_trust_root_that_is_none_is_the_readers_mistake_and_not_a_forgery(reader: Reader, bundle: str) -> None:
    reader.trust_root.write_text("{}")
    assert "hint: countermark trust-root" in reader.refuses(2, bundle)


def test_another_trust_root_than_the_pinned_one_is_refused(reader: Reader, bundle: str) -> None:
    args = arguments.build().parse_args(["verify", bundle, "--trust-root", str(reader.trust_root)])
    assert command.answer_to(args, reader.trust_root, reader.authority.trust.digest).trust == reader.authority.trust
    with pytest.raises(errors.UsageError, match="expected the pinned trust root sha256:00"):
        command.answer_to(args, reader.trust_root, "sha256:00")


def test_what_is_too_large_is_inconclusive(reader: Reader, bundle: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(answer.bundle, "MAX_BYTES", 100)
    assert "expected at most 100 bytes" in reader.refuses(20, bundle)


@pytest.mark.parametrize("flaw", [b"", b"[" * 100_000, b"\x00", b'{"a":1,"a":2}'])
def test_junk_in_place_of_a_bundle_is_refused(reader: Reader, flaw: bytes) -> None:
    assert reader.refuses(20 if b"[" in flaw else 12, reader.keep(flaw, b""))


# --- who may say it ---------------------------------------------------------------------------------


def claim(authority: SimulatedAuthority, change: Change, person: str = "p1") -> Statement:
    return Claim(authority.who(Kind.PERSON, person), authority.target(), rows.split(change)[0]).statement()


def decided(authority: SimulatedAuthority, outcome: Outcome = Outcome.FAILED) -> Statement:
    binding = Binding("repository-1", "refs/heads/main", "a" * 40, "b" * 40, "c" * 40, "d" * 64, "merge", ())
    gate = authority.who(Kind.GATE, "local")
    return Verdict(gate, "1", authority.clock.now, outcome, 10, 0, ("score",), "e" * 64, (), binding).statement()


def test_what_people_gates_and_the_authority_say_is_said(reader: Reader, change: Change) -> None:
    authority = reader.authority
    (mine,) = authority.sign(authority.who(Kind.PERSON, "p1"), claim(authority, change))
    assert "says: spiffe://forge.example/person/p1 answers for files" in reader.accepts(reader.receive(mine))
    (verdict,) = authority.sign(authority.who(Kind.GATE, "local"), decided(authority))
    assert "says: verdict FAILED" in reader.accepts(reader.receive(verdict))
    assert "says: status 1, 0 revoked" in reader.accepts(reader.receive(authority.status()))


def consents(authority: SimulatedAuthority) -> dict[str, Statement]:
    """What each kind of consent says, and a sample of it."""
    person, agent = authority.who(Kind.PERSON, "p1"), authority.who(Kind.AGENT)
    asked = WaiverRequest(
        "repository-1", "a.py", "d" * 64, None, None, agent, person, "why", 0, None, authority.clock.now, None
    )
    file = replace(asked, finding=None, mode=Mode.FILE, sha256="e" * 64)
    approval = Approval(person, "repository-1", "refs/heads/main", "a" * 40, "b" * 40, "d" * 64)
    return {
        "lets commit bbbbbbbbbbbb land on aaaaaaaaaaaa": approval.statement(),
        f"asks for a waiver of a finding by {agent}": asked.statement(),
        f"asks for a waiver of a file by {agent}": file.statement(),
        "approves waiver dddddddddddddddd": WaiverApproval("d" * 64, person).statement(),
        "revokes waiver dddddddddddddddd": WaiverRevocation("d" * 64, person, "fixed").statement(),
    }


def test_what_people_let_through_is_said(reader: Reader) -> None:
    authority = reader.authority
    person = authority.who(Kind.PERSON, "p1")
    for says, statement in consents(authority).items():
        (signed,) = authority.sign(person, statement)
        assert f"says: {person} {says}" in reader.accepts(reader.receive(signed))


def test_a_statement_signed_by_another_than_it_names_is_refused(reader: Reader, change: Change) -> None:
    authority = reader.authority
    other = authority.who(Kind.AGENT, "other")
    generation = authority.generation(change).statement()
    named = (generation, claim(authority, change), decided(authority), *consents(authority).values())
    for statement in named:
        (signed,) = authority.sign(other, statement)
        assert "signer: expected" in reader.refuses(12, reader.receive(signed))


def test_a_status_by_another_than_the_authority_is_refused(reader: Reader, bundle: str) -> None:
    forged = reader.receive(reader.authority.status(signer=reader.authority.who(Kind.AGENT)))
    assert "expected authority" in reader.refuses(12, forged)
    assert "expected the authority" in reader.refuses(12, bundle, "--status", forged)


# --- status -----------------------------------------------------------------------------------------


def revoked(authority: SimulatedAuthority, kind: RevokedKind = RevokedKind.IDENTITY, value: str = AGENT) -> Revocation:
    return Revocation(kind, value, authority.clock.now, 0, "stolen")


def test_a_status_that_names_nobody_clears_the_bundle(reader: Reader, bundle: str) -> None:
    reader.authority.clock.now += timedelta(seconds=1)
    status = reader.receive(reader.authority.status(number=4))
    at = spell_time(reader.authority.clock.now)
    assert "revocation: not revoked by status 4, which is good until" in reader.accepts(
        bundle, "--status", status, "--at", at
    )
    document = json.loads(reader.accepts(bundle, "--status", status, "--at", at, "--json"))
    assert document["revocation"] == {"checked": True, "status": 4}


def test_a_revoked_signer_is_thirteen_and_the_newest_of_several_statuses_counts(reader: Reader, bundle: str) -> None:
    clean = reader.receive(reader.authority.status(number=1))
    accusing = reader.receive(reader.authority.status(revoked(reader.authority), number=2))
    at = spell_time(reader.authority.clock.now)
    for order in ((clean, accusing), (accusing, clean)):
        options = [word for status in order for word in ("--status", status)]
        assert "is revoked since" in reader.refuses(13, bundle, *options, "--at", at)


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        (RevokedKind.MODEL, "m-1"),
        (RevokedKind.MODEL, "m-2"),
        (RevokedKind.IMAGE, "sha256:i"),
        (RevokedKind.SESSION, "session-1"),
    ],
)
def test_a_revoked_model_image_or_session_is_thirteen(
    reader: Reader, change: Change, kind: RevokedKind, value: str
) -> None:
    authority = reader.authority
    made = authority.generation(change, models=(Model(None, "m-1", "m-2", None, ModelSource.WIRE),))
    made = made._replace(session=made.session._replace(image_digest="sha256:i"))
    (signed,) = authority.sign(authority.who(Kind.AGENT), made.statement())
    status = reader.receive(authority.status(revoked(authority, kind, value)))
    at = spell_time(authority.clock.now)
    assert f"{kind} {value} is revoked" in reader.refuses(13, reader.receive(signed), "--status", status, "--at", at)


def test_an_expired_status_and_one_older_than_the_evidence_are_inconclusive(reader: Reader, change: Change) -> None:
    status = reader.receive(reader.authority.status())
    late = reader.receive(reader.authority.sign_change(change)[0])
    at = spell_time(reader.authority.clock.now)
    assert "it stands at log index" in reader.refuses(20, late, "--status", status, "--at", at)
    later = spell_time(reader.authority.clock.now + timedelta(days=8))
    assert "a newer one was due by" in reader.refuses(20, late, "--status", status, "--at", later)


class Later(datetime):
    """This machine's clock, eight days after the simulated one."""

    @classmethod
    def now(cls, tz: tzinfo | None = None) -> datetime:
        return datetime(2026, 11, 28, 12, tzinfo=tz)


def test_without_a_time_a_status_is_judged_by_todays_clock(
    reader: Reader, bundle: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(answer, "datetime", Later)
    current = reader.receive(reader.authority.status(number=2, days=9))
    reader.accepts(bundle, "--status", current)
    late = reader.receive(reader.authority.status(number=3))
    assert "was due by" in reader.refuses(20, bundle, "--status", late)


def test_nothing_is_valid_before_it_was_signed(reader: Reader, bundle: str) -> None:
    early = spell_time(reader.authority.clock.now - timedelta(seconds=1))
    assert "after the time to decide at" in reader.refuses(12, bundle, "--at", early)


# --- witnesses --------------------------------------------------------------------------------------


@pytest.fixture
def witness() -> Cosigner:
    return Cosigner("witness.example", Ed25519PrivateKey.generate())


def cosigned(witness: Cosigner) -> Callable[[TreeHead, NoteSigner], bytes]:
    def note(head: TreeHead, signer: NoteSigner) -> bytes:
        signed = SignedNote.parse(checkpoint.sign(head, signer))
        return SignedNote(signed.text, (*signed.signatures, witness.cosign(signed.text, time=1))).encode()

    return note


def test_a_quorum_of_witnesses_is_said_and_may_be_required(
    reader: Reader, honest_recipe: Recipe, founded_authority: Founded, witness: Cosigner
) -> None:
    root = founded_authority.authority.trust_root("repository-1", quorum=1, witnesses=(witness.verifier,))
    reader.trust_root.write_bytes(root.encode())
    seen = replace(honest_recipe, note=cosigned(witness)).make()
    bundle = reader.keep(seen.raw, seen.certificate_proof)
    assert "split-view: seen by 1 witnesses" in reader.accepts(bundle, "--require-witnesses")
    alone = honest_recipe.make()
    bundle = reader.keep(alone.raw, alone.certificate_proof)
    assert "split-view: unprotected" in reader.accepts(bundle)
    assert "expected 1 witnesses, found 0" in reader.refuses(12, bundle, "--require-witnesses")


def test_witnesses_can_not_be_required_where_none_is_pinned(reader: Reader, bundle: str) -> None:
    assert "this trust root pins none" in reader.refuses(12, bundle, "--require-witnesses")


# --- 0 is the last line -----------------------------------------------------------------------------


def functions_of_a_run(run: Callable[[], object]) -> set[tuple[str, str]]:
    """Every function of ours that a run calls, as (file, name)."""
    seen: set[tuple[str, str]] = set()

    def watch(frame: FrameType, event: str, _argument: object) -> None:
        if event == "call" and "countermark_ledger" in frame.f_code.co_filename:
            seen.add((frame.f_code.co_filename, frame.f_code.co_qualname))

    sys.setprofile(watch)
    try:
        run()
    finally:
        sys.setprofile(None)
    return seen


def failing_in(function: tuple[str, str], run: Callable[[], int]) -> int | str:
    """Run with one function of ours raising; an exception that leaves the run is not a code."""

    def fail(frame: FrameType, event: str, _argument: object) -> None:
        if event == "call" and (frame.f_code.co_filename, frame.f_code.co_qualname) == function:
            raise RuntimeError("made to fail")

    sys.setprofile(fail)
    try:
        return run()
    except RuntimeError:
        return "raised"
    finally:
        sys.setprofile(None)


def test_an_exception_in_any_function_of_ours_never_ends_in_zero(reader: Reader, bundle: str) -> None:
    status = reader.receive(reader.authority.status())
    at = spell_time(reader.authority.clock.now)

    def run() -> int:
        return reader.ask(bundle, reader.file, "--status", status, "--at", at)[0]

    assert run() == 0
    functions = functions_of_a_run(run)
    assert len(functions) > 100
    assert [function for function in sorted(functions) if failing_in(function, run) == 0] == []


def test_a_crash_is_one_and_keeps_its_detail_to_itself(
    reader: Reader, bundle: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def crash(*_: object) -> None:
        raise ZeroDivisionError("private detail")

    monkeypatch.setattr(answer, "to", crash)
    code, out, err = reader.ask(bundle)
    assert (code, out, err) == (1, "", "countermark: internal error: ZeroDivisionError\n")


def test_an_interruption_is_one(reader: Reader, bundle: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(answer, "to", interrupt)
    assert reader.ask(bundle) == (1, "", "countermark: interrupted\n")


def test_an_answer_that_could_not_be_written_is_one(
    reader: Reader, bundle: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with Path("/dev/full").open("w") as full:
        monkeypatch.setattr(sys, "stdout", full)
        code = command.main(["verify", bundle, "--trust-root", str(reader.trust_root)])
        monkeypatch.undo()
    assert code == 1
    assert "No space left" in capsys.readouterr().err


def test_a_refusal_that_the_table_does_not_know_is_an_internal_error() -> None:
    assert command.code_of(errors.StoreFailed("x")) == 1


# --- as a process -----------------------------------------------------------------------------------


def process(*words: str | Path, cwd: Path) -> subprocess.CompletedProcess[str]:
    argv = [sys.executable, "-I", *map(str, words)]
    return subprocess.run(argv, capture_output=True, text=True, cwd=cwd, check=False)


def test_the_documented_line_works_from_anywhere(reader: Reader, bundle: str, tmp_path: Path) -> None:
    words = ("verify", bundle, reader.file, "--trust-root", reader.trust_root)
    done = process("-m", "countermark_ledger", *words, cwd=Path("/"))
    assert (done.returncode, done.stderr) == (0, "")
    assert "revocation: not checked" in done.stdout
    reader.file.write_text("other")
    assert process("-m", "countermark_ledger", *words, cwd=Path("/")).returncode == 12


def test_the_whole_answer_arrives_through_a_pipe_and_in_a_file(reader: Reader, bundle: str, tmp_path: Path) -> None:
    """The process ends without the interpreter's own last flush."""
    words = ("-m", "countermark_ledger", "verify", bundle, reader.file, "--trust-root", reader.trust_root, "--json")
    piped = process(*words, cwd=tmp_path).stdout
    with (tmp_path / "answer").open("w") as answer:
        done = subprocess.run([sys.executable, "-I", *map(str, words)], stdout=answer, check=False)
    assert done.returncode == 0
    assert json.loads(piped) == json.loads((tmp_path / "answer").read_text())


def test_an_answer_that_has_no_place_is_never_green(reader: Reader, bundle: str) -> None:
    argv = [sys.executable, "-I", "-m", "countermark_ledger", "verify", bundle, "--trust-root", str(reader.trust_root)]
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(argv, stdout=full, stderr=subprocess.PIPE, text=True, check=False)
    assert (done.returncode, "No space left" in done.stderr) == (1, True)


def test_help_and_version_are_there(tmp_path: Path) -> None:
    helped = process("-m", "countermark_ledger", "verify", "--help", cwd=tmp_path)
    assert (helped.returncode, helped.stderr) == (0, "")
    assert "examples:" in helped.stdout
    assert "exit codes:" in helped.stdout
    assert process("-m", "countermark_ledger", "--version", cwd=tmp_path).stdout.startswith("countermark ")


def test_the_help_loads_no_cryptography(tmp_path: Path) -> None:
    code = (
        "import sys; from countermark_ledger import arguments, command; arguments.build();"
        "print(*sorted({'cryptography', 'subprocess', 'socket'} & set(sys.modules)))"
    )
    assert process("-c", code, cwd=tmp_path).stdout == "\n"


# Linux begins a child's ru_maxrss at the size of the process that started it, which is pytest.
PEAK_KIB = """
if sys.platform == "linux":
    print(next(line.split()[1] for line in open("/proc/self/status") if line.startswith("VmHWM:")))
else:
    import resource
    print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024)
"""


def test_verifying_loads_no_subprocess_no_network_and_stays_small(reader: Reader, bundle: str, tmp_path: Path) -> None:
    code = (
        "import sys; from countermark_ledger import command\n"
        "assert command.main(sys.argv[1:]) == 0\n"
        "print(*sorted({'subprocess', 'socket', 'ssl', 'sqlite3', 'sqlalchemy', 'tempfile'} & set(sys.modules)))\n"
    )
    code += PEAK_KIB
    done = process("-c", code, "verify", bundle, "--trust-root", reader.trust_root, cwd=tmp_path)
    *_, loaded, size = done.stdout.splitlines()
    assert loaded == ""
    assert int(size) < 80 * 1024


def test_verifying_imports_the_one_predicate_that_the_statement_is_of(reader: Reader, change: Change) -> None:
    (mine,) = reader.authority.sign(reader.authority.who(Kind.PERSON, "p1"), claim(reader.authority, change))
    code = (
        "import sys; from countermark_ledger import command\n"
        "assert command.main(sys.argv[1:]) == 0\n"
        "print(*sorted(n.removeprefix('countermark_ledger.') for n in sys.modules if 'countermark_ledger' in n))\n"
    )
    words = ("verify", reader.receive(mine), "--trust-root", reader.trust_root)
    loaded = set(process("-c", code, *words, cwd=reader.folder).stdout.splitlines()[-1].split())
    assert "predicates.claim" in loaded
    assert loaded & {"predicates.verdict", "predicates.status", "revocation", "arguments"} == set()
