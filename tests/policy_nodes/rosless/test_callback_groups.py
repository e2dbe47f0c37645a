import pytest

from policy_nodes.rosless.callback_groups import MutuallyExclusiveCallbackGroup, ReentrantCallbackGroup

pytestmark = pytest.mark.pure


class Entity:
    pass


def test_one_at_a_time():
    group, first, second = MutuallyExclusiveCallbackGroup(), Entity(), Entity()
    assert group.can_execute(first) and group.beginning_execution(first)
    assert not group.can_execute(second) and not group.beginning_execution(second)
    assert not group.beginning_execution(first)  # nor the same one twice
    group.ending_execution(second)  # does not hold it
    assert not group.can_execute(second)
    group.ending_execution(first)
    assert group.beginning_execution(second)


def test_reentrant_is_always_free():
    group, entity = ReentrantCallbackGroup(), Entity()
    assert group.beginning_execution(entity) and group.beginning_execution(entity) and group.can_execute(entity)
    group.ending_execution(entity)
    assert group.can_execute(entity)


@pytest.mark.parametrize("kind", [MutuallyExclusiveCallbackGroup, ReentrantCallbackGroup])
def test_members_are_known_and_not_kept_alive(kind):
    group, entity = kind(), Entity()
    group.add_entity(entity)
    assert group.has_entity(entity) and not group.has_entity(Entity())
    del entity
    assert len(group.entities) == 0
