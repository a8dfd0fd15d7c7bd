"""Hostile calls of the toolset `constraints`, by expected outcome."""

from __future__ import annotations

_MANY = [f"x{i}" for i in range(2_000)]
_QUEENS = [f"q{i} != q{j} and q{i} - q{j} != {j - i}" for j in range(12) for i in range(j)]
_PIGEONS = [f"p{i} != p{j}" for j in range(12) for i in range(j)]
_CUBES = "x*x*x + y*y*y + z*z*z = 114"

ATTACKS: dict[str, tuple[str, ...]] = {
    "unparseable_call": (
        "find_values(variables={'x': z3.Int('x')}, constraints=['x > 1'])",
        "find_values(variables={f'x{i}': 'int' for i in range(10**9)}, constraints=[])",
        "find_values(variables={'x': 'int'}, constraints=['x > 1'] * 10**9)",
        "find_values(variables={'x': 'int'}, constraints=(lambda x: x > 1))",
        "find_values(variables=" + "{'x': " * 100 + "1" + "}" * 100 + ", constraints=[])",
        "find_values(variables={**globals()}, constraints=[])",
        "find_values(variables={'x': 'int'}, constraints=['" + "x + " * 6_000 + "x = 1'])",
        "solve(x > 1)",
    ),
    "unknown_function": (
        "z3_solve(x=1)",
        "__import__('z3')",
    ),
    "bad_arguments": (
        "find_values(variables=5, constraints=['x > 1'])",
        "find_values(variables={'x': 5}, constraints=['x > 1'])",
        "find_values(variables={'x': 'int'})",
        "find_values(variables={'x': 'int'}, constraints=['x > 1'], timeout=10000)",
        "count_solutions(variables=null, constraints=null)",
        "find_values(variables={'x': ''}, constraints=['x > 1'])",
        "find_values(variables={'x': 'integer9'}, constraints=['x > 1'])",
        "find_values(variables={'x': '__import__(\"os\")'}, constraints=['x > 1'])",
        "find_values(variables={'': 'int'}, constraints=['x > 1'])",
        "find_values(variables={'__class__.x': 'int'}, constraints=['x > 1'])",
        "find_values(variables={'x': 'int'}, constraints=['x >'])",
        "find_values(variables={'x': 'int'}, constraints=['x.__class__'])",
        "find_values(variables={'x': 'int'}, constraints=['__import__(\"os\").system(\"true\")'])",
        "find_values(variables={'x': 'int'}, constraints=['x[0] > 1'])",
        "find_values(variables={'x': 'int'}, constraints=['lambda: x'])",
        "find_values(variables={'x': 'int'}, constraints=['{x.__class__} > 1'])",
        "find_values(variables={'x': 'int'}, constraints=['\\0'])",
        "find_values(variables={'x': 'int'}, constraints=['🦊 > 1'])",
        "find_values(variables={'x': 'int'}, constraints=['x = factorial(100000)'])",
        "maximize(objective='', variables={'x': 'int'}, constraints=['x > 1'])",
        "must_hold(variables={'x': 'int'}, constraints=['x > 1'], claim='')",
    ),
    "function_error": (
        "find_values(variables={'x': 'int'}, constraints=[5])",
        "find_values(variables={'x': 'int'}, constraints=['y > 1'])",
        "find_values(variables={'x': 'int'}, constraints=['(assert false)'])",
        "find_values(variables={'x': 'int'}, constraints=['x / 0 = 1'])",
    ),
    "limit_exceeded": (
        "find_values(variables={'x': 'int'}, constraints=['" + "(" * 5_000 + "'])",
        "find_values(variables={'x': 'int'}, constraints=['" + "not " * 4_000 + "x > 1'])",
        "find_values(variables={'x': 'int'}, constraints=['x ** x ** x = 9 ** 9 ** 9'])",
        "find_values(variables={'x': 'int'}, constraints=['x = 2 ** 100000000'])",
        "find_values(variables={'x': 'int'}, constraints=['x = 9 ** 9 ** 9 ** 9'])",
        f"find_values(variables={{'{', '.join(_MANY)}': 'int'}}, constraints=[])",
        f"find_values(variables={{'x': 'int'}}, constraints={['x > 1'] * 1_000})",
        "find_values(variables={'x': 'int 0.." + "9" * 5_000 + "'}, constraints=['x > 1'])",
    ),
    "ok": (
        "find_values(variables={'x': 'int'}, constraints='x > 1')",
        "find_values(variables={'x': 'int 9..1'}, constraints=['x > 1'])",
        "find_values(variables={'x': 'int'}, constraints=[''])",
        "find_values(variables={'x': 'int'}, constraints=['x > 1; x < 0'])",
        "find_values(variables={'x': 'int'}, constraints=[])",
        "find_values(variables={'x': 'int 0.." + "9" * 100 + "'}, constraints=['x > 1'])",
        "maximize(objective='x', variables={'x': 'int'}, constraints=['x > 1'])",
        "maximize(objective='x', variables={'x': 'real'}, constraints=['x < 1'])",
        "minimize(objective='x*y', variables={'x, y': 'int'}, constraints=['x*x*x + y*y*y = 9'])",
        f"find_values(variables={{'x, y, z': 'int -9999..9999'}}, constraints=['{_CUBES}'])",
        "find_values(variables={'x, y': 'int 2..99999'}, constraints=['x * y = 1000036000099'])",
        "find_values(variables={'x, y, z': 'int'}, constraints=['x*x*x + y*y*y = z*z*z', 'x > 0',"
        " 'y > 0'])",
        "find_values(variables={'x': 'real'}, constraints=['x**7 - 3*x**5 + x = 11'])",
        f"find_values(variables={{'{', '.join(f'p{i}' for i in range(12))}': 'int 1..11'}},"
        f" constraints={_PIGEONS})",
        "must_hold(variables={'x, y': 'int'}, constraints=['x*x*x = y*y + 2'], claim='x = 3')",
        "judge_options(variables={'x, y, z': 'int'}, constraints=['x > 1'],"
        f" options={[_CUBES] * 10}, mode='must be true')",
    ),
    # depends on the speed of the solver: counts all solutions, or runs out of time
    "ok or limit_exceeded": (
        "count_solutions(variables={'x, y, z, v, w': 'int 0..999'}, constraints=['x + y < z + v'])",
        f"count_solutions(variables={{'{', '.join(f'q{i}' for i in range(12))}': 'int 1..12'}},"
        f" constraints={_QUEENS})",
    ),
}
