"""From live messages to action chunks: observation assembly, sessions, execution providers."""
