"""GSM8K (arXiv 2110.14168): word problems whose answer is a worked solution in prose.

The solution carries calculator annotations, `<<48/2=24>>`, and ends with `#### 72`. A numeric final
answer is kept plain (`#### $1,200` is 1200). The annotations become the reference, in order, and
the last step after them, where only the prose gives it.

Not here: what an annotation means, what prose is a step
(`pipeline.problems.reference.calculations`).
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
    """Whether the row is GSM8K's: its answer has a final line marked `####`."""
    answer = values.get("answer")
    return "question" in values and isinstance(answer, str) and MARK in answer


def read(values: Values) -> Problem:
    """The problem of a row; raises BadRow."""
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
    """What stands after the last `####`, a number plainly; raises BadRow where nothing does."""
    _, mark, answer = solution.rpartition(MARK)
    if not mark or not answer.strip():
        raise BadRow(f"field answer has no final answer after {MARK}")
    value = answer_value(answer)
    return answer.strip() if value is None else write_number(value)


def calculations(solution: str) -> tuple[str, ...]:
    """The calculations `expression=value` of a solution, without their brackets."""
    return tuple(_ANNOTATION.findall(solution))


def last_step(solution: str, answer: str) -> tuple[str, ...]:
    """The equation after the last annotation that gives the answer; none where nothing precedes."""
    _, annotation, prose = solution.rpartition(MARK)[0].rpartition(">>")
    return prose_steps(prose, answer) if annotation else ()


FORMAT = RowFormat("gsm8k", matches, read)
