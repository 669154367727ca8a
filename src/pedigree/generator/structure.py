"""The structure of a saved network: what it may consist of, and how large it may be.

Keras builds whatever `config.json` describes, also layers that read files or that need more memory than there is. Its
safe mode only refuses code. So the description is checked before Keras allocates anything.
"""

import math
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import keras

LARGEST_SIDE = 1024  # pixels of a picture
LARGEST_LATENT = 16_384
LARGEST_MAP = 2**26  # numbers that a layer may compute for one picture; BigGAN at 128 px computes at most 2**22

MODEL = "Functional"
_MODELS = f"{MODEL} InputLayer DTypePolicy __keras_tensor__ __tuple__"
_LAYERS = """
    Activation Add Attention Average AveragePooling2D BatchNormalization Concatenate Conv2D Conv2DTranspose Cropping2D
    Dense DepthwiseConv2D Dropout EinsumDense ELU Embedding Flatten GlobalAveragePooling2D GlobalMaxPooling2D
    GroupNormalization LayerNormalization LeakyReLU MaxPooling2D Maximum Minimum Multiply MultiHeadAttention Permute
    PReLU RepeatVector Rescaling Reshape ReLU RMSNormalization SeparableConv2D Softmax Subtract UnitNormalization
    UpSampling2D ZeroPadding2D
"""
_OPERATIONS = """
    Abs Add Clip Divide Exp ExpandDims GetItem Log Matmul Max Maximum Mean Minimum Multiply Negative Pad Power Relu
    Reshape Rsqrt Sigmoid Split Sqrt Square Squeeze Subtract Sum Tanh Transpose TrueDivide
"""
_INITIALIZERS = """
    Constant GlorotNormal GlorotUniform HeNormal HeUniform Identity LecunNormal LecunUniform Ones Orthogonal
    RandomNormal RandomUniform TruncatedNormal VarianceScaling Zeros
"""
KINDS = frozenset(" ".join([_MODELS, _LAYERS, _OPERATIONS, _INITIALIZERS]).split())


def check_kinds(config: Any) -> None:
    """Check that a network only consists of Keras's layers for arithmetic, and of no networks.

    Raises:
        ValueError: naming the first part that is something else.
    """
    for part in _parts(config):
        kind, module = part["class_name"], part.get("module")
        is_keras = module is None or (isinstance(module, str) and f"{module}.".startswith("keras."))
        if not isinstance(kind, str) or kind not in KINDS or not is_keras:
            raise ValueError(f"its network has a part {str(kind)[:60]!r} of {str(module)[:60]!r}, which is not allowed")
        if kind == MODEL and part is not config:  # the sizes of its maps would not be checked
            raise ValueError("its network has another network as a part, which is not allowed")


def check_breeds(config: Any, breeds: int) -> None:
    """Check that a network knows at least as many breeds as the file names.

    Raises:
        ValueError: one of its tables of breeds has fewer rows.
    """
    for part in _parts(config):
        if part["class_name"] == "Embedding":
            rows = part["config"]["input_dim"]
            if not isinstance(rows, int) or rows < breeds:
                raise ValueError(f"the file names {breeds} breeds, and its network knows {str(rows)[:20]}")


def check_sizes(config: Any, weights: int, check: "Callable[[keras.Model], None]") -> None:
    """Check the sizes of a network before it is built with memory for its weights.

    Args:
        config: the content of `config.json`.
        weights: how many numbers the file has for the weights.
        check: raises a ValueError if the network's inputs or outputs are not as expected.

    Raises:
        ValueError: the network is not as expected, or is larger than a limit.
        Exception: it cannot be built. Keras raises exceptions of many types.
    """
    import keras

    with keras.StatelessScope(initialize_variables=False):  # variables have shapes, but no memory
        network: Any = keras.saving.deserialize_keras_object(config, safe_mode=True)
    count = sum(math.prod(variable.shape) for variable in network.variables)
    if count > weights:
        raise ValueError(f"its network has {count} weights, and the file has {weights}")
    check(network)
    for operation in network.operations:
        for output in keras.tree.flatten(operation.output):
            if math.prod(side or 1 for side in output.shape) > LARGEST_MAP:
                raise ValueError(f"its layer {operation.name[:60]!r} computes {output.shape} numbers for each picture")


def check_generator(network: "keras.Model") -> None:
    """Check that a network draws pictures from latents and breeds.

    Raises:
        ValueError: its inputs or outputs have other shapes.
    """
    inputs, outputs = [one.shape for one in network.inputs], [one.shape for one in network.outputs]
    if len(inputs) != 2 or len(inputs[0]) != 2 or len(inputs[1]) != 1 or not 0 < (inputs[0][1] or 0) <= LARGEST_LATENT:
        raise ValueError(f"its network takes {inputs}, expected latents (n, size) and breeds (n,)")
    side = outputs[0][1] if len(outputs[0]) == 4 else 0
    if len(outputs) != 1 or outputs[0][1:] != (side, side, 3) or not 0 < (side or 0) <= LARGEST_SIDE:
        raise ValueError(f"its network returns {outputs}, expected pictures (n, side, side, 3)")


def check_translator(network: "keras.Model") -> None:
    """Check that a network turns a picture into two of the same size.

    Raises:
        ValueError: its inputs or outputs have other shapes.
    """
    shapes = [one.shape for one in (*network.inputs, *network.outputs)]
    side = shapes[0][1] if len(shapes[0]) == 4 else 0
    if len(network.inputs) != 1 or not 0 < (side or 0) <= LARGEST_SIDE:
        raise ValueError(f"its network takes {shapes[: len(network.inputs)]}, expected pictures (n, side, side, 3)")
    if len(shapes) != 3 or any(shape[1:] != (side, side, 3) for shape in shapes):
        raise ValueError(f"its network turns {shapes[0]} into {shapes[1:]}, expected two such pictures")


def _parts(config: Any) -> Iterator[dict[str, Any]]:
    """Yield every object of a network's description that names a class."""
    values = [config]
    while values:
        value = values.pop()
        if isinstance(value, dict):
            if "class_name" in value:
                yield value
            values.extend(value.values())
        elif isinstance(value, list):
            values.extend(value)
