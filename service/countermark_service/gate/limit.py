"""The hard limit: a decision takes so long and no longer, whatever hangs.

A thread waits for the limit. When it comes, the thread kills every program that we started, says INCONCLUSIVE with
what went on, removes scratch folders and ends the process; each of these has a few seconds, the last needs none.
No exception is raised anywhere, so nothing can catch it. What could keep the thread itself from running:

- code that never lets go of the interpreter but looks at signals (a regular expression, say): at the same moment
  SIGALRM makes the main thread sleep for good;
- code that does neither: `faulthandler`, which needs no interpreter, ends the process some seconds later. It can't
  choose a code, so that is 1 and a stack on stderr: an internal error, which it is.

Trust: whatever hangs may be hostile, and so may a reader that stops reading what we say. Nothing is signed here: a
verdict that was just being signed is in the ledger or is not; it was decided in time.
"""

from __future__ import annotations

import argparse
import faulthandler
import os
import re
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from enum import Enum
from types import FrameType

from countermark_ledger import leftovers
from countermark_service.cli.console import Console
from countermark_service.exits import Exit
from countermark_service.gate.decision import decide
from countermark_service.gate.facts import Facts
from countermark_service.gate.reason import Reason
from countermark_service.gate.speaking.report import Report

DEFAULT_SECONDS = 300
MOST_SECONDS = 24 * 3600
GRACE_SECONDS = 5
"""How long saying why, and tidying up, may each take."""
_STDERR = 2
_DIGITS = re.compile(r"[1-9][0-9]{0,4}")

Tell = Callable[[Report], None]


class _State(Enum):
    """Who has the word: nobody yet, the decision, or the limit."""

    DECIDING = "deciding"
    SPEAKING = "speaking"
    OVER = "over"
    ENDED = "ended"


class Limit:
    """A limit for one decision. It is told what goes on, so that it can say where the time went."""

    def __init__(self, seconds: int, show: Callable[[str], None]) -> None:
        self._seconds = seconds
        self._show = show
        self._doing, self._last = "0/8 starting", ""
        self._facts: Facts | None = None
        self._state = _State.DECIDING
        self._turn = threading.Lock()
        self._done = threading.Event()

    @classmethod
    def of(cls, args: argparse.Namespace, console: Console) -> Limit:
        """Make the limit that the options name."""
        return cls(args.time_limit, console.step)

    @contextmanager
    def running(self, tell: Tell) -> Iterator[None]:
        """Let the block take so long. Then `tell` says why there is no answer, and this process ends."""
        watching = threading.Thread(target=self._watch, args=(tell,), name="time-limit", daemon=True)
        with _signals(self._hold, self._seconds):
            watching.start()
            faulthandler.dump_traceback_later(self._seconds + 4 * GRACE_SECONDS, exit=True, file=_STDERR)
            try:
                yield
                sys.stdout.flush()  # what waits in a buffer of ours is not said yet
            finally:
                self._move(_State.OVER)
                self._done.set()
                faulthandler.cancel_dump_traceback_later()

    def step(self, text: str) -> None:
        """Remember what is done now, a step of the gate or something within one, and show it."""
        if text[:1].isdigit() and text[1:2] == "/":
            self._doing, self._last = text, ""
        else:
            self._last = text
        self._show(text)

    def began(self, facts: Facts) -> None:
        """Remember under which policy: before that nothing is known, and nothing is merely observed."""
        self._facts = facts

    def speaks(self) -> None:
        """Give the word to the decision. From here on the limit still ends the process, but says nothing."""
        self._move(_State.SPEAKING)

    def _watch(self, tell: Tell) -> None:
        """Wait for the limit, and end the process when it comes."""
        if self._done.wait(self._seconds):
            return
        had_turn = self._turn.acquire(timeout=GRACE_SECONDS)
        former, self._state = self._state, _State.ENDED
        if former is _State.OVER:
            return
        if had_turn:
            self._turn.release()
        leftovers.kill_programs()
        codes = [Exit.INCONCLUSIVE]
        if had_turn and former is _State.DECIDING:
            _within(GRACE_SECONDS, lambda: codes.append(self._announce(tell)))
        _within(GRACE_SECONDS, leftovers.remove_folders)
        os._exit(codes[-1])

    def _hold(self, _number: int, _frame: FrameType | None) -> None:
        """Keep the main thread from running on, as the handler of a signal; `_watch` is about to end the process."""
        while self._state is not _State.OVER:
            time.sleep(1)

    def _move(self, state: _State) -> None:
        with self._turn:
            if self._state is not _State.ENDED:
                self._state = state
                return
        while True:  # the limit has the word, and what was decided too late is not said
            time.sleep(GRACE_SECONDS)

    def _announce(self, tell: Tell) -> Exit:
        """Say that there is no answer; return what the process answers: an observing policy hides this as well."""
        report = self._report()
        self._show("")
        tell(report)
        sys.stdout.flush()
        return report.exit_code

    def _report(self) -> Report:
        last = f" (last: {self._last})" if self._last else ""
        message = f"the time limit of {self._seconds} s came during step {self._doing}{last}"
        reason = Reason(Exit.INCONCLUSIVE, message, None, "countermark gate --time-limit 3600")
        if self._facts is None:
            return Report(None, reason)
        return Report(decide(replace(self._facts, failures=(reason,))))


def configure(parser: argparse.ArgumentParser) -> None:
    """Describe the limit."""
    parser.add_argument(
        "--time-limit",
        type=_seconds,
        default=DEFAULT_SECONDS,
        metavar="SECONDS",
        help=f"end with 20 after so long, whatever hangs (default: {DEFAULT_SECONDS})",
    )


@contextmanager
def _signals(hold: Callable[[int, FrameType | None], None], seconds: int) -> Iterator[None]:
    """Ask for SIGALRM at the limit, and let a signal that ends us end our programs too. Only a main thread can."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    wanted = {signal.SIGALRM: hold, signal.SIGTERM: _leave, signal.SIGHUP: _leave}
    ours = [one for one in wanted if one is signal.SIGALRM or signal.getsignal(one) is signal.SIG_DFL]
    former = {number: signal.signal(number, wanted[number]) for number in ours}
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        for number, handler in former.items():
            signal.signal(number, handler)


def _leave(number: int, _frame: FrameType | None) -> None:
    """End as the signal asks, but not before our programs, which it did not reach."""
    leftovers.kill_programs()
    leftovers.remove_folders()
    signal.signal(number, signal.SIG_DFL)
    os.kill(os.getpid(), number)


def _within(seconds: float, work: Callable[[], object]) -> None:
    """Do something, but go on without it when it takes too long or fails."""

    def tried() -> None:
        with suppress(Exception):  # whoever asked sees that it was not done
            work()

    thread = threading.Thread(target=tried, daemon=True)
    thread.start()
    thread.join(seconds)


def _seconds(text: str) -> int:
    if not _DIGITS.fullmatch(text) or int(text) > MOST_SECONDS:
        raise argparse.ArgumentTypeError(f"expected 1 to {MOST_SECONDS} seconds, found {text!r:.40}")
    return int(text)
