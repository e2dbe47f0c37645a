"""Differentiable signal temporal logic over batches of traces; policy_nodes.safety.stl is the robot's half."""
