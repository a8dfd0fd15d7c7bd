"""A timer of processor time that interrupts the main thread, whichever thread uses the time.

`signal.setitimer(ITIMER_PROF)` sends its signal to the busy thread, and Python handles it only when
the main thread runs again, which may sleep. A POSIX timer can name the thread (SIGEV_THREAD_ID of
timer_create(2)), but Python has no function for it.
"""

from __future__ import annotations

import ctypes
import os
import signal
import struct
import sys

CLOCK_PROCESS_CPUTIME_ID = 2
SIGEV_THREAD_ID = 4


class ProcessorTimer:
    """Sends signal `number` to the main thread after a given processor time of the process."""

    def __init__(self, number: signal.Signals) -> None:
        self._timer = ctypes.c_void_p()
        self._libc = ctypes.CDLL(None) if sys.platform == "linux" else None
        if self._libc is not None:
            event = struct.pack("=Qiii44x", 0, number, SIGEV_THREAD_ID, os.getpid())
            if self._libc.timer_create(CLOCK_PROCESS_CPUTIME_ID, event, ctypes.byref(self._timer)):
                self._libc = None

    def start(self, seconds: float) -> None:
        """Start or restart; without a POSIX timer, only a busy main thread is interrupted."""
        if self._libc is None:
            signal.setitimer(signal.ITIMER_PROF, seconds)
            return
        whole = int(seconds)
        when = struct.pack("4q", 0, 0, whole, int((seconds - whole) * 1e9))
        self._libc.timer_settime(self._timer, 0, when, None)
