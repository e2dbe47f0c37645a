"""One module per interface; each holds a batched environment and translates."""
