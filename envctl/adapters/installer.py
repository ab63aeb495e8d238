"""The installer of an image's build: the same uv as here, pinned by the hashes of all its files."""

from collections.abc import Mapping
from pathlib import Path

from packaging.utils import InvalidWheelFilename, parse_wheel_filename

from envctl.adapters.uv import program as uv
from envctl.domain.indexes.mirrors import Transport
from envctl.errors import IndexFailure
from envctl.ports import Runner
from envctl.readers.index_page import IndexFile

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


def files(
    run: Runner, environ: Mapping[str, str], transport: Transport, index: str | None
) -> dict[str, str]:
    """Return the wheels of the uv that is used here, as an index has them: name → sha256; raises ``IndexFailure``."""
    version = uv.version(run)
    place, page = _page(run, environ, transport, index)
    found = {
        file.name: file.hashes["sha256"]
        for file in page
        if _version(file.name) == version and "sha256" in file.hashes
    }
    if not found:
        raise IndexFailure(
            f"the index has no wheel of uv {version} with a sha256",
            where=place,
            hint="let it serve uv, which installs the packages in the image's build",
        )
    return found


def address(
    run: Runner, environ: Mapping[str, str], transport: Transport, index: str | None, name: str
) -> str:
    """Return where an index has one of uv's wheels; raises ``IndexFailure``."""
    place, page = _page(run, environ, transport, index)
    found = next((file.url for file in page if file.name == name), None)
    if found is None:
        raise IndexFailure(
            f"the index does not have {name} any more",
            where=place,
            hint="run `envctl dockerize --upgrade-base`, which takes the uv that is used here",
        )
    return found


def _page(
    run: Runner, environ: Mapping[str, str], transport: Transport, index: str | None
) -> tuple[str, tuple[IndexFile, ...]]:
    from envctl.adapters.index.client import IndexClient  # noqa: PLC0415  # lazy: HTTP
    from envctl.adapters.index.default import default_index  # noqa: PLC0415
    from envctl.adapters.index.logins import Logins, without_login  # noqa: PLC0415

    wanted = index or default_index()
    place = without_login(transport.mirror(wanted) or wanted)
    client = IndexClient(environ, Logins(environ, transport, run=run))
    return place, client.project(place, "uv") or ()


def _version(name: str) -> str | None:
    try:
        project, version, _, _ = parse_wheel_filename(name)
    except InvalidWheelFilename:
        return None
    return str(version) if project == "uv" else None
