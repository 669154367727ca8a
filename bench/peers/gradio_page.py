"""A Gradio page that draws one dog, as its tutorials write it: the peer of `studio.py`. Needs Gradio and Keras.

python gradio_page.py GENERATOR.keras
"""

import sys

import gradio
import keras
import numpy as np
from PIL import Image

network = keras.saving.load_model(sys.argv[1])
latent_size = int(network.inputs[0].shape[-1])


def draw(label: float, seed: float) -> Image.Image:
    random = np.random.Generator(np.random.Philox(key=int(seed)))
    latent = random.standard_normal((1, latent_size), np.float32)
    drawn = np.asarray(network([latent, np.array([int(label)], np.int32)], training=False))
    return Image.fromarray(np.clip(np.rint((drawn[0] + 1) * 127.5), 0, 255).astype(np.uint8))


page = gradio.Interface(
    draw, [gradio.Number(label="breed"), gradio.Number(label="seed")], gradio.Image(format="png"), api_name="draw"
)
page.queue(max_size=None)
_, address, _ = page.launch(server_name="127.0.0.1", prevent_thread_lock=True, quiet=True)
print(address, flush=True)
page.block_thread()
