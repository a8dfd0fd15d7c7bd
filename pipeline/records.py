"""The data types of the pipeline: frozen records, no behaviour beyond derived properties.

`ToolCall` and `ToolResult` are in `toolsets`; `pipeline.tables` converts records to rows.
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

    `task` is the kind of problem ("arithmetic", "logic"); `split` is "train", "test" or "ood";
    `reference` holds the calculations of the reference solution in the data's notation, if any.
    Problems of one `group` (a FOLIO story, a question template) are held out together; empty: the
    problem is alone.
    """

    problem_id: str
    task: str
    question: str
    answer: str
    split: str
    reference: tuple[str, ...] = ()
    group: str = ""


@dataclass(frozen=True, slots=True)
class Reply:
    """An engine's output for one turn: text, token ids, why it ended, and the number of prompt
    tokens read from the cache.

    A remote endpoint returns no token ids, only their number: `reported_tokens`.
    """

    text: str
    token_ids: tuple[int, ...]
    finish_reason: Literal["stop", "length"] = "stop"
    cached_tokens: int = 0
    reported_tokens: int | None = None

    @property
    def tokens(self) -> int:
        """The number of generated tokens."""
        return len(self.token_ids) if self.reported_tokens is None else self.reported_tokens


@dataclass(frozen=True, slots=True)
class Executed:
    """One call of a reply with several calls, and its own result."""

    call: ToolCall
    result: ToolResult


@dataclass(frozen=True, slots=True)
class Step:
    """One turn of a chain: the reply as text, its call (None if none could be parsed), the result
    that the model saw (None for the final answer), and the tokens of prompt and completion.

    If the reply holds several calls, `parallel` holds all of them in order, each with its own
    result; `call` is then the first, and `result` all results as one: ok if each is.
    """

    reply: str
    call: ToolCall | None
    result: ToolResult | None
    prompt_tokens: int = 0
    completion_tokens: int = 0
    parallel: tuple[Executed, ...] = ()

    @property
    def executed(self) -> tuple[Executed, ...]:
        """Every call of the reply that has a result; none for the final answer."""
        if self.parallel or self.call is None or self.result is None:
            return self.parallel
        return (Executed(self.call, self.result),)


@dataclass(frozen=True, slots=True)
class Chain:
    """The paper's reasoning chain: everything one model did on one problem.

    `chain_id` is the id of its task. `messages` are canonical OpenAI messages, system prompt first.
    `answer` is the text passed to `answer(...)`, or None. The first `prefix_steps` steps were
    replayed from another chain.
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
        """The number of function calls, without the final answer."""
        return sum(len(step.executed) for step in self.steps)


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether a chain's answer is correct, and how it failed.

    `correct` is None for an engine error, which is not the model's fault; `failure` is None if the
    chain is correct.
    """

    chain_id: str
    correct: bool | None
    expected: str
    got: str | None
    failure: Failure | None


@dataclass(frozen=True, slots=True)
class Task:
    """One chain to make: the problem, the model, the sample index and the seed.

    `prefix` holds recorded replies; they are replayed, then the model continues the chain.
    `sample_index` is then that of the recorded chain.
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
