"""The parts of the environments' adapter: what `.venv` is, how it is made, taken, and cleared away."""
