"""``envctl image run``."""

from dataclasses import replace
from typing import TYPE_CHECKING

import click

from envctl.bootstrap import Services
from envctl.cli import options, run_gpus
from envctl.cli.render import say
from envctl.errors import ContainerError, UsageError

if TYPE_CHECKING:
    from envctl.domain.image.starting import Gpus, Mount
    from envctl.domain.manifest import Manifest

_SIGNALLED = 128  # plus the signal's number: what a shell answers
DECLARED = "declared"


@click.command(
    context_settings={"allow_interspersed_args": False},
    epilog="Example: envctl image run --gpus 1 --mount data -- python train.py",
)
@click.option("--image", "reference", metavar="NAME[:TAG]", help="Run this image, not the default.")
@options.profile
@click.option(
    "--gpus", metavar="N|all|device=…", help="Give it GPUs; of a number, idle ones are leased."
)
@click.option(
    *("-m", "--mount", "mounts"),
    multiple=True,
    metavar="SOURCE[:TARGET][:ro]",
    help="Mount a file or folder; what is written there is yours.",
)
@click.option(
    *("-p", "--publish", "ports"),
    multiple=True,
    is_flag=False,
    flag_value=DECLARED,
    metavar="[[ADDRESS:]HOST:]PORT",
    help="Publish a port here; without a value, those of the image.",
)
@click.option("--env", "extra", multiple=True, metavar="K=V", help="Set a variable.")
@click.option("--user", metavar="UID[:GID]", help="Run as this user.")
@click.option(
    "--network", metavar="NAME", help="Its network: `none`, `host`, or one of the engine's."
)
@click.option("--engine", metavar="NAME", help="docker or podman; else the one that answers.")
@click.argument("argv", nargs=-1, type=click.UNPROCESSED)
@options.pass_services
@click.pass_context
def command(
    ctx: click.Context,
    services: Services,
    reference: str | None,
    profile: str | None,
    gpus: str | None,
    mounts: tuple[str, ...],
    ports: tuple[str, ...],
    extra: tuple[str, ...],
    user: str | None,
    network: str | None,
    engine: str | None,
    argv: tuple[str, ...],
) -> None:
    """Run a command in the image, or what it is made to run.

    Exit code and signals are the command's own. With a mount it runs as
    you, so that the files that it writes are yours. It is given what the
    image must not carry: secrets, and variables of this machine.
    """
    from envctl.domain.image import starting  # noqa: PLC0415  # lazy: `--help` needs none of it
    from envctl.usecases import image_run  # noqa: PLC0415
    from envctl.usecases.image_build import default_tag  # noqa: PLC0415
    from envctl.usecases.load import manifest as load_manifest  # noqa: PLC0415
    from envctl.usecases.run import pairs  # noqa: PLC0415

    given = pairs(extra)
    wanted = starting.gpus(gpus) if gpus is not None else None
    manifest = services.variant(load_manifest(services.project), profile)
    root = services.project.root
    name = reference or default_tag(manifest.name, root.name, manifest.profile)
    there = [starting.mount(text, str(services.folder), str(root)) for text in mounts]
    _exist(services, there)
    starter = services.starter(engine)
    image = starter.inspect(name, services.run)
    if image is None:
        raise _missing(starter.NAME, name, reference, manifest.profile)
    for note in image_run.notes(services.project, manifest, services.paths(), name, image):
        say(f"note: {note}")
    host = starter.facts(services.run)
    container = image_run.start(
        name,
        argv,
        image=image,
        host=host,
        caller=services.caller(),
        mounts=tuple(there),
        user=user,
    )
    told = image_run.variables(services.project, manifest, services.environ, given)
    container, around = image_run.told(container, told, services.environ)
    visible = _visible(services, manifest, given)
    if wanted and wanted.count and host.local:
        wanted = _leased(services, wanted, visible, name)
    shown = {} if "CUDA_VISIBLE_DEVICES" in given else image_run.devices(wanted, image, visible)
    container = replace(
        container,
        gpus=wanted,
        env={**container.env, **shown},
        ports=_ports(ports, image.ports),
        network=network,
    )
    done = services.attend(starter.command(container, around), around)
    image_run.refuse(done)
    ctx.exit(done.code if done.code >= 0 else _SIGNALLED - done.code)


def _missing(engine: str, name: str, reference: str | None, profile: str | None) -> ContainerError:
    words = [*(["--profile", profile] if profile else []), *(["--tag", name] if reference else [])]
    return ContainerError(
        f"{engine} has no image `{name}`",
        where="--image" if reference else name,
        hint=f"build it: `{' '.join(['envctl image build', *words])}`"
        + (f", or correct the name: `{engine} image ls`" if reference else ""),
    )


def _exist(services: Services, mounts: "list[Mount]") -> None:
    for mount in mounts:
        if not services.exists(mount.source):
            raise UsageError(
                f"there is no `{mount.source}` to mount",
                where="--mount",
                hint=f"make it first (`mkdir {mount.source}`), or correct the name",
            )


def _ports(given: tuple[str, ...], exposed: tuple[str, ...]) -> tuple[str, ...]:
    from envctl.domain.image import starting  # noqa: PLC0415  # lazy: `--help` needs none of it

    texts = [text for text in given if text != DECLARED]
    if DECLARED in given:
        own = [text.removesuffix("/tcp") for text in exposed if not text.endswith("/udp")]
        if not own:
            raise UsageError(
                "the image names no port",
                where="--publish",
                hint="name one here, or in tool.envctl.image.ports and build it again",
            )
        texts += own
    return tuple(dict.fromkeys(starting.port(text) for text in texts))


def _visible(services: Services, manifest: "Manifest", given: dict[str, str]) -> str | None:
    """Return what ``CUDA_VISIBLE_DEVICES`` is for a command outside."""
    from envctl.domain.environment.activation import declared, precedence  # noqa: PLC0415  # lazy
    from envctl.usecases.load import local  # noqa: PLC0415

    name = "CUDA_VISIBLE_DEVICES"
    words = declared(manifest.env, local=local(services.project).env)
    settled = {each.name: each for each in precedence(words, caller=services.environ, cli=given)}
    return settled[name].value if name in settled else services.environ.get(name)


def _leased(services: Services, wanted: "Gpus", visible: str | None, image: str) -> "Gpus":
    """Take idle devices for as long as we live, of those that a command outside could have."""
    env = {k: v for k, v in services.environ.items() if k != "CUDA_VISIBLE_DEVICES"}
    if visible is not None:
        env["CUDA_VISIBLE_DEVICES"] = visible
    return replace(wanted, count=0, devices=run_gpus.devices(services, env, image, wanted.count))
