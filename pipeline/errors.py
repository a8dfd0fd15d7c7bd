"""The exceptions that end a command.

ValueError                CannotStart and others: the command cannot start, nothing changed
RuntimeError
+-- StageFailed           a stage failed after it started; finished work is kept
    +-- TooManyErrors     the engine failed in too many chains of a stage
    +-- Diverged          the training loss is not a number
"""

from __future__ import annotations


class CannotStart(ValueError):
    """The command cannot start; the message is one sentence for the operator."""


class StageFailed(RuntimeError):
    """A stage failed after it started; finished work is kept and the same command resumes."""

    advice = "finished work is kept, the same command resumes"


class TooManyErrors(StageFailed):
    """The engine failed in too many chains; the same command would not make them again."""

    advice = "finished work is kept, the same command with --redo-errors makes these chains again"


class Diverged(StageFailed):
    """The training loss is not a number; the same command would fail again."""

    advice = "finished work is kept"
