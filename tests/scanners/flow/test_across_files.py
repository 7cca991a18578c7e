"""A change's other files: what they return, check and do is known where they are imported."""

from __future__ import annotations

import pytest

from countermark_scanners import flow
from countermark_scanners.finding import Hit
from countermark_scanners.question import Question

APP = """\
from flask import Flask, request
{imported}
app = Flask(__name__)


@app.post("/run")
def run():
    {body}
    return ""
"""
TOOLS = """\
import os
import shlex


def read(request, name):
    return request.args.get(name) or request.form.get(name)


def constant(request, name):
    return "ls"


def quoted(text):
    return shlex.quote(text)


def start(command):
    os.system(command)


def good(name):
    return name in ("a", "b")


class Wrapped:
    def __init__(self, request):
        self.request = request

    def sent(self, name):
        return self.request.args.get(name)

    def fixed(self, name):
        return "ls"
"""


def hits(imported: str, body: str, path: str = "web/app.py", tools: str = "web/lib/tools.py") -> list[Hit]:
    files = {path: APP.format(imported=imported, body=body).encode(), tools: TOOLS.encode()}
    found = flow.look(Question("python", files[path], path, None, files))
    return [hit for hit in found if hit.cwe == 78 and not hit.clears]


IMPORTS = {
    "module": ("import lib.tools", "lib.tools."),
    "module-as": ("import lib.tools as t", "t."),
    "from-module": ("from lib.tools import *", ""),
    "from-package": ("from lib import tools", "tools."),
    "relative": ("from .lib import tools", "tools."),
    "whole-path": ("from web.lib import tools", "tools."),
}


@pytest.mark.parametrize("name", IMPORTS)
def test_a_source_in_another_file_is_followed(name: str) -> None:
    imported, prefix = IMPORTS[name]
    assert hits(f"import os\n{imported}", f"os.system({prefix}read(request, 'x'))")


@pytest.mark.parametrize("name", IMPORTS)
def test_a_dangerous_place_in_another_file_is_told_where_it_is_called(name: str) -> None:
    imported, prefix = IMPORTS[name]
    [hit] = hits(imported, f"{prefix}start(request.args['x'])")
    assert hit.line == 8


@pytest.mark.parametrize("call", ["constant(request, 'x')", "quoted(request.args['x'])", "Wrapped(request).fixed('x')"])
def test_what_another_file_makes_harmless_is_harmless(call: str) -> None:
    assert hits("import os\nfrom lib.tools import *", f"os.system('ls ' + {call})") == []


def test_an_object_of_another_file_brings_what_it_was_given() -> None:
    assert hits("import os\nfrom lib.tools import Wrapped", "os.system(Wrapped(request).sent('x'))")


def test_a_check_in_another_file_holds_here() -> None:
    body = "x = request.args['x']\n    if not good(x):\n        return ''\n    os.system(x)"
    assert hits("import os\nfrom lib.tools import good", body) == []


def test_a_file_named_like_a_module_of_python_hides_nothing() -> None:
    path, shadow = "app.py", b"def loads(x):\n    return None\n"
    app = APP.format(imported="import pickle", body="pickle.loads(request.data)").encode()
    found = flow.look(Question("python", app, path, None, {path: app, "pickle.py": shadow}))
    assert 502 in {hit.cwe for hit in found if not hit.clears}


def test_files_that_import_each_other_come_to_an_end() -> None:
    files = {"a.py": b"import b\ndef f(x):\n    return b.g(x)\n", "b.py": b"import a\ndef g(x):\n    return a.f(x)\n"}
    assert flow.look(Question("python", files["a.py"], "a.py", None, files)) == []


def test_a_file_beside_that_does_not_parse_is_unknown() -> None:
    app = APP.format(imported="import os\nfrom broken import name", body="os.system(name(request.args['x']))").encode()
    found = flow.look(Question("python", app, "app.py", None, {"app.py": app, "broken.py": b"def ("}))
    assert 78 in {hit.cwe for hit in found}


def test_what_is_wrong_in_another_file_alone_is_not_told_here() -> None:
    files = {
        "a.py": b"import b\nb.f()\n",
        "b.py": b"import hashlib\ndef f():\n    return hashlib.md5(b'').hexdigest()\n",
    }
    assert [hit for hit in flow.look(Question("python", files["a.py"], "a.py", None, files)) if not hit.clears] == []
