import subprocess
import sys
from fractions import Fraction
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

import toolsets
from tests.toolsets import hostile
from toolsets import CallError, ToolCall, ToolResult, Toolset, ToolsetError, render_call, tool

ROOT = Path(__file__).parents[2]
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


def refusal(text: str, toolset: Toolset = ARITHMETIC) -> tuple[str, str]:
    with pytest.raises(CallError) as caught:
        toolset.parse(text)
    return caught.value.kind, str(caught.value)


# Finding


def test_a_shipped_toolset_is_found_by_its_name() -> None:
    assert ARITHMETIC.name == "arithmetic"
    assert ARITHMETIC.tool_names[:4] == ("add", "subtract", "multiply", "divide")


def test_a_subset_keeps_the_order_asked_for() -> None:
    toolset = toolsets.load("arithmetic[divide, add]")
    assert toolset.tool_names == ("divide", "add")
    assert toolset.name == "arithmetic[divide,add]"


def test_a_toolset_of_ones_own_is_found_by_module_and_attribute() -> None:
    toolset = toolsets.load("tests.toolsets.hostile:toolset")
    assert toolset.tools == hostile.toolset.tools


def test_parts_are_joined() -> None:
    toolset = toolsets.load("arithmetic[add]+tests.toolsets.hostile:toolset[echo]")
    assert toolset.tool_names == ("add", "echo")


@pytest.mark.parametrize(
    "name",
    [
        "arithmetic",
        "arithmetic[divide,add]",
        "tests.toolsets.hostile:toolset[echo]",
        "arithmetic[add]+tests.toolsets.hostile:toolset",
    ],
)
def test_a_toolset_is_found_again_by_its_name(name: str) -> None:
    toolset = toolsets.load(name)
    assert toolsets.load(toolset.name) == toolset


def test_a_selection_from_a_selection_is_found_again_by_its_name() -> None:
    toolset = ARITHMETIC.select(["add", "divide"]).select(["divide"])
    assert toolsets.load(toolset.name).tool_names == ("divide",)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        (
            "arithmetik",
            "toolset 'arithmetik' does not exist; did you mean arithmetic? (shipped: ",
        ),
        ("xyz", "toolset 'xyz' does not exist (shipped: "),
        ("", "toolset '' is not of the form name[function,...]"),
        ("arithmetic+", "toolset '' is not of the form name[function,...]"),
        ("arithmetic[add", "toolset 'arithmetic[add' is not of the form name[function,...]"),
        (".a:b", "toolset '.a:b' is not of the form name[function,...]"),
        ("arithmetic[sum]", "toolset arithmetic has no function 'sum'; it has: add, subtract, "),
        ("arithmetic[]", "toolset arithmetic has no function ''; it has: add, subtract, "),
        (
            "arithmetic[add,add]",
            "toolset arithmetic[add,add] has two tools named add; rename one",
        ),
        (
            "arithmetic+arithmetic",
            "toolset arithmetic+arithmetic has two tools named add; rename one",
        ),
        (
            "no_such_module:toolset",
            "toolset 'no_such_module:toolset': module no_such_module fails to import: "
            "No module named 'no_such_module'",
        ),
        (
            "tests.toolsets.hostile:echo",
            "toolset 'tests.toolsets.hostile:echo': tests.toolsets.hostile.echo is not a Toolset",
        ),
        (
            "tests.toolsets.hostile:nothing",
            "toolset 'tests.toolsets.hostile:nothing': tests.toolsets.hostile.nothing is not a "
            "Toolset",
        ),
    ],
)
def test_a_name_that_stands_for_no_toolset_is_refused(name: str, message: str) -> None:
    with pytest.raises(ToolsetError) as caught:
        toolsets.load(name)
    assert str(caught.value).startswith(message)


def test_a_module_that_is_no_python_is_refused(tmp_path: Path) -> None:
    (tmp_path / "broken_tools.py").write_text("def f(:\n")
    sys.path.insert(0, str(tmp_path))
    try:
        with pytest.raises(ToolsetError, match="module broken_tools fails to import: invalid"):
            toolsets.load("broken_tools:toolset")
    finally:
        sys.path.remove(str(tmp_path))


# Binding


def test_positional_arguments_take_the_names_of_the_parameters() -> None:
    text = "divide(9, b=4)"
    assert ARITHMETIC.parse(text) == ToolCall("divide", {"a": 9, "b": 4}, text)


def test_the_raw_text_is_kept_as_written() -> None:
    text = "Let me see:\n  add(a=2, b=3).\n"
    assert ARITHMETIC.parse(text).raw == text


@pytest.mark.parametrize(
    ("text", "kind", "message"),
    [
        (
            "divid(a=1, b=2)",
            "unknown_function",
            "There is no function divid. Did you mean divide? The functions are: add, subtract, "
            "multiply, divide, percent_of, integer_divide, remainder, power, round_number.",
        ),
        (
            "zzz(a=1)",
            "unknown_function",
            "There is no function zzz. The functions are: add, subtract, "
            "multiply, divide, percent_of, integer_divide, remainder, power, round_number.",
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
def test_a_call_that_cannot_be_bound_is_told_to_the_letter(
    text: str, kind: str, message: str
) -> None:
    assert refusal(text) == (kind, message)


def test_a_long_name_is_cut() -> None:
    _, message = refusal("x" * 5000 + "()")
    assert message.startswith(f"There is no function {'x' * 57}.... The functions are:")


@given(st.text())
def test_any_text_is_a_call_or_a_call_error(text: str) -> None:
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
def test_any_arguments_are_executed_or_told(name: str, arguments: dict[str, object]) -> None:
    executed = ARITHMETIC.execute(ToolCall(name, arguments, ""))
    assert executed.ok == (executed.error_kind is None)
    try:
        parsed = ARITHMETIC.parse(render_call(name, arguments))
    except CallError as error:
        assert executed == ToolResult(False, str(error), error.kind)
    else:
        assert ARITHMETIC.execute(parsed) == executed


# Executing


@pytest.mark.parametrize(
    ("value", "content"),
    [
        (Fraction(1, 3), "0.333333333333333"),
        ([Fraction(1, 2), (Fraction(2), "x")], "[0.5, [2, x]]"),
        ("text", "text"),
        (7, "7"),
        (True, "True"),
        (None, "None"),
    ],
)
def test_a_value_is_written_for_the_model(value: object, content: str) -> None:
    @tool
    def give() -> object:
        """Give the value."""
        return value

    toolset = Toolset("given", (give,))
    assert toolset.execute(ToolCall("give", {}, "")) == ToolResult(True, content)


def test_help_has_one_line_per_tool() -> None:
    assert toolsets.load("arithmetic[add,divide]").help == (
        "add(a: number, b: number) - Add two numbers. Example: add(a=2, b=3)\n"
        "divide(a: number, b: number) - Divide a by b. Example: divide(a=9, b=4)"
    )


def test_toolsets_load_no_heavy_library() -> None:
    script = """if True:
        import sys, toolsets
        toolsets.load("arithmetic")
        heavy = {"ray", "torch", "vllm", "transformers", "deepspeed", "numpy", "sympy", "z3"}
        print(sorted(heavy & set(sys.modules)))
    """
    command = [sys.executable, "-c", script]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"
