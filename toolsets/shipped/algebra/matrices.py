"""Functions of matrices, which are written as lists of rows."""

from __future__ import annotations

from typing import Any

from toolsets.errors import LimitExceeded
from toolsets.shipped.algebra.rewriting import simplest
from toolsets.shipped.algebra.roots import polynomial_roots, write_root
from toolsets.shipped.algebra.solutions import write_assignments
from toolsets.shipped.algebra.symbolic import Value, build, write
from toolsets.tools.decorator import tool

LARGEST = 12  # rows or columns of numbers
LARGEST_SYMBOLIC = 4  # if they contain names: the determinant has up to 4! products

Matrix = list[list[Value]]


@tool
def determinant(matrix: Matrix) -> str:
    """Find the determinant of a square matrix.

    Example:
        determinant(matrix=[[1, 2], [3, 4]])
    """
    return write(simplest(_square(matrix).det(method="berkowitz")))


@tool
def inverse_matrix(matrix: Matrix) -> str:
    """Invert a square matrix.

    Example:
        inverse_matrix(matrix=[[1, 2], [3, 4]])
    """
    square = _square(matrix)
    if simplest(square.det(method="berkowitz")) == 0:
        raise ValueError("the matrix has no inverse: its determinant is 0")
    return _write(square.inv())


@tool
def multiply_matrices(a: Matrix, b: Matrix) -> str:
    """Multiply two matrices.

    Example:
        multiply_matrices(a=[[1, 2], [3, 4]], b=[[5], [6]])
    """
    first, second = _matrix(a), _matrix(b)
    if first.cols != second.rows:
        reason = f"a has {first.cols} columns but b has {second.rows} rows"
        raise ValueError(reason)
    return _write(first * second)


@tool
def solve_linear_system(matrix: Matrix, values: list[Value]) -> str:
    """Solve matrix * x = values for the vector x.

    Example:
        solve_linear_system(matrix=[[2, 1], [1, -1]], values=[5, 1])
    """
    import sympy

    left, right = _matrix(matrix), sympy.Matrix([build(value) for value in values])
    if left.rows != right.rows:
        raise ValueError(f"matrix has {left.rows} rows and values {right.rows} entries")
    unknowns = [sympy.Symbol(f"x{k + 1}") for k in range(left.cols)]
    solved: Any = sympy.linsolve((left, right), *unknowns)
    solutions = [dict(zip(unknowns, entries, strict=True)) for entries in solved]
    return write_assignments(
        unknowns,
        [{x: simplest(v) for x, v in solution.items() if x != v} for solution in solutions],
    )


@tool
def eigenvalues(matrix: Matrix) -> str:
    """Find the eigenvalues of a square matrix of numbers, with their multiplicity.

    Example:
        eigenvalues(matrix=[[2, 1], [1, 2]])
    """
    square = _square(matrix)
    if square.free_symbols:
        raise ValueError("the matrix must contain numbers only")
    values = polynomial_roots(square.charpoly().as_poly())
    if values is None:
        raise ValueError("the eigenvalues cannot be written down exactly")
    times = {1: "", 2: " (twice)"}
    return ", ".join(f"{write_root(v)}{times.get(n, f' ({n} times)')}" for v, n in values)


def _matrix(rows: Matrix) -> Any:
    import sympy

    lengths = {len(row) for row in rows}
    if len(lengths) != 1 or 0 in lengths:
        raise ValueError("the rows of a matrix must have the same length")
    matrix = sympy.Matrix([[build(entry) for entry in row] for row in rows])
    largest = LARGEST_SYMBOLIC if matrix.free_symbols else LARGEST
    if max(matrix.shape) > largest:
        kind = " with names in it" if matrix.free_symbols else ""
        raise LimitExceeded(f"a matrix{kind} may have at most {largest} rows and columns")
    return matrix


def _square(rows: Matrix) -> Any:
    matrix = _matrix(rows)
    if matrix.rows != matrix.cols:
        size = f"{matrix.rows} rows and {matrix.cols} columns"
        raise ValueError(f"expected a square matrix, got {size}")
    return matrix


def _write(matrix: Any) -> str:
    rows = [", ".join(write(simplest(entry)) for entry in row) for row in matrix.tolist()]
    return f"[{', '.join(f'[{row}]' for row in rows)}]"
