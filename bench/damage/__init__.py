"""What `ladders.py` is made of: the damages, and what it takes for a metric to see one."""
