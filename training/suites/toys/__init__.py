"""Planar point robots whose demonstrations are multimodal on purpose: seconds to simulate, hard to average."""
