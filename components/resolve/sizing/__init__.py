"""Will it fit, and how fast: arithmetic on a model's architecture and a GPU, every term named. Pure.

`quantization` bytes of a matrix · `weights` a GPU's part of the model · `cache` the KV cache · `overhead` what else
takes memory · `layouts` the splits that vLLM accepts · `fit` all of it against one GPU · `choose` the cheapest
layout, and what else would work · `speed` time of a step · `traffic` requests a second to replicas and latencies.
"""
