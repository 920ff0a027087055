"""The training loop and what it needs: data on the device, optimizers, checkpoints."""
