"""uv as a program: where it is, the environment it is given, and what its errors mean.

Personal configuration may supply transport only (proxy, CA bundle, credentials, cache): every other ``UV_*`` and
``PIP_*`` variable is dropped and no configuration file but ours is read, so that two teammates get the same answer.
"""

import os
import re
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path

from envctl.errors import (
    EnvctlError,
    HashMismatchError,
    IndexFailure,
    ProjectError,
    ResolutionError,
    ToolFailedError,
    ToolMissingError,
)
from envctl.ports import Completed, Runner

_TRANSPORT = re.compile(
    r"UV_(CACHE_DIR|SYSTEM_CERTS|NATIVE_TLS|HTTP_TIMEOUT|HTTP_CONNECT_TIMEOUT|HTTP_RETRIES|OFFLINE"
    r"|KEYRING_PROVIDER|CONCURRENT_\w+|LINK_MODE|LOCK_TIMEOUT|INDEX_\w+_(USERNAME|PASSWORD))"
)
_CA_BUNDLES = ("PIP_CERT", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE")


@cache
def binary() -> str:
    """Return the path of the uv that is installed beside envctl; raises ``ToolMissingError``."""
    try:
        from uv import find_uv_bin  # noqa: PLC0415  # lazy: most commands never need it

        return find_uv_bin()
    except (ImportError, FileNotFoundError) as error:
        raise ToolMissingError(
            "uv was not found beside envctl", hint="reinstall envctl: uv is one of its dependencies"
        ) from error


def environment(environ: Mapping[str, str]) -> dict[str, str]:
    """Return the environment for uv: the caller's, less what could change the result."""
    kept = {
        name: value
        for name, value in environ.items()
        if not name.startswith(("UV_", "PIP_")) or _TRANSPORT.fullmatch(name)
    }
    for name in ("VIRTUAL_ENV", "CONDA_PREFIX", "PYTHONPATH", "PYTHONHOME"):
        kept.pop(name, None)
    bundle = next((environ[name] for name in _CA_BUNDLES if environ.get(name)), None)
    if bundle and not environ.get("SSL_CERT_FILE"):
        kept["SSL_CERT_FILE"] = bundle
    return kept | {"UV_PYTHON_DOWNLOADS": "never", "UV_NO_PROGRESS": "1", "NO_COLOR": "1"}


def call(run: Runner, arguments: Sequence[str], *, cwd: Path, config: Path | None = None) -> str:
    """Run uv and return its stdout; raises the error that its stderr amounts to."""
    configuration = ["--config-file", str(config)] if config else ["--no-config"]
    done = run([binary(), *arguments, *configuration], cwd=cwd, env=environment(os.environ))
    if done.code != 0:
        raise failure(done)
    return done.stdout


def version(run: Runner) -> str:
    """Return uv's version, for example ``0.13.8``: from its metadata folder's name, or else asked of uv itself."""
    import uv  # noqa: PLC0415

    for folder in Path(uv.__file__).parents[1].glob("uv-*.dist-info"):
        return folder.name.removesuffix(".dist-info").partition("-")[2]
    words = run([binary(), "--version"], env=environment(os.environ)).stdout.split()
    return words[1] if len(words) > 1 else "unknown"


def failure(done: Completed) -> EnvctlError:
    """Turn uv's stderr into one clear error; the original is kept as ``details``."""
    text = done.stderr
    for pattern, make in _MEANINGS:
        match = re.search(pattern, text, re.DOTALL)
        if match:
            error = make(match)
            error.details = text.strip()
            return error
    first = next((line for line in text.splitlines() if line.startswith("error")), "")
    return ToolFailedError(
        f"uv ended with code {done.code}: {first.removeprefix('error: ') or 'it said nothing'}",
        where=" ".join(done.argv[1:3]),
        hint="run again with --verbose to see all that uv said",
        details=text.strip(),
    )


def _absent(match: re.Match[str]) -> EnvctlError:
    return ResolutionError(
        f"there is no package `{match[1]}` on the index",
        hint=f"correct its name in pyproject.toml, or add the index that has `{match[1]}`",
    )


def _unsolvable(match: re.Match[str]) -> EnvctlError:
    reason = " ".join(match[1].split())
    for before, after in (
        (r",? we can conclude that your project's requirements are unsatisfiable\.?", ""),
        (r"^Because ", ""),
        (r"your project depends on", "the project asks for"),
    ):
        reason = re.sub(before, after, reason)
    return ResolutionError(
        f"no versions satisfy all requirements: {reason}",
        where="pyproject.toml",
        hint="relax or remove one of the requirements named above",
    )


def _refused(match: re.Match[str]) -> EnvctlError:
    return IndexFailure(
        f"the index refused the request ({match[1]})",
        hint="put your credentials for it into ~/.netrc, your keyring or UV_INDEX_<NAME>_USERNAME/_PASSWORD",
    )


def _unreachable(match: re.Match[str]) -> EnvctlError:
    return IndexFailure(
        f"cannot fetch `{match[1]}`",
        hint="check the network, the proxy and the CA bundle (SSL_CERT_FILE), then run it again",
    )


def _wrong_hash(match: re.Match[str]) -> EnvctlError:
    return HashMismatchError(
        f"the file for {match[1]} is not the one in the lock (its hash differs)",
        where="pylock.toml",
        hint="ask whoever runs the index; if the new file is right: "
        f"`envctl lock --upgrade {match[1].partition('==')[0]}`",
    )


def _no_space(_match: re.Match[str]) -> EnvctlError:
    return ProjectError("the disk is full", hint="free some space, then run it again")


def _unbuildable(match: re.Match[str]) -> EnvctlError:
    return ResolutionError(
        f"`{match[1]}` has no wheel for this and could not be built from source",
        hint=f"choose another version of `{match[1]}`, or install what its build needs",
    )


_MEANINGS = (
    (r"No space left on device", _no_space),
    (r"Hash mismatch for `([^`]+)`", _wrong_hash),
    (r"\b(401 Unauthorized|403 Forbidden)", _refused),
    (r"Because ([\w.-]+) was not found in the package registry", _absent),
    (r"Failed to fetch: `([^`]+)`", _unreachable),
    (r"[Rr]equest failed.*?[`(](https?://[^`)]+)[`)]", _unreachable),
    (r"Failed to build `([^`]+)`", _unbuildable),
    (r"No solution found.*?cause: (.*?)(?:\n\s*\n|\n\s*hint:|\Z)", _unsolvable),
)
