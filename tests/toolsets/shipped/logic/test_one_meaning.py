"""A formula that a model wrote is read in its only meaning, or refused with sign and column."""

import pytest

from toolsets.calls.model import ToolResult
from toolsets.shipped.logic import toolset

CATS_ARE_FURRY = "forall x (Cat(x) -> Furry(x))"
TWO_USES = "is used both as a predicate and as a thing"


def ask(premises: list[str] | str, conclusion: str) -> ToolResult:
    call = f"entails(premises={premises!r}, conclusion={conclusion!r})"
    return toolset.execute(toolset.parse(call))


@pytest.mark.parametrize(
    ("premises", "conclusion", "answer"),
    [
        (["-Cat(tom)"], "Cat(tom)", "False"),
        (["Furry(tom) <- Cat(tom)"], "Cat(tom)", "Uncertain"),
        (["Furry(tom) <- Cat(tom)", "Cat(tom)"], "Furry(tom)", "True"),
        (["Cat(tom) | -Dog(tom)", "Dog(tom)"], "Cat(tom)", "True"),
        (["all x (Cat(x) -> Furry(x))", "Cat(tom)"], "Furry(tom)", "True"),
        (["Forall x (Cat(x) -> Furry(x))", "Cat(tom)"], "Furry(tom)", "True"),
        (["ForAll x (Cat(x) -> Furry(x))", "Cat(tom)"], "Furry(tom)", "True"),
        (["for all x (Cat(x) -> Furry(x))", "Cat(tom)"], "Furry(tom)", "True"),
        (["Cat(tom) Or Dog(tom)"], "Cat(tom)", "Uncertain"),
        (["∀x y (Likes(x, y) → Likes(y, x))", "Likes(a, b)"], "Likes(b, a)", "True"),
        (["Implies(Cat(tom), Furry(tom))", "Cat(tom)"], "Furry(tom)", "True"),
        (["ForAll(x, Implies(Cat(x), Furry(x)))", "Cat(tom)"], "Furry(tom)", "True"),
        (["Xor(p, q)", "p"], "q", "False"),
        (["p ⟹ q", "p"], "q", "True"),
        (["Cat('tom')", CATS_ARE_FURRY], 'Furry("tom")', "True"),
        ("Cat(tom)", "Cat(tom)", "True"),
        ("p & q", "r", "Uncertain"),
        (["True"], "p", "Uncertain"),
        (["p"], "False", "False"),
        (["Defeated(martin)"], "Defeated(marvin)", "Uncertain"),
    ],
)
def test_a_notation_is_read_without_a_warning(
    premises: list[str] | str, conclusion: str, answer: str
) -> None:
    assert ask(premises, conclusion) == ToolResult(True, answer)


def test_different_numbers_are_different_things() -> None:
    assert ask(["2 = 3"], "p").content.startswith("True\nWarning: the premises contradict")
    assert ask(["Age(tom) = 3", "Age(rex) = 4"], "tom = rex") == ToolResult(True, "False")
    assert ask(["P(2)"], "P(2.0)") == ToolResult(True, "True")


@pytest.mark.parametrize(
    ("premises", "conclusion", "message"),
    [
        (["Height(a) > Height(b)"], "Height(a) < Height(b)", "premise 1, column 11: '>' is not"),
        (["p"], "Height(a) < Height(b)", "conclusion, column 11: '<' is not allowed"),
        (["p", "p ^ q"], "q", "premise 2, column 3: '^' is not allowed in a formula; write ∧"),
        (["Furry(Cat(tom)) ∧ Cat(tom)"], "p", f"premise 1, column 7: Cat {TWO_USES}"),
        (["Furry(Cat(tom))", "Cat(tom)"], "p", f"Cat {TWO_USES}"),
        (["Cat(tom)"], "Likes(rex, Cat)", f"Cat {TWO_USES}"),
        (["Cat(tom)", "¬(p ∧ q"], "p", "premise 2, column 8: expected ) to close the ( of"),
        (["forall x Cat(x) -> Pet(x)"], "p", "premise 1, column 24: x is outside of its quanti"),
        (["Cat(tom). Dog(tom)"], "Dog(tom)", "premise 1, column 9: expected a connective"),
    ],
)
def test_what_cannot_be_read_is_refused_with_its_place(
    premises: list[str], conclusion: str, message: str
) -> None:
    result = ask(premises, conclusion)
    assert not result.ok
    assert result.content.startswith(f"entails: {message}")


@pytest.mark.parametrize(
    "call",
    [
        "consistent(formulas=['Cat(tom)', 'Likes(rex, Cat)'])",
        "find_model(formulas=['Cat(tom)', 'Likes(rex, Cat)'])",
        "equivalent(first='Cat(tom)', second='Likes(rex, Cat)')",
        "counter_model(premises=['Cat(tom)'], conclusion='Likes(rex, Cat)')",
        "conjunction(first='Cat(tom)', second='Likes(rex, Cat)')",
        "resolution(first='Cat(tom)', second='Likes(rex, Cat)')",
        "modus_ponens(conditional='Cat(tom) -> p', antecedent='Likes(rex, Cat)')",
        "modus_tollens(conditional='p -> Cat(tom)', negated_consequent='Likes(rex, Cat)')",
        "hypothetical_syllogism(first='p -> Cat(tom)', second='Likes(rex, Cat) -> p')",
        "disjunctive_syllogism(disjunction='Cat(tom) | p', negated='Likes(rex, Cat)')",
        "simplification(conjunction='Cat(tom) & p', part='Likes(rex, Cat)')",
        "instantiate(formula='forall x Cat(x)', term='Cat')",
        "instantiate(formula='forall x Cat(x)', term='father(Cat)')",
    ],
)
def test_one_name_for_a_predicate_and_a_thing_is_refused_across_formulas(call: str) -> None:
    result = toolset.execute(toolset.parse(call))
    assert not result.ok
    assert f"Cat {TWO_USES}" in result.content


def test_a_formula_about_some_thing_proves_nothing_about_a_given_one() -> None:
    call = toolset.parse("instantiate(formula='exists x Cat(x)', term='tom')")
    assert not toolset.execute(call).ok
    assert ask(["exists x Cat(x)"], "Cat(tom)") == ToolResult(True, "Uncertain")


def test_a_text_is_read_as_the_only_formula_of_a_list() -> None:
    for call, content in (
        ("consistent(formulas='p & ~p')", "False"),
        ("find_model(formulas='p')", "1 thing: thing1\np: true"),
        ("counter_model(premises='p', conclusion='q')", "1 thing: thing1\np: true\nq: false"),
    ):
        assert toolset.execute(toolset.parse(call)) == ToolResult(True, content)
