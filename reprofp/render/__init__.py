"""Verdicts and records as text, JSON, Markdown and HTML."""
