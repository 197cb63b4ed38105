"""The image `weights`: a program that copies a model's files and vouches for them."""
