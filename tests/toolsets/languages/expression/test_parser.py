"""Operator precedence, accepted spellings, error messages and limits."""

from __future__ import annotations

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from toolsets.errors import LimitExceeded
from toolsets.languages.expression import (
    Apply,
    Arity,
    Constant,
    ExpressionError,
    Name,
    Quoted,
    Tree,
    names,
    read,
    read_list,
    replace,
    split_products,
)

LANGUAGE = {
    **dict.fromkeys(("sin", "sqrt", "abs"), Arity(1, 1)),
    "mod": Arity(2, 2),
    "max": Arity(1, 9),
}


def shape(tree: Tree) -> str:
    """The tree in prefix form, as Lisp writes it."""
    match tree:
        case Constant(value=value):
            return str(value)
        case Name(name=name):
            return name
        case Quoted(text=text):
            return repr(text)
        case Apply(operator=operator, arguments=arguments):
            return f"({' '.join([operator, *map(shape, arguments)])})"
    raise AssertionError(tree)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2 + 3*4", "(+ 2 (* 3 4))"),
        ("a - b - c", "(+ a (- b) (- c))"),
        ("a / b / c", "(/ (/ a b) c)"),
        ("a // b % c", "(% (// a b) c)"),
        ("2^3^2", "(** 2 (** 3 2))"),
        ("-x^2", "(- (** x 2))"),
        ("2**-x*3", "(* (** 2 (- x)) 3)"),
        ("2x + 1 = 3(x - 1)", "(= (+ (* 2 x) 1) (* 3 (+ x (- 1))))"),
        ("(x + 1)(x - 1)", "(* (+ x 1) (+ x (- 1)))"),
        ("x(x + 1)", "(* x (+ x 1))"),
        ("2x^2", "(* 2 (** x 2))"),
        ("x y", "(* x y)"),
        ("1/2x", "(* (/ 1 2) x)"),
        ("x² - 5x⁻¹", "(+ (** x 2) (- (* 5 (** x -1))))"),
        ("|x - 3| < 5", "(< (abs (+ x (- 3))) 5)"),
        ("√2x", "(* (sqrt 2) x)"),
        ("5! + 3°", "(+ (factorial 5) (* 3 (/ pi 180)))"),
        ("\u22123\u00d74÷2·π", "(* (/ (* (- 3) 4) 2) π)"),
        (".5x + 1e3 + 2e", "(+ (* 1/2 x) 1000 (* 2 e))"),
        ("0.1", "1/10"),
        ("1 < x <= 3", "(and (< 1 x) (≤ x 3))"),
        ("a == b != c", "(and (= a b) (≠ b c))"),
        ("17 mod 5 + mod(7, 2)", "(+ (% 17 5) (mod 7 2))"),
        ("20% * 50", "(* (/ 20 100) 50)"),
        ("1 + (5%)", "(+ 1 (/ 5 100))"),
        ("7 % 3 = 1", "(= (% 7 3) 1)"),
        ("a -> b -> c", "(→ a (→ b c))"),
        ("not a = b or c and d", "(or (not (= a b)) (and c d))"),
        ("a AND b <-> !c xor d", "(↔ (and a b) (xor (not c) d))"),
        ("x in [1, 2]", "(in x (list 1 2))"),
        ("x in {1, 2}", "(in x (list 1 2))"),
        ("x if a > 3 else y", "(if (> a 3) x y)"),
        ("if(a, b, c)", "(if a b c)"),
        ("color = 'red'", "(= color 'red')"),
        ("max(1, 2, 3)", "(max 1 2 3)"),
        ("θ + x_1 + x₁", "(+ θ x_1 x₁)"),
    ],
)
def test_text_is_parsed(text: str, expected: str) -> None:
    assert shape(read(text, LANGUAGE)) == expected


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "column 1: expected a number or a name, got the end"),
        ("3 +", "column 4: expected a number or a name, got the end"),
        ("3 + )", "column 5: expected a number or a name, got ')'"),
        ("(1", "column 3: expected ')', got the end"),
        ("[1, 2", "column 6: expected ']', got the end"),
        ("|x", "column 3: expected '|', got the end"),
        ("x if y", "column 7: expected 'else', got the end"),
        ("x 2", "column 3: '2' cannot stand here; an operator is missing, or a parenthesis"),
        ("x)", "column 2: ')' cannot stand here; an operator is missing, or a parenthesis"),
        (
            "a.b",
            "column 2: '.' has no meaning here; write * for a product",
        ),
        ("x $ y", "column 3: '$' has no meaning here; leave the sign of the currency out"),
        ("sin x", "column 1: sin needs its argument in parentheses, like sin(x)"),
        ("1 + sin(1, 2)", "column 5: sin takes 1 argument, got 2"),
        ("max()", "column 1: max takes at least 1 argument, got 0"),
        ("sine(3)", "column 1: there is no function sine; did you mean sin?"),
        ("foo(3)", "column 1: there is no function foo; for a product write foo*(...)"),
    ],
)
def test_a_syntax_error_names_its_column(text: str, message: str) -> None:
    with pytest.raises(ExpressionError) as error:
        read(text, LANGUAGE)
    assert str(error.value) == message


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("(" * 41 + "1" + ")" * 41, "the expression is nested deeper than 40 levels"),
        ("1" + "/2" * 41, "the expression is nested deeper than 40 levels"),
        ("1+" * 800 + "1", "the text has more than 1,500 parts"),
        ("x" * 4_001, "the text is longer than 4,000 characters"),
        ("9" * 1_001, "a number has more than 1,000 digits"),
        ("1e1001", "a number has more than 1,000 digits"),
        ("1e-100000", "a number has more than 1,000 digits"),
    ],
)
def test_text_over_a_limit_is_rejected(text: str, message: str) -> None:
    with pytest.raises(LimitExceeded) as error:
        read(text, LANGUAGE)
    assert str(error.value) == message


def test_a_long_sum_is_one_flat_node() -> None:
    tree = read(" + ".join("x" for _ in range(700)), LANGUAGE)
    assert isinstance(tree, Apply)
    assert len(tree.arguments) == 700


def test_several_expressions_are_parsed_in_order() -> None:
    trees = read_list("x + y = 5; max(1, 2), z", LANGUAGE)
    assert [shape(tree) for tree in trees] == ["(= (+ x y) 5)", "(max 1 2)", "z"]


def test_names_are_replaced_all_at_once() -> None:
    tree = read("x*y", LANGUAGE)
    swapped = replace(tree, {"x": Name("y"), "y": Name("x")})
    assert shape(swapped) == "(* y x)"
    assert names(swapped) == {"x", "y"}


def test_a_name_made_of_known_names_is_split_into_a_product() -> None:
    tree = read("2xy + cost", LANGUAGE)
    assert shape(split_products(tree, {"x", "y"})) == "(+ (* 2 (* x y)) cost)"
    assert split_products(tree, {"z"}) == tree


def test_names_of_the_same_two_letters_are_products() -> None:
    tree = read("3ab - 2ba", LANGUAGE)
    assert shape(split_products(tree, names(tree))) == "(+ (* 3 (* a b)) (- (* 2 (* b a))))"


@pytest.mark.parametrize("text", ["2xy + x", "abc - cab", "ax = 6a"])
def test_a_name_that_may_be_a_product_is_refused(text: str) -> None:
    tree = read(text, LANGUAGE)
    with pytest.raises(ValueError, match=r"product"):
        split_products(tree, names(tree))


TREES = st.recursive(
    st.one_of(
        st.fractions(min_value=0, max_denominator=1).map(Constant),
        st.sampled_from("xyz").map(Name),
    ),
    lambda inner: st.one_of(
        st.builds(
            lambda o, a, b: Apply(o, (a, b)), st.sampled_from(["/", "**", "=", "→"]), inner, inner
        ),
        st.builds(lambda a: Apply("-", (a,)), inner),
        st.builds(lambda a: Apply("sin", (a,)), inner),
    ),
    max_leaves=12,
)


def infix(tree: Tree) -> str:
    match tree:
        case Apply(operator="sin", arguments=(argument,)):
            return f"sin({infix(argument)})"
        case Apply(operator=operator, arguments=(argument,)):
            return f"({operator}{infix(argument)})"
        case Apply(operator=operator, arguments=(left, right)):
            return f"({infix(left)} {operator} {infix(right)})"
    return shape(tree)


@given(TREES)
def test_a_tree_written_as_infix_parses_to_the_same_tree(tree: Tree) -> None:
    assert read(infix(tree), LANGUAGE) == tree


@given(st.decimals(0, 10**9, places=6))
def test_decimals_are_exact(number: object) -> None:
    assert read(str(number), LANGUAGE) == Constant(Fraction(str(number)))


@given(st.text(max_size=60) | st.text("x1+-*/^()|,=<> sin!°√", max_size=60))
def test_any_text_parses_or_raises_a_known_error(text: str) -> None:
    try:
        read(text, LANGUAGE)
    except (ExpressionError, LimitExceeded):
        return
