"""`entails` against an independent check: 300 random problems, decided by listing all worlds.

The problems have their own trees, printer and evaluation; only the text of the formulas is shared
with the functions under test. A premise limits the things to those that have names.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from itertools import product
from typing import Any, NamedTuple

from toolsets.shipped.logic import toolset

PROBLEMS = 300
UNARY, BINARY = ("P", "Q"), "R"
SPELLINGS = {
    "and": (" & ", " ∧ ", " and ", " And "),
    "or": (" | ", " ∨ ", " or ", " \\/ "),
    "xor": (" xor ", " ⊕ "),
    "implies": (" -> ", " → ", " ==> ", " implies "),
    "iff": (" <-> ", " ↔ ", " iff "),
}
APPLIED = {"and": "And", "or": "Or", "xor": "Xor", "implies": "Implies", "iff": "Iff"}
QUANTIFIERS = {"all": ("all ", "forall ", "∀", "Forall "), "some": ("exists ", "∃", "some ")}
VALUES = {
    "and": lambda a, b: a and b,
    "or": lambda a, b: a or b,
    "xor": lambda a, b: a != b,
    "implies": lambda a, b: b or not a,
    "iff": lambda a, b: a == b,
}


class World(NamedTuple):
    """Things 0, 1, …; what each constant denotes; the tuples of which a predicate is true."""

    things: range
    constants: dict[str, int]
    true: dict[str, set[tuple[int, ...]]]


def test_entails_agrees_with_a_list_of_all_worlds() -> None:
    rng = random.Random(18)
    answers = []
    for _ in range(PROBLEMS):
        constants, binary = rng.choice((("a", True), ("ab", True), ("ab", False), ("abc", False)))
        trees = [random_formula(rng, constants, binary, (), 3) for _ in range(rng.randint(2, 5))]
        *premises, conclusion = trees
        named = " | ".join(f"x = {name}" for name in constants)
        texts = [f"forall x ({named})", *(write(rng, tree) for tree in premises)]
        asked = write(rng, conclusion)
        call = toolset.parse(f"entails(premises={texts!r}, conclusion={asked!r})")
        result = toolset.execute(call)
        answer = result.content.partition("\n")[0]
        assert answer == expected(premises, conclusion, constants, binary), (texts, asked)
        answers.append(answer)
    assert all(answers.count(answer) > 20 for answer in ("True", "False", "Uncertain"))


def random_formula(
    rng: random.Random, constants: str, binary: bool, bound: tuple[str, ...], levels: int
) -> Any:
    """A tree of tuples, its operator first."""
    kind = rng.choice(("atom", "not", "binary", "binary", "quantified", "quantified"))
    if levels == 0 or kind == "atom":
        terms = [*constants, *bound, *bound]
        if rng.random() < 0.15:
            return "equal", rng.choice(terms), rng.choice(terms)
        if binary and rng.random() < 0.4:
            return BINARY, rng.choice(terms), rng.choice(terms)
        return rng.choice(UNARY), rng.choice(terms)
    if kind == "not":
        return "not", random_formula(rng, constants, binary, bound, levels - 1)
    if kind == "quantified":
        name = "xyz"[len(bound)]
        body = random_formula(rng, constants, binary, (*bound, name), levels - 1)
        return rng.choice(("all", "some")), name, body
    sides = (random_formula(rng, constants, binary, bound, levels - 1) for _ in range(2))
    return rng.choice([*VALUES]), *sides


def write(rng: random.Random, tree: Any) -> str:
    """The text of a tree, each part in a random notation."""
    operator, *rest = tree
    if operator in VALUES:
        left, right = (write(rng, side) for side in rest)
        if rng.random() < 0.3:
            return f"{APPLIED[operator]}({left}, {right})"
        return f"({left}{rng.choice(SPELLINGS[operator])}{right})"
    if operator == "not":
        return rng.choice(("-", "~", "¬", "not ", "Not")) + f"({write(rng, rest[0])})"
    if operator == "equal":
        return f"({rest[0]} = {rest[1]})"
    if operator in QUANTIFIERS:
        if rng.random() < 0.3:
            word = "ForAll" if operator == "all" else "Exists"
            return f"{word}({rest[0]}, {write(rng, rest[1])})"
        dot = rng.choice(("", "."))
        return f"({rng.choice(QUANTIFIERS[operator])}{rest[0]}{dot} ({write(rng, rest[1])}))"
    return f"{operator}({', '.join(rest)})"


def expected(premises: list[Any], conclusion: Any, constants: str, binary: bool) -> str:
    """The answer, from the conclusion's values in all worlds in which the premises are true."""
    values = {
        is_true(conclusion, world, {})
        for world in worlds(constants, binary)
        if all(is_true(premise, world, {}) for premise in premises)
    }
    return "Uncertain" if len(values) == 2 else "False" if values == {False} else "True"


def worlds(constants: str, binary: bool) -> Iterator[World]:
    """All worlds in which each thing has a name."""
    for size in range(1, len(constants) + 1):
        things = range(size)
        arities = {**dict.fromkeys(UNARY, 1), **({BINARY: 2} if binary else {})}
        for denoted in product(things, repeat=len(constants)):
            if len(set(denoted)) < size:
                continue
            named = dict(zip(constants, denoted, strict=True))
            choices = [subsets(list(product(things, repeat=n))) for n in arities.values()]
            for true in product(*choices):
                yield World(things, named, dict(zip(arities, true, strict=True)))


def subsets(cases: list[tuple[int, ...]]) -> list[set[tuple[int, ...]]]:
    """All subsets of the cases."""
    masks = product((False, True), repeat=len(cases))
    return [{case for case, kept in zip(cases, mask, strict=True) if kept} for mask in masks]


def is_true(tree: Any, world: World, bound: dict[str, int]) -> bool:
    """The truth value of a tree in a world."""
    operator, *rest = tree
    if operator in VALUES:
        left, right = (is_true(side, world, bound) for side in rest)
        return VALUES[operator](left, right)
    if operator == "not":
        return not is_true(rest[0], world, bound)
    if operator in QUANTIFIERS:
        each = (is_true(rest[1], world, {**bound, rest[0]: thing}) for thing in world.things)
        return all(each) if operator == "all" else any(each)
    terms = tuple(bound[name] if name in bound else world.constants[name] for name in rest)
    return terms[0] == terms[1] if operator == "equal" else terms in world.true[operator]
