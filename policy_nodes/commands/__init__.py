"""Commands that need only the runtime; each module has `Args` and `run(args) -> int`."""
