"""Tasks: one package per task, each with a world, a scripted expert and a Gymnasium environment."""
