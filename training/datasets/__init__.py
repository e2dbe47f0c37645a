"""Demonstration data: reading, writing and sampling, without any dataset framework."""

from training.datasets.errors import DatasetError
from training.datasets.lerobot_v3 import BatchStream, ChunkBatch, ChunkSampler, Dataset, DatasetWriter, Feature

__all__ = ["BatchStream", "ChunkBatch", "ChunkSampler", "Dataset", "DatasetError", "DatasetWriter", "Feature"]
