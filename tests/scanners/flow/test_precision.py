"""What is harmless stays without a finding that counts: constants, dead code, checks, and parts that are told apart."""

from __future__ import annotations

import textwrap
import tomllib
from pathlib import Path

import pytest

from countermark_scanners import flow
from countermark_scanners.finding import Hit
from countermark_scanners.question import Question

HARMLESS = tomllib.loads(Path(__file__).with_name("harmless.toml").read_text(encoding="utf-8"))
COUNTING = {78, 89, 94, 95, 502}


def hits(body: str, before: str = "", source: str = "request.args['x']") -> list[Hit]:
    inner = textwrap.indent(body, "    ")
    text = (
        "import os\nfrom flask import Flask, request\napp = Flask(__name__)\n"
        f"{before}\n@app.route('/run', methods=['POST'])\ndef run():\n    x = {source}\n{inner}\n    return ''\n"
    )
    found = flow.look(Question("python", text.encode(), "app.py"))
    return [hit for hit in found if hit.cwe in COUNTING and not hit.clears and "parameter" not in hit.message]


@pytest.mark.parametrize("name", HARMLESS)
def test_what_is_harmless_is_not_reported(name: str) -> None:
    assert hits(HARMLESS[name]["body"], HARMLESS[name].get("before", "")) == []


HARMFUL = {
    "other-branch": "y = 'a'\nif 7 * 18 + 106 < 200:\n    y = 'b'\nelse:\n    y = x\nos.system(y)",
    "key-itself": "d = {}\nd['a'] = 'safe'\nd['b'] = x\nos.system(d['b'])",
    "element-itself": "l = ['safe']\nl.append(x)\nl.append('more')\nl.pop(0)\nos.system(l[0])",
    "part-that-was-sent": "t = 'help' + x + 'tail'\nos.system(t[4:-4])",
    "allow-list-other-branch": "if x not in ('a', 'b'):\n    os.system(x)",
    "allow-list-after": "if x in ('a', 'b'):\n    pass\nos.system(x)",
    "allow-list-of-its-own": "if x in request.args.getlist('y'):\n    os.system(x)",
    "allow-list-or-more": "if x in ('a', 'b') or request.args.get('z'):\n    os.system(x)",
    "allow-list-of-a-part": "if x.split('.')[-1] in ('txt', 'md'):\n    os.system('cat ' + x)",
    "allow-list-forgotten": "if x in ('a', 'b'):\n    x = request.args['z']\n    os.system(x)",
    "check-with-no-consequence": "try:\n    int(x)\nexcept ValueError:\n    pass\nos.system('kill ' + x)",
    "pattern-without-end": "import re\nif re.match(r'[a-z]+', x):\n    os.system('ls ' + x)",
    "pattern-of-anything": "import re\nif re.fullmatch(r'.+', x):\n    os.system('ls ' + x)",
    "quote-for-another-place": "import html\nos.system('ls ' + html.escape(x))",
    "decoded-after-the-check": "from html import unescape\nif not x.isalnum():\n    return\nos.system(unescape(x))",
    "quoted-and-cut": "import shlex\nos.system('ls ' + shlex.quote(x) + x)",
}


@pytest.mark.parametrize("name", HARMFUL)
def test_what_only_looks_harmless_is_reported(name: str) -> None:
    assert hits(HARMFUL[name])


def test_a_finding_tells_the_way_from_the_source_to_the_place() -> None:
    [hit] = hits("y = x.strip()\nos.system('ls ' + y)")
    assert hit.line == 9
    assert "request.args on line 7 -> line 7 -> line 8 -> os.system on line 9" in hit.message


def test_a_way_of_any_length_is_told_in_bounds() -> None:
    moves = "\n".join(f"v{n + 1} = v{n} + 'x'" for n in range(300))
    [hit] = hits(f"v0 = x\n{moves}\nos.system(v300)")
    assert len(hit.message) < 600


def test_who_starts_a_program_is_trusted_more_than_who_sends_a_request() -> None:
    sent, started = hits("os.system(x)")[0], hits("import sys\nos.system(sys.argv[1])")[0]
    assert (sent.severity, sent.confidence) > (started.severity, started.confidence)


def test_a_step_that_nobody_can_look_into_makes_less_sure() -> None:
    direct, through = hits("os.system(x)")[0], hits("os.system(other(x))", "from elsewhere import other")[0]
    assert direct.confidence > through.confidence
