"""Read formulas as rules: conditions, then what follows from them.

    forall x ((Cat(x) | Dog(x)) -> Pet(x))    two rules, one per condition
    Cat(tom)                                  a rule without conditions: a fact
    ~(Cat(tom) & Dog(tom))                    a prohibition: a rule without a head
    forall x (Person(x) -> exists y Parent(y, x))    y is a new thing

A formula with exactly one reading as rules is accepted; others are refused with the number of the
premise: a disjunction or ⊕ that must be concluded (not a Horn clause), = and functions, ∀ in a
condition. Not here: derivation (`toolsets.shipped.logic.facts`).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import product

from toolsets.errors import LimitExceeded
from toolsets.languages.formula.syntax import (
    Atom,
    Binary,
    Connective,
    Equality,
    Formula,
    Function,
    Not,
    Quantified,
    Truth,
    Variable,
    free_variables,
    fresh_name,
    names,
    render,
    substitute,
)
from toolsets.shipped.logic.transform import push_negations

MOST_RULES = 1_000  # of all premises
MOST_LITERALS = 50  # conditions of one rule
MOST_PARTS = 5_000  # of one formula, counted again in each case; ↔ doubles them
LONGEST_QUOTE = 80  # characters of a formula in a message


@dataclass(frozen=True, slots=True)
class Literal:
    """An atom over variables and constants, or its negation."""

    atom: Atom
    positive: bool = True

    @property
    def variables(self) -> set[str]:
        """The names of its variables."""
        return free_variables(self.atom)

    def __str__(self) -> str:
        return render(self.atom if self.positive else Not(self.atom))


Case = tuple[Literal, ...]  # literals that hold together


@dataclass(frozen=True, slots=True)
class Rule:
    """If `body` holds, `head` holds; an empty head prohibits the body.

    `new` are the variables of the head that ∃ binds; only then the head has several literals.
    """

    premise: int
    body: Case
    head: Case
    new: frozenset[str] = frozenset()

    @property
    def unsafe(self) -> set[str]:
        """Variables of the head that no condition has: they stand for every thing."""
        bound = {name for literal in self.body for name in literal.variables}
        return {name for literal in self.head for name in literal.variables} - bound - self.new


def read_rules(premises: Sequence[Formula]) -> list[Rule]:
    """The rules of all premises, numbered from 1; raises ValueError or LimitExceeded."""
    rules: list[Rule] = []
    for number, premise in enumerate(premises, 1):
        for rule in _Reader(premise, f"premise {number}").rules(number):
            rules.append(rule)
            if len(rules) > MOST_RULES:
                raise LimitExceeded(f"the premises make more than {MOST_RULES:,} rules")
    return rules


def read_cases(formula: Formula, place: str) -> list[Case]:
    """A condition as alternative cases, in which each variable stands for some thing."""
    return _Reader(formula, place).cases(push_negations(formula))


class _Reader:
    def __init__(self, formula: Formula, place: str) -> None:
        self._formula, self._place = formula, place
        self._taken: set[str] = set()  # variables, renamed apart
        self._reserved = names(formula)
        self._parts = 0

    def rules(self, premise: int) -> Iterator[Rule]:
        for body, head, new in self._split(self._formula, ()):
            for case in self.cases(*(push_negations(condition) for condition in body)):
                yield Rule(premise, *self._as_rule(case, head), new)

    def cases(self, *conditions: Formula) -> list[Case]:
        """The disjunctive normal form of conditions without → under ¬; ∃ is dropped."""
        together: list[Case] = [()]
        for condition in conditions:
            alternatives = self._alternatives(condition)
            self._check_size(len(together) * len(alternatives))
            pairs = product(together, alternatives)
            together = [tuple(dict.fromkeys((*a, *b))) for a, b in pairs]
            self._check_size(0, max(map(len, together), default=0))
        return together

    def _split(
        self, formula: Formula, body: tuple[Formula, ...]
    ) -> Iterator[tuple[tuple[Formula, ...], Case, frozenset[str]]]:
        """Yield conditions, head and its new variables."""
        self._check_size(0)
        match formula:
            case Truth(value=value):
                if not value:
                    yield body, (), frozenset()
            case Atom():
                yield body, (self._literal(formula),), frozenset()
            case Quantified(quantifier="∀"):
                yield from self._split(self._apart(formula)[1], body)
            case Quantified():
                yield body, *self._existential(formula)
            case Binary(connective=connective, left=left, right=right):
                yield from self._split_binary(connective, left, right, body)
            case Not(operand=operand):
                yield from self._split_negation(operand, body)
            case Equality():
                raise self._refusal(_EQUALITY)

    def _split_binary(
        self, connective: Connective, left: Formula, right: Formula, body: tuple[Formula, ...]
    ) -> Iterator[tuple[tuple[Formula, ...], Case, frozenset[str]]]:
        match connective:
            case "∧":
                yield from self._split(left, body)
                yield from self._split(right, body)
            case "→":
                yield from self._split(right, (*body, left))
            case "↔":
                yield from self._split(right, (*body, left))
                yield from self._split(left, (*body, right))
            case "∨":
                yield from self._split_disjunction(Binary("∨", left, right), body)
            case "⊕":
                raise self._refusal(_DISJUNCTION)

    def _split_negation(
        self, operand: Formula, body: tuple[Formula, ...]
    ) -> Iterator[tuple[tuple[Formula, ...], Case, frozenset[str]]]:
        match operand:
            case Atom():
                yield body, (self._literal(operand, positive=False),), frozenset()
            case Quantified(quantifier="∀"):
                raise self._refusal("says ∃ of something negated")
            case Binary(connective="↔"):
                raise self._refusal(_DISJUNCTION)
            case Equality():
                raise self._refusal(_EQUALITY)
            case _:
                yield from self._split(push_negations(operand, negated=True), body)

    def _split_disjunction(
        self, formula: Binary, body: tuple[Formula, ...]
    ) -> Iterator[tuple[tuple[Formula, ...], Case, frozenset[str]]]:
        """¬A ∨ ¬B ∨ C is A ∧ B → C; two parts without ¬ make no rule."""
        parts = list(_flat("∨", push_negations(formula)))
        negated = [part.operand for part in parts if isinstance(part, Not)]
        heads = [part for part in parts if not isinstance(part, Not)]
        if len(heads) > 1:
            raise self._refusal(_DISJUNCTION)
        yield from self._split(heads[0] if heads else Truth(False), (*body, *negated))

    def _existential(self, formula: Formula) -> tuple[Case, frozenset[str]]:
        new: set[str] = set()
        while isinstance(formula, Quantified) and formula.quantifier == "∃":
            name, formula = self._apart(formula)
            new.add(name)
        parts = list(_flat("∧", push_negations(formula)))
        atoms = [part for part in parts if isinstance(part, Atom)]
        if len(atoms) < len(parts):
            raise self._refusal("says ∃ of more than atoms joined by ∧")
        head = tuple(self._literal(atom) for atom in atoms)
        return head, frozenset(new & {name for one in head for name in one.variables})

    def _as_rule(self, case: Case, head: Case) -> tuple[Case, Case]:
        """Body and head; without a head, the one negated condition becomes the head."""
        negated = [literal for literal in case if not literal.positive]
        if head or not negated:
            return case, head
        if len(negated) > 1:
            raise self._refusal(_DISJUNCTION)
        return tuple(one for one in case if one.positive), (Literal(negated[0].atom),)

    def _alternatives(self, formula: Formula) -> list[Case]:
        self._check_size(0)
        match formula:
            case Truth(value=value):
                return [()] if value else []
            case Atom():
                return [(self._literal(formula),)]
            case Not(operand=Atom() as atom):
                return [(self._literal(atom, positive=False),)]
            case Quantified(quantifier="∃"):
                return self._alternatives(self._apart(formula)[1])
            case Quantified():
                raise ValueError(
                    f"{self._place} has {_quote(formula)} as a condition; give its opposite a name"
                    " by a rule of its own, such as ∀x ∀y (Likes(x, y) → LikesSome(x)), and write"
                    " ¬LikesSome(x) as the condition"
                )
            case Binary(connective="∧", left=left, right=right):
                return self.cases(left, right)
            case Binary(connective="∨", left=left, right=right):
                either = [*self._alternatives(left), *self._alternatives(right)]
                self._check_size(len(either))
                return either
            case Binary(connective=connective, left=left, right=right):
                return self._alternatives(_without(connective, left, right))
        raise self._refusal(_EQUALITY)

    def _check_size(self, cases: int, literals: int = 0) -> None:
        """Count one unit of work; raise LimitExceeded for a formula of too many cases."""
        self._parts += 1
        if cases > MOST_RULES or literals > MOST_LITERALS or self._parts > MOST_PARTS:
            raise LimitExceeded(f"{self._place} has too many conditions; divide it into rules")

    def _literal(self, atom: Atom, positive: bool = True) -> Literal:
        for term in atom.arguments:
            if isinstance(term, Function) and term.arguments:
                raise self._refusal(f"uses the function {render(term)}")
        return Literal(atom, positive)

    def _apart(self, formula: Quantified) -> tuple[str, Formula]:
        """Variable and body; a variable that occurred before is renamed."""
        name, body = formula.variable, formula.body
        if name in self._taken:
            fresh = fresh_name(name, self._taken | self._reserved)
            name, body = fresh, substitute(body, {name: Variable(fresh)})
        self._taken.add(name)
        return name, body

    def _refusal(self, reason: str) -> ValueError:
        return ValueError(
            f"{self._place}, {_quote(self._formula)}, {reason}, so it is not a rule;"
            " write facts and rules of atoms such as A ∧ B → C, or use entails, which takes"
            " any formula"
        )


_EQUALITY = "uses ="
_DISJUNCTION = "concludes a disjunction without saying which part holds"


def _without(connective: Connective, left: Formula, right: Formula) -> Formula:
    """→, ↔ and ⊕ by ∧, ∨ and ¬ at the atoms."""
    not_left, not_right = push_negations(left, negated=True), push_negations(right, negated=True)
    if connective == "→":
        return Binary("∨", not_left, right)
    if connective == "↔":
        return Binary("∨", Binary("∧", left, right), Binary("∧", not_left, not_right))
    return Binary("∨", Binary("∧", left, not_right), Binary("∧", not_left, right))


def _flat(connective: Connective, formula: Formula) -> Iterator[Formula]:
    if isinstance(formula, Binary) and formula.connective == connective:
        yield from _flat(connective, formula.left)
        yield from _flat(connective, formula.right)
    else:
        yield formula


def _quote(formula: Formula) -> str:
    text = render(formula)
    return text if len(text) <= LONGEST_QUOTE else f"{text[: LONGEST_QUOTE - 1]}…"
