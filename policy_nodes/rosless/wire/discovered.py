"""What DDS discovery knows of one kind of entity, kept up to date by reading only what is news.

Reading a built-in topic whole makes Python objects of every endpoint's QoS: 12 to 30 ms in a graph of six nodes, with
the interpreter held. A node that asks for the publishers of a topic ten times a second would spend a third of a core
on it and be deaf meanwhile.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Generic, TypeVar

from cyclonedds.builtin import BuiltinDataReader
from cyclonedds.core import InstanceState, ReadCondition, SampleState, ViewState

from policy_nodes.rosless.wire import capi

_AT_ONCE = 256
View = TypeVar("View")


class Discovered(Generic[View]):
    """Live instances of a built-in topic by key. Not safe for threads: the caller locks.

    Args:
        participant: that discovers.
        topic: ``BuiltinTopicDcpsParticipant``, ``...Publication`` or ``...Subscription``.
        view: makes of a new sample what is kept of it.
    """

    def __init__(self, participant: Any, topic: Any, view: Callable[[Any], View]) -> None:
        self._reader: Any = BuiltinDataReader(participant, topic)
        self._news: Any = ReadCondition(self._reader, SampleState.NotRead | ViewState.Any | InstanceState.Any)
        self._view = view
        self._alive: dict[bytes, View] = {}

    def views(self) -> list[View]:
        """Views of all instances that are alive now, in the order of their discovery; none once closed."""
        while self._news is not None and self._news.triggered:
            with capi.QOS_LOCK:
                # Taken, not read: what is left of ended instances would pile up.
                news = self._reader.take(N=_AT_ONCE, condition=self._news)
            for sample in news:
                key = sample.key.bytes
                if sample.sample_info.instance_state == InstanceState.Alive and sample.sample_info.valid_data:
                    self._alive[key] = self._view(sample)
                else:
                    self._alive.pop(key, None)
        return list(self._alive.values())

    def close(self) -> None:
        """Delete the reader; nothing is alive any more."""
        self._reader = self._news = None
        self._alive.clear()
