import json
import shutil

import pytest

from training.report.figures import build_figures, joint_units
from training.report.files import ReportError
from training.report.inputs import RunInputs, load_inputs


@pytest.fixture
def run_with_clips(full_run, tmp_path):
    """Clips only, so that no test draws more than it looks at."""
    for part in ("evaluation", "run"):
        (tmp_path / part).mkdir()
    for path in (*full_run.glob("evaluation/rollout_*"), *full_run.glob("run/*.webp")):
        shutil.copy(path, tmp_path / path.relative_to(full_run))
    return tmp_path


def test_nothing_is_drawn_without_data(tmp_path):
    figures = build_figures(RunInputs(tmp_path))
    assert figures.training is figures.latency is figures.scores is figures.timeline is None
    assert figures.faults == figures.rollouts == figures.live == []


def test_units_come_from_the_contract(full_run, tmp_path):
    units = joint_units(load_inputs(full_run))
    assert (units["panda_joint1"], units["panda_finger_joint1"]) == ("rad", "m")
    assert joint_units(RunInputs(tmp_path)) == {}


def test_failures_are_shown_first_and_unclaimed_clips_belong_to_the_run(run_with_clips):
    figures = build_figures(load_inputs(run_with_clips))
    assert [shown.caption for shown in figures.rollouts] == [
        "Evaluation seed 10023: failure",
        "Evaluation seed 10000: success",
    ]
    assert [shown.caption for shown in figures.live] == [
        "fault cube moved",
        "fault observation NaN",
        "fault policy stopped",
    ]


def test_fault_clips_are_timed_from_the_injection(full_run, run_with_clips):
    document = json.loads((full_run / "run/run.json").read_text()) | {"events": [], "episodes": []}
    (run_with_clips / "run/run.json").write_text(json.dumps(document))
    injected = document["faults"][0]["t_injected"]
    frames = [injected - 0.5 + 0.1 * index for index in range(20)]
    (run_with_clips / "run/fault_policy_stopped.json").write_text(json.dumps({"frames": frames}))
    figures = build_figures(load_inputs(run_with_clips))
    clip = figures.faults[0].clip
    assert clip is not None and clip.strip[0].t == pytest.approx(-0.5)
    assert figures.live == []
    assert figures.faults[0].figure is None, "no events and no trace: nothing to draw"


def test_standstill_is_measured_up_to_the_reset(full_run):
    inputs = load_inputs(full_run)
    assert inputs.live is not None and inputs.trace is not None
    figures = build_figures(RunInputs(inputs.directory, live=inputs.live, trace=inputs.trace))
    # The synthetic stop decays with 0.12 s and the joint lags by 0.04 s: from 0.65 rad/s to 0.02 rad/s in under 0.7 s.
    for section in figures.faults:
        assert section.standstill_s is not None and 0.2 < section.standstill_s < 0.7


def test_damaged_frame_times_are_named(run_with_clips):
    (run_with_clips / "evaluation/rollout_10000.json").write_text('{"frames": ["soon"]}')
    with pytest.raises(ReportError, match=r"rollout_10000\.json"):
        build_figures(load_inputs(run_with_clips))
