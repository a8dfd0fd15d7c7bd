"""The functions that derive, called as a model calls them."""

from __future__ import annotations

import time
from functools import partial

import pytest

from tests.toolsets.shipped import texts
from toolsets.calls.model import ToolResult
from toolsets.shipped.logic import toolset

result, failure = partial(texts.result, toolset), partial(texts.failure, toolset)

PETS = ["forall x (Cat(x) -> Pet(x))", "Cat(tom)", "Dog(rex)", "Pet(tom)"]
CARE = ["forall x (Cat(x) & ~Ill(x) -> Happy(x))", "Cat(tom)", "Cat(kit)", "Ill(kit)"]
PATHS = [
    *("E(a, b)", "E(b, c)", "forall x forall y (E(x, y) -> T(x, y))"),
    "forall x forall y forall z (T(x, y) & E(y, z) -> T(x, z))",
]


def call(name: str, premises: list[str], conclusion: str | None = None, **more: object) -> str:
    arguments = {"premises": premises} | ({"conclusion": conclusion} if conclusion else {}) | more
    return f"{name}({', '.join(f'{key}={value!r}' for key, value in arguments.items())})"


@pytest.mark.parametrize(
    ("text", "content"),
    [
        (
            call("premises_used", PETS[:3], "Pet(tom)"),
            "True, from premises 1 and 2\n1: forall x (Cat(x) -> Pet(x))\n2: Cat(tom)\n"
            "None of them can be left out; the answer follows from no others.",
        ),
        (
            call("premises_used", ["Cat(tom)", "Pet(tom)", "Cat(tom)"], "Pet(tom)"),
            "True, from premise 2\n2: Pet(tom)\n"
            "It cannot be left out; the answer follows from no others.",
        ),
        (
            call("premises_used", ["Cat(tom)", "forall x (Cat(x) -> ~Dog(x))"], "Dog(tom)"),
            "False, from premises 1 and 2\n1: Cat(tom)\n2: forall x (Cat(x) -> ~Dog(x))\n"
            "None of them can be left out; the answer follows from no others.",
        ),
        (call("premises_used", ["p"], "q"), "Uncertain"),
        (call("premises_used", ["p"], "q | ~q"), "True, whatever the premises say"),
        (call("premises_used", [], "q & ~q"), "False, whatever the premises say"),
        (
            call("premises_used", ["q", "p", "~p"], "r"),
            "True, from premises 2 and 3\n2: p\n3: ~p\n"
            "None of them can be left out; the answer follows from no others.\n"
            "Warning: the premises contradict each other, so that everything follows from them\n"
            "Warning: premises 2 and 3 cannot all be true",
        ),
        (call("closed_world", CARE, "Happy(tom)"), "True"),
        (call("closed_world", CARE, "Happy(kit)"), "False"),
        (call("closed_world", CARE, "~Happy(kit) & Happy(tom)"), "True"),
        (call("closed_world", CARE, "forall x (Happy(x) -> Cat(x))"), "True"),
        (
            call("closed_world", CARE, "Happy(kim)"),
            "False\nWarning: no premise mentions kim",
        ),
        (
            call("closed_world", CARE, "Hapy(tom)"),
            "False\nWarning: no premise mentions Hapy; is Happy meant?",
        ),
        (call("closed_world", ["p", "p & ~q -> r"], "r"), "True"),
        (
            call("closed_world", ["Kind(tom)", "forall x (~Kind(x) -> Rude(x))"], "Rude(tom)"),
            "False",
        ),
        (
            call("closed_world", ["Likes(tom, kit)", "~Likes(kit, tom)"], "Likes(kit, tom)"),
            "False",
        ),
        (
            call("derive_facts", PATHS),
            "E(a, b): premise 1\nE(b, c): premise 2\nT(a, b): premise 3, from E(a, b)\n"
            "T(b, c): premise 3, from E(b, c)\nT(a, c): premise 4, from T(a, b), E(b, c)",
        ),
        (
            call("derive_facts", CARE[1:3] + CARE[:1]),
            "Cat(tom): premise 1\nCat(kit): premise 2\n"
            "Warning: premise 3 is used only where ¬Ill(x) is a fact; with closed_world=True it is"
            " used where the fact cannot be derived",
        ),
        (
            call("derive_facts", CARE, closed_world=True),
            "Cat(tom): premise 2\nCat(kit): premise 3\nIll(kit): premise 4\n"
            "Happy(tom): premise 1, from Cat(tom), ¬Ill(tom)",
        ),
        (
            call("derive_facts", ["~Ill(tom)", *CARE[:2]]),
            "¬Ill(tom): premise 1\nCat(tom): premise 3\n"
            "Happy(tom): premise 2, from Cat(tom), ¬Ill(tom)\n"
            "Warning: premise 2 is used only where ¬Ill(x) is a fact; with closed_world=True it is"
            " used where the fact cannot be derived",
        ),
        (
            call("derive_facts", ["Cat(tom)", "forall x (Cat(x) -> exists y Mother(y, x))"]),
            "Cat(tom): premise 1\nMother(thing1, tom): premise 2, from Cat(tom)\n"
            "thing1: things that the premises do not name",
        ),
        (
            call("derive_facts", ["Cat(tom)", "~Cat(tom)"]),
            "Cat(tom): premise 1\n¬Cat(tom): premise 2\n"
            "Warning: the premises contradict each other: Cat(tom) and ¬Cat(tom)",
        ),
        (
            call("derive_facts", ["Cat(tom)", "Dog(tom)", "~exists x (Cat(x) & Dog(x))"]),
            "Cat(tom): premise 1\nDog(tom): premise 2\n"
            "Warning: the premises contradict each other: Cat(tom), Dog(tom) and premise 3",
        ),
        (call("derive_facts", ["forall x (Cat(x) -> Pet(x))"]), "no facts follow"),
        (
            call("follows_by_rules", ["forall x exists y Mother(y, x)"], "exists y Mother(y, tom)"),
            "True",
        ),
        (call("follows_by_rules", ["exists x Cat(x)"], "Cat(tom)"), "Uncertain"),
        (call("follows_by_rules", ["forall x ~Cat(x)"], "exists x Cat(x)"), "False"),
    ],
)
def test_a_call_returns_its_result(text: str, content: str) -> None:
    assert result(text) == ToolResult(True, content)


def test_a_set_that_is_not_the_only_one_is_called_one_of_several() -> None:
    content = result(call("premises_used", PETS, "Pet(tom)")).content
    assert "this is one of several such sets of premises." in content


@pytest.mark.parametrize("name", ["premises_used", "closed_world", "follows_by_rules"])
@pytest.mark.parametrize(
    ("premises", "conclusion", "message"),
    [
        (["Cat(tom"], "Cat(tom)", "premise 1, column 8: expected )"),
        (["p", "Height(a) > Height(b)"], "p", "premise 2, column 11"),
        (["p"], "Cat(tom", "conclusion, column 8"),
        (["p"], " ", "conclusion is empty; write a formula"),
        (["Cat(tom)", "Furry(Cat)"], "p", "Cat is used both as a predicate and as a thing"),
        (["", "p"], "p", "premise 1"),
        (["forall x Cat(x) -> Pet(x)"], "p", "x is outside of its quantifier"),
    ],
)
def test_nothing_is_repaired(name: str, premises: list[str], conclusion: str, message: str) -> None:
    kind, text = failure(call(name, premises, conclusion))
    assert kind == "function_error"
    assert message in text


@pytest.mark.parametrize(
    ("premises", "conclusion", "message"),
    [
        (
            ["Cat(tom) | Dog(tom)"],
            "Cat(tom)",
            "premise 1, Cat(tom) ∨ Dog(tom), concludes a disjunction without saying which part"
            " holds, so it is not a rule; write facts and rules of atoms such as A ∧ B → C, or use"
            " entails, which takes any formula",
        ),
        (
            ["M(a, b)", "forall x forall y (M(x, y) & ~Win(y) -> Win(x))"],
            "Win(a)",
            "premise 2 concludes Win(x) from ¬Win(y), which cannot be decided before Win is"
            " complete; in a closed world no predicate may depend on its own negation",
        ),
        (
            ["~p -> q", "q -> r", "~r -> s", "s -> p"],
            "q",
            "premise 1 concludes q from ¬p, which cannot be decided before q is complete; in a"
            " closed world no predicate may depend on its own negation",
        ),
        (
            ["Cat(tom)", "forall x (Cat(x) -> exists y Mother(y, x))"],
            "Cat(tom)",
            "premise 2 concludes ∃ of a thing without a name, but a closed world has named things"
            " only; give it a name, or use follows_by_rules",
        ),
        (
            ["Cat(tom)", "forall x (Cat(x) -> ~Dog(x))", "Dog(tom)"],
            "Cat(tom)",
            "premise 2 contradicts what can be derived: Cat(tom), Dog(tom); correct one of the"
            " premises",
        ),
        (
            ["Cat(tom)"],
            "tom = rex",
            "= cannot be used here: in a closed world different names are different",
        ),
        (
            ["Cat(tom)"],
            "Cat(mother(tom))",
            "mother(tom) is a function; name the thing instead, such as tom",
        ),
        (
            ["forall x Cat(x)"],
            "exists x Cat(x)",
            "∀ and ∃ stand for the things that the formulas name, but none is named",
        ),
    ],
)
def test_what_is_not_a_stratified_program_is_refused(
    premises: list[str], conclusion: str, message: str
) -> None:
    expected = ("function_error", f"closed_world: {message}")
    assert failure(call("closed_world", premises, conclusion)) == expected


@pytest.mark.parametrize("name", ["closed_world", "follows_by_rules"])
def test_a_number_written_in_two_ways_is_refused(name: str) -> None:
    message = f"{name}: 2.5 and 2.50 are one number; write it in one way"
    assert failure(call(name, ["Age(tom, 2.5)"], "Age(tom, 2.50)"))[1] == message


@pytest.mark.parametrize("text", ["Cat(X) -> Pet(X)", "Cat(x) -> Pet(x)", "Likes(tom, Y)"])
@pytest.mark.parametrize("name", ["closed_world", "follows_by_rules"])
def test_a_variable_without_quantifier_is_refused(name: str, text: str) -> None:
    message = failure(call(name, ["Cat(tom)", text], "Pet(tom)"))[1]
    assert "is not bound by a quantifier; write ∀" in message


@pytest.mark.parametrize("name", ["premises_used", "closed_world", "follows_by_rules"])
def test_a_text_is_the_one_premise(name: str) -> None:
    text = f"{name}(premises='Cat(tom) & Dog(rex)', conclusion='Dog(rex)')"
    assert result(text).content.startswith("True")


def test_too_many_facts_are_refused() -> None:
    facts = [f"{name}(n{number})" for number in range(15) for name in ("P", "Q")]
    rule = "forall x forall y (P(x) & Q(y) -> R(x, y))"
    kind, message = failure(call("derive_facts", [*facts, rule]))
    assert kind == "limit_exceeded"
    assert message.startswith("derive_facts: more than 200 facts follow; ask for one of them")


@pytest.mark.parametrize("name", ["premises_used", "closed_world", "follows_by_rules"])
def test_a_large_call_ends_in_time(name: str) -> None:
    rules = [f"forall x (P{n}(x) -> P{n + 1}(x))" for n in range(190)][::-1]
    start = time.monotonic()
    result(call(name, [*rules, "P0(a)"], "P190(a)"))
    assert time.monotonic() - start < 4.5
