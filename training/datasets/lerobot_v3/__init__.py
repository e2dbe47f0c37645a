"""LeRobotDataset v3.0 on disk: native writer, reader, statistics and window sampling for state features.

The files load in LeRobot 0.4 to 0.6 (https://github.com/huggingface/lerobot, format ``v3.0``); LeRobot itself is not
needed. Only pyarrow and numpy are used, and a whole batch of windows is gathered in one vectorised step.
"""

from training.datasets.lerobot_v3.reader import Dataset
from training.datasets.lerobot_v3.schema import Feature
from training.datasets.lerobot_v3.stats import feature_statistics, mean_std, min_max, statistics_sha256
from training.datasets.lerobot_v3.stream import BatchStream
from training.datasets.lerobot_v3.windows import ChunkBatch, ChunkSampler, split_episodes
from training.datasets.lerobot_v3.writer import DatasetWriter

__all__ = [
    "BatchStream",
    "ChunkBatch",
    "ChunkSampler",
    "Dataset",
    "DatasetWriter",
    "Feature",
    "feature_statistics",
    "mean_std",
    "min_max",
    "split_episodes",
    "statistics_sha256",
]
