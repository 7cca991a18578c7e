"""The manual: for every command what it does, examples that a test runs through the parser, and what it needs.

It imports no command, so that `--help` can say which extra is missing.
"""

from __future__ import annotations

from dataclasses import dataclass

from countermark_service.exits import MEANING

EXIT_CODES = "exit codes:\n" + "\n".join(f"  {code.value:>2}  {meaning}" for code, meaning in MEANING.items())
MORE = "`countermark COMMAND --help` has examples, and says what a command needs."
SERVICE = "service"
SCANNERS = "scanners"
_BROUGHT_BY = {
    "alembic": SERVICE,
    "shtab": SERVICE,
    "sqlalchemy": SERVICE,
    "sigstore": "sigstore",
    "pysequoia": "openpgp",
}


@dataclass(frozen=True, slots=True)
class Page:
    """One command's page. `examples` are whole command lines; `extras` is what must be installed with it."""

    description: str
    examples: tuple[str, ...]
    extras: tuple[str, ...] = (SERVICE,)

    def epilog(self) -> str:
        """Spell what stands below the options."""
        examples = "examples:\n" + "\n".join(f"  {example}" for example in self.examples)
        return f"{examples}\n\nneeds: {self._needs()}\n\n{EXIT_CODES}"

    def _needs(self) -> str:
        if not self.extras:
            return "nothing but the base install"
        return f"pip install 'countermark[{','.join(self.extras)}]'"


def how_to_install(module: str) -> str:
    """Return the line that installs the extra which brings a module."""
    return f"pip install 'countermark[{_BROUGHT_BY.get(module.partition('.')[0], 'all')}]'"


PAGES = {
    "init": Page(
        """\
Set up Countermark for the repository you are in: private keys and a ledger outside of the work tree, and a
trust root and a policy inside it, which observes until you tell it to enforce. Running it again changes nothing.""",
        ("countermark init", "countermark init --mode strict --protected-ref refs/heads/main"),
    ),
    "agent": Page(
        "Enrol the agents that may sign here, list them, or distrust one from a time and a log index on.",
        (
            "countermark agent add coder --model gpt-5",
            "countermark agent list",
            "countermark agent revoke coder --reason 'key copied' --since 2026-11-20T12:00:00Z",
        ),
    ),
    "person": Page(
        """\
Enrol people and their SSH keys. Commits that such a key signed account for what they change, once the policy
that names the key has landed on the protected branch.""",
        ("countermark person add 'Ada Lovelace' --ssh-key ~/.ssh/id_ed25519.pub --me", "countermark person list"),
    ),
    "record": Page(
        """\
Run any command as an enrolled agent. The work tree is hashed before and after by this process, and every file
that changed is signed as observed. The exit code is the command's own.""",
        (
            "countermark record --agent coder -- ./agent.sh 'add a login page'",
            "countermark record --agent coder --commit 'Add a login page' -- ./agent.sh",
        ),
    ),
    "sign": Page(
        """\
Sign changes that are there already, as an enrolled agent. Nobody watched them being made, so the evidence is
asserted, which a strict policy refuses.""",
        ("countermark sign --agent coder", "countermark sign --agent coder --base main src/login.py"),
    ),
    "claim": Page(
        """\
Sign changes as your own: what you typed yourself, and the files that no agent may touch, such as the policy.
Files that are accounted for already are left alone.""",
        ("countermark claim", "countermark claim .countermark .github"),
    ),
    "withdraw": Page(
        """\
Take back what was signed and is not meant to land any more: work that was abandoned stays valid otherwise, until the
policy's maxAgeDays. An agent's statement goes with all that was signed in its session, and the gate answers 13 to it.
The name is the one that signing printed; `--json` and `countermark gate --json` give it in full.""",
        (
            "countermark withdraw 3f21c0ffee3f21c0",
            "countermark withdraw --session 5d0c1a52-2f0e-4c9b-9d53-9d1f2b7c8a10",
        ),
    ),
    "scan": Page(
        """\
Run every scanner over what a change would land, and print the score that the gate would use. A file that was not
scanned says so; it is never clean.""",
        ("countermark scan", "countermark scan --base main --sarif scan.sarif"),
        (SCANNERS,),
    ),
    "score": Page(
        """\
Explain the score of what a change would land. Every lost point names its finding, its line, who wrote that line as the
ledger knows it, and the fix; every cap names the places that it stands for.""",
        ("countermark score explain", "countermark score explain --base main --json"),
        (SCANNERS, SERVICE),
    ),
    "gate": Page(
        """\
Decide whether a change may be merged: every changed file is accounted for by evidence that holds, the scanners
ran, and the score and the people satisfy the policy at the tip of the protected branch. In continuous integration
start it as `<venv outside the checkout>/bin/python -I -m countermark_service gate`; no other start is safe there.""",
        (
            "countermark gate",
            "countermark gate --head topic --bundles export/ --record never",
            "countermark gate --time-limit 60 --no-scan-cache",
            "countermark gate --repository-id ID --trust-root sha256:HEX --protected-ref refs/heads/main --json",
        ),
        (SERVICE, SCANNERS),
    ),
    "ci": Page(
        """\
Run the gate in a pipeline. GitHub, GitLab, Jenkins and pre-commit say which change a job is about; the pins come from
the job's settings: COUNTERMARK_REPOSITORY_ID, COUNTERMARK_TRUST_ROOT and COUNTERMARK_PROTECTED_REF, or the options.
Deciding needs no network. Fetch first what `--show refspecs` names, and start it as
`<venv outside the checkout>/bin/python -I -m countermark_service ci`; no other start is safe there.""",
        (
            "countermark ci --output sarif=countermark.sarif --output junit=countermark.xml",
            "countermark ci --show refspecs",
            "countermark ci --platform plain --head topic --protected-ref main --mode enforce",
        ),
        (SERVICE, SCANNERS),
    ),
    "comment": Page(
        """\
Keep the one sticky comment of a pull or merge request up to date. It is found by its first line and its author, so a
lookalike of anybody else is never edited. This is the only command that talks to a platform: with GITHUB_TOKEN on
GitHub (`pull-requests: write`), with COUNTERMARK_GITLAB_TOKEN on GitLab (a project's access token, scope `api`).""",
        ("countermark comment comment.md", "countermark comment comment.md --author 'my-app[bot]'"),
        (),
    ),
    "policy": Page(
        """\
Check that a policy is understood and say what of it nobody can meet, or explain it rule by rule, with the values in
force and where each comes from. Without a file it is the policy at the tip of the protected branch, where the gate
reads it and nowhere else. With --input, judge the facts that `countermark gate --show-input` printed: the same policy
gives the same reasons and the same exit code, so a change of the policy can be tried offline on real changes.""",
        (
            "countermark policy explain",
            "countermark policy check .countermark/policy.json",
            "countermark policy check stricter.json --input input.json",
        ),
        (),
    ),
    "approve": Page(
        """\
Show what would land and what the gate says of it, then sign that exactly this may land on exactly this tip. It
counts for people whom the policy at the tip names and who had no hand in the change: not for who signed any of it,
and not for who owns an agent that did or set it to work. Where the policy lists SSH keys for you, one of them signs
too (through ssh-keygen, so agents and hardware keys work), and nobody else on the machine can approve in your name;
where it lists none, whoever holds this ledger's keys can. Without a ledger here, --sign-only writes a file.""",
        (
            "countermark approve",
            "countermark approve --head topic --person Bert --ssh-key ~/.ssh/id_ed25519",
            "countermark approve --head topic --person p-bert --sign-only approval.json",
            "countermark approve --take approval.json",
        ),
        (SERVICE, SCANNERS),
    ),
    "waiver": Page(
        """\
An exception for one finding at one path, or for one file with exactly these bytes that no scanner read, where one
agent wrote it. One person asks, another approves, and neither is behind the agent; the policy at the tip names both
and says for how many days at most. Any of them ends it alone. A number of uses is counted over the whole log since it
was asked for: where a part of that is not at hand, the gate can't tell and answers 20.""",
        (
            "countermark waiver propose src/run.py --finding FINGERPRINT --agent coder --reason 'a constant' --uses 1",
            "countermark waiver propose tool.bin --agent coder --reason 'built by the release job' --days 14",
            "countermark waiver approve 3f21a0b4 --person Bert",
            "countermark waiver revoke 3f21a0b4 --reason fixed",
            "countermark waiver take waiver.json",
            "countermark waiver list --json",
        ),
    ),
    "verify": Page(
        """\
Verify one bundle from files alone: who signed which files, when, and where it stands in the log. Without
--trust-root it is the trust root of this checkout, when that is the one pinned on this machine.""",
        (
            "countermark verify 3f/3f21.sigstore.json app.py",
            "countermark verify B.sigstore.json --trust-root trust-root.json --status S.sigstore.json",
        ),
        (),
    ),
    "audit": Page(
        """\
Compare every landing on the protected branch (each commit with its first parent) with the verdicts on record. What
landed without one is a row, and so is what a gate refused, what another tree's verdict would cover, and what rests on
evidence that was revoked since. 0 only when there is nothing to say against any landing. A day is what committers
wrote; the id of a commit is a bound that nobody can move.""",
        (
            "countermark audit",
            "countermark audit refs/heads/main --since 2026-11-01 --csv",
            "countermark audit refs/remotes/origin/main --since 3f21c0ffee --json",
        ),
    ),
    "last-good": Page(
        """\
Find the newest commit of the protected branch that a verdict let land, that nothing was revoked under since, and that
builds on nothing an audit complains of. Its id is all that is printed on standard output; what is wrong with each
younger commit is said beside it. 0 when there is one, 11 when there is none, 20 when nobody can tell.""",
        (
            "countermark last-good",
            "countermark last-good refs/heads/main --json",
        ),
    ),
    "rollback": Page(
        """\
Make a branch on top of the protected one whose files are those of the last good commit, or without one bad landing,
and sign the rows as your own: a revert needs a statement of its own. Policy, trust root and the mirror of the evidence
stay as they are. No history is rewritten, and your work tree and index are left alone; the gate decides as ever.""",
        (
            "countermark rollback --dry-run",
            "countermark rollback --to 3f21c0ffee --branch back-to-friday",
            "countermark rollback --commit 3f21c0ffee --agent coder",
        ),
    ),
    "blame": Page(
        "Show who accounts for a file of the repository: the agent or the person, and the statement that says so.",
        ("countermark blame app.py",),
    ),
    "attribution": Page(
        """\
Give other tools what the ledger knows of the lines that a commit brought: as an agent-trace record, or as the note
that git-ai keeps of the commit (joined with the one that is there; nobody's note is replaced). Take theirs the other
way: what they say is unsigned, so it is kept apart, shown by `blame` as claimed, and never counted by the gate.""",
        (
            "countermark attribution export --format agent-trace --commit HEAD --output trace.json",
            "countermark attribution export --format git-ai --notes",
            "countermark attribution import .agent-trace/traces.jsonl",
            "countermark attribution import --notes",
        ),
    ),
    "log": Page(
        """\
Look after the ledger: print its signed checkpoint, prove that an entry is in it, verify such a proof, re-verify
all of it (fsck), or export it as files that any web server, any reader and `countermark gate --bundles` understand.""",
        (
            "countermark log checkpoint",
            "countermark log prove 3 > entry.tlog-proof",
            "countermark log verify entry.tlog-proof 3f/3f21.sigstore.json",
            "countermark log fsck --repair",
            "countermark log export public/",
        ),
    ),
    "status": Page(
        """\
Show what is revoked and until when that answer is good, or sign a new one. Every signature renews it too.""",
        ("countermark status show", "countermark status renew"),
    ),
    "bundles": Page(
        """\
Push bundles to a git ref beside the code, and fetch those of others. Concurrent pushes are joined; nothing is lost.""",
        ("countermark bundles push origin", "countermark bundles fetch"),
    ),
    "mirror": Page(
        """\
Keep this repository's evidence, verdicts and all, in a git repository of its own: one commit an update, tied to the
one before by the log's checkpoints. Added as a submodule, it lets a recursive clone verify with no server. The gate
lets its gitlink land without a signature as long as its checkpoint extends the one at the tip.""",
        (
            "countermark mirror create /srv/evidence.git",
            "countermark mirror update --push",
            "countermark mirror add evidence --url https://example.com/evidence.git",
        ),
    ),
    "trust-root": Page(
        "Print what a reader pins: the trust root in our form, or in the stock clients', or its digest.",
        ("countermark trust-root > trust-root.json", "countermark trust-root --format digest"),
    ),
    "completions": Page(
        "Print completions for a shell.",
        ("countermark completions bash > ~/.local/share/bash-completion/completions/countermark",),
    ),
}
"""One page for each of `COMMANDS`, which a test compares."""
