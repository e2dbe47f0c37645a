"""The sim-to-sim gate: deployed code against worlds that differ from the one in which the policy was trained."""
