from policy_nodes.bundle.flatten import flatten


def test_numbers_go_by_the_joint_beside_them():
    value = {"joints": ["a", "b"], "minimum": [1, 2], "other": [1, 2, 3]}
    assert dict(flatten(value, "t")) == {
        "t.joints (order)": ["a", "b"], "t.minimum[a]": 1, "t.minimum[b]": 2, "t.other": [1, 2, 3]
    }  # fmt: skip


def test_objects_go_by_name_and_their_order_is_a_leaf():
    value = {"terms": [{"name": "y", "k": 1}, {"name": "x", "k": {"z": None}}]}
    assert dict(flatten(value)) == {"terms (order)": ["y", "x"], "terms[y].k": 1, "terms[x].k.z": None}


def test_objects_without_names_go_by_position():
    assert dict(flatten({"a": [{"k": 1}, {"k": 2}], "b": []})) == {"a[0].k": 1, "a[1].k": 2, "b": []}
