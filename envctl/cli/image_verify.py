"""``envctl image verify``."""

from dataclasses import asdict
from typing import Any

import click

from envctl.bootstrap import Services
from envctl.cli import options, verify_report
from envctl.cli.render import envelope, is_verbose, say, show
from envctl.domain.finding import Layer
from envctl.domain.lock import Lock
from envctl.domain.manifest import Manifest
from envctl.emitters import findings_text
from envctl.usecases import image
from envctl.usecases.image_build import default_tag
from envctl.usecases.image_verify import ImageReport, verify_image
from envctl.usecases.surroundings import Surroundings


@click.command(epilog="Example: envctl image verify registry.example/team/vision:1.0")
@click.argument("reference", metavar="[IMAGE]", required=False)
@options.profile
@click.option("--remote", is_flag=True, help="Ask the registry, even if the engine has it.")
@click.option(
    "--strict/--no-strict",
    default=None,
    help="Let warnings count as errors, or not, whatever the manifest says.",
)
@options.as_json
@options.pass_services
@click.pass_context
def command(
    ctx: click.Context,
    services: Services,
    reference: str | None,
    profile: str | None,
    remote: bool,
    strict: bool | None,
    as_json: bool,
) -> None:
    """Prove that an image holds what the lock says; nothing of it is run.

    Without a name it is the one that `image build` makes.
    Of an image that the engine has, every file is compared with its wheel,
    and every layer is searched for secrets and caches. Of any other the
    registry is asked for labels and digest, without a pull.

    Exits with 1 when something disagrees.
    """
    manifest, lock = image.of(services.project, services.variant, profile)
    for note in image.notes(manifest, lock):
        say(f"note: {note}")
    if reference is None:
        root = services.project.root
        reference = default_tag(manifest.name, root.name, manifest.profile)
    report = prove(services, manifest, lock, reference, remote=remote)
    no = report.fails(strict=strict)
    if as_json:
        show(envelope("image verify", as_result(report), ok=not no))
    else:
        show(as_text(report, ok=not no))
        say(f"{report.reference}: {report.identity}")
    ctx.exit(1 if no else 0)


def prove(
    services: Services, manifest: Manifest, lock: Lock, reference: str, *, remote: bool = False
) -> ImageReport:
    """Compare an image with the lock; see ``verify_image``."""
    around = Surroundings(
        project=services.project,
        environments=services.environments,
        here=services.here,
        inspect=services.environments.inspect,
        record=services.record,
        environ=services.environ,
        workshop=lambda: services.workshop,
    )
    return verify_image(around, services.proof_doors(), manifest, lock, reference, remote=remote)


def as_result(report: ImageReport) -> dict[str, Any]:
    """Return what a proof found, as JSON's types."""
    return {
        "image": report.reference,
        "identity": report.identity,
        "local": report.local,
        "said": report.said,
        "findings": [asdict(finding) for finding in report.findings],
        **verify_report.counted(report.weighed),
    }


def as_text(report: ImageReport, *, ok: bool | None = None) -> str:
    """Return what a proof found, for people; ``ok``: what comes of it, where that is not the team's word alone."""
    no = report.fails() if ok is None else not ok
    said: dict[Layer, str] = {"image": report.said}
    return findings_text.report(
        *(("image",), report.findings, {}, said),
        weighed=report.weighed,
        strict=(findings_text.STRICT if report.strict else "--strict") if no else "",
        verbose=is_verbose(),
    )
