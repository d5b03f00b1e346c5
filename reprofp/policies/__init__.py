"""Policies: files that say what a repository requires of its runs, and what it lets differ."""

from __future__ import annotations

from typing import TYPE_CHECKING

from reprofp.late_names import find_late

if TYPE_CHECKING:
    from reprofp.policies.places import find_branch, find_policy_file
    from reprofp.policies.policy import Pinned, Policy, Ruling
    from reprofp.policies.reading import read_policy
    from reprofp.policies.ruling import rule_on

__all__ = ["Pinned", "Policy", "Ruling", "find_branch", "find_policy_file", "read_policy", "rule_on"]

_HOMES = {
    "Pinned": "policy",
    "Policy": "policy",
    "Ruling": "policy",
    "find_branch": "places",
    "find_policy_file": "places",
    "read_policy": "reading",
    "rule_on": "ruling",
}

__getattr__ = find_late(__name__, _HOMES)
