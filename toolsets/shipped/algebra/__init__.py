"""The toolset `algebra`: exact symbolic mathematics, from school algebra to basic calculus.

`toolsets.languages.expression` parses text without evaluating it, `sizes` limits the size of values
and results, `symbolic` builds sympy objects and formats results. sympy is imported by the first
call.
"""

from __future__ import annotations

from toolsets.catalog.toolset import Toolset
from toolsets.shipped.algebra.bases import convert_base
from toolsets.shipped.algebra.calculus import derivative, integral, limit, product, summation
from toolsets.shipped.algebra.congruences import chinese_remainder, solve_congruence
from toolsets.shipped.algebra.extrema import extrema
from toolsets.shipped.algebra.matrices import (
    determinant,
    eigenvalues,
    inverse_matrix,
    multiply_matrices,
    solve_linear_system,
)
from toolsets.shipped.algebra.polynomials import (
    divide_polynomials,
    partial_fractions,
    polynomial_roots,
)
from toolsets.shipped.algebra.recurrences import recurrence_term, solve_recurrence
from toolsets.shipped.algebra.rewriting import evaluate, expand, factor, simplify, substitute
from toolsets.shipped.algebra.solving import solve
from toolsets.shipped.algebra.whole import (
    divisors,
    inverse_modulo,
    is_prime,
    power_modulo,
    prime_factors,
)

LIBRARIES = ("sympy",)  # imported by a worker before its first call

toolset = Toolset(
    "algebra",
    (
        *(simplify, expand, factor, substitute, evaluate, solve, polynomial_roots),
        *(derivative, integral, limit, summation, product),
        *(determinant, inverse_matrix, multiply_matrices, solve_linear_system, eigenvalues),
        *(prime_factors, is_prime, divisors, power_modulo, inverse_modulo),
        *(solve_congruence, chinese_remainder, convert_base),
        *(divide_polynomials, partial_fractions, recurrence_term, solve_recurrence),
        extrema,
    ),
)
