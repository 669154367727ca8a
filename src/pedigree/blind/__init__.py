"""The blind test: people who know nothing of the pictures say of each whether it is a dog, a photo, and of which breed.

Generated pictures are mixed with held-out photos, which show what the same people say of real dogs of the same size.
"""
