"""The whole toolset: order, help texts, argument errors, imports."""

from __future__ import annotations

import subprocess
import sys

import pytest

from tests.toolsets.shipped.arithmetic.calls import ARITHMETIC
from toolsets import CallError, Executor, Tool
from toolsets.errors import ErrorKind

USE = "Use: add(a: number, b: number)"


@pytest.mark.parametrize("tool", ARITHMETIC.tools, ids=lambda tool: tool.name)
def test_every_example_runs(tool: Tool) -> None:
    call = ARITHMETIC.parse(tool.example)
    assert call.name == tool.name
    assert ARITHMETIC.execute(call).ok


def test_the_functions_and_their_order_are_fixed() -> None:
    assert " ".join(ARITHMETIC.tool_names) == (
        "add subtract multiply divide percent_of integer_divide remainder power round_number "
        "percentage percent_change total average minimum maximum share compare absolute gcd lcm "
        "square_root root factorial convert add_time minutes_between add_days days_between weekday "
        "evaluate_expression to_fraction simplify_ratio multiply_all median mode "
        "standard_deviation combinations permutations simple_interest compound_interest"
    )


def test_the_help_of_the_pocket_models_functions_is_fixed() -> None:
    five = ARITHMETIC.select(["add", "subtract", "multiply", "divide", "percent_of"])
    assert five.help.splitlines() == [
        "add(a: number, b: number) - Add two numbers. Example: add(a=2, b=3)",
        "subtract(a: number, b: number) - Subtract b from a. Example: subtract(a=7, b=4)",
        "multiply(a: number, b: number) - Multiply two numbers. Example: multiply(a=6, b=4)",
        "divide(a: number, b: number) - Divide a by b. Example: divide(a=9, b=4)",
        "percent_of(percent: number, value: number) - Take a percentage of a value. "
        "Example: percent_of(percent=15, value=80)",
    ]


@pytest.mark.parametrize(
    ("text", "message", "kind"),
    [
        ("add(a='two', b=3)", "argument a: expected a number, got 'two'", "bad_arguments"),
        ("add(a=true, b=3)", "argument a: expected a number, got True", "bad_arguments"),
        ("add(a=2)", "argument b is missing", "bad_arguments"),
        ("add(a=2, b=3, c=4)", "there is no argument c", "bad_arguments"),
        (
            "add(a=2, b='1e2000')",
            "argument b: the number has more than 1,000 digits, got '1e2000'",
            "limit_exceeded",
        ),
    ],
)
def test_the_message_for_a_bad_argument_is_exact(text: str, message: str, kind: ErrorKind) -> None:
    with pytest.raises(CallError) as caught:
        ARITHMETIC.parse(text)
    assert (str(caught.value), caught.value.kind) == (f"add: {message}. {USE}", kind)


def test_every_example_runs_in_a_sandboxed_process() -> None:
    with Executor(ARITHMETIC, workers=1) as executor:
        calls = [ARITHMETIC.parse(tool.example) for tool in ARITHMETIC.tools]
        assert [call.name for call in calls if not executor.run(call).ok] == []


def test_pint_is_imported_by_the_first_call_of_convert() -> None:
    program = (
        "import sys, toolsets; toolset = toolsets.load('arithmetic'); print('pint' in sys.modules);"
        "toolset.execute(toolset.parse(toolset['convert'].example)); print('pint' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, check=True)
    assert done.stdout.split() == [b"False", b"True"]
