"""`pedigree studio`: a web page that draws dogs, and its API."""
