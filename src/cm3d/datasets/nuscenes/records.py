"""Records of nuScenes' JSON tables: read, and checked field by field."""

from collections.abc import Callable, Collection, Mapping, Sequence
from pathlib import Path
from typing import Any, Final, TypeAlias

import numpy as np

from cm3d.datasets.nuscenes.fields import Field
from cm3d.errors import InputError
from cm3d.params import read_json
from cm3d.tables.contract import shown

Record: TypeAlias = dict[str, Any]

AGAIN: Final = "correct it or fetch the tables again"
_DROPPED: Final = object()


class _Incomplete:
    """What lacks a field: a record, or an object within one, whose fields nobody reads."""

    def __init__(self, record: Record, missing: str) -> None:
        self.record, self.missing = record, missing


def read_table(
    path: Path,
    fields: Sequence[str],
    keep: Callable[[Record], bool],
    optional: Collection[str] = (),
) -> list[Record]:
    """Read some fields of some records of one JSON table.

    Args:
        path: The table.
        fields: Names of the fields.
        keep: Whether a record is wanted.
        optional: Fields that a record may lack.

    Raises:
        InputError: The table is missing, no JSON list of objects, or lacks a field.
    """

    def slim(record: Record) -> Any:
        try:
            kept = {field: record[field] for field in fields}
        except KeyError as error:
            return _Incomplete(record, str(error.args[0]))
        kept |= {field: record[field] for field in optional if field in record}
        return kept if keep(kept) else _DROPPED

    missing = not path.exists()
    remedy = (
        "set NUSCENES_ROOT or dataset.root and dataset.version to a nuScenes database"
        if missing
        else "fetch the tables again"
    )
    records = read_json(path, remedy, slim)
    if not isinstance(records, list):
        raise InputError(f"{path}: no list of records; {remedy}")
    for number, record in enumerate(records):
        if isinstance(record, _Incomplete):
            label = named(record.record, number)
            raise InputError(f"{path}: {label}: field {record.missing!r} is missing; {remedy}")
        if record is not _DROPPED and not isinstance(record, dict):
            raise InputError(f"{path}: record {number} is {shown(record)}, no object; {remedy}")
    return [record for record in records if record is not _DROPPED]


def named(record: Record, number: int) -> str:
    """What a message calls a record: its token, or its place in the table."""
    token = record.get("token")
    return f"record {shown(token)}" if isinstance(token, str) and token else f"record {number}"


def refuse(path: Path, record: Record, fault: str) -> InputError:
    """The error for a record of a table."""
    return InputError(f"{path}: {named(record, 0)}: {fault}; {AGAIN}")


def check_fields(path: Path, records: Sequence[Record], fields: Mapping[str, Field]) -> None:
    """Check the values of some fields, and that tokens are unique.

    Raises:
        InputError: A value is not what its field must be; the first one is named.
    """
    for name, field in fields.items():
        rows = [i for i, record in enumerate(records) if name in record] if field.optional else None
        values = [records[i][name] for i in rows] if rows is not None else column(records, name)
        is_sound = field.are_sound(values) if values else np.ones(0, dtype=bool)
        if not is_sound.all():
            first = int(np.argmin(is_sound))
            row = first if rows is None else rows[first]
            fault = f"{name} is {shown(values[first])}, not {field.wanted}"
            raise InputError(f"{path}: {named(records[row], row)}: {fault}; {AGAIN}")
    if "token" in fields:
        check_unique(path, records, column(records, "token"), "token")


def check_unique(path: Path, records: Sequence[Record], keys: Sequence[Any], what: str) -> None:
    """Check that a key of each record stands once.

    Raises:
        InputError: It stands twice.
    """
    if len(set(keys)) == len(keys):
        return
    seen = set()
    for record, key in zip(records, keys, strict=True):
        if key in seen:
            raise refuse(path, record, f"another record has its {what}, {shown(key)}")
        seen.add(key)


def check_references(
    path: Path, records: Sequence[Record], fields: Mapping[str, Field], tables: Mapping[str, Any]
) -> None:
    """Check that tokens refer to records; empty ones refer to nothing.

    Args:
        path: The table that refers.
        records: Its records.
        fields: Those of its fields that are checked.
        tables: Records by token, by table.

    Raises:
        InputError: There is no such record.
    """
    for name, field in fields.items():
        if not field.table:
            continue
        known, found = tables[field.table], [r for r in records if name in r]
        values = column(found, name)
        if set(map(type, values)) == {list}:
            found = [r for r in found for _ in r[name]]
            values = [token for tokens in values for token in tokens]
        if strangers := set(values) - known.keys() - {""}:
            record = found[next(i for i, value in enumerate(values) if value in strangers)]
            stranger = next(value for value in values if value in strangers)
            fault = f"{name} {shown(stranger)}: no such record in {field.table}.json"
            raise refuse(path, record, fault)


def column(records: Sequence[Record], name: str) -> list[Any]:
    """One field of all records."""
    return [record[name] for record in records]
