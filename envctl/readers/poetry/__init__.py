"""Poetry's table in ``pyproject.toml``."""
