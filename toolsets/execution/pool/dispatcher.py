"""Which worker gets which call, and what happens to the calls of a worker that hangs or dies.

One thread reads what the workers (`toolsets.execution.pool.process`) reply, looks at the clock, and
starts and ends their processes. Whoever adds a call sends it himself where a worker has room: a
call costs one change of threads less. Workers are sent calls ahead; once a call takes long, those
behind it are taken back and go to others.

Not here: what a caller sees (`toolsets.execution.executor`).
"""

from __future__ import annotations

import logging
import os
import select
import subprocess
import threading
import time
from collections import Counter, deque
from collections.abc import Callable, Sequence

from toolsets.calls.model import ToolResult
from toolsets.errors import ToolsetError
from toolsets.execution.pool.job import Job, Metrics, Outcome, Settled, deliver
from toolsets.execution.pool.process import (
    START_SECONDS,
    BrokenWorkerError,
    WorkerProcess,
    timed_out,
)

GRACE = 0.15  # of a call's seconds, from the worker's own alarm to the kill from outside
PATIENCE_SECONDS = 0.005  # with a call, before those behind it are taken back
TICK_SECONDS = 0.02  # between looks at the clock
MOST_RESTARTS = 2  # in a row, of a process that ends before it is ready
AWAKE_SECONDS = 1.0  # after the last call, before the thread sleeps until it is woken

_log = logging.getLogger("toolsets")


class Dispatcher:
    """The queue of calls and the thread that serves it; `close` ends both."""

    def __init__(self, workers: Sequence[WorkerProcess], max_waiting: int) -> None:
        self._workers = workers
        self._max_waiting = max_waiting
        self._lock = threading.Lock()  # for everything below
        self._closed = False
        self._asleep = False  # the thread, or a worker: an added call has to wake it
        self._jobs: deque[Job] = deque()  # not sent yet
        self._waiting = 0  # sent or not
        self._timeout: float | None = 0.0  # of the next wait for replies, in milliseconds
        self._next_look = 0.0  # at the clock
        self._settled: list[Settled] = []  # to be delivered without the lock
        self._ended: list[subprocess.Popen[bytes]] = []  # to be waited for without the lock
        self._counts: Counter[str] = Counter()
        self._failures: Counter[str] = Counter()
        self._warned = False
        self._by_replies: dict[int, WorkerProcess] = {}
        self._wake_reader, self._wake_writer = os.pipe()
        self._poll = select.poll()
        self._poll.register(self._wake_reader, select.POLLIN)
        self._thread = threading.Thread(target=self._serve, name="executor", daemon=True)
        self._thread.start()

    def add(self, job: Job) -> None:
        """Execute a call; raises RuntimeError where closed or overloaded."""
        with self._lock:
            if self._closed:
                raise RuntimeError("the executor is closed")
            if self._waiting >= self._max_waiting:
                raise RuntimeError(f"{self._waiting:,} calls wait already; await some of them")
            self._waiting += 1
            self._jobs.append(job)
            self._feed()
            if self._asleep:
                self._asleep = False
                os.write(self._wake_writer, b".")

    def metrics(self) -> Metrics:
        """What was done so far."""
        with self._lock:
            return Metrics(
                calls=self._counts["calls"],
                failures=dict(self._failures),
                kills=self._counts["kills"],
                respawns=max(0, self._counts["starts"] - len(self._workers)),
                busy_seconds=sum(worker.busy_seconds for worker in self._workers),
                waiting=self._waiting,
            )

    def close(self) -> None:
        """Kill the workers and wait for the thread; calls that wait raise RuntimeError."""
        with self._lock:
            if not self._closed:
                self._closed = True
                os.write(self._wake_writer, b".")
        self._thread.join()

    # Under the lock, in any thread

    def _feed(self) -> None:
        while self._jobs:
            worker = min(self._workers, key=_load)
            job = self._jobs[0]
            if not worker.has_room or (job.is_long and worker.pending):
                return
            self._jobs.popleft()
            if job.is_cancelled:
                self._waiting -= 1
            else:
                worker.send(job)

    # In the thread

    def _serve(self) -> None:
        try:
            with self._lock:
                for worker in self._workers:
                    self._start(worker)
            while not self._closed:
                self._turn()
        finally:
            self._end()

    def _turn(self) -> None:
        events = self._poll.poll(self._timeout)
        with self._lock:
            for place, _ in events:
                if worker := self._by_replies.get(place):
                    self._receive(worker)
                elif place == self._wake_reader:
                    os.read(place, 4096)
                    self._next_look = 0.0
            if (now := time.monotonic()) >= self._next_look:
                self._look_around(now)
            if self._jobs:
                self._feed()
            settled, self._settled = self._settled, []
        deliver(settled)
        while self._ended:
            self._ended.pop().wait()

    def _look_around(self, now: float) -> None:
        """What has to be done now and then, and whether to sleep until woken."""
        for worker in self._workers:
            self._look_at_the_clock(worker, now)
        self._feed()
        for worker in self._workers:
            if self._jobs and not worker.running:
                self._start(worker)
        working = any(w.pending or (w.running and not w.ready) for w in self._workers)
        recent = now < AWAKE_SECONDS + max(w.since for w in self._workers)
        self._timeout = TICK_SECONDS * 1000 if working or recent else None
        self._asleep = self._timeout is None or not all(w.running for w in self._workers)
        self._next_look = now + TICK_SECONDS

    def _receive(self, worker: WorkerProcess) -> None:
        try:
            for job, result, last in worker.read():
                self._settle(job, result)
                if last:
                    return self._replace(worker, lambda job: None)
        except BrokenWorkerError as broken:
            self._break(worker, broken.ended)
        except ToolsetError as error:
            self._refuse(worker, error)
        if worker.ready and worker.unconfined and not self._warned:
            self._warned = True
            missing = ", ".join(worker.unconfined)
            _log.warning("this kernel does not let us keep functions from %s", missing)

    def _look_at_the_clock(self, worker: WorkerProcess, now: float) -> None:
        seconds = now - worker.since
        if worker.unsent:
            worker.flush()
        if not worker.ready:
            if worker.running and seconds > START_SECONDS:
                reason = f"it takes longer than {START_SECONDS:g} s"
                self._refuse(worker, worker.failure(reason))
        elif worker.pending and seconds > worker.pending[0].seconds * (1 + GRACE):
            self._counts["kills"] += 1
            self._replace(worker, lambda job: timed_out(job.name, job.seconds))
        elif len(worker.pending) > 1 and seconds > PATIENCE_SECONDS:
            self._jobs.extendleft(reversed(worker.take_back()))
            worker.window = 1

    def _break(self, worker: WorkerProcess, ended: bool) -> None:
        if not worker.ready:
            if ended and worker.failed_starts < MOST_RESTARTS:  # by a kill, perhaps
                worker.failed_starts += 1
                self._stop(worker)
                return self._start(worker)
            worker.failed_starts = 0
            reason = "the process ended" if ended else "its modules write where only we should"
            return self._refuse(worker, worker.failure(reason))

        def verdict(job: Job) -> ToolResult | None:
            if ended:
                return _failed(job, "the function ended its process")
            # Garbage may come from a call before this one: it gets a second chance.
            job.attempts += 1
            return _failed(job, "the function spoiled its process") if job.attempts > 1 else None

        return self._replace(worker, verdict)

    def _replace(self, worker: WorkerProcess, verdict: Callable[[Job], ToolResult | None]) -> None:
        """A new process; `verdict` on the call that the old one had, None to send it again."""
        untaken = worker.take_back()
        if worker.pending:  # taken: the head, and more where the head wrote garbage and went on
            worker.busy_seconds += time.monotonic() - worker.since
            if result := verdict(worker.pending[0]):
                self._settle(worker.pending.popleft(), result)
        unanswered = [*worker.pending, *untaken]
        worker.pending.clear()
        self._stop(worker)
        self._jobs.extendleft(reversed(unanswered))
        self._start(worker)

    def _settle(self, job: Job, outcome: Outcome) -> None:
        self._waiting -= 1
        self._settled.append((job, outcome))
        if isinstance(outcome, ToolResult):
            self._counts["calls"] += 1
            if outcome.error_kind is not None:
                self._failures[outcome.error_kind] += 1

    def _start(self, worker: WorkerProcess) -> None:
        try:
            worker.start()
        except OSError as error:
            return self._refuse(worker, error)
        self._counts["starts"] += 1
        self._by_replies[worker.replies] = worker
        self._poll.register(worker.replies, select.POLLIN)

    def _stop(self, worker: WorkerProcess) -> None:
        if worker.running:
            self._poll.unregister(worker.replies)
            del self._by_replies[worker.replies]
            self._ended.append(worker.stop())

    def _refuse(self, worker: WorkerProcess, error: Exception) -> None:
        """Leave a worker that does not start; it is tried again when a call needs it."""
        self._stop(worker)
        if not any(other.ready for other in self._workers):
            while self._jobs:
                self._settle(self._jobs.popleft(), error)

    def _end(self) -> None:
        with self._lock:
            self._closed = True
            for worker in self._workers:
                self._jobs.extend(worker.pending)
                self._stop(worker)
            closed = RuntimeError("the executor is closed")
            settled = self._settled + [(job, closed) for job in self._jobs]
            os.close(self._wake_reader)
            os.close(self._wake_writer)
        deliver(settled)
        while self._ended:
            self._ended.pop().wait()


def _load(worker: WorkerProcess) -> int:
    return len(worker.pending) if worker.has_room else 2**30


def _failed(job: Job, reason: str) -> ToolResult:
    return ToolResult(False, f"{job.name}: {reason}", "function_error")
