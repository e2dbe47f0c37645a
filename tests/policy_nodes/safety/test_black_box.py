"""The flight recorder: what is kept, for how long, and what a file says afterwards."""

from pathlib import Path

import numpy as np
import pytest

from policy_nodes.safety.black_box import BlackBox
from policy_nodes.safety.black_box_file import KEPT_FILES, BlackBoxError, read_black_box, write_black_box
from policy_nodes.safety.black_box_writer import BlackBoxWriter
from policy_nodes.safety.reasons import Reason
from policy_nodes.types import ActionChunk, Alarm, JointSample
from tests.policy_nodes.safety.rig import MS, Rig, config


def stopped_rig(**changes: object) -> Rig:
    rig = Rig(config(**changes), speed=0.8).active(50)
    rig.governor.on_chunk(rig.now, ActionChunk(rig.now + 1, 20 * MS, np.zeros((3, 5)), 99))
    rig.alarm(active=False)
    for k in range(3):
        rig.governor.on_observation(rig.now, "cube", rig.now + k + 1, np.full(3, np.nan))
    rig.tick(40)
    return rig


def test_a_stop_can_be_told_from_its_file(tmp_path: Path) -> None:
    rig = stopped_rig()
    path = write_black_box(rig.governor.black_box.snapshot(), tmp_path)
    assert path.name.endswith("_observation_not_finite.npz")
    recording = read_black_box(path)
    arrays = recording.arrays
    assert recording.joints == ["shoulder", "elbow"] and recording.period_s == 0.01
    assert len(arrays["decision_t"]) == len(rig.log)
    assert recording.stop is not None
    assert arrays["reason"][recording.stop] == "observation_not_finite"
    assert arrays["state"][recording.stop] == "BACKUP" and arrays["category"][recording.stop] == 2
    commands = arrays["command"][~np.isnan(arrays["command"]).any(axis=1)]
    np.testing.assert_array_equal(commands, np.array(rig.commands))
    assert list(arrays["term/cube/refused"]).count("observation_not_finite") == 3
    assert "chunk_malformed" in arrays["chunk_refused"]
    wanted = arrays["wanted"][recording.stop - 1]
    assert np.abs(wanted - arrays["command"][recording.stop - 1]).max() < 0.05
    assert [text for _, text in recording.events] == ["enable: Enabled."]


def test_a_snapshot_is_taken_while_signals_go_on_arriving() -> None:
    """The control loop takes it, the receiving thread fills the buffers: iterating over them would raise."""

    class Arriving:
        """Looking at one row, the next one comes in."""

        @property
        def arrival_ns(self) -> int:
            box._joint_states.append(self)  # type: ignore[arg-type]
            return 0

    box = BlackBox(1.0, 0.01, ["a"], ["cube"])
    box._joint_states.extend([Arriving(), Arriving()])  # type: ignore[list-item]
    assert len(box.snapshot().joint_states) == 2 and len(box._joint_states) == 4


def test_only_the_last_seconds_are_kept() -> None:
    box = BlackBox(1.0, 0.01, ["a"], ["cube"])
    for k in range(500):
        now = k * 10 * MS
        box.joint_state(now, JointSample(now, np.zeros(1), np.zeros(1)), None)
        box.term(now, "cube", now, np.zeros(3), Reason.OBSERVATION_STALE)
        box.alarm(now, Alarm(now, False))
    box.decision(stopped_rig().log[-1])
    assert len(box._joint_states) <= 102
    assert len(box._terms["cube"]) <= 102


def test_a_flood_does_not_fill_the_memory() -> None:
    box = BlackBox(30.0, 0.01, ["a"], [])
    for k in range(70_000):
        box.alarm(k, Alarm(k, False))
    assert len(box._alarms) == 60_000


def test_a_value_that_its_sender_reuses_is_copied() -> None:
    box, value = BlackBox(1.0, 0.01, ["a"], ["cube"]), np.zeros(3)
    box.term(0, "cube", 0, value, None)
    value[:] = 7.0
    assert box._terms["cube"][0].content[1].max() == 0.0


def test_nothing_is_kept_when_it_is_off(tmp_path: Path) -> None:
    rig = stopped_rig(black_box_s=0.0)
    assert not rig.governor.black_box.keeps
    assert rig.governor.black_box.snapshot().decisions == []
    writer = BlackBoxWriter(rig.governor.black_box, tmp_path, print)
    writer.watch(rig.log[-1])
    writer.close()
    assert list(tmp_path.iterdir()) == []


def test_the_writer_writes_once_per_stop_and_reports_what_fails(tmp_path: Path) -> None:
    rig, said = stopped_rig(), []
    writer = BlackBoxWriter(rig.governor.black_box, tmp_path / "boxes", said.append)
    for decision in rig.log:
        writer.watch(decision)
    writer.close()
    assert len(list((tmp_path / "boxes").glob("*.npz"))) == 1 and "black box written to" in said[0]
    blocked = tmp_path / "file"
    blocked.write_text("")
    broken = BlackBoxWriter(rig.governor.black_box, blocked / "under", said.append)
    broken.watch(rig.log[-1])
    broken.close()
    assert "cannot write" in said[-1]


def test_the_oldest_files_go(tmp_path: Path) -> None:
    for k in range(KEPT_FILES + 5):
        (tmp_path / f"black_box_{k:04d}_estop.npz").write_bytes(b"")
    write_black_box(stopped_rig().governor.black_box.snapshot(), tmp_path)
    left = sorted(path.name for path in tmp_path.glob("*.npz"))
    assert len(left) == KEPT_FILES and left[0] == "black_box_0006_estop.npz"
    assert not list(tmp_path.glob(".*"))


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04 broken", b"x" * 100])
def test_a_damaged_file_is_refused_by_name(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "black_box_1_estop.npz"
    path.write_bytes(content)
    with pytest.raises(BlackBoxError, match="black_box_1_estop"):
        read_black_box(path)


def test_an_empty_recorder_can_be_written_and_read(tmp_path: Path) -> None:
    path = write_black_box(BlackBox(1.0, 0.01, ["a", "b"], ["cube"]).snapshot(), tmp_path)
    assert read_black_box(path).stop is None
