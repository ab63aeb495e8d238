"""The instructions that several stages write, in one spelling."""

from collections.abc import Iterable

DATE = "touch --no-dereference --date=1980-01-01T00:00:00Z"
"""One date for all files: the same layer whenever and wherever it is made."""

FINISH = (
    "rm -f /opt/venv/.lock",
    f"find /opt/venv -exec {DATE} {{}} +",
    "chmod -R a+rX,a-w /opt/venv",
)
"""What makes a filled environment the same bits on every machine."""

SYNC = (
    "UV_LINK_MODE=copy UV_PYTHON_DOWNLOADS=never"
    " UV_COMPILE_BYTECODE=1 PYC_INVALIDATION_MODE=CHECKED_HASH"
    " /opt/uv/bin/uv pip sync --no-config --no-build --preview-features pylock"
    " --python /opt/venv/bin/python"
)
"""The installer, but for the list that it installs: exactly that one, without a resolver."""


def run(mounts: Iterable[str], commands: Iterable[str]) -> tuple[str, ...]:
    """Write one RUN in the shell's form; only fixed text and checked names may come here."""
    head = " \\\n    ".join(mounts)
    body = " \\\n && ".join(commands)
    return (f"RUN {head} \\\n    {body}" if head else f"RUN {body}",)
