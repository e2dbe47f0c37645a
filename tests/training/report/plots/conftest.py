"""Figures are always drawn under the report's style."""

import matplotlib
import pytest

from training.report.theme import style


@pytest.fixture(autouse=True)
def report_style():
    with matplotlib.rc_context(style()):
        yield
