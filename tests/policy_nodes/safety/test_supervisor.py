import pytest

from policy_nodes.safety.reasons import REASONS, Reaction, Reason
from policy_nodes.safety.supervisor import Action, Row, State, Supervisor, build_table, reaction_of
from tests.policy_nodes.safety.rig import config


def in_state(state: State, **changes: object) -> Supervisor:
    """A supervisor brought to ``state`` along the table."""
    supervisor = Supervisor(config(**changes))
    path = {
        State.INIT: [],
        State.READY: [Reason.SIGNALS_READY],
        State.ACTIVE: [Reason.SIGNALS_READY, Reason.OPERATOR_ENABLE],
        State.DEGRADED: [Reason.SIGNALS_READY, Reason.OPERATOR_ENABLE, Reason.CHUNK_LATE],
        State.BACKUP: [Reason.SIGNALS_READY, Reason.OPERATOR_ENABLE, Reason.CHUNK_EXHAUSTED],
        State.STOPPED: [Reason.SIGNALS_READY, Reason.OPERATOR_ENABLE, Reason.CHUNK_EXHAUSTED, Reason.BACKUP_FINISHED],
    }[state]
    for reason in path:
        assert supervisor.apply(0, reason)
    assert supervisor.state is state
    return supervisor


STOPPING = [
    reason
    for reason, info in REASONS.items()
    if info.reaction is Reaction.STOP and reason is not Reason.OPERATOR_HOME  # begun from READY
]


@pytest.mark.parametrize("reason", STOPPING)
@pytest.mark.parametrize("state", [State.ACTIVE, State.DEGRADED])
def test_every_fault_hands_over_to_a_backup(state: State, reason: Reason) -> None:
    supervisor = in_state(state)
    assert supervisor.apply(5, reason, "because")
    assert (supervisor.state, supervisor.action, supervisor.reason) == (State.BACKUP, Action.BACKUP, reason)
    assert supervisor.stop_category == REASONS[reason].stop_category
    assert supervisor.history[-1].reason is reason
    assert supervisor.detail == "because"


@pytest.mark.parametrize("reason", [reason for reason in Reason if reason is not Reason.OPERATOR_RESET])
def test_nothing_but_a_reset_leaves_stopped(reason: Reason) -> None:
    supervisor = in_state(State.STOPPED)
    supervisor.apply(5, reason)
    assert supervisor.state is State.STOPPED


def test_reset_leads_to_ready_and_forgets_the_cause() -> None:
    supervisor = in_state(State.STOPPED)
    assert supervisor.apply(5, Reason.OPERATOR_RESET)
    assert (supervisor.state, supervisor.reason, supervisor.detail) == (State.READY, None, "")


@pytest.mark.parametrize("reason", list(Reason))
def test_no_reason_reaches_active_but_enable_and_recovery(reason: Reason) -> None:
    arrows = {key for key, row in build_table(config()).items() if row.state is State.ACTIVE and key[1] is reason}
    allowed = {Reason.OPERATOR_ENABLE: {State.READY}, Reason.POLICY_RECOVERED: {State.DEGRADED}}
    assert {state for state, _ in arrows} == allowed.get(reason, set())


def test_every_action_of_the_table_fits_its_state() -> None:
    fits = {
        State.INIT: {Action.REST},
        State.READY: {Action.REST},
        State.ACTIVE: {Action.FOLLOW},
        State.DEGRADED: {Action.FOLLOW, Action.PAUSE},
        State.BACKUP: {Action.BACKUP},
        State.STOPPED: {Action.REST},
    }
    for row in build_table(config(alarm_reaction="hold")).values():
        assert row.action in fits[row.state]


def test_home_is_begun_from_ready_only_and_any_fault_is_worse() -> None:
    table = build_table(config())
    assert {state for state, reason in table if reason is Reason.OPERATOR_HOME} == {State.READY}
    assert table[State.READY, Reason.OPERATOR_HOME] == Row(State.BACKUP, Action.BACKUP)
    supervisor = Supervisor(config())
    for fault in STOPPING:
        if fault is not Reason.OPERATOR_DISABLE:
            assert supervisor.worst([Reason.OPERATOR_HOME, fault]) is fault


def test_signal_faults_before_enabling_lead_back_to_init_and_estop_latches() -> None:
    table = build_table(config())
    assert table[State.READY, Reason.OBSERVATION_STALE] == Row(State.INIT, Action.REST)
    assert table[State.READY, Reason.ESTOP] == Row(State.STOPPED, Action.REST)
    assert (State.READY, Reason.OPERATOR_DISABLE) not in table


@pytest.mark.parametrize(
    ("reaction", "expected", "row"),
    [
        ("warn", Reaction.DEGRADE, Row(State.DEGRADED, Action.FOLLOW)),
        ("slow", Reaction.DEGRADE, Row(State.DEGRADED, Action.FOLLOW)),
        ("hold", Reaction.PAUSE, Row(State.DEGRADED, Action.PAUSE)),
        ("ask", Reaction.PAUSE, Row(State.DEGRADED, Action.PAUSE)),
        ("stop", Reaction.STOP, Row(State.BACKUP, Action.BACKUP)),
    ],
)
def test_reaction_to_the_alarm_is_configured(reaction: str, expected: Reaction, row: Row) -> None:
    settings = config(alarm_reaction=reaction)
    assert reaction_of(Reason.FAILURE_PREDICTED, settings) is expected
    assert build_table(settings)[State.ACTIVE, Reason.FAILURE_PREDICTED] == row


def test_most_severe_wins() -> None:
    supervisor = Supervisor(config())
    worst = supervisor.worst([Reason.CHUNK_LATE, Reason.CHUNK_EXHAUSTED, Reason.JOINT_STATE_STALE, Reason.MONITOR_LOST])
    assert worst is Reason.JOINT_STATE_STALE
    assert supervisor.worst([Reason.CHUNK_EXHAUSTED, Reason.MONITOR_LOST]) is Reason.CHUNK_EXHAUSTED
    assert supervisor.worst([Reason.OPERATOR_DISABLE, Reason.CHUNK_EXHAUSTED]) is Reason.CHUNK_EXHAUSTED


def test_a_worse_fault_replaces_the_cause_and_a_milder_one_does_not() -> None:
    supervisor = in_state(State.BACKUP)
    assert not supervisor.apply(5, Reason.OBSERVATION_STALE)
    assert supervisor.reason is Reason.CHUNK_EXHAUSTED
    assert supervisor.apply(6, Reason.JOINT_STATE_STALE)
    assert (supervisor.reason, supervisor.stop_category) == (Reason.JOINT_STATE_STALE, 1)
    supervisor.apply(7, Reason.BACKUP_FINISHED)
    assert (supervisor.state, supervisor.reason) == (State.STOPPED, Reason.JOINT_STATE_STALE)


def test_category_0_goes_straight_to_stopped() -> None:
    supervisor = in_state(State.ACTIVE, reactions={"estop": {"stop_category": 0}})
    supervisor.apply(5, Reason.ESTOP)
    assert (supervisor.state, supervisor.action, supervisor.stop_category) == (State.STOPPED, Action.REST, 0)


def test_repeated_reason_is_one_line_of_history() -> None:
    supervisor = in_state(State.DEGRADED)
    lines = len(supervisor.history)
    assert not supervisor.apply(5, Reason.CHUNK_LATE, "other text")
    assert len(supervisor.history) == lines
    assert supervisor.detail == "other text"
