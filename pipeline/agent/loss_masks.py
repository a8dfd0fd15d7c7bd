"""Pairs and correct chains as tokens, with loss masks.

The masks select the tokens that the model wrote after the prompt, its ends of turn included, but no
tool results or other template tokens. TRL masks only the prompt; the columns here mask the rest.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import groupby
from typing import Any

from pipeline.agent.transcript import ChatTemplate, Transcript
from pipeline.records import Message

IGNORED = -100  # label of a token that is not trained on, the default of torch's cross entropy


def encode_pair(row: Mapping[str, Any], template: ChatTemplate) -> dict[str, list[int]]:
    """A row of PAIRS as TRL's `prompt_ids`, `chosen_ids`, `rejected_ids`, and a mask per side.

    `chosen_mask[i]` is 1 if the model wrote token i of `chosen_ids`.
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


def encode_supervised(
    row: Mapping[str, Any], template: ChatTemplate, masks_failed: bool = True
) -> dict[str, list[int]]:
    """A row of SUPERVISED as `input_ids` and `labels`, IGNORED if the model did not write it.

    With `masks_failed`, replies whose call failed are IGNORED too: they are context for the reply
    that corrects them.
    """
    whole = encode(row["prompt"], template)
    labels = [IGNORED] * len(whole.token_ids)
    failed = set(row.get("failed") or ()) if masks_failed else set()
    for place, messages in _turns(row["completion"]):
        start = len(whole.token_ids)
        whole.extend(messages)
        new = zip(whole.token_ids[start:], whole.written[start:], strict=True)
        labels += [token if written and place not in failed else IGNORED for token, written in new]
    return {"input_ids": whole.token_ids, "labels": labels}


def _turns(messages: Sequence[Message]) -> Iterator[tuple[int, list[Message]]]:
    """Each reply alone, and the messages between replies together, with their places."""
    for is_reply, group in groupby(
        enumerate(messages), key=lambda each: each[1]["role"] == "assistant"
    ):
        turn = list(group)
        if not is_reply:
            yield turn[0][0], [message for _, message in turn]
            continue
        for place, message in turn:
            yield place, [message]


def encode(messages: Sequence[Message], template: ChatTemplate) -> Transcript:
    """The transcript of recorded messages, prompt messages first."""
    first_reply = next(
        (i for i, message in enumerate(messages) if message["role"] == "assistant"), len(messages)
    )
    transcript = Transcript(template, messages[:first_reply])
    transcript.extend(messages[first_reply:])
    return transcript
