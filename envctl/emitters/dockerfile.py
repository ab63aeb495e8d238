"""The Dockerfile: four build stages and the final one, for BuildKit and for engines from 20.10 on.

``uv`` holds the installer, pinned by hash. ``heavy`` and ``light`` each fill an empty environment of their own, so
that the final stage has one layer per part and a change in one leaves the other alone. What is written there is made
reproducible and read-only in those stages: after the copy, it would be stored twice.
"""

from collections.abc import Iterable, Mapping

from envctl.domain.image import Image, header
from envctl.domain.image.layers import Part
from envctl.emitters import image_metadata as metadata
from envctl.emitters.quoting import value, words

_CA = "/run/secrets/ca"
_SECRETS = (
    f"--mount=type=secret,id=ca,target={_CA}",
    "--mount=type=secret,id=netrc,target=/root/.netrc",
)
BEHIND_A_PROXY = "--network host --secret id=ca,src=/etc/ssl/certs/ca-certificates.crt"
_PIP = "--no-cache-dir --disable-pip-version-check --require-hashes --no-deps --only-binary=:all:"
_DATE = "touch --no-dereference --date=1980-01-01T00:00:00Z"
# By hand, because useradd writes today's date: the same layer whenever and wherever it is made.
_USER = (
    "echo 'app:x:10001:0::/var/cache/app:/bin/sh' >> /etc/passwd",
    "install -d -m 1777 /var/cache/app",
    f"{_DATE} /etc/passwd /etc /var/cache/app /var/cache",
)
_PREFLIGHT = ("/opt/venv/bin/python", "-I", "-S", "/opt/envctl/preflight.py", "--phase")


def emit(image: Image, files: Mapping[str, str]) -> tuple[str, ...]:
    """Return the lines of the block; ``files`` are the companions in the image's folder, by name."""
    return (
        *header(image, files),
        *_how_to_build(image),
        "",
        f"FROM {image.base.pinned} AS base",
        *_uv(image),
        *_parts(image),
        *_final(image),
    )


def _how_to_build(image: Image) -> tuple[str, ...]:
    return (
        "#",
        f"# Build:                   docker build --tag NAME --file {image.names.dockerfile} .",
        "# behind a proxy or with a company's CA, add:",
        f"#                          {BEHIND_A_PROXY}",
        "# for an index with login: --secret id=netrc,src=$HOME/.netrc",
        "# Neither secret stays in a layer. Engines before 23 need DOCKER_BUILDKIT=1 in the environment.",
    )


def _uv(image: Image) -> tuple[str, ...]:
    return (
        "",
        "FROM base AS uv",
        *_run(
            [_bind(image, "uv.txt"), *_SECRETS],
            [
                f"if [ -s {_CA} ]; then export PIP_CERT={_CA}; fi",
                "python3 -m venv /opt/uv",
                f"/opt/uv/bin/python -m pip install {_PIP} -r /tmp/uv.txt",
            ],
        ),
    )


def _parts(image: Image) -> Iterable[str]:
    yield from (
        "",
        "# `relocatable`: launchers that name no path, as in .venv.",
        "FROM base AS empty",
        *_run(
            [],
            [
                "python3 -m venv --without-pip /opt/venv",
                "echo 'relocatable = true' >> /opt/venv/pyvenv.cfg",
            ],
        ),
    )
    for part in image.stages:
        yield from ("", f"FROM empty AS {part}", *_install(image, part))


def _install(image: Image, part: Part) -> tuple[str, ...]:
    """Install exactly one list, without a resolver; then the same bits and dates on every machine."""
    name = f"pylock.{part}.toml"
    filled = any(True for _ in image.items)
    sync = (
        "UV_LINK_MODE=copy UV_PYTHON_DOWNLOADS=never"
        " UV_COMPILE_BYTECODE=1 PYC_INVALIDATION_MODE=CHECKED_HASH"
        " /opt/uv/bin/uv pip sync --no-config --no-build --preview-features pylock"
        f" --python /opt/venv/bin/python /tmp/{name}"
    )
    mounts = [
        "--mount=type=bind,from=uv,source=/opt/uv,target=/opt/uv",
        _bind(image, name),
        "--mount=type=cache,id=envctl-uv,target=/root/.cache/uv",
        *_SECRETS,
    ]
    trust = f"if [ -s {_CA} ]; then export SSL_CERT_FILE={_CA}; fi"
    finish = [
        "rm -f /opt/venv/.lock",
        f"find /opt/venv -exec {_DATE} {{}} +",
        "chmod -R a+rX,a-w /opt/venv",
    ]
    return _run(mounts, [trust, sync, *finish]) if filled else _run([], finish)


def _final(image: Image) -> Iterable[str]:
    """Put first what changes least, so that a change re-makes only the layers after it."""
    folder = image.names.folder
    yield from ("", "FROM base AS final")
    copies = [f"COPY --from={part} /opt/venv /opt/venv" for part in image.stages]
    yield from copies[:-1]
    if image.system_packages:
        yield from _system_packages(image)
    yield from _run([], _USER)
    yield copies[-1]
    yield _labels(image)
    yield from _environment(image)
    yield "COPY --chmod=0444 " + words(
        [f"{folder}/contract.json", f"{folder}/preflight.py", "/opt/envctl/"], folder
    )
    yield "RUN " + words([*_PREFLIGHT, "build"], "RUN")
    for path in image.source:
        # 0555: readable whatever the umask was under which the files were checked out.
        yield "COPY --chmod=0555 " + words([path, f"/app/{path}"], "tool.envctl.image.source")
    yield "WORKDIR /app"
    yield "USER 10001:0"
    yield "ENTRYPOINT " + words([*_PREFLIGHT, "start", "--"], "ENTRYPOINT")
    yield "CMD " + words(image.command, "tool.envctl.image.command")


def _labels(image: Image) -> str:
    pairs = (f"{name}={value(text, name)}" for name, text in metadata.labels(image).items())
    return "LABEL " + " \\\n      ".join(pairs)


def _system_packages(image: Image) -> Iterable[str]:
    if not all("=" in package for package in image.system_packages):
        yield "# The manifest names them without a version: Debian's of the day of the build."
        yield "# hadolint ignore=DL3008"
    yield from _run(
        [
            "--mount=type=cache,target=/var/cache/apt,sharing=locked",
            "--mount=type=cache,target=/var/lib/apt,sharing=locked",
            _SECRETS[0],
        ],
        [
            f"if [ -s {_CA} ]; then set -- -o Acquire::https::CaInfo={_CA}; fi",
            'apt-get "$@" update',
            'apt-get "$@" install -y --no-install-recommends ' + " ".join(image.system_packages),
            "rm -rf /var/log/apt /var/log/dpkg.log /var/cache/ldconfig/aux-cache",
        ],
    )


def _environment(image: Image) -> Iterable[str]:
    """Write what the image itself needs, then the declared variables, which have the last word."""
    own = [f"{name}={value(text, name)}" for name, text in metadata.variables(image).items()]
    yield "ENV " + " \\\n    ".join(["PATH=/opt/venv/bin:$PATH", *own])
    for name, text in image.variables.env.items():
        yield f"ENV {name}={value(text, f'tool.envctl.env.{name}')}"


def _bind(image: Image, name: str) -> str:
    return f"--mount=type=bind,source={image.names.folder}/{name},target=/tmp/{name}"


def _run(mounts: Iterable[str], commands: Iterable[str]) -> tuple[str, ...]:
    """Write one RUN in the shell's form; only fixed text and checked names may come here."""
    head = " \\\n    ".join(mounts)
    body = " \\\n && ".join(commands)
    return (f"RUN {head} \\\n    {body}" if head else f"RUN {body}",)
