"""`countermark log`: look after the ledger, and hand out proofs of it."""

from __future__ import annotations

import argparse
import re
from pathlib import Path

from countermark_ledger import answer, merkle, sct
from countermark_ledger.bundle import MAX_BYTES, Bundle
from countermark_ledger.canonical import Json, b64encode
from countermark_ledger.display import safe
from countermark_ledger.errors import LogDiverged, Malformed, NoSuchEntry
from countermark_ledger.log.log import Log
from countermark_ledger.tlog_proof import TlogProof
from countermark_ledger.trust import TrustRoot
from countermark_service import exporting, fsck
from countermark_service.checkout import Checkout
from countermark_service.cli.console import Console
from countermark_service.cli.verify import local_trust_root
from countermark_service.embedded import Embedded, opened
from countermark_service.exits import Exit, Inconclusive

_INDEX = re.compile(r"0|[1-9][0-9]{0,18}")
_NAME = re.compile(r"[0-9a-f]{64}")
_SHOWN = 20
REPAIR_HINT = "countermark log fsck --repair"


def configure(parser: argparse.ArgumentParser) -> None:
    """Describe `log`."""
    actions = parser.add_subparsers(dest="action", metavar="ACTION", required=True)
    checkpoint = actions.add_parser("checkpoint", help="print the newest signed checkpoint")
    prove = actions.add_parser("prove", help="print a proof that an entry is in the log (c2sp.org/tlog-proof)")
    prove.add_argument("entry", metavar="INDEX-or-BUNDLE", help="a log index, a bundle's file, or its sha256")
    verify = actions.add_parser("verify", help="verify such a proof, offline")
    verify.add_argument("proof", type=Path, metavar="PROOF-FILE")
    verify.add_argument("entries", nargs="+", type=Path, metavar="ENTRY", help="a bundle, or the bytes of the entry")
    verify.add_argument("--trust-root", type=Path, metavar="PATH", help="what you pin (default: this checkout's)")
    for action in (checkpoint, prove, verify):
        action.add_argument("--certificates", action="store_true", help="of the certificate log")
    check = actions.add_parser("fsck", help="re-verify everything: both logs, every bundle, and the index")
    check.add_argument("--repair", action="store_true", help="write the index anew from the bundles")
    export = actions.add_parser("export", help="write logs, bundles and trust roots as files")
    export.add_argument("folder", type=Path, metavar="DIR", help="created, or brought to the newest state")
    for action in actions.choices.values():
        action.add_argument("--json", action="store_true", help="print data as one JSON document")


def run(args: argparse.Namespace, console: Console) -> Exit:
    """Do the one action."""
    if args.action == "verify":
        return _verify(args, console)
    with opened(Checkout.find(Path.cwd()).home()) as embedded, console.progress():
        return {"checkpoint": _checkpoint, "prove": _prove, "fsck": _fsck, "export": _export}[args.action](
            args, console, embedded
        )


def _checkpoint(args: argparse.Namespace, console: Console, embedded: Embedded) -> Exit:
    log = _log(args, embedded)
    head = log.head
    if console.json:
        root, signed = b64encode(head.root), head.checkpoint.decode()
        console.document({"origin": log.origin, "size": head.size, "root": root, "checkpoint": signed})
    else:
        console.data(head.checkpoint.decode().removesuffix("\n"))
    return Exit.PASS


def _prove(args: argparse.Namespace, console: Console, embedded: Embedded) -> Exit:
    log = _log(args, embedded)
    proof = log.inclusion(_index(args, log, embedded))
    text = proof.encode().decode()
    if console.json:
        console.document({"origin": log.origin, "index": proof.index, "proof": text})
    else:
        console.data(text.removesuffix("\n"))
    return Exit.PASS


def _verify(args: argparse.Namespace, console: Console) -> Exit:
    path, pinned = (args.trust_root, None) if args.trust_root else local_trust_root()
    trust = answer.read_trust_root(path, pinned)
    key, proof = trust.certificate_log if args.certificates else trust.log, TlogProof.parse(_read(args.proof))
    held: list[Json] = []
    for entry in args.entries:
        head = proof.verify(merkle.leaf_hash(_entry(_read(entry), trust, certificates=args.certificates)), key)
        held.append({"path": str(entry), "origin": key.name, "index": proof.index, "size": head.size})
    if console.json:
        console.document(held)
    else:
        console.data(f"verified: entry {proof.index} of {key.name}")
    return Exit.PASS


def _fsck(args: argparse.Namespace, console: Console, embedded: Embedded) -> Exit:
    checked = fsck.check(embedded, console.step)
    stale = [*checked.stale]
    if stale and args.repair:
        fsck.repair(embedded, checked)
    _show(checked, console, repaired=bool(args.repair))
    if stale and not args.repair:
        raise LogDiverged(f"index: {len(stale)} entries are not what their bundles say", hint=REPAIR_HINT)
    if checked.missing:
        raise Inconclusive(f"{len(checked.missing)} entries have no bundle here", hint="countermark bundles fetch")
    return Exit.PASS


def _show(checked: fsck.Checked, console: Console, *, repaired: bool) -> None:
    log, certificates, stale = checked.log, checked.certificates, checked.stale
    if console.json:
        console.document(
            {
                "entries": log.size,
                "root": b64encode(log.root),
                "certificates": certificates.size,
                "certificatesRoot": b64encode(certificates.root),
                "bundles": len(checked.rows),
                "withoutBundle": [*checked.missing],
                "indexDiffers": [*stale],
                "repaired": repaired and bool(stale),
            }
        )
        return
    console.data(f"log: {log.size} entries, root {b64encode(log.root)}")
    console.data(f"certificate log: {certificates.size} entries, root {b64encode(certificates.root)}")
    console.data(f"bundles: {len(checked.rows)} verified")
    for what, found in (("without a bundle", checked.missing), ("index differs", stale)):
        if found:
            console.data(f"{what}: {', '.join(map(str, found[:_SHOWN]))}{', ...' if found[_SHOWN:] else ''}")
    if repaired and stale:
        console.say(f"repaired the index of {len(stale)} entries")


def _export(args: argparse.Namespace, console: Console, embedded: Embedded) -> Exit:
    written, size = exporting.export(embedded, args.folder, console.step), embedded.log.head.size
    if console.json:
        console.document({"folder": str(args.folder), "entries": size, "written": written})
    else:
        console.data(f"exported {size} entries to {safe(str(args.folder))} ({written} files were new)")
    return Exit.PASS


def _log(args: argparse.Namespace, embedded: Embedded) -> Log:
    return embedded.certificates if args.certificates else embedded.log


def _index(args: argparse.Namespace, log: Log, embedded: Embedded) -> int:
    """Find the entry by its number, or by a bundle's content, never by what an index table says."""
    if _INDEX.fullmatch(args.entry):
        return int(args.entry)
    entry = _entry(_bundle(args.entry, embedded), embedded.trust, certificates=args.certificates)
    digest = merkle.leaf_hash(entry)
    found = embedded.store.indices(log.origin, [digest])
    if digest not in found:
        raise NoSuchEntry(f"{args.entry}: log {log.origin} has no such entry")
    return found[digest]


def _bundle(named: str, embedded: Embedded) -> bytes:
    return embedded.store.blob(named).data if _NAME.fullmatch(named) else _read(Path(named))


def _entry(raw: bytes, trust: TrustRoot, *, certificates: bool) -> bytes:
    """Return the entry that a bundle stands for in this log; bytes that are no bundle are the entry itself."""
    try:
        bundle = Bundle.parse(raw)
    except Malformed:
        return raw
    return sct.entry_of(bundle.certificate_der, trust.issuer_spki) if certificates else bundle.entry.body


def _read(path: Path) -> bytes:
    return answer.read(path, MAX_BYTES)
