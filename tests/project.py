"""Write README.md from nbs/index.ipynb: `python tests/project.py`. Quarto is not needed."""
import re
from pathlib import Path

import nbformat
from nbconvert import MarkdownExporter
from traitlets.config import Config

ROOT = Path(__file__).parents[1]


def readme_text() -> str:
    """Return the markdown of index.ipynb with images and notebooks seen from the project's root.

    The directives mean what they mean on the site: `hide` drops a cell, `echo: false` its source.
    """
    notebook = nbformat.read(ROOT / "nbs" / "index.ipynb", as_version=4)
    notebook.metadata["language_info"] = {"name": "python"}
    notebook.cells = [cell for cell in notebook.cells if not cell.source.startswith("#| hide")]
    for cell in notebook.cells:
        if cell.source.startswith("#| echo: false"):
            cell.metadata["tags"] = ["no-source"]
    drop = {"enabled": True, "remove_input_tags": {"no-source"}}
    text, _ = MarkdownExporter(config=Config({"TagRemovePreprocessor": drop})).from_notebook_node(notebook)
    text = re.sub(r"\]\((images/|\d\d_)", r"](nbs/\1", text)
    return re.sub(r"\n{3,}", "\n\n", text).strip() + "\n"


if __name__ == "__main__":
    (ROOT / "README.md").write_text(readme_text(), encoding="utf-8")
