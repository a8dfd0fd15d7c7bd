"""The toolset `algebra`: exact symbolic mathematics, from school algebra to basic calculus.

`toolsets.languages.expression` parses text without evaluating it, `sizes` limits the size of values
and results, `symbolic` builds sympy objects and formats results. sympy is imported by the first
call.
"""

from __future__ import annotations

from toolsets.catalog.toolset import Toolset
from toolsets.shipped.algebra.calculus import derivative, integral, limit, product, summation
from toolsets.shipped.algebra.matrices import (
    determinant,
    eigenvalues,
    inverse_matrix,
    multiply_matrices,
    solve_linear_system,
)
from toolsets.shipped.algebra.rewriting import evaluate, expand, factor, simplify, substitute
from toolsets.shipped.algebra.roots import roots
from toolsets.shipped.algebra.solving import solve
from toolsets.shipped.algebra.whole import (
    divisors,
    greatest_common_divisor,
    inverse_modulo,
    is_prime,
    least_common_multiple,
    power_modulo,
    prime_factors,
)

LIBRARIES = ("sympy",)  # imported by a worker before its first call

toolset = Toolset(
    "algebra",
    (
        *(simplify, expand, factor, substitute, evaluate, solve, roots),
        *(derivative, integral, limit, summation, product),
        *(determinant, inverse_matrix, multiply_matrices, solve_linear_system, eigenvalues),
        *(prime_factors, is_prime, divisors, greatest_common_divisor, least_common_multiple),
        *(power_modulo, inverse_modulo),
    ),
)
