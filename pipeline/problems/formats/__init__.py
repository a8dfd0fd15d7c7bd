"""Formats of problem data: `containers` (files, data sets) yield rows, a format reads a row.

    gsm8k      question, answer with <<48/2=24>> annotations and a last line #### 72
    folio      premises, conclusion, label; premises-FOL, conclusion-FOL where the data has them
    generic    question, answer; problem_id, task, split, reference where the data has them

A format is told by content, whatever the container. Not here: ids that clash, splits by hash,
limits (`pipeline.problems.reader`).
"""

from pipeline.problems.formats import folio, generic, gsm8k
from pipeline.problems.formats.row import BadRow, RowFormat

FORMATS: dict[str, RowFormat] = {
    known.name: known for known in (gsm8k.FORMAT, folio.FORMAT, generic.FORMAT)
}

FIELDS = (*generic.FIELDS, *folio.FIELDS)  # that `columns` may name

__all__ = ["FIELDS", "FORMATS", "BadRow", "RowFormat"]
