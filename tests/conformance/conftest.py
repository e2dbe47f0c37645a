"""Fixtures of the conformance suite: plain rclpy, so that the same tests run on a sourced ROS 2."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import rclpy
from rclpy.executors import SingleThreadedExecutor
from rclpy.node import Node

TIMEOUT_S = 10.0
ASKS = 3 if hasattr(rclpy, "__file__") else 1  # the layer is no package on disk
"""How often a service is asked. A server of rmw_cyclonedds 2.2 that has not discovered the client's reply reader within
100 ms of the request gives the reply up, with a warning: a caller on a busy machine asks again. The layer waits."""


@pytest.fixture
def ros() -> Iterator[None]:
    """An initialised default context; everything in it is gone after the test."""
    rclpy.init(args=[])
    yield
    rclpy.try_shutdown()


@pytest.fixture
def node(ros: None) -> Iterator[Node]:
    """A node called ``tester``."""
    made = Node("tester")
    yield made
    made.destroy_node()


@pytest.fixture
def spin_until(ros: None) -> Iterator[Callable[..., bool]]:
    """Spin nodes until a condition holds, at most ``timeout`` seconds; returns whether it does."""
    executor = SingleThreadedExecutor()

    def spin(condition: Callable[[], object], *nodes: Node, timeout: float = TIMEOUT_S) -> bool:
        for item in nodes:
            executor.add_node(item)
        try:
            end = time.monotonic() + timeout
            while not condition() and time.monotonic() < end:
                executor.spin_once(timeout_sec=0.02)
        finally:
            for item in nodes:
                executor.remove_node(item)
        return bool(condition())

    yield spin
    executor.shutdown()


@pytest.fixture
def ask(node: Node, spin_until: Callable[..., bool]) -> Callable[..., Any]:
    """Send a request by a client until it is answered, at most ``ASKS`` times; returns the response."""

    def answered(client: Any, request: Any, timeout: float = TIMEOUT_S) -> Any:
        for _ in range(ASKS):
            future = client.call_async(request)
            if spin_until(future.done, node, timeout=timeout / ASKS):
                return future.result()
        raise AssertionError(f"{client.srv_name} did not answer {ASKS} requests")

    return answered
