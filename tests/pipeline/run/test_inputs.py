"""Every input of every stage, changed between two commands: redone or refused, never stale.

The stages' own work is written by hand here, without engines; `test_whole_run` changes an input of
a real run.
"""

from __future__ import annotations

import json
import shutil
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import pytest

import toolsets
from pipeline import tables
from pipeline.agent.verdict import judge
from pipeline.errors import CannotStart
from pipeline.generation.blocks import write_plan
from pipeline.generation.prepared import Run
from pipeline.generation.tasks import task
from pipeline.hashing import FileDigests
from pipeline.recipe.load import load
from pipeline.records import Chain, Step
from pipeline.run import renewal
from pipeline.run.inputs import functions_digest
from pipeline.run.judging import judge_run
from pipeline.run.reuse import begin_from, check_source
from pipeline.run.run import pairs_stage, prepare
from pipeline.run_dir import RunDir, refuse_other
from tests.conftest import ROOT
from toolsets import ToolCall, ToolResult

STAGES = ("generate", "pairs", "train", "evaluate")
QUESTIONS = [(f"What is {n} + 1?", n + 1, "train" if n < 8 else "test") for n in range(10)]


class World:
    """A run in a folder, whose problems and student can be changed between two commands."""

    def __init__(self, place: Path) -> None:
        self.dir = RunDir(place / "run")
        self.problems = place / "problems.jsonl"
        self.student = place / "model"
        self.write_problems(QUESTIONS)
        shutil.copytree(ROOT / "pipeline" / "pocket" / "student", self.student)

    def write_problems(self, rows: Sequence[tuple[str, int, str]]) -> None:
        names = ("question", "answer", "split")
        lines = [json.dumps(dict(zip(names, row, strict=True))) for row in rows]
        self.problems.write_text("\n".join(lines) + "\n")

    def run(self, *overrides: str, place: RunDir | None = None) -> Run:
        """The run as a new command prepares it."""
        settings = (
            f"problems.path={self.problems}",
            "problems.decontaminate_ngram=null",
            f"student.model={self.student}",
            "evaluate.models=[student_before,student_after]",
            "evaluate.splits=[test]",
        )
        return prepare(load("pocket", [*settings, *overrides]), place or self.dir)

    def finish(self) -> None:
        """Do every stage that is not done, each in the order of `pipeline.run.schedule`."""
        run = self.run()
        self.dir.path.mkdir(exist_ok=True)
        renewal.check(run, STAGES)
        renewal.begin_generate(run)
        if not tables.files(self.dir.chains):
            self._make(run, "teacher", "train", self.dir.tasks, self.dir.chains)
            self._make(run, "student", "train", self.dir.tasks, self.dir.chains)
        self.dir.note("generate", status="done")
        if renewal.begin_pairs(run):
            pairs_stage(run)
        renewal.begin_train(run)
        if not self.dir.student.is_dir():
            shutil.copytree(self.student, self.dir.student)
            (self.dir.student / "trained.json").write_text(str(time.monotonic_ns()))
            for file in self.dir.student.glob("*.safetensors"):
                file.touch()
        self.dir.note("train", status="done")
        renewal.begin_evaluate(run)
        for name in ("student_before", "student_after"):
            if not list(self.dir.evaluation.glob(f"{name}-*")):
                self._make(run, name, "test", self.dir.tasks / "evaluation", self.dir.evaluation)
        self.dir.note("evaluate", status="done")
        (self.dir.evaluation / "metrics.json").write_text("{}")

    def _make(self, run: Run, model: str, split: str, plans: Path, out: Path) -> None:
        """A plan and its chains: the teacher's are correct, all others answer 0."""
        problems = [p for p in run.problems if p.split == split]
        tasks = [task(problem, model, 0, 0) for problem in problems]
        write_plan(plans, f"{model}-000", tasks, 100)
        rows = []
        for one in tasks:
            answer = one.problem.answer if model == "teacher" else "0"
            add = ToolCall("add", {"a": answer, "b": 0}, "")
            call = ToolCall("answer", {"value": answer}, "")
            chain = Chain(
                one.task_id, one.problem.problem_id, model, 0, 0, (),
                (
                    Step(f"add(a={answer}, b=0)", add, ToolResult(True, answer)),
                    Step(f"answer(value={answer})", call, None),
                ), "answer", answer,
            )  # fmt: skip
            rows.append(tables.chain_row(chain, one.problem, judge(chain, one.problem)))
        tables.write(out / f"{model}-000-00000-0000.parquet", rows, tables.CHAINS)

    def stamps(self) -> dict[str, int]:
        """The time of change of every file that a stage made."""
        files = [p for p in self.dir.path.rglob("*") if p.suffix in (".parquet", ".safetensors")]
        return {str(p.relative_to(self.dir.path)): p.stat().st_mtime_ns for p in files}


@pytest.fixture
def world(tmp_path: Path) -> World:
    world = World(tmp_path)
    world.finish()
    return world


def _edit_questions(world: World) -> None:
    world.write_problems([(f"{q} Say it.", a, s) for q, a, s in QUESTIONS])


def _drop_problems(world: World) -> None:
    world.write_problems(QUESTIONS[:5] + QUESTIONS[8:])


def _edit_golds(world: World) -> None:
    world.write_problems([(q, a + 1, s) for q, a, s in QUESTIONS])


def _edit_test_questions(world: World) -> None:
    world.write_problems([(q + " Say it." * (s == "test"), a, s) for q, a, s in QUESTIONS])


def _edit_weights(world: World) -> None:
    """Change one byte in the middle of the weights."""
    (file,) = world.student.glob("*.safetensors")
    content = bytearray(file.read_bytes())
    content[len(content) // 2] ^= 1
    file.write_bytes(content)


def _older_verdicts(world: World) -> None:
    data = world.dir.read()
    data["stages"]["generate"]["inputs"]["verdicts"] = "of an earlier version"
    world.dir.write(data)


def _no_record(world: World) -> None:
    data = world.dir.read()
    del data["stages"]["generate"]["inputs"]
    world.dir.write(data)


REDO = "; add --redo {stage} to do it again, or choose another --run-dir"
REFUSED: list[tuple[Callable[[World], None], str, str]] = [
    (_edit_questions, "generate", "the problems changed since generate was run in {run}" + REDO),
    (
        _drop_problems,
        "generate",
        "the problems and the gold answers changed since generate was run in {run}" + REDO,
    ),
    (
        _edit_test_questions,
        "evaluate",
        "the problems changed since evaluate was run in {run}" + REDO,
    ),
    (
        _edit_weights,
        "generate",
        "the student's model changed since generate was run in {run}" + REDO,
    ),
    (
        _edit_golds,
        "generate",
        "the gold answers changed since generate was run in {run}; python -m pipeline judge {run} "
        "judges its chains again",
    ),
    (
        _older_verdicts,
        "generate",
        "the rules of verdicts changed since generate was run in {run}; python -m pipeline judge "
        "{run} judges its chains again",
    ),
    (
        _no_record,
        "generate",
        "{run} does not say what its stage generate read, so its results may belong to other "
        "inputs" + REDO,
    ),
]


def test_the_same_command_again_does_nothing(world: World) -> None:
    before = world.stamps()
    world.finish()
    assert world.stamps() == before
    assert not (world.dir.path / "replaced").exists()


@pytest.mark.parametrize(("change", "stage", "message"), REFUSED)
def test_a_changed_input_from_outside_is_refused_with_the_command_that_goes_on(
    world: World, change: Callable[[World], None], stage: str, message: str
) -> None:
    before = world.stamps()
    change(world)
    with pytest.raises(CannotStart) as caught:
        world.finish()
    assert str(caught.value) == message.format(run=world.dir.path, stage=stage)
    assert world.stamps() == before


@pytest.mark.parametrize("change", [_edit_questions, _drop_problems, _edit_weights, _no_record])
def test_the_named_command_goes_on_and_keeps_what_was_made_before(
    world: World, change: Callable[[World], None]
) -> None:
    before = world.stamps()
    change(world)
    renewal.redo(world.dir, "generate")
    world.finish()
    assert all(world.stamps()[name] != stamp for name, stamp in before.items())
    kept = {name: world.stamps()[f"replaced/01/{name}"] for name in before}
    assert kept == before


def test_another_toolset_is_refused(world: World) -> None:
    run = world.run()
    other = replace(run, toolset=toolsets.load("arithmetic[add]"))
    with pytest.raises(CannotStart, match=r"the functions of the toolset changed since generate"):
        renewal.check(other, STAGES)


def test_another_prompt_is_refused(world: World) -> None:
    run = world.run()
    dialect = replace(run.dialect, tool_role="tool", examples=("2 + 3?",))  # type: ignore[type-var]
    with pytest.raises(CannotStart, match=r"the student's prompt changed since generate"):
        renewal.check(replace(run, dialect=dialect), STAGES)


def test_another_key_of_the_recipe_is_refused_but_another_file_name_is_not(world: World) -> None:
    recipe = world.run().recipe
    world.dir.write(world.dir.read() | {"recipe": recipe.model_dump(mode="json")})
    refuse_other(world.dir.path, recipe.model_copy(update={"name": "renamed"}))
    with pytest.raises(CannotStart, match="seed is 0 there, 1 here"):
        refuse_other(world.dir.path, recipe.model_copy(update={"seed": 1}))


def test_changed_chains_make_new_pairs_a_new_student_and_a_new_evaluation(
    world: World, capsys: pytest.CaptureFixture[str]
) -> None:
    before = world.stamps()
    path = next(path for path in tables.files(world.dir.chains) if path.name.startswith("student"))
    tables.write(path, list(tables.rows(world.dir.chains))[:4], tables.CHAINS)  # as --redo-errors
    world.finish()
    after = world.stamps()
    changed = {name for name, stamp in before.items() if after.get(name) != stamp}
    assert {name.partition("/")[0] for name in changed} == {
        "chains", "pairs", "student", "evaluation", "tasks"
    }  # fmt: skip
    assert not any("student_before" in name for name in changed)
    said = capsys.readouterr().err
    assert "pairs: the chains changed, so the pairs are built again" in said
    assert "train: the pairs changed, so the student is trained again" in said
    assert "evaluate (student_after): the model's weights changed" in said


def test_pairs_made_by_hand_before_generate_ended_are_made_again(tmp_path: Path) -> None:
    world = World(tmp_path)
    world.finish()
    some = list(tables.rows(world.dir.pairs))
    tables.write_parts(world.dir.pairs, some[:1], tables.PAIRS)
    data = world.dir.read()
    data["stages"]["pairs"]["inputs"]["chains"] = "of an interrupted generate"
    world.dir.write(data)
    world.finish()
    assert list(tables.rows(world.dir.pairs)) == some


def test_a_student_trained_anew_is_evaluated_anew(world: World) -> None:
    shutil.rmtree(world.dir.student)
    before = world.stamps()
    world.finish()
    changed = {name for name, stamp in before.items() if world.stamps().get(name) != stamp}
    assert changed == {name for name in before if "student_after" in name}


def test_a_table_does_not_outlive_its_student(world: World) -> None:
    shutil.rmtree(world.dir.student)
    renewal.begin_train(world.run())
    assert not (world.dir.evaluation / "metrics.json").exists()


def test_judging_again_gives_new_verdicts_counts_them_and_the_run_goes_on(world: World) -> None:
    world.write_problems([(q, a if i else 99, s) for i, (q, a, s) in enumerate(QUESTIONS)])
    counts = judge_run(world.run())
    assert counts["chains"] == {"judged": 16, "correct -> incorrect": 1}
    assert counts["evaluation"] == {"judged": 4}
    golds = {row["problem"]["answer"] for row in tables.rows(world.dir.chains)}
    assert "99" in golds
    planned = {row["problem"]["answer"] for row in tables.rows(world.dir.tasks)}
    assert "99" in planned
    pairs = len(list(tables.rows(world.dir.pairs)))
    world.finish()
    assert len(list(tables.rows(world.dir.pairs))) < pairs


def test_another_rule_for_units_is_another_rule_of_verdicts(world: World) -> None:
    assert world.run().units == "ignore"  # every gold is a bare number
    strict = world.run("problems.units=strict")
    assert strict.units == "strict"
    with pytest.raises(CannotStart, match="the rules of verdicts changed"):
        renewal.check(strict, STAGES)
    assert judge_run(strict)["chains"] == {"judged": 16}
    renewal.check(strict, STAGES)


def test_judging_is_refused_if_the_questions_changed(world: World) -> None:
    _edit_questions(world)
    with pytest.raises(CannotStart, match="the problems changed since generate was run"):
        judge_run(world.run())


def test_a_new_run_begins_with_the_stages_of_another_that_it_would_repeat(
    world: World, tmp_path: Path
) -> None:
    place = RunDir(tmp_path / "next")
    place.path.mkdir()
    run = world.run("train.learning_rate=1e-5", place=place)
    check_source(run, world.dir.path)
    begin_from(run, world.dir.path)
    assert [name for name in STAGES if place.is_done(name)] == ["generate", "pairs"]
    for file in tables.files(world.dir.chains):
        assert (place.chains / file.name).samefile(file)
    assert not place.student.exists()
    assert not renewal.begin_pairs(run)


def test_other_chains_are_not_taken_from_another_run(world: World, tmp_path: Path) -> None:
    run = world.run("agent.max_steps=3", place=RunDir(tmp_path / "next"))
    with pytest.raises(CannotStart) as caught:
        check_source(run, world.dir.path)
    expected = f"the settings of the recipe of this run and of {world.dir.path} differ"
    assert str(caught.value) == f"{expected}, so its chains cannot be used"


def test_functions_are_compared_by_their_code_not_by_its_layout(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(str(tmp_path))
    file = tmp_path / "counted_tools.py"
    code = (
        "from toolsets import Toolset, tool\n\n\n@tool\ndef twice(a: int) -> int:\n"
        '    """Double."""\n    return a * 2\n\n\ntools = Toolset("counted_tools:tools", [twice])\n'
    )
    file.write_text(code)
    toolset = toolsets.load("counted_tools:tools")
    first = functions_digest(toolset)
    file.write_text("# a comment\n" + code.replace("a * 2", "(a  *  2)"))
    assert functions_digest(toolset) == first
    file.write_text(code.replace("a * 2", "a * 3"))
    assert functions_digest(toolset) != first


def test_a_file_is_read_again_only_if_it_changed(tmp_path: Path) -> None:
    file, cache = tmp_path / "weights", tmp_path / "cache"
    file.write_bytes(b"one")
    first = FileDigests(cache).of([file])
    assert FileDigests(cache).of([file]) == first
    file.write_bytes(b"two")
    assert FileDigests(cache).of([file]) != first


def test_results_copied_into_a_new_run_are_taken_and_said_to_be(
    world: World, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    copy = World.__new__(World)
    copy.dir, copy.problems, copy.student = RunDir(tmp_path / "copy"), world.problems, world.student
    shutil.copytree(world.dir.path, copy.dir.path)
    copy.dir.run_json.unlink()
    before = copy.stamps()
    copy.finish()
    changed = {name for name, stamp in before.items() if copy.stamps().get(name) != stamp}
    assert {name.partition("/")[0] for name in changed} <= {"pairs"}
    assert "holds results that were copied there; taken as they are" in capsys.readouterr().err
