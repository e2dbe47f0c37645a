"""Reactive diffusion policy: a slow policy over latent chunks, a fast decoder that also feels."""
