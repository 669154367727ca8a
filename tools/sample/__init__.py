"""The embedded sample: drawn photos of invented dog breeds, in Stanford Dogs' archive layout.

`python -m tools.sample` redraws `data/sample/*.tar`, byte for byte. A photo is a function of (seed, breed, number):
its dog is a set of round cones (`anatomy`) rasterised into a z-buffer (`surface`), coloured by its breed's markings
(`coat`) and lit in front of a background that knows nothing of the breed (`scenery`, `rendering`).

So that every machine draws the same bytes, pixels are computed by operations that IEEE 754 rounds exactly (+ − × ÷ √),
element by element: no matrix products and no transcendental functions, whose last bits depend on the processor.
"""
