"""Runs `campaign` as a module."""

from admanager.cli import main

main()
