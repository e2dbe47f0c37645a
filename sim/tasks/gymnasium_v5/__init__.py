"""Gymnasium's MuJoCo v5 locomotion benchmarks as batched tasks: same models, observations, rewards, terminations.

Models come from the installed ``gymnasium`` package. The tests step each task beside ``gymnasium.make`` and compare.
Sources: Gymnasium documentation, "MuJoCo environments"; Todorov, Erez, Tassa 2012; Schulman et al. 2015
(arXiv 1506.02438); Tassa et al. 2012 (Humanoid).
"""
