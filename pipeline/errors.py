"""What ends a command.

ValueError                CannotStart and its kin: it cannot start as asked, nothing changed
RuntimeError
+-- StageFailed           a stage failed after it started; finished work is kept
    +-- Diverged          training came to a loss that is not a number
"""

from __future__ import annotations


class CannotStart(ValueError):
    """The command cannot start as asked; the message is one sentence for the operator."""


class StageFailed(RuntimeError):
    """A stage failed after it started; finished work is kept and the same command resumes."""

    advice = "finished work is kept, the same command resumes"


class Diverged(StageFailed):
    """Training came to a loss that is not a number; the same command would come there again."""

    advice = "finished work is kept"
