"""Rows of Parquet files and of Hugging Face data sets, read as Arrow batches.

Values are those that the data's owner sees: a ClassLabel is its name (no label, -1, is null), a
float32 the shortest decimal number that it stands for. Images, audio and the like are not decoded.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pipeline.problems.formats.row import ProblemError, Row, Unread

if TYPE_CHECKING:
    import pyarrow as pa

BATCH = 1024  # rows

_Convert = Callable[[Any], Any]


def parquet_rows(file: Path) -> Iterator[Row]:
    """Yield the rows of a Parquet file; raises ProblemError if it is not readable."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        with pq.ParquetFile(file) as parquet:
            features = _features(parquet.schema_arrow)
            unread = _unread(features)
            names = [name for name in parquet.schema_arrow.names if name not in unread]
            batches = parquet.iter_batches(batch_size=BATCH, columns=names)
            yield from _rows(batches, features, unread, "")
    except pa.ArrowException as error:
        message = f"problem file {file} is not readable Parquet: {first_line(error)}"
        raise ProblemError(message) from None


def dataset_rows(loaded: Any, split: str = "") -> Iterator[Row]:
    """Yield the rows of a `datasets.Dataset` of split `split`."""
    unread = _unread(loaded.features)
    batches = loaded.remove_columns(list(unread)).with_format("arrow").iter(BATCH)
    return _rows(batches, loaded.features, unread, split)


def first_line(error: BaseException) -> str:
    """The first line of an error's message, without its full stop."""
    return (str(error).strip() or type(error).__name__).splitlines()[0].rstrip(".")


def _rows(
    batches: Iterable[Any], features: dict[str, Any], unread: dict[str, Unread], split: str
) -> Iterator[Row]:
    number = 0
    for batch in batches:
        converted = {
            field.name: _conversion(field.type, features.get(field.name)) for field in batch.schema
        }
        conversions = {name: convert for name, convert in converted.items() if convert}
        for values in batch.to_pylist():
            number += 1
            for name, convert in conversions.items():
                values[name] = convert(values[name])
            yield Row(number, values | unread, split=split)


def _features(schema: pa.Schema) -> dict[str, Any]:
    """The features that `datasets` wrote into a Parquet file; empty for other files."""
    if b"huggingface" not in (schema.metadata or {}):
        return {}
    import datasets

    return dict(datasets.Features.from_arrow_schema(schema))


def _unread(features: dict[str, Any]) -> dict[str, Unread]:
    """The columns that a library must decode: images, audio, video, documents."""
    return {
        name: Unread(type(feature).__name__)
        for name, feature in features.items()
        if hasattr(feature, "decode_example") and hasattr(feature, "decode")
    }


def _conversion(kind: pa.DataType, feature: Any) -> _Convert | None:
    import pyarrow.types as types

    if names := getattr(feature, "names", None):
        return lambda value: _label(value, names)
    inner = getattr(feature, "feature", None)
    if names := getattr(inner, "names", None):
        return lambda value: value and [_label(one, names) for one in value]
    if types.is_float32(kind) or types.is_float16(kind):
        return _shortest(kind)
    return None


def _label(value: int | None, names: list[str]) -> str | None:
    return names[value] if value is not None and 0 <= value < len(names) else None


def _shortest(kind: pa.DataType) -> _Convert:
    number: Any = kind.to_pandas_dtype()
    return lambda value: None if value is None else float(str(number(value)))
