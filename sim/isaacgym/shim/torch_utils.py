"""``isaacgym.torch_utils``: rotations (x, y, z, w) and small helpers on batches of torch tensors."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import torch

Tensor = torch.Tensor


def to_torch(x: Any, dtype: torch.dtype = torch.float, device: str = "cpu", requires_grad: bool = False) -> Tensor:
    """A new tensor; the default device is the CPU (Isaac Gym: ``cuda:0``)."""
    return torch.tensor(x, dtype=dtype, device=device, requires_grad=requires_grad)


def normalize(x: Tensor, eps: float = 1e-9) -> Tensor:
    """Unit vectors along the last axis."""
    return x / x.norm(p=2, dim=-1, keepdim=True).clamp(min=eps)


def quat_unit(a: Tensor) -> Tensor:
    """Unit quaternions."""
    return normalize(a)


def quat_mul(a: Tensor, b: Tensor) -> Tensor:
    """Hamilton product: rotation b, then a."""
    av, aw, bv, bw = a[..., :3], a[..., 3:], b[..., :3], b[..., 3:]
    vector = aw * bv + bw * av + torch.linalg.cross(*torch.broadcast_tensors(av, bv), dim=-1)
    return torch.cat([vector, aw * bw - (av * bv).sum(dim=-1, keepdim=True)], dim=-1)


def quat_conjugate(a: Tensor) -> Tensor:
    """The opposite rotation."""
    return torch.cat([-a[..., :3], a[..., 3:]], dim=-1)


def quat_apply(a: Tensor, b: Tensor) -> Tensor:
    """b rotated by a; as many quaternions as vectors, whatever their leading axes."""
    if a.dim() != b.dim() and a.numel() * 3 == b.numel() * 4:
        a = a.reshape(*b.shape[:-1], 4)
    vector = a[..., :3].expand_as(b)
    t = 2.0 * torch.linalg.cross(vector, b, dim=-1)
    return b + a[..., 3:] * t + torch.linalg.cross(vector, t, dim=-1)


def quat_rotate(q: Tensor, v: Tensor) -> Tensor:
    """v rotated by q: body to world."""
    return quat_apply(q, v)


def quat_rotate_inverse(q: Tensor, v: Tensor) -> Tensor:
    """v rotated by the opposite of q: world to body."""
    return quat_apply(quat_conjugate(q), v)


def quat_from_angle_axis(angle: Tensor, axis: Tensor) -> Tensor:
    """Angles (N,) [rad] about axes (N, 3)."""
    half = (angle / 2.0).unsqueeze(-1)
    return quat_unit(torch.cat([normalize(axis) * half.sin(), half.cos()], dim=-1))


def quat_from_euler_xyz(roll: Tensor, pitch: Tensor, yaw: Tensor) -> Tensor:
    """Rz(yaw) Ry(pitch) Rx(roll)."""
    x, y, z = torch.eye(3, dtype=roll.dtype, device=roll.device)
    parts = [quat_from_angle_axis(a, e.expand(*a.shape, 3)) for a, e in ((yaw, z), (pitch, y), (roll, x))]
    return quat_mul(quat_mul(parts[0], parts[1]), parts[2])


def get_euler_xyz(q: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Roll, pitch, yaw (N,) in [0, 2 pi)."""
    x, y, z, w = q.unbind(-1)
    roll = torch.atan2(2.0 * (w * x + y * z), 1.0 - 2.0 * (x * x + y * y))
    pitch = torch.asin((2.0 * (w * y - z * x)).clamp(-1.0, 1.0))
    yaw = torch.atan2(2.0 * (w * z + x * y), 1.0 - 2.0 * (y * y + z * z))
    turn = 2.0 * math.pi
    return roll % turn, pitch % turn, yaw % turn


def quat_axis(q: Tensor, axis: int = 0) -> Tensor:
    """The image of a basis vector."""
    basis = torch.zeros(*q.shape[:-1], 3, dtype=q.dtype, device=q.device)
    basis[..., axis] = 1.0
    return quat_rotate(q, basis)


def normalize_angle(x: Tensor) -> Tensor:
    """Into (-pi, pi]."""
    return torch.atan2(torch.sin(x), torch.cos(x))


def get_basis_vector(q: Tensor, v: Tensor) -> Tensor:
    """v rotated by q."""
    return quat_rotate(q, v)


def get_axis_params(
    value: float, axis_idx: int, x_value: float = 0.0, dtype: Any = float, n_dims: int = 3
) -> list[Any]:
    """A list of zeros with ``x_value`` first and ``value`` at ``axis_idx``."""
    out = np.zeros(n_dims)
    out[0] = x_value
    out[axis_idx] = value
    return list(out.astype(dtype))


def tf_inverse(q: Tensor, t: Tensor) -> tuple[Tensor, Tensor]:
    """The opposite transform."""
    back = quat_conjugate(q)
    return back, -quat_apply(back, t)


def tf_apply(q: Tensor, t: Tensor, v: Tensor) -> Tensor:
    """Points of the frame (q, t) in its parent."""
    return quat_apply(q, v) + t


def tf_vector(q: Tensor, v: Tensor) -> Tensor:
    """Vectors of the frame in its parent."""
    return quat_apply(q, v)


def tf_combine(q1: Tensor, t1: Tensor, q2: Tensor, t2: Tensor) -> tuple[Tensor, Tensor]:
    """Frame 2, given in frame 1, in the parent of frame 1."""
    return quat_mul(q1, q2), quat_apply(q1, t2) + t1


def copysign(a: float, b: Tensor) -> Tensor:
    """|a| with the signs of b."""
    return torch.full_like(b, abs(a)) * torch.sign(b)


def torch_rand_float(lower: float, upper: float, shape: tuple[int, int], device: str) -> Tensor:
    """Uniform."""
    return (upper - lower) * torch.rand(*shape, device=device) + lower


def torch_random_dir_2(shape: tuple[int, int], device: str) -> Tensor:
    """Random unit vectors in the plane; shape (N, 1) gives (N, 2)."""
    angle = torch_rand_float(-math.pi, math.pi, shape, device).squeeze(-1)
    return torch.stack([angle.cos(), angle.sin()], dim=-1)


def tensor_clamp(t: Tensor, min_t: Tensor, max_t: Tensor) -> Tensor:
    """Between two tensors."""
    return torch.max(torch.min(t, max_t), min_t)


def scale(x: Tensor, lower: Tensor, upper: Tensor) -> Tensor:
    """[-1, 1] to [lower, upper]."""
    return 0.5 * (x + 1.0) * (upper - lower) + lower


def unscale(x: Tensor, lower: Tensor, upper: Tensor) -> Tensor:
    """[lower, upper] to [-1, 1]."""
    return (2.0 * x - upper - lower) / (upper - lower)


unscale_np = unscale


def compute_heading_and_up(
    torso_rotation: Tensor, inv_start_rot: Tensor, to_target: Tensor, vec0: Tensor, vec1: Tensor, up_idx: int
) -> tuple[Tensor, Tensor, Tensor, Tensor, Tensor]:
    """Rotation since the start, uprightness, heading towards the target (cosines), and both axes."""
    torso_quat = quat_mul(torso_rotation, inv_start_rot)
    up, heading = get_basis_vector(torso_quat, vec1), get_basis_vector(torso_quat, vec0)
    return torso_quat, up[:, up_idx], (heading * normalize(to_target)).sum(dim=-1), up, heading


def compute_rot(
    torso_quat: Tensor, velocity: Tensor, ang_velocity: Tensor, targets: Tensor, torso_positions: Tensor
) -> tuple[Tensor, Tensor, Tensor, Tensor, Tensor, Tensor]:
    """Velocities in the body frame, roll, pitch, yaw, and the angle to the target less the yaw.

    As in IsaacGymEnvs that angle lies in the x-z plane, of worlds whose y axis is up; its policies know no other.
    """
    roll, pitch, yaw = get_euler_xyz(torso_quat)
    to_target = targets - torso_positions
    angle = torch.atan2(to_target[:, 2], to_target[:, 0]) - yaw
    local = quat_rotate_inverse(torso_quat, velocity), quat_rotate_inverse(torso_quat, ang_velocity)
    return (*local, roll, pitch, yaw, angle)
