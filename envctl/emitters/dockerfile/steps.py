"""The instructions that several stages write, in one spelling."""

from collections.abc import Iterable
from dataclasses import dataclass

DATE = "touch --no-dereference --date=1980-01-01T00:00:00Z"
"""One date for all files: the same layer whenever and wherever it is made."""

FINISH = (
    # uv's lock, and what `venv` writes from Python 3.13 on.
    "rm -f /opt/venv/.lock /opt/venv/.gitignore",
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

_INFOS = "find /opt/venv/lib/python3*/site-packages -maxdepth 2"
_FORGET = r"sed -i '/\.dist-info\/uv_cache\.json,sha256=/d'"
TIDY = (
    f"{_INFOS} -path '*.dist-info/uv_cache.json' -delete",
    f"{_INFOS} -path '*.dist-info/RECORD' -exec {_FORGET} {{}} +",
)
"""What removes uv's notes about wheels from a disk (their times), as ``envctl.adapters.dist_info`` does for .venv."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Added:
    """Files of the project that come into the image, as one step each: their paths, the last of which is in the image.

    ``made`` are the files and folders that come of it, all below ``folder``; they get the ``mode``. ``where`` is said
    to whom a path cannot be written.
    """

    stage: str
    folder: str
    mode: str
    copies: tuple[tuple[str, ...], ...]
    made: tuple[str, ...]
    where: str


def run(mounts: Iterable[str], commands: Iterable[str]) -> tuple[str, ...]:
    """Write one RUN in the shell's form; only fixed text and checked names may come here."""
    head = " \\\n    ".join(mounts)
    body = " \\\n && ".join(commands)
    return (f"RUN {head} \\\n    {body}" if head else f"RUN {body}",)
