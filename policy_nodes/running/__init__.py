"""Runs a bundle's nodes as a launch file describes them, operates them, injects faults, and writes down what happened."""
