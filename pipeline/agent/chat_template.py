"""A tokenizer's chat template: messages to text, and text to tokens.

Messages are adapted to the template: contents become lists of parts if it requires that, and a
template without a system role gets the system prompt in front of the user's first message, as in
Gemma 3's template. Text in a content that looks like a special token stays ordinary text.

Not here: which tokens the model writes (`pipeline.agent.transcript`).
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from pipeline.records import Message

_MARK = "CONTENT-MARK"
_BREAK = "\ufdd0"  # a Unicode noncharacter, which texts do not contain


class Tokenizer(Protocol):
    """The part of a Hugging Face tokenizer that this module uses."""

    @property
    def all_special_ids(self) -> list[int]: ...

    @property
    def added_tokens_decoder(self) -> dict[int, Any]: ...

    def apply_chat_template(self, conversation: Any, **kwargs: Any) -> Any: ...

    def encode(self, text: str, **kwargs: Any) -> list[int]: ...

    def decode(self, token_ids: list[int]) -> Any: ...


class TemplateError(ValueError):
    """A chat template does not support a dialect's messages; names the setting to change."""


def chat_message(role: str, content: str) -> Message:
    return {"role": role, "content": content}


class Rendering:
    """Renders and encodes messages; `special` maps special token ids to their texts."""

    def __init__(
        self, tokenizer: Tokenizer, tools: Sequence[Mapping[str, Any]] | None = None
    ) -> None:
        self._tokenizer = tokenizer
        self.tools = tools
        self.special = _special(tokenizer)
        longest_first = sorted(self.special.values(), key=len, reverse=True)
        self.special_pattern = re.compile("|".join(map(re.escape, longest_first)) or "(?!)")
        self._in_parts = self._folds_system = False
        self._in_parts = not self._renders(chat_message("user", _MARK))
        self._folds_system = not self._renders(
            chat_message("system", _MARK), chat_message("user", "u")
        )

    @property
    def setting(self) -> str:
        """The setting to change if the template rejects a role."""
        return "agent.dialect=inject" if self.tools else "agent.tool_role to a role that it knows"

    def text(self, messages: Sequence[Message], prompt: bool = False) -> str:
        """The messages as text, plus the generation prompt if `prompt`; raises TemplateError."""
        try:
            return self._tokenizer.apply_chat_template(
                self._adapted(messages),
                tools=self.tools,
                tokenize=False,
                add_generation_prompt=prompt,
            )
        except Exception as error:  # jinja2.TemplateError, raised by the template itself
            roles = ", ".join(message["role"] for message in messages)
            raise TemplateError(
                f"the model's chat template refuses the roles {roles}: {error}; set {self.setting}"
            ) from error

    def encode(self, text: str) -> list[int]:
        """The tokens of rendered text, or of a text returned by `escaped`."""
        pieces = text.split(_BREAK)
        return [t for p in pieces for t in self._tokenizer.encode(p, add_special_tokens=False)]

    def decode(self, token_ids: Sequence[int]) -> str:
        """The text of tokens, special tokens included."""
        return self._tokenizer.decode(list(token_ids))

    def escaped(self, text: str) -> str:
        """`text` with marks, so that `encode` reads no special token in it."""
        return self.special_pattern.sub(lambda match: match[0][0] + _BREAK + match[0][1:], text)

    def check_shows_tools(self) -> None:
        """Raise TemplateError if the template leaves out the tools."""
        user = self._adapted((chat_message("user", "u"),))
        without = self._tokenizer.apply_chat_template(user, tokenize=False)
        if without == self._tokenizer.apply_chat_template(user, tools=self.tools, tokenize=False):
            raise TemplateError(
                "the model's chat template takes no tools; set agent.dialect=inject, which writes "
                "the functions into the prompt"
            )

    def _renders(self, *messages: Message) -> bool:
        """Whether the template accepts the messages and renders the content _MARK."""
        try:
            return _MARK in self.text(messages)
        except TemplateError:
            return False

    def _adapted(self, messages: Sequence[Message]) -> list[Message]:
        """The messages in the form that the template requires."""
        adapted = [
            message
            if message["role"] == "assistant"
            else message | {"content": self.escaped(message["content"])}
            for message in messages
        ]
        if self._folds_system and [m["role"] for m in adapted[:2]] == ["system", "user"]:
            system, user = adapted[0]["content"], adapted[1]["content"]
            adapted[:2] = [chat_message("user", f"{system}\n\n{user}")]
        if not self._in_parts:
            return adapted
        return [m | {"content": [{"type": "text", "text": m["content"]}]} for m in adapted]


def _special(tokenizer: Tokenizer) -> dict[int, str]:
    """Special token ids and texts, also unnamed ones, as the ends of turn of Gemma 3 and Phi 3."""
    named = set(tokenizer.all_special_ids)
    added = tokenizer.added_tokens_decoder.items()
    return {id_: str(token) for id_, token in added if token.special or id_ in named}
