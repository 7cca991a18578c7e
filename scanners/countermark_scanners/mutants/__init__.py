"""Injected flaws: what of a change could be weakened without anybody noticing."""

from .detection import Confidence, Detection, NothingToInject, NotRun, Row, detection_cap, missing_stage
from .injecting import Bounds
from .judging import Tests, Trial, detect

__all__ = [
    "Bounds",
    "Confidence",
    "Detection",
    "NotRun",
    "NothingToInject",
    "Row",
    "Tests",
    "Trial",
    "detect",
    "detection_cap",
    "missing_stage",
]
