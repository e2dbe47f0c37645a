"""Keel's simulation side: MuJoCo robots and tasks. Imports neither the trainer nor the robot runtime."""
