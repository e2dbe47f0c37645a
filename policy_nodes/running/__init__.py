"""Runs a bundle's nodes as a launch file describes them, operates them, injects faults, writes down what happened."""
