"""What we depend on: each has a reason in docs/dependencies.md, a pin in the lock, and is old enough."""

from __future__ import annotations

import re
import tomllib
from datetime import UTC, datetime
from pathlib import Path

ROOT = Path(__file__).parents[1]
ROW = re.compile(r"^\| `([^`]+)` \| ([^|]+) \| ([^|]{10,}) \|$", re.MULTILINE)
NAME = re.compile(r"[a-z0-9-]+")


def names(requirements: list[str]) -> set[str]:
    found = {match[0] for requirement in requirements if (match := NAME.match(requirement))}
    return found - {"countermark"}


def declared() -> set[tuple[str, str]]:
    """Every direct dependency and where it is declared."""
    configuration = tomllib.loads((ROOT / "pyproject.toml").read_text())
    places = {"always": configuration["project"]["dependencies"]}
    extras = configuration["project"]["optional-dependencies"]
    places |= {f"extra {extra}": rows for extra, rows in extras.items()}
    places |= {f"group {group}": rows for group, rows in configuration["dependency-groups"].items()}
    return {(name, place) for place, rows in places.items() for name in names(rows)}


def lock() -> dict[str, object]:
    return tomllib.loads((ROOT / "uv.lock").read_text())


def test_each_direct_dependency_has_its_reason_and_no_reason_is_left_over() -> None:
    rows = ROW.findall((ROOT / "docs" / "dependencies.md").read_text())
    assert len(rows) > 10
    assert sorted((name, place.strip()) for name, place, _ in rows) == sorted(declared())


def test_everything_that_is_installed_is_pinned_by_sha256() -> None:
    packages = lock()["package"]
    assert isinstance(packages, list)
    files = [file for package in packages for file in (*package.get("wheels", ()), package.get("sdist")) if file]
    assert len(files) > 100
    assert [file for file in files if not re.fullmatch(r"sha256:[0-9a-f]{64}", file["hash"])] == []
    assert {tuple(package["source"]) for package in packages} <= {("registry",), ("editable",)}


def test_nothing_in_the_lock_is_younger_than_it_says() -> None:
    found = lock()
    options, packages = found["options"], found["package"]
    assert isinstance(options, dict)
    assert isinstance(packages, list)
    limit = datetime.fromisoformat(options["exclude-newer"])
    times = [wheel["upload-time"] for package in packages for wheel in package.get("wheels", ())]
    assert len(times) > 100
    assert max(datetime.fromisoformat(time).astimezone(UTC) for time in times) < limit
