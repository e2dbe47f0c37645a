"""Panda-Reach: joint position targets bring the tool to a goal point; a batched task for arms, cheap to train."""
