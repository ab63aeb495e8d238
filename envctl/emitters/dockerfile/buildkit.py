"""The flavour for BuildKit, engines from 20.10 on: the build fetches the wheels, by cache, secret and bind mounts."""

from envctl.domain.image import Image
from envctl.domain.image.layers import Part
from envctl.emitters.dockerfile.steps import FINISH, SYNC, run

NAME = "buildkit"
BEHIND_A_PROXY = "--network host --secret id=ca,src=/etc/ssl/certs/ca-certificates.crt"
_CA = "/run/secrets/ca"
_SECRETS = (
    f"--mount=type=secret,id=ca,target={_CA}",
    "--mount=type=secret,id=netrc,target=/root/.netrc",
)
_PIP = "--no-cache-dir --disable-pip-version-check --require-hashes --no-deps --only-binary=:all:"


def how_to_build(image: Image) -> tuple[str, ...]:
    """Return the comment that says how a person builds it."""
    return (
        "#",
        f"# Build:                   docker build --tag NAME --file {image.names.dockerfile} .",
        "# behind a proxy or with a company's CA, add:",
        f"#                          {BEHIND_A_PROXY}",
        "# for an index with login: --secret id=netrc,src=$HOME/.netrc",
        "# Neither secret stays in a layer. Engines before 23 need DOCKER_BUILDKIT=1 in the environment.",
    )


def installer(image: Image) -> tuple[str, ...]:
    """Return the stage ``uv``: fetched by hash from the project's index."""
    return (
        "",
        "FROM base AS uv",
        *run(
            [_bind(image, "uv.txt"), *_SECRETS],
            [
                f"if [ -s {_CA} ]; then export PIP_CERT={_CA}; fi",
                "python3 -m venv /opt/uv",
                f"/opt/uv/bin/python -m pip install {_PIP} -r /tmp/uv.txt",
            ],
        ),
    )


def install(image: Image, part: Part) -> tuple[str, ...]:
    """Install exactly one list, without a resolver; then the same bits and dates on every machine."""
    name = f"pylock.{part}.toml"
    filled = any(True for _ in image.items)
    mounts = [
        "--mount=type=bind,from=uv,source=/opt/uv,target=/opt/uv",
        _bind(image, name),
        "--mount=type=cache,id=envctl-uv,target=/root/.cache/uv",
        *_SECRETS,
    ]
    trust = f"if [ -s {_CA} ]; then export SSL_CERT_FILE={_CA}; fi"
    return run(mounts, [trust, f"{SYNC} /tmp/{name}", *FINISH]) if filled else run([], FINISH)


def system_packages(image: Image) -> tuple[str, ...]:
    """Install the Debian packages that the manifest names."""
    if not image.system_packages:
        return ()
    unpinned = (
        "# The manifest names them without a version: Debian's of the day of the build.",
        "# hadolint ignore=DL3008",
    )
    pinned = all("=" in package for package in image.system_packages)
    return (
        *(() if pinned else unpinned),
        *run(
            [
                "--mount=type=cache,target=/var/cache/apt,sharing=locked",
                "--mount=type=cache,target=/var/lib/apt,sharing=locked",
                _SECRETS[0],
            ],
            [
                f"if [ -s {_CA} ]; then set -- -o Acquire::https::CaInfo={_CA}; fi",
                'apt-get "$@" update',
                'apt-get "$@" install -y --no-install-recommends '
                + " ".join(image.system_packages),
                "rm -rf /var/log/apt /var/log/dpkg.log /var/cache/ldconfig/aux-cache",
            ],
        ),
    )


def _bind(image: Image, name: str) -> str:
    return f"--mount=type=bind,source={image.names.folder}/{name},target=/tmp/{name}"
