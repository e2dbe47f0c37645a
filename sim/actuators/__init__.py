"""Actuator models as pure functions of a batch: PD, delay, the torque-speed curve of a DC motor, a learned network."""
