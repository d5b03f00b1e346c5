"""Verdicts and records as text, JSON and Markdown: pure functions of what they are given."""
