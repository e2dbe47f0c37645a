"""Where a student of consistency distillation begins: with its teacher's weights.

A denoiser is already a fair consistency function where the data given the observation is narrow, and the student only
has to unlearn the mean elsewhere. Sources: Song et al., "Consistency Models", arXiv 2303.01469, and Prasad et al.,
"Consistency Policy", arXiv 2405.07503, both of which initialise the student so.
"""

from __future__ import annotations

from torch import Tensor

from training.policies.chunk_policy import ChunkPolicy

STATISTICS = ("observation_normalizer.", "action_normalizer.")


def start_from_teacher(policy: ChunkPolicy) -> bool:
    """Give a student its teacher's statistics, in whose space it learns, and its weights if the networks are alike.

    Args:
        policy: changed in place, unless it has no teacher.

    Returns:
        whether the weights were taken over as well.
    """
    if policy.teacher is None:
        return False
    own, known = _network(policy), _network(policy.teacher)
    alike = {k: v.shape for k, v in own.items()} == {k: v.shape for k, v in known.items()}
    taken = known if alike else {k: v for k, v in known.items() if k.startswith(STATISTICS)}
    policy.load_state_dict({**policy.state_dict(), **taken})
    return alike


def _network(policy: ChunkPolicy) -> dict[str, Tensor]:
    """Weights and statistics, without what the objective counts."""
    return {k: v for k, v in policy.state_dict().items() if not k.startswith("objective.")}
