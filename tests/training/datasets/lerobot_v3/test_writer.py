import json

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests.training.datasets.lerobot_v3.conftest import FEATURES, LENGTHS, make_frames, write
from training.datasets import Dataset, DatasetError, DatasetWriter, Feature


def new_writer(path, **options):
    return DatasetWriter(path / "d", fps=10, features=FEATURES, robot_type="arm", **options)


def test_tree_and_info_follow_the_format(root):
    files = sorted(str(p.relative_to(root)) for p in root.rglob("*") if p.is_file())
    assert files == [
        "data/chunk-000/file-000.parquet",
        "meta/episodes/chunk-000/file-000.parquet",
        "meta/info.json",
        "meta/keel.json",
        "meta/stats.json",
        "meta/tasks.parquet",
    ]
    info = json.loads((root / "meta/info.json").read_text())
    assert info["codebase_version"] == "v3.0" and info["video_path"] is None
    assert (info["total_episodes"], info["total_frames"], info["total_tasks"]) == (3, 17, 2)
    assert (info["chunks_size"], info["data_files_size_in_mb"], info["video_files_size_in_mb"]) == (1000, 100, 200)
    assert info["splits"] == {"train": "0:3"} and info["fps"] == 10 and info["robot_type"] == "arm"
    assert info["data_path"] == "data/chunk-{chunk_index:03d}/file-{file_index:03d}.parquet"
    assert info["features"]["action"] == {"dtype": "float32", "shape": [2], "names": ["a", "b"]}
    assert info["features"]["timestamp"] == {"dtype": "float32", "shape": [1], "names": None}
    assert {info["features"][n]["dtype"] for n in ("index", "frame_index", "episode_index", "task_index")} == {"int64"}


def test_data_columns_are_fixed_size_lists_and_scalars(root):
    table = pq.read_table(root / "data/chunk-000/file-000.parquet")
    assert table.schema.field("observation.state").type == pa.list_(pa.float32(), 3)
    assert table.schema.field("next.reward").type == pa.float32()
    assert table.schema.field("index").type == pa.int64()
    assert table["observation.state"][6].as_py() == [101.0, 101.25, 101.5]
    assert table["frame_index"].to_pylist() == [*range(5), *range(3), *range(9)]
    assert table["index"].to_pylist() == list(range(17))
    assert table["task_index"].to_pylist() == [0] * 5 + [1] * 3 + [0] * 9
    np.testing.assert_allclose(table["timestamp"].to_numpy()[:3], [0.0, 0.1, 0.2], atol=1e-7)


def test_episode_table_has_positions_and_statistics(root):
    table = pq.read_table(root / "meta/episodes/chunk-000/file-000.parquet")
    rows = table.to_pylist()
    assert [r["length"] for r in rows] == list(LENGTHS)
    assert [(r["dataset_from_index"], r["dataset_to_index"]) for r in rows] == [(0, 5), (5, 8), (8, 17)]
    assert rows[1]["tasks"] == ["push"] and rows[1]["data/chunk_index"] == 0 and rows[1]["data/file_index"] == 0
    assert rows[1]["meta/episodes/chunk_index"] == 0 and rows[1]["meta/episodes/file_index"] == 0
    assert rows[1]["stats/observation.state/mean"] == [101.0, 101.25, 101.5]
    assert rows[1]["stats/observation.state/count"] == [3]
    assert rows[2]["stats/action/min"] == [-208.0, -207.75]
    assert rows[0]["stats/timestamp/q50"] == pytest.approx([0.2], abs=1e-7)


def test_tasks_are_stored_as_a_pandas_index(root):
    table = pq.read_table(root / "meta/tasks.parquet")
    assert table.to_pydict() == {"task_index": [0, 1], "__index_level_0__": ["pick", "push"]}
    assert json.loads(table.schema.metadata[b"pandas"])["index_columns"] == ["__index_level_0__"]


def test_large_datasets_are_split_into_files_between_episodes(tmp_path):
    lengths = (2000, 2000, 2000)
    root = write(tmp_path / "d", lengths, data_file_mb=0.25)
    assert [p.name for p in sorted((root / "data").glob("*/*"))] == ["file-000.parquet", "file-001.parquet"]
    table = pq.read_table(root / "meta/episodes/chunk-000/file-000.parquet")
    assert table["data/file_index"].to_pylist() == [0, 0, 1]
    second = pq.read_table(root / "data/chunk-000/file-001.parquet")
    assert second["episode_index"].to_pylist() == [2] * 2000
    dataset = Dataset.open(root)
    np.testing.assert_array_equal(dataset.episode(2)["observation.state"], make_frames(2, 2000)["observation.state"])


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            {"action": np.array([[0.0, 0.0], [0.0, np.nan], [0.0, 0.0]])},
            "episode 1.*'action' is nan at frame 1.*1 \\(b\\)",
        ),
        (
            {"action": np.array([[0.0, 0.0], [0.0, 0.0], [np.inf, 0.0]])},
            "'action' is inf at frame 2, element 0 \\(a\\)",
        ),
        ({"action": np.full((3, 2), 1e39)}, "'action' is inf at frame 0"),
        ({"action": np.zeros((3, 3))}, "episode 1: feature 'action' has shape \\(3, 3\\), expected \\(T, 2\\)"),
        ({"action": np.zeros((4, 2))}, "different lengths"),
        ({"action": np.array([["x", "y"]] * 3)}, "'action' is <U1"),
        ({"velocity": np.zeros((3, 2))}, "unknown feature\\(s\\) \\['velocity'\\]"),
        ({"action": None}, "missing feature\\(s\\) \\['action'\\]"),
    ],
)
def test_bad_frames_are_refused_by_name_and_change_nothing(tmp_path, change, message):
    writer = new_writer(tmp_path)
    writer.add_episode(make_frames(0, 4), "pick")
    frames = {k: v for k, v in {**make_frames(1, 3), **change}.items() if v is not None}
    with pytest.raises(DatasetError, match=message):
        writer.add_episode(frames, "pick")
    assert writer.total_frames == 4 and writer.total_episodes == 1
    writer.add_episode(make_frames(1, 3), "pick")
    assert len(Dataset.open(writer.finalize())) == 7


def test_empty_episodes_tasks_and_datasets_are_refused(tmp_path):
    writer = new_writer(tmp_path)
    with pytest.raises(DatasetError, match="episode 0 is empty"):
        writer.add_episode(make_frames(0, 0), "pick")
    with pytest.raises(DatasetError, match="empty task"):
        writer.add_episode(make_frames(0, 2), "")
    with pytest.raises(DatasetError, match="no episodes"):
        writer.finalize()
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("error", [KeyboardInterrupt, RuntimeError])
def test_an_interrupted_recording_leaves_nothing(tmp_path, error):
    with pytest.raises(error), new_writer(tmp_path) as writer:
        writer.add_episode(make_frames(0, 4), "pick")
        assert len(list(tmp_path.iterdir())) == 1
        raise error
    assert list(tmp_path.iterdir()) == []


def test_a_forgotten_writer_cleans_up_when_collected(tmp_path):
    writer = new_writer(tmp_path)
    writer.add_episode(make_frames(0, 4), "pick")
    del writer
    assert list(tmp_path.iterdir()) == []


def test_existing_directory_is_kept_unless_overwrite(root):
    with pytest.raises(DatasetError, match="already exists"):
        write(root)
    assert Dataset.open(root).num_episodes == 3
    write(root, (4,), overwrite=True)
    assert Dataset.open(root).num_episodes == 1
    assert [p.name for p in root.parent.iterdir()] == ["demo"]


def test_overwriting_replaces_datasets_and_never_anything_else(tmp_path):
    """`--output ~ --overwrite` must not cost a home directory."""
    (tmp_path / "home").mkdir()
    write(tmp_path / "home", (4,), overwrite=True)  # an empty directory is nobody's
    assert Dataset.open(tmp_path / "home").num_episodes == 1
    other = tmp_path / "thesis"
    other.mkdir()
    (other / "chapter.tex").write_text("years")
    (tmp_path / "letter").write_text("dear")
    for path in (other, tmp_path / "letter"):
        with pytest.raises(DatasetError, match="is no dataset, so it is not replaced"):
            write(path, (4,), overwrite=True)
    assert (other / "chapter.tex").read_text() == "years" and (tmp_path / "letter").read_text() == "dear"
    assert sorted(p.name for p in tmp_path.iterdir()) == ["home", "letter", "thesis"]


@pytest.mark.parametrize("name", ["../x", "/x", "", "meta/info.json"])
def test_extra_files_stay_inside_and_apart(tmp_path, name):
    with pytest.raises(DatasetError), new_writer(tmp_path, extra_files={name: b""}) as writer:
        writer.add_episode(make_frames(0, 2), "pick")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "features",
    [{}, {"index": Feature((1,))}, {"a/b": Feature((1,))}, {"x": Feature((2,), ("a",))}, {"x": Feature((3, 4))},
     {"x": Feature((3,), dtype="video")}],
)  # fmt: skip
def test_bad_features_are_refused_before_anything_is_created(tmp_path, features):
    with pytest.raises(DatasetError):
        DatasetWriter(tmp_path / "d", fps=10, features=features, robot_type="arm")
    assert list(tmp_path.iterdir()) == []
