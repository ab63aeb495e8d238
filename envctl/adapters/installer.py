"""The installer of an image's build: the same uv as here, pinned by the hashes of all its files."""

from pathlib import Path

from envctl.adapters.uv import program as uv
from envctl.ports import Runner

_OPTIONS = ("--generate-hashes", "--no-deps", "--no-header", "--no-annotate", "--quiet")


def pin(run: Runner, workspace: Path, index: str | None) -> str:
    """Return ``uv==… --hash=sha256:… …`` as an index tells it; raises ``IndexFailure``, ``ResolutionError``.

    uv itself is asked, because it knows the default index, logins and proxies. ``index`` is the manifest's default.
    """
    wanted = workspace / "installer.in"
    wanted.write_text(f"uv=={uv.version(run)}\n", encoding="utf-8")
    place = ("--default-index", index) if index else ()
    text = uv.call(run, ["pip", "compile", *_OPTIONS, *place, wanted.name], cwd=workspace)
    return " ".join(text.replace("\\\n", " ").split())
