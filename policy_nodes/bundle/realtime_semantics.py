"""Checks of the further graphs of a policy and of the settings that use them; see ``semantics`` for the form."""

from __future__ import annotations

from collections.abc import Iterator

from policy_nodes.bundle.limits import PARITY_NAME, POLICY_NAME
from policy_nodes.bundle.manifest import FurtherGraph, GraphTensor, GraphVariant, Manifest

NEEDED_ROLES = {
    "full": set[str](),
    "warm_start": {"previous_chunk"},
    "guided": {"previous_chunk", "prefix_weights"},
    "prefix": {"previous_chunk", "prefix_weights"},
}
"""Extra inputs of a graph, by its method."""


def check_variants(manifest: Manifest) -> Iterator[str]:
    """Every further graph reads and writes what the first one does, plus what its method needs, with proof."""
    policy = manifest.policy
    names = [variant.name for variant in policy.variants]
    files = [file for graph in policy.further for file in (graph.file, graph.parity_file)]
    if len(set(names)) != len(names) or len({*files, POLICY_NAME, PARITY_NAME}) != len(files) + 2:
        yield "policy.variants: two variants share a name or a file"
    for variant in policy.variants:
        where = f"policy.variants '{variant.name}'"
        yield from (f"{where}: {problem}" for problem in _files(manifest, variant))
        yield from (f"{where}: {problem}" for problem in _signature(manifest, variant))
        yield from (f"{where}: {problem}" for problem in _proof(variant))


def check_step_graph(manifest: Manifest) -> Iterator[str]:
    """The step graph reads observation, point and row, writes an estimate, and its schedules can be carried out."""
    policy, where = manifest.policy, "policy.step_graph"
    step = policy.step_graph
    if step is None:
        return
    yield from (f"{where}: {problem}" for problem in (*_files(manifest, step), *_proof(step)))
    chunk = [manifest.actions.horizon, len(manifest.actions.joints)]
    shapes = {(tensor.role, tensor.name): list(tensor.shape) for tensor in (*step.inputs, *step.outputs)}
    wanted = {(t.role, t.name): list(t.shape) for t in (*policy.inputs, *policy.outputs) if t.role != "noise"}
    wanted |= {("sample", "sample"): chunk, ("row", "row"): [1], ("estimate", "estimate"): chunk}
    if shapes != wanted:
        yield f"{where}: its inputs and outputs are {sorted(shapes)}, expected {sorted(wanted)} with the same shapes"
    steps = [schedule.steps for schedule in step.schedules]
    if len(set(steps)) != len(steps) or policy.sampling_steps not in steps:
        yield f"{where}: schedules for {steps} steps; each once, and {policy.sampling_steps} among them"
    for schedule in step.schedules:
        if len(schedule.mix) != len(schedule.rows):
            yield f"{where}: {len(schedule.rows)} rows but {len(schedule.mix)} mixtures for {schedule.steps} steps"
        if any(row[4] != 0.0 for row in schedule.mix[schedule.draws :]):
            yield f"{where}: a mixture for {schedule.steps} steps uses noise beyond the {schedule.draws} draws"


def check_reactive(manifest: Manifest) -> Iterator[str]:
    """The fast decoder reads the plan and known terms, writes commands for a window that outlives a chunk."""
    policy, where = manifest.policy, "policy.reactive"
    latents = {tensor.name: list(tensor.shape) for tensor in policy.outputs if tensor.role == "latent"}
    reactive = policy.reactive
    if reactive is None:
        if latents:
            yield "policy.outputs: a latent, but there is no policy.reactive to read it"
        return
    yield from (f"{where}: {problem}" for problem in (*_files(manifest, reactive), *_proof(reactive)))
    terms = {term.name: term for term in manifest.terms}
    if len(set(reactive.terms)) != len(reactive.terms) or not set(reactive.terms) <= set(terms):
        yield f"{where}: its terms are {list(reactive.terms)}; each once, and out of {sorted(terms)}"
        return
    for name in reactive.terms:
        if terms[name].fallback is not None or terms[name].own_action:
            yield f"{where}: term '{name}' is not measured at every step, so nothing is felt through it"
    actions, window = manifest.actions, reactive.window
    shapes = {(tensor.role, tensor.name): list(tensor.shape) for tensor in (*reactive.inputs, *reactive.outputs)}
    wanted = {("latent", name): shape for name, shape in latents.items()}
    wanted |= {("felt", "felt"): [window, sum(terms[name].size for name in reactive.terms)]}
    wanted |= {(t.role, t.name): [window, len(actions.joints)] for t in policy.outputs if t.role == "action"}
    if len(latents) != 1 or shapes != wanted:
        yield f"{where}: its inputs and outputs are {sorted(shapes)}, expected {sorted(wanted)} with the same shapes"
    if window <= actions.horizon:
        yield f"{where}: a window of {window} steps ends with the chunk of {actions.horizon}; plans arrive late"
    if manifest.timing.warm_start.method != "full" or manifest.timing.chunking.combine != "newest":
        yield f"{where}: excludes timing.warm_start and chunking.combine; plans, not chunks, follow each other"
    if any(term.mode == "delta_position" for term in actions.terms):
        yield f"{where}: its commands must not be relative to the measured position"


def _files(manifest: Manifest, graph: FurtherGraph) -> Iterator[str]:
    for file, suffix in ((graph.file, ".onnx"), (graph.parity_file, ".npz")):
        if file not in manifest.files or not file.endswith(suffix):
            yield f"files lacks '{file}'"


def _signature(manifest: Manifest, variant: GraphVariant) -> Iterator[str]:
    actions = manifest.actions
    shapes = {"previous_chunk": [actions.horizon, len(actions.joints)], "prefix_weights": [actions.horizon]}
    extra = {tensor.role: tensor for tensor in variant.inputs if tensor.role in shapes}
    if set(extra) != NEEDED_ROLES[variant.method]:
        yield f"method '{variant.method}' needs inputs {sorted(NEEDED_ROLES[variant.method])}, has {sorted(extra)}"
    yield from (
        f"'{tensor.name}' of role {role} has shape {list(tensor.shape)}, expected {shapes[role]}"
        for role, tensor in extra.items()
        if list(tensor.shape) != shapes[role]
    )
    if _plain(variant.inputs) != _plain(manifest.policy.inputs):
        yield "its observation and noise inputs differ from the policy's"
    if _plain(variant.outputs) != _plain(manifest.policy.outputs):
        yield "its outputs differ from the policy's"


def _plain(tensors: list[GraphTensor]) -> dict[tuple[str, str], tuple[int, ...]]:
    """Shapes by role and name, without the inputs that only further graphs have; noise may have any number of rows."""
    own = [tensor for tensor in tensors if tensor.role not in ("previous_chunk", "prefix_weights")]
    return {(t.role, t.name): tuple(t.shape[1:] if t.role == "noise" else t.shape) for t in own}


def _proof(variant: FurtherGraph) -> Iterator[str]:
    outputs = {tensor.name for tensor in variant.outputs}
    if set(variant.parity.max_abs_error) != outputs:
        yield f"parity names {sorted(variant.parity.max_abs_error)}, the outputs are {sorted(outputs)}"
    for name, error in variant.parity.max_abs_error.items():
        if not error <= variant.parity.tolerance:
            yield f"parity error {error} of '{name}' exceeds the tolerance {variant.parity.tolerance}"


def check_execution(manifest: Manifest) -> Iterator[str]:
    """The chunking and warm-start settings can be carried out with these graphs and horizons."""
    start, chunking, actions = manifest.timing.warm_start, manifest.timing.chunking, manifest.actions
    if chunking.replan == "on_remaining" and chunking.remaining_steps >= actions.horizon:
        yield f"timing.chunking: remaining_steps {chunking.remaining_steps} is not below the horizon {actions.horizon}"
    if start.method == "full":
        return
    fitting = [variant.name for variant in manifest.policy.variants if variant.method == start.method]
    if not fitting:
        yield f"timing.warm_start: no graph in policy.variants has the method '{start.method}'"
    elif start.variant is not None and start.variant not in fitting:
        yield f"timing.warm_start: variant '{start.variant}' is none of {fitting} with method '{start.method}'"
    if any(term.mode == "delta_position" for term in actions.terms):
        yield "timing.warm_start: a chunk relative to the measured position cannot be continued"
    if chunking.combine == "ensemble":
        yield "timing: warm_start and chunking.combine 'ensemble' exclude each other"
