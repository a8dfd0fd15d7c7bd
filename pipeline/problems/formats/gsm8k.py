"""GSM8K (arXiv 2110.14168): word problems with a reference solution in prose.

The solution contains calculator annotations, `<<48/2=24>>`, and ends with `#### 72`. A numeric
final answer is normalised (`#### $1,200` is 1200). The reference is the annotations in order; if
the prose after them holds the last step as an equation, that is added.

Not here: replay of annotations, equations in prose (`pipeline.problems.reference.calculations`).
"""

from __future__ import annotations

import re

from pipeline.agent.verdict import answer_value
from pipeline.problems.formats.row import (
    BadRow,
    RowFormat,
    Values,
    problem_id,
    split_field,
    text_field,
)
from pipeline.problems.reference.calculations import prose_steps
from pipeline.records import Problem
from toolsets.tools.numbers import write_number

MARK = "####"

_ANNOTATION = re.compile(r"<<(.*?)>>", re.DOTALL)


def matches(values: Values) -> bool:
    """Whether the row has a question and an answer with the mark `####`."""
    answer = values.get("answer")
    return "question" in values and isinstance(answer, str) and MARK in answer


def read(values: Values) -> Problem:
    """Convert a row to a problem; raises BadRow."""
    question, solution = text_field(values, "question"), text_field(values, "answer")
    answer = final_answer(solution)
    return Problem(
        problem_id=problem_id(values, "gsm8k", question),
        task="arithmetic",
        question=question,
        answer=answer,
        split=split_field(values),
        reference=(*calculations(solution), *last_step(solution, answer)),
    )


def final_answer(solution: str) -> str:
    """The text after the last `####`, numbers normalised; raises BadRow if it is empty."""
    _, mark, answer = solution.rpartition(MARK)
    if not mark or not answer.strip():
        raise BadRow(f"field answer has no final answer after {MARK}")
    value = answer_value(answer)
    return answer.strip() if value is None else write_number(value)


def calculations(solution: str) -> tuple[str, ...]:
    """The annotations of a solution as `expression=value`, without brackets."""
    return tuple(_ANNOTATION.findall(solution))


def last_step(solution: str, answer: str) -> tuple[str, ...]:
    """The equation for the answer after the last annotation; empty without annotations."""
    _, annotation, prose = solution.rpartition(MARK)[0].rpartition(">>")
    return prose_steps(prose, answer) if annotation else ()


FORMAT = RowFormat("gsm8k", matches, read)
