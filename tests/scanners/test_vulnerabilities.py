"""Known vulnerabilities, with records written here in the OSV schema: who is told, and when nobody can be."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Callable
from datetime import date
from itertools import pairwise
from pathlib import Path

import pytest

from countermark_scanners import vulnerabilities
from countermark_scanners.dependencies.versions import NoOrder, order
from countermark_scanners.errors import OutputMalformed
from countermark_scanners.finding import Confidence, Hit, Severity
from countermark_scanners.question import Question
from countermark_scanners.report import Unscanned
from countermark_scanners.tool import ToolLimits
from countermark_scanners.vulnerabilities import cvss, snapshot

DAY = date(2026, 11, 20)
MANIFEST = "dependency-manifest"


def record(name: str, *events: dict[str, str], ecosystem: str = "PyPI", **more: object) -> dict[str, object]:
    ranges = [{"type": "ECOSYSTEM", "events": list(events)}] if events else []
    affected = {"package": {"ecosystem": ecosystem, "name": name}, "ranges": ranges}
    return {"id": "TEST-1", "affected": [affected | dict(more.pop("affected", {}))], **more}


SHOP = record("Shop_Kit", {"introduced": "1.0"}, {"fixed": "1.10"}, database_specific={"severity": "HIGH"})
RECORDS = [
    SHOP,
    record("evil", {"introduced": "0"}, ecosystem="npm", id="MAL-2026-1"),
    record("github.com/x/shop", {"introduced": "0"}, {"fixed": "1.2.0"}, ecosystem="Go", id="TEST-2"),
    record("gone", {"introduced": "0"}, id="TEST-3", withdrawn="2026-01-01T00:00:00Z"),
    record("listed", id="TEST-4", affected={"versions": ["1.0"]}),
]


@pytest.fixture
def built(tmp_path: Path) -> Path:
    for number, one in enumerate(RECORDS):
        (tmp_path / "records").mkdir(exist_ok=True)
        (tmp_path / "records" / f"{number}.json").write_text(json.dumps(one))
    return snapshot.build([tmp_path / "records"], tmp_path / "osv.sqlite", made=DAY).path


Ask = Callable[..., tuple[Hit, ...] | Unscanned]


@pytest.fixture
def ask(built: Path) -> Ask:
    def one(content: str, path: str = "requirements.txt", before: str | None = None) -> tuple[Hit, ...] | Unscanned:
        scanner = vulnerabilities.scanner(built, today=DAY)
        was = None if before is None else before.encode()
        return scanner.run({"k": Question(MANIFEST, content.encode(), path, was)}, ToolLimits())["k"]

    return one


def test_a_new_vulnerable_dependency_is_told_with_what_mends_it(ask: Ask) -> None:
    (hit,) = ask("other==1.0\nshop-kit==1.9\n")
    assert (hit.severity, hit.confidence, hit.line) == (Severity.HIGH, Confidence.HIGH, 2)
    assert "TEST-1" in hit.message
    assert "1.10" in hit.message


@pytest.mark.parametrize(
    "content", ["shop-kit==1.10\n", "shop.kit==0.9\n", "shop-kit>=1\n", "gone==1.0\n", "other==1\n"]
)
def test_what_no_record_is_about_is_not_told(ask: Ask, content: str) -> None:
    assert ask(content) == ()


def test_a_listed_version_is_told_without_any_range(ask: Ask) -> None:
    assert [hit.rule for hit in ask("listed==1.0\n")] == ["countermark/vulnerable-dependency"]


def test_a_known_attack_is_critical_in_any_version(ask: Ask) -> None:
    for wanted in ("1.0.0", "^1.0.0"):
        (hit,) = ask(json.dumps({"dependencies": {"evil": wanted}}), "package.json")
        assert (hit.rule, hit.severity) == ("countermark/malicious-dependency", Severity.CRITICAL)


def test_a_module_of_go_is_compared_by_its_own_rules(ask: Ask) -> None:
    assert len(ask("module s\nrequire github.com/x/shop v1.2.0-rc.1\n", "go.mod")) == 1
    assert ask("module s\nrequire github.com/x/shop v1.2.0\n", "go.mod") == ()


def test_a_manifest_that_asks_for_nothing_new_needs_no_data() -> None:
    asked = Question(MANIFEST, b"# a comment\nshop-kit==1.9\n", "requirements.txt", b"shop-kit==1.9\n")
    assert vulnerabilities.SCANNER.run({"k": asked}, ToolLimits()) == {"k": ()}


@pytest.mark.parametrize(
    ("today", "reason"), [(date(2027, 1, 1), "older than 30 days"), (date(2026, 1, 1), "yet to come")]
)
def test_data_of_the_wrong_day_leaves_new_dependencies_unscanned(built: Path, today: date, reason: str) -> None:
    scanner = vulnerabilities.scanner(built, today=today)
    answer = scanner.run({"k": Question(MANIFEST, b"a==1\n", "requirements.txt")}, ToolLimits())["k"]
    assert isinstance(answer, Unscanned)
    assert reason in answer.reason
    assert scanner.rules_sha256() != vulnerabilities.scanner(built, today=DAY).rules_sha256()


def test_without_data_a_new_dependency_is_unscanned_and_the_way_out_is_named(tmp_path: Path) -> None:
    broken = tmp_path / "broken.sqlite"
    broken.write_bytes(b"SQLite format 3\x00 and no more")
    for path in (None, tmp_path / "missing", broken):
        scanner = vulnerabilities.scanner(path, today=DAY)
        answer = scanner.run({"k": Question(MANIFEST, b"a==1\n", "requirements.txt")}, ToolLimits())["k"]
        assert isinstance(answer, Unscanned)
        assert "make it anew from OSV records" in answer.reason


def test_an_ecosystem_that_the_data_lacks_is_unscanned(ask: Ask) -> None:
    answer = ask('[dependencies]\nserde = "=1.0.0"\n', "Cargo.toml")
    assert isinstance(answer, Unscanned)
    assert "crates.io" in answer.reason


def test_a_change_cannot_bring_data_of_its_own(built: Path) -> None:
    own = json.dumps({"path": "/dev/null", "reason": None}).encode()
    asked = Question(MANIFEST, b"shop-kit==1.9\n", "requirements.txt", None, {vulnerabilities.DATA: own})
    assert len(vulnerabilities.scanner(built, today=DAY).run({"k": asked}, ToolLimits())["k"]) == 1


def test_a_zip_of_records_is_built_like_a_folder_of_them(tmp_path: Path, built: Path) -> None:
    archive = tmp_path / "all.zip"
    with zipfile.ZipFile(archive, "w") as file:
        for number, one in enumerate(RECORDS):
            file.writestr(f"{number}.json", json.dumps(one))
    done = snapshot.build([archive], tmp_path / "two.sqlite", made=DAY)
    assert done.records == {"Go": 1, "PyPI": 2, "npm": 1}
    assert snapshot.made(built) == snapshot.made(done.path) == DAY


@pytest.mark.parametrize("raw", [b"", b"{}", b"[" * 5_000, b'{"id": "X", "affected": 7}', b"\xff"])
def test_a_record_that_cannot_be_read_stops_the_building_and_leaves_what_was_there(tmp_path: Path, raw: bytes) -> None:
    bad, target = tmp_path / "bad.json", tmp_path / "osv.sqlite"
    bad.write_bytes(raw)
    target.write_bytes(b"as before")
    with pytest.raises(OutputMalformed):
        snapshot.build([bad], target, made=DAY)
    assert target.read_bytes() == b"as before"


ORDERED = {
    "PyPI": ["1.0.dev1", "1.0a1", "1.0rc1", "1.0", "1.0.post1", "1.9", "1.10", "1!0.1"],
    "npm": [
        "1.0.0-alpha",
        "1.0.0-alpha.1",
        "1.0.0-alpha.beta",
        "1.0.0-beta.2",
        "1.0.0-beta.11",
        "1.0.0-rc.1",
        "1.0.0",
        "1.2.0",
    ],
    "Go": ["v0.0.0-20200101000000-abcdefabcdef", "v0.9.0", "v1.0.0-rc.1", "v1.0.0", "v1.10.0"],
    "RubyGems": ["1.0.a", "1.0.b", "1.0.rc1", "1.0", "1.0.1", "1.9", "1.10"],
}


@pytest.mark.parametrize("ecosystem", sorted(ORDERED))
def test_versions_are_in_the_order_of_their_ecosystem(ecosystem: str) -> None:
    versions = [order(ecosystem, version) for version in ORDERED[ecosystem]]
    assert all(one < other for one, other in pairwise(versions))


@pytest.mark.parametrize(
    ("ecosystem", "version"),
    [("PyPI", "one"), ("npm", "^1.0.0"), ("Go", ""), ("Maven", "1.0"), ("npm", "9" * 300), ("RubyGems", "x")],
)
def test_what_has_no_order_is_told_so(ecosystem: str, version: str) -> None:
    with pytest.raises(NoOrder):
        order(ecosystem, version)


@pytest.mark.parametrize(
    ("vector", "score"),
    [
        ("CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H", 9.8),
        ("CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:C/C:H/I:H/A:H", 10.0),
        ("CVSS:3.0/AV:N/AC:L/PR:N/UI:R/S:C/C:L/I:L/A:N", 6.1),
        ("CVSS:3.1/AV:L/AC:H/PR:H/UI:R/S:U/C:N/I:N/A:N", 0.0),
        ("CVSS:4.0/AV:N/AC:L/AT:N/PR:N/UI:N/VC:H/VI:H/VA:H/SC:N/SI:N/SA:N", None),
        ("CVSS:3.1/AV:N", None),
    ],
)
def test_a_vector_has_the_score_of_the_specification(vector: str, score: float | None) -> None:
    assert cvss.base_score(vector) == score
