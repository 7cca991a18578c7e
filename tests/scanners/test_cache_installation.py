"""What a scanner is made of: every honest change of it is another digest, and nothing else is."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from countermark_scanners import installation, registry
from countermark_scanners.errors import ToolMissing
from countermark_scanners.installation import Installation
from countermark_scanners.sealed import SealedRecords


@pytest.fixture
def records(tmp_path: Path) -> Iterator[SealedRecords]:
    with SealedRecords.open(tmp_path / "cache", b"k" * 32) as found:
        yield found


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A place with one distribution, `sample`: a module, a program, and what Python made of the module."""
    place = tmp_path / "site"
    for name, text in {
        "sample/__init__.py": "x = 1\n",
        "sample/__pycache__/x.pyc": "made",
        "bin/sample": "#!",
        "sample-1.0.dist-info/METADATA": "Metadata-Version: 2.1\nName: sample\nVersion: 1.0\n",
        "sample-1.0.dist-info/RECORD": "sample/__init__.py,,\nsample/__pycache__/x.pyc,,\nbin/sample,,\n",
    }.items():
        (place / name).parent.mkdir(parents=True, exist_ok=True)
        (place / name).write_text(text)
    monkeypatch.syspath_prepend(str(place))
    return place


def digest(records: SealedRecords, *names: str) -> str:
    return Installation(records).digest(names)


def test_the_same_installation_has_the_same_digest_read_or_remembered(site: Path, records: SealedRecords) -> None:
    first = digest(records, "sample")
    assert digest(records, "sample") == first
    (records_of_files,) = (site.parent / "cache" / "sealed-1").iterdir()
    records_of_files.unlink()
    assert digest(records, "sample") == first


@pytest.mark.parametrize("name", ["sample/__init__.py", "bin/sample", "sample-1.0.dist-info/RECORD"])
def test_a_patched_file_is_another_installation_also_when_its_size_and_time_are_put_back(
    name: str, site: Path, records: SealedRecords
) -> None:
    before, path = digest(records, "sample"), site / name
    found, text = path.stat(), path.read_text()
    path.write_text(text.replace("x", "y", 1) if "x" in text else text.swapcase() + "!")
    os.utime(path, ns=(found.st_atime_ns, found.st_mtime_ns))
    assert digest(records, "sample") != before


def test_a_file_that_went_is_another_installation(site: Path, records: SealedRecords) -> None:
    before = digest(records, "sample")
    (site / "bin" / "sample").unlink()
    assert digest(records, "sample") != before


def test_what_python_makes_while_it_runs_is_no_change(site: Path, records: SealedRecords) -> None:
    before = digest(records, "sample")
    (site / "sample" / "__pycache__" / "x.pyc").write_text("made anew")
    assert digest(records, "sample") == before


def test_another_package_beside_it_is_another_installation(site: Path, records: SealedRecords) -> None:
    before = digest(records, "sample")
    (site / "other-2.0.dist-info").mkdir()
    (site / "other-2.0.dist-info" / "METADATA").write_text("Name: other\n")
    assert digest(records, "sample") != before


def test_another_python_is_another_installation(
    site: Path, records: SealedRecords, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = digest(records, "sample")
    monkeypatch.setattr(sys, "version", "3.99.0")
    assert digest(records, "sample") != before


def test_our_own_code_is_part_of_every_scanner(tmp_path: Path) -> None:
    (tmp_path / "a.py").write_text("x = 1\n")
    before = installation._sources(tmp_path)
    (tmp_path / "a.py").write_text("x = 2\n")
    assert installation._sources(tmp_path) != before


def test_a_distribution_that_is_absent_or_says_nothing_of_its_files_is_missing(
    site: Path, records: SealedRecords
) -> None:
    with pytest.raises(ToolMissing, match="no-such-distribution"):
        digest(records, "no-such-distribution")
    (site / "sample-1.0.dist-info" / "RECORD").unlink()
    with pytest.raises(ToolMissing, match="list of files"):
        digest(records, "sample")


def test_a_file_that_changes_while_it_is_read_is_not_remembered(
    site: Path, records: SealedRecords, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = installation._file_sha256

    def reads_and_patches(path: Path) -> str:
        found = real(path)
        if path.name == "sample":
            path.write_text(path.read_text() + "!")
        return found

    monkeypatch.setattr(installation, "_file_sha256", reads_and_patches)
    digest(records, "sample")
    assert list((site.parent / "cache" / "sealed-1").iterdir()) == []


TOOLS = [scanner for scanner in registry.DEFAULT if scanner.distributions]


@pytest.mark.parametrize("scanner", TOOLS, ids=lambda scanner: scanner.name)
def test_a_tool_names_the_distribution_that_its_program_comes_from(scanner: object) -> None:
    (name,) = scanner.distributions  # type: ignore[attr-defined]  # a Scanner
    files = installation._files(name)
    assert Path(sys.executable).parent / name in [Path(os.path.normpath(path)) for path in files]
