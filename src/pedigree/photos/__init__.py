"""Facts about the photos before they are cropped: annotations, the census, the verdict of validation, what to cut."""
