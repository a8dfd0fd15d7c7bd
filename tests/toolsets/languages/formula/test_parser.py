import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tests.toolsets.languages.formula.formulas import formulas
from toolsets.errors import LimitExceeded
from toolsets.languages.formula.parser import parse, parse_term
from toolsets.languages.formula.syntax import Formula, Function, Variable, render, walk
from toolsets.languages.formula.tokens import (
    DEEPEST_FORMULA,
    LONGEST_FORMULA,
    FormulaError,
    FormulaTooLarge,
)
from toolsets.shipped.logic.solver import consistent
from toolsets.shipped.logic.transform import fold, push_negations

SIGNS = [*"∀∃¬∧∨⊕→↔=≠().,: xyPQ1~&|^-", "forall ", "exists ", "->", "<->", "Cat", "true"]


@given(formulas())
def test_a_rendered_formula_parses_to_the_same_tree(formula: Formula) -> None:
    assert parse(render(formula)) == formula


@given(st.text() | st.lists(st.sampled_from(SIGNS)).map("".join))
@example("(" * 5000)
@example("¬" * 5000)
@example("∀x" * 2000)
@example("P(f(" * 2000)
@example("p→" * 2000)
@example("p∧" * 2000 + "p")
def test_any_text_parses_or_raises_a_formula_error(text: str) -> None:
    try:
        parse(text)
    except FormulaError as error:
        assert 1 <= error.column <= max(len(text), LONGEST_FORMULA) + 1


@pytest.mark.parametrize(
    ("ascii", "signs"),
    [
        ("forall x (Cat(x) -> Furry(x))", "∀x (Cat(x) → Furry(x))"),
        ("exists x. Cat(x) & ~Dog(x)", "∃x (Cat(x) ∧ ¬Dog(x))"),
        ("not p and q or r", "¬p ∧ q ∨ r"),
        ("p xor q <-> r", "p ⊕ q ↔ r"),
        ("p => q", "p → q"),
        ("p <=> q", "p ↔ q"),
        ("!p && q || r", "¬p ∧ q ∨ r"),
        ("a != b", "¬(a = b)"),
        ("a == b", "a = b"),
        ("forall x, y Likes(x, y)", "∀x ∀y Likes(x, y)"),
        ("true -> false", "⊤ → ⊥"),
    ],
)
def test_the_ascii_form_parses_to_the_same_tree(ascii: str, signs: str) -> None:
    assert parse(ascii) == parse(signs)


@pytest.mark.parametrize(
    ("text", "grouped"),
    [
        ("¬p ∧ q", "(¬p) ∧ q"),
        ("p ∧ q ∨ r", "(p ∧ q) ∨ r"),
        ("p ∨ q ⊕ r", "(p ∨ q) ⊕ r"),
        ("p ⊕ q → r", "(p ⊕ q) → r"),
        ("p → q ↔ r", "(p → q) ↔ r"),
        ("p → q → r", "p → (q → r)"),
        ("p ⊕ q ⊕ r", "(p ⊕ q) ⊕ r"),
        ("∀x Cat(x) → p", "(∀x Cat(x)) → p"),
        ("∀x. Cat(x) → Furry(x)", "∀x (Cat(x) → Furry(x))"),
        ("¬∃x Cat(x) ∧ p", "(¬(∃x Cat(x))) ∧ p"),
    ],
)
def test_operators_bind_from_negation_to_equivalence(text: str, grouped: str) -> None:
    assert parse(text) == parse(grouped)


def test_position_decides_the_kind_of_a_name_not_its_case() -> None:
    formula = parse("∀Tom (cat(Tom) → likes(Tom, jerry))")
    terms = {part for part in walk(formula) if isinstance(part, Variable | Function)}
    assert terms == {Variable("Tom"), Function("jerry")}


def test_a_number_is_a_constant() -> None:
    assert parse_term("1.5") == Function("1.5")
    assert render(parse("Costs(tea, 3)")) == "Costs(tea, 3)"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "column 1: expected a formula, got the end"),
        ("Cat(tom", "column 8: expected ) or , in the arguments of Cat, got the end"),
        ("(p ∧ q", "column 7: expected ) to close the ( of column 1, or a connective, got the end"),
        ("p ∧ q)", "column 6: this ) closes nothing"),
        ("p q", "column 3: expected a connective such as ∧ or →, or the end, got q"),
        ("p ∧", "column 4: expected a formula, got the end"),
        ("p ^ q", "column 3: '^' is not allowed in a formula; write ∧ (and) or ⊕ (xor)"),
        ("Co-op(a)", "column 3: '-' is not allowed here; write _ within a name"),
        ("∀ (Cat(x))", "column 7: expected , and a formula after the variables of ∀(…), got ("),
        ("∀x Cat(x) → Furry(x)", "column 19: x is outside of its quantifier"),
        ("∀x x", "column 4: expected a formula, but x is a variable"),
        ("3", "column 1: expected a formula, but 3 is a number"),
        ("∀x x(a)", "column 5: x is a variable and takes no arguments"),
        ("Cat()", "column 5: expected a term such as a constant or a variable, got )"),
        ("Cat(Cat)", "column 1: Cat is used both as a predicate and as a thing"),
        ("∀x 3 P(x)", "column 4: expected a formula, but 3 is a number"),
    ],
)
def test_an_error_names_its_column(text: str, message: str) -> None:
    with pytest.raises(FormulaError) as raised:
        parse(text)
    assert str(raised.value).startswith(message)


@pytest.mark.parametrize("text", ["¬" * (3 * DEEPEST_FORMULA) + "p", "p" * (LONGEST_FORMULA + 1)])
def test_a_formula_too_deep_or_too_long_raises_a_limit_error(text: str) -> None:
    with pytest.raises(FormulaTooLarge) as raised:
        parse(text)
    assert isinstance(raised.value, LimitExceeded)


def test_a_formula_of_the_maximum_depth_is_parsed_and_rendered() -> None:
    texts = [
        " ∧ ".join(["p"] * (DEEPEST_FORMULA - 1)),
        "¬" * (DEEPEST_FORMULA - 1) + "p",
        "∀x " * (DEEPEST_FORMULA - 2) + "P(x)",
        "(" * DEEPEST_FORMULA + "p" + ")" * DEEPEST_FORMULA,
    ]
    for text in texts:
        formula = parse(text)
        assert parse(render(formula)) == formula
        assert fold(push_negations(formula, negated=True))
        assert consistent([formula]) is True


def test_text_after_a_term_is_an_error() -> None:
    assert parse_term("father(tom)") == Function("father", (Function("tom"),))
    with pytest.raises(FormulaError, match="column 5: expected the end, got rex"):
        parse_term("tom rex")
