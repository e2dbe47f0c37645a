import io

import numpy as np

from training.export.recorded import pack


def test_inputs_and_outputs_keep_names_and_values():
    content = pack({"a.b": np.arange(6.0).reshape(2, 3)}, {"action": np.ones((2, 1), np.float32)})
    with np.load(io.BytesIO(content), allow_pickle=False) as archive:
        assert sorted(archive.files) == ["input/a.b", "output/action"]
        np.testing.assert_array_equal(archive["input/a.b"], np.arange(6.0).reshape(2, 3))
        assert archive["output/action"].dtype == np.float32
