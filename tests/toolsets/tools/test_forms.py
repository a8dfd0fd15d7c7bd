"""Arguments whose form only the function's schema tells."""

from __future__ import annotations

import pytest

from toolsets import CallError, Number, Toolset, tool


@tool
def count(options: dict[str, int], most: int = 3) -> str:
    """Count."""
    return f"{sorted(options)}, {most}"


@tool
def place(name: str, size: float = 1.0) -> str:
    """Place something."""
    return f"{name!r} {size}"


@tool
def either(value: int | str | None = None, numbers: list[Number] | None = None) -> str:
    """Take either."""
    return f"{value!r} {numbers}"


TOOLSET = Toolset("own", (count, place, either))


def run(text: str) -> str:
    return TOOLSET.execute(TOOLSET.parse(text)).content


def tagged(function: str, /, **values: str) -> str:
    inside = "".join(f"<parameter={key}>{value}</parameter>" for key, value in values.items())
    return f"<function={function}>{inside}</function>"


def test_all_arguments_in_one_dict_are_unpacked() -> None:
    assert run('place({"name": "a", "size": 2})') == "'a' 2.0"


def test_a_dict_that_is_the_first_argument_stays() -> None:
    assert run('count({"red": 1})') == "['red'], 3"


def test_a_dict_that_may_be_one_argument_or_all_is_refused() -> None:
    with pytest.raises(CallError, match="may be the argument options or all arguments") as caught:
        TOOLSET.parse('count({"options": {"red": 1}})')
    assert caught.value.kind == "bad_arguments"


@pytest.mark.parametrize(
    ("text", "result"),
    [
        (tagged("place", name="12", size="2.5"), "'12' 2.5"),
        (tagged("place", name='"a"'), "'\"a\"' 1.0"),
        (tagged("either", value="12"), "12 None"),
        (tagged("either", value="twelve"), "'twelve' None"),
        (tagged("either", value="null"), "None None"),
        (tagged("either", numbers="[1, 2]"), "None [Fraction(1, 1), Fraction(2, 1)]"),
        (tagged("count", options='{"red": 1}', most="2"), "['red'], 2"),
        ("count(options='{\"red\": 1}')", "['red'], 3"),
        ("either(numbers='[1]')", "None [Fraction(1, 1)]"),
        ("either(value='[1]')", "'[1]' None"),
        ('place(NAME="a")', "'a' 1.0"),
    ],
)
def test_a_value_is_read_as_its_parameters_type(text: str, result: str) -> None:
    assert run(text) == result


def test_an_argument_given_in_two_cases_is_refused() -> None:
    with pytest.raises(CallError, match="got argument name twice"):
        TOOLSET.parse('place(name="a", Name="b")')
