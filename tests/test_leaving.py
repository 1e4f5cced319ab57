"""Leaving and coming back: signals at any moment, a full disk, two starts at once, and a report made again."""
import json
import os
import resource
import shutil
import signal
import subprocess
import sys
import threading
import time
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace

import nbformat
import pytest
from jaxtyping import config as shape_checks

SIGNALS = [pytest.param(signal.SIGINT, 130, id="SIGINT"), pytest.param(signal.SIGTERM, 143, id="SIGTERM")]
COMMAND = Path(sys.executable).parent / "celestial-pgat"

# sends a signal to its own process when the import of a module begins, then runs the command line
IMPORTING = """
import os, sys
name, number, *arguments = sys.argv[1:]
if name in sys.modules:                    # in a fork of a process that has imported it
    package, _, last = name.rpartition(".")
    delattr(sys.modules[package], last)
    del sys.modules[name]

class Finder:
    def find_spec(self, module, *rest):
        if module == name:
            sys.meta_path.remove(self)
            os.kill(os.getpid(), int(number))

sys.meta_path.insert(0, Finder())
from celestial_pgat.app.cli import main
sys.exit(main(arguments))
"""


class Forked(subprocess.Popen):
    """Python code in a fork of this process, which has loaded torch, and with the pipes of a process of its own."""

    def _execute_child(self, args, *options):
        reading, writing, listening, telling, hearing, errors = options[9:15]
        self.pid = os.fork()
        if self.pid == 0:
            status = 1
            try:
                for place, number in enumerate((reading, telling, errors)):
                    os.dup2(number, place)
                os.closerange(3, 1000)                # what others hear must end when they end
                shape_checks.update("jaxtyping_disable", True)
                sys.stdin, sys.stdout, sys.stderr = (open(place, mode, closefd=False) for place, mode in enumerate("rww"))
                sys.argv = ["-c", *args[4:]]
                exec(args[3], {"__name__": "__main__"})
                status = 0
            except SystemExit as stop:
                status = stop.code
            except BaseException:
                sys.excepthook(*sys.exc_info())
            finally:
                sys.stdout.flush()
                sys.stderr.flush()
                os._exit(status)
        self._child_created = True
        os.close(reading)
        os.close(telling)
        if hearing != -1:                             # else it is a file of who has called
            os.close(errors)


@contextmanager
def largest_file(size: int):
    """Let this process and its children write no file above `size` bytes."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def last_sentence(text: str) -> str:
    """Return the one sentence at the end of what was printed, having seen that there is no traceback."""
    assert "Traceback" not in text and "Exception ignored" not in text and text.count("celestial-pgat: ") == 1, text
    return text[text.index("celestial-pgat: "):]


def parts(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if "part" in path.name]


@pytest.mark.parametrize("module, number, status", [
    ("celestial_pgat.model.config", signal.SIGINT, 130), ("pandas", signal.SIGTERM, 143), ("torch", signal.SIGINT, 130),
    ("celestial_pgat.app.report", signal.SIGTERM, 143)])
def test_a_signal_while_a_library_loads(module, number, status, table, tmp_path):
    arguments = [module, int(number), "run", "--preset", "smoke", "--data", table, "--output", tmp_path / "runs", "--arms", "true",
                 "--set", "train.epochs=1", "--set", "train.warmup_epochs=0"]
    start = Forked if module == "celestial_pgat.app.report" else subprocess.Popen      # it is imported after torch
    process = start([sys.executable, "-u", "-c", IMPORTING, *map(str, arguments)], text=True, stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    _, errors = process.communicate()
    assert process.returncode == status and "stopped; nothing was saved" in last_sentence(errors), errors
    assert not (tmp_path / "runs").exists()


@pytest.mark.parametrize("number, status", SIGNALS)
def test_a_signal_while_the_data_are_prepared(number, status, table, tmp_path, call, monkeypatch):
    monkeypatch.setattr("celestial_pgat.app.arms.prepare", lambda *_: os.kill(os.getpid(), number))
    done = call("run", "--preset", "smoke", "--data", table, "--output", tmp_path / "runs")
    assert done.returncode == status and "nothing was saved" in last_sentence(done.stderr) and not (tmp_path / "runs").exists()


def leaves_a_model(folder: Path, status: int, printed: str, expected: int, call) -> None:
    """Look at what a training that was stopped has left in `folder`, and at what it said."""
    (last,) = folder.rglob("last.ckpt")
    assert status == expected and str(last) in last_sentence(printed) and not parts(folder), printed
    ahead = call("forecast", "--model", last.parent)
    assert ahead.returncode == 0 and "2019-01-02" in ahead.stdout, "the best model so far can be used"


def wait_for_state(folder: Path, alive) -> None:
    while not list(folder.rglob("last.ckpt")) and alive():
        time.sleep(0.05)


def test_sigterm_while_a_model_trains(table, tmp_path, call):
    arguments = [COMMAND, "run", "--preset", "smoke", "--data", table, "--output", tmp_path, "--set", "train.epochs=500", "--jobs", "1"]
    process = subprocess.Popen(list(map(str, arguments)), text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    wait_for_state(tmp_path, lambda: process.poll() is None)
    process.terminate()
    _, printed = process.communicate()
    leaves_a_model(tmp_path, process.returncode, printed, 143, call)


def test_ctrl_c_while_a_model_trains(table, tmp_path, call):
    def press():
        wait_for_state(tmp_path, lambda: not over.is_set())
        os.kill(os.getpid(), signal.SIGINT)
    over, thread = threading.Event(), threading.Thread(target=press, daemon=True)
    thread.start()
    done = call("run", "--preset", "smoke", "--data", table, "--output", tmp_path, "--set", "train.epochs=500", "--jobs", "1")
    over.set()
    leaves_a_model(tmp_path, done.returncode, done.stderr, 130, call)


@pytest.fixture(scope="module")
def stored(table, tmp_path_factory, call, few_tables) -> tuple[Path, SimpleNamespace]:
    """A run that SIGTERM stops while its report is written; its folder, and what came of the command."""
    from celestial_pgat.app import commands, report
    output, plan, mask = tmp_path_factory.mktemp("stored"), commands.plan, os.umask(0o022)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(commands, "plan", lambda *given: (*plan(*given)[:2], ("the column <VOL> is not used",)))
        patch.setattr(report, "execute", lambda *_: os.kill(os.getpid(), signal.SIGTERM) or time.sleep(1))
        done = call("run", "--preset", "smoke", "--data", table, "--output", output)
    os.umask(mask)
    (folder,) = output.iterdir()
    return folder, done


def test_others_can_read_what_a_run_leaves(stored):
    modes = {path.relative_to(stored[0]).as_posix(): path.stat().st_mode & 0o777 for path in stored[0].rglob("*") if path.is_file()}
    assert {"with_sky/last.ckpt", "with_sky/best.ckpt", "with_sky/model.safetensors", "run.json"} <= modes.keys()
    assert set(modes.values()) == {0o644}, modes


def test_a_signal_while_the_report_is_written(stored):
    folder, done = stored
    assert done.returncode == 143 and f"celestial-pgat report {folder}" in last_sentence(done.stderr)
    assert done.stdout.startswith("note: the column <VOL> is not used\ntraining") and not list(folder.glob("report.*")) + parts(folder)
    assert json.loads((folder / "run.json").read_text())["notes"] == ["the column <VOL> is not used"]


def test_the_report_afterwards(stored, tmp_path, call, monkeypatch):
    from celestial_pgat.app import report
    folder = shutil.copytree(stored[0], tmp_path / "copy")
    template = nbformat.read(report.TEMPLATE, as_version=4)
    monkeypatch.setattr(report, "execute", lambda notebook, folder: notebook)      # test_cli looks at one that was executed
    template.cells = [template.cells[0], *(cell for cell in template.cells if "needs-notes" in cell.metadata.get("tags", ()))]
    nbformat.write(template, tmp_path / "short.ipynb")
    again = call("report", folder, "--template", tmp_path / "short.ipynb")
    assert again.returncode == 0 and again.stdout == f"report: {folder / 'report.html'}\n"
    page = (folder / "report.html").read_text(encoding="utf-8")
    assert "What was read" in page and "notes_list" in page


def test_a_report_of_no_run_is_refused(stored, tmp_path, call):
    done = call("report", stored[0] / "with_sky")
    assert done.returncode == 2 and "is not the folder of a finished run" in last_sentence(done.stderr)
    copy = shutil.copytree(stored[0], tmp_path / "copy")
    (copy / "prices.parquet").write_bytes((copy / "prices.parquet").read_bytes()[:300])
    done = call("report", copy)
    assert done.returncode == 2 and "damaged" in last_sentence(done.stderr)


@pytest.mark.parametrize("size, kept, jobs", [(1_000, False, 1), (60_000, False, 1), (150_000, True, 1), (150_000, False, 2)])
def test_a_full_disk_while_a_run_trains(size, kept, jobs, table, tmp_path, call):
    """What became whole before the disk was full stays, and is named: a training goes on to its end without more states; trainings side by side need their data in a file first."""
    with largest_file(size):
        done = call("run", "--preset", "smoke", "--data", table, "--output", tmp_path / "runs", "--jobs", jobs)
    assert done.returncode == 2 and "no room to write" in last_sentence(done.stderr) and "make room" in done.stderr
    assert (tmp_path / "runs").exists() == kept and not parts(tmp_path)
    if kept:
        (state,) = (tmp_path / "runs").glob("*/without_sky/last.ckpt")
        assert f"use it with: celestial-pgat forecast --model {state.parent}" in done.stderr and "note: there is no room" in done.stderr


def test_a_full_disk_while_a_report_is_written(stored, tmp_path, call, monkeypatch):
    from celestial_pgat.app import report
    monkeypatch.setattr(report, "execute", lambda notebook, folder: notebook)
    copy = shutil.copytree(stored[0], tmp_path / "copy")
    before = {path.name: path.read_bytes() for path in copy.iterdir() if path.is_file()}
    with largest_file(2_000):
        done = call("report", copy)
    assert done.returncode == 2 and "report.ipynb" in last_sentence(done.stderr) and "no room to write" in done.stderr
    assert {path.name: path.read_bytes() for path in copy.iterdir() if path.is_file()} == before


def test_every_file_of_a_run_is_written_whole(monkeypatch, stored, tmp_path):
    """Each file of `save_run` fails once, half-written; what was there before stays, and nothing else is left."""
    from celestial_pgat.app import results
    from celestial_pgat.evaluate.metrics import score_table
    run, copy = results.load_run(stored[0]), shutil.copytree(stored[0], tmp_path / "copy")
    for name in results.FILES:
        def failing(path, save, name=name):
            def half(part):
                save(part)
                if path.name == name:
                    part.write_bytes(b"half")
                    raise OSError(28, "No space left on device")
            return whole(path, half)
        whole = results.write_whole
        with monkeypatch.context() as patch:
            patch.setattr(results, "write_whole", failing)
            with pytest.raises(OSError, match="no room to write"):
                results.save_run(copy, run)
        assert not parts(copy) and score_table(results.load_run(copy).metrics).equals(score_table(run.metrics))


def test_two_processes_that_start_in_one_second_get_two_folders(tmp_path):
    script = "import sys; from celestial_pgat.app.commands import new_folder; [print(new_folder(sys.argv[1])) for _ in range(100)]"
    both = [subprocess.Popen([sys.executable, "-c", script, str(tmp_path)], text=True, stdout=subprocess.PIPE) for _ in range(2)]
    made = [line for process in both for line in process.communicate()[0].splitlines()]
    assert [process.returncode for process in both] == [0, 0] and len(made) == len(set(made)) == 200


def test_ignored_signals_stay_ignored():
    from celestial_pgat.app.leaving import Stop
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        with Stop() as stop:
            os.kill(os.getpid(), signal.SIGINT)
        assert stop.number is None and signal.getsignal(signal.SIGINT) is signal.SIG_IGN
    finally:
        signal.signal(signal.SIGINT, before)
