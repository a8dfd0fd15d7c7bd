import pytest
from hypothesis import given, settings

from tests.toolsets.languages.formula.formulas import ground
from toolsets.errors import LimitExceeded
from toolsets.languages.formula.parser import parse
from toolsets.languages.formula.syntax import Formula, render
from toolsets.shipped.logic.propositional import conjunctive, disjunctive, shortest, truth_rows
from toolsets.shipped.logic.solver import equivalent


@given(ground())
@settings(max_examples=30)
def test_normal_forms_are_equivalent(formula: Formula) -> None:
    for form in (conjunctive(formula), disjunctive(formula), shortest(formula)):
        assert equivalent(form, formula)


@pytest.mark.parametrize(
    ("text", "cnf", "dnf"),
    [
        ("p -> q", "¬p ∨ q", "¬p ∨ q"),
        ("p <-> q", "(p ∨ ¬q) ∧ (¬p ∨ q)", "p ∧ q ∨ ¬p ∧ ¬q"),
        ("p xor q", "(p ∨ q) ∧ (¬p ∨ ¬q)", "p ∧ ¬q ∨ ¬p ∧ q"),
        ("p | q & r", "(p ∨ q) ∧ (p ∨ r)", "p ∨ q ∧ r"),
        ("p & ~p", "⊥", "⊥"),
    ],
)
def test_normal_forms_are_the_shortest(text: str, cnf: str, dnf: str) -> None:
    def sides(text: str, connective: str) -> set[str]:
        return set(text.split(f" {connective} "))

    assert sides(render(conjunctive(parse(text))), "∧") == sides(cnf, "∧")
    assert sides(render(disjunctive(parse(text))), "∨") == sides(dnf, "∨")


def test_a_truth_table_has_a_row_per_assignment_all_true_first() -> None:
    assert truth_rows(parse("p -> q")) == [
        ((True, True), True),
        ((True, False), False),
        ((False, True), True),
        ((False, False), True),
    ]


def test_quantifiers_and_too_many_atoms_are_rejected() -> None:
    with pytest.raises(ValueError, match="∀x P\\(x\\) has a quantifier"):
        conjunctive(parse("∀x P(x)"))
    with pytest.raises(LimitExceeded, match="7 different atoms; at most 6"):
        truth_rows(parse(" & ".join(f"p{n}" for n in range(7))))
