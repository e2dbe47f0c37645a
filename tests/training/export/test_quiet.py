import logging
import warnings

import pytest

from training.export.quiet import quiet_exporter


def test_silent_inside_as_before_outside(caplog):
    logger = logging.getLogger("torch.onnx._internal.exporter._registration")
    before = logger.level
    with pytest.raises(ValueError, match="kept"), warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        with quiet_exporter():
            warnings.warn("deprecated", FutureWarning, stacklevel=1)
            logger.warning("Skipping torchvision")
            logger.error("real")
            raise ValueError("kept")
    assert caught == [] and [record.message for record in caplog.records] == ["real"]
    assert logger.level == before
