"""Which sample of which chunk is meant for an instant, and when to plan again: pure functions of time."""
