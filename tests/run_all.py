"""Run every notebook and every test file, the dearest first, and end with the table of what each cost.

Notebooks run as `nbdev_test` runs them, by its own `test_nb`, in as many processes as there are cores (8 at most); each file
of tests runs in a pytest of its own, beside them. No clock decides over green, but for one guard: a job that takes ten times
its usual time, and ten minutes at least, hangs. It is ended and named, with its cell.
"""
import argparse
import json
import multiprocessing
import os
import signal
import subprocess
import sys
import time
from multiprocessing.connection import Connection, wait
from pathlib import Path

ROOT = Path(__file__).parents[1]
USUAL = ROOT / "tests" / "usual_seconds.json"  # by name of job; `--keep` writes it
LEAST = 60                                     # usual seconds of a cheaper job, or of one that is new
ENVIRONMENT = {"MPLBACKEND": "agg", "CELESTIAL_SCALE": "smoke"}


def run_notebook(path: Path, pipe: Connection) -> tuple[bool, str]:
    """Run one notebook in this process as `nbdev_test` does; announce each cell through `pipe`."""
    import nbdev.test
    from execnb.shell import CaptureShell
    from nbdev.config import get_config

    class AnnouncingShell(CaptureShell):
        """A shell that says which cell it is about to run."""
        ran = 0

        def cell(self, cell, *arguments, **kwargs):
            if cell.cell_type == "code":
                type(self).ran += 1
                pipe.send(("place", f"cell {cell.idx_ + 1}:\n{cell.source.strip()[:300]}"))
            return super().cell(cell, *arguments, **kwargs)

    nbdev.test.CaptureShell = AnnouncingShell
    passed, _ = nbdev.test.test_nb(path, skip_flags=get_config().tst_flags.split(), basepath=ROOT)
    return bool(passed and AnnouncingShell.ran), "" if AnnouncingShell.ran else "no cell was run: is its language python?"


def run_tests(path: Path, pipe: Connection) -> tuple[bool, str]:
    """Run one file of tests in a process of its own; announce each line that it prints through `pipe`."""
    command, lines = [sys.executable, "-m", "pytest", "-v", "--tb=short", path], []
    with subprocess.Popen(command, cwd=ROOT, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT) as process:
        for line in process.stdout:
            lines.append(line)
            pipe.send(("place", f"what follows {line}"))
    return process.returncode == 0, "".join(line for line in lines if " PASSED " not in line)


def work(pipe: Connection) -> None:
    """Run the jobs that come through `pipe`, one after the other, and send back how each ended and its CPU seconds."""
    os.setsid()                    # so that the guard ends what a job has started, too
    os.chdir(ROOT / "nbs")
    while (path := pipe.recv()) is not None:
        begun = sum(os.times()[:4])
        passed, printed = (run_notebook if path.suffix == ".ipynb" else run_tests)(path, pipe)
        pipe.send(("end", (passed, printed, sum(os.times()[:4]) - begun)))


class Worker:
    """A process that runs jobs, the job it is at, and how long that may take."""

    def __init__(self):
        self.pipe, theirs = multiprocessing.get_context("spawn").Pipe()
        self.process = multiprocessing.get_context("spawn").Process(target=work, args=(theirs,))
        self.process.start()
        theirs.close()
        self.path = None

    def start(self, path: Path, usual: float) -> None:
        self.path, self.place, self.begun, self.limit = path, "its start", time.monotonic(), 10 * max(usual, LEAST)
        self.pipe.send(path)

    def event(self) -> tuple[bool, str, float] | None:
        """Return how the job ended: passed, what it printed, CPU seconds; None while it runs."""
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
        if self.process.is_alive():
            try:
                os.killpg(self.process.pid, signal.SIGKILL)
            except ProcessLookupError:  # it has not come as far as its own group
                self.process.kill()
        self.process.join()


def run(jobs: list[Path], usual: dict[str, float], workers: int) -> list[tuple[str, bool, float, float]]:
    """Run the jobs, the dearest first; return name, passed, CPU seconds and seconds of each."""
    queue = sorted(jobs, key=lambda path: usual.get(path.name, LEAST))
    busy, results = [Worker() for _ in range(min(workers, len(jobs)))], []
    try:
        for worker in busy:
            worker.start(path := queue.pop(), usual.get(path.name, LEAST))
        while busy:
            wait([worker.pipe for worker in busy], timeout=1)
            for worker in list(busy):
                ended = worker.event()
                if ended is None:
                    continue
                passed, printed, cpu = ended
                results.append((worker.path.name, passed, cpu, time.monotonic() - worker.begun))
                if not passed:
                    print(f"{worker.path.name} failed\n{printed}", flush=True)
                    worker.end()
                    busy[busy.index(worker)] = worker = Worker()
                if queue:
                    worker.start(path := queue.pop(), usual.get(path.name, LEAST))
                else:
                    worker.end()
                    busy.remove(worker)
    finally:
        for worker in busy:
            worker.end()
    return results


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("names", nargs="*", help="beginnings of names, such as 62 or test_cli; all if none is given")
    parser.add_argument("--keep", action="store_true", help=f"write the measured CPU seconds to {USUAL.name}")
    parser.add_argument("--workers", type=int, default=min(os.cpu_count(), 8))
    chosen = parser.parse_args()
    jobs = [path for path in [*ROOT.glob("nbs/*.ipynb"), *ROOT.glob("tests/test_*.py")]
            if not chosen.names or path.name.startswith(tuple(chosen.names))]
    if not jobs:
        parser.error(f"no notebook and no file of tests begins with {' or '.join(chosen.names)}")
    os.environ.update(ENVIRONMENT)
    usual, begun = json.loads(USUAL.read_text()), time.monotonic()
    print(f"running {len(jobs)} notebooks and files of tests, {chosen.workers} at a time", flush=True)
    results = sorted(run(jobs, usual, chosen.workers), key=lambda row: -row[2])
    print(f"\n{'':34}CPU s      s")
    for name, passed, cpu, seconds in results:
        print(f"{name:32}{cpu:7.1f}{seconds:7.1f}{'' if passed else '  failed'}")
    print(f"{'together':32}{sum(row[2] for row in results):7.1f}{time.monotonic() - begun:7.1f}")
    failed = [name for name, passed, *_ in results if not passed]
    print(f"{len(failed)} of {len(jobs)} failed: {', '.join(failed)}" if failed else f"all {len(jobs)} passed")
    if chosen.keep and not failed:
        measured = {name: round(cpu, 1) for name, _, cpu, _ in results}
        kept = measured if not chosen.names else usual | measured
        USUAL.write_text(json.dumps(dict(sorted(kept.items())), indent=1) + "\n")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
