"""A verdict as one page of HTML that can be mailed: nothing is loaded from elsewhere, and nothing runs.

In: a verdict and its records. Out: a document with its style inside, light or dark as the reader's system is. Guaranteed:
every text that came from records is escaped, and control and format characters are written as escapes; a policy in the
page forbids scripts and anything from outside, should one ever get through.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from html import escape
from typing import TYPE_CHECKING

from reprofp.model.ids import format_id
from reprofp.model.records import Record, Run
from reprofp.render.contents import draw_contents
from reprofp.render.grouping import Row, gather_rows
from reprofp.render.layout import plain
from reprofp.render.text import say_metric
from reprofp.render.values import clean, format_time
from reprofp.render.wording import ANSWERS, format_interval, headline, plural, tone

if TYPE_CHECKING:
    from reprofp.model.contents import ContentDifference
    from reprofp.verdict import MetricComparison, Reason, Verdict

__all__ = ["escape_text", "make_page", "verdict_html"]

_STYLE = """
:root { color-scheme: light dark; --line: #d5d9df; --dim: #5b6472; --back: #ffffff; --text: #1b1f24; --soft: #f4f6f8;
  --good: #12703a; --bad: #b3261e; --doubt: #8a5300; }
@media (prefers-color-scheme: dark) { :root { --line: #3a414b; --dim: #9aa4b2; --back: #14171b; --text: #e4e7eb;
  --soft: #1d2127; --good: #5fce8c; --bad: #ff8a80; --doubt: #f2b25c; } }
* { box-sizing: border-box; }
body { margin: 0 auto; max-width: 72rem; padding: 2rem 1.25rem 3rem; background: var(--back); color: var(--text);
  font: 15px/1.5 system-ui, -apple-system, "Segoe UI", Roboto, sans-serif; }
h1 { font-size: 1.35rem; line-height: 1.35; margin: 0 0 1.25rem; padding-left: .8rem; border-left: .35rem solid var(--dim); }
h1.good { border-color: var(--good); } h1.bad { border-color: var(--bad); } h1.doubt { border-color: var(--doubt); }
h1 b { text-transform: uppercase; letter-spacing: .03em; } .good b { color: var(--good); } .bad b { color: var(--bad); }
.doubt b { color: var(--doubt); }
h2 { font-size: 1rem; margin: 2rem 0 .5rem; } h2 small { color: var(--dim); font-weight: normal; }
table { border-collapse: collapse; width: 100%; } th { text-align: left; font-weight: 600; color: var(--dim); }
th, td { padding: .4rem .7rem .4rem 0; border-bottom: 1px solid var(--line); vertical-align: top; overflow-wrap: anywhere; }
code, td.fact, pre { font-family: ui-monospace, "Cascadia Mono", Menlo, Consolas, monospace; font-size: .88em; }
.fact { width: 30%; } .change { width: 22%; } .fix { display: block; margin-top: .2rem; }
.fix code { background: var(--soft); padding: .1rem .35rem; border-radius: .25rem; }
dl { display: grid; grid-template-columns: max-content 1fr; gap: .2rem 1.2rem; margin: 0; } dt { color: var(--dim); }
dd { margin: 0; overflow-wrap: anywhere; } details { margin-top: 1rem; } summary { cursor: pointer; color: var(--dim); }
table.pairs { width: auto; } .pairs td, .pairs th { padding: .3rem 1.1rem .3rem 0; }
td.good { color: var(--good); } td.doubt { color: var(--doubt); } td.dim { color: var(--dim); }
pre { white-space: pre-wrap; background: var(--soft); padding: .7rem; border-radius: .4rem; }
footer { margin-top: 2rem; color: var(--dim); font-size: .85rem; } ul { padding-left: 1.2rem; margin: .3rem 0; }
@media (max-width: 40rem) { table:not(.pairs) td, table:not(.pairs) th { display: block; width: auto; border: 0; padding: .1rem 0; } table:not(.pairs) thead { display: none; }
  table:not(.pairs) tr { display: block; border-bottom: 1px solid var(--line); padding: .5rem 0; } }
"""
_POLICY = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'"


def verdict_html(
    verdict: Verdict,
    sides: Sequence[tuple[str, Record]],
    answer: int | None = None,
    contents: Sequence[ContentDifference] = (),
) -> str:
    """Return a page on the verdict about two named records; ``answer`` is that to a requirement."""
    said = headline(verdict)
    body = [
        _draw_facts(verdict, sides),
        *([] if verdict.same_record else _draw_body(verdict, contents)),
        f"<footer>{escape_text(_count(verdict))}</footer>",
    ]
    return make_page(said, tone(verdict, answer), answer, body)


def make_page(said: str, role: str, answer: int | None, body: Iterable[str]) -> str:
    """Return a whole page that says one thing at its head; ``body`` is HTML."""
    word = "" if answer is None else f"<b>{ANSWERS[answer]}</b>: "
    parts = [
        "<!doctype html>",
        '<html lang="en"><head><meta charset="utf-8">',
        f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">',
        '<meta name="viewport" content="width=device-width, initial-scale=1"><meta name="referrer" content="no-referrer">',
        f"<title>{escape_text(said[:120])}</title><style>{_STYLE}</style></head><body>",
        f'<h1 class="{role}">{word}{escape_text(said)}</h1>',
        *body,
        "</body></html>",
    ]
    return "\n".join(parts) + "\n"


def escape_text(text: str) -> str:
    """Escape a text: first what would be hidden, then what HTML would read."""
    return escape(clean(text), quote=True)


def _count(verdict: Verdict) -> str:
    counts = f"{verdict.equal} equal, {verdict.irrelevant} not relevant, {verdict.unknown} unknown"
    return f"{counts}; rules {verdict.rules_version}" if verdict.rules_version else counts


def _draw_facts(verdict: Verdict, sides: Sequence[tuple[str, Record]]) -> str:
    rows = [(side, _name(name, record)) for side, (name, record) in zip("ab", sides, strict=True)]
    if not verdict.same_record:
        rows.append(("conditions", escape_text(format_interval(verdict.conditions))))
        if not any(reason.level is None for reason in verdict.experiment.differs):
            rows.append(("overall", escape_text(format_interval(verdict.overall))))
    return "<dl>" + "".join(f"<dt>{term}</dt><dd>{told}</dd>" for term, told in rows) + "</dl>"


def _name(name: str, record: Record) -> str:
    kind = "run" if isinstance(record, Run) else "snapshot"
    full = format_id("rn1" if isinstance(record, Run) else "sn1", record.raw_id)
    return (
        f"{escape_text(name)} ({kind}, {escape_text(format_time(record.time_ns))}) <br><code>{escape_text(full)}</code>"
    )


def _draw_body(verdict: Verdict, contents: Sequence[ContentDifference]) -> Iterator[str]:
    experiment = verdict.experiment
    told = {id(reason) for reason in (*experiment.differs, *experiment.unknown, *experiment.varied)}
    rest = [reason for reason in verdict.reasons if id(reason) not in told]
    groups: list[tuple[str, Sequence[Reason]]] = [
        ("The experiment differs", experiment.differs),
        ("Varied on purpose", experiment.varied),
        ("In the way", [reason for reason in rest if reason.lowers == "both"]),
        (
            "Possibly in the way",
            [reason for reason in rest if reason.lowers == "promised" and reason.kind != "unknown"],
        ),
    ]
    for title, reasons in groups:
        if reasons:
            yield _draw_table(title, reasons)
    if contents:
        yield f"<h2>What differs in the content</h2><pre>{_text_lines(plain(draw_contents(contents)))}</pre>"
    if verdict.metrics:
        yield _draw_metrics(verdict.metrics)
    if verdict.notes:
        yield "<h2>Notes</h2><ul>" + "".join(f"<li>{escape_text(note)}</li>" for note in verdict.notes) + "</ul>"
    yield from _draw_details(verdict)


def _text_lines(text: str) -> str:
    return "\n".join(map(escape_text, text.splitlines()))


def _draw_details(verdict: Verdict) -> Iterator[str]:
    """Draw what few readers need, folded."""
    later = ("Settles only when the run has begun or ended", verdict.settles_later)
    for title, reasons in (
        ("Not known, and would decide it", verdict.missing),
        later,
        ("Not relevant to these results", verdict.not_relevant),
    ):
        if reasons:
            table = _draw_table("", reasons)
            yield f"<details><summary>{title}: {plural(len(reasons), 'fact')}</summary>{table}</details>"


def _draw_table(title: str, reasons: Iterable[Reason]) -> str:
    rows = gather_rows(reasons, everything=True)
    count = sum(row.count for row in rows)
    head = f"<h2>{title} <small>{plural(count, 'fact')}</small></h2>" if title else ""
    body = "".join(map(_draw_row, rows))
    columns = '<tr><th class="fact">fact</th><th class="change">a → b</th><th>why, and what removes it</th></tr>'
    return f"{head}<table><thead>{columns}</thead><tbody>{body}</tbody></table>"


def _draw_row(row: Row) -> str:
    fix = f'<span class="fix">fix: <code>{escape_text(row.fix)}</code></span>' if row.fix else ""
    change = escape_text(row.change)
    return f'<tr><td class="fact">{escape_text(row.fact)}</td><td class="change">{change}</td><td>{escape_text(row.why)}{fix}</td></tr>'


def _draw_metrics(metrics: Iterable[MetricComparison]) -> str:
    rows = "".join(
        "<tr>" + "".join(f"<td>{escape_text(cell)}</td>" for cell in say_metric(metric)) + "</tr>" for metric in metrics
    )
    columns = "<tr><th>metric</th><th>a → b</th><th>deviation</th><th>says</th><th>over</th></tr>"
    return f"<h2>Metrics</h2><table><thead>{columns}</thead><tbody>{rows}</tbody></table>"
