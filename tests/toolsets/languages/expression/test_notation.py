"""Signs and words with several meanings: each is read in the one that fits, or refused."""

from __future__ import annotations

from fractions import Fraction

import pytest
import sympy
from hypothesis import given
from hypothesis import strategies as st

from tests.toolsets.languages.expression.test_parser import shape
from toolsets.errors import LimitExceeded
from toolsets.languages.expression import ExpressionError, Tree, read, read_list
from toolsets.shipped.algebra.symbolic import LANGUAGE, build


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("100% - 20%", Fraction(4, 5)),
        ("(100% - 15%) * 80", 68),
        ("15% - 5%", Fraction(1, 10)),
        ("100%-20%", Fraction(4, 5)),
        ("1 - 20%", Fraction(4, 5)),
        ("100% - 20", -19),
        ("5% + 1", Fraction(21, 20)),
        ("80 * (100% + 5%)", 84),
        ("1/20%", 5),
        ("2^200%", 4),
        ("-20% * 5", -1),
        ("20 % * 50", 10),
        ("15% of 80", 12),
        ("20 percent of 80", 16),
        ("50% of 50% of 80", 20),
        ("3/4 of 20", 15),
        ("20% (30 + 10)", 8),
        ("50% - 20% of 100", Fraction(-39, 2)),
        ("7 % -2", -1),
        ("17%5", 2),
        ("17 % 5", 2),
        ("17 mod -5", -3),
        ("|2 - 50%| + |20%|", Fraction(17, 10)),
        ("17 mod (2 + 3) + mod(7, 4)", 5),
        ("1,200 + 300", 1500),
        ("(1,200.50 + 300) * 2", 3001),
        ("1_000 + 1", 1001),
        ("2.66666666666667 * 3", 8),
        ("nCr(5, 2) + choose(4, 2) + pow(2, 3)", 24),
        (r"\frac{1}{2} + \frac{3}{4}", Fraction(5, 4)),
        (r"\frac12 \cdot 8 \times 2^{3} \div 4", 8),
        (r"\left(\frac{7}{2}\right)^{2}", Fraction(49, 4)),
        (r"$\frac{3}{4}$", Fraction(3, 4)),
        (r"20\% \times 50", 10),
        (r"\binom{5}{2}", 10),
        ("\x0crac{1}{2}", Fraction(1, 2)),
        ("2\times 3", 6),
    ],
)
def test_a_text_has_its_value(text: str, value: Fraction) -> None:
    tree = read(text, LANGUAGE)
    assert _value(tree) == value


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("x + 20% x = 120", "(= (+ x (* (/ 20 100) x)) 120)"),
        ("x + 15% of x = 115", "(= (+ x (* (/ 15 100) x)) 115)"),
        ("x % y + x%3", "(+ (% x y) (% x 3))"),
        ("||x| - 2|", "(abs (+ (abs x) (- 2)))"),
        ("|x - |y||", "(abs (+ x (- (abs y))))"),
        ("2|x - 3| = 8", "(= (* 2 (abs (+ x (- 3)))) 8)"),
        ("a || b", "(or a b)"),
        ("2 pi r + theta t", "(+ (* 2 pi r) (* theta t))"),
        ("x(x + 1) + P(1 + r)", "(+ (* x (+ x 1)) (* P (+ 1 r)))"),
        ("Abs(x) + MAX(1, 2)", "(+ (abs x) (max 1 2))"),
        ("if a > 3 then b = 1", "(→ (> a 3) (= b 1))"),
        ("if (a > 3) then b = 1 else b = 2", "(if (> a 3) (= b 1) (= b 2))"),
        ("x not in [1, 2]", "(not (in x (list 1 2)))"),
        (r"x^{2n} + x_{1} \le \sqrt[3]{y}", "(≤ (+ (** x (* 2 n)) x_1) (root y 3))"),
        (r"\frac{\sqrt{x}}{2} \neq \sin{x}", "(≠ (/ (sqrt x) 2) (sin x))"),
        (r"2\pi r", "(* 2 pi r)"),
    ],
)
def test_a_text_has_its_one_reading(text: str, expected: str) -> None:
    assert shape(read(text, LANGUAGE)) == expected


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("7%-2", "column 2: '%'"),
        ("7 % - 2", "column 3: '%'"),
        ("20% 3", "column 3: '%'"),
        ("x + 20 % x = 120", "column 8: '%'"),
        ("100 / 20% of 50", "'of'"),
        ("2 of 3", "column 3: 'of'"),
        ("max(1,200)", "the comma in 1,200"),
        ("x in [100,200]", "the comma in 100,200"),
        ("0,125 + 1", "the comma in 0,125"),
        ("f(x) = 2x", "there is no function f"),
        ("y(x) = 2x", "there is no function y"),
        ("C(5,2)", "for combinations write nCr(5, 2)"),
        ("P(5, 2)", "for permutations"),
        ("Let x + 3 = 5", "'Let x' can be read in two ways"),
        ("x is 5", "'x is'"),
        ("x plus 3", "'x plus'"),
        ("3 more than x", "'more than'"),
        ("x = 3\ny", "column 5: an operator or a comma is missing before the line break"),
        ("1_0", "write 1_0 as a decimal number"),
        ("0x10", "write 0x10 as a decimal number"),
        ("n!=120", "column 2: '!='"),
        (r"3\frac{1}{2}", "mixed number"),
        (r"\int x", r"\int"),
        (r"x \pm 2", r"\pm"),
        ("$5 + 3", "the sign of the currency"),
        ("x ± 2", "the case with +"),
    ],
)
def test_a_text_with_two_readings_is_refused(text: str, named: str) -> None:
    with pytest.raises(ExpressionError) as error:
        read(text, LANGUAGE)
    assert named in str(error.value)


def test_a_comma_between_expressions_is_no_thousands_comma() -> None:
    with pytest.raises(ExpressionError, match=r"column 1: the comma in 2,000"):
        read_list("2,000x = 4,000", LANGUAGE)


PERCENTS = st.integers(0, 300).map(lambda p: (f"{p}%", Fraction(p, 100)))
NUMBERS = st.integers(1, 99).map(lambda n: (str(n), Fraction(n)))


@st.composite
def percent_terms(draw: st.DrawFn, depth: int = 3) -> tuple[str, Fraction]:
    """An expression with percent signs, spaces around its operators, and its value."""
    if depth == 0 or draw(st.booleans()):
        return draw(PERCENTS | NUMBERS)
    (left, a), (right, b) = (draw(percent_terms(depth - 1)) for _ in range(2))
    match draw(st.sampled_from("+-*/")):
        case "+":
            return f"({left} + {right})", a + b
        case "-":
            return f"({left} - {right})", a - b
        case "*":
            return f"({left}) * ({right})", a * b
    return (f"({left}) / ({right})", a / b) if b else (left, a)


@given(percent_terms())
def test_percent_arithmetic_equals_rational_arithmetic(term: tuple[str, Fraction]) -> None:
    text, value = term
    assert _value(read(text, LANGUAGE)) == value


@given(st.text(r"x1+-*/^()|,=<> %\{}$_frac sqrt times", max_size=60))
def test_any_text_parses_or_raises_a_known_error(text: str) -> None:
    try:
        read(text, LANGUAGE)
    except (ExpressionError, LimitExceeded):
        return


def _value(tree: Tree) -> Fraction:
    built = build(tree)
    assert isinstance(built, sympy.Rational)
    return Fraction(int(built.p), int(built.q))
