"""Compares the contract with the robot at hand, before anything is enabled."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from difflib import get_close_matches

from policy_nodes.bundle.manifest import Manifest


def contract_joints(manifest: Manifest) -> list[str]:
    """Every joint the policy reads or commands, commanded ones first, each once."""
    observed = [
        axis for term in manifest.terms if term.message_type == "sensor_msgs/msg/JointState" for axis in term.axes
    ]
    return list(dict.fromkeys([*manifest.actions.joints, *observed]))


def check_robot(manifest: Manifest, joint_names: Sequence[str]) -> list[str]:
    """Differences between the bundle's joints and those the robot publishes.

    A JointState may list joints in any order and may hold more than the policy uses, because values are selected by
    name; missing and repeated names are mismatches.

    Args:
        manifest: the contract.
        joint_names: ``name`` of the robot's JointState, or the joints of its controller.

    Returns:
        One sentence per mismatch, with the nearest name the robot has to spare; empty when the robot fits.
    """
    commanded = set(manifest.actions.joints)
    counts = Counter(joint_names)
    joints = contract_joints(manifest)
    unused = [name for name in counts if name not in joints]
    sentences = [f"the robot lists joint '{name}' {count} times" for name, count in counts.items() if count > 1]
    for joint in joints:
        if joint in counts:
            continue
        use = "commands" if joint in commanded else "reads"
        sentence = f"bundle '{manifest.name}' (robot '{manifest.robot}') {use} joint '{joint}', which this robot lacks"
        near = get_close_matches(joint, unused, n=1, cutoff=0.5)
        sentences.append(sentence + (f"; it has '{near[0]}'" if near else ""))
    return sentences


def order_differs(manifest: Manifest, joint_names: Sequence[str]) -> bool:
    """Whether the robot lists the commanded joints in another order than the contract.

    Harmless for observations, which are selected by name; a controller that takes a bare Float64MultiArray must be
    configured in the contract's order.
    """
    known = [name for name in joint_names if name in set(manifest.actions.joints)]
    return known != [joint for joint in manifest.actions.joints if joint in set(known)]
