"""``envctl image build``."""

import time

import click

from envctl.bootstrap import Services
from envctl.cli import options
from envctl.cli.render import envelope, say, show


@click.command(epilog="Example: envctl image build --tag registry.example/team/vision:1.0")
@click.option("-t", "--tag", "tags", multiple=True, metavar="NAME[:TAG]", help="Call it this.")
@options.profile
@click.option("--platform", "target", metavar="OS/ARCH", help="Build for this platform.")
@click.option("--no-cache", "fresh", is_flag=True, help="Make every step anew.")
@click.option(
    "--network", metavar="NAME", help="The build's network; `host` is this machine's own."
)
@click.option(
    "--secret", "given", multiple=True, metavar="NAME=PATH", help="Give this file to the build."
)
@click.option(
    "--engine",
    "builder",
    metavar="NAME",
    help="docker, docker-api, podman or buildah; else the one that fits.",
)
@click.option("--verify", is_flag=True, help="Then prove what it holds, as `image verify` does.")
@options.as_json
@options.pass_services
@click.pass_context
def command(
    ctx: click.Context,
    services: Services,
    tags: tuple[str, ...],
    profile: str | None,
    target: str | None,
    fresh: bool,
    network: str | None,
    given: tuple[str, ...],
    builder: str | None,
    verify: bool,
    as_json: bool,
) -> None:
    """Build the image that the Dockerfile describes, if it fits the lock.

    The engine is the one that DOCKER_HOST or the docker context names, else
    Podman. This machine's CA bundle, and its logins for the project's
    indexes, are given to the build as secrets: no layer keeps them.
    """
    from envctl.cli import image_verify  # noqa: PLC0415  # lazy: `--help` needs none of it
    from envctl.cli.image_progress import progress  # noqa: PLC0415
    from envctl.emitters import image_text  # noqa: PLC0415
    from envctl.usecases import dockerize, image, image_build  # noqa: PLC0415

    began = time.monotonic()
    manifest, lock = image.of(services.project, services.variant, profile)
    before = image_build.witness(services.project, manifest.profile)
    findings = dockerize.check(
        services.project, manifest, lock, paths=services.paths(), shelves=services.shelves
    )
    image_build.refuse(findings)
    known = image.notes(manifest, lock)
    for note in known:
        say(f"note: {note}")
    with services.workspace() as workspace:
        wanted = image_build.order(
            services.project,
            manifest,
            lock,
            secrets=lambda asked, urls: services.build_secrets(asked, urls, workspace),
            environ=services.environ,
            tags=tags,
            given=given,
            network=network,
            target=target,
            fresh=fresh,
            exists=services.exists,
        )
        chosen = services.builder(builder, wanted.flavour)
        if verify:
            image_build.provable(chosen)
        say(f"building {', '.join(wanted.tags)} with {chosen.NAME}")
        with progress() as heard:
            built = image_build.build(
                chosen, wanted, run=services.run, workspace=workspace, heard=heard
            )
    image_build.unchanged(before, services.project, manifest.profile, wanted.tags)
    for note in (*known, *image_build.notes(built)):  # the first is far above by now
        say(f"note: {note}")
    took = time.monotonic() - began
    # By its identity: a name may be another image's by now.
    proof = image_verify.prove(services, manifest, lock, built.identity) if verify else None
    no = proof is not None and proof.fails()
    if as_json:
        result = image_build.report(built, took)
        proved = {"proof": image_verify.as_result(proof)} if proof else {}
        show(envelope("image build", {**result, **proved}, ok=not no))
    else:
        show(image_text.table(built) + (f"\n{image_verify.as_text(proof)}" if proof else ""))
        say(f"{built.identity} in {took:.0f} s")
    ctx.exit(1 if no else 0)
