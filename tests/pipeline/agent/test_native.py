"""The dialect `native`: vLLM's real parsers with small tokenizers that have the special tokens."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.agent.agent import dialect_of, with_agent_tools
from pipeline.agent.driver import Limits, Rollout, Sampling
from pipeline.agent.loss_masks import encode
from pipeline.agent.native import Native, call_id, tools_of
from pipeline.agent.prompt import NATIVE_INSTRUCTIONS, Inject, render
from pipeline.agent.transcript import ChatTemplate, TemplateError
from pipeline.engine.tool_parsers import ToolParserError, reader
from pipeline.pairs.candidates import Candidates
from pipeline.pairs.selection import pair_up
from pipeline.recipe.load import RecipeError, load
from pipeline.recipe.models import AgentSettings
from pipeline.records import Chain, Message, PreferencePair, Reply, Step
from tests.pipeline.agent.families import FAMILIES, HERMES, LLAMA3, MISTRAL, PYTHONIC, tokenizer_of
from tests.pipeline.agent.scripted import ARITHMETIC, InProcess, ScriptedEngine, task
from tests.pipeline.cli import run
from toolsets import CallError, ToolCall, ToolResult

pytestmark = pytest.mark.vllm  # for its parsers

TOOLSET = with_agent_tools(ARITHMETIC)
NO_CALL = "The reply holds no tool call that can be read. Reply with one tool call."
TWO_CALLS = "The reply holds 2 tool calls. Reply with one tool call."
NO_OBJECT = "The arguments are not a JSON object. Reply with one tool call."
MISSING_ARGUMENT = "add: argument b is missing. Use: add(a: number, b: number)"
JSON = '{"name": "add", "arguments": {"a": 2, "b": 3}}'


@pytest.fixture(scope="module")
def tokenizers(tokenizer: Any) -> dict[str, Any]:
    return {name: tokenizer_of(family, tokenizer) for name, family in FAMILIES.items()}


@pytest.fixture(scope="module")
def dialects(tokenizers: dict[str, Any]) -> dict[str, Native]:
    """Dialects by the name of their vLLM parser."""
    tools = tools_of(TOOLSET)
    return {name: Native(TOOLSET, reader(name, own, tools)) for name, own in tokenizers.items()}


@pytest.mark.parametrize(
    ("parser", "reply", "text_outside"),
    [
        ("hermes", HERMES.call, ""),
        ("hermes", f"I add.\n{HERMES.call}", "I add."),
        ("hermes", HERMES.call.removesuffix("\n</tool_call>"), ""),
        ("llama3_json", LLAMA3.call, ""),
        ("llama3_json", f"<|python_tag|>{LLAMA3.call}", ""),
        ("llama3_json", JSON, ""),
        ("mistral", MISTRAL.call, ""),
        ("mistral", f"I add.[TOOL_CALLS] [{JSON}]", "I add."),
        ("pythonic", PYTHONIC.call, ""),
    ],
)
def test_a_recorded_reply_is_parsed(
    parser: str, reply: str, text_outside: str, dialects: Mapping[str, Native]
) -> None:
    dialect = dialects[parser]
    (call,) = dialect.parse(reply)
    assert call == ToolCall("add", {"a": 2, "b": 3}, reply)
    assert dialect.reply(Step(reply, call, None)) == _call_message(call, text_outside)


@pytest.mark.parametrize(
    ("parser", "reply", "kind", "message"),
    [
        ("hermes", "It is 5.", "unparseable_call", NO_CALL),
        ("hermes", JSON, "unparseable_call", NO_CALL),
        ("hermes", "add(a=2, b=3)", "unparseable_call", NO_CALL),
        ("hermes", HERMES.call.replace("}}", "}"), "unparseable_call", NO_CALL),
        ("hermes", HERMES.call * 2, "unparseable_call", TWO_CALLS),
        ("hermes", HERMES.call.replace('{"a": 2, "b": 3}', "[2]"), "unparseable_call", NO_OBJECT),
        ("hermes", HERMES.call.replace(', "b": 3', ""), "bad_arguments", MISSING_ARGUMENT),
        ("llama3_json", "It is 5.", "unparseable_call", NO_CALL),
        ("llama3_json", LLAMA3.call[:-1], "unparseable_call", NO_CALL),
        ("llama3_json", f"{LLAMA3.call}; {LLAMA3.call}", "unparseable_call", TWO_CALLS),
        ("llama3_json", '{"a": 2, "b": 3}', "unparseable_call", NO_CALL),
        ("mistral", "It is 5.", "unparseable_call", NO_CALL),
        ("mistral", f"[TOOL_CALLS] [{JSON}", "unparseable_call", NO_CALL),
        ("mistral", f"[TOOL_CALLS] [{JSON}, {JSON}]", "unparseable_call", TWO_CALLS),
        (
            "mistral",
            '[TOOL_CALLS] [{"name": "add", "arguments": "{\\"a\\": 2"}]',
            "unparseable_call",
            "The arguments are not JSON. Reply with one tool call.",
        ),
        ("pythonic", "It is 5.", "unparseable_call", NO_CALL),
        ("pythonic", PYTHONIC.call[:-1], "unparseable_call", NO_CALL),
        ("pythonic", "[add(a=2, b=3), add(a=5, b=1)]", "unparseable_call", TWO_CALLS),
        ("pythonic", "[add(a=2, b=add(a=1, b=2))]", "unparseable_call", NO_CALL),
    ],
)
def test_a_malformed_reply_raises_a_call_error_with_advice(
    parser: str, reply: str, kind: str, message: str, dialects: Mapping[str, Native]
) -> None:
    with pytest.raises(CallError) as caught:
        dialects[parser].parse(reply)
    assert (caught.value.kind, str(caught.value)) == (kind, message)


def test_the_error_names_an_unknown_function(dialects: Mapping[str, Native]) -> None:
    with pytest.raises(CallError, match=r"no function sum\.") as caught:
        dialects["hermes"].parse(HERMES.call.replace("add", "sum"))
    assert caught.value.kind == "unknown_function"


def test_an_exception_of_the_parser_becomes_an_unparseable_call() -> None:
    def broken(reply: str) -> tuple[str, Sequence[tuple[str, str]]]:
        raise RuntimeError(f"no way to read {reply}")

    with pytest.raises(CallError) as caught:
        Native(TOOLSET, broken).parse("anything")
    assert caught.value.kind == "unparseable_call"
    assert str(caught.value) == "The tool call cannot be read. Reply with one tool call."


PIECES = [*(family.call for family in FAMILIES.values()), JSON, "<tool_call>", "[TOOL_CALLS]"]
PIECES += ["</tool_call>", "<|python_tag|>", "\ud800", "NaN", "1" * 5000, *'{}[]":,5 a(']


@pytest.mark.parametrize("parser", FAMILIES)
@settings(max_examples=50)
@given(reply=st.text() | st.lists(st.sampled_from(PIECES), max_size=8).map("".join))
def test_any_reply_is_a_call_or_raises_a_call_error(
    reply: str, parser: str, dialects: Mapping[str, Native]
) -> None:
    try:
        (call,) = dialects[parser].parse(reply)
    except CallError:
        return
    assert call.name in TOOLSET.tool_names


@pytest.mark.parametrize("parser", FAMILIES)
def test_a_transcript_equals_the_rendered_whole_conversation(
    parser: str, dialects: Mapping[str, Native], tokenizers: Mapping[str, Any]
) -> None:
    dialect, own, family = dialects[parser], tokenizers[parser], FAMILIES[parser]
    (call,) = dialect.parse(family.call)
    step = Step(family.call, call, ToolResult(True, "5"))
    messages = (*dialect.prompt_messages("2 + 3?"), *render(dialect, (step, step)))[:-1]
    transcript = encode(messages, ChatTemplate(own, dialect.tools))
    text = own.apply_chat_template(list(messages), tools=list(dialect.tools), tokenize=False)
    assert own.decode(transcript.token_ids) == text.rstrip("\n")
    written = [t for t, w in zip(transcript.token_ids, transcript.written, strict=True) if w]
    assert own.decode(written) == (family.call + family.end) * 2


def test_only_the_template_adds_the_tools_to_the_prompt(
    dialects: Mapping[str, Native], tokenizers: Mapping[str, Any]
) -> None:
    dialect = dialects["hermes"]
    system, user = dialect.prompt_messages("2 + 3?")
    assert (system["content"], user["content"]) == (NATIVE_INSTRUCTIONS, "2 + 3?")
    template = ChatTemplate(tokenizers["hermes"], dialect.tools)
    text = tokenizers["hermes"].decode(template.prompt_ids((system, user)))
    assert all(text.count(f'"name": "{name}"') == 1 for name in TOOLSET.tool_names)


class SkipsSpecialTokens(ScriptedEngine):
    """Omits special tokens from a reply's text, as vLLM does, but not from its token ids."""

    async def generate(self, prompt_token_ids: Sequence[int], sampling: Sampling) -> Reply:
        reply = await super().generate(prompt_token_ids, sampling)
        tokenizer: Any = self.tokenizer
        return Reply(tokenizer.decode(reply.token_ids, skip_special_tokens=True), reply.token_ids)


QUESTION = "Ava has 3 bags of 4 pens and loses 2. How many pens?"


def _call_text(name: str, arguments: str) -> str:
    return HERMES.call.replace("add", name).replace('{"a": 2, "b": 3}', arguments)


FIRST = _call_text("multiply", '{"a": 3, "b": 4}')
CORRECT = [f"Bags first.\n{FIRST}", "Hm?", _call_text("subtract", '{"a": 12, "b": 2}')]
CORRECT += [_call_text("answer", '{"value": 10}')]
INCORRECT = [FIRST, _call_text("answer", '{"value": 14}')]


def _chain(dialect: Native, tokenizer: Any, script: Sequence[str]) -> tuple[Chain, list[str]]:
    """The chain of a script, and the engine's prompts as text."""
    engine = SkipsSpecialTokens(tokenizer, {QUESTION: script}, turn=HERMES.turn)
    template = ChatTemplate(tokenizer, dialect.tools)
    driver = Rollout(
        dialect=dialect,
        template=template,
        engine=engine,
        runner=InProcess(),
        limits=Limits(8, 64),
        temperature=0.0,
    )
    chain = asyncio.run(driver(task(QUESTION)))
    return chain, [tokenizer.decode(list(request.prompt)) for request in engine.requests]


def test_a_chain_is_stored_in_canonical_form(
    dialects: Mapping[str, Native], tokenizers: Mapping[str, Any]
) -> None:
    chain, _ = _chain(dialects["hermes"], tokenizers["hermes"], CORRECT)
    assert (chain.stop_reason, chain.answer) == ("answer", "10")
    assert [step.reply for step in chain.steps] == CORRECT
    assert [step.result and step.result.content for step in chain.steps] == [
        "12",
        NO_CALL,
        "10",
        None,
    ]
    roles = " ".join(message["role"] for message in chain.messages[2:])
    assert roles == "assistant tool assistant user assistant tool assistant"
    first = chain.messages[2]["tool_calls"][0]["function"]
    assert first == {"name": "multiply", "arguments": '{"a": 3, "b": 4}'}


def test_a_pair_rendered_by_trl_equals_the_prompts_of_the_engine(
    dialects: Mapping[str, Native], tokenizers: Mapping[str, Any]
) -> None:
    own = tokenizers["hermes"]
    chain, prompts = _chain(dialects["hermes"], own, CORRECT)
    pair = _pair(dialects["hermes"], chain, _chain(dialects["hermes"], own, INCORRECT)[0])
    options = {"tools": list(pair.tools or ()), "tokenize": False}
    text = own.apply_chat_template([*pair.prompt, *pair.chosen], **options)
    assert text == f"{prompts[-1]}{CORRECT[-1]}{HERMES.end}\n"
    first = own.apply_chat_template(list(pair.prompt), add_generation_prompt=True, **options)
    assert first == prompts[0]


def test_a_chain_of_one_dialect_can_be_rendered_in_the_other(
    dialects: Mapping[str, Native], tokenizers: Mapping[str, Any]
) -> None:
    chain, _ = _chain(dialects["hermes"], tokenizers["hermes"], CORRECT)
    plain = render(Inject(TOOLSET), chain.steps)
    texts = [message["content"] for message in plain if message["role"] == "assistant"]
    assert texts == ["multiply(a=3, b=4)", "Hm?", "subtract(a=12, b=2)", "answer(value=10)"]
    call = ToolCall("add", {"a": 2, "b": 3}, "First: add(2, 3)")
    step = Step("First: add(2, 3)", call, ToolResult(True, "5"))
    assert render(dialects["hermes"], [step]) == (
        _call_message(call),
        {"role": "tool", "tool_call_id": call_id(), "name": "add", "content": "5"},
    )


def test_a_template_without_tools_is_rejected(tokenizer: Any) -> None:
    with pytest.raises(TemplateError) as caught:
        ChatTemplate(tokenizer, tools_of(TOOLSET))
    advice = "set agent.dialect=inject, which writes the functions into the prompt"
    assert str(caught.value) == f"the model's chat template takes no tools; {advice}"


def test_the_error_of_an_unknown_parser_lists_the_known_ones(tokenizer: Any) -> None:
    with pytest.raises(ToolParserError, match=r"no tool parser 'hermess'; it has: .*hermes, "):
        reader("hermess", tokenizer, tools_of(TOOLSET))


def test_a_parser_of_another_model_family_is_rejected(tokenizers: Mapping[str, Any]) -> None:
    with pytest.raises(ToolParserError, match=r"llama3_json cannot read this model: .*python_tag"):
        reader("llama3_json", tokenizers["hermes"], tools_of(TOOLSET))


def test_a_native_recipe_needs_a_parser() -> None:
    with pytest.raises(RecipeError, match=r"agent\.tool_parser: dialect native of the teacher"):
        load("pocket", ["agent.dialect=native"])
    with pytest.raises(RecipeError, match=r"agent\.tool_parser: dialect native of the student"):
        load("pocket", ["student.dialect=native"])
    recipe = load("pocket", ["agent.dialect=native", "agent.tool_parser=hermes"])
    assert recipe.native_parser(recipe.student) == "hermes"


def test_teacher_and_student_may_use_different_dialects() -> None:
    keys = ["teacher.dialect=native", "teacher.tool_parser=llama3_json", "agent.tool_parser=hermes"]
    recipe = load("pocket", keys)
    assert recipe.native_parser(recipe.teacher) == "llama3_json"
    assert recipe.native_parser(recipe.student) is None


def test_a_native_run_with_a_template_without_tools_cannot_start() -> None:
    done = run("run", "pocket", "agent.dialect=native", "agent.tool_parser=hermes", "--dry-run")
    assert done.returncode == 2
    assert "teacher.model pocket: the model's chat template takes no tools" in done.stderr


def test_the_dialect_is_native_if_a_reader_is_given(tokenizers: Mapping[str, Any]) -> None:
    def make_reader(tools: Sequence[dict[str, Any]]) -> Any:
        return reader("hermes", tokenizers["hermes"], tools)

    name = "arithmetic[add]"
    assert isinstance(dialect_of(name, AgentSettings()), Inject)
    native = dialect_of(name, AgentSettings(), make_reader)
    assert [tool["function"]["name"] for tool in native.tools or ()] == ["add", "think", "answer"]


def _pair(dialect: Native, correct: Chain, incorrect: Chain) -> PreferencePair:
    candidates = Candidates(QUESTION, QUESTION, (correct,), (incorrect,))
    return pair_up(candidates, {"outcome": 1.0}, 1, 0, dialect, Counter())[0]


def _call_message(call: ToolCall, text: str = "") -> Message:
    function = {"name": call.name, "arguments": call.arguments}
    calls = [{"id": call_id(), "type": "function", "function": function}]
    return {"role": "assistant", "content": text, "tool_calls": calls}
