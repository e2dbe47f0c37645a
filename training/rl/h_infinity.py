"""H-infinity locomotion control: PPO against a learned disturber, under a bound on cost per intensity.

Long, Yu, Li, Wang, Lin, Pang 2024 (arXiv 2404.14405). Their training code is not public; this follows the paper. A
second policy pushes the trunk and is trained by PPO to make the task cost C_t large. The actor is trained on its
reward and on the constraint that pushing must not pay more than its intensity allows::

    L_H = E[ eta |d_t| - C_t ] >= 0,     actor: max L_PPO + lambda L_H,     lambda <- max(0, lambda - alpha L_H)

Both learn from the same rollouts. The cost has a value function of its own. The disturber sees what the critic sees.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from rsl_rl.algorithms import PPO
from rsl_rl.modules import MLP
from tensordict import TensorDict
from torch import Tensor, nn


@dataclass(frozen=True)
class HInfinityConfig:
    """Settings of the adversary and of the constraint.

    Attributes:
        eta: cost that one newton may cause per step; the bound on the ratio of cost to intensity.
        max_force: of the disturber [N].
        warm_up: iterations without disturbance.
        learning_rate: of disturber and cost critic; multiplier_rate: alpha of the dual ascent.
        max_multiplier: lambda never exceeds this.
        hidden: widths of disturber and cost critic.
        entropy: of the disturber.
        train_actor: False trains the disturber alone, against a frozen policy: the honest worst-case test.
    """

    eta: float = 4e-4
    max_force: float = 25.0
    warm_up: int = 0
    learning_rate: float = 3e-4
    multiplier_rate: float = 2.0
    max_multiplier: float = 1.0
    hidden: tuple[int, ...] = (128, 64)
    entropy: float = 0.002
    init_std: float = 0.5
    train_actor: bool = True


def dual_step(multiplier: float, slack: float, rate: float, limit: float) -> float:
    """Projected gradient step on the multiplier: it grows while the constraint ``slack >= 0`` is violated."""
    return min(max(0.0, multiplier - rate * slack), limit)


def advantages(costs: Tensor, values: Tensor, last: Tensor, dones: Tensor, gamma: float, lam: float) -> Tensor:
    """Generalised advantage estimation (Schulman et al. 2016, arXiv 1506.02438) over (T, N) tensors.

    Args:
        costs: of each step; values: predicted before each step; last: (N,) predicted after the last.
        dones: 1 where an episode ended with that step.
        gamma: discount; lam: of the estimator.
    """
    out = torch.zeros_like(costs)
    running = torch.zeros_like(last)
    following = last
    for t in reversed(range(len(costs))):
        alive = 1.0 - dones[t]
        delta = costs[t] + gamma * alive * following - values[t]
        running = delta + gamma * lam * alive * running
        out[t] = running
        following = values[t]
    return out


def cut(force: Tensor, limit: float) -> Tensor:
    """Forces (..., 3) shortened to at most ``limit`` newtons; the direction stays."""
    size = force.norm(dim=-1, keepdim=True)
    return force * (limit / size.clamp_min(limit))


class Disturber(nn.Module):
    """Gaussian policy over forces, and the value function of the cost it causes.

    Args:
        size: of the observation.
        config: settings.
    """

    def __init__(self, size: int, config: HInfinityConfig) -> None:
        super().__init__()
        self.max_force = config.max_force
        self.mean = MLP(size, 3, list(config.hidden), "elu")
        self.log_std = nn.Parameter(torch.full((3,), config.init_std).log())
        self.value = MLP(size, 1, list(config.hidden), "elu")

    def distribution(self, obs: Tensor) -> torch.distributions.Normal:
        """Of the raw output (B, 3); ``force`` turns it into newtons."""
        return torch.distributions.Normal(self.mean(obs), self.log_std.exp().expand(len(obs), 3))

    def force(self, raw: Tensor) -> Tensor:
        """(B, 3) [N] in the base frame, at most ``max_force`` long."""
        return cut(raw * self.max_force, self.max_force)


class HInfinityPPO(PPO):  # type: ignore[misc]
    """PPO of rsl_rl with a disturber; goes with ``training.rl.disturbed_env.DisturbedEnv``.

    Args:
        h_infinity: settings, as a dictionary of ``HInfinityConfig``; everything else goes to PPO.

    Attributes:
        multiplier: lambda.
    """

    def __init__(self, actor: Any, critic: Any, storage: Any, *, h_infinity: dict[str, Any], **kwargs: Any) -> None:
        super().__init__(actor, critic, storage, **kwargs)
        self.h = HInfinityConfig(**h_infinity)
        self.groups: list[str] = list(critic.obs_groups)
        self.disturber = Disturber(critic.obs_dim, self.h).to(self.device)
        self.disturber_optimizer = torch.optim.Adam(self.disturber.parameters(), lr=self.h.learning_rate)
        self.multiplier = 0.0
        self.iteration = 0
        self._raw: list[Tensor] = []
        self._cost: list[Tensor] = []

    def _see(self, obs: TensorDict) -> Tensor:
        return torch.cat([obs[group] for group in self.groups], dim=-1)

    @property
    def pushing(self) -> bool:
        """Whether the warm-up is over."""
        return self.iteration >= self.h.warm_up

    def act(self, obs: TensorDict) -> Tensor:
        """The actor's action, followed by a force."""
        actions: Tensor = super().act(obs)
        raw = self.disturber.distribution(self._see(obs)).sample()
        self._raw.append(raw)
        force = self.disturber.force(raw) if self.pushing else torch.zeros_like(raw)
        return torch.cat([actions, force], dim=-1)

    def process_env_step(self, obs: TensorDict, rewards: Tensor, dones: Tensor, extras: dict[str, Tensor]) -> None:
        """Also record the cost; a time-out is not an end, so the expected cost after it is added."""
        with torch.no_grad():
            value = self.disturber.value(self._see(self.transition.observations)).squeeze(-1)
        self._cost.append(extras["cost"] + self.gamma * value * extras["time_outs"].float())
        super().process_env_step(obs, rewards, dones, extras)

    def compute_returns(self, obs: TensorDict) -> None:
        """Advantages of the reward, minus lambda times those of the cost."""
        super().compute_returns(obs)
        storage = self.storage
        seen = torch.stack([self._see(step) for step in storage.observations])
        cost, dones = torch.stack(self._cost), storage.dones.squeeze(-1).float()
        with torch.no_grad():
            values = self.disturber.value(seen).squeeze(-1)
            last = self.disturber.value(self._see(obs)).squeeze(-1)
            raw = torch.stack(self._raw)
            self._old_log_prob = torch.stack(
                [self.disturber.distribution(o).log_prob(r).sum(-1) for o, r in zip(seen, raw, strict=True)]
            )
        self._seen, self._raws = seen, raw
        strength = self.disturber.force(raw).norm(dim=-1) if self.pushing else torch.zeros_like(cost)
        self._strength, self._costs = strength, cost
        cost_advantage = advantages(cost, values, last, dones, self.gamma, self.lam)
        self._cost_returns = cost_advantage + values
        # What one push costs beyond its allowance; the intensity is paid at once, the cost later.
        self._gain = _standard(cost_advantage - self.h.eta * strength)
        if self.multiplier > 0.0:
            storage.advantages = _standard(
                storage.advantages - self.multiplier * _standard(cost_advantage).unsqueeze(-1)
            )

    def update(self) -> dict[str, float]:
        """PPO of the actor, PPO of the disturber, regression of the cost, dual step."""
        if self.h.train_actor:
            losses = super().update()
        else:
            losses = {"value": 0.0, "surrogate": 0.0, "entropy": 0.0}
            self.storage.clear()
        if self.pushing:
            losses |= self._update_disturber()
            slack = float((self.h.eta * self._strength - self._costs).mean())
            self.multiplier = dual_step(self.multiplier, slack, self.h.multiplier_rate, self.h.max_multiplier)
            losses |= {"h_slack": slack}
        losses |= {
            "h_multiplier": self.multiplier,
            "h_force": float(self._strength.mean()),
            "h_cost": float(self._costs.mean()),
        }
        self._raw.clear()
        self._cost.clear()
        self.iteration += 1
        return losses

    def _update_disturber(self) -> dict[str, float]:
        seen, raw = self._seen.flatten(0, 1), self._raws.flatten(0, 1)
        old, gain = self._old_log_prob.flatten(), self._gain.flatten()
        returns = self._cost_returns.flatten()
        total = 0.0
        for _ in range(self.num_learning_epochs):
            for rows in torch.randperm(len(old)).chunk(self.num_mini_batches):
                normal = self.disturber.distribution(seen[rows])
                ratio = (normal.log_prob(raw[rows]).sum(-1) - old[rows]).exp()
                clipped = ratio.clamp(1.0 - self.clip_param, 1.0 + self.clip_param)
                surrogate = -torch.minimum(ratio * gain[rows], clipped * gain[rows]).mean()
                value = (self.disturber.value(seen[rows]).squeeze(-1) - returns[rows]).square().mean()
                loss = surrogate + value - self.h.entropy * normal.entropy().sum(-1).mean()
                self.disturber_optimizer.zero_grad()
                loss.backward()
                nn.utils.clip_grad_norm_(self.disturber.parameters(), self.max_grad_norm)
                self.disturber_optimizer.step()
                total += float(surrogate.detach())
        return {"h_surrogate": total / (self.num_learning_epochs * self.num_mini_batches)}

    def save(self) -> dict[str, Any]:
        """Also the disturber and the multiplier."""
        return super().save() | {
            "disturber_state_dict": self.disturber.state_dict(),
            "disturber_optimizer_state_dict": self.disturber_optimizer.state_dict(),
            "h_multiplier": self.multiplier,
            "h_iteration": self.iteration,
        }

    def load(self, loaded_dict: dict[str, Any], load_cfg: dict[str, Any] | None, strict: bool) -> bool:
        """Also the disturber, where the checkpoint has one; a plain PPO checkpoint starts with a fresh one."""
        done: bool = super().load(loaded_dict, load_cfg, strict)
        if "disturber_state_dict" in loaded_dict:
            self.disturber.load_state_dict(loaded_dict["disturber_state_dict"])
            self.disturber_optimizer.load_state_dict(loaded_dict["disturber_optimizer_state_dict"])
            self.multiplier, self.iteration = loaded_dict["h_multiplier"], loaded_dict["h_iteration"]
        return done


def _standard(values: Tensor) -> Tensor:
    return (values - values.mean()) / (values.std() + 1e-8)
