"""`countermark person`: people and the SSH keys that sign their commits."""

from __future__ import annotations

import argparse
import json
import secrets
from dataclasses import replace
from pathlib import Path

from countermark_ledger.display import safe
from countermark_ledger.errors import LedgerError
from countermark_ledger.identity import Identity, Kind
from countermark_ledger.sshsig import PublicKey, parse_public_key
from countermark_service.checkout import Checkout
from countermark_service.cli.console import Console
from countermark_service.cli.enrolling import enrol, enrolment
from countermark_service.embedded import Embedded, opened
from countermark_service.exits import Exit, UsageError
from countermark_service.gate.policy import POLICY_PATH, Policy

KEY_HINT = "ls ~/.ssh/*.pub"


def configure(parser: argparse.ArgumentParser) -> None:
    """Describe `person`."""
    actions = parser.add_subparsers(dest="action", metavar="ACTION", required=True)
    add = actions.add_parser("add", help="enrol a person, or give yourself an SSH key")
    add.add_argument("name", help="how you know the person; kept in your ledger only, and erasable")
    add.add_argument(
        "--ssh-key", metavar="FILE", type=Path, required=True, help="a public key, e.g. ~/.ssh/id_ed25519.pub"
    )
    add.add_argument("--me", action="store_true", help="this is the person who ran `init`")
    actions.add_parser("list", help="list people")
    for action in (add, actions.choices["list"]):
        action.add_argument("--json", action="store_true", help="print data as one JSON document")


def run(args: argparse.Namespace, console: Console) -> Exit:
    """Add or list."""
    checkout = Checkout.find(Path.cwd())
    with opened(checkout.home()) as embedded:
        if args.action == "list":
            _list(console, embedded)
        else:
            _add(args, console, checkout, embedded)
    return Exit.PASS


def _add(args: argparse.Namespace, console: Console, checkout: Checkout, embedded: Embedded) -> None:
    key = _read_key(args.ssh_key)
    name = embedded.config.person.rpartition("/")[2] if args.me else secrets.token_hex(8)
    person = embedded.identity(Kind.PERSON, name)
    _add_to_policy(checkout, person, key)
    enrolled = replace(enrolment(embedded, person), ssh_keys=(key.fingerprint,), rotation=args.me)
    enrol(embedded, enrolled, name=args.name)
    if console.json:
        console.document({"id": str(person), "fingerprint": key.fingerprint})
        return
    console.data(f"{person}  {key.fingerprint}")
    console.say(f"The key is in {POLICY_PATH} now; it counts once people have landed that file:")
    console.say(f"  countermark claim {POLICY_PATH} && git commit {POLICY_PATH}")


def _read_key(path: Path) -> PublicKey:
    try:
        return parse_public_key(path.expanduser().read_text(encoding="utf-8").strip())
    except OSError as error:
        raise UsageError(f"{path}: {error.strerror}", hint=KEY_HINT) from error
    except UnicodeDecodeError as error:
        raise UsageError(f"{path}: expected a line of text, an SSH public key", hint=KEY_HINT) from error
    except LedgerError as error:
        raise UsageError(f"{path}: {error.message}", hint=KEY_HINT) from error


def _add_to_policy(checkout: Checkout, person: Identity, key: PublicKey) -> None:
    """Write the key into the work tree's policy and leave the rest as it is; it has no force until it has landed."""
    path = checkout.root / POLICY_PATH
    if not path.is_file():
        raise UsageError(f"{POLICY_PATH}: expected it in the work tree, found none", hint="countermark init")
    raw = path.read_bytes()
    Policy.parse(raw)
    document = json.loads(raw)
    people = document.setdefault("people", [])
    mine = next((one for one in people if one["id"] == str(person)), None)
    if mine is None:
        people.append(mine := {"id": str(person)})
    keys = mine.setdefault("sshKeys", [])
    if key.fingerprint not in {parse_public_key(line).fingerprint for line in keys}:
        keys.append(key.line())
    path.write_bytes(json.dumps(document, indent=2, ensure_ascii=False).encode() + b"\n")


def _list(console: Console, embedded: Embedded) -> None:
    rows = embedded.store.identities(Kind.PERSON.value)
    if console.json:
        console.document([{"id": row.id, "name": row.name} for row in rows])
        return
    for row in rows:
        console.data(f"{row.id}  {safe(row.name or '')}".rstrip())
