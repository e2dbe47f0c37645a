import json

import numpy as np
import pyarrow as pa
import pytest

from training.datasets.lerobot_v3.metadata import INDEX_COLUMN, episodes_table, task_texts, tasks_table
from training.datasets.lerobot_v3.stats import feature_statistics


def episode(index, length, task):
    values = {"state": np.arange(2.0 * length).reshape(length, 2), "done": np.ones((length, 1), bool)}
    return {
        "episode_index": index,
        "tasks": [task],
        "length": length,
        "dataset_from_index": 0,
        "dataset_to_index": length,
        "stats": {name: feature_statistics(array) for name, array in values.items()},
    }


def test_one_row_per_episode_with_its_own_statistics():
    table = episodes_table([episode(0, 2, "pick"), episode(1, 3, "push")])
    assert table["tasks"].to_pylist() == [["pick"], ["push"]] and table["length"].to_pylist() == [2, 3]
    # rows (0, 1), (2, 3) and (0, 1), (2, 3), (4, 5)
    assert table["stats/state/mean"].to_pylist() == [[1.0, 2.0], [2.0, 3.0]]
    assert table["stats/state/count"].to_pylist() == [[2], [3]]
    assert table["stats/done/max"].to_pylist() == [[1.0], [1.0]]
    assert table.schema.field("stats/state/count").type == pa.list_(pa.int64())
    assert table["meta/episodes/file_index"].to_pylist() == [0, 0]


def test_tasks_come_back_whatever_their_language():
    texts = ["pick", "schiebe den Würfel", "推"]
    assert task_texts(tasks_table(texts)) == dict(enumerate(texts))


def test_pandas_would_find_the_text_as_the_index():
    stored = json.loads(tasks_table(["a"]).schema.metadata[b"pandas"])
    assert stored["index_columns"] == [INDEX_COLUMN]
    assert [column["field_name"] for column in stored["columns"]] == ["task_index", INDEX_COLUMN]


def test_tasks_of_other_writers_are_read_by_index_and_not_by_row():
    table = pa.table({"task": pa.array(["b", "a"]), "task_index": pa.array([1, 0])})
    assert task_texts(table) == {0: "a", 1: "b"}
    assert task_texts(table.set_column(0, "task", pa.array(["b", "a"], pa.large_string()))) == {0: "a", 1: "b"}


@pytest.mark.parametrize(
    "table",
    [
        pa.table({"task": pa.array(["a"])}),
        pa.table({"task_index": pa.array([0])}),
        pa.table({"task_index": pa.array([0]), "task": pa.array(["a"]), "other": pa.array(["b"])}),
    ],
)
def test_a_table_that_does_not_say_which_text_is_refused(table):
    with pytest.raises(ValueError, match="one text column, found"):
        task_texts(table)
