import io

import pytest
from rich.console import Console

from policy_nodes.cli.progress import ProgressBar

pytestmark = pytest.mark.pure


class Clock:
    def __init__(self):
        self.now = 0.0

    def __call__(self):
        return self.now


def lines(stream):
    return stream.getvalue().splitlines()


def test_plain_lines_now_and_then_and_at_the_end():
    clock, stream = Clock(), io.StringIO()
    with ProgressBar("collect", 5, Console(file=stream), every_s=10, clock=clock) as bar:
        for step in range(5):
            clock.now += 4
            bar.advance(success=step / 3)
    assert lines(stream) == ["collect: 3/5 in 12 s success=0.6667", "collect: 5/5 in 20 s success=1.333"]


def test_a_loop_that_ends_early_says_where():
    stream = io.StringIO()
    with pytest.raises(RuntimeError), ProgressBar("train", 10, Console(file=stream), clock=Clock()) as bar:
        bar.advance(4, phase="warm-up")
        raise RuntimeError
    assert lines(stream) == ["train: 4/10 in 0 s phase=warm-up"]


def test_a_bar_on_a_terminal():
    stream = io.StringIO()
    with ProgressBar("export", 2, Console(file=stream, force_terminal=True, width=120)) as bar:
        bar.advance(2, loss=0.5)
    assert "export" in stream.getvalue()
    assert "2/2" in stream.getvalue()
    assert "loss=0.5" in stream.getvalue()
