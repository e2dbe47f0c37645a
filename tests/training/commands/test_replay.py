"""keel replay: a page from a black box, the newest of a directory, and refusal by name."""

import numpy as np
import pytest

from policy_nodes.safety.black_box_file import BlackBoxError, write_black_box
from tests.policy_nodes.safety.rig import Rig
from training.commands.replay import Args, newest, run


@pytest.fixture(scope="module")
def boxes(tmp_path_factory):
    directory = tmp_path_factory.mktemp("boxes")
    for speed in (0.6, 0.9):
        rig = Rig(speed=speed).active(30)
        for k in range(3):
            rig.governor.on_observation(rig.now, "cube", rig.now + k + 1, np.full(3, np.nan))
        rig.tick(30)
        rig.now += int(speed * 1e9)
        rig.tick(1)
        write_black_box(rig.governor.black_box.snapshot(), directory)
    return directory


def test_the_page_shows_wanted_did_and_why(boxes, capsys):
    assert run(Args(boxes)) == 0
    page = newest(boxes).with_suffix(".html").read_text()
    for text in ("policy wanted", "robot did", "commanded", "clock_jump", "shoulder", "<svg", "Enabled."):
        assert text in page, text
    assert "http://" not in page.replace("http://www.w3.org", "") and "<script" not in page
    assert "clock_jump" in capsys.readouterr().out


def test_the_newest_is_chosen_by_its_stamp(tmp_path):
    for name in ("black_box_9_estop.npz", "black_box_10_estop.npz"):
        (tmp_path / name).write_bytes(b"")
    assert newest(tmp_path).name == "black_box_10_estop.npz"


def test_a_renamed_copy_has_no_stamp_and_is_passed_over(tmp_path):
    for name in ("black_box_copy.npz", "black_box_old_estop.npz", "black_box_7_estop.npz"):
        (tmp_path / name).write_bytes(b"")
    assert newest(tmp_path).name == "black_box_7_estop.npz"
    (tmp_path / "black_box_7_estop.npz").unlink()
    with pytest.raises(BlackBoxError, match="no black_box"):
        newest(tmp_path)


def test_an_empty_directory_and_a_damaged_file_are_refused(tmp_path):
    with pytest.raises(BlackBoxError, match=r"no black_box_\*"):
        run(Args(tmp_path))
    (tmp_path / "black_box_1_estop.npz").write_bytes(b"broken")
    with pytest.raises(BlackBoxError, match="black_box_1_estop"):
        run(Args(tmp_path))
