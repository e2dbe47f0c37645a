"""A Panda arm that brings its tool to a goal in the air and keeps clear of a sphere."""
