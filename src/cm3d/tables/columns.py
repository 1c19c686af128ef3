"""Types of columns: how they are stored, in memory and on disk, and what they may hold."""

from dataclasses import dataclass
from typing import Annotated, Any

import numpy as np
import pyarrow as pa

from cm3d.errors import InputError
from cm3d.geometry.arrays import NDArrayBool, NDArrayFloat, NDArrayInt, NDArrayObject


@dataclass(frozen=True)
class Column:
    """How one column is stored.

    Args:
        arrow_type: Type of one element on disk.
        dtype: Type of one element in memory.
        width: Elements per row; 1 gives a flat column.
    """

    arrow_type: pa.DataType
    dtype: type
    width: int = 1

    @property
    def storage_type(self) -> pa.DataType:
        """The Arrow type of a whole row."""
        return self.arrow_type if self.width == 1 else pa.list_(self.arrow_type, self.width)

    def from_numpy(self, values: np.ndarray[Any, Any]) -> pa.Array:
        """Encode a (rows,) or (rows, width) array."""
        if self.width == 1:
            return pa.array(values.tolist() if self.dtype is object else values, self.arrow_type)
        flat = pa.array(np.ascontiguousarray(values).reshape(-1), self.arrow_type)
        return pa.FixedSizeListArray.from_arrays(flat, self.width)

    def to_numpy(self, values: pa.ChunkedArray) -> np.ndarray[Any, Any]:
        """Decode into a (rows,) or (rows, width) array."""
        chunk = values.combine_chunks()
        if self.width == 1:
            if self.arrow_type == pa.string():
                return _words(chunk)
            if self.dtype is object:
                return _objects(chunk.to_pylist())
            return np.asarray(chunk.to_numpy(zero_copy_only=False), dtype=self.dtype)
        flat = chunk.flatten().to_numpy(zero_copy_only=False)
        return np.asarray(flat, dtype=self.dtype).reshape(-1, self.width)

    def shaped(self, values: Any, name: str) -> np.ndarray[Any, Any]:
        """Cast to a (rows,) or (rows, width) array of this type.

        Raises:
            InputError: The values have another shape or are none; the message has the name.
        """
        if self.dtype is object:
            array = values if _is_objects(values) else _objects(list(values))
        else:
            try:
                array = np.asarray(values, dtype=self.dtype)
            except (TypeError, ValueError, OverflowError) as error:
                raise InputError(f"column {name!r}{self._first_fault(values)}") from error
        if self.width > 1:
            array = array.reshape(0, self.width) if array.size == 0 else array
        expected = (len(array),) if self.width == 1 else (len(array), self.width)
        if array.shape != expected:
            raise InputError(f"column {name!r}: shape {array.shape}, expected {expected}")
        return array

    def _first_fault(self, values: Any) -> str:
        """Which of some rows, that make no array, is at fault."""
        wanted = "no number" if self.width == 1 else f"not {self.width} numbers"
        for row, value in enumerate(values):
            try:
                is_sound = np.asarray(value, dtype=self.dtype).size == self.width
            except (TypeError, ValueError, OverflowError):
                is_sound = False
            if not is_sound:
                return f", row {row}: {value!r:.80} is {wanted}; correct it"
        return ": its rows are of different shapes; correct them"


Text = Annotated[NDArrayObject, Column(pa.string(), object)]
Binary = Annotated[NDArrayObject, Column(pa.binary(), object)]
Int = Annotated[NDArrayInt, Column(pa.int64(), np.int64)]
Bool = Annotated[NDArrayBool, Column(pa.bool_(), np.bool_)]
Float = Annotated[NDArrayFloat, Column(pa.float64(), np.float64)]
Vector2 = Annotated[NDArrayFloat, Column(pa.float64(), np.float64, 2)]
Vector3 = Annotated[NDArrayFloat, Column(pa.float64(), np.float64, 3)]
Vector4 = Annotated[NDArrayFloat, Column(pa.float64(), np.float64, 4)]
Pose = Annotated[NDArrayFloat, Column(pa.float64(), np.float64, 7)]
Matrix3 = Annotated[NDArrayFloat, Column(pa.float64(), np.float64, 9)]


def _is_objects(values: Any) -> bool:
    return isinstance(values, np.ndarray) and values.dtype == object


def _words(chunk: pa.Array) -> NDArrayObject:
    """Texts, of which equal ones are one object: few are different, and rows are many."""
    encoded = chunk.dictionary_encode()
    words = _objects([*encoded.dictionary.to_pylist(), None])
    return np.asarray(words[encoded.indices.fill_null(-1).to_numpy(zero_copy_only=False)])


def _objects(values: list[Any]) -> np.ndarray[Any, Any]:
    """A flat object array; numpy would turn a list of equal-length strings into fixed width."""
    array = np.empty(len(values), dtype=object)
    array[:] = values
    return array
