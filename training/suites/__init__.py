"""Third-party tasks as simulated robots: each behind the topics, units and time of a real one."""
