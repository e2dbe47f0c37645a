import json
from dataclasses import dataclass
from pathlib import Path

import pytest

from training.commands.resolved import resolved_config
from training.commands.train import Args


def test_every_option_with_its_default_is_written():
    content = json.loads(resolved_config("train", Args(Path("runs/d"), Path("runs/t"))))
    assert content["command"] == "train" and content["keel_version"]
    arguments = content["arguments"]
    assert (arguments["dataset"], arguments["threads"]) == ("runs/d", 0)
    assert arguments["config"]["policy"]["horizon"] == 16


def test_values_that_json_cannot_hold_are_refused():
    @dataclass
    class Odd:
        value: object

    with pytest.raises(TypeError, match="complex"):
        resolved_config("odd", Odd(1j))
