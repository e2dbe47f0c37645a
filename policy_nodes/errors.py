"""Errors that a person can act on: each names the cause and the fix."""

from __future__ import annotations


class KeelError(Exception):
    """An expected failure with a cause and a fix, printed without a traceback by the ``keel`` command.

    Args:
        cause: what is wrong, naming the item (file, joint, topic, field).
        fix: what the user can do about it.
    """

    def __init__(self, cause: str, fix: str = "") -> None:
        super().__init__(cause if not fix else f"{cause} Fix: {fix}")
        self.cause = cause
        self.fix = fix


class BundleError(KeelError):
    """A policy bundle is missing, corrupted, edited, or does not fit this runtime."""


class ContractError(KeelError):
    """A live robot, a dataset or a configuration disagrees with the bundle's contract."""


class ProviderError(KeelError):
    """An execution provider was requested and cannot run here."""


class ObservationError(KeelError):
    """An observation cannot be assembled: a term is missing, stale or not finite."""


class CalibrationError(KeelError):
    """A failure predictor cannot be calibrated or does not fit the policy it is used with."""


class ConfigError(KeelError):
    """A configuration value is missing, unknown or out of range."""
