"""rclpy-compatible layer on Cyclone DDS: the true ROS 2 wire where ROS 2 itself is not installed.

Nothing imports this package by name except :mod:`policy_nodes.rosless.activate`, which serves it as ``rclpy`` and as
the standard message packages, and only when no real ``rclpy`` can be found. ``docs/ros.md`` lists what is supported.
"""
