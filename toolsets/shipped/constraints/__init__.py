"""The toolset `constraints`: the model declares variables and constraints, Z3 searches.

`domains` and `language` read what the model wrote, `model` and `meanings` turn it into Z3's terms,
`solver` asks, `answers` writes. Z3 is loaded by the first call.
"""

from __future__ import annotations

from toolsets.catalog.toolset import Toolset
from toolsets.shipped.constraints.tools import (
    can_hold,
    count_solutions,
    find_values,
    maximize,
    minimize,
    must_hold,
)

toolset = Toolset(
    "constraints", (find_values, maximize, minimize, must_hold, can_hold, count_solutions)
)
