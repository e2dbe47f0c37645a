"""Which graphs `keel realtime` makes of its options."""

import pytest

from policy_nodes.errors import ConfigError
from training.commands.realtime import Args, configs


def args(tmp_path, **options):
    return Args(tmp_path / "b.keel", tmp_path / "train", **options)


def described(found):
    return [(config.method, config.steps) for config in found]


def test_the_default_is_one_warm_start_and_one_guided_graph(tmp_path):
    found = configs(args(tmp_path))
    assert described(found) == [("warm_start", 2), ("guided", 5)]
    assert (found[0].start, found[1].max_weight, found[1].jacobian) == (0.5, 5.0, "true")


def test_every_kind_in_order(tmp_path):
    found = configs(
        args(
            tmp_path,
            warm_steps=(1, 2),
            full_steps=(4,),
            guided_steps=3,
            prefix_steps=6,
            dataset=tmp_path,
            discrete=(7,),
        )
    )
    assert described(found) == [("warm_start", 1), ("warm_start", 2), ("full", 4), ("guided", 3), ("prefix", 6)]
    assert [config.discrete for config in found[:2]] == [(7,), (7,)]


def test_a_published_step_list_replaces_everything_else(tmp_path):
    (only,) = configs(args(tmp_path, step_list=(3, 1, 0), discrete=(2,)))
    assert (only.method, only.steps, only.step_list, only.discrete) == ("warm_start", 3, (3, 1, 0), (2,))


def test_zero_leaves_a_kind_out(tmp_path):
    assert described(configs(args(tmp_path, warm_steps=(), full_steps=(1, 2), guided_steps=0))) == [
        ("full", 1),
        ("full", 2),
    ]


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"warm_steps": (2, 0)}, "below its minimum"),
        ({"full_steps": (-1,)}, "below its minimum"),
        ({"guided_steps": -1}, "below its minimum"),
        ({"warm_start": 0.0}, "--warm-start is 0.0"),
        ({"warm_start": 1.0}, "--warm-start is 1.0"),
        ({"warm_start": float("nan")}, "--warm-start is nan"),
        ({"prefix_steps": 4}, "needs data"),
        ({"warm_steps": (), "guided_steps": 0}, "no graph is asked for"),
    ],
)
def test_what_cannot_be_made_is_refused_with_the_option(tmp_path, options, said):
    with pytest.raises(ConfigError, match=said) as refused:
        configs(args(tmp_path, **options))
    assert "--" in str(refused.value) or "give" in refused.value.fix
