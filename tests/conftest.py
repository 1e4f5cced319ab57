"""Run the library under runtime shape checking: every jaxtyping annotation is enforced by beartype in these tests."""
import celestial_pgat.model.config  # noqa: F401  before the hook: its fields have jsonargparse's types, which check themselves
from jaxtyping import install_import_hook

hook = install_import_hook("celestial_pgat", "beartype.beartype")
