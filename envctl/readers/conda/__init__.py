"""conda's files: ``environment.yml`` and what an installed environment says of itself."""
