"""The names of the feature extractors, as `params.yaml`, reports and cache files use them."""

from typing import Literal, get_args

Lite0Name = Literal["efficientnet-lite0", "efficientnet-lite0-bfloat16"]
PackagedName = Literal[Lite0Name, "efficientnet-lite2"]  # the weights are in a Python package
InceptionName = Literal["inception-2015"]  # the weights are a local file, which `pedigree fetch` downloads
KerasName = Literal["nasnet-large", "resnet50-v2"]  # Keras downloads the weights, unless a local file is given
TrainedName = Literal["breed-classifier"]  # trained on the crops that it judges; only for `score.other_judges`

ExtractorName = Literal[PackagedName, InceptionName, KerasName]

PACKAGED: tuple[str, ...] = get_args(PackagedName)
INCEPTION: str = get_args(InceptionName)[0]
TRAINED: str = get_args(TrainedName)[0]
NAMES: tuple[str, ...] = get_args(ExtractorName)
