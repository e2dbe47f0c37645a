import numpy as np
import pyarrow as pa
import pytest

from training.datasets.lerobot_v3.schema import DATA_PATH, DEFAULT_FEATURES, Feature


@pytest.mark.parametrize(
    ("feature", "state", "size"),
    [
        (Feature((3,)), True, 3),
        (Feature((1,), dtype="bool"), True, 1),
        (Feature((0,)), False, 0),
        (Feature((2, 2)), False, 4),
        (Feature((480, 640, 3), dtype="video"), False, 480 * 640 * 3),
        (Feature((1,), dtype="string"), False, 1),
    ],
)
def test_only_numeric_vectors_are_state(feature, state, size):
    assert (feature.is_state, feature.size) == (state, size)


def test_one_element_is_a_scalar_column_and_more_are_a_list():
    assert Feature((1,), dtype="int64").arrow_type() == pa.int64()
    assert Feature((4,), dtype="float64").arrow_type() == pa.list_(pa.float64(), 4)


def test_only_floats_can_be_infinite():
    assert [Feature((1,), dtype=kind).is_float for kind in ("float32", "float64", "int64", "bool")] == [
        True,
        True,
        False,
        False,
    ]


def test_the_entry_of_info_json_is_plain():
    assert Feature((2,), ("a", "b")).to_info() == {"dtype": "float32", "shape": [2], "names": ["a", "b"]}
    assert Feature((1,)).to_info()["names"] is None


def test_defaults_and_paths_are_those_of_the_format():
    assert set(DEFAULT_FEATURES) == {"timestamp", "frame_index", "episode_index", "index", "task_index"}
    assert DATA_PATH.format(chunk_index=1, file_index=23) == "data/chunk-001/file-023.parquet"
    assert all(feature.arrow_type() in (pa.float32(), pa.int64()) for feature in DEFAULT_FEATURES.values())
    assert np.dtype(DEFAULT_FEATURES["timestamp"].dtype) == np.float32
