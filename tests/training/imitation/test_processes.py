"""Two real CPU processes under torch's launcher protocol, against one process with the whole batch."""

import json
import os
import socket
import subprocess
import sys

import numpy as np
import pytest
import torch
from torch import nn

from training.imitation.processes import Processes

WORKER = """
import json, sys
from dataclasses import replace
from pathlib import Path
import torch
from tests.training.conftest import SMALL_CONFIG
from training.contracts.registry import task_contract
from training.datasets.lerobot_v3.reader import Dataset
from training.imitation.build import build_policy, build_sampler
from training.imitation.trainer import Trainer

torch.set_num_threads(1)
dataset, output, microbatches, steps = Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3]), int(sys.argv[4])
config = replace(SMALL_CONFIG, microbatches=microbatches, steps=steps, warmup_steps=0)
contract, data = task_contract("panda_pick_place"), Dataset.open(dataset)
torch.manual_seed(0)
policy = build_policy(contract, config.policy)
metadata = {"task": contract.name, "dataset": {"sha256": data.sha256(), "episodes": data.num_episodes}}
trainer = Trainer(policy, build_sampler(data, contract, config), config, output, metadata)
trainer.fit_statistics()
trainer.run()
gradients = {n: p.grad.flatten().tolist() for n, p in policy.named_parameters() if p.grad is not None}
record = {"world": trainer.processes.world, "step": trainer.step, "gradients": gradients}
(output.parent / f"{output.name}.{trainer.processes.rank}.json").write_text(json.dumps(record))
trainer.processes.close()
"""


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def launch(arguments, world):
    """Processes with the environment that ``accelerate launch`` and ``torchrun`` give them."""
    port, started = str(free_port()), []
    for rank in range(world):
        environment = os.environ | {"OMP_NUM_THREADS": "1", "CUDA_VISIBLE_DEVICES": ""}
        if world > 1:
            environment |= {"WORLD_SIZE": str(world), "RANK": str(rank), "LOCAL_RANK": str(rank)}
            environment |= {"LOCAL_WORLD_SIZE": str(world), "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": port}
            environment |= {"ACCELERATE_USE_CPU": "true"}
        command = [sys.executable, "-c", WORKER, *map(str, arguments)]
        started.append(subprocess.Popen(command, env=environment, stderr=subprocess.PIPE, text=True))
    for process in started:
        _, errors = process.communicate(timeout=300)
        assert process.returncode == 0, errors[-3000:]


@pytest.mark.slow
def test_two_processes_compute_the_gradient_of_one_with_the_whole_batch(dataset_path, tmp_path):
    launch([dataset_path, tmp_path / "two", 1, 3], world=2)
    launch([dataset_path, tmp_path / "one", 2, 3], world=1)
    found = {name: json.loads((tmp_path / f"{name}.json").read_text()) for name in ("two.0", "two.1", "one.0")}
    assert [found[name]["world"] for name in found] == [2, 2, 1]
    assert found["two.0"]["gradients"] == found["two.1"]["gradients"]
    largest = 0.0
    for name, values in found["one.0"]["gradients"].items():
        np.testing.assert_allclose(found["two.0"]["gradients"][name], values, rtol=1e-4, atol=1e-7)
        largest = max(largest, float(np.abs(values).max()))
    assert largest > 1e-4
    assert sorted(p.name for p in (tmp_path / "two").iterdir()) == ["checkpoints", "metrics.jsonl", "tensorboard"]


@pytest.mark.slow
def test_accelerate_launches_two_processes_that_write_one_run(dataset_path, tmp_path):
    """The documented command itself; `accelerate launch` reads no configuration of the machine's."""
    arguments = ["train", "--dataset", dataset_path, "--output", tmp_path / "run", "--threads", 1, "--config.steps", 4]
    arguments += ["--config.batch-size", 8, "--config.policy.width", 16, "--config.policy.depth", 1]
    launcher = [sys.executable, "-m", "accelerate.commands.launch", "--cpu", "--num_processes", "2"]
    launcher += ["--num_machines", "1", "--mixed_precision", "no", "--dynamo_backend", "no"]
    launcher += ["--main_process_port", str(free_port()), "-m", "policy_nodes.cli"]
    environment = os.environ | {"OMP_NUM_THREADS": "1", "CUDA_VISIBLE_DEVICES": "", "HF_HOME": str(tmp_path / "hf")}
    done = subprocess.run([*launcher, *map(str, arguments)], env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-3000:]
    assert done.stdout.count("trained to step 4") == 1
    assert json.loads((tmp_path / "run/checkpoints/last/config.json").read_text())["step"] == 4


def test_one_process_is_alone_and_shares_nothing(monkeypatch):
    monkeypatch.delenv("WORLD_SIZE", raising=False)
    processes, module = Processes(), nn.Linear(2, 1)
    assert processes.first and (processes.rank, processes.world) == (0, 1)
    assert processes.shared(module) is module and processes.mean(2.5) == 2.5
    processes.wait(), processes.close()


def test_clip_returns_the_norm_before_and_step_uses_what_is_left():
    processes, module = Processes(), nn.Linear(1, 1, bias=False)
    optimizer = torch.optim.SGD(module.parameters(), lr=1.0)
    start = float(module.weight.detach())
    processes.backward(3.0 * module.weight.sum())
    assert processes.clip(optimizer, list(module.parameters()), limit=1.0) == pytest.approx(3.0)
    processes.step(optimizer)
    assert float(module.weight.detach()) == pytest.approx(start - 1.0, rel=1e-5)


def test_autocast_is_bfloat16_only_when_asked_for():
    module, x = nn.Linear(4, 4), torch.ones(1, 4)
    for precision, dtype in (("float32", torch.float32), ("bfloat16", torch.bfloat16)):
        with Processes(precision=precision).autocast():
            assert module(x).dtype == dtype
