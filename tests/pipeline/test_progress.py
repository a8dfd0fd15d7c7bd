from __future__ import annotations

import io
import re
import time

import pytest

from pipeline.progress import Progress, duration, speed


class Terminal(io.StringIO):
    """A stream whose `isatty` is true."""

    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "0 s"),
        (59.4, "59 s"),
        (59.6, "1 min 00 s"),
        (185, "3 min 05 s"),
        (3599.6, "1 h 00 min"),
        (7_800, "2 h 10 min"),
        (360_000, "100 h 00 min"),
    ],
)
def test_a_duration_is_formatted_with_its_unit(seconds: float, text: str) -> None:
    assert duration(seconds) == text


@pytest.mark.parametrize(
    ("rate", "text"),
    [(163.42, "163.4/s"), (1, "1.0/s"), (0.8, "1.2 s/step"), (0.069, "14.5 s/step")],
)
def test_a_slow_rate_is_shown_as_seconds_per_unit(rate: float, text: str) -> None:
    assert speed(rate, "step") == text


def test_a_line_shows_done_total_rate_time_left_and_facts() -> None:
    progress = Progress("generate (teacher)", 4000, "chains", io.StringIO())
    progress.update(200)
    time.sleep(0.05)
    progress.update(1000, "870 correct")
    assert re.fullmatch(
        r"generate \(teacher\)       1,000/4,000 chains  [\d.]+/s  \d+ s left  870 correct",
        progress.line(),
    )


def test_there_is_no_rate_before_the_first_unit() -> None:
    progress = Progress("train", 10, "steps", io.StringIO())
    assert progress.line() == f"{'train':<24} 0/10 steps"


def test_the_rate_excludes_the_start_up_time() -> None:
    progress = Progress("generate", 1000, "chains", io.StringIO())
    time.sleep(0.2)  # the engine starts
    started = time.monotonic()
    progress.update(100)
    assert progress.rate == 0
    time.sleep(0.02)
    progress.update(150)
    rate, seconds = progress.rate, time.monotonic() - started
    assert 50 / seconds <= rate <= 50 / 0.02


def test_units_of_earlier_commands_do_not_count_for_the_rate() -> None:
    progress = Progress("generate", 1000, "chains", io.StringIO())
    progress.start_at(900)
    assert progress.rate == 0
    progress.update(901)
    time.sleep(0.05)
    progress.update(906)
    assert "906/1,000 chains" in progress.line()
    assert progress.rate <= 5 / 0.05


def test_at_the_end_the_total_time_replaces_the_time_left() -> None:
    progress = Progress("train", 10, "steps", io.StringIO())
    progress.update(1)
    time.sleep(0.01)
    progress.update(10)
    assert progress.line().endswith("/s  0 s")


def test_without_a_terminal_few_plain_lines_are_printed() -> None:
    out = io.StringIO()
    with Progress("train", 100, "steps", out) as progress:
        for step in range(100):
            progress.update(step + 1)
    lines = out.getvalue().splitlines()
    assert len(lines) == 2  # first and last; others only every ten seconds
    assert "0/100 steps" in lines[0]
    assert "100/100 steps" in lines[1]
    assert "\x1b" not in out.getvalue()


def test_on_a_terminal_one_line_is_rewritten() -> None:
    out = Terminal()
    with Progress("train", 100, "steps", out) as progress:
        progress.update(1)
        time.sleep(0.21)
        progress.update(2)
    text = out.getvalue()
    assert text.count("\r\x1b[2K") == 3
    assert text.count("\n") == 1
    assert text.endswith("\n")


def test_a_stage_that_fails_prints_its_last_line() -> None:
    out = io.StringIO()
    with pytest.raises(ZeroDivisionError), Progress("train", 10, "steps", out) as progress:
        progress.update(3)
        raise ZeroDivisionError
    assert "3/10 steps" in out.getvalue().splitlines()[-1]


def test_a_message_is_printed_above_the_live_line() -> None:
    out = Terminal()
    progress = Progress("train", 10, "steps", out)
    progress.say("warning: it falls")
    assert out.getvalue() == f"\r\x1b[2Kwarning: it falls\n\r\x1b[2K{'train':<24} 0/10 steps"


def test_the_total_can_be_corrected() -> None:
    progress = Progress("train", 10, "steps", io.StringIO())
    progress.expect(8)
    assert progress.line() == f"{'train':<24} 0/8 steps"
