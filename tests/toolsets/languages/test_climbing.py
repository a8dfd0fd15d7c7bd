"""Precedence climbing with a small language: numbers, + - * ^, minus and parentheses."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from toolsets.languages.climbing import Climber, scan

TOKEN = re.compile(r"\d+|[-+*^()]")
BINDING = {"+": 1, "-": 1, "*": 2, "^": 4}
MINUS = 3  # before an operand: tighter than *, looser than ^
END = ""
DEEPEST = 6


class TooDeep(ValueError):
    """Text nested deeper than DEEPEST."""


class Calculator(Climber[str, str]):
    """Writes an expression with a parenthesis around each operation; ^ groups to the right."""

    def operand(self) -> str:
        token = self.take()
        if token == "-":
            return f"(-{self.climb(MINUS)})"
        if token == "(":
            inner = self.climb(0)
            assert self.take() == ")"
            return inner
        assert token.isdigit(), token
        return token

    def binding(self) -> int:
        return BINDING.get(self.token, 0)

    def operation(self, left: str) -> str:
        sign = self.take()
        right = self.climb(BINDING[sign] - (sign == "^"))
        return f"({left}{sign}{right})"

    def too_deep(self) -> TooDeep:
        return TooDeep()


def unknown(character: str, column: int) -> ValueError:
    return ValueError(f"column {column}: {character}")


def words(text: str) -> list[str]:
    return [match.group() for match in scan(text, TOKEN, unknown)]


def calculator(text: str) -> Calculator:
    return Calculator([*words(text), END], DEEPEST)


def grouped(text: str) -> str:
    return calculator(text).climb(0)


def test_tokens_are_found_between_white_space() -> None:
    found = scan(" 12 +\n\t(3)", TOKEN, unknown)
    assert [(match.group(), match.start()) for match in found] == [
        ("12", 1),
        ("+", 4),
        ("(", 7),
        ("3", 8),
        (")", 9),
    ]


@pytest.mark.parametrize("text", ["", " \n"])
def test_blank_text_has_no_tokens(text: str) -> None:
    assert words(text) == []


def test_an_unknown_character_is_named_with_its_column() -> None:
    with pytest.raises(ValueError, match=r"^column 5: x$"):
        words("1 + x")


def test_tokens_before_an_unknown_character_are_found() -> None:
    found = scan("1 ?", TOKEN, unknown)
    assert next(found).group() == "1"
    with pytest.raises(ValueError, match=r"^column 3: \?$"):
        next(found)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("7", "7"),
        ("1+2*3", "(1+(2*3))"),
        ("1*2+3", "((1*2)+3)"),
        ("1-2-3", "((1-2)-3)"),
        ("2^3^4", "(2^(3^4))"),
        ("(1+2)*3", "((1+2)*3)"),
        ("-1*2", "((-1)*2)"),
        ("-1^2", "(-(1^2))"),
        ("2^-1+3", "((2^(-1))+3)"),
        ("1+2*3^4-5", "((1+(2*(3^4)))-5)"),
    ],
)
def test_operators_group_by_their_binding(text: str, expected: str) -> None:
    assert grouped(text) == expected


def test_climbing_stops_at_an_operator_that_binds_no_tighter() -> None:
    parser = calculator("1*2+3")
    assert parser.climb(BINDING["+"]) == "(1*2)"
    assert parser.token == "+"
    parser = calculator("1+2")
    assert parser.climb(BINDING["+"]) == "1"


def test_the_end_token_is_never_passed() -> None:
    parser = calculator("7")
    assert [parser.take() for _ in range(4)] == ["7", END, END, END]
    assert parser.token == END


@pytest.mark.parametrize("text", ["(" * 5 + "1" + ")" * 5, "-" * 5 + "1", "2^" * 5 + "1"])
def test_text_of_the_maximum_depth_is_parsed_and_deeper_text_is_not(text: str) -> None:
    grouped(text)
    with pytest.raises(TooDeep):
        grouped(text.replace("1", "(1)"))


def test_levels_are_left_again_so_that_a_long_text_is_not_deep() -> None:
    assert grouped("+".join(["(1)"] * 50)).count("+") == 49


EXPRESSIONS = st.recursive(
    st.integers(0, 99).map(str),
    lambda inner: st.builds("({}{}{})".format, inner, st.sampled_from([*BINDING]), inner),
    max_leaves=4,
)


@given(EXPRESSIONS)
def test_text_with_all_parentheses_is_parsed_as_they_group_it(text: str) -> None:
    deep = 2 * DEEPEST  # each of at most three operations is a level, and so is its parenthesis
    assert Calculator([*words(text), END], deep).climb(0) == text
