"""The flavour for BuildKit, engines from 20.10 on: the build fetches the wheels, by cache, secret and bind mounts."""

from collections.abc import Iterable

from envctl.domain.image import Image
from envctl.domain.image.sources import Section, Source
from envctl.emitters.dockerfile import builder as workshop
from envctl.emitters.dockerfile.steps import FINISH, SYNC, TIDY, Added, run
from envctl.emitters.quoting import words

NAME = "buildkit"
BEHIND_A_PROXY = "--network host --secret id=ca,src=/etc/ssl/certs/ca-certificates.crt"
_CA = "/run/secrets/ca"
_SECRETS = (
    f"--mount=type=secret,id=ca,target={_CA}",
    "--mount=type=secret,id=netrc,target=/root/.netrc",
)
_LISTS = "/tmp"  # noqa: S108  # the build's own, in a container
_UV = "--mount=type=bind,from=uv,source=/opt/uv,target=/opt/uv"
_CACHE = "--mount=type=cache,id=envctl-uv,target=/root/.cache/uv"
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


def install(image: Image, part: Section) -> tuple[str, ...]:
    """Install exactly one list, without a resolver, and what was built; then the same bits and dates everywhere."""
    name = f"pylock.{part}.toml"
    listed = image.installs(part)
    made = workshop.of(image, part)
    if not listed and not made:
        return run([], FINISH)
    fetched = [_bind(image, name)] if listed else []
    trust = f"if [ -s {_CA} ]; then export SSL_CERT_FILE={_CA}; fi"
    mounts = [_UV, *fetched, *map(_carried, made), *((_CACHE, *_SECRETS) if listed else ())]
    return run(
        mounts,
        [
            *([trust, f"{SYNC} /tmp/{name}"] if listed else []),
            *(workshop.add(image, made)),
            *(TIDY if made else ()),
            *FINISH,
        ],
    )


def sources(image: Image) -> tuple[str, ...]:
    """Return the stages in which sources become wheels, and the one that installs the project's own."""
    if image.built.builder is None:
        return ()
    stages = workshop.stages(image, _debian(image.built.builder.packages), _build)
    own = ("", "FROM empty AS project", *install(image, "project")) if image.built.project else ()
    return (*stages, *own)


def _build(image: Image, source: Source) -> tuple[str, ...]:
    """Fetch with the secrets; then make the wheel without them: a build runs what others wrote."""
    filled = any(source.within.values())
    lists = [_bind(image, source.pylock)] if filled else []
    if source.file is not None:
        lists += [_bind(image, source.fetched), _bind(image, "fetch.py")]
    secrets = (_CACHE, *_SECRETS) if lists else ()
    trust = f"if [ -s {_CA} ]; then export SSL_CERT_FILE={_CA}; fi"
    guard = workshop.guard(image, source)
    return (
        *run(
            [_UV, *lists, *secrets],
            [*guard, *([trust] if lists else []), *workshop.fetch(source, _LISTS)],
        ),
        *workshop.project(image, source),
        *run(
            [_UV, *map(_carried, workshop.before(image, source))],
            [*guard, *workshop.make(image, source)],
        ),
    )


def system_packages(image: Image) -> tuple[str, ...]:
    """Install the Debian packages that the manifest names."""
    return _debian(image.system_packages)


def _debian(packages: tuple[str, ...]) -> tuple[str, ...]:
    if not packages:
        return ()
    unpinned = (
        "# The manifest names them without a version: Debian's of the day of the build.",
        "# hadolint ignore=DL3008",
    )
    pinned = all("=" in package for package in packages)
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
                'apt-get "$@" install -y --no-install-recommends ' + " ".join(packages),
                "rm -rf /var/log/apt /var/log/dpkg.log /var/cache/ldconfig/aux-cache",
            ],
        ),
    )


def prepare(_added: Iterable[Added]) -> tuple[str, ...]:
    """Return nothing: `--chmod` sets the modes where the files are copied."""
    return ()


def add(added: Added) -> tuple[str, ...]:
    """Copy the project's files with their mode."""
    return tuple(f"COPY --chmod={added.mode} {words(paths, added.where)}" for paths in added.copies)


def _carried(source: Source) -> str:
    """Show the wheels of another stage, where ``builder.add`` looks for them."""
    target = f"{workshop.CARRIED}/{source.stage}"
    return f"--mount=type=bind,from={source.stage},source={workshop.WHEELS},target={target}"


def _bind(image: Image, name: str) -> str:
    return f"--mount=type=bind,source={image.names.folder}/{name},target=/tmp/{name}"
