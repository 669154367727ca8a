"""The generator: its file, drawing pictures, and walks through its latent space."""
