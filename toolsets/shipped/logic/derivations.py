"""The functions that derive: premises used, closed world, forward chaining, rules with ∃.

Not here: entailment alone (`questions`), one inference step (`inference`).
"""

from __future__ import annotations

from collections.abc import Sequence

from toolsets.errors import LimitExceeded
from toolsets.languages.formula.syntax import Not
from toolsets.shipped.logic import chase, solver
from toolsets.shipped.logic.core import Core, contradicting
from toolsets.shipped.logic.facts import Facts, Reason
from toolsets.shipped.logic.reading import Formulas, with_warnings
from toolsets.shipped.logic.stratified import holds, perfect_model
from toolsets.shipped.logic.theory import check_things, read_theory, unmentioned
from toolsets.tools.decorator import tool

MOST_LISTED = 200  # facts
CLASH_SECONDS = 0.5  # for the premises that contradict each other


@tool
def premises_used(premises: Formulas, conclusion: str) -> str:
    """Tell whether premises make a conclusion True or False, and from which of them it follows.

    Example:
        premises_used(premises=["Cat(tom)", "Dog(rex)", "~Dog(tom)"], conclusion="Cat(tom)")
    """
    theory = read_theory(premises, conclusion)
    entailment = solver.entails(theory.premises, theory.asked)
    warnings = list(entailment.warnings)
    if entailment.answer not in ("True", "False"):
        return with_warnings(entailment.answer, [*warnings, *theory.warnings])
    fixed = Not(theory.asked) if entailment.answer == "True" else theory.asked
    core = contradicting(theory.premises, fixed)
    if solver.INCONSISTENT in warnings:
        clash = contradicting(theory.premises, seconds=CLASH_SECONDS)
        warnings.append(f"{_numbered(clash.places)} cannot all be true")
    return with_warnings(_used(entailment.answer, premises, core), [*warnings, *theory.warnings])


@tool
def closed_world(premises: Formulas, conclusion: str) -> str:
    """Tell whether a conclusion is True or False if all that facts and rules do not give is false.

    Example:
        closed_world(premises=["Cat(tom)", "forall x (~Ill(x) -> Well(x))"], conclusion="Well(tom)")
    """
    theory = read_theory(premises, conclusion)
    check_things(theory)
    answer = holds(theory.asked, perfect_model(theory.premises, theory.asked))
    return with_warnings(str(answer), [*unmentioned(theory), *theory.warnings])


@tool
def derive_facts(premises: Formulas, closed_world: bool = False) -> str:
    """List all facts that rules give by forward chaining, each with its premise.

    Args:
        closed_world: Whether ~A in a condition means that A cannot be derived.

    Example:
        derive_facts(premises=["Cat(tom)", "forall x (Cat(x) -> Furry(x))"])
    """
    theory = read_theory(premises)
    check_things(theory)
    if closed_world:
        return with_warnings(_listed(perfect_model(theory.premises)), theory.warnings)
    facts, warnings = chase.derive(theory.premises)
    return with_warnings(_listed(facts), [*warnings, *theory.warnings])


@tool
def follows_by_rules(premises: Formulas, conclusion: str) -> str:
    """Tell whether facts and rules, also with exists after ->, make a conclusion True or False.

    Example:
        follows_by_rules(premises=["forall x exists y Likes(x, y)"], conclusion="Likes(tom, rex)")
    """
    theory = read_theory(premises, conclusion)
    check_things(theory)
    entailment = chase.follows(theory.premises, theory.asked)
    return with_warnings(entailment.answer, [*entailment.warnings, *theory.warnings])


def _used(answer: str, texts: Sequence[str], core: Core) -> str:
    if not core.places:
        return f"{answer}, whatever the premises say"
    shown = [f"{place + 1}: {texts[place].strip()}" for place in core.places]
    return "\n".join([f"{answer}, from {_numbered(core.places)}", *shown, _remark(core)])


def _remark(core: Core) -> str:
    if not core.minimal:
        return "Perhaps some of them can be left out; the time was too short to tell."
    each = "It cannot be left out" if len(core.places) == 1 else "None of them can be left out"
    match core.only:
        case True:
            return f"{each}; the answer follows from no others."
        case False:
            return f"{each}; this is one of several such sets of premises."
    return f"{each}; the time was too short to tell whether other premises give it too."


def _numbered(places: Sequence[int]) -> str:
    numbers = [str(place + 1) for place in places]
    if len(numbers) == 1:
        return f"premise {numbers[0]}"
    return f"premises {', '.join(numbers[:-1])} and {numbers[-1]}"


def _listed(facts: Facts) -> str:
    derived = facts.listed()
    if not derived:
        return "no facts follow"
    if len(derived) > MOST_LISTED:
        raise LimitExceeded(
            f"more than {MOST_LISTED} facts follow; ask for one of them with closed_world or"
            " follows_by_rules"
        )
    used = {thing for fact in derived for thing in fact.things}
    lines = [f"{fact}: {_reason(reason)}" for fact, reason in derived.items()]
    invented = [thing for thing in facts.invented if thing in used]
    if invented:
        lines.append(f"{', '.join(invented)}: things that the premises do not name")
    return "\n".join(lines)


def _reason(reason: Reason) -> str:
    parents = f", from {', '.join(map(str, dict.fromkeys(reason.parents)))}"
    return f"premise {reason.premise}{parents if reason.parents else ''}"
