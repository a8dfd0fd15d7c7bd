import pytest

from toolsets.languages.formula.parser import parse
from toolsets.languages.formula.syntax import (
    Function,
    Symbol,
    free_variables,
    rename,
    render,
    same,
    substitute,
    symbols,
)


@pytest.mark.parametrize(
    "text",
    [
        "∀x (Cat(x) → Furry(x))",
        "¬(p ∧ q) ∨ r",
        "(p → q) → r",
        "p → q → r",
        "p ⊕ q → r ↔ s",
        "p ∧ (q ∧ r)",
        "¬(a = b)",
        "∃x ∃y ¬(x = y)",
        "∀x ∃y Likes(x, y) → p",
        "father(tom) = 7",
        "⊤ ∨ ⊥",
    ],
)
def test_a_formula_is_rendered_with_the_fewest_parentheses(text: str) -> None:
    assert render(parse(text)) == text
    assert render(parse(f"({text})")) == text


def test_symbols_differ_by_kind_and_number_of_arguments() -> None:
    assert symbols(parse("Loves(a) ∧ Loves(a, f(a))")) == [
        Symbol("predicate", "Loves", 1),
        Symbol("function", "a", 0),
        Symbol("predicate", "Loves", 2),
        Symbol("function", "f", 1),
    ]


def test_substitution_avoids_variable_capture() -> None:
    body = parse("∀x ∃y Likes(x, y)").body  # pyright: ignore[reportAttributeAccessIssue]
    assert render(substitute(body, {"x": Function("y")})) == "∃y1 Likes(y, y1)"


def test_substitution_skips_a_variable_that_is_bound_again() -> None:
    formula = parse("∀x (Cat(x) ∧ ∃x Dog(x))").body  # pyright: ignore[reportAttributeAccessIssue]
    assert render(substitute(formula, {"x": Function("tom")})) == "Cat(tom) ∧ ∃x Dog(x)"
    assert free_variables(formula) == {"x"}


def test_names_of_bound_variables_do_not_matter_for_equality() -> None:
    assert same(parse("∀x ∃y Likes(x, y)"), parse("∀y ∃x Likes(y, x)"))
    assert not same(parse("∀x ∃y Likes(x, y)"), parse("∀x ∃y Likes(y, x)"))


def test_renaming_respects_kind_and_number_of_arguments() -> None:
    other = {Symbol("predicate", "Cat", 1): "Dog", Symbol("function", "tom", 0): "rex"}
    assert render(rename(parse("Cat(tom) ∧ Cat(tom, a)"), other)) == "Dog(rex) ∧ Cat(rex, a)"
