"""The nouns of the pipeline: frozen records, no behaviour beyond derived properties.

`ToolCall` and `ToolResult` live in `toolsets`; how records become rows lives in `pipeline.tables`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from toolsets import ToolCall, ToolResult

Message = dict[str, Any]
"""An OpenAI chat message: role, content, and for calls `tool_calls` or `tool_call_id`."""

Failure = Literal[
    "unparseable_call",
    "unknown_function",
    "bad_arguments",
    "function_error",
    "limit_exceeded",
    "max_steps",
    "context_full",
    "wrong_answer",
    "no_answer",
    "engine_error",
]
FAILURES: tuple[Failure, ...] = Failure.__args__  # type: ignore[attr-defined]  # Literal's values

StopReason = Literal["answer", "max_steps", "max_failures", "context_full", "engine_error"]


@dataclass(frozen=True, slots=True)
class Problem:
    """A question with its gold answer.

    `task` names the kind of problem ("arithmetic", "logic"); `split` is "train", "test" or "ood";
    `reference` holds worked calculations, in the data's own notation, where the data has them.
    """

    problem_id: str
    task: str
    question: str
    answer: str
    split: str
    reference: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Reply:
    """What an engine generated for one turn: its text, its token ids and why it ended, and how many
    tokens of the prompt it found in its cache.

    A server that is sent messages tells no ids, but how many tokens it wrote: `counted`.
    """

    text: str
    token_ids: tuple[int, ...]
    finish_reason: Literal["stop", "length"] = "stop"
    cached_tokens: int = 0
    counted: int | None = None

    @property
    def tokens(self) -> int:
        """How many tokens were written."""
        return len(self.token_ids) if self.counted is None else self.counted


@dataclass(frozen=True, slots=True)
class Step:
    """One turn of a chain: the reply as text, the call it held (None if none could be read), the
    result the model saw (None for the final answer), and the tokens read and written for it."""

    reply: str
    call: ToolCall | None
    result: ToolResult | None
    prompt_tokens: int = 0
    completion_tokens: int = 0


@dataclass(frozen=True, slots=True)
class Chain:
    """The paper's reasoning chain: everything one model did on one problem.

    `chain_id` is the id of the task it answers. `messages` are canonical OpenAI messages, system
    prompt first. `answer` is the text given to `answer(...)`, None where none was given. The first
    `prefix_steps` steps were another chain's, replayed.
    """

    chain_id: str
    problem_id: str
    model: str
    sample_index: int
    seed: int
    messages: tuple[Message, ...]
    steps: tuple[Step, ...]
    stop_reason: StopReason
    answer: str | None = None
    error: str | None = None
    prefix_steps: int = 0

    @property
    def tokens(self) -> int:
        """Tokens that the model wrote."""
        return sum(step.completion_tokens for step in self.steps[self.prefix_steps :])

    @property
    def calls(self) -> int:
        """Function calls that were made, the final answer not counted."""
        return sum(step.call is not None and step.result is not None for step in self.steps)


@dataclass(frozen=True, slots=True)
class Verdict:
    """The truth about a chain's answer.

    `correct` is None for an engine error, which is no fault of the model; `failure` is None where
    the chain is correct.
    """

    chain_id: str
    correct: bool | None
    expected: str
    got: str | None
    failure: Failure | None


@dataclass(frozen=True, slots=True)
class Task:
    """One chain to be made: a problem, the model that answers it, which sample, which seed.

    `prefix` holds recorded replies that are replayed before the model is asked: the chain goes on
    from there. `sample_index` is then that of the chain they come from.
    """

    task_id: str
    problem: Problem
    model: str
    sample_index: int
    seed: int
    prefix: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class PreferencePair:
    """A chosen and a rejected continuation of one prompt, as messages (TRL's conversational form).

    `tools` is None in dialect `inject`, whose prompt already describes the functions.
    """

    pair_id: str
    problem_id: str
    prompt: tuple[Message, ...]
    chosen: tuple[Message, ...]
    rejected: tuple[Message, ...]
    tools: tuple[dict[str, Any], ...] | None
    strategy: str
    chosen_chain_id: str
    rejected_chain_id: str
