"""Which task a dataset of `keel collect` is of."""

from __future__ import annotations

import json

from policy_nodes.errors import ConfigError
from training.datasets.lerobot_v3.reader import Dataset

TASK_FILE = "meta/keel_task.json"


def recorded_task(dataset: Dataset) -> str:
    """Name of the task.

    Raises:
        ConfigError: the dataset does not say.
    """
    try:
        return str(json.loads((dataset.root / TASK_FILE).read_text())["task"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ConfigError(f"the dataset '{dataset.root}' does not name its task.", "pass --task.") from error
