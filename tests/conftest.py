"""Shape checking for all tests, and one tiny run that all tests of command line and report share.

Every jaxtyping annotation is enforced by beartype in these tests, except while a command line runs, or trainings side
by side: what they call is checked by the tests of data, model and training, and checking takes most of the time there.
"""
import contextlib
import io
import os
import sys
from functools import cache
from pathlib import Path
from types import SimpleNamespace

os.environ.setdefault("MPLBACKEND", "agg")
os.environ["COLUMNS"] = "80"
sys.modules.setdefault("rfc3987_syntax", None)     # jsonschema's check of addresses, a second to load and used by no notebook

import pytest
from shapes import unchecked  # before any other module of the package


def run_command(*arguments: object) -> SimpleNamespace:
    """Run a command line in this process; return its exit status and what it printed."""
    from celestial_pgat.app.cli import main
    out, err = io.StringIO(), io.StringIO()
    try:
        with unchecked(), contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            status = main([str(argument) for argument in arguments])
    except SystemExit as stop:
        status = stop.code
    return SimpleNamespace(returncode=status, stdout=out.getvalue(), stderr=err.getvalue())


@pytest.fixture(scope="session")
def call():
    """The command line, in this process: call("run", "--preset", "smoke")."""
    return run_command


@pytest.fixture(scope="session")
def table(tmp_path_factory) -> Path:
    """Two hundred and forty real sessions as a person's own CSV file, with a column that is not used."""
    from celestial_pgat.data.prices import load_ohlc
    path = tmp_path_factory.mktemp("data") / "mine.csv"
    load_ohlc("sp500").iloc[-240:].assign(VIX=20.0).to_csv(path)
    return path


@pytest.fixture(scope="session", autouse=True)
def moon():
    """A day of the Korean moon is counted once, not from the first recorded year at each question."""
    from exchange_calendars.pandas_extensions import korean_holiday
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(korean_holiday, "korean_lunar_to_solar", cache(korean_holiday.korean_lunar_to_solar))
        yield


@pytest.fixture(scope="session")
def few_tables():
    """Three tables of other days are tried for an input, which notebook 77 tries in full."""
    from celestial_pgat.app import results
    judge = results.judge_inputs
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(results, "judge_inputs", lambda models, data, count, *rest: judge(models, data, count or 3, *rest))
        yield


def execute_here(notebook, folder: Path):
    """Execute a notebook in this process, which has loaded everything.

    Notebook 81 starts a kernel for a whole report, and a test of test_cli for a short one."""
    import nbformat
    from execnb.shell import CaptureShell
    from nbformat.v4.rwbase import rejoin_lines
    shell = CaptureShell()
    shell.run("set_matplotlib_formats('png', bbox_inches=None, dpi=40)")       # each picture is drawn once, and small
    with contextlib.chdir(folder):
        for cell in notebook.cells:
            if cell.cell_type == "code":
                cell.outputs = [nbformat.from_dict(output) for output in shell.run(cell.source)]
                assert shell.exc is None, (cell.source, shell.exc)
    return rejoin_lines(notebook)


@pytest.fixture(scope="module")
def reports_made_here():
    """Reports are executed, without a process for it."""
    from celestial_pgat.app import report
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(report, "execute", execute_here)
        yield


@pytest.fixture(scope="session")
def finished(table, tmp_path_factory, few_tables) -> tuple[Path, str]:
    """One whole run; its folder and what it printed. Tests copy the folder before they change anything in it."""
    from celestial_pgat.app import report
    output = tmp_path_factory.mktemp("runs")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(report, "execute", execute_here)
        done = run_command("run", "--preset", "smoke", "--data", table, "--output", output, "--seed", 7, "--set", "model.d=24", "--set",
                           "data.batch_size=50", "--set", "model.encoder_calendar_fusion.strategy=film", "--set", "train.diagnose_every=9")
    assert done.returncode == 0, done.stderr
    (folder,) = output.iterdir()
    return folder, done.stdout
