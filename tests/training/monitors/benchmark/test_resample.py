import numpy as np

from policy_nodes.monitors.metrics import RolloutVerdict, detection_metrics
from training.monitors.benchmark.resample import Judged, draws

VERDICTS = [
    RolloutVerdict(True, 11, None),
    RolloutVerdict(True, 8, 3),
    RolloutVerdict(False, 21, 0),
    RolloutVerdict(False, 21, 10),
    RolloutVerdict(False, 5, None),
]


def test_arrays_give_the_metrics_of_the_verdicts():
    judged = Judged.of(VERDICTS)
    for rows in ([0, 1, 2, 3, 4], [1, 1, 2, 4], [0, 4, 4]):
        assert judged.metrics(np.array(rows)) == detection_metrics([VERDICTS[k] for k in rows])
    assert judged.metrics(np.arange(5)).detection_time == 0.25  # calls 0 and 10 of 20


def test_each_group_is_drawn_by_itself():
    judged = Judged.of(VERDICTS)
    assert [g.tolist() for g in judged.groups] == [[0, 1], [2, 3, 4]]
    drawn = draws(judged.groups, 50, 0)
    assert all(sorted(rows)[:2] == sorted(rows[:2]) and set(rows[2:]) <= {2, 3, 4} for rows in drawn)
    assert len({tuple(rows) for rows in drawn}) > 10
    again = draws(judged.groups, 50, 0)
    assert all(np.array_equal(a, b) for a, b in zip(drawn, again, strict=True))
    assert [g.tolist() for g in Judged.of(VERDICTS[:2]).groups] == [[0, 1]]
