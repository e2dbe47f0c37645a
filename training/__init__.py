"""Keel's learning side: datasets, policies, training, export with proof, closed-loop evaluation."""
