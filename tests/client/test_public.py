"""What is promised to programs: the names, and a wheel that holds nothing else."""

import inspect
import subprocess
import sys
import zipfile
from pathlib import Path

import docrelay
from docrelay import Client, DocrelayError, names

ROOT = Path(__file__).resolve().parents[2]

CHILD = """
import sys, docrelay
heavy = {"celery", "kombu", "alembic", "torch", "pydantic", "click", "rich", "obstore", "numpy", "app", "tasks"}
print(sorted(heavy & set(sys.modules)))
"""


def test_the_names_are_sorted_and_there() -> None:
    assert docrelay.__all__ == sorted(docrelay.__all__)
    for name in docrelay.__all__:
        assert getattr(docrelay, name).__doc__, name


def test_every_error_can_be_caught_as_one() -> None:
    errors = [value for value in vars(docrelay.errors).values() if inspect.isclass(value)]
    assert all(issubclass(error, DocrelayError) for error in errors if error is not DocrelayError)
    assert {error.__name__ for error in errors} <= {*docrelay.__all__}


def test_options_have_names() -> None:
    """A positional flag in a caller's code can never be moved again."""
    for name, method in inspect.getmembers(Client, inspect.isfunction):
        positional = [p for p in inspect.signature(method).parameters.values() if p.kind is p.POSITIONAL_OR_KEYWORD]
        assert name.startswith("_") or len(positional) <= 2, name


def test_statuses_are_what_rows_and_json_say() -> None:
    assert {*names.UNFINISHED, *names.FINISHED} == {*names.JobStatus}
    assert f"{names.JobStatus.NO_TEXT}" == "no_text"


def test_importing_it_is_light() -> None:
    done = subprocess.run([sys.executable, "-c", CHILD], capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout.strip() == "[]"


def test_the_wheel_holds_only_the_client(tmp_path: Path) -> None:
    subprocess.run(
        [sys.executable, "-m", "build", "--wheel", "--no-isolation", f"--outdir={tmp_path}", ROOT],
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    )
    (wheel,) = tmp_path.glob("docrelay-*-py3-none-any.whl")
    with zipfile.ZipFile(wheel) as archive:
        files = archive.namelist()
        metadata = archive.read(next(name for name in files if name.endswith("/METADATA"))).decode()
    tops = {name.split("/")[0] for name in files}
    assert tops == {"docrelay", wheel.name.removesuffix("-py3-none-any.whl") + ".dist-info"}
    packaged = {name for name in files if name.startswith("docrelay/")}
    assert packaged == {
        str(path.relative_to(ROOT)) for path in (ROOT / "docrelay").rglob("*") if path.suffix in (".py", ".typed")
    }
    assert "docrelay/py.typed" in packaged
    required = [line for line in metadata.splitlines() if line.startswith("Requires-Dist:") and "extra ==" not in line]
    assert not any(heavy in line for line in required for heavy in ("celery", "torch", "alembic", "pydantic"))
