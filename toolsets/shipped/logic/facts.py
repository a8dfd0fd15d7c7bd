"""Derive facts by rules, forward, until nothing new follows (semi-naive Datalog and the chase).

Facts remember the rule that gave them first. A negated condition is either a fact of its own
(¬Cat(tom) was derived) or, in `absent`, holds if the fact is missing. Heads with ∃ make new things,
unless known things already fulfil the head (the restricted chase). The work is bounded by counts
first, so that the answer is the same on every machine.

Not here: rules (`toolsets.shipped.logic.rules`), the order of rules with negation (`stratified`).
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from toolsets.errors import LimitExceeded
from toolsets.languages.formula.syntax import Atom, Term, Variable
from toolsets.shipped.logic.rules import Case, Literal, Rule

MOST_FACTS = 5_000
MOST_STEPS = 50_000  # facts compared with a condition, 0.3 to 1 s on one core of 2026
SECONDS = 1.2  # for them; a fallback, so that the answer rarely depends on the machine
MOST_THINGS = 1_000

Binding = Mapping[str, str]  # variables to things
EVERYTHING = ""  # a predicate that holds of every thing; the parser reads no such name


class Bound(LimitExceeded):
    """The derivation reached a limit; `facts` has what was derived before."""


class Fact(NamedTuple):
    """A predicate and things; negated if not `positive`."""

    positive: bool
    name: str
    things: tuple[str, ...]

    def __str__(self) -> str:
        arguments = f"({', '.join(self.things)})" if self.things else ""
        return f"{'' if self.positive else '¬'}{self.name}{arguments}"


Fresh = dict[tuple[bool, str], list[Fact]]  # by sign and predicate


class Reason(NamedTuple):
    """The premise that gave a fact, and the facts that fulfilled its conditions.

    A negated parent was derived, or could not be derived in a closed world.
    """

    premise: int
    parents: tuple[Fact, ...]


@dataclass(frozen=True, slots=True)
class Step:
    """A rule ready for derivation: conditions that are facts, and facts that must be absent."""

    rule: Rule
    present: Case
    absent: Case = ()


def _by_predicate(facts: Iterable[Fact]) -> Fresh:
    grouped: Fresh = {}
    for fact in facts:
        grouped.setdefault((fact.positive, fact.name), []).append(fact)
    return grouped


class _Condition(NamedTuple):
    place: int
    literal: Literal
    variables: set[str]


def _conditions(case: Case) -> list[_Condition]:
    return [_Condition(place, one, one.variables) for place, one in enumerate(case)]


def as_step(rule: Rule, closed: bool = False) -> Step:
    """`closed`: negated conditions are facts that must be absent."""
    absent = tuple(one for one in rule.body if closed and not one.positive)
    present = tuple(one for one in rule.body if one not in absent)
    bound = {name for one in present for name in one.variables}
    loose = rule.unsafe | ({name for one in absent for name in one.variables} - bound)
    everything = [Literal(Atom(EVERYTHING, (Variable(name),))) for name in sorted(loose)]
    return Step(rule, (*present, *everything), absent)


class Facts:
    """A set of facts, each with its first reason, indexed by each of its things."""

    def __init__(
        self, things: Iterable[str], reserved: Iterable[str] = (), steps: int = MOST_STEPS
    ) -> None:
        self.reasons: dict[Fact, Reason] = {}
        self.things: list[str] = []
        self._order: list[Fact] = []
        self.invented: list[str] = []
        self._index: dict[tuple[object, ...], list[Fact]] = {}
        self._most_steps = steps
        self.renew()
        self._reserved = set(reserved)
        for thing in things:
            self._add_thing(thing)

    def __contains__(self, fact: Fact) -> bool:
        return fact in self.reasons

    def listed(self) -> dict[Fact, Reason]:
        """The derived facts in order, without the predicate of every thing."""
        return {fact: reason for fact, reason in self.reasons.items() if fact.name != EVERYTHING}

    def saturate(self, steps: Sequence[Step]) -> None:
        """Apply rules until nothing new follows; raises Bound.

        Rules with ∃ come after the others, so that they make no thing that is there already.
        """
        plain = [step for step in steps if not step.rule.new]
        inventing = [step for step in steps if step.rule.new]
        self._complete(plain, None)
        fresh: list[Fact] | None = None
        while inventing and (fresh is None or fresh):
            before = len(self._order)
            self._apply_each(inventing, fresh)
            self._complete(plain, self._order[before:])
            fresh = self._order[before:]

    def _complete(self, steps: Sequence[Step], fresh: list[Fact] | None) -> None:
        while fresh is None or fresh:
            before = len(self._order)
            self._apply_each(steps, fresh)
            fresh = self._order[before:]

    def _apply_each(self, steps: Sequence[Step], fresh: list[Fact] | None) -> None:
        by_predicate = None if fresh is None else _by_predicate(fresh)
        for step in steps:
            for binding, parents in list(self._triggers(step, by_predicate)):
                self._apply(step.rule, binding, parents)

    def solutions(self, case: Case, binding: Binding | None = None) -> Iterator[Binding]:
        """Yield the values of the variables for which all literals are facts."""
        for found, _ in self._join(_conditions(case), binding or {}, {}):
            yield found

    def triggers(self, step: Step) -> Iterator[tuple[Binding, tuple[Fact, ...]]]:
        """Yield the ways to fulfil all conditions of a rule, with the facts that do."""
        yield from self._triggers(step, None)

    def count_step(self) -> None:
        """Count one unit of work; raises Bound."""
        self._steps += 1
        if self._steps > self._most_steps:
            raise Bound(f"the derivation stopped at its bound of {self._most_steps:,} steps")
        if self._steps % 256 == 0 and time.monotonic() > self._end:
            raise Bound(f"the derivation stopped after {SECONDS:g} s")

    def renew(self) -> None:
        """Start counting steps again, for questions about the facts derived so far."""
        self._steps, self._end = 0, time.monotonic() + SECONDS

    def invent(self) -> str:
        """Add a thing with a name that nothing else has, and return the name."""
        number = len(self.invented) + 1
        while f"thing{number}" in self._reserved:
            number += 1
        self._reserved.add(name := f"thing{number}")
        self.invented.append(name)
        self._add_thing(name)
        return name

    def _triggers(
        self, step: Step, fresh: Fresh | None
    ) -> Iterator[tuple[Binding, tuple[Fact, ...]]]:
        """The triggers with at least one fresh fact; all of them if `fresh` is None."""
        for binding, parents in self._joined(step.present, fresh):
            if not any(instance(one, binding, True) in self for one in step.absent):
                yield binding, (*parents, *(instance(one, binding) for one in step.absent))

    def _joined(
        self, case: Case, fresh: Fresh | None
    ) -> Iterator[tuple[Binding, tuple[Fact, ...]]]:
        conditions = _conditions(case)
        if fresh is None:
            yield from self._join(conditions, {}, {})
            return
        for one in conditions:
            others = [other for other in conditions if other is not one]
            self.count_step()
            for fact in fresh.get((one.literal.positive, one.literal.atom.name), ()):
                self.count_step()
                if (binding := match(one.literal, fact, {})) is not None:
                    yield from self._join(others, binding, {one.place: fact})

    def _join(
        self, conditions: list[_Condition], binding: Binding, used: dict[int, Fact]
    ) -> Iterator[tuple[Binding, tuple[Fact, ...]]]:
        """Match the most constrained condition first, then the others."""
        if not conditions:
            yield binding, tuple(used[place] for place in sorted(used))
            return
        first = min(conditions, key=lambda one: len(one.variables - binding.keys()))
        others = [one for one in conditions if one is not first]
        for fact in self._candidates(first.literal, binding):
            self.count_step()
            if (extended := match(first.literal, fact, binding)) is not None:
                yield from self._join(others, extended, {**used, first.place: fact})

    def _candidates(self, literal: Literal, binding: Binding) -> list[Fact]:
        """The shortest list of facts that has all facts that match."""
        atom = literal.atom
        key = (literal.positive, atom.name, len(atom.arguments))
        values = [_value(term, binding) for term in atom.arguments]
        keys = [(*key, place, value) for place, value in enumerate(values) if value is not None]
        return min((self._index.get(one, []) for one in (key, *keys)), key=len)

    def _apply(self, rule: Rule, binding: Binding, parents: tuple[Fact, ...]) -> None:
        """Add the head, with a new thing for each ∃ unless known things fulfil it."""
        if rule.new:
            if next(self.solutions(rule.head, binding), None) is not None:
                return
            binding = {**binding, **{name: self.invent() for name in sorted(rule.new)}}
        heads = [instance(literal, binding) for literal in rule.head]
        if all(fact in self.reasons for fact in heads):
            return
        shown = tuple(fact for fact in parents if fact.name != EVERYTHING)
        for fact in heads:
            self._add(fact, Reason(rule.premise, shown))

    def _add_thing(self, thing: str) -> None:
        if len(self.things) >= MOST_THINGS:
            raise Bound(f"rules with ∃ go on beyond the bound of {MOST_THINGS:,} things")
        self.things.append(thing)
        self._add(Fact(True, EVERYTHING, (thing,)), Reason(0, ()))

    def _add(self, fact: Fact, reason: Reason) -> None:
        if fact in self.reasons:
            return
        if len(self.reasons) >= MOST_FACTS:
            raise Bound(f"the derivation stopped at its bound of {MOST_FACTS:,} facts")
        self.reasons[fact] = reason
        self._order.append(fact)
        key = (fact.positive, fact.name, len(fact.things))
        for one in (key, *((*key, place, thing) for place, thing in enumerate(fact.things))):
            self._index.setdefault(one, []).append(fact)


def instance(literal: Literal, binding: Binding, positive: bool | None = None) -> Fact:
    """The fact of a literal whose variables are all bound; `positive` replaces its sign."""
    things = tuple(_value(term, binding) or "" for term in literal.atom.arguments)
    return Fact(literal.positive if positive is None else positive, literal.atom.name, things)


def match(literal: Literal, fact: Fact, binding: Binding) -> dict[str, str] | None:
    """The binding extended so that the literal is the fact, or None."""
    extended = dict(binding)
    if len(literal.atom.arguments) != len(fact.things):
        return None
    for term, thing in zip(literal.atom.arguments, fact.things, strict=True):
        known = extended.setdefault(term.name, thing) if isinstance(term, Variable) else term.name
        if known != thing:
            return None
    return extended


def _value(term: Term, binding: Binding) -> str | None:
    return binding.get(term.name) if isinstance(term, Variable) else term.name
