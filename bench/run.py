"""`make bench`: every figure we claim, with our peers beside us in the same run.

Machines are noisy: read the ratios. Each line names its bar where there is one; nothing here fails a build.
"""

from __future__ import annotations

import sys

import account_many
import append
import audit_many
import gate_50
import verify_one


def main() -> int:
    """Run every measurement and print its lines as they come."""
    for measurement in (verify_one, account_many, gate_50, audit_many, append):
        print(f"\n{measurement.__doc__.splitlines()[0]}")
        for line in measurement.measure():
            print(f"  {line}", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
