"""Parsing a call from a model's reply.

`replies/` has typical replies of models with the expected outcome of each.
"""

from __future__ import annotations

import json
import keyword
import string
import time
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import example, given
from hypothesis import strategies as st

import toolsets
from toolsets import CallError, Number, Toolset, parse_call, render_call, tool

NAMES = st.text(string.ascii_letters + "_", min_size=1).filter(
    lambda name: not keyword.iskeyword(name)
)
VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=10,
)
FORM = " Reply with one call, like name(a=1, b=2)."
VALUE = "; write its value, and texts in quotes"
CALCULATION = "; make the calculation a call of its own first, or write its value"
REPLIES = Path(__file__).parent / "replies"


@tool
def add(a: Number, b: Number) -> Number:
    """Add two numbers."""
    return a + b


@tool
def answer(value: int | float | str | bool) -> str:
    """Give the final answer."""
    return str(value)


@tool
def think(thought: str) -> str:
    """Note a thought."""
    return thought


@tool
def total(values: list[Number]) -> Number:
    """Add numbers."""
    return sum(values, Fraction(0))


@tool
def entails(premises: list[str], conclusion: str) -> bool:
    """Say whether the conclusion follows."""
    return conclusion in premises


TOOLSET = Toolset("own", (add, answer, think, total, entails))


def replies(name: str) -> list[dict[str, str]]:
    return yaml.safe_load((REPLIES / f"{name}.yaml").read_text())


def arguments(text: str) -> dict[str, Any]:
    return parse_call(text).keywords


def error_message(text: str) -> str:
    with pytest.raises(CallError) as caught:
        parse_call(text)
    assert caught.value.kind == "unparseable_call"
    assert str(caught.value).endswith(FORM)
    return str(caught.value).removesuffix(FORM)


@given(name=NAMES, arguments=st.dictionaries(NAMES, VALUES, max_size=4))
def test_a_rendered_call_is_parsed_back(name: str, arguments: dict[str, Any]) -> None:
    written = parse_call(render_call(name, arguments))
    assert (written.name, written.positional, written.keywords) == (name, (), arguments)
    assert repr(written.keywords) == repr(arguments)  # 1 is not 1.0, 0.0 not -0.0, True not 1


@given(name=NAMES, arguments=st.dictionaries(NAMES, VALUES, max_size=4))
@example(name="think", arguments={"thought": "```x``` <tool_call> **y** “z”"})
def test_a_call_within_a_sentence_is_parsed(name: str, arguments: dict[str, Any]) -> None:
    written = parse_call(f"I will call {render_call(name, arguments)} now.")
    assert (written.name, written.keywords) == (name, arguments)


@given(name=NAMES, arguments=st.dictionaries(NAMES, VALUES, max_size=4), escaped=st.booleans())
def test_a_call_as_json_is_parsed(name: str, arguments: dict[str, Any], escaped: bool) -> None:
    text = json.dumps({"name": name, "arguments": arguments}, ensure_ascii=escaped)
    for reply in (text, f"<tool_call>\n{text}\n</tool_call>", f"I call ```json\n{text}```."):
        written = parse_call(reply)
        assert written.name == name
        assert repr(written.keywords) == repr(arguments)


@pytest.mark.parametrize("case", replies("accepted"), ids=lambda case: case["reply"])
def test_an_unambiguous_reply_is_parsed(case: dict[str, str]) -> None:
    parsed, expected = TOOLSET.parse(case["reply"]), TOOLSET.parse(case["call"])
    assert (parsed.name, parsed.arguments) == (expected.name, expected.arguments)
    assert parsed.raw == case["reply"]


@pytest.mark.parametrize("case", replies("refused"), ids=lambda case: case["reply"])
def test_an_invalid_reply_raises_an_error_with_the_fix(case: dict[str, str]) -> None:
    with pytest.raises(CallError) as caught:
        TOOLSET.parse(case["reply"])
    kind = case.get("kind", "unparseable_call")
    assert caught.value.kind == kind
    message = str(caught.value)
    assert message.startswith(case["says"]) if "kind" in case else message == case["says"] + FORM


PIECES = ["add(a=2, b=3)", '{"name": "add", "arguments": {"a": 2}}', "<tool_call>", "```json\n"]
PIECES += list("f(a=1,[]{}'\"\\#)\n`.;*-: \u201c\u2019\uff08\u200b\uff12$%")


@given(st.text() | st.lists(st.sampled_from(PIECES)).map("".join))
def test_any_text_is_parsed_or_raises_call_error(text: str) -> None:
    try:
        parse_call(text)
    except CallError as error:
        assert error.kind == "unparseable_call"


@pytest.mark.parametrize(
    "text",
    [
        "(" * 19_000,
        "f(" * 9_000,
        "f(" + "[" * 9_000,
        "f(" + "-" * 19_000 + "1)",
        "f(a" + ".a" * 9_000 + ")",
        "f(" + "1+" * 9_000 + "1)",
        "f(" + "9" * 9_000 + ")",
        "f(1e999)",
        "```\n" + "\n" * 19_000 + "x",
        "f(" + "a=1, " * 3_000 + ")",
        "a." * 9_000 + "b(1)",
        "a." * 9_999,
        "f(x) " * 3_900,
        "f(1) " * 3_900,
        "f('" * 6_000,
        'f(\\"' * 4_000,
        '{"' * 9_900,
        '{"a":' * 3_900,
        '{"a": 1} ' * 2_200,
        "*" * 19_000 + "f(1",
        "`f(1" + "`" * 19_000,
        "<think>" * 2_800,
        "</think>" * 2_000,
        "<function=a>" * 1_500,
        "<function=a><parameter=b>1" * 700,
        "<tool_call>a" * 1_600,
        "[TOOL_CALLS]a" * 1_500,
        "a {" * 6_000,
        "{a:" * 6_000,
        "f(x, " * 3_900,
        "to=a" * 4_000,
        "analysis" * 2_000,
        "f([" + "1,200," * 2_800 + "1,200])",
        "f(" + "'' " * 6_000 + ")",
        "1,111" * 3_900,
        "f(1" + ",111" * 4_900 + "x)",
        "f(" + "\u2019a" * 9_900,
        "f(\u201ca\u201e" * 3_900,
        "Action: a" + "\n" * 19_000,
        "f a=1" * 3_900,
        "f" + " " * 19_000 + "=(",
        "f(a=1)" + " " * 19_000 + "f(",
    ],
)
def test_an_expensive_reply_is_refused_quickly(text: str) -> None:
    start = time.perf_counter()
    error_message(text)
    with pytest.raises(CallError):
        TOOLSET.parse(text)
    assert time.perf_counter() - start < 2


def test_positional_and_named_arguments_are_separate() -> None:
    written = parse_call("power(2, exponent=10)")
    assert (written.name, written.positional) == ("power", (2,))
    assert written.keywords == {"exponent": 10}


@pytest.mark.parametrize("text", ["f(a=-3)", "f(a=- 3)"])
def test_a_negative_literal_is_accepted(text: str) -> None:
    assert arguments(text) == {"a": -3}


def test_a_plus_sign_is_accepted() -> None:
    assert arguments("f(a=+2.5)") == {"a": 2.5}


@pytest.mark.parametrize("words", ["true, false, null", "True, False, None"])
def test_constants_of_json_and_python_are_accepted(words: str) -> None:
    assert parse_call(f"f({words})").positional == (True, False, None)


def test_lists_tuples_and_dicts_are_json_values() -> None:
    assert arguments("f(a=[1, (2, 3)], b={'x': [null]})") == {"a": [1, [2, 3]], "b": {"x": [None]}}


@pytest.mark.parametrize(
    "text",
    [
        "  add(a=2, b=3)\n",
        "add(a=2, b=3).",
        "add(a=2, b=3);",
        "```\nadd(a=2, b=3)\n```",
        "```python\nadd(a=2, b=3)\n```\n",
        "```tool_call \n\n  add(a=2, b=3)\n\n```",
        "I add them first (as one does):\nadd(a=2, b=3)\nThen we will see.",
        "Sure!\n```python\nadd(a=2, b=3)\n```",
        "```\nFirst:\nadd(a=2, b=3)\n```",
        "add(\n  a=2,\n  b=3,\n)",
        "add(a=2, b=3)  # two and three",
    ],
)
def test_prose_and_fences_around_one_call_are_accepted(text: str) -> None:
    written = parse_call(text)
    assert (written.name, written.keywords) == ("add", {"a": 2, "b": 3})


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "The reply is empty."),
        (" \n", "The reply is empty."),
        ("```\n```", "The reply is empty."),
        ("It is 5.", "The reply is not a call."),
        ("5", "The reply is not a call."),
        ("add(a=2", "The reply is not a call. It is not closed: ) is missing."),
        ("f(1)\ng(2)", "The reply holds 2 calls: f(1) and g(2). Make only one of them."),
        ("f(1)(2)", "The name of the function must be a plain name."),
        ("f(**{'a': 1})", "** cannot be used in a call."),
        ("f(a=1, a=2)", "The argument a is given twice."),
        ("f(*[1])", "The argument *[1] is not a plain value."),
        ("f(a=x)", f"The argument x is not a plain value{VALUE}."),
        ("f(a=1 + 2)", f"The argument 1 + 2 is not a plain value{CALCULATION}."),
        ("f(a=-true)", f"The argument -true is not a plain value{CALCULATION}."),
        ("f(a=-'x')", f"The argument -'x' is not a plain value{CALCULATION}."),
        ("f(a=b'x')", "The argument b'x' is not a plain value."),
        ("f(a=2j)", "The argument 2j is not a plain value."),
        ("f(a=...)", "The argument ... is not a plain value."),
        ("f(a=f'{x}')", "The argument f'{x}' is not a plain value."),
        ("f(a={1, 2})", "The argument {1, 2} is not a plain value."),
        ("f(a={1: 2})", "The keys of a dict must be strings."),
        ("f(a={**x})", "The keys of a dict must be strings."),
        ("f(a=1e999)", "A number is too large to be written with an exponent."),
        (
            "f(a=add(1, 2))",
            "A call cannot be an argument of a call; make the inner call first.",
        ),
        ("f(" + "[" * 60 + "]" * 60 + ")", "An argument is nested deeper than 50 levels."),
        ("f('" + "x" * 20_000 + "')", "The reply is longer than 20,000 characters."),
        (
            f"f(a=1 + {'1' * 99})",
            f"The argument 1 + {'1' * 53}... is not a plain value{CALCULATION}.",
        ),
    ],
)
def test_an_error_message_says_how_to_correct_the_call(text: str, reason: str) -> None:
    assert error_message(text) == reason


def test_nothing_is_evaluated() -> None:
    assert error_message("f(__import__('os').getcwd())").startswith("A call cannot be an argument")


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (f"answer(value=0x1{'0' * 3600})", "A whole number is too long."),
        ("answer(value='\\ud800')", "A text holds half of a character."),
        ("f(a={'\\ud800': 1})", "A text holds half of a character."),
    ],
)
def test_a_value_that_cannot_be_encoded_is_unparseable(text: str, reason: str) -> None:
    with pytest.raises(CallError, match=reason) as caught:
        parse_call(text)
    assert caught.value.kind == "unparseable_call"


@pytest.mark.parametrize(
    "reply",
    [
        "add(a=12345678901234567890.5, b=0)",
        'add(a=12345678901234567890.5, b="0")',
        '{"name": "add", "arguments": {"a": 12345678901234567890.5, "b": 0}}',
        "{'name': 'add', 'arguments': {'a': 12345678901234567890.5, 'b': 0}}",
    ],
)
def test_a_decimal_number_that_no_float_holds_stays_exact(reply: str) -> None:
    call = parse_call(reply)
    arithmetic = toolsets.load("arithmetic")
    assert call.keywords["a"] == "12345678901234567890.5"
    assert arithmetic.execute(arithmetic.parse(reply)).content == "12345678901234567890.5"


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("0.1", 0.1),
        ("-2.50", -2.5),
        ("1e3", 1000.0),
        ("0.333333333333333", 0.333333333333333),
        ("-0.12345678901234567890", "-0.12345678901234567890"),
        ("+1_000.00000000000000001", "1000.00000000000000001"),
        ("1e-400", "1e-400"),
        ("100000000000000000000.0", 1e20),
    ],
)
def test_a_decimal_number_is_a_float_where_a_float_holds_it(text: str, value: object) -> None:
    assert parse_call(f"add(a={text}, b=0)").keywords["a"] == value
