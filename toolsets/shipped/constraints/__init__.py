"""The toolset `constraints`: the model declares variables and constraints, Z3 searches.

`domains` and `language` parse the arguments, `model` and `meanings` translate them to Z3 terms,
`solver` runs Z3, `answers` formats the results. Z3 is imported by the first call.
"""

from __future__ import annotations

from toolsets.catalog.toolset import Toolset
from toolsets.shipped.constraints.judging import judge_options
from toolsets.shipped.constraints.tools import (
    can_hold,
    count_solutions,
    find_values,
    maximize,
    minimize,
    must_hold,
)

LIBRARIES = ("z3",)  # imported by a worker before its first call

toolset = Toolset(
    "constraints",
    (find_values, maximize, minimize, must_hold, can_hold, count_solutions, judge_options),
)
