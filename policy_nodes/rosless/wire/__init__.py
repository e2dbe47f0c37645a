"""The ROS 2 wire on Cyclone DDS: entities, naming, type hashes, graph. Knows DDS and nothing of rclpy's API."""
