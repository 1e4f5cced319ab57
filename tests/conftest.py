"""Run the library under runtime shape checking: every jaxtyping annotation is enforced by beartype in these tests."""
import os

os.environ.setdefault("OMP_NUM_THREADS", "1")

from jaxtyping import install_import_hook

hook = install_import_hook("celestial_pgat", "beartype.beartype")
