"""JupyterLab as `make lab` starts it, in a real browser: trusted, wrapped, no word of warning, saved clean; sliders that draw.

The tests of the browser need Chromium, its driver and Selenium (`pip install selenium`; Debian: chromium, chromium-driver),
and are skipped with the reason where one of them is missing. The others always run.
"""
import json
import os
import re
import shutil
import socket
import subprocess
import sys
import time
from difflib import unified_diff
from importlib.util import find_spec
from pathlib import Path

import pandas as pd
import pytest

ROOT = Path(__file__).parents[1]
sys.path.append(str(ROOT / ".jupyter"))
from clean_notebooks import WIDGET, clean  # noqa: E402

NOTEBOOKS = sorted((ROOT / "nbs").glob("*.ipynb"))
FLAGS = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
         "--disable-component-update", "--disable-sync", "--disable-dev-shm-usage", "--window-size=1400,1000"]
TOUR = "01_tour.ipynb"
PATIENCE = 240                                  # seconds until something that does not come is an error


def missing() -> str | None:
    """Say what of a browser is missing here, or None."""
    for program in ["chromium", "chromedriver"]:
        if not shutil.which(program):
            return f"no {program} is here"
    try:
        import jupyterlab  # noqa: F401
        import selenium  # noqa: F401
    except ImportError as error:
        return f"{error.name} is not installed"


in_browser = pytest.mark.skipif(missing() is not None, reason=f"{missing()}: JupyterLab is not opened")


class Lab:
    """A server of JupyterLab on a copy of notebooks, and a browser that looks at it."""

    def __init__(self, folder: Path):
        from selenium import webdriver
        self.home, self.nbs = folder / "home", folder / "project" / "nbs"
        self.home.mkdir()
        self.nbs.mkdir(parents=True)
        shutil.copytree(ROOT / ".jupyter", self.nbs.parent / ".jupyter")
        shutil.copy(ROOT / "settings.ini", self.nbs.parent)
        (self.nbs.parent / "data").symlink_to(ROOT / "data")
        for path in NOTEBOOKS:
            shutil.copy(path, self.nbs)
        shutil.copy(ROOT / "nbs" / "matplotlibrc", self.nbs)
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.address = f"http://127.0.0.1:{free.getsockname()[1]}"
        command = [sys.executable, "-m", "jupyterlab", "--no-browser", f"--port={self.address.rpartition(':')[2]}",
                   "--IdentityProvider.token=tested", "--LabApp.expose_app_in_browser=True"]
        ours = {"HOME": str(self.home), "JUPYTER_CONFIG_PATH": str(self.nbs.parent / ".jupyter"),
                "PYTHONPATH": os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")]), "OMP_NUM_THREADS": "1"}
        theirs = {key: value for key, value in os.environ.items() if not key.startswith(("JUPYTER", "MPL"))}
        self.log = (folder / "log").open("w+")
        self.server = subprocess.Popen(command + ["--allow-root"] * (os.geteuid() == 0), cwd=self.nbs.parent,
                                       env=dict(theirs, **ours), stdout=self.log, stderr=self.log)
        options = webdriver.ChromeOptions()
        for flag in [*FLAGS, f"--user-data-dir={folder / 'browser'}"]:
            options.add_argument(flag)
        options.binary_location = shutil.which("chromium")
        service = webdriver.ChromeService(shutil.which("chromedriver"))
        self.driver = webdriver.Chrome(options, service)
        self.driver.set_script_timeout(PATIENCE)

    def end(self) -> None:
        self.driver.quit()
        self.server.terminate()
        self.server.wait(30)
        self.log.close()

    def wait(self, condition, what: str):
        """Return the first true value of a condition."""
        limit = time.monotonic() + PATIENCE
        while time.monotonic() < limit:
            if value := condition():
                return value
            time.sleep(0.1)
        self.log.seek(0)
        raise AssertionError(f"{what} did not come; the server said:\n{self.log.read()[-3000:]}")

    def ask(self, script: str, *values):
        """Return what a script says of the page; `app` is JupyterLab, `panel` the notebook in front."""
        start = "const app = window.jupyterapp, panel = app?.shell.currentWidget; "
        return self.driver.execute_script(start + script, *values)

    def execute(self, name: str) -> None:
        """Execute a command of JupyterLab, as a menu does, and wait until it is done."""
        self.driver.execute_async_script(
            "const done = arguments[1]; window.jupyterapp.commands.execute(arguments[0]).then(() => done(), done)", name)

    def answers(self) -> bool:
        """Say whether the server takes connections."""
        assert self.server.poll() is None, "the server ended"
        with socket.socket() as ours:
            return ours.connect_ex(("127.0.0.1", int(self.address.rpartition(":")[2]))) == 0

    def open(self, name: str = "") -> None:
        """Open a notebook by its name, and no other, or what JupyterLab opens first; wait for it and its kernel."""
        self.wait(self.answers, "the server")
        self.driver.get(f"{self.address}/lab/tree/{name}?reset&token=tested" if name else f"{self.address}/?token=tested")
        idle = ("return panel?.context?.path == arguments[0] && panel.sessionContext.session?.kernel?.status == 'idle'"
                " && panel.content.widgets.length > 1")
        self.wait(lambda: self.ask(idle, name or TOUR), f"the notebook {name or TOUR}")

    def outputs(self) -> list[dict]:
        """Return all outputs that the notebook shows."""
        return self.ask("return [...panel.content.model.cells].flatMap(cell => cell.outputs ? cell.outputs.toJSON() : [])")

    def run_all(self) -> list[dict]:
        """Run all cells; return the outputs."""
        self.execute("notebook:run-all-cells")
        return self.outputs()


@pytest.fixture(scope="module")
def lab(tmp_path_factory):
    """JupyterLab on copies of all notebooks."""
    lab = Lab(tmp_path_factory.mktemp("lab"))
    yield lab
    lab.end()


# --- what is saved ----------------------------------------------------------------------------------------------------

def notebook_of(*outputs: dict) -> dict:
    """Return a notebook of one cell with these outputs, and with what JupyterLab adds to it."""
    cell = {"cell_type": "code", "id": "abc12345", "source": "1", "execution_count": 7, "metadata": {"execution": {"began": "now"}},
            "outputs": [{"output_type": "execute_result", "execution_count": 7, "metadata": {}, "data": data} for data in outputs]}
    return {"nbformat": 4, "nbformat_minor": 5, "cells": [cell],
            "metadata": {"kernelspec": {"name": "python3", "display_name": "Python 3 (ipykernel)"}, "widgets": {"state": {}}}}


def cleaned(*outputs: dict) -> dict:
    """Return what is saved of such a notebook."""
    notebook = notebook_of(*outputs)
    clean(notebook)
    return notebook


def test_a_styled_table_is_saved_alike_each_time():
    table = pd.DataFrame({"a": [1.0, 2.0]})
    texts = [table.style.highlight_max(color="gold").format("{:.1f}").to_html() for _ in range(4)]
    assert len(set(texts)) == 4, "pandas names each table anew"
    once, twice = (cleaned({"text/html": two[0]}, {"text/html": two[1].splitlines(True)}) for two in (texts[:2], texts[2:]))
    assert once == twice
    one, other = ("".join(output["data"]["text/html"]) for output in once["cells"][0]["outputs"])
    assert one != other, "two tables of a cell keep apart"
    names = set(re.findall(r"T_\w+?_\d+(?=_row|\")", one))
    assert len(names) == 1 and one.count(f"#{names.pop()}_row1_col0") == 1, "a style still finds its cell"
    again = json.loads(json.dumps(once))
    clean(again)
    assert again == once


def test_widgets_and_what_the_front_end_adds_are_not_saved():
    saved = cleaned({WIDGET: {"model_id": "1f"}, "text/plain": "VBox()"}, {"text/plain": "3"})
    cell, = saved["cells"]
    assert [output["data"] for output in cell["outputs"]] == [{"text/plain": "3"}]
    assert cell["metadata"] == {} and cell["execution_count"] is None
    assert saved["metadata"] == {"kernelspec": {"name": "python3", "display_name": "python3"}}


@pytest.mark.parametrize("form", [str, lambda text: text.splitlines(True)], ids=["as JupyterLab has it", "as the file has it"])
def test_a_printed_text_is_saved_whole(form):
    notebook = notebook_of()
    pieces = [("stdout", "a\nb"), ("stdout", "c\n"), ("stderr", "d\n"), ("stdout", "e\n"), ("stdout", "f\n")]
    notebook["cells"][0]["outputs"] = [{"output_type": "stream", "name": name, "text": form(text)} for name, text in pieces]
    clean(notebook)
    found = [(output["name"], output["text"]) for output in notebook["cells"][0]["outputs"]]
    assert found == [("stdout", form("a\nbc\n")), ("stderr", form("d\n")), ("stdout", form("e\nf\n"))]


def test_stored_notebooks_are_as_they_would_be_saved():
    found = []
    for path in NOTEBOOKS:
        notebook = json.loads(path.read_text(encoding="utf-8"))
        clean(notebook)
        found += [path.name] * (notebook != json.loads(path.read_text(encoding="utf-8")))
    assert not found, "run .venv/bin/python .jupyter/clean_notebooks.py"


@pytest.mark.skipif(find_spec("jupyter_server") is None, reason="jupyter_server is not installed")
def test_the_server_trusts_the_checkout_and_saves_it_clean(tmp_path):
    """Read, save and read a notebook as JupyterLab asks its server to, with the settings of the project."""
    shutil.copytree(ROOT / ".jupyter", tmp_path / ".jupyter")
    shutil.copy(ROOT / "settings.ini", tmp_path)
    (tmp_path / "nbs").mkdir()
    name = "14_sky.pictures.ipynb"
    shutil.copy(ROOT / "nbs" / name, tmp_path / "nbs")
    shutil.copy(ROOT / "nbs" / name, tmp_path / "nbs" / "broken.ipynb")
    with (tmp_path / "nbs" / "broken.ipynb").open("r+") as file:
        file.truncate(1000)
    read = subprocess.run([sys.executable, "-c", SERVER, name], cwd=tmp_path, capture_output=True, text=True, timeout=PATIENCE,
                          env=os.environ | {"HOME": str(tmp_path / "home")})
    assert read.returncode == 0, read.stderr
    assert json.loads(read.stdout) == {"trusted": [True, True, False], "root": str(tmp_path / "nbs")}
    assert "broken.ipynb is not trusted" in read.stderr
    assert (tmp_path / "nbs" / name).read_text() == (ROOT / "nbs" / name).read_text()
    assert not [path for path in (tmp_path / "home").rglob("*") if path.is_file()], "nothing is written to the home"


SERVER = """
import json, sys
from jupyter_server.services.contents.largefilemanager import LargeFileManager
from traitlets.config import Config, PyFileConfigLoader
for _ in range(2):                              # as the server does
    config = PyFileConfigLoader(".jupyter/jupyter_server_config.py").load_config()
manager, name = LargeFileManager(config=config, root_dir=config.ServerApp.root_dir), sys.argv[1]
trusted = lambda model: all(cell.metadata.trusted for cell in model["content"].cells if cell.cell_type == "code")
model = manager.get(name)
found = [trusted(model)]
model["content"].cells[2].execution_count = 3
model["content"].metadata["widgets"] = {"state": 1}
manager.save(model, name)
model = manager.get(name)
found += [trusted(model)]
model["content"].cells[4].outputs = [{"output_type": "display_data", "metadata": {}, "data": {"text/html": "<script/>"}}]
model["content"].cells[4].metadata.trusted = False
manager.save(model, "strange.ipynb")            # from elsewhere
found += [trusted(manager.get("strange.ipynb"))]
print(json.dumps({"trusted": found, "root": config.ServerApp.root_dir}))
"""


def test_other_places_open_the_same_workbook(tmp_path):
    """A container of VS Code and Binder install by the same lines, and start with the same settings."""
    container = json.loads((ROOT / ".devcontainer" / "devcontainer.json").read_text())
    assert container["containerEnv"]["JUPYTER_CONFIG_PATH"].endswith("/.jupyter")
    for command in [container["onCreateCommand"], container["postAttachCommand"]]:
        subprocess.run(["make", "-n", *command.split()[1:]], cwd=ROOT, check=True, capture_output=True)
    built = (ROOT / ".binder" / "postBuild").read_text()
    assert "-c constraints.txt -e '.[lab,dev]'" in built and "-c constraints.txt -e '.[lab,dev]'" in (ROOT / "Makefile").read_text()
    show = ["bash", "-c", "echo $JUPYTER_CONFIG_PATH $OMP_NUM_THREADS $1", "bash", "kept"]
    for script, after in [("postBuild", ["-n"]), ("start", [])]:
        path = ROOT / ".binder" / script
        assert os.access(path, os.X_OK)
        done = subprocess.run(["bash", *after, path, *show], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.split() == [str(ROOT / ".jupyter"), "1", "kept"]


def test_make_lab_adds_to_the_settings_that_are_there(tmp_path):
    (tmp_path / "jupyter").write_text("#!/bin/sh\nenv\n")
    (tmp_path / "jupyter").chmod(0o755)
    for theirs, whole in [({}, ""), ({"JUPYTER_CONFIG_PATH": "/etc/mine"}, ":/etc/mine")]:
        rest = {key: value for key, value in os.environ.items() if key not in ("JUPYTER_CONFIG_PATH", "OMP_NUM_THREADS")}
        shown = subprocess.run(["make", "-s", "lab", f"BIN={tmp_path}", "-o", ".venv/dev.stamp"], cwd=ROOT,
                               env=rest | theirs, capture_output=True, text=True)
        assert f"JUPYTER_CONFIG_PATH={ROOT / '.jupyter'}{whole}\n" in shown.stdout, shown.stderr
        assert "OMP_NUM_THREADS=1\n" in shown.stdout


# --- git --------------------------------------------------------------------------------------------------------------

@pytest.mark.parametrize("installed", [True, False], ids=["with .venv", "where .venv is gone"])
def test_git_merges_notebooks(installed, tmp_path):
    """Two people change the same cell: nbdev leaves a notebook that opens, git alone its marks, and neither loses a side."""
    git = lambda *arguments: subprocess.run(["git", "-c", "user.name=a", "-c", "user.email=a@b", *arguments], cwd=tmp_path,
                                            capture_output=True, text=True)
    git("init", "-q", "-b", "main")
    shutil.copy(ROOT / "Makefile", tmp_path)
    shutil.copy(ROOT / "settings.ini", tmp_path)
    (tmp_path / ".gitattributes").write_text("*.ipynb merge=nbdev-merge\n")
    subprocess.run(["make", "-s", "hooks"], cwd=tmp_path, check=True)
    if installed:
        (tmp_path / ".venv").mkdir()
        (tmp_path / ".venv" / "bin").symlink_to(Path(sys.executable).parent)
    notebook = notebook_of({"text/plain": "1"})
    path = tmp_path / "one.ipynb"
    for branch, source in [("main", "x = 1"), ("theirs", "x = 2"), ("main", "x = 3")]:
        git("checkout", "-q", *(["-b"] if branch == "theirs" else []), branch)
        notebook["cells"][0]["source"] = [source]
        path.write_text(json.dumps(notebook, indent=1) + "\n")
        git("add", ".")
        git("commit", "-q", "-m", source)
    merged = git("merge", "theirs")
    text = path.read_text()
    assert merged.returncode != 0 and "one.ipynb" in git("diff", "--name-only", "--diff-filter=U").stdout, merged.stderr
    assert "x = 2" in text and "x = 3" in text and "<<<<<<<" in text
    assert not installed or len(json.loads(text)["cells"]) > 1


# --- in a browser -----------------------------------------------------------------------------------------------------

def differences(before: str, after: str) -> list[str]:
    """Return the lines in which two texts differ."""
    return [line[:200] for line in unified_diff(before.splitlines(), after.splitlines(), n=0, lineterm="")]


@in_browser
def test_the_tour_opens_runs_and_is_saved_as_it_was(lab):
    before = (lab.nbs / TOUR).read_text()
    lab.open()
    assert TOUR in lab.driver.current_url
    assert lab.ask("return [...panel.content.model.cells].filter(cell => cell.type == 'code').every(cell => cell.trusted)")
    wraps = lab.ask("return panel.content.widgets.map(cell => cell.editor?.getOption('lineWrap'))")
    assert wraps[0] and all(wrap in (True, None) for wrap in wraps), "None: not drawn yet"
    outputs = lab.run_all()
    assert outputs and not [output for output in outputs if output.get("name") == "stderr" or output["output_type"] == "error"]
    lab.execute("docmanager:save")
    assert differences(before, (lab.nbs / TOUR).read_text()) == []
    written = [path.relative_to(lab.home).as_posix() for path in lab.home.rglob("*") if path.is_file()]
    assert not [path for path in written if "nbsignatures" in path or path.endswith("_config.py")]


@in_browser
def test_a_slider_moves_the_wheel(lab):
    from selenium.webdriver.common.keys import Keys
    lab.open("14_sky.pictures.ipynb")
    lab.run_all()
    picture = lambda: lab.ask("return panel.node.querySelector('.widget-html img')?.src")
    first = lab.wait(picture, "the wheel under the slider")
    handle = lab.ask("const handle = panel.node.querySelector('.widget-slider .noUi-handle'); "
                     "handle.scrollIntoView({block: 'center'}); handle.focus(); return handle")
    handle.send_keys(Keys.ARROW_RIGHT)
    second = lab.wait(lambda: (now := picture()) != first and now, "another wheel")
    handle.send_keys(Keys.ARROW_LEFT)
    lab.wait(lambda: picture() == first, "the first wheel again")
    lab.ask("panel.node.querySelector('.widget-play button').click()")
    lab.wait(lambda: picture() not in (first, second), "a wheel that the player turned")


@in_browser
def test_a_training_shows_one_line(lab):
    lab.open("62_train.progress.ipynb")
    outputs = lab.run_all()
    assert not [output for output in outputs if output.get("name") == "stderr" or output["output_type"] == "error"]
    bar, = [output["data"] for output in outputs if output["output_type"] == "display_data"]
    assert list(bar) == ["text/plain"] and bar["text/plain"].startswith("epoch 5/5") and "\n" not in bar["text/plain"]
