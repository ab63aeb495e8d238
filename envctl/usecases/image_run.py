"""Start a container of the image: the caller's user where files are written, the project's variables, these GPUs."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

from envctl.domain.environment.activation import Assignment, declared, precedence
from envctl.domain.image.starting import Caller, Gpus, HostFacts, ImageFacts, Mount, Start
from envctl.domain.image.variables import bake
from envctl.domain.manifest import Manifest, restricted
from envctl.domain.variables import classify
from envctl.errors import ContainerError, EnvctlError, ImageError
from envctl.ports import Completed, Project
from envctl.readers.engine_failure import explain
from envctl.usecases import image_promise, load

VISIBLE = "CUDA_VISIBLE_DEVICES"
_ENGINE_FAILED = 125  # what docker and podman answer when it was not the command that failed
_ANYBODY = "/var/cache/app"  # the image's folder that every user may write to
# What the program that starts the container reads itself: never set in its own environment.
_STEERS = ("PATH", "HOME", "TMPDIR", "SSH_AUTH_SOCK", "GODEBUG")
_STEERS_PREFIXES = ("DOCKER_", "LD_", "BUILDX_", "BUILDKIT_", "CONTAINER", "PODMAN_", "XDG_")


def notes(
    project: Project, manifest: Manifest, paths: Sequence[str], reference: str, image: ImageFacts
) -> tuple[str, ...]:
    """Return what a person would be surprised by: the image was made from another lock than today's.

    An image that says nothing of its lock is none of ours, and without a lock there is nothing to say.
    """
    try:
        lock = load.required_lock(project, manifest.lock_name)
        slices = image_promise.described(
            project, restricted(manifest, lock.only), lock, paths
        ).slices
    except EnvctlError:  # `dockerize` and `verify` say what is wrong
        return ()
    then = {each.name: image.labels.get(f"io.envctl.slice.{each.name}") for each in slices}
    if all(then[each.name] in (None, taken.digest) for each, taken in slices.items()):
        return ()
    said = f"`{reference}` was not made from {manifest.lock_name} as it is today"
    return (f"{said}: `envctl dockerize`, then `envctl image build`, make it anew",)


def variables(
    project: Project,
    manifest: Manifest,
    environ: Mapping[str, str],
    given: Mapping[str, str],
) -> tuple[Assignment, ...]:
    """Return what the container is told beside what is baked: as ``run`` settles it, of what is not in the image.

    These are secrets, host variables and this person's own (``.envctl/local.toml``, ``env-file``), and what the command
    line gives. ``CUDA_VISIBLE_DEVICES`` is left to ``devices``. Raises ``ManifestError``.
    """
    local = load.local(project)
    _, secrets = load.env_files(project, local, environ)
    baked = bake(manifest.env, manifest.image.target)
    own = {name: manifest.env[name] for name in baked.missed}
    found = declared(own, env_file=secrets, local=local.env)
    settled = precedence(found, caller=environ, cli=given)
    asked = (
        Assignment(name=name, value=environ[name], source="caller")
        for name in baked.required
        if name in environ
    )
    merged = {each.name: each for each in (*asked, *settled)}
    if VISIBLE not in given:
        merged.pop(VISIBLE, None)
    return tuple(merged[name] for name in sorted(merged) if merged[name].value is not None)


def devices(gpus: Gpus | None, image: ImageFacts, host_value: str | None) -> dict[str, str]:
    """Return what makes the GPUs that the container is given visible to CUDA there.

    In a container they are numbered anew from 0. A value that the image carries counts among all of the machine's: it
    holds with all of them, where ``host_value`` (this caller's own) counts more, and is replaced with some of them.
    """
    if gpus is None:
        return {}
    if gpus.every:
        return {} if host_value is None else {VISIBLE: host_value}
    if VISIBLE not in image.env:
        return {}
    return {VISIBLE: ",".join(map(str, range(len(gpus.devices) or gpus.count)))}


def start(
    reference: str,
    argv: tuple[str, ...],
    *,
    image: ImageFacts,
    host: HostFacts,
    caller: Caller,
    mounts: tuple[Mount, ...] = (),
    user: str | None = None,
) -> Start:
    """Return the container to start; raises ``ImageError`` for mounts that an engine elsewhere cannot have.

    Files that it writes in mounts are the caller's. Without mounts it is the image's own user.
    """
    if mounts and not host.local:
        raise ImageError(
            "the engine is on another machine, which does not have this one's files",
            where="--mount",
            hint="leave it out, or use an engine on this machine (`docker context use default`)",
        )
    made = Start(
        image=reference,
        argv=argv,
        user=user,
        mounts=mounts,
        stdin=caller.stdin,
        terminal=caller.terminal,
        init=host.init,
        shared_memory=caller.shared_memory if host.local else None,
    )
    return made if user or not mounts else _as_caller(made, image, host, caller)


def _as_caller(made: Start, image: ImageFacts, host: HostFacts, caller: Caller) -> Start:
    numbers = f"{caller.uid}:{caller.gid}"
    # No user of that number is in the image: what asks for its name or home finds it here (getpass, ~).
    known = {"USER": "app"} if "USER" not in image.env else {}
    if "HOME" not in image.env:
        known["HOME"] = _ANYBODY
    made = replace(made, env=known)
    if host.rootless and host.keeps_ids:
        return replace(made, user=numbers, keep_id=True)
    if host.rootless:  # root in there is the caller out here
        return replace(made, user="0:0")
    return replace(made, user=numbers, own_ids=host.remapped)


def told(
    made: Start, variables: tuple[Assignment, ...], environ: Mapping[str, str]
) -> tuple[Start, dict[str, str]]:
    """Return the container with its variables, and the environment of who starts it.

    There a value that may be secret travels: everybody may read a command line.
    """
    env, passed, around = dict(made.env), [], dict(environ)
    for each in variables:
        value = each.value or ""
        if _steers(each.name):
            env[each.name] = value
        else:
            env.pop(each.name, None)
            passed.append(each.name)
            around[each.name] = value
    return replace(made, env=env, passed=tuple(passed)), around


def _steers(name: str) -> bool:
    """Whether who starts the container heeds it; of a secret none does, and its value must not be seen."""
    return name in _STEERS or (name.startswith(_STEERS_PREFIXES) and classify(name) != "secret")


def refuse(done: Completed) -> None:
    """Raise ``ContainerError`` where the engine could not start the container and it is known why."""
    if done.code != _ENGINE_FAILED:
        return
    known = explain(done.stderr)
    if known is not None:
        raise ContainerError(known.message, where=known.where, hint=known.hint, details=done.stderr)
