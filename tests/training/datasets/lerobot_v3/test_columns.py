"""Arrow columns become arrays of the declared shape, or are refused by name: never shifted, never cut."""

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from training.datasets import DatasetError, Feature
from training.datasets.lerobot_v3.columns import column_to_numpy
from training.datasets.lerobot_v3.schema import to_arrow

PAIR = Feature((2,))
LISTS = {
    "list": pa.list_(pa.float32()),
    "large list": pa.large_list(pa.float32()),
    "fixed-size list": pa.list_(pa.float32(), 2),
}


def column(*chunks, kind=LISTS["list"]):
    return pa.chunked_array([pa.array(chunk, kind) for chunk in chunks], type=kind)


@pytest.mark.parametrize("kind", LISTS)
def test_chunks_follow_each_other_in_order(kind):
    values = column([[1.0, 2.0]], [[3.0, 4.0], [5.0, 6.0]], kind=LISTS[kind])
    found = column_to_numpy(values, PAIR, "x")
    assert found.dtype == np.float32 and found.tolist() == [[1, 2], [3, 4], [5, 6]]


@pytest.mark.parametrize("kind", LISTS)
def test_a_slice_of_a_column_is_only_that_slice(kind):
    values = column([[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]], kind=LISTS[kind]).slice(1, 1)
    assert column_to_numpy(values, PAIR, "x").tolist() == [[3, 4]]


@pytest.mark.parametrize("kind", ["list", "large list"])
def test_rows_whose_lengths_only_add_up_are_refused(kind):
    """One and three numbers are as many as two rows of two: read as such, every row after would be wrong."""
    with pytest.raises(DatasetError, match="'gripper' does not hold 2 numbers in each of 2 rows"):
        column_to_numpy(column([[1.0], [2.0, 3.0, 4.0]], kind=LISTS[kind]), PAIR, "gripper")


def test_an_empty_row_and_an_empty_number_are_refused():
    with pytest.raises(DatasetError, match="'x' has 1 empty rows"):
        column_to_numpy(column([[1.0, 2.0], None]), PAIR, "x")
    with pytest.raises(DatasetError, match="'x' does not hold 2 numbers"):
        column_to_numpy(column([[1.0, None]]), PAIR, "x")


def test_no_rows_keep_their_width():
    empty = pa.chunked_array([], type=pa.list_(pa.float32()))
    assert column_to_numpy(empty, PAIR, "x").shape == (0, 2)
    assert column_to_numpy(column([]), PAIR, "x").shape == (0, 2)


def test_scalar_columns_and_booleans():
    found = column_to_numpy(pa.chunked_array([pa.array([True, False])]), Feature((1,), dtype="bool"), "x")
    assert found.dtype == np.bool_ and found.tolist() == [[True], [False]]


@pytest.mark.parametrize(
    ("stored", "declared", "good"),
    [
        (pa.array([1.5]), "float32", True),
        (pa.array([3]), "float32", True),
        (pa.array([1.5]), "int64", False),
        (pa.array([1]), "bool", False),
        (pa.array(["a"]), "float32", False),
    ],
)
def test_types_may_be_narrowed_but_not_changed(stored, declared, good):
    values, feature = pa.chunked_array([stored]), Feature((1,), dtype=declared)
    if good:
        assert column_to_numpy(values, feature, "x").dtype == np.dtype(declared)
        return
    with pytest.raises(DatasetError, match=f"'x' is stored as {stored.type}, declared {declared}"):
        column_to_numpy(values, feature, "x")


@settings(max_examples=20, deadline=None)
@given(
    rows=st.integers(0, 5),
    size=st.integers(1, 4),
    dtype=st.sampled_from(["float32", "float64", "int64", "bool"]),
    seed=st.integers(0, 100),
)
def test_what_is_written_is_what_is_read(rows, size, dtype, seed):
    feature = Feature((size,), dtype=dtype)
    values = np.random.default_rng(seed).normal(0, 3, (rows, size)).astype(dtype)
    array = to_arrow(values, feature)
    assert array.type == feature.arrow_type() and len(array) == rows
    np.testing.assert_array_equal(column_to_numpy(pa.chunked_array([array]), feature, "x"), values)


def test_values_that_are_not_contiguous_are_written_by_row():
    values = np.arange(12, dtype=np.float32).reshape(3, 4)[:, ::2]
    assert to_arrow(values, PAIR).to_pylist() == [[0, 2], [4, 6], [8, 10]]
