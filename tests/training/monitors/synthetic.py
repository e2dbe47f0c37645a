"""Rollouts of an imaginary policy: failures shift the embedding and spread the chunks, benign novelty only shifts.

Success lasts 28 to 39 calls, a failure 50 and goes wrong after 35 % of them. Latent (sin 6p, cos 6p, p, three small
noises), p = t / 40; novelty adds 0.6 to the last three, failing 1.5 t / T more. Embeddings are a random linear map.
"""

import numpy as np

from training.monitors import RolloutRecord

EMBEDDING, SAMPLES, HORIZON = 32, 32, 16
WEIGHTS = np.random.default_rng(123).normal(size=(6, EMBEDDING))


def rollout(rng, success=True, novel=False, samples=SAMPLES):
    length = int(rng.integers(28, 40)) if success else 50
    t = np.arange(length)
    p = t / 40
    failing = (t > 0.35 * length) & (not success)
    latent = np.stack([np.sin(6 * p), np.cos(6 * p), p, *rng.normal(0, 0.05, (3, length))], axis=1)
    latent[:, 3:] += 0.6 * novel + (failing * 1.5 * t / length)[:, None]
    embeddings = latent @ WEIGHTS + rng.normal(0, 0.02, (length, EMBEDDING))
    target = np.stack([np.cos(3 * p), np.sin(3 * p), 0.2 * p], axis=1)
    path = np.arange(HORIZON)[:, None] / HORIZON * np.array([0.3, 0.1, 0.05])
    spread = np.where(failing, 0.25, 0.02)[:, None, None, None]
    offset = spread * rng.normal(size=(length, samples, 1, 3))
    noise = rng.normal(0, 0.005, (length, samples, HORIZON, 3))
    chunks = target[:, None, None] + path + offset + noise
    return RolloutRecord(success, embeddings.astype(np.float32), chunks.astype(np.float32))


def rollouts(count, seed, success=True, novel=False, samples=SAMPLES):
    rng = np.random.default_rng(seed)
    return [rollout(rng, success, novel, samples) for _ in range(count)]
