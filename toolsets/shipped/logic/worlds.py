"""Describe a small world as text for the model: its things and what is true of them.

    2 things: tom, thing2
    Cat: tom
    Likes: (tom, thing2), (thing2, tom)
    rex = tom

Not here: the search for worlds (`toolsets.shipped.logic.solver`).
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import product
from typing import TYPE_CHECKING

from toolsets.languages.formula.syntax import Symbol
from toolsets.shipped.logic.solver import World

if TYPE_CHECKING:
    import z3

MOST_CASES = 500  # listed for one predicate or function


def describe(world: World) -> str:
    """One line with the things, then one for each symbol that is not a thing's own name."""
    table = _Table(world)
    things = table.things
    counted = f"{len(things)} thing{'s' * (len(things) > 1)}: {', '.join(things)}"
    lines = (table.line(symbol) for symbol in world.names)
    return "\n".join([counted, *(line for line in lines if line)])


class _Table:
    def __init__(self, world: World) -> None:
        self._world = world
        self._declared = {decl.name(): decl for decl in world.model.decls()}
        self._elements = self._find_elements()
        self.things = self._name_things()

    def line(self, symbol: Symbol) -> str:
        """The line of a symbol; empty for a thing's own name."""
        if symbol.kind == "function" and symbol.arity == 0:
            thing = self.things[self._value(symbol, ())]
            return "" if thing == symbol.name else f"{symbol.name} = {thing}"
        if symbol.arity == 0:
            return f"{symbol.name}: {'true' if self._value(symbol, ()) else 'false'}"
        cases = list(product(range(self._world.size), repeat=symbol.arity))
        if len(cases) > MOST_CASES:
            return f"{symbol.name}: too many cases to list"
        if symbol.kind == "function":
            values = (f"{self._tuple(c)} to {self.things[self._value(symbol, c)]}" for c in cases)
            return f"{symbol.name}: {', '.join(values)}"
        true = [self._tuple(case) for case in cases if self._value(symbol, case)]
        return f"{symbol.name}: {', '.join(true) or 'nothing'}"

    def _tuple(self, case: Sequence[int]) -> str:
        names = [self.things[number] for number in case]
        return names[0] if len(names) == 1 else f"({', '.join(names)})"

    def _value(self, symbol: Symbol, case: Sequence[int]) -> int:
        """The number of a thing, or 0 and 1 for false and true; 0 if the model leaves it open."""
        declared = self._declared.get(self._world.names[symbol])
        if declared is None:
            return 0
        arguments = [self._elements[number] for number in case]
        value = self._world.model.eval(declared(*arguments), model_completion=True)
        written = str(value)
        return int(written == "True") if symbol.kind == "predicate" else int(written[1:])

    def _find_elements(self) -> list[z3.ExprRef]:
        sorts = [
            sort
            for declared in self._declared.values()
            for sort in (*map(declared.domain, range(declared.arity())), declared.range())
            if sort.name() == "T"
        ]
        return [sorts[0].constructor(n)() for n in range(self._world.size)] if sorts else []

    def _name_things(self) -> list[str]:
        """The first constant of each thing; thing1, thing2, … for things without a constant."""
        taken = {symbol.name for symbol in self._world.names}
        named: dict[int, str] = {}
        for symbol in self._world.names:
            if (symbol.kind, symbol.arity) == ("function", 0):
                named.setdefault(self._value(symbol, ()), symbol.name)
        numbers = range(self._world.size)
        defaults = [f"thing{n + 1}" + "_" * (f"thing{n + 1}" in taken) for n in numbers]
        return [named.get(number, defaults[number]) for number in numbers]
