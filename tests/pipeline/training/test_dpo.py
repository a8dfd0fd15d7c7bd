"""TRL's trainer with our masks, against losses computed by hand: plain loops, no torch functions.

The tokenizer has one token per word, so positions can be counted by eye.
"""

from __future__ import annotations

import asyncio
import math
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
import torch
from datasets import Dataset
from tokenizers import Tokenizer, models, pre_tokenizers
from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast
from trl.trainer.dpo_config import DPOConfig
from trl.trainer.dpo_trainer import DataCollatorForPreference, DPOTrainer

from pipeline import tables
from pipeline.agent.agent import with_agent_tools
from pipeline.agent.loss_masks import encode_pair
from pipeline.agent.prompt import Inject, render
from pipeline.agent.transcript import ChatTemplate
from pipeline.pairs.candidates import Candidates
from pipeline.pairs.selection import pair_up
from pipeline.records import Chain, Step
from pipeline.training.dpo import MaskedDPOTrainer, MaskedPreferenceCollator
from pipeline.training.prefix_sharing import packing_width
from tests.pipeline.agent.scripted import ARITHMETIC, ScriptedEngine, rollout, task

SPECIALS = ["<pad>", "<end>", "<system>", "<user>", "<assistant>"]
WORDS = [*SPECIALS, "help", "two", "three", "add", "sub", "five", "one", "answer"]
PROMPT = [{"role": "system", "content": "help"}, {"role": "user", "content": "two three"}]
# the prompt: 0 <system>  1 help  2 <user>  3 two  4 three  5 <assistant>
PROMPT_WORDS = ["<system>", "help", "<user>", "two", "three", "<assistant>"]
# chosen: 6 add  7 <end>  8 <user>  9 five  10 <assistant>  11 answer  12 five  13 <end>
CHOSEN = ("add", "five", "answer five")
CHOSEN_WRITTEN = (6, 7, 11, 12, 13)
# rejected: 6 sub  7 <end>  8 <user>  9 one  10 <assistant>  11 answer  12 one  13 one  14 <end>
REJECTED = ("sub", "one", "answer one one")
REJECTED_WRITTEN = (6, 7, 11, 12, 13, 14)
# a second, shorter pair, so that the batch is padded: one turn per side, at 6, 7, 8
SECOND = (("answer five",), ("answer one",))
SECOND_WRITTEN = (6, 7, 8)
BETA = 0.3
CLOSE = 1e-6  # the model is float64, but TRL computes log-probabilities in float32


@pytest.fixture(scope="module")
def words() -> PreTrainedTokenizerFast:
    """A tokenizer whose tokens are the words of `WORDS`."""
    model = models.WordLevel({word: index for index, word in enumerate(WORDS)}, unk_token="<pad>")
    tokenizer = Tokenizer(model)
    tokenizer.pre_tokenizer = pre_tokenizers.WhitespaceSplit()  # type: ignore[assignment]  # stubs
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        pad_token="<pad>",
        eos_token="<end>",
        chat_template=(
            "{% for m in messages %}{{ ' <' + m['role'] + '> ' + m['content'] }}"
            "{% if m['role'] == 'assistant' %} <end>{% endif %}{% endfor %}"
            "{% if add_generation_prompt %} <assistant>{% endif %}"
        ),
    )


def _model(vocabulary: int, dtype: torch.dtype = torch.float64) -> Any:
    torch.manual_seed(0)
    config = LlamaConfig(
        vocab_size=vocabulary,
        hidden_size=16,
        intermediate_size=32,
        num_hidden_layers=2,
        num_attention_heads=2,
        num_key_value_heads=2,
        max_position_embeddings=2048,
        initializer_range=0.5,  # so that the probabilities are not uniform
    )
    model: Any = LlamaForCausalLM(config)
    return model.to(dtype)


def _side(texts: tuple[str, ...]) -> list[dict[str, str]]:
    roles = ("assistant", "user")
    return [{"role": roles[i % 2], "content": text} for i, text in enumerate(texts)]


def _rows(words: Any) -> list[dict[str, list[int]]]:
    template = ChatTemplate(words)
    sides = [(CHOSEN, REJECTED), SECOND]
    return [
        encode_pair({"prompt": PROMPT, "chosen": _side(c), "rejected": _side(r)}, template)
        for c, r in sides
    ]


def _arguments(folder: Path, **overrides: Any) -> DPOConfig:
    shared = {"report_to": [], "use_cpu": True, "bf16": False, "gradient_checkpointing": False}
    return DPOConfig(
        output_dir=str(folder),
        per_device_train_batch_size=2,
        max_length=None,
        disable_tqdm=True,
        save_strategy="no",
        **(shared | overrides),
    )


def _trainer(words: Any, folder: Path, **overrides: Any) -> MaskedDPOTrainer:
    """A trainer whose model has moved away from the reference that it computed at the start."""
    own = {name: overrides.pop(name) for name in ("nll_weight", "dpop_lambda") if name in overrides}
    trainer = MaskedDPOTrainer(
        model=_model(len(WORDS)),
        args=_arguments(folder, beta=BETA, precompute_ref_log_probs=True, **overrides),
        data_collator=MaskedPreferenceCollator(pad_token_id=0),
        train_dataset=Dataset.from_list(_rows(words)),
        processing_class=words,
        **own,
    )
    torch.manual_seed(1)
    model: Any = trainer.model
    with torch.no_grad():
        for weight in model.parameters():
            weight += 0.03 * torch.randn_like(weight)
    return trainer


def _loss(trainer: MaskedDPOTrainer) -> float:
    rows = [trainer.train_dataset[index] for index in range(2)]
    return trainer._compute_loss(trainer.model, trainer.data_collator(rows), False).item()


def _logps(model: Any, words: Any, texts: tuple[str, ...]) -> list[float]:
    """The log-probability of each token of prompt and side, by loops."""
    text = words.apply_chat_template(PROMPT + _side(texts), tokenize=False)
    ids = [WORDS.index(word) for word in text.split()]
    with torch.no_grad():
        logits = model(torch.tensor([ids])).logits[0].tolist()
    logps = [0.0]  # nothing predicts the first token
    for position in range(1, len(ids)):
        row = logits[position - 1]
        total = 0.0
        for logit in row:
            total += math.exp(logit)
        logps.append(row[ids[position]] - math.log(total))
    return logps


def _sum(logps: list[float], positions: tuple[int, ...]) -> float:
    return sum(logps[position] for position in positions)


def _by_hand(trainer: MaskedDPOTrainer, words: Any) -> dict[str, Any]:
    """Log-ratios of both pairs to the reference, and the log-probabilities of chosen tokens."""
    sides = {
        "chosen": [(CHOSEN, CHOSEN_WRITTEN), (SECOND[0], SECOND_WRITTEN)],
        "rejected": [(REJECTED, REJECTED_WRITTEN), (SECOND[1], SECOND_WRITTEN)],
    }
    start = _model(len(WORDS))
    ratios, tokens = {}, []
    for side, chains in sides.items():
        ratios[side] = []
        for texts, written in chains:
            now, before = (_logps(model, words, texts) for model in (trainer.model, start))
            ratios[side].append(_sum(now, written) - _sum(before, written))
            if side == "chosen":
                tokens += [now[position] for position in written]
    return ratios | {"tokens": tokens}


def _nll(tokens: list[float]) -> float:
    """The mean over both chosen chains of their NLL per token."""
    first, second = tokens[:5], tokens[5:]
    assert (len(first), len(second)) == (len(CHOSEN_WRITTEN), len(SECOND_WRITTEN)) == (5, 3)
    per_chain = -sum(first) / 5, -sum(second) / 3
    assert abs(sum(per_chain) / 2 + sum(tokens) / 8) > 1e-3  # TRL's mean over all tokens differs
    return sum(per_chain) / 2


def _log_sigmoid(x: float) -> float:
    return -math.log(1 + math.exp(-x))


def test_the_positions_in_the_comments_are_those_of_the_mask(
    words: Any,
) -> None:
    first, second = _rows(words)
    for row, side, positions in (
        (first, "chosen", CHOSEN_WRITTEN),
        (first, "rejected", REJECTED_WRITTEN),
        (second, "chosen", SECOND_WRITTEN),
        (second, "rejected", SECOND_WRITTEN),
    ):
        assert [WORDS[token] for token in row["prompt_ids"]] == PROMPT_WORDS
        mask = [0] * 6 + row[f"{side}_mask"]
        assert tuple(i for i, trained in enumerate(mask) if trained) == positions


def test_dpo_of_a_two_turn_chain_agrees_with_the_hand_computed_loss(
    words: Any, tmp_path: Path
) -> None:
    """-log sigmoid(beta * (chosen's log-ratio - rejected's)), arXiv 2305.18290, Eq. 7."""
    trainer = _trainer(words, tmp_path)
    hand = _by_hand(trainer, words)
    losses = [
        -_log_sigmoid(BETA * (chosen - rejected))
        for chosen, rejected in zip(hand["chosen"], hand["rejected"], strict=True)
    ]
    assert _loss(trainer) == pytest.approx(sum(losses) / 2, abs=CLOSE)
    assert abs(losses[0] - losses[1]) > 0.01  # neither is log 2, so the test is meaningful


def test_a_function_result_does_not_count(words: Any, tmp_path: Path) -> None:
    """TRL alone counts the tokens of the result: the loss differs."""
    trainer = _trainer(words, tmp_path)
    ours = _loss(trainer)
    collator = DataCollatorForPreference(pad_token_id=0)
    batch = collator([trainer.train_dataset[index] for index in range(2)])
    theirs = trainer._compute_loss(trainer.model, batch, False).item()
    assert abs(ours - theirs) > 0.01


def test_dpo_positive_with_nll_agrees_with_the_hand_computed_loss(
    words: Any, tmp_path: Path
) -> None:
    """arXiv 2402.13228, Eq. 3, with lambda 5, and 0.25 times the NLL per token of each chosen chain
    (arXiv 2404.19733)."""
    settings = {"loss_weights": [0.0], "nll_weight": 0.25, "dpop_lambda": 5.0}
    trainer = _trainer(words, tmp_path, **settings)
    hand = _by_hand(trainer, words)
    losses = [
        -_log_sigmoid(BETA * (chosen - rejected - 5 * max(0.0, -chosen)))
        for chosen, rejected in zip(hand["chosen"], hand["rejected"], strict=True)
    ]
    nll = _nll(hand["tokens"])
    assert _loss(trainer) == pytest.approx(sum(losses) / 2 + 0.25 * nll, abs=CLOSE)
    assert any(chosen < 0 for chosen in hand["chosen"])  # so the penalty applies


def test_dpo_with_nll_agrees_with_the_hand_computed_loss(words: Any, tmp_path: Path) -> None:
    settings = {"nll_weight": 0.25}
    trainer = _trainer(words, tmp_path, **settings)
    hand = _by_hand(trainer, words)
    losses = [
        -_log_sigmoid(BETA * (chosen - rejected))
        for chosen, rejected in zip(hand["chosen"], hand["rejected"], strict=True)
    ]
    nll = _nll(hand["tokens"])
    assert _loss(trainer) == pytest.approx(sum(losses) / 2 + 0.25 * nll, abs=CLOSE)


def test_ipo_agrees_with_the_hand_computed_loss(words: Any, tmp_path: Path) -> None:
    """arXiv 2310.12036, Eq. 17: (h - 1 / (2 tau))^2, tau our beta. The paper has the log-ratio of a
    side; TRL takes the mean over its tokens, as the paper's authors did."""
    trainer = _trainer(words, tmp_path, loss_type=["ipo"])
    hand = _by_hand(trainer, words)
    lengths = zip((CHOSEN_WRITTEN, SECOND_WRITTEN), (REJECTED_WRITTEN, SECOND_WRITTEN), strict=True)
    losses = [
        (chosen / len(chosen_written) - rejected / len(rejected_written) - 1 / (2 * BETA)) ** 2
        for chosen, rejected, (chosen_written, rejected_written) in zip(
            hand["chosen"], hand["rejected"], lengths, strict=True
        )
    ]
    assert _loss(trainer) == pytest.approx(sum(losses) / 2, abs=CLOSE)
    assert abs(losses[0] - losses[1]) > 0.01


def test_prefixes_are_shared_if_the_recipe_and_the_model_allow_it(
    caplog: pytest.LogCaptureFixture,
) -> None:
    assert packing_width(_model(len(WORDS)), share=True, max_tokens=100) == 16
    assert packing_width(_model(len(WORDS)), share=False, max_tokens=100) is None
    assert not caplog.messages


def test_a_model_that_cannot_share_prefixes_trains_without_and_warns(
    caplog: pytest.LogCaptureFixture,
) -> None:
    model = _model(len(WORDS))
    model.set_attn_implementation("eager")
    assert packing_width(model, share=True, max_tokens=100) is None
    assert caplog.messages == [
        "training without prefix sharing: LlamaForCausalLM: its attention is eager, not sdpa"
    ]


@pytest.mark.train
def test_dpo_positive_trains_the_weights(words: Any, tmp_path: Path) -> None:
    settings = {"loss_weights": [0.0], "dpop_lambda": 5.0}
    trainer = _trainer(words, tmp_path, max_steps=1, learning_rate=1e-3, **settings)
    before = _loss(trainer)
    trainer.train()
    assert _loss(trainer) < before


QUESTION = "Ava has 3 bags of 4 pens and loses 2. How many pens?"
CORRECT = ["multiply(a=3, b=4)", "subtract(a=12, b=2)", "answer(value=10)"]
INCORRECT = ["multiply(a=3, b=4)", "add(a=12, b=2)", "answer(value=14)"]


async def _chain(tokenizer: Any, script: list[str]) -> tuple[Chain, Any]:
    engine = ScriptedEngine(tokenizer, {QUESTION: script})
    return await rollout(engine)(task(QUESTION)), engine.requests


@pytest.fixture
def pairs(tokenizer: Any, tmp_path: Path) -> Path:
    """A folder of pairs, as the stage `pairs` writes them."""
    correct, incorrect = (
        asyncio.run(_chain(tokenizer, script))[0] for script in (CORRECT, INCORRECT)
    )
    made = pair_up(
        Candidates(QUESTION, QUESTION, (correct,), (incorrect,)),
        {"outcome": 1.0, "first_divergence": 1.0},
        2,
        0,
        Inject(with_agent_tools(ARITHMETIC)),
        Counter(),
    )
    assert {pair.strategy for pair in made} == {"outcome", "first_divergence"}
    tables.write_parts(tmp_path / "pairs", [tables.pair_row(pair) for pair in made], tables.PAIRS)
    return tmp_path / "pairs"


@pytest.mark.train
def test_pairs_load_unchanged_in_trl_and_become_our_tokens(
    pairs: Path, tokenizer: Any, template: ChatTemplate, tmp_path: Path
) -> None:
    dataset: Any = Dataset.from_parquet(
        [str(file) for file in tables.files(pairs)], cache_dir=str(tmp_path / "cache")
    )
    trainer = DPOTrainer(
        model=_model(len(tokenizer), torch.float32),
        args=_arguments(tmp_path / "out", max_steps=1, precompute_ref_log_probs=True),
        train_dataset=dataset,
        processing_class=tokenizer,
    )
    ours = [encode_pair(row, template) for row in tables.rows(pairs)]
    read: Any = trainer.train_dataset
    for theirs, row in zip(read, ours, strict=True):
        assert theirs["prompt_ids"] == row["prompt_ids"]
        assert theirs["chosen_ids"] == row["chosen_ids"]
        assert theirs["rejected_ids"] == row["rejected_ids"]
    result = trainer.train()
    assert result.global_step == 1
    assert result.training_loss == pytest.approx(math.log(2), abs=1e-3)  # at the reference


def test_trl_renders_a_pair_as_the_text_that_the_engine_reads(
    tokenizer: Any,
) -> None:
    chain, requests = asyncio.run(_chain(tokenizer, CORRECT))
    dialect = Inject(with_agent_tools(ARITHMETIC))
    steps: tuple[Step, ...] = chain.steps
    pair = {"prompt": dialect.prompt_messages(QUESTION), "chosen": render(dialect, steps)}
    text = tokenizer.apply_chat_template([*pair["prompt"], *pair["chosen"]], tokenize=False)
    read = tokenizer.decode(list(requests[-1].prompt))
    assert text == f"{read}answer(value=10)<|end|>"
    first = tokenizer.apply_chat_template(
        list(pair["prompt"]), tokenize=False, add_generation_prompt=True
    )
    assert first == tokenizer.decode(list(requests[0].prompt))
