"""The trained generator: its file, drawing with it, walks through its latents."""
