"""The tasks of MetaWorld v3 and the sets that the literature reports on, with what is to be done in words.

Sets: MT1 is one task with varied object and goal, MT10 and MT50 are ten and fifty of them with a task identity (Yu et
al., "Meta-World", arXiv 1910.10897; McLean et al., "Meta-World+", arXiv 2505.11289).
"""

from __future__ import annotations

from training.suites.errors import SuiteError

INSTRUCTIONS: dict[str, str] = {
    "assembly-v3": "Pick up the nut and place it onto the peg.",
    "basketball-v3": "Drop the basketball into the basket.",
    "bin-picking-v3": "Move the cube from one bin to the other.",
    "box-close-v3": "Put the lid on the box.",
    "button-press-topdown-v3": "Press the button from above.",
    "button-press-topdown-wall-v3": "Reach over the wall and press the button from above.",
    "button-press-v3": "Press the button.",
    "button-press-wall-v3": "Reach around the wall and press the button.",
    "coffee-button-v3": "Push the button of the coffee machine.",
    "coffee-pull-v3": "Pull the mug away from the coffee machine.",
    "coffee-push-v3": "Push the mug under the coffee machine.",
    "dial-turn-v3": "Turn the dial.",
    "disassemble-v3": "Take the nut off the peg.",
    "door-close-v3": "Close the door.",
    "door-lock-v3": "Lock the door.",
    "door-open-v3": "Open the door.",
    "door-unlock-v3": "Unlock the door.",
    "drawer-close-v3": "Close the drawer.",
    "drawer-open-v3": "Open the drawer.",
    "faucet-close-v3": "Close the faucet.",
    "faucet-open-v3": "Open the faucet.",
    "hammer-v3": "Hammer the screw into the wall.",
    "hand-insert-v3": "Put the object into the hole.",
    "handle-press-side-v3": "Press the handle down from the side.",
    "handle-press-v3": "Press the handle down.",
    "handle-pull-side-v3": "Pull the handle up from the side.",
    "handle-pull-v3": "Pull the handle up.",
    "lever-pull-v3": "Pull the lever up.",
    "peg-insert-side-v3": "Insert the peg into the hole from the side.",
    "peg-unplug-side-v3": "Pull the peg out of the hole.",
    "pick-out-of-hole-v3": "Pick the object out of the hole.",
    "pick-place-v3": "Pick up the object and hold it at the goal.",
    "pick-place-wall-v3": "Pick up the object and place it beyond the wall.",
    "plate-slide-back-side-v3": "Slide the plate out of the goal sideways.",
    "plate-slide-back-v3": "Slide the plate out of the goal.",
    "plate-slide-side-v3": "Slide the plate into the goal sideways.",
    "plate-slide-v3": "Slide the plate into the goal.",
    "push-back-v3": "Pull the object back to the goal.",
    "push-v3": "Push the object to the goal.",
    "push-wall-v3": "Push the object around the wall to the goal.",
    "reach-v3": "Reach the goal.",
    "reach-wall-v3": "Reach around the wall to the goal.",
    "shelf-place-v3": "Put the object on the shelf.",
    "soccer-v3": "Push the ball into the goal.",
    "stick-pull-v3": "Hook the container with the stick and pull it.",
    "stick-push-v3": "Push the container with the stick.",
    "sweep-into-v3": "Sweep the object into the hole.",
    "sweep-v3": "Sweep the object off the table.",
    "window-close-v3": "Close the window.",
    "window-open-v3": "Open the window.",
}
"""Task -> what is to be done, in the suite's own (alphabetical) order of MT50."""

MT10 = (
    "reach-v3",
    "push-v3",
    "pick-place-v3",
    "door-open-v3",
    "drawer-open-v3",
    "drawer-close-v3",
    "button-press-topdown-v3",
    "peg-insert-side-v3",
    "window-open-v3",
    "window-close-v3",
)
"""The ten tasks of MT10, in the suite's order, which is the order of the task identity."""

MT3 = ("reach-v3", "button-press-topdown-v3", "drawer-close-v3")
"""A quick set of our own, for tests and first tries; no set of the literature."""

SETS: dict[str, tuple[str, ...]] = {"mt3": MT3, "mt10": MT10, "mt50": tuple(INSTRUCTIONS)}


def members(name: str) -> tuple[str, ...]:
    """Tasks of a set, or the one task of that name.

    Raises:
        SuiteError: neither a set nor a task.
    """
    if name in SETS:
        return SETS[name]
    if name not in INSTRUCTIONS:
        raise SuiteError(
            f"MetaWorld has no task or set '{name}'.", f"use one of {', '.join(SETS)}, or a task such as reach-v3."
        )
    return (name,)
