"""Does the safety configuration fit the bundle?"""

from __future__ import annotations

from policy_nodes.errors import ConfigError
from policy_nodes.safety.config import SafetyConfig


def check_fit(config: SafetyConfig, joints: list[str], control_period_s: float, chunk_period_s: float) -> None:
    """Whether ``safety.yaml`` lists exactly the joints of the bundle, in its order, and the periods are sensible.

    Raises:
        ConfigError: limits are missing, superfluous or in another order, or a period is not positive.
    """
    missing = [name for name in joints if name not in config.names]
    extra = [name for name in config.names if name not in joints]
    if missing or extra:
        cause = f"safety.yaml: no limits for {missing}" if missing else f"safety.yaml: unknown joints {extra}"
        raise ConfigError(f"{cause}; the bundle commands {joints}.", "list exactly the bundle's joints.")
    if joints != config.names:
        raise ConfigError(f"safety.yaml lists {config.names}, the bundle {joints}.", "use the bundle's order.")
    for name, value in (("control_period_s", control_period_s), ("chunk_period_s", chunk_period_s)):
        if not 0.0 < value < 60.0:
            raise ConfigError(f"{name} is {value}.", "give seconds between 0 and 60.")
