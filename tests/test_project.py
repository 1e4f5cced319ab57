"""The project is in order: notebooks clean, library and README generated from them, every notebook in the sidebar."""
import ast
import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from project import readme_text

ROOT = Path(__file__).parents[1]
NOTEBOOKS = sorted((ROOT / "nbs").glob("*.ipynb"))
LAYERS = ["core", "sky", "data", "graph", "fusion", "model", "train", "evaluate", "app"]  # each may import those before it
MARKET_FREE = {"graph": {"data"}, "fusion": {"data", "graph"}}                     # and these know nothing of markets


@pytest.fixture(scope="module")
def exported(tmp_path_factory) -> Path:
    """A copy of the project, cleaned and exported anew."""
    copy = tmp_path_factory.mktemp("project")
    for name in ["nbs", "celestial_pgat", "settings.ini", "setup.py", "_quarto.yml"]:
        source = ROOT / name
        if source.is_dir():
            shutil.copytree(source, copy / name, symlinks=True, ignore=shutil.ignore_patterns("__pycache__", ".ipynb_checkpoints"))
        else:
            shutil.copy(source, copy / name)
    for command in ["nbdev_clean", "nbdev_export"]:
        subprocess.run([Path(sys.executable).parent / command], cwd=copy, check=True)
    return copy


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_notebook_is_clean(path, exported):
    assert path.read_text() == (exported / "nbs" / path.name).read_text(), "run nbdev_clean"


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_notebook_has_stored_outputs_and_no_error(path):
    cells = [cell for cell in json.loads(path.read_text())["cells"] if cell["cell_type"] == "code"]
    outputs = [output for cell in cells for output in cell["outputs"]]
    assert outputs, "execute the notebook before committing it"
    assert not [output for output in outputs if output["output_type"] == "error"]


def test_library_is_what_the_notebooks_export(exported):
    files = lambda root: {path.relative_to(root): path.read_text() for path in (root / "celestial_pgat").rglob("*.py")}
    here, fresh = files(ROOT), files(exported)
    assert here.keys() == fresh.keys()
    assert [str(name) for name in here if here[name] != fresh[name]] == [], "run nbdev_export"


def test_readme_is_the_index_notebook():
    assert (ROOT / "README.md").read_text(encoding="utf-8") == readme_text(), "run make readme"


def test_every_notebook_is_in_the_sidebar():
    contents = yaml.safe_load((ROOT / "nbs" / "sidebar.yml").read_text())["website"]["sidebar"]["contents"]
    listed = [page for entry in contents for page in (entry["contents"] if isinstance(entry, dict) else [entry])]
    assert listed == ["index.ipynb"] + [path.name for path in NOTEBOOKS if path.name != "index.ipynb"]


def imports(path: Path) -> set[str]:
    """Return the layers of the package that the module at `path` imports, relatively or absolutely, wherever in the file."""
    layers = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom):
            names = [f"{node.module or ''}.{alias.name}".strip(".") for alias in node.names]
            if node.level == 1:
                layers.add(path.parent.name)
            elif node.level == 2:
                layers |= {name.split(".")[0] for name in names}
        elif isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        else:
            continue
        layers |= {name.split(".")[1] for name in names if name.startswith("celestial_pgat.")}
    return layers


def test_imports_are_seen():
    assert {"data", "graph", "fusion", "model"} <= imports(ROOT / "celestial_pgat" / "model" / "pgat.py")
    assert {"data", "model", "train", "app"} <= imports(ROOT / "celestial_pgat" / "app" / "cli.py")


@pytest.mark.parametrize("layer", LAYERS)
def test_imports_go_downwards_only(layer):
    allowed = set(LAYERS[: LAYERS.index(layer) + 1]) - MARKET_FREE.get(layer, set())
    for path in (ROOT / "celestial_pgat" / layer).glob("*.py"):
        assert imports(path) <= allowed, f"{path.name} imports {imports(path) - allowed}"
