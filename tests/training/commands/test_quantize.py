"""Options of `keel quantize` are checked before a bundle is read or an episode run."""

from types import SimpleNamespace

import pytest

from policy_nodes.errors import ConfigError
from training.commands import quantize
from training.commands.quantize import Args


@pytest.mark.parametrize(
    ("option", "value", "said"),
    [
        ("episodes", 0, "--episodes"),
        ("calibration_episodes", 0, "--calibration-episodes"),
        ("confidence", 1.0, "--confidence is 1.0"),
        ("confidence", float("nan"), "--confidence is nan"),
        ("seconds", -1.0, "--seconds is -1.0"),
        ("seconds", 0.0, "--seconds is 0.0"),
        ("seed", 2, "--seed is 2"),
    ],
)
def test_impossible_numbers_are_refused_at_once(tmp_path, option, value, said):
    with pytest.raises(ConfigError, match=said) as refused:
        quantize.run(Args(tmp_path / "absent.keel", tmp_path / "out.keel", **{option: value}))
    assert refused.value.fix


def test_seeds_before_the_first_calibrate_int8_only(bundle_path, tmp_path, monkeypatch):
    """int8 takes the seeds just below --seed; float16 takes none, so it may begin at 0."""
    recorded, compared = [], []
    monkeypatch.setattr(
        quantize, "record_feeds", lambda bundle, world, seed, seconds: recorded.append(seed) or [{"noise": None}]
    )

    def reduced(bundle, output, precision, evaluate, seeds, *, calibration, confidence):
        compared.append((precision, list(seeds), len(calibration), confidence))
        return bundle, "fine"

    monkeypatch.setattr(quantize, "reduced_bundle", reduced)
    monkeypatch.setattr(quantize, "_describe", lambda bundle: "small")
    out = tmp_path / "out.keel"
    assert quantize.run(Args(bundle_path, out, episodes=2, seed=10, calibration_episodes=3)) == 0
    assert recorded == [7, 8, 9] and compared == [("int8", [10, 11], 3, 0.95)]
    assert quantize.run(Args(bundle_path, out, precision="float16", episodes=1, seed=0)) == 0
    assert recorded == [7, 8, 9] and compared[-1] == ("float16", [0], 0, 0.95)


def test_what_a_bundle_was_is_measured_before_it_is_replaced(tmp_path, monkeypatch, capsys):
    """`--output` may be the bundle's own directory: afterwards the original is gone."""
    replaced = []
    contract = SimpleNamespace(episode_s=1.0, make_world=lambda: None)
    bundle = SimpleNamespace(path=tmp_path / "a.keel", manifest=SimpleNamespace(task="t"))
    monkeypatch.setattr(quantize, "load_bundle", lambda path: bundle)
    monkeypatch.setattr(quantize, "task_contract", lambda name: contract)
    monkeypatch.setattr(quantize, "_describe", lambda bundle: "new" if replaced else "old")
    monkeypatch.setattr(quantize, "reduced_bundle", lambda *_, **__: replaced.append(1) or (bundle, "fine"))
    assert quantize.run(Args(bundle.path, bundle.path, precision="float16", episodes=1)) == 0
    assert capsys.readouterr().out.splitlines()[-3:] == ["fine", "a.keel: old", "a.keel: new"]
