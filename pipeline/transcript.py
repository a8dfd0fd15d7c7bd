"""Tokens in, tokens out: a chain as an append-only token buffer that knows what the model wrote.

What a model sampled is never tokenised again, and only what is new (a result and the generation
prompt) is encoded. Generation, evaluation, serving and training all build their tokens here, so a
student is trained on exactly the tokens that it meets, for any chat template.

Not here: what the messages say (`pipeline.prompt`), losses (`pipeline.dpo`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from pipeline.records import Message

_REPLY = "REPLY-MARK"
_USER: Message = {"role": "user", "content": "u"}


class Tokenizer(Protocol):
    """The part of a Hugging Face tokenizer that is used here."""

    @property
    def all_special_ids(self) -> list[int]: ...

    @property
    def added_tokens_decoder(self) -> dict[int, Any]: ...

    def apply_chat_template(self, conversation: Any, **kwargs: Any) -> Any: ...

    def encode(self, text: str, **kwargs: Any) -> list[int]: ...

    def decode(self, token_ids: list[int]) -> Any: ...


class TemplateError(ValueError):
    """A chat template refuses the messages of a dialect; the message says which setting helps."""


class ChatTemplate:
    """A tokenizer's chat template, cut into what comes before, between and after replies."""

    def __init__(
        self, tokenizer: Tokenizer, tools: Sequence[Mapping[str, Any]] | None = None
    ) -> None:
        self._tokenizer = tokenizer
        self._tools = tools
        self._special = _special(tokenizer)
        end = self._encode(self._after_reply(()))
        self.end_of_turn: int | None = end[0] if end and end[0] in self._special else None
        if tools is not None:
            self._check_shows_tools()

    def opening(self, messages: Sequence[Message]) -> list[int]:
        """The tokens before the first reply, generation prompt included."""
        return self._encode(self._render(messages, add_generation_prompt=True))

    def between(self, message: Message) -> list[int]:
        """The tokens from the end of a reply to the start of the next, bringing `message`."""
        after = self._after_call if "tool_call_id" in message else self._after_reply
        return self._encode(after((message,), add_generation_prompt=True))

    def reply(self, text: str) -> list[int]:
        """The tokens of a reply as a model would have written it, end of turn included."""
        end = [] if self.end_of_turn is None else [self.end_of_turn]
        return self._encode(text) + end

    def turn(self, message: Message) -> list[int]:
        """The tokens of an assistant's message as a model would have written it."""
        if not message.get("tool_calls"):
            return self.reply(message["content"])
        opening = self._render((_USER,), add_generation_prompt=True)
        whole = self._render((_USER, message))
        if not whole.startswith(opening):
            raise TemplateError(
                "the model's chat template does not write a call behind its generation prompt; "
                "set agent.dialect=inject"
            )
        return self._until_end_of_turn(self._encode(whole.removeprefix(opening)))

    def text(self, token_ids: Sequence[int]) -> str:
        """A reply's text with the template's own tokens, but for the end of turn."""
        last = token_ids[-1] if token_ids else None
        ends = last is not None and last == self.end_of_turn
        return self._tokenizer.decode(list(token_ids)[: -1 if ends else None])

    def _after_reply(self, messages: Sequence[Message], **kwargs: Any) -> str:
        start = (_USER, {"role": "assistant", "content": _REPLY})
        return self._render((*start, *messages), **kwargs).partition(_REPLY)[2]

    def _after_call(self, messages: Sequence[Message], **kwargs: Any) -> str:
        """What follows a call's last written token; templates look for the call of a result."""
        function = {"name": messages[0]["name"], "arguments": {}}
        call = {"id": messages[0]["tool_call_id"], "type": "function", "function": function}
        start = (_USER, {"role": "assistant", "content": "", "tool_calls": [call]})
        before, whole = self._render(start), self._render((*start, *messages), **kwargs)
        return whole[before.rfind(self._end_text()) :]  # of nothing: the end

    def _end_text(self) -> str:
        return "" if self.end_of_turn is None else self._tokenizer.decode([self.end_of_turn])

    def _until_end_of_turn(self, tokens: list[int]) -> list[int]:
        """Without the line break that a template puts behind the end of a turn."""
        ends = [index for index, token in enumerate(tokens) if token in self._special]
        return tokens[: ends[-1] + 1] if ends else tokens

    def _check_shows_tools(self) -> None:
        """Raise TemplateError where the template leaves the tools out."""
        shown = self._render((_USER,))
        if shown == self._tokenizer.apply_chat_template([_USER], tokenize=False):
            raise TemplateError(
                "the model's chat template takes no tools; set agent.dialect=inject, which writes "
                "the functions into the prompt"
            )

    def _render(self, messages: Sequence[Message], **kwargs: Any) -> str:
        try:
            return self._tokenizer.apply_chat_template(
                list(messages), tools=self._tools, tokenize=False, **kwargs
            )
        except Exception as error:  # jinja2.TemplateError, raised by the template itself
            roles = ", ".join(message["role"] for message in messages)
            mend = "agent.tool_role to a role that it knows"
            raise TemplateError(
                f"the model's chat template refuses the roles {roles}: {error}; "
                f"set {mend if self._tools is None else 'agent.dialect=inject'}"
            ) from error

    def _encode(self, text: str) -> list[int]:
        return self._tokenizer.encode(text, add_special_tokens=False)


def _special(tokenizer: Tokenizer) -> set[int]:
    """Special tokens, named or not: Gemma 3 and Phi 3 give their end of turn no name."""
    added = tokenizer.added_tokens_decoder.items()
    return {*tokenizer.all_special_ids, *(token for token, how in added if how.special)}


class Transcript:
    """The tokens of one chain so far; `written[i]` is True where the model wrote token i."""

    def __init__(self, template: ChatTemplate, opening: Sequence[Message]) -> None:
        self._template = template
        self.token_ids: list[int] = template.opening(opening)
        self.written: list[bool] = [False] * len(self.token_ids)

    def add_reply(self, token_ids: Sequence[int]) -> None:
        """Append what the model sampled, exactly as it was sampled."""
        self.token_ids += token_ids
        self.written += [True] * len(token_ids)

    def add_message(self, message: Message) -> None:
        """Append the message that follows a reply, and the generation prompt."""
        tokens = self._template.between(message)
        if tokens and tokens[0] == self.token_ids[-1] == self._template.end_of_turn:
            tokens = tokens[1:]  # the reply ended with it
        self.token_ids += tokens
        self.written += [False] * len(tokens)

    def extend(self, messages: Sequence[Message]) -> None:
        """Append recorded messages as if this model had written the assistant's."""
        for message in messages:
            if message["role"] == "assistant":
                self.add_reply(self._template.turn(message))
            else:
                self.add_message(message)
