"""Thin ROS 2 nodes: parameters -> core configuration, messages <-> core types, timers, lifecycle. Plain rclpy."""
