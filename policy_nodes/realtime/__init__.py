"""Control loops with absolute deadlines, latency histograms and process scheduling. No ROS."""
