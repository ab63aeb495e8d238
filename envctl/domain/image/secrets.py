"""What looks like a secret: in a file's name, in its bytes, or in what a layer was made by.

The forms are those that their issuers publish for such searches. What is found is named by its kind, never shown.
"""

import re
from collections.abc import Iterator

from envctl.domain.variables import looks_secret

# A word that must be there → what it may be, told from the rest. `in` is quick, and most files hold none of the words.
_FORMS: tuple[tuple[bytes, re.Pattern[bytes], str], ...] = (
    (
        b"PRIVATE KEY-----",
        re.compile(rb"-----BEGIN (?:[A-Z0-9]+ )*PRIVATE KEY-----\s+[A-Za-z0-9+/=:,\s-]{40}"),
        "a private key",
    ),
    (b"AKIA", re.compile(rb"(?<![A-Za-z0-9])AKIA[0-9A-Z]{16}(?![A-Za-z0-9])"), "an AWS key"),
    *(
        (kind, re.compile(rb"\b" + kind + rb"[A-Za-z0-9]{36,}"), "a GitHub token")
        for kind in (b"ghp_", b"gho_", b"ghu_", b"ghs_", b"ghr_")
    ),
    (b"github_pat_", re.compile(rb"github_pat_[A-Za-z0-9_]{60,}"), "a GitHub token"),
    (b"glpat-", re.compile(rb"\bglpat-[A-Za-z0-9_-]{20,}"), "a GitLab token"),
    (b"hf_", re.compile(rb"(?<![A-Za-z0-9_])hf_[A-Za-z0-9]{34,}"), "a Hugging Face token"),
    (b"pypi-AgE", re.compile(rb"pypi-AgE[A-Za-z0-9_-]{50,}"), "an index's token"),
    (b"xox", re.compile(rb"\bxox[abprs]-[A-Za-z0-9-]{20,}"), "a Slack token"),
    (b"AIza", re.compile(rb"(?<![A-Za-z0-9_-])AIza[A-Za-z0-9_-]{35}"), "a Google key"),
    (b"sk-ant-", re.compile(rb"\bsk-ant-[A-Za-z0-9_-]{30,}"), "an Anthropic key"),
    (b"_authToken", re.compile(rb"_authToken\s*=\s*[^\s$]{8,}"), "an npm token"),
    (
        b"://",
        re.compile(rb"\bhttps?://[^\s/:@\"'<>{}$]{1,80}:[^\s/:@\"'<>{}$]{6,}@[A-Za-z0-9.-]+"),
        "an address with a password",
    ),
)
# The whole path, or its end.
_NAMES: tuple[tuple[re.Pattern[str], str], ...] = (
    (re.compile(r"(?:^|/)[._]netrc$"), "a .netrc: logins"),
    (re.compile(r"(?:^|/)\.git-credentials$"), "git's logins"),
    (re.compile(r"(?:^|/)\.pypirc$"), "an index's logins"),
    (re.compile(r"(?:^|/)\.(?:docker/config\.json|dockercfg)$"), "the engine's logins"),
    (re.compile(r"(?:^|/)\.aws/credentials$"), "AWS's logins"),
    (re.compile(r"(?:^|/)\.kube/config$"), "a cluster's logins"),
    (re.compile(r"(?:^|/)\.config/gcloud/.*credentials"), "Google's logins"),
    (re.compile(r"(?:^|/)\.(?:cache/)?huggingface/(?:token|stored_tokens)$"), "a token"),
    (re.compile(r"(?:^|/)id_(?:rsa|dsa|ecdsa|ed25519)$"), "a private key"),
    (re.compile(r"(?:^|/)\.env(?:\.[A-Za-z0-9_-]+)?$"), "a file of variables"),
    (re.compile(r"^(?:var/)?run/secrets/."), "a build's secret"),
)
_TEMPLATES = (".env.example", ".env.sample", ".env.template", ".env.dist")
_ASSIGNED = re.compile(r"(?:^|[\s|'\"])([A-Za-z_][A-Za-z0-9_]*)=(?P<value>\"[^\"]*\"|'[^']*'|\S*)")
_HOLLOW = re.compile(r"[\"']?(?:\$.*)?[\"']?")


def in_name(path: str) -> str | None:
    """Return what a file is by its path, when that is a secret."""
    if path.endswith(_TEMPLATES):
        return None
    return next((what for form, what in _NAMES if form.search(path)), None)


def in_bytes(content: bytes) -> Iterator[str]:
    """Yield the kinds of secrets that a file's bytes look like."""
    for word, form, what in _FORMS:
        if word in content and form.search(content):
            yield what


def in_history(text: str) -> Iterator[str]:
    """Yield what a layer's command gives away: build arguments and variables with a value, and tokens as such.

    An engine writes the build arguments that a step was run with in front of it: ``|1 TOKEN=… /bin/sh -c …``.
    """
    for found in _ASSIGNED.finditer(text):
        # `GPG_KEY` of the official Python images is the fingerprint of a public one.
        if (
            looks_secret(found[1])
            and found[1] != "GPG_KEY"
            and not _HOLLOW.fullmatch(found["value"])
        ):
            yield f"the value of {found[1]}"
    yield from in_bytes(text.encode("utf-8", "surrogateescape"))
