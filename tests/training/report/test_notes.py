from dataclasses import replace

from training.report.inputs import RunInputs, load_inputs
from training.report.notes import conditions, machine, warnings


def test_a_consistent_run_has_no_warnings(full_run):
    assert warnings(load_inputs(full_run)) == []


def test_another_policy_is_noticed(full_run):
    inputs = load_inputs(full_run)
    assert inputs.evaluation is not None and inputs.bundle is not None and inputs.bundle.calibration is not None
    other = inputs.evaluation.model_copy(update={"policy_sha256": "0" * 64})
    assert "another policy.onnx" in warnings(replace(inputs, evaluation=other))[0]
    stale = replace(inputs.bundle, calibration={**inputs.bundle.calibration, "policy_sha256": "1" * 64})
    assert "calibrate again" in warnings(replace(inputs, bundle=stale))[0]


def test_a_reaction_that_its_own_times_contradict_is_noticed(full_run):
    inputs = load_inputs(full_run)
    assert inputs.live is not None
    fault = inputs.live.faults[0].model_copy(update={"reaction_s": 0.001})
    live = inputs.live.model_copy(update={"faults": [fault, *inputs.live.faults[1:]]})
    found = warnings(replace(inputs, live=live))
    assert len(found) == 1
    assert "1 ms is not the 40 ms" in found[0]


def test_half_a_live_run_is_noticed(full_run):
    inputs = load_inputs(full_run)
    assert "trace.npz is not" in warnings(replace(inputs, trace=None))[0]
    assert "run.json is not" in warnings(replace(inputs, live=None))[0]


def test_conditions_speak_only_of_what_was_measured(full_run, tmp_path):
    assert conditions(RunInputs(tmp_path)) == []
    inputs = load_inputs(full_run)
    assert not any("live run" in text for text in conditions(replace(inputs, live=None)))
    text = " ".join(conditions(inputs))
    assert "60 simulated episodes" in text
    assert "64 recorded inputs" in text
    assert "physical robot" in text


def test_machine_is_shown_in_words(full_run, tmp_path):
    assert machine(load_inputs(full_run))[0] == ("CPU", "Example CPU 2.4 GHz")
    assert machine(RunInputs(tmp_path)) == []
