"""Signatures of the notebooks of the checkout, in memory: the server that holds them shows their stored tables and pictures.

The server reads its configuration more than once; what stands in a module is made only once.
"""
import os
import sys
from pathlib import Path

import nbformat
from nbformat.sign import MemorySignatureStore, NotebookNotary

NOTEBOOKS = Path(__file__).resolve().parents[1] / "nbs"
SIGNATURES, SECRET = MemorySignatureStore(), os.urandom(64)


def keep() -> MemorySignatureStore:
    """Return where the signatures are kept."""
    return SIGNATURES


notary = NotebookNotary(store_factory=keep, secret=SECRET)
for path in sorted(NOTEBOOKS.glob("*.ipynb")):
    try:
        notary.sign(nbformat.v4.reads(path.read_text(encoding="utf-8")))
    except ValueError as error:
        print(f"{path.name} is not trusted, since it cannot be read: {error}", file=sys.stderr)
