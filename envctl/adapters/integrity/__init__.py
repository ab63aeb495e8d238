"""The bytes of an environment: what was installed, what is there now, and how a changed file is put right."""
