"""Convert text to trees, trees to sympy objects, and results to text.

A name is a symbol, except the constants pi, e, i, I, E and oo, unless the call declares them as
variables. `log` and `ln` are natural, `log(x, 10)` has a base, `log10` and `log2` exist. Results
are in sympy's notation, which the parser also accepts: `exp(x)`, `I`, `E`, `oo`, `sqrt(2)/2`.

sympy is imported by the functions here, when first called.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection
from fractions import Fraction
from typing import Annotated, Any

from pydantic import PlainValidator, WithJsonSchema

from toolsets.languages.expression import (
    COMPARISONS,
    Apply,
    Arity,
    Constant,
    Language,
    Name,
    Tree,
    names,
    read,
    read_list,
    split_products,
)
from toolsets.languages.expression.latex import restored
from toolsets.languages.expression.tree import check_chain
from toolsets.shipped.algebra.sizes import check_result, measure, whole_number
from toolsets.tools.numbers import read_argument, write_number

_ONE, _TWO, _MANY = Arity(1, 1), Arity(2, 2), Arity(1, 100)
_OF_ONE = (
    *("sqrt", "cbrt", "exp", "ln", "log10", "log2", "abs", "sign", "floor", "ceil", "ceiling"),
    *("sin", "cos", "tan", "cot", "sec", "csc", "asin", "acos", "atan", "acot"),
    *("arcsin", "arccos", "arctan", "sinh", "cosh", "tanh", "asinh", "acosh", "atanh"),
    *("factorial", "gamma", "erf", "LambertW"),
)
_OF_TWO = ("root", "binomial", "nCr", "choose", "mod", "pow")
_OF_MANY = ("min", "max", "gcd", "lcm")
LANGUAGE: Language = {
    **dict.fromkeys(_OF_ONE, _ONE),
    **dict.fromkeys(_OF_TWO, _TWO),
    **dict.fromkeys(_OF_MANY, _MANY),
    "log": Arity(1, 2),
    "round": Arity(1, 2),
}
_RENAMED = {
    **{"ln": "log", "abs": "Abs", "ceil": "ceiling", "min": "Min", "max": "Max", "mod": "Mod"},
    **{"arcsin": "asin", "arccos": "acos", "arctan": "atan", "%": "Mod"},
}
_CONSTANTS = {
    **{"pi": "pi", "π": "pi", "e": "Exp1", "E": "Exp1", "i": "ImaginaryUnit"},
    **{"I": "ImaginaryUnit", "oo": "Infinity", "∞": "Infinity", "inf": "Infinity"},
    "infinity": "Infinity",
}
_NUMBER_TEXT = re.compile(r"[+-]?(?:[$€£¥]\s?[\d.,]+|\d+ +\d+/\d+)")
DECIMALS = 15  # significant digits of rounded numbers


def read_expression(value: object) -> Tree:
    """Parse an expression from text or a number; raises ValueError if it is an equation."""
    tree = read(_exact_part(_text(value)), LANGUAGE)
    tree = split_products(tree, names(tree))
    measure(tree)
    if isinstance(tree, Apply) and tree.operator in (*COMPARISONS, "and", "or", "list"):
        raise ValueError("expected one expression without =, < or a comma")
    return tree


def read_value(value: object) -> Tree:
    """`read_expression`, and numbers such as `$1,200` and `3 1/2`."""
    if isinstance(value, str) and _NUMBER_TEXT.fullmatch(value.strip()):
        return Constant(read_argument(value))
    return read_expression(value)


def read_relations(value: object) -> list[Tree]:
    """Parse equations and inequalities from a text or a list of texts.

    An expression without a relation is returned as it is and means expression = 0.
    """
    texts = value if isinstance(value, list) else [value]
    trees = [tree for text in texts for tree in _relations(restored(_text(text)))]
    for tree in trees:
        measure(tree)
    if not trees:
        raise ValueError("expected at least one equation")
    for tree in trees:
        check_chain(tree)
    return [part for tree in trees for part in _conjuncts(tree)]


def _relations(text: str) -> list[Tree]:
    """The relations of a text; each line of several must be a relation of its own."""
    lines = [line for line in text.splitlines() if line.strip()] or [text]
    trees: list[Tree] = []
    for number, line in enumerate(lines, 1):
        found = read_list(line.strip().rstrip(",;"), LANGUAGE)
        if len(lines) > 1 and not all(map(_is_relation, found)):
            raise ValueError(f"line {number} is no equation; write each equation on one line")
        trees += found
    return trees


def _is_relation(tree: Tree) -> bool:
    return isinstance(tree, Apply) and tree.operator in (*COMPARISONS, "and", "list")


def read_names(value: object) -> list[str]:
    """Parse names from a text such as "x, y" or a list of texts."""
    texts = value if isinstance(value, list) else [value]
    trees = [tree for text in texts for tree in read_list(_text(text), {})]
    parsed = [tree.name for tree in trees if isinstance(tree, Name)]
    if not parsed or len(parsed) < len(trees) or len(set(parsed)) < len(parsed):
        raise ValueError("expected names such as x, each once")
    return parsed


def read_name(value: object) -> str:
    """Parse one name."""
    parsed = read_names(value)
    if len(parsed) != 1:
        raise ValueError("expected one name such as x")
    return parsed[0]


_TEXT: dict[str, Any] = {"type": "string"}
_VALUE: dict[str, Any] = {"anyOf": [{"type": "number"}, _TEXT]}
_TEXTS: dict[str, Any] = {"anyOf": [_TEXT, {"type": "array", "items": _TEXT}]}
Expression = Annotated[Tree, PlainValidator(read_expression), WithJsonSchema(_TEXT)]
Value = Annotated[Tree, PlainValidator(read_value), WithJsonSchema(_VALUE)]
Relations = Annotated[list[Tree], PlainValidator(read_relations), WithJsonSchema(_TEXTS)]
Names = Annotated[list[str], PlainValidator(read_names), WithJsonSchema(_TEXTS)]
Variable = Annotated[str, PlainValidator(read_name), WithJsonSchema(_TEXT)]
Whole = Annotated[
    int,
    PlainValidator(lambda value: whole_number(read_expression(value))),
    WithJsonSchema({"anyOf": [{"type": "integer"}, _TEXT]}),
]


def to_sympy(tree: Tree, declared: Collection[str] = ()) -> Any:
    """Build the sympy object of a tree; names in `declared` are symbols even if called e or i."""
    import sympy

    match tree:
        case Constant(value=value):
            return sympy.Rational(value.numerator, value.denominator)
        case Name(name=name) if name in _CONSTANTS and name not in declared:
            return getattr(sympy.S, _CONSTANTS[name], None) or sympy.pi
        case Name(name=name):
            return sympy.Symbol(name)
        case Apply(operator=operator, arguments=arguments):
            return _applied(operator, [to_sympy(argument, declared) for argument in arguments])
    raise ValueError("a text in quotation marks cannot be part of an expression")


def build(tree: Tree, declared: Collection[str] = ()) -> Any:
    """Check the size of a tree and build its sympy object; raises ValueError if undefined."""
    measure(tree)
    return check_result(to_sympy(tree, declared))


def write(result: Any) -> str:
    """The text of a sympy expression, its size checked."""
    return str(check_result(result))


def decimal(value: Any) -> str:
    """A real or complex number with 15 significant digits; raises ValueError if it is neither."""
    import sympy

    real, imaginary = (_decimal(part) for part in sympy.N(value, DECIMALS).as_real_imag())
    if imaginary == 0:
        return write_number(real)
    size = f"{write_number(abs(imaginary))}*I"
    if real == 0:
        return size if imaginary > 0 else f"-{size}"
    return f"{write_number(real)} {'+' if imaginary > 0 else '-'} {size}"


def _decimal(value: Any) -> Fraction:
    if not (value.is_Float or value.is_Rational) or not value.is_finite:
        raise ValueError("the expression is not a number")
    return Fraction(str(value))


def _text(value: object) -> str:
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        raise ValueError("expected an expression as text")
    return value if isinstance(value, str) else repr(value)


def _exact_part(text: str) -> str:
    """The exact part of a result such as `sqrt(2) ≈ 1.4142135623731`, or its decimal if alone."""
    exact, sign, rounded = text.partition("≈")
    if "≈" in rounded:
        raise ValueError("expected one expression without ≈")
    return exact if exact.strip() or not sign else rounded


def _conjuncts(tree: Tree) -> list[Tree]:
    if isinstance(tree, Apply) and tree.operator in ("and", "list"):
        return [part for argument in tree.arguments for part in _conjuncts(argument)]
    return [tree]


def _applied(operator: str, arguments: list[Any]) -> Any:
    import sympy

    if build_operator := _OPERATORS.get(operator):
        return build_operator(*arguments)
    name = _RENAMED.get(operator, operator)
    if operator not in LANGUAGE and operator not in _RENAMED:
        raise ValueError(f"{operator!r} cannot be part of an expression")
    return getattr(sympy, name)(*arguments)


def _add(*terms: Any) -> Any:
    import sympy

    return sympy.Add(*terms)


def _multiply(*factors: Any) -> Any:
    import sympy

    return sympy.Mul(*factors)


def _integer(value: int) -> Any:
    import sympy

    return sympy.Integer(value)


def _root(value: Any, degree: Any) -> Any:
    """The real root if one exists: root(-8, 3) is -2."""
    if value.is_negative and degree.is_odd:
        return -((-value) ** (1 / degree))
    return value ** (1 / degree)


def _round(value: Any, digits: Any = 0) -> Any:
    """Half up, away from 0, as the function `round_number` of arithmetic does."""
    import sympy

    if not (value.is_number and value.is_real and sympy.Integer(digits).is_Integer):
        raise ValueError("round needs a number without names")
    scale = sympy.Integer(10) ** digits
    return sympy.sign(value) * sympy.floor(abs(value) * scale + sympy.Rational(1, 2)) / scale


def _function(name: str, *more: int) -> Callable[..., Any]:
    def apply(*arguments: Any) -> Any:
        import sympy

        return getattr(sympy, name)(*arguments, *more)

    return apply


def _list_function(name: str) -> Callable[..., Any]:
    def apply(*arguments: Any) -> Any:
        import sympy

        if not all(argument.is_Rational for argument in arguments):
            raise ValueError(f"{name[:3]} needs numbers; use factor to see what polynomials share")
        return getattr(sympy, name)(list(arguments))

    return apply


_OPERATORS: dict[str, Callable[..., Any]] = {
    **{"+": _add, "*": _multiply, "-": lambda a: -a, "/": lambda a, b: a / b},
    **{"**": lambda a, b: a**b, "//": lambda a, b: _function("floor")(a / b)},
    **{"root": _root, "cbrt": lambda a: _root(a, _integer(3))},
    **{"log10": _function("log", 10), "log2": _function("log", 2)},
    "round": _round,
    **{"gcd": _list_function("gcd_list"), "lcm": _list_function("lcm_list")},
}
