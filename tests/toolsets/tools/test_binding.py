import pytest
from hypothesis import given
from hypothesis import strategies as st

import toolsets
from toolsets import CallError, ToolCall, ToolResult, Toolset, render_call

ARITHMETIC = toolsets.load("arithmetic")
JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.text()
    | st.floats(allow_nan=False, allow_infinity=False),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=5,
)


def call_error(text: str, toolset: Toolset = ARITHMETIC) -> tuple[str, str]:
    with pytest.raises(CallError) as caught:
        toolset.parse(text)
    return caught.value.kind, str(caught.value)


def test_positional_arguments_take_the_names_of_the_parameters() -> None:
    text = "divide(9, b=4)"
    assert ARITHMETIC.parse(text) == ToolCall("divide", {"a": 9, "b": 4}, text)


def test_raw_is_the_unchanged_text() -> None:
    text = "Let me see:\n  add(a=2, b=3).\n"
    assert ARITHMETIC.parse(text).raw == text


@pytest.mark.parametrize(
    ("text", "kind", "message"),
    [
        (
            "divid(a=1, b=2)",
            "unknown_function",
            "There is no function divid. Did you mean divide? The functions are: add, subtract, "
            "multiply, divide.",
        ),
        (
            "zzz(a=1)",
            "unknown_function",
            "There is no function zzz. The functions are: add, subtract, multiply, divide.",
        ),
        (
            "add(1, 2, 3)",
            "bad_arguments",
            "add takes 2 arguments, got 3. Use: add(a: number, b: number)",
        ),
        (
            "add(1, a=2)",
            "bad_arguments",
            "add got argument a twice. Use: add(a: number, b: number)",
        ),
        (
            f"add(a='{'x' * 5000}', b=2)",
            "bad_arguments",
            f"add: argument a: expected a number, got '{'x' * 96}.... "
            "Use: add(a: number, b: number)",
        ),
        (
            "five",
            "unparseable_call",
            "The reply is not a call. Reply with one call, like name(a=1, b=2).",
        ),
    ],
)
def test_a_call_that_cannot_be_bound_has_this_message(text: str, kind: str, message: str) -> None:
    four = ARITHMETIC.select(["add", "subtract", "multiply", "divide"])
    assert call_error(text, four) == (kind, message)


def test_a_long_name_is_cut() -> None:
    _, message = call_error("x" * 5000 + "()")
    assert message.startswith(f"There is no function {'x' * 57}.... The functions are:")


@given(st.text())
def test_any_text_is_parsed_or_raises_call_error(text: str) -> None:
    try:
        ARITHMETIC.parse(text)
    except CallError as error:
        assert str(error)


@given(
    st.sampled_from(ARITHMETIC.tool_names),
    st.dictionaries(
        st.sampled_from(["a", "b", "base", "exponent", "value", "digits", "percent"]), JSON
    ),
)
def test_any_arguments_are_executed_or_give_an_error_result(
    name: str, arguments: dict[str, object]
) -> None:
    executed = ARITHMETIC.execute(ToolCall(name, arguments, ""))
    assert executed.ok == (executed.error_kind is None)
    try:
        parsed = ARITHMETIC.parse(render_call(name, arguments))
    except CallError as error:
        assert executed == ToolResult(False, str(error), error.kind)
    else:
        assert ARITHMETIC.execute(parsed) == executed


def test_a_message_of_a_function_keeps_its_first_letter() -> None:
    message = "Bob is both a variable and a value; rename one"
    constraints = toolsets.load("constraints")
    text = "find_values(variables={'Bob': 'int', 'c': 'Bob, Ann'}, constraints=['c = Ann'])"
    assert message in call_error(text, constraints)[1]
