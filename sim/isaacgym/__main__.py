"""``python -m sim.isaacgym SCRIPT [ARGS...]``: runs a script that imports ``isaacgym``, on MuJoCo."""

from __future__ import annotations

import runpy
import sys
from pathlib import Path

from sim.isaacgym.install import install


def main(arguments: list[str]) -> int:
    """Installs the modules and runs the script as ``__main__``; 2 when there is no script."""
    if not arguments or arguments[0] in ("-h", "--help"):
        print(__doc__)
        return 0 if arguments else 2
    script = Path(arguments[0])
    if not script.is_file():
        print(f"there is no script '{script}'.", file=sys.stderr)
        return 2
    install()
    sys.argv = list(arguments)
    sys.path.insert(0, str(script.resolve().parent))
    runpy.run_path(str(script), run_name="__main__")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
