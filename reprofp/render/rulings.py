"""What a policy did to a verdict, in words: what was ignored, what was pinned, and what the verdict is without it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from reprofp.model.observations import Observed
from reprofp.model.paths import format_path
from reprofp.render.values import clean, format_observation
from reprofp.render.wording import format_interval, plural

if TYPE_CHECKING:
    from reprofp.policies.policy import Pinned, Ruling
    from reprofp.verdict import Reason

__all__ = ["say_pins", "say_ruling"]

_NAMED = 5


def say_ruling(ruling: Ruling) -> Iterator[str]:
    """Yield a line for each thing that the policy did."""
    file = clean(ruling.policy.file.name)
    without = f"without it: overall {format_interval(ruling.without.overall)}"
    if ruling.ignored:
        yield f"{plural(len(ruling.ignored), 'fact')} ignored by {file} ({_list(ruling.ignored)}); {without}"
    if ruling.varied:
        yield f"{plural(len(ruling.varied), 'fact')} may vary by {file} ({_list(ruling.varied)}); {without}"
    held = [pin for pin in ruling.pinned if pin.holds]
    if held:
        yield f"{plural(len(held), 'fact')} pinned by {file} {'has' if len(held) == 1 else 'have'} the value"
    for pin in ruling.pinned:
        if not pin.holds:
            yield f"pinned by {file}: {_say_pin(pin)}"


def say_pins(ruling: Ruling) -> str:
    """Say in a few words which pins do not hold; nothing where all do."""
    file = clean(ruling.policy.file.name)
    broken = [pin for pin in ruling.pinned if pin.holds is False] or [pin for pin in ruling.pinned if pin.holds is None]
    if not broken:
        return ""
    more = f" and {len(broken) - 1} more" if len(broken) > 1 else ""
    named = f"{clean(format_path(broken[0].path))}{more}"
    verb = "are" if more else "is"
    if broken[0].holds is None:
        return f"{named}, which {file} pins, {verb} not known"
    return f"{named} {verb} not what {file} pins"


def _say_pin(pin: Pinned) -> str:
    wanted = format_observation(Observed(pin.value))
    have = f"a has {format_observation(pin.a)}, b has {format_observation(pin.b)}"
    return f"{clean(format_path(pin.path))} must be {wanted}: {have}"


def _list(reasons: Sequence[Reason]) -> str:
    paths = list(dict.fromkeys(clean(format_path(reason.path)) for reason in reasons))
    more = f" and {len(paths) - _NAMED} more" if len(paths) > _NAMED else ""
    return ", ".join(paths[:_NAMED]) + more
