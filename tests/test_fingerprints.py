"""The results of a run with fixed inputs match the recorded hashes."""

from __future__ import annotations

from tests.fingerprints import fingerprints

RECORDED = {  # python -m tests.fingerprints; a change here needs its reason in CHANGELOG.md
    "tasks": "7a40361403b1e5cd",
    "prompt": "00cb3890532bb9ff",
    "pairs": "c6b48d9390ce5f52",
    "loss_masks": "9ecde3a4f36621ff",
    "metrics": "7da0e5ede5262f51",
}


def test_tasks_prompt_pairs_loss_masks_and_metrics_match_the_record() -> None:
    assert fingerprints() == RECORDED
