"""Every annotated shape is checked by beartype, in whatever is imported after this module."""
import os
from contextlib import contextmanager
from functools import wraps

os.environ.setdefault("MPLBACKEND", "agg")

import beartype  # noqa: E402
import celestial_pgat.model.rank_config  # noqa: E402, F401  before the hook: fields have types that check themselves
from jaxtyping import config, install_import_hook  # noqa: E402



def check(function):
    """Have beartype check a function; one that is made inside another, anew each time, when it is first called."""
    if "<locals>" not in function.__qualname__:
        return beartype.beartype(function)
    made = []

    @wraps(function)
    def checked(*arguments, **named):
        if not made:
            made.append(beartype.beartype(function))
        return made[0](*arguments, **named)
    return checked


hook = install_import_hook("celestial_pgat", "shapes.check")


@contextmanager
def unchecked():
    """Check no shapes for a while: what a long training calls is checked by the tests of data, model and training."""
    before = config.jaxtyping_disable
    config.update("jaxtyping_disable", True)
    try:
        yield
    finally:
        config.update("jaxtyping_disable", before)
