from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from pipeline.recipe.load import Recipe, RecipeError, load, shipped
from pipeline.recipe.section import Section

SECTIONS = {  # design.md, section 6; train.rounds and serving come later
    "problems": ("path", "format", "columns", "limit", "test_fraction"),
    "agent": ("dialect", "max_steps", "tool_role"),
    "teacher": ("model", "endpoint", "temperature", "retries", "engine"),
    "teacher.samples": ("min", "max", "until"),
    "student": ("model",),
    "pairs": ("strategies", "per_problem", "rejected_from"),
    "train": ("stages", "loss", "beta", "nll_weight", "learning_rate", "epochs", "lora"),
    "evaluate": ("models", "splits", "samples"),
}
CONTRACT = [f"{section}.{key}" for section, keys in SECTIONS.items() for key in keys]
CONTRACT += ["toolset", "cluster", "train.zero_stage", "train.workers"]


@pytest.fixture
def mine(tmp_path: Path) -> Path:
    """The path of an empty recipe of the user's own."""
    path = tmp_path / "mine.yaml"
    path.write_text("{}\n")
    return path


def _error(path: Path, *overrides: str) -> str:
    with pytest.raises(RecipeError) as raised:
        load(str(path), overrides)
    return str(raised.value).removeprefix(f"recipe {path}").removeprefix(": ")


def _get(recipe: Recipe, key: str) -> Any:
    value: Any = recipe
    for part in key.split("."):
        value = getattr(value, part)
    return value


@pytest.mark.parametrize("name", shipped())
def test_a_shipped_recipe_is_valid_and_says_what_it_is(name: str) -> None:
    recipe = load(name)
    assert recipe.name == name
    assert recipe.description
    assert "\n" not in recipe.description


@pytest.mark.parametrize("key", CONTRACT)
def test_a_key_of_the_contract_exists(key: str) -> None:
    _get(load("pocket"), key)


def test_every_field_has_a_default_that_works(mine: Path) -> None:
    recipe = load(str(mine))
    assert recipe == Recipe(name="mine")
    assert (recipe.problems.path, recipe.toolset, recipe.seed) == ("pocket", "arithmetic", 0)


def test_a_number_that_someone_may_tune_is_described() -> None:
    def undescribed(section: type[Section], prefix: str) -> list[str]:
        found = []
        for name, field in section.model_fields.items():
            inner = field.annotation
            if isinstance(inner, type) and issubclass(inner, Section):
                found += undescribed(inner, f"{prefix}{name}.")
            elif inner in (int, float) and not field.description:
                found.append(prefix + name)
        return found

    plain = {"seed", "teacher.samples.min", "teacher.samples.max", "student.samples.min"}
    plain |= {"student.samples.max", "train.sft.epochs", "train.epochs"}  # their names say it
    assert set(undescribed(Recipe, "")) <= plain


@pytest.mark.parametrize(
    ("override", "message"),
    [
        (
            "teacher.temprature=1",
            "unknown key teacher.temprature; did you mean teacher.temperature? "
            "(known here: model, temperature, top_p, top_k, min_p, samples, retries, dialect, "
            "tool_parser, structured, stop, engine, endpoint, requests_per_minute, "
            "request_seconds)",
        ),
        (
            "student.endpoint=http://host/v1",
            "unknown key student.endpoint (known here: model, temperature, top_p, top_k, min_p, "
            "samples, retries, dialect, tool_parser, structured, stop, engine)",
        ),
        (
            "teacher.endpoint=host:8000",
            "teacher.endpoint: expected a base URL such as http://host:8000/v1, without password "
            "or query, got 'host:8000'",
        ),
        (
            "train.lora.rang=1",
            "unknown key train.lora.rang (known here: r, alpha, dropout, target_modules, "
            "keep_adapter)",
        ),
        (
            "teacher.samples.until.corect=1",
            "unknown key teacher.samples.until.corect; did you mean "
            "teacher.samples.until.correct? (known here: correct, incorrect)",
        ),
        (
            "temperature=1",
            "unknown key temperature (known here: name, description, seed, toolset, problems, "
            "agent, teacher, student, pairs, train, evaluate, cluster, serving)",
        ),
        (
            "agent.max_steps=many",
            "agent.max_steps: input should be a valid integer, unable to parse string as an "
            "integer, got 'many'",
        ),
        ("agent.max_steps=0", "agent.max_steps: input should be greater than or equal to 1, got 0"),
        (
            "agent.tool_role=robot",
            "agent.tool_role: input should be 'user', 'tool' or 'ipython', got 'robot'",
        ),
        ("train.zero_stage=4", "train.zero_stage: input should be 0, 1, 2 or 3, got 4"),
        ("train.stages=[sft, ppo]", "train.stages.1: input should be 'sft' or 'dpo', got 'ppo'"),
        ("train.beta=.nan", "train.beta: input should be a finite number, got nan"),
        (
            "problems=pocket",
            "problems: input should be a valid dictionary or instance of Problems, got 'pocket'",
        ),
        ("toolset.x=1", "toolset: input should be a valid string, got {'x': 1}"),
        (
            "evaluate.samples=4",
            "evaluate: samples (4) above 1 needs temperature above 0, such as "
            "evaluate.temperature=0.7: at 0 the chains of a problem are copies",
        ),
        ("teacher.samples.min=5", "teacher.samples: max (4) must be at least min (5)"),
        ("teacher.top_p=0", "teacher.top_p: input should be greater than 0, got 0"),
        ("teacher.top_k=-1", "teacher.top_k: input should be greater than or equal to 0, got -1"),
        ("student.min_p=2", "student.min_p: input should be less than or equal to 1, got 2"),
        ("train.warmup=10", "train.warmup: input should be less than 1, got 10"),
        ("train.max_grad_norm=0", "train.max_grad_norm: input should be greater than 0, got 0"),
        (
            "train.scheduler=step",
            "train.scheduler: input should be 'cosine', 'linear' or 'constant', got 'step'",
        ),
        (
            "teacher.engine={tensor_parallel_size: null}",
            "teacher.engine: tensor_parallel_size must be a whole number from 1, got None",
        ),
        (
            'student.engine.pipeline_parallel_size="2"',
            "student.engine: pipeline_parallel_size must be a whole number from 1, got '2'",
        ),
        (
            "teacher.engine={tensor_parallel_size: true, distributed_executor_backend: ray}",
            "teacher.engine: tensor_parallel_size must be a whole number from 1, got True",
        ),
        (
            "train.batch_size=10",
            "train: batch_size (10) must be a multiple of micro_batch_size x workers (4 x 1)",
        ),
        (
            "train={zero_stage: 2, offload: all}",
            "train: offload all needs zero_stage 3 or more, got 2",
        ),
        (
            "train.keep_best=true",
            "train: keep_best needs heldout_pairs above 0 to measure checkpoints on",
        ),
        (
            "train={workers: 4, workers_min: 1, zero_stage: 0}",
            "train: batch_size (16) must be a multiple of micro_batch_size x workers (4 x 3)",
        ),
        (
            "train={workers: 2, workers_min: 1}",
            "train: workers_min needs zero_stage 0: DeepSpeed loads the optimizer of ZeRO 1-3 only "
            "on as many workers as wrote it",
        ),
        ("cluster.actors_min=3", "cluster: actors_max (1) must be at least actors_min (3)"),
        (
            "pairs.strategies.best=1",
            "pairs.strategies.best: input should be 'outcome', 'first_divergence', "
            "'reference', 'recovered', 'concise' or 'corrected', got 'best'",
        ),
        (
            "pairs={strategies: {corrected: 1}, rejected_from: [teacher]}",
            "pairs: strategy corrected corrects the student's own chains; add student to "
            "rejected_from",
        ),
        (
            "pairs.most=0",
            "pairs.most: input should be greater than or equal to 1, got 0",
        ),
        (
            "pairs.wrong_by_limit=maybe",
            "pairs.wrong_by_limit: input should be 'keep' or 'drop', got 'maybe'",
        ),
        (
            "pairs.strategies.outcome=-1",
            "pairs.strategies.outcome: input should be greater than or equal to 0, got -1",
        ),
        ("pairs.strategies.outcome=0", "pairs: strategies needs at least one weight above 0"),
        ("agent.max_steps", "expected key=value, got 'agent.max_steps'"),
        ("=3", "expected key=value, got '=3'"),
    ],
)
def test_a_wrong_override_is_one_sentence(override: str, message: str, mine: Path) -> None:
    assert _error(mine, override) == message


def test_replies_of_another_dialect_cannot_be_replayed(mine: Path) -> None:
    corrected, native = "pairs.strategies={corrected: 1}", "teacher.dialect=native"
    hermes = "agent.tool_parser=hermes"
    assert _error(mine, corrected, native, hermes) == (
        "pairs.strategies.corrected: the teacher continues the student's replies, so both need the "
        "same dialect, got hermes for the teacher and inject for the student; set its weight to 0 "
        "or one agent.dialect"
    )
    load(str(mine), [native, hermes, "pairs.strategies={corrected: 0, outcome: 1}"])
    load(str(mine), [corrected, "agent.dialect=native", hermes])


@pytest.mark.parametrize("key", ["student.dialect", "agent.dialect"])
def test_native_replies_cannot_be_structured(key: str, mine: Path) -> None:
    structured, native = "student.structured=true", f"{key}=native"
    assert _error(mine, structured, native, "agent.tool_parser=hermes") == (
        f"student.structured: structured decoding needs dialect inject, got {native}; set "
        "student.structured=false or student.dialect=inject"
    )
    load(str(mine), [structured, "teacher.dialect=native", "agent.tool_parser=hermes"])


@pytest.mark.parametrize("key", ["agent.dialect", "teacher.dialect"])
def test_an_endpoint_is_not_spoken_to_natively(key: str, mine: Path) -> None:
    at, hermes = "teacher.endpoint=http://host:8000/v1", "agent.tool_parser=hermes"
    assert _error(mine, at, hermes, f"{key}=native") == (
        "teacher.endpoint: an endpoint receives messages without a template, so its dialect must "
        f"be inject, got {key} native; set teacher.dialect=inject"
    )
    load(str(mine), [at, hermes, "agent.dialect=native", "teacher.dialect=inject"])


def test_replies_of_an_endpoint_cannot_be_structured(mine: Path) -> None:
    at, structured = "teacher.endpoint=http://host:8000/v1", "teacher.structured=true"
    assert _error(mine, at, structured) == (
        "teacher.structured: an endpoint takes no grammar of calls; set teacher.structured=false"
    )


def test_replies_of_an_endpoint_cannot_be_stopped(mine: Path) -> None:
    at, stop = "teacher.endpoint=http://host:8000/v1", r'teacher.stop=[")\n"]'
    assert _error(mine, at, stop) == (
        "teacher.stop: an endpoint cuts the stop text off the reply, so a call would lack its end; "
        "set teacher.stop=[]"
    )
    assert load(str(mine), [stop]).teacher.stop == (")\n",)


def test_ranks_over_nodes_take_whole_gpus(mine: Path) -> None:
    spread = ("teacher.engine.distributed_executor_backend=ray", "cluster.engine_gpus=0.5")
    two = "teacher.engine.tensor_parallel_size=2"
    assert _error(mine, *spread, two) == (
        "cluster.engine_gpus: vLLM starts each rank through Ray on a whole GPU "
        "(teacher.engine.distributed_executor_backend is ray), got 0.5; set cluster.engine_gpus=1"
    )
    load(str(mine), [*spread[:1], two])


def test_a_value_that_is_no_yaml_is_refused(mine: Path) -> None:
    message = _error(mine, "problems.path=*.jsonl")
    assert message.startswith("problems.path: '*.jsonl' is not a value: ")
    assert "\n" not in message

    assert _error(mine, "train.stages=[dpo").startswith("train.stages: '[dpo' is not a value: ")


@pytest.mark.parametrize(
    ("override", "value"),
    [
        ("problems.path=data #1.csv", "data #1.csv"),
        ("problems.path=no", "no"),
        ("problems.path=007", "007"),
        ("problems.path='a b.csv'", "a b.csv"),
        ("problems.path=[1].csv", "[1].csv"),
        ("problems.path=[train.jsonl, 010]", ["train.jsonl", "010"]),
        ("problems.test_path=null", None),
        ("student.tool_parser=off", "off"),
        ("description=it's: a, {b", "it's: a, {b"),
        ("teacher.model=1e5", "1e5"),
        ("toolset=2024-01-01", "2024-01-01"),
        ("seed=010", 10),
        ("seed=0x10", 16),
        ("seed=1_000", 1000),
        ("agent.think=yes", True),
        ("problems.columns={problem_id: no, question: 1}", {"problem_id": "no", "question": "1"}),
        ("problems.columns={answer: [a, on], split: null}", {"answer": ["a", "on"], "split": None}),
        ("train.lora.target_modules=[q, no]", ["q", "no"]),
    ],
)
def test_a_value_is_read_by_the_type_of_its_field(override: str, value: Any, mine: Path) -> None:
    key = override.partition("=")[0]
    assert _get(load(str(mine), [override]), key) == value
    if "[1]" not in override and "#" not in override and "it's" not in override:
        *sections, last = key.split(".")
        mine.write_text(
            "".join(f"{s}: {{" for s in sections)
            + f"{last}: "
            + override.partition("=")[2]
            + "}" * len(sections)
        )
        assert _get(load(str(mine)), key) == value  # as in a file


@pytest.mark.parametrize("text", ["yes", "Off", "010", "1:30", "2024-01-01", "0b1", "1_000"])
@pytest.mark.parametrize("form", ["teacher.engine.x={}", "teacher.engine={{y: [1, {}]}}"])
def test_a_value_that_can_be_read_in_two_ways_is_refused(text: str, form: str, mine: Path) -> None:
    assert f"the value {text}, which is text to some and " in _error(mine, form.format(text))
    load(str(mine), [form.format(f'"{text}"')])
    load(str(mine), [form.format("true"), form.format("1.5e3"), form.format("-7")])


def test_a_number_in_base_60_is_no_number(mine: Path) -> None:
    assert "unable to parse string as an integer, got '1:30'" in _error(mine, "seed=1:30")


@pytest.mark.parametrize("name", ["test_path", "group"])
def test_settings_without_effect_on_the_pocket_world_are_refused(name: str, mine: Path) -> None:
    assert _error(mine, f"problems.{name}=x") == (
        f"problems: {name} is without effect with path: pocket; remove one of them"
    )
    load(str(mine), [f"problems.{name}=x", "problems.path=y"])


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("- a\n", "is not a mapping of keys to values"),
        ("", "is not a mapping of keys to values"),
        ("problems: {1: 2}\n", "problems.1: keys should be strings, got 1"),
        ("name:\n", "name: input should be a valid string, got None"),
    ],
)
def test_a_file_that_is_no_recipe_is_refused(text: str, message: str, mine: Path) -> None:
    mine.write_text(text)
    assert _error(mine).strip() == message


def test_broken_yaml_is_one_sentence(mine: Path) -> None:
    mine.write_text("agent: [1\n")
    message = _error(mine)
    assert message.startswith(" is not valid YAML: ")
    assert "\n" not in message


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("gsm8", "recipe 'gsm8' does not exist; did you mean gsm8k? (shipped: {})"),
        ("/no/such.yaml", "recipe '/no/such.yaml' does not exist (shipped: {})"),
    ],
)
def test_a_missing_recipe_names_the_nearest(name: str, message: str) -> None:
    with pytest.raises(RecipeError) as raised:
        load(name)
    assert str(raised.value) == message.format(", ".join(shipped()))


@pytest.mark.parametrize(
    ("override", "value"),
    [
        ("problems.limit=200", 200),
        ("problems.limit=null", None),
        ("problems.path=a/b=c.jsonl", "a/b=c.jsonl"),
        ("problems.columns={question: prompt}", {"question": "prompt"}),
        ("train.learning_rate=5e-6", 5e-6),
        ("train.epochs=2", 2.0),
        ("train.stages=[dpo]", ["dpo"]),
        ("agent.think=false", False),
        ("toolset=arithmetic[add,divide]", "arithmetic[add,divide]"),
        ("pairs.strategies.reference=0.5", {"outcome": 1.0, "reference": 0.5}),
        ("teacher.engine.max_model_len=512", {"max_model_len": 512}),
    ],
)
def test_an_override_is_typed_like_the_file(override: str, value: Any, mine: Path) -> None:
    mine.write_text("pairs: {strategies: {outcome: 1}}\n")
    key = override.partition("=")[0]
    key = {"pairs.strategies.reference": "pairs.strategies"}.get(key, key)
    key = {"teacher.engine.max_model_len": "teacher.engine"}.get(key, key)
    found = _get(load(str(mine), [override]), key)
    assert found == value
    assert type(found) is type(value)


def test_an_override_opens_a_section_that_was_off(mine: Path) -> None:
    mine.write_text("train: {lora: null}\nteacher: {samples: {until: null}}\n")
    recipe = load(str(mine), ["train.lora.r=8", "teacher.samples.until.correct=2"])
    assert recipe.train.lora is not None
    assert recipe.train.lora.r == 8
    assert recipe.teacher.samples.until is not None
    assert recipe.teacher.samples.until.correct == 2


def test_later_overrides_win(mine: Path) -> None:
    assert load(str(mine), ["seed=1", "seed=2"]).seed == 2


def test_an_override_changes_its_own_section_only_even_through_a_yaml_alias(mine: Path) -> None:
    mine.write_text("teacher: {engine: &engine {seed: 1}}\nstudent: {engine: *engine}\n")
    recipe = load(str(mine), ["teacher.engine.seed=2"])
    assert (recipe.teacher.engine, recipe.student.engine) == ({"seed": 2}, {"seed": 1})


def test_the_name_is_the_files_unless_it_says_another(mine: Path) -> None:
    assert load(str(mine)).name == "mine"
    mine.write_text("name: other\n")
    assert load(str(mine)).name == "other"


def test_a_recipe_cannot_be_changed_once_read() -> None:
    with pytest.raises(ValueError, match="frozen"):
        load("pocket").agent.max_steps = 3


def test_what_is_stored_of_a_recipe_reads_back_the_same() -> None:
    for name in shipped():
        recipe = load(name)
        assert Recipe.model_validate(recipe.model_dump(mode="json")) == recipe


REPEATED = """\
train:
  beta: 0.1
  sft: {epochs: 1}
  beta: 0.2
"""


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (REPEATED, "train.beta twice, on lines 2 and 4"),
        ("seed: 1\ntoolset: logic\nseed: 1\n", "seed twice, on lines 1 and 3"),
        ("problems: {path: a, path: b}", "problems.path twice, on line 1"),
        ("agent:\n  examples:\n  - {question: q, question: r}", "question twice, on line 3"),
    ],
)
def test_a_recipe_that_sets_a_key_twice_is_refused(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "twice.yaml"
    path.write_text(text)
    with pytest.raises(RecipeError) as raised:
        load(str(path))
    assert str(raised.value).startswith(f"recipe {path} sets ")
    assert str(raised.value).endswith(message)


def test_an_override_that_sets_a_key_twice_is_refused(mine: Path) -> None:
    with pytest.raises(RecipeError, match=r"'{a: b, a: c}' sets a twice, on line 1"):
        load(str(mine), ["problems.columns={a: b, a: c}"])


def test_an_alias_is_no_repeated_key(tmp_path: Path) -> None:
    path = tmp_path / "aliases.yaml"
    path.write_text("teacher: {engine: &e {max_model_len: 64}}\nstudent: {engine: *e}\n")
    recipe = load(str(path))
    assert recipe.teacher.engine == recipe.student.engine == {"max_model_len": 64}
