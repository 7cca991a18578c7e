"""Attacks on the gate's answer, each a test named after it: what must not land, and what must not be spoilt."""

from __future__ import annotations

import hashlib
import json
import os
import shlex
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path

import pytest

from countermark_ledger import canonical, evidence
from countermark_ledger.authority.issuing import Request
from countermark_ledger.bundle import Bundle, content_name
from countermark_ledger.canonical import Json
from countermark_ledger.collection import bundle_path, certificate_proof_path
from countermark_ledger.git.reader import Repository
from countermark_ledger.identity import Kind
from countermark_ledger.predicates import status
from countermark_ledger.predicates.generation import BUILD_TYPE
from countermark_ledger.predicates.status import Revocation, RevokedKind
from countermark_ledger.predicates.verdict import Binding, Outcome, Verdict
from countermark_scanners import registry
from countermark_scanners.finding import Confidence, Finding, Severity
from countermark_scanners.score import Gap, score
from countermark_service import sources
from countermark_service.checkout import Checkout
from countermark_service.embedded import opened
from countermark_service.gate import scanning, steps
from countermark_service.gate.root import Pin
from countermark_service.sources import BUNDLE_REF, from_ledger

from .conftest import CLEAN, Scene, ssh_key


def reasons(document: dict) -> list[tuple[int, str | None]]:
    return [(reason["code"], reason["path"]) for reason in document["reasons"]]


def ask(scene: Scene, old: str, new: str) -> None:
    """Land another policy, and begin a branch on it."""
    scene.git("checkout", "-q", "main")
    path = scene.root / ".countermark/policy.json"
    assert old in path.read_text()
    path.write_text(path.read_text().replace(old, new))
    scene.commit("another policy")
    scene.branch("asked")


# --- protected paths --------------------------------------------------------------------------------


def test_a_symbolic_link_in_place_of_a_protected_folder_needs_people(scene: Scene) -> None:
    scene.write({"build/run": "true\n"})
    (scene.root / ".ci").symlink_to("build")
    scene.must("sign", "--agent", "coder")
    scene.commit()
    assert reasons(scene.gate()) == [(11, ".ci")]


@pytest.mark.parametrize("kind", ["file", "link", "nothing"])
def test_the_folder_of_the_policy_can_not_be_replaced_by_an_agent(scene: Scene, kind: str) -> None:
    scene.git("rm", "-rq", ".countermark")
    if kind == "file":
        scene.write({".countermark": "{}\n"})
    if kind == "link":
        (scene.root / ".countermark").symlink_to("elsewhere")
    scene.must("sign", "--agent", "coder")
    scene.commit()
    refused = {path for _, path in reasons(scene.gate())}
    assert refused >= {".countermark/policy.json", ".countermark/trust-root.json"}
    assert (".countermark" in refused) is (kind != "nothing")


def test_a_name_that_windows_reads_as_a_protected_one_needs_people(scene: Scene) -> None:
    scene.change({".ci./run": "true\n"})
    assert scene.code() == 11


def test_an_agent_that_signs_a_protected_path_first_keeps_no_person_from_claiming_it(scene: Scene) -> None:
    scene.change({".ci/run": "true\n"})
    assert scene.code() == 11
    scene.must("claim", ".ci/run")
    assert scene.code() == 0


def test_evidence_that_is_too_weak_keeps_no_person_from_claiming_its_rows(scene: Scene) -> None:
    ask(scene, '"minimum": "asserted"', '"minimum": "observed"')
    scene.change({"app.py": "two = 2\n", "b.py": "b = 1\n"})
    assert scene.code() == 10
    scene.must("claim")
    assert scene.code() == 0


# --- replay -----------------------------------------------------------------------------------------


def test_a_merge_that_landed_and_was_reverted_does_not_land_again_by_its_old_branch(scene: Scene) -> None:
    scene.git("checkout", "-q", "main")
    text = "".join(f"line_{n} = {n}\n" for n in range(20))
    scene.write({"both.py": text})
    scene.commit("both")
    scene.branch("side")
    scene.change({"both.py": text.replace("line_19 = 19", "line_19 = 'head'")})
    scene.git("checkout", "-q", "main")
    scene.write({"both.py": text.replace("line_0 = 0", "line_0 = 'tip'")})
    scene.commit("tip side")
    assert scene.code("--record", "never", head="side") == 0
    scene.git("merge", "-q", "--squash", "side")
    scene.commit("landed")
    scene.git("revert", "--no-edit", "HEAD")
    assert scene.code("--record", "never", head="side") == 11


def test_a_head_that_merged_the_tip_backwards_is_judged_against_the_tip_all_the_same(scene: Scene) -> None:
    scene.git("checkout", "-q", "main")
    scene.change({"app.py": "fixed = 1\n"})
    scene.git("checkout", "-q", "work")
    scene.write({"evil.py": "e = 1\n"})
    scene.commit()
    scene.git("merge", "-q", "-s", "ours", "-m", "the fix is dropped by a merge", "main")
    assert reasons(scene.gate()) == [(11, "app.py"), (11, "evil.py")]


def test_histories_that_crossed_need_a_chain_from_the_tip_itself(scene: Scene) -> None:
    scene.change({"b.py": "b = 1\n"})
    scene.git("checkout", "-q", "main")
    scene.write({"other.py": "o = 1\n"})
    crossed = scene.commit("meanwhile")
    scene.git("merge", "-q", "--no-ff", "-m", "one way", "work")
    scene.git("checkout", "-q", "work")
    scene.git("merge", "-q", "--no-ff", "-m", "the other way", crossed)
    scene.write({"b.py": "b = 1\nevil = 2\n"})
    scene.commit("unsigned")
    assert len(scene.git("merge-base", "--all", "main", "work").split()) == 2
    assert reasons(scene.gate()) == [(11, "b.py")]


def test_a_verdict_by_anybody_but_a_gate_of_the_policy_uses_up_nothing(scene: Scene) -> None:
    scene.change({"app.py": "two = 2\n"})
    with opened(Checkout.find(scene.root).home()) as embedded:
        files = dict(from_ledger(embedded)(frozenset({"app.py"})))
        spent = tuple(
            hashlib.sha256(Bundle.parse(raw).envelope.pae()).hexdigest()
            for path, raw in files.items()
            if path.endswith(".sigstore.json")
        )
        config, tree = embedded.config, scene.git("rev-parse", "main^{tree}")
        binding = (config.repository_id, config.protected_ref, "0" * 40, "0" * 40, tree, "0" * 64, "merge", spent)
        for signer in (embedded.identity(Kind.AGENT, "coder"), embedded.identity(Kind.GATE, "elsewhere")):
            decided = (signer, "1", embedded.clock(), Outcome.PASSED, 0, 100, (), "0" * 64, (), Binding(*binding))
            embedded.sign([Request(signer, Verdict(*decided).statement())])
    assert scene.code() == 0


class TestPeoplesCommits:
    """A signed commit counts for the history it was made on, and only while its signer is trusted."""

    @pytest.fixture
    def mine(self, scene: Scene, ssh_keygen: str) -> Scene:
        key = ssh_key(scene.root.parent / "me")
        scene.git("checkout", "-q", "main")
        scene.must("person", "add", "Me", "--me", "--ssh-key", str(key))
        scene.commit("my key")
        scene.branch("mine")
        scene.git("config", "gpg.format", "ssh")
        scene.git("config", "user.signingkey", str(key))
        return scene

    def _sign(self, scene: Scene) -> None:
        scene.write({"hand.py": "h = 1\n"})
        scene.git("add", "-A")
        scene.git("commit", "-q", "-S", "-m", "by hand")

    def test_a_reverted_signed_commit_is_not_made_younger_by_merging_the_tip(self, mine: Scene) -> None:
        self._sign(mine)
        mine.git("checkout", "-q", "main")
        mine.git("merge", "-q", "--squash", "mine")
        mine.commit("squashed")
        mine.git("revert", "--no-edit", "HEAD")
        mine.git("checkout", "-q", "mine")
        mine.git("merge", "-q", "-s", "ours", "-m", "as if it were new", "main")
        assert reasons(mine.gate()) == [(11, "hand.py")]

    def test_a_signed_commit_after_a_merge_of_the_tip_still_counts(self, mine: Scene) -> None:
        mine.git("checkout", "-q", "main")
        mine.write({"other.py": "o = 1\n"})
        mine.commit("meanwhile")
        mine.git("checkout", "-q", "mine")
        mine.git("merge", "-q", "--no-ff", "-m", "update", "main")
        self._sign(mine)
        assert mine.code() == 0

    def test_a_signed_commit_of_another_repository_covers_nothing_here(self, mine: Scene) -> None:
        mine.git("checkout", "-q", "--orphan", "other")
        mine.git("rm", "-rqf", ".")
        mine.write({"elsewhere.md": "x\n"})
        mine.commit("another root")
        self._sign(mine)
        mine.git("checkout", "-q", "mine")
        mine.git("merge", "-q", "--no-commit", "--allow-unrelated-histories", "other")
        mine.git("rm", "-qf", "elsewhere.md")
        mine.commit("graft")
        assert reasons(mine.gate()) == [(11, "hand.py")]

    def test_a_revoked_person_signs_no_commit_whatever_its_date(self, mine: Scene) -> None:
        self._sign(mine)
        with opened(Checkout.find(Path.cwd()).home()) as embedded:
            now, person = embedded.clock().replace(microsecond=0), embedded.config.person
            entry = (RevokedKind.IDENTITY, person, now, 1_000_000, "stolen")
            embedded.sign([], revoke=lambda kept, _size: (*kept, Revocation(*entry)))
        assert reasons(mine.gate()) == [(13, "hand.py")]


# --- the root of trust ------------------------------------------------------------------------------


def test_a_tag_named_like_the_protected_branch_chooses_no_policy(scene: Scene) -> None:
    path = scene.root / ".countermark/policy.json"
    path.write_text(path.read_text().replace('"mode": "enforce"', '"mode": "observe"'))
    scene.git("tag", "main", scene.commit("a policy of my own"))
    scene.git("update-ref", "refs/remotes/origin/main", "refs/heads/main")
    scene.git("update-ref", "-d", "refs/heads/main")
    scene.write({"extra.py": "x = 1\n"})
    scene.commit()
    assert scene.run("gate", "--protected-ref", "main") == 2
    assert scene.code("--protected-ref", "origin/main") == 11


def test_a_policy_that_the_change_brings_has_no_force(scene: Scene) -> None:
    path = scene.root / ".countermark/policy.json"
    path.write_text(path.read_text().replace('"mode": "enforce"', '"mode": "observe"'))
    scene.must("sign", "--agent", "coder")
    scene.commit()
    document = scene.gate()
    assert (document["exitCode"], document["enforcing"]) == (11, True)


def test_a_head_of_unrelated_history_does_not_land(scene: Scene) -> None:
    scene.git("checkout", "-q", "--orphan", "other")
    scene.commit()
    assert scene.code() == 11


@pytest.mark.parametrize("name", ["HEAD", "v1", "origin", "@{u}"])
def test_only_a_branch_can_be_protected_by_a_short_name(scene: Scene, name: str) -> None:
    scene.git("tag", "v1")
    scene.git("symbolic-ref", "refs/remotes/origin/HEAD", "refs/heads/work")
    assert scene.run("gate", "--protected-ref", name) == 2


def test_a_full_id_of_the_tip_is_a_pin_that_no_ref_can_move(scene: Scene) -> None:
    tip = scene.git("rev-parse", "main")
    scene.change({"app.py": "two = 2\n"})
    scene.git("update-ref", "refs/heads/main", "work")
    assert scene.gate("--record", "never")["coverage"] == {"covered": 0, "rows": 0}
    document = scene.gate("--protected-ref", f"refs/heads/main:{tip}", "--record", "never")
    assert (document["exitCode"], document["tip"], document["protectedRef"]) == (0, tip, "refs/heads/main")


@pytest.mark.parametrize("name", ["{tip}", "main:{tip}", "refs/heads/main:main", "refs/heads/main:{tip}:"])
def test_an_id_alone_names_no_branch_so_that_nobody_knows_what_was_signed_for_it(scene: Scene, name: str) -> None:
    assert scene.run("gate", "--protected-ref", name.format(tip=scene.git("rev-parse", "main"))) == 2
    assert "refs/heads/main:COMMIT" in scene.capsys.readouterr().err


def test_a_first_policy_that_is_vouched_for_has_no_force_once_there_is_another(scene: Scene) -> None:
    digest = json.loads(scene.must("init", "--json"))["bootstrap"]
    scene.write({"extra.py": "x = 1\n"})
    scene.commit()
    assert scene.code("--bootstrap", digest) == 11


# --- junk beside good evidence ----------------------------------------------------------------------


def put(folder: Path, files: Mapping[str, bytes]) -> str:
    for path, raw in files.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_bytes(raw)
    return str(folder)


def forged(scene: Scene, count: int, change: Callable[[dict[str, Json], int], object]) -> dict[str, bytes]:
    """Make bundles out of the newest true one: well formed, its proofs beside them, another payload in each."""
    with opened(Checkout.find(scene.root).home()) as embedded:
        files = dict(from_ledger(embedded)(frozenset({"app.py"})))
    bundles = {path: Bundle.parse(raw) for path, raw in files.items() if path.endswith(".sigstore.json")}
    path = next(path for path, one in bundles.items() if BUILD_TYPE.encode() in one.envelope.payload)
    bundle, proof = bundles[path], files[path.replace(".sigstore.json", ".certificate.tlog-proof")]
    made: dict[str, bytes] = {}
    for number in range(count):
        payload = json.loads(bundle.envelope.payload)
        change(payload, number)
        envelope = bundle.envelope._replace(payload=canonical.dumps(payload))
        raw = bundle._replace(envelope=envelope).encode()
        made |= {bundle_path(content_name(raw)): raw, certificate_proof_path(content_name(raw)): proof}
    return made


def as_status(payload: dict[str, Json], number: int) -> None:
    payload |= {"predicateType": status.PREDICATE_TYPE, "predicate": {"number": 10**12 + number}}


def test_a_flood_of_statuses_with_huge_numbers_hides_no_true_one(
    scene: Scene, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(evidence, "MAX_JUDGED", 10)
    scene.change({"app.py": "two = 2\n"})
    assert scene.code("--bundles", put(tmp_path / "flood", forged(scene, 20, as_status))) == 0


def test_a_flood_of_statements_that_nobody_logged_leaves_no_change_undecided(
    scene: Scene, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def again(payload: dict, number: int) -> None:
        payload["predicate"]["runDetails"]["metadata"]["invocationId"] = f"{number}"

    monkeypatch.setattr(evidence, "MAX_JUDGED", 10)
    scene.change({"app.py": "two = 2\n"})
    assert scene.code("--bundles", put(tmp_path / "flood", forged(scene, 20, again))) == 0


def test_files_that_are_no_bundles_cost_nobody_an_answer(
    scene: Scene, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sources, "MAX_FILE", 1024 * 1024)
    scene.change({"app.py": "two = 2\n"})
    large = {"00/" + "0" * 64 + ".sigstore.json": b"0" * (1024 * 1024 + 1), "README": b"0" * (1024 * 1024 + 1)}
    folder = put(tmp_path / "large", large)
    (tmp_path / "large" / "loop").symlink_to(".")
    os.mkfifo(tmp_path / "large" / "pipe")
    tree = scene.git("mktree", "--missing", stdin=f"160000 commit {'1' * 40}\tmodule\n120000 blob {'2' * 40}\tlink\n")
    scene.git("update-ref", BUNDLE_REF, scene.git("commit-tree", tree, "-m", "junk"))
    assert scene.code("--bundles", folder) == 0


def test_another_statement_without_a_consistency_proof_unties_nobody_elses(scene: Scene) -> None:
    scene.change({"app.py": "mallory = 1\n"})
    with opened(Checkout.find(scene.root).home()) as embedded:
        size = embedded.log.head.size
    scene.branch("victim", "main")
    scene.write({"app.py": "two = 2\n"})
    scene.must("sign", "--agent", "coder", "--base", "main")
    scene.commit()
    with opened(Checkout.find(scene.root).home()) as embedded, Repository.open(scene.root) as repository:
        files = dict(from_ledger(embedded)(frozenset({"app.py"})))
        pushed = {path: raw for path, raw in files.items() if not path.startswith(f"consistency/{size}-")}
        assert len(pushed) < len(files)
        config = embedded.config
        pin = Pin(config.repository_id, config.trust_root, config.protected_ref)
        ports = steps.Ports((lambda _paths: pushed.items(),), lambda *_: CLEAN, lambda _: None)
        found = steps.run(repository, pin, head="HEAD", at=embedded.clock(), seen_status=0, ports=ports)
    assert found.code == 0
    status = found.facts.evidence.status.name
    used = {edge.source for row in found.facts.rows for edge in row.chain} | {status}
    assert not {found.facts.evidence.heads[name].size for name in used} & set(found.facts.log.untied)


@pytest.mark.parametrize("name", ["a;touch owned;.py", "$(touch owned).py", "-rf.py", "it's.py"])
def test_the_command_of_a_hint_runs_nothing_of_a_hostile_name(scene: Scene, name: str) -> None:
    scene.write({name: "x = 1\n"})
    scene.commit()
    hint = str(scene.gate()["reasons"][0]["hint"])
    command, path = shlex.split(hint)[1:]
    assert scene.run(command, path) == 0
    assert scene.code() == 0


# --- scans ------------------------------------------------------------------------------------------


def test_a_file_that_no_scanner_could_read_is_refused_whatever_the_threshold(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    gap = Gap("app.py", "0" * 64, "does not parse")
    result = replace(CLEAN, gaps=(gap,), score=score((), gaps=(gap,)))
    monkeypatch.setattr("countermark_service.cli.deciding.scan_landing", lambda *_: lambda *_: result)
    ask(scene, '"threshold": 85', '"threshold": 1')
    scene.change({"app.py": "two = 2\n"})
    assert reasons(scene.gate()) == [(10, "app.py")]


def test_a_policy_without_scanners_is_no_clean_scan(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("countermark_service.cli.deciding.scan_landing", scanning.scan_landing)
    ask(scene, ", ".join(f'"{name}"' for name in registry.NAMES), "")
    scene.change({"app.py": "two = 2\n"})
    assert scene.code() == 20


# --- what is printed --------------------------------------------------------------------------------


def test_hostile_names_and_messages_drive_no_terminal(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    level = (Severity.HIGH, Confidence.HIGH)
    finding = Finding("f" * 64, "rule", 78, *level, "b\udcff\u202e.py", 1, "\x1b[2J\x9b2J", "\u2066mend", "ruff")
    result = replace(CLEAN, new_findings=(finding,), score=score((finding,)))
    monkeypatch.setattr("countermark_service.cli.deciding.scan_landing", lambda *_: lambda *_: result)
    scene.change({"app.py": "two = 2\n"})
    scene.write({b"b\xff\x1b[2J\xe2\x80\xae.py".decode("utf-8", "surrogateescape"): "x = 1\n"})
    scene.commit()
    for words in ([], ["--json"]):
        scene.capsys.readouterr()
        assert scene.run("gate", *words) == 11
        said = scene.capsys.readouterr()
        assert all(character.isprintable() or character == "\n" for character in said.out + said.err)
