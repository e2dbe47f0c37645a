"""The commands of ``keel``: where each lives and what it needs, as strings, so that help imports none of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True)
class Command:
    """One command.

    Attributes:
        name: as typed.
        target: ``module:function``; the module also holds the dataclass ``Args`` that the function takes.
        help: one line.
        extra: pip extras it needs beyond the runtime, comma-separated; empty for none.
    """

    name: str
    target: str
    help: str
    extra: str = ""


COMMANDS: Final = (
    Command("collect", "training.commands.collect:run", "record expert demonstrations in simulation", "sim,train"),
    Command("train", "training.commands.train:run", "train a policy on a dataset", "train"),
    Command("train-rl", "training.commands.train_rl:run", "train a walking policy with PPO in simulation", "sim,train"),
    Command(
        "train-npc", "training.commands.train_npc:run", "train a controller for a temporal-logic task", "sim,train"
    ),
    Command("export", "training.commands.export:run", "turn a checkpoint into a bundle, with parity proof", "train"),
    Command("export-rl", "training.commands.export_rl:run", "turn a walking policy into ONNX, measured", "sim,train"),
    Command("quantize", "training.commands.quantize:run", "int8 or half precision, if success holds", "sim,train"),
    Command("realtime", "training.commands.realtime:run", "add graphs for real-time execution to a bundle", "train"),
    Command("slow-fast", "training.commands.slow_fast:run", "train a policy that feels, as a bundle", "train"),
    Command("imc", "training.commands.imc:run", "train a mixture of experts with curricula, as a bundle", "train"),
    Command("verify", "policy_nodes.commands.verify:run", "prove that a bundle is intact and right on this machine"),
    Command("diff", "policy_nodes.commands.diff:run", "show how two bundles differ, gravest first"),
    Command("sign", "policy_nodes.commands.sign:run", "sign a bundle, or make a pair of keys"),
    Command("convert", "training.commands.convert:run", "turn another framework's policy into a bundle", "train"),
    Command("calibrate", "training.commands.calibrate:run", "fit the failure monitor on good rollouts", "sim,train"),
    Command("evaluate", "training.commands.evaluate:run", "measure closed-loop success of a bundle", "sim,train"),
    Command("view", "training.commands.view:run", "show a bundle or a task in a window or a film", "sim,train"),
    Command("run", "policy_nodes.commands.run:run", "run a bundle's nodes, on a robot or simulated", "rosless,sim"),
    Command("faults", "policy_nodes.commands.faults:run", "inject every fault and prove the reaction", "rosless,sim"),
    Command("limits", "training.commands.limits:run", "write joint limits from a URDF or MJCF", "sim,train"),
    Command("replay", "training.commands.replay:run", "show a stop's black box, or a diverged world's dump", "train"),
    Command("report", "training.commands.report:run", "write one HTML page about a run", "train"),
    Command("doctor", "policy_nodes.commands.doctor:run", "check what this machine can run, and how to fix it"),
    Command("demo", "training.commands.demo:run", "the whole chain, from simulation to injected faults", "all"),
)
BY_NAME: Final = {command.name: command for command in COMMANDS}
