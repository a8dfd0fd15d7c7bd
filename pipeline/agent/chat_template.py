"""A tokenizer's chat template: messages to text, and text to tokens.

Templates differ in what they take. One that takes contents in parts gets them so, and one that has
no place for a system prompt gets it in front of the user's first message, as Gemma 3's has it. What
reads like a special token in a content stays ordinary text.

Not here: what of it the model writes (`pipeline.agent.transcript`).
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from pipeline.records import Message

_MARK = "CONTENT-MARK"
_BREAK = "\ufdd0"  # a noncharacter, which Unicode keeps out of texts


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


def chat_message(role: str, content: str) -> Message:
    """A message."""
    return {"role": role, "content": content}


class Rendering:
    """What a chat template makes of messages; `special` are its special tokens and their texts."""

    def __init__(
        self, tokenizer: Tokenizer, tools: Sequence[Mapping[str, Any]] | None = None
    ) -> None:
        self._tokenizer = tokenizer
        self.tools = tools
        self.special = _special(tokenizer)
        longest_first = sorted(self.special.values(), key=len, reverse=True)
        self.control = re.compile("|".join(map(re.escape, longest_first)) or "(?!)")
        self._in_parts = self._folds_system = False
        self._in_parts = not self._shows(chat_message("user", _MARK))
        self._folds_system = not self._shows(
            chat_message("system", _MARK), chat_message("user", "u")
        )

    @property
    def setting(self) -> str:
        """The setting that helps where a role is refused."""
        return "agent.dialect=inject" if self.tools else "agent.tool_role to a role that it knows"

    def text(self, messages: Sequence[Message], prompt: bool = False) -> str:
        """The messages as text, with the generation prompt where `prompt`; raises TemplateError."""
        try:
            return self._tokenizer.apply_chat_template(
                self._shaped(messages),
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
        """The tokens of rendered text, or of a text that went through `plain`."""
        pieces = text.split(_BREAK)
        return [t for p in pieces for t in self._tokenizer.encode(p, add_special_tokens=False)]

    def decode(self, token_ids: Sequence[int]) -> str:
        """The text of tokens, special ones included."""
        return self._tokenizer.decode(list(token_ids))

    def plain(self, text: str) -> str:
        """`text` marked so that what reads like a special token is encoded as ordinary text."""
        return self.control.sub(lambda found: found[0][0] + _BREAK + found[0][1:], text)

    def check_shows_tools(self) -> None:
        """Raise TemplateError where the template leaves the tools out."""
        user = self._shaped((chat_message("user", "u"),))
        without = self._tokenizer.apply_chat_template(user, tokenize=False)
        if without == self._tokenizer.apply_chat_template(user, tools=self.tools, tokenize=False):
            raise TemplateError(
                "the model's chat template takes no tools; set agent.dialect=inject, which writes "
                "the functions into the prompt"
            )

    def _shows(self, *messages: Message) -> bool:
        """Whether the template takes the messages and writes what the first says."""
        try:
            return _MARK in self.text(messages)
        except TemplateError:
            return False

    def _shaped(self, messages: Sequence[Message]) -> list[Message]:
        """The messages as the template takes them."""
        shaped = [
            message
            if message["role"] == "assistant"
            else message | {"content": self.plain(message["content"])}
            for message in messages
        ]
        if self._folds_system and [m["role"] for m in shaped[:2]] == ["system", "user"]:
            system, user = shaped[0]["content"], shaped[1]["content"]
            shaped[:2] = [chat_message("user", f"{system}\n\n{user}")]
        if not self._in_parts:
            return shaped
        return [m | {"content": [{"type": "text", "text": m["content"]}]} for m in shaped]


def _special(tokenizer: Tokenizer) -> dict[int, str]:
    """Special tokens, named or not: Gemma 3 and Phi 3 give their end of turn no name."""
    named = set(tokenizer.all_special_ids)
    added = tokenizer.added_tokens_decoder.items()
    return {token: str(how) for token, how in added if how.special or token in named}
