"""What ``import isaacgym`` finds after ``sim.isaacgym.install()``: the tensor API on N MuJoCo worlds."""
