"""What other tools say of lines, and what prompts were tagged with, is shown, and changes no answer of the gate."""

from __future__ import annotations

import json
from pathlib import Path

from countermark_ledger.canonical import Json
from countermark_service.embedded import opened
from countermark_service.home import Home

from .conftest import Scene


def record(commit: str, *paths: str) -> str:
    conversation = {"contributor": {"type": "human"}, "ranges": [{"start_line": 1, "end_line": 100}]}
    return json.dumps(
        {
            "version": "0.1",
            "id": "550e8400-e29b-41d4-a716-446655440000",
            "timestamp": "2026-11-20T12:00:00Z",
            "vcs": {"type": "git", "revision": commit},
            "tool": {"name": "countermark", "version": "0.1.0"},
            "files": [{"path": path, "conversations": [conversation]} for path in paths],
        }
    )


def without_time(decision: dict[str, Json]) -> dict[str, Json]:
    """What depends on when the gate ran, or on the verdict that it logged, is no answer."""
    moving = {"evaluatedOn", "verdictBundle", "statusNumber"}
    return {name: value for name, value in decision.items() if name not in moving}


def take(scene: Scene, place: Path, commit: str, *paths: str) -> None:
    place.write_text(record(commit, *paths))
    scene.must("attribution", "import", str(place))


def test_an_imported_record_changes_no_answer_of_the_gate(scene: Scene, tmp_path: Path) -> None:
    scene.change({"signed.py": "s = 1\n"})
    scene.write({"unsigned.py": "u = 1\n", ".github/workflows/ci.yml": "on: push\n"})
    commit = scene.commit()
    heads = {"HEAD": 11, "HEAD~1": 0, "main": 0}
    before = {head: without_time(scene.gate("--record", "never", head=head)) for head in heads}
    assert {head: decision["exitCode"] for head, decision in before.items()} == heads
    take(scene, tmp_path / "t.json", commit, "unsigned.py", "signed.py", ".github/workflows/ci.yml", "app.py")
    scene.git("notes", "--ref=ai", "add", "-m", _note(commit), commit)
    scene.must("attribution", "import", "--notes")
    assert _kept(tmp_path) == 6
    after = {head: without_time(scene.gate("--record", "never", head=head)) for head in heads}
    assert after == before
    lines = json.loads(scene.must("blame", "unsigned.py", "--json"))
    assert [(line["evidence"], len(line["claims"])) for line in lines] == [("unaccounted", 2)]


def _note(commit: str) -> str:
    metadata = {"schema_version": "authorship/3.0.0", "base_commit_sha": commit, "prompts": {}}
    lines = ["unsigned.py", "  s_c9883b05a2487d::t_9f8e7d6c5b4a32 1", "signed.py", "  h_31dce776f88375 1", "---"]
    return "\n".join([*lines, json.dumps(metadata)])


def _kept(tmp_path: Path) -> int:
    (place,) = (tmp_path / "private" / "countermark").glob("*/config.json")
    with opened(Home(place.parent)) as embedded:
        paths = ("unsigned.py", "signed.py", ".github/workflows/ci.yml", "app.py")
        return sum(len(embedded.store.claims(embedded.config.repository_id, path)) for path in paths)


def test_the_gate_shows_the_tags_of_the_work_it_counts(scene: Scene) -> None:
    scene.write({"app.py": "two = 2\n"})
    scene.must("sign", "--agent", "coder", "--task", "@secure do it", "--tag", "tested")
    scene.commit()
    decision = scene.gate()
    assert decision["exitCode"] == 0
    assert [edge["tags"] for row in decision["rows"] for edge in row["chain"]] == [["@secure", "@tested"]]
