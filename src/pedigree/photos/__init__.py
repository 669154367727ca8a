"""Facts about the photos before they are cropped: annotations, the census, and the verdict of validation."""
