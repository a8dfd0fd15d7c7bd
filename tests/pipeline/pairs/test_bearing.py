from __future__ import annotations

from dataclasses import replace

import pytest

from pipeline.pairs.bearing import has_bearing_call
from pipeline.records import Chain, Executed, Step
from tests.pipeline.pairs.chains import chain
from toolsets import ToolCall, ToolResult

EMPTY = Chain("c", "p", "teacher", 0, 0, (), (), "answer")


def _chain(*results: str, name: str = "f", ok: bool = True) -> Chain:
    """A chain whose calls have these results."""
    call = ToolCall(name, {}, f"{name}()")
    kind = None if ok else "function_error"
    steps = [Step(call.raw, call, ToolResult(ok, result, kind)) for result in results]
    return replace(EMPTY, steps=(*steps, Step("answer(1)", ToolCall("answer", {}, ""), None)))


@pytest.mark.parametrize(
    ("results", "gold"),
    [
        *[(("504",), "504"), (("48", "72"), "72"), (("504",), "504 books"), (("504.0",), "504")],
        *[(("3.33333333333333",), "3.33"), (("33.6",), "34"), (("-5",), "5"), (("0.25",), "25")],
        *[(("x = 2, x = 3",), "3"), (("1/3",), "1/3"), (("0.333333333333333",), "1/3")],
        *[(("1,200 km",), "1200"), (("sqrt(2) ≈ 1.4142135623731",), "1.414")],
        *[(("True",), "True"), (("Furry(tom)",), "True"), (("False",), "True"), (("3",), "B")],
        *[(("Uncertain",), "Uncertain"), (("Uncertain", "~Cat(tom)"), "False")],
    ],
)
def test_a_call_whose_result_holds_the_answer_bears_on_it(
    results: tuple[str, ...], gold: str
) -> None:
    assert has_bearing_call(_chain(*results), gold)


@pytest.mark.parametrize(
    ("results", "gold"),
    [
        *[((), "504"), (("2",), "504"), (("48", "24"), "72"), (("50.4",), "504")],
        *[(("33",), "34"), (("3.34",), "3.33"), (("0.34",), "1/3"), (("True",), "5 km")],
        *[(("Uncertain",), "True"), (("Uncertain", "Uncertain"), "False"), ((), "True")],
        *[(("no solution",), "5"), (("1504",), "504")],
    ],
)
def test_other_calls_do_not(results: tuple[str, ...], gold: str) -> None:
    assert not has_bearing_call(_chain(*results), gold)


def test_neither_failed_calls_nor_thoughts_bear_on_an_answer() -> None:
    assert not has_bearing_call(_chain("504", ok=False), "504")
    assert not has_bearing_call(_chain("504", name="think"), "504")


def test_each_call_of_a_reply_counts() -> None:
    calls = [Executed(ToolCall("f", {}, "f()"), ToolResult(True, text)) for text in ("2", "504")]
    step = Step("f()\nf()", calls[0].call, ToolResult(True, "2\n504"), parallel=tuple(calls))
    assert has_bearing_call(replace(EMPTY, steps=(step,)), "504")


def test_executed_calls_bear_on_what_they_return() -> None:
    made = chain("c", "multiply(a=3, b=4)", "subtract(a=12, b=2)", "answer(10)")
    assert has_bearing_call(made, "10")
    assert not has_bearing_call(chain("d", "add(a=1, b=1)", "answer(10)"), "10")
