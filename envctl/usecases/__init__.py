"""The verbs: one file each; they take ports, return results and print nothing."""
