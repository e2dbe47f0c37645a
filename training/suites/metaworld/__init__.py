"""MetaWorld: a Sawyer arm with a parallel gripper and fifty table-top tasks (McLean et al., arXiv 2505.11289)."""
