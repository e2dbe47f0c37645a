import pytest

from tests.training.report.synthetic import digest
from training.report.chain import _predictor, chain, versions
from training.report.inputs import RunInputs, load_inputs


def test_links_run_from_data_to_live_run_with_their_digests(full_run):
    links = {link.title: link for link in chain(load_inputs(full_run))}
    assert list(links) == ["Dataset", "Training", "Bundle", "Failure predictor", "Evaluation", "Live run"]
    assert all(link.present for link in links.values())
    assert ("data", digest("dataset")) in links["Dataset"].facts
    assert ("policy.onnx", digest("policy")) in links["Bundle"].facts
    assert ("policy.onnx", digest("policy")) in links["Evaluation"].facts
    assert ("seeds", "10000–10059") in links["Evaluation"].facts
    assert ("disjoint from training", "yes") in links["Failure predictor"].facts
    assert ("threshold RND", "0.412, window 3") in links["Failure predictor"].facts
    assert ("control", "50 Hz") in links["Live run"].facts


def test_absent_links_are_marked(tmp_path):
    links = chain(RunInputs(tmp_path))
    assert [link.title for link in links] == ["Bundle", "Failure predictor", "Evaluation", "Live run"]
    assert not any(link.present or link.facts for link in links)
    assert versions(RunInputs(tmp_path)) == []


def test_versions_start_with_keel(full_run):
    assert versions(load_inputs(full_run))[:2] == [("keel", "0.1.0"), ("mujoco", "3.11.0")]


@pytest.mark.parametrize(
    ("meta", "called"),
    [
        ({"method": "fiper", "signals": [{"name": "rnd"}]}, "FIPER"),
        (
            {"method": "scores", "combination": "or", "signals": [{"name": "rnd"}, {"name": "stac_floor"}]},
            "RND OR stac floor",
        ),
        ({"method": "scores", "combination": "and", "signals": "damaged"}, ""),
        ({}, ""),
    ],
)
def test_a_predictor_is_called_by_its_scores(meta, called):
    assert _predictor(meta) == called
