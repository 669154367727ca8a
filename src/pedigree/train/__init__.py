"""The train stage: the conditional GAN, its losses, its training loop and its monitoring."""
