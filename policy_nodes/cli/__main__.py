"""``python -m policy_nodes.cli``: the same as ``keel``."""

import sys

from policy_nodes.cli import main

sys.exit(main())
