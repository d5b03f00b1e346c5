"""Write docs/reference/cli.md from the commands' own help: ``python tools/make_cli_page.py``."""

from pathlib import Path

import click

from reprofp.cli.group import COMMANDS, cli

PAGE = Path(__file__).parents[1] / "docs" / "reference" / "cli.md"
HEAD = """# Commands

Generated from the commands' help by `python tools/make_cli_page.py`.

What the exit codes mean everywhere is told in [exit codes](exit-codes.md), what `--json` writes in
[JSON answers](../formats/json.md).

"""
WIDTH = 100


def get_help(command: click.Command, name: str) -> str:
    settings = {**cli.context_settings, "terminal_width": WIDTH, "max_content_width": WIDTH}
    parent = click.Context(cli, info_name="reprofp", **settings)
    context = parent if command is cli else click.Context(command, info_name=name, parent=parent, **settings)
    text = command.get_help(context)
    return "\n".join(line.rstrip() for line in text.splitlines())


def make_actions(group: click.Group, name: str) -> list[str]:
    context = click.Context(group)
    actions = {f"{name} {action}": group.get_command(context, action) for action in group.list_commands(context)}
    return [
        f"### reprofp {words}\n\n```text\n{get_help(action, words)}\n```\n"
        for words, action in actions.items()
        if action is not None
    ]


def make_page() -> str:
    commands = {name: cli.get_command(click.Context(cli), name) for name in COMMANDS}
    index = "".join(f"- [`reprofp {name}`](#reprofp-{name})\n" for name in commands)
    sections = [f"## reprofp\n\n```text\n{get_help(cli, 'reprofp')}\n```\n"]
    for name, command in commands.items():
        if command is None:
            continue
        sections.append(f"## reprofp {name}\n\n```text\n{get_help(command, name)}\n```\n")
        if isinstance(command, click.Group):
            sections += make_actions(command, name)
    return HEAD + index + "\n" + "\n".join(sections)


if __name__ == "__main__":
    PAGE.write_text(make_page())
