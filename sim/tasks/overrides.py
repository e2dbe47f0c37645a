"""Task configurations from keyword overrides, with errors that name the option."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from typing import TYPE_CHECKING, Any, TypeVar

from sim.errors import TaskError

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

    Config = TypeVar("Config", bound=DataclassInstance)
else:
    Config = TypeVar("Config")

__all__ = ["configured"]


def configured(kind: type[Config], overrides: Mapping[str, Any], **defaults: Any) -> Config:
    """A configuration of class ``kind`` from a task's defaults and the user's overrides.

    Raises:
        TaskError: an override is not a field of ``kind``.
    """
    known = [field.name for field in fields(kind)]
    unknown = sorted(set(overrides) - set(known))
    if unknown:
        raise TaskError(f"{kind.__name__} has no option '{unknown[0]}'.", f"use one of {', '.join(known)}.")
    return kind(**{**defaults, **overrides})
