"""The runner of notebooks and tests: what fails, dies, runs nothing or hangs is named."""
import time
from multiprocessing.connection import wait
from pathlib import Path

import nbformat
import psutil
import pytest
import run_all
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

PYTHON = {"kernelspec": {"name": "python3", "display_name": "python3", "language": "python"}}


@pytest.fixture(autouse=True)
def no_imports(monkeypatch):
    monkeypatch.setattr(run_all, "load", lambda kind: None)


def write(path: Path, *sources: str) -> Path:
    """Write a notebook of a heading and these cells."""
    cells = [new_markdown_cell("# Title"), *(new_code_cell(source) for source in sources)]
    nbformat.write(new_notebook(cells=cells, metadata=PYTHON), path)
    return path


def test_each_way_to_fail_is_named(tmp_path, capfd):
    paths = [
        write(tmp_path / "good.ipynb", "import signal", "assert signal.getsignal(signal.SIGINT) is signal.default_int_handler"),
        write(tmp_path / "wrong.ipynb", "here = 2", "assert here == 3, 'two is not three'"),
        write(tmp_path / "dies.ipynb", "import os", "os._exit(3)"),
        write(tmp_path / "empty.ipynb"),
        tmp_path / "test_wrong.py",
    ]
    paths[-1].write_text("def test_two():\n    assert 2 == 3\n")
    results = run_all.run(paths, {}, workers=2)
    run_all.print_table(results, seconds=1.0)
    assert {name for name, passed, *_ in results if passed} == {"good.ipynb"} and len(results) == len(paths)
    printed = capfd.readouterr().out
    for text in ["While Executing Cell #3", "two is not three", "its process died (exit code 3) at cell 3:\nos._exit(3)",
                 "no cell was run", "assert 2 == 3", "wrong.ipynb                  "]:
        assert text in printed, printed


def test_what_runs_ends_with_the_runner_however_that_ends(tmp_path):
    """As after kill -9 of the runner, or Ctrl-C in its terminal."""
    sources = ["import os, time", f"open('{tmp_path}/part', 'w').write(str(os.getpid()))", f"os.rename('{tmp_path}/part', '{tmp_path}/pid')",
               "time.sleep(10**6)"]
    runner = run_all.CONTEXT.Process(target=run_all.run, args=([write(tmp_path / "hangs.ipynb", *sources)], {}, 1))
    runner.start()
    while not (tmp_path / "pid").exists():
        time.sleep(0.05)
    job = psutil.Process(int((tmp_path / "pid").read_text()))
    runner.kill()
    psutil.wait_procs([job], timeout=100)
    assert not job.is_running() or job.status() == psutil.STATUS_ZOMBIE


def test_the_dearest_starts_first(tmp_path):
    paths = [write(tmp_path / f"{name}.ipynb", "1") for name in ("cheap", "new", "dear")]
    usual = {"cheap.ipynb": 1.0, "dear.ipynb": 100.0}
    assert [name for name, *_ in run_all.run(paths, usual, workers=1)] == ["dear.ipynb", "new.ipynb", "cheap.ipynb"]


def test_what_hangs_is_named_and_ended(tmp_path):
    job = run_all.Job(write(tmp_path / "hangs.ipynb", "import time", "time.sleep(10**6)"), usual=70)
    assert job.limit == 700, "ten times what is usual"
    while "sleep" not in job.place:
        wait([job.pipe])
        assert job.outcome() is None
    job.limit = 0
    passed, printed, _ = job.outcome()
    assert not passed and printed.startswith("hangs: ") and "at cell 3:\ntime.sleep" in printed
    job.end()
    assert not job.process.is_alive()
