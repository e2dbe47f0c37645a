import json

import numpy as np
import torch
from safetensors.torch import load_file
from torch import nn

from training.datasets.lerobot_v3.windows import ChunkBatch
from training.imitation.divergence import DUMP_NAME, dump_divergence


def batch():
    observation = {"observation.state": np.array([[[1.0, np.inf]], [[-3.0, 2.0]]], np.float32)}
    return ChunkBatch(observation, np.full((2, 4, 1), np.nan), np.zeros((2, 4), bool), np.array([7, 11]))


def test_the_dump_tells_batch_weights_and_culprits(tmp_path):
    model = nn.Linear(2, 1)
    with torch.no_grad():
        model.weight[0, 1] = float("nan")
    model.bias.grad = torch.tensor([float("inf")])
    directory = dump_divergence(tmp_path, batch(), model, {"step": 3, "quantity": "loss"})
    assert directory == tmp_path / DUMP_NAME
    report = json.loads((directory / "report.json").read_text())
    assert (report["step"], report["quantity"]) == (3, "loss")
    assert report["parameters_not_finite"] == ["weight"] and report["gradients_not_finite"] == ["bias"]
    assert report["ranges"]["observation/observation.state"] == [-3.0, 2.0]  # of the finite ones
    assert report["ranges"]["actions"] is None
    with np.load(directory / "batch.npz", allow_pickle=False) as arrays:
        assert arrays["index"].tolist() == [7, 11] and np.isinf(arrays["observation/observation.state"][0, 0, 1])
    torch.testing.assert_close(load_file(directory / "model.safetensors")["bias"], model.bias.detach())


def test_a_second_dump_replaces_the_first(tmp_path):
    for step in (1, 2):
        dump_divergence(tmp_path, batch(), nn.Linear(2, 1), {"step": step})
    assert json.loads((tmp_path / DUMP_NAME / "report.json").read_text())["step"] == 2
