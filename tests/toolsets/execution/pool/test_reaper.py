import time

from toolsets.execution.pool.reaper import Reaper


class Stuck:
    """A killed process that ends after some polls; None: never, as in uninterruptible sleep."""

    def __init__(self, polls: int | None) -> None:
        self._polls = polls

    def poll(self) -> int | None:
        if self._polls is None:
            return None
        self._polls -= 1
        return -9 if self._polls < 0 else None


def test_no_process_is_waited_for() -> None:
    reaper = Reaper()
    reaper.add(Stuck(None))
    reaper.add(Stuck(1))
    start = time.monotonic()
    assert reaper.reap() and reaper.reap()
    assert time.monotonic() - start < 0.1


def test_a_process_that_ended_is_forgotten() -> None:
    reaper = Reaper()
    reaper.add(Stuck(0))
    reaper.add(Stuck(2))
    assert [reaper.reap() for _ in range(4)] == [True, True, False, False]


def test_closing_waits_as_long_as_is_needed_and_no_longer() -> None:
    reaper = Reaper()
    reaper.add(Stuck(3))
    assert not reaper.wait(5)
    reaper.add(Stuck(None))
    start = time.monotonic()
    assert reaper.wait(0.2)
    assert time.monotonic() - start < 1
