"""Barrier filter: the command nearest to the wanted one after which the robot can still stop clear of everything."""
