"""Random facts and rules, as text and as data, and a naive evaluator of them.

The evaluator grounds each rule over all things and alternates two fixpoints (van Gelder, 1989).
For stratified rules its result is their one perfect model; nothing of it is shared with the code
under test.
"""

from __future__ import annotations

import random
from dataclasses import dataclass
from itertools import product

THINGS = ("ann", "bob", "cid")
ARITIES = {"P": 1, "Q": 1, "R": 2, "S": 1, "T": 2}
LEVELS = {"P": 0, "R": 0, "Q": 1, "T": 1, "S": 2}  # a rule negates predicates of lower levels

Atom = tuple[str, tuple[str, ...]]


@dataclass(frozen=True)
class Clause:
    head: Atom
    body: tuple[tuple[bool, Atom], ...] = ()

    def variables(self) -> list[str]:
        atoms = [self.head, *(atom for _, atom in self.body)]
        return sorted({name for _, names in atoms for name in names if name in "xyz"})

    def __str__(self) -> str:
        literals = [f"{'' if positive else '~'}{write(atom)}" for positive, atom in self.body]
        text = f"({' & '.join(literals)} -> {write(self.head)})" if literals else write(self.head)
        return "".join(f"forall {name} " for name in self.variables()) + text


def write(atom: Atom) -> str:
    return f"{atom[0]}({', '.join(atom[1])})"


def random_program(chance: random.Random, negation: bool = True) -> list[Clause]:
    facts = [Clause(_atom(chance, chance.choice("PRQT"), THINGS)) for _ in range(4)]
    rules = [_rule(chance, negation) for _ in range(chance.randint(2, 6))]
    return chance.sample([*facts, *rules], len(facts) + len(rules))


def all_atoms() -> list[Atom]:
    return [(name, names) for name, n in ARITIES.items() for names in product(THINGS, repeat=n)]


def true_atoms(program: list[Clause]) -> set[Atom]:
    """The atoms of the well-founded model; those that stay open would be an error."""
    ground = [_instance(c, v) for c in program for v in product(THINGS, repeat=3)]
    lower: set[Atom] = set()
    while True:
        upper = _least(ground, lower)
        if (again := _least(ground, upper)) == lower:
            assert upper == lower
            return lower
        lower = again


def _least(ground: list[Clause], assumed: set[Atom]) -> set[Atom]:
    """The least fixpoint, negated conditions being decided by `assumed`."""
    atoms: set[Atom] = set()
    while True:
        new = {
            c.head for c in ground if all((a in (atoms if p else assumed)) == p for p, a in c.body)
        }
        if new <= atoms:
            return atoms
        atoms |= new


def _instance(clause: Clause, values: tuple[str, ...]) -> Clause:
    value = dict(zip("xyz", values, strict=True))

    def put(atom: Atom) -> Atom:
        return atom[0], tuple(value.get(name, name) for name in atom[1])

    return Clause(put(clause.head), tuple((sign, put(atom)) for sign, atom in clause.body))


def _rule(chance: random.Random, negation: bool) -> Clause:
    head = chance.choice(list(LEVELS))
    body = []
    for _ in range(chance.randint(1, 3)):
        negated = negation and LEVELS[head] > 0 and chance.random() < 0.4
        limit = LEVELS[head] - negated
        name = chance.choice([name for name, level in LEVELS.items() if level <= limit])
        body.append((not negated, _atom(chance, name, ("x", "y", "z", "ann"))))
    return Clause(_atom(chance, head, ("x", "y", "bob")), tuple(body))


def _atom(chance: random.Random, name: str, terms: tuple[str, ...]) -> Atom:
    return name, tuple(chance.choice(terms) for _ in range(ARITIES[name]))
