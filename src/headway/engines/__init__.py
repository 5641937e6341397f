"""The training process: the only room that may import torch."""
