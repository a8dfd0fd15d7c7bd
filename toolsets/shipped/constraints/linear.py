"""Whether constraints are linear, and their comparisons: what decides if solutions are infinite.

The solutions with the same truth values of all linear comparisons form a convex set. If it has two
points that differ in a real variable, all points between them are solutions.
"""

from __future__ import annotations

from collections.abc import Iterable

from toolsets.languages.expression import COMPARISONS, Apply, Constant, Name, Tree, names
from toolsets.shipped.constraints.domains import Domain

_LOGICAL = ("and", "or", "not", "xor", "→", "↔")


def comparisons(trees: Iterable[Tree], domains: dict[str, Domain]) -> list[Tree] | None:
    """The comparisons in constraints; None if one of the constraints is not linear."""
    found: list[Tree] = []
    for tree in trees:
        if not _collect(tree, domains, found):
            return None
    return found


def unbounded(domains: dict[str, Domain]) -> list[str]:
    """The variables of whole numbers without a list of values and without one of the bounds."""
    return [
        name
        for name, domain in domains.items()
        if domain.kind == "whole"
        and not domain.values
        and (domain.low is None or domain.high is None)
    ]


def continuous(domains: dict[str, Domain]) -> list[str]:
    """The variables of real numbers without a list of values."""
    return [name for name, d in domains.items() if d.kind == "real" and not d.values]


def _collect(tree: Tree, domains: dict[str, Domain], found: list[Tree]) -> bool:
    match tree:
        case Apply(operator=operator, arguments=arguments) if operator in COMPARISONS:
            found.append(tree)
            return all(_is_linear(argument, domains) for argument in arguments)
        case Apply(operator=operator, arguments=arguments) if operator in _LOGICAL:
            return all(_collect(argument, domains, found) for argument in arguments)
        case Name():
            return True
    return False


def _is_linear(tree: Tree, domains: dict[str, Domain]) -> bool:
    match tree:
        case Constant():
            return True
        case Name(name=name):
            return name not in domains or domains[name].kind != "truth"
        case Apply(operator="+" | "-", arguments=arguments):
            return all(_is_linear(argument, domains) for argument in arguments)
        case Apply(operator="*", arguments=arguments):
            varying = [argument for argument in arguments if names(argument)]
            return len(varying) <= 1 and all(_is_linear(a, domains) for a in arguments)
        case Apply(operator="/", arguments=(above, below)):
            return not names(below) and _is_linear(above, domains)
    return False
