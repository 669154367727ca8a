"""What every stage uses: files, progress, breed names, packed crops, grids and films."""
