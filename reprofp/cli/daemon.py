"""``reprofp daemon``: one process that writes the ledger for all programs of this host."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from reprofp.cli.command import ANSWER_EXITS, Command
from reprofp.cli.options import json_option, ledger_option

_EXAMPLES = (
    ("serve in the foreground, until Ctrl-C", "reprofp daemon"),
    ("end when nobody was connected for ten minutes", "reprofp daemon --idle-exit 600"),
    ("is it there, and how is it?", "reprofp daemon status"),
)
_EXITS = {
    0: "it ended as it was told to",
    1: "the disk failed: nothing was acknowledged that is not stored",
    3: "usage error, or a socket that cannot be listened on",
    70: "a defect of reprofp",
}
_socket_option = click.option(
    "--socket", type=click.Path(path_type=Path), metavar="PATH", help="The socket, if not the user's own."
)


class _Daemon(Command, click.Group):
    """A command that serves, unless an action is named."""

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        Command.format_epilog(self, ctx, formatter)


@click.group(
    cls=_Daemon,
    invoke_without_command=True,
    short_help="Serve the ledger to the programs of this host.",
    examples=_EXAMPLES,
    exits=_EXITS,
)
@_socket_option
@ledger_option
@click.option(
    "--idle-exit", type=click.FloatRange(min=0), default=0.0, metavar="SECONDS", help="End when idle for so long."
)
@click.option("--shared", is_flag=True, help="Let other local users read summaries, and put records of their own.")
@click.pass_context
def command(ctx: click.Context, socket: Path | None, ledger: Path | None, idle_exit: float, shared: bool) -> None:
    """Serve the ledger to the programs of this host, in the foreground.

    Programs that record at the same time share one write to the disk. `reprofp snapshot`, `reprofp run` and
    `reprofp.connect()` use the daemon where it is there, and do without it where it is not. It listens on
    REPROFP_SOCKET, else reprofp/socket in XDG_RUNTIME_DIR; systemd may hand the socket over.
    """
    if ctx.invoked_subcommand is not None:
        ctx.obj = socket
        return
    from reprofp.daemon.starting import Options, serve

    ctx.exit(serve(Options(socket, ledger, shared, idle_exit)))


_STATUS_EXAMPLES = (("how is the daemon?", "reprofp daemon status"), ("for a program", "reprofp daemon status --json"))


@command.command(
    "status",
    cls=Command,
    short_help="Ask the daemon how it is.",
    examples=_STATUS_EXAMPLES,
    exits={**ANSWER_EXITS, 0: "it answers", 1: "it does not"},
)
@_socket_option
@click.option("--metrics", is_flag=True, help="Print its counters in Prometheus' form instead.")
@json_option
@click.pass_context
def status(ctx: click.Context, socket: Path | None, metrics: bool, as_json: bool) -> None:
    """Ask the daemon how it is."""
    from reprofp.cli.output import print_json, print_text, remark
    from reprofp.client import Client
    from reprofp.errors import DaemonError

    named = socket or ctx.obj
    with Client(None if named is None else str(named)) as client:
        try:
            answer: dict[str, Any] = client.metrics() if metrics else client.health()
        except DaemonError as error:
            if error.code not in ("gone", "late"):
                raise
            remark(str(error))
            ctx.exit(1)
    if metrics:
        print_text(answer["text"])
    elif as_json:
        print_json({"schema": "reprofp/daemon-status/1", **answer})
    else:
        for name, value in answer.items():
            print_text(f"{name:<10}{value}\n")
