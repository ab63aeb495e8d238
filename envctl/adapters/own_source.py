"""Where this envctl was installed from, as far as another machine can take it from there (PEP 610)."""

import json
from importlib import metadata

from envctl.domain.variables import holds_login

_DISTRIBUTION = "envctl-gpu"


def own_source() -> str | None:
    """Return ``git+https://…@COMMIT``; ``None`` for a folder of this machine, and for an address with a login."""
    try:
        told = json.loads(metadata.distribution(_DISTRIBUTION).read_text("direct_url.json") or "")
        url, commit = str(told["url"]), str(told["vcs_info"]["commit_id"])
    except (metadata.PackageNotFoundError, ValueError, LookupError, TypeError, OSError):
        return None
    if not url.startswith("https://") or holds_login(url) or told["vcs_info"].get("vcs") != "git":
        return None
    folder = told.get("subdirectory")
    return f"git+{url}@{commit}" + (f"#subdirectory={folder}" if folder else "")
