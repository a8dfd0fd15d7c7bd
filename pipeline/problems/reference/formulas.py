"""The formulas of logic problems: parse, count, check with Z3, convert to calls.

The reference of a logic problem is the text of its premises' formulas, followed by the conclusion's
formula, marked by CONCLUSION, if the data has it.

Not here: the parser and the solver (`toolsets.languages.formula`, `toolsets.shipped.logic`).
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
from toolsets.languages.formula.parser import parse
from toolsets.languages.formula.syntax import render
from toolsets.languages.formula.tokens import FormulaError
from toolsets.shipped.logic import solver

CONCLUSION = "⊢ "

_CONCLUSION_LINE = re.compile(r"^Conclusion: (.*)$", re.MULTILINE)


def logic_question(premises: Sequence[str], conclusion: str) -> str:
    """The text of a logic question, from premises and a conclusion in natural language."""
    listed = "\n".join(premises)
    ask = "Is the conclusion True, False or Uncertain?"
    return f"Premises:\n{listed}\nConclusion: {conclusion}\n{ask}"


def premises_of(problem: Problem) -> tuple[str, ...]:
    """The premises' formulas as text."""
    return tuple(text for text in problem.reference if not text.startswith(CONCLUSION))


def conclusion_of(problem: Problem) -> str:
    """The conclusion's formula as text; empty if the data has none."""
    texts = [text for text in problem.reference if text.startswith(CONCLUSION)]
    return texts[-1].removeprefix(CONCLUSION) if texts else ""


def count_formulas(problems: Iterable[Problem]) -> dict[str, Any]:
    """Count the formulas of logic problems; empty if there are none.

    `formulas_repaired`: parsed after a repair; `inconsistent`: problems whose premises contradict
    each other; `labels`: problems with a formula for the conclusion; `labels_right`: those whose
    answer equals Z3's.
    """
    logical = [p for p in problems if p.task == "logic" and p.reference]
    if not logical:
        return {}
    texts = [text.removeprefix(CONCLUSION) for p in logical for text in p.reference]
    results = [read_formula(text) for text in texts]
    inconsistent = [p.problem_id for p in logical if _inconsistent(premises_of(p))]
    counts = {
        "formulas": len(texts),
        "formulas_parsed": sum(result.formula is not None for result in results),
        "formulas_repaired": sum(bool(result.formula and result.warnings) for result in results),
        "inconsistent": len(inconsistent),
        "inconsistent_problems": inconsistent,
    }
    labelled = [problem for problem in logical if conclusion_of(problem)]
    correct = sum(entailed(problem) == problem.answer for problem in labelled)
    return counts | ({"labels": len(labelled), "labels_right": correct} if labelled else {})


def entailed(problem: Problem, seconds: float = solver.SECONDS) -> solver.Answer | None:
    """Z3's answer for the conclusion's formula; None if the formula is missing or unreadable."""
    read = lenient.read_problem(premises_of(problem), conclusion_of(problem))
    if read.conclusion is None:
        return None
    return solver.entails(read.premises, read.conclusion, seconds).answer


def entailment_calls(problem: Problem, toolset: Toolset) -> tuple[ReferenceCall, ...]:
    """The single call of a reference chain: `entails` with all formulas.

    The formulas are unchanged if all are well formed, else as the data's repairs read them. A
    conclusion in English only is converted if it is unambiguous. Empty if the problem is
    unsuitable for training: no formula for the conclusion, no function `entails` in `toolset`, a
    formula that no repair makes readable, or a result that differs from the problem's answer.
    """
    formula = conclusion_of(problem) or _conclusion_from_words(problem)
    if "entails" not in toolset.tool_names or not formula:
        return ()
    premises, conclusion = (
        json.dumps(argument, ensure_ascii=False)
        for argument in _well_formed(premises_of(problem), formula)
    )
    try:
        call = run_reference_call(toolset, f"entails(premises={premises}, conclusion={conclusion})")
    except ValueError:
        return ()
    return (call,) if call.result.content.partition("\n")[0] == problem.answer else ()


@cache
def read_formula(text: str) -> lenient.Repaired:
    """Parse a formula of a data file, repaired if necessary; never raises."""
    return lenient.parse_leniently(text)


def _well_formed(premises: tuple[str, ...], conclusion: str) -> tuple[list[str], str]:
    """The formulas as text that `entails` reads; unchanged if that is impossible."""
    try:
        for text in (*premises, conclusion):
            parse(text)
    except FormulaError:
        problem = lenient.read_problem(premises, conclusion)
        if problem.conclusion is not None and not problem.left_out:
            return [*map(render, problem.premises)], render(problem.conclusion)
    return [*premises], conclusion


def _conclusion_from_words(problem: Problem) -> str:
    sentences = _CONCLUSION_LINE.findall(problem.question)
    premises = lenient.read_problem(premises_of(problem)).premises
    formula = plain_conclusion(premises, sentences[-1]) if sentences else None
    return render(formula) if formula is not None else ""


@cache  # many problems share their premises
def _inconsistent(premises: tuple[str, ...]) -> bool:
    return solver.consistent(lenient.read_problem(premises).premises) is False
