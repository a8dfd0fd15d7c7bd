"""Entailment by Horn rules with ∃ in their conclusions: the restricted chase.

Where the chase ends, its facts are a universal model: a conclusion of atoms, ∧, ∨ and ∃ follows if
and only if it is true there (Fagin et al., 2005). A negated conclusion follows if and only if
assuming its opposite contradicts the premises. What is true before the end follows too; if a bound
is reached first, nothing else is said.

Not here: negation as failure (`stratified`), any formula (`solver`).
"""

from __future__ import annotations

from collections.abc import Sequence

from toolsets.errors import LimitExceeded
from toolsets.languages.formula.syntax import (
    Atom,
    Binary,
    Equality,
    Formula,
    Function,
    Not,
    Quantified,
    Term,
    Variable,
    names,
    render,
    symbols,
    walk,
)
from toolsets.shipped.logic.facts import MOST_STEPS, Bound, Facts, as_step
from toolsets.shipped.logic.rules import Case, Literal, Rule, read_cases, read_rules
from toolsets.shipped.logic.solver import INCONSISTENT, Entailment

MOST_CASES = 10  # of the conclusion
ENDLESS = "the derivation reached its bound before it ended; entails may decide the question"


def follows(premises: Sequence[Formula], conclusion: Formula) -> Entailment:
    """The same answers as `solver.entails`; raises ValueError or LimitExceeded."""
    rules = [_positive(rule) for rule in read_rules(premises)]
    asked, negated = _without_negations(conclusion)
    cases = _read_question(asked)
    world = _World(premises, conclusion)
    entailment = _decide(world, rules, cases)
    if not negated or entailment.warnings:
        return entailment
    return {"True": Entailment("False"), "False": Entailment("True")}.get(
        entailment.answer, entailment
    )


def derive(premises: Sequence[Formula]) -> tuple[Facts, list[str]]:
    """All facts that the rules give, and warnings of negated conditions and contradictions.

    Negations are facts too, and fulfil negated conditions. Raises ValueError or LimitExceeded.
    """
    rules = read_rules(premises)
    facts = _World(premises).facts()
    facts.saturate([as_step(rule) for rule in rules if rule.head])
    facts.renew()
    warnings = [
        f"premise {rule.premise} is used only where {one} is a fact; with closed_world=True it is"
        " used where the fact cannot be derived"
        for rule in rules
        for one in rule.body
        if not one.positive
    ]
    if clash := _opposed(facts) or _prohibited(facts, rules):
        warnings.insert(0, f"the premises contradict each other: {clash}")
    return facts, list(dict.fromkeys(warnings))


def _opposed(facts: Facts) -> str:
    """A fact and its negation, or ""."""
    for fact in facts.listed():
        if (other := fact._replace(positive=not fact.positive)) in facts:
            return f"{fact} and {other}"
    return ""


class _World:
    """The things that formulas name, and the names that new things must not have."""

    def __init__(self, premises: Sequence[Formula], *conclusion: Formula) -> None:
        formulas = (*premises, *conclusion)
        self._things = [s.name for s in symbols(*formulas) if s.kind == "function"]
        self._reserved = {name for formula in formulas for name in names(formula)}

    def facts(self, steps: int = MOST_STEPS) -> Facts:
        """No facts yet; at least one thing."""
        facts = Facts(self._things, self._reserved, steps)
        if not self._things:
            facts.invent()
        return facts


def _decide(world: _World, rules: Sequence[Rule], cases: Sequence[Case]) -> Entailment:
    facts = world.facts()
    ended = _saturate(facts, rules)
    if _prohibited(facts, rules):
        return Entailment("True", (INCONSISTENT,))
    if any(next(facts.solutions(case), None) is not None for case in cases):
        return Entailment("True")
    steps = MOST_STEPS // 5 // max(1, len(cases))
    contradicted = [_contradicted(world.facts(steps), rules, case) for case in cases]
    if all(contradicted):
        return Entailment("False")
    if ended and None not in contradicted:
        return Entailment("Uncertain")
    return Entailment("Undecided", (ENDLESS,))


def _contradicted(facts: Facts, rules: Sequence[Rule], case: Case) -> bool | None:
    """Whether the premises exclude the case; None if the bound is reached before."""
    assumed = tuple(Literal(Atom(one.atom.name, _frozen(one.atom.arguments))) for one in case)
    start = [Rule(0, (), (literal,)) for literal in assumed]
    ended = _saturate(facts, [*start, *rules])
    try:
        excluded = bool(_prohibited(facts, rules))
    except Bound:
        return None
    return excluded if excluded or ended else None


def _frozen(terms: Sequence[Term]) -> tuple[Term, ...]:
    """Terms with a thing that nothing else denotes for each variable."""
    return tuple(Function(f"?{t.name}") if isinstance(t, Variable) else t for t in terms)


def _saturate(facts: Facts, rules: Sequence[Rule]) -> bool:
    """Derive facts; whether the derivation ended before its bound."""
    try:
        facts.saturate([as_step(rule) for rule in rules if rule.head])
    except Bound:
        return False
    finally:
        facts.renew()
    return True


def _prohibited(facts: Facts, rules: Sequence[Rule]) -> str:
    """Facts that fulfil a rule without a head, with its premise, or ""."""
    for rule in rules:
        if not rule.head:
            for _, parents in facts.triggers(as_step(rule)):
                return f"{', '.join(map(str, dict.fromkeys(parents)))} and premise {rule.premise}"
    return ""


def _positive(rule: Rule) -> Rule:
    """The rule with a negated head as a prohibition; raises ValueError for a negated condition."""
    if negated := next((one for one in rule.body if not one.positive), None):
        raise ValueError(
            f"premise {rule.premise} has the negated condition {negated}; use closed_world if what"
            " cannot be derived is false, else entails, which takes any formula"
        )
    if rule.head and not rule.head[0].positive:
        return Rule(rule.premise, (*rule.body, Literal(rule.head[0].atom)), ())
    return rule


def _without_negations(formula: Formula) -> tuple[Formula, bool]:
    negated = False
    while isinstance(formula, Not):
        formula, negated = formula.operand, not negated
    return formula, negated


def _read_question(formula: Formula) -> list[Case]:
    """The cases of a formula of atoms, ∧, ∨ and ∃; raises ValueError for another."""
    for part in walk(formula):
        if isinstance(part, Not | Equality) or (
            isinstance(part, Binary | Quantified) and _sign(part) not in "∧∨∃"
        ):
            raise ValueError(
                f"the conclusion has {render(part)}; here it may have atoms, ∧, ∨ and ∃, and one ¬"
                " before all of it; entails takes any formula"
            )
    cases = read_cases(formula, "the conclusion")
    if len(cases) > MOST_CASES:
        raise LimitExceeded(f"the conclusion has more than {MOST_CASES} cases joined by ∨")
    return cases


def _sign(formula: Binary | Quantified) -> str:
    return formula.connective if isinstance(formula, Binary) else formula.quantifier
