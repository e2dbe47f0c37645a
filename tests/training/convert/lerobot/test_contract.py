import pytest
import yaml

from policy_nodes.errors import ConfigError
from tests.training.convert.lerobot.contracts import filled_template
from training.commands import convert_lerobot
from training.convert.lerobot.checkpoint import read_checkpoint
from training.convert.lerobot.contract import manifest_parts, read_contract, template
from training.convert.lerobot.deployed import build


def written(tmp_path, raw):
    path = tmp_path / "contract.yaml"
    path.write_text(yaml.safe_dump(raw))
    return path


def test_the_template_knows_what_the_checkpoint_says(diffusion):
    checkpoint = read_checkpoint(diffusion)
    raw = yaml.safe_load(template(checkpoint))
    state = raw["observations"]["observation.state"][0]
    assert len(state["axes"]) == 3 and raw["robot"] is None and len(raw["safety"]["joints"]) == 2
    # MIN_MAX statistics give a plausible range: half the range wider on either side.
    low, width = checkpoint.normalize["observation.state"].shift, checkpoint.normalize["observation.state"].factor
    assert state["minimum"] == pytest.approx((low - width / 2).tolist(), abs=1e-4)
    assert raw["observations"]["observation.environment_state"][0]["minimum"] == [None, None]


def test_an_unfilled_template_names_the_gaps(act, tmp_path):
    path = tmp_path / "contract.yaml"
    path.write_text(template(read_checkpoint(act)))
    with pytest.raises(ConfigError, match="robot: Input should be a valid string"):
        read_contract(path, read_checkpoint(act))


def test_manifest_parts_take_history_and_horizon_from_the_checkpoint(diffusion, tmp_path):
    checkpoint = read_checkpoint(diffusion)
    contract = read_contract(written(tmp_path, filled_template(checkpoint)), checkpoint)
    observations, images, actions, timing = manifest_parts(contract, checkpoint, build(checkpoint, None, None)[1])
    assert [(f.name, f.history, f.history_step_s) for f in observations] == [
        ("observation.state", 2, 0.1),
        ("observation.environment_state", 2, 0.1),
    ]
    assert images == []
    assert (actions.horizon, actions.execution_horizon, actions.step_s) == (7, 4, 0.1)
    assert timing.control_rate_hz == 10.0


@pytest.mark.parametrize(("budget", "executed"), [(0.1, 4), (0.35, 3), (0.55, 1), (2.0, 1)])
def test_a_chunk_lasts_until_the_next_one_is_ready(diffusion, tmp_path, budget, executed):
    """Seven steps of 0.1 s: what LeRobot executes (4), unless the inference budget needs more of them."""
    checkpoint = read_checkpoint(diffusion)
    raw = filled_template(checkpoint) | {"inference_budget_s": budget}
    contract = read_contract(written(tmp_path, raw), checkpoint)
    actions = manifest_parts(contract, checkpoint, build(checkpoint, None, None)[1])[2]
    assert actions.execution_horizon == executed  # 2 s outlast any chunk: the manifest's own checks say so


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda raw: raw["observations"].pop("observation.state"), "describes .'observation.environment_state'."),
        (
            lambda raw: raw["observations"].update({"observation.x": raw["observations"]["observation.state"]}),
            "describes",
        ),
        (lambda raw: _shorten(raw["observations"]["observation.state"][0]), "have 2 elements, the policy wants 3"),
        (lambda raw: raw["actions"]["terms"].append({**raw["actions"]["terms"][0], "name": "b"}), "commands 4 joints"),
        (lambda raw: raw["safety"]["joints"].reverse(), "safety limits .'joint2', 'joint1'."),
        (lambda raw: raw.update(colour="red"), "colour"),
    ],
)
def test_contracts_that_do_not_fit(act, tmp_path, change, said):
    checkpoint = read_checkpoint(act)
    raw = filled_template(checkpoint)
    change(raw)
    with pytest.raises(ConfigError, match=said):
        read_contract(written(tmp_path, raw), checkpoint)


def _shorten(term):
    for key in ("axes", "unit", "minimum", "maximum"):
        term[key] = term[key][:-1]


def test_unreadable(act, tmp_path):
    with pytest.raises(ConfigError, match="cannot read"):
        read_contract(tmp_path / "nothing.yaml", read_checkpoint(act))


def test_the_command_writes_a_template_once_and_asks_for_a_contract(act, tmp_path, capsys):
    path = tmp_path / "contract.yaml"
    assert convert_lerobot.run(convert_lerobot.Args(act, template=path)) == 0
    assert "replace every null" in capsys.readouterr().out and path.read_text().startswith("# Contract of")
    with pytest.raises(ConfigError, match="exists"):
        convert_lerobot.run(convert_lerobot.Args(act, template=path))
    with pytest.raises(ConfigError, match="does not say the robot's topics"):
        convert_lerobot.run(convert_lerobot.Args(act))


@pytest.mark.parametrize("options", [{"samples": 0}, {"steps": 0}])
def test_options_out_of_range(act, options):
    with pytest.raises(ConfigError, match="is 0"):
        convert_lerobot.run(convert_lerobot.Args(act, **options))
