"""What ``doctor`` looks at besides the GPUs: one module a family, each with its nouns."""
