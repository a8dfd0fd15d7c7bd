import subprocess
import sys
from fractions import Fraction

import pytest

import toolsets
from tests.conftest import ROOT
from tests.toolsets import hostile
from toolsets import CallError, ToolCall, ToolResult, Toolset, ToolsetError, tool

FORM = "is not of the form name, name[function,other as new,...] or name+name"
ARITHMETIC = toolsets.load("arithmetic")
free = Toolset(f"{__name__}:free", [hostile.echo], unconfined=True)


def call_error(text: str, toolset: Toolset = ARITHMETIC) -> tuple[str, str]:
    with pytest.raises(CallError) as caught:
        toolset.parse(text)
    return caught.value.kind, str(caught.value)


# Loading


def test_a_shipped_toolset_is_loaded_by_its_name() -> None:
    assert ARITHMETIC.name == "arithmetic"
    assert ARITHMETIC.tool_names[:4] == ("add", "subtract", "multiply", "divide")


def test_a_subset_has_the_requested_order() -> None:
    toolset = toolsets.load("arithmetic[divide, add]")
    assert toolset.tool_names == ("divide", "add")
    assert toolset.name == "arithmetic[divide,add]"


def test_a_users_toolset_is_loaded_by_module_and_attribute() -> None:
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
        "arithmetic[divide as quotient,add,divide]",
        "arithmetic[power,*,add as plus]",
        "arithmetic[add,divide][divide]",
        "(arithmetic[add]+tests.toolsets.hostile:toolset)[echo,add as plus]",
        "arithmetic+(arithmetic[add,divide]+tests.toolsets.hostile:toolset[echo])[add as plus]",
        "tests.toolsets.hostile:toolset[echo]",
        "arithmetic[add]+tests.toolsets.hostile:toolset",
    ],
)
def test_load_accepts_the_name_of_a_loaded_toolset(name: str) -> None:
    toolset = toolsets.load(name)
    assert toolsets.load(toolset.name) == toolset


def test_load_accepts_the_name_of_a_nested_selection() -> None:
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
        ("", f"toolset '' {FORM}"),
        ("arithmetic+", f"toolset '' {FORM}"),
        ("arithmetic[add", f"toolset 'arithmetic[add' {FORM}"),
        ("(arithmetic", f"toolset '(arithmetic' {FORM}"),
        ("arithmetic)", f"toolset 'arithmetic)' {FORM}"),
        ("arithmetic arithmetic", f"toolset 'arithmetic arithmetic' {FORM}"),
        (".a:b", f"toolset '.a:b' {FORM}"),
        ("arithmetic[sum]", "toolset arithmetic has no function 'sum'; it has: add, subtract, "),
        ("arithmetic[]", "toolset arithmetic has no function ''; it has: add, subtract, "),
        (
            "arithmetic[add,add]",
            "toolset arithmetic[add,add] has two tools named add; rename one",
        ),
        (
            "arithmetic[add as subtract,*]",
            "toolset arithmetic[add as subtract,*] has two tools named subtract; rename one",
        ),
        (
            "arithmetic[add as 2nd]",
            "'2nd' cannot be the name of a function; use letters, digits and _",
        ),
        (
            "arithmetic[add as class]",
            "'class' cannot be the name of a function; use letters, digits and _",
        ),
        (
            "arithmetic[add,divide,power]+arithmetic[add as divide_2,add,divide]",
            "toolset arithmetic[add,divide,power]+arithmetic[add as divide_2,add,divide] has two "
            "functions named add; rename one, such as by arithmetic[add,divide,power]+"
            "arithmetic[add as divide_2,add,divide][*, add as add_2, divide as divide_3]",
        ),
    ],
)
def test_an_invalid_name_raises_toolset_error(name: str, message: str) -> None:
    with pytest.raises(ToolsetError) as caught:
        toolsets.load(name)
    assert str(caught.value).startswith(message)


def test_the_rename_suggested_by_an_error_works() -> None:
    with pytest.raises(ToolsetError) as caught:
        toolsets.load("arithmetic[add,divide]+arithmetic[add]")
    advice = str(caught.value).partition("such as by ")[2]
    assert toolsets.load(advice).tool_names == ("add", "divide", "add_2")


def test_a_star_selects_the_other_functions() -> None:
    names = toolsets.load("arithmetic[add,subtract,multiply][multiply,*,add as plus]").tool_names
    assert names == ("multiply", "subtract", "plus")


def test_a_renamed_function_is_called_by_its_new_name() -> None:
    toolset = toolsets.load("arithmetic[add as plus, add]")
    assert toolset.name == "arithmetic[add as plus,add]"
    assert toolset.help.startswith("plus(a: number, b: number) - Add two numbers. Example: plus(a")
    assert toolset.execute(toolset.parse("plus(2, 3)")).content == "5"
    message = "plus takes 2 arguments, got 3. Use: plus(a: number, b: number)"
    assert call_error("plus(1, 2, 3)", toolset) == ("bad_arguments", message)


def test_tools_may_be_given_as_a_list() -> None:
    assert Toolset("mine", [hostile.echo]) == Toolset("mine", (hostile.echo,))


def test_a_plain_function_is_refused_as_a_tool() -> None:
    def plain() -> None:
        """Do nothing."""

    with pytest.raises(ToolsetError) as caught:
        Toolset("mine", [hostile.echo, plain])
    line = plain.__code__.co_firstlineno
    assert str(caught.value) == (
        f"toolset mine: {__file__}, line {line}: function plain is not a tool; "
        "decorate it with @tool"
    )


def test_an_error_for_two_tools_of_one_name_has_their_locations() -> None:
    def one(a: int) -> int:
        """Take a number."""
        return a

    def other(a: str) -> str:
        """Take a text."""
        return a

    with pytest.raises(ToolsetError) as caught:
        Toolset("mine", [tool(one), tool(other).renamed("one")])
    first, second = one.__code__.co_firstlineno, other.__code__.co_firstlineno
    assert str(caught.value) == (
        "toolset mine has two tools named one; rename one "
        f"({__file__}, line {first}: function one and {__file__}, line {second}: function other)"
    )


def test_each_tool_keeps_whether_it_is_unconfined() -> None:
    free = Toolset("free", [hostile.echo], unconfined=True)
    assert free.select(["echo as reply"])["reply"].unconfined
    for joined in (ARITHMETIC + free, free + ARITHMETIC):
        assert joined.unconfined and joined["echo"].unconfined
        assert not joined["add"].unconfined
        assert not joined.select(["add"]).unconfined
    assert not (ARITHMETIC + ARITHMETIC.select(["add as plus"])).unconfined


@pytest.mark.parametrize(
    ("name", "confined", "free"),
    [
        ("arithmetic[add]+h:toolset", "arithmetic[add]", "h:toolset"),
        ("h:toolset+arithmetic[add]+logic", "arithmetic[add]+logic", "h:toolset"),
        ("(arithmetic+h:toolset)[add,echo]", "arithmetic[add]", "h:toolset[echo]"),
        (
            "(arithmetic[add]+h:toolset)[add as plus,echo as add][plus,add]",
            "arithmetic[add][add as plus][plus]",
            "h:toolset[echo as add][add]",
        ),
    ],
)
def test_a_joined_toolset_is_divided_into_confined_and_free(
    name: str, confined: str, free: str
) -> None:
    module = f"{__name__}:free"
    toolset = toolsets.load(name.replace("h:toolset", module))
    parts = toolset.confined_or_not()
    written = [part.name.replace(module, "h:toolset") for part in parts]
    assert written == [confined, free]
    assert [toolsets.load(part.name).tool_names for part in parts] == [
        part.tool_names for part in parts
    ]
    assert sorted(parts[0].tool_names + parts[1].tool_names) == sorted(toolset.tool_names)


def test_a_toolset_of_one_kind_is_not_divided() -> None:
    assert ARITHMETIC.confined_or_not() == (ARITHMETIC,)
    assert free.confined_or_not() == (free,)


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
        heavy |= {"mcp", "jsonschema", "pint"}
        print(sorted(heavy & set(sys.modules)))
    """
    command = [sys.executable, "-c", script]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"
