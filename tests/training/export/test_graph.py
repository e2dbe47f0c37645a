import numpy as np
import onnx
import onnxruntime
import pytest

from policy_nodes.bundle.onnx_metadata import contract_pairs
from training.contracts.registry import task_contract
from training.export.graph import ACTION, EMBEDDING, NOISE
from training.export.parity import reference_outputs
from training.imitation.build import load_policy

CONTRACT = task_contract("panda_pick_place")


@pytest.fixture(scope="module")
def session(bundle_path):
    return onnxruntime.InferenceSession(bundle_path / "policy.onnx", providers=["CPUExecutionProvider"])


def inputs(dataset, batch):
    rows = np.linspace(0, len(dataset) - 1, batch).astype(int)
    rng = np.random.default_rng(0)
    return {
        "observation.state": np.repeat(dataset["observation.state"][rows, None], 2, axis=1),
        "observation.environment_state": np.repeat(dataset["observation.environment_state"][rows, None], 2, axis=1),
        NOISE: rng.standard_normal((batch, 16, 8), dtype=np.float32),
    }


def test_inputs_and_outputs_are_the_contracts(session):
    assert {i.name: i.shape[1:] for i in session.get_inputs()} == {
        "observation.state": [2, 8], "observation.environment_state": [2, 14], NOISE: [16, 8],
    }  # fmt: skip
    assert {o.name: o.shape[1:] for o in session.get_outputs()} == {ACTION: [16, 8], EMBEDDING: [8]}
    assert all(isinstance(tensor.shape[0], str) for tensor in session.get_inputs())  # the batch is free


def test_any_batch_gives_the_same_rows(session, dataset):
    feeds = inputs(dataset, 32)
    whole = dict(zip((ACTION, EMBEDDING), session.run([ACTION, EMBEDDING], feeds), strict=True))
    for size in (1, 3):
        for first in range(0, 6, size):
            part = session.run([ACTION, EMBEDDING], {k: v[first : first + size] for k, v in feeds.items()})
            for name, rows in zip((ACTION, EMBEDDING), part, strict=True):
                np.testing.assert_allclose(rows, whole[name][first : first + size], atol=2e-6)


def test_answers_are_those_of_torch_on_other_inputs_than_the_recorded(session, dataset, training_path):
    feeds = inputs(dataset, 17)
    expected = reference_outputs(load_policy(training_path).policy, feeds)
    for name in (ACTION, EMBEDDING):
        np.testing.assert_allclose(session.run([name], feeds)[0], expected[name], atol=1e-5)


def test_the_sampler_is_unrolled_and_the_file_closed(bundle_path, small_config):
    model = onnx.load(bundle_path / "policy.onnx", load_external_data=False)
    shape = {16 * 8, small_config.policy.width}  # of the denoiser's output layer, stored once and used in every step
    weights = [tensor.name for tensor in model.graph.initializer if set(tensor.dims) == shape]
    uses = [sum(name in node.input for node in model.graph.node) for name in weights]
    assert uses.count(small_config.policy.sampling_steps) >= 1
    assert not any(node.op_type in ("Loop", "If", "Scan") for node in model.graph.node)
    assert not any(tensor.external_data for tensor in model.graph.initializer)
    assert not any(node.doc_string or node.metadata_props for node in model.graph.node)


def test_de_facto_metadata(bundle_path):
    model = onnx.load(bundle_path / "policy.onnx")
    found = {item.key: item.value for item in model.metadata_props}
    assert found == contract_pairs(CONTRACT.observations, CONTRACT.actions, CONTRACT.timing.control_rate_hz)
    assert found["joint_names"].split(",") == CONTRACT.actions.joints
    for key in ("joint_stiffness", "joint_damping", "default_joint_pos", "action_scale"):
        assert len([float(value) for value in found[key].split(",")]) == 8
    assert found["observation_names"] == "joint_position,cube_pose,goal_pose"
    assert "command_names" in found
