import shutil
from pathlib import Path

import pytest

FIXTURES = Path(__file__).parent / "fixtures"


@pytest.fixture(params=["act", "diffusion"])
def stored(request):
    """A committed checkpoint with LeRobot's answers."""
    return FIXTURES / request.param


@pytest.fixture
def act(tmp_path):
    """A copy that a test may damage."""
    return Path(shutil.copytree(FIXTURES / "act", tmp_path / "act"))


@pytest.fixture
def diffusion(tmp_path):
    return Path(shutil.copytree(FIXTURES / "diffusion", tmp_path / "diffusion"))
