"""One row for each fault: what happens, what the person sees, what is lost; and the run that nothing happens to.

With KEEP_FAULTS=1 the rows are written to data/results/faults.json, which 64_train.faults shows; else they must be those.
"""
import json
import os
import re
import socket
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[1]))

from faults.training import PLAN, WATCHED, in_child, train  # noqa: E402
from shapes import unchecked  # noqa: E402

STORED = Path(__file__).parents[2] / "data" / "results" / "faults.json"
KEEP = bool(os.environ.get("KEEP_FAULTS"))


@dataclass
class Row:
    """A fault, and what became of it."""
    id: str
    group: str
    fault: str
    seen: str = ""
    lost: str = ""
    passed: bool = False


ROWS: list[Row] = []


def plain(text: str, *folders: Path) -> str:
    """Return a message without what differs from run to run: folders, processes, hosts, large numbers."""
    for folder in folders:
        text = text.replace(str(folder), "<folder>")
    text = text.replace(socket.gethostname(), "<host>")
    text = re.sub(r"process \d+", "process <number>", text)
    return re.sub(r"\d[\d,]{4,}\d", "<number>", text)


def row_id(item) -> str:
    """Name a test: its file, function, and what it is given."""
    given = item.callspec.params if hasattr(item, "callspec") else {}
    parts = [item.path.stem.removeprefix("test_"), item.originalname.removeprefix("test_"),
             *(str(given[name]) for name in ("name", "case") if name in given)]
    return " / ".join(parts)


@pytest.fixture
def folder(tmp_path) -> Path:
    """The folder of a run; it is not there yet."""
    return tmp_path / "run"


@pytest.fixture
def fault(request, tmp_path):
    """The row of this test, for it to enter what is seen and what is lost."""
    item = request.node
    what = item.function.__doc__.strip().split("\n")[0]
    if hasattr(item, "callspec"):
        what = what.format(**item.callspec.params)
    row = Row(row_id(item), sys.modules[item.module.__name__].__doc__.strip().split("\n")[0], what)
    yield row
    row.seen = plain(row.seen, tmp_path / "run", tmp_path)
    ROWS.append(row)
    assert row.lost == "nothing", f"{row.id}: lost is {row.lost!r}"
    assert row.seen, f"{row.id}: nothing is said"
    if not KEEP:
        stored = {known["id"]: known for known in json.loads(STORED.read_text())}.get(row.id, {})
        assert (stored.get("fault"), stored.get("seen")) == (row.fault, row.seen), "write the table anew: python tests/keep.py"


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item, call):
    report = (yield).get_result()
    if report.when == "teardown" and ROWS and ROWS[-1].id == row_id(item):
        ROWS[-1].passed = report.passed and item.stash.get(CALLED, False)
    if report.when == "call":
        item.stash[CALLED] = report.passed


CALLED = pytest.StashKey[bool]()


def pytest_sessionfinish(session):
    if KEEP and ROWS:               # of some files of tests alone, the other rows stay
        rows = {row["id"]: row for row in json.loads(STORED.read_text())} | {row.id: vars(row) for row in ROWS}
        STORED.write_text(json.dumps([*rows.values()], indent=1) + "\n")


@pytest.fixture(scope="session", autouse=True)
def warm(tmp_path_factory) -> None:
    """Train once in this process, so that no process which is forked from it does for the first time what torch does once."""
    with unchecked():
        train(tmp_path_factory.mktemp("warm") / "run")


@pytest.fixture(scope="session")
def whole(tmp_path_factory) -> dict:
    """What comes out where nothing happens, and the folder of that run."""
    return _whole(tmp_path_factory, PLAN)


@pytest.fixture(scope="session")
def watched(tmp_path_factory) -> dict:
    """The same, with the logs of fusion points and memory."""
    return _whole(tmp_path_factory, WATCHED)


def _whole(tmp_path_factory, cfg) -> dict:
    folder = tmp_path_factory.mktemp("whole") / "run"
    outcome = in_child(folder, train, cfg=cfg)
    assert outcome.returned, outcome.trace + outcome.printed
    return outcome.returned
