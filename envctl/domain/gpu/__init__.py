"""Dated tables of what NVIDIA and PyTorch publish: drivers, cards, builds; look-ups only."""
