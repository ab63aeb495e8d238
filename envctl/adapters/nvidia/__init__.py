"""Ways to NVIDIA's driver: where its library and program are, and how each is asked without ever waiting forever."""
