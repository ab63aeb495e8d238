"""``envctl image``: the image that the Dockerfile describes, built, run and proved."""

import click

from envctl.cli import image_build, image_run, image_verify


@click.group(epilog="Example: envctl image build && envctl image run -- python train.py")
def command() -> None:
    """Build the image, run it, prove that it holds what the lock says."""


command.add_command(image_build.command, "build")
command.add_command(image_run.command, "run")
command.add_command(image_verify.command, "verify")
