"""pre-commit, before a push: the commit that would be pushed, on the developer's own machine.

Trust: the developer's own environment; still only ids and names of branches are accepted.
"""

from __future__ import annotations

from countermark_service.ci import reading
from countermark_service.ci.job import Job, Platform
from countermark_service.ci.reading import Environ

MARK = ("PRE_COMMIT", "1")


def read(environ: Environ) -> Job:
    """Read what would be pushed; `pre-commit run` by hand is about HEAD."""
    pushed = reading.variable(environ, "PRE_COMMIT_TO_REF")
    head = reading.commit(pushed, "PRE_COMMIT_TO_REF") if pushed else "HEAD"
    return Job(Platform.PRE_COMMIT, "push" if pushed else "by hand", None, head)
