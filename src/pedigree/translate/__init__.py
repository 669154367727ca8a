"""The optional stage translate: a CycleGAN between two breeds, trained by the loop of `train`, and its report."""
