"""Clean notebooks as git keeps them: python .jupyter/clean_notebooks.py [notebooks] (all of them, if none is named).

What nbdev cleans, and three things more that differ each time a notebook runs: the ids of styled tables; the pieces in which
a printed text arrived; and the states and ids of widgets, which only a running kernel can show. JupyterLab, as `make lab`
starts it, cleans what it saves.
"""
import re
import sys
from pathlib import Path

from execnb.nbio import read_nb, write_nb
from nbdev.clean import clean_nb
from nbdev.config import get_config

NOTEBOOKS = Path(__file__).resolve().parents[1] / "nbs"
WIDGET = "application/vnd.jupyter.widget-view+json"
TABLE = re.compile(r"\bT_([0-9a-f]{5})(?![0-9a-zA-Z])")       # pandas draws five digits for each styled table


def name_tables(cell: dict) -> None:
    """Name the styled tables among a cell's outputs by the cell, in their order."""
    seen = {}
    name = lambda found: f"T_of_{cell['id']}_{seen.setdefault(found[1], len(seen))}"
    for output in cell["outputs"]:
        text = output.get("data", {}).get("text/html")
        if text is not None:
            lines = [TABLE.sub(name, line) for line in ([text] if isinstance(text, str) else text)]
            output["data"]["text/html"] = lines[0] if isinstance(text, str) else lines


def join_text(outputs: list[dict]) -> list[dict]:
    """Join what was printed, piece by piece, to the same stream."""
    joined = []
    for output in outputs:
        last = joined[-1] if joined else {}
        if output["output_type"] == "stream" and last.get("name") == output["name"]:
            text = "".join([*last["text"], *output["text"]])
            last["text"] = text if isinstance(output["text"], str) else text.splitlines(True)
        else:
            joined.append(output)
    return joined


def clean(notebook: dict) -> None:
    """Clean a notebook, given as it stands in its file or in JupyterLab, in place."""
    settings = get_config(path=NOTEBOOKS)
    clean_nb(notebook, allowed_metadata_keys=settings.allowed_metadata_keys.split(), clean_ids=True)
    notebook["metadata"].pop("widgets", None)
    for cell in notebook["cells"]:
        if "outputs" in cell:
            cell["outputs"] = join_text([output for output in cell["outputs"]
                                         if WIDGET not in output.get("data", {})])
            name_tables(cell)


if __name__ == "__main__":
    for path in map(Path, sys.argv[1:] or sorted(NOTEBOOKS.glob("*.ipynb"))):
        notebook = read_nb(path)
        clean(notebook)
        write_nb(notebook, path)
