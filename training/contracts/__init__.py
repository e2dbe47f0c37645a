"""Deployment contracts by task: what a robot must publish and accept for a policy of that task."""
