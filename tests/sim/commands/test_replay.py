"""keel replay: from a diverged batch to the quantity that went wrong."""

import numpy as np
import pytest

from sim.commands.replay import Args, run
from sim.vector import UnstableWorldWarning, VectorEnv
from sim.vector.replay import DumpError, deviations, find_divergence, load_dump
from tests.sim.vector.toy import ToyTask


@pytest.fixture
def dump_path(tmp_path):
    """A cart whose motor is far too strong for its last command."""
    env = VectorEnv(ToyTask(max_episode_length=0, force=1e13), 3, name="Cart", seed=0, num_threads=0, dump_dir=tmp_path)
    env.reset(seed=0)
    for _ in range(6):
        env.step(np.zeros((3, 1)))
    actions = np.zeros((3, 1))
    actions[1] = 0.5
    with pytest.warns(UnstableWorldWarning, match=r"keel replay"):
        env.step(actions)
    env.close()
    (path,) = tmp_path.glob("*.npz")
    return path


def test_the_dump_is_stepped_again_to_the_bad_quantity(dump_path):
    dump = load_dump(dump_path)
    assert (dump.task, dump.world, dump.decimation) == ("Cart", 1, 2)
    assert len(dump.states) == 7
    assert deviations(dump).max() == 0.0
    found = find_divergence(dump)
    assert found is not None
    assert (found.substep, found.quantity, found.name) == (1, "qvel", "x")
    assert found.value == pytest.approx(0.5e13 * 0.01, rel=0.01)


def test_the_command_prints_where_and_when(dump_path, capsys):
    assert run(Args(dump_path, last=3)) == 0
    text = capsys.readouterr().out
    assert "Cart, world 1: 7 control steps" in text
    assert "first bad quantity: qvel[0] (x)" in text
    assert text.count("0.0e+00") == 2


def test_a_world_that_was_edited_from_outside_does_not_diverge_again(tmp_path, capsys):
    env = VectorEnv(ToyTask(max_episode_length=0), 1, seed=0, num_threads=0, dump_dir=tmp_path)
    env.reset(seed=0)
    env.step(np.zeros((1, 1)))
    env.engine.qvel[0] = np.inf
    with pytest.warns(UnstableWorldWarning):
        env.step(np.zeros((1, 1)))
    env.close()
    (path,) = tmp_path.glob("*.npz")
    found = find_divergence(load_dump(path))
    assert found is not None
    assert (found.substep, found.quantity) == (0, "qvel")
    with np.load(path) as file:
        fields = dict(file)
    fields["states"][-1] = fields["states"][0]
    np.savez(path, **fields)
    assert run(Args(path)) == 1
    assert "does not diverge again" in capsys.readouterr().out


def test_unreadable_dumps_are_named(tmp_path, dump_path):
    with pytest.raises(DumpError, match=r"absent\.npz is not a dump"):
        load_dump(tmp_path / "absent.npz")
    (tmp_path / "other.npz").write_bytes(b"PK nonsense")
    with pytest.raises(DumpError, match=r"other\.npz is not a dump"):
        load_dump(tmp_path / "other.npz")
    np.savez(tmp_path / "fields.npz", a=1)
    with pytest.raises(DumpError, match=r"fields\.npz is not a dump"):
        load_dump(tmp_path / "fields.npz")
    dump_path.with_suffix(".mjb").unlink()
    with pytest.raises(DumpError, match=r"Cart-0\.mjb beside the dump cannot be loaded"):
        load_dump(dump_path)
