"""Parser for mathematics as models write it: text becomes a tree of whitelisted nodes.

Nothing is evaluated.

    read("2x + 1 = 3(x - 1)", language)    2x  x²  |x|  √x  5!  30°  ÷  ^ or **  ≤  1 < x < 3
    read("a > 3 -> not b", language)       and or xor not -> <->  in [1, 2]  x if c else y

Not here: evaluating the nodes and limiting the size of their values (`toolsets.shipped.algebra`
and `toolsets.shipped.constraints`, which share this language).
"""

from toolsets.languages.expression.parser import read, read_list
from toolsets.languages.expression.tokens import ExpressionError, ExpressionTooLarge
from toolsets.languages.expression.tree import (
    COMPARISONS,
    Apply,
    Arity,
    Constant,
    Language,
    Name,
    Quoted,
    Tree,
    divisors,
    names,
    replace,
    split_products,
)

__all__ = [
    "COMPARISONS",
    "Apply",
    "Arity",
    "Constant",
    "ExpressionError",
    "ExpressionTooLarge",
    "Language",
    "Name",
    "Quoted",
    "Tree",
    "divisors",
    "names",
    "read",
    "read_list",
    "replace",
    "split_products",
]
