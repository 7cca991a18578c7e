"""The console: data on stdout, talk on stderr, colour and progress on terminals only.

Trust: whatever is printed may hold names from a checkout; `safe` spells out what a terminal would obey.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TextIO

from countermark_ledger import canonical
from countermark_ledger.canonical import Json
from countermark_ledger.display import safe, safe_json

_STYLES = {"red": "31", "green": "32", "yellow": "33", "bold": "1", "dim": "2"}


class Console:
    """Where a command speaks. `json` turns data into one JSON document and silences nothing else."""

    def __init__(self, stdout: TextIO, stderr: TextIO, *, json: bool) -> None:
        self._stdout = stdout
        self._stderr = stderr
        self.json = json
        self._colour = stdout.isatty() and "NO_COLOR" not in os.environ and os.environ.get("TERM") != "dumb"
        self._progress = stderr.isatty() and os.environ.get("TERM") != "dumb"

    def data(self, text: str = "") -> None:
        """Print one line of data; a reader's line breaks are the caller's, so split before calling."""
        print(text, file=self._stdout)

    def document(self, value: Json) -> None:
        """Print data as one line of JSON, in which no CI system finds a command."""
        self.data(safe_json(canonical.dumps(value).decode()))

    def say(self, text: str) -> None:
        """Print talk for a person."""
        print(text, file=self._stderr)

    def refuse(self, message: str, hint: str | None) -> None:
        """Say what was expected and found, and the next command."""
        self.say(f"countermark: {safe(message)}")
        if hint:
            self.say(f"hint: {safe(hint)}")

    def style(self, text: str, *names: str) -> str:
        """Colour a text when stdout is a terminal that wants it (https://no-color.org)."""
        if not self._colour:
            return text
        return f"\x1b[{';'.join(_STYLES[name] for name in names)}m{text}\x1b[0m"

    def step(self, text: str) -> None:
        """Show what goes on now, on a terminal only, on a line that the next step overwrites."""
        if self._progress:
            print(f"\r\x1b[2K{safe(text)[:100]}", end="", file=self._stderr, flush=True)

    @contextmanager
    def progress(self) -> Iterator[None]:
        """Clear the progress line at the end, whatever happens."""
        try:
            yield
        finally:
            if self._progress:
                print("\r\x1b[2K", end="", file=self._stderr, flush=True)


def standard(*, json: bool) -> Console:
    """Return the console of this process."""
    return Console(sys.stdout, sys.stderr, json=json)
