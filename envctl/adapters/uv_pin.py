"""uv as a requirement pinned by hash: what an image's build stage installs it from."""

from collections.abc import Mapping

from envctl.adapters.index_client import IndexClient
from envctl.adapters.piptools import default_index
from envctl.errors import IndexFailure


def pinned(version: str, index: str | None, environ: Mapping[str, str]) -> str:
    """Return ``uv==V --hash=sha256:…`` with the hash of every Linux wheel of that version.

    Raises ``IndexFailure`` when the index does not have it, or gives no hashes.
    """
    address = index or default_index()
    files = IndexClient(environ).project(address, "uv") or ()
    hashes = sorted(
        file.hashes["sha256"]
        for file in files
        if file.name.startswith(f"uv-{version}-")
        and "linux" in file.name
        and "sha256" in file.hashes
    )
    if not hashes:
        raise IndexFailure(
            f"the index has no wheels of uv {version}, which installs the packages in the image",
            where=address,
            hint="add uv to that index, or let it pass through to one that has it",
        )
    return " ".join([f"uv=={version}", *(f"--hash=sha256:{each}" for each in hashes)])
