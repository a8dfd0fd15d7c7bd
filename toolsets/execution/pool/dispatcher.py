"""Assign calls to workers, and handle the calls of a worker that hangs or dies.

One thread reads the replies of the workers (`toolsets.execution.pool.process`), checks time limits,
and starts and kills their processes. A caller sends its call itself if a worker accepts one, which
saves a switch of threads. Workers get calls in advance; when a call takes long, the calls after it
are taken back and sent to other workers.
"""

from __future__ import annotations

import logging
import os
import select
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
from toolsets.execution.pool.reaper import Reaper

GRACE = 0.15  # fraction of a call's time limit from the worker's own alarm to the kill
PATIENCE_SECONDS = 0.005  # of a call, before the calls after it are taken back
TICK_SECONDS = 0.02  # between checks of time limits
MOST_RESTARTS = 2  # in a row, of a process that ends before it is ready
LAST_WAIT_SECONDS = 5.0  # for killed processes to end, when the executor is closed
AWAKE_SECONDS = 1.0  # after the last call, before the thread blocks until it is woken

_log = logging.getLogger("toolsets")


class Dispatcher:
    """The queue of calls and the thread that serves it; `close` ends both."""

    def __init__(self, workers: Sequence[WorkerProcess], max_waiting: int) -> None:
        self._workers = workers
        self._max_waiting = max_waiting
        self._lock = threading.Lock()  # protects the attributes below
        self._closed = False
        self._asleep = False  # the thread blocks, or a worker is stopped: a new call must wake it
        self._jobs: deque[Job] = deque()  # not sent yet
        self._waiting = 0  # unfinished calls, sent or not
        self._timeout: float | None = 0.0  # of the next wait for replies, in milliseconds
        self._next_check = 0.0  # of time limits
        self._settled: list[Settled] = []  # to deliver without the lock
        self._killed = Reaper()
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
        """Execute a call; raises RuntimeError if closed or if too many calls are waiting."""
        with self._lock:
            if self._closed:
                raise RuntimeError("the executor is closed")
            if self._waiting >= self._max_waiting:
                raise RuntimeError(f"{self._waiting:,} calls are already waiting; await some first")
            self._waiting += 1
            self._jobs.append(job)
            self._send_jobs()
            if self._asleep:
                self._asleep = False
                os.write(self._wake_writer, b".")

    def metrics(self) -> Metrics:
        """Counts since the start."""
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
        """Kill the workers and wait for the thread; unfinished calls raise RuntimeError."""
        with self._lock:
            if not self._closed:
                self._closed = True
                os.write(self._wake_writer, b".")
        self._thread.join()

    # Called with the lock, in any thread

    def _send_jobs(self) -> None:
        while self._jobs:
            worker = min(self._workers, key=_load)
            job = self._jobs[0]
            if not worker.accepts_call or (job.is_long and worker.pending):
                return
            self._jobs.popleft()
            if job.is_cancelled:
                self._waiting -= 1
            else:
                worker.send(job)

    # Called in the dispatcher's thread

    def _serve(self) -> None:
        try:
            with self._lock:
                for worker in self._workers:
                    self._start(worker)
            while not self._closed:
                self._step()
        finally:
            self._shut_down()

    def _step(self) -> None:
        events = self._poll.poll(self._timeout)
        with self._lock:
            for place, _ in events:
                if worker := self._by_replies.get(place):
                    self._receive(worker)
                elif place == self._wake_reader:
                    os.read(place, 4096)
                    self._next_check = 0.0
            if (now := time.monotonic()) >= self._next_check:
                self._maintain(now)
            if self._jobs:
                self._send_jobs()
            settled, self._settled = self._settled, []
        deliver(settled)

    def _maintain(self, now: float) -> None:
        """Check time limits, restart workers, and decide whether to block until woken."""
        for worker in self._workers:
            self._check_time(worker, now)
        self._send_jobs()
        for worker in self._workers:
            if self._jobs and not worker.running:
                self._start(worker)
        dying = self._killed.reap()
        working = any(w.pending or (w.running and not w.ready) for w in self._workers)
        recent = now < AWAKE_SECONDS + max(w.since for w in self._workers)
        self._timeout = TICK_SECONDS * 1000 if working or recent or dying else None
        self._asleep = self._timeout is None or not all(w.running for w in self._workers)
        self._next_check = now + TICK_SECONDS

    def _receive(self, worker: WorkerProcess) -> None:
        try:
            for job, result, last in worker.read():
                self._settle(job, result)
                if last:
                    return self._replace(worker, lambda job: None)
        except BrokenWorkerError as broken:
            self._handle_broken(worker, broken.ended)
        except ToolsetError as error:
            self._give_up(worker, error)
        if worker.ready and worker.unconfined and not self._warned:
            self._warned = True
            missing = ", ".join(worker.unconfined)
            _log.warning("the sandbox is incomplete: this kernel cannot block %s", missing)

    def _check_time(self, worker: WorkerProcess, now: float) -> None:
        seconds = now - worker.since
        if worker.unsent:
            worker.flush()
        if not worker.ready:
            if worker.running and seconds > START_SECONDS:
                reason = f"loading takes longer than {START_SECONDS:g} s"
                self._give_up(worker, worker.failure(reason))
        elif worker.pending and seconds > worker.pending[0].seconds * (1 + GRACE):
            self._counts["kills"] += 1
            self._replace(worker, lambda job: timed_out(job.name, job.seconds))
        elif worker.pending and seconds > TICK_SECONDS and (reason := worker.overuse()):
            self._counts["kills"] += 1
            self._replace(worker, lambda job: ToolResult(False, reason, "limit_exceeded"))
        elif len(worker.pending) > 1 and seconds > PATIENCE_SECONDS:
            self._jobs.extendleft(reversed(worker.take_back()))
            worker.window = 1

    def _handle_broken(self, worker: WorkerProcess, ended: bool) -> None:
        if not worker.ready:
            if ended and worker.failed_starts < MOST_RESTARTS:  # perhaps killed from outside
                worker.failed_starts += 1
                self._stop(worker)
                return self._start(worker)
            worker.failed_starts = 0
            reason = "the process ended" if ended else "its modules write to the executor's pipe"
            return self._give_up(worker, worker.failure(reason))

        def result_of(job: Job) -> ToolResult | None:
            if ended:
                return _failed(job, "the function ended its process")
            # An earlier call may have written the garbage, so this one gets a second attempt.
            job.attempts += 1
            return _failed(job, "the function corrupted its process") if job.attempts > 1 else None

        return self._replace(worker, result_of)

    def _replace(
        self, worker: WorkerProcess, result_of: Callable[[Job], ToolResult | None]
    ) -> None:
        """Start a new process; `result_of` gives its current call's result, or None to retry it."""
        unread = worker.take_back()
        if worker.pending:  # the head, and more calls if the head wrote garbage and went on
            worker.busy_seconds += time.monotonic() - worker.since
            if result := result_of(worker.pending[0]):
                self._settle(worker.pending.popleft(), result)
        unanswered = [*worker.pending, *unread]
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
            return self._give_up(worker, error)
        self._counts["starts"] += 1
        self._by_replies[worker.replies] = worker
        self._poll.register(worker.replies, select.POLLIN)

    def _stop(self, worker: WorkerProcess) -> None:
        if worker.running:
            self._poll.unregister(worker.replies)
            del self._by_replies[worker.replies]
            self._killed.add(worker.stop())

    def _give_up(self, worker: WorkerProcess, error: Exception) -> None:
        """Stop a worker that does not start; the next call that needs it starts it again."""
        self._stop(worker)
        if not any(other.ready for other in self._workers):
            while self._jobs:
                self._settle(self._jobs.popleft(), error)

    def _shut_down(self) -> None:
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
        self._killed.wait(LAST_WAIT_SECONDS)


def _load(worker: WorkerProcess) -> int:
    return len(worker.pending) if worker.accepts_call else 2**30


def _failed(job: Job, reason: str) -> ToolResult:
    return ToolResult(False, f"{job.name}: {reason}", "function_error")
