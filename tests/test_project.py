"""The project is in order: clean notebooks, library and README made of them, sidebar and map."""
import ast
import json
import re
import shutil
import struct
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from celestial_pgat.app.pages import SHOWN_DPI, link_targets, shown_size
from project import favicon_text, names_text, readme_text, sidebar_text

ROOT = Path(__file__).parents[1]
NOTEBOOKS = sorted((ROOT / "nbs").glob("*.ipynb"))
MODULES = sorted(path for path in ROOT.glob("celestial_pgat/**/*.py") if path.name != "_modidx.py")
WIDTH, INCHES, POINTS, MODULE_LINES = 100, 9, 9, 400       # of a line, a figure, its letters, a module
# each layer may import those before it
LAYERS = ["core", "sky", "data", "graph", "fusion", "model", "train", "evaluate", "app"]
MARKET_FREE = {"graph": {"data"}, "fusion": {"data", "graph"}}      # and these not all of them


@pytest.fixture(scope="module")
def exported(tmp_path_factory) -> Path:
    """A copy of the project, cleaned and exported anew."""
    copy = tmp_path_factory.mktemp("project")
    for name in ["nbs", "celestial_pgat", "settings.ini", "setup.py", "_quarto.yml"]:
        source = ROOT / name
        if source.is_dir():
            leave_out = shutil.ignore_patterns("__pycache__", ".ipynb_checkpoints")
            shutil.copytree(source, copy / name, symlinks=True, ignore=leave_out)
        else:
            shutil.copy(source, copy / name)
    for command in ["nbdev_clean", "nbdev_export"]:
        subprocess.run([Path(sys.executable).parent / command], cwd=copy, check=True)
    return copy


def cells(path: Path, kind: str) -> list[dict]:
    """Return the cells of one kind, their source as one text."""
    found = [cell for cell in json.loads(path.read_text())["cells"] if cell["cell_type"] == kind]
    return [cell | {"source": "".join(cell["source"])} for cell in found]


each_notebook = pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)


@each_notebook
def test_notebook_is_clean(path, exported):
    assert path.read_text() == (exported / "nbs" / path.name).read_text(), "run nbdev_clean"


@each_notebook
def test_notebook_has_stored_outputs_and_no_error(path):
    outputs = [output for cell in cells(path, "code") for output in cell["outputs"]]
    assert outputs, "execute the notebook before committing it"
    assert not [output for output in outputs if output["output_type"] == "error"]


@each_notebook
def test_no_cell_shows_what_a_plot_call_returned(path):
    shown = ["".join(output.get("data", {}).get("text/plain", ""))
             for cell in cells(path, "code") for output in cell["outputs"]]
    assert [text[:60] for text in shown if re.match(r"[\[(]*(Text\(|<matplotlib|<Axes)", text)] == [], \
        "end the cell with a semicolon"


@each_notebook
def test_no_clock_decides_over_a_property(path):
    code = "\n".join(cell["source"] for cell in cells(path, "code"))
    properties = code.count("\n@given(")
    assert code.count("deadline=None") == properties, "give every @given a @settings(deadline=None)"


def test_library_is_what_the_notebooks_export(exported):
    here, fresh = ({path.relative_to(root): path.read_text()
                    for path in root.glob("celestial_pgat/**/*.py")} for root in (ROOT, exported))
    assert here.keys() == fresh.keys()
    assert [str(name) for name in here if here[name] != fresh[name]] == [], "run nbdev_export"


def test_readme_is_the_index_notebook():
    assert (ROOT / "README.md").read_text(encoding="utf-8") == readme_text(), "run make readme"


def test_sidebar_and_icon_are_made_of_the_notebooks():
    assert (ROOT / "nbs" / "sidebar.yml").read_text(encoding="utf-8") == sidebar_text(), "run make readme"
    assert (ROOT / "nbs" / "images" / "favicon.svg").read_text(encoding="utf-8") == favicon_text(), "run make readme"
    card = (ROOT / "nbs" / "images" / "card.png").read_bytes()
    assert struct.unpack(">II", card[16:24]) == (1200, 630), "the size at which a link is shown"


def test_all_names_are_listed_with_their_entries():
    text = (ROOT / "nbs" / "names.qmd").read_text(encoding="utf-8")
    assert text == names_text(), "run make readme"
    defined = {found for path in MODULES for found in re.findall(r"^(?:def|class) ([A-Za-z]\w*)", path.read_text(encoding="utf-8"), re.M)}
    assert defined == set(re.findall(r"^\| \[(\w+)\]", text, re.M)), "what the modules define, no more and no less"
    assert {f"[{name}]({address})" for name, address in link_targets(ROOT / "nbs").addresses.items()} <= set(
        re.findall(r"\[\w+\]\([^)]+\)", text))


def test_sidebar_has_every_notebook_under_its_number_and_title(tmp_path):
    def put(name: str, title: str) -> None:
        cells = [{"cell_type": "markdown", "source": [f"# {title}\n", "\n", "> a subtitle"]}]
        (tmp_path / name).write_text(json.dumps({"cells": cells}))

    for name, title in {"index.ipynb": "home", "14_sky.pictures.ipynb": "Pictures: 'three'", "34_graph.combiner.ipynb": "The combiner",
                        "90_lab.memory.ipynb": "Memory", "99_lab.claims.ipynb": "What holds"}.items():
        put(name, title)
    website = yaml.safe_load(sidebar_text(tmp_path))["website"]
    links = {"text": "90 Memory", "href": "90_lab.memory.ipynb"}, {"text": "99 What holds", "href": "99_lab.claims.ipynb"}
    assert website["sidebar"]["contents"] == [
        {"text": "home", "href": "index.ipynb"},
        {"section": "The sky", "contents": [{"text": "14 Pictures: 'three'", "href": "14_sky.pictures.ipynb"}]},
        {"section": "The graph", "contents": [{"text": "34 The combiner", "href": "34_graph.combiner.ipynb"}]},
        {"section": "Laboratories", "contents": [*links]}]
    assert website["navbar"]["left"][1] == {"text": "Laboratories", "menu": [links[0]]}, "the claims have a place of their own"
    put("15_sky.bad.ipynb", "")
    with pytest.raises(ValueError, match="15_sky.bad.ipynb does not begin with its title"):
        sidebar_text(tmp_path)


def test_every_notebook_is_on_the_map_in_its_layer():
    """The map is a table in index.ipynb: a bold row opens a layer, all others name a notebook."""
    index = ROOT / "nbs" / "index.ipynb"
    section, = (cell["source"] for cell in cells(index, "markdown")
                if cell["source"].startswith("## A map of the house"))
    rows = [line for line in section.splitlines() if line.startswith("|")][2:]
    named, layers = [], []
    for row in rows:
        if opened := re.match(r"\| \*\*(\w+)\*\*", row):
            layers.append(opened[1])
            continue
        (label, stem), = re.findall(r"\[([^]]+)\]\(([^)]+)\.ipynb\)", row)
        assert label == stem.replace("_", " ", 1), f"{label} links to {stem}"
        kinds = {"laboratories": ["lab"], "howto": ["howto", "tour", "glossary"]}
        assert stem[3:].split(".")[0] in kinds.get(layers[-1], [layers[-1]]), row
        named.append(stem)
    assert layers == ["howto", *LAYERS, "laboratories"]
    assert set(named) == {path.stem for path in NOTEBOOKS} - {"index"}


def hidden(source: str) -> bool:
    """Say whether the site leaves a code cell out."""
    return re.match(r"\s*#\|\s*hide\b", source) is not None


@each_notebook
def test_exported_code_is_shown(path):
    """`export` alone would be left out by nbdev's own processors."""
    assert [cell["source"][:60] for cell in cells(path, "code") if re.match(r"#\| *export\b", cell["source"])] == [], "write #| exports"


@each_notebook
def test_no_zero_is_written_with_a_sign(path):
    code = "\n".join(cell["source"] for cell in cells(path, "code") if re.match(r"#\| *export", cell["source"]))
    assert re.findall(r"[:{]\+[0-9,]*(?:\.[0-9]+)?[f%eg][}\"]", code) == [], "write {:+z.2f}, so that -0.001 is +0.00"


@each_notebook
def test_shown_lines_of_code_fit_the_page(path):
    shown = [cell["source"] for cell in cells(path, "code") if not hidden(cell["source"])]
    assert [line for source in shown for line in source.splitlines() if len(line) > WIDTH] == []


@each_notebook
def test_lines_of_text_fit_the_page(path):
    """A row of a table cannot be broken, nor can the line of an image."""
    lines = [line for cell in cells(path, "markdown") for line in cell["source"].splitlines()]
    assert [line for line in lines if len(line) > WIDTH and not line.startswith(("|", "!["))] == []


@each_notebook
def test_pictures_fit_the_page_and_have_a_text_instead(path):
    for cell in cells(path, "code"):
        widths = re.findall(r"figsize=\((\d+(?:\.\d+)?)", cell["source"])
        assert all(float(inches) <= INCHES for inches in widths), f"figures {widths} inches wide"
        letters = re.findall(r"""(?:font_?|label|title)size["']?[=:] ?(\d+(?:\.\d+)?)\b""", cell["source"])
        assert all(float(points) >= POINTS for points in letters), f"letters of {letters} points"
        assert not re.search(r"subplots\((?:nrows=)?\d+, *(?:ncols=)?[4-9]", cell["source"]), "more than three panels side by side"
        pictures = [picture for output in cell["outputs"] if (picture := output.get("data", {}).get("image/png"))]
        assert not pictures or "#| fig-alt:" in cell["source"], f"no fig-alt: {cell['source'][:200]}"
        shown = [shown_size("".join(picture)).get("width", 0) / SHOWN_DPI for picture in pictures]
        assert all(inches <= INCHES + 0.3 for inches in shown), f"pictures {shown} inches wide with what stands around their figures"


QUOTES = {"quote", "join", "_typed"}     # functions of shlex, and of app.leaving


def unquoted(code: str) -> list[str]:
    """Return the f-strings that put a value into a command as it is."""
    found = []
    for node in ast.walk(ast.parse(code)):
        parts = node.values if isinstance(node, ast.JoinedStr) else []
        for text, value in zip(parts, parts[1:]):
            typed = isinstance(text, ast.Constant) and re.search(r"celestial-pgat( [a-z-]+)+[ =]$|--(set|name|model|data)[ =]$", text.value)
            calls = [call.func for call in ast.walk(value) if isinstance(call, ast.Call)]
            quoted = QUOTES & {getattr(call, "attr", getattr(call, "id", "")) for call in calls}
            found += [ast.unparse(node)] * bool(typed and isinstance(value, ast.FormattedValue) and not quoted)
    return found


def test_commands_to_copy_are_quoted():
    """A path or a name in a command that is printed may have a blank or a quote in it."""
    assert unquoted('f"use it: celestial-pgat forecast --model {folder}; or"') and unquoted('f"with --set {key}"')
    assert not unquoted('f"go on: {_typed(1, folder)}; or celestial-pgat run: {why}"')
    found = {path.name: unquoted(path.read_text()) for path in MODULES}
    assert not {name: lines for name, lines in found.items() if lines}


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(ROOT)))
def test_no_module_is_long(path):
    assert len(path.read_text().splitlines()) <= MODULE_LINES, "split its notebook by topic"


def imports(path: Path) -> set[str]:
    """Return the layers that the module at `path` imports, in any way, wherever in the file."""
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
    package = ROOT / "celestial_pgat"
    assert {"data", "graph", "fusion", "model"} <= imports(package / "model" / "pgat.py")
    assert {"data", "model", "train", "app"} <= imports(package / "app" / "commands.py")


@pytest.mark.parametrize("layer", LAYERS)
def test_imports_go_downwards_only(layer):
    allowed = set(LAYERS[: LAYERS.index(layer) + 1]) - MARKET_FREE.get(layer, set())
    for path in (ROOT / "celestial_pgat" / layer).glob("*.py"):
        assert imports(path) <= allowed, f"{path.name} imports {imports(path) - allowed}"
