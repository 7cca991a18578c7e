"""Where a repository's keys and ledger live: outside every work tree, private to one user.

`$XDG_DATA_HOME/countermark/<repository id>/`  keys/, ledger.sqlite, released heads, config, seen and mirror as .json
`$XDG_DATA_HOME/countermark/checkouts.json`    which checkout on this machine is which repository

Trust: these files are the operator's own configuration. A checkout never says which repository it is: its
place on this machine does (or the command line), so a hostile checkout can't choose its own trust root.
"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from pathlib import Path

from countermark_ledger import canonical, shape
from countermark_ledger.canonical import Json
from countermark_ledger.errors import UnsafeKey
from countermark_ledger.git import place
from countermark_ledger.log.lock import FileLock
from countermark_ledger.log.released import replace_durably
from countermark_service.exits import UsageError

_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,127}")
CHECKOUTS = "checkouts.json"
INIT_HINT = "countermark init"


@dataclass(frozen=True, slots=True)
class Config:
    """What the operator pinned for one repository: ids, the ref that is protected, and the trust root's digest."""

    repository_id: str
    trust_domain: str
    protected_ref: str
    trust_root: str
    person: str

    def json(self) -> Json:
        """Spell the configuration."""
        return {
            "repositoryId": self.repository_id,
            "trustDomain": self.trust_domain,
            "protectedRef": self.protected_ref,
            "trustRoot": self.trust_root,
            "person": self.person,
        }

    @classmethod
    def parse(cls, value: Json) -> Config:
        """Read a configuration."""
        names = ("repositoryId", "trustDomain", "protectedRef", "trustRoot", "person")
        return cls(*(shape.text(shape.member(value, name), name) for name in names))


@dataclass(frozen=True, slots=True)
class Home:
    """One repository's private folder."""

    path: Path

    @property
    def keys(self) -> Path:
        """The folder of private keys."""
        return self.path / "keys"

    @property
    def database(self) -> Path:
        """The SQLite ledger."""
        return self.path / "ledger.sqlite"

    def exists(self) -> bool:
        """Tell whether `init` was here."""
        return (self.path / "config.json").exists()

    def released(self, origin: str) -> Path:
        """Name the file that remembers a log's last released checkpoint."""
        return self.path / f"{origin}.released"

    def lock(self, origin: str) -> Path:
        """Name the lock that every process takes before it signs for a log."""
        return self.path / f"{origin}.lock"

    def config(self) -> Config:
        """Read the configuration."""
        return Config.parse(canonical.loads((self.path / "config.json").read_bytes()))

    def write_config(self, config: Config) -> None:
        """Replace the configuration."""
        replace_durably(self.path / "config.json", canonical.dumps(config.json()) + b"\n")

    def seen_status(self) -> int:
        """Return the highest status number ever seen on this machine."""
        try:
            value = canonical.loads((self.path / "seen.json").read_bytes())
        except FileNotFoundError:
            return 0
        return shape.integer(shape.member(value, "status"), "seen status")

    def saw_status(self, number: int) -> None:
        """Remember a status number; never a smaller one."""
        if number > self.seen_status():
            replace_durably(self.path / "seen.json", canonical.dumps({"status": number}) + b"\n")

    def mirror(self) -> str | None:
        """Return the place (a path or an URL) of the mirror of this repository's evidence; None before there is one."""
        try:
            value = canonical.loads((self.path / "mirror.json").read_bytes())
        except FileNotFoundError:
            return None
        return shape.text(shape.member(value, "place"), "mirror")

    def write_mirror(self, place: str) -> None:
        """Remember where the mirror is."""
        replace_durably(self.path / "mirror.json", canonical.dumps({"place": place}) + b"\n")


def data_home() -> Path:
    """Return `$XDG_DATA_HOME/countermark` (XDG Base Directory Specification; relative values are ignored)."""
    given = Path(os.environ.get("XDG_DATA_HOME", ""))
    base = given if given.is_absolute() else Path.home() / ".local" / "share"
    return base / "countermark"


def home_of(repository_id: str) -> Home:
    """Return the folder of a repository id; refuse ids that could leave the data home."""
    if not _ID.fullmatch(repository_id) or repository_id == CHECKOUTS:
        raise UsageError(
            f"repository id {repository_id!r}: expected 1 to 128 letters, digits, '.', '_' or '-'",
            hint="countermark init --help",
        )
    return Home(data_home() / repository_id)


def home_of_checkout(git_dir: Path) -> Home:
    """Return the folder of the checkout with this (common) git directory; raise with the `init` hint."""
    found = _checkouts().get(str(git_dir.resolve()))
    if found is None:
        raise UsageError(f"{git_dir}: this checkout is not set up on this machine", hint=INIT_HINT)
    home = home_of(found)
    if not home.exists():
        raise UsageError(f"{home.path}: the repository's private folder is gone", hint=INIT_HINT)
    return home


def home_here() -> Home | None:
    """Find what `init` left on this machine for the checkout around; None where it is not set up here."""
    try:
        return home_of_checkout(place.find(Path.cwd()).common_dir)
    except UsageError:
        return None


def register_checkout(git_dir: Path, repository_id: str) -> None:
    """Remember which repository a checkout is."""
    with FileLock(data_home() / "checkouts.lock").hold():
        known = _checkouts() | {str(git_dir.resolve()): repository_id}
        replace_durably(data_home() / CHECKOUTS, canonical.dumps(dict(known)) + b"\n")


def make_home(repository_id: str, work_tree: Path) -> Home:
    """Create the private folder; refuse a place inside the work tree, from where it could be committed."""
    home = home_of(repository_id)
    inside = home.path.resolve()
    if inside == work_tree.resolve() or work_tree.resolve() in inside.parents:
        raise UnsafeKey(f"{home.path}: keys would lie inside the work tree", hint="unset XDG_DATA_HOME")
    data_home().mkdir(parents=True, exist_ok=True, mode=0o700)
    home.path.mkdir(mode=0o700, exist_ok=True)
    return home


def _checkouts() -> dict[str, str]:
    try:
        value = canonical.loads((data_home() / CHECKOUTS).read_bytes())
    except FileNotFoundError:
        return {}
    if not isinstance(value, dict):
        raise UsageError(f"{data_home()}/{CHECKOUTS}: expected an object")
    return {path: shape.text(repository, "repository id") for path, repository in value.items()}
