"""The options of `verify`: a plain line is read without `argparse`, and never in another way than by it."""

from __future__ import annotations

import subprocess
import sys

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from countermark_ledger import arguments, options
from countermark_ledger.errors import UsageError
from countermark_ledger.options import JSON, OPTIONS, TRUST_ROOT

NAMES = [option.name for option in (*OPTIONS, JSON)]
TRUSTED = ["--trust-root", "t"]
VALUES = st.sampled_from(["b", "f.py", "", "-", "-x", "--", "-1", "a b", "- b", "verify", "--help", "--version", "@b"])
ABBREVIATED = st.sampled_from([name[:-1] for name in NAMES] + [f"{name}=v" for name in NAMES])
WORDS = st.one_of(VALUES, st.sampled_from(NAMES), ABBREVIATED, st.text(max_size=3))


@st.composite
def lines(draw: st.DrawFn) -> list[str]:
    """Lines that are often well formed: options with their values around a run of files, and then some junk."""
    option = st.one_of(
        st.sampled_from([[option.name] for option in (*OPTIONS, JSON) if option.metavar is None]),
        st.tuples(st.sampled_from([o.name for o in OPTIONS if o.metavar is not None]), VALUES).map(list),
        st.just(TRUSTED),
    )
    parts = [*draw(st.lists(option, max_size=3)), draw(st.lists(VALUES, max_size=3)), *draw(st.lists(option))]
    return ["verify", *(word for part in parts for word in part), *draw(st.lists(WORDS, max_size=2))]


@given(words=st.one_of(lines(), st.lists(WORDS, max_size=6)))
@example(words=["verify", "b", "f", *TRUSTED, "--status", "s", "--status", "s2", "--require-witnesses", "--json"])
@example(words=["verify", *TRUSTED, *TRUSTED, "--identity", "", "b"])
@example(words=["verify", "b", *TRUSTED, "f"])
def test_a_line_that_is_read_without_argparse_means_the_same_to_it(words: list[str]) -> None:
    asked = options.read(words)
    if asked is not None:
        assert vars(arguments.build().parse_args(words)) == {**vars(asked), "command": "verify"}


@pytest.mark.parametrize(
    "words",
    [
        pytest.param(["verify", "b", *TRUSTED], id="bundle"),
        pytest.param(["verify", "b", "f.py", "g.py", *TRUSTED, "--json"], id="files"),
        pytest.param(["verify", *TRUSTED, "--at", "x", "--status", "s", "b"], id="options-first"),
    ],
)
def test_a_plain_line_needs_no_argparse(words: list[str]) -> None:
    assert options.read(words) is not None


@pytest.mark.parametrize(
    "words",
    [
        pytest.param([], id="nothing"),
        pytest.param(["prove", "b", *TRUSTED], id="another-command"),
        pytest.param(["verify", *TRUSTED], id="no-bundle"),
        pytest.param(["verify", "b"], id="no-trust-root"),
        pytest.param(["verify", "b", *TRUSTED, "--identity"], id="no-value"),
        pytest.param(["verify", "b", *TRUSTED, "--identity", "--json"], id="an-option-as-value"),
        pytest.param(["verify", "b", *TRUSTED, "f", "--unknown"], id="unknown-option"),
        pytest.param(["verify", "b", *TRUSTED, "f"], id="files-apart"),
        pytest.param(["verify", "b", *TRUSTED, "--", "f"], id="two-dashes"),
    ],
)
def test_every_other_line_is_left_to_argparse_which_refuses_it(words: list[str]) -> None:
    assert options.read(words) is None
    with pytest.raises(UsageError):
        arguments.build().parse_args(words)


def test_every_option_has_a_place_in_what_was_asked() -> None:
    asked = vars(options.Asked())
    assert {option.dest for option in (*OPTIONS, JSON)} | {"bundle", "files"} == set(asked)
    assert TRUST_ROOT in OPTIONS


def test_a_plain_line_loads_no_argparse_and_no_pathlib() -> None:
    code = (
        "import sys; from countermark_ledger import command\n"
        "assert command.main(['verify', 'absent', '--trust-root', 'absent']) == 2\n"
        "print(*sorted({'argparse', 'gettext', 'pathlib', 'shutil'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-I", "-c", code], capture_output=True, text=True, check=True)
    assert (done.stdout, done.stderr) == ("\n", "countermark: absent: No such file or directory\n")
