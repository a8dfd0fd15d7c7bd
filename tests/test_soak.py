from __future__ import annotations

import re

import pytest

from tests.conftest import ROOT
from tests.soak import PARTS, choose, main


def test_every_long_test_belongs_to_one_part() -> None:
    marked = {
        str(path.relative_to(ROOT))
        for path in (ROOT / "tests").rglob("test_*.py")
        if re.search(r"pytest\.mark\.slow", path.read_text()) and path.name != "test_soak.py"
    }
    assert sorted(file for part in PARTS.values() for file in part.files) == sorted(marked)


@pytest.mark.parametrize("seconds", [0, 600, 1500, 100_000])
def test_the_chosen_parts_fill_the_time(seconds: int) -> None:
    chosen = choose("a commit", seconds)
    left = seconds - sum(PARTS[name].seconds for name in chosen)
    assert len(set(chosen)) == len(chosen)
    assert left >= 0
    assert all(PARTS[name].seconds > left for name in PARTS.keys() - {*chosen})


def test_every_part_is_chosen_by_some_seed() -> None:
    chosen = {name for seed in range(20) for name in choose(str(seed), 2000)}
    assert chosen == set(PARTS)
    assert choose("1", 1500) == choose("1", 1500) != choose("2", 1500)


def test_an_unknown_part_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["chaos", "milion"]) == 2
    assert "no part 'milion'; known: chaos," in capsys.readouterr().err


def test_without_enough_time_nothing_runs_and_the_exit_code_is_0(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main(["--seconds", "10", "--seed", "x"]) == 0
    assert "no part fits the time" in capsys.readouterr().out
