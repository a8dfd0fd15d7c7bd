"""Names that models write for shipped functions, and names that functions had before.

They are not accepted as calls: the message for an unknown function shows the call to write instead.
"""

from __future__ import annotations

from collections.abc import Iterable

from toolsets.calls.parse import parse_call
from toolsets.errors import CallError
from toolsets.tools.binding import bind, validate
from toolsets.tools.tool import Tool

# call that does the same -> names; a name may have several calls, the first that fits is shown
_NAMES = {
    "gcd(values=[12, 18])": "greatest_common_divisor hcf gcf",
    'simplify(expression="gcd(12, 18)")': "greatest_common_divisor hcf gcf gcd",
    "lcm(values=[4, 6])": "least_common_multiple",
    'simplify(expression="lcm(4, 6)")': "least_common_multiple lcm",
    'polynomial_roots(polynomial="x**2 - 4", variable="x")': "roots zeros",
    'evaluate_expression(expression="(2 + 3) * 4")': "evaluate calculate calculator compute eval",
    'evaluate(expression="(2 + 3) * 4")': "evaluate_expression calculate calculator compute eval",
    "average(values=[2, 3, 7])": "mean",
    "total(values=[2, 3, 5])": "sum",
    "multiply_all(values=[2, 3, 5])": "product prod",
    "combinations(n=5, k=2)": "ncr choose binomial comb combination",
    "permutations(n=5, k=2)": "npr perm permutation arrangements",
    'standard_deviation(values=[2, 4], kind="population")': "stdev std stddev pstdev",
    "square_root(value=144)": "sqrt",
    "to_fraction(value=0.375)": "fraction as_fraction",
    "simplify_ratio(values=[12, 18])": "ratio",
    "inverse_modulo(value=3, modulus=11)": "modular_inverse mod_inverse",
    "chinese_remainder(remainders=[2, 3], moduli=[3, 5])": "crt chinese_remainder_theorem",
    "solve_congruence(a=3, b=4, modulus=7)": "linear_congruence solve_linear_congruence",
    'convert_base(number="1011", from_base=2, to_base=10)': "base_conversion change_base to_base",
    'divide_polynomials(dividend="x**2 - 1", divisor="x - 1", variable="x")': (
        "polynomial_division divide_polynomial polynomial_divide"
    ),
    'partial_fractions(expression="1/(x**2 - 1)", variable="x")': "apart partial_fraction",
    'recurrence_term(recurrence="a(n) = 2*a(n-1)", initial="a(1) = 3", n=10)': "nth_term",
}


def call_instead(name: str, tools: Iterable[Tool]) -> str | None:
    """A call of one of the tools that does what `name` stands for, or None."""
    known = {tool.name: tool for tool in tools}
    calls = [call for call, names in _NAMES.items() if name.lower() in names.split()]
    return next((call for call in calls if _fits(call, known)), None)


def _fits(call: str, known: dict[str, Tool]) -> bool:
    """Whether one of the tools takes the call; a user's tool may only share the name."""
    written = parse_call(call)
    try:
        tool = known[written.name]
        validate(tool, bind(tool, written))
    except (KeyError, CallError):
        return False
    return True
