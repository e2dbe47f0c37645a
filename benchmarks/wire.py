"""What a topic costs: the ROS layer against a plain UDP socket, bare Cyclone DDS, and rclpy where it is here.

Two processes per stack exchange ``JointState`` on this machine. One way: stamped right before it is published, measured
in the subscription's callback. Round trip: the other process publishes it back. All stacks use the same payloads.
``udp`` is two sockets and the layer's codec, the floor; ``cyclone`` the layer's reader, writer and wait set without
node, executor and callbacks, which tells the share of the DDS library from that of the layer. The processes of all
stacks live side by side and take turns within each configuration, so that a busy machine hits them alike; printed is
the median over the turns of each percentile, and of the ratio of each turn's p50 to that of UDP in the same turn.

    python benchmarks/wire.py [--passes 5] [--seconds 4] [--rates 100 500 1000] [--output wire.json]

``chrt -f 10 python benchmarks/wire.py`` runs all processes of all stacks in front of other work (SCHED_FIFO, Linux).
The layer runs as in any node: timer, publisher, RELIABLE, keep last 10, subscription, SingleThreadedExecutor.
"""

from __future__ import annotations

import argparse
import contextlib
import importlib.util
import json
import os
import platform
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np

ROOT = Path(__file__).parents[1]
JOINTS = 32
PAYLOADS = {"300 B": False, "1.3 kB": True}  # name to whether names, velocities and efforts are filled in
MODES = ("one way", "round trip")
PERCENTILES = {"p50": 50.0, "p99": 99.0, "p99.9": 99.9, "max": 100.0}
WARM_UP_S = 0.2
GRACE_S = 0.5
Ports = tuple[int, int]


def fill(message: Any, full: bool) -> Any:
    """A ``JointState`` of 32 joints: positions only, or everything."""
    message.position = [0.1 * joint for joint in range(JOINTS)]
    if full:
        message.name = [f"joint_{joint}" for joint in range(JOINTS)]
        message.velocity = message.effort = [0.01 * joint for joint in range(JOINTS)]
    return message


def stamp(message: Any) -> Any:
    """Write the monotonic clock, which all processes of a machine share, into the header."""
    message.header.stamp.sec, message.header.stamp.nanosec = divmod(time.monotonic_ns(), 1_000_000_000)
    return message


def age_ns(message: Any) -> int:
    """Time since :func:`stamp`."""
    return time.monotonic_ns() - message.header.stamp.sec * 1_000_000_000 - message.header.stamp.nanosec


class Udp:
    """The floor: two sockets and the codec, no timers, no callbacks."""

    def __init__(self, sender: bool, ports: Ports) -> None:
        from policy_nodes.rosless.idl import deserialize, message_class, serialize

        self.cls = message_class("sensor_msgs/msg/JointState")
        self.encode, self.decode = serialize, deserialize
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind(("127.0.0.1", ports[not sender]))
        self.socket.connect(("127.0.0.1", ports[sender]))

    def receive(self, seconds: float, echo: bool) -> list[int]:
        """Collect ages until the empty datagram that ends the turn; send each message back if ``echo``."""
        ages = []
        while data := self.socket.recv(65536):
            message = self.decode(self.cls, data)
            if echo:
                self.socket.send(self.encode(message))
            else:
                ages.append(age_ns(message))
        return ages

    def take(self, timeout: float, ages: list[int]) -> None:
        """Note the age of the next message, if one comes in time (s)."""
        self.socket.settimeout(timeout)
        with contextlib.suppress(TimeoutError):
            ages.append(age_ns(self.decode(self.cls, self.socket.recv(65536))))

    def send(self, rate: float, seconds: float, full: bool, echo: bool) -> tuple[int, list[int]]:
        """Send at a rate; number sent, and the ages of what came back."""
        message, ages, sent = fill(self.cls(), full), [], 0
        start = time.monotonic()
        while sent < rate * seconds:
            due = start + sent / rate
            while (left := due - time.monotonic()) > 0:
                if not echo:
                    time.sleep(left)
                    continue
                self.take(left, ages)
            self.socket.send(self.encode(stamp(message)))
            sent += 1
        last = time.monotonic() + GRACE_S / 2
        while echo and (left := last - time.monotonic()) > 0:
            self.take(left, ages)
        self.socket.settimeout(None)
        self.socket.send(b"")
        return sent, ages


class Ros:
    """A node of whichever stack ``ensure_ros`` found."""

    def __init__(self, sender: bool, ports: Ports) -> None:
        from policy_nodes.rosless.activate import ensure_ros

        self.stack = ensure_ros()
        import rclpy
        from rclpy.executors import SingleThreadedExecutor
        from rclpy.qos import QoSProfile
        from sensor_msgs.msg import JointState

        rclpy.init(args=[])
        self.cls = JointState
        self.node = rclpy.create_node("sender" if sender else "receiver", enable_rosout=False)
        there, back = (f"from_{port}" for port in (ports if sender else ports[::-1]))  # nobody else's
        self.publisher = self.node.create_publisher(JointState, there, QoSProfile(depth=10))
        self.node.create_subscription(JointState, back, lambda message: self.on_message(message), QoSProfile(depth=10))
        self.on_message: Callable[[Any], None] = lambda message: None
        self.executor = SingleThreadedExecutor()
        self.executor.add_node(self.node)
        end = time.monotonic() + 15.0
        while not (self.publisher.get_subscription_count() and self.node.count_publishers(back)):
            if time.monotonic() > end:
                raise TimeoutError("the other process was not discovered")
            self.executor.spin_once(timeout_sec=0.05)

    def spin(self, until: Callable[[], bool]) -> None:
        """Run callbacks until a condition holds."""
        while not until():
            self.executor.spin_once(timeout_sec=0.1)

    def receive(self, seconds: float, echo: bool) -> list[int]:
        """Collect ages for a time, or publish each message back."""
        ages: list[int] = []
        self.on_message = self.publisher.publish if echo else lambda message: ages.append(age_ns(message))
        end = time.monotonic() + seconds + GRACE_S
        self.spin(lambda: time.monotonic() >= end)
        return ages

    def send(self, rate: float, seconds: float, full: bool, echo: bool) -> tuple[int, list[int]]:
        """Publish from a timer; number published, and the ages of what came back."""
        message, ages, sent = fill(self.cls(), full), [], 0
        self.on_message = lambda came: ages.append(age_ns(came))

        def tick() -> None:
            nonlocal sent
            self.publisher.publish(stamp(message))
            sent += 1

        end = time.monotonic() + seconds
        timer = self.node.create_timer(1.0 / rate, tick)
        self.spin(lambda: time.monotonic() >= end)
        self.node.destroy_timer(timer)
        end += GRACE_S / 2
        self.spin(lambda: time.monotonic() >= end)
        return sent, ages


class Cyclone(Ros):
    """Reader, writer and wait set of a rosless node, used by hand."""

    def __init__(self, sender: bool, ports: Ports) -> None:
        super().__init__(sender, ports)
        from policy_nodes.rosless.idl import deserialize, serialize
        from policy_nodes.rosless.wire.waitset import WaitSet

        self.encode, self.decode = serialize, deserialize
        (subscription,) = self.node.subscriptions
        self.reader, self.writer = subscription._reader, self.publisher._writer
        self.waitset = WaitSet(self.reader.session.entity)
        self.waitset.update({self.reader.condition})

    def take(self, until: float, use: Callable[[Any], None]) -> None:
        """Hand over what arrives until a time (s, monotonic)."""
        while (left := until - time.monotonic()) > 0:
            if self.waitset.wait(int(min(left, 0.1) * 1e9)):
                while taken := self.reader.take():
                    use(self.decode(self.cls, taken[0]))

    def receive(self, seconds: float, echo: bool) -> list[int]:
        """As :class:`Ros`."""
        ages: list[int] = []
        end = time.monotonic() + seconds + GRACE_S
        if echo:
            self.take(end, lambda message: self.writer.write(self.encode(message)))
        else:
            self.take(end, lambda message: ages.append(age_ns(message)))
        return ages

    def send(self, rate: float, seconds: float, full: bool, echo: bool) -> tuple[int, list[int]]:
        """As :class:`Udp`."""
        message, ages, sent = fill(self.cls(), full), [], 0
        start = time.monotonic()
        while sent < rate * seconds:
            self.take(start + sent / rate, lambda came: ages.append(age_ns(came)))
            self.writer.write(self.encode(stamp(message)))
            sent += 1
        self.take(time.monotonic() + GRACE_S / 2, lambda came: ages.append(age_ns(came)))
        return sent, ages


STACKS: dict[str, type[Udp] | type[Ros]] = {"udp": Udp, "cyclone": Cyclone, "rosless": Ros, "rclpy": Ros}


def child(stack: str, sender: bool, ports: Ports) -> None:
    """Serve turns: one JSON line in, one out."""
    end = STACKS[stack](sender, ports)
    print(json.dumps({"found": getattr(end, "stack", None)}), flush=True)
    for line in sys.stdin:
        turn = json.loads(line)
        echo = turn["mode"] == "round trip"
        sent, cpu = 0, time.process_time()
        if sender:
            sent, ages = end.send(turn["rate"], turn["seconds"], turn["full"], echo)
        else:
            ages = end.receive(turn["seconds"], echo)
        cpu = time.process_time() - cpu
        used = np.array(ages[int(turn["rate"] * WARM_UP_S) :] or [0]) / 1e3
        values = {name: float(np.percentile(used, share, method="higher")) for name, share in PERCENTILES.items()}
        print(
            json.dumps({"sent": sent, "got": len(ages), "cpu": 100 * cpu / turn["seconds"], "us": values}), flush=True
        )


class Pair:
    """The two processes of a stack."""

    def __init__(self, stack: str) -> None:
        ports = free_ports()
        env = {"ROS_DOMAIN_ID": "93", **os.environ, "ROS_AUTOMATIC_DISCOVERY_RANGE": "LOCALHOST"}
        env.update(KEEL_QUIET="1", OMP_NUM_THREADS="1")
        if stack in ("cyclone", "rosless"):
            env["PYTHONPATH"] = str(ROOT)  # a sourced ROS 2 is on this path: without it the layer is used
            env.pop("KEEL_REQUIRE_ROS", None)
        else:
            env["PYTHONPATH"] = os.pathsep.join(filter(None, [str(ROOT), env.get("PYTHONPATH", "")]))
        command = [sys.executable, __file__, "--child", stack, *map(str, ports)]
        self.stack = stack
        self.receiver, self.sender = (
            subprocess.Popen([*command, role], env=env, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
            for role in ("receiver", "sender")
        )
        for process in (self.receiver, self.sender):
            found = self._answer(process)["found"]
            if found != {"udp": None, "rclpy": "rclpy"}.get(stack, "rosless"):
                raise RuntimeError(f"wanted the stack {stack}, got {found}")

    def _answer(self, process: subprocess.Popen[str]) -> dict[str, Any]:
        assert process.stdout is not None
        line = process.stdout.readline()
        if not line:
            raise RuntimeError(f"a process of {self.stack} ended with status {process.wait()}")
        return json.loads(line)

    def turn(self, **turn: Any) -> dict[str, float]:
        """One turn: percentiles in us, CPU of both processes in % of a core, messages lost."""
        for process in (self.receiver, self.sender):
            assert process.stdin is not None
            process.stdin.write(json.dumps(turn) + "\n")
            process.stdin.flush()
            time.sleep(0.02 if process is self.receiver else 0)
        sent, got = self._answer(self.sender), self._answer(self.receiver)
        arrived = sent if turn["mode"] == "round trip" else got
        return {
            **arrived["us"],
            "send cpu": sent["cpu"],
            "receive cpu": got["cpu"],
            "lost": sent["sent"] - arrived["got"],
        }

    def close(self) -> None:
        """End both processes."""
        for process in (self.receiver, self.sender):
            process.terminate()
        for process in (self.receiver, self.sender):
            process.communicate(timeout=20)


def free_ports() -> Ports:
    """Two UDP ports that are free now."""
    with socket.socket(type=socket.SOCK_DGRAM) as one, socket.socket(type=socket.SOCK_DGRAM) as two:
        one.bind(("127.0.0.1", 0))
        two.bind(("127.0.0.1", 0))
        return one.getsockname()[1], two.getsockname()[1]


def conditions() -> str:
    """Machine, load and scheduling."""
    load = "/".join(f"{value:.1f}" for value in os.getloadavg())
    policy = {os.SCHED_FIFO: "SCHED_FIFO", os.SCHED_RR: "SCHED_RR"}.get(os.sched_getscheduler(0), "ordinary scheduling")
    return f"{platform.machine()}, {os.cpu_count()} CPUs, Python {platform.python_version()}, load {load}, {policy}"


def measure(pairs: list[Pair], options: argparse.Namespace) -> list[dict[str, Any]]:
    """All configurations, stacks taking turns; one row each with medians over the turns."""
    rows = []
    for mode in MODES:
        for payload in options.payloads:
            for rate in options.rates:
                turns: dict[str, list[dict[str, float]]] = {pair.stack: [] for pair in pairs}
                for number in range(options.passes):
                    for pair in pairs if number % 2 == 0 else pairs[::-1]:
                        turns[pair.stack].append(
                            pair.turn(mode=mode, rate=rate, seconds=options.seconds, full=PAYLOADS[payload])
                        )
                for stack, results in turns.items():
                    row = {"mode": mode, "payload": payload, "rate": rate, "stack": stack}
                    row.update({key: median(result[key] for result in results) for key in results[0]})
                    row["lost"] = sum(result["lost"] for result in results)
                    floors = [floor["p50"] for floor in turns["udp"]]
                    row["ratio"] = median(own["p50"] / floor for own, floor in zip(results, floors, strict=True))
                    rows.append(row)
                    show(row)
    return rows


HEAD = "| mode | payload | rate | stack | p50 | p99 | p99.9 | max | ratio of p50 | CPU send | CPU receive | lost |"


def show(row: dict[str, Any]) -> None:
    """Print one row of the table (Markdown, us and % of a core)."""
    times = " | ".join(f"{row[name]:.0f}" for name in PERCENTILES)
    print(
        f"| {row['mode']} | {row['payload']} | {row['rate']:g} Hz | {row['stack']} | {times} | {row['ratio']:.2f} | "
        f"{row['send cpu']:.1f} % | {row['receive cpu']:.1f} % | {row['lost']:g} |",
        flush=True,
    )


def main() -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--passes", type=int, default=3, help="turns per stack and configuration")
    parser.add_argument("--seconds", type=float, default=3.0, help="length of a turn")
    parser.add_argument("--rates", type=float, nargs="+", default=[100.0, 500.0, 1000.0], help="Hz")
    parser.add_argument("--payloads", nargs="+", choices=list(PAYLOADS), default=list(PAYLOADS))
    parser.add_argument("--output", type=Path, help="write the rows as JSON")
    parser.add_argument("--child", nargs=4, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.child:
        stack, first, second, role = options.child
        with contextlib.suppress(KeyboardInterrupt):
            child(stack, role == "sender", (int(first), int(second)))
        return 0
    stacks = [stack for stack in STACKS if stack != "rclpy"]
    real = importlib.util.find_spec("rclpy") is not None
    print(conditions())
    print("rclpy: measured" if real else "rclpy: not here (source a ROS 2 to measure it)")
    pairs: list[Pair] = []
    try:
        for stack in [*stacks, "rclpy"] if real else stacks:
            pairs.append(Pair(stack))
        print(HEAD + "\n" + "|---" * 12 + "|")
        rows = measure(pairs, options)
    finally:
        for pair in pairs:
            pair.close()
    print(conditions())
    for stack in stacks[1:]:
        ratios = [row["ratio"] for row in rows if row["stack"] == stack]
        print(f"p50 of {stack} to that of udp: {min(ratios):.2f} to {max(ratios):.2f}, median {median(ratios):.2f}")
    if options.output:
        options.output.write_text(json.dumps({"conditions": conditions(), "rows": rows}, indent=2) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
