"""Git, read from a hostile checkout: commits, trees, blobs, and the change that a merge would land."""

from .change import LandingChange, landing_change, nodes_at
from .commits import Commit
from .reader import Repository

__all__ = ["Commit", "LandingChange", "Repository", "landing_change", "nodes_at"]
