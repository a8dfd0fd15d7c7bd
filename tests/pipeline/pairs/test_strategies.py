from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.pairs.candidates import Candidates, Draft, shared_steps
from pipeline.pairs.selection import make_pair
from pipeline.pairs.strategies import (
    concise,
    corrected,
    first_divergence,
    first_fatal_step,
    is_corrected_by,
    outcome,
    recovered,
    reference,
)
from pipeline.problems.reference.chain import reference_chain
from pipeline.records import Chain, Executed, Problem, Step, StopReason
from tests.pipeline.agent.scripted import ARITHMETIC
from tests.pipeline.pairs.chains import (
    CORRECT,
    CORRECT_2,
    DIALECT,
    EARLY,
    EMPTY,
    LATE,
    QUESTION,
    STUCK,
    candidates,
    chain,
    ids,
    step,
)
from toolsets import ToolResult


def test_outcome_pairs_all_chains_different_ones_first() -> None:
    drafts = list(outcome(candidates([CORRECT, CORRECT_2], [LATE, EARLY])))
    assert ids(drafts) == [
        ("correct", "late"),
        ("correct 2", "early"),
        ("correct", "early"),
        ("correct 2", "late"),
    ]
    assert {draft.shared for draft in drafts} == {0}


def test_first_divergence_puts_most_shared_steps_first() -> None:
    drafts = list(first_divergence(candidates([CORRECT_2, CORRECT], [EARLY, LATE])))
    assert ids(drafts)[0] == ("correct", "late")
    assert [draft.shared for draft in drafts] == [1, 0, 0, 0]


def test_reference_prefers_the_reference_solution_to_every_incorrect_chain() -> None:
    problem = Problem("p", "arithmetic", QUESTION, "10", "train", ("3*4=12", "12-2=10"))
    solution = reference_chain(problem, ARITHMETIC)
    assert solution is not None
    assert ids(list(reference(candidates([], [LATE, EARLY], solution)))) == [
        ("p/reference", "late"),
        ("p/reference", "early"),
    ]
    assert list(reference(candidates())) == []
    assert [step.reply for step in solution.steps] == [
        "multiply(a=3, b=4)",
        "subtract(a=12, b=2)",
        "answer(value=10)",
    ]


def test_each_chain_has_at_least_one_step_after_the_shared_ones() -> None:
    assert shared_steps(CORRECT, LATE) == 1
    assert shared_steps(CORRECT, EARLY) == 0
    assert shared_steps(CORRECT, CORRECT) == 2
    assert shared_steps(CORRECT, EMPTY) == shared_steps(EMPTY, CORRECT) == 0


def test_the_same_reply_with_another_result_is_not_shared() -> None:
    other = Chain(
        "o",
        "p",
        "m",
        0,
        0,
        (),
        (Step("multiply(a=3, b=4)", None, None), *CORRECT.steps[1:]),
        "answer",
    )
    assert shared_steps(CORRECT, other) == 0


FAILED = chain(
    "failed",
    "multiply(a=3, b=4)",
    "subtract(a=12)",  # an argument is missing
    "subtract(a=12, b=2)",
    "minus(a=10, b=1)",  # no such function
    "subtract(a=10, b=1)",
    "answer(9)",
)


def test_recovered_prefers_a_corrected_call_to_the_failed_one_before_it() -> None:
    drafts = list(recovered(candidates([CORRECT], [FAILED, STUCK])))
    assert [draft.shared for draft in drafts] == [1, 3]
    for draft in drafts:
        before = FAILED.steps[: draft.shared]
        failed, later = FAILED.steps[draft.shared : draft.shared + 2]
        assert draft.chosen.steps == (*before, later)
        assert draft.rejected.steps == (*before, failed)
    pair = make_pair(candidates(), drafts[0], "recovered", DIALECT)
    assert [m["content"] for m in pair.prompt[2:]] == ["multiply(a=3, b=4)", "12"]
    assert [m["content"] for m in pair.chosen] == ["subtract(a=12, b=2)"]
    assert [m["content"] for m in pair.rejected] == ["subtract(a=12)"]


def test_recovered_takes_correct_chains_first() -> None:
    again = replace(FAILED, chain_id="again")
    drafts = list(recovered(candidates([again], [FAILED])))
    assert [draft.chosen.chain_id for draft in drafts] == ["again", "again", "failed", "failed"]


@pytest.mark.parametrize(
    ("failed", "later", "expected"),
    [
        ("divide(a=7, b=0)", "divide(a=7, b=2)", True),  # the same function, executed and failed
        ("add(a=7", "add(a=7, b=1)", True),  # the same function, unparseable
        ("Add them: plus(7, 1.5)", "add(a=7, b=1.5)", True),  # the same numbers
        ("plus(7, 15)", "add(a=7, b=1)", False),  # 1 is not 15
        ("I do not know.", "add(a=7, b=1)", False),
        ("add(a=7", "answer(8)", False),  # an answer may be incorrect
        ("add(a=7", "add(b=1", False),  # failed again
        ("add(a=7, b=2)", "add(a=7, b=1)", False),  # the first call did not fail
    ],
)
def test_a_corrected_call_is_the_failed_one_without_its_error(
    failed: str, later: str, expected: bool
) -> None:
    assert is_corrected_by(step(failed), step(later)) is expected


def test_concise_prefers_fewer_steps_the_largest_saving_first() -> None:
    longer = chain("longer", "multiply(a=3", *[step.reply for step in CORRECT.steps])
    longest = chain("longest", "oh", *[step.reply for step in longer.steps])
    drafts = list(concise(candidates([longer, CORRECT, longest], [LATE])))
    assert ids(drafts) == [("correct", "longest"), ("correct", "longer"), ("longer", "longest")]
    assert {draft.shared for draft in drafts} == {0}


def test_concise_prefers_a_fifth_fewer_tokens_at_equal_steps() -> None:
    def with_tokens(name: str, tokens: int, model: str = "student") -> Chain:
        steps = tuple(replace(step, completion_tokens=tokens) for step in CORRECT.steps)
        return replace(CORRECT, chain_id=name, steps=steps, model=model)

    brief, wordy = with_tokens("brief", 80), with_tokens("wordy", 100)
    assert ids(list(concise(candidates([wordy, brief], [])))) == [("brief", "wordy")]
    assert list(concise(candidates([wordy, with_tokens("nearly", 81)], []))) == []
    assert list(concise(candidates([wordy, with_tokens("other", 10, "teacher")], []))) == []


def _continued(steps: int, correct: bool | None, sample: int = 0) -> tuple[Chain, bool | None]:
    """The teacher's continuation of INCORRECT after its first `steps` steps."""
    replies = [step.reply for step in INCORRECT.steps[:steps]]
    made = chain(f"after {steps}", *replies, "answer(10)", model="teacher", sample=sample)
    return replace(made, prefix_steps=steps), correct


INCORRECT = chain(
    "incorrect", "multiply(a=3, b=4)", "add(a=12, b=2)", "add(a=14, b=1)", "answer(15)"
)
TEACHER = replace(CORRECT, chain_id="teacher", model="teacher")


def _corrected(correct: Sequence[Chain], *continued: tuple[Chain, bool | None]) -> list[Draft]:
    return list(corrected(Candidates("p", QUESTION, tuple(correct), (INCORRECT,), None, continued)))


def test_corrected_diverges_at_the_students_first_fatal_step() -> None:
    (draft,) = _corrected([TEACHER], _continued(1, True), _continued(2, False), _continued(3, True))
    assert (draft.chosen.chain_id, draft.rejected.chain_id, draft.shared) == (
        "after 1",
        "incorrect",
        1,
    )
    pair = make_pair(candidates(), draft, "corrected", DIALECT)
    assert [m["content"] for m in pair.prompt[2:]] == ["multiply(a=3, b=4)", "12"]
    assert [m["content"] for m in pair.chosen] == ["answer(10)"]
    assert [m["content"] for m in pair.rejected] == [
        "add(a=12, b=2)",
        "14",
        "add(a=14, b=1)",
        "15",
        "answer(15)",
    ]


@pytest.mark.parametrize("reason", ["max_steps", "context_full", "max_failures"])
def test_a_continuation_that_only_reached_a_limit_shows_no_fatal_step(reason: StopReason) -> None:
    """Its last call succeeded, so it might have been correct."""
    (made, _), others = _continued(2, False), (_continued(1, True), _continued(3, True))
    cut = replace(made, steps=made.steps[:-1], stop_reason=reason)
    (draft,) = _corrected([TEACHER], *others, (cut, False))
    assert draft.shared == 3  # the step after the last correct continuation
    assert _corrected([TEACHER], _continued(1, True), (cut, False), _continued(3, False)) == []


def test_a_continuation_that_repeats_one_failure_is_incorrect() -> None:
    slips = chain("after 2", *["subtract(12"] * 4, model="teacher")
    failed = replace(slips, prefix_steps=2, stop_reason="max_failures"), False
    (draft,) = _corrected([TEACHER], _continued(1, True), failed, _continued(3, False))
    assert draft.shared == 1
    cut = replace(failed[0], stop_reason="max_steps"), False  # it had no step left to correct it
    assert _corrected([TEACHER], _continued(1, True), cut, _continued(3, False)) == []


def test_a_chain_that_only_reached_a_limit_has_no_fatal_last_step() -> None:
    cut = replace(INCORRECT, steps=INCORRECT.steps[:3], stop_reason="max_steps")
    continued = _continued(1, True), _continued(2, True)
    assert [*corrected(Candidates("p", QUESTION, (TEACHER,), (cut,), None, continued))] == []
    continued = _continued(1, True), _continued(2, False)
    (draft,) = corrected(Candidates("p", QUESTION, (TEACHER,), (cut,), None, continued))
    assert draft.shared == 1


def test_corrected_from_the_first_step_prefers_the_teachers_own_chain() -> None:
    (draft,) = _corrected([TEACHER], *[_continued(steps, False) for steps in (1, 2, 3)])
    assert (draft.chosen, draft.shared) == (TEACHER, 0)
    assert _corrected([CORRECT], *[_continued(steps, False) for steps in (1, 2, 3)]) == []


def test_corrected_ignores_other_samples_and_chains_of_the_teacher() -> None:
    others = [_continued(steps, True, sample=1) for steps in (1, 2, 3)]
    assert _corrected([TEACHER], *others) == []  # correct after 0 steps, unknown after 1
    teachers = replace(INCORRECT, model="teacher")
    continued = tuple(_continued(steps, False) for steps in (1, 2, 3))
    assert (
        list(corrected(Candidates("p", QUESTION, (TEACHER,), (teachers,), None, continued))) == []
    )


@pytest.mark.parametrize(
    ("correct", "fatal"),
    [
        ([True, True, False], 1),
        ([True, True, True], 2),  # the last step itself
        ([False, True, False], 1),  # the teacher's own chain failed by chance
        ([True, None, False], None),  # an engine error hides the turn
        ([True, False, True, False], 0),  # the first turn
        ([False, False], None),
        ([True], 0),
        ([], None),
    ],
)
def test_the_first_fatal_step_turns_continuations_incorrect(
    correct: list[bool | None], fatal: int | None
) -> None:
    assert first_fatal_step(correct) == fatal


@given(st.lists(st.sampled_from([True, False, None]), max_size=8))
def test_the_fatal_step_is_the_first_turn_from_correct_to_incorrect(
    correct: list[bool | None],
) -> None:
    fatal = first_fatal_step(correct)
    turns = [k for k, (a, b) in enumerate(pairwise([*correct, False])) if (a, b) == (True, False)]
    assert fatal == (turns[0] if turns else None)


def _several(reply: str, *texts: str) -> Step:
    """The step of a reply with several calls, each really executed."""
    executed = [Executed(s.call, s.result) for s in map(step, texts) if s.call and s.result]
    ok = all(each.result.ok for each in executed)
    content = "\n".join(each.result.content for each in executed)
    result = ToolResult(ok, content, None if ok else "function_error")
    return Step(reply, executed[0].call, result, parallel=tuple(executed))


def test_chains_share_a_reply_with_several_calls_only_as_a_whole() -> None:
    both, other = ("add(a=1, b=1)", "add(a=2, b=2)"), ("add(a=1, b=1)", "add(a=2, b=3)")
    first, same, differs = (_several("\n".join(texts), *texts) for texts in (both, both, other))
    right = replace(CORRECT, steps=(first, *CORRECT.steps))
    assert shared_steps(right, replace(LATE, steps=(same, *LATE.steps))) == 2
    assert shared_steps(right, replace(LATE, steps=(differs, *LATE.steps))) == 0


def test_a_reply_with_several_calls_is_not_corrected_and_corrects_nothing() -> None:
    failed, right = step("divide(a=12, b=0)"), step("divide(a=12, b=2)")
    assert is_corrected_by(failed, right)
    several = _several("both", "divide(a=12, b=0)", "add(a=1, b=1)")
    assert not is_corrected_by(several, right)
    assert not is_corrected_by(failed, _several("both", "divide(a=12, b=2)", "add(a=1, b=1)"))
