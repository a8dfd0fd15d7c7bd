"""Problems that a model writes, and when they are trusted (after SELF-GUIDE, arXiv 2407.12874).

A request shows solved training problems in one form and asks for one more:

    Problem: Ava has 3 bags of 4 pens and loses 2. How many pens?
    Solution:
    multiply(a=3, b=4) -> 12
    subtract(a=12, b=2) -> 10
    answer(value=10)

Nothing that was written is believed: the calls are executed, every number in them must stand in the
problem or be an earlier result, and the answer must be what the last call gave. A problem that
passes must be new, and solutions of the same model must agree with it (self-consistency, arXiv
2203.11171). Whatever does not hold is `Refused` with its reason.

Pure. Not here: the requests being answered (`pipeline.generation.synthetic_stage`), the sentence
that asks (`pipeline.agent.prompt`), the pocket world's generator (`pipeline.problems.source`).
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
    "engine_error",  # nothing was written
    "no_problem",
    "unparseable_call",
    "unfounded_number",
    "failed_call",
    "no_answer",
    "other_answer",  # than what the functions gave
    "known",  # it repeats a training problem, or one held out or of an evaluation split
    "not_agreed",  # on by its own solutions
]
Run = Callable[[ToolCall], ToolResult]

_ID = "self-"
PROBLEM, SOLUTION = "Problem:", "Solution:"

_CALL = re.compile(r"(?P<call>[A-Za-z_][\w.]*\(.*?\))\s*(?:->.*)?")
_DIGITS = re.compile(r"\d+(?:,\d{3})*(?:\.\d+)?|\.\d+", re.ASCII)
_ONES = "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen "
_ONES += "fifteen sixteen seventeen eighteen nineteen"
_TENS = "twenty thirty forty fifty sixty seventy eighty ninety"
_WORDS: dict[str, tuple[Fraction, ...]] = {
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
    """A written problem that cannot be trusted: the reason to count, and what exactly was wrong."""

    def __init__(self, reason: Reason, detail: str) -> None:
        super().__init__(detail)
        self.reason: Reason = reason
        self.detail = detail


@dataclass(frozen=True, slots=True)
class WrittenProblem:
    """A problem as it was written: the question, and the calls of its solution."""

    question: str
    calls: tuple[str, ...]


def problem_id(index: int) -> str:
    """The id of a self-made problem, by which synthetic problems are recognised."""
    return f"{_ID}{index:06d}"


def is_self_made(problem: Problem) -> bool:
    """Whether a problem was made for the run, by a model or a generator."""
    return problem.problem_id.startswith(_ID)


def requests(
    problems: Iterable[Problem], toolset: Toolset, count: int, examples: int, seed: int
) -> list[Problem]:
    """`count` requests, each as a question without an answer; none where no training problem has a
    worked solution that would itself be trusted. All examples of a request are of one task."""
    fit: dict[str, list[str]] = {}
    for problem in problems:
        if problem.split == "train" and (text := example(problem, toolset)):
            fit.setdefault(problem.task, []).append(text)
    tasks = [task for task, texts in fit.items() for _ in texts]
    return [_request(index, fit, tasks, examples, seed) for index in range(count)] if fit else []


def example(problem: Problem, toolset: Toolset) -> str | None:
    """A solved problem in the form that is asked for; None where its calls would be refused."""
    chain = reference_chain(problem, toolset)
    if chain is None:
        return None
    known = numbers(problem.question)
    for call, result in ((step.call, step.result) for step in chain.steps[:-1]):
        assert call is not None and result is not None
        if not _used(call.arguments) <= known:
            return None
        known |= numbers(result.content)
    lines = [f"{step.reply} -> {step.result.content}" for step in chain.steps[:-1] if step.result]
    question = " ".join(problem.question.split())
    return "\n".join([f"{PROBLEM} {question}", SOLUTION, *lines, chain.steps[-1].reply])


def read(reply: str) -> WrittenProblem:
    """The first problem in a reply; raises Refused where there is none."""
    lines = [line.strip().strip("`") for line in reply.splitlines()]
    start = next((i for i, line in enumerate(lines) if _CALL.fullmatch(line)), len(lines))
    text = " ".join(" ".join(lines[:start]).split())
    question = text.rpartition(PROBLEM)[2].removesuffix(SOLUTION).strip()
    if not question:
        raise Refused("no_problem", "no question stands before the first call")
    return WrittenProblem(question, tuple(_calls(filter(None, lines[start:]))))


def verified(draft: WrittenProblem, name: str, task: str, toolset: Toolset, run: Run) -> Problem:
    """The problem of a draft, by the id `name`, its answer what the functions gave; raises Refused.

    `run` executes a call of `toolset`. The reference is empty where it could not be replayed.
    """
    known = numbers(draft.question)
    calls: list[ToolCall] = []
    last = ""
    *solving, final = [_parse(toolset, text) for text in draft.calls]
    for call in solving:
        last = _executed(call, known, run)
        known |= numbers(last)
        calls.append(call)
    if not calls:
        raise Refused("no_answer", "no call stands before the answer")
    written = str(final.arguments["value"])
    if not same_answer(written, last):
        raise Refused("other_answer", f"the answer is {written}, the last result {last}")
    texts = tuple(render_call(call.name, call.arguments) for call in calls)
    problem = Problem(name, task, draft.question, last, "train", texts)
    return problem if reference_calls(problem, toolset) else replace(problem, reference=())


def check_new(problem: Problem, known: SeenQuestions) -> None:
    """Raise Refused where the question repeats one that is known."""
    if overlap := known.overlap(problem.question):
        raise Refused("known", overlap_reason(*overlap))


def check_agreed(correct: Sequence[bool | None]) -> None:
    """Raise Refused where no more than half of the solutions came to the problem's answer."""
    right = sum(verdict is True for verdict in correct)
    if 2 * right <= len(correct):
        raise Refused("not_agreed", f"{right} of {len(correct)} solutions came to its answer")


def numbers(text: str) -> set[Fraction]:
    """The numbers that a text states without their signs, in digits or in words: "twenty-five" is
    25, 20 and 5; "half" is 2 and 1/2; "20%" is 20, 1/5 and 100."""
    found = {value for value in map(_number, _DIGITS.findall(text)) if value is not None}
    plain = words(text)
    if "%" in text or "percent" in plain:
        found |= {value / 100 for value in found} | {Fraction(100)}
    for word in plain:
        found.update(_WORDS.get(word, ()))
    for tens, ones in itertools.pairwise(plain):
        if tens in _TENS.split() and ones in _ONES.split()[1:10]:
            found.add(_WORDS[tens][0] + _WORDS[ones][0])
    return found


def _request(
    index: int, fit: dict[str, list[str]], tasks: Sequence[str], examples: int, seed: int
) -> Problem:
    rng = random.Random(f"{seed}/{problem_id(index)}")
    task = rng.choice(tasks)
    shown = rng.sample(fit[task], min(examples, len(fit[task])))
    return Problem(problem_id(index), task, "\n\n".join(shown), "", "train")


def _calls(lines: Iterable[str]) -> Iterator[str]:
    """The calls up to the answer, one a line."""
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


def _executed(call: ToolCall, known: set[Fraction], run: Run) -> str:
    try:
        unfounded = _used(call.arguments) - known
    except ValueError as error:  # a number without end, or of too many digits
        raise Refused("unfounded_number", f"{call.raw}: {error}") from error
    if unfounded:
        number = min(unfounded)
        raise Refused("unfounded_number", f"{call.raw}: {number} is neither given nor a result")
    result = run(call)
    if not result.ok:
        raise Refused("failed_call", f"{call.raw}: {result.content}")
    return result.content


def _used(value: Any) -> set[Fraction]:
    """The numbers in a call's arguments, without their signs."""
    match value:
        case bool() | None:
            return set()
        case int() | float():
            return {abs(read_number(value))}
        case str():
            return set(map(read_number, _DIGITS.findall(value)))
        case dict():
            return set().union(*map(_used, value.values()))
    return set().union(*map(_used, value))


def _number(text: str) -> Fraction | None:
    try:
        return read_number(text)
    except ValueError:  # of more digits than a number may have
        return None
