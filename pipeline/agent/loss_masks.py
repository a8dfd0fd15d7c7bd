"""Pairs and right chains as tokens, with the mask of what is trained.

Only what the model wrote after the prompt counts: never a tool's result, never the template's own
tokens but the end of a turn. TRL masks the prompt alone; the columns made here carry the rest.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from pipeline.agent.transcript import ChatTemplate, Transcript
from pipeline.records import Message

IGNORED = -100  # label of a token that is not trained on, as torch's cross entropy has it


def encode_pair(row: Mapping[str, Any], template: ChatTemplate) -> dict[str, list[int]]:
    """A row of PAIRS as TRL's `prompt_ids`, `chosen_ids`, `rejected_ids`, and a mask of each side.

    `chosen_mask[i]` is 1 where token i of `chosen_ids` was written by the model.
    """
    prompt = encode(row["prompt"], template)
    encoded = {"prompt_ids": prompt.token_ids}
    for side in ("chosen", "rejected"):
        whole = encode(row["prompt"], template)
        whole.extend(row[side])
        start = len(prompt.token_ids)
        encoded[f"{side}_ids"] = whole.token_ids[start:]
        encoded[f"{side}_mask"] = [int(written) for written in whole.written[start:]]
    return encoded


def encode_supervised(row: Mapping[str, Any], template: ChatTemplate) -> dict[str, list[int]]:
    """A row of SUPERVISED as `input_ids` and `labels`, IGNORED where the model did not write."""
    start = len(encode(row["prompt"], template).token_ids)
    whole = encode(row["prompt"], template)
    whole.extend(row["completion"])
    labels = [
        token if written and index >= start else IGNORED
        for index, (token, written) in enumerate(zip(whole.token_ids, whole.written, strict=True))
    ]
    return {"input_ids": whole.token_ids, "labels": labels}


def encode(messages: Sequence[Message], template: ChatTemplate) -> Transcript:
    """The transcript of recorded messages, which start with the opening."""
    opening = next(
        (i for i, message in enumerate(messages) if message["role"] == "assistant"), len(messages)
    )
    transcript = Transcript(template, messages[:opening])
    transcript.extend(messages[opening:])
    return transcript
