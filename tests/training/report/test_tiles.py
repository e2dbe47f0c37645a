from dataclasses import replace

import pytest

from training.report.inputs import RunInputs, load_inputs
from training.report.schema import Evaluation, Fault, InferenceTimes
from training.report.tiles import NOT_MEASURED, alarm_tile, fault_tile, headline, inference_tile, parity_tile, words


def test_headline_of_a_full_run(full_run):
    tiles = {tile.title: tile for tile in headline(load_inputs(full_run))}
    assert tiles["Task success"].value == "96.7 %"
    assert tiles["Task success"].detail == "58 of 60 episodes · 95 % interval 88.6–99.1 %"
    assert tiles["Task success"].verdict == "plain"
    assert tiles["Episodes over ROS 2"].value == "5 / 5"
    assert (tiles["Export parity error"].value, tiles["Export parity error"].judged) == (
        "1.9e-06",
        "✓ within tolerance",
    )
    assert (tiles["Reaction: policy stopped"].value, tiles["Reaction: policy stopped"].verdict) == ("40 ms", "pass")
    assert tiles["Reaction: observation NaN"].value == "16 ms"
    assert (tiles["False alarms"].value, tiles["False alarms"].verdict) == ("0 / 58", "plain")
    assert "2 of 2 failures alarmed" in tiles["False alarms"].detail


def test_what_was_not_measured_is_said_and_never_a_number(tmp_path):
    for tile in headline(RunInputs(tmp_path)):
        assert (tile.value, tile.detail, tile.verdict, tile.judged) == ("—", NOT_MEASURED, "missing", "")


def test_limits_are_judged_from_both_sides(full_run):
    inputs = load_inputs(full_run)
    assert inputs.evaluation is not None and inputs.bundle is not None
    slow = inputs.evaluation.model_copy(update={"inference_ms": InferenceTimes(p50=10, p99=80.1, max=200)})
    tile = inference_tile(replace(inputs, evaluation=slow))
    assert (tile.verdict, tile.judged) == ("fail", "✗ over budget")
    assert inference_tile(inputs).judged == "✓ within budget"
    assert inference_tile(replace(inputs, bundle=None)).verdict == "plain"
    parity = inputs.bundle.manifest.parity.model_copy(update={"max_abs_error": {"action": 2e-5}})
    worse = replace(inputs.bundle, manifest=inputs.bundle.manifest.model_copy(update={"parity": parity}))
    assert parity_tile(replace(inputs, bundle=worse)).judged == "✗ over tolerance"


@pytest.mark.parametrize(("passed", "verdict"), [(True, "pass"), (False, "fail")])
def test_a_fault_without_reaction_shows_none(passed, verdict):
    tile = fault_tile(Fault(name="cube_moved", t_injected=1.0, passed=passed))
    assert (tile.value, tile.verdict) == ("none", verdict)


def test_false_alarms_count_episodes_not_ticks(tmp_path):
    episodes = [
        {"seed": 1, "success": True, "alarms": 7},
        {"seed": 2, "success": True},
        {"seed": 3, "success": False, "alarms": 0},
    ]
    evaluation = Evaluation.model_validate({"episodes": episodes, "successes": 2, "interval": [0.2, 0.9]})
    tile = alarm_tile(RunInputs(tmp_path, evaluation=evaluation))
    assert tile.value == "1 / 2"
    assert "0 of 1 failures alarmed" in tile.detail


def test_no_scores_and_no_alarms_is_not_zero_false_alarms(tmp_path):
    evaluation = Evaluation.model_validate(
        {"episodes": [{"seed": 1, "success": True}], "successes": 1, "interval": [0.2, 1]}
    )
    assert alarm_tile(RunInputs(tmp_path, evaluation=evaluation)).value == "—"


def test_words():
    assert words("OBSERVATION_NAN") == "observation NaN"
    assert words("jerk_limited_stop") == "jerk limited stop"
