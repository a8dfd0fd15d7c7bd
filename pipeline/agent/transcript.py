"""Tokens in, tokens out: a chain as an append-only token buffer that marks the model's tokens.

Sampled tokens are never re-tokenised; only new text (a result and the generation prompt) is
encoded. Generation, evaluation, serving and training all build their tokens here, so a student is
trained on exactly the tokens that it sees in production, for any chat template.

Not here: the text of messages (`pipeline.agent.prompt`), their rendering
(`pipeline.agent.chat_template`), losses (`pipeline.training.dpo`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import groupby, takewhile
from typing import Any

from pipeline.agent.chat_template import Rendering, TemplateError, Tokenizer, chat_message
from pipeline.agent.native import call_id
from pipeline.records import Message

_REPLY, _RESULT = "REPLY-MARK", "RESULT-MARK"
_THINK, _END_THINK = "<think>", "</think>"  # delimit a model's reasoning
_USER = chat_message("user", "u")


class ChatTemplate:
    """A tokenizer's chat template, split into the tokens before, between and after replies.

    A reply is everything that the model writes: from the end of the generation prompt to the tokens
    that end its turn, inclusive. If a template writes plain replies into a separate channel, as
    gpt-oss does, and there are no tools, the prompt opens that channel.
    """

    def __init__(
        self, tokenizer: Tokenizer, tools: Sequence[Mapping[str, Any]] | None = None
    ) -> None:
        self._rendering = Rendering(tokenizer, tools)
        self._encode = self._rendering.encode
        # roles and numbers of messages between replies that the template is known to render
        self._results: set[tuple[str, int]] = set()
        self._end, self._earlier_end = self._find_ends()
        self._end_tokens = {*self._end}
        self._reply_prefix, self._prefix_ends_reasoning = self._find_reply_prefix()
        self._channel = ""
        has_channel = bool(self._rendering.special_pattern.search(self._reply_prefix))
        if tools is None and not self._prefix_ends_reasoning and has_channel:
            self._channel, self._reply_prefix = self._reply_prefix, ""
        if tools is not None:
            self._rendering.check_shows_tools()
            self._check_shows_calls()
            self._end_tokens |= {
                *self._first_special(self._after_calls([_result_message("f", call_id())]))
            }

    def prompt_ids(self, messages: Sequence[Message]) -> list[int]:
        """The tokens before the first reply, generation prompt included."""
        return self._encode(self._rendering.text(messages, prompt=True) + self._channel)

    def between(self, messages: Sequence[Message]) -> list[int]:
        """The tokens from the end of a reply to the start of the next, with `messages` between: one
        of any role, or the results of the reply's calls, in order.

        They start with the end of the reply's turn, which the reply may already contain: `overlap`.
        """
        after = self._after_calls if "tool_call_id" in messages[0] else self._after_reply
        role = messages[0]["role"]
        if (role, len(messages)) not in self._results:
            marked = [m | {"content": f"{_RESULT}{i}"} for i, m in enumerate(messages)]
            text = after(marked)
            if not all(message["content"] in text for message in marked):
                raise TemplateError(
                    f"the model's chat template leaves out messages of the role {role}; "
                    f"set {self._rendering.setting}"
                )
            self._results.add((role, len(messages)))
        return self._encode(after(messages) + self._channel)

    def overlap(self, token_ids: Sequence[int], following: Sequence[int]) -> int:
        """How many leading tokens of `following` (from `between`) the reply `token_ids` ends with.

        Templates may end an earlier turn with a different token than the model writes.
        """
        for size in range(len(self._end), 0, -1):
            reply, next_turn = token_ids[-size:], following[:size]
            if [*reply] == self._end[:size] and [*next_turn] == self._earlier_end[:size]:
                return size
        same = bool(following) and token_ids[-1] == following[0]
        return int(same and following[0] in self._rendering.special)

    def reply(self, text: str) -> list[int]:
        """The tokens of a reply as the model would write it, end of turn included."""
        return self._encode(text) + self._end

    def turn(self, message: Message, before: Sequence[int]) -> list[int]:
        """The tokens of an assistant's message as the model would write it after the tokens
        `before`; a reasoning that the generation prompt opens is closed at once."""
        if message.get("tool_calls"):
            return self._call(message)
        prefix, content = self._reply_prefix, message["content"]
        marks = [mark for mark in (prefix.strip(), _END_THINK) if mark and mark in prefix]
        has_reasoning = any(mark in content for mark in marks)  # a reply as it was sampled
        if has_reasoning or (self._prefix_ends_reasoning and not self._opens_reasoning(before)):
            prefix = ""
        native = self._rendering.tools is not None  # special tokens may delimit its calls
        return self.reply(prefix + (content if native else self._rendering.escaped(content)))

    def check_shows_several(self) -> None:
        """Raise TemplateError if the template does not show two calls of one reply with their
        results."""
        ids = (call_id(0), call_id(1))
        message = _calls_message([("f", id_) for id_ in ids])
        try:
            self._call(message)
            self.between([_result_message("f", id_) for id_ in ids])
            shown = self._rendering.text((_USER, message)).count(_REPLY)
        except TemplateError as error:
            raise _shows_one(str(error.__cause__ or error)) from error
        if shown < len(ids):
            raise _shows_one("it leaves out all but one")

    def text(self, token_ids: Sequence[int]) -> str:
        """A reply's text with its special tokens, without the end of turn."""
        ids = list(token_ids)
        while ids and ids[-1] in self._end_tokens:
            ids.pop()
        return self._rendering.decode(ids)

    def _find_reply_prefix(self) -> tuple[str, bool]:
        """The template's text between the generation prompt and a reply of an earlier turn, and
        whether it closes a reasoning that the prompt opens."""
        prompt = self._rendering.text((_USER,), prompt=True)
        whole = self._rendering.text((_USER, chat_message("assistant", _REPLY), _USER))
        prefix = _after_shared(prompt, whole).partition(_REPLY)[0]
        ends_reasoning = prompt.rstrip().endswith(_THINK)
        if ends_reasoning and _END_THINK not in prefix:  # the template omits it in earlier turns
            prefix = f"\n{_END_THINK}\n\n"
        return prefix, ends_reasoning

    def _opens_reasoning(self, before: Sequence[int]) -> bool:
        tail = self._rendering.decode(before[-len(f"{_THINK}\n") :])  # at most a token per letter
        return tail.rstrip().endswith(_THINK)

    def _call(self, message: Message) -> list[int]:
        calls = message["tool_calls"]
        results = [_result_message(call["function"]["name"], call["id"]) for call in calls]
        prompt = self._rendering.text((_USER,), prompt=True)
        whole = self._rendering.text((_USER, message, *results), prompt=True)
        written, rest = _after_shared(prompt, whole), self._after_calls(results)
        if written.endswith(rest):
            return self._encode(written.removesuffix(rest)) + self._first_special(rest)
        if message["content"]:  # Gemma 4's template writes it after the result
            return self._call(message | {"content": ""})
        raise TemplateError(
            "the model's chat template does not render a call after its generation prompt; "
            "set agent.dialect=inject"
        )

    def _after_reply(self, messages: Sequence[Message]) -> str:
        start = (_USER, chat_message("assistant", _REPLY))
        return self._rendering.text((*start, *messages), prompt=True).partition(_REPLY)[2]

    def _after_calls(self, results: Sequence[Message]) -> str:
        """The text after calls, end of turn first; templates look up the call of a result."""
        start = (_USER, _calls_message([(r["name"], r["tool_call_id"]) for r in results]))
        count = len(results)
        alone = self._rendering.text(start).split(_REPLY, count)[-1]
        whole = self._rendering.text((*start, *results), prompt=True).split(_REPLY, count)[-1]
        turn = whole[: _shared_length(alone, whole)]
        ends = [match.start() for match in self._rendering.special_pattern.finditer(turn)]
        return whole[ends[-1] if ends else len(turn) :]

    def _find_ends(self) -> tuple[list[int], list[int]]:
        """The tokens that end the last turn, which the model writes, and those of an earlier turn.

        If a template does not end the last turn, the model writes the token that opens the next.
        """
        start = (_USER, chat_message("assistant", _REPLY))
        last = self._encode(self._rendering.text(start).partition(_REPLY)[2])
        earlier = self._encode(self._after_reply([_USER]))
        size = min(self._leading_special(earlier), self._leading_special(last) if last else 1)
        return (last or earlier)[:size], earlier[:size]

    def _leading_special(self, tokens: Sequence[int]) -> int:
        """The number of special tokens at the start."""
        return len(list(takewhile(self._rendering.special.__contains__, tokens)))

    def _first_special(self, text: str) -> list[int]:
        """The first token of `text` if it is special, else nothing."""
        tokens = self._encode(text)
        return tokens[: min(1, self._leading_special(tokens))]

    def _check_shows_calls(self) -> None:
        """Raise TemplateError if the template leaves out the calls of earlier turns."""
        if _REPLY not in self._rendering.text((_USER, _calls_message([("f", call_id())]))):
            raise TemplateError(
                "the model's chat template leaves out the calls of earlier turns; "
                "set agent.dialect=inject"
            )


def _shows_one(why: str) -> TemplateError:
    problem = f"the model's chat template does not show several calls of one reply: {why}"
    return TemplateError(f"{problem}; set agent.calls_per_reply=one")


def _calls_message(calls: Sequence[tuple[str, str]]) -> Message:
    """An assistant's message with these calls, as pairs of name and id."""
    tool_calls = [
        {"id": id_, "type": "function", "function": {"name": name, "arguments": {"a": _REPLY}}}
        for name, id_ in calls
    ]
    return chat_message("assistant", "") | {"tool_calls": tool_calls}


def _result_message(name: str, id_: str) -> Message:
    return chat_message("tool", _RESULT) | {"tool_call_id": id_, "name": name}


def _shared_length(one: str, other: str) -> int:
    """The length of the shared prefix, in characters."""
    return len(list(takewhile(lambda pair: pair[0] == pair[1], zip(one, other, strict=False))))


def _after_shared(prompt: str, whole: str) -> str:
    """The part of `whole` after the prefix that it shares with `prompt`, the generation prompt.

    That may be less than `prompt`: it may open a reasoning that earlier turns render differently.
    """
    return whole[_shared_length(prompt, whole) :]


class Transcript:
    """The tokens of one chain so far; `written[i]` is True if the model wrote token i."""

    def __init__(self, template: ChatTemplate, prompt: Sequence[Message]) -> None:
        self._template = template
        self.token_ids: list[int] = template.prompt_ids(prompt)
        self.written: list[bool] = [False] * len(self.token_ids)

    def add_reply(self, token_ids: Sequence[int]) -> None:
        """Append the tokens of a reply exactly as they were sampled."""
        self.token_ids += token_ids
        self.written += [True] * len(token_ids)

    def add_messages(self, messages: Sequence[Message]) -> None:
        """Append the messages that follow a reply, and the generation prompt."""
        tokens = self._template.between(messages)
        tokens = tokens[self._template.overlap(self.token_ids, tokens) :]
        self.token_ids += tokens
        self.written += [False] * len(tokens)

    def extend(self, messages: Sequence[Message]) -> None:
        """Append recorded messages; assistant messages count as written by this model."""
        for written, group in groupby(messages, key=lambda message: message["role"] == "assistant"):
            if not written:
                self.add_messages(list(group))
                continue
            for message in group:
                self.add_reply(self._template.turn(message, self.token_ids))
