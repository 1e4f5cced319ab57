"""What `make lab` tells the server of JupyterLab, over the settings that you have; none of it is written to your home.

The notebooks of the checkout are trusted, since you run its code anyway: their tables and pictures are shown at once. The
signatures that say so end with the server. And what is saved is clean, as git keeps it.
"""
import sys
import warnings
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))
import trusted_notebooks  # noqa: E402


def clean_saved(model: dict, path: str, **kwargs) -> None:
    """Clean a notebook before it is saved; a cell that is trusted stays so, which the server, not the file, remembers."""
    from clean_notebooks import clean          # takes a second: at the first saving, not at the start
    if model["type"] == "notebook" and model["content"]["nbformat"] == 4:
        cells = model["content"]["cells"]
        trusted = [cell["metadata"].get("trusted", False) for cell in cells]
        clean(model["content"])
        for cell, so in zip(cells, trusted):
            cell["metadata"] |= {"trusted": True} if so else {}


warnings.filterwarnings("ignore", "Overriding existing pre_save_hook")  # this one, as the server reads its settings again
c = get_config()  # noqa: F821
c.ServerApp.root_dir = str(trusted_notebooks.NOTEBOOKS)
c.NotebookNotary.secret = trusted_notebooks.SECRET
c.NotebookNotary.store_factory = trusted_notebooks.keep
c.FileContentsManager.pre_save_hook = clean_saved
