"""The functions of the toolset, called as a model calls them."""

import subprocess
import sys

import pytest

from toolsets.calls.model import ToolResult
from toolsets.errors import ErrorKind
from toolsets.shipped.logic import toolset
from toolsets.tools.tool import Tool


def result(text: str) -> ToolResult:
    return toolset.execute(toolset.parse(text))


@pytest.mark.parametrize("tool", toolset.tools, ids=lambda tool: tool.name)
def test_every_example_runs(tool: Tool) -> None:
    call = toolset.parse(tool.example)
    assert call.name == tool.name
    assert toolset.execute(call).ok


@pytest.mark.parametrize(
    ("text", "content"),
    [
        (
            "entails(premises=['forall x (Cat(x) -> Furry(x))', 'Cat(tom)'],"
            " conclusion='Furry(tom)')",
            "True",
        ),
        ("entails(premises=['Cat(tom)'], conclusion='~Cat(tom)')", "False"),
        ("entails(premises=[], conclusion='Cat(tom)')", "Uncertain"),
        (
            "entails(premises=['p', '~p'], conclusion='q')",
            "True\nWarning: the premises contradict each other, so that everything follows from"
            " them",
        ),
        (
            "entails(premises=['P(a)', 'P(a, b)'], conclusion='p(c)')",
            "Uncertain\n"
            "Warning: P is used with 1 and 2 arguments; these are different predicates\n"
            "Warning: P and p are different names",
        ),
        (
            "entails(premises=['P(x)'], conclusion='P(x)')",
            "True\nWarning: x is not bound by a quantifier, so it is a constant",
        ),
        ("consistent(formulas=['p', '~p'])", "False"),
        ("consistent(formulas=['p', 'p -> q'])", "True"),
        ("equivalent(first='p -> q', second='~p | q')", "True"),
        ("equivalent(first='p -> q', second='q -> p')", "False"),
        ("find_model(formulas=['p & ~p'])", "None: the formulas contradict each other"),
        (
            "counter_model(premises=['p'], conclusion='p')",
            "None: the conclusion follows from the premises",
        ),
        ("counter_model(premises=['p'], conclusion='q')", "1 thing: thing1\np: true\nq: false"),
        ("negate(formula='forall x (Cat(x) -> Furry(x))')", "∃x (Cat(x) ∧ ¬Furry(x))"),
        ("simplify_formula(formula='(p & q) | (p & ~q)')", "p"),
        ("simplify_formula(formula='~~forall x Cat(x)')", "∀x Cat(x)"),
        ("instantiate(formula='forall x Cat(x)', term='tom')", "Cat(tom)"),
        ("truth_table(formula='~p')", "p | ¬p\nT | F\nF | T\ntrue in 1 of 2 rows"),
        (
            "truth_table(formula='2 = 3 | p')",
            "p | ⊥ ∨ p\nT | T\nF | F\ntrue in 1 of 2 rows",
        ),
        ("to_cnf(formula='2 = 2 & p')", "p"),
        ("conjunction(first='p | q', second='r')", "(p ∨ q) ∧ r"),
    ],
)
def test_a_call_returns_its_result(text: str, content: str) -> None:
    assert result(text) == ToolResult(True, content)


@pytest.mark.parametrize(
    ("text", "kind", "message"),
    [
        (
            "find_model(formulas=['Cat(tom)', 'forall x Cat(x) -> Furry(x)'])",
            "function_error",
            "find_model: formula 2, column 26: x is outside of its quantifier; put the whole"
            " scope in parentheses: ∀x (…); did you mean ∀x (Cat(x) → Furry(x))?",
        ),
        (
            "negate(formula='Co-op(a)')",
            "function_error",
            "negate: column 3: '-' is not allowed here; write _ within a name, ¬ before a formula,"
            " minus_3 for a negative number; did you mean Co_op(a)?",
        ),
        (
            "entails(premises=['it is so, p'], conclusion='p')",
            "function_error",
            "entails: premise 1, column 4: expected a connective such as ∧ or →, or the end,"
            " got is",
        ),
        (
            "entails(premises=['p'], conclusion=' ')",
            "function_error",
            "entails: conclusion is empty; write a formula",
        ),
        (
            "negate(formula='it is so')",
            "function_error",
            "negate: column 4: expected a connective such as ∧ or →, or the end, got is",
        ),
        (
            f"negate(formula='{'~' * 500}p')",
            "limit_exceeded",
            "negate: column 201: nested deeper than 100 levels",
        ),
        (
            "instantiate(formula='exists x Cat(x)', term='tom')",
            "function_error",
            "instantiate: expected a formula that begins with ∀, got ∃x Cat(x); ∃ says of some"
            " thing, but not of which one",
        ),
        (
            f"consistent(formulas={['p'] * 201})",
            "limit_exceeded",
            "consistent: 201 formulas are too many; at most 200 are allowed",
        ),
    ],
)
def test_the_message_of_a_failed_call_is_exact(text: str, kind: ErrorKind, message: str) -> None:
    assert result(text) == ToolResult(False, message, kind)


def test_z3_and_sympy_are_imported_by_the_first_call_that_needs_them() -> None:
    code = "import sys, toolsets.shipped.logic; print({'z3', 'sympy'} & set(sys.modules))"
    shown = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert shown.stdout == "set()\n"


@pytest.mark.parametrize(
    ("text", "content"),
    [
        (
            "entails(premises=['', 'p & q'], conclusion='q')",
            "True\nWarning: premise 1: empty; the formula is left out",
        ),
        (
            "entails(premises=['Defeated(martin)', 'P(b'], conclusion='Defeated(marvin)')",
            "Uncertain\nWarning: premise 2: 1 ) missing; added at the end",
        ),
        (
            "consistent(formulas=['Cat(tom', '~Cat(tom)'])",
            "False\nWarning: formula 1: 1 ) missing; added at the end",
        ),
    ],
)
def test_entails_and_consistent_close_one_parenthesis_with_a_warning(
    text: str, content: str
) -> None:
    assert result(text) == ToolResult(True, content)
