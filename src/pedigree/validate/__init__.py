"""The validate stage: takes the census of data/raw and judges it with Great Expectations."""
