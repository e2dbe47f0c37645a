"""gymapi's Vec3, Quat and Transform against scipy, and as a group."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation

from sim.isaacgym.shim.geometry import Quat, Transform, Vec3

NUMBER = st.floats(-10.0, 10.0, allow_nan=False).map(lambda x: round(x, 6))
VECTOR = st.builds(Vec3, NUMBER, NUMBER, NUMBER)
ANGLE = st.floats(-3.0, 3.0)
QUAT = st.builds(Quat.from_euler_zyx, ANGLE, ANGLE, ANGLE)
TRANSFORM = st.builds(Transform, VECTOR, QUAT)


def xyzw(q):
    return np.array([q.x, q.y, q.z, q.w])


def same_rotation(a, b):
    assert abs(float(xyzw(a) @ xyzw(b))) == pytest.approx(1.0, abs=1e-9)


def close(a, b):
    np.testing.assert_allclose(a.array(), b.array(), atol=1e-9)


def test_vectors_by_hand():
    a, b = Vec3(1, -2, 3), Vec3(4, 5, 6)
    assert a + b == Vec3(5, 3, 9) and a - b == Vec3(-3, -7, -3) and a * 2 == Vec3(2, -4, 6) and -a == Vec3(-1, 2, -3)
    assert Vec3(2, 3, 6).length() == 7.0 and Vec3().length() == 0.0
    assert a.array().tolist() == [1.0, -2.0, 3.0]


def test_a_quarter_turn_about_each_axis():
    quarter = np.pi / 2
    for axis, given_, turned in (
        (Vec3(1, 0, 0), Vec3(0, 1, 0), Vec3(0, 0, 1)),
        (Vec3(0, 1, 0), Vec3(0, 0, 1), Vec3(1, 0, 0)),
        (Vec3(0, 0, 1), Vec3(1, 0, 0), Vec3(0, 1, 0)),
    ):
        q = Quat.from_axis_angle(axis, quarter)
        close(q.rotate(given_), turned)
        assert q.w == pytest.approx(np.sqrt(0.5))
        close(Quat.from_axis_angle(axis * 7.0, quarter).rotate(given_), turned)  # any length of the axis


def test_the_members_are_x_y_z_w_and_mujocos_order_is_w_first():
    q = Quat.from_axis_angle(Vec3(0, 0, 1), np.pi / 3)
    assert xyzw(q) == pytest.approx([0, 0, 0.5, np.sqrt(0.75)])
    assert q.wxyz() == pytest.approx([np.sqrt(0.75), 0, 0, 0.5])
    assert Quat.of_wxyz(np.array([1.0, 2.0, 3.0, 4.0])) == Quat(2.0, 3.0, 4.0, 1.0)
    assert Quat() == Quat(0, 0, 0, 1)


@settings(max_examples=25, deadline=None)
@given(ANGLE, ANGLE, ANGLE, VECTOR)
def test_euler_angles_are_scipys_intrinsic_zyx(roll, pitch, yaw, v):
    expected = Rotation.from_euler("ZYX", [yaw, pitch, roll])
    np.testing.assert_allclose(
        Quat.from_euler_zyx(roll, pitch, yaw).rotate(v).array(), expected.apply(v.array()), atol=1e-9
    )


@settings(max_examples=25, deadline=None)
@given(QUAT, QUAT, VECTOR)
def test_products_apply_the_right_factor_first(a, b, v):
    close((a * b).rotate(v), a.rotate(b.rotate(v)))
    same_rotation(a * a.inverse(), Quat())
    assert np.linalg.norm(xyzw(a * b)) == pytest.approx(1.0)


def test_a_quaternion_that_is_not_a_unit_turns_as_its_unit_does():
    q = Quat(0, 0, 3.0, 3.0)
    close(q.rotate(Vec3(1, 0, 0)), Vec3(0, 1, 0))
    assert np.linalg.norm(xyzw(q.normalize())) == pytest.approx(1.0)


@settings(max_examples=25, deadline=None)
@given(TRANSFORM, TRANSFORM, TRANSFORM, VECTOR)
def test_transforms_are_a_group(a, b, c, point):
    close((a * b).transform_point(point), a.transform_point(b.transform_point(point)))
    close(((a * b) * c).transform_point(point), (a * (b * c)).transform_point(point))
    close(a.inverse().transform_point(a.transform_point(point)), point)
    close((a.inverse() * a).p, Vec3())


@settings(max_examples=15, deadline=None)
@given(TRANSFORM, VECTOR, VECTOR)
def test_vectors_are_differences_of_points(a, p, q):
    close(a.transform_vector(p - q), a.transform_point(p) - a.transform_point(q))


def test_defaults_are_not_shared():
    first, second = Transform(), Transform()
    first.p.x = 5.0
    assert second.p.x == 0.0
