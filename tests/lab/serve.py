"""Run trytond until standard input ends: it never outlives the process that started it.

Its arguments are trytond's. Like `build`, it only ever runs as a process of its own.
"""

import os
import runpy
import sys
import threading


def follow_parent() -> None:
    """Leave when the parent closes its end of the pipe, or dies."""
    sys.stdin.buffer.read()
    os._exit(0)


if __name__ == "__main__":
    threading.Thread(target=follow_parent, daemon=True).start()
    runpy.run_module("trytond.cli", run_name="__main__", alter_sys=True)
