"""The validate stage: the census of data/raw, judged by Great Expectations."""
