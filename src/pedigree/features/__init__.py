"""Feature networks and the cache of features."""
