"""Applies campaign commands to the store and keeps the slot budgets."""
