"""Random puzzles against enumeration by Python."""

from __future__ import annotations

import itertools
import random
from functools import partial

import toolsets
from tests.toolsets.shipped import texts
from tests.toolsets.shipped.constraints.puzzles import call, find

CONSTRAINTS = toolsets.load("toolsets.shipped.constraints:toolset")
PUZZLES = 200
result = partial(texts.result, CONSTRAINTS)


def test_random_puzzles_equal_enumeration() -> None:
    chance = random.Random(200)
    for _ in range(PUZZLES):
        names = ["a", "b", "c"][: chance.randint(2, 3)]
        constraints, python = random_constraints(chance, names)
        values = itertools.product(range(1, 5), repeat=len(names))
        worlds = [dict(zip(names, world, strict=True)) for world in values]
        code = compile(python, "constraints", "eval")
        solutions = [world for world in worlds if eval(code, dict(world))]
        variables = {", ".join(names): "1..4"}
        counted = call("count_solutions", variables=variables, constraints=constraints)
        assert result(counted).content == str(len(solutions)), constraints
        found = result(find(variables, *constraints)).content
        if not solutions:
            assert found.startswith("These constraints cannot all hold"), constraints
            continue
        parts = [part.split(" = ") for part in found.partition(" (")[0].split(", ")]
        assert {name: int(value) for name, value in parts} in solutions, constraints
        assert found.endswith("(the only solution)") == (len(solutions) == 1), constraints


def random_constraints(chance: random.Random, names: list[str]) -> tuple[list[str], str]:
    """Constraints in the forms that models write, and the same as one Python condition."""
    written, python = [], []
    for _ in range(chance.randint(1, 4)):
        one, two = chance.choice(names), chance.choice(names)
        k, m = chance.randint(1, 4), chance.randint(1, 4)
        forms = [
            (f"{one} + {two} = {k + m}", f"{one} + {two} == {k + m}"),
            (f"{one} * {k} <= {two} + {m}", f"{one} * {k} <= {two} + {m}"),
            (f"if {one} > {k} then {two} < {m}", f"({one} <= {k} or {two} < {m})"),
            (f"{one} = {k} or {two} = {m}", f"({one} == {k} or {two} == {m})"),
            (f"{one} not in [{k}, {m}]", f"{one} not in [{k}, {m}]"),
            (f"{one} in range({k}, {k + m})", f"{one} in range({k}, {k + m})"),
            (f"|{one} - {two}| >= {k}", f"abs({one} - {two}) >= {k}"),
            (f"({one} + {k}) % 3 = {m % 3}", f"({one} + {k}) % 3 == {m % 3}"),
            (f"AllDifferent({', '.join(names)})", f"len({{{', '.join(names)}}}) == {len(names)}"),
            (f"exactly(1, {one} > {k}, {two} > {m})", f"(({one} > {k}) + ({two} > {m})) == 1"),
            (f"{one} > 50% * {two}", f"2 * {one} > {two}"),
        ]
        form, condition = chance.choice(forms)
        written.append(form)
        python.append(condition)
    return written, " and ".join(python)
