"""Worked solutions as calls: the data's own calculations, replayed through a toolset.

A calculation is a text `expression=value`, GSM8K's `<<48/2=24>>` without its brackets. The
expression (numbers, + - * / // % **, signs, parentheses) becomes one call per operator, innermost
first, left to right. Each argument is a number of the expression, written plainly (`.5` as 0.5,
`9.00` as 9), or the text of an earlier result, so exactness has to survive the text between two
calls as it has to for a model. A signed number is one argument; a bare number such as `12=12` needs
no call and stands for itself.

A calculation is *exact* where the value read back from its last result equals the annotated value
as a rational. `evaluated` is the same expression in plain Fractions, without toolset and without
text: where it differs from `value` the tools lost something, where it differs from `annotated` the
data is wrong. Measured on gsm8k/train.jsonl (7,473 problems): 23,716 calculations, 357 of them bare
numbers, 27,195 calls; all are exact and equal their evaluation; 7,001 problems (93.68%) end at
their answer.

Where the annotations do not, the last step may stand in the solution's prose: `18 minutes + 30
minutes = 48 minutes`. `prose_steps` reads the last equation after the last annotation, where it
evaluates to the answer exactly; a reference holds it as `prose: 18+30=48`. With it 7,245 problems
(96.95%) end at their answer. It is not counted among the calculations, and no chain to learn from
ends with it: such a solution may leave other steps to its prose as well.

A reference may also hold calls as a model writes them, `add(a=2, b=3)`, as the pocket world's does:
such a call is replayed as it stands, and annotates itself.

Not here: formulas, which are a reference too (`pipeline.problems.reference.formulas`); the messages
of a chain (`pipeline.agent.agent`).
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

LONGEST_EXPRESSION = 500  # characters; GSM8K's longest has 38. Bounds the depth of the tree
LARGEST_EXPONENT = 1000
LONGEST_PROSE = 2000  # characters; GSM8K's longest has 738. Reading takes time by its square
PROSE = "prose: "  # marks the last step of a reference where the data does not annotate it

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
_PROSE_NUMBER = r"(?:\d+(?:,\d+)*(?:\.\d+)?|\.\d+)"  # read in one way only: no blow-up
_UNIT = r"%?(?:\s+(?!x\b)[A-Za-z][A-Za-z'-]+){0,5}(?:/[A-Za-z]+)?"  # `30 miles/hour`, `100%`
_SIGN = r"[-+*/×÷−–]|x(?=[\s$(\d])"  # noqa: RUF001
_TERM = rf"[($\s]*{_PROSE_NUMBER}{_UNIT}[)\s]*"
_VALUE = rf"{_PROSE_NUMBER}(?![\w(]|[.,]?\d|\s*(?:{_SIGN})\s*[\d$(])"
_EQUATION = re.compile(
    rf"(?<![\w.,)])(?P<expression>{_TERM}(?:(?:{_SIGN}){_TERM})+)=\s*\$?"
    rf"(?=(?P<value>{_VALUE}))"  # looked at only: the next equation may begin with it
)
_GOES_ON = ("+", "-", "*", "/", "×", "÷", "−", "–", ")", "(", *"0123456789")  # noqa: RUF001
_TIMES = re.compile(r"(?<![A-Za-z])x(?![A-Za-z])")
_WORDS = re.compile(r"/?[A-Za-z][A-Za-z'-]*|[$%\s]")
_SIGNS = str.maketrans("×÷−–", "*/--")  # noqa: RUF001  # the characters that people write


@dataclass(frozen=True, slots=True)
class Calculation:
    """One annotated calculation, replayed.

    `value` is None where it could not be replayed, and `reason` says why.
    """

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
        """Whether the toolset and the text between calls kept the expression's exact value."""
        return self.value is not None and self.value == self.evaluated


@dataclass(frozen=True, slots=True)
class Replay:
    """A problem's worked solution, replayed; `answer` is None where the answer is no number.

    `prose` is the last step that only the solution's prose gives, where the reference holds one.
    """

    problem_id: str
    calculations: tuple[Calculation, ...]
    answer: Fraction | None
    prose: Calculation | None = None

    @property
    def last_value(self) -> Fraction | None:
        """The value of the last calculation, None where there is none or it failed."""
        return self.calculations[-1].value if self.calculations else None

    @property
    def calculations_end_at_answer(self) -> bool:
        """Whether the last calculation's value is the gold answer."""
        return self.last_value is not None and self.last_value == self.answer

    @property
    def ends_at_answer(self) -> bool:
        """Whether the last calculation's value, or that of the prose, is the gold answer."""
        in_prose = self.prose is not None and self.prose.exact and self.prose.value == self.answer
        return self.calculations_end_at_answer or in_prose

    @property
    def calls(self) -> tuple[ReferenceCall, ...]:
        """All calls, in order."""
        return tuple(worked for calculation in self.calculations for worked in calculation.calls)


def replay(problem: Problem, toolset: Toolset) -> Replay:
    """Replay the calculations of `problem` through `toolset`, in this process: trusted data only.

    Problems of task "logic" have formulas as their reference, hence no calculations.
    """
    texts = () if problem.task == "logic" else problem.reference
    calculations = [replay_calculation(text.removeprefix(PROSE), toolset) for text in texts]
    prose = calculations.pop() if texts and texts[-1].startswith(PROSE) else None
    return Replay(problem.problem_id, tuple(calculations), answer_value(problem.answer), prose)


def prose_steps(prose: str, answer: str) -> tuple[str, ...]:
    """The last equation of `prose` as a reference's text, if it evaluates to `answer`, else none.

    `prose` is what a solution says after its last annotation: `30 cows x $2/cow = $60`. Units are
    dropped and a percent sign is one (`20% + 10% = 30%` is 30), so `60% * 40% = 24%` is no equation
    here, nor is one with a letter for a number.
    """
    expression, value = _last_equation(prose)
    try:
        worth = _evaluate(*_parse(expression))
    except ValueError:
        return ()
    fits = worth is not None and worth == _number_or_none(value) == answer_value(answer)
    return (f"{PROSE}{expression}={value}",) if fits else ()


def reference_calls(problem: Problem, toolset: Toolset) -> tuple[ReferenceCall, ...]:
    """The calls of a reference chain, whose next turn is the gold answer.

    Empty where there is no chain fit to learn from: no calls, a calculation that is not exact, or a
    last value that is not the answer (the data leaves its last step to the prose).
    """
    worked = replay(problem, toolset)
    fit = worked.calculations_end_at_answer and all(step.exact for step in worked.calculations)
    return worked.calls if fit else ()


def replay_calculation(text: str, toolset: Toolset) -> Calculation:
    """Replay one `expression=value`; whatever is wrong with it becomes a reason, never an error."""
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
    return Calculation(text, tuple(calls), result, _evaluate(node, source), annotated)


def _replay_call(text: str, toolset: Toolset) -> Calculation:
    try:
        worked = run_reference_call(toolset, text)
        value = read_number(worked.result.content)
    except ValueError as error:
        return Calculation(text, (), None, None, None, str(error))
    return Calculation(text, (worked,), value, value, value)


def _last_equation(prose: str) -> tuple[str, str]:
    """Expression and value of the last equation, without units; both empty where there is none."""
    if len(prose) > LONGEST_PROSE:
        return "", ""
    for found in reversed(list(_EQUATION.finditer(prose))):
        if prose[: found.start()].rstrip()[-1:] in _GOES_ON:
            break  # only the end of a longer one, such as `3x + 5 + 3 = 8`
        expression = _WORDS.sub("", _TIMES.sub("*", found["expression"]))
        return expression.translate(_SIGNS), found["value"]
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
    """The value of the tree: `number` reads a literal's text, `apply` makes a call by name."""
    match node:
        case ast.Constant():  # digits and a point: nothing else passes `_ALLOWED`
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
    """`text` as a literal of a call; quoted where reading it as a float would lose digits."""
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
            raise ValueError("the exponent is too large or not whole")
        return check_magnitude(left ** int(right))
    operations = {"add": operator.add, "subtract": operator.sub, "multiply": operator.mul}
    operations |= {"divide": operator.truediv, "integer_divide": operator.floordiv}
    return Fraction((operations | {"remainder": operator.mod})[name](left, right))


def _number_or_none(text: str) -> Fraction | None:
    try:
        return read_number(text.strip())
    except ValueError:
        return None
