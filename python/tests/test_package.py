"""The package itself: what importing costs, what it promises in its stubs, its errors and its command."""

from __future__ import annotations

import ast
import copy
import inspect
import os
import pathlib
import pickle
import re
import subprocess
import sys

import pytest

import colonnade as cn
from colonnade import _core, errors

PACKAGE = pathlib.Path(cn.__file__).parent
CODES = {
    "InvalidArgument": ValueError,
    "NotFound": LookupError,
    "AlreadyExists": ValueError,
    "InvalidState": RuntimeError,
    "Unsupported": NotImplementedError,
    "InvalidData": ValueError,
    "Unauthenticated": PermissionError,
    "PermissionDenied": PermissionError,
    "Cancelled": RuntimeError,
    "Timeout": TimeoutError,
    "LimitExceeded": MemoryError,
    "Unavailable": ConnectionError,
    "ProtocolError": ConnectionError,
    "Io": OSError,
    "Internal": RuntimeError,
}


def test_importing_and_querying_imports_no_other_library(run_child):
    """Only what a user asks for by name is imported: not by `import colonnade`, nor by a session and its rows."""
    seen = run_child("""
        import sys
        before = set(sys.modules)
        import colonnade as cn
        first = set(sys.modules) - before
        with cn.connect() as con:
            assert con.sql("SELECT 6 * 7").fetchall() == [(42,)]
        later = set(sys.modules) - before
        print(*sorted(name.split(".")[0] for name in first))
        print(*sorted(name.split(".")[0] for name in later))
        """)
    first, later = (set(line.split()) for line in seen.splitlines())
    assert "colonnade" in first
    assert not first & {"numpy", "pyarrow", "xarray", "pandas", "polars", "dask", "typing_extensions"}
    assert not later & {"numpy", "pyarrow", "xarray", "pandas", "polars", "dask"}


def test_every_public_name_exists_and_others_are_refused():
    for name in cn.__all__:
        assert getattr(cn, name) is not None, name
    assert set(cn.__all__) <= set(dir(cn))
    with pytest.raises(AttributeError, match="no attribute 'conect'"):
        cn.conect  # noqa: B018


def test_no_module_of_the_package_hides_a_public_name(run_child):
    """Importing a module sets it as an attribute of the package, where it would hide a function of the same name."""
    run_child("""
        import importlib, pkgutil, types
        import colonnade as cn
        for module in pkgutil.iter_modules(cn.__path__):
            if module.name != "__main__":
                importlib.import_module(f"colonnade.{module.name}")
        hidden = [name for name in cn.__all__ if name != "errors" and isinstance(getattr(cn, name), types.ModuleType)]
        assert not hidden, hidden
        """)


def test_version_is_a_version():
    assert re.fullmatch(r"\d+(\.\d+)+((a|b|rc)\d+)?(\.post\d+)?(\.dev\d+)?(\+[\w.]+)?", cn.__version__)


def stub_members(body: list[ast.stmt]) -> dict[str, ast.stmt]:
    members: dict[str, ast.stmt] = {}
    for statement in body:
        if isinstance(statement, (ast.ClassDef, ast.FunctionDef)):
            members[statement.name] = statement
        elif isinstance(statement, ast.AnnAssign) and isinstance(statement.target, ast.Name):
            members[statement.target.id] = statement
    return members


def parameters_of_stub(function: ast.FunctionDef) -> list[str]:
    arguments = function.args
    return [one.arg for one in (*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs)]


def parameters_of_binding(function: object) -> list[str]:
    # The first line of a nanobind docstring is the signature.
    signature = (getattr(function, "__doc__", None) or "").splitlines()[0]
    return [one.arg for one in ast.walk(ast.parse(f"def {signature}: ...")) if isinstance(one, ast.arg)]


def test_stubs_name_what_the_core_has_and_nothing_else():
    stub = stub_members(ast.parse((PACKAGE / "_core.pyi").read_text()).body)
    public = {name for name in dir(_core) if not name.startswith("_")}
    assert public == set(stub)
    checked = 0
    for name, statement in stub.items():
        if isinstance(statement, ast.FunctionDef):
            assert parameters_of_binding(getattr(_core, name)) == parameters_of_stub(statement), name
            continue
        assert isinstance(statement, ast.ClassDef), name
        kind, members = getattr(_core, name), stub_members(statement.body)
        public = {one for one in dir(kind) if not one.startswith("_")}
        assert public == {one for one in members if not one.startswith("_")}, name
        for member, declared in members.items():
            assert isinstance(declared, ast.FunctionDef)
            bound = inspect.getattr_static(kind, member)
            is_property = any(isinstance(one, ast.Name) and one.id == "property" for one in declared.decorator_list)
            assert is_property == isinstance(bound, property), f"{name}.{member}"
            if not is_property and not member.startswith("__"):
                assert parameters_of_binding(bound) == parameters_of_stub(declared), f"{name}.{member}"
                checked += 1
    assert checked > 10


def test_package_says_that_it_is_typed():
    assert (PACKAGE / "py.typed").is_file()


@pytest.mark.parametrize(("code", "builtin"), CODES.items())
def test_errors_are_built_ins_too_and_survive_pickle_and_copy(code, builtin):
    kind = getattr(errors, code)
    made = errors.make(code, 'table "air": no column "tmp"', "retry")
    assert type(made) is kind
    assert issubclass(kind, cn.Error) and issubclass(kind, builtin)
    made.add_note("while reading") if hasattr(made, "add_note") else None
    for again in (pickle.loads(pickle.dumps(made)), copy.copy(made)):
        assert type(again) is kind
        assert (str(again), again.code, again.recovery) == ('table "air": no column "tmp"', code, "retry")
        assert getattr(again, "__notes__", None) == getattr(made, "__notes__", None)


def test_the_errors_are_all_codes_and_unknown_codes_are_internal():
    kinds = {one.code for one in vars(errors).values() if isinstance(one, type) and issubclass(one, cn.Error)}
    assert kinds == set(CODES)
    unknown = errors.make("Nonsense", "strange", "nonsense")
    assert type(unknown) is errors.Internal
    assert (str(unknown), unknown.recovery) == ("strange (unknown code Nonsense)", "none")
    with pytest.raises(ValueError, match="recovery is one of none, retry"):
        errors.NotFound("x", recovery="never")


def test_a_failure_of_the_core_arrives_as_its_class():
    with cn.connect() as con, pytest.raises(errors.InvalidArgument, match="nosuch"):
        con.sql("SELECT nosuch FROM range(3)")
    with pytest.raises(errors.InvalidState, match="closed"):
        con.sql("SELECT 1")


def test_errors_of_worker_processes_keep_their_class(run_child):
    """multiprocessing pickles what a worker raises."""
    run_child("""
        import concurrent.futures, multiprocessing
        import colonnade as cn
        from colonnade import errors
        with concurrent.futures.ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as pool:
            failed = pool.submit(errors.make, "Io", "disk full", "retry").result()
            assert type(failed) is errors.Io and failed.recovery == "retry", failed
        """)


def run_command(*arguments: str) -> subprocess.CompletedProcess[str]:
    words = [sys.executable, "-m", "colonnade", *arguments]
    return subprocess.run(words, capture_output=True, text=True, timeout=60, check=False)


def test_the_command_is_the_program_that_the_package_carries():
    done = run_command("query", "SELECT 6 * 7 AS answer", "--format", "csv")
    assert (done.returncode, done.stdout, done.stderr) == (0, "answer\n42\n", "")
    assert _core.engine_version() in run_command("--version").stdout
    # The exit codes are the program's own: nothing of Python stands between.
    assert run_command("nosuch").returncode == 2
    assert run_command("query", "SELECT nosuch").returncode == 1


def test_the_module_exports_its_entry_point_alone(tmp_path):
    """Other extension modules in the process must find nothing of ours: DuckDB's and nanoarrow's names above all."""
    words = ["nm", "-D", "--defined-only", "-C", _core.__file__]
    nm = subprocess.run(words, capture_output=True, text=True, check=False)
    if nm.returncode != 0:
        pytest.skip("no nm")
    assert [line.split(maxsplit=2)[2] for line in nm.stdout.splitlines()] == ["PyInit__core"]
    assert os.path.basename(_core.__file__).startswith("_core.")


def test_the_example_of_the_readme_runs_and_prints_what_it_says(run_child):
    readme = (pathlib.Path(__file__).parents[2] / "README.md").read_text()
    (example,) = re.findall(r"```python\n(.*?)```", readme, re.S)
    (promised,) = re.findall(r"print\(.*?# (.*)", example)
    assert run_child(example).strip() == promised
