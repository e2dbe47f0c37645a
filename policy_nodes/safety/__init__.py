"""The safety core: supervisor, limits, signal watches, backups and the governor that joins them. No ROS, no clocks."""
