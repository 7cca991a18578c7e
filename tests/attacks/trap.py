"""Every known way to have git run a program: configuration, hooks, attributes, the environment."""

from __future__ import annotations

from pathlib import Path

from ..ledger.git.checkout import Checkout

CONFIG = """
[core]
	fsmonitor = {run}
	hooksPath = {hooks}
	sshCommand = {run}
	pager = {run}
	editor = {run}
	gitProxy = {run}
	attributesFile = {attributes}
	alternateRefsCommand = {run}
	askPass = {run}
[diff]
	external = {run}
[diff "evil"]
	command = {run}
	textconv = {run}
[filter "evil"]
	clean = {run}
	smudge = {run}
	process = {run}
	required = true
[merge "evil"]
	driver = {run}
[merge]
	default = evil
[gpg]
	program = {run}
	format = ssh
[gpg "ssh"]
	program = {run}
	allowedSignersFile = {attributes}
	defaultKeyCommand = {run}
[credential]
	helper = !{run}
[remote "origin"]
	url = ext::{run}
	uploadpack = {run}
	promisor = true
	partialclonefilter = blob:none
[extensions]
	partialClone = origin
	worktreeConfig = true
[protocol]
	allow = always
[alias]
	cat-file = !{run}
	merge-tree = !{run}
	merge-base = !{run}
[include]
	path = {included}
[trace2]
	eventTarget = {attributes}.trace
"""
HOOKS = (
    "pre-commit",
    "post-checkout",
    "post-merge",
    "reference-transaction",
    "post-index-change",
    "fsmonitor-watchman",
)
PROGRAMS = (
    "GIT_EXTERNAL_DIFF",
    "GIT_SSH_COMMAND",
    "GIT_ASKPASS",
    "GIT_PAGER",
    "GIT_EDITOR",
    "GIT_PROXY_COMMAND",
    "SSH_ASKPASS",
    "PAGER",
)


def plant_programs(checkout: Checkout, place: Path) -> tuple[Path, dict[str, str]]:
    """Plant them all; return the file that appears when one ran, and the environment that names more of them."""
    sprung, script = place / "sprung", place / "trap.sh"
    script.write_text(f'#!/bin/sh\necho "$0 $@" >> {sprung}\nexit 0\n')
    script.chmod(0o755)
    attributes = place / "attributes"
    attributes.write_text("* filter=evil diff=evil merge=evil\n")
    (place / "included").write_text(f"[core]\n\tfsmonitor = {script}\n")
    hooks = place / "hooks"
    for folder in (hooks, checkout.git_dir / "hooks"):
        folder.mkdir()
        for name in HOOKS:
            (folder / name).symlink_to(script)
    text = CONFIG.format(run=script, hooks=hooks, attributes=attributes, included=place / "included")
    for config in (checkout.git_dir / "config", checkout.git_dir / "config.worktree", place / "home.gitconfig"):
        with config.open("a") as file:
            file.write(text)
    (checkout.git_dir / "info").mkdir(exist_ok=True)
    for chosen_by in (checkout.git_dir / "info" / "attributes", checkout.path / ".gitattributes"):
        chosen_by.write_text("* filter=evil diff=evil merge=evil\n")
    counted = {"GIT_CONFIG_COUNT": "1", "GIT_CONFIG_KEY_0": "core.fsmonitor", "GIT_CONFIG_VALUE_0": str(script)}
    chosen = {"GIT_CONFIG_GLOBAL": str(place / "home.gitconfig"), **counted}
    return sprung, {**chosen, **dict.fromkeys(PROGRAMS, str(script))}
