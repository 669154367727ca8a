"""The unpack stage: archives to data/raw."""
