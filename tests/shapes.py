"""Every annotated shape is checked by beartype, in whatever is imported after this module."""
import os

os.environ.setdefault("MPLBACKEND", "agg")

import celestial_pgat.model.config  # noqa: E402, F401  before the hook: its fields have types that check themselves
from jaxtyping import install_import_hook  # noqa: E402

hook = install_import_hook("celestial_pgat", "beartype.beartype")
