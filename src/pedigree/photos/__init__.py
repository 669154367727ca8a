"""What is known of a photo before it is cropped: its annotation and its row in the census."""
