from __future__ import annotations

import io
import re
import time

import pytest

from pipeline.progress import Progress, duration


class Terminal(io.StringIO):
    """A stream that says it is a terminal."""

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
def test_a_duration_is_written_for_people(seconds: float, text: str) -> None:
    assert duration(seconds) == text


def test_a_line_holds_done_total_rate_time_left_and_facts() -> None:
    progress = Progress("generate (teacher)", 4000, "chains", io.StringIO())
    progress.update(200)
    time.sleep(0.05)
    progress.update(1000, "870 right")
    assert re.fullmatch(
        r"generate \(teacher\)       1,000/4,000 chains  [\d.]+/s  \d+ s left  870 right",
        progress.line(),
    )


def test_nothing_done_yet_has_no_rate() -> None:
    progress = Progress("train", 10, "steps", io.StringIO())
    assert progress.line() == f"{'train':<24} 0/10 steps"


def test_the_rate_leaves_out_what_starting_took() -> None:
    progress = Progress("generate", 1000, "chains", io.StringIO())
    time.sleep(0.2)  # the engine starts
    started = time.monotonic()
    progress.update(100)
    assert progress.rate == 0
    time.sleep(0.02)
    progress.update(150)
    rate, took = progress.rate, time.monotonic() - started
    assert 50 / took <= rate <= 50 / 0.02


def test_what_was_there_before_does_not_count_for_the_rate() -> None:
    progress = Progress("generate", 1000, "chains", io.StringIO())
    progress.start_at(900)
    assert progress.rate == 0
    progress.update(901)
    time.sleep(0.05)
    progress.update(906)
    assert "906/1,000 chains" in progress.line()
    assert progress.rate <= 5 / 0.05


def test_at_the_end_the_time_taken_stands_where_the_time_left_was() -> None:
    progress = Progress("train", 10, "steps", io.StringIO())
    progress.update(1)
    time.sleep(0.01)
    progress.update(10)
    assert progress.line().endswith("/s  0 s")


def test_elsewhere_than_on_a_terminal_it_prints_few_plain_lines() -> None:
    out = io.StringIO()
    with Progress("train", 100, "steps", out) as progress:
        for step in range(100):
            progress.update(step + 1)
    lines = out.getvalue().splitlines()
    assert len(lines) == 2  # the first and the last; between them one every ten seconds
    assert "0/100 steps" in lines[0]
    assert "100/100 steps" in lines[1]
    assert "\x1b" not in out.getvalue()


def test_on_a_terminal_one_line_rewrites_itself() -> None:
    out = Terminal()
    with Progress("train", 100, "steps", out) as progress:
        progress.update(1)
        time.sleep(0.21)
        progress.update(2)
    text = out.getvalue()
    assert text.count("\r\x1b[2K") == 3
    assert text.count("\n") == 1
    assert text.endswith("\n")


def test_a_stage_that_fails_leaves_its_last_line() -> None:
    out = io.StringIO()
    with pytest.raises(ZeroDivisionError), Progress("train", 10, "steps", out) as progress:
        progress.update(3)
        raise ZeroDivisionError
    assert "3/10 steps" in out.getvalue().splitlines()[-1]


def test_what_is_said_stands_on_a_line_of_its_own_above_the_live_line() -> None:
    out = Terminal()
    progress = Progress("train", 10, "steps", out)
    progress.say("warning: it falls")
    assert out.getvalue() == f"\r\x1b[2Kwarning: it falls\n\r\x1b[2K{'train':<24} 0/10 steps"


def test_the_total_may_turn_out_to_be_another() -> None:
    progress = Progress("train", 10, "steps", io.StringIO())
    progress.expect(8)
    assert progress.line() == f"{'train':<24} 0/8 steps"
