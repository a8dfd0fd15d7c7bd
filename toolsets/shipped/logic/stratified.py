"""Closed-world reading: what cannot be derived is false (stratified Datalog, the perfect model).

The things are those that the formulas name, and different names are different things. A negated
condition holds if the fact cannot be derived (negation as failure). Its predicate is therefore
completed before the rule is used, which is possible if no predicate depends on its own negation
(Apt, Blair and Walker, 1988). ¬ in a fact or in a conclusion of a rule, and prohibitions, add no
facts: they are checked at the end.

Not here: parsing (`theory`), rules (`rules`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from toolsets.languages.formula.syntax import (
    Atom,
    Binary,
    Equality,
    Formula,
    Function,
    Not,
    Quantified,
    Truth,
    render,
    symbols,
    walk,
)
from toolsets.shipped.logic.facts import Binding, Facts, as_step, instance
from toolsets.shipped.logic.rules import Literal, Rule, read_rules

Predicate = tuple[str, int]  # name, number of arguments


def perfect_model(premises: Sequence[Formula], conclusion: Formula | None = None) -> Facts:
    """All facts that can be derived; raises ValueError or LimitExceeded.

    The things of the conclusion belong to the world. Refused, with the premise named: ∃ in a
    conclusion of a rule, a predicate that depends on its own negation, contradicting premises.
    """
    rules = read_rules(premises)
    if invents := next((rule for rule in rules if rule.new), None):
        raise ValueError(
            f"premise {invents.premise} concludes ∃ of a thing without a name, but a closed world"
            " has named things only; give it a name, or use follows_by_rules"
        )
    formulas = [*premises, *([conclusion] if conclusion else [])]
    facts = Facts(_things(formulas))
    makers = [rule for rule in rules if _makes_facts(rule)]
    for stratum in strata(makers):
        facts.saturate([as_step(rule, closed=True) for rule in stratum])
    _check_prohibitions(facts, [rule for rule in rules if not _makes_facts(rule)])
    return facts


def strata(rules: Sequence[Rule]) -> list[list[Rule]]:
    """Rules in the order in which they may be used; raises ValueError if there is none."""
    level: dict[Predicate, int] = {}
    negated = {_predicate(one) for rule in rules for one in rule.body if not one.positive}
    changed = True
    while changed:
        changed = False
        for rule in rules:
            head = _predicate(rule.head[0])
            needed = max((_needed(one, level) for one in rule.body), default=0)
            if needed > level.get(head, 0):
                level[head] = needed
                changed = True
            if needed > len(negated):
                raise _not_stratified(rules)
    ordered: dict[int, list[Rule]] = {}
    for rule in rules:
        ordered.setdefault(level.get(_predicate(rule.head[0]), 0), []).append(rule)
    return [ordered[number] for number in sorted(ordered)]


def holds(formula: Formula, facts: Facts, binding: Binding | None = None) -> bool:
    """Whether a formula is true in the world; its quantifiers stand for the named things."""
    bound: Mapping[str, str] = binding or {}
    facts.count_step()
    match formula:
        case Truth(value=value):
            return value
        case Atom():
            return instance(Literal(formula), bound) in facts
        case Not(operand=operand):
            return not holds(operand, facts, bound)
        case Quantified(quantifier=quantifier, variable=variable, body=body):
            each = (holds(body, facts, {**bound, variable: thing}) for thing in facts.things)
            return all(each) if quantifier == "∀" else any(each)
        case Binary(connective="∧", left=left, right=right):
            return holds(left, facts, bound) and holds(right, facts, bound)
        case Binary(connective="∨", left=left, right=right):
            return holds(left, facts, bound) or holds(right, facts, bound)
        case Binary(connective="→", left=left, right=right):
            return not holds(left, facts, bound) or holds(right, facts, bound)
        case Binary(connective=connective, left=left, right=right):
            same = holds(left, facts, bound) == holds(right, facts, bound)
            return same == (connective == "↔")
    raise ValueError("the conclusion uses =, which a closed world does not have; leave it out")


def _things(formulas: Sequence[Formula]) -> list[str]:
    """The constants; raises ValueError for a function, =, or ∀ and ∃ over nothing."""
    used = [symbol for symbol in symbols(*formulas) if symbol.kind == "function"]
    parts = [part for formula in formulas for part in walk(formula)]
    if any(isinstance(part, Equality) for part in parts):
        raise ValueError("= cannot be used here: in a closed world different names are different")
    if nested := next((p for p in parts if isinstance(p, Function) and p.arguments), None):
        raise ValueError(f"{render(nested)} is a function; name the thing instead, such as tom")
    if not used and any(isinstance(part, Quantified) for part in parts):
        raise ValueError("∀ and ∃ stand for the things that the formulas name, but none is named")
    return [symbol.name for symbol in used]


def _makes_facts(rule: Rule) -> bool:
    return bool(rule.head) and rule.head[0].positive


def _check_prohibitions(facts: Facts, rules: Sequence[Rule]) -> None:
    for rule in rules:
        step = as_step(rule, closed=True)
        for binding, parents in facts.triggers(step):
            denied = [instance(one, binding, True) for one in rule.head]
            if all(fact in facts for fact in denied):
                derived = ", ".join(str(f) for f in dict.fromkeys((*parents, *denied)) if f.name)
                raise ValueError(
                    f"premise {rule.premise} contradicts what can be derived: {derived or '⊤'};"
                    " correct one of the premises"
                )


def _needed(literal: Literal, level: Mapping[Predicate, int]) -> int:
    return level.get(_predicate(literal), 0) + (not literal.positive)


def _predicate(literal: Literal) -> Predicate:
    return literal.atom.name, len(literal.atom.arguments)


def _not_stratified(rules: Sequence[Rule]) -> ValueError:
    """Name a rule whose conclusion is needed to decide its own negated condition."""
    for rule in rules:
        for one in rule.body:
            if not one.positive and _predicate(rule.head[0]) in _needs(_predicate(one), rules):
                head = rule.head[0]
                return ValueError(
                    f"premise {rule.premise} concludes {head} from {one}, which cannot be decided"
                    f" before {head.atom.name} is complete; in a closed world no predicate may"
                    " depend on its own negation"
                )
    return ValueError("a predicate depends on its own negation")


def _needs(start: Predicate, rules: Sequence[Rule]) -> set[Predicate]:
    """The predicates that `start` depends on, itself included."""
    needed, waiting = {start}, [start]
    while waiting:
        predicate = waiting.pop()
        for rule in rules:
            if _predicate(rule.head[0]) == predicate:
                more = {_predicate(one) for one in rule.body} - needed
                needed |= more
                waiting += more
    return needed
