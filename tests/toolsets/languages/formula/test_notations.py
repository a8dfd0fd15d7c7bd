"""Notations that are read, and signs that are refused because they have no single meaning."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.toolsets.languages.formula.formulas import formulas
from toolsets.languages.formula.parser import parse
from toolsets.languages.formula.syntax import (
    Atom,
    Binary,
    Equality,
    Formula,
    Not,
    Quantified,
    Truth,
    render,
)
from toolsets.languages.formula.tokens import FormulaError
from toolsets.shipped.logic.solver import equivalent

APPLIED = {"∧": "And", "∨": "Or", "⊕": "Xor", "→": "Implies", "↔": "Iff"}
PROVER9 = {"∧": "&", "∨": "|", "⊕": "xor", "→": "->", "↔": "<->"}

PIECES = [*"∀∃()[],.:- xyPQ=", "all ", "ForAll(", "And(", "<-", "->", "P(x)", "∀x ", " y ", "'a'"]


def applied(formula: Formula) -> str:
    """The formula as SymPy and Z3 write it."""
    match formula:
        case Not(operand=operand):
            return f"Not({applied(operand)})"
        case Binary(connective=connective, left=left, right=right):
            return f"{APPLIED[connective]}({applied(left)}, {applied(right)})"
        case Quantified(quantifier=quantifier, variable=variable, body=body):
            word = "ForAll" if quantifier == "∀" else "Exists"
            return f"{word}([{variable}], {applied(body)})"
        case Truth(value=value):
            return str(value)
        case _:
            return render(formula)


def prover9(formula: Formula) -> str:
    """The formula as Prover9 and NLTK write it."""
    match formula:
        case Not(operand=operand):
            return f"-({prover9(operand)})"
        case Binary(connective=connective, left=left, right=right):
            return f"({prover9(left)}) {PROVER9[connective]} ({prover9(right)})"
        case Quantified(quantifier=quantifier, variable=variable, body=body):
            return f"{'all' if quantifier == '∀' else 'exists'} {variable} ({prover9(body)})"
        case Truth(value=value):
            return "$T" if value else "$F"
        case Equality() | Atom():
            return render(formula)


@given(formulas())
def test_every_notation_is_read_as_the_same_tree(formula: Formula) -> None:
    assert parse(applied(formula)) == formula
    assert parse(prover9(formula) + ".") == formula


@given(formulas())
@settings(max_examples=40)
def test_a_formula_and_its_rendering_agree_in_z3(formula: Formula) -> None:
    assert equivalent(parse(render(formula)), parse(applied(formula))) is not False
    assert equivalent(parse(render(formula)), Not(parse(prover9(formula)))) is not True


@given(st.lists(st.sampled_from(PIECES), max_size=12).map("".join))
@settings(max_examples=500)
def test_what_is_read_from_any_signs_is_rendered_to_the_same_tree(text: str) -> None:
    try:
        formula = parse(text)
    except FormulaError:
        return
    assert parse(render(formula)) == formula


@pytest.mark.parametrize(
    ("text", "signs"),
    [
        ("-Cat(tom)", "¬Cat(tom)"),
        ("\N{MINUS SIGN}Cat(tom)", "¬Cat(tom)"),
        ("- - p", "¬¬p"),
        ("p & -q", "p ∧ ¬q"),
        ("p->-q", "p → ¬q"),
        ("-(p | q)", "¬(p ∨ q)"),
        ("-all x Cat(x)", "¬∀x Cat(x)"),
        ("-exists x -Cat(x)", "¬∃x ¬Cat(x)"),
        ("all x -Cat(x)", "∀x ¬Cat(x)"),
        ("all x all y (P(x, y) -> P(y, x))", "∀x ∀y (P(x, y) → P(y, x))"),
        ("all x.(Cat(x) -> Furry(x))", "∀x (Cat(x) → Furry(x))"),
        ("some x.Cat(x)", "∃x Cat(x)"),
        ("for all x Cat(x)", "∀x Cat(x)"),
        ("For every x, Cat(x)", "∀x Cat(x)"),
        ("each x Cat(x)", "∀x Cat(x)"),
        ("there exists x Cat(x)", "∃x Cat(x)"),
        ("Forall x Cat(x)", "∀x Cat(x)"),
        ("ForAll x Exists y P(x, y)", "∀x ∃y P(x, y)"),
        ("\\forall x (Cat(x) \\rightarrow \\neg Dog(x))", "∀x (Cat(x) → ¬Dog(x))"),
        ("∀x y (P(x, y) → P(y, x))", "∀x ∀y (P(x, y) → P(y, x))"),
        ("∀x,y(P(x, y) → P(y, x))", "∀x ∀y (P(x, y) → P(y, x))"),
        ("∀x y P(x, y)", "∀x ∀y P(x, y)"),
        ("∀x y z. P(x, y) → Q(z)", "∀x ∀y ∀z (P(x, y) → Q(z))"),
        ("∃x y ¬P(x, y)", "∃x ∃y ¬P(x, y)"),
        ("∀x, Cat(x) → Furry(x)", "∀x (Cat(x) → Furry(x))"),
        ("∀x: Cat(x) → Furry(x)", "∀x (Cat(x) → Furry(x))"),
        ("(∀x)(∃y)(P(x, y) → p)", "∀x ∃y (P(x, y) → p)"),
        ("∀x Cat(tom)", "∀x Cat(tom)"),
        ("∀x f(f(x)) = x", "∀x (f(f(x)) = x)"),
        ("ForAll(x, Implies(Cat(x), Furry(x)))", "∀x (Cat(x) → Furry(x))"),
        ("ForAll([x, y], P(x, y))", "∀x ∀y P(x, y)"),
        ("forall((x, y), P(x, y))", "∀x ∀y P(x, y)"),
        ("Exists(x, And(Cat(x), Not(Furry(x))))", "∃x (Cat(x) ∧ ¬Furry(x))"),
        ("And(p, q, r)", "p ∧ q ∧ r"),
        ("Or(p, q) & r", "(p ∨ q) ∧ r"),
        ("implies(p, iff(q, r))", "p → (q ↔ r)"),
        ("p Or q And r", "p ∨ q ∧ r"),
        ("NOT p", "¬p"),
        ("p ==> q", "p → q"),
        ("p --> q", "p → q"),
        ("p \N{LONG RIGHTWARDS DOUBLE ARROW} q", "p → q"),
        ("p <==> q", "p ↔ q"),
        ("p <- q", "q → p"),
        ("p ⇐ q ∧ r", "q ∧ r → p"),
        ("Cat('tom')", "Cat(tom)"),
        ('Likes("tom", “rex”)', "Likes(tom, rex)"),
        ("True | FALSE", "⊤ ∨ ⊥"),
        ("$T -> $F", "⊤ → ⊥"),
        ("[p & q] -> {r}", "p ∧ q → r"),
        ("Cat\N{FULLWIDTH LEFT PARENTHESIS}tom\N{FULLWIDTH RIGHT PARENTHESIS}。", "Cat(tom)"),
        ("Cat(tom).", "Cat(tom)"),
        ("Cat(tom) ::: Tom is a cat.", "Cat(tom)"),
        ("Loves(all, some)", "Loves(all, some)"),
        ("P(x₁)", "P(x₁)"),
    ],
)
def test_a_notation_has_the_meaning_of_its_signs(text: str, signs: str) -> None:
    assert parse(text) == parse(signs)
    assert render(parse(text)) == signs


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("Height(a) > Height(b)", "column 11: '>' is not allowed in a formula; an order is"),
        ("Height(a) <= Height(b)", "column 11: '<' is not allowed in a formula; an order is"),
        ("Age(a) ≥ 3", "column 8: '≥' is not allowed in a formula; an order is"),
        ("P(a + b)", "column 5: '+' is not allowed in a formula; there is no arithmetic"),
        ("P(a/b)", "column 4: '/' is not allowed in a formula; there is no arithmetic"),
        ("P(x²)", "column 4: '²' is not allowed in a formula; there is no arithmetic"),
        ("P(a-b)", "column 4: '-' is not allowed here; write _ within a name"),
        ("P(-3)", "column 3: '-' is not allowed here; write _ within a name"),
        ("Cat(tom) - Dog(tom)", "column 10: '-' is not allowed here"),
        ("-3 = a", "column 1: '-' is not allowed here"),
        ("p ^ q", "column 3: '^' is not allowed in a formula; write ∧ (and) or ⊕ (xor)"),
        ("p |- q", "column 3: '|-' is not clear: it may mean ∨ ¬ (or not) or ⊢ (entails)"),
        ("p & q >> r", "column 7: '>>' is not clear: it binds tighter than & in Python; write ->"),
        ("forallx (P(x))", "column 1: 'forallx' is not clear; write forall x"),
        ("p <-- q", "column 3: '<--' is not clear"),
        ("p ⊢ q", "column 3: '⊢' is not allowed in a formula; write one formula here"),
        ("p -> q <- r", "column 8: → and ← side by side may be grouped in two ways"),
        ("p <- q -> r", "column 8: ← and → side by side may be grouped in two ways"),
        ("p; q", "column 2: ';' is not allowed in a formula; write one formula here"),
        ("Cat(tom), Dog(tom)", "column 9: expected a connective such as ∧ or →, or the end, got ,"),
        ("Cat(tom). Dog(tom)", "column 9: expected a connective such as ∧ or →, or the end, got ."),
        ("Cat(tom) Dog(tom)", "column 10: expected a connective"),
        ("p v q", "column 3: expected a connective such as ∧ or →, or the end, got v; write ∨"),
        ("P(a ∧ Q(b)", "column 5: expected ) or , in the arguments of P, got ∧"),
        ("(p]", "column 3: expected ) to close the ( of column 1"),
        ("[p)", "column 3: expected ] to close the [ of column 1"),
        ("Costs(car, 10,000)", "column 12: 10,000 may be one number or several; write 10000 or"),
        ("∃!x Cat(x)", "column 2: ∃! (exactly one) is not supported"),
        ("∀x Cat (tom)", "column 4: Cat may be a variable or a predicate"),
        ("∀ cats x Furry(x)", "column 3: cats is listed as a variable, but the formula does not"),
        ("∀x ∈ Cats Furry(x)", "column 4: '∈' is not allowed in a formula; write x ∈ S as S(x)"),
        ("Implies(p, q, r)", "column 1: Implies(…) takes two formulas, got 3"),
        ("And(p)", "column 1: And(…) takes two or more formulas, got 1"),
        ("Nand(p, q)", "column 1: Nand(…) is not supported; write ¬(p ∧ q)"),
        ("Eq(a, b)", "column 1: Eq(…) is not supported; write a = b"),
        ("ForAll(x, y)(P(x, y))", "column 13: expected a connective"),
        ("∀x Cat('x')", "column 8: 'x' is a constant, but x is also a variable; rename one"),
        ("'Cat'(tom)", "column 6: 'Cat' is a constant and takes no arguments"),
        ("'p'", "column 1: expected a formula, but 'p' is a constant"),
        ('P("New York")', "column 3: '\"' is not allowed in a formula; write a constant as one"),
        ("P(o'neil)", 'column 4: "\'" is not allowed in a formula; write a constant as one'),
        ("Furry(Cat(tom)) & Cat(tom)", "column 7: Cat is used both as a predicate and as a thing"),
        ("∃x P(x) ∧ Q(x)", "column 13: x is outside of its quantifier; put the whole"),
    ],
)
def test_what_has_no_single_meaning_is_refused_with_its_column(text: str, message: str) -> None:
    with pytest.raises(FormulaError) as raised:
        parse(text)
    assert str(raised.value).startswith(message)
