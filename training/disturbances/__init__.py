"""Things that go wrong around a robot in simulation, and what counts as harm, by task."""
