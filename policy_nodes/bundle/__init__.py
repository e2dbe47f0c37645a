"""The policy bundle: a deployment contract that cannot be misread."""
