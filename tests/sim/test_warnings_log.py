import logging

import mujoco
import numpy as np

from sim.warnings_log import LOGGER, log_mujoco_warnings


def test_mujoco_warnings_reach_logging_and_leave_no_file(tmp_path, monkeypatch, caplog):
    monkeypatch.chdir(tmp_path)
    log_mujoco_warnings()
    log_mujoco_warnings()
    model = mujoco.MjModel.from_xml_string(
        "<mujoco><worldbody><body><freejoint/><geom size='1'/></body></worldbody></mujoco>"
    )
    data = mujoco.MjData(model)
    data.qvel[0] = np.nan
    with caplog.at_level(logging.WARNING, logger=LOGGER.name):
        mujoco.mj_step(model, data)
    assert any("QVEL" in record.getMessage() for record in caplog.records)
    assert list(tmp_path.iterdir()) == []
