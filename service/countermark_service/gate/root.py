"""Step 1, ROOT: what is trusted, from the operator and the protected tip, never from the change.

Trust: the pin comes from the command line or the operator's own configuration. The tip's files are believed
because people vouched for them when they landed; the trust root must still be the pinned one, byte for byte.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

from countermark_ledger import canonical
from countermark_ledger.errors import Rewritten, UnbornBranch, UnknownRevision, WrongIdentity
from countermark_ledger.git.objects import Oversized
from countermark_ledger.git.reader import Repository
from countermark_ledger.git.refs import OBJECT_ID
from countermark_ledger.trust import TrustRoot
from countermark_service.exits import UsageError
from countermark_service.gate.facts import Root
from countermark_service.gate.policy import POLICY_PATH, TRUST_ROOT_PATH, Policy

INIT_HINT = "countermark init   then commit .countermark/ and land it with: countermark gate --bootstrap DIGEST"
PINS_HINT = "countermark init --json   prints what to pin, on the machine that has the keys"


@dataclass(frozen=True, slots=True)
class Pin:
    """What the operator vouches for. `bootstrap` is the digest of a first policy that is not at the tip yet.

    `tip` is the revision of the protected line that the change lands on, where that is not the ref's own tip: the
    one before a push, or the one that a merge queue builds on. `landed` says that the head's own tree is what landed
    (or will, in a merge queue), so that none is computed.
    """

    repository_id: str
    trust_root: str
    protected_ref: str
    bootstrap: str | None = None
    tip: str | None = None
    landed: bool = False


def bootstrap_digest(policy: bytes, trust_root: bytes) -> str:
    """Name a first policy together with its trust root, so that an operator can vouch for both at once."""
    both: dict[str, canonical.Json] = {"policy": _sha256(policy), "trustRoot": _sha256(trust_root)}
    return f"sha256:{_sha256(canonical.dumps(both))}"


def _sha256(raw: bytes) -> str:
    return hashlib.sha256(raw).hexdigest()


def read_root(repository: Repository, pin: Pin, *, head: str) -> Root:
    """Read policy and trust root at the tip; without a policy there, at a head whose digest the operator gave.

    Where the change lands on another commit than the ref's tip, they are read at the older of both. Raises
    `Rewritten` when the two are not on one first-parent history.
    """
    protected_ref, protected_tip = protected(repository, pin.protected_ref)
    tip = repository.resolve(pin.tip) if pin.tip else protected_tip
    vouched = _older(repository, protected_tip, tip)
    files = _files(repository, vouched)
    if files is None and pin.bootstrap is not None:
        files = _bootstrap_files(repository, pin.bootstrap, head)
    if files is None:
        raise UsageError(f"{pin.protected_ref}: expected {POLICY_PATH} at its tip, found none", hint=INIT_HINT)
    trust = TrustRoot.parse(files[TRUST_ROOT_PATH])
    if trust.digest != pin.trust_root or trust.repository_id != pin.repository_id:
        pinned, found = (pin.trust_root, pin.repository_id), (trust.digest, trust.repository_id)
        message = f"trust root: expected {' of '.join(pinned)}, found {' of '.join(found)}"
        raise WrongIdentity(message, hint=PINS_HINT)
    policy = Policy.parse(files[POLICY_PATH])
    return Root(trust, policy, pin.repository_id, protected_ref, tip, head, vouched)


def _older(repository: Repository, protected_tip: str, tip: str) -> str:
    """Say which commit people vouched for: a merge queue's tip has not landed, and one before a push has been left."""
    for older, newer in ((tip, protected_tip), (protected_tip, tip)):
        if repository.goes_on_from(older, newer):
            return older
    message = f"expected {tip} on the history of the protected ref, which is at {protected_tip}: history was rewritten"
    raise Rewritten(message, hint=f"git fetch --all && git rebase {tip}")


def check_landing(repository: Repository, tree: str) -> None:
    """Refuse a policy or trust root that can't be read: once landed, no gate could let anybody mend it."""
    files = _files(repository, tree)
    if files is not None:
        TrustRoot.parse(files[TRUST_ROOT_PATH])
        Policy.parse(files[POLICY_PATH])


def policy_at(repository: Repository, protected_ref: str) -> Policy | None:
    """Read the policy at the tip of a protected ref; None before there is one."""
    files = _files(repository, protected(repository, protected_ref)[1])
    return None if files is None else Policy.parse(files[POLICY_PATH])


def protected(repository: Repository, name: str) -> tuple[str, str]:
    """Return the full name and the tip of the protected ref; a short name is a branch, never a tag.

    Who may push a tag named like the branch would choose the policy, wherever the branch itself was not fetched. Who
    may write every ref here can't choose it when the tip is given with the name: `refs/heads/main:<commit id>`.
    """
    full, _, commit = name.partition(":")
    if OBJECT_ID.fullmatch(name) or (commit and not (full.startswith("refs/") and OBJECT_ID.fullmatch(commit))):
        message = f"protected ref {name}: expected the full name of a branch, a colon and a commit id"
        raise UsageError(message, hint="--protected-ref refs/heads/main:COMMIT")
    if full.startswith("refs/"):
        return full, repository.resolve(commit or full)
    found = [(ref, tip) for ref in (f"refs/heads/{name}", f"refs/remotes/{name}") for tip in _tips(repository, ref)]
    if len(found) != 1:
        raise UsageError(f"protected ref {name}: expected one branch, found {len(found)}", hint="git fetch origin")
    return found[0]


def _tips(repository: Repository, ref: str) -> list[str]:
    try:
        return [repository.resolve(ref)]
    except (UnknownRevision, UnbornBranch):
        return []


def _files(repository: Repository, commit: str) -> dict[str, bytes] | None:
    entries = repository.entries(commit, [POLICY_PATH, TRUST_ROOT_PATH])
    blobs = {entry.blob for entry in entries.values() if entry is not None}
    contents = dict(repository.blobs(sorted(blobs)))
    found: dict[str, bytes] = {}
    for path, entry in entries.items():
        content = None if entry is None else contents[entry.blob]
        if content is None or isinstance(content, Oversized):
            return None
        found[path] = content
    return found


def _bootstrap_files(repository: Repository, digest: str, head: str) -> dict[str, bytes]:
    files = _files(repository, head)
    if files is None:
        raise UsageError(
            f"--bootstrap: expected {POLICY_PATH} and {TRUST_ROOT_PATH} at the head", hint="countermark init"
        )
    found = bootstrap_digest(files[POLICY_PATH], files[TRUST_ROOT_PATH])
    if found != digest:
        raise WrongIdentity(f"--bootstrap: expected {digest}, the head has {found}", hint=PINS_HINT)
    return files
