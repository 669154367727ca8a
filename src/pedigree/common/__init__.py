"""What several packages share: files, progress bars, breed names, packed crops, grids and films, measures."""
