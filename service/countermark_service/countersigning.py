"""A person's own SSH signature over a statement of consent, made by `ssh-keygen`.

So keys in agents, on hardware and behind passphrases all work, and no private key is ever read here.

Trust: `ssh-keygen` is the user's own program, found on PATH but never in a relative entry of it; what it makes is
verified in this process before anybody uses it, against the keys that the policy at the protected tip lists.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

from countermark_agents import process
from countermark_ledger import countersignature
from countermark_ledger.countersignature import C
from countermark_ledger.errors import LedgerError
from countermark_ledger.ssh_key import PublicKey, parse_public_key
from countermark_ledger.sshsig import MAX_ARMOR
from countermark_service.exits import UsageError

KEY_HINT = "ls ~/.ssh/*.pub   then name yours with --ssh-key FILE"
MAX_KEY_FILE = 64 * 1024


def countersign(consent: C, keys: Sequence[PublicKey], chosen: Path | None) -> C:
    """Return the statement signed by one of its person's SSH keys: by the chosen file's, or the first found at home.

    `keys` are those that the policy lists for the person; where it lists none, only a chosen key signs. Raises
    `UsageError` when no such key is here, or when it did not sign.
    """
    if not keys and chosen is None:
        return consent
    file = chosen.expanduser().absolute() if chosen else _at_home(keys)
    signed = countersignature.countersigned(consent, _sign(file, countersignature.message(consent)))
    key = countersignature.verify(signed)
    if keys and key not in keys:
        listed = ", ".join(one.fingerprint for one in keys)
        found = key.fingerprint if key else "none"
        raise UsageError(f"{file}: expected a key that the policy lists ({listed}), found {found}", hint=KEY_HINT)
    return signed


def _at_home(keys: Sequence[PublicKey]) -> Path:
    """Find the public half of one of the keys where SSH keeps them; `ssh-keygen` knows where the other half is."""
    for path in sorted(Path("~/.ssh").expanduser().glob("*.pub")):
        if _read(path) in keys:
            return path
    listed = ", ".join(one.fingerprint for one in keys)
    raise UsageError(f"~/.ssh: expected a key that the policy lists ({listed}), found none", hint=KEY_HINT)


def _read(path: Path) -> PublicKey | None:
    try:
        with path.open(encoding="utf-8") as file:
            return parse_public_key(file.read(MAX_KEY_FILE).strip())
    except (OSError, UnicodeDecodeError, LedgerError):
        return None  # a file that is no key, or none of a kind that counts


def _sign(key: Path, message: bytes) -> str:
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, "statement")
        file.write_bytes(message)
        command = [_program(), "-q", "-Y", "sign", "-n", countersignature.NAMESPACE, "-f", str(key), str(file)]
        code = process.run(command, Path(folder), os.environ)
        made = file.with_name("statement.sig")
        if code != 0 or not made.is_file():
            raise UsageError(f"{key}: ssh-keygen did not sign with it (exit code {code})", hint=KEY_HINT)
        with made.open("rb") as signature:
            return signature.read(MAX_ARMOR + 1).decode("ascii", "replace")


def _program() -> str:
    found = shutil.which("ssh-keygen", path=os.pathsep.join(_absolute(os.environ.get("PATH", os.defpath))))
    if found is None:
        raise UsageError("ssh-keygen: expected the program on PATH, found none", hint="install OpenSSH 8.2 or newer")
    return found


def _absolute(path: str) -> Iterator[str]:
    """Leave out the relative entries of PATH, through which a checkout could offer its own program."""
    return (entry for entry in path.split(os.pathsep) if Path(entry).is_absolute())
