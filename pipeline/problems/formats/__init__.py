"""Formats of problem data: `containers` (files, data sets) yield rows, a format reads a row.

    gsm8k      question, answer with <<48/2=24>> annotations and a last line #### 72
    folio      premises, conclusion, label; optional premises-FOL, conclusion-FOL
    generic    question, answer; optional problem_id, task, split, reference

    containers    a file, a data set; files: several of them; json_rows, delimited, arrow_rows: the
                  kinds of files; columns: our fields from theirs; row: fields of a row

The format is detected from the rows, in any container. Not here: duplicate ids, splits by hash,
limits (`pipeline.problems.reader`).
"""

from pipeline.problems.formats import folio, generic, gsm8k
from pipeline.problems.formats.row import BadRow, RowFormat

FORMATS: dict[str, RowFormat] = {
    row_format.name: row_format for row_format in (gsm8k.FORMAT, folio.FORMAT, generic.FORMAT)
}

FIELDS = (*generic.FIELDS, *folio.FIELDS)  # allowed as keys of `columns`

__all__ = ["FIELDS", "FORMATS", "BadRow", "RowFormat"]
