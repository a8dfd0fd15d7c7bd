from __future__ import annotations

import io
from pathlib import Path

import pytest
from rich.console import Console

from pipeline import tables
from pipeline.agent.transcript import ChatTemplate
from pipeline.errors import CannotStart
from pipeline.records import Chain, PreferencePair, Problem, Step, Verdict
from pipeline.run import show
from pipeline.run_dir import RunDir
from tests.pipeline.agent.scripted import TextTokenizer
from toolsets import ToolCall, ToolResult

PROBLEM = Problem("p", "arithmetic", "What is [1 + 2]?", "3", "train")
CALL = ToolCall("add", {"a": 1, "b": 2}, "add(a=1, b=2)")
STEPS = (
    Step("add(a=1", None, ToolResult(False, "The reply is not a call.", "unparseable_call")),
    Step("add(a=1, b=2)", CALL, ToolResult(True, "3")),
)


def _row(
    name: str, answer: str | None, correct: bool | None, failure: str | None
) -> dict[str, object]:
    last = Step(f"answer({answer!r})", ToolCall("answer", {"value": answer}, ""), None)
    chain = Chain(name, "p", "teacher", 0, 0, (), (*STEPS, last), "answer", answer)
    return tables.chain_row(chain, PROBLEM, Verdict(name, correct, "3", answer, failure))  # type: ignore[arg-type]  # failure is a literal


@pytest.fixture
def run(tmp_path: Path) -> RunDir:
    """A run with three chains and one pair; names and answers look like markup."""
    run = RunDir(tmp_path)
    run.write({"stages": {}})
    rows = [
        _row("p/[red]/0", "3", True, None),
        _row("p/[red]/1", "[/bold] four", False, "wrong_answer"),
        _row("p/[red]/2", None, None, "engine_error"),
    ]
    tables.write(run.chains / "chains-1.parquet", rows, tables.CHAINS)
    pair = PreferencePair(
        pair_id="0f",
        problem_id="p[/b]",
        prompt=({"role": "user", "content": "1 + 2?"},),
        chosen=(
            {"role": "assistant", "content": "add(a=1, b=2)"},
            {"role": "user", "content": "3"},
            {"role": "assistant", "content": "answer(3)"},
        ),
        rejected=({"role": "assistant", "content": "answer([4])"},),
        tools=None,
        strategy="outcome",
        chosen_chain_id="p/[red]/0",
        rejected_chain_id="p/[red]/1",
    )
    tables.write(run.pairs / "part-0.parquet", [tables.pair_row(pair)], tables.PAIRS)
    return run


@pytest.fixture
def console() -> Console:
    return Console(
        record=True,
        width=100,
        file=io.StringIO(),
        highlight=False,
        color_system="truecolor",
        force_terminal=True,
    )


def test_chains_are_listed_one_per_line(run: RunDir, console: Console) -> None:
    show.list_chains(run, console)
    assert console.export_text().splitlines() == [
        "correct    p/[red]/0  1 calls  answer 3  expected 3  ",
        "incorrect  p/[red]/1  1 calls  answer [/bold] four  expected 3  wrong_answer",
        "error      p/[red]/2  1 calls  answer None  expected 3  engine_error",
    ]


def test_a_long_list_is_cut_with_a_count_of_the_rest(run: RunDir, console: Console) -> None:
    rows = [_row(f"p/t/{index}", "3", True, None) for index in range(show.SHOWN + 5)]
    tables.write(run.chains / "chains-2.parquet", rows, tables.CHAINS)
    show.list_chains(run, console)
    lines = console.export_text().splitlines()
    listed = [line for line in lines if line.startswith(("correct", "incorrect", "error"))]
    assert len(listed) == show.SHOWN
    assert "... 8 more; python -m pipeline show" in lines[show.SHOWN]


def test_one_chain_shows_its_calls_results_and_verdict(run: RunDir, console: Console) -> None:
    show.show_chain(show.chain_row(run, "p/[red]/1"), console)
    assert console.export_text().splitlines() == [
        "What is [1 + 2]?",
        "  add(a=1",
        "    -> The reply is not a call.",
        "  add(a=1, b=2)",
        "    -> 3",
        "  answer('[/bold] four')",
        "incorrect (wrong_answer): answered [/bold] four, expected 3",
    ]


def test_a_chain_without_a_verdict_is_shown_as_such(run: RunDir, console: Console) -> None:
    show.show_chain(show.chain_row(run, "p/[red]/2"), console)
    assert "no verdict: answered None, expected 3" in console.export_text()


def test_chains_of_the_evaluation_are_found_too(run: RunDir) -> None:
    row = _row("test/teacher/0", "3", True, None)
    tables.write(run.evaluation / "chains-1.parquet", [row], tables.CHAINS)
    assert show.chain_row(run, "test/teacher/0")["answer"] == "3"


def test_the_mask_is_the_trained_text(
    run: RunDir, template: ChatTemplate, tokenizer: TextTokenizer
) -> None:
    pieces = show.mask_pieces(run, tokenizer)
    assert pieces == {
        "pair_id": "0f",
        "problem_id": "p[/b]",
        "strategy": "outcome",
        "chosen_chain_id": "p/[red]/0",
        "rejected_chain_id": "p/[red]/1",
        "pair_count": 1,
        "prompt": "<|user|>1 + 2?<|assistant|>",
        "chosen": [
            {"trained": True, "text": "add(a=1, b=2)<|end|>"},
            {"trained": False, "text": "<|user|>3<|assistant|>"},
            {"trained": True, "text": "answer(3)<|end|>"},
        ],
        "rejected": [{"trained": True, "text": "answer([4])<|end|>"}],
    }


@pytest.mark.parametrize("chain_id", ["p/[red]/0", "p/[red]/1"])
def test_the_mask_of_a_chain_is_taken_from_its_pair(
    run: RunDir, template: ChatTemplate, tokenizer: TextTokenizer, chain_id: str
) -> None:
    (row,) = tables.rows(run.pairs)
    other = {"pair_id": "1a", "chosen_chain_id": "q/0", "rejected_chain_id": "q/1"}
    tables.write(run.pairs / "part-0.parquet", [row | other, row], tables.PAIRS)
    assert show.mask_pieces(run, tokenizer)["pair_id"] == "1a"
    pieces = show.mask_pieces(run, tokenizer, chain_id)
    assert (pieces["pair_id"], pieces["pair_count"]) == ("0f", 1)
    with pytest.raises(CannotStart, match=r"no pair of .* was built from chain p/\[red\]/2"):
        show.mask_pieces(run, tokenizer, "p/[red]/2")
    with pytest.raises(CannotStart, match=r"^no chain 'p/9' in "):
        show.mask_pieces(run, tokenizer, "p/9")


def test_trained_tokens_are_coloured_and_the_others_dim(
    run: RunDir, template: ChatTemplate, tokenizer: TextTokenizer, console: Console
) -> None:
    show.show_mask(show.mask_pieces(run, tokenizer), console)
    styled = console.export_text(styles=True, clear=False)
    assert "\x1b[1;30;42madd(a=1, b=2)<|end|>\x1b[0m" in styled  # black on green
    assert "<|end|>\x1b[0m\x1b[1;2m<|user|>3<|assistant|>\x1b[0m" in styled  # dim
    assert "\x1b[1;30;41manswer([4])<|end|>\x1b[0m" in styled  # black on red
    plain = console.export_text()
    assert plain.startswith(
        "pair 0f of p[/b] (outcome), 1 of 1\n"
        "chosen p/[red]/0, rejected p/[red]/1\n"
        "<|user|>1 + 2?<|assistant|>\n"
    )
    assert "chosen: add(a=1, b=2)<|end|><|user|>3<|assistant|>answer(3)<|end|>" in plain


def test_without_colours_trained_text_is_in_brackets(
    run: RunDir, template: ChatTemplate, tokenizer: TextTokenizer
) -> None:
    out = io.StringIO()
    show.show_mask(show.mask_pieces(run, tokenizer), Console(file=out, width=40))
    assert out.getvalue().splitlines()[3:5] == [
        "chosen: [[add(a=1, b=2)<|end|>]]<|user|>3<|assistant|>[[answer(3)<|end|>]]",
        "rejected: [[answer([4])<|end|>]]",
    ]


def test_missing_data_is_reported_in_one_sentence(
    tmp_path: Path, run: RunDir, template: ChatTemplate, tokenizer: TextTokenizer
) -> None:
    empty = tmp_path / "empty"
    with pytest.raises(CannotStart, match=r"is not a run directory: it has no run\.json"):
        show.run_of(empty)
    assert show.run_of(run.path) == run
    with pytest.raises(CannotStart, match=r"^no chain 'p/9' in "):
        show.chain_row(run, "p/9")
    with pytest.raises(CannotStart, match="holds no chains; is it a run directory"):
        show.chain_row(RunDir(empty), "p/9")
    with pytest.raises(CannotStart, match="holds no pairs; run pairs first"):
        show.mask_pieces(RunDir(empty), tokenizer)
