from policy_nodes.safety.reasons import REASONS, Reaction, Reason


def test_every_reason_is_described_once_with_a_fix() -> None:
    assert set(REASONS) == set(Reason)
    descriptions = [info.description for info in REASONS.values()]
    assert len(set(descriptions)) == len(descriptions)
    for reason, info in REASONS.items():
        assert info.description.endswith("."), reason
        assert "\n" not in info.description + info.fix
        assert info.fix.endswith("."), reason


def test_stopping_reasons_have_a_category_and_only_they_do() -> None:
    for reason, info in REASONS.items():
        assert (info.stop_category is not None) == (info.reaction is Reaction.STOP), reason


def test_only_what_the_operator_asked_for_is_not_latched() -> None:
    free = [reason for reason, info in REASONS.items() if info.reaction is Reaction.STOP and not info.latched]
    assert free == [Reason.OPERATOR_DISABLE, Reason.OPERATOR_HOME]


def test_lost_joint_state_and_emergency_stop_are_category_1() -> None:
    for reason in (Reason.ESTOP, Reason.JOINT_STATE_STALE, Reason.JOINT_JUMP, Reason.INTERNAL_ERROR):
        assert REASONS[reason].stop_category == 1
