"""What uv says, in the words of its versions, and what envctl makes of it."""

import pytest

from envctl.adapters.uv.failures import explain
from envctl.errors import HashMismatchError, IndexFailure, ProjectError, ResolutionError
from envctl.ports import Completed

URL = "http://127.0.0.1:9/simple/acme/"
END = "we can conclude that your project's requirements are unsatisfiable."
PROOF = (
    "error: No solution found when resolving dependencies for split (markers: none)\n"
    "  cause: Because acme>=2.0 depends on lib>=1 and your project depends on acme>=2, "
    "we can conclude that your project depends on lib>=1.\n"
    "         And because your project depends on lib<1 and your project requires "
    f"envctl-root[plot], {END}\n"
)
GROUPS = (
    "  x No solution found when resolving dependencies:\n"
    "  cause: Because envctl-root[plot] depends on lib<1.1 and envctl-root:dev depends on lib>1, "
    "we can conclude that envctl-root:dev and envctl-root[plot] are incompatible.\n"
    f"         And because your project requires envctl-root[plot] and envctl-root:dev, {END}\n"
    "\nhint: something\n"
)
REFUSED = (
    f"error: Failed to fetch: {URL}\n  cause: error sending request\n"
    "  cause: client error (Connect)\n  cause: Connection refused (os error 111)\n"
)
NO_HOST = (
    f"error: Failed to fetch: `{URL}`\n  Caused by: Could not connect, are you offline?\n"
    "  Caused by: dns error: failed to lookup address information\n"
)
SAID = [
    (
        REFUSED,
        IndexFailure,
        ("cannot read from the index at 127.0.0.1:9: connection refused", URL, "the proxy"),
    ),
    (
        NO_HOST,
        IndexFailure,
        ("127.0.0.1:9: there is no such host", URL),
    ),
    (
        f"error: Failed to fetch:\n       {URL}\n  cause: invalid peer certificate: UnknownIssuer\n",
        IndexFailure,
        ("its certificate is not trusted", URL, "CA bundle in SSL_CERT_FILE"),
    ),
    (
        f"error: Failed to fetch: `{URL}`\n  Caused by: HTTP status client error (410 Gone) for url",
        IndexFailure,
        ("answered 410 Gone", URL),
    ),
    (
        f"error: Failed to fetch: `{URL}`\n  Caused by: HTTP status client error (401 Unauthorized)",
        IndexFailure,
        ("refused the request (401 Unauthorized)", URL, "~/.netrc"),
    ),
    (
        "error: Failed to write to `/x y/cache/a`: No space left on device (os error 28)",
        ProjectError,
        ("the disk is full: no space left on device", "/x y/cache/a", "UV_CACHE_DIR"),
    ),
    (
        "error: failed to create directory `/cache`: Permission denied (os error 13)",
        ProjectError,
        ("uv cannot write: permission denied", "/cache", "UV_CACHE_DIR"),
    ),
    (
        "error: Failed to download `acme==1`\n  cause: Hash mismatch for `acme==1`\n",
        HashMismatchError,
        ("the file for `acme==1`", "pylock.toml", "--upgrade-package acme"),
    ),
    (
        "  cause: Because acme was not found in the package registry and your project depends on acme",
        ResolutionError,
        ("no package `acme`", "pyproject.toml", "correct its name"),
    ),
    (
        "Failed to build `acme @ file:///p/a%20b`\ncause: /p/a b does not appear to be a Python project",
        ResolutionError,
        ("there is no project at `/p/a b`", "pyproject.toml", "correct the address of `acme`"),
    ),
    (
        "error: Failed to build `acme @ file:///p/a`\n  cause: Call to a build backend failed",
        ResolutionError,
        ("`acme @ file:///p/a` has no wheel", "pyproject.toml", "[tool.envctl.build.acme]"),
    ),
    (
        PROOF,
        ResolutionError,
        (
            "no version of `lib` suits all who ask for it:\n",
            "\n    the project asks for acme>=2\n",
            "\n    the project asks for lib<1\n",
            "\n    acme>=2.0 needs lib>=1\n",
            "pyproject.toml",
            "relax",
        ),
    ),
    (
        GROUPS,
        ResolutionError,
        ("the extra `plot` asks for lib<1.1\n", "the group `dev` asks for lib>1\n"),
    ),
]


@pytest.mark.parametrize(("stderr", "kind", "words"), SAID)
def test_a_failure_is_explained(stderr: str, kind: type[Exception], words: tuple[str, ...]) -> None:
    error = explain(Completed(argv=("uv", "lock", "--quiet"), code=2, stdout="", stderr=stderr))
    assert type(error) is kind
    text = f"{error}\n{error.where}\n{error.hint}"
    for word in words:
        assert word in text
    assert "envctl-root" not in text
    assert "unsatisfiable" not in text
    assert error.where
    assert error.hint
    assert error.details == stderr.strip()


def test_what_nobody_knows_is_shown_with_its_last_cause() -> None:
    stderr = "error: The moon is full\n  cause: tides\n  cause: gravity\n"
    error = explain(Completed(argv=("uv", "pip", "sync"), code=2, stdout="", stderr=stderr))
    assert error.exit_code == 4
    assert error.message == "uv ended with code 2: The moon is full: gravity"
    assert error.where == "uv pip sync"
