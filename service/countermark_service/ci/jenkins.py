"""Jenkins: its multibranch pipelines say which branch a change is for; the commit is the checkout's.

Trust: see `reading`.
"""

from __future__ import annotations

from countermark_service.ci import reading
from countermark_service.ci.job import Job, Platform
from countermark_service.ci.reading import Environ

MARK = ("JENKINS_URL", None)


def read(environ: Environ) -> Job:
    """Read what Jenkins says; a job that is about no change request names no branch."""
    target, identifier = reading.variable(environ, "CHANGE_TARGET"), reading.variable(environ, "CHANGE_ID")
    return Job(
        Platform.JENKINS,
        "change request" if target else "build",
        reading.branch(target, "CHANGE_TARGET") if target else None,
        "HEAD",
        number=reading.number(identifier, "CHANGE_ID") if identifier and identifier.isdecimal() else None,
    )
