"""The unpack stage: unpacks the archives of photos and annotations into data/raw."""
