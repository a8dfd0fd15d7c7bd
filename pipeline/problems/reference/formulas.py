"""The formulas that come with problems of logic: how many can be read, what they say together.

A reference of such a problem is its premises, each a formula as its authors wrote it, and behind
them, marked by CONCLUSION, the conclusion where the data has it.

Not here: how formulas are read and asked (`toolsets.shipped.logic`), calculations
(`pipeline.problems.reference.calculations`).
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Sequence
from functools import cache
from typing import Any

from pipeline.agent.examples import ReferenceCall, run_reference_call
from pipeline.problems.reference.conclusions import plain_conclusion
from pipeline.records import Problem
from toolsets import Toolset
from toolsets.languages.formula import lenient
from toolsets.languages.formula.syntax import render
from toolsets.shipped.logic import solver

CONCLUSION = "⊢ "

_STATED = re.compile(r"^Conclusion: (.*)$", re.MULTILINE)


def logic_question(premises: Sequence[str], conclusion: str) -> str:
    """The question of premises and a conclusion in natural language, as a model reads it."""
    listed = "\n".join(premises)
    ask = "Is the conclusion True, False or Uncertain?"
    return f"Premises:\n{listed}\nConclusion: {conclusion}\n{ask}"


def premises_of(problem: Problem) -> tuple[str, ...]:
    """The texts of the premises' formulas."""
    return tuple(text for text in problem.reference if not text.startswith(CONCLUSION))


def conclusion_of(problem: Problem) -> str:
    """The text of the conclusion's formula, empty where the data has none."""
    texts = [text for text in problem.reference if text.startswith(CONCLUSION)]
    return texts[-1].removeprefix(CONCLUSION) if texts else ""


def count_formulas(problems: Iterable[Problem]) -> dict[str, Any]:
    """What can be said of the formulas of problems, all empty where none has any.

    `formulas_repaired` of `formulas_parsed` were not well-formed; `inconsistent` problems, whose
    ids follow, have premises that contradict each other; where conclusions come as formulas,
    `labels_right` of `labels` are what Z3 answers.
    """
    logical = [p for p in problems if p.task == "logic" and p.reference]
    if not logical:
        return {}
    texts = [text.removeprefix(CONCLUSION) for p in logical for text in p.reference]
    read = [read_formula(text) for text in texts]
    contrary = [p.problem_id for p in logical if _contradict(premises_of(p))]
    counts = {
        "formulas": len(texts),
        "formulas_parsed": sum(one.formula is not None for one in read),
        "formulas_repaired": sum(bool(one.formula and one.warnings) for one in read),
        "inconsistent": len(contrary),
        "inconsistent_problems": contrary,
    }
    concluded = [problem for problem in logical if conclusion_of(problem)]
    right = sum(entailed(problem) == problem.answer for problem in concluded)
    return counts | ({"labels": len(concluded), "labels_right": right} if concluded else {})


def entailed(problem: Problem, seconds: float = solver.SECONDS) -> solver.Answer | None:
    """What follows for the conclusion's formula; None where it has none that can be read."""
    read = lenient.read_problem(premises_of(problem), conclusion_of(problem))
    if read.conclusion is None:
        return None
    return solver.entails(read.premises, read.conclusion, seconds).answer


def entailment_calls(problem: Problem, toolset: Toolset) -> tuple[ReferenceCall, ...]:
    """The one call of a reference chain, `entails` of all formulas as they stand.

    A conclusion that the data gives in words only is read off them where they leave no choice.
    Empty where there is no chain fit to learn from: no formula of the conclusion, no such function
    in `toolset`, a formula that it refuses, or another answer than the problem's.
    """
    concluded = conclusion_of(problem) or _read_off(problem)
    if "entails" not in toolset.tool_names or not concluded:
        return ()
    premises, conclusion = (
        json.dumps(formulas, ensure_ascii=False) for formulas in (premises_of(problem), concluded)
    )
    try:
        worked = run_reference_call(
            toolset, f"entails(premises={premises}, conclusion={conclusion})"
        )
    except ValueError:
        return ()
    return (worked,) if worked.result.content.partition("\n")[0] == problem.answer else ()


def _read_off(problem: Problem) -> str:
    stated = _STATED.findall(problem.question)
    premises = lenient.read_problem(premises_of(problem)).premises
    found = plain_conclusion(premises, stated[-1]) if stated else None
    return render(found) if found is not None else ""


@cache
def read_formula(text: str) -> lenient.Repaired:
    """A formula of a data file, repaired where it has to be; never raises."""
    return lenient.parse_leniently(text)


@cache
def _contradict(premises: tuple[str, ...]) -> bool:
    """Many problems share their premises."""
    return solver.consistent(lenient.read_problem(premises).premises) is False
