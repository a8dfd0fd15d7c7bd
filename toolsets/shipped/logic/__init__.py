"""The toolset `logic`: entailment, rewriting and proof steps in first-order logic with equality.

    entails(premises=["forall x (Cat(x) -> Furry(x))", "Cat(tom)"], conclusion="Furry(tom)")

Formulas are written in FOLIO's notation or in ASCII (`toolsets.languages.formula.parser`). Z3
(`solver`) and sympy (`propositional`) are imported by the first call that needs them. The help
lists the functions in this order.
"""

from __future__ import annotations

from toolsets.catalog.toolset import Toolset
from toolsets.shipped.logic.derivations import (
    closed_world,
    derive_facts,
    follows_by_rules,
    premises_used,
)
from toolsets.shipped.logic.inference import (
    conjunction,
    disjunctive_syllogism,
    hypothetical_syllogism,
    instantiate,
    modus_ponens,
    modus_tollens,
    resolution,
    simplification,
)
from toolsets.shipped.logic.questions import (
    consistent,
    counter_model,
    entails,
    equivalent,
    find_model,
)
from toolsets.shipped.logic.rewriting import (
    negate,
    simplify_formula,
    to_cnf,
    to_dnf,
    truth_table,
)

LIBRARIES = ("z3", "sympy")  # imported by a worker before its first call

toolset = Toolset(
    "logic",
    (
        *(entails, consistent, equivalent, find_model, counter_model),
        *(negate, simplify_formula, to_cnf, to_dnf, truth_table),
        *(modus_ponens, modus_tollens, hypothetical_syllogism, disjunctive_syllogism),
        *(resolution, instantiate, conjunction, simplification),
        *(premises_used, closed_world, derive_facts, follows_by_rules),
    ),
)
