"""Reference solutions in arithmetic: replay the calculations of the data through a toolset.

A calculation is a text `expression=value`: GSM8K's `<<48/2=24>>` without brackets. The expression
(numbers, + - * / // % **, signs, parentheses) becomes one call per operator, innermost first, left
to right. Each argument is a normalised number of the expression (`.5` as 0.5, `9.00` as 9) or the
text of an earlier result. As for a model, values pass between calls as text, which must not lose
precision. A signed number is one argument; a bare number such as `12=12` needs no call.

A calculation is *exact* if the value parsed from its last result equals the annotated value as a
rational. `evaluated` is the value of the same expression in Fractions, without toolset or text: if
it differs from `value`, the toolset lost precision; if it differs from `annotated`, the data is
incorrect. Measured on gsm8k/train.jsonl (7,473 problems): 23,716 calculations, 357 of them bare
numbers, 27,195 calls; all are exact and equal `evaluated`; 7,001 problems (93.68%) end at their
answer.

For other problems the last step may be an equation in the solution's prose: `18 minutes + 30
minutes = 48 minutes`. `prose_steps` returns the last equation after the last annotation if it
evaluates to the answer exactly; the reference contains it as `prose: 18+30=48`. With it, 7,245
problems (96.95%) end at their answer. It does not count as a calculation, and no reference chain
ends with it, because such a solution may have more steps in prose only.

An expression without its value, such as SVAMP's `( 76.0 - 25.0 )`, has `evaluated` as its annotated
value.

A reference may also contain calls, `add(a=2, b=3)`, as in the pocket world. Such a call is executed
unchanged; its result is also its annotated value.

Not here: formulas as references (`pipeline.problems.reference.formulas`); the messages of a chain
(`pipeline.agent.agent`).
"""

from __future__ import annotations

import ast
import operator
import re
from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from typing import TypeVar

from pipeline.agent.examples import ReferenceCall, run_reference_call
from pipeline.agent.verdict import answer_value
from pipeline.records import Problem
from toolsets import Toolset
from toolsets.tools.numbers import check_magnitude, read_number, write_number

LONGEST_EXPRESSION = 500  # characters; 38 in GSM8K. Bounds the depth of the tree
LARGEST_EXPONENT = 1000
LONGEST_PROSE = 2000  # characters; 738 in GSM8K. Reading takes quadratic time
PROSE = "prose: "  # marks a last step that the data does not annotate

_T = TypeVar("_T")
_OPERATORS: dict[type[ast.operator], str] = {
    ast.Add: "add",
    ast.Sub: "subtract",
    ast.Mult: "multiply",
    ast.Div: "divide",
    ast.FloorDiv: "integer_divide",
    ast.Mod: "remainder",
    ast.Pow: "power",
}
_PARAMETERS = {"power": ("base", "exponent")}  # all others: a, b
_CALL = re.compile(r"\w+\(.*\)", re.DOTALL)
_ALLOWED = re.compile(r"[\d.+\-*/%() ]+", re.ASCII)
_THOUSANDS = re.compile(r"(?<=\d),(?=\d{3}(?!\d))")
_LEADING_ZEROS = re.compile(r"(?<![\d.])0+(?=\d)")
_PROSE_NUMBER = r"(?:\d+(?:,\d+)*(?:\.\d+)?|\.\d+)"  # unambiguous: no exponential backtracking
_UNIT = r"%?(?:\s+(?!x\b)[A-Za-z][A-Za-z'-]+){0,5}(?:/[A-Za-z]+)?"  # `30 miles/hour`, `100%`
_SIGN = r"[-+*/×÷−–]|x(?=[\s$(\d])"  # noqa: RUF001
_TERM = rf"[($\s]*{_PROSE_NUMBER}{_UNIT}[)\s]*"
_VALUE = rf"{_PROSE_NUMBER}(?![\w(]|[.,]?\d|\s*(?:{_SIGN})\s*[\d$(])"
_EQUATION = re.compile(
    rf"(?<![\w.,)])(?P<expression>{_TERM}(?:(?:{_SIGN}){_TERM})+)=\s*\$?"
    rf"(?=(?P<value>{_VALUE}))"  # lookahead: the next equation may begin with the value
)
_CONTINUES = ("+", "-", "*", "/", "×", "÷", "−", "–", ")", "(", *"0123456789")  # noqa: RUF001
_TIMES = re.compile(r"(?<![A-Za-z])x(?![A-Za-z])")
_WORDS = re.compile(r"/?[A-Za-z][A-Za-z'-]*|[$%\s]")
_SIGNS = str.maketrans("×÷−–", "*/--")  # noqa: RUF001  # Unicode operators in data


@dataclass(frozen=True, slots=True)
class Calculation:
    """An annotated calculation, replayed. If this fails, `value` is None and `reason` says why."""

    text: str
    calls: tuple[ReferenceCall, ...]
    value: Fraction | None
    evaluated: Fraction | None
    annotated: Fraction | None
    reason: str = ""

    @property
    def exact(self) -> bool:
        """Whether the replayed value equals the annotated one as a rational."""
        return self.value is not None and self.value == self.annotated

    @property
    def lossless(self) -> bool:
        """Whether neither the toolset nor the text between calls lost precision."""
        return self.value is not None and self.value == self.evaluated


@dataclass(frozen=True, slots=True)
class Replay:
    """A problem's reference solution, replayed; `answer` is None if the answer is not a number.

    `prose` is the last step from the solution's prose, if the reference contains one.
    """

    problem_id: str
    calculations: tuple[Calculation, ...]
    answer: Fraction | None
    prose: Calculation | None = None

    @property
    def last_value(self) -> Fraction | None:
        """The value of the last calculation; None if it failed or there are no calculations."""
        return self.calculations[-1].value if self.calculations else None

    @property
    def calculations_end_at_answer(self) -> bool:
        """Whether the last calculation's value is the gold answer."""
        return self.last_value is not None and self.last_value == self.answer

    @property
    def ends_at_answer(self) -> bool:
        """Whether the value of the last calculation or of the prose step is the gold answer."""
        in_prose = self.prose is not None and self.prose.exact and self.prose.value == self.answer
        return self.calculations_end_at_answer or in_prose

    @property
    def calls(self) -> tuple[ReferenceCall, ...]:
        """All calls, in order."""
        return tuple(call for calculation in self.calculations for call in calculation.calls)


def replay(problem: Problem, toolset: Toolset) -> Replay:
    """Replay the calculations of `problem` through `toolset`, in this process: trusted data only.

    Problems of task "logic" have formulas as their reference and no calculations.
    """
    texts = () if problem.task == "logic" else problem.reference
    calculations = [replay_calculation(text.removeprefix(PROSE), toolset) for text in texts]
    prose = calculations.pop() if texts and texts[-1].startswith(PROSE) else None
    return Replay(problem.problem_id, tuple(calculations), answer_value(problem.answer), prose)


def prose_steps(prose: str, answer: str) -> tuple[str, ...]:
    """The last equation of `prose` in the notation of a reference; empty unless it evaluates to
    `answer`.

    `prose` is the text after a solution's last annotation: `30 cows x $2/cow = $60`. Units are
    dropped, and so are percent signs (`20% + 10% = 30%` is 30); `60% * 40% = 24%` therefore gives
    no step. Nor does an equation with a variable.
    """
    expression, value = _last_equation(prose)
    try:
        evaluated = _evaluate(*_parse(expression))
    except ValueError:
        return ()
    is_step = evaluated is not None and evaluated == _number_or_none(value) == answer_value(answer)
    return (f"{PROSE}{expression}={value}",) if is_step else ()


def reference_calls(problem: Problem, toolset: Toolset) -> tuple[ReferenceCall, ...]:
    """The calls of a reference chain, before the gold answer.

    Empty if the solution is unsuitable for training: no calls, an inexact calculation, or a last
    value that differs from the answer (the last step is in prose).
    """
    replayed = replay(problem, toolset)
    exact = all(step.exact for step in replayed.calculations)
    return replayed.calls if exact and replayed.calculations_end_at_answer else ()


def replay_calculation(text: str, toolset: Toolset) -> Calculation:
    """Replay one `expression=value`; never raises, errors become the `reason`."""
    if _CALL.fullmatch(text):
        return _replay_call(text, toolset)
    expression, *_, value = text.split("=") if "=" in text else (text, "")
    annotated = _number_or_none(value)
    calls: list[ReferenceCall] = []

    def call(name: str, left: str, right: str) -> str:
        first, second = _PARAMETERS.get(name, ("a", "b"))
        written = f"{name}({first}={_argument(left)}, {second}={_argument(right)})"
        calls.append(run_reference_call(toolset, written))
        return calls[-1].result.content

    try:
        node, source = _parse(expression)
        result = read_number(_fold(node, source, _plain, call))
    except ValueError as error:
        return Calculation(text, tuple(calls), None, None, annotated, str(error))
    evaluated = _evaluate(node, source)
    if "=" not in text and calls:
        annotated = evaluated
    return Calculation(text, tuple(calls), result, evaluated, annotated)


def _replay_call(text: str, toolset: Toolset) -> Calculation:
    try:
        call = run_reference_call(toolset, text)
        value = read_number(call.result.content)
    except ValueError as error:
        return Calculation(text, (), None, None, None, str(error))
    return Calculation(text, (call,), value, value, value)


def _last_equation(prose: str) -> tuple[str, str]:
    """Expression and value of the last equation, without units; both empty without equation."""
    if len(prose) > LONGEST_PROSE:
        return "", ""
    for match in reversed(list(_EQUATION.finditer(prose))):
        if prose[: match.start()].rstrip()[-1:] in _CONTINUES:
            break  # the end of a longer expression, such as `3x + 5 + 3 = 8`
        expression = _WORDS.sub("", _TIMES.sub("*", match["expression"]))
        return expression.translate(_SIGNS), match["value"]
    return "", ""


def _parse(expression: str) -> tuple[ast.expr, str]:
    cleaned = _THOUSANDS.sub("", expression.translate(_SIGNS)).strip()
    source = _LEADING_ZEROS.sub("", cleaned)
    if len(source) > LONGEST_EXPRESSION:
        raise ValueError(f"the expression is longer than {LONGEST_EXPRESSION} characters")
    if not _ALLOWED.fullmatch(source):
        raise ValueError(f"{expression!r} is not an arithmetic expression")
    try:
        return ast.parse(source, mode="eval").body, source
    except (SyntaxError, RecursionError, MemoryError):
        raise ValueError(f"{expression!r} is not an arithmetic expression") from None


def _fold(
    node: ast.expr, source: str, number: Callable[[str], _T], apply: Callable[[str, _T, _T], _T]
) -> _T:
    """Fold the tree: `number` converts a literal's text, `apply` calls a function by name."""
    match node:
        case ast.Constant():  # digits and a point; `_ALLOWED` rejects other constants
            return number(source[node.col_offset : node.end_col_offset])
        case ast.UnaryOp(op=ast.UAdd(), operand=operand):
            return _fold(operand, source, number, apply)
        case ast.UnaryOp(op=ast.USub(), operand=ast.Constant() as literal):
            return number("-" + source[literal.col_offset : literal.end_col_offset])
        case ast.UnaryOp(op=ast.USub(), operand=operand):
            return apply("subtract", number("0"), _fold(operand, source, number, apply))
        case ast.BinOp(left=left, op=operation, right=right) if type(operation) in _OPERATORS:
            first = _fold(left, source, number, apply)
            second = _fold(right, source, number, apply)
            return apply(_OPERATORS[type(operation)], first, second)
    raise ValueError(f"{source!r} is not an arithmetic expression")


def _plain(literal: str) -> str:
    return write_number(read_number(literal))


def _argument(text: str) -> str:
    """`text` as a literal of a call; quoted if a float would lose digits."""
    lost = "." in text and read_number(float(text)) != read_number(text)
    return repr(text) if lost else text


def _evaluate(node: ast.expr, source: str) -> Fraction | None:
    try:
        return _fold(node, source, Fraction, _apply)
    except (ValueError, ZeroDivisionError):
        return None


def _apply(name: str, left: Fraction, right: Fraction) -> Fraction:
    if name == "power":
        if right.denominator != 1 or abs(right) > LARGEST_EXPONENT:
            raise ValueError("the exponent is too large or not an integer")
        return check_magnitude(left ** int(right))
    operations = {"add": operator.add, "subtract": operator.sub, "multiply": operator.mul}
    operations |= {"divide": operator.truediv, "integer_divide": operator.floordiv}
    return Fraction((operations | {"remainder": operator.mod})[name](left, right))


def _number_or_none(text: str) -> Fraction | None:
    try:
        return read_number(text.strip())
    except ValueError:
        return None
