"""Python's search for cycles of references waits while a data set is read."""

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def no_search_for_cycles() -> Iterator[None]:
    """Also as a decorator.

    A data set is millions of small tuples and strings, none of them in a cycle, and the search looks at all of them
    again and again as more come: a fifth of the time of reading.
    """
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()
