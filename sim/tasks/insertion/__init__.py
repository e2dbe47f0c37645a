"""Panda insertion: a square peg from the table into a square hole, felt through the forces on the gripper."""
