"""What container engines say when they cannot, and what a person should do about it.

The texts are those of Docker 20.10 to 28, BuildKit, Podman 4 and 5 and NVIDIA's container toolkit. First match counts:
what a step's own program said stands in the same log as what the engine says of the step.
"""

import re
from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True, slots=True)
class Failure:
    """What happened, where, and the next step."""

    message: str
    where: str | None
    hint: str


_SOCKET = "unix:///var/run/docker.sock"
_REACHED = "its address"
_FULL = r"(?i:no space left on device|disk quota exceeded|not enough free space)"
_ENGINE = (
    (
        (
            r"permission denied while trying to connect|dial unix \S+: connect: permission denied"
            r"|PermissionError\(13|statfs \S*podman\S*: permission denied"
        ),
        "the container engine refuses you",
        _REACHED,
        (
            "become a member of its group (`sudo usermod -aG docker $USER`, then log in anew), "
            "or use Podman, which needs no such right: `--engine podman`"
        ),
    ),
    (
        (
            r"annot connect to the Docker daemon|failed to dial gRPC|FileNotFoundError\(2"
            r"|ConnectionRefusedError|dial (unix|tcp) \S+: connect: (connection refused|no such file)"
            r"|Cannot connect to Podman|error during connect:"
        ),
        "no container engine answers",
        _REACHED,
        (
            "start it (`sudo systemctl start docker`), or set DOCKER_HOST or `docker context use` to "
            "where one listens"
        ),
    ),
    (
        r"buildx component is missing or broken|unknown command: docker buildx|'buildx' is not a docker command",
        "this docker command cannot build with BuildKit: its plug-in buildx is missing",
        "docker",
        (
            "install it (Debian, Ubuntu: `apt-get install docker-buildx`; Docker's own packages: "
            '`docker-buildx-plugin`), or set `build = "hermetic"` in tool.envctl.image'
        ),
    ),
    (
        r"--mount option requires BuildKit|Unknown flag: mount",
        "this builder knows no mounts, and the Dockerfile has some",
        "tool.envctl.image.build",
        'set it to "hermetic" and run `envctl dockerize`, or build with `--engine docker`',
    ),
    (
        r"could not select device driver|unknown or invalid runtime name: nvidia",
        "the engine has no GPU runtime",
        "--gpus",
        (
            "install the package nvidia-container-toolkit on the engine's machine, then run there "
            "`sudo nvidia-ctk runtime configure --runtime=docker && sudo systemctl restart docker`"
        ),
    ),
    (
        r"unresolvable CDI devices? (?P<what>\S+)|is not an absolute path|stat nvidia\.com/gpu",
        "the engine does not know the GPU {what}",
        "--gpus",
        (
            "see `nvidia-ctk cdi list`; make the list anew with "
            "`sudo nvidia-ctk cdi generate --output=/etc/cdi/nvidia.yaml` (nvidia-container-toolkit 1.12 or newer)"
        ),
    ),
    (
        r"unsatisfied condition: (?P<what>[^\n,]+)",
        "the driver is too old for this image: it asks for {what}",
        "--gpus",
        "install a newer driver, or choose a profile with an older CUDA (`envctl verify --only fleet`)",
    ),
    (
        r"nvidia-container-cli: (?P<what>[^\n]+)",
        "the GPU runtime failed: {what}",
        "--gpus",
        "does `nvidia-smi` work there? See `envctl gpus`",
    ),
    (
        _FULL,
        "the disk is full",
        "the engine's storage (`docker info` says where: Docker Root Dir), or the project's disk",
        (
            "`docker system df` says what takes the room, `docker builder prune` and `docker image prune` "
            "free it (Podman: `podman system prune`)"
        ),
    ),
    (
        r"toomanyrequests|pull rate limit",
        "the registry serves you no more for now: too many downloads",
        "FROM",
        "log in (`docker login`), or name a mirror of your own in tool.envctl.image.registry",
    ),
    (
        (
            r"manifest unknown|manifest for \S+ not found|\S+@sha256:[0-9a-f]{64}: not found"
            r"|failed to resolve source metadata|pull access denied|repository does not exist"
            r"|reading manifest \S+ in|failed to (create LLB definition|solve): \S+: not found"
        ),
        "the base image cannot be had from its registry",
        "FROM",
        (
            "`envctl dockerize --upgrade-base` takes the one that the registry has now, "
            "tool.envctl.image.base names another; "
            "log in (`docker login`) if it is a private one"
        ),
    ),
    (
        (
            r"lookup \S+( on \S+)?: (no such host|i/o timeout|server misbehaving)|TLS handshake timeout"
            r"|dial tcp \S+: i/o timeout|net/http: request canceled|tls: failed to verify|x509: certificate"
        ),
        "the engine cannot reach the registry",
        "FROM",
        (
            "check the engine's own network, proxy and CA settings; or name a registry that it reaches "
            "in tool.envctl.image.registry"
        ),
    ),
    (
        r"exec format error",
        "the image is for another kind of processor",
        "the image",
        "build it for this one, or let the engine emulate the other (binfmt, qemu-user-static)",
    ),
    (
        r"port is already allocated|address already in use",
        "the port is taken",
        "--publish",
        "publish another one, for example `-p 8001:8000`",
    ),
    (
        r"No such image|image not known|Unable to find image|does not resolve to an image ID",
        "the engine has no such image",
        "the image",
        "build it: `envctl image build`",
    ),
    (
        r"container-init binary not found|exec: \"docker-init\"",
        "the engine has no init program",
        "the engine",
        "install it (Debian, Ubuntu: `apt-get install catatonit`, or `tini`)",
    ),
)
_STEP = (
    (
        (
            r"invalid peer certificate|CERTIFICATE_VERIFY_FAILED|certificate verify failed"
            r"|SSL certificate problem|Certificate verification failed"
        ),
        "a step of the build does not trust the index's certificate",
        "name your company's CA bundle in SSL_CERT_FILE: the build is then given it",
    ),
    (
        r"401 Unauthorized|403 Forbidden|403 Client Error|401 Client Error",
        "the index wants a login that the build was not given, or refuses the one that it was",
        (
            "put yours into ~/.netrc, or into UV_INDEX_<NAME>_USERNAME and UV_INDEX_<NAME>_PASSWORD with the "
            "index's name: `envctl image build` then gives it to the build"
        ),
    ),
    (
        (
            r"dns error|[Tt]emporary failure (in name resolution|resolving)|Network is unreachable"
            r"|error sending request|NewConnectionError|Could not resolve host|Failed to fetch|ProxyError"
        ),
        "a step of the build cannot reach the network",
        (
            "build with `--network host`, or check the engine's DNS and the proxy (HTTPS_PROXY here is given to it); "
            '`build = "hermetic"` in tool.envctl.image builds without a network'
        ),
    ),
    (
        r"hash mismatch|HASHES FROM THE REQUIREMENTS FILE DO NOT MATCH|Hash mismatch for",
        "a file that the build fetched is not the one that the lock names",
        (
            "somebody changed the file on the index, or something on the way did: "
            "run `envctl lock --check`, and ask whoever runs the index"
        ),
    ),
    (
        r"envctl preflight: error: (?P<what>[^\n]+)",
        "the image does not hold what the lock says: {what}",
        "run `envctl dockerize`, then build with `--no-cache`",
    ),
)
_FAILED = re.compile(
    r"(did not complete successfully|executor failed running|returned a non-zero code|"
    r"exit(ed with)? status|exit code): ?(?P<code>[0-9]+)?"
)
_PROCESS = "{what}"


def explain(text: str, *, where: str | None = None) -> Failure | None:
    """Return what an engine's words mean, ``None`` if that is not known.

    ``where`` is the address of the engine, for what is about reaching it.
    """
    for pattern, message, place, hint in _ENGINE:
        if match := re.search(pattern, text):
            address = (where or _SOCKET) if place == _REACHED else place
            return Failure(message=_filled(message, match), where=address, hint=hint)
    return None


def explain_build(text: str, step: str | None, *, where: str | None = None) -> Failure | None:
    """Return what a failed build's words mean; ``step`` is the one that failed, ``text`` the end of the log."""
    full = re.search(_FULL, text)
    for pattern, message, hint in _STEP if step and not full else ():
        if match := re.search(pattern, text):
            return Failure(message=_filled(message, match), where=step, hint=hint)
    found = explain(text, where=where)
    if found is None and step:
        code = _FAILED.search(text)
        said = f" with exit code {code['code']}" if code and code["code"] else ""
        return Failure(
            message=f"a step of the build failed{said}",
            where=step,
            hint="the lines above are its own; `--no-cache` makes every step anew",
        )
    return found


def _filled(message: str, match: re.Match[str]) -> str:
    what = match.groupdict().get("what") or ""
    return " ".join(message.replace(_PROCESS, what.strip().rstrip(".:")).split())
