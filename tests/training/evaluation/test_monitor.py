from policy_nodes.bundle.load import load_bundle
from training.evaluation.monitor import open_monitor


def test_an_uncalibrated_bundle_has_none(bundle_path):
    assert open_monitor(load_bundle(bundle_path)) == (None, 0)
