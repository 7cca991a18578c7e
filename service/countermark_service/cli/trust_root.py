"""`countermark trust-root`: what a reader pins, in our form and in the stock clients'."""

from __future__ import annotations

import argparse
from pathlib import Path

from countermark_service.checkout import Checkout
from countermark_service.cli.console import Console
from countermark_service.embedded import opened
from countermark_service.exits import Exit


def configure(parser: argparse.ArgumentParser) -> None:
    """Describe `trust-root`."""
    parser.add_argument(
        "--format",
        choices=("countermark", "sigstore", "cosign", "digest"),
        default="countermark",
        help="our file; a ClientTrustConfig for `sigstore --trust-config`; a TrustedRoot for `cosign --trusted-root`",
    )


def run(args: argparse.Namespace, console: Console) -> Exit:
    """Print it."""
    with opened(Checkout.find(Path.cwd()).home()) as embedded:
        trust = embedded.trust
    match args.format:
        case "digest" if console.json:
            console.document(trust.digest)
        case "digest":
            console.data(trust.digest)
        case "sigstore":
            console.document(trust.client_trust_config())
        case "cosign":
            console.document(trust.stock())
        case _:
            console.data(trust.encode().decode().removesuffix("\n"))
    return Exit.PASS
