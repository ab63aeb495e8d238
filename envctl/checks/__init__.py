"""The agreements that ``verify`` looks for: one module a layer, each a pure function to findings."""
