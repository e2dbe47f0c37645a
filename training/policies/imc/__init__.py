"""Information maximizing curriculum: a mixture of experts, each with a curriculum of its own."""
