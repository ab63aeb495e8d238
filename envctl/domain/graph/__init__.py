"""The locked graph: who needs whom, and how it is shown."""
