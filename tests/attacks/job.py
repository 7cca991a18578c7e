"""A CI job in a hostile checkout: a real repository, real evidence, and the documented line as a process.

The attacker owns every byte of the checkout and whatever bundles are offered; the job owns its pins, and this
process signs for an authority that is honest. Nothing is patched: what the gate answers, a runner would see.
"""

from __future__ import annotations

import base64
import hashlib
import json
import os
import shutil
import stat
import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, NamedTuple

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

import countermark_policies
from countermark_ledger import sshsig
from countermark_ledger.authority.issuing import Signed
from countermark_ledger.bundle import Bundle, content_name
from countermark_ledger.collection import CHECKPOINT, bundle_path, certificate_proof_path
from countermark_ledger.identity import Kind
from countermark_ledger.node import Change, Mode, Node, Transition
from countermark_ledger.predicates.claim import Claim
from countermark_ledger.predicates.rows import split
from countermark_ledger.predicates.status import Revocation
from countermark_ledger.predicates.verdict import Binding, Outcome, Verdict
from countermark_ledger.ssh_key import fingerprint, string

from ..conftest import DOMAIN, REPOSITORY, Founded, SimulatedAuthority
from ..ledger.git.checkout import Checkout

SERVICE = (sys.executable, "-I", "-m", "countermark_service")
LEDGER = (sys.executable, "-I", "-m", "countermark_ledger")
POLICY, TRUST_ROOT = ".countermark/policy.json", ".countermark/trust-root.json"
MAIN, BUNDLES = "refs/heads/main", "refs/countermark/bundles"
PERSON = f"spiffe://{DOMAIN}/person/p1"
GATE = f"spiffe://{DOMAIN}/gate/ci"
HANGS_AFTER = 120
"""Seconds after which a process that has not ended is a test that failed; no answer takes a tenth of it."""


class Blob(NamedTuple):
    """A file that is not a plain one: a program, or a link to what `content` names."""

    content: bytes
    mode: Mode


Content = str | bytes | Blob | None


class Reason(NamedTuple):
    """Why not: the code it stands for, the path it is about, what was found, and the command that mends it."""

    code: int
    path: str | None
    message: str
    hint: str | None


@dataclass(frozen=True)
class Answer:
    """What a process said. `passed` and `refused` assert; there is no third way to be right."""

    code: int
    out: str
    err: str

    @property
    def told(self) -> str:
        return f"exit code {self.code}\n{self.out}\n{self.err}"

    @property
    def document(self) -> dict[str, object]:
        assert self.out, self.told
        document: dict[str, object] = json.loads(self.out)
        return document

    @property
    def reasons(self) -> list[Reason]:
        """Give the decision's reasons; before there is a decision, the one refusal on stderr."""
        if self.out:
            return [Reason(*(row[key] for key in ("code", "path", "message", "hint"))) for row in self._rows()]
        told = dict(line.split(": ", 1) for line in self.err.splitlines() if ": " in line)
        return [Reason(self.code, None, told.get("countermark", ""), told.get("hint"))]

    def _rows(self) -> list[dict[str, object]]:
        rows = self.document["reasons"]
        assert isinstance(rows, list), self.told
        return rows

    def passed(self) -> dict[str, object]:
        """Right is green: merged by an enforcing policy, for no reason not to."""
        assert self.code == 0, self.told
        said = self.document
        assert (said["verdict"], said["code"], said["enforcing"], said["reasons"]) == ("PASSED", 0, True, []), self.told
        return said

    def refused(self, code: int, path: str | None, words: str) -> Reason:
        """Right is this exit code, for a reason of this code about this path in these words, with a way on."""
        assert self.code == code, self.told
        assert '"PASSED"' not in self.out, self.told
        found = [one for one in self.reasons if one[:2] == (code, path) and words in one.message]
        assert found, f"expected ({code}, {path}, {words!r})\n{self.told}"
        assert found[0].hint, self.told
        return found[0]


def start(
    argv: tuple[str, ...], *, cwd: Path, environ: Mapping[str, str] | None = None, stdout: IO[bytes] | None = None
) -> Answer:
    """Run a program as a runner would: nothing of this process's environment but where programs are."""
    done = subprocess.run(
        argv,
        cwd=cwd,
        env={"PATH": os.environ["PATH"], "HOME": str(cwd.parent / "home"), **(environ or {})},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE if stdout is None else stdout,
        stderr=subprocess.PIPE,
        timeout=HANGS_AFTER,
        check=False,
    )
    said = [(stream or b"").decode("utf-8", "surrogateescape") for stream in (done.stdout, done.stderr)]
    return Answer(done.returncode, *said)


class SshKey:
    """An SSH key that signs what it is told to, also wrongly, and may `claim` to be another one."""

    def __init__(self, claim: bytes | None = None) -> None:
        self._key = Ed25519PrivateKey.generate()
        self.blob = string(b"ssh-ed25519") + string(claim or self._key.public_key().public_bytes_raw())

    @property
    def line(self) -> str:
        return f"ssh-ed25519 {base64.b64encode(self.blob).decode()}"

    @property
    def fingerprint(self) -> str:
        return fingerprint(self.blob)

    def sign(
        self, message: bytes, *, namespace: bytes = b"git", twist: Callable[[bytes], bytes] = lambda raw: raw
    ) -> bytes:
        """Sign as `ssh-keygen -Y sign` does; `twist` changes the 64 bytes of the signature."""
        unsigned = sshsig.Signature(self.blob, namespace, b"sha512", b"")
        raw = twist(self._key.sign(unsigned.signed_bytes(message)))
        encoded = sshsig.Signature(self.blob, namespace, b"sha512", string(b"ssh-ed25519") + string(raw)).encode()
        text = base64.b64encode(encoded)
        lines = b"".join(text[at : at + 70] + b"\n" for at in range(0, len(text), 70))
        return sshsig.BEGIN + lines + sshsig.END


def policy_of(key: SshKey, **other: object) -> dict[str, object]:
    """Give the default policy with one person, one gate and the fastest scanner; `other` replaces or amends fields."""
    policy = json.loads(countermark_policies.read("gate/default.json"))
    policy["score"]["scanners"] = ["ruff"]
    policy |= {"people": [{"id": PERSON, "sshKeys": [key.line]}], "gates": [GATE]}
    return amended(policy, other)


def amended(policy: dict[str, object], other: Mapping[str, object]) -> dict[str, object]:
    made = dict(policy)
    for name, value in other.items():
        old = made.get(name)
        made[name] = {**old, **value} if isinstance(old, dict) and isinstance(value, dict) else value
    return made


@dataclass
class Job:
    """The repository under attack, on a branch of the attacker's, and what the job pins of it."""

    place: Path
    authority: SimulatedAuthority
    key: SshKey
    line: tuple[str, ...] = SERVICE
    evidence: list[Signed] = field(default_factory=list)
    statuses: list[Signed] = field(default_factory=list)
    loose: dict[str, bytes] = field(default_factory=dict)
    """More files of the collection, by path: whatever the attacker puts beside the evidence."""

    @property
    def checkout(self) -> Checkout:
        return Checkout(self.place / "checkout")

    @property
    def root(self) -> Path:
        return self.checkout.path

    @property
    def git_dir(self) -> Path:
        return self.checkout.git_dir

    @property
    def offered(self) -> Path:
        return self.place / "evidence"

    def git(self, *arguments: str, stdin: bytes = b"") -> str:
        return self.checkout.git(*arguments, stdin=stdin)

    # --- what the attacker, or anybody, does to the repository

    def write(self, files: Mapping[str, Content]) -> Change:
        """Change the work tree; return the rows that did."""
        before = {path: self._node(path) for path in files}
        for path, content in files.items():
            self._put(self.root / path, content)
        pairs = ((path, old, self._node(path)) for path, old in before.items())
        return Change.of(Transition(path, old, new) for path, old, new in pairs if old != new)

    def _put(self, file: Path, content: Content) -> None:
        file.parent.mkdir(parents=True, exist_ok=True)
        file.unlink(missing_ok=True)
        blob = content if isinstance(content, Blob) else Blob(_bytes(content), Mode.FILE)
        if content is None:
            return
        if blob.mode is Mode.SYMLINK:
            file.symlink_to(os.fsdecode(blob.content))
            return
        file.write_bytes(blob.content)
        file.chmod(0o755 if blob.mode is Mode.EXECUTABLE else 0o644)

    def _node(self, path: str) -> Node | None:
        file = self.root / path
        if file.is_symlink():
            return Node.of_blob(Mode.SYMLINK, os.fsencode(file.readlink()))
        if not file.is_file():
            return None
        executable = file.stat().st_mode & stat.S_IXUSR
        return Node.of_blob(Mode.EXECUTABLE if executable else Mode.FILE, file.read_bytes())

    def commit(self, files: Mapping[str, Content] | None = None, message: str = "change") -> str:
        """Commit without anybody's signature."""
        self.write(files or {})
        return self.checkout.commit(message)

    def branch(self, name: str, start: str = "main") -> None:
        self.git("checkout", "-q", "-b", name, start)

    def on_main(self, files: Mapping[str, Content], message: str = "on main") -> str:
        """Land something as a platform would, and come back."""
        here = self.git("rev-parse", "--abbrev-ref", "HEAD")
        self.git("checkout", "-q", "main")
        commit = self.commit(files, message)
        self.git("checkout", "-q", here)
        return commit

    def catch_up(self, files: Mapping[str, Content]) -> None:
        """Land something, and go on from it."""
        self.on_main(files)
        self.git("merge", "-q", "--ff-only", "main")

    def land(self, branch: str) -> str:
        """Merge a branch into main, and stay there."""
        self.git("checkout", "-q", "main")
        self.git("merge", "-q", "--no-ff", "-m", f"Merge {branch}", branch)
        return self.git("rev-parse", "HEAD")

    def ask(self, **other: object) -> None:
        """Land a policy that differs in these fields, and begin the attacker's branch on it."""
        self.ask_raw(json.dumps(policy_of(self.key, **other)))

    def ask_raw(self, policy: Content, **files: Content) -> None:
        """Land these bytes as the policy, and begin the attacker's branch on them."""
        self.git("checkout", "-q", "main")
        self.commit({POLICY: policy, **files}, "another policy")
        self.branch("asked")

    # --- what honest signers sign

    def sign(self, change: Change, *, agent: str = "builder", base: str | None = None, **other: object) -> list[Signed]:
        """Sign rows as an agent who began at `base` (default: where main is)."""
        target = self.authority.target(base or self.git("rev-parse", "main"))
        who = self.authority.who(Kind.AGENT, agent)
        signed = list(self.authority.sign_change(change, agent=who, **{"target": target, **other}))
        self.evidence += signed
        return signed

    def claim(self, change: Change, person: str = "p1", base: str | None = None) -> list[Signed]:
        """Sign rows as a person's own."""
        target, who = (
            self.authority.target(base or self.git("rev-parse", "main")),
            self.authority.who(Kind.PERSON, person),
        )
        signed = list(self.authority.sign(who, *(Claim(who, target, part).statement() for part in split(change))))
        self.evidence += signed
        return signed

    def change(self, files: Mapping[str, Content], **other: object) -> str:
        """Let an agent change files, sign that, and commit it."""
        rows = self.write(files)
        self.sign(rows, **other)
        return self.checkout.commit()

    def commit_signed(
        self,
        files: Mapping[str, Content],
        key: SshKey | None = None,
        *,
        headers: bytes = b"",
        spoil: Callable[[bytes], bytes] = lambda raw: raw,
        **how: object,
    ) -> str:
        """Commit with an SSH signature; `headers` are signed too, `spoil` changes the commit after that."""
        self.write(files)
        self.git("add", "-A")
        tree, parent = self.git("write-tree"), self.git("rev-parse", "HEAD")
        who = "P <p@example.org> 1700000000 +0000"
        top = f"tree {tree}\nparent {parent}\nauthor {who}\ncommitter {who}\n".encode() + headers
        armor = (key or self.key).sign(top + b"\nby hand\n", **how).rstrip(b"\n").replace(b"\n", b"\n ")
        commit = self.checkout.raw("commit", spoil(top + b"gpgsig " + armor + b"\n\nby hand\n"))
        self.git("update-ref", "HEAD", commit)
        return commit

    def decide(
        self, head: str, tree: str, *, gate: str = "ci", ref: str = MAIN, points: tuple[tuple[str, int], ...] = ()
    ) -> None:
        """Let a gate say PASSED about a landing tree on a branch, and that it used up all the evidence there is."""
        who = self.authority.who(Kind.GATE, gate)
        used = tuple(hashlib.sha256(Bundle.parse(one.raw).envelope.pae()).hexdigest() for one in self.evidence)
        listing = hashlib.sha256(self.git("ls-tree", "-r", "-z", tree).encode("utf-8", "surrogateescape")).hexdigest()
        policy = hashlib.sha256(self.git("cat-file", "blob", f"{ref}:{POLICY}").encode()).hexdigest()
        tip, head = (self.git("rev-parse", name) for name in (ref, head))
        bound = Binding(REPOSITORY, ref, tip, head, tree, listing, "merge", used)
        verdict = Verdict(
            who, "1", self.authority.clock.now, Outcome.PASSED, 0, 100, (), policy, (), bound, points=points
        )
        self.evidence += self.authority.sign(who, verdict.statement())

    def squash(self, branch: str, **said: object) -> str:
        """Land a branch as one commit, with the gate's verdict about it, and stay there."""
        self.git("checkout", "-q", "main")
        self.git("merge", "-q", "--squash", branch)
        self.decide(branch, self.git("write-tree"), **said)
        return self.checkout.commit(f"Squash {branch}")

    def revoke(self, *revocations: Revocation, **other: object) -> None:
        """Publish another status."""
        number = 1 + len(self.evidence)
        self.statuses.append(self.authority.status(*revocations, **{"number": number, **other}))
        self.evidence.append(self.statuses[-1])

    # --- what the job is offered, and what it asks

    def offer(self) -> Path:
        """Lay the evidence out as a directory of bundles, with a new status on top where there is none."""
        if not self.evidence or self.evidence[-1] not in self.statuses:
            self.revoke()
        shutil.rmtree(self.offered, ignore_errors=True)
        for path, raw in self.files().items():
            place = self.offered / path
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_bytes(raw)
        self.offered.mkdir(exist_ok=True)
        return self.offered

    def files(self) -> dict[str, bytes]:
        """Give the collection as a reader would find it: bundles, proofs, links and the newest checkpoint."""
        sizes = {Bundle.parse(signed.raw).entry.tree_size for signed in self.evidence} - {self.authority.log.head.size}
        links = [self.authority.link(size) for size in sorted(sizes)]
        made = {**dict(self.authority.files(self.evidence)), **{link.path(): link.encode() for link in links}}
        return {CHECKPOINT: self.authority.checkpoint(), **made, **self.loose}

    def push(self, ref: str = BUNDLES) -> None:
        """Put what is offered on a ref of the checkout."""
        tree = self.tree_of({path: self.checkout.blob(raw) for path, raw in self.files().items()})
        self.git("update-ref", ref, self.checkout.commit_tree(tree))

    def tree_of(self, blobs: Mapping[str, str]) -> str:
        rows = "".join(f"100644 {blob}\t{path}\n" for path, blob in blobs.items())
        index = {"GIT_INDEX_FILE": str(self.place / "index-of-bundles")}
        self.checkout.git("update-index", "--add", "--index-info", stdin=rows.encode(), env=index)
        tree = self.checkout.git("write-tree", env=index)
        (self.place / "index-of-bundles").unlink()
        return tree

    def pins(self, protected_ref: str = MAIN) -> tuple[str, ...]:
        digest = self.authority.trust.digest
        return ("--protected-ref", protected_ref, "--repository-id", REPOSITORY, "--trust-root", digest)

    def gate(
        self, *words: str, head: str = "HEAD", pins: tuple[str, ...] | None = None, offer: bool = True, **how: object
    ) -> Answer:
        """Ask: may this be merged? As CI does, with the pins on the command line and no home on the machine.

        Without `offer` the evidence stays as it lies: what was offered last, or nothing.
        """
        asked = (*(pins or self.pins()), "--head", head, "--record", "never", "--json")
        return self.run("gate", *asked, *self.bundles(offer=offer), *words, **how)

    def ci(self, event: Mapping[str, object], *words: str, name: str = "pull_request", **how: object) -> Answer:
        """Ask the same where GitHub's runner says which change it is; the event file lies outside of the checkout."""
        (self.place / "event.json").write_text(json.dumps(event))
        variables = {"GITHUB_ACTIONS": "true", "GITHUB_EVENT_NAME": name, "GITHUB_SERVER_URL": "https://github.com"}
        named = {**variables, "GITHUB_EVENT_PATH": str(self.place / "event.json"), **how.pop("environ", {})}
        asked = (*self.pins(), "--record", "never", "--no-scan-cache")
        return self.run("ci", *asked, *self.bundles(), *(words or ("--json",)), environ=named, **how)

    def audit(self, *words: str) -> Answer:
        """Ask: what landed, and which verdict let it?"""
        _, ref, *pins = self.pins()
        return self.run("audit", ref, *pins, "--json", *self.bundles(), *words)

    def bundles(self, *, offer: bool = True) -> tuple[str, ...]:
        folder = self.offer() if offer else self.offered
        return ("--bundles", str(folder)) if folder.is_dir() else ()

    def run(self, *words: str, environ: Mapping[str, str] | None = None, cwd: Path | None = None) -> Answer:
        nowhere = {"XDG_DATA_HOME": str(self.place / "home" / "data")}
        return start((*self.line, *words), cwd=cwd or self.root, environ={**nowhere, **(environ or {})})


def _bytes(content: Content) -> bytes:
    return content.encode() if isinstance(content, str) else content if isinstance(content, bytes) else b""


def put_bundle(raw: bytes, proof: bytes, name: str | None = None) -> dict[str, bytes]:
    """Name a bundle and the proof beside it as a collection does."""
    name = name or content_name(raw)
    return {bundle_path(name): raw, certificate_proof_path(name): proof}


def seed(place: Path, founded: Founded, key: SshKey) -> None:
    """Make the repository that every attack begins with: one landed file, a policy, a trust root, a branch."""
    checkout = Checkout.new(place)
    trust = founded.trust.encode()
    checkout.write("app.py", b"one = 1\n")
    checkout.commit("base")
    checkout.write(POLICY, json.dumps(policy_of(key)).encode())
    checkout.write(TRUST_ROOT, trust)
    checkout.commit("set up")
    checkout.branch("work")


def now() -> datetime:
    return datetime.now(UTC).replace(microsecond=0)
