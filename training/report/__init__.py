"""One self-contained HTML page about a run: what was trained, how well it does, and how it behaved when things broke."""
