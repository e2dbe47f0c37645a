"""Random chunks for property tests."""

import numpy as np
from hypothesis import strategies as st

from policy_nodes.types import ActionChunk

STEP_NS = 20_000_000


@st.composite
def action_chunks(draw, actions=2):
    """A chunk of small numbers that begins somewhere in the first second."""
    count = draw(st.integers(1, 12))
    values = draw(st.lists(st.floats(-3, 3), min_size=count * actions, max_size=count * actions))
    start = draw(st.integers(0, 1_000_000_000))
    step = draw(st.sampled_from([1_000_000, STEP_NS, 33_333_333]))
    return ActionChunk(start, step, np.reshape(values, (count, actions)), sequence=draw(st.integers(0, 99)))


def ramp(stamp_ns=0, samples=8, slope=1.0, step_ns=STEP_NS):
    """Sample k has the value ``slope * k`` in both columns."""
    return ActionChunk(stamp_ns, step_ns, slope * np.tile(np.arange(samples, dtype=float)[:, None], 2))
