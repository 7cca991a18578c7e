"""`countermark init`: keys outside the work tree, trust root and policy inside it, observing until told otherwise."""

from __future__ import annotations

import argparse
import hashlib
import json
import secrets
import uuid
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import countermark_policies
from countermark_ledger import canonical
from countermark_ledger.authority.issuing import Request
from countermark_ledger.canonical import Json
from countermark_ledger.display import safe
from countermark_ledger.errors import GitError, Malformed, UnknownRevision
from countermark_ledger.git.reader import Repository
from countermark_ledger.identity import Identity, Kind
from countermark_ledger.log.rows import Identity as IdentityRow
from countermark_ledger.node import Change, Mode, Node, Transition
from countermark_ledger.predicates.enrolment import Enrolment
from countermark_ledger.predicates.policy_change import PolicyChange
from countermark_ledger.trust import TrustRoot
from countermark_service import signing
from countermark_service.checkout import Checkout
from countermark_service.cli.console import Console
from countermark_service.embedded import Embedded, founded
from countermark_service.exits import Exit, UsageError
from countermark_service.gate.advice import advise
from countermark_service.gate.policy import POLICY_PATH, TRUST_ROOT_PATH, Policy
from countermark_service.gate.root import bootstrap_digest
from countermark_service.home import Config, Home, home_of, make_home, register_checkout

UNBOXED = """\
An agent that runs outside a box, under your own user, can read your keys and sign as anybody here. Its work is
signed as `asserted` or `observed`: that proves that nothing changed after signing, not who typed it."""


def configure(parser: argparse.ArgumentParser) -> None:
    """Describe `init`."""
    parser.add_argument(
        "--protected-ref", metavar="REF", help="the branch that changes land on (default: the current one)"
    )
    parser.add_argument("--repository-id", metavar="ID", help="an immutable id (default: a random one)")
    parser.add_argument("--trust-domain", metavar="HOST", help="the name of your authority (default: made from the id)")
    parser.add_argument(
        "--mode",
        choices=("observe", "default", "strict"),
        default="observe",
        help="which policy to start with; strict asks for boxed evidence, an approval by somebody else, and a witness",
    )


def run(args: argparse.Namespace, console: Console) -> Exit:
    """Set up what is missing; running it again changes nothing that is there."""
    checkout = Checkout.find(Path.cwd())
    home = _home(checkout, args)
    with founded(home, home.config()) as embedded:
        home.write_config(replace(embedded.config, trust_root=embedded.trust.digest))
        person = Identity.parse(embedded.config.person)
        _enrol(embedded, person)
        files = _write_files(checkout, embedded, args.mode, person)
        claimed = _claim(checkout, embedded, person, files)
    _report(console, home, files, claimed=claimed)
    return Exit.PASS


def _home(checkout: Checkout, args: argparse.Namespace) -> Home:
    try:
        return checkout.home()
    except UsageError:
        pass
    config = _known_config(checkout, args.repository_id) or _new_config(checkout, args)
    home = make_home(config.repository_id, checkout.root)
    home.write_config(config)
    register_checkout(checkout.git_dir, config.repository_id)
    return home


def _known_config(checkout: Checkout, repository_id: str | None) -> Config | None:
    """Return what this machine pinned for the id that the user named; a checkout can't name one (`home`)."""
    if repository_id is not None and (home := home_of(repository_id)).exists():
        return home.config()
    if (checkout.root / TRUST_ROOT_PATH).exists():
        raise UsageError(
            f"{TRUST_ROOT_PATH}: expected none, found one whose keys are not known to be on this machine",
            hint="if they are: countermark init --repository-id ID   else check with: countermark gate --help",
        )
    return None


def _new_config(checkout: Checkout, args: argparse.Namespace) -> Config:
    repository_id = args.repository_id or str(uuid.uuid4())
    home_of(repository_id)
    domain = args.trust_domain or f"r-{_label(repository_id)}.countermark.internal"
    try:
        person = Identity(domain, Kind.PERSON, secrets.token_hex(8))
    except Malformed as error:
        raise UsageError(error.message, hint="countermark init --trust-domain HOST") from error
    protected_ref = args.protected_ref or _current_branch(checkout)
    return Config(repository_id, domain, protected_ref, trust_root="", person=str(person))


def _label(repository_id: str) -> str:
    """Make a part of a host name out of an id that may hold what host names may not."""
    begins = repository_id[:8].lower()
    return begins if begins.isalnum() else hashlib.sha256(repository_id.encode()).hexdigest()[:8]


def _current_branch(checkout: Checkout) -> str:
    head = checkout.head.read_text(encoding="utf-8").strip()
    if not head.startswith("ref: refs/heads/"):
        raise UsageError("HEAD is detached: expected a branch", hint="countermark init --protected-ref refs/heads/main")
    return head.removeprefix("ref: ")


def _enrol(embedded: Embedded, person: Identity) -> None:
    known = {row.id for row in embedded.store.identities()}
    gate = embedded.identity(Kind.GATE, "local")
    missing = [identity for identity in (person, gate) if str(identity) not in known]
    if not missing:
        return
    trust_root = embedded.trust.digest.removeprefix("sha256:")
    statements = [Enrolment(trust_root, identity, None).statement() for identity in missing]
    embedded.sign([Request(embedded.authority, statement) for statement in statements])
    now = int(embedded.clock().timestamp() * 1000)
    embedded.store.add(IdentityRow(str(one), one.kind.value, None, now, "{}") for one in missing)


def _write_files(checkout: Checkout, embedded: Embedded, mode: str, person: Identity) -> dict[str, bytes]:
    """Write what is missing under `.countermark/` and return what is there now."""
    wanted = {TRUST_ROOT_PATH: embedded.trust.encode(), POLICY_PATH: _policy(embedded, mode, person)}
    _refuse_foreign_trust_root(checkout, wanted[TRUST_ROOT_PATH])
    (checkout.root / ".countermark").mkdir(exist_ok=True)
    for path, content in wanted.items():
        if not (checkout.root / path).exists():
            (checkout.root / path).write_bytes(content)
    return {path: (checkout.root / path).read_bytes() for path in wanted}


def _refuse_foreign_trust_root(checkout: Checkout, ours: bytes) -> None:
    place = checkout.root / TRUST_ROOT_PATH
    if place.exists() and place.read_bytes() != ours:
        raise UsageError(f"{TRUST_ROOT_PATH}: expected that of this ledger, found another", hint=f"git log {place}")


def _policy(embedded: Embedded, mode: str, person: Identity) -> bytes:
    template = canonical.loads(countermark_policies.read(f"gate/{mode}.json"))
    if not isinstance(template, dict):
        raise Malformed(f"gate/{mode}.json: expected an object")
    people: list[Json] = [{"id": str(person), "sshKeys": []}]
    gates: list[Json] = [str(embedded.identity(Kind.GATE, "local"))]
    return json.dumps({**template, "people": people, "gates": gates}, indent=2).encode() + b"\n"


def _claim(checkout: Checkout, embedded: Embedded, person: Identity, files: Mapping[str, bytes]) -> bool:
    """Sign the files as the person's own, once; False when there is no commit yet to begin from."""
    with Repository.open(checkout.root) as repository:
        try:
            head = repository.resolve("HEAD")
        except (UnknownRevision, GitError):
            return False
        before = repository.entries(head, sorted(files))
        nodes = repository.nodes(entry for entry in before.values() if entry is not None)
        rows = {path: (nodes[entry] if (entry := before[path]) else None) for path in files}
        where = signing.target(embedded, repository, head)
    after = {path: Node.of_blob(Mode.FILE, content) for path, content in files.items()}
    changed = [
        Transition(p, b, after[p]) for p, b in rows.items() if b != after[p] and (b is None or isinstance(b, Node))
    ]
    if changed and not _claimed(embedded, person, after[POLICY_PATH].sha256):
        policy = PolicyChange(person, embedded.config.repository_id, 1, after[POLICY_PATH].sha256)
        embedded.sign([Request(person, policy.statement())])
        signing.sign_claim(embedded, person, Change.of(changed), where)
    return True


def _claimed(embedded: Embedded, person: Identity, policy_sha256: str) -> bool:
    from countermark_service.store.query import Query  # noqa: PLC0415 - SQLAlchemy is slow to import

    found = Query(embedded.log.origin, path=POLICY_PATH, sha256_after=policy_sha256, identity=str(person))
    return bool(embedded.store.find(found))


def _report(console: Console, home: Home, files: Mapping[str, bytes], *, claimed: bool) -> None:
    config = home.config()
    digest = bootstrap_digest(files[POLICY_PATH], files[TRUST_ROOT_PATH])
    if console.json:
        console.document({**_pins(config), "bootstrap": digest, "home": str(home.path)})
        return
    console.data(f"repository id  {config.repository_id}")
    console.data(f"trust root     {config.trust_root}")
    console.data(f"protected ref  {config.protected_ref}")
    console.data(f"bootstrap      {digest}")
    console.data(f"private keys   {home.keys} (outside the work tree; back them up)")
    console.say(f"\n{UNBOXED}\n")
    for line in _about_policy(files):
        console.say(f"The policy: {safe(line)}")
    console.say("Commit the trust root and the policy, then work on a branch:")
    console.say("  git add .countermark && git commit -m 'Set up Countermark'")
    if not claimed:
        console.say("There is no commit yet: run `countermark init` again after the first one.")


def _about_policy(files: Mapping[str, bytes]) -> list[str]:
    """Say what of the policy can't be met here, or that a file that was there already is none."""
    try:
        advice = advise(Policy.parse(files[POLICY_PATH]), TrustRoot.parse(files[TRUST_ROOT_PATH]))
    except Malformed as error:
        return [f"no gate will understand it: {error.message}"]
    return [f"{one.field}: {one.said}" for one in advice]


def _pins(config: Config) -> dict[str, Json]:
    return {
        "repositoryId": config.repository_id,
        "trustRoot": config.trust_root,
        "protectedRef": config.protected_ref,
    }
