"""`agent` and `person`: who may sign, with which keys, and from when on no more."""

from __future__ import annotations

import json
import threading
from functools import partial
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ed25519
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

from countermark_ledger.identity import Kind
from countermark_ledger.predicates.enrolment import ENROLMENT_TYPE, ROTATION_TYPE, Enrolment
from countermark_service.cli import agent as agent_command
from countermark_service.embedded import opened
from countermark_service.gate.policy import Policy

from .conftest import Desk

STATUS = "https://countermark.dev/status/v1"


def enrolments(desk: Desk) -> list[Enrolment]:
    return [Enrolment.parse(one) for one in desk.statements(ENROLMENT_TYPE)]


def revocations(desk: Desk) -> list[dict]:
    return desk.json("status", "show", "--json")["revocations"]


# --- agents -------------------------------------------------------------------------------------------


def test_an_agent_is_enrolled_in_the_ledger_with_its_owner_and_models(desk: Desk) -> None:
    said = desk.json("agent", "add", "helper", "--model", "m-1", "--model", "m-2", "--json")
    made = enrolments(desk)[-1]
    assert said == {"id": str(made.identity)}
    assert made.identity.kind is Kind.AGENT
    assert str(made.owner) == desk.config()["person"]
    assert made.models == ("m-1", "m-2")


def test_a_name_is_given_once(desk: Desk) -> None:
    assert "expected a new name" in desk.refused(2, "agent", "add", "coder")


@pytest.mark.parametrize("name", ["Upper", "a/b", "../x", "", "x" * 64, "a\nb"])
@pytest.mark.parametrize("action", ["add", "revoke"])
def test_a_name_that_two_readers_could_read_differently_is_wrong_usage(desk: Desk, action: str, name: str) -> None:
    assert desk.refused(2, "agent", action, name)


def test_agents_are_listed_with_their_state(desk: Desk) -> None:
    desk.must("agent", "add", "helper")
    desk.must("agent", "revoke", "coder", "--since", "2026-01-02T03:04:05Z")
    lines = desk.must("agent", "list").splitlines()
    assert lines[0].endswith("/agent/coder  revoked since 2026-01-02T03:04:05Z")
    assert lines[1].endswith("/agent/helper  active")
    assert [row["revokedSince"] for row in desk.json("agent", "list", "--json")] == ["2026-01-02T03:04:05Z", None]


def test_a_revocation_holds_from_a_time_and_from_a_place_in_the_log(desk: Desk) -> None:
    with opened(desk.home) as ledger:
        size = ledger.log.head.size
    said = desk.json("agent", "revoke", "coder", "--json", "--since", "2026-01-02T03:04:05Z", "--reason", "stolen")
    assert (said["fromTime"], said["fromLogIndex"]) == ("2026-01-02T03:04:05Z", size)
    assert revocations(desk) == [
        {
            "kind": "identity",
            "value": said["id"],
            "fromTime": "2026-01-02T03:04:05Z",
            "fromLogIndex": size,
            "reason": "stolen",
        }
    ]


def test_without_a_time_it_holds_from_now(desk: Desk) -> None:
    code, out, err = desk.run("agent", "revoke", "coder")
    assert (code, "revoked spiffe://" in out) == (0, True)
    assert "--since TIME" in err
    assert "countermark bundles push" in err
    assert revocations(desk)[0]["reason"] == "unspecified"


def test_revoking_again_never_moves_the_beginning_later(desk: Desk) -> None:
    first = desk.json("agent", "revoke", "coder", "--json", "--since", "2026-01-02T03:04:05Z")
    again = desk.json("agent", "revoke", "coder", "--json")
    assert again == first
    earlier = desk.json("agent", "revoke", "coder", "--json", "--since", "2025-01-01T00:00:00Z")
    assert earlier == {**first, "fromTime": "2025-01-01T00:00:00Z"}
    assert len(revocations(desk)) == 1


def test_a_revocation_outlives_every_later_status(desk: Desk) -> None:
    desk.must("agent", "revoke", "coder")
    kept = revocations(desk)
    desk.must("agent", "add", "helper")
    desk.must("status", "renew")
    assert revocations(desk) == kept


def test_of_two_revocations_at_once_none_is_lost(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """Both processes have read the old status before either signs a new one."""
    desk.must("agent", "add", "helper")
    both = threading.Barrier(2, timeout=30)
    refusals: list[BaseException] = []

    def revoke(name: str) -> None:
        try:
            with opened(desk.home) as ledger:
                agent, now = ledger.identity(Kind.AGENT, name), ledger.clock().replace(microsecond=0)
                assert ledger.current_status() is not None
                both.wait()
                ledger.sign([], revoke=partial(agent_command._with, agent, now, "at once"))
        except BaseException as error:  # noqa: BLE001 - told to the test's own thread
            refusals.append(error)

    threads = [threading.Thread(target=revoke, args=(name,)) for name in ("coder", "helper")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert refusals == []
    assert sorted(one["value"].rpartition("/")[2] for one in revocations(desk)) == ["coder", "helper"]


def test_only_who_gave_no_time_is_told_of_the_option_for_one(desk: Desk) -> None:
    told = [desk.run("agent", "revoke", "coder", *words)[2] for words in ((), ("--since", "2026-01-02T03:04:05Z"))]
    assert ["--since TIME distrusts that as well" in one for one in told] == [True, False]
    assert "What it signed before 2026-01-02T03:04:05Z still counts. Tell everybody:" in told[1]


def test_an_agent_that_nobody_enrolled_cannot_be_revoked(desk: Desk) -> None:
    assert "expected an enrolled one" in desk.refused(2, "agent", "revoke", "stranger")


@pytest.mark.parametrize("since", ["yesterday", "2026-01-02", "2026-13-02T03:04:05Z", "2026-01-02T03:04:05+01:00"])
def test_a_time_that_cannot_be_read_is_wrong_usage(desk: Desk, since: str) -> None:
    assert "--since" in desk.refused(2, "agent", "revoke", "coder", "--since", since)


def test_the_reason_is_printed_escaped(desk: Desk) -> None:
    desk.must("agent", "revoke", "coder", "--reason", "a\x1b[31m\u202eb")
    shown = desk.must("status", "show")
    assert "\x1b" not in shown
    assert "\\x1b[31m\\u202eb" in shown


# --- people -------------------------------------------------------------------------------------------


@pytest.fixture
def key(tmp_path: Path) -> Path:
    return write_key(tmp_path / "key.pub")


def write_key(place: Path) -> Path:
    public = ed25519.Ed25519PrivateKey.generate().public_key()
    place.write_bytes(public.public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH) + b" somebody@example.org\n")
    return place


def policy(desk: Desk) -> Policy:
    return Policy.parse((desk.root / ".countermark" / "policy.json").read_bytes())


def test_a_person_gets_a_random_id_and_a_key_in_the_policy(desk: Desk, key: Path) -> None:
    said = desk.json("person", "add", "Ada Lovelace", "--ssh-key", str(key), "--json")
    added = policy(desk).people[-1]
    assert (str(added.id), added.ssh_keys[0].fingerprint) == (said["id"], said["fingerprint"])
    assert "ada" not in said["id"].lower()
    assert enrolments(desk)[-1].ssh_keys == (said["fingerprint"],)
    assert "Ada" not in str(desk.statements())


def test_the_person_who_ran_init_adds_a_key_to_the_same_id(desk: Desk, key: Path, tmp_path: Path) -> None:
    desk.must("person", "add", "Me", "--ssh-key", str(key), "--me")
    desk.must("person", "add", "Me", "--ssh-key", str(write_key(tmp_path / "second.pub")), "--me")
    desk.must("person", "add", "Me", "--ssh-key", str(key), "--me")
    (me,) = policy(desk).people
    assert str(me.id) == desk.config()["person"]
    assert len(me.ssh_keys) == 2
    assert len(desk.statements(ROTATION_TYPE)) == 3
    assert desk.json("person", "list", "--json") == [{"id": str(me.id), "name": "Me"}]


def test_what_to_do_next_is_said(desk: Desk, key: Path) -> None:
    code, out, err = desk.run("person", "add", "Ada", "--ssh-key", str(key))
    assert code == 0
    assert "SHA256:" in out
    assert "countermark claim .countermark/policy.json" in err


def test_people_are_listed_by_name_and_hostile_names_escaped(desk: Desk, key: Path) -> None:
    desk.must("person", "add", "A\x1b[31m", "--ssh-key", str(key))
    lines = desk.must("person", "list").splitlines()
    assert len(lines) == 2
    assert any(line.endswith("  A\\x1b[31m") for line in lines)
    assert "\x1b" not in "".join(lines)


def test_a_name_that_no_store_can_hold_is_refused_before_anything_is_logged(desk: Desk, key: Path) -> None:
    before = len(desk.statements())
    code, _, err = desk.run("person", "add", "a\0b", "--ssh-key", str(key))
    assert code != 0
    assert "NUL" in err
    assert len(desk.statements()) == before


@pytest.mark.parametrize("content", [b"", b"not a key", b"\xff\xfe\x00binary", b"ssh-ed25519 AAAA x", b"ssh-dss AAAA"])
def test_a_file_that_is_no_public_key_is_wrong_usage(desk: Desk, tmp_path: Path, content: bytes) -> None:
    place = tmp_path / "bad.pub"
    place.write_bytes(content)
    before = (desk.root / ".countermark" / "policy.json").read_bytes()
    assert str(place) in desk.refused(2, "person", "add", "Ada", "--ssh-key", str(place))
    assert (desk.root / ".countermark" / "policy.json").read_bytes() == before


def test_a_private_key_given_by_mistake_is_refused_and_not_printed(desk: Desk, tmp_path: Path) -> None:
    private = ed25519.Ed25519PrivateKey.generate()
    raw = private.private_bytes(Encoding.PEM, PrivateFormat.OpenSSH, NoEncryption())
    place = tmp_path / "id_ed25519"
    place.write_bytes(raw)
    said = desk.refused(2, "person", "add", "Ada", "--ssh-key", str(place))
    assert raw.decode().splitlines()[1][:20] not in said


def test_a_key_file_that_is_not_there_is_wrong_usage(desk: Desk) -> None:
    assert "ls ~/.ssh" in desk.refused(2, "person", "add", "Ada", "--ssh-key", "/nowhere.pub")


def test_without_a_policy_in_the_work_tree_there_is_nowhere_to_write(desk: Desk, key: Path) -> None:
    (desk.root / ".countermark" / "policy.json").unlink()
    assert "countermark init" in desk.refused(2, "person", "add", "Ada", "--ssh-key", str(key))


@pytest.mark.parametrize("content", ["[]", "{}", "not json"])
def test_a_policy_that_does_not_hold_is_not_written_to(desk: Desk, key: Path, content: str) -> None:
    desk.write({".countermark/policy.json": content})
    code, _, err = desk.run("person", "add", "Ada", "--ssh-key", str(key))
    assert code != 0
    assert "internal error" not in err
    assert (desk.root / ".countermark" / "policy.json").read_text() == content


def test_the_rest_of_the_policy_stays_as_it_was(desk: Desk, key: Path) -> None:
    place = desk.root / ".countermark" / "policy.json"
    before = json.loads(place.read_text())
    desk.must("person", "add", "Ada", "--ssh-key", str(key))
    after = json.loads(place.read_text())
    assert after.pop("people")[:1] == before.pop("people")
    assert after == before
