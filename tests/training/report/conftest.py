"""One synthetic run for all tests that only read it."""

from pathlib import Path

import pytest

from tests.training.report.synthetic import write_run


@pytest.fixture(scope="session")
def full_run(tmp_path_factory) -> Path:
    return write_run(tmp_path_factory.mktemp("report") / "demo")
