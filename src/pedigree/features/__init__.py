"""Features of pictures: the networks that extract them, and the cache."""
