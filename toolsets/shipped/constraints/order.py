"""The order of values that are names: the order in which their domain lists them.

So `day < Friday` holds for the values listed before Friday. Weekdays and months must be listed in
their own order, and two domains that share values must not order them differently.
"""

from __future__ import annotations

import itertools
from contextlib import suppress
from graphlib import CycleError, TopologicalSorter

from toolsets.languages.expression import Name, Quoted, Tree
from toolsets.shipped.constraints.domains import Domain

_WEEK = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
_YEAR = ("january", "february", "march", "april", "may", "june", "july", "august", "september")
_YEAR += ("october", "november", "december")
_CALENDARS = tuple(
    order for names in (_WEEK, _YEAR) for order in (names, tuple(name[:3] for name in names))
)


def ordered(domains: dict[str, Domain]) -> list[str]:
    """All names of values, in an order that agrees with each domain if there is one."""
    lists = [_names(domain) for domain in domains.values()]
    words = list(dict.fromkeys(itertools.chain(*lists)))
    places = {word: place for place, word in enumerate(words)}
    pairs = {pair for values in lists for pair in itertools.pairwise(values)}
    if all(places[first] < places[second] for first, second in pairs):
        return words
    before: dict[str, set[str]] = {word: set() for word in words}
    for first, second in pairs:
        before[second].add(first)
    with suppress(CycleError):  # two lists disagree: `check_order` refuses to compare
        return list(TopologicalSorter(before).static_order())
    return words


def check_order(domains: dict[str, Domain], left: Tree, right: Tree) -> None:
    """Raise ValueError if two names have no common order."""
    first, second = _values(domains, left), _values(domains, right)
    both = {*first, *second}
    lists = [_names(domain) for domain in domains.values() if both <= set(domain.values)]
    if not first or not second or not lists:
        raise ValueError("names are ordered only as values of one list; list all of them in order")
    for domain in domains.values():
        if not _agree(lists[0], _names(domain)):
            raise ValueError("two lists order their names differently; list them in one order")
    _check_calendar([word for word in lists[0] if word in both])


def _values(domains: dict[str, Domain], tree: Tree) -> tuple[str, ...]:
    """The names that a variable or a value can be; none for another tree."""
    match tree:
        case Name(name=name) if name in domains:
            return _names(domains[name])
        case Name(name=name) | Quoted(text=name):
            return (name,)
    return ()


def _names(domain: Domain) -> tuple[str, ...]:
    return tuple(value for value in domain.values if isinstance(value, str))


def _agree(order: tuple[str, ...], values: tuple[str, ...]) -> bool:
    common = [word for word in order if word in values]
    return common == [word for word in values if word in order]


def _check_calendar(order: list[str]) -> None:
    words = [word.lower() for word in order]
    for calendar in _CALENDARS:
        if set(words) <= set(calendar) and words != sorted(words, key=calendar.index):
            raise ValueError(
                f"{order[0]} is listed before {order[1]}; list days in their own order"
            )
