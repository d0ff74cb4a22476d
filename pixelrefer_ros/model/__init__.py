"""The network: PixelRefer and PixelRefer-Lite, as in the paper and the official checkpoints."""
