"""How Sphinx builds the documentation: ``python3 noxfile.py docs``."""

from envctl import __version__

project = "envctl"
author = "envctl contributors"
copyright = "2026, envctl contributors"  # noqa: A001  # Sphinx's name
version = release = __version__

extensions = ["myst_parser", "sphinx_click"]
myst_enable_extensions = ["colon_fence", "deflist"]
myst_heading_anchors = 3
exclude_patterns = ["_build"]
nitpicky = True

html_theme = "furo"
html_title = f"envctl {__version__}"
