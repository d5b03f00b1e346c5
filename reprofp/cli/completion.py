"""``reprofp completion``: completion for a shell."""

from __future__ import annotations

import click
from click.shell_completion import get_completion_class

from reprofp.cli.command import Command

_EXAMPLES = (
    ("bash: for every new shell", "reprofp completion bash >> ~/.bash_completion"),
    ("zsh: in a folder of $fpath", "reprofp completion zsh > ~/.zfunc/_reprofp"),
    ("fish", "reprofp completion fish > ~/.config/fish/completions/reprofp.fish"),
)


@click.command(cls=Command, short_help="Completion for your shell.", examples=_EXAMPLES)
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
def command(shell: str) -> None:
    """Print the script that completes commands, options, tags and ids in SHELL."""
    from reprofp.cli.group import cli
    from reprofp.cli.output import print_text

    completion = get_completion_class(shell)
    if completion is None:
        raise click.UsageError(f"click does not know the shell {shell}")
    print_text(completion(cli, {}, "reprofp", "_REPROFP_COMPLETE").source() + "\n")
