"""What must know Keras's backend: the gradient step and the device, one small file a backend."""
