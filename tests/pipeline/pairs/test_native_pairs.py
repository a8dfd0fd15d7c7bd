"""Pairs in dialect `native`: as files, in TRL, and as training tokens."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
import torch
from datasets import Dataset
from transformers import LlamaConfig, LlamaForCausalLM
from trl.trainer.dpo_config import DPOConfig
from trl.trainer.dpo_trainer import DPOTrainer

from pipeline import tables
from pipeline.agent.agent import with_agent_tools
from pipeline.agent.loss_masks import encode_pair
from pipeline.agent.native import Native, tools_of
from pipeline.agent.transcript import ChatTemplate
from pipeline.engine.tool_parsers import reader
from pipeline.pairs.candidates import Candidates
from pipeline.pairs.selection import pair_up
from pipeline.records import Chain, PreferencePair, Step
from tests.pipeline.agent.families import HERMES, tokenizer_of
from tests.pipeline.agent.scripted import ARITHMETIC
from toolsets import ToolResult

pytestmark = pytest.mark.vllm  # for its tool-call parsers

TOOLSET = with_agent_tools(ARITHMETIC)
HALF = HERMES.call.replace('"a": 2', '"a": 0.5')


@pytest.fixture(scope="module")
def hermes(tokenizer: Any) -> Any:
    return tokenizer_of(HERMES, tokenizer)


@pytest.fixture(scope="module")
def dialect(hermes: Any) -> Native:
    return Native(TOOLSET, reader("hermes", hermes, tools_of(TOOLSET)))


@pytest.fixture(scope="module")
def pair(dialect: Native) -> PreferencePair:
    correct = _chain(dialect, "correct", (f"I add.\n{HERMES.call}", "5"), _answer(5))
    incorrect = _chain(
        dialect, "incorrect", ("No idea.", "Reply with one tool call."), (HALF, "3.5")
    )
    candidates = Candidates("p", "2 + 3?", (correct,), (incorrect,))
    (made,) = pair_up(candidates, {"outcome": 1.0}, 1, 0, dialect, Counter())
    return made


@pytest.fixture(scope="module")
def folder(pair: PreferencePair, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of pairs, as the stage `pairs` writes them."""
    place = tmp_path_factory.mktemp("pairs")
    tables.write_parts(place, [tables.pair_row(pair)], tables.PAIRS_NATIVE)
    return place


def test_a_pair_survives_the_round_trip_through_parquet(pair: PreferencePair, folder: Path) -> None:
    (row,) = tables.rows(folder)
    written = tables.pair_row(pair)
    assert row == written | {name: list(written[name]) for name in ("prompt", "chosen", "rejected")}
    assert row["chosen"][0]["tool_calls"][0]["function"]["arguments"] == {"a": 2, "b": 3}
    (file,) = tables.files(folder)
    assert pq.read_schema(file).equals(tables.PAIRS_NATIVE)
    assert pq.read_schema(file).metadata[b"apprentice_version"] == tables.VERSION.encode()


def test_only_model_written_tokens_are_trained(folder: Path, dialect: Native, hermes: Any) -> None:
    (row,) = tables.rows(folder)
    encoded = encode_pair(row, ChatTemplate(hermes, dialect.tools))
    trained = {
        side: hermes.decode(
            [t for t, m in zip(encoded[f"{side}_ids"], encoded[f"{side}_mask"], strict=True) if m]
        )
        for side in ("chosen", "rejected")
    }
    end, answer = HERMES.end, _answer(5)[0]
    assert trained["chosen"] == f"I add.\n{HERMES.call}{end}{answer}{end}"
    assert trained["rejected"] == f"No idea.{end}{HALF}{end}"


@pytest.mark.train
def test_pairs_load_unchanged_in_trl_and_become_our_tokens(
    folder: Path, dialect: Native, hermes: Any, tmp_path: Path
) -> None:
    files = [str(file) for file in tables.files(folder)]
    dataset: Any = Dataset.from_parquet(files, cache_dir=str(tmp_path / "cache"))
    arguments = DPOConfig(
        output_dir=str(tmp_path / "out"),
        report_to=[],
        use_cpu=True,
        bf16=False,
        max_length=None,
        precompute_ref_log_probs=True,  # else TRL loads a reference model by name
    )
    trainer = DPOTrainer(
        model=_model(len(hermes)),
        args=arguments,
        train_dataset=dataset,
        processing_class=hermes,
    )
    (row,) = tables.rows(folder)
    ours = encode_pair(row, ChatTemplate(hermes, dialect.tools))
    read: Any = trainer.train_dataset
    (theirs,) = read
    assert theirs["prompt_ids"] == ours["prompt_ids"]
    for side in ("chosen_ids", "rejected_ids"):  # TRL keeps the line break after the last turn
        assert hermes.decode(theirs[side]) == hermes.decode(ours[side]) + "\n"
        assert theirs[side][: len(ours[side])] == ours[side]


def _answer(value: int) -> tuple[str, None]:
    call = HERMES.call.replace("add", "answer").replace('{"a": 2, "b": 3}', f'{{"value": {value}}}')
    return call, None


def _chain(dialect: Native, model: str, *turns: tuple[str, str | None]) -> Chain:
    steps = []
    for reply, content in turns:
        call = dialect.parse(reply)[0] if "<tool_call>" in reply else None
        result = None if content is None else ToolResult(call is not None, content)
        steps.append(Step(reply, call, result))
    return Chain(f"p/{model}/0", "p", model, 0, 0, (), tuple(steps), "answer")


def _model(vocabulary: int) -> Any:
    torch.manual_seed(0)
    config = LlamaConfig(
        vocab_size=vocabulary,
        hidden_size=16,
        intermediate_size=32,
        num_hidden_layers=2,
        num_attention_heads=2,
        num_key_value_heads=2,
    )
    return LlamaForCausalLM(config)
