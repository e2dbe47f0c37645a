import json

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests.training.datasets.lerobot_v3.conftest import make_frames, write
from training.datasets import Dataset, DatasetError

DATA, EPISODES = "data/chunk-000/file-000.parquet", "meta/episodes/chunk-000/file-000.parquet"


def edit_json(path, **changes):
    path.write_text(json.dumps({**json.loads(path.read_text()), **changes}))


def edit_column(path, name, values):
    table = pq.read_table(path)
    column = table.column_names.index(name)
    pq.write_table(table.set_column(column, name, pa.array(values, table.schema.field(name).type)), path)


def test_round_trip(root):
    dataset = Dataset.open(root)
    assert len(dataset) == 17 and dataset.num_episodes == 3 and dataset.fps == 10
    assert dataset.tasks == {0: "pick", 1: "push"} and dataset.features["action"].names == ("a", "b")
    np.testing.assert_array_equal(dataset.episode_starts, [0, 5, 8])
    np.testing.assert_array_equal(dataset.episode_lengths, [5, 3, 9])
    for episode, length in enumerate((5, 3, 9)):
        for name, values in make_frames(episode, length).items():
            expected = np.asarray(values, np.float32).reshape(length, -1)
            np.testing.assert_array_equal(dataset.episode(episode)[name], expected)
    assert dataset["observation.state"].dtype == np.float32 and dataset["next.reward"].shape == (17, 1)


def test_stats_are_the_exact_statistics_of_the_frames(root):
    dataset = Dataset.open(root)
    found = dataset.require_stats("observation.state")
    values = dataset["observation.state"].astype(float)
    np.testing.assert_allclose(found["mean"], values.mean(0), rtol=1e-12)
    np.testing.assert_allclose(found["std"], values.std(0), rtol=1e-12)
    np.testing.assert_allclose(found["q10"], np.quantile(values, 0.1, axis=0), rtol=1e-12)
    assert found["count"].tolist() == [17]
    assert set(dataset.stats) == {*dataset.features}


def test_variable_length_list_columns_are_read_like_fixed_ones(root):
    table = pq.read_table(root / DATA)
    index = table.column_names.index("action")
    before = Dataset.open(root)["action"]
    variable = table.set_column(index, "action", table["action"].cast(pa.list_(pa.float32())))
    pq.write_table(variable, root / DATA)
    np.testing.assert_array_equal(Dataset.open(root)["action"], before)
    ragged = pa.array([[0.0]] + [[0.0, 1.0]] * 16, pa.list_(pa.float32()))
    pq.write_table(table.set_column(index, "action", ragged), root / DATA)
    with pytest.raises(DatasetError, match="'action' does not hold 2 numbers"):
        Dataset.open(root)


def test_content_hash_ignores_encoding_and_sees_every_value(root, tmp_path):
    digest = Dataset.open(root).sha256()
    pq.write_table(pq.read_table(root / DATA), root / DATA, compression="zstd", row_group_size=4)
    assert Dataset.open(root).sha256() == digest
    assert Dataset.open(write(tmp_path / "again")).sha256() == digest
    values = pq.read_table(root / DATA)["next.reward"].to_pylist()
    edit_column(root / DATA, "next.reward", [*values[:-1], values[-1] + 1])
    assert Dataset.open(root).sha256() != digest


def test_only_named_features_are_loaded(root):
    dataset = Dataset.open(root, features=["action"])
    assert "action" in dataset and "observation.state" not in dataset
    with pytest.raises(DatasetError, match="was not loaded"):
        dataset["observation.state"]
    with pytest.raises(DatasetError, match=r"'speed' is not in the dataset.*action"):
        Dataset.open(root, features=["speed"])


def test_image_features_are_listed_but_not_loaded(root):
    info = json.loads((root / "meta/info.json").read_text())
    info["features"]["observation.images.top"] = {
        "dtype": "video", "shape": [96, 96, 3], "names": ["height", "width", "channels"]}  # fmt: skip
    edit_json(root / "meta/info.json", **info)
    dataset = Dataset.open(root)
    with pytest.raises(DatasetError, match="is video"):
        dataset["observation.images.top"]


def test_missing_statistics_are_refused_not_passed_through(root):
    stats = json.loads((root / "meta/stats.json").read_text())
    del stats["action"]
    (root / "meta/stats.json").write_text(json.dumps(stats))
    dataset = Dataset.open(root)
    with pytest.raises(DatasetError, match="'action' has no statistics"):
        dataset.require_stats("action")
    (root / "meta/stats.json").unlink()
    with pytest.raises(DatasetError, match="present: none"):
        Dataset.open(root).require_stats("action")


def corrupt_info(root):
    (root / "meta/info.json").write_text('{"codebase_version": ')


def old_version(root):
    edit_json(root / "meta/info.json", codebase_version="v2.1")


def wrong_total(root):
    edit_json(root / "meta/info.json", total_frames=18)


def no_fps(root):
    edit_json(root / "meta/info.json", fps=None)


def truncated_data(root):
    (root / DATA).write_bytes((root / DATA).read_bytes()[:-9])


def missing_column(root):
    pq.write_table(pq.read_table(root / DATA).drop_columns(["action"]), root / DATA)


def empty_cell(root):
    edit_column(root / DATA, "action", [None] + [[0.0, 0.0]] * 16)


def nan(root):
    edit_column(root / DATA, "action", [[0.0, 0.0]] * 7 + [[0.0, float("nan")]] + [[0.0, 0.0]] * 9)


def wrong_length(root):
    edit_column(root / EPISODES, "length", [5, 4, 8])


def shuffled(root):
    edit_column(root / DATA, "frame_index", [1, 0, *range(2, 5), *range(3), *range(9)])


def unknown_task(root):
    edit_column(root / DATA, "task_index", [7] * 17)


def bad_tasks(root):
    pq.write_table(pa.table({"task_index": [0, 1]}), root / "meta/tasks.parquet")


def no_episodes(root):
    (root / EPISODES).unlink()


def bad_stats(root):
    (root / "meta/stats.json").write_text('{"action": {"mean": "high"}}')


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (corrupt_info, "info.json' is not valid JSON"),
        (old_version, "codebase_version is 'v2.1'.*converter"),
        (wrong_total, "hold 17 frames.*says 18"),
        (no_fps, "meta/info.json: TypeError"),
        (truncated_data, "file-000.parquet' cannot be read"),
        (missing_column, "lacks column.*'action'"),
        (empty_cell, "'action' has 1 empty rows"),
        (nan, "'action' is nan in episode 1, frame 2, element 1"),
        (wrong_length, "episode 1 does not fit"),
        (shuffled, "'frame_index' is out of order at row 0"),
        (unknown_task, "task_index of the data is not listed"),
        (bad_tasks, "tasks.parquet: expected"),
        (no_episodes, "holds no parquet files"),
        (bad_stats, "meta/stats.json: could not convert"),
    ],
)
def test_damage_is_named(root, damage, message):
    damage(root)
    with pytest.raises(DatasetError, match=message) as caught:
        Dataset.open(root)
    assert caught.value.fix


def test_a_directory_that_is_not_a_dataset(tmp_path):
    with pytest.raises(DatasetError, match=r"does not exist.*LeRobotDataset"):
        Dataset.open(tmp_path)


@pytest.mark.parametrize("fps", [29.97, 0.5])
def test_a_rate_that_is_no_whole_number_is_refused_and_not_cut(root, fps):
    edit_json(root / "meta/info.json", fps=fps)
    with pytest.raises(DatasetError, match=r"info\.json.*fps"):
        Dataset.open(root)


def test_a_whole_rate_written_as_a_decimal_is_read(root):
    edit_json(root / "meta/info.json", fps=10.0)
    assert Dataset.open(root).fps == 10
