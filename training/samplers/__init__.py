"""Samplers: integrate a trained field from noise to actions."""
