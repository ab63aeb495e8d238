"""Programs of others that tests need, and that `.ci/run` installs."""

import os
import shutil

import pytest


def program(name: str, source: str) -> str:
    """Return the program's path; without it fail under CI, where everything must run, and skip elsewhere."""
    found = shutil.which(name)
    if found is not None:
        return found
    reason = f"`{name}` is not installed ({source})"
    if os.environ.get("CI") == "true":
        pytest.fail(reason, pytrace=False)
    pytest.skip(reason)
