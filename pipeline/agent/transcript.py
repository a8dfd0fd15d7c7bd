"""Tokens in, tokens out: a chain as an append-only token buffer that knows what the model wrote.

What a model sampled is never tokenised again, and only what is new (a result and the generation
prompt) is encoded. Generation, evaluation, serving and training all build their tokens here, so a
student is trained on exactly the tokens that it meets, for any chat template.

Not here: what the messages say (`pipeline.agent.prompt`), messages as text
(`pipeline.agent.chat_template`), losses (`pipeline.training.dpo`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import takewhile
from typing import Any

from pipeline.agent.chat_template import Rendering, TemplateError, Tokenizer, chat_message
from pipeline.agent.native import CALL_ID
from pipeline.records import Message

_REPLY, _RESULT = "REPLY-MARK", "RESULT-MARK"
_OPEN, _CLOSE = "<think>", "</think>"  # of a model's reasoning
_USER = chat_message("user", "u")


class ChatTemplate:
    """A tokenizer's chat template, cut into what comes before, between and after replies.

    A reply is all that the model writes: what stands behind the generation prompt, up to the tokens
    that end its turn. Where a template writes plain replies into a channel of their own, as gpt-oss
    has it, and no tools are shown, the prompt opens that channel.
    """

    def __init__(
        self, tokenizer: Tokenizer, tools: Sequence[Mapping[str, Any]] | None = None
    ) -> None:
        self._rendering = Rendering(tokenizer, tools)
        self._encode = self._rendering.encode
        self._results: set[str] = set()  # roles of messages that the template is known to show
        self._end, self._closing = self._ends()
        self._ending = {*self._end}
        self._lead, self._lead_closes = self._find_lead()
        self._channel = ""
        if tools is None and not self._lead_closes and self._rendering.control.search(self._lead):
            self._channel, self._lead = self._lead, ""
        if tools is not None:
            self._rendering.check_shows_tools()
            self._check_shows_calls()
            self._ending |= {*self._special_first(self._after_call(_result("f", CALL_ID)))}

    def prompt_ids(self, messages: Sequence[Message]) -> list[int]:
        """The tokens before the first reply, generation prompt included."""
        return self._encode(self._rendering.text(messages, prompt=True) + self._channel)

    def between(self, message: Message) -> list[int]:
        """The tokens from the end of a reply to the start of the next, bringing `message`.

        They begin with the end of the reply's turn; `ended` says how much of it the reply brought.
        """
        after = self._after_call if "tool_call_id" in message else self._after_reply
        role = message["role"]
        if role not in self._results and _RESULT not in after(message | {"content": _RESULT}):
            raise TemplateError(
                f"the model's chat template leaves out messages of the role {role}; "
                f"set {self._rendering.setting}"
            )
        self._results.add(role)
        return self._encode(after(message) + self._channel)

    def ended(self, token_ids: Sequence[int], following: Sequence[int]) -> int:
        """How many of `following`, made by `between`, a reply that ends with `token_ids` brought.

        Templates may close an earlier turn with another token than a model writes.
        """
        for size in range(len(self._end), 0, -1):
            reply, next_turn = token_ids[-size:], following[:size]
            if [*reply] == self._end[:size] and [*next_turn] == self._closing[:size]:
                return size
        same = bool(following) and token_ids[-1] == following[0]
        return int(same and following[0] in self._rendering.special)

    def reply(self, text: str) -> list[int]:
        """The tokens of a reply as a model would have written it, end of turn included."""
        return self._encode(text) + self._end

    def turn(self, message: Message, before: Sequence[int]) -> list[int]:
        """The tokens of an assistant's message as a model would have written it behind the tokens
        `before`; a reasoning that the generation prompt opens is closed at once."""
        if message.get("tool_calls"):
            return self._call(message)
        lead, content = self._lead, message["content"]
        marks = [mark for mark in (lead.strip(), _CLOSE) if mark and mark in lead]
        own = any(mark in content for mark in marks)  # as it was sampled, with its reasoning
        if own or (self._lead_closes and not self._opens_reasoning(before)):
            lead = ""
        native = self._rendering.tools is not None  # its calls may stand in special tokens
        return self.reply(lead + (content if native else self._rendering.plain(content)))

    def text(self, token_ids: Sequence[int]) -> str:
        """A reply's text with the template's own tokens, but for the end of turn."""
        ids = list(token_ids)
        while ids and ids[-1] in self._ending:
            ids.pop()
        return self._rendering.decode(ids)

    def _find_lead(self) -> tuple[str, bool]:
        """What the template writes between the generation prompt and a reply of an earlier turn,
        and whether that closes a reasoning which the prompt opens."""
        prompt = self._rendering.text((_USER,), prompt=True)
        whole = self._rendering.text((_USER, chat_message("assistant", _REPLY), _USER))
        lead = _behind(prompt, whole).partition(_REPLY)[0]
        closes = prompt.rstrip().endswith(_OPEN)
        if closes and _CLOSE not in lead:  # the template leaves it out of earlier turns
            lead = f"\n{_CLOSE}\n\n"
        return lead, closes

    def _opens_reasoning(self, before: Sequence[int]) -> bool:
        tail = self._rendering.decode(before[-len(f"{_OPEN}\n") :])  # a token a letter at most
        return tail.rstrip().endswith(_OPEN)

    def _call(self, message: Message) -> list[int]:
        call = message["tool_calls"][0]
        result = _result(call["function"]["name"], call["id"])
        prompt = self._rendering.text((_USER,), prompt=True)
        whole = self._rendering.text((_USER, message, result), prompt=True)
        written, rest = _behind(prompt, whole), self._after_call(result)
        if written.endswith(rest):
            return self._encode(written.removesuffix(rest)) + self._special_first(rest)
        if message["content"]:  # Gemma 4 writes it behind the result
            return self._call(message | {"content": ""})
        raise TemplateError(
            "the model's chat template does not write a call behind its generation prompt; "
            "set agent.dialect=inject"
        )

    def _after_reply(self, message: Message) -> str:
        start = (_USER, chat_message("assistant", _REPLY))
        return self._rendering.text((*start, message), prompt=True).partition(_REPLY)[2]

    def _after_call(self, result: Message) -> str:
        """What follows a call, its end of turn first; templates look for the call of a result."""
        start = (_USER, _calling(result["name"], result["tool_call_id"]))
        alone = self._rendering.text(start).partition(_REPLY)[2]
        whole = self._rendering.text((*start, result), prompt=True).partition(_REPLY)[2]
        turn = whole[: _shared(alone, whole)]
        ends = [found.start() for found in self._rendering.control.finditer(turn)]
        return whole[ends[-1] if ends else len(turn) :]

    def _ends(self) -> tuple[list[int], list[int]]:
        """The tokens that end the last turn, which a model writes, and those that end an earlier.

        Where a template leaves the last turn open, a model writes what opens the next.
        """
        start = (_USER, chat_message("assistant", _REPLY))
        last = self._encode(self._rendering.text(start).partition(_REPLY)[2])
        earlier = self._encode(self._after_reply(_USER))
        size = min(self._specials(earlier), self._specials(last) if last else 1)
        return (last or earlier)[:size], earlier[:size]

    def _specials(self, tokens: Sequence[int]) -> int:
        """How many special tokens stand first."""
        return len(list(takewhile(self._rendering.special.__contains__, tokens)))

    def _special_first(self, text: str) -> list[int]:
        tokens = self._encode(text)
        return tokens[: min(1, self._specials(tokens))]

    def _check_shows_calls(self) -> None:
        """Raise TemplateError where the template leaves out an earlier turn's call."""
        if _REPLY not in self._rendering.text((_USER, _calling("f", CALL_ID))):
            raise TemplateError(
                "the model's chat template leaves out the calls of earlier turns; "
                "set agent.dialect=inject"
            )


def _calling(name: str, call_id: str) -> Message:
    function = {"name": name, "arguments": {"a": _REPLY}}
    call = {"id": call_id, "type": "function", "function": function}
    return chat_message("assistant", "") | {"tool_calls": [call]}


def _result(name: str, call_id: str) -> Message:
    return chat_message("tool", _RESULT) | {"tool_call_id": call_id, "name": name}


def _shared(one: str, other: str) -> int:
    """How many characters both begin with."""
    return len(list(takewhile(lambda pair: pair[0] == pair[1], zip(one, other, strict=False))))


def _behind(prompt: str, whole: str) -> str:
    """What `whole` has behind what it shares with the generation prompt, which may open a reasoning
    that the template then writes otherwise, or not at all."""
    return whole[_shared(prompt, whole) :]


class Transcript:
    """The tokens of one chain so far; `written[i]` is True where the model wrote token i."""

    def __init__(self, template: ChatTemplate, opening: Sequence[Message]) -> None:
        self._template = template
        self.token_ids: list[int] = template.prompt_ids(opening)
        self.written: list[bool] = [False] * len(self.token_ids)

    def add_reply(self, token_ids: Sequence[int]) -> None:
        """Append what the model sampled, exactly as it was sampled."""
        self.token_ids += token_ids
        self.written += [True] * len(token_ids)

    def add_message(self, message: Message) -> None:
        """Append the message that follows a reply, and the generation prompt."""
        tokens = self._template.between(message)
        tokens = tokens[self._template.ended(self.token_ids, tokens) :]
        self.token_ids += tokens
        self.written += [False] * len(tokens)

    def extend(self, messages: Sequence[Message]) -> None:
        """Append recorded messages as if this model had written the assistant's."""
        for message in messages:
            if message["role"] == "assistant":
                self.add_reply(self._template.turn(message, self.token_ids))
            else:
                self.add_message(message)
