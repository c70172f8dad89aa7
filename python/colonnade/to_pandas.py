"""Results as pandas frames, from numpy columns."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from . import _core

if TYPE_CHECKING:
    import pandas

__all__ = ["to_pandas"]

_Array = np.ndarray[Any, Any]
_EXACT = 2**53  # integers up to here are float64 as they are


def to_pandas(result: _core.Result | _core.BatchResult) -> pandas.DataFrame:
    """All rows of a result. See ``Relation.to_pandas``."""
    import pandas

    text = _arrow_text(pandas)
    fields = _core.schema_fields(result.schema())
    columns = result.to_numpy(text_as_streams=text is not None)
    made: dict[str, Any] = {}
    for (name, column), (_, arrow_format, _, _) in zip(columns.items(), fields):
        if text is not None and not isinstance(column, np.ndarray):
            made[name] = text(column)
        elif arrow_format.startswith("ts") and arrow_format[4:]:
            instants = pandas.DatetimeIndex(np.ma.getdata(column))
            made[name] = instants.tz_localize("UTC").tz_convert(arrow_format[4:])
        else:
            made[name] = _with_missing(column)
    return pandas.DataFrame(made, copy=False)


def _arrow_text(pandas: Any) -> Any:
    """What makes pandas text of Arrow text, if pandas keeps text in Arrow's form by itself."""
    if int(pandas.__version__.split(".")[0]) < 3:
        return None
    try:
        import pyarrow
    except ImportError:
        return None
    dtype = pandas.StringDtype("pyarrow", na_value=np.nan)

    class Stream:
        def __init__(self, capsule: Any) -> None:
            self._capsule = capsule

        def __arrow_c_stream__(self, requested_schema: object = None) -> Any:
            return self._capsule

    def text(capsule: Any) -> Any:
        chunks = pyarrow.chunked_array(Stream(capsule))
        if chunks.type not in (pyarrow.string(), pyarrow.large_string()):
            chunks = chunks.cast(pyarrow.large_string())
        return dtype.__from_arrow__(chunks)

    return text


def _with_missing(column: _Array) -> Any:
    """A column as pandas spells missing values."""
    import pandas

    if not isinstance(column, np.ma.MaskedArray):
        return column
    data, mask = column.data, np.ma.getmaskarray(column)
    if data.dtype.kind == "b":
        objects = data.astype(object)
        objects[mask] = None
        return objects
    if data.dtype.kind not in "iu":
        return data  # NaN, NaT or None under the mask
    if data.dtype.itemsize == 8 and (int(data.max()) > _EXACT or int(data.min()) < -_EXACT):
        return pandas.arrays.IntegerArray(data, mask)
    floats = data.astype(np.float64)
    floats[mask] = np.nan
    return floats
