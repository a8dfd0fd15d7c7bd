"""Several files of one source: a list, a folder, and the file of the test problems.

The split of a file is in its name or, in a folder, in the name of a subfolder: train.jsonl,
my_test.csv, validation/0001.parquet. Either all files name a split or none does. The files of
a split follow each other; splits are interleaved row by row, so that a limit takes rows of each.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from pipeline.problems.formats.containers import HUB, JSON_ENDINGS, interleaved, rows
from pipeline.problems.formats.delimited import TAB_ENDINGS
from pipeline.problems.formats.row import SPLITS, ProblemError, Row

ENDINGS = (*JSON_ENDINGS, ".csv", *TAB_ENDINGS, ".parquet")
SAVED = ("dataset_dict.json", "state.json", "dataset_info.json")  # of datasets.save_to_disk

_WORDS = re.compile(r"[a-z]+")


def rows_of(path: str | Sequence[str], test_path: str | None = None) -> Iterator[Row]:
    """Yield the rows of all files of a source; raises ProblemError."""
    if test_path is None:
        return _parts_rows(path)
    train = (replace(row, split=row.split or "train") for row in _parts_rows(path))
    test = (replace(row, split="test", only_test=True) for row in _parts_rows(test_path))
    named = ((source_name(path), train), (test_path, test))
    return interleaved([_of_file(part, Path(name).name) for name, part in named])


def source_name(path: str | Sequence[str], test_path: str | None = None) -> str:
    """The files of a source in one text, for messages."""
    return ", ".join([*([path] if isinstance(path, str) else path), *filter(None, [test_path])])


def _parts_rows(path: str | Sequence[str]) -> Iterator[Row]:
    if not isinstance(path, str):
        if len(path) > 1:
            return _files_rows([Path(Path(one).name) for one in path], path)
        path = path[0]
    folder = Path(path)
    if path.startswith(HUB) or not folder.is_dir() or any((folder / n).is_file() for n in SAVED):
        return rows(path)
    files = _data_files(folder)
    if not files:
        raise ProblemError(
            f"folder {folder} is not a data set written by datasets.save_to_disk, and it has no "
            f"file that ends in {', '.join(ENDINGS)}"
        )
    return _files_rows([file.relative_to(folder) for file in files], [str(file) for file in files])


def _data_files(folder: Path) -> list[Path]:
    return sorted(
        file
        for file in folder.rglob("*")
        if file.suffix.lower() in ENDINGS
        and not any(part.startswith(".") for part in file.relative_to(folder).parts)
        and file.name not in ("dataset_infos.json", "metadata.json")
    )


def _files_rows(names: Sequence[Path], paths: Sequence[str]) -> Iterator[Row]:
    """The rows of the files at `paths`, whose splits are in `names`."""
    splits = [_split_in(name) for name in names]
    if any(splits) and not all(splits):
        named = names[splits.index(next(filter(None, splits)))]
        raise ProblemError(
            f"problem file {names[splits.index('')]} names no split, but {named} does; put train, "
            "test or ood into the name of each file, or of none"
        )
    parts: dict[str, list[Iterator[Row]]] = {}
    for name, path, split in zip(names, paths, splits, strict=True):
        parts.setdefault(split, []).append(_of_file(_parts_rows(path), str(name), split))
    return interleaved([itertools.chain.from_iterable(files) for files in parts.values()])


def _split_in(name: Path) -> str:
    """Our split of a file by its name, else by that of its folder; empty if none names one."""
    for part in reversed(name.parts):
        words = _WORDS.findall(part.lower())
        found = {SPLITS[word] for word in words if word in SPLITS}
        if len(found) > 1:
            raise ProblemError(f"problem file {name} names several splits: {', '.join(words)}")
        if found:
            return found.pop()
    return ""


def _of_file(part: Iterator[Row], file: str, split: str = "") -> Iterator[Row]:
    return (replace(row, file=row.file or file, split=row.split or split) for row in part)
