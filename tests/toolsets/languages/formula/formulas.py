"""Hypothesis strategies for formulas: every kind of node, a few names, small depths."""

from __future__ import annotations

from hypothesis import strategies as st

from toolsets.languages.formula.syntax import (
    Atom,
    Binary,
    Equality,
    Formula,
    Function,
    Not,
    Quantified,
    Term,
    Truth,
    Variable,
)

CONNECTIVES = st.sampled_from(("∧", "∨", "⊕", "→", "↔"))
VARIABLES = ("x", "y")


def terms(bound: tuple[str, ...]) -> st.SearchStrategy[Term]:
    constants = st.sampled_from([Function("a"), Function("tom"), Function("7"), Function("2.5")])
    simple = st.one_of(constants, *[st.just(Variable(name)) for name in bound])
    return simple | st.builds(lambda term: Function("father", (term,)), simple)


def formulas(bound: tuple[str, ...] = (), levels: int = 3) -> st.SearchStrategy[Formula]:
    """Closed formulas with at most `levels` nested connectives and quantifiers."""
    term = terms(bound)
    simple = st.one_of(
        st.builds(Truth, st.booleans()),
        st.builds(lambda one: Atom("Cat", (one,)), term),
        st.builds(lambda one, other: Atom("Likes", (one, other)), term, term),
        st.builds(Equality, term, term),
        st.sampled_from([Atom("p"), Atom("q"), Atom("Rains")]),
    )
    if levels == 0:
        return simple
    below = formulas(bound, levels - 1)
    quantified = [
        st.builds(
            Quantified,
            st.sampled_from(("∀", "∃")),
            st.just(name),
            formulas((*bound, name), levels - 1),
        )
        for name in VARIABLES
    ]
    return st.one_of(
        simple, st.builds(Not, below), st.builds(Binary, CONNECTIVES, below, below), *quantified
    )


def ground(levels: int = 3) -> st.SearchStrategy[Formula]:
    """Formulas without quantifiers, of propositions and ground atoms."""
    simple: st.SearchStrategy[Formula] = st.sampled_from(
        [Atom("p"), Atom("q"), Atom("Cat", (Function("tom"),)), Truth(True), Truth(False)]
    )
    if levels == 0:
        return simple
    below = ground(levels - 1)
    return st.one_of(simple, st.builds(Not, below), st.builds(Binary, CONNECTIVES, below, below))
