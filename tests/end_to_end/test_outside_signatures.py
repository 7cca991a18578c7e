"""Signatures made outside of our ledger: gitsign's of people, and platforms' of bots. Attacks bear their names."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pysequoia
import pytest

from countermark_ledger import der
from countermark_ledger.der import octet_string
from countermark_service.cli import manual

from .conftest import Scene, ssh_key
from .outside import ISSUER, NOW, PERSON, Recipe, Rekor, Sigstore, attribute, sign_commit, store_commit

if TYPE_CHECKING:
    from conftest import Founded

ROOT = ".countermark/sigstore-trusted-root.json"
ADA = {"issuer": ISSUER, "identity": PERSON}
AUTHOR = "robot[bot] <1+robot[bot]@users.noreply.example.com>"


def policy(scene: Scene, change: Callable[[dict[str, Any]], None]) -> None:
    """Let people change the policy at the protected tip."""
    scene.git("checkout", "-q", "main")
    place = scene.root / ".countermark" / "policy.json"
    value = json.loads(place.read_text())
    change(value)
    place.write_text(json.dumps(value))
    scene.commit("policy")
    scene.git("checkout", "-q", "-B", "work", "main")


@pytest.fixture
def sigstore(founded_authority: Founded) -> Sigstore:
    return Sigstore(founded_authority)


@pytest.fixture
def ada(scene: Scene, sigstore: Sigstore) -> Scene:
    """A scene whose policy names its only person by a Sigstore identity."""
    scene.write({ROOT: sigstore.trusted_root()})
    policy(scene, lambda value: value["people"][0].update(sigstore=[ADA]))
    return scene


def signed(scene: Scene, recipe: Recipe, files: dict[str, str | None] | None = None) -> str:
    """Commit a change with a person's gitsign, and stand on it."""
    scene.write(files or {"app.py": "two = 2\n"})
    commit = sign_commit(scene.root, scene.commit(), recipe.sign)
    scene.git("reset", "-q", "--hard", commit)
    return commit


def remembered(seen: list[bytes]) -> Callable[[bytes], bytes]:
    """A step that changes nothing and keeps what went through it."""

    def step(value: bytes) -> bytes:
        seen.append(value)
        return value

    return step


def reasons(decision: dict[str, Any]) -> str:
    return "\n".join(f"{one['message']}\nhint: {one['hint']}" for one in decision["reasons"])


# --- gitsign: what counts ---------------------------------------------------------------------------


def test_a_gitsign_commit_covers_exactly_what_it_changed(ada: Scene, sigstore: Sigstore) -> None:
    commit = signed(ada, sigstore.recipe(), {"app.py": "two = 2\n", "new.py": "new = 1\n"})
    decision = ada.gate()
    assert (decision["exitCode"], decision["coverage"]) == (0, {"covered": 2, "rows": 2})
    assert {edge["source"] for row in decision["rows"] for edge in row["chain"]} == {f"commit:{commit}"}
    assert {edge["signer"].split("/")[3] for row in decision["rows"] for edge in row["chain"]} == {"person"}
    ada.write({"unsigned.py": "x = 1\n"})
    ada.commit()
    assert ada.gate()["exitCode"] == 11


def test_a_gitsign_commit_answers_for_a_protected_path(ada: Scene, sigstore: Sigstore) -> None:
    signed(ada, sigstore.recipe(), {"CODEOWNERS": "* @ada\n"})
    assert ada.code() == 0


def test_deciding_on_gitsign_needs_no_network(ada: Scene, sigstore: Sigstore, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_where: object) -> None:
        raise AssertionError("a connection was tried")

    signed(ada, sigstore.recipe())
    for name in ("connect", "connect_ex", "sendto"):
        monkeypatch.setattr(socket.socket, name, refuse)
    assert ada.code() == 0


def test_a_timestamp_stands_in_for_the_promise_of_a_log_that_makes_none(
    ada: Scene, founded_authority: Founded, sigstore: Sigstore
) -> None:
    """The second version of the log signs no time: then an RFC 3161 timestamp of the signature has to."""
    stamped = sigstore.recipe(version="0.0.2", logged_at=None, stamped_at=NOW + timedelta(minutes=3))
    signed(ada, stamped)
    assert ada.code() == 0
    ada.git("reset", "-q", "--hard", "main")
    signed(ada, stamped.but(stamped_at=None))
    assert ada.code() == 11
    ada.git("reset", "-q", "--hard", "main")
    signed(ada, stamped.but(stamped_at=NOW + timedelta(minutes=11)))
    assert ada.code() == 11


def test_blame_gives_lines_to_whoever_signed_the_commit_elsewhere(
    ada: Scene, sigstore: Sigstore, platform: Platform, monkeypatch: pytest.MonkeyPatch
) -> None:
    ada.must("agent", "add", "robot")
    name_bot(ada, openpgpKeys=[platform.public])
    signed(ada, sigstore.recipe(), {"new.py": "by_ada = 1\n"})
    by_robot(ada, platform.sign)
    who = {path: json.loads(ada.must("blame", path, "--json"))[0] for path in ("new.py", "app.py")}
    assert [(one["evidence"], one["signer"].split("/")[3]) for one in who.values()] == [
        ("committed", "person"),
        ("committed", "agent"),
    ]
    monkeypatch.setitem(sys.modules, "sigstore.models", None)
    ada.capsys.readouterr()
    assert ada.run("blame", "new.py") == 0
    said = ada.capsys.readouterr()
    assert "unaccounted" in said.out
    assert "not counted: commit " in said.err
    assert f"hint: {manual.how_to_install('sigstore')}" in said.err


# --- gitsign: what does not -------------------------------------------------------------------------


def test_a_gitsign_merge_covers_nothing(ada: Scene, sigstore: Sigstore) -> None:
    ada.branch("side")
    ada.write({"side.py": "side = 1\n"})
    ada.commit()
    ada.git("checkout", "-q", "work")
    ada.write({"app.py": "two = 2\n"})
    ada.commit()
    ada.git("merge", "-q", "--no-ff", "-m", "merge", "side")
    ada.git("reset", "-q", "--hard", sign_commit(ada.root, "HEAD", sigstore.recipe().sign))
    assert (ada.gate()["coverage"], ada.code()) == ({"covered": 0, "rows": 2}, 11)


@pytest.mark.parametrize(
    "steps",
    [
        pytest.param({"identity": "eve@example.com"}, id="another-person"),
        pytest.param({"identity": "ada@example.com.evil.example"}, id="identity-by-prefix"),
        pytest.param({"identity": "ADA@example.com"}, id="identity-in-another-case"),
        pytest.param({"issuer": "https://evil.example.com"}, id="the-same-name-by-another-issuer"),
        pytest.param({"digest": lambda _payload: b"\x01" * 32}, id="signature-of-another-commit"),
        pytest.param({"content_type": der.oid("1.2.840.113549.1.9.16.1.4")}, id="a-timestamp-offered-as-a-commit"),
        pytest.param({"signature": lambda one: one[:-1] + bytes([one[-1] ^ 1])}, id="signature-altered"),
        pytest.param({"rekor": Rekor()}, id="log-key-taken-from-the-log-CVE-2023-47122"),
        pytest.param({"body": lambda body: body.replace(b"sha256", b"sha512")}, id="entry-of-another-CVE-2024-51746"),
        pytest.param({"said_body": b"{}"}, id="entry-that-brings-another-body"),
        pytest.param({"with_entry": False}, id="never-logged"),
        pytest.param({"logged_at": None}, id="nobody-vouches-for-the-time"),
        pytest.param({"logged_at": NOW + timedelta(minutes=11)}, id="logged-after-the-certificate-ended"),
        pytest.param({"logged_at": NOW - timedelta(minutes=1)}, id="logged-before-the-certificate-began"),
        pytest.param({"checkpoint_size": 6}, id="checkpoint-of-another-size"),
        pytest.param({"said_size": 6}, id="proof-that-lies-about-the-size"),
        pytest.param({"version": "0.0.3"}, id="entry-of-an-unknown-version"),
        pytest.param({"inside": lambda one: one + one}, id="two-certificates"),
        pytest.param({"inside": lambda one: one[:16] + bytes(4) + one[20:]}, id="certificate-with-another-number"),
        pytest.param({"entry": lambda entry: entry + entry[-40:]}, id="entry-with-more-behind-it"),
        pytest.param({"entry": lambda _entry: b"\xff" * 70_000}, id="endless-entry"),
        pytest.param({"more_unsigned": (attribute("1.2.3.4", octet_string(b"")),)}, id="unknown-unsigned-attribute"),
        pytest.param({"message": lambda message: message + b"\x00"}, id="bytes-behind-the-message"),
        pytest.param({"message": lambda _message: b"\x30\x80\x00\x00"}, id="not-DER"),
        pytest.param({"armor": lambda armor: armor + armor}, id="two-signatures"),
        pytest.param({"armor": lambda armor: armor.replace(b"\nMII", b"\n MII")}, id="armor-with-junk"),
        pytest.param({"armor": lambda armor: armor[:-40]}, id="armor-without-an-end"),
    ],
)
def test_a_gitsign_signature_that_breaks_one_rule_covers_nothing(
    ada: Scene, sigstore: Sigstore, steps: dict[str, Any]
) -> None:
    signed(ada, sigstore.recipe())
    assert ada.code() == 0
    ada.git("reset", "-q", "--hard", "main")
    commit = signed(ada, sigstore.recipe(**steps))
    decision = ada.gate()
    assert (decision["exitCode"], decision["coverage"]) == (11, {"covered": 0, "rows": 1})
    assert f"commit {commit[:12]}: " in reasons(decision)


def test_a_signature_moved_to_another_commit_covers_nothing(ada: Scene, sigstore: Sigstore) -> None:
    seen: list[bytes] = []
    signed(ada, sigstore.recipe(armor=remembered(seen)))
    ada.git("reset", "-q", "--hard", "main")
    ada.write({"app.py": "evil = 1\n"})
    ada.git("reset", "-q", "--hard", sign_commit(ada.root, ada.commit(), lambda _payload: seen[0]))
    assert ada.code() == 11


@pytest.mark.parametrize("doubled", [b"tree", b"author", b"gpgsig"])
def test_a_signature_over_a_normalised_commit_never_passes_cve_2026_44309(
    ada: Scene, sigstore: Sigstore, doubled: bytes
) -> None:
    """Whoever drops the second header before verifying has verified another commit than git shows."""
    commit = signed(ada, sigstore.recipe())
    raw = ada.git("cat-file", "commit", commit).encode() + b"\n"
    line = next(line for line in raw.split(b"\n") if line.startswith(doubled + b" "))
    ada.git("update-ref", "refs/heads/work", store_commit(ada.root, raw.replace(line, line + b"\n" + line, 1)))
    assert ada.run("gate", "--head", "work") == 12


def test_gitsign_without_its_log_entry_says_how_to_embed_it(ada: Scene, sigstore: Sigstore) -> None:
    signed(ada, sigstore.recipe(with_entry=False))
    said = reasons(ada.gate())
    assert "expected the log's entry inside it" in said
    assert "hint: git config gitsign.rekorMode offline" in said


def test_an_identity_that_two_people_share_speaks_for_neither(ada: Scene, sigstore: Sigstore) -> None:
    domain = json.loads((ada.root / ".countermark" / "policy.json").read_text())["people"][0]["id"].split("/")[2]
    other = {"id": f"spiffe://{domain}/person/other", "sshKeys": [], "sigstore": [ADA]}
    policy(ada, lambda value: value["people"].append(other))
    signed(ada, sigstore.recipe())
    assert ada.code() == 11


def test_a_policy_without_sigstore_people_knows_no_gitsign(scene: Scene, sigstore: Sigstore) -> None:
    scene.write({ROOT: sigstore.trusted_root()})
    scene.git("checkout", "-q", "main")
    scene.commit("root alone")
    scene.git("checkout", "-q", "-B", "work", "main")
    signed(scene, sigstore.recipe())
    assert scene.code() == 11


def test_the_trusted_root_of_the_change_is_never_believed(scene: Scene, sigstore: Sigstore) -> None:
    policy(scene, lambda value: value["people"][0].update(sigstore=[ADA]))
    signed(scene, sigstore.recipe(), {ROOT: sigstore.trusted_root(), "app.py": "two = 2\n"})
    decision = scene.gate()
    assert decision["exitCode"] == 20
    assert f"{ROOT}: expected it at the protected tip, found none" in reasons(decision)


def test_a_trusted_root_that_is_none_can_tell_nothing(ada: Scene, sigstore: Sigstore) -> None:
    ada.write({ROOT: '{"mediaType":"something else"}'})
    policy(ada, lambda _value: None)
    signed(ada, sigstore.recipe())
    assert ada.code() == 20


def test_without_the_library_gitsign_is_inconclusive_and_only_where_it_is_needed(
    ada: Scene, sigstore: Sigstore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "sigstore.models", None)
    ada.change({"app.py": "two = 2\n"})
    assert ada.code() == 0
    ada.git("reset", "-q", "--hard", sign_commit(ada.root, "HEAD", sigstore.recipe().sign))
    assert ada.code() == 0  # the agent's statement accounts for it
    signed(ada, sigstore.recipe(), {"more.py": "more = 1\n"})
    decision = ada.gate()
    assert decision["exitCode"] == 20
    assert f"hint: {manual.how_to_install('sigstore')}" in reasons(decision)


def test_no_octet_of_a_gitsign_signature_can_be_changed_cve_2026_44310(ada: Scene, sigstore: Sigstore) -> None:
    """An error inside a verifier is never a pass: every 97th octet altered, and the commit is nobody's."""
    from countermark_ledger.errors import LedgerError
    from countermark_ledger.git.commits import Commit
    from countermark_service.gate.people import SigstoreIdentity
    from countermark_service.gate.signers import gitsign
    from countermark_service.gate.signers import sigstore as library

    raw = ada.git("cat-file", "commit", ada.commit()).encode() + b"\n"
    verifier = library.verifier(sigstore.trusted_root().encode())
    ada_herself = [SigstoreIdentity(ISSUER, PERSON)]
    recipe = sigstore.recipe()
    messages: list[bytes] = []
    sound = _commit(raw, recipe.but(message=remembered(messages)))
    assert library.prove(gitsign.read(Commit.parse(sound)), verifier, ada_herself) == ada_herself[0]
    places = range(0, len(messages[0]), 97)
    assert len(places) > 10
    for at in places:
        altered = _commit(raw, recipe.but(message=lambda message, at=at: _flip(message, at)))
        with pytest.raises(LedgerError):
            library.prove(gitsign.read(Commit.parse(altered)), verifier, ada_herself)


# --- bots -------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Platform:
    """A platform that signs what its bots commit: one OpenPGP key for all of them."""

    key: pysequoia.Tsk

    @property
    def public(self) -> str:
        return str(self.key.extract_certificate())

    def sign(self, payload: bytes) -> bytes:
        return pysequoia.sign(self.key.signer(), payload, mode=pysequoia.SignatureMode.DETACHED)

    def sign_as_text(self, payload: bytes) -> bytes:
        """Sign as mail is signed: every spelling of the line endings has the same signature."""
        clear = pysequoia.sign(self.key.signer(), payload, mode=pysequoia.SignatureMode.CLEAR)
        return clear[clear.index(b"-----BEGIN PGP SIGNATURE-----") :]


@pytest.fixture(scope="session")
def platform() -> Platform:
    return Platform(pysequoia.Tsk.generate("Platform <noreply@example.com>"))


def name_bot(scene: Scene, **keys: Any) -> None:
    """Name an agent of this trust domain as a bot."""

    def change(value: dict[str, Any]) -> None:
        domain = value["people"][0]["id"].split("/")[2]
        bot = {"id": f"spiffe://{domain}/agent/robot", "author": AUTHOR, "sshKeys": [], "openpgpKeys": []}
        value["bots"] = [*value.get("bots", []), bot | keys]

    policy(scene, change)


@pytest.fixture
def robot(scene: Scene, platform: Platform) -> Scene:
    """A scene with an enrolled bot, whose platform signs for it."""
    scene.must("agent", "add", "robot")
    name_bot(scene, openpgpKeys=[platform.public])
    return scene


def by_robot(scene: Scene, sign: Callable[[bytes], bytes], *, author: str = AUTHOR, path: str = "app.py") -> str:
    scene.write({path: "robot = 1\n"})
    scene.git("add", "-A")
    scene.git("commit", "-q", "-m", "Bump", "--author", author)
    commit = sign_commit(scene.root, "HEAD", sign)
    scene.git("reset", "-q", "--hard", commit)
    return commit


def test_a_commit_that_a_platform_signed_counts_as_its_bots_and_as_asserted(robot: Scene, platform: Platform) -> None:
    commit = by_robot(robot, platform.sign)
    decision = robot.gate()
    assert decision["exitCode"] == 0
    (edge,) = decision["rows"][0]["chain"]
    assert (edge["signer"].rpartition("/")[2], edge["source"], edge["logIndex"]) == ("robot", f"commit:{commit}", None)
    policy(robot, lambda value: value["evidence"].update(minimum="observed"))
    by_robot(robot, platform.sign)
    decision = robot.gate()
    assert (decision["exitCode"], "is asserted, the policy asks for observed" in reasons(decision)) == (10, True)


def test_a_bot_whose_platform_signs_by_ssh_counts_as_well(scene: Scene, ssh_keygen: str) -> None:
    scene.must("agent", "add", "robot")
    key = ssh_key(scene.root.parent / "platform")
    name_bot(scene, sshKeys=[" ".join(key.read_text().split()[:2])])
    by_robot(scene, ssh(ssh_keygen, key))
    assert scene.gate()["rows"][0]["chain"][0]["signer"].endswith("/agent/robot")
    assert scene.code() == 0


def test_what_holds_for_agents_holds_for_bots(robot: Scene, platform: Platform) -> None:
    by_robot(robot, platform.sign, path=".github/workflows/ci.yml")
    assert robot.code() == 11
    policy(robot, lambda value: value.update(agents=[]))
    by_robot(robot, platform.sign)
    decision = robot.gate()
    assert (decision["exitCode"], "is not on the policy's list" in reasons(decision)) == (10, True)
    policy(robot, lambda value: value.update(agents=None, models=["gpt-5"]))
    by_robot(robot, platform.sign)
    decision = robot.gate()
    assert (decision["exitCode"], "names no model" in reasons(decision)) == (10, True)


def test_a_revoked_bot_is_refused(robot: Scene, platform: Platform) -> None:
    by_robot(robot, platform.sign)
    robot.must("agent", "revoke", "robot")
    assert robot.code() == 13


def test_a_bot_that_nobody_enrolled_covers_nothing(scene: Scene, platform: Platform) -> None:
    name_bot(scene, openpgpKeys=[platform.public])
    by_robot(scene, platform.sign)
    decision = scene.gate()
    assert decision["exitCode"] == 11
    assert "hint: countermark agent add robot" in reasons(decision)


@pytest.mark.parametrize(
    "author",
    [
        pytest.param("Reader <reader@example.com>", id="a-person"),
        pytest.param(AUTHOR.replace("[bot]", "[Bot]", 1), id="nearly-the-name"),
        pytest.param(f"a {AUTHOR}", id="more-before-the-name"),
        pytest.param(AUTHOR.replace("<1+", "<2+"), id="the-name-at-another-address"),
    ],
)
def test_a_platforms_key_speaks_for_the_exact_author_alone(robot: Scene, platform: Platform, author: str) -> None:
    by_robot(robot, platform.sign, author=author)
    assert robot.code() == 11


def test_a_web_flow_key_never_speaks_for_a_person(scene: Scene, ssh_keygen: str) -> None:
    """Who edits in the browser is whoever is logged in: a policy that lends a person the platform's key is refused."""
    scene.must("agent", "add", "robot")
    key = ssh_key(scene.root.parent / "platform")
    line = " ".join(key.read_text().split()[:2])
    name_bot(scene, sshKeys=[line])
    by_robot(scene, ssh(ssh_keygen, key), author="Reader <reader@example.com>")
    assert scene.code() == 11
    policy(scene, lambda value: value["people"][0].update(sshKeys=[line]))
    by_robot(scene, ssh(ssh_keygen, key), author="Reader <reader@example.com>")
    assert scene.run("gate") == 12


def test_one_platform_key_signs_for_many_bots_that_their_authors_tell_apart(scene: Scene, ssh_keygen: str) -> None:
    scene.must("agent", "add", "robot")
    scene.must("agent", "add", "other")
    key = ssh_key(scene.root.parent / "platform")
    lines = [" ".join(key.read_text().split()[:2])]
    name_bot(scene, sshKeys=lines)
    domain = json.loads((scene.root / ".countermark" / "policy.json").read_text())["people"][0]["id"].split("/")[2]
    name_bot(scene, id=f"spiffe://{domain}/agent/other", author="other[bot] <2@example.com>", sshKeys=lines)
    by_robot(scene, ssh(ssh_keygen, key), author="other[bot] <2@example.com>")
    decision = scene.gate()
    assert (decision["exitCode"], decision["rows"][0]["chain"][0]["signer"].rpartition("/")[2]) == (0, "other")


@pytest.mark.parametrize(
    "forge",
    [
        pytest.param(lambda platform, payload: platform.sign(payload + b"\n"), id="of-another-commit"),
        pytest.param(lambda platform, payload: platform.sign_as_text(payload), id="over-normalised-text"),
        pytest.param(lambda platform, payload: platform.sign(b"x") + platform.sign(payload), id="two-signatures"),
        pytest.param(lambda platform, _payload: platform.public.encode(), id="a-key-instead"),
        pytest.param(
            lambda _platform, payload: Platform(pysequoia.Tsk.generate("Platform <noreply@example.com>")).sign(payload),
            id="the-same-name-with-another-key",
        ),
        pytest.param(lambda platform, payload: platform.sign(payload)[:-60], id="cut-off"),
        pytest.param(lambda platform, payload: platform.sign(payload) + b"x" * 40_000, id="endless"),
    ],
)
def test_a_platform_signature_that_breaks_one_rule_covers_nothing(
    robot: Scene, platform: Platform, forge: Callable[[Platform, bytes], bytes]
) -> None:
    by_robot(robot, lambda payload: forge(platform, payload))
    decision = robot.gate()
    assert (decision["exitCode"], decision["coverage"]) == (11, {"covered": 0, "rows": 1})


def test_the_text_signature_that_is_refused_is_one_that_the_library_would_take(platform: Platform) -> None:
    """A pin on what the library does, which makes our own look at the kind of signature necessary."""
    signature = pysequoia.Sig.from_bytes(platform.sign_as_text(b"tree 1\nfoo\n"))
    certificates = [platform.key.extract_certificate()]
    found = pysequoia.verify(bytes=b"tree 1\r\nfoo\r\n", store=lambda _ids: certificates, signature=signature)
    assert len(found.valid_sigs) == 1


def test_a_key_and_author_that_two_bots_share_speak_for_neither(robot: Scene, platform: Platform) -> None:
    robot.must("agent", "add", "other")
    domain = json.loads((robot.root / ".countermark" / "policy.json").read_text())["people"][0]["id"].split("/")[2]
    name_bot(robot, id=f"spiffe://{domain}/agent/other", openpgpKeys=[platform.public])
    by_robot(robot, platform.sign)
    decision = robot.gate()
    assert (decision["exitCode"], "one person or bot of the policy, found it at 2" in reasons(decision)) == (11, True)


def test_a_bots_merge_covers_nothing(robot: Scene, platform: Platform) -> None:
    robot.branch("side")
    robot.write({"side.py": "side = 1\n"})
    robot.commit()
    robot.git("checkout", "-q", "work")
    robot.write({"app.py": "two = 2\n"})
    robot.commit()
    robot.git("merge", "-q", "--no-ff", "-m", "merge", "side")
    robot.git("commit", "-q", "--amend", "--no-edit", "--author", AUTHOR)
    robot.git("reset", "-q", "--hard", sign_commit(robot.root, "HEAD", platform.sign))
    assert robot.code() == 11


def test_without_the_library_openpgp_is_inconclusive_and_only_where_it_is_needed(
    robot: Scene, platform: Platform, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "pysequoia", None)
    robot.change({"own.py": "x = 1\n"})
    assert robot.code() == 0
    by_robot(robot, platform.sign)
    decision = robot.gate()
    assert decision["exitCode"] == 20
    assert f"hint: {manual.how_to_install('pysequoia')}" in reasons(decision)


def test_a_key_of_the_policy_that_is_none_can_tell_nothing(scene: Scene, platform: Platform) -> None:
    scene.must("agent", "add", "robot")
    for key in ("not a key", platform.public.replace("A", "B"), platform.public * 2):
        policy(scene, lambda value: value.update(bots=[]))
        name_bot(scene, openpgpKeys=[key])
        by_robot(scene, platform.sign)
        assert scene.code() == 20


# --- hints ------------------------------------------------------------------------------------------


def test_a_forged_trailer_changes_no_answer(scene: Scene) -> None:
    """Trailers are text that anybody writes: with them and without, a commit is accounted for by the same evidence."""
    scene.write({"signed.py": "x = 1\n"})
    signed_by = json.loads(scene.must("sign", "--agent", "coder", "--json"))["statements"][0]["bundle"]
    scene.commit()
    assert scene.code() == 0
    scene.write({"app.py": "evil = 1\n"})
    before = _answers(scene, "change")
    trailers = [
        f"Countermark-Statement: {signed_by}",
        "Co-authored-by: coder <coder@example.com>",
        "Generated-by: coder",
        "Signed-off-by: Reader <reader@example.com>",
        "Reviewed-by: Reader <reader@example.com>",
    ]
    scene.git("reset", "-q", "--soft", "HEAD~1")
    after = _answers(scene, "change\n\n" + "\n".join(trailers))
    assert before == after
    assert before[0] == 11


def _answers(scene: Scene, message: str) -> tuple[object, object]:
    scene.commit(message)
    decision = scene.gate()
    return decision["exitCode"], decision["rows"]


def ssh(program: str, key: Path) -> Callable[[bytes], bytes]:
    """Sign as git does with an SSH key."""

    def sign(payload: bytes) -> bytes:
        command = [program, "-Y", "sign", "-n", "git", "-f", str(key.with_suffix(""))]
        return subprocess.run(command, input=payload, capture_output=True, check=True).stdout

    return sign


def _commit(raw: bytes, recipe: Recipe) -> bytes:
    head, _, text = raw.partition(b"\n\n")
    signature = recipe.sign(raw).rstrip(b"\n").replace(b"\n", b"\n ")
    return head + b"\ngpgsig " + signature + b"\n\n" + text


def _flip(message: bytes, at: int) -> bytes:
    return message[:at] + bytes([message[at] ^ 1]) + message[at + 1 :]
