"""Why a declared run gave no answer, one class each.

Layer: scanners, dynamic. Imports the root of the scanners' refusals.
Trust: messages may quote a program's output; whoever prints one escapes it.
"""

from __future__ import annotations

from countermark_scanners.errors import ScannerError


class NoIsolation(ScannerError):
    """A run is declared, and what would hold it or watch it is not to be had here: the gate answers 20."""


class CannotLayOut(ScannerError):
    """The tree that lands can't be a directory: names that leave it, or a file below a file."""


class RecordMalformed(ScannerError):
    """What came back from the sandbox is not what its own trusted part writes."""


class PlanMalformed(ScannerError):
    """The protected policy declares a run that can't be meant."""
