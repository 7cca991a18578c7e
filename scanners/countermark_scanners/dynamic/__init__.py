"""The change's own command, run where it can do no harm, and judged by what it tried.

Layer: scanners. `stage.run` is the stage, `bubblewrap.Bubblewrap` holds and watches, `rerun.tests` asks once more.
Trust: every byte of the change runs as hostile code here, and nowhere else.
"""
