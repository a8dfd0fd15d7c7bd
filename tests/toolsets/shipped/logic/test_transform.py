import pytest
from hypothesis import given, settings

from tests.toolsets.languages.formula.formulas import formulas
from toolsets.languages.formula.parser import parse
from toolsets.languages.formula.syntax import Formula, Not, Quantified, Truth, render, walk
from toolsets.shipped.logic.solver import equivalent
from toolsets.shipped.logic.transform import complement, fold, push_negations


@given(formulas())
@settings(max_examples=40)
def test_pushed_negations_are_equivalent_and_only_before_atoms(formula: Formula) -> None:
    pushed = push_negations(formula, negated=True)
    assert equivalent(pushed, Not(formula)) is not False
    under = [part.operand for part in walk(pushed) if isinstance(part, Not)]
    assert not any(isinstance(part, Not | Quantified | Truth) for part in under)


@given(formulas())
@settings(max_examples=40)
def test_a_folded_formula_is_equivalent_and_not_longer(formula: Formula) -> None:
    folded = fold(formula)
    assert equivalent(folded, formula) is not False
    assert len(list(walk(folded))) <= len(list(walk(formula)))


@pytest.mark.parametrize(
    ("text", "folded"),
    [
        ("~~p", "p"),
        ("p & true", "p"),
        ("p & false", "⊥"),
        ("p | true", "⊤"),
        ("p -> false", "¬p"),
        ("false -> p", "⊤"),
        ("p <-> false", "¬p"),
        ("p xor true", "¬p"),
        ("p & p", "p"),
        ("p xor p", "⊥"),
        ("p -> p", "⊤"),
        ("p & ~p", "⊥"),
        ("p | ~p", "⊤"),
        ("p xor ~p", "⊤"),
        ("p -> ~p", "¬p"),
        ("~p -> p", "p"),
        ("p <-> ~p", "⊥"),
        ("a = a", "⊤"),
        ("forall x p", "p"),
        ("(forall x P(x)) & (forall y P(y))", "∀x P(x)"),
    ],
)
def test_constants_and_redundant_parts_are_folded(text: str, folded: str) -> None:
    assert render(fold(parse(text))) == folded


@pytest.mark.parametrize(
    ("text", "negated"),
    [
        ("∀x (Cat(x) → Furry(x))", "∃x (Cat(x) ∧ ¬Furry(x))"),
        ("p ∧ q", "¬p ∨ ¬q"),
        ("p ⊕ q", "p ↔ q"),
        ("p ↔ q", "p ⊕ q"),
        ("¬p", "p"),
        ("⊤", "⊥"),
    ],
)
def test_a_negation_moves_inwards(text: str, negated: str) -> None:
    assert render(push_negations(parse(text), negated=True)) == negated


def test_the_complement_has_no_double_negation() -> None:
    assert render(complement(parse("~p"))) == "p"
    assert render(complement(parse("p"))) == "¬p"
