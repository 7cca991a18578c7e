"""Export: the whole ledger as files, for web servers, mirrors, stock clients and `gate --bundles`.

    <ab>/<sha256>..., consistency/, index/, status, checkpoint   the bundle collection (`collection`)
    logs/<origin>/checkpoint, tile/...                           each log as tlog-tiles, one folder a host name
    trust-root.json                                              what our verifier pins
    trusted-root.json                                            for `cosign --trusted-root`
    client-trust-config.json                                     for `sigstore --trust-config`

Trust: the folder is worth no more than any mirror: every reader verifies all of it. Files appear whole, and a
checkpoint only when everything that it promises is there.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

from countermark_ledger import canonical
from countermark_ledger.errors import StoreFailed
from countermark_ledger.log.export import export as export_log
from countermark_service import offering
from countermark_service.embedded import Embedded

Progress = Callable[[str], None]
LOGS = "logs"


def export(embedded: Embedded, folder: Path, progress: Progress) -> int:
    """Bring the folder to the newest heads; return how many files of the collection were written.

    Raises `LogDiverged` for a folder of another ledger, and `StoreFailed` when it can't be written.
    """
    for log in (embedded.certificates, embedded.log):
        progress(f"exporting {log.origin}")
        export_log(log, folder / LOGS / log.origin)
    try:
        written = _write_collection(embedded, folder, progress)
        for name, content in _trust_roots(embedded).items():
            _write(folder / name, content)
    except OSError as error:
        raise StoreFailed(f"export to {folder}: {error.strerror}") from error
    return written


def _write_collection(embedded: Embedded, folder: Path, progress: Progress) -> int:
    written = 0
    hints = offering.hints(embedded, frozenset())
    for offer in offering.offers(embedded):
        content = offer.load()
        if content is not None and _write(folder / offer.path, content):
            written += 1
            progress(f"{written} files written")
    last_first = reversed(hints.items())  # the checkpoint stands first in the hints
    return written + sum(_write(folder / path, content) for path, content in last_first)


def _trust_roots(embedded: Embedded) -> dict[str, bytes]:
    trust = embedded.trust
    return {
        "trust-root.json": trust.encode(),
        "trusted-root.json": canonical.dumps(trust.stock()) + b"\n",
        "client-trust-config.json": canonical.dumps(trust.client_trust_config()) + b"\n",
    }


def _write(path: Path, content: bytes) -> bool:
    """Put a file in its place in one step, unless it is there already; tell whether it was written."""
    if path.is_file() and not path.is_symlink() and path.read_bytes() == content:
        return False
    path.parent.mkdir(parents=True, exist_ok=True)
    fresh = path.with_name(f".{path.name}.{os.getpid()}.new")
    fresh.write_bytes(content)
    fresh.replace(path)
    return True
