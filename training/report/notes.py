"""What a careful reader should know: contradictions between records, and the conditions of measurement."""

from __future__ import annotations

from training.report.inputs import RunInputs
from training.report.tiles import words


def warnings(inputs: RunInputs) -> list[str]:
    """Places where the records do not fit together. They are shown above the figures, not hidden."""
    found = []
    evaluation, bundle, live = inputs.evaluation, inputs.bundle, inputs.live
    if evaluation and bundle and evaluation.policy_sha256 and evaluation.policy_sha256 != bundle.policy_sha256:
        found.append(
            "The evaluation was made with another policy.onnx than the one in the bundle "
            f"({evaluation.policy_sha256[:12]}… instead of {bundle.policy_sha256[:12] or 'none'}…); evaluate again."
        )
    calibrated = str((bundle.calibration or {}).get("policy_sha256", "")) if bundle else ""
    if bundle and calibrated and calibrated != bundle.policy_sha256:
        found.append("The failure predictor was calibrated for another policy.onnx than the bundle's; calibrate again.")
    if live and inputs.trace is None:
        found.append("run/run.json is here but run/trace.npz is not, so no signals are drawn for the live run.")
    if inputs.trace is not None and live is None:
        found.append("run/trace.npz is here but run/run.json is not, so the recorded signals cannot be explained.")
    for fault in live.faults if live else []:
        start, reaction = fault.t_observable, fault.reaction_s
        if None not in (start, reaction, fault.t_first_backup_command):
            measured = float(fault.t_first_backup_command or 0) - float(start or 0)
            if abs(measured - float(reaction or 0)) > 2e-3:
                found.append(
                    f"{words(fault.name)}: the recorded reaction of {1e3 * float(reaction or 0):.0f} ms is not the "
                    f"{1e3 * measured:.0f} ms between observable and first backup command."
                )
    return found


def conditions(inputs: RunInputs) -> list[str]:
    """How each kind of number came about, one sentence per paragraph, only for what this run holds."""
    said = []
    evaluation, bundle, live = inputs.evaluation, inputs.bundle, inputs.live
    if evaluation:
        said.append(
            f"Success is counted over {len(evaluation.episodes)} simulated episodes with fixed seeds, through the "
            "exported bundle and not the training code. The interval is Wilson's score interval (1927) at "
            f"{100 * evaluation.confidence:.0f} % confidence: it speaks about episodes drawn like these, not about "
            "other tasks, objects or robots."
        )
    if evaluation and evaluation.inference_ms:
        said.append(
            "Inference time is wall time of one policy call on the machine below, while it ran the evaluation; "
            "it holds for no other machine."
        )
    if bundle:
        said.append(
            "Parity is the largest absolute difference between the training framework and the exported graph over "
            f"{bundle.manifest.parity.samples} recorded inputs."
        )
    if inputs.scores:
        said.append(
            "Failure scores are divided by thresholds calibrated on successful episodes only (FIPER, arXiv "
            "2510.09459), so 1 is the threshold. The verdict is the smaller of them where all scores must agree (AND) "
            "and the larger where each may alarm (OR). A false alarm is one in an episode that succeeded."
        )
    if live:
        period = f" at {1 / live.control_period_s:g} Hz" if live.control_period_s else ""
        said.append(
            f"The live run had its nodes as separate processes over {live.stack or 'ROS 2'}, with commands{period}. "
            "Reaction time runs from the moment the safety node could first observe a fault to the first command "
            "of a backup controller. Injection may be earlier: a stopped policy looks alive until its last plan ages."
        )
        said.append(
            "A fault passes by the criteria that the run itself checked; this page draws the recorded signals so that "
            "they can be checked again."
        )
    if evaluation or live:
        said.append("Nothing on this page was measured on a physical robot unless the stack above says so.")
    return said


def machine(inputs: RunInputs) -> list[tuple[str, str]]:
    """The evaluating machine as recorded."""
    if inputs.evaluation is None:
        return []
    return [
        (words(name), str(value))
        for name, value in inputs.evaluation.machine.items()
        if not isinstance(value, dict | list)
    ]
