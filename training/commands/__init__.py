"""The commands of `keel` that need the trainer: one module each, with `Args` and `run`."""
