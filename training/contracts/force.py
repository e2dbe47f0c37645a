"""The term of a measured force."""

from __future__ import annotations

from policy_nodes.bundle.manifest import ObservationTerm
from sim.tasks.insertion.world import FORCE_TOPIC


def force_term(name: str, frame_id: str, largest: float, max_age_s: float) -> ObservationTerm:
    """Force (3,) of the ``WrenchStamped`` on ``FORCE_TOPIC``.

    Args:
        name: of the term.
        frame_id: in which it is given.
        largest: beyond it a component is a fault of the sensor [N].
        max_age_s: after which it is stale.
    """
    return ObservationTerm(
        name=name,
        topic=FORCE_TOPIC,
        message_type="geometry_msgs/msg/WrenchStamped",
        field="force",
        axes=["x", "y", "z"],
        unit=["N"] * 3,
        frame_id=frame_id,
        minimum=[-largest] * 3,
        maximum=[largest] * 3,
        max_age_s=max_age_s,
    )
