"""The Python models of the image `triton`: what stands around an engine or an encoder."""
