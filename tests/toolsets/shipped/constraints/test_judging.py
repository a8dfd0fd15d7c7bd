"""Options of a question, judged as enumeration of all cases judges them."""

from __future__ import annotations

import itertools
import random
import time
from functools import partial

import pytest

import toolsets
from tests.toolsets.shipped import texts
from tests.toolsets.shipped.constraints.puzzles import call
from toolsets import ToolResult

CONSTRAINTS = toolsets.load("toolsets.shipped.constraints:toolset")
result, failure = partial(texts.result, CONSTRAINTS), partial(texts.failure, CONSTRAINTS)

# Four talks on four days: ann before bob, cid not first, cid and dee on neighbouring days.
TALKS = {"ann, bob, cid, dee": "1..4"}
ORDER = ["distinct(ann, bob, cid, dee)", "ann < bob", "cid != 1", "|cid - dee| = 1"]
OPTIONS = ["ann = 1", "bob = 4", "dee < ann", "cid = 4 -> dee = 3", "ann = 4"]
VERDICTS = (
    "A: could be true or false\nB: could be true or false\nC: could be true or false\n"
    "D: must be true\nE: cannot be true"
)


def judge(options: object, mode: str, variables: object = None, constraints: object = None) -> str:
    given = {"variables": variables or TALKS, "constraints": constraints or ORDER}
    return call("judge_options", **given, options=options, mode=mode)


@pytest.mark.parametrize(
    ("mode", "first"),
    [
        ("must be true", "D is the only option that must be true"),
        ("cannot be false", "D is the only option that must be true"),
        ("could be true", "4 options could be true: A, B, C, D"),
        ("cannot be true", "E is the only option that cannot be true"),
        ("must be false", "E is the only option that cannot be true"),
        ("could be false", "4 options could be false: A, B, C, E"),
        ("could be true except", "E is the only option that cannot be true"),
        ("must be true except", "4 options could be false: A, B, C, E"),
        ("cannot be true except", "4 options could be true: A, B, C, D"),
        ("could be false except", "D is the only option that must be true"),
        ("MUST_BE_TRUE", "D is the only option that must be true"),
        ("Could be true  EXCEPT", "E is the only option that cannot be true"),
    ],
)
def test_each_mode_counts_the_options_that_fit(mode: str, first: str) -> None:
    assert result(judge(OPTIONS, mode)) == ToolResult(True, f"{first}\n{VERDICTS}")


def test_no_option_may_fit() -> None:
    content = result(judge(["ann = 1", "bob = 4", "dee < ann"], "must be true")).content
    assert content.startswith("None of the 3 options must be true\nA: could be")


def test_an_option_of_several_constraints_holds_if_all_of_them_do() -> None:
    options = {"first": "ann = 1, bob = 2", "second": ["ann = 1", "bob = 3"]}
    assert result(judge(options, "could be true")).content == (
        "first is the only option that could be true\n"
        "first: could be true or false\nsecond: cannot be true"
    )


def test_contradicting_constraints_are_named() -> None:
    text = judge(["ann = 1", "ann = 2"], "must be true", constraints=["ann > 4"])
    assert result(text).content == (
        "These constraints cannot all hold: ann > 4; ann is from 1 to 4"
    )


def test_an_option_may_divide_if_the_constraints_exclude_0() -> None:
    options = ["12 / (bob - ann) = 4", "12 / (ann - 4) = 3"]
    assert result(judge(options, "could be true")).content == (
        "A is the only option that could be true\nA: could be true or false\nB: cannot be true"
    )
    kind, message = failure(judge(["ann = 1", "12 / (ann - 1) = 4"], "could be true"))
    assert kind == "function_error"
    assert message.startswith("judge_options: option B needs that ")
    assert message.endswith("is not 0, as it is a divisor; add it as a constraint")


def test_a_divisor_of_one_option_does_not_restrict_another() -> None:
    content = result(judge(["ann = 1", "2 / (bob - ann) = 2"], "could be false")).content
    assert content.startswith("2 options could be false: A, B")


@pytest.mark.parametrize(
    ("options", "mode", "message"),
    [
        (OPTIONS, "might be true", "argument mode: expected one of must be true, "),
        (OPTIONS, "could be true except except", "argument mode: expected one of must be true, "),
        (OPTIONS, "could not be true", "argument mode: expected one of must be true, "),
        (OPTIONS, "", "argument mode: expected one of must be true, "),
        (["ann = 1"], "must be true", "expected two options or more; for one claim use must_hold"),
        ("ann = 1", "must be true", "expected a list of options"),
        (["ann = 1", "bob +"], "must be true", "column 6: expected a number or a name"),
        (["ann = 1", "bob +"], "must be true", "option B: "),
        (["ann = 1", " "], "must be true", "option B is empty; write a constraint such as x = 3"),
        (["ann = 1", "ana = 2"], "must be true", "option B: there is no variable or value ana"),
        (["ann + 1", "ann = 1"], "must be true", "option A: expected a condition such as x > 3"),
        (["(A) ann = 1", "(B) ann = 2"], "must be true", "option A: leave out (A)"),
        (["A) ann = 1", "B) ann = 2"], "must be true", "option A: leave out A)"),
        ({"A": "ann = 1", " A": "ann = 2"}, "must be true", "two options have the same label"),
        ({"": "ann = 1", "B": "ann = 2"}, "must be true", "a label must have 1 to 20 characters"),
    ],
)
def test_what_cannot_be_read_is_refused_by_its_place(
    options: object, mode: str, message: str
) -> None:
    assert message in failure(judge(options, mode))[1]


def test_too_many_options_are_refused() -> None:
    kind, message = failure(judge(["ann = 1"] * 11, "must be true"))
    assert (kind, "more than 10 options" in message) == ("limit_exceeded", True)


def test_a_variable_in_parentheses_is_no_label() -> None:
    text = judge(["(x) = 1", "(x) in [1, 2]"], "must be true", {"x": "1..2"}, ["x > 0"])
    assert result(text).content.startswith("B is the only option that must be true")


NAMES: tuple[str, ...] = ("a", "b", "c")
MODES = ("must be true", "could be true", "cannot be true", "could be false")


def random_constraint(chance: random.Random) -> str:
    one, other = chance.sample(NAMES, 2)
    sign = chance.choice(("=", "!=", "<", ">", "<=", ">="))
    simple = f"{one} {sign} {other}"
    number = f"{one} {chance.choice(('=', '!=', '<', '>'))} {chance.randint(1, 4)}"
    return chance.choice(
        [
            simple,
            number,
            f"{simple} -> {number}",
            f"{simple} or {number}",
            f"not ({number})",
            f"|{one} - {other}| = {chance.randint(1, 3)}",
            f"{one} + {other} {sign} {chance.randint(2, 8)}",
        ]
    )


def holds(text: str, values: dict[str, int]) -> bool:
    """The truth of a random constraint, computed from its parts."""
    for connective in (" -> ", " or "):
        if connective in text:
            left, right = text.split(connective)
            return (holds(left, values) == (connective == " or ")) or holds(right, values)
    if text.startswith("not "):
        return not holds(text[5:-1], values)
    left, sign, right = text.rsplit(" ", 2)
    if left.startswith("|"):
        first, second = left.strip("|").split(" - ")
        quantity = abs(values[first] - values[second])
    else:
        quantity = sum(values[name] for name in left.split(" + "))
    bound = values[right] if right in values else int(right)
    compared = (quantity > bound) - (quantity < bound)
    return {
        **{"=": compared == 0, "!=": compared != 0, "<": compared < 0, ">": compared > 0},
        **{"<=": compared <= 0, ">=": compared >= 0},
    }[sign]


@pytest.mark.parametrize("seed", range(100))
def test_a_random_question_is_judged_as_by_enumeration(seed: int) -> None:
    chance = random.Random(seed)
    cases = [dict(zip(NAMES, v, strict=True)) for v in itertools.product(range(1, 5), repeat=3)]
    solutions: list[dict[str, int]] = []
    constraints: list[str] = []
    while not solutions:
        constraints = [random_constraint(chance) for _ in range(3)]
        solutions = [case for case in cases if all(holds(text, case) for text in constraints)]
    options = [random_constraint(chance) for _ in range(5)]
    mode = chance.choice(MODES)
    truths = [{holds(option, case) for case in solutions} for option in options]
    fits = {
        "must be true": lambda truth: truth == {True},
        "could be true": lambda truth: True in truth,
        "cannot be true": lambda truth: truth == {False},
        "could be false": lambda truth: False in truth,
    }[mode]
    fitting = [label for label, truth in zip("ABCDE", truths, strict=True) if fits(truth)]
    except_fitting = [label for label in "ABCDE" if label not in fitting]
    for asked, expected in ((mode, fitting), (f"{mode} except", except_fitting)):
        text = judge(options, asked, {"a, b, c": "1..4"}, constraints)
        first, *verdicts = result(text).content.splitlines()
        words = {1: f"{''.join(expected)} is the only", 0: "None of the 5"}
        assert first.startswith(words.get(len(expected), f"{len(expected)} options"))
        if len(expected) > 1:
            assert first.endswith(f": {', '.join(expected)}")
        shown = {
            **{(True,): "must be true", (False,): "cannot be true"},
            (False, True): "could be true or false",
        }
        assert verdicts == [
            f"{label}: {shown[tuple(sorted(truth))]}"
            for label, truth in zip("ABCDE", truths, strict=True)
        ]


def test_a_hard_question_ends_within_the_time_of_a_call() -> None:
    powers = [f"x**{n} + y**{n} = z**{n}" for n in (3, 4, 5, 6, 7)]
    start = time.monotonic()
    text = judge(powers, "could be true", {"x, y, z": "int >= 3"}, ["x > 2"])
    assert "Undecided" in result(text).content
    assert time.monotonic() - start < 5
