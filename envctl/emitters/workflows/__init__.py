"""Workflows for GitHub Actions: one that checks each change, one that proposes newer packages."""
