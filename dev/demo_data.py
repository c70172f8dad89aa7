#!/usr/bin/env python3
"""Makes the Zarr stores of data/ from NetCDF files that Debian packages bring.

Every file becomes data/<name>.zarr (Zarr 3) and data/<name>.v2.zarr (Zarr 2), both with consolidated metadata and
zarr-python's default compression. The files are read with decode_cf=False, so that packing, sentinels, units and
odd calendars reach the stores as they are: they are what has to be read correctly.

data/sources.json records each source's package, version and SHA-256. A store is made under another name and renamed
when it is complete; what is up to date is left alone. Nothing in data/ is ever committed.

    dev/demo_data.py [--list] [NAME...]      all data sets, or those named; --list prints what is there
"""

from __future__ import annotations

import argparse
import dataclasses
import fcntl
import hashlib
import importlib.metadata
import json
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import warnings

DATA = pathlib.Path(__file__).resolve().parent.parent / "data"
RECORD = DATA / "sources.json"
FERRET = "ferret-datasets", pathlib.Path("/usr/share/ferret-vis/data")
NCARG = "libncarg-data", pathlib.Path("/usr/share/ncarg/data")

# Raise this when the way of converting changes: everything is made again.
RECIPE = 1


@dataclasses.dataclass(frozen=True)
class Source:
    """A NetCDF file of a Debian package. `chunks`: dims -> chunk shape; others are cut as zarr-python likes."""

    origin: tuple[str, pathlib.Path]
    file: str
    about: str
    chunks: dict[tuple[str, ...], tuple[int, ...]] = dataclasses.field(default_factory=dict)

    @property
    def path(self) -> pathlib.Path:
        return self.origin[1] / self.file

    @property
    def name(self) -> str:
        return self.path.stem

    def stores(self) -> dict[int, pathlib.Path]:
        return {3: DATA / f"{self.name}.zarr", 2: DATA / f"{self.name}.v2.zarr"}


SOURCES = [
    Source(FERRET, "monthly_navy_winds.cdf", "monthly winds, 1982 to 1992",
           {("TIME", "FNOCY", "FNOCX"): (33, 37, 72)}),
    Source(FERRET, "etopo5.cdf", "elevation of the Earth, 5 minutes of arc",
           {("ETOPO05_Y", "ETOPO05_X"): (271, 540)}),
    Source(FERRET, "levitus_climatology.cdf", "ocean temperature and salinity; an unused coordinate of cell edges"),
    Source(FERRET, "coads_climatology.cdf", "sea surface by month; times of year 0"),
    Source(FERRET, "esku_heat_budget.cdf", "heat budget of the oceans, 25 variables; times of year 0"),
    Source(FERRET, "ocean_atlas_subset.nc", "ocean temperature by month and depth; times of year 0"),
    Source(FERRET, "etopo20.cdf", "elevation of the Earth, 20 minutes of arc"),
    Source(NCARG, "cdf/trinidad.nc", "elevation of Trinidad; several grids in one file"),
    Source(NCARG, "cdf/950318_sao.cdf", "weather reports of one day; arrays of single characters"),
    Source(NCARG, "cdf/pop.nc", "ocean model; 2-D latitude and longitude"),
    Source(NCARG, "cdf/vinth2p.nc", "atmosphere in year 49; several grids"),
    Source(NCARG, "cdf/climdiv_polygons.nc", "climate divisions of the USA, 345 variables"),
    Source(NCARG, "cdf/fice.nc", "sea ice by month"),
    Source(NCARG, "cdf/hgt.nc", "geopotential height; `months since`"),
    Source(NCARG, "cdf/sstdata_netcdf.nc", "sea surface temperature; dimensions named unlike coordinates"),
    Source(NCARG, "cdf/nc4uvt.nc", "wind and temperature on pressure levels"),
    Source(NCARG, "cdf/Tstorm.cdf", "temperatures of a storm; a text stored as characters"),
    Source(NCARG, "cdf/ice5g_21k_1deg.nc", "ice sheets 21,000 years ago; small integers"),
    Source(NCARG, "nug/rectilinear_grid_3D.nc", "atmosphere on pressure levels"),
    Source(NCARG, "nug/tas_rectilinear_grid_2D.nc", "air temperature by month; bounds"),
    Source(NCARG, "nug/tas_rotated_grid_EUR11.nc", "air temperature of Europe; a rotated pole"),
    Source(NCARG, "nug/tos_ocean_bipolar_grid.nc", "sea surface temperature; 2-D coordinates with bounds"),
    Source(NCARG, "nug/triangular_grid_ICON.nc", "an atmosphere model's triangles"),
    Source(NCARG, "nug/camse_unstructured_grid.nc", "a model's cubed sphere, unstructured"),
    Source(NCARG, "nug/atm_phy_mag0004_1985.nc", "radiation on triangles, 29 variables"),
]


def package_version(package: str) -> str:
    query = subprocess.run(["dpkg-query", "-W", "-f", "${Version}", package], capture_output=True, text=True, check=False)
    return query.stdout.strip() or "unknown"


def wanted_record(source: Source) -> dict:
    """What sources.json says of a store that is up to date, apart from its shape."""
    with source.path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    return {
        "source": str(source.path),
        "sha256": digest,
        "package": source.origin[0],
        "recipe": RECIPE,
        "chunks": {" ".join(dims): list(shape) for dims, shape in source.chunks.items()},
        "made_by": {name: importlib.metadata.version(name) for name in ("xarray", "zarr")},
    }


def convert(source: Source, workshop: pathlib.Path) -> dict:
    """Makes both stores and returns what sources.json says of their contents."""
    import xarray

    with xarray.open_dataset(source.path, decode_cf=False) as opened:
        dataset = opened.load()
    encoding = {}
    for name, variable in dataset.variables.items():
        variable.encoding.clear()  # NetCDF's own chunks and filters mean nothing to Zarr
        if variable.dims in source.chunks:
            encoding[name] = {"chunks": source.chunks[variable.dims]}
    for zarr_format, path in source.stores().items():
        made = workshop / path.name
        with warnings.catch_warnings():
            # zarr-python warns that consolidated metadata and byte strings are not in the Zarr 3 specification.
            warnings.simplefilter("ignore")
            dataset.to_zarr(made, mode="w", zarr_format=zarr_format, consolidated=True, encoding=encoding)
        if path.exists():
            path.rename(workshop / f"old-{path.name}")
        made.rename(path)
    largest = max(dataset.variables.values(), key=lambda variable: variable.size)
    return {"shape": dict(zip(largest.dims, largest.shape, strict=True)), "variables": len(dataset.data_vars)}


def load_record() -> dict:
    try:
        return json.loads(RECORD.read_text())
    except (FileNotFoundError, json.JSONDecodeError):
        return {}


def save_record(record: dict) -> None:
    with tempfile.NamedTemporaryFile("w", dir=DATA, prefix=".sources-", delete=False) as file:
        json.dump(record, file, indent=1)
    os.chmod(file.name, 0o644)
    os.replace(file.name, RECORD)


def make(sources: list[Source]) -> bool:
    """Makes what is not up to date. Returns whether every data set whose package is here could be made."""
    DATA.mkdir(exist_ok=True)
    with (DATA / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        for leftover in DATA.glob(".making-*"):  # of a run that was killed
            shutil.rmtree(leftover)
        record = load_record()
        complete = True
        absent = set()
        for source in sources:
            if not source.path.exists():
                absent.add(source.origin[0])
                continue
            wanted = wanted_record(source)
            known = record.get(source.name, {})
            if all(known.get(key) == value for key, value in wanted.items()) and all(
                (path / ("zarr.json" if zarr_format == 3 else ".zmetadata")).exists()
                for zarr_format, path in source.stores().items()
            ):
                continue
            print(f"data: {source.name} from {source.origin[0]}", file=sys.stderr)
            try:
                with tempfile.TemporaryDirectory(dir=DATA, prefix=".making-") as workshop:
                    contents = convert(source, pathlib.Path(workshop))
            except Exception as error:  # whatever NetCDF or Zarr raise: report it, make the others
                print(f"data: {source.name} failed: {type(error).__name__}: {error}", file=sys.stderr)
                complete = False
                continue
            record[source.name] = wanted | contents | {"package_version": package_version(source.origin[0])}
            save_record(record)
        for package in sorted(absent):
            print(f"data: skipped the files of {package}: not installed", file=sys.stderr)
    return complete


def describe(sources: list[Source]) -> None:
    record = load_record()
    known = [source for source in sources if source.name in record]
    if not known:
        print("data: nothing is there", file=sys.stderr)
        return
    width = max(len(source.name) for source in known)
    print("Data sets: data/<name>.zarr (Zarr 3) and data/<name>.v2.zarr (Zarr 2)", file=sys.stderr)
    for source in known:
        shape = " x ".join(str(length) for length in record[source.name]["shape"].values())
        print(f"  {source.name:{width}}  {shape:20} {source.about}", file=sys.stderr)


def main() -> int:
    parser = argparse.ArgumentParser(description="Makes the Zarr stores of data/ from NetCDF files of Debian packages.")
    parser.add_argument("names", nargs="*", metavar="NAME", help="data sets to make; all without a name")
    parser.add_argument("--list", action="store_true", help="print what is there afterwards")
    options = parser.parse_args()
    by_name = {source.name: source for source in SOURCES}
    unknown = [name for name in options.names if name not in by_name]
    if unknown:
        parser.error(f"no data set {', '.join(unknown)}; there are {', '.join(by_name)}")
    sources = [by_name[name] for name in options.names] or SOURCES
    complete = make(sources)
    if options.list:
        describe(SOURCES)
    return 0 if complete else 1


if __name__ == "__main__":
    sys.exit(main())
