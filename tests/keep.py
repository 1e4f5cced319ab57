"""Make anew what the tests of faults are compared with: python tests/keep.py [golden] [stored] [faults] (all, if none is named).

golden is the curve of twenty steps, to be made anew after a change of the mathematics; stored a state and a model of this
version, after a change of the configuration or of the parameters; faults the table, after a change of a fault or a message.
`apart` only prints how far apart the curves are that the tolerance of the golden curve lies between.
"""
import json
import os
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).parent
sys.path[:0] = [str(HERE), str(HERE.parent)]
KINDS = ["golden", "stored", "faults"]


def main(chosen: list[str]) -> int:
    import torch
    from faults.golden import GOLDEN, apart, curve, golden_plan
    from faults.stored import store
    torch.set_num_threads(1)
    if unknown := [name for name in chosen if name not in [*KINDS, "apart"]]:
        print(f"{', '.join(unknown)}: choose among {', '.join([*KINDS, 'apart'])}", file=sys.stderr)
        return 2
    if "golden" in chosen:
        GOLDEN.write_text(json.dumps(curve(golden_plan()), indent=1) + "\n")
    if "stored" in chosen:
        store()
    if "apart" in chosen:
        usual = curve(golden_plan())
        torch.set_num_threads(2)
        print(f"two threads       {apart(curve(golden_plan()), usual):.1e}")
        torch.set_num_threads(1)
        print(f"float64           {apart(curve(golden_plan(), double=True), usual):.1e}")
        print(f"rate times 1.001  {apart(curve(golden_plan(learning_rate=0.01001)), usual):.1e}")
    if "faults" in chosen:
        return subprocess.run([sys.executable, "-m", "pytest", "-q", HERE / "faults"], env=os.environ | {"KEEP_FAULTS": "1"}).returncode
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:] or KINDS))
