"""The weights program: `mirror` copies a model from the hub to a place, `fetch` from a place to a folder.

Its contract with the graph is `CONTRACT.md` in the folder above. It imports nothing of llmform, because the image
holds it alone, and its modules import each other by relative names, so that it runs under any name.
"""
