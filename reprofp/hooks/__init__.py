"""The run wrapper, the in-process start-up hook, and pre-run checks."""
