"""When Python hunts for circular garbage: not in the midst of much work that makes none."""

import gc
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial


@contextmanager
def uncollected() -> Iterator[Callable[[], object]]:
    """No hunt while the block runs; gives what clears the young away, for work that is long.

    A page or a ledger is many small objects that all live, and each hunt would walk them again.
    """
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield partial(gc.collect, 0)
    finally:
        gc.freeze()  # what the block made counts as old from here on, and is walked once, later:
        gc.unfreeze()  # as young it would be walked at once
        if was_on:
            gc.enable()
