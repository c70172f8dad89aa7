"""Makes the small synthetic stores: int64 on (time 7, lat 10, lon 10) in chunks of (1, 10, 10), every cell its number.

    python synthetic.py DIRECTORY

writes v2.zarr, v2_blosc.zarr, v3.zarr and v3_blosc.zarr. Dimensions are named; lat and lon have equal lengths, so a
reader that guesses axes by length fails.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numcodecs
import numpy as np
import zarr
import zarr.codecs as zc

from stores import open_group, write_array

SHAPE, CHUNKS, DIMS = (7, 10, 10), (1, 10, 10), ("time", "lat", "lon")
VARIABLES = {"temperature": 0, "humidity": 10_000}
STORES = ("v2", "v2_blosc", "v3", "v3_blosc")


def cells(offset: int) -> np.ndarray:
    return np.arange(offset, offset + np.prod(SHAPE), dtype="int64").reshape(SHAPE)


def coordinate(dim: str) -> np.ndarray:
    return np.arange(SHAPE[DIMS.index(dim)], dtype="int64") * {"time": 1, "lat": 10, "lon": -5}[dim]


def compressor(name: str):
    if not name.endswith("_blosc"):
        return None
    return numcodecs.Blosc("lz4", 5, shuffle=1) if name.startswith("v2") else zc.BloscCodec(cname="lz4", typesize=8)


def write_synthetic(directory: Path, name: str) -> Path:
    """Writes one of STORES and returns its path."""
    path = directory / f"{name}.zarr"
    group = open_group(path, int(name[1]))
    for dim in DIMS:
        write_array(group, dim, coordinate(dim), (dim,), compressors=compressor(name))
    for variable, offset in VARIABLES.items():
        write_array(group, variable, cells(offset), DIMS, chunks=CHUNKS, compressors=compressor(name))
    zarr.consolidate_metadata(str(path))
    return path


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("directory", type=Path)
    directory = parser.parse_args().directory
    directory.mkdir(parents=True, exist_ok=True)
    for name in STORES:
        print(write_synthetic(directory, name))


if __name__ == "__main__":
    main()
