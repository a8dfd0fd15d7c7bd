from __future__ import annotations

from cluster.errors import last_line

DIED = """ray::MapWorker(MapBatches(RolloutActor)).submit() (pid=7, ip=127.0.0.1)
  File "pipeline/generation/actor.py", line 190, in _die
    raise RuntimeError("the engine died 5 times")
RuntimeError: the engine died 5 times
"""
ADVICE = """
The above exception was the direct cause of the following exception:

ray::MapWorker(MapBatches(RolloutActor)).submit() (pid=7, ip=127.0.0.1)
ray.exceptions.UserCodeException: UDF failed to process a data block.
Failed to apply UDF transform after 1/1 attempts (total backoff 0.0s).
To change retry attempts, configure `ray.data.DataContext.get_current()`.
"""
OURS = """
The above exception was the direct cause of the following exception:

pipeline.errors.StageFailed: nothing was made
"""


def test_the_last_line_of_a_wrapped_error_is_the_cause_and_not_ray_datas_advice() -> None:
    assert last_line(DIED + ADVICE) == last_line(DIED) == "RuntimeError: the engine died 5 times"


def test_the_last_line_of_our_own_chained_errors_is_of_the_last_error() -> None:
    assert last_line(DIED + OURS) == last_line(DIED + OURS + ADVICE) == "nothing was made"
