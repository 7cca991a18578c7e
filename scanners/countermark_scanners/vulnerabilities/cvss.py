"""The base score of CVSS 3.0 and 3.1 from its vector, by the specification's section 7.1.

Layer: scanners, a part of `vulnerabilities`. Imports `finding`; does no I/O.
Trust: vectors are a publisher's text; one that is incomplete or of another version has no score here.
"""

from __future__ import annotations

import math

from ..finding import Severity

_WEIGHTS = {
    "AV": {"N": 0.85, "A": 0.62, "L": 0.55, "P": 0.2},
    "AC": {"L": 0.77, "H": 0.44},
    "PR": {"N": 0.85, "L": 0.62, "H": 0.27},
    "UI": {"N": 0.85, "R": 0.62},
    "C": {"H": 0.56, "L": 0.22, "N": 0.0},
    "I": {"H": 0.56, "L": 0.22, "N": 0.0},
    "A": {"H": 0.56, "L": 0.22, "N": 0.0},
}
_CHANGED_PRIVILEGES = {"N": 0.85, "L": 0.68, "H": 0.5}
_BANDS = ((9.0, Severity.CRITICAL), (7.0, Severity.HIGH), (4.0, Severity.MEDIUM), (0.1, Severity.LOW))


def base_score(vector: str) -> float | None:
    """Compute the base score, 0.0 to 10.0; None for what is no whole vector of version 3."""
    head, _, rest = vector.partition("/")
    parts = dict(part.partition(":")[::2] for part in rest.split("/"))
    if head not in {"CVSS:3.0", "CVSS:3.1"} or parts.get("S") not in {"U", "C"}:
        return None
    changed = parts["S"] == "C"
    try:
        weights = {name: table[parts[name]] for name, table in _WEIGHTS.items()}
    except KeyError:
        return None
    if changed:
        weights["PR"] = _CHANGED_PRIVILEGES[parts["PR"]]
    lost = 1 - (1 - weights["C"]) * (1 - weights["I"]) * (1 - weights["A"])
    impact = 7.52 * (lost - 0.029) - 3.25 * (lost - 0.02) ** 15 if changed else 6.42 * lost
    if impact <= 0:
        return 0.0
    exploitability = 8.22 * weights["AV"] * weights["AC"] * weights["PR"] * weights["UI"]
    return _rounded_up(min((1.08 if changed else 1.0) * (impact + exploitability), 10.0))


def severity(score: float) -> Severity:
    """Name the band of a score (section 5)."""
    return next((word for least, word in _BANDS if score >= least), Severity.INFO)


def _rounded_up(score: float) -> float:
    """Round up to one decimal, in integers, as 3.1 says (appendix A)."""
    whole = round(score * 100_000)
    return whole / 100_000 if whole % 10_000 == 0 else (math.floor(whole / 10_000) + 1) / 10.0
