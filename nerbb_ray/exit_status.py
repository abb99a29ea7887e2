"""Exit statuses, and how every command ends: the user's mistakes are one line on stderr, never a traceback.

0 it worked, 1 a trial failed or a page does not run, 2 something the user can mend, 130 interrupted, 143 terminated.
"""

import errno
import sys
from collections.abc import Callable

from nerbb_ray.console import tell
from nerbb_ray.errors import ConfigError, NerbbError
from nerbb_ray.interruption import Termination, status_of_interruption
from nerbb_ray.streams import reader_left, standard_streams

OK, FAILED, USER_ERROR = 0, 1, 2
BROKEN_PIPE = 141  # what a shell reports of a program that SIGPIPE ended
READ_ONLY = "; take a folder that can be written: another store with --store DIR or NERBB_STORE"


def guarded(command: Callable[[], int]) -> int:
    """Run a command; what the user can mend is printed without a traceback.

    Returns:
        The exit status: that of the command; BROKEN_PIPE if all it had to do was to print, and nobody read it.
    """
    with standard_streams():
        status = _status_of(command)
        return BROKEN_PIPE if status == OK and reader_left() else status


def _status_of(command: Callable[[], int]) -> int:
    try:
        status = command()
        sys.stdout.flush()
    except SystemExit as end:  # argparse: after --help, or a mistake it has explained
        return end.code if isinstance(end.code, int) else USER_ERROR
    except ConfigError as error:
        # one problem per line, each with its own place
        tell("\n".join(["error: the experiment cannot run as it is described", *error.problems]), sys.stderr)
        return USER_ERROR
    except NerbbError as error:
        tell(f"error: {error}", sys.stderr)
        return USER_ERROR
    except OSError as error:
        if error.filename is None:
            raise
        # a store that cannot be written, a file in the place of a folder: the path says what to mend
        tell(f"error: {error.filename}: {error.strerror}{READ_ONLY if error.errno == errno.EROFS else ''}", sys.stderr)
        return USER_ERROR
    except KeyboardInterrupt:
        print("terminated" if Termination.asked else "interrupted", file=sys.stderr)
        return status_of_interruption()
    return status
