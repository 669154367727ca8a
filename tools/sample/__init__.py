"""The embedded sample: drawn photos of invented dog breeds, in the archive layout of Stanford Dogs.

`python -m tools.sample` redraws `data/sample/*.tar`, byte for byte. A photo is a function of (seed, breed, number). Its
dog is a set of round cones (`anatomy`), which are rasterised into a z-buffer (`surface`), coloured by the markings of
the breed (`coat`) and lit in front of a background that does not depend on the breed (`scenery`, `rendering`).

Every machine draws the same bytes. Pixels are therefore computed element by element with operations that IEEE 754
rounds exactly (+ − × ÷ √). Matrix products and transcendental functions are avoided, because their last bits depend on
the processor.
"""
