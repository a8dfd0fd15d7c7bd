import pytest

from toolsets.languages.formula.suggestions import close, suggest
from toolsets.languages.formula.syntax import render


@pytest.mark.parametrize(
    ("text", "closed"),
    [
        ("Cat(tom", "Cat(tom)"),
        ("∀x (Cat(x) → Furry(x)", "∀x (Cat(x) → Furry(x))"),
        ("∀x (Cat(x) → (Furry(x) ∨ Bald(x))", "∀x (Cat(x) → Furry(x) ∨ Bald(x))"),
        ("(p ∧ q → r", "p ∧ q → r"),
        ("p ∧ (q ∧ r) ∨ (p ∧ q", "p ∧ (q ∧ r) ∨ p ∧ q"),
        ("[p ∧ q", "p ∧ q"),
        ("And(p, q", "p ∧ q"),
        ("ForAll(x, Cat(x)", "∀x Cat(x)"),
        ("Likes(tom, father(rex)", "Likes(tom, father(rex))"),
        ("Cat(tom.", "Cat(tom)"),
    ],
)
def test_one_missing_parenthesis_is_closed_if_its_place_does_not_matter(
    text: str, closed: str
) -> None:
    formula = close(text)
    assert formula is not None
    assert render(formula) == closed


@pytest.mark.parametrize(
    "text",
    [
        "(p → q ∧ r",
        "¬(p ∧ q",
        "p ∧ (q → r → p",
        "P(f(a, b)",
        "∀x (Cat(x) → (Furry(x)",
        "P(a ∧ Q(b)",
        "(p]",
        "p)",
        "p",
        "(p ? q",
        "(" + " ∧ ".join("p" * 200),
    ],
)
def test_a_missing_parenthesis_with_several_readings_is_not_closed(text: str) -> None:
    assert close(text) is None


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("∀x Cat(x) → Furry(x)", "∀x (Cat(x) → Furry(x))"),
        ("exists x Cat(x) & Furry(x)", "∃x (Cat(x) ∧ Furry(x))"),
        ("∀x ∀y Likes(x, y) → Likes(y, x)", "∀x ∀y (Likes(x, y) → Likes(y, x))"),
        ("Co-op(a)", "Co_op(a)"),
        ("P(mr.smith)", "P(mr_smith)"),
        ("P(captain america)", "P(captain_america)"),
        ("Likes(tom, captain america)", "Likes(tom, captain_america)"),
        ("P(l-2021", "P(l_2021)"),
    ],
)
def test_a_suggestion_keeps_the_meaning(text: str, meant: str) -> None:
    suggested = suggest(text)
    assert suggested is not None
    assert render(suggested) == meant


@pytest.mark.parametrize(
    "text",
    [
        "p ^ q",
        "Height(a) > Height(b)",
        "it is so",
        "for every cat",
        "P(a) Q(b)",
        "P(a), Q(b)",
        "Furry(Cat(tom)) ∧ Cat(tom)",
        "P(10,000)",
        "P(a ∧ Q(b)",
        "∃x (P(x), Q(x))",
        "p" * 2_000 + " ^",
    ],
)
def test_nothing_is_suggested_that_might_change_the_meaning(text: str) -> None:
    assert suggest(text) is None
