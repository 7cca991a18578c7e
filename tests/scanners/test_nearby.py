"""Old findings are shown where the change works, and nowhere else."""

from __future__ import annotations

from countermark_scanners.scan import Means, scan
from countermark_scanners.scanner import Scanner

OLD = b"""\
def first(x):
    SHOUT(x)
    return x


def second(x):
    SHOUT(x)
    return x
"""


def shown(shouting: Scanner, head: dict[str, bytes], base: dict[str, bytes]) -> list[tuple[str, int]]:
    found = scan(head, base, means=Means((shouting,)), progress=lambda _: None)
    assert found.new_findings == ()
    return [(finding.path, finding.line) for finding in found.nearby]


def test_an_old_finding_is_shown_where_its_function_is_touched(shouting: Scanner) -> None:
    assert shown(shouting, {"a.py": OLD.replace(b"return x", b"return 2", 1)}, {"a.py": OLD}) == [("a.py", 2)]


def test_a_statement_that_was_taken_away_touches_its_function(shouting: Scanner) -> None:
    assert shown(shouting, {"a.py": OLD.removesuffix(b"    return x\n")}, {"a.py": OLD}) == [("a.py", 7)]


def test_comments_and_moves_touch_nothing(shouting: Scanner) -> None:
    assert shown(shouting, {"b.py": b"# a word\n" + OLD}, {"a.py": OLD}) == []


def test_a_new_function_beside_touches_no_other(shouting: Scanner) -> None:
    assert shown(shouting, {"a.py": OLD + b"\n\ndef third(x):\n    return x\n"}, {"a.py": OLD}) == []
