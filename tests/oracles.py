"""Independent implementations to compare with: torch-fidelity's formulas, with or without PyTorch.

The formulas are NumPy code, but their modules import PyTorch to read images and to hold features. Without PyTorch (a
download of gigabytes), a small class replaces the tensors. The modules that read images are never imported.
"""

import contextlib
import importlib
import importlib.util
import sys
from pathlib import Path
from types import ModuleType

import numpy as np

_READERS = [
    "cache_lookup_one_recompute_on_miss",
    "create_feature_extractor",
    "extract_featuresdict_from_input_id_cached",
    "get_cacheable_input_name",
    "resolve_feature_extractor",
    "resolve_feature_layer_for_metric",
]


class Tensor(np.ndarray):
    """The methods of a tensor that torch-fidelity calls before it computes with NumPy."""

    def dim(self):
        return self.ndim

    def cpu(self):
        return self

    def numpy(self):
        return self.view(np.ndarray)


def _module(name, **content):
    module = ModuleType(name)
    module.__dict__.update(content)
    return module


def _stand_ins():
    """Return replacement modules: an empty package with the real one's path, its image reading, and torch."""
    folder = Path(importlib.util.find_spec("torch_fidelity").origin).parent
    readers = dict.fromkeys(_READERS)
    modules = [_module("torch_fidelity", __path__=[str(folder)]), _module("torch_fidelity.utils", **readers)]
    if importlib.util.find_spec("torch") is None:
        modules.append(
            _module(
                "torch",
                is_tensor=lambda value: isinstance(value, Tensor),
                from_numpy=lambda array: array.view(Tensor),
            )
        )
    return {module.__name__: module for module in modules}


@contextlib.contextmanager
def _installed(modules):
    before = set(sys.modules)
    sys.modules.update(modules)
    try:
        yield
    finally:
        for name in {name for name in sys.modules if name.split(".")[0] == "torch_fidelity"} | set(modules) - before:
            del sys.modules[name]


with _installed(_stand_ins()):
    torch = importlib.import_module("torch")
    metric_fid = importlib.import_module("torch_fidelity.metric_fid")
    metric_kid = importlib.import_module("torch_fidelity.metric_kid")


def fid(real, generated, dtype=np.float64):
    """Return torch-fidelity's Fréchet distance of two `(n, d)` arrays."""
    statistics = [metric_fid.fid_features_to_statistics(tensor) for tensor in _tensors(real, generated, dtype)]
    return metric_fid.fid_statistics_to_metric(*statistics, verbose=False)[metric_fid.KEY_METRIC_FID]


def kid(real, generated, subsets, subset_size, dtype=np.float64):
    """Return torch-fidelity's kernel distance of two `(n, d)` arrays, and its standard deviation over subsets."""
    sizes = {"kid_subsets": subsets, "kid_subset_size": subset_size, "verbose": False, "rng_seed": 2020}
    result = metric_kid.kid_features_to_metric(*_tensors(real, generated, dtype), **sizes)
    return result[metric_kid.KEY_METRIC_KID_MEAN], result[metric_kid.KEY_METRIC_KID_STD]


def _tensors(real, generated, dtype):
    return [torch.from_numpy(np.ascontiguousarray(sample, dtype)) for sample in (real, generated)]
