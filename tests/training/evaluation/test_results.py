import json
from types import SimpleNamespace

import numpy as np
import pytest

from training.evaluation.episode import Episode
from training.evaluation.results import summary, write_results
from training.report.arrays import read_scores
from training.report.schema import Evaluation

MANIFEST = SimpleNamespace(
    name="tiny", task="t", files={"policy.onnx": "a" * 64}, timing=SimpleNamespace(control_rate_hz=50.0)
)


def episodes():
    scores = {"rnd": [0.5, 2.0], "entropy": [0.1, 3.0], "combined": [0.1, 2.0]}
    judged = Episode(7, True, "success", None, 100, [1.0, 2.0, 3.0], [0.0, 0.16], scores)
    return [judged, Episode(8, False, "stopped", "ALARM", 25, [9.0])]


def test_summary_by_hand():
    result = summary(MANIFEST, episodes(), 0.95)
    assert result["successes"] == 1 and result["interval"] == pytest.approx([0.0945, 0.9055], abs=1e-4)
    assert result["inference_ms"]["p50"] == 2.5 and result["inference_ms"]["max"] == 9.0
    assert sum(result["inference_histogram_ms"]["counts"]) == 4  # every call is in a bin
    first, second = result["episodes"]
    assert (first["duration_s"], first["alarms"], first["first_alarm_s"]) == (2.0, 1, 0.16)
    assert (second["outcome"], second["stopped_by"], second["alarms"]) == ("stopped", "ALARM", 0)


def test_files_are_those_that_the_report_reads(tmp_path):
    write_results(tmp_path / "evaluation", MANIFEST, episodes(), 0.9)
    assert sorted(p.name for p in (tmp_path / "evaluation").iterdir()) == ["evaluation.json", "scores.npz"]
    read = Evaluation.model_validate(json.loads((tmp_path / "evaluation/evaluation.json").read_text()))
    assert read.successes == 1 and len(read.episodes) == 2
    scores = read_scores(tmp_path / "evaluation/scores.npz", 2)
    assert set(scores[0]) == {"rnd", "entropy", "fiper"} and scores[1] == {}
    with np.load(tmp_path / "evaluation/scores.npz") as arrays:
        assert arrays["fiper_0"].tolist() == [0.1, 2.0] and arrays["time_0"].tolist() == [0.0, 0.16]


def test_equal_times_still_make_a_histogram():
    episode = Episode(1, inference_ms=[2.0, 2.0])
    assert sum(summary(MANIFEST, [episode], 0.95)["inference_histogram_ms"]["counts"]) == 2
