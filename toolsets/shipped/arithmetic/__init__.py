"""The toolset `arithmetic`: exact rational arithmetic for grade-school problems.

All numbers are exact rationals (`toolsets.tools.numbers` parses and formats them); only irrational
roots, standard deviations and long compound interest are rounded. The help lists the functions in
this order.
"""

from __future__ import annotations

from toolsets.catalog.toolset import Toolset
from toolsets.shipped.arithmetic.counting import combinations, permutations
from toolsets.shipped.arithmetic.dates import (
    add_days,
    add_time,
    days_between,
    minutes_between,
    weekday,
)
from toolsets.shipped.arithmetic.expressions import evaluate_expression
from toolsets.shipped.arithmetic.interest import compound_interest, simple_interest
from toolsets.shipped.arithmetic.lists import (
    average,
    maximum,
    minimum,
    multiply_all,
    share,
    total,
)
from toolsets.shipped.arithmetic.operations import (
    absolute,
    add,
    compare,
    divide,
    integer_divide,
    multiply,
    percent_change,
    percent_of,
    percentage,
    power,
    remainder,
    subtract,
)
from toolsets.shipped.arithmetic.ratios import simplify_ratio, to_fraction
from toolsets.shipped.arithmetic.rounding import round_number
from toolsets.shipped.arithmetic.statistics import median, mode, standard_deviation
from toolsets.shipped.arithmetic.units import convert
from toolsets.shipped.arithmetic.whole import factorial, gcd, lcm, root, square_root

toolset = Toolset(
    "arithmetic",
    (
        *(add, subtract, multiply, divide, percent_of, integer_divide, remainder, power),
        *(round_number, percentage, percent_change, total, average, minimum, maximum, share),
        *(compare, absolute, gcd, lcm, square_root, root, factorial),
        *(convert, add_time, minutes_between, add_days, days_between, weekday),
        *(evaluate_expression, to_fraction, simplify_ratio, multiply_all, median, mode),
        *(standard_deviation, combinations, permutations, simple_interest, compound_interest),
    ),
)
