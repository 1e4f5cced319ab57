"""Run every notebook with nbdev_test, assert that none was left out, and keep a table of the times for the end."""
import os
import re
import signal
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]
LIMIT = 540  # seconds for all notebooks together; nbdev_test itself has no limit


def main() -> int:
    expected = {path.name for path in (ROOT / "nbs").glob("*.ipynb")}
    command = [Path(sys.executable).parent / "nbdev_test", "--timing", "--do_print", "--n_workers", "2"]
    environment = os.environ | {"MPLBACKEND": "agg", "OMP_NUM_THREADS": "1", "CELESTIAL_SCALE": "smoke"}
    print(f"running {len(expected)} notebooks, at most {LIMIT} s", flush=True)
    process = subprocess.Popen(command, cwd=ROOT, env=environment, text=True, stdout=subprocess.PIPE, start_new_session=True)
    try:
        printed, _ = process.communicate(timeout=LIMIT)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        print(process.communicate()[0] + f"the notebooks took longer than {LIMIT} s")
        return 1
    if process.returncode:
        print(printed)
        return process.returncode
    times = dict(re.findall(r"^(\S+\.ipynb): (\d+) secs$", printed, re.M))
    if times.keys() != expected:
        print(f"nbdev_test ran {len(times)} of {len(expected)} notebooks; missing: {sorted(expected - times.keys())}")
        return 1
    rows = [f"{name:32}{int(seconds):5} s" for name, seconds in sorted(times.items())]
    table = "\n".join(["", "notebook                         time", *rows, f"{len(rows)} notebooks passed", ""])
    (ROOT / ".venv").mkdir(exist_ok=True)
    (ROOT / ".venv" / "notebook_times.txt").write_text(table)
    print(f"{len(rows)} notebooks passed")
    return 0


if __name__ == "__main__":
    sys.exit(main())
