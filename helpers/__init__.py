"""What the notebooks share: from raw speech files to a trained, tested and questioned classifier."""
