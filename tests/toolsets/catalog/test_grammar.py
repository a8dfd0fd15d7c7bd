"""The grammar of calls, compiled by xgrammar for the pocket teacher's tokenizer, as in vLLM."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache
from random import Random
from typing import Annotated, Any, Literal, NotRequired

import numpy as np
import pytest
import xgrammar
from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator
from pydantic import Field
from transformers import AutoTokenizer
from typing_extensions import TypedDict

import toolsets
from pipeline.agent.agent import with_agent_tools
from pipeline.pocket.models import folder
from toolsets import Toolset, parse_call, render_call, tool
from toolsets.calls.literal import Digits, exact_float
from toolsets.catalog.grammar import call_grammar
from toolsets.catalog.load import SHIPPED
from toolsets.sources.documents import tool_of
from toolsets.tools.binding import bind

TOKENIZER: Any = AutoTokenizer.from_pretrained(folder("teacher"))
END = TOKENIZER.eos_token_id
_DECIMAL = re.compile(r"-?\d+(\.\d+)?([eE][+-]?\d+)?")
CLOSING = TOKENIZER.convert_tokens_to_ids(list("\"')]}"))


@dataclass
class Point:
    x: float
    y: float = 0.0


class Film(TypedDict):
    name: str
    year: NotRequired[int]


@tool
def mixed(
    quoted: Literal["it's", 'a "b"', "back\\slash", "#1 // °C"],
    corner: tuple[int, str],
    point: Point | None,
    films: Annotated[list[Film], Field(min_length=1)],
    counts: dict[str, list[int]],
    sure: bool = True,
    other: Any = None,
) -> str:
    """Take one of each."""
    return f"{quoted} {corner} {point} {films} {counts} {sure} {other}"


@tool
def now() -> str:
    """Tell the time."""
    return "12:00"


SIZED = {"properties": {"big": {"type": "integer"}, "small": {"type": "null"}}}
DOCUMENTED = tool_of(
    "maps.find-it",
    "Find something.",
    {
        "properties": {
            "class": {"type": ["string", "null"]},
            "size": {"type": "object", **SIZED, "oneOf": [{"required": ["big"]}]},
            "kind": {"allOf": [{"enum": [1, 2.5, None, True, ["a", {"b": "c'd"}]]}]},
            "tree": {"$ref": "#/$defs/tree"},
            "nothing": {"type": "object", "additionalProperties": False},
            "any": True,
        },
        "required": ["kind", "nothing"],
        "$defs": {"tree": {"items": {"$ref": "#/$defs/tree"}}},
    },
    lambda arguments: str(arguments),
).renamed("maps.find_it")

OWN = Toolset("own", (mixed, now, DOCUMENTED))
SETS = {one.name: with_agent_tools(one) for one in (OWN, *map(toolsets.load, SHIPPED))}


@cache
def compiled(name: str) -> xgrammar.CompiledGrammar:
    tokenizer = xgrammar.TokenizerInfo.from_huggingface(TOKENIZER)
    return xgrammar.GrammarCompiler(tokenizer).compile_grammar(call_grammar(SETS[name]))


def accepts(text: str, name: str = "own") -> bool:
    """Whether a model may write `text` and end its turn there."""
    matcher = xgrammar.GrammarMatcher(compiled(name))
    return matcher.accept_string(text) and matcher.accept_token(END) and matcher.is_terminated()


def random_call(name: str, seed: int) -> str:
    """A random text allowed by the grammar. Closing tokens get more likely with its length, so that
    it ends; the turn ends at the first token where it may."""
    random, matcher = Random(seed), xgrammar.GrammarMatcher(compiled(name))
    mask, written = xgrammar.allocate_token_bitmask(1, len(TOKENIZER)), []
    while True:
        matcher.fill_next_token_bitmask(mask)
        bits = np.unpackbits(mask.numpy().view(np.uint8), bitorder="little")
        allowed = np.flatnonzero(bits[: len(TOKENIZER)]).tolist()
        if END in allowed:
            return TOKENIZER.decode(written, skip_special_tokens=True)
        closing = [token for token in CLOSING if token in allowed]
        written.append(
            random.choice(closing if closing and random.random() < len(written) / 80 else allowed)
        )
        assert matcher.accept_token(written[-1])


@pytest.mark.parametrize("name", SETS)
@given(seed=st.integers(0, 2**32))
@settings(max_examples=60)
def test_every_text_of_the_grammar_is_a_call_that_fits_the_schema(name: str, seed: int) -> None:
    written = parse_call(random_call(name, seed))
    called = SETS[name][written.name]
    assert written.positional == ()
    Draft202012Validator(called.parameters).validate(_with_floats(bind(called, written)))


def _with_floats(value: Any) -> Any:
    """`value` with floats for decimal numbers that are text because no float holds them exactly."""
    match value:
        case str() if _DECIMAL.fullmatch(value) and isinstance(exact_float(value), Digits):
            return float(value)
        case list():
            return [_with_floats(item) for item in value]
        case dict():
            return {key: _with_floats(item) for key, item in value.items()}
    return value


@pytest.mark.parametrize("name", SETS)
def test_the_example_of_every_tool_is_accepted(name: str) -> None:
    examples = [tool.example for tool in SETS[name].tools if tool.example]
    assert [text for text in examples if not accepts(text, name)] == []


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(10**199), 10**199)
    | st.floats(-1e99, 1e99)
    | st.text(st.characters(max_codepoint=0xFFFF, exclude_categories=["Cs"])),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text("a'\"\\\n"), inner),
    max_leaves=4,
).filter(lambda value: nested(value) <= 3)


def nested(value: Any) -> int:
    inner = value.values() if isinstance(value, dict) else value
    if not isinstance(value, dict | list):
        return 0
    return 1 + max(map(nested, inner), default=0)


@given(value=JSON)
def test_a_value_of_any_type_is_accepted_as_it_is_rendered(value: Any) -> None:
    arguments = {"kind": 1, "nothing": {}, "any": value}
    assert accepts(render_call("maps.find_it", arguments))


@pytest.mark.parametrize(
    "text",
    [
        "now()",
        "answer(value=True)",
        "answer(value='it\\'s \\u2264')",
        "maps.find_it(kind=None, nothing={})",
        """maps.find_it(class_="x",size={'big':1},kind=2.5,nothing={},any=[{"a": [-0.5e-7]}])""",
        """maps.find_it(kind=['a', {'b': "c'd"}], tree=[[]], nothing={})""",
    ],
)
def test_a_call_is_accepted(text: str) -> None:
    assert accepts(text)


@pytest.mark.parametrize(
    "text",
    [
        "I add.",
        "now",
        "now() now()",
        "now(1)",
        "answer()",
        "answer(12)",
        "answer(value=None)",
        "answer(value=[1])",
        "answer(value=1e999)",
        "answer(value='\\ud800')",
        "answer(value=12",
        "maps.find_it(nothing={}, kind=1)",
        "maps.find_it(kind=3, nothing={})",
        "maps.find_it(size={}, kind=1, nothing={})",
        "maps.find_it(kind=1, nothing={'a': 1})",
    ],
)
def test_an_invalid_call_is_refused(text: str) -> None:
    assert not accepts(text)


def test_the_turn_can_end_only_after_a_complete_call() -> None:
    matcher = xgrammar.GrammarMatcher(compiled("arithmetic"))
    mask = xgrammar.allocate_token_bitmask(1, len(TOKENIZER))
    may_end = []
    for token in TOKENIZER("add(a=2, b=3)")["input_ids"]:
        matcher.fill_next_token_bitmask(mask)
        may_end.append(bool(mask[0, 0] >> END & 1))
        assert matcher.accept_token(token)
    assert not any(may_end)
    matcher.fill_next_token_bitmask(mask)
    assert np.unpackbits(mask.numpy().view(np.uint8)).sum() == 1
    assert matcher.accept_token(END)


def test_several_calls_stand_on_lines_of_their_own_and_one_of_them_may_be_allowed_only_alone() -> (
    None
):
    several = SETS["arithmetic"]
    tokenizer = xgrammar.TokenizerInfo.from_huggingface(TOKENIZER)
    grammar = call_grammar(several, most=3, alone="answer")
    compiled_grammar = xgrammar.GrammarCompiler(tokenizer).compile_grammar(grammar)

    def allows(text: str) -> bool:
        matcher = xgrammar.GrammarMatcher(compiled_grammar)
        return matcher.accept_string(text) and matcher.accept_token(END)

    calls = ["add(a=1, b=2)", 'think(thought="Next.")', "divide(a=1, b=2)"]
    for count in (1, 2, 3):
        text = "\n".join(calls[:count])
        assert allows(text)
        assert len(several.parse_several(text)) == count
    assert allows("answer(value=3)")
    assert not allows("\n".join([*calls, calls[0]]))
    assert not allows("add(a=1, b=2)\nanswer(value=3)")
    assert not allows("answer(value=3)\nadd(a=1, b=2)")
