"""Cases of LeRobot's policies with random weights: LeRobot itself (where it is installed), and the converted bundle.

Observations count as normalised already, and LeRobot's processors are not in its time.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import torch

from benchmarks.inference_parts.runtimes import Arrays, Call, keel, on_the_graph
from benchmarks.inference_parts.timing import Case
from policy_nodes.bundle.load import Bundle
from tests.training.convert.lerobot.contracts import filled_template
from training.convert.lerobot.act import ActModel
from training.convert.lerobot.checkpoint import Feature, LeRobotCheckpoint
from training.convert.lerobot.contract import RobotContract
from training.convert.lerobot.convert import convert
from training.convert.lerobot.deployed import DeployedPolicy, Shape
from training.convert.lerobot.diffusion import DiffusionModel
from training.convert.lerobot.normalization import affine
from training.convert.lerobot.schedule import Schedule, Step, schedule
from training.export.graph import NOISE

STATE, ENVIRONMENT = "observation.state", "observation.environment_state"
SIZES, ACTIONS = {STATE: 10, ENVIRONMENT: 2}, 4
SMALL, LARGE = (64, 128, 256), (512, 1024, 2048)
DIFFUSION: dict[str, Any] = {
    "n_obs_steps": 2, "horizon": 16, "n_action_steps": 8, "diffusion_step_embed_dim": 128, "kernel_size": 5,
    "n_groups": 8, "use_film_scale_modulation": True, "num_train_timesteps": 100, "prediction_type": "epsilon",
    "beta_schedule": "squaredcos_cap_v2", "beta_start": 1e-4, "beta_end": 0.02, "clip_sample": True,
    "clip_sample_range": 1.0,
}  # fmt: skip
ACT: dict[str, Any] = {
    "dim_model": 512, "n_heads": 8, "dim_feedforward": 3200, "n_encoder_layers": 4, "n_decoder_layers": 1,
    "chunk_size": 100, "n_action_steps": 100, "latent_dim": 32, "pre_norm": False, "feedforward_activation": "relu",
}  # fmt: skip


def euler(steps: int) -> Schedule:
    """A flow: the output is the velocity from noise to data."""
    one = [
        Step(round(100 * k / steps), signal=1.0, noise=0.0, data_gain=0.0, sample_gain=1.0, output_gain=1.0 / steps,
             sigma=0.0)
        for k in range(steps)
    ]  # fmt: skip
    return Schedule(tuple(one), predicts_noise=True, clip=None)


def unet(dims: tuple[int, ...], plan: Schedule) -> DiffusionModel:
    """Random weights, the same for every plan."""
    torch.manual_seed(0)
    model = DiffusionModel(ACTIONS, SIZES, {}, DIFFUSION | {"down_dims": dims}, plan)
    return model.eval().requires_grad_(False)


def to_bundle(model: torch.nn.Module, family: str, config: dict[str, Any], shape: Shape, directory: Path) -> Bundle:
    """The network as ``keel convert lerobot`` would write it, without normalisation."""
    kinds = {STATE: "STATE", ENVIRONMENT: "ENV"}
    inputs = tuple(Feature(name, kinds[name], (size,)) for name, size in SIZES.items())
    plain = {name: affine("IDENTITY", {}, 0.0) for name in SIZES}
    nothing = affine("IDENTITY", {}, 0.0)
    checkpoint = LeRobotCheckpoint(
        directory, family, config, inputs, Feature("action", "ACTION", (ACTIONS,)), plain, nothing, {}
    )
    policy = DeployedPolicy(plain, nothing, model)
    contract = RobotContract.model_validate(filled_template(checkpoint))
    return convert(checkpoint, policy, shape, contract, directory, samples=4).bundle


def random_inputs(history: int, rows: int) -> Arrays:
    rng = np.random.default_rng(2)
    given = {name: rng.standard_normal((1, history, size)).astype(np.float32) for name, size in SIZES.items()}
    if rows:
        given[NOISE] = rng.standard_normal((1, rows, ACTIONS)).astype(np.float32)
    return given


def eager(model: torch.nn.Module) -> Call:
    """This project's PyTorch module, as it is."""

    def call(inputs: Arrays) -> np.ndarray:
        tensors = {name: torch.from_numpy(value) for name, value in inputs.items()}
        with torch.inference_mode():
            chunk: np.ndarray = model(tensors, tensors.get(NOISE))[0].numpy()
        return chunk

    return call


def theirs(family: str, model: torch.nn.Module, **options: Any) -> Call | None:
    """LeRobot's own policy with the weights of ``model``; None where LeRobot is not installed."""
    try:
        from lerobot.configs.types import FeatureType, PolicyFeature
        from lerobot.policies.act.configuration_act import ACTConfig
        from lerobot.policies.act.modeling_act import ACTPolicy
        from lerobot.policies.diffusion.configuration_diffusion import DiffusionConfig
        from lerobot.policies.diffusion.modeling_diffusion import DiffusionPolicy
    except ImportError:
        return None
    kinds = {STATE: FeatureType.STATE, ENVIRONMENT: FeatureType.ENV}
    common: dict[str, Any] = {
        "input_features": {name: PolicyFeature(kinds[name], (size,)) for name, size in SIZES.items()},
        "output_features": {"action": PolicyFeature(FeatureType.ACTION, (ACTIONS,))},
        "device": "cpu",
    }
    if family == "act":
        act = ACTPolicy(ACTConfig(**common, **options)).eval()
        _load(act.model, model)

        def answer(inputs: Arrays) -> np.ndarray:
            with torch.inference_mode():
                given = {name: torch.from_numpy(value[:, -1]) for name, value in inputs.items()}
                return act.predict_action_chunk(given).numpy()  # type: ignore[no-any-return]

        return answer
    policy = DiffusionPolicy(DiffusionConfig(**common, **options)).eval()
    _load(policy.diffusion, model)

    def sample(inputs: Arrays) -> np.ndarray:
        with torch.inference_mode():
            given = {name: torch.from_numpy(value) for name, value in inputs.items()}
            noise = given.pop(NOISE)
            return policy.diffusion.generate_actions(given, noise=noise).numpy()  # type: ignore[no-any-return]

    return sample


def _load(target: torch.nn.Module, source: torch.nn.Module) -> None:
    missing, unexpected = target.load_state_dict(source.state_dict(), strict=False)
    unused = [name for name in missing if "vae" not in name and "pos" not in name]
    if unused or unexpected:
        raise SystemExit(f"the weights do not fit LeRobot's: {unused or unexpected}")


def diffusion_case(name: str, dims: tuple[int, ...], steps: int, directory: Path, everything: bool) -> Case:
    """DDIM of LeRobot's network; with ``everything`` also its default sampler, and a flow on the same network."""
    model = unet(dims, schedule(DIFFUSION, "DDIM", steps))
    count = sum(p.numel() for p in model.parameters()) / 1e6
    shape = Shape(2, 15, 8, 16, "ddim", steps)
    bundle = to_bundle(
        model, "diffusion", DIFFUSION | {"down_dims": list(dims)}, shape, directory / f"unet_{count:.0f}.keel"
    )
    calls: dict[str, Call] = {"PyTorch eager": eager(model)}
    options = DIFFUSION | {"down_dims": dims, "noise_scheduler_type": "DDIM", "num_inference_steps": steps}
    peer = theirs("diffusion", model, **options)
    if peer is not None:
        calls["LeRobot eager"] = peer
    found, provider = on_the_graph(bundle, 1)
    title = f"{name}, {count:.1f} M weights, DDIM-{steps}"
    case = Case(title, random_inputs(2, 16), calls | found, provider)
    if not everything:
        return case
    flow = unet(dims, euler(4))
    flow_bundle = to_bundle(flow, "diffusion", DIFFUSION, Shape(2, 15, 8, 16, "euler", 4), directory / "flow.keel")
    case.others["keel, Euler-4"] = keel(flow_bundle)[0]
    slow = theirs("diffusion", model, **(options | {"noise_scheduler_type": "DDPM", "num_inference_steps": None}))
    if slow is not None:
        case.others["LeRobot, DDPM-100"] = slow
        sentence = "LeRobot's default (DDPM-100) / 4-step flow on the same network in keel"
        case.ratios = [(sentence, "LeRobot, DDPM-100", "keel, Euler-4")]
    return case


def act_case(directory: Path) -> Case:
    """ACT of LeRobot's default size, without cameras."""
    torch.manual_seed(0)
    model = ActModel(ACTIONS, SIZES, {}, ACT).eval().requires_grad_(False)
    for name, parameter in model.named_parameters():  # attention waits for a checkpoint's weights
        if "in_proj" in name:
            torch.nn.init.normal_(parameter, std=0.03)
    count = sum(p.numel() for p in model.parameters()) / 1e6
    bundle = to_bundle(model, "act", ACT, Shape(1, 100, 100, 0, "deterministic", 1), directory / "act.keel")
    calls: dict[str, Call] = {"PyTorch eager": eager(model)}
    peer = theirs("act", model, **{key: value for key, value in ACT.items() if key != "down_dims"})
    if peer is not None:
        calls["LeRobot eager"] = peer
    found, provider = on_the_graph(bundle, 1)
    return Case(f"ACT, {count:.0f} M weights, chunk 100", random_inputs(1, 0), calls | found, provider)
