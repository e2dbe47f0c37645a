"""One self-contained HTML page about a run: what was trained, how well it does, how it behaved when things broke."""
