"""Attacks that replay: evidence that was good once, or elsewhere, or for a part, offered for something else.

Every repository is real and made by script; the gate is asked as a process. Where a change must NOT be refused
(junk beside it must cost nobody an answer), green is the right answer and is asserted as such.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import replace

import pytest

from countermark_ledger import checkpoint
from countermark_ledger.checkpoint import TreeHead
from countermark_ledger.collection import CHECKPOINT, Link
from countermark_ledger.identity import Kind
from countermark_ledger.node import Change, Mode
from countermark_ledger.predicates.status import Revocation, RevokedKind

from ..conftest import Founded, Recipe, SimulatedAuthority
from .conftest import Ground
from .job import POLICY, Blob, Job, SshKey, now, put_bundle

CHANGED = {"app.py": "two = 2\n"}
UNSIGNED = "no signed statement accounts for it"
SPENT = "all spent or from a base that the protected ref no longer accepts"
TWENTY = [f"line_{number} = {number}\n" for number in range(20)]


def lines(**other: str) -> str:
    """Twenty lines, some of them different: two far ones merge."""
    return "".join(other.get(f"line_{number}", line) for number, line in enumerate(TWENTY))


FLAWED, MENDED = lines(line_19="flaw = 1\n"), lines(line_19="mended = 1\n")


@pytest.fixture
def rogue(rogue_authority: Founded) -> SimulatedAuthority:
    """An authority whose every name is that of the pinned one."""
    made = SimulatedAuthority(rogue_authority)
    made.clock.now = now()
    return made


@pytest.fixture
def forge(job: Job, ground: Ground) -> Callable[[Change], Recipe]:
    """Recipes of a statement about rows of this job's repository, honest until a test replaces a step."""

    def make(rows: Change) -> Recipe:
        target = job.authority.target(job.git("rev-parse", "main"))
        made = Recipe.honest(ground.founded, job.authority.generation(rows, target=target).statement().encode())
        return replace(made, begins=now()).stamped_at(now())

    return make


# --- what was signed once ---------------------------------------------------------------------------


def test_an_old_signature_does_not_bring_a_mended_flaw_back(job: Job) -> None:
    job.change({"app.py": "flaw = 1\n"})
    job.change({"app.py": "mended = 1\n"})
    job.land("work")
    job.branch("attack")
    job.commit({"app.py": "flaw = 1\n"})
    assert job.gate().refused(11, "app.py", SPENT)


def test_a_squashed_intermediate_does_not_land_on_what_it_became(job: Job) -> None:
    job.change({"app.py": "flaw = 1\n"})
    flawed = job.git("rev-parse", "HEAD")
    job.change({"app.py": "mended = 1\n"})
    job.git("checkout", "-q", "main")
    job.git("merge", "-q", "--squash", "work")
    job.commit(message="squashed")
    job.branch("attack")
    job.git("checkout", flawed, "--", "app.py")
    job.commit()
    assert job.gate().refused(11, "app.py", SPENT)


def test_a_squashed_intermediate_does_not_come_back_by_a_merge_from_before(job: Job) -> None:
    """What was squashed took the flaw out again and did something else, so that git merges the flaw in cleanly."""
    job.catch_up({"app.py": lines()})
    job.change({"app.py": FLAWED})
    job.git("branch", "flawed")
    job.change({"app.py": lines(line_9="feature = 1\n")})
    job.squash("work")
    assert job.gate(head="flawed").refused(11, "app.py", SPENT)


def test_work_from_an_old_branch_point_does_not_land_after_it_was_taken_back(job: Job) -> None:
    job.catch_up({"app.py": lines()})
    job.change({"app.py": FLAWED})
    job.on_main({"app.py": lines(line_0="first = 1\n")})
    assert job.gate().passed()
    job.git("checkout", "-q", "main")
    job.git("merge", "-q", "--squash", "work")
    job.commit(message="squashed")
    job.git("revert", "--no-edit", "HEAD")
    assert job.gate(head="work").refused(11, "app.py", "the last signed content is 100644")


def test_work_that_was_abandoned_does_not_land_once_its_session_is_withdrawn(job: Job) -> None:
    job.change(CHANGED)
    assert job.gate().passed()
    job.revoke(Revocation(RevokedKind.SESSION, "session-1", now(), 0, "abandoned"))
    assert job.gate().refused(13, "app.py", "session session-1 is revoked since")


def test_work_that_was_abandoned_does_not_land_once_it_is_older_than_the_policy_allows(job: Job) -> None:
    job.ask(evidence={"maxAgeDays": 1})
    job.authority.clock.step(days=-2)
    job.change(CHANGED)
    job.authority.clock.now = now()
    assert job.gate().refused(10, "app.py", "the policy accepts none from before")


def test_work_for_another_branch_covers_nothing_here(job: Job) -> None:
    target = job.authority.target(job.git("rev-parse", "main"))._replace(protected_ref="refs/heads/experiments")
    job.change(CHANGED, target=target)
    assert job.gate().refused(11, "app.py", "was signed towards refs/heads/experiments")


def test_a_base_that_the_protected_ref_never_had_covers_nothing(job: Job) -> None:
    abandoned = job.commit({"other.py": "o = 1\n"})
    job.change(CHANGED, base=abandoned)
    assert job.gate().refused(11, "app.py", SPENT)


def test_a_base_that_is_too_old_for_the_policy_covers_nothing(job: Job) -> None:
    job.ask(evidence={"maxBaseDistance": 1})
    job.change(CHANGED)
    job.on_main({"one.txt": "1\n"})
    assert job.gate().passed()
    job.on_main({"two.txt": "2\n"})
    assert job.gate().refused(11, "app.py", SPENT)


def test_a_file_that_was_deleted_does_not_come_back_by_its_old_statement(job: Job) -> None:
    job.change({"old.py": "secret = 1\n"})
    job.land("work")
    job.branch("remove")
    job.change({"old.py": None})
    job.land("remove")
    job.branch("attack")
    job.commit({"old.py": "secret = 1\n"})
    assert job.gate().refused(11, "old.py", SPENT)


def test_a_row_that_was_picked_from_a_statement_does_not_land_without_the_others(job: Job) -> None:
    job.change({"app.py": "two = 2\n", "guard.py": "g = 1\n"})
    job.branch("part")
    job.git("checkout", "work", "--", "app.py")
    job.commit()
    assert job.gate().refused(11, "app.py", "guard.py")


def test_a_revert_that_nobody_signed_is_not_accounted_for(job: Job) -> None:
    job.change(CHANGED)
    job.land("work")
    job.branch("undo")
    job.git("revert", "-m", "1", "--no-edit", "main")
    assert job.gate().refused(11, "app.py", SPENT)


def test_a_signed_revert_lands(job: Job) -> None:
    job.change(CHANGED)
    job.land("work")
    job.branch("undo")
    job.change({"app.py": "one = 1\n"})
    assert job.gate().passed()


def test_a_reverted_change_does_not_land_again_by_its_old_statement(job: Job) -> None:
    job.change(CHANGED)
    job.land("work")
    job.git("revert", "-m", "1", "--no-edit", "HEAD")
    job.branch("attack")
    job.commit(CHANGED)
    assert job.gate().refused(11, "app.py", SPENT)


def test_a_statement_that_a_landed_verdict_used_is_spent(job: Job) -> None:
    """By the verdict alone: the protected ref never had the file as the statement has it, nor as it would land."""
    job.catch_up({"app.py": lines()})
    job.change({"app.py": FLAWED})
    job.on_main({"app.py": lines(line_0="first = 1\n")})
    job.squash("work")
    job.commit({"app.py": lines(line_5="mended = 1\n")})
    assert job.gate(head="work").refused(11, "app.py", SPENT)


# --- nodes ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("path", "after"),
    [
        pytest.param("app.py", Blob(b"one = 1\n", Mode.EXECUTABLE), id="a-mode-alone"),
        pytest.param("target", Blob(b"app.py", Mode.SYMLINK), id="a-link-with-the-bytes-of-the-file"),
    ],
)
def test_the_same_blob_under_another_mode_is_another_node(job: Job, path: str, after: Blob) -> None:
    if path == "target":
        job.catch_up({"target": "app.py"})
    before = job.git("rev-parse", f"HEAD:{path}")
    job.commit({path: after})
    assert job.git("rev-parse", f"HEAD:{path}") == before
    assert job.gate().refused(11, path, UNSIGNED)


@pytest.mark.parametrize(
    "path",
    [POLICY, ".countermark/trust-root.json", ".github/workflows/ci.yml", ".gitlab-ci.yml", "docs/CODEOWNERS"],
)
def test_what_becomes_the_next_base_of_trust_is_not_an_agents_to_change(job: Job, path: str) -> None:
    content = (job.root / path).read_text() + "\n" if path.startswith(".counter") else "x: 1\n"
    job.change({path: content})
    assert job.gate().refused(11, path, "protected path: expected 1 people to answer for it, found 0")


# --- landing trees ----------------------------------------------------------------------------------


def test_an_old_tree_that_once_passed_is_a_change_like_any_other(job: Job) -> None:
    """A reset onto an old landing tree, offered as a commit: its signed verdict is about another tip."""
    job.change(CHANGED)
    job.squash("work")
    old = job.git("rev-parse", "main^{tree}")
    job.branch("next")
    job.change({"app.py": "three = 3\n"})
    job.land("next")
    job.branch("attack")
    job.git("reset", "-q", "--hard", job.checkout.commit_tree(old, job.git("rev-parse", "main")))
    assert job.gate().refused(11, "app.py", SPENT)


def test_a_verdict_of_the_attackers_own_gate_uses_up_nothing_and_covers_nothing(job: Job) -> None:
    job.change(CHANGED)
    job.decide("HEAD", job.git("rev-parse", "main^{tree}"), gate="elsewhere")
    assert job.gate().passed()
    job.commit({"b.py": "b = 1\n"})
    job.decide("HEAD", job.git("rev-parse", "HEAD^{tree}"), gate="elsewhere")
    assert job.gate().refused(11, "b.py", UNSIGNED)


# --- other people's bundles -------------------------------------------------------------------------


@pytest.mark.parametrize(
    "junk",
    [
        pytest.param({"00/" + "0" * 64 + ".sigstore.json": b"{"}, id="half-a-document"),
        pytest.param({"00/" + "0" * 64 + ".sigstore.json": b"[" * 100_000}, id="a-deep-document"),
        pytest.param({"00/" + "0" * 64 + ".sigstore.json": b'{"a":1,"a":2}'}, id="a-key-twice"),
        pytest.param({CHECKPOINT: b"log.forge.example\n9999\nAAAA\n\n"}, id="a-checkpoint-of-nobody"),
        pytest.param({"consistency/1-9.tlog-consistency": b"\n"}, id="an-empty-link"),
        pytest.param({"index/x": b"../../../etc/passwd", "status": b"{}"}, id="hints-that-lie"),
    ],
)
def test_junk_beside_good_evidence_makes_nobody_red(job: Job, junk: dict[str, bytes]) -> None:
    job.change(CHANGED)
    job.loose = junk
    assert job.gate().passed()


def test_somebody_elses_refused_evidence_makes_nobody_red(job: Job, rogue: SimulatedAuthority) -> None:
    """About the same rows: altered, by a rogue authority, and by an agent that was revoked since."""
    rows = job.write(CHANGED)
    good, other = job.sign(rows)[0], job.sign(rows, agent="revoked")[0]
    forged = rogue.sign_change(rows, target=job.authority.target(job.git("rev-parse", "main")))[0]
    altered = good.raw.replace(b'"logIndex":"0"', b'"logIndex":"1"')
    job.loose = put_bundle(forged.raw, forged.certificate_proof) | put_bundle(altered, good.certificate_proof)
    job.commit()
    who = str(job.authority.who(Kind.AGENT, "revoked"))
    job.revoke(Revocation(RevokedKind.IDENTITY, who, now(), 0, "stolen"))
    assert other in job.evidence
    assert job.gate().passed()


def test_the_oldest_status_is_inconclusive_for_a_job_that_saw_a_newer_one(job: Job) -> None:
    job.change(CHANGED)
    job.offer()
    who = str(job.authority.who(Kind.AGENT))
    old = job.gate(offer=False).passed()["statusNumber"]
    job.revoke(Revocation(RevokedKind.IDENTITY, who, now(), 0, "stolen"))
    words = ("--seen-status", str(old + 1))
    assert job.gate(*words, offer=False).refused(20, None, f"status: number {old + 1} was seen before")
    assert job.gate(*words).refused(13, "app.py", f"identity {who} is revoked since")


# --- forks of the log -------------------------------------------------------------------------------


def test_two_forks_of_one_log_are_inconsistent(job: Job) -> None:
    """Both are signed by the log's own key: the same size, two roots."""
    job.change(CHANGED)
    job.revoke()
    head, log = job.authority.log.head, job.authority.authority.log
    forged = TreeHead(log.verifier.name, head.size, hashlib.sha256(b"another history").digest())
    link = Link(1, head.size, (), checkpoint.sign(forged, log))
    job.loose = {link.path(): link.encode()}
    assert job.gate().refused(12, None, f"two signed checkpoints of size {head.size} have different roots")


def test_evidence_of_a_fork_that_nothing_ties_is_refused_where_the_policy_asks_for_one_log(job: Job) -> None:
    job.ask(splitView="refuse")
    job.change(CHANGED)
    assert job.gate().refused(12, None, "split view: unprotected, and the policy refuses that")


# --- who signed -------------------------------------------------------------------------------------

ISSUER = "https://token.actions.githubusercontent.com"
WORKFLOWS = {
    "another-repository": "https://github.com/attacker/repo/.github/workflows/ci.yml@refs/heads/main",
    "a-fork": "https://github.com/fork/countermark/.github/workflows/ci.yml@refs/heads/main",
    "another-ref": "https://github.com/countermark/countermark/.github/workflows/ci.yml@refs/pull/1/merge",
}


@pytest.mark.parametrize("workflow", WORKFLOWS.values(), ids=WORKFLOWS)
def test_a_workflow_is_not_an_agent_because_it_says_so(job: Job, forge: Callable[..., Recipe], workflow: str) -> None:
    rows = job.write(CHANGED)
    offer = replace(forge(rows), identity=workflow, issuer=ISSUER).make()
    job.loose = put_bundle(offer.raw, offer.certificate_proof)
    job.commit()
    assert job.gate().refused(12, "app.py", "identity: expected spiffe://<domain>/<kind>/<name>")


def test_an_agent_by_another_issuer_is_nobody(job: Job, forge: Callable[..., Recipe]) -> None:
    offer = replace(forge(job.write(CHANGED)), issuer=ISSUER).make()
    job.loose = put_bundle(offer.raw, offer.certificate_proof)
    job.commit()
    assert job.gate().refused(12, "app.py", "signer: expected one of forge.example by https://authority.forge.example")


def test_a_merge_that_a_person_signed_claims_nothing(job: Job) -> None:
    job.branch("unsigned")
    smuggled = job.commit({"smuggled.py": "s = 1\n"})
    tree, main = job.git("rev-parse", "HEAD^{tree}"), job.git("rev-parse", "main")
    who = "P <p@example.org> 1700000000 +0000"
    top = f"tree {tree}\nparent {main}\nparent {smuggled}\nauthor {who}\ncommitter {who}\n".encode()
    armor = job.key.sign(top + b"\nmerge\n").rstrip(b"\n").replace(b"\n", b"\n ")
    job.git("reset", "-q", "--hard", job.checkout.raw("commit", top + b"gpgsig " + armor + b"\n\nmerge\n"))
    assert job.gate().refused(11, "smuggled.py", UNSIGNED)


def test_a_platforms_own_signature_is_nobodys_claim(job: Job) -> None:
    """The web editor's commits are signed, and by a key that everybody's browser may use."""
    job.commit_signed(CHANGED, SshKey())
    assert job.gate().refused(11, "app.py", UNSIGNED)


def test_a_signature_of_another_kind_is_nobodys_claim(job: Job) -> None:
    pgp = b"-----BEGIN PGP SIGNATURE-----\n \n wsBcBAABCAAQBQJh\n =abcd\n -----END PGP SIGNATURE-----"
    job.commit_signed(CHANGED, spoil=lambda raw: raw[: raw.index(b"gpgsig ") + 7] + pgp + b"\n\nby hand\n")
    assert job.gate().refused(11, "app.py", UNSIGNED)


# --- scans ------------------------------------------------------------------------------------------

FLAW = "import subprocess\n\n\ndef run(command):\n    subprocess.run(command, shell=True)\n"


def test_a_scan_cache_that_an_earlier_change_poisoned_answers_nothing(job: Job) -> None:
    """Caches where tools look for them: in the checkout, at home, and beside the job."""
    job.sign(job.write({"app.py": FLAW}))
    home = job.place / "home"
    for cache in (".ruff_cache", ".cache/ruff", ".cache/countermark", ".semgrep", ".mypy_cache"):
        for folder in (job.root, home, home / "data"):
            (folder / cache).mkdir(parents=True)
            (folder / cache / "clean.json").write_text('{"results": [], "errors": []}')
    job.git("add", "app.py")
    job.git("commit", "-q", "-m", "flaw")
    environ = {"XDG_CACHE_HOME": str(home / ".cache"), "RUFF_CACHE_DIR": str(home / ".cache" / "ruff")}
    assert job.gate(environ=environ).refused(10, None, "score 55 of 100, the policy asks for 85")


def test_findings_that_are_split_over_many_small_changes_add_up_in_sight(job: Job) -> None:
    """Each change is judged alone, and each verdict says what its signers have cost since: here a fourth one."""
    who = str(job.authority.who(Kind.AGENT))
    for number in range(3):
        job.branch(f"slice-{number}")
        job.change({f"part_{number}.py": f"x = {number}\n"})
        job.squash(f"slice-{number}", points=((who, 8),))
    job.branch("slice-3")
    job.change({"part_3.py": "x = 3\n"})
    assert job.gate().passed()["earlierPoints"] == [{"signer": who, "points": 24, "landings": 3}]
