"""Commands of ``keel`` that need only the simulator."""
