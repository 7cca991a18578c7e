"""Labelled sets: each kind is read as its guide says, and a set without an answer is no set."""

from __future__ import annotations

from pathlib import Path

import pytest
from datasets import KINDS, Case, Fixes, Labelled, NotADataSet, Plain, equivalents


def write(root: Path, **files: str) -> Path:
    for name, text in files.items():
        place = root / name.replace("__", "/").replace("_DOT_", ".")
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(text)
    return root


def test_expected_results_become_cases_and_only_python_is_shown(tmp_path: Path) -> None:
    table = "# test name, category, real vulnerability, cwe, version\nT1,sqli,true,89\nT2,xss,false,79\n"
    files = {"testcode__T1_DOT_py": "1\n", "testcode__T2_DOT_py": "2\n", "testcode__T1_DOT_xml": "<vulnerable/>"}
    write(tmp_path, helpers__a_DOT_py="3\n", **files)
    (tmp_path / "expectedresults-0.1.csv").write_text(table)
    found = KINDS["owasp-python"](tmp_path)
    assert isinstance(found, Labelled)
    assert set(found.files) == {"testcode/T1.py", "testcode/T2.py", "helpers/a.py"}
    assert [(case.path, case.category, case.vulnerable) for case in found.cases] == [
        ("testcode/T1.py", "sqli", True),
        ("testcode/T2.py", "xss", False),
    ]
    assert 89 in found.cases[0].cwes


TRUTHS = {"true": True, "1": True, "YES": True, "False": False, "0": False}


@pytest.mark.parametrize("spelled", TRUTHS)
def test_a_label_names_a_file_a_number_and_a_truth(tmp_path: Path, spelled: str) -> None:
    write(tmp_path, labels_DOT_csv=f"path,cwe,vulnerable\na.py,CWE-0078,{spelled}\n", a_DOT_py="1\n", b_DOT_js="2\n")
    found = KINDS["labelled"](tmp_path)
    assert isinstance(found, Labelled)
    assert found.cases == (Case("a.py", "CWE-78", frozenset({77, 78, 88}), TRUTHS[spelled]),)
    assert set(found.files) == {"a.py", "b.js"}


def test_a_fix_has_files_on_both_sides_at_the_same_paths(tmp_path: Path) -> None:
    sides = {"one__before__a_DOT_py": "1\n", "one__after__a_DOT_py": "2\n", "one__after__b_DOT_py": "3\n"}
    write(tmp_path, pairs_DOT_csv="name,cwe\none,502\n", **sides)
    found = KINDS["pairs"](tmp_path)
    assert isinstance(found, Fixes)
    assert (found.before, found.after) == ({"one/a.py": b"1\n"}, {"one/a.py": b"2\n", "one/b.py": b"3\n"})
    assert [(pair.name, pair.cwes) for pair in found.pairs] == [("one", frozenset({502}))]


def test_a_fix_without_a_number_is_about_any_flaw(tmp_path: Path) -> None:
    write(tmp_path, pairs_DOT_csv="name,cwe\none,\n", one__before__a_DOT_py="1\n", one__after__a_DOT_py="2\n")
    found = KINDS["pairs"](tmp_path)
    assert isinstance(found, Fixes)
    assert found.pairs[0].cwes == frozenset()


def test_lines_of_python_are_counted_and_nothing_hidden_or_linked_is_read(tmp_path: Path) -> None:
    write(tmp_path, a_DOT_py="1\n2\n", b_DOT_md="1\n2\n3\n", _DOT_git__c_DOT_py="1\n")
    (tmp_path / "link.py").symlink_to("/etc/hostname")
    found = KINDS["plain"](tmp_path)
    assert isinstance(found, Plain)
    assert set(found.files) == {"a.py", "b.md"}
    assert found.lines == 2


@pytest.mark.parametrize(
    ("kind", "files"),
    [
        pytest.param("owasp-python", {}, id="no-table"),
        pytest.param("labelled", {}, id="no-labels"),
        pytest.param("labelled", {"labels_DOT_csv": "path,cwe\na.py,89\n", "a_DOT_py": ""}, id="a-column-is-missing"),
        pytest.param("labelled", {"labels_DOT_csv": "path,cwe,vulnerable\n"}, id="no-row"),
        pytest.param("labelled", {"labels_DOT_csv": "path,cwe,vulnerable\na.py,89,true\n"}, id="no-such-file"),
        pytest.param("labelled", {"labels_DOT_csv": "path,cwe,vulnerable\n../a.py,89,true\n"}, id="outside"),
        pytest.param(
            "labelled", {"labels_DOT_csv": "path,cwe,vulnerable\na.py,89,maybe\n", "a_DOT_py": ""}, id="no-truth"
        ),
        pytest.param(
            "labelled", {"labels_DOT_csv": "path,cwe,vulnerable\na.py,sql,true\n", "a_DOT_py": ""}, id="no-number"
        ),
        pytest.param("pairs", {"pairs_DOT_csv": "name,cwe\n"}, id="no-pair"),
        pytest.param("pairs", {"pairs_DOT_csv": "name,cwe\none,89\n", "one__before__a_DOT_py": ""}, id="no-after"),
        pytest.param("plain", {"a_DOT_md": "text\n"}, id="no-python"),
    ],
)
def test_what_has_no_answers_is_refused(kind: str, files: dict[str, str], tmp_path: Path) -> None:
    with pytest.raises(NotADataSet):
        KINDS[kind](write(tmp_path, **files))


def test_a_number_means_what_its_families_mean_and_alone_without_one() -> None:
    families = {"one": [1, 2], "two": [2, 3]}
    assert equivalents(2, families) == {1, 2, 3}
    assert equivalents(1, families) == {1, 2}
    assert equivalents(7, families) == {7}
