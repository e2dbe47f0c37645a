import matplotlib.pyplot as plt

from training.report.plots.bands import CHARACTER_IN, draw_states, place_labels
from training.report.signals import StateSpan


def spans():
    return [
        StateSpan(0, 5, "ACTIVE", "", ""),
        StateSpan(5, 5.1, "DEGRADED", "X", ""),
        StateSpan(5.1, 9, "BACKUP", "X", "hold"),
    ]


def test_bars_are_clipped_and_only_wide_ones_are_labelled():
    _, axes = plt.subplots()
    draw_states(axes, spans(), start=2.0, end=8.0, inches=6.0, offset=5.0)
    boxes = [collection.get_paths()[0].get_extents() for collection in axes.collections]
    assert [(round(box.x0, 6), round(box.x1, 6)) for box in boxes] == [(-3, 0), (0, 0.1), (0.1, 3)]
    assert [text.get_text() for text in axes.texts] == ["ACTIVE", "BACKUP"]
    plt.close("all")


def test_spans_outside_are_not_drawn():
    _, axes = plt.subplots()
    draw_states(axes, spans(), start=20.0, end=21.0, inches=6.0)
    assert not axes.collections and not axes.texts
    plt.close("all")


def test_labels_avoid_each_other_by_hand():
    # At 1 inch per second and 10 characters (0.83 in) per label: the second collides, the third is free again.
    assert 11.5 * CHARACTER_IN < 1
    places = place_labels([0.0, 0.5, 1.0], ["x" * 10] * 3, scale=1.0, width=5.0, rows=2)
    assert [place.row for place in places] == [0, 1, 0]
    assert not any(place.leftward for place in places)


def test_labels_at_the_edge_extend_leftward_and_give_way():
    places = place_labels([4.0, 4.9], ["x" * 10] * 2, scale=1.0, width=5.0, rows=2)
    assert [(place.row, place.leftward) for place in places] == [(0, False), (1, True)]


def test_no_room_is_said():
    places = place_labels([0.0, 0.1, 0.2], ["x" * 10] * 3, scale=1.0, width=5.0, rows=2)
    assert [place.row for place in places] == [0, 1, -1]
