"""Synthetic problems: written by a model, then verified (after SELF-GUIDE, arXiv 2407.12874).

A request shows solved training problems in this form and asks for one more:

    Problem: Ava has 3 bags of 4 pens and loses 2. How many pens?
    Solution:
    multiply(a=3, b=4) -> 12
    subtract(a=12, b=2) -> 10
    answer(value=10)

Every written problem is verified: the calls are executed, each number in them must occur in the
problem or in an earlier result, and the answer must equal the last result. The problem must be new,
and most solutions sampled from the same model must reach its answer (self-consistency, arXiv
2203.11171). A problem that fails a check raises `Refused` with the reason.

Pure. Not here: generation (`pipeline.generation.synthetic_stage`), the instruction in the prompt
(`pipeline.agent.prompt`), the pocket world's generator (`pipeline.problems.source`).
"""

from __future__ import annotations

import itertools
import random
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Any, Literal

from pipeline.agent.agent import answer, with_agent_tools
from pipeline.agent.verdict import same_answer
from pipeline.problems.decontamination import SeenQuestions, overlap_reason, words
from pipeline.problems.reference.calculations import reference_calls
from pipeline.problems.reference.chain import reference_chain
from pipeline.records import Problem
from toolsets import CallError, ToolCall, ToolResult, Toolset, render_call
from toolsets.tools.numbers import read_number

Reason = Literal[
    "engine_error",  # the model wrote nothing
    "no_problem",
    "unparseable_call",
    "unfounded_number",
    "failed_call",
    "no_answer",
    "other_answer",  # the answer differs from the last result
    "known",  # repeats a training, held-out or evaluation problem
    "not_agreed",  # no more than half of the sampled solutions reach the answer
]
Run = Callable[[ToolCall], ToolResult]

PROBLEM, SOLUTION = "Problem:", "Solution:"

_ID = "self-"
_CALL = re.compile(r"(?P<call>[A-Za-z_][\w.]*\(.*?\))\s*(?:->.*)?")
_DIGITS = re.compile(r"\d+(?:,\d{3})*(?:\.\d+)?|\.\d+", re.ASCII)
_ONES = "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen "
_ONES += "fifteen sixteen seventeen eighteen nineteen"
_TENS = "twenty thirty forty fifty sixty seventy eighty ninety"
_NUMBER_WORDS: dict[str, tuple[Fraction, ...]] = {
    **{word: (Fraction(value),) for value, word in enumerate(_ONES.split())},
    **{word: (Fraction(value * 10),) for value, word in enumerate(_TENS.split(), start=2)},
    **dict.fromkeys(("twice", "double", "doubles", "doubled", "both"), (Fraction(2),)),
    **dict.fromkeys(("thrice", "triple", "triples", "tripled"), (Fraction(3),)),
    **dict.fromkeys(("half", "halves", "halved"), (Fraction(2), Fraction(1, 2))),
    **dict.fromkeys(("third", "thirds"), (Fraction(3), Fraction(1, 3))),
    **dict.fromkeys(("quarter", "quarters"), (Fraction(4), Fraction(1, 4))),
    **dict.fromkeys(("dozen", "dozens"), (Fraction(12),)),
    **dict.fromkeys(("hundred", "hundreds", "percent"), (Fraction(100),)),
    "thousand": (Fraction(1000),),
}


class Refused(Exception):
    """A written problem failed a check: the reason, by which failures are counted, and a detail."""

    def __init__(self, reason: Reason, detail: str) -> None:
        super().__init__(detail)
        self.reason: Reason = reason
        self.detail = detail


@dataclass(frozen=True, slots=True)
class WrittenProblem:
    """An unverified problem: the question and the calls of its solution."""

    question: str
    calls: tuple[str, ...]


def problem_id(index: int) -> str:
    """The id of a synthetic problem; its prefix marks the problem as synthetic."""
    return f"{_ID}{index:06d}"


def is_self_made(problem: Problem) -> bool:
    """Whether a problem is synthetic: made for the run by a model or a generator."""
    return problem.problem_id.startswith(_ID)


def requests(
    problems: Iterable[Problem], toolset: Toolset, count: int, examples: int, seed: int
) -> list[Problem]:
    """`count` requests, each a Problem without an answer. All examples of a request are of one
    task. Empty if no training problem has a reference solution that passes the checks itself."""
    by_task: dict[str, list[str]] = {}
    for problem in problems:
        if problem.split == "train" and (text := example(problem, toolset)):
            by_task.setdefault(problem.task, []).append(text)
    tasks = [task for task, texts in by_task.items() for _ in texts]
    if not by_task:
        return []
    return [_request(index, by_task, tasks, examples, seed) for index in range(count)]


def example(problem: Problem, toolset: Toolset) -> str | None:
    """A solved problem in the form of the module docstring; None if its calls fail the checks."""
    chain = reference_chain(problem, toolset)
    if chain is None:
        return None
    known = numbers(problem.question)
    for call, result in ((step.call, step.result) for step in chain.steps[:-1]):
        assert call is not None and result is not None
        if not _argument_numbers(call.arguments) <= known:
            return None
        known |= numbers(result.content)
    lines = [f"{step.reply} -> {step.result.content}" for step in chain.steps[:-1] if step.result]
    question = " ".join(problem.question.split())
    return "\n".join([f"{PROBLEM} {question}", SOLUTION, *lines, chain.steps[-1].reply])


def read(reply: str) -> WrittenProblem:
    """Parse the first problem of a reply; raises Refused."""
    lines = [line.strip().strip("`") for line in reply.splitlines()]
    start = next((i for i, line in enumerate(lines) if _CALL.fullmatch(line)), len(lines))
    text = " ".join(" ".join(lines[:start]).split())
    question = text.rpartition(PROBLEM)[2].removesuffix(SOLUTION).strip()
    if not question:
        raise Refused("no_problem", "there is no question before the first call")
    return WrittenProblem(question, tuple(_solution_calls(filter(None, lines[start:]))))


def verified(draft: WrittenProblem, name: str, task: str, toolset: Toolset, run: Run) -> Problem:
    """Verify a draft and return it as the problem with id `name`; raises Refused.

    The problem's answer is the last result. `run` executes a call of `toolset`. The reference is
    empty if it cannot be replayed.
    """
    known = numbers(draft.question)
    calls: list[ToolCall] = []
    last_result = ""
    *solving, final = [_parse(toolset, text) for text in draft.calls]
    for call in solving:
        last_result = _execute(call, known, run)
        known |= numbers(last_result)
        calls.append(call)
    if not calls:
        raise Refused("no_answer", "no function is called before the answer")
    written = str(final.arguments["value"])
    if not same_answer(written, last_result):
        detail = f"the answer is {written}, but the last result is {last_result}"
        raise Refused("other_answer", detail)
    texts = tuple(render_call(call.name, call.arguments) for call in calls)
    problem = Problem(name, task, draft.question, last_result, "train", texts)
    return problem if reference_calls(problem, toolset) else replace(problem, reference=())


def check_new(problem: Problem, known: SeenQuestions) -> None:
    """Raise Refused if the question overlaps with a known one."""
    if overlap := known.overlap(problem.question):
        raise Refused("known", overlap_reason(*overlap))


def check_agreed(correct: Sequence[bool | None]) -> None:
    """Raise Refused unless more than half of the solutions reach the problem's answer."""
    agreeing = sum(verdict is True for verdict in correct)
    if 2 * agreeing <= len(correct):
        raise Refused("not_agreed", f"{agreeing} of {len(correct)} solutions reach its answer")


def numbers(text: str) -> set[Fraction]:
    """The numbers in a text, unsigned, written in digits or words: "twenty-five" gives 25, 20 and
    5; "half" gives 2 and 1/2; "20%" gives 20, 1/5 and 100."""
    values = {value for value in map(_number_or_none, _DIGITS.findall(text)) if value is not None}
    plain = words(text)
    if "%" in text or "percent" in plain:
        values |= {value / 100 for value in values} | {Fraction(100)}
    for word in plain:
        values.update(_NUMBER_WORDS.get(word, ()))
    for tens, ones in itertools.pairwise(plain):
        if tens in _TENS.split() and ones in _ONES.split()[1:10]:
            values.add(_NUMBER_WORDS[tens][0] + _NUMBER_WORDS[ones][0])
    return values


def _request(
    index: int, by_task: dict[str, list[str]], tasks: Sequence[str], examples: int, seed: int
) -> Problem:
    rng = random.Random(f"{seed}/{problem_id(index)}")
    task = rng.choice(tasks)
    shown = rng.sample(by_task[task], min(examples, len(by_task[task])))
    return Problem(problem_id(index), task, "\n\n".join(shown), "", "train")


def _solution_calls(lines: Iterable[str]) -> Iterator[str]:
    """Yield the calls up to and including answer, one per line."""
    for line in lines:
        match = _CALL.fullmatch(line)
        if match is None:
            raise Refused("unparseable_call", f"{line!r} is not a call")
        yield match["call"]
        if line.startswith(f"{answer.name}("):
            return
    raise Refused("no_answer", "the solution does not end with a call of answer")


def _parse(toolset: Toolset, text: str) -> ToolCall:
    try:
        return with_agent_tools(toolset, thinking=False).parse(text)
    except CallError as error:
        raise Refused("unparseable_call", f"{text}: {error}") from error


def _execute(call: ToolCall, known: set[Fraction], run: Run) -> str:
    try:
        unfounded = _argument_numbers(call.arguments) - known
    except ValueError as error:  # an infinite number, or one with too many digits
        raise Refused("unfounded_number", f"{call.raw}: {error}") from error
    if unfounded:
        number = min(unfounded)
        raise Refused("unfounded_number", f"{call.raw}: {number} is not in the problem or a result")
    result = run(call)
    if not result.ok:
        raise Refused("failed_call", f"{call.raw}: {result.content}")
    return result.content


def _argument_numbers(value: Any) -> set[Fraction]:
    """The numbers in a call's arguments, unsigned."""
    match value:
        case bool() | None:
            return set()
        case int() | float():
            return {abs(read_number(value))}
        case str():
            return set(map(read_number, _DIGITS.findall(value)))
        case dict():
            return set().union(*map(_argument_numbers, value.values()))
    return set().union(*map(_argument_numbers, value))


def _number_or_none(text: str) -> Fraction | None:
    try:
        return read_number(text)
    except ValueError:  # more digits than a number may have
        return None
