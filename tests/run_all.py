"""Run every notebook and every file of tests, the dearest first, and end with the table of what each cost.

A notebook runs as `nbdev_test` runs it, by its `test_nb`, but in a process of its own; a file of tests, and the folder
tests/faults, runs in a pytest of its own. These processes are forked from two that have imported everything once: one
for notebooks, and one for tests, in which each annotated shape is checked. No clock decides over green, but for one guard:
a job that takes ten times its usual time, and ten minutes at least, hangs. It is ended and named, with its cell or test.
"""
import argparse
import gc
import importlib
import io
import json
import multiprocessing
import os
import pkgutil
import signal
import sys
import time
from contextlib import redirect_stderr, suppress
from multiprocessing.connection import Connection, wait
from pathlib import Path
from tempfile import TemporaryFile

ROOT = Path(__file__).parents[1]
USUAL = ROOT / "tests" / "usual_seconds.json"  # by name of job; `--keep` writes it
LEAST = 60                                     # usual seconds of a cheaper job, or of one that is new
ENVIRONMENT = {"MPLBACKEND": "agg", "CELESTIAL_SCALE": "smoke", "OMP_NUM_THREADS": "1"}      # a core for each worker
CONTEXT = multiprocessing.get_context("fork")
SHARED = ["lightning.pytorch", "matplotlib.pyplot", "seaborn", "nbclient", "nbconvert", "nbdev.test", "pytest", "hypothesis",
          "exchange_calendars", "psutil", "pytorch_optimizer"]


def load(kind: str) -> None:
    """Import the package, for tests with its shapes checked, before the jobs of a kind are forked from this process."""
    gc.disable()    # else the collector walks again and again through all that is imported, here and in each job
    if kind == "tests":
        importlib.import_module("shapes")
    package = importlib.import_module("celestial_pgat")
    for module in pkgutil.walk_packages(package.__path__, "celestial_pgat."):
        importlib.import_module(module.name)
    gc.freeze()
    gc.enable()
    gc.set_threshold(100_000)  # new objects between two walks; the usual 700 cost a few hundredths of all time


def run_notebook(path: Path, pipe: Connection) -> tuple[bool, str]:
    """Run one notebook in this process as `nbdev_test` does; announce each cell through `pipe`."""
    import nbdev.test
    from execnb.shell import CaptureShell
    from nbdev.config import get_config
    ran = []

    class AnnouncingShell(CaptureShell):
        """A shell that says which cell it is about to run, and draws once and small, for nobody looks at it."""

        def __init__(self, path: Path):
            super().__init__(path)
            self._run("set_matplotlib_formats('png', bbox_inches=None, dpi=40)")

        def cell(self, cell, *arguments, **kwargs):
            if cell.cell_type == "code":
                ran.append(cell)
                pipe.send(("place", f"cell {cell.idx_ + 1}:\n{cell.source.strip()[:300]}"))
            return super().cell(cell, *arguments, **kwargs)

    nbdev.test.CaptureShell = AnnouncingShell
    os.chdir(ROOT / "nbs")
    with redirect_stderr(io.StringIO()) as printed:
        passed, _ = nbdev.test.test_nb(path, skip_flags=get_config().tst_flags.split(), basepath=ROOT)
    return bool(passed and ran), printed.getvalue() if ran else "no cell was run: is its language python?"


def run_tests(path: Path, pipe: Connection) -> tuple[bool, str]:
    """Run one file of tests in a pytest of its own; announce each test through `pipe`."""
    import pytest

    class Announcer:
        """A plugin that says which test is about to run."""

        def pytest_runtest_logstart(self, nodeid):
            pipe.send(("place", nodeid))

    os.chdir(ROOT)
    with TemporaryFile("w+", errors="replace") as printed:
        for number in (1, 2):
            os.dup2(printed.fileno(), number)
        passed = pytest.main(["-q", "--tb=short", "--rootdir", str(ROOT), str(path)], plugins=[Announcer()]) == 0
        sys.stdout.flush()
        printed.seek(0)
        return passed, printed.read()


def work(path: Path, pipe: Connection) -> None:
    """Run a job and send back how it ended: passed, what it printed, CPU seconds."""
    os.setsid()                                               # so that the guard ends what the job has started, too
    signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell ignores it for what it starts in the background
    passed, printed = (run_notebook if path.suffix == ".ipynb" else run_tests)(path, pipe)
    pipe.send(("end", (passed, printed, sum(os.times()[:4]))))


class Job:
    """A notebook or file of tests that runs, where it is at, and how long it may take."""

    def __init__(self, path: Path, usual: float):
        self.path, self.place, self.begun, self.limit = path, "its start", time.monotonic(), 10 * max(usual, LEAST)
        self.pipe, theirs = CONTEXT.Pipe(duplex=False)
        self.process = CONTEXT.Process(target=work, args=(path, theirs))
        self.process.start()
        theirs.close()

    def outcome(self) -> tuple[bool, str, float] | None:
        """Return passed, what was printed and CPU seconds, or None while the job runs."""
        waited = time.monotonic() - self.begun
        try:
            if self.pipe.poll():
                kind, said = self.pipe.recv()
                if kind == "end":
                    return said
                self.place = said
            elif waited > self.limit:
                return False, f"hangs: no end after {self.limit:.0f} s, ten times what is usual; at {self.place}", waited
        except EOFError:
            self.process.join()
            return False, f"its process died (exit code {self.process.exitcode}) at {self.place}", waited

    def end(self) -> None:
        """End the process and whatever it has started."""
        try:
            os.killpg(self.process.pid, signal.SIGKILL)
        except ProcessLookupError:  # all gone, or not yet in a group of its own
            self.process.kill()
        self.process.join()


def serve(kind: str, pipe: Connection, others: list[Connection]) -> None:
    """Run each job of a kind that is asked for; send back its path, how it ended, and its seconds."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)              # the runner ends, then its pipe, then all that runs here
    for other in others:
        other.close()
    load(kind)
    busy: list[Job] = []
    with suppress(EOFError, BrokenPipeError):
        pipe.send(None)
        try:
            while True:
                if pipe in wait([pipe, *(job.pipe for job in busy)], timeout=1):
                    busy.append(Job(*pipe.recv()))
                for job in [*busy]:
                    if (outcome := job.outcome()) is not None:
                        busy.remove(job)
                        job.end()
                        pipe.send((job.path, outcome, time.monotonic() - job.begun))
        finally:
            for job in busy:
                job.end()


def kind_of(path: Path) -> str:
    """Say which of the two processes a job is forked from."""
    return "notebooks" if path.suffix == ".ipynb" else "tests"


def run(paths: list[Path], usual: dict[str, float], workers: int) -> list[tuple[str, bool, float, float]]:
    """Run the jobs, the dearest first; return name, passed, CPU seconds and seconds of each."""
    queue, ready, results, pipes = sorted(paths, key=lambda path: usual.get(path.name, LEAST)), set(), [], {}
    for kind in sorted({kind_of(path) for path in paths}):
        pipes[kind], theirs = CONTEXT.Pipe()
        CONTEXT.Process(target=serve, args=(kind, theirs, [*pipes.values()]), name=kind).start()
        theirs.close()
    try:
        busy = 0
        while queue or busy:
            while busy < workers and (found := [path for path in queue if kind_of(path) in ready]):
                queue.remove(found[-1])
                pipes[kind_of(found[-1])].send((found[-1], usual.get(found[-1].name, LEAST)))
                busy += 1
            heard = wait([*pipes.values()])
            for kind in [kind for kind in pipes if pipes[kind] in heard]:
                try:
                    said = pipes[kind].recv()
                except EOFError:
                    sys.exit(f"the process that {kind} are forked from has died; what it said stands above")
                if said is None:
                    ready.add(kind)
                    continue
                path, (passed, printed, cpu), waited = said
                busy -= 1
                results.append((path.name, passed, cpu, waited))
                print(f"{path.name} passed" if passed else f"{path.name} failed\n{printed}", flush=True)
    finally:
        for pipe in pipes.values():
            pipe.close()
        for process in multiprocessing.active_children():
            process.join()
    return results


def print_table(results: list[tuple[str, bool, float, float]], seconds: float) -> None:
    """Print what each job cost, the dearest first, and what it took to import what they share."""
    print(f"\n{'':34}CPU s      s")
    for name, passed, cpu, waited in sorted(results, key=lambda row: -row[2]):
        print(f"{name:32}{cpu:7.1f}{waited:7.1f}{'' if passed else '  failed'}")
    together = sum(os.times()[:4])
    print(f"{'imports':32}{together - sum(row[2] for row in results):7.1f}")
    print(f"{'together':32}{together:7.1f}{seconds:7.1f}")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("names", nargs="*", help="beginnings of names, such as 62 or test_cli; all if none is given")
    parser.add_argument("--keep", action="store_true", help=f"write the measured CPU seconds to {USUAL.name}")
    parser.add_argument("--workers", type=int, default=min(os.cpu_count(), 8))
    chosen = parser.parse_args()
    paths = [path for path in [*ROOT.glob("nbs/*.ipynb"), *ROOT.glob("tests/test_*.py"), ROOT / "tests" / "faults"]
             if not chosen.names or path.name.startswith(tuple(chosen.names))]
    if not paths:
        parser.error(f"no notebook and no file of tests begins with {' or '.join(chosen.names) or 'anything'}")
    os.environ.update(ENVIRONMENT)
    sys.path.insert(0, str(ROOT))
    usual, begun = json.loads(USUAL.read_text()), time.monotonic()
    print(f"running {len(paths)} notebooks and files of tests, {chosen.workers} at a time", flush=True)
    gc.disable()
    for name in SHARED:
        importlib.import_module(name)
    gc.enable()
    results = run(paths, usual, chosen.workers)
    print_table(results, time.monotonic() - begun)
    failed = [name for name, passed, *_ in results if not passed]
    print(f"failed: {', '.join(failed)}" if failed else "notebooks and files of tests:")
    print(f"{len(paths) - len(failed)} passed, {len(failed)} failed")
    if chosen.keep and not failed:
        measured = {name: round(cpu, 1) for name, _, cpu, _ in results}
        kept = usual | measured if chosen.names else measured
        USUAL.write_text(json.dumps(dict(sorted(kept.items())), indent=1) + "\n")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
