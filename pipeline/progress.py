"""The live line of a stage: done/total, rate, time left, and facts of the stage.

On a terminal one line is rewritten; otherwise a line is printed every 10 seconds.
"""

from __future__ import annotations

import shutil
import sys
import time
from types import TracebackType
from typing import TextIO

EVERY_SECONDS = 10.0  # between lines if the output is not a terminal
REDRAW_SECONDS = 0.2


class Progress:
    """Counts finished units of a stage; `unit` is their plural, such as "chains"."""

    def __init__(self, stage: str, total: int, unit: str, out: TextIO | None = None) -> None:
        self.stage, self._total, self._unit = stage, total, unit
        self._out = out or sys.stderr
        self._live = self._out.isatty()
        self._started = self._shown = time.monotonic()
        self._first: tuple[float, int] | None = None  # when the first units ended, and number
        self._done = 0
        self._facts = ""

    def __enter__(self) -> Progress:
        self._show()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._show()
        if self._live:
            self._out.write("\n")

    def start_at(self, done: int) -> None:
        """Set how many units earlier commands have finished."""
        self._done = done

    def update(self, done: int, facts: str = "") -> None:
        """Set how many units are finished, and facts to show after them."""
        if self._first is None and done > self._done:
            self._first = time.monotonic(), done
        self._done, self._facts = done, facts
        pause = REDRAW_SECONDS if self._live else EVERY_SECONDS
        if time.monotonic() - self._shown >= pause:
            self._show()

    def expect(self, total: int) -> None:
        """Correct the total number of units."""
        self._total = total

    def say(self, text: str) -> None:
        """Print a separate line above the live line."""
        start = "\r\x1b[2K" if self._live else ""
        self._out.write(f"{start}{text}\n")
        self._show()

    @property
    def seconds(self) -> float:
        """Seconds since the start."""
        return time.monotonic() - self._started

    @property
    def rate(self) -> float:
        """Units per second since the first ones finished; start-up time does not count."""
        if self._first is None:
            return 0.0
        since, units = self._first
        return (self._done - units) / max(time.monotonic() - since, 1e-9)

    def line(self) -> str:
        """The line as text."""
        rate = self.rate
        parts = [f"{self.stage:<24} {self._done:,}/{self._total:,} {self._unit}"]
        if rate:
            left = max(0, self._total - self._done) / rate
            parts.append(speed(rate, self._unit.removesuffix("s")))
            parts.append(f"{duration(left)} left" if left else duration(self.seconds))
        return "  ".join([*parts, self._facts]).rstrip()

    def _show(self) -> None:
        self._shown = time.monotonic()
        if self._live:  # a line that wraps could not be rewritten
            width = shutil.get_terminal_size().columns - 1
            self._out.write(f"\r\x1b[2K{self.line()[:width]}")
        else:
            self._out.write(f"{self.line()}\n")
        self._out.flush()


def speed(rate: float, unit: str) -> str:
    """`rate` units per second as 3.2/s, or as 14.5 s/step if a unit takes over a second."""
    return f"{rate:.1f}/s" if rate >= 1 else f"{1 / rate:.1f} s/{unit}"


def duration(seconds: float) -> str:
    """`seconds` as 42 s, 3 min 05 s or 2 h 10 min."""
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60:02d} s"
    return f"{whole // 3600} h {whole % 3600 // 60:02d} min"
