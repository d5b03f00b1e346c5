"""The rules of a verdict, and the verdict."""
