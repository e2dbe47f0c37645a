"""Scripted demonstrations in simulation, recorded as LeRobotDataset v3."""
