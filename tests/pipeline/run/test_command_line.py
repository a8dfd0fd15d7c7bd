"""Command lines: options in any order, and the sentence for what is unknown.

Not here: another Python (`tests.pipeline.test_main`).
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.errors import CannotStart
from pipeline.run.command_line import parse


def parsed(*words: str) -> argparse.Namespace:
    """Parse a command line with the commands `run` and `show`."""
    parser = argparse.ArgumentParser(prog="apprentice")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    run = commands.add_parser("run")
    run.add_argument("recipe")
    run.add_argument("overrides", nargs="*")
    run.add_argument("--run-dir")
    run.add_argument("--json", action="store_true")
    run.set_defaults(name="run")
    show = commands.add_parser("show")
    show.add_argument("run_dir")
    show.set_defaults(name="show")
    return parse(parser, commands.choices, words)


def refusal(*words: str) -> str:
    with pytest.raises(CannotStart) as raised:
        parsed(*words)
    return str(raised.value)


@given(st.permutations([["pocket"], ["seed=1"], ["seed=2"], ["--json"], ["--run-dir", "here"]]))
def test_options_stand_anywhere_and_arguments_keep_their_order(groups: list[list[str]]) -> None:
    given = parsed("run", *(word for group in groups for word in group))
    assert (given.name, given.run_dir, given.json) == ("run", "here", True)
    arguments = [group[0] for group in groups if not group[0].startswith("--")]
    assert [given.recipe, *given.overrides] == arguments


def test_options_that_are_not_given_have_their_defaults() -> None:
    given = parsed("run", "pocket")
    assert (given.overrides, given.run_dir, given.json) == ([], None, False)


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["rum", "pocket"], "unknown command rum; did you mean run? (known: run, show)"),
        (["zzz"], "unknown command zzz (known: run, show)"),
        (["run", "pocket", "--run-dri", "x"], "unknown option --run-dri; did you mean --run-dir?"),
        (["run", "--jsn", "pocket"], "unknown option --jsn; did you mean --json?"),
        (["run", "pocket", "--jsn=1"], "unknown option --jsn=1; did you mean --json?"),
        (
            ["run", "pocket", "--run-dri=/a/folder/far/away"],
            "unknown option --run-dri=/a/folder/far/away; did you mean --run-dir?",
        ),
        (["run", "pocket", "--zzz"], "unknown option --zzz"),
        (["show", "here", "there"], "unknown argument there"),
        (["show", "here", "--run-dir=x"], "unknown option --run-dir=x"),  # of another command
    ],
)
def test_an_unknown_word_is_named_with_the_nearest_known_one(
    words: Sequence[str], sentence: str
) -> None:
    assert refusal(*words) == sentence


@pytest.mark.parametrize(
    ("words", "code", "printed"),
    [
        (["--help"], 0, "usage: apprentice"),
        (["run", "--help"], 0, "usage: apprentice run"),
        ([], 2, "the following arguments are required: COMMAND"),
        (["run"], 2, "the following arguments are required: recipe"),
        (["run", "pocket", "--run-dir"], 2, "argument --run-dir: expected one argument"),
    ],
)
def test_help_and_missing_arguments_are_argparses(
    words: Sequence[str], code: int, printed: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as raised:
        parsed(*words)
    assert raised.value.code == code
    captured = capsys.readouterr()
    assert printed in captured.out + captured.err
