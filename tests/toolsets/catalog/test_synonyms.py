"""Names that a toolset does not have: the message shows the call to write instead."""

from __future__ import annotations

import pytest

import toolsets
from toolsets import CallError, Toolset, ToolsetError, tool
from toolsets.catalog.synonyms import _NAMES, call_instead


@pytest.mark.parametrize(
    ("toolset", "call", "instead"),
    [
        ("algebra", "greatest_common_divisor([12, 18])", 'simplify(expression="gcd(12, 18)")'),
        ("algebra", "gcd(values=[12, 18])", 'simplify(expression="gcd(12, 18)")'),
        ("algebra", "least_common_multiple([4, 6])", 'simplify(expression="lcm(4, 6)")'),
        ("algebra", "roots('x', 'x')", 'polynomial_roots(polynomial="x**2 - 4", variable="x")'),
        ("arithmetic", "greatest_common_divisor([12, 18])", "gcd(values=[12, 18])"),
        ("arithmetic+algebra", "greatest_common_divisor([12, 18])", "gcd(values=[12, 18])"),
        ("arithmetic", "nCr(5, 2)", "combinations(n=5, k=2)"),
        ("arithmetic", "mean(values=[1, 2])", "average(values=[2, 3, 7])"),
        ("arithmetic", "product(values=[1, 2])", "multiply_all(values=[2, 3, 5])"),
        ("arithmetic", "evaluate('2')", 'evaluate_expression(expression="(2 + 3) * 4")'),
        ("algebra", "evaluate_expression('2')", 'evaluate(expression="(2 + 3) * 4")'),
    ],
)
def test_the_message_shows_the_call_to_write(toolset: str, call: str, instead: str) -> None:
    loaded = toolsets.load(toolset)
    with pytest.raises(CallError) as caught:
        loaded.parse(call)
    name = call.partition("(")[0]
    assert str(caught.value).startswith(f"There is no function {name}. Write {instead}. The ")
    assert loaded.execute(loaded.parse(instead)).ok


def test_a_selection_without_the_function_does_not_show_it() -> None:
    with pytest.raises(CallError) as caught:
        toolsets.load("arithmetic[add,divide]").parse("mean(values=[1, 2])")
    assert str(caught.value) == "There is no function mean. The functions are: add, divide."


def test_a_function_of_ones_own_that_only_shares_the_name_is_not_shown() -> None:
    @tool
    def gcd(first: str) -> str:
        """Do something else."""
        return first

    assert call_instead("greatest_common_divisor", Toolset("own", (gcd,)).tools) is None


def test_a_selection_of_a_former_name_names_the_new_one() -> None:
    with pytest.raises(
        ToolsetError, match=r"'roots'; it has: .*; for roots choose polynomial_roots$"
    ):
        toolsets.load("algebra[solve,roots]")


def test_every_call_shown_runs() -> None:
    shipped = toolsets.load("arithmetic+algebra")
    assert [call for call in _NAMES if not shipped.execute(shipped.parse(call)).ok] == []


def test_the_shipped_toolsets_can_be_joined_without_a_clash() -> None:
    names = toolsets.load("arithmetic+algebra+logic+constraints").tool_names
    assert len(names) == len(set(names))
