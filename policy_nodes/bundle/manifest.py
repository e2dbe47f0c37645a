"""Schema of ``manifest.json``: what the graph reads, what it writes, how fast, and where it came from.

Every quantity is in SI units and radians; quaternions are ``xyzw`` because ROS messages are. Vectors are ordered by
the ``axes`` or ``joints`` that stand beside them, never by convention.
"""

from __future__ import annotations

from itertools import accumulate
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, FiniteFloat, model_validator

from policy_nodes.bundle.chunking import Chunking, Method, WarmStart
from policy_nodes.bundle.sim2sim import Sim2Sim
from policy_nodes.bundle.words import Name, Text

SCHEMA_VERSION = 1

Topic = Annotated[str, Field(pattern=r"^/?[A-Za-z~][A-Za-z0-9_/]{0,255}$|^/[A-Za-z][A-Za-z0-9_/]{0,255}$")]
Sha256 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
Floats = Annotated[list[FiniteFloat], Field(max_length=4096)]
FrameId = Annotated[str, Field(pattern=r"^[!-~]{1,256}$")]
"""Of a frame in tf: printable, no blanks."""
Error = Annotated[FiniteFloat, Field(ge=0)]
Unit = Literal["rad", "m", "rad/s", "m/s", "N", "N*m", "m/s^2", "1"]


class Strict(BaseModel):
    """Base: unknown keys are errors, instances are immutable."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class ObservationTerm(Strict):
    """One slice of an observation feature, read from one field of one ROS topic.

    The value handed to the graph is ``clip((raw - offset) * scale)``; the identity by default, because normalisation
    is folded into the graph.
    """

    name: Name
    topic: Topic
    message_type: Literal[
        "sensor_msgs/msg/JointState",
        "sensor_msgs/msg/Imu",
        "geometry_msgs/msg/PoseStamped",
        "geometry_msgs/msg/Twist",
        "geometry_msgs/msg/TwistStamped",
        "geometry_msgs/msg/WrenchStamped",
        "nav_msgs/msg/Odometry",
        "std_msgs/msg/Float64MultiArray",
        "trajectory_msgs/msg/JointTrajectory",
    ]
    field: Literal[
        "position",
        "velocity",
        "effort",
        "pose",
        "pose.position",
        "data",
        "orientation",
        "angular_velocity",
        "linear_acceleration",
        "projected_gravity",
        "linear",
        "angular",
        "planar",
        "force",
        "torque",
        "first_positions",
    ]
    """What is read; ``projected_gravity``, ``planar`` and ``first_positions`` are computed, see docs/bundle.md."""
    axes: Annotated[list[Name], Field(min_length=1, max_length=512)]
    """Element labels in order; joint names for a JointState."""
    unit: Annotated[list[Unit], Field(min_length=1, max_length=512)]
    frame_id: FrameId | None = None
    """REP-103 frame in which the value is expressed; None for joint space."""
    minimum: Floats
    """Smallest plausible raw value per element; below it the sample is out of contract."""
    maximum: Floats
    max_age_s: Annotated[float, Field(gt=0, le=60)]
    scale: FiniteFloat = 1.0
    offset: FiniteFloat = 0.0
    clip: Annotated[FiniteFloat, Field(gt=0)] | None = None
    """Symmetric bound of the scaled value."""
    fallback: Floats | None = None
    """Raw value per element that stands in while the topic is silent or older than ``max_age_s``: a velocity command
    falls to zero, a previous action to the default pose. None: silence is a fault."""

    @property
    def own_action(self) -> bool:
        """Whether this is the policy's own previous answer, which the policy process remembers by itself."""
        return self.field == "first_positions"

    @property
    def size(self) -> int:
        """Number of elements."""
        return len(self.axes)

    @model_validator(mode="after")
    def _lengths_agree(self) -> ObservationTerm:
        sizes = {
            "axes": len(self.axes),
            "unit": len(self.unit),
            "minimum": len(self.minimum),
            "maximum": len(self.maximum),
        }
        if len(set(sizes.values())) != 1:
            raise ValueError(f"observation term '{self.name}': lengths differ: {sizes}")
        if self.fallback is not None and len(self.fallback) != self.size:
            raise ValueError(
                f"observation term '{self.name}': {len(self.fallback)} fallback values for {sizes['axes']}"
            )
        if len(set(self.axes)) != len(self.axes):
            raise ValueError(f"observation term '{self.name}': repeated names in axes")
        for axis, low, high in zip(self.axes, self.minimum, self.maximum, strict=True):
            if not low < high:
                raise ValueError(
                    f"observation term '{self.name}': minimum {low} is not below maximum {high} for '{axis}'"
                )
        return self


class ObservationFeature(Strict):
    """One graph input: the terms concatenated in order, with history, shape (batch, history, size), oldest first.

    Named as a LeRobot feature (``observation.state``, ``observation.environment_state``, ...), so that the same key
    names a dataset column, a graph input and a checkpoint's feature.
    """

    name: Name
    terms: Annotated[list[ObservationTerm], Field(min_length=1, max_length=64)]
    history: Annotated[int, Field(ge=1, le=256)]
    history_step_s: Annotated[float, Field(gt=0, le=10)]

    @property
    def size(self) -> int:
        """Elements of one time step."""
        return sum(term.size for term in self.terms)

    @property
    def columns(self) -> list[tuple[ObservationTerm, slice]]:
        """The terms with the elements of a time step that are theirs."""
        ends = list(accumulate((term.size for term in self.terms), initial=0))
        return [(term, slice(*ends[index : index + 2])) for index, term in enumerate(self.terms)]


class ImageFeature(Strict):
    """One camera: one graph input, uint8 (batch, history, height, width, channels), oldest first, top row first.

    The graph gets the pixels as the camera publishes them; scaling to 0..1, channel order and normalisation are in it.
    Named as a LeRobot feature (``observation.images.top``).
    """

    name: Name
    topic: Topic
    message_type: Literal["sensor_msgs/msg/Image"] = "sensor_msgs/msg/Image"
    encoding: Literal["rgb8", "bgr8", "mono8"] = "rgb8"
    """Channels in the graph's order, names of sensor_msgs/image_encodings. Messages with the same colours in another
    order (or with an alpha channel) are rearranged, others are refused."""
    height: Annotated[int, Field(ge=1, le=8192)]
    width: Annotated[int, Field(ge=1, le=8192)]
    """Pixels; messages of another size are refused, never resized: that would be another field of view."""
    frame_id: FrameId | None = None
    """Optical frame (REP-103); None accepts any."""
    max_age_s: Annotated[float, Field(gt=0, le=60)]
    history: Annotated[int, Field(ge=1, le=64)] = 1
    history_step_s: Annotated[float, Field(gt=0, le=10)]

    @property
    def channels(self) -> int:
        """Values per pixel."""
        return 1 if self.encoding == "mono8" else 3

    @property
    def shape(self) -> tuple[int, int, int]:
        """Height, width, channels of one picture."""
        return self.height, self.width, self.channels


class ActionTerm(Strict):
    """Commands for one group of joints, a slice of the action vector."""

    name: Name
    joints: Annotated[list[Name], Field(min_length=1, max_length=256)]
    """In command order."""
    mode: Literal["position", "delta_position", "velocity", "effort", "twist"]
    unit: Annotated[list[Unit], Field(min_length=1, max_length=256)]
    scale: FiniteFloat = 1.0
    offset: Floats
    """Default pose, added after scaling; zeros when the graph writes absolute targets."""
    stiffness: Floats
    """Proportional gain the policy was trained with (N*m/rad or N/m)."""
    damping: Floats
    """Derivative gain the policy was trained with (N*m*s/rad or N*s/m)."""
    minimum: Floats
    """Smallest command per joint, after scale and offset."""
    maximum: Floats

    @property
    def size(self) -> int:
        """Number of joints."""
        return len(self.joints)

    @model_validator(mode="after")
    def _lengths_agree(self) -> ActionTerm:
        fields = ("joints", "unit", "offset", "stiffness", "damping", "minimum", "maximum")
        sizes = {name: len(getattr(self, name)) for name in fields}
        if len(set(sizes.values())) != 1:
            raise ValueError(f"action term '{self.name}': lengths differ: {sizes}")
        for joint, low, high in zip(self.joints, self.minimum, self.maximum, strict=True):
            if not low < high:
                raise ValueError(f"action term '{self.name}': minimum {low} is not below maximum {high} for '{joint}'")
        return self


class ActionSpec(Strict):
    """The graph's action output, shape (batch, horizon, size): terms concatenated in order, one row per ``step_s``."""

    terms: Annotated[list[ActionTerm], Field(min_length=1, max_length=64)]
    command_topic: Topic
    command_type: Literal["std_msgs/msg/Float64MultiArray"]
    horizon: Annotated[int, Field(ge=1, le=1024)]
    execution_horizon: Annotated[int, Field(ge=1, le=1024)]
    """Steps executed before the next chunk is due."""
    step_s: Annotated[float, Field(gt=0, le=10)]

    @property
    def joints(self) -> list[str]:
        """All commanded joints in command order."""
        return [joint for term in self.terms for joint in term.joints]

    @model_validator(mode="after")
    def _consistent(self) -> ActionSpec:
        if self.execution_horizon > self.horizon:
            raise ValueError(f"execution_horizon {self.execution_horizon} exceeds horizon {self.horizon}")
        if len(set(self.joints)) != len(self.joints):
            raise ValueError("a joint is commanded by two action terms")
        return self


class Timing(Strict):
    """Rates and delays the policy was trained and evaluated with."""

    control_rate_hz: Annotated[float, Field(gt=0, le=10_000)]
    observation_delay_s: Annotated[float, Field(ge=0, le=10)] = 0.0
    inference_budget_s: Annotated[float, Field(gt=0, le=10)]
    """Observation stamp to published chunk; slower is a missed deadline."""
    chunking: Chunking = Field(default_factory=Chunking)
    """When chunks are planned again and how they are joined."""
    warm_start: WarmStart = Field(default_factory=WarmStart)
    """Whether a chunk begins from the previous one."""


class GraphTensor(Strict):
    """An input or output of ``policy.onnx`` and what it means. The leading batch dimension is not listed."""

    name: Name
    role: Literal[
        "observation",
        "image",
        "noise",
        "previous_chunk",
        "prefix_weights",
        "sample",
        "row",
        "action",
        "embedding",
        "estimate",
        "latent",
        "felt",
    ]
    """``previous_chunk``: the last answer, raw, moved to the present observation's time grid. ``prefix_weights``: per
    step how much it counts, 1 for steps that will have been executed before the answer arrives. Of a step graph:
    ``sample``, the noisy chunk; ``row``, the number of a row of its table; ``estimate``, the clean chunk. Of a
    slow-fast policy: ``latent``, the plan that its fast decoder reads; ``felt``, what was felt since it was made."""
    shape: Annotated[list[Annotated[int, Field(ge=1, le=1_000_000)]], Field(min_length=1, max_length=8)]
    dtype: Literal["float32", "uint8"] = "float32"
    """``uint8`` for images, ``float32`` for everything else."""


class Parity(Strict):
    """Largest difference between the training framework and the exported graph over the recorded inputs."""

    samples: Annotated[int, Field(ge=1, le=100_000)]
    tolerance: Annotated[float, Field(gt=0, le=1e-2)]
    max_abs_error: dict[Name, Error]
    """By output name."""


class FurtherGraph(Strict):
    """A graph of the same policy in a file of its own, with proof of its own."""

    file: Name
    parity_file: Name
    inputs: Annotated[list[GraphTensor], Field(min_length=1, max_length=64)]
    outputs: Annotated[list[GraphTensor], Field(min_length=1, max_length=64)]
    parity: Parity


class GraphVariant(FurtherGraph):
    """A policy with other inputs, or another number of steps."""

    name: Name
    method: Method
    evaluations: Annotated[int, Field(ge=1, le=10_000)]
    """Network evaluations per chunk; one through which a derivative is taken counts once."""


class StepSchedule(Strict):
    """A sampler with a fixed number of steps, as a recurrence over evaluations of the step graph.

    Evaluation k sees ``x_k = a x_{k-1} + b x_{k-2} + c d_{k-1} + e d_{k-2} + s z_k``, where d are the estimates and z
    the noise draws; the answer is the action of the last evaluation.
    """

    steps: Annotated[int, Field(ge=1, le=1000)]
    rows: Annotated[list[Annotated[int, Field(ge=0, le=100_000)]], Field(min_length=1, max_length=2000)]
    """Of the step graph's table, one per evaluation."""
    draws: Annotated[int, Field(ge=1, le=2000)]
    """Chunks of noise, one below the other."""
    mix: Annotated[
        list[Annotated[list[FiniteFloat], Field(min_length=5, max_length=5)]], Field(min_length=1, max_length=2000)
    ]
    """(a, b, c, e, s) per evaluation."""


class StepGraph(FurtherGraph):
    """One evaluation of the network as a graph of its own, run as often as the time allows."""

    schedules: Annotated[list[StepSchedule], Field(min_length=1, max_length=16)]


class ReactiveGraph(FurtherGraph):
    """The fast decoder of a slow-fast policy, run at every action step: plan, and what was felt since -> commands.

    Reads ``latent``, which ``policy.onnx`` put out, and ``felt`` (window, R), whose row k holds the terms k action
    steps after the plan's observation; rows that lie ahead repeat the newest one. Writes the action (window, A), whose
    row k depends on the rows up to k only.
    """

    terms: Annotated[list[Name], Field(min_length=1, max_length=64)]
    """Observation terms whose values, concatenated, are a row of ``felt``."""

    @property
    def window(self) -> int:
        """Action steps for which a plan can be decoded."""
        return max((tensor.shape[0] for tensor in self.inputs if tensor.role == "felt"), default=0)


class ReducedPrecision(Strict):
    """What a graph of lower precision was made from, how far it is from it, and how both did on the same episodes."""

    precision: Literal["int8", "float16"]
    source_digest: Sha256
    """Of the manifest in single precision."""
    max_abs_error: dict[Name, Error]
    """By output, against the original's recorded answers."""
    calibration_samples: Annotated[int, Field(ge=0)]
    episodes: Annotated[int, Field(ge=1)]
    first_seed: int
    successes: Annotated[int, Field(ge=0)]
    source_successes: Annotated[int, Field(ge=0)]


class PolicyInfo(Strict):
    """How the actions are generated."""

    family: Name
    sampler: Name
    sampling_steps: Annotated[int, Field(ge=1, le=10_000)]
    parameters: Annotated[int, Field(ge=0, le=10**13)]
    inputs: Annotated[list[GraphTensor], Field(min_length=1, max_length=64)]
    outputs: Annotated[list[GraphTensor], Field(min_length=1, max_length=64)]
    variants: Annotated[list[GraphVariant], Field(max_length=16)] = Field(default_factory=list)
    """Graphs for real-time execution, see docs/realtime.md."""
    step_graph: StepGraph | None = None
    """For any number of steps, see docs/export.md."""
    reactive: ReactiveGraph | None = None
    """Of a slow-fast policy, see docs/realtime.md; ``policy.onnx`` alone then answers as if nothing were felt."""
    reduced: ReducedPrecision | None = None
    """Where the graph is not in single precision; its inputs and outputs always are."""

    @property
    def further(self) -> list[FurtherGraph]:
        """All graphs beside ``policy.onnx``."""
        return [*self.variants, *(graph for graph in (self.step_graph, self.reactive) if graph is not None)]


class SuccessRecord(Strict):
    """Closed-loop success measured through this bundle."""

    task: Text
    episodes: Annotated[int, Field(ge=1)]
    successes: Annotated[int, Field(ge=0)]
    interval_low: Annotated[float, Field(ge=0, le=1)]
    interval_high: Annotated[float, Field(ge=0, le=1)]
    confidence: Annotated[float, Field(gt=0, lt=1)]
    first_seed: int


class Provenance(Strict):
    """Where the numbers came from."""

    created: Text
    """ISO 8601 with offset."""
    keel_version: Text
    git_commit: Text
    versions: dict[Name, Text]
    """Package name to version."""
    dataset_sha256: Sha256
    config_sha256: Sha256
    statistics_sha256: Sha256
    seed: int
    training_steps: Annotated[int, Field(ge=0)]
    success: SuccessRecord | None = None


class Manifest(Strict):
    """The whole contract. ``digest`` is the SHA-256 of the canonical JSON of all other fields."""

    schema_version: Literal[1] = 1
    name: Name
    robot: Name
    task: Text
    """What the policy does, in words; shown to the operator."""
    observations: Annotated[list[ObservationFeature], Field(min_length=1, max_length=64)]
    images: Annotated[list[ImageFeature], Field(max_length=16)] = Field(default_factory=list)
    """Cameras, in the order in which the policy takes them."""
    actions: ActionSpec
    timing: Timing
    policy: PolicyInfo
    parity: Parity
    provenance: Provenance
    sim2sim: Sim2Sim | None = None
    """Thresholds and results of ``keel evaluate --shifted``."""
    files: dict[Name, Sha256]
    digest: Sha256

    @property
    def terms(self) -> list[ObservationTerm]:
        """All observation terms, feature by feature."""
        return [term for feature in self.observations for term in feature.terms]
