"""The train stage: the conditional GAN, its losses, its training and what watches it."""
